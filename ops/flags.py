"""Feature flags: `off`, `internal`, `on` or `N%` in the SSM parameter of each (see `services.core.flags`)."""

from typing import Annotated

import typer

from ops.console import Change, Json, Terminal, carry_out, command
from ops.context import OperatorError, Stage
from services.core.flags import is_valid
from services.core.parameters import FLAGS, flag_parameter

app = typer.Typer(no_args_is_help=True, help="Who sees what: off, internal, N% or on.")


def values(stage: Stage) -> dict[str, str]:
    """The flags' values."""
    return {flag: stage.live(flag_parameter(flag)) for flag in FLAGS}


def known(flag: str) -> str:
    """The flag. Raises OperatorError where it is not declared."""
    if flag not in FLAGS:
        raise OperatorError(f"There is no flag {flag!r}; choose one of {', '.join(FLAGS)}.")
    return flag


def set_value(stage: Stage, flag: str, value: str) -> Json:
    """Writes a flag; every Lambda reads it within seconds."""
    stage.put_parameter(flag_parameter(known(flag)).key, value)
    return {"flag": flag, "value": value}


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
    flag: Annotated[str, typer.Argument(help="rewards or disputes.")],
    value: Annotated[str, typer.Argument(help="off, internal, on or a percentage such as 10%.")],
) -> None:
    """Set a flag at once; `rollout start` does it step by step."""
    if not is_valid(value):
        raise OperatorError(f"{value!r} means nothing; say off, internal, on or a percentage such as 10%.")
    before = stage.live(flag_parameter(known(flag)))
    plan = [f"{flag}: {before} -> {value}"] if before != value else []
    change = Change("flags set", flag, plan, lambda: set_value(stage, flag, value))
    if outcome := carry_out(stage, terminal, change):
        terminal.result({**outcome, "before": before}, f"{flag} is {value} everywhere within 30 s.")
