"""The evaluator against the tables and examples of the CloudWatch user guide."""

import pytest

from infra.observability.evaluator import (
    Data,
    Identity,
    Points,
    State,
    acts,
    aggregate,
    calculate,
    decide,
    evaluate,
    evaluate_composite,
)

RETAINED: State = "INSUFFICIENT_DATA"
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
RULES = [
    # AWS: "How alarm state is evaluated when data is missing", 3 out of 3.
    ("0 - X - X", 3, ("OK", "OK", "OK", "OK")),
    ("0 - - - -", 3, ("OK", "OK", "OK", "OK")),
    ("- - - - -", 3, ("INSUFFICIENT_DATA", None, "ALARM", "OK")),
    ("0 X X - X", 3, ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("- - X - -", 3, ("ALARM", None, "ALARM", "OK")),
    # The same, 2 out of 3.
    ("0 - X - X", 2, ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("0 0 X 0 X", 2, ("ALARM", "ALARM", "ALARM", "ALARM")),
    ("0 - X - -", 2, ("OK", "OK", "ALARM", "OK")),
    ("- - - - 0", 2, ("OK", "OK", "ALARM", "OK")),
    ("- - - X -", 2, ("ALARM", None, "ALARM", "OK")),
    # "Avoiding premature transitions to alarm state".
    ("- - - - X", 3, ("OK", "OK", "ALARM", "OK")),
    ("- - - X -", 3, ("OK", "OK", "ALARM", "OK")),
    ("- - X - 0", 3, ("OK", "OK", "OK", "OK")),
]


@pytest.mark.parametrize(("points", "datapoints", "expected"), RULES)
@pytest.mark.parametrize("treatment", range(4))
def test_m_of_n_with_missing_data_follows_the_tables_of_aws(
    points: str, datapoints: int, expected: tuple[State | None, ...], treatment: int
) -> None:
    breaching = [{"0": False, "X": True, "-": None}[point] for point in points.split()]
    state = decide(breaching, 3, datapoints, TREATMENTS[treatment], "ALARM")
    assert state == (expected[treatment] or "ALARM")
    assert decide(breaching, 3, datapoints, "ignore", RETAINED) == (expected[1] or RETAINED)


@pytest.mark.parametrize(
    ("statistic", "value"),
    [
        ("Sum", 5050),
        ("Average", 50.5),
        ("Minimum", 1),
        ("Maximum", 100),
        ("SampleCount", 100),
        ("p50", 50),
        ("p95", 95),
    ],
)
def test_statistics(statistic: str, value: float) -> None:
    assert aggregate(list(range(100, 0, -1)), statistic) == value


def test_a_percentile_of_one_sample_is_that_sample() -> None:
    assert aggregate([7.0], "p99") == 7
    assert aggregate([7.0], "p0") == 7


def test_an_unknown_statistic_is_an_error() -> None:
    with pytest.raises(KeyError):
        aggregate([1.0], "Median")


METRIC1: Points = [30, 20, 0, 0]
METRIC2: Points = [20, None, 20, None]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        # AWS: "Comparison and logical operators", "Using IF expressions", "Basic arithmetic functions".
        ("a < b", [0, 0, 1, 0]),
        ("a >= 30", [1, 0, 0, 0]),
        ("a / b", [1.5, None, 0, None]),
        ("a + b", [50, 20, 20, 0]),
        ("a - 1", [29, 19, -1, -1]),
        ("b * 2", [40, None, 40, None]),
        ("IF(a, b, 5)", [20, 0, 5, 5]),
        ("IF(b, a, 5)", [30, None, 0, None]),
        ("IF(a > 0, 7, b)", [7, 7, 20, None]),
        ("FILL(b, 3)", [20, 3, 20, 3]),
        ("SUM([b, a])", [50, 20, 20, 0]),
        ("SUM([b, b])", [40, None, 40, None]),
        ("IF(a == 30, 1, 0) + IF(a != 30, 2, 0) + IF(a <= 0, 4, 0)", [1, 2, 6, 6]),
        ("(1 + 2) * a", [90, 60, 0, 0]),
    ],
)
def test_metric_math(expression: str, expected: Points) -> None:
    assert calculate(expression, {"a": METRIC1, "b": METRIC2}) == expected


def test_filling_a_series_that_never_had_data_makes_none_up() -> None:
    assert calculate("SUM([FILL(a, 0), FILL(b, 0)])", {"a": [None, None], "b": [None, None]}) == [None, None]
    assert calculate("SUM([FILL(a, 0), FILL(b, 0)])", {"a": [None, 4], "b": [None, None]}) == [0, 4]


