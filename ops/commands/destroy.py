"""Destruction of a disposable stage."""

from typing import Any

from ops.shared.hold import held
from ops.shared.pulumi_cli import PulumiCli
from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out
from services.core.stages import STAGES


def destroy(stage: Stage, terminal: Terminal) -> None:
    """Delete a disposable stage with everything that is in it; its name has to be typed.

    Not even `--yes` answers for it, but on the local cloud.
    """
    if not STAGES[stage.name].disposable:
        raise OperatorError(
            f"{stage.name} holds what people made, and no command deletes that. "
            "Only stages that services/core/stages.py declares disposable can be destroyed."
        )
    tables = ", ".join(f"{table} ({count} items)" for table, count in _contents(stage).items()) or "none"
    plan = [f"delete every resource of {stage.where}", f"with its tables: {tables}", "with its members' accounts"]

    def apply() -> Json:
        # The hold itself is in a bucket of the stage: who deploys now keeps it from being deleted.
        with held(stage, f"destroy of {stage.name}"):
            pass
        return {"stage": stage.name, "deleted": _delete(stage, terminal)}

    change = PlannedChange("destroy", stage.name, plan, apply, typed=None if stage.endpoint else stage.name)
    outcome = carry_out(stage, terminal, change)
    if outcome is not None:
        terminal.result(
            outcome, f"{stage.name} is gone. `civicforge deploy --stage {stage.name}` makes it again, empty."
        )


def _contents(stage: Stage) -> dict[str, Any]:
    names = (name for page in stage.dynamodb.get_paginator("list_tables").paginate() for name in page["TableNames"])
    ours = [name for name in names if name.startswith(stage.resource(""))]
    return {name: stage.dynamodb.describe_table(TableName=name)["Table"].get("ItemCount", 0) for name in ours}


def _delete(stage: Stage, terminal: Terminal) -> str:
    running = stage.emulator.running() if stage.emulator else None
    if stage.emulator and running:
        from localcloud.engine import deployment  # pulumi and its provider are large, and only this needs them

        try:
            report = deployment.destroy(
                stage.name, endpoint=running.endpoint, state_dir=stage.emulator.stacks, region=stage.region
            )
        except deployment.EngineError as error:
            raise OperatorError(f"It could not be deleted: {error}") from error
        stage.emulator.stage_routes.remove(stage.name)
        return f"{len(report.deleted)} resources"
    PulumiCli.of(stage).destroy(terminal.say)
    return "every resource of the stack"
