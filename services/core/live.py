"""The parameters that operators change while the platform runs: read from SSM by name, and kept for a few seconds."""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING

from services.core.aws_json import is_unanswered, refusal, retried, within
from services.core.names import parameter_name
from services.core.parameters import API_KEY, BREAKER, Parameter

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


class ParameterUnavailableError(Exception):
    """SSM has not answered yet, so that nothing is known of a parameter: neither that it is off nor that it is on."""


_KNOWN_SECONDS, _UNKNOWN_SECONDS = 0.3, 1.2
"""Timeout of a read of SSM: cached values stay in use, or there are none."""
_RETRY_SECONDS = 2.0
"""From a read that failed to the next one, while the last values stay in force."""


class LiveParameters:
    """A cache in front of SSM, of which one call brings everything; values are at most `ttl` seconds old.

    When SSM does not answer, the last values stay in force, and `on_failure` is told why. Until it has answered once,
    every call asks it again.
    """

    def __init__(
        self,
        client: "SSMClient",
        stage: str,
        parameters: tuple[Parameter, ...],
        ttl: float,
        on_failure: Callable[[str], None],
        clock: Callable[[], float] = lambda: time.monotonic(),
    ) -> None:
        self._client, self._ttl, self._on_failure, self._clock = client, ttl, on_failure, clock
        self._names = {parameter_name(stage, parameter.key): parameter.key for parameter in parameters}
        self._values: dict[str, str] = {}
        self._answered = False
        self._next_read = float("-inf")

    def get(self, parameter: Parameter) -> str | None:
        """The value, or None if SSM has no such parameter. Raises ParameterUnavailableError."""
        if self._clock() >= self._next_read:
            self._read()
        if not self._answered:
            raise ParameterUnavailableError(parameter.key)
        return self._values.get(parameter.key)

    def _read(self) -> None:
        asked_at = self._clock()
        try:
            with within(_KNOWN_SECONDS if self._answered else _UNKNOWN_SECONDS):
                answer = retried(self._client.get_parameters, Names=list(self._names), WithDecryption=True)
        except Exception as error:
            if refusal(error) is None and not is_unanswered(error):
                raise
            self._on_failure(str(error))
            if self._answered:
                self._next_read = self._clock() + min(self._ttl, _RETRY_SECONDS)
            return
        self._answered, self._next_read = True, asked_at + self._ttl
        if missing := answer.get("InvalidParameters"):
            self._on_failure(f"there is no {', '.join(missing)}")
        self._values |= {self._names[found["Name"]]: found["Value"] for found in answer["Parameters"]}


class Breaker(StrEnum):
    """The circuit breaker: `read-only` refuses writes, `down` refuses everything but health."""

    CLOSED = "closed"
    READ_ONLY = "read-only"
    DOWN = "down"


def breaker(live: LiveParameters) -> Breaker:
    """The breaker's position. An invalid value counts as closed, which is how a stage starts.

    Raises ParameterUnavailableError.
    """
    try:
        return Breaker(live.get(BREAKER) or Breaker.CLOSED)
    except ValueError:
        return Breaker.CLOSED


def signing_keys(live: LiveParameters, now: datetime | None = None, key: Parameter = API_KEY) -> list[bytes]:
    """The keys that what is signed is checked with; the first one signs. By default those of page cursors.

    Raises ParameterUnavailableError, also if SSM has none.
    """
    value = live.get(key)
    if value is None:
        raise ParameterUnavailableError(key.key)
    return keys_in(value, now)


def keys_in(value: str, now: datetime | None = None) -> list[bytes]:
    """The keys in the value of a signing key's parameter, the current one first."""
    keys = json.loads(value)
    until = keys.get("previousUntil")
    honoured = until and (now or datetime.now(UTC)) < datetime.fromisoformat(until)
    return [text.encode() for text in (keys["current"], keys["previous"] if honoured else None) if text]
