"""`recover`: once at a time, with a backup, and safe to run again wherever it was interrupted."""

import json
from pathlib import Path
from typing import Any

import pytest

from ops.commands import recover
from ops.shared.hold import held, holding
from ops.shared.pulumi_cli import PulumiCli
from ops.shared.stage import OperatorError
from tests.unit.localcloud.pulumi_engine.test_recovery import FakeProvider, resource, state
from tests.unit.ops.conftest import Cli, UnitStage


class Stack:
    """A stack in place of the CLI's; dies before or after the command whose number is `dies_at`."""

    def __init__(self) -> None:
        self.state = state(("creating", resource("q")), ("creating", resource("r")))
        self.locked = True
        self.commands: list[str] = []
        self.dies_at: float = 99

    def export(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(json.dumps(self.state))
        return found

    def run(self, *arguments: str, text: str | None = None) -> str:
        self.commands.append(arguments[-1] if arguments[0] == "stack" else arguments[0])
        if len(self.commands) == self.dies_at + 0.5:
            raise KeyboardInterrupt
        if arguments[0] == "cancel":
            self.locked = False
        elif self.locked:
            raise OperatorError("the stack is currently locked")
        if text:
            self.state = json.loads(text)
        if len(self.commands) == self.dies_at:
            raise KeyboardInterrupt
        return ""


@pytest.fixture
def stack(stage: UnitStage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stack:
    stage.s3.create_bucket(Bucket=stage.resource(f"releases-{stage.account}"))
    stack = Stack()
    monkeypatch.setattr(PulumiCli, "of", lambda _: stack)
    monkeypatch.setattr(recover, "provider_of", lambda _: FakeProvider(q=["url"]))
    monkeypatch.setattr(recover, "REPOSITORY", tmp_path)
    return stack


def test_what_was_begun_is_adopted_or_dropped_and_the_state_is_kept(stack: Stack, cli: Cli, tmp_path: Path) -> None:
    ran = cli("recover --yes --reason killed")
    assert ran.code == 0, ran.err
    assert "creating Queue q: url is there and belongs to the stack from now on" in ran.out
    assert "creating Queue r: nothing is there" in ran.out
    assert "Now `civicforge deploy --stage local`" in ran.out
    assert [one["id"] for one in stack.state["deployment"]["resources"]] == ["url"]
    (backup,) = (tmp_path / ".local" / "recover").iterdir()
    assert len(json.loads(backup.read_text())["deployment"]["pending_operations"]) == 2
    assert backup.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("dies_at", [0.5, 1, 1.5, 2, 2.5, 3])
def test_it_is_safe_to_run_again_wherever_it_was_interrupted(stack: Stack, cli: Cli, dies_at: float) -> None:
    stack.dies_at = dies_at
    assert cli("recover --yes --reason killed").code != 0
    stack.dies_at = 99
    assert cli("recover --yes --reason again").code == 0
    assert not stack.locked
    assert [one["id"] for one in stack.state["deployment"]["resources"]] == ["url"]
    assert "pending_operations" not in stack.state["deployment"]
    stack.commands.clear()
    assert cli("recover --yes --reason again").code == 0
    assert stack.commands == ["cancel", "refresh"], "nothing is left to import"


def test_nobody_recovers_under_a_deployment_unless_its_owner_is_named(stack: Stack, stage: UnitStage, cli: Cli) -> None:
    with held(stage, "deploy of commit abc"):
        refused = cli("recover --yes --reason killed")
        assert refused.code == 1
        assert "deploy of commit abc" in refused.err
        assert stack.commands == []
        assert stack.locked
        holder = holding(stage)
        assert holder
        assert cli(f"recover --take-over {holder.owner} --yes --reason killed").code == 0
    assert holding(stage) is None
