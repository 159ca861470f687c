import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from time_machine import TimeMachineFixture

from ops.shared import canary
from ops.shared.canary import Canary
from services.core.metrics import API_ERRORS, DIMENSIONS, NAMESPACE, SERVICE
from services.core.names import LIVE_ALIAS
from services.core.services import SERVICES
from tests.unit.ops.commands.test_release import code
from tests.unit.ops.conftest import Cli, UnitStage

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRIAL = Canary(percent=10, minutes=1)


class Town:
    """A stage with two versions of each Lambda; `happens` is what goes on while the canary waits."""

    def __init__(self, stage: UnitStage, time_machine: TimeMachineFixture, monkeypatch: pytest.MonkeyPatch) -> None:
        self.stage, self.said, self.shares = stage, list[str](), list[dict[str, float]]()
        self.happens: Any = lambda: None
        self.answer: Any = {"statusCode": 200}
        self.failure: str | None = None
        role = stage.session.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
        for service in SERVICES:
            name = stage.resource(service)
            stage.lambda_.create_function(
                FunctionName=name, Runtime="python3.13", Role=role, Handler="h.h", Code={"ZipFile": code("1")},
                Publish=True,
            )  # fmt: skip
            stage.lambda_.create_alias(FunctionName=name, Name=LIVE_ALIAS, FunctionVersion="1")
            stage.lambda_.update_function_code(FunctionName=name, ZipFile=code("2"), Publish=True)
        time_machine.move_to(NOW, tick=False)

        def sleep(seconds: float) -> None:
            self.shares.append(canary.weights(stage))
            time_machine.shift(seconds)
            self.happens()

        def invoke(**given: Any) -> Any:
            assert given["Qualifier"] == "2"
            assert json.loads(given["Payload"])["routeKey"] == "GET /api/health"
            failed = {"FunctionError": self.failure} if self.failure else {}
            return {"Payload": io.BytesIO(json.dumps(self.answer).encode()), **failed}

        monkeypatch.setattr("time.sleep", sleep)
        monkeypatch.setattr(stage.lambda_, "invoke", invoke)

    def run(self) -> str | None:
        return canary.run(self.stage, TRIAL, "1", "2", self.said.append)

    def alias(self) -> tuple[str, dict[str, float]]:
        found = self.stage.lambda_.get_alias(FunctionName=self.stage.resource("api"), Name=LIVE_ALIAS)
        return found["FunctionVersion"], canary.weights(self.stage)

    def count(self, namespace: str, name: str, dimensions: dict[str, str], value: float, at: datetime) -> None:
        self.stage.cloudwatch.put_metric_data(
            Namespace=namespace,
            MetricData=[
                {
                    "MetricName": name, "Value": value, "Timestamp": at,
                    "Dimensions": [{"Name": key, "Value": text} for key, text in dimensions.items()],
                }
            ],
        )  # fmt: skip

    def unhandled(self, value: float, at: datetime) -> None:
        own = dict(zip(DIMENSIONS, (SERVICE, self.stage.name), strict=True))
        self.count(NAMESPACE, API_ERRORS.name, own, value, at)

    def alarm(self, state: str) -> None:
        name = self.stage.resource("availability-burn-hour-p1")
        self.stage.cloudwatch.put_metric_alarm(
            AlarmName=name, Namespace="N", MetricName="m", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        self.stage.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="r")  # type: ignore[arg-type]  # a literal


@pytest.fixture
def town(stage: UnitStage, time_machine: TimeMachineFixture, monkeypatch: pytest.MonkeyPatch) -> Town:
    return Town(stage, time_machine, monkeypatch)


def test_a_quiet_minute_passes_and_leaves_the_share_to_the_release(town: Town) -> None:
    assert town.run() is None
    assert town.shares == [{"2": 0.1}] * 4
    assert datetime.now(UTC) == NOW + timedelta(minutes=1)
    assert len(town.said) == 4
    assert town.alias() == ("1", {"2": 0.1})
    canary.set_aliases(town.stage, canary.newest_versions(town.stage))
    assert town.alias() == ("2", {})


@pytest.mark.parametrize(
    ("answer", "failure", "why"),
    [
        ({"errorMessage": "No module named x"}, "Unhandled", "cannot be called: No module named x"),
        ({"statusCode": 500}, None, "answers its first call with"),
        (None, None, "answers its first call with None"),
    ],
)
def test_no_member_meets_a_version_that_cannot_answer(town: Town, answer: Any, failure: str | None, why: str) -> None:
    town.answer, town.failure = answer, failure
    assert why in (town.run() or "")
    assert town.shares == []
    assert town.alias() == ("1", {})


def test_an_alarm_that_goes_off_meanwhile_ends_it(town: Town) -> None:
    town.alarm("OK")
    town.happens = lambda: town.alarm("ALARM")
    assert town.run() == "civicforge-local-availability-burn-hour-p1 went off"
    assert len(town.shares) == 1
    assert town.alias() == ("1", {})


def test_an_alarm_that_was_on_before_does_not_keep_its_cure_out(town: Town) -> None:
    town.alarm("ALARM")
    assert town.run() is None


def test_an_error_of_the_version_itself_ends_it(town: Town) -> None:
    name = town.stage.resource("api")

    def fail(version: str) -> None:
        by_version = {"FunctionName": name, "Resource": f"{name}:live", "ExecutedVersion": version}
        town.count("AWS/Lambda", "Errors", by_version, 1, datetime.now(UTC) - timedelta(seconds=1))

    town.happens = lambda: fail("1")
    assert town.run() is None
    town.happens = lambda: fail("2")
    assert town.run() == "version 2 of the api failed 1 times"
    assert town.alias() == ("1", {})


def test_more_unhandled_errors_than_before_end_it(town: Town) -> None:
    town.unhandled(2, NOW - timedelta(seconds=30))
    town.happens = lambda: town.unhandled(1, datetime.now(UTC) - timedelta(seconds=1))
    assert town.run() == "the api met 3 unhandled errors, 2 in the same time before"
    assert town.alias() == ("1", {})


def test_who_interrupts_it_leaves_nothing_behind(town: Town) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    town.happens = interrupt
    with pytest.raises(KeyboardInterrupt):
        town.run()
    assert town.alias() == ("1", {})


def test_the_status_shows_it(town: Town, cli: Cli) -> None:
    assert "canary" not in cli("status").out
    canary.set_aliases(town.stage, {"api": "1"}, {"2": 0.1})
    assert "version 2 gets 10% of the api's calls" in cli("status").out


def test_what_the_stages_want(stage: UnitStage) -> None:
    assert Canary.of(stage) == Canary(0, 10)
    object.__setattr__(stage, "name", "prod")
    assert Canary.of(stage) == Canary(10, 10)
