"""Silences of alarms: each has an end, at which the canary lets the alarm tell again."""

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Self

from services.core.domain.values import timestamp


@dataclass(frozen=True)
class Silences:
    """The end of each silence by the alarm's name, as the parameter `alarm-silences` holds them."""

    until: dict[str, datetime]

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read the parameter's value. Raises ValueError for an invalid one."""
        found = json.loads(text or "{}")
        return cls({str(name): datetime.fromisoformat(until) for name, until in found.items()})

    def to_json(self) -> str:
        """The parameter's value."""
        return json.dumps({name: timestamp(until) for name, until in sorted(self.until.items())})

    def ended(self, now: datetime) -> tuple[list[str], Self]:
        """The alarms whose silence is over, and the silences that are left."""
        over = sorted(name for name, until in self.until.items() if until <= now)
        left = {name: until for name, until in self.until.items() if until > now}
        return over, type(self)(left)
