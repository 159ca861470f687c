"""Each deployed alarm at its threshold: just below, just above, silent, in another stage. Named by the requirement."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from infra.observability.catalogue import Alarms
from infra.observability.docs import DOCUMENTED
from infra.observability.evaluator import Identity
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
from tests.unit.infra.plan import plan

SCHEDULED = {
    "unpaid-rewards-p2": "oldest_unpaid_reward_seconds",
    "ledger-drift-p2": "ledger_drift",
    "document-drift-p2": "document_drift",
    "canary-p1": "canary_failures",
}
"""The alarms of what runs by schedule, whose silence is the fault, and the metric that each listens to."""


def scheduled() -> Clock:
    """A clock on which all scheduled work has just said that all is well."""
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
        ("rewards", 1, 1, "ALARM"),
        ("rewards", 1, 100, "ALARM"),
        ("rewards", 0, 100, "OK"),
        ("canary", 1, 12, "ALARM"),
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


# R50, R51, R54: errors of the API, as an objective of 99.9 % whose budget must not burn too fast.


def failing(failed: int, requests: int, minutes_ago: float = 0.5, clock: Clock | None = None) -> Clock:
    clock = clock or Clock()
    clock.put(of_api("5xx"), *[1.0] * failed, *[0.0] * (requests - failed), minutes_ago=minutes_ago)
    return clock.put(of_api("Count"), *[1.0] * requests, minutes_ago=minutes_ago)


@pytest.mark.parametrize(
    ("failed", "requests", "state"),
    [(14, 1000, "OK"), (15, 1000, "ALARM"), (144, 10_000, "OK"), (145, 10_000, "ALARM"), (4, 4, "OK"), (5, 5, "ALARM")],
)
def test_the_fast_burn_of_an_hour_begins_at_14_4_budgets(failed: int, requests: int, state: str) -> None:
    """1.44 % of all requests, and at least five: one failure of a small community's few is no outage, five are."""
    assert failing(failed, requests, 30).state(alarm_named("availability-burn-hour-p1")) == state


@pytest.mark.parametrize(("minutes_ago", "state"), [(4, "ALARM"), (6, "OK")])
def test_the_short_window_says_that_it_goes_on(minutes_ago: float, state: str) -> None:
    clock = failing(1, 69, minutes_ago)
    if minutes_ago > 5:
        failing(0, 1, 1, clock)
    assert clock.state(alarm_named("availability-burn-minutes-p1")) == state


@pytest.mark.parametrize(("failed", "requests"), [(1, 70), (0, 1)])
def test_the_short_window_is_calm_below_14_4_budgets(failed: int, requests: int) -> None:
    assert failing(failed, requests, 1).state(alarm_named("availability-burn-minutes-p1")) == "OK"


@pytest.mark.parametrize(
    ("failed", "requests", "state"), [(6, 1000, "OK"), (7, 1000, "ALARM"), (4, 100, "OK"), (60, 10_000, "OK")]
)
def test_the_slow_burn_of_six_hours_begins_at_6_budgets(failed: int, requests: int, state: str) -> None:
    clock = failing(failed, requests, 300)
    assert clock.state(alarm_named("availability-burn-slow-p2")) == state
    assert clock.state(alarm_named("availability-burn-hour-p1")) == "OK", "it was five hours ago"


def test_it_pages_for_both_windows_together() -> None:
    (outage,) = (c for c in plan("prod").of("CompositeAlarm") if c.inputs["alarmName"].endswith("availability-burn-p1"))
    assert outage.inputs["alarmRule"] == (
        'ALARM("civicforge-prod-availability-burn-hour-p1") AND ALARM("civicforge-prod-availability-burn-minutes-p1")'
    )


@pytest.mark.parametrize(
    ("alarm", "metric", "late", "all_", "state"),
    [
        ("payment-burn-hour-p2", "rewards_late", 14, 100, "OK"),
        ("payment-burn-hour-p2", "rewards_late", 15, 100, "ALARM"),
        ("payment-burn-slow-p2", "rewards_late", 6, 100, "OK"),
        ("payment-burn-slow-p2", "rewards_late", 7, 100, "ALARM"),
        ("mail-burn-hour-p2", "mails_late", 72, 100, "OK"),
        ("mail-burn-hour-p2", "mails_late", 73, 100, "ALARM"),
        ("mail-burn-slow-p2", "mails_late", 30, 100, "OK"),
        ("mail-burn-slow-p2", "mails_late", 31, 100, "ALARM"),
    ],
)
def test_promises_to_members_burn_at_the_same_rates(alarm: str, metric: str, late: int, all_: int, state: str) -> None:
    clock = Clock().put(own(metric), *[100.0] * late, *[0.0] * (all_ - late))
    assert clock.state(alarm_named(alarm)) == state


