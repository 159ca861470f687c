"""Waiting for what AWS has accepted and does not have ready yet."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from botocore.exceptions import ClientError

from ops.shared.stage import OperatorError

T = TypeVar("T")

MOST_SECONDS: Final = 3600.0
_LONGEST_PAUSE: Final = 15.0

NOT_READY: Final = frozenset(
    {
        "ContinuousBackupsUnavailableException",  # for minutes after a table is ACTIVE
        "InternalServerError",
        "LimitExceededException",  # too many tables under way
        "RequestLimitExceeded",
        "ResourceInUseException",  # another change of it is under way
        "ResourceNotFoundException",  # not known everywhere yet
        "ThrottlingException",
    }
)
"""Error codes that pass by themselves, of something that was made or changed a moment ago."""


def until_ready(call: Callable[[], T], what: str, *, wait_on: frozenset[str] = NOT_READY) -> T:
    """Call until AWS is ready for it.

    Args:
        call: one request; it may be sent several times.
        what: what is waited for, for the message.
        wait_on: the error codes that are waited out; any other is raised.

    Raises:
        OperatorError: it was not ready after an hour.
        ClientError: another refusal.
    """
    deadline, pause = time.monotonic() + MOST_SECONDS, 0.2
    while True:
        try:
            return call()
        except ClientError as error:
            if error.response["Error"]["Code"] not in wait_on:
                raise
            if time.monotonic() > deadline:
                raise OperatorError(f"{what} is not ready after an hour: {error}") from error
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)


def until(there: Callable[[], bool], what: str, remedy: str) -> None:
    """Wait until something is so. Raises OperatorError with the remedy after an hour."""
    deadline, pause = time.monotonic() + MOST_SECONDS, 0.2
    while not until_ready(there, what):
        if time.monotonic() > deadline:
            raise OperatorError(f"{what} is not ready after an hour; {remedy}")
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
