"""Bring a stage's stack back to order after a deployment that was killed."""

import json
from datetime import UTC, datetime

from infra.paths import REPOSITORY
from localcloud.provider.base import Cloud
from localcloud.provider.provider import Provider
from localcloud.pulumi_engine.local_stack import stacks
from localcloud.pulumi_engine.recovery import look_up, set_right
from ops.shared.hold import TakeOver, held
from ops.shared.pulumi_cli import PulumiCli
from ops.shared.stage import Stage
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out


def provider_of(stage: Stage) -> Provider:
    """The provider by which things are looked up; it only reads."""
    return Provider(Cloud(stage.endpoint or "", stage.region, stage.session), {})


def recover(stage: Stage, terminal: Terminal, take_over: TakeOver = "") -> None:
    """Take away a killed deployment's lock, adopt what it had made, drop what it had only begun; then deploy again."""
    if stage.emulator:
        of_pulumi = any(stack.stage == stage.name for stack in stacks(stage.emulator.stacks))
        command = "make up ENGINE=pulumi" if of_pulumi else "make up"
        message = f"On this machine a stage sets itself right after a run that was killed: run `{command}`."
        terminal.result({"recovered": False, "findings": []}, message)
        return
    cli, provider = PulumiCli.of(stage), provider_of(stage)
    state = cli.export()
    findings = look_up(state, provider)
    backup = REPOSITORY / ".local" / "recover" / f"{stage.name}-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.json"

    def apply() -> Json:
        with held(stage, "recover", take_over):
            return recovered()

    def recovered() -> Json:
        backup.parent.mkdir(parents=True, exist_ok=True)
        backup.write_text(json.dumps(state), encoding="utf-8")
        backup.chmod(0o600)
        cli.run("cancel", "--yes")
        # Again: since the plan was shown, somebody may have gone on.
        current = cli.export()
        found = look_up(current, provider)
        if found:
            cli.run("stack", "import", text=json.dumps(set_right(current, found, provider)))
        cli.run("refresh", "--yes", "--skip-preview")
        return {"recovered": True, "findings": [finding.sentence for finding in found], "backup": str(backup)}

    plan = [
        f"keep the stack's state in {backup.relative_to(REPOSITORY)}",
        f"take away the lock of {stage.name}: nobody may be deploying it now",
        *(finding.sentence for finding in findings),
        "refresh: compare the whole state with AWS",
    ]
    outcome = carry_out(stage, terminal, PlannedChange("recover", stage.name, plan, apply))
    if outcome is not None:
        terminal.result(outcome, *outcome["findings"], f"Now `civicforge deploy --stage {stage.name}`.")
