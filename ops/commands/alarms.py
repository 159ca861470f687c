"""Alarms: their states, a test that one is heard, and silences that end by themselves."""

import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer

from ops.shared.durations import duration
from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out, command
from services.core.domain.values import timestamp
from services.core.parameters import SILENCES
from services.core.silences import Silences

TESTED: Final = "canary-p1"
"""The alarm that a test sets off unless another one is named: it pages."""
DELIVERED_WITHIN: Final = 120.0
"""Seconds."""
MAX_SILENCE: Final = timedelta(days=7)
"""Of a silence: what is wrong for longer is not silenced but mended, or its threshold is changed."""
NOT_SILENCEABLE: Final = "canary"
"""Alarms of the canary itself, which ends the silences."""

app = typer.Typer(no_args_is_help=True, help="What is watched, if it is heard, and silences with an end.")
NameArgument = Annotated[str, typer.Argument(help="The alarm, as `alarms list` shows it, e.g. api-latency-p2.")]


def described(stage: Stage) -> dict[str, Any]:
    """Every alarm and composite of the stage, by its name without project and stage."""
    pages = stage.cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=stage.resource(""), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    alarms = [a for page in pages for a in (*page.get("MetricAlarms", []), *page.get("CompositeAlarms", []))]
    return {str(alarm["AlarmName"]).removeprefix(stage.resource("")): alarm for alarm in alarms}


def silences(stage: Stage) -> Silences:
    """The silences of a stage."""
    return Silences.parse(stage.find_parameter(SILENCES.key))


def _named(stage: Stage, name: str) -> Any:
    """Raises OperatorError for an alarm that is not there."""
    short = name.removeprefix(stage.resource(""))
    found = described(stage)
    if short not in found:
        raise OperatorError(f"{stage.name} has no alarm {short!r}; `civicforge alarms list` shows them.")
    return found[short]


@command(app, "list")
def list_(stage: Stage, terminal: Terminal) -> None:
    """Show every alarm with its state, and how long it is silent."""
    until = silences(stage).until
    rows, data = [], []
    for short, alarm in sorted(described(stage).items()):
        end = until.get(str(alarm["AlarmName"]))
        silent = timestamp(end) if end else "" if alarm["ActionsEnabled"] else "without an end"
        rows.append((short, alarm["StateValue"], silent, alarm.get("StateReason", "")))
        data.append({"name": short, "state": alarm["StateValue"], "silentUntil": silent or None})
    terminal.table({"alarms": data}, ("alarm", "state", "silent until", "why"), rows, empty="There are none.")


@command(app, "test", changes=True)
def set_off(stage: Stage, terminal: Terminal, name: NameArgument = TESTED) -> None:
    """Set an alarm off and wait until its topic tells it; whoever it wakes is woken."""
    alarm = _named(stage, name)
    if not alarm["ActionsEnabled"]:
        raise OperatorError(f"{name} is silent; `civicforge alarms unsilence {name}` ends that.")
    (topic,) = alarm["AlarmActions"]
    plan = [f"{alarm['AlarmName']} goes off, and ends again", *_subscribers(stage, topic)]
    change = PlannedChange("alarms test", name, plan, lambda: _set_off(stage, str(alarm["AlarmName"]), topic))
    if outcome := carry_out(stage, terminal, change):
        terminal.result(outcome, f"{name}: delivered on {outcome['topic']} after {outcome['seconds']} s.")


def _subscribers(stage: Stage, topic: str) -> list[str]:
    pages = stage.sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    found = [subscription for page in pages for subscription in page["Subscriptions"]]
    if not found:
        return [f"nobody reads {topic.rpartition(':')[2]}: set alertMails or alertHooks"]
    return [
        f"{one['Protocol']} {one['Endpoint'].partition('?')[0]}"
        + ("" if one["SubscriptionArn"].startswith("arn:") else ", which has not confirmed yet")
        for one in found
    ]