@pytest.mark.parametrize("expression", ["SEARCH(a)", "a ** 2", "AVG([a])", "not a", "FILL(a, b)", "3 * 4", "1 < 2"])
def test_an_expression_that_is_not_understood_is_an_error_and_never_a_guess(expression: str) -> None:
    with pytest.raises(ValueError, match=r"not understood|no time series"):
        calculate(expression, {"a": METRIC1, "b": METRIC2})


WATCHED = {"Namespace": "N", "MetricName": "m", "Dimensions": [{"Name": "stage", "Value": "prod"}]}
ALARM = {
    **WATCHED,
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 2,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}


def published(**dimensions: str) -> Data:
    data = Data()
    data.put(Identity("N", "m", frozenset(dimensions.items())), 1000, [1, 2])
    return data


def test_the_same_metric_under_the_same_dimensions_is_seen() -> None:
    assert evaluate(ALARM, published(stage="prod"), 1001) == "ALARM"


@pytest.mark.parametrize("dimensions", [{}, {"stage": "dev"}, {"stage": "prod", "service": "x"}, {"service": "prod"}])
def test_other_dimensions_are_another_metric(dimensions: dict[str, str]) -> None:
    assert evaluate(ALARM, published(**dimensions), 1001) == "OK"


def test_samples_belong_to_the_period_in_which_they_were_published() -> None:
    data = published(stage="prod")
    assert data.points(Identity.of(WATCHED), "Sum", 60, 3, 1060.0) == [None, None, 3]
    assert data.points(Identity.of(WATCHED), "Sum", 60, 3, 1061.0) == [None, 3, None]
    assert data.points(Identity.of(WATCHED), "Sum", 60, 3, 1000.0) == [None, None, None], "not yet published"
    assert data.points(Identity.of(WATCHED), "Sum", 60, 1, 5000.0) == [None]


@pytest.mark.parametrize(
    ("operator", "state"),
    [
        ("GreaterThanThreshold", "OK"),
        ("GreaterThanOrEqualToThreshold", "ALARM"),
        ("LessThanThreshold", "OK"),
        ("LessThanOrEqualToThreshold", "ALARM"),
    ],
)
def test_at_the_threshold_only_the_operators_with_equality_breach(operator: str, state: State) -> None:
    alarm = ALARM | {"Threshold": 3, "ComparisonOperator": operator}
    assert evaluate(alarm, published(stage="prod"), 1001) == state


def test_an_alarm_looks_back_beyond_its_periods_only_for_missing_ones() -> None:
    data = published(stage="prod")
    assert evaluate(ALARM, data, 1061) == "ALARM", "the last real data point, since the newest is missing"
    data.put(Identity.of(WATCHED), 1060, [0])
    assert evaluate(ALARM, data, 1061) == "OK"
    assert evaluate(ALARM, published(stage="prod"), 1000 + 3 * 60 + 1) == "OK", "out of the evaluation range"


def test_percentiles_come_as_extended_statistics() -> None:
    alarm = {key: value for key, value in ALARM.items() if key != "Statistic"} | {"ExtendedStatistic": "p50"}
    data = Data()
    data.put(Identity.of(WATCHED), 1000, [1, 3, 9])
    assert evaluate(alarm, data, 1001) == "ALARM"
    assert evaluate(alarm | {"Threshold": 3}, data, 1001) == "OK"


def test_missing_data_of_dynamodb_is_ignored_whatever_the_alarm_says() -> None:
    alarm = ALARM | {"Namespace": "AWS/DynamoDB"}
    assert evaluate(alarm, Data(), 1000, "ALARM") == "ALARM"
    assert evaluate(ALARM, Data(), 1000, "ALARM") == "OK"


def test_composites_follow_their_rule_and_their_suppressor() -> None:
    composite = {"AlarmRule": 'ALARM("a") OR ALARM("b")', "ActionsSuppressor": "greater"}
    assert evaluate_composite(composite, {"a": "OK", "b": "ALARM"}) == "ALARM"
    assert evaluate_composite(composite, {"a": "OK", "b": "INSUFFICIENT_DATA"}) == "OK"
    assert acts(composite, {"greater": "OK"})
    assert not acts(composite, {"greater": "ALARM"})
    assert acts({"AlarmRule": 'ALARM("a")'}, {})
    with pytest.raises(KeyError):
        evaluate_composite(composite, {"a": "OK"})
