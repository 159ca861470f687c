"""Drives alarms: publishes data that just breach one, and reads what the topics get."""

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from infra.observability.evaluator import Data, Identity, State, evaluate
from tests.platform.community import Stage, wait_for

Description = Mapping[str, Any]
TOPICS = ("page", "notify")
ENOUGH = 1000
"""Runs or requests: more than any alarm's minimum of traffic."""
IDS_OF_AWS = ("ApiId", "DistributionId", "UserPool", "UserPoolClient")
"""Dimensions whose values AWS makes up, without the stage in them."""
MARGIN_SECONDS = 12
"""The time between a breach's publication and its period's end: so long it lasts."""


def step(alarm: Description) -> float:
    """The smallest difference that counts, in the unit of what the alarm watches."""
    return 0.1 if "whole" in series(alarm) else 1


def series(alarm: Description) -> dict[str, Identity]:
    """The metrics that the alarm reads, by their ids in the expression; a metric of its own is `value`."""
    if "Metrics" not in alarm:
        return {"value": Identity.of(alarm)}
    return {q["Id"]: Identity.of(q["MetricStat"]["Metric"]) for q in alarm["Metrics"] if "MetricStat" in q}


def samples(alarm: Description, value: float) -> dict[Identity, float]:
    """One sample per metric that makes a period of the alarm come out at `value`; what is calm has little traffic."""
    read, traffic = series(alarm), ENOUGH if value else 1
    if set(read) == {"part", "whole"}:
        # The windows of a burn rate read the same metrics: a longer one has far more traffic than all that is in it.
        traffic *= max(1, period(alarm) // 300) ** 2 if value else 1
        return {read["part"]: value / 100 * traffic, read["whole"]: traffic}
    if set(read) == {"success"}:
        return {read["success"]: 1 - value / 100}
    if set(read) == {"latency", "requests"}:
        return {read["latency"]: value, read["requests"]: traffic}
    first, *others = read.values()
    return {first: value, **dict.fromkeys(others, 0.0)}


def period(alarm: Description) -> int:
    """Seconds."""
    if "Period" in alarm:
        return int(alarm["Period"])
    return int(next(q["MetricStat"]["Period"] for q in alarm["Metrics"] if "MetricStat" in q))


def breach_ages(alarm: Description) -> Iterator[float]:
    """The ages of the samples of a breach that ends by itself `MARGIN_SECONDS` later: in the alarm's oldest periods."""
    periods = int(alarm["EvaluationPeriods"])
    datapoints = int(alarm.get("DatapointsToAlarm") or periods)
    return ((index + 1) * period(alarm) - MARGIN_SECONDS for index in range(periods - datapoints, periods))


def calm_ages(alarm: Description) -> Iterator[float]:
    """The ages of the samples that show that all is well again, in the periods after the breach."""
    periods = int(alarm["EvaluationPeriods"])
    datapoints = int(alarm.get("DatapointsToAlarm") or periods)
    return (index * period(alarm) + 1 for index in range(periods - datapoints + 1))


def decide(alarm: Description, value: float, *, published: Description | None = None) -> State:
    """The alarm's state by CloudWatch's rules, where enough of its periods come out at `value`.

    With `published`, the data are those of that alarm's metrics instead.
    """
    now, data = 1_000_000.0, Data()
    for age in breach_ages(alarm):
        for identity, sample in samples(published or alarm, value).items():
            data.put(identity, now - age, [sample])
    return evaluate(alarm, data, now, "OK")


def elsewhere(alarm: Description, stage: str) -> Description:
    """The alarm's twin in another stage: it reads what that stage would publish."""
    text = json.dumps(alarm, default=str)
    pairs = {pair for identity in series(alarm).values() for pair in identity.dimensions}
    for made_up in sorted(value for name, value in pairs if name in IDS_OF_AWS):
        text = text.replace(made_up, "another")
    twin: Description = json.loads(
        text.replace(f"civicforge-{stage}-", "civicforge-other-").replace(f'"{stage}"', '"other"')
    )
    return twin


@dataclass
class Message:
    """A topic's message, and the time at which it was heard."""

    topic: str
    alarm: str
    state: str
    text: str
    at: float


@dataclass
class Listener:
    """A queue at each topic of a stage."""

    stage: Stage
    heard: list[Message] = field(default_factory=list)
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
        """Takes what has arrived."""
        sqs = self.stage.client("sqs")
        for topic, url in self._queues.items():
            while arrived := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
                for message in arrived:
                    told = json.loads(json.loads(message["Body"])["Message"])
                    self.heard.append(
                        Message(
                            topic, told["AlarmName"], told["NewStateValue"], told["AlarmDescription"], time.monotonic()
                        )
                    )
                    sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    def wait(self, alarm: str, state: str, since: float, seconds: float = 60) -> Message:
        """The message that this alarm is in this state. Fails after so many seconds."""

        def told() -> Message | None:
            self.listen()
            return next((m for m in self.heard if (m.alarm, m.state) == (alarm, state) and m.at >= since), None)

        found = wait_for(told, seconds, f"{alarm} tells that it is in {state}")
        assert found
        return found


@dataclass
class Publication:
    """Samples that are published together: an alarm is looked at after each call, so that few calls are better."""

    stage: Stage
    data: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, alarm: Description, value: float, ages: Iterator[float]) -> None:
        """Samples of these ages (seconds) that make the alarm's periods come out at `value`."""
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
        """Sends them."""
        cloudwatch = self.stage.client("cloudwatch")
        for namespace, data in self.data.items():
            cloudwatch.put_metric_data(Namespace=namespace, MetricData=data)
