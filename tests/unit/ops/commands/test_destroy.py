"""Stages that may be deleted, the addresses of one, and the screen that looks again."""

from typing import Any

import pytest

from ops.commands import destroy, status
from ops.commands.browse import What, address_of
from ops.shared.pulumi_cli import PulumiCli
from ops.shared.stage import OperatorError
from ops.shared.terminal import Terminal
from services.core.stages import STAGES
from tests.unit.ops.conftest import Cli, UnitStage


@pytest.mark.parametrize("name", [name for name, stage in STAGES.items() if not stage.disposable])
def test_what_people_made_is_not_destroyed(stage: UnitStage, name: str) -> None:
    other = UnitStage(name, stage.session)
    with pytest.raises(OperatorError, match="no command deletes that"):
        destroy.destroy(other, Terminal(yes=True, reason="a slip"))


def test_a_disposable_stage_goes_when_its_name_is_typed(
    stage: UnitStage, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[str] = []
    monkeypatch.setattr(PulumiCli, "destroy", lambda cli, _: gone.append(cli.stack))
    said = cli("destroy --dry-run").out
    assert "civicforge-local-quests" in said
    refused = cli("destroy --yes --reason over", answers="")
    assert (refused.code, "wants a person at a terminal" in refused.err) == (1, True)
    assert cli("destroy --yes --reason over", answers="prod\n").code == 1
    assert gone == []
    assert cli("destroy --yes --reason over", answers="local\n").code == 0
    assert gone == ["local"]


def test_addresses(stage: UnitStage, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []
    monkeypatch.setattr("ops.commands.browse.typer.launch", opened.append)
    assert cli("open").out.strip() == "something"
    assert opened == ["something"]
    assert cli("open --json").json["address"] == "something"
    assert opened == ["something"]
    assert "civicforge-local-health" in address_of(stage, What.CONSOLE)
    assert "only the local cloud" in cli("open mails").err


def test_the_watch_goes_on_while_something_is_wrong(
    stage: UnitStage, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Any] = []

    def blind(*_: Any) -> None:
        looked.append(None)
        raise OperatorError("gone")

    monkeypatch.setattr(status, "CHECKS", {"api": blind})
    naps = iter([None, None])

    def sleep(_: float) -> None:
        try:
            next(naps)
        except StopIteration:
            raise KeyboardInterrupt from None

    monkeypatch.setattr("ops.commands.status.time.sleep", sleep)
    ran = cli("status --watch")
    assert (ran.code, len(looked), ran.out.count("not seen: gone")) == (0, 3, 3)
