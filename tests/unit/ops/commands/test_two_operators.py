"""Two operators deploy one stage: whenever the second one comes, one wins and the other is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ops.commands import release
from ops.shared import canary, hold, smoke
from ops.shared.hold import holding
from ops.shared.releases import Releases
from ops.shared.stage import OperatorError
from tests.unit.ops.commands.test_release import a_page, served, town
from tests.unit.ops.conftest import Cli, Ran, UnitStage

__all__ = ["town"]


class Anna:
    """The first operator; `meanwhile` is what the second one does at some point of her deployment."""

    def __init__(self, cli: Cli, folder: Path) -> None:
        self._cli, self._folder = cli, folder

    def deploys(self, page: str, *options: str) -> Ran:
        dist = a_page(self._folder, page)
        return self._cli(" ".join(["deploy", "--page", str(dist), "--over-newer", "--yes", "--reason", page, *options]))


@pytest.fixture
def anna(town: UnitStage, tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Anna:
    commits = (f"{number:07x}abcdef" for number in range(1, 9))
    monkeypatch.setattr(release, "commit", lambda: next(commits))
    anna = Anna(cli, tmp_path)
    assert anna.deploys("first").code == 0
    return anna


Berta = Anna


@pytest.fixture
def berta(anna: Anna, tmp_path: Path, cli: Cli) -> Berta:
    return Berta(cli, tmp_path)


def at(point: str, act: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, *, verdict: Any = None) -> None:
    """Act once at a point of the next deployment; `verdict` is what the canary or the smoke test then says."""
    module, name = {"up": (release, "provision"), "canary": (canary, "run"), "smoke": (smoke, "run")}[point]
    original = getattr(module, name)

    def acting(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(module, name, original)
        act()
        if point == "canary":
            arguments[5]()  # as each look of a canary does
            return None
        return verdict or original(*arguments, **named)

    monkeypatch.setattr(module, name, acting)


FAILED = {"passed": False, "failed": "page", "steps": []}


@pytest.mark.parametrize("point", ["up", "canary", "smoke"])
def test_whoever_comes_second_is_told_who_holds_the_stage(
    point: str, town: UnitStage, anna: Anna, berta: Berta, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[Ran] = []
    at(point, lambda: refused.append(berta.deploys("second")), monkeypatch)
    assert anna.deploys("mine", "--canary", "10" if point == "canary" else "0").code == 0
    (told,) = refused
    assert told.code == 1
    assert "holds local until" in told.err
    assert "deploy of commit 0000002" in told.err
    assert served(town, "index.html")[0] == "index.html of mine"
    assert berta.deploys("third").code == 0


@pytest.mark.parametrize("point", ["up", "canary", "smoke"])
def test_whoever_was_taken_over_changes_nothing_more(
    point: str, town: UnitStage, anna: Anna, berta: Berta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """She was thought dead and comes back: neither her release nor her way back goes over the other's."""

    def taken_over() -> None:
        holder = holding(town)
        assert holder
        assert berta.deploys("second", "--take-over", holder.owner, "--canary", "0").code == 0

    at(point, taken_over, monkeypatch, verdict=FAILED if point == "smoke" else None)
    told = anna.deploys("mine", "--canary", "10" if point == "canary" else "0")
    assert told.code == 1
    assert "has taken local over: nothing more is done here" in told.err
    assert served(town, "index.html")[0] == "index.html of second"
    live = next(one for one in Releases(town).list() if one.id == Releases(town).current())
    assert live.reason == "second"
    if point != "up":
        assert release.live_versions(town) == live.versions


def test_a_rollback_waits_for_a_deployment_like_another_deployment(
    town: UnitStage, anna: Anna, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[Ran] = []
    assert anna.deploys("second").code == 0
    at("smoke", lambda: refused.append(cli("rollback --yes --reason back")), monkeypatch)
    assert anna.deploys("mine").code == 0
    assert "holds local until" in refused[0].err
    assert served(town, "index.html")[0] == "index.html of mine"


def test_the_loser_of_a_race_for_the_hold_does_nothing(
    town: UnitStage, anna: Anna, berta: Berta, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both read that nobody holds the stage; the conditional put lets one through."""
    read = hold._read
    raced: list[bool] = []

    def late(stage: UnitStage) -> Any:
        found = read(stage)
        if not raced:
            raced.append(True)
            assert berta.deploys("second").code == 0
        return found

    monkeypatch.setattr(hold, "_read", late)
    told = anna.deploys("mine")
    assert told.code == 1
    assert served(town, "index.html")[0] == "index.html of second"


def test_a_canary_that_was_taken_over_leaves_the_alias_alone(
    town: UnitStage, anna: Anna, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone() -> None:
        canary.set_aliases(town, dict.fromkeys(["api"], "1"))
        raise OperatorError("berta has taken local over: nothing more is done here.")

    for name in ("_first_call_failure", "_live_failure"):
        monkeypatch.setattr(canary, name, lambda *_: None)
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(OperatorError, match="berta"):
        canary.run(town, canary.Canary(10, 1), "1", "1", lambda _: None, gone)
    assert canary.weights(town) == {}
