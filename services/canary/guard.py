"""The breaker that opens itself: to read-only while DynamoDB refuses for long, and closed again once it takes writes.

`decide` is pure. It opens when two witnesses agree: the metrics of all sandboxes over ten minutes, and a probe of its
own. It knows what it set by the version that SSM gave it; any other version is an operator's, and is left alone.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Self

from services.core.domain.values import Model, Timestamp
from services.core.live import Breaker

WINDOW: Final = timedelta(minutes=5)
WINDOWS: Final = 2
"""Whole windows, in each of which requests were refused, that make a refusal a sustained one."""
LEAST_REFUSALS: Final = 3
"""Requests of a window; a small town has few, and the canary's own are among them."""
GOOD_PROBES: Final = 2
"""Runs in a row whose probe passes before the breaker closes."""
HOLD: Final = timedelta(minutes=10)
"""Least time from an opening to its end; doubled for each earlier opening within `MEMORY`."""
LONGEST_HOLD: Final = timedelta(hours=1)
MEMORY: Final = timedelta(hours=6)
HANDS_OFF: Final = timedelta(hours=1)
"""Time for which nothing is opened after an operator has set the breaker."""

Action = Literal["open", "close"]


class Own(Model):
    """The effect of the canary on the breaker.

    `version` is SSM's version of the breaker's parameter that it set; None while the breaker is not open by itself.
    """

    version: int | None = None
    openings: list[Timestamp] = []
    good: int = 0
    hands_off_until: Timestamp | None = None

    @classmethod
    def parse(cls, text: str | None) -> Self:
        """Read the parameter's value; an invalid one counts as none."""
        try:
            return cls.model_validate_json(text) if text else cls()
        except ValueError:
            return cls()


@dataclass(frozen=True)
class Seen:
    """Facts of a run: the breaker's parameter, requests refused per window, and if the probe passed."""

    position: Breaker
    version: int
    refusals: tuple[float, ...]
    takes_writes: bool


def decide(own: Own, seen: Seen, now: datetime) -> tuple[Action | None, Own]:
    """The action of a run, and what is remembered of it; an action's version is filled in when it is known."""
    recent = [moment for moment in own.openings if now - moment < MEMORY]
    own = own.model_copy(update={"openings": recent})
    if own.version is not None and seen.version != own.version:  # an operator has taken over
        return None, own.model_copy(update={"version": None, "good": 0, "hands_off_until": now + HANDS_OFF})
    if own.version is not None:
        own = own.model_copy(update={"good": own.good + 1 if seen.takes_writes else 0})
        hold = min(HOLD * 2 ** (len(recent) - 1), LONGEST_HOLD) if recent else timedelta()
        held = not recent or now - recent[-1] >= hold
        if own.good >= GOOD_PROBES and held:
            return "close", own.model_copy(update={"version": None, "good": 0})
        return None, own
    if seen.position is not Breaker.CLOSED or (own.hands_off_until and now < own.hands_off_until):
        return None, own
    sustained = len(seen.refusals) >= WINDOWS and all(count >= LEAST_REFUSALS for count in seen.refusals)
    if sustained and not seen.takes_writes:
        return "open", own.model_copy(update={"openings": [*recent, now], "good": 0})
    return None, own
