from typing import Any

import pytest

from ops.shared import breaker
from ops.shared.breaker import Level
from services.core.live import Breaker
from services.core.parameters import BREAKER, BREAKER_FORMER
from services.core.services import SWEEPS
from tests.unit.ops.conftest import Cli, UnitStage, parameter


class Gateway:
    """API Gateway's two calls: moto forgets route settings."""

    def __init__(self) -> None:
        self.stage: dict[str, Any] = {
            "DefaultRouteSettings": {"ThrottlingRateLimit": 100.0, "ThrottlingBurstLimit": 200},
            "RouteSettings": {"POST /api/v1/quests": {"ThrottlingRateLimit": 20.0, "ThrottlingBurstLimit": 40}},
        }
        self.disabled = False

    def get_stage(self, **_: str) -> dict[str, Any]:
        return dict(self.stage)

    def update_stage(self, **changes: Any) -> None:
        self.stage.update({name: changes[name] for name in self.stage})

    def get_api(self, **_: str) -> dict[str, Any]:
        return {"DisableExecuteApiEndpoint": self.disabled}

    def update_api(self, **changes: Any) -> None:
        self.disabled = changes["DisableExecuteApiEndpoint"]


class Lambdas:
    """Lambda's reserved concurrency."""

    def __init__(self, reserved: dict[str, int]) -> None:
        self.reserved = reserved

    def get_function_concurrency(self, FunctionName: str) -> dict[str, int]:  # noqa: N803 - boto3's name
        found = self.reserved.get(FunctionName)
        return {} if found is None else {"ReservedConcurrentExecutions": found}

    def put_function_concurrency(self, FunctionName: str, ReservedConcurrentExecutions: int) -> None:  # noqa: N803
        self.reserved[FunctionName] = ReservedConcurrentExecutions

    def delete_function_concurrency(self, FunctionName: str) -> None:  # noqa: N803 - boto3's name
        self.reserved.pop(FunctionName, None)


