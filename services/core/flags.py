"""Feature flags: an SSM parameter each, `off`, `internal`, `on` or `N%`, the same answer in every process."""

import re
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from hashlib import sha256

from services.core.live import LiveParameters
from services.core.parameters import FLAGS, flag_parameter

INTERNAL = "internal"
"""The flag value, and the Cognito group of those whom it includes."""
_BUCKETS = 10_000


def bucket(flag: str, user_id: str) -> int:
    """0 to 9999, spread evenly; a member keeps their bucket, so 10 % is inside 50 %."""
    return int.from_bytes(sha256(f"{flag}:{user_id}".encode()).digest()[:8], "big") % _BUCKETS


def is_valid(value: str) -> bool:
    """True if a parameter's value is valid."""
    return value in ("off", INTERNAL, "on") or _percent(value) is not None


def includes(value: str, flag: str, user_id: str, groups: AbstractSet[str]) -> bool:
    """True if a flag of this valid value is on for the member."""
    if value == INTERNAL:
        return INTERNAL in groups
    percent = _percent(value)
    # A rollout starts with those who tried it first: they keep it through every percentage.
    return value == "on" or (percent is not None and (INTERNAL in groups or bucket(flag, user_id) < percent * 100))


def _percent(value: str) -> int | None:
    match = re.fullmatch(r"([0-9]{1,3})%", value)
    return int(match[1]) if match and int(match[1]) <= 100 else None


class Flags:
    """The flags of a stage. A value that is invalid keeps the last good one and is reported."""

    def __init__(self, live: LiveParameters, on_invalid: Callable[[str], None]) -> None:
        self._live, self._on_invalid = live, on_invalid
        self._good = dict.fromkeys(FLAGS, "off")

    def value(self, flag: str) -> str:
        """The flag's value in force. Raises ParameterUnavailableError, and KeyError for a flag that is not declared."""
        value = self._live.get(flag_parameter(flag))
        if value is not None and is_valid(value):
            self._good[flag] = value
        elif value is not None:
            self._on_invalid(flag)
        return self._good[flag]

    def enabled(self, flag: str, user_id: str, groups: AbstractSet[str]) -> bool:
        """True if the flag includes this member. Raises ParameterUnavailableError."""
        return includes(self.value(flag), flag, user_id, groups)

    def features(self, user_id: str, groups: AbstractSet[str]) -> frozenset[str]:
        """The flags that include this member. Raises ParameterUnavailableError."""
        return frozenset(flag for flag in FLAGS if self.enabled(flag, user_id, groups))
