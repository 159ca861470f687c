"""The difference between a stage and the program, looked at and not changed."""

from typing import Any

import typer

from ops.shared.embedded import arguments
from ops.shared.releases import Releases
from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Terminal

REMEDY = "`civicforge deploy --refresh --stage {}` makes the stage what the program says."


def drift(stage: Stage, terminal: Terminal) -> None:
    """Look at every resource of the stage and list what is missing or not as the program says; changes nothing.

    Fails where something differs.
    """
    if not stage.endpoint:
        from infra.preview import live_release, pulumi_preview  # only this needs it

        options = ("--refresh", "--expect-no-changes", "--diff")
        done = pulumi_preview(stage.name, live_release(stage.name), *options, capture=terminal.as_json)
        found = [] if done.returncode == 0 else [{"operation": "differs", "output": done.stdout}]
    else:
        found = _on_emulator(stage)
    rows = [(one["operation"], one.get("type", ""), one.get("name", ""), one.get("what", "")) for one in found]
    empty = "Every resource was looked at and is as the program says."
    terminal.table({"stage": stage.name, "differs": found}, ("would", "type", "resource", "what"), rows, empty=empty)
    if found:
        terminal.say(REMEDY.format(stage.name))
        raise typer.Exit(1)


def _on_emulator(stage: Stage) -> list[dict[str, Any]]:
    from localcloud.engine import deployment  # pulumi and its provider are large, and only this needs them

    current = _current(stage)
    config = {"civicforge:release": current} if current else {}
    try:
        report = deployment.preview(stage.name, verify=True, **arguments(stage, config))
    except deployment.EngineError as error:
        raise OperatorError(f"The program cannot be run: {error}") from error
    if report.errors:
        raise OperatorError("; ".join(report.errors))
    return [
        {
            "operation": step.operation,
            "type": step.type.rpartition(":")[2],
            "name": step.name,
            "what": ", ".join(".".join(map(str, path)) for path in step.difference.paths),
        }
        for step in report.steps
        if step.operation not in ("same", "read", "discard") and (step.old is None or step.old.custom)
    ]


def _current(stage: Stage) -> str | None:
    try:
        return Releases(stage).current()
    except stage.s3.exceptions.NoSuchBucket:
        return None
