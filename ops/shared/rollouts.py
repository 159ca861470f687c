"""Rollouts of feature flags as they are kept."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from pydantic import ValidationError

from ops.shared.stage import OperatorError, Stage
from services.core.domain.values import Model, Timestamp
from services.core.names import parameter_name
from services.core.parameters import FLAGS, rollout_parameter

STEPS: Final = ("internal", "10%", "50%", "100%")


class State(StrEnum):
    """States of a rollout."""

    RUNNING = "running"
    DONE = "done"
    FELL_BACK = "fell back"
    ABORTED = "aborted"


class Rollout(Model):
    """A rollout as SSM keeps it. `soak_minutes` and `at_least` hold for each step."""

    flag: str
    state: State = State.RUNNING
    step: int = 0
    before: str
    step_at: Timestamp
    started_at: Timestamp
    soak_minutes: float
    at_least: int
    watch: list[str] = []
    why: str = ""

    @property
    def value(self) -> str:
        """The flag's value at this step."""
        return STEPS[self.step]

    @property
    def last_good(self) -> str:
        """The value that soaked before this step."""
        return STEPS[self.step - 1] if self.step else self.before

    @property
    def soaked_at(self) -> datetime:
        """The end of the step's soak time."""
        return self.step_at + timedelta(minutes=self.soak_minutes)


def load(stage: Stage, flag: str) -> Rollout | None:
    """The flag's last rollout. Raises OperatorError if what is kept of it is invalid."""
    text = stage.find_parameter(rollout_parameter(flag).key)
    try:
        return Rollout.model_validate_json(text) if text else None
    except ValidationError:
        name = parameter_name(stage.name, rollout_parameter(flag).key)
        raise OperatorError(f"{name} is invalid; `civicforge flags set {flag}` ends the rollout.") from None


def save(stage: Stage, rollout: Rollout) -> None:
    """Remember it."""
    stage.put_parameter(rollout_parameter(rollout.flag).key, rollout.model_dump_json(by_alias=True))


def running(stage: Stage) -> list[Rollout]:
    """The rollouts that are under way. Raises OperatorError as `load` does."""
    found = [load(stage, flag) for flag in FLAGS]
    return [rollout for rollout in found if rollout and rollout.state is State.RUNNING]
