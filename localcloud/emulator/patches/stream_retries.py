# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Failure semantics of DynamoDB stream mappings; see `localcloud.emulator.streams`.

MiniStack 1.5.33 retries a failing batch for ever, whatever the mapping says.

Report: a mapping with `MaximumRetryAttempts=1` and an on-failure destination, a handler that raises: the batch comes
back without end, and the destination stays empty.
"""

from ministack.core.responses import request_scope  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.services import dynamodb, lambda_svc  # type: ignore[import-not-found]  # in the emulator's environment

from localcloud.emulator.streams import Poller


def install() -> None:
    """Replace MiniStack's poller."""
    lambda_svc._poll_dynamodb_streams = Poller(lambda_svc, dynamodb, request_scope)
