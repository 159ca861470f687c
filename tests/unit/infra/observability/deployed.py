"""The alarms that the real program deploys, in the form of `describe_alarms`, and data to try them on."""

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from infra.observability.evaluator import Data, Identity, State, evaluate
from services.core.metrics import DIMENSIONS, NAMESPACE, SERVICE
from tests.unit.infra.plan import plan

NOW = 1_800_000_000.0
STAGE = "prod"
Description = Mapping[str, Any]


def described(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """The answer of `describe_alarms` for an alarm with these Pulumi inputs."""
    described = {_capital(key): value for key, value in inputs.items() if key not in ("dimensions", "metricQueries")}
    described["AlarmName"] = described.pop("Name")
    described["OKActions"] = described.pop("OkActions")
    if "metricName" in inputs:
        described["Dimensions"] = _dimensions(inputs)
    else:
        described["Metrics"] = [_query(query) for query in inputs["metricQueries"]]
    return described


def _capital(key: str) -> str:
    return key[0].upper() + key[1:]


def _dimensions(inputs: Mapping[str, Any]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in inputs["dimensions"].items()]


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    if "expression" in query:
        return {"Id": query["id"], "Expression": query["expression"], "ReturnData": query["returnData"]}
    metric = query["metric"]
    identity = {
        "Namespace": metric["namespace"],
        "MetricName": metric["metricName"],
        "Dimensions": _dimensions(metric),
    }
    stat = {"Metric": identity, "Period": metric["period"], "Stat": metric["stat"]}
    return {"Id": query["id"], "MetricStat": stat, "ReturnData": query["returnData"]}


@cache
def metric_alarms(stage: str = STAGE) -> dict[str, Description]:
    """By name."""
    alarms = (described(resource.inputs) for resource in plan(stage).of("MetricAlarm"))
    return {alarm["AlarmName"]: alarm for alarm in alarms}


def alarm_named(short: str, stage: str = STAGE) -> Description:
    """By the name without project and stage, e.g. `availability-burn-hour-p1`."""
    return metric_alarms(stage)[f"civicforge-{stage}-{short}"]


def queries(alarm: Description) -> Iterator[Mapping[str, Any]]:
    """Each metric that an alarm reads: Namespace, MetricName, Dimensions, Stat, Period."""
    if "MetricName" in alarm:
        stat = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        yield {**{key: alarm[key] for key in ("Namespace", "MetricName", "Dimensions", "Period")}, "Stat": stat}
    for query in alarm.get("Metrics", ()):
        if "MetricStat" in query:
            stat = query["MetricStat"]
            yield {**stat["Metric"], "Period": stat["Period"], "Stat": stat["Stat"]}


def own(name: str, stage: str = STAGE) -> Identity:
    """A metric as the emitter publishes it."""
    values = dict(zip(DIMENSIONS, (SERVICE, stage), strict=True))
    return Identity(NAMESPACE, name, frozenset(values.items()))


def of_aws(service: str, name: str, **dimensions: str) -> Identity:
    """A metric as AWS publishes it."""
    return Identity(f"AWS/{service}", name, frozenset(dimensions.items()))


def of_function(service: str, name: str, stage: str = STAGE) -> Identity:
    return of_aws("Lambda", name, FunctionName=f"civicforge-{stage}-{service}")


def of_api(name: str, stage: str = STAGE) -> Identity:
    """The identity of a stage's API in the recorded plan (`tests.unit.infra.plan`)."""
    return of_aws("ApiGateway", name, ApiId=f"civicforge-{stage}-api", Stage="$default")


def of_queue(name: str, queue: str, stage: str = STAGE) -> Identity:
    return of_aws("SQS", name, QueueName=f"civicforge-{stage}-{queue}-dlq")


class Clock:
    """Publishes samples some minutes ago and asks an alarm for its state now."""

    def __init__(self) -> None:
        self.data = Data()

    def put(self, identity: Identity, *values: float, minutes_ago: float = 0.5) -> "Clock":
        self.data.put(identity, NOW - minutes_ago * 60, values)
        return self

    def state(self, alarm: Description, before: State = "OK", minutes: float = 0) -> State:
        """The alarm's state so many minutes from now."""
        return evaluate(alarm, self.data, NOW + minutes * 60, before)
