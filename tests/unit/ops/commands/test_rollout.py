from datetime import UTC, datetime, timedelta

import pytest

from ops.commands import rollout
from ops.commands.rollout import decide
from ops.shared.alarms import alarm_states
from ops.shared.rollouts import STEPS, Rollout, State, load, save
from services.core.metrics import NAMESPACE, REWARDS_PAID
from tests.unit.ops.conftest import Cli, UnitStage, parameter

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
QUIET = {"civicforge-local-canary-p1": "OK"}


def a_rollout(**changes: object) -> Rollout:
    given = {"flag": "rewards", "before": "off", "step_at": NOW, "started_at": NOW, "soak_minutes": 60, "at_least": 5}
    return Rollout.model_validate({**given, **changes})


@pytest.mark.parametrize(
    ("alarms", "seen", "minutes", "step", "action"),
    [
        (QUIET, 5, 60, 0, "advance"),
        (QUIET, 5, 59, 0, "wait"),
        (QUIET, 4, 60, 0, "wait"),
        ({"a": "INSUFFICIENT_DATA"}, 5, 60, 0, "wait"),
        ({"a": "gone"}, 5, 60, 0, "wait"),
        ({}, 5, 60, 0, "wait"),
        ({**QUIET, "a": "ALARM"}, 5, 60, 2, "fall back"),
        ({**QUIET, "a": "ALARM"}, 0, 0, 0, "fall back"),
        (QUIET, 5, 60, len(STEPS) - 1, "finish"),
    ],
)
def test_the_rules(alarms: dict[str, str], seen: float, minutes: int, step: int, action: str) -> None:
    assert decide(a_rollout(step=step), alarms, seen, NOW + timedelta(minutes=minutes)).action == action


def alarm(
    stage: UnitStage,
    state: str,
    name: str = "civicforge-local-canary-p1",
    missing: str = "notBreaching",
) -> None:
    stage.cloudwatch.put_metric_alarm(
        AlarmName=name, MetricName="5xx", Namespace="AWS/ApiGateway", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=10, ComparisonOperator="GreaterThanThreshold", TreatMissingData=missing,
    )  # fmt: skip
    stage.cloudwatch.set_alarm_state(AlarmName=name, StateValue=state, StateReason="a test")  # type: ignore[arg-type]  # a text here


def paid(stage: UnitStage, at: datetime, count: int) -> None:
    stage.cloudwatch.put_metric_data(
        Namespace=NAMESPACE,
        MetricData=[
            {
                "MetricName": REWARDS_PAID.name,
                "Dimensions": [{"Name": "service", "Value": "civicforge"}, {"Name": "stage", "Value": stage.name}],
                "Value": count,
                "Timestamp": at,
                "Unit": "Count",
            }
        ],
    )


def test_a_rollout_from_nobody_to_everybody_by_a_fake_clock(stage: UnitStage) -> None:
    now = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(days=1)
    alarm(stage, "OK")
    going = a_rollout(step_at=now, started_at=now)
    rollout.begin(stage, going)
    seen = [parameter(stage, "feature-rewards")]
    for _ in range(len(STEPS)):
        now += timedelta(minutes=30)
        paid(stage, now, 5)
        going, decision = rollout.advance_one(stage, going, now)
        assert decision.action == "wait"
        now += timedelta(minutes=31)
        going, decision = rollout.advance_one(stage, going, now)
        seen.append(parameter(stage, "feature-rewards"))
    assert seen == ["internal", "10%", "50%", "100%", "100%"]
    assert going.state is State.DONE
    assert load(stage, "rewards") == going


@pytest.mark.parametrize(("step", "value"), [(0, "off"), (1, "internal"), (2, "10%"), (3, "50%")])
def test_an_alarm_takes_it_back_to_the_last_good_step_and_tells_somebody(
    stage: UnitStage, step: int, value: str
) -> None:
    queue = stage.sqs.create_queue(QueueName="inbox")["QueueUrl"]
    topic = f"arn:aws:sns:us-east-1:{stage.account}:civicforge-local-notify"
    arn = stage.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    stage.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    alarm(stage, "ALARM")
    stage.put_parameter("feature-rewards", STEPS[step])
    going, decision = rollout.advance_one(stage, a_rollout(step=step), NOW)
    assert (decision.action, going.state) == ("fall back", State.FELL_BACK)
    assert parameter(stage, "feature-rewards") == value
    (message,) = stage.sqs.receive_message(QueueUrl=queue)["Messages"]
    assert "civicforge-local-canary-p1 went off" in message["Body"]


def test_which_alarms_are_watched(stage: UnitStage) -> None:
    alarm(stage, "OK")
    alarm(stage, "ALARM", "civicforge-local-failed-rewards-p3")
    alarm(stage, "ALARM", "civicforge-prod-availability-burn-hour-p1")
    alarm(stage, "INSUFFICIENT_DATA", "civicforge-local-some-throttles-p2", "ignore")
    alarm(stage, "INSUFFICIENT_DATA", "civicforge-local-new-p2")
    assert alarm_states(stage) == {
        "civicforge-local-canary-p1": "OK",
        "civicforge-local-some-throttles-p2": "OK",
        "civicforge-local-new-p2": "INSUFFICIENT_DATA",
    }
    assert alarm_states(stage, ["no-such"]) == {"no-such": "gone"}


