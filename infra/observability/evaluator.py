"""CloudWatch's rules of evaluation, so that an alarm can be tried without AWS.

Follows "Alarm evaluation", "Configuring how CloudWatch alarms treat missing data" and "Using math expressions" of the
CloudWatch user guide, for what the platform's alarms use. An alarm comes in the form of `describe_alarms`, which is how
AWS and the local cloud tell what is really deployed.
"""

import ast
import math
import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
Points = list[float | None]
"""One value per period, oldest first; None if there is no data."""

EXTRA_PERIODS = 2
"""Periods beyond its own that an alarm looks back to replace missing ones.

AWS gives no formula, only the example of five for three.
"""


@dataclass(frozen=True)
class Identity:
    """The identity of a metric on CloudWatch: another dimension, or one more, is another metric."""

    namespace: str
    name: str
    dimensions: frozenset[tuple[str, str]]

    @classmethod
    def of(cls, metric: Mapping[str, Any]) -> "Identity":
        """From the API's form: Namespace, MetricName, Dimensions."""
        dimensions = frozenset((d["Name"], d["Value"]) for d in metric.get("Dimensions", ()))
        return cls(metric["Namespace"], metric["MetricName"], dimensions)


@dataclass
class Data:
    """Published samples by metric and time (seconds)."""

    samples: dict[Identity, list[tuple[float, float]]] = field(default_factory=dict)

    def put(self, identity: Identity, at: float, values: Iterable[float]) -> None:
        """Publishes values at one moment."""
        self.samples.setdefault(identity, []).extend((at, value) for value in values)

    def points(self, identity: Identity, statistic: str, period: int, count: int, now: float) -> Points:
        """The statistic in each of the last `count` periods that end at `now`."""
        buckets: list[list[float]] = [[] for _ in range(count)]
        for at, value in self.samples.get(identity, ()):
            age = math.ceil((now - at) / period) - 1
            if 0 <= age < count:
                buckets[count - 1 - age].append(value)
        return [aggregate(values, statistic) if values else None for values in buckets]


_AGGREGATES: dict[str, Callable[[Sequence[float]], float]] = {
    "Sum": sum,
    "Average": lambda values: sum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
    "SampleCount": len,
}


def aggregate(values: Sequence[float], statistic: str) -> float:
    """The statistic of a period's samples; percentiles by nearest rank. Raises KeyError for an unknown one."""
    if statistic.startswith("p"):
        rank = math.ceil(float(statistic[1:]) / 100 * len(values))
        return sorted(values)[max(rank, 1) - 1]
    return float(_AGGREGATES[statistic](values))


def evaluate(alarm: Mapping[str, Any], data: Data, now: float, state: State = "INSUFFICIENT_DATA") -> State:
    """The state that a metric alarm which is in `state` takes at `now`."""
    periods = int(alarm["EvaluationPeriods"])
    points = watched(alarm, data, now, periods + EXTRA_PERIODS)
    compare = _COMPARISONS[alarm["ComparisonOperator"]]
    breaching = [None if point is None else bool(compare(point, alarm["Threshold"])) for point in points]
    return decide(
        breaching, periods, int(alarm.get("DatapointsToAlarm") or periods), missing_data_treatment(alarm), state
    )


_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def missing_data_treatment(alarm: Mapping[str, Any]) -> str:
    """The alarm's treatment of missing data, which CloudWatch always ignores for DynamoDB's metrics."""
    metrics = [q["MetricStat"]["Metric"] for q in alarm.get("Metrics") or () if "MetricStat" in q] or [alarm]
    if any(metric["Namespace"] == "AWS/DynamoDB" for metric in metrics):
        return "ignore"
    return str(alarm.get("TreatMissingData", "missing"))


def decide(breaching: Sequence[bool | None], periods: int, datapoints: int, missing: str, state: State) -> State:
    """The rule of M (`datapoints`) out of N (`periods`) over an evaluation range, oldest first, with gaps as None."""
    real = [point for point in breaching if point is not None]
    if len(real) >= periods:
        return "ALARM" if sum(real[-periods:]) >= datapoints else "OK"
    if missing in ("breaching", "notBreaching"):
        filled = periods - len(real) if missing == "breaching" else 0
        return "ALARM" if sum(real) + filled >= datapoints else "OK"
    if not real:
        return "INSUFFICIENT_DATA" if missing == "missing" else state
    if sum(real) >= datapoints:
        return "ALARM"
    # "Avoiding premature transitions": old enough, and nothing but breaches since.
    age = next(len(breaching) - i for i, point in enumerate(breaching) if point is not None)
    if all(real) and age >= datapoints:
        return "ALARM" if missing == "missing" else state
    return "OK"


