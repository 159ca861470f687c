"""Alarms in the hands of an operator: listed, tried, silenced with an end."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from ops.commands import alarms
from services.core.silences import Silences
from tests.unit.ops.conftest import Cli, UnitStage, parameter

LATENCY = "civicforge-local-api-latency-p2"


@pytest.fixture
def alarm(stage: UnitStage) -> str:
    """An alarm that tells a topic."""
    topic = stage.sns.create_topic(Name=stage.resource("notify"))["TopicArn"]
    for name in (LATENCY, stage.resource("canary-p1")):
        stage.cloudwatch.put_metric_alarm(
            AlarmName=name,
            AlarmActions=[topic],
            MetricName="Latency",
            Namespace="AWS/ApiGateway",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1,
            Statistic="Sum",
            ComparisonOperator="GreaterThanThreshold",
        )
    return topic


def telling(stage: UnitStage, monkeypatch: pytest.MonkeyPatch, *, heard: bool) -> list[str]:
    """CloudWatch carries out what an alarm's new state asks for, which moto does not. Returns the states."""
    states: list[str] = []

    def set_state(AlarmName: str, StateValue: str, StateReason: str) -> None:  # noqa: N803 - boto3's names
        states.append(StateValue)
        if heard:
            told = {"AlarmName": AlarmName, "NewStateValue": StateValue}
            topic = stage.sns.create_topic(Name=stage.resource("notify"))["TopicArn"]
            stage.sns.publish(TopicArn=topic, Message="something else")
            stage.sns.publish(TopicArn=topic, Message=json.dumps(told))

    monkeypatch.setattr(stage.cloudwatch, "set_alarm_state", set_state)
    return states


def left_behind(stage: UnitStage) -> tuple[list[str], list[Any]]:
    queues = stage.sqs.list_queues().get("QueueUrls", [])
    return [url for url in queues if "alarm-test" in url], stage.sns.list_subscriptions()["Subscriptions"]


def test_a_test_sets_an_alarm_off_hears_it_and_leaves_nothing(
    stage: UnitStage, cli: Cli, alarm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    states = telling(stage, monkeypatch, heard=True)
    ran = cli("alarms test api-latency-p2 --yes --reason quarterly --json")
    assert ran.code == 0, ran.err
    assert ran.json["topic"] == "notify"
    assert states == ["ALARM", "OK"]
    assert left_behind(stage) == ([], [])


def test_an_alarm_that_nobody_hears_fails_and_leaves_nothing_either(
    stage: UnitStage, cli: Cli, alarm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(alarms, "DELIVERED_WITHIN", 0.2)
    states = telling(stage, monkeypatch, heard=False)
    ran = cli("alarms test api-latency-p2 --yes --reason quarterly")
    assert ran.code == 1
    assert "delivered no message" in ran.err
    assert states == ["ALARM", "OK"]
    assert left_behind(stage) == ([], [])


def test_the_plan_says_who_is_woken(stage: UnitStage, cli: Cli, alarm: str) -> None:
    assert "nobody reads" in cli("alarms test --dry-run").out
    stage.sns.subscribe(TopicArn=alarm, Protocol="https", Endpoint="https://events.example.org/enqueue?key=secret")
    ran = cli("alarms test --dry-run")
    assert "https https://events.example.org/enqueue" in ran.out
    assert "secret" not in ran.out


def test_a_silence_has_an_end_and_is_in_the_audit_log(stage: UnitStage, cli: Cli, alarm: str) -> None:
    assert cli("alarms silence api-latency-p2 --for 2h --yes --reason migration").code == 0
    (found,) = stage.cloudwatch.describe_alarms(AlarmNames=[LATENCY])["MetricAlarms"]
    assert not found["ActionsEnabled"]
    until = Silences.parse(parameter(stage, "alarm-silences")).until[LATENCY]
    assert timedelta(hours=1, minutes=59) < until - datetime.now(UTC) <= timedelta(hours=2)
    shown = cli("alarms list --json").json["alarms"]
    assert [a["name"] for a in shown if a["silentUntil"]] == ["api-latency-p2"]
    assert cli("alarms test api-latency-p2 --yes --reason x").code == 1
    assert cli("alarms unsilence api-latency-p2 --yes --reason done").code == 0
    (found,) = stage.cloudwatch.describe_alarms(AlarmNames=[LATENCY])["MetricAlarms"]
    assert found["ActionsEnabled"]
    assert not Silences.parse(parameter(stage, "alarm-silences")).until


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("silence no-such-p1", "has no alarm"),
        ("silence canary-p1", "cannot be silent"),
        ("silence api-latency-p2 --for 8d", "7d at most"),
        ("silence api-latency-p2 --for 1000000d", "no length of time"),
        ("silence api-latency-p2 --for 0h", "no length of time"),
        ("silence api-latency-p2 --for soon", "no length of time"),
    ],
)
def test_what_is_refused(cli: Cli, alarm: str, line: str, why: str) -> None:
    ran = cli(f"alarms {line} --yes --reason x")
    assert ran.code == 1
    assert why in ran.err


def test_silences_end_at_their_time() -> None:
    now = datetime(2026, 11, 27, 12, tzinfo=UTC)
    silences = Silences({"a": now, "b": now + timedelta(seconds=1), "c": now - timedelta(days=1)})
    over, left = silences.ended(now)
    assert over == ["a", "c"]
    assert left == Silences({"b": now + timedelta(seconds=1)})
    assert Silences.parse(silences.to_json()) == silences
    assert Silences.parse(None) == Silences({})
