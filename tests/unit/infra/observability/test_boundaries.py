"""Each deployed alarm at its threshold: just below, just above, silent, in another stage. Named by the requirement."""

from collections.abc import Callable

import pytest

from infra.observability.evaluator import Identity
from services.core.tables import TABLES
from tests.unit.infra.observability.deployed import (
    Clock,
    alarm_named,
    metric_alarms,
    of_api,
    of_aws,
    of_function,
    of_queue,
    own,
    queries,
)

SCHEDULED = {
    "unpaid-rewards-p2": "oldest_unpaid_reward_seconds",
    "ledger-drift-p2": "ledger_drift",
    "document-drift-p2": "document_drift",
}
"""The alarms of what runs by schedule, whose silence is the fault, and the metric that each listens to."""


def scheduled() -> Clock:
    """What ran by schedule has just said that all is well."""
    clock = Clock()
    for metric in SCHEDULED.values():
        clock.put(own(metric), 0)
    return clock


@pytest.mark.parametrize("short", [name.removeprefix("civicforge-prod-") for name in metric_alarms()])
def test_silence_is_ok_but_for_what_runs_by_schedule(short: str) -> None:
    assert Clock().state(alarm_named(short)) == ("ALARM" if short in SCHEDULED else "OK")


@pytest.mark.parametrize("name", list(metric_alarms("staging")))
def test_a_breach_in_another_stage_is_not_ours(name: str) -> None:
    """Ten thousand of everything in staging; in prod only what each alarm needs to know that all is well."""
    clock = scheduled()
    for query in queries(metric_alarms("staging")[name]):
        for minutes_ago in range(1, 30):
            clock.put(Identity.of(query), 10_000, minutes_ago=minutes_ago - 0.5)
    for ours in metric_alarms("prod").values():
        assert clock.state(ours) == "OK", ours["AlarmName"]


# R47: Lambda error rate above 1 %, per function, with a minimum of traffic.


def lambda_state(service: str, errors: int, runs: int) -> str:
    clock = Clock()
    clock.put(of_function(service, "Errors"), *[1.0] * errors, *[0.0] * (runs - errors))
    clock.put(of_function(service, "Invocations"), *[1.0] * runs)
    return clock.state(alarm_named(f"lambda-{service}-errors-p2"))


@pytest.mark.parametrize(
    ("service", "errors", "runs", "state"),
    [
        ("api", 1, 100, "OK"),
        ("api", 2, 100, "ALARM"),
        ("api", 10, 1000, "OK"),
        ("api", 11, 1000, "ALARM"),
        ("api", 50, 99, "OK"),
        ("onboarding", 1, 1, "ALARM"),
        ("onboarding", 0, 1, "OK"),
        ("rewards", 2, 2, "OK"),
        ("rewards", 1, 3, "ALARM"),
        ("rewards", 1, 100, "OK"),
        ("housekeeping", 1, 3, "ALARM"),
        ("housekeeping", 0, 4, "OK"),
    ],
)
def test_r47_error_rate_of_a_function(service: str, errors: int, runs: int, state: str) -> None:
    assert lambda_state(service, errors, runs) == state


def test_r47_errors_of_one_function_do_not_hide_behind_another() -> None:
    clock = Clock().put(of_function("api", "Invocations"), *[1.0] * 10_000)
    clock.put(of_function("rewards", "Invocations"), 1, 1, 1).put(of_function("rewards", "Errors"), 1)
    assert clock.state(alarm_named("lambda-rewards-errors-p2")) == "ALARM"
    assert clock.state(alarm_named("lambda-api-errors-p2")) == "OK"


# R48: depth above 0, and age above an hour.


@pytest.mark.parametrize(("queue", "severity"), [("user-creation", "p1"), ("rewards", "p2"), ("schedules", "p2")])
def test_r48_one_message_alarms_and_an_old_one_again(queue: str, severity: str) -> None:
    depth, age = alarm_named(f"{queue}-queue-depth-{severity}"), alarm_named(f"{queue}-queue-age-{severity}")
    names = "ApproximateNumberOfMessagesVisible", "ApproximateAgeOfOldestMessage"
    empty = Clock().put(of_queue(names[0], queue), 0).put(of_queue(names[1], queue), 0)
    assert (empty.state(depth), empty.state(age)) == ("OK", "OK")
    fresh = Clock().put(of_queue(names[0], queue), 1).put(of_queue(names[1], queue), 3600)
    assert (fresh.state(depth), fresh.state(age)) == ("ALARM", "OK")
    old = Clock().put(of_queue(names[0], queue), 1).put(of_queue(names[1], queue), 3601)
    assert (old.state(depth), old.state(age)) == ("ALARM", "ALARM")


