"""The smoke test of a stage."""

import typer

from ops.shared.smoke import run
from ops.shared.stage import Stage
from ops.shared.terminal import Terminal


def smoke(stage: Stage, terminal: Terminal) -> None:
    """Live through a quest with two synthetic members, from sign-in to the reward; changes nothing that stays."""
    terminal.say(f"smoke: {stage.where}")
    outcome = run(stage, terminal.say)
    verdict = "passed" if outcome["passed"] else f"FAILED at {outcome['failed']}"
    terminal.result(outcome, f"smoke {verdict} in {outcome['seconds']} s")
    if not outcome["passed"]:
        raise typer.Exit(1)
