"""Two operators, one stage: one holds it, the other is told."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.shared import hold
from ops.shared.hold import Hold, held
from ops.shared.stage import OperatorError
from tests.unit.ops.conftest import UnitStage


@pytest.fixture
def held_stage(stage: UnitStage) -> UnitStage:
    stage.s3.create_bucket(Bucket=stage.resource(f"releases-{stage.account}"))
    return stage


def owner(stage: UnitStage) -> Hold:
    found = hold._read(stage)
    assert found is not None
    return found[0]


def test_a_held_stage_is_nobody_elses_until_it_is_given_back(held_stage: UnitStage) -> None:
    with held(held_stage, "deploy of commit abc") as check:
        check()
        name = owner(held_stage).owner
        refusal = rf"{name} holds local until .*: deploy of commit abc\. Wait"
        with pytest.raises(OperatorError, match=refusal), held(held_stage, "another"):
            raise AssertionError("not reached")
        check()
    with held(held_stage, "another"):
        assert owner(held_stage).what == "another"


def test_it_is_given_back_when_a_deployment_fails(held_stage: UnitStage) -> None:
    with pytest.raises(RuntimeError, match="failed"), held(held_stage, "deploy"):
        raise RuntimeError("failed")
    with held(held_stage, "again"):
        pass


def test_a_dead_ones_hold_ends(held_stage: UnitStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hold, "LASTS", timedelta(seconds=-1))
    dead = held(held_stage, "died")
    dead.__enter__()
    assert owner(held_stage).until < datetime.now(UTC)
    monkeypatch.setattr(hold, "LASTS", timedelta(hours=1))
    with held(held_stage, "next"):
        assert owner(held_stage).what == "next"


def test_it_is_taken_over_by_name_only_and_the_former_owner_stops(held_stage: UnitStage) -> None:
    with held(held_stage, "first") as check:
        name = owner(held_stage).owner
        with pytest.raises(OperatorError, match="--take-over"), held(held_stage, "second", take_over="somebody"):
            pass
        with held(held_stage, "second", take_over=name) as second:
            second()
            with pytest.raises(OperatorError, match="has taken local over"):
                check()
        # The first one's end does not end what is not its own.
    assert owner(held_stage).what == "second"


def test_who_comes_second_in_a_race_is_told_who_won(held_stage: UnitStage, monkeypatch: pytest.MonkeyPatch) -> None:
    real = hold._read
    looks: list[int] = []

    def read(stage: UnitStage) -> object:
        looks.append(1)
        return None if len(looks) == 1 else real(stage)

    with held(held_stage, "winner"):
        monkeypatch.setattr(hold, "_read", read)
        with pytest.raises(OperatorError, match=r"holds local until .*: winner"), held(held_stage, "loser"):
            pass
        monkeypatch.setattr(hold, "_read", real)


def test_a_first_deployment_has_nothing_to_hold_yet(stage: UnitStage) -> None:
    with held(stage, "first") as check:
        check()