# R49: more than five unhandled errors in five minutes.


@pytest.mark.parametrize(("errors", "state"), [(5, "OK"), (6, "ALARM")])
def test_r49_api_errors(errors: int, state: str) -> None:
    assert Clock().put(own("api_errors"), *[1.0] * errors).state(alarm_named("api-errors-p2")) == state


def test_r49_six_errors_over_more_than_five_minutes_are_not_six_in_five() -> None:
    clock = Clock().put(own("api_errors"), 1, 1, 1, minutes_ago=5.5).put(own("api_errors"), 1, 1, 1)
    assert clock.state(alarm_named("api-errors-p2")) == "OK"


def test_r49_fifty_times_404_alarms_nobody() -> None:
    clock = scheduled()
    clock.put(of_api("4xx"), *[1.0] * 50).put(of_api("5xx"), *[0.0] * 50).put(of_api("Count"), *[1.0] * 50)
    clock.put(of_api("Latency"), *[12.0] * 50)
    clock.put(of_function("api", "Invocations"), *[1.0] * 50).put(of_function("api", "Errors"), *[0.0] * 50)
    for alarm in metric_alarms().values():
        assert clock.state(alarm) == "OK", alarm["AlarmName"]


# R50, R51: any 5xx, and more than ten a minute.


@pytest.mark.parametrize(
    ("count", "p3", "p1"), [(0, "OK", "OK"), (1, "ALARM", "OK"), (10, "ALARM", "OK"), (11, "ALARM", "ALARM")]
)
def test_r50_r51_the_two_tiers_of_5xx(count: int, p3: str, p1: str) -> None:
    clock = Clock().put(of_api("5xx"), *[1.0] * count, 0)
    assert clock.state(alarm_named("api-5xx-p3")) == p3
    assert clock.state(alarm_named("api-5xx-p1")) == p1


def test_r51_eleven_in_two_minutes_are_not_ten_in_one() -> None:
    clock = Clock().put(of_api("5xx"), *[1.0] * 6, minutes_ago=1.5).put(of_api("5xx"), *[1.0] * 5)
    assert clock.state(alarm_named("api-5xx-p1")) == "OK"


# R52: throttling, per table and index.

THINGS = [
    (table.thing, index, operation)
    for table in TABLES
    for index in (None, *(index.name for index in table.indexes))
    for operation in ("Read", "Write")
]


def throttled(table: str, index: str | None, operation: str) -> Identity:
    dimensions = {"TableName": f"civicforge-prod-{table}"} | ({"GlobalSecondaryIndexName": index} if index else {})
    return of_aws("DynamoDB", f"{operation}ThrottleEvents", **dimensions)


@pytest.mark.parametrize(("table", "index", "operation"), THINGS)
def test_r52_one_refusal_of_a_table_or_index_alarms(table: str, index: str | None, operation: str) -> None:
    clock = Clock().put(throttled(table, index, operation), 1)
    states = {thing.thing: clock.state(alarm_named(f"{thing.thing}-throttles-p2")) for thing in TABLES}
    assert states == {thing.thing: "ALARM" if thing.thing == table else "OK" for thing in TABLES}


def test_r52_a_metric_that_comes_late_is_still_seen() -> None:
    clock = Clock().put(throttled("quests", "board2", "Write"), 3, minutes_ago=2.5)
    assert clock.state(alarm_named("quests-throttles-p2")) == "ALARM"


def test_r52_throttling_that_is_over_ends_the_alarm_although_dynamodb_falls_silent() -> None:
    clock = Clock().put(throttled("quests", None, "Write"), 3)
    alarm = alarm_named("quests-throttles-p2")
    states, state = [], clock.state(alarm)
    for minute in range(1, 15):
        state = clock.state(alarm, state, minute)
        states.append(state)
    assert states == ["ALARM"] * 4 + ["OK"] * 10


# R53: failed rewards, and the oldest unpaid one.


@pytest.mark.parametrize(("failed", "p3", "p1"), [(1, "ALARM", "OK"), (2, "ALARM", "ALARM")])
def test_r53_failed_rewards(failed: int, p3: str, p1: str) -> None:
    clock = Clock().put(own("failed_rewards"), *[1.0] * failed)
    assert clock.state(alarm_named("failed-rewards-p3")) == p3
    assert clock.state(alarm_named("failed-rewards-p1")) == p1