class Scheduler:
    """EventBridge Scheduler's two calls; an update replaces the whole schedule."""

    def __init__(self) -> None:
        self.found: dict[str, dict[str, Any]] = {}

    def get_schedule(self, Name: str, GroupName: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        given = {"ScheduleExpression": "rate(15 minutes)", "Target": {"Arn": "a", "Input": Name}, "State": "ENABLED"}
        made = {"Name": Name, "GroupName": GroupName, "FlexibleTimeWindow": {"Mode": "OFF"}}
        return self.found.get(Name, {**made, **given, "Arn": "arn", "CreationDate": "then", "ResponseMetadata": {}})

    def update_schedule(self, **schedule: Any) -> None:
        assert not schedule.keys() & {"Arn", "CreationDate", "ResponseMetadata"}, "boto3 refuses these"
        self.found[schedule["Name"]] = schedule


@pytest.fixture
def world(stage: UnitStage) -> UnitStage:
    """A stage whose rewards Lambda has a reserved concurrency of its own."""
    vars(stage)["scheduler"] = Scheduler()
    vars(stage)["apigateway"] = Gateway()
    vars(stage)["lambda_"] = Lambdas({"civicforge-local-rewards": 7})
    return stage


def snapshot(stage: UnitStage) -> list[Any]:
    return [switch.read() for switch in breaker.switches(stage)]


@pytest.mark.parametrize("level", list(Level))
def test_closing_restores_exactly_what_was_there(world: UnitStage, level: Level) -> None:
    before = snapshot(world)
    breaker.move(world, level)
    assert snapshot(world) != before
    breaker.move(world, None)
    assert snapshot(world) == before
    assert world.find_parameter(BREAKER_FORMER.key) is None


@pytest.mark.parametrize("first", list(Level))
@pytest.mark.parametrize("second", list(Level))
def test_any_way_through_the_levels_ends_where_it_began(world: UnitStage, first: Level, second: Level) -> None:
    before = snapshot(world)
    breaker.move(world, second)
    direct = snapshot(world)
    breaker.move(world, None)
    breaker.move(world, first)
    breaker.move(world, second)
    assert snapshot(world) == direct
    breaker.move(world, None)
    assert snapshot(world) == before


def test_levels(world: UnitStage) -> None:
    def found(kind: str) -> list[Any]:
        return [switch.read() for switch in breaker.switches(world) if switch.name.startswith(kind)]

    breaker.move(world, Level.READ_ONLY)
    assert found("position") == [Breaker.READ_ONLY]
    reserved = {name: 7 if name == "rewards" else None for name in breaker.STOPPED_SERVICES}
    assert found("concurrency of") == list(reserved.values())
    assert set(found("schedule of")) == {"ENABLED"}
    breaker.move(world, Level.STOPPED)
    assert found("position") == [Breaker.DOWN]
    assert set(found("concurrency of")) == {0}
    assert set(found("schedule of")) == {"DISABLED"}
    breaker.move(world, Level.CUT_OFF)
    *_, throttles, disabled = snapshot(world)
    limits = [throttles["all"], *throttles["routes"].values()]
    assert all(limit["ThrottlingRateLimit"] == limit["ThrottlingBurstLimit"] == 0 for limit in limits)
    assert disabled is True


def test_no_schedule_starts_what_cannot_run(world: UnitStage) -> None:
    """AWS puts each such start into the dead letter queue at once: off before the Lambdas stop, on after they go."""
    order = [switch.name for switch in breaker.switches(world)]
    for service in SWEEPS.keys() & breaker.STOPPED_SERVICES:
        assert order.index(f"schedule of {service}") < order.index(f"concurrency of {service}")
    scheduler: Any = world.scheduler
    before = scheduler.get_schedule(Name="civicforge-local-rewards-sweep", GroupName="civicforge-local-sweeps")
    breaker.move(world, Level.STOPPED)
    breaker.move(world, None)
    after = scheduler.get_schedule(Name="civicforge-local-rewards-sweep", GroupName="civicforge-local-sweeps")
    assert {key: after[key] for key in after} == {key: before[key] for key in after}, "nothing but the state was moved"


def test_a_failure_in_the_middle_loses_no_former_value(world: UnitStage, monkeypatch: pytest.MonkeyPatch) -> None:
    before = snapshot(world)

    def refuse(**_: Any) -> None:
        raise RuntimeError("throttled")

    with monkeypatch.context() as patch:
        patch.setattr(world.lambda_, "put_function_concurrency", refuse)
        with pytest.raises(RuntimeError):
            breaker.move(world, Level.CUT_OFF)
    breaker.move(world, Level.CUT_OFF)
    breaker.move(world, None)
    assert snapshot(world) == before


def test_the_commands(world: UnitStage, cli: Cli) -> None:
    assert "nothing is out of service" in cli("breaker status").out
    ran = cli("breaker open --level down --yes --reason flood")
    assert "position: closed -> down" in ran.out
    assert parameter(world, BREAKER.key) == "down"
    assert cli("breaker status --json").json["former"] == {"position": "closed"}
    assert "nothing to do" in cli("breaker open --level down").out
    assert cli("breaker close --yes --reason over").code == 0
    assert parameter(world, BREAKER.key) == "closed"
    assert "nothing to do" in cli("breaker close").out


def test_a_breaker_that_was_opened_by_hand_is_closed_too(world: UnitStage, cli: Cli) -> None:
    world.put_parameter(BREAKER.key, "bananas")
    assert cli("breaker status").code == 1
    assert cli("breaker close --yes --reason over").code == 0
    assert parameter(world, BREAKER.key) == "closed"


def test_a_parameter_that_is_gone_is_told_and_written_again(world: UnitStage, cli: Cli) -> None:
    world.delete_parameter(BREAKER.key)
    ran = cli("breaker status")
    assert (ran.code, "breaker: missing" in ran.out) == (1, True)
    assert "position: missing -> closed" in cli("breaker close --yes --reason gone").out
    assert parameter(world, BREAKER.key) == "closed"
    world.delete_parameter(BREAKER.key)
    assert cli("breaker open --yes --reason flood").code == 0
    assert cli("breaker close --yes --reason over").code == 0
    assert parameter(world, BREAKER.key) == "closed"