# R52: throttling. What hurts is a request that fails of it, however many tries it had, and that is told by the emitter.


@pytest.mark.parametrize(("refused", "state"), [(5, "OK"), (6, "ALARM")])
def test_r52_requests_that_aws_refused(refused: int, state: str) -> None:
    assert Clock().put(own("aws_refusals"), *[1.0] * refused).state(alarm_named("aws-refusals-p2")) == state


# The canary: failing, slow, silent.


def journeys(*failures: float, milliseconds: float = 900) -> Clock:
    """The last runs, the newest first."""
    clock = Clock()
    for index, failed in enumerate(failures):
        clock.put(own("canary_failures"), failed, minutes_ago=5 * index + 2)
        clock.put(own("canary_milliseconds"), milliseconds, minutes_ago=5 * index + 2)
    return clock


@pytest.mark.parametrize(
    ("failures", "state"), [((0, 0, 0), "OK"), ((1, 1, 0), "OK"), ((1, 1, 1), "ALARM"), ((0, 5, 5), "OK")]
)
def test_three_bad_journeys_in_a_row_page(failures: tuple[float, ...], state: str) -> None:
    assert journeys(*failures).state(alarm_named("canary-p1")) == state


def test_a_canary_that_falls_silent_pages_within_half_an_hour() -> None:
    assert journeys(0, 0, 0).state(alarm_named("canary-p1"), minutes=8) == "OK", "one run is missing"
    assert journeys(0, 0, 0).state(alarm_named("canary-p1"), minutes=30) == "ALARM"


@pytest.mark.parametrize(("milliseconds", "state"), [(8000, "OK"), (8001, "ALARM")])
def test_slow_journeys(milliseconds: float, state: str) -> None:
    assert journeys(0, 0, 0, milliseconds=milliseconds).state(alarm_named("canary-slow-p2")) == state


@pytest.mark.parametrize(
    ("metric", "alarm"),
    [
        ("canary_life_failures", "canary-life-p2"),
        ("certificate_days_short", "certificate-p2"),
        ("breaker_opened_itself", "breaker-itself-p1"),
    ],
)
def test_one_of_these_is_told(metric: str, alarm: str) -> None:
    assert Clock().put(own(metric), 0).state(alarm_named(alarm)) == "OK"
    assert Clock().put(own(metric), 1).state(alarm_named(alarm)) == "ALARM"


# Edge and sign-in.


@pytest.mark.parametrize(("failed", "state"), [(80, "OK"), (81, "ALARM")])
def test_sign_ins_that_fail(failed: int, state: str) -> None:
    clock = Clock()
    names = {"UserPool": "civicforge-prod-users", "UserPoolClient": "civicforge-prod-page"}
    for minutes_ago in (2, 17):
        clock.put(
            of_aws("Cognito", "SignInSuccesses", **names),
            *[0.0] * failed,
            *[1.0] * (100 - failed),
            minutes_ago=minutes_ago,
        )
    assert clock.state(alarm_named("sign-in-failures-p2")) == state
    throttled = Clock().put(of_aws("Cognito", "SignInThrottles", **names), 1)
    assert throttled.state(alarm_named("sign-in-throttles-p2")) == "ALARM"


@pytest.mark.parametrize(("share", "state"), [(5, "OK"), (5.1, "ALARM")])
def test_the_edge(share: float, state: str) -> None:
    clock = Clock()
    for minutes_ago in (2, 7, 12):
        edge = of_aws("CloudFront", "5xxErrorRate", DistributionId="prod-site-id", Region="Global")
        clock.put(edge, share, minutes_ago=minutes_ago)
    assert clock.state(alarm_named("edge-5xx-p2")) == state


def test_a_stage_in_another_region_has_no_alarm_on_the_edge() -> None:
    assert Alarms(replace(DOCUMENTED, region="eu-central-1")).edge_5xx is None


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
