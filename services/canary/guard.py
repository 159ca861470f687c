"""The automatic breaker: opens to read-only while DynamoDB refuses writes for minutes, and closes when it accepts them.

`decide` is pure. It opens if both sources agree: the metrics of all Lambdas over ten minutes, and a probe write of its
own. It recognises its own setting by the version that SSM gave it; any other version is an operator's and stays.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Self

from services.core.domain.values import Model, Timestamp
from services.core.live import Breaker

WINDOW: Final = timedelta(minutes=5)
WINDOWS: Final = 2
"""Consecutive windows with refused requests after which the refusal counts as sustained."""
LEAST_REFUSALS: Final = 3
"""Refused requests in a window; low, because a small community sends few, the canary's own included."""
GOOD_PROBES: Final = 2
"""Runs in a row whose probe passes before the breaker closes."""
OPEN_TIME: Final = timedelta(minutes=10)
"""Minimum time that the breaker stays open; doubled for each earlier opening within `MEMORY`."""
MAX_OPEN_TIME: Final = timedelta(hours=1)
MEMORY: Final = timedelta(hours=6)
OPERATOR_PAUSE: Final = timedelta(hours=1)
"""Time after an operator has set the breaker in which it does not open automatically."""

Action = Literal["open", "close"]


class GuardState(Model):
    """The state that the guard keeps between runs, in the parameter `breaker-self`.

    Attributes:
        version: SSM's version of the breaker's parameter that the guard set; None unless the guard opened it.
        openings: when the guard opened it, within `MEMORY`.
        good: consecutive runs whose probe passed.
        hands_off_until: end of the `OPERATOR_PAUSE`.
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
class Observation:
    """The inputs of a decision: the breaker's parameter, refused requests per window, and if the probe write passed."""

    position: Breaker
    version: int
    refusals: tuple[float, ...]
    takes_writes: bool


def decide(state: GuardState, seen: Observation, now: datetime) -> tuple[Action | None, GuardState]:
    """The action to take and the next state; the caller fills in `version` once the action is done."""
    recent = [moment for moment in state.openings if now - moment < MEMORY]
    state = state.model_copy(update={"openings": recent})
    if state.version is not None and seen.version != state.version:  # an operator has taken over
        return None, state.model_copy(update={"version": None, "good": 0, "hands_off_until": now + OPERATOR_PAUSE})
    if state.version is not None:
        state = state.model_copy(update={"good": state.good + 1 if seen.takes_writes else 0})
        open_time = min(OPEN_TIME * 2 ** (len(recent) - 1), MAX_OPEN_TIME) if recent else timedelta()
        long_enough = not recent or now - recent[-1] >= open_time
        if state.good >= GOOD_PROBES and long_enough:
            return "close", state.model_copy(update={"version": None, "good": 0})
        return None, state
    if seen.position is not Breaker.CLOSED or (state.hands_off_until and now < state.hands_off_until):
        return None, state
    sustained = len(seen.refusals) >= WINDOWS and all(count >= LEAST_REFUSALS for count in seen.refusals)
    if sustained and not seen.takes_writes:
        return "open", state.model_copy(update={"openings": [*recent, now], "good": 0})
    return None, state
