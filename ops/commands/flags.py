"""Feature flags: `off`, `internal`, `on` or `N%` in the SSM parameter of each (see `services.core.flags`)."""

from typing import Annotated

import typer

from ops.shared.flags import known, set_value, values
from ops.shared.rollouts import State, load, save
from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out, command
from services.core.flags import is_valid
from services.core.parameters import FLAGS, flag_parameter, rollout_parameter

app = typer.Typer(no_args_is_help=True, help="Who sees what: off, internal, N% or on.")


def _end_rollout(stage: Stage, flag: str, value: str) -> None:
    """End the flag's rollout as one that an operator ended; an invalid record is deleted."""
    try:
        rollout = load(stage, flag)
    except OperatorError:
        stage.delete_parameter(rollout_parameter(flag).key)
        return
    if rollout is not None:
        why = f"somebody set the flag to {value}"
        save(stage, rollout.model_copy(update={"state": State.ABORTED, "why": why}))


def _has_running_rollout(stage: Stage, flag: str) -> bool:
    """True if a rollout would go on with the flag, or its record is invalid."""
    try:
        rollout = load(stage, flag)
    except OperatorError:
        return True
    return rollout is not None and rollout.state is State.RUNNING


@command(app, "list")
def list_(stage: Stage, terminal: Terminal) -> None:
    """Show every flag."""
    found = values(stage)
    rows = [(flag, value, "" if is_valid(value) else "means nothing") for flag, value in found.items()]
    terminal.table({"flags": found}, ("flag", "value", ""), rows, empty="There are no flags.")


@command(app, "set", changes=True)
def set_(
    stage: Stage,
    terminal: Terminal,
    flag: Annotated[str, typer.Argument(help=f"One of {', '.join(FLAGS)}.")],
    value: Annotated[str, typer.Argument(help="off, internal, on or a percentage such as 10%.")],
) -> None:
    """Set a flag at once; `rollout start` does it step by step."""
    if not is_valid(value):
        raise OperatorError(f"{value!r} means nothing; say off, internal, on or a percentage such as 10%.")
    before = stage.live(flag_parameter(known(flag)))
    plan = [f"{flag}: {before} -> {value}"] if before != value else []
    ends_rollout = _has_running_rollout(stage, flag)
    if ends_rollout:
        plan.append("its rollout ends here")

    def apply() -> Json:
        if ends_rollout:
            _end_rollout(stage, flag, value)
        return set_value(stage, flag, value)

    change = PlannedChange("flags set", flag, plan, apply)
    if outcome := carry_out(stage, terminal, change):
        terminal.result({**outcome, "before": before}, f"{flag} is {value} everywhere within 30 s.")