@pytest.mark.parametrize(("step", "value"), [(0, "off"), (1, "off"), (1, "internal"), (2, "on"), (3, "25%")])
def test_who_sets_the_flag_by_hand_has_the_last_word(stage: UnitStage, cli: Cli, step: int, value: str) -> None:
    alarm(stage, "OK")
    save(stage, a_rollout(step=step, soak_minutes=0, at_least=0))
    stage.put_parameter("feature-rewards", value)  # as the console of AWS does
    ran = cli("rollout advance --yes --reason hourly")
    assert ran.code == 0
    assert f"stop, since somebody set the flag to {value}" in ran.out
    assert parameter(stage, "feature-rewards") == value
    assert cli("rollout status --json").json["rollouts"]["rewards"]["state"] == "aborted"
    assert "Nothing is being rolled out" in cli("rollout advance").out


def test_an_emergency_stop_ends_the_rollout(stage: UnitStage, cli: Cli) -> None:
    alarm(stage, "OK")
    assert cli("rollout start rewards --soak 0 --at-least 0 --yes --reason r35").code == 0
    ran = cli("flags set rewards off --yes --reason stop")
    assert "its rollout ends here" in ran.out
    assert "Nothing is being rolled out" in cli("rollout advance --yes --reason hourly").out
    assert parameter(stage, "feature-rewards") == "off"
    ended = cli("rollout status --json").json["rollouts"]["rewards"]
    assert (ended["state"], ended["why"]) == ("aborted", "somebody set the flag to off")


@pytest.mark.parametrize("kept", ["{}", "nonsense", "[]", '{"state": "running"}'])
def test_a_rollout_that_makes_no_sense_is_said_and_ended(stage: UnitStage, cli: Cli, kept: str) -> None:
    stage.put_parameter("rollout-rewards", kept)
    for command in ("rollout status", "rollout advance", "rollout start rewards"):
        ran = cli(command)
        assert ran.code == 1
        assert "/civicforge/local/rollout-rewards is invalid" in ran.out + ran.err
    assert cli("flags set rewards off --yes --reason mend").code == 0
    assert "Nothing was ever rolled out" in cli("rollout status").out


def test_an_advance_that_was_interrupted_goes_on(stage: UnitStage) -> None:
    alarm(stage, "OK")
    stage.put_parameter("feature-rewards", "10%")
    going, decision = rollout.advance_one(stage, a_rollout(soak_minutes=0, at_least=0), NOW)
    assert (decision.action, going.value, parameter(stage, "feature-rewards")) == ("advance", "10%", "10%")


@pytest.mark.parametrize(("before", "takes"), [("off", False), ("internal", False), ("50%", True), ("on", True)])
def test_a_start_that_takes_a_flag_from_members_says_so(
    stage: UnitStage, cli: Cli, before: str, *, takes: bool
) -> None:
    stage.put_parameter("feature-rewards", before)
    said = cli("rollout start rewards --dry-run").out
    assert (f"TAKES rewards from everybody outside internal who has it at {before} now" in said) is takes


def test_a_start_that_makes_no_sense_is_refused(stage: UnitStage, cli: Cli) -> None:
    alarm(stage, "OK")
    assert cli("rollout start rewards --soak -5").code == 2
    assert cli("rollout start rewards --at-least -1").code == 2
    assert "There is no alarm no-such" in cli("rollout start rewards --watch no-such").err
    stage.put_parameter("feature-rewards", "on")
    assert "to off from the first one" in cli("rollout start rewards --dry-run").out


def test_the_commands(stage: UnitStage, cli: Cli) -> None:
    assert "Nothing was ever rolled out" in cli("rollout status").out
    assert "Nothing is being rolled out" in cli("rollout advance").out
    alarm(stage, "ALARM")
    assert "Mend that first" in cli("rollout start rewards").err
    alarm(stage, "OK")
    assert cli("rollout start rewards --soak 0 --at-least 0 --yes --reason r35").code == 0
    assert parameter(stage, "feature-rewards") == "internal"
    assert "already, at internal" in cli("rollout start rewards").err
    assert cli("rollout advance --yes --reason r36").code == 0
    assert parameter(stage, "feature-rewards") == "10%"
    assert cli("rollout status --json").json["rollouts"]["rewards"]["step"] == 1
    alarm(stage, "ALARM")
    ran = cli("rollout advance --yes --reason r36")
    assert ran.code == 1
    assert "fell back" in ran.err
    assert parameter(stage, "feature-rewards") == "internal"
    alarm(stage, "OK")
    assert cli("rollout start rewards --soak 60 --yes --reason again").code == 0
    assert "waiting, since internal soaks until" in cli("rollout advance").out
    assert cli("rollout abort rewards --yes --reason enough").code == 0
    assert parameter(stage, "feature-rewards") == "internal"
