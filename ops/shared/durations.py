"""Lengths of time as operators write them."""

import re
from datetime import timedelta
from typing import Final

from ops.shared.stage import OperatorError

_LENGTH: Final = re.compile(r"([1-9][0-9]{0,5})([mhd])")
_LONGEST: Final = timedelta(days=3650)
_UNITS: Final = {"m": "minutes", "h": "hours", "d": "days"}


def duration(text: str) -> timedelta:
    """Read `15m`, `2h` or `7d`. Raises OperatorError."""
    match = _LENGTH.fullmatch(text)
    if not match or (length := timedelta(**{_UNITS[match[2]]: int(match[1])})) > _LONGEST:
        raise OperatorError(f"{text!r} is no length of time up to ten years; say 15m, 2h or 7d.")
    return length