def _set_off(stage: Stage, name: str, topic: str) -> Json:
    """Sets an alarm off and waits for its message. Raises OperatorError if none arrives in time."""
    started = time.monotonic()
    with _temporary_subscriber(stage, topic) as queue:
        stage.cloudwatch.set_alarm_state(AlarmName=name, StateValue="ALARM", StateReason="civicforge alarms test")
        try:
            while time.monotonic() - started < DELIVERED_WITHIN:
                answer = stage.sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=2, MaxNumberOfMessages=10)
                if any(_is_message_of(message["Body"], name) for message in answer.get("Messages", [])):
                    seconds = round(time.monotonic() - started, 1)
                    return {"alarm": name, "topic": topic.rpartition("-")[2], "seconds": seconds}
        finally:
            stage.cloudwatch.set_alarm_state(AlarmName=name, StateValue="OK", StateReason="the test is over")
    raise OperatorError(f"{name} went off, and {topic} delivered no message within {DELIVERED_WITHIN:g} s.")


def _is_message_of(body: str, name: str) -> bool:
    """True for the message that this alarm went off."""
    try:
        notification = json.loads(json.loads(body)["Message"])
    except (ValueError, KeyError, TypeError):
        return False
    return isinstance(notification, dict) and (notification.get("AlarmName"), notification.get("NewStateValue")) == (
        name,
        "ALARM",
    )


@contextmanager
def _temporary_subscriber(stage: Stage, topic: str) -> Iterator[str]:
    """The URL of a queue that is subscribed to the topic, and deleted afterwards."""
    queue = stage.sqs.create_queue(QueueName=stage.resource(f"alarm-test-{secrets.token_hex(4)}"))["QueueUrl"]
    subscription = None
    try:
        arn = stage.sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        statement = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": arn,
            "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
        }
        policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        stage.sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Policy": policy})
        made = stage.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, ReturnSubscriptionArn=True)
        subscription = made["SubscriptionArn"]
        yield queue
    finally:
        if subscription:
            stage.sns.unsubscribe(SubscriptionArn=subscription)
        stage.sqs.delete_queue(QueueUrl=queue)


@command(app, changes=True)
def silence(
    stage: Stage,
    terminal: Terminal,
    name: NameArgument,
    for_: Annotated[str, typer.Option("--for", help="How long: 30m, 2h, 1d; 7d at most.")] = "2h",
) -> None:
    """Let an alarm tell nobody for a while; it goes on watching, and the canary ends the silence."""
    full = str(_named(stage, name)["AlarmName"])
    if full.removeprefix(stage.resource("")).startswith(NOT_SILENCEABLE):
        raise OperatorError(f"{name} is the canary's own, and the canary ends silences: it cannot be silent.")
    length = duration(for_)
    if length > MAX_SILENCE:
        raise OperatorError(f"--for {for_} is too long: 7d at most.")
    until = datetime.now(UTC) + length

    def apply() -> Json:
        # The end first: a silence without one would last until somebody notices.
        _keep(stage, {**silences(stage).until, full: until})
        stage.cloudwatch.disable_alarm_actions(AlarmNames=[full])
        return {"alarm": full, "until": timestamp(until)}

    change = PlannedChange("alarms silence", name, [f"{full} tells nobody until {until:%Y-%m-%d %H:%M} UTC"], apply)
    if outcome := carry_out(stage, terminal, change):
        terminal.result(outcome, f"{name} is silent until {until:%Y-%m-%d %H:%M} UTC, or `alarms unsilence`.")


@command(app, changes=True)
def unsilence(stage: Stage, terminal: Terminal, name: NameArgument) -> None:
    """Let a silent alarm tell again at once."""
    alarm = _named(stage, name)
    full, until = str(alarm["AlarmName"]), silences(stage).until
    silent = full in until or not alarm["ActionsEnabled"]

    def apply() -> Json:
        stage.cloudwatch.enable_alarm_actions(AlarmNames=[full])
        _keep(stage, {other: end for other, end in silences(stage).until.items() if other != full})
        return {"alarm": full}

    change = PlannedChange("alarms unsilence", name, [f"{full} tells again"] if silent else [], apply)
    if outcome := carry_out(stage, terminal, change):
        terminal.result(outcome, f"{name} tells again.")


def _keep(stage: Stage, until: dict[str, datetime]) -> None:
    stage.put_parameter(SILENCES.key, Silences(until).to_json())
