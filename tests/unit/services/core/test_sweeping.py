"""Sweeps: chores share a run's time, stop within it, and go on in a run of their own."""

import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from services.core import aws
from services.core.domain.values import timestamp
from services.core.names import LIVE_ALIAS
from services.core.sweeping import MOST_RUNS, RESERVE, Sweeper, TimeSlice, UnfinishedError
from services.core.telemetry import Telemetry

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECONDS = 60.0
"""A run's time, besides what it keeps in reserve."""


class Lambdas:
    """Lambda: runs take time, and may be started."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.clock = 1000.0
        self.started: list[dict[str, Any]] = []
        self.ends = 0.0
        monkeypatch.setattr(time, "monotonic", lambda: self.clock)
        monkeypatch.setattr(aws, "functions", lambda: self)
        self.telemetry = Telemetry("chores", "unit", "CRITICAL")

    def get_remaining_time_in_millis(self) -> int:
        return round((self.ends - self.clock) * 1000)

    def invoke(self, **asked: Any) -> None:
        assert (asked["FunctionName"], asked["Qualifier"]) == ("civicforge-unit-chores", LIVE_ALIAS)
        assert asked["InvocationType"] == "Event"
        self.started.append(json.loads(asked["Payload"]))

    def run(self, sweeper: Sweeper, event: dict[str, Any], now: datetime = NOW) -> None:
        self.ends = self.clock + SECONDS + RESERVE
        try:
            sweeper.run(event, self, now)
        finally:
            assert self.get_remaining_time_in_millis() > 0, "Lambda ended the run"

    def run_to_the_end(self, sweeper: Sweeper) -> int:
        """Returns how many runs there were."""
        self.run(sweeper, {"sweep": "chores"})
        runs = 1
        while self.started:
            self.run(sweeper, self.started.pop(), NOW.replace(hour=13))
            runs += 1
        return runs


@pytest.fixture
def lambdas(monkeypatch: pytest.MonkeyPatch) -> Lambdas:
    return Lambdas(monkeypatch)


class Work:
    """A chore over numbered things, each of which takes time."""

    def __init__(self, lambdas: Lambdas, name: str, things: int, seconds: float) -> None:
        self.__name__ = name
        self.lambdas, self.things, self.seconds = lambdas, things, seconds
        self.done: list[int] = []
        self.moments: set[datetime] = set()

    def __call__(self, now: datetime, time_slice: TimeSlice, /) -> int:
        self.moments.add(time_slice.now)
        first = int(time_slice.after) + 1 if time_slice.after else 0
        for number in time_slice.limit(range(first, self.things)):
            self.lambdas.clock += self.seconds
            self.done.append(number)
        return len(self.done)


def _sweeper(lambdas: Lambdas, *chores: Any) -> Sweeper:
    return Sweeper("chores", "unit", chores, lambdas.telemetry)


def test_what_fits_is_done_in_one_run(lambdas: Lambdas) -> None:
    small, smaller = Work(lambdas, "small", 10, 1), Work(lambdas, "smaller", 3, 1)
    assert lambdas.run_to_the_end(_sweeper(lambdas, small, smaller)) == 1
    assert (small.done, smaller.done) == ([*range(10)], [*range(3)])


def test_what_does_not_fit_goes_on_where_it_stopped(lambdas: Lambdas) -> None:
    large, small = Work(lambdas, "large", 200, 1), Work(lambdas, "small", 3, 1)
    runs = lambdas.run_to_the_end(_sweeper(lambdas, large, small))
    assert runs == 4  # 30 s are its share of the first run, and 60 of each other
    assert (large.done, small.done) == ([*range(200)], [*range(3)])
    assert large.moments == {NOW}, "the runs belong to the slice of the first"


def test_much_to_do_does_not_keep_what_comes_after_waiting(lambdas: Lambdas) -> None:
    large, last = Work(lambdas, "large", 10_000, 1), Work(lambdas, "last", 20, 1)
    lambdas.run(_sweeper(lambdas, large, last), {})
    assert (len(large.done), last.done) == (30, [*range(20)])


def test_time_that_a_chore_leaves_is_the_next_ones(lambdas: Lambdas) -> None:
    idle, large = Work(lambdas, "idle", 0, 1), Work(lambdas, "large", 100, 1)
    lambdas.run(_sweeper(lambdas, idle, large), {})
    assert len(large.done) == 60


def test_what_a_dozen_runs_leave_fails_aloud_and_is_left_to_the_schedule(lambdas: Lambdas) -> None:
    endless, large = Work(lambdas, "endless", 10_000, 1), Work(lambdas, "large", 10_000, 1)
    with pytest.raises(UnfinishedError, match=f"endless, large: not finished after {MOST_RUNS} runs"):
        lambdas.run_to_the_end(_sweeper(lambdas, endless, large))
    assert lambdas.started == []
    assert len(endless.done) + len(large.done) == MOST_RUNS * SECONDS


def test_a_thing_that_takes_longer_than_a_share_is_still_done(lambdas: Lambdas) -> None:
    slow = Work(lambdas, "slow", 3, SECONDS + 1)
    assert lambdas.run_to_the_end(_sweeper(lambdas, slow)) == 3
    assert slow.done == [0, 1, 2]


def test_trouble_is_raised_after_the_others_and_the_rest_goes_on(lambdas: Lambdas) -> None:
    def broken(_now: datetime, _time_slice: TimeSlice) -> None:
        raise RuntimeError("the table is away")

    large = Work(lambdas, "large", 100, 1)
    with pytest.raises(RuntimeError, match="away"):
        lambdas.run(_sweeper(lambdas, broken, large), {})
    assert [json.loads(started["chores"]) for started in lambdas.started] == [{"large": "59"}]
    assert lambdas.started[0]["began"] == timestamp(NOW)