def watched(alarm: Mapping[str, Any], data: Data, now: float, count: int) -> Points:
    """The last `count` values of what the alarm watches, its metric or its expression."""
    if "MetricName" in alarm:
        statistic = alarm.get("Statistic") or alarm["ExtendedStatistic"]
        return data.points(Identity.of(alarm), statistic, int(alarm["Period"]), count, now)
    series: dict[str, Points] = {}
    result = ""
    for query in alarm["Metrics"]:
        if "MetricStat" in query:
            stat = query["MetricStat"]
            identity = Identity.of(stat["Metric"])
            series[query["Id"]] = data.points(identity, stat["Stat"], int(stat["Period"]), count, now)
        if query.get("ReturnData", True):
            result = query.get("Expression") or query["Id"]
    return calculate(result, series)


def calculate(expression: str, series: Mapping[str, Points]) -> Points:
    """A metric math expression over time series of one length.

    Knows arithmetic, comparisons, IF, FILL with a number and SUM of an array; raises ValueError for anything else.
    """
    lengths = {len(points) for points in series.values()}
    value = _Math(series, lengths.pop()).evaluate(ast.parse(expression, mode="eval").body)
    if not isinstance(value, list):
        raise ValueError(f"{expression} is no time series")
    return value


_ARITHMETIC: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
_RELATIONS: dict[type[ast.cmpop], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
Value = float | Points


class _Math:
    """The syntax of metric math as used here is a subset of Python's."""

    def __init__(self, series: Mapping[str, Points], length: int) -> None:
        self.series = series
        self.length = length

    def evaluate(self, node: ast.expr) -> Value:
        match node:
            case ast.Constant(value=int() | float() as number):
                return float(number)
            case ast.Name(id=name):
                return self.series[name]
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                return self._each(_ARITHMETIC[type(op)], self.evaluate(left), self.evaluate(right))
            case ast.Compare(left=left, ops=[op], comparators=[right]) if type(op) in _RELATIONS:
                return self._each(_RELATIONS[type(op)], self.evaluate(left), self.evaluate(right))
            case ast.Call(func=ast.Name(id="IF"), args=[condition, then, otherwise]):
                return self._if(self.evaluate(condition), self.evaluate(then), self.evaluate(otherwise))
            case ast.Call(func=ast.Name(id="FILL"), args=[filled, ast.Constant(value=int() | float() as number)]):
                return self._fill(self.evaluate(filled), float(number))
            case ast.Call(func=ast.Name(id="SUM"), args=[ast.List(elts=elements)]):
                arrays = [self._points(self.evaluate(element)) for element in elements]
                return [_total(column) for column in zip(*arrays, strict=True)]
        raise ValueError(f"not understood: {ast.unparse(node)}")

    def _points(self, value: Value) -> Points:
        return value if isinstance(value, list) else [value] * self.length

    def _each(self, function: Callable[[float, float], float], left: Value, right: Value) -> Value:
        """A value that is missing on one side is 0; a division by zero drops the data point."""
        if not isinstance(left, list) and not isinstance(right, list):
            return float(function(left, right))

        def one(a: float | None, b: float | None) -> float | None:
            present = (a is not None and isinstance(left, list)) or (b is not None and isinstance(right, list))
            try:
                return float(function(a or 0.0, b or 0.0)) if present else None
            except ZeroDivisionError:
                return None

        return [one(a, b) for a, b in zip(self._points(left), self._points(right), strict=True)]

    def _if(self, condition: Value, then: Value, otherwise: Value) -> Points:
        """Dropped where the condition is missing; 0 if the condition holds and its value is missing."""

        def one(holds: float | None, a: float | None, b: float | None) -> float | None:
            if holds is None:
                return None
            return (a or 0.0) if holds else b

        columns = zip(self._points(condition), self._points(then), self._points(otherwise), strict=True)
        return [one(*column) for column in columns]

    def _fill(self, value: Value, number: float) -> Points:
        """A series without any data in the range stays empty: there is nothing whose gaps could be filled."""
        points = self._points(value)
        if all(point is None for point in points):
            return points
        return [number if point is None else point for point in points]


def _total(column: Sequence[float | None]) -> float | None:
    present = [value for value in column if value is not None]
    return sum(present) if present else None


def evaluate_composite(alarm: Mapping[str, Any], states: Mapping[str, State]) -> State:
    """The state of a composite whose rule is ALARM("a") OR ALARM("b") ...; a missing alarm is a KeyError."""
    names = [
        term.strip().removeprefix("ALARM(").removesuffix(")").strip('"') for term in alarm["AlarmRule"].split(" OR ")
    ]
    return "ALARM" if any(states[name] == "ALARM" for name in names) else "OK"


def acts(alarm: Mapping[str, Any], states: Mapping[str, State]) -> bool:
    """True if a composite's actions are carried out, false while its suppressor is in ALARM."""
    suppressor = alarm.get("ActionsSuppressor")
    return not suppressor or states[suppressor] != "ALARM"