@pytest.mark.parametrize(("age", "state"), [(0, "OK"), (3600, "OK"), (3601, "ALARM")])
def test_r53_the_oldest_unpaid_reward(age: float, state: str) -> None:
    alarm = alarm_named("unpaid-rewards-p2")
    assert Clock().put(own("oldest_unpaid_reward_seconds"), age).state(alarm) == state


def test_r53_a_sweep_that_falls_silent_alarms_although_its_last_word_was_good() -> None:
    clock = Clock().put(own("oldest_unpaid_reward_seconds"), 0)
    alarm = alarm_named("unpaid-rewards-p2")
    assert clock.state(alarm, minutes=16) == "OK", "one sweep late"
    assert clock.state(alarm, minutes=91) == "ALARM"


def test_r53_a_housekeeping_that_falls_silent_alarms_after_a_day() -> None:
    clock = Clock().put(own("ledger_drift"), 0)
    alarm = alarm_named("ledger-drift-p2")
    assert clock.state(alarm, minutes=23 * 60) == "OK"
    assert clock.state(alarm, minutes=4 * 24 * 60) == "ALARM"


# R54: more than 5 % of all requests fail, within five minutes, with a minimum of traffic.


@pytest.mark.parametrize(
    ("failed", "requests", "state"),
    [(1, 20, "OK"), (2, 20, "ALARM"), (5, 100, "OK"), (6, 100, "ALARM"), (19, 19, "OK"), (0, 500, "OK")],
)
def test_r54_error_rate_of_the_api(failed: int, requests: int, state: str) -> None:
    clock = Clock().put(of_api("5xx"), *[1.0] * failed, *[0.0] * (requests - failed))
    clock.put(of_api("Count"), *[1.0] * requests)
    assert clock.state(alarm_named("api-error-rate-p1")) == state


# R55: p95 above a second, in three of five.


def latencies(periods: int, samples: Callable[[], list[float]]) -> Clock:
    clock = Clock()
    for period in range(5):
        values = samples() if period < periods else [100.0] * 100
        clock.put(of_api("Latency"), *values, minutes_ago=5 * period + 2)
        clock.put(of_api("Count"), *[1.0] * len(values), minutes_ago=5 * period + 2)
    return clock


@pytest.mark.parametrize(
    ("slow", "milliseconds", "periods", "state"),
    [
        (6, 1001, 3, "ALARM"),
        (6, 1001, 2, "OK"),
        (6, 1000, 5, "OK"),
        (5, 1001, 5, "OK"),
        (4, 60_000, 5, "OK"),
    ],
)
def test_r55_p95_latency(slow: int, milliseconds: float, periods: int, state: str) -> None:
    clock = latencies(periods, lambda: [milliseconds] * slow + [100.0] * (100 - slow))
    assert clock.state(alarm_named("api-latency-p2")) == state


def test_r55_it_is_the_percentile_and_not_the_mean() -> None:
    mean_above_a_second = latencies(5, lambda: [30_000.0] * 4 + [10.0] * 96)
    assert mean_above_a_second.state(alarm_named("api-latency-p2")) == "OK"
    mean_far_below = latencies(5, lambda: [1500.0] * 6 + [10.0] * 94)
    assert mean_far_below.state(alarm_named("api-latency-p2")) == "ALARM"


def test_r55_a_few_cold_starts_at_night_wake_nobody() -> None:
    assert latencies(5, lambda: [3000.0] * 19).state(alarm_named("api-latency-p2")) == "OK"


# What the requirements do not number.


@pytest.mark.parametrize(
    "short", ["ledger_drift:ledger-drift-p2", "document_drift:document-drift-p2", "flag_parse_errors:flag-errors-p3"]
)
def test_one_is_too_many(short: str) -> None:
    metric, alarm = short.split(":")
    assert Clock().put(own(metric), 0).state(alarm_named(alarm)) == "OK"
    assert Clock().put(own(metric), 1).state(alarm_named(alarm)) == "ALARM"


def test_drift_found_in_one_of_a_days_slices_stays_until_a_day_found_none() -> None:
    clock = Clock()
    for quarter in range(96):
        clock.put(own("ledger_drift"), 1 if quarter == 90 else 0, minutes_ago=quarter * 15 + 1)
    assert clock.state(alarm_named("ledger-drift-p2")) == "ALARM"
