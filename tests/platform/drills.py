"""Alarm drills: publish metric data just above an alarm's threshold, and read the messages at its SNS topic."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.observability.evaluator import Data, Identity, State, evaluate
from tests.platform.community import Stage, wait_for

Description = Mapping[str, Any]
TOPICS = ("page", "notify")
HIGH_TRAFFIC = 1000
"""Number of runs or requests, above every alarm's minimum of traffic."""
GENERATED_DIMENSIONS = ("ApiId", "DistributionId", "UserPool", "UserPoolClient")
"""Dimensions whose values AWS generates, so that they do not contain the stage."""
MARGIN_SECONDS = 12
"""Time from the publication of a breach to the end of its period, when the alarm is OK again."""


def smallest_step(alarm: Description) -> float:
    """The smallest step of the watched value, in its unit: of a percentage, which is 100 * part / whole, a tenth."""
    return 0.1 if "whole" in series(alarm) else 1


def series(alarm: Description) -> dict[str, Identity]:
    """The metrics that the alarm reads, by their ids in its expression; `value` if it has no expression."""
    if "Metrics" not in alarm:
        return {"value": Identity.of(alarm)}
    return {q["Id"]: Identity.of(q["MetricStat"]["Metric"]) for q in alarm["Metrics"] if "MetricStat" in q}


def samples(alarm: Description, value: float) -> dict[Identity, float]:
    """One sample per metric for which a period of the alarm has `value`. With 0 there is little traffic."""
    read, traffic = series(alarm), HIGH_TRAFFIC if value else 1
    if set(read) == {"part", "whole"}:
        # The windows of a burn rate read the same metrics: a longer one gets far more traffic than those within it.
        traffic *= max(1, period(alarm) // 300) ** 2 if value else 1
        return {read["part"]: value / 100 * traffic, read["whole"]: traffic}
    if set(read) == {"success"}:
        return {read["success"]: 1 - value / 100}
    if set(read) == {"latency", "requests"}:
        return {read["latency"]: value, read["requests"]: traffic}
    first, *others = read.values()
    return {first: value, **dict.fromkeys(others, 0.0)}


def period(alarm: Description) -> int:
    """The alarm's period in seconds."""
    if "Period" in alarm:
        return int(alarm["Period"])
    return int(next(q["MetricStat"]["Period"] for q in alarm["Metrics"] if "MetricStat" in q))


def breach_ages(alarm: Description) -> Iterator[float]:
    """Ages in seconds of samples in the alarm's oldest periods: the breach ends `MARGIN_SECONDS` later."""
    periods = int(alarm["EvaluationPeriods"])
    datapoints = int(alarm.get("DatapointsToAlarm") or periods)
    return ((index + 1) * period(alarm) - MARGIN_SECONDS for index in range(periods - datapoints, periods))


def recovery_ages(alarm: Description) -> Iterator[float]:
    """Ages in seconds of samples in the periods after the breach."""
    periods = int(alarm["EvaluationPeriods"])
    datapoints = int(alarm.get("DatapointsToAlarm") or periods)
    return (index * period(alarm) + 1 for index in range(periods - datapoints + 1))


def state_at(alarm: Description, value: float, *, published: Description | None = None) -> State:
    """The alarm's state by CloudWatch's rules if enough of its periods have `value`.

    With `published`, the data belong to the metrics of that other alarm.
    """
    now, data = 1_000_000.0, Data()
    for age in breach_ages(alarm):
        for identity, sample in samples(published or alarm, value).items():
            data.put(identity, now - age, [sample])
    return evaluate(alarm, data, now, "OK")


def in_other_stage(alarm: Description, stage: str) -> Description:
    """The same alarm in another stage, whose metrics it reads."""
    text = json.dumps(alarm, default=str)
    pairs = {pair for identity in series(alarm).values() for pair in identity.dimensions}
    for generated in sorted(value for name, value in pairs if name in GENERATED_DIMENSIONS):
        text = text.replace(generated, "another")
    twin: Description = json.loads(
        text.replace(f"civicforge-{stage}-", "civicforge-other-").replace(f'"{stage}"', '"other"')
    )
    return twin


@dataclass
class Message:
    """A message from a topic, and when it was received (`time.monotonic`)."""

    topic: str
    alarm: str
    state: str
    text: str
    at: float


@dataclass
class Listener:
    """Receives the messages of a stage's topics, by an SQS queue at each."""

    stage: Stage
    received: list[Message] = field(default_factory=list)
    _queues: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        sns, sqs = self.stage.client("sns"), self.stage.client("sqs")
        for topic in TOPICS:
            url = sqs.create_queue(QueueName=f"drill-{topic}")["QueueUrl"]
            arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
            topic_arn = self.stage.outputs[f"{topic}_topic_arn"]
            policy = {
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
                }
            }
            sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
            sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
            self._queues[topic] = url

    def listen(self) -> None:
        """Receive all messages that have arrived."""
        sqs = self.stage.client("sqs")
        for topic, url in self._queues.items():
            while arrived := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                for message in arrived:
                    told = json.loads(json.loads(message["Body"])["Message"])
                    self.received.append(
                        Message(
                            topic, told["AlarmName"], told["NewStateValue"], told["AlarmDescription"], time.monotonic()
                        )
                    )
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def wait(self, alarm: str, state: str, since: float, seconds: float = 60) -> Message:
        """Wait for the message that the alarm is in this state. Fails after `seconds`."""

        def told() -> Message | None:
            self.listen()
            return next((m for m in self.received if (m.alarm, m.state) == (alarm, state) and m.at >= since), None)

        found = wait_for(told, seconds, f"{alarm} tells that it is in {state}")
        assert found
        return found


@dataclass
class Publication:
    """Samples that are published in one call: the emulator evaluates every alarm after each call."""

    stage: Stage
    data: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, alarm: Description, value: float, ages: Iterator[float]) -> None:
        """Add samples of these ages (seconds) for which the alarm's periods have `value`."""
        now = time.time()
        for age in ages:
            for identity, sample in samples(alarm, value).items():
                datum = {
                    "MetricName": identity.name,
                    "Dimensions": [{"Name": name, "Value": text} for name, text in sorted(identity.dimensions)],
                    "Timestamp": now - age,
                    "Value": sample,
                }
                self.data.setdefault(identity.namespace, []).append(datum)

    def publish(self) -> None:
        """Publish the samples."""
        cloudwatch = self.stage.client("cloudwatch")
        for namespace, data in self.data.items():
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
