"""Delivery of stream records, by AWS's rules, without an emulator."""

import random
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from localcloud.emulator.streams import Poller, Progress, Record, Rules, deliver

Invoke = Callable[[Mapping[str, Any]], Mapping[str, Any]]
FINE: Mapping[str, Any] = {"body": None}
BROKEN: Mapping[str, Any] = {"error": True, "body": {"errorMessage": "no"}}


def rules(**changes: Any) -> Rules:
    return Rules.of({"BatchSize": 10, "MaximumRetryAttempts": 2} | changes)


class Stream:
    """Records 0..n-1 made at time 0, a function that fails on some, and what became of each."""

    def __init__(self, count: int, settings: Rules, poison: set[int], *, partial: bool = False) -> None:
        self.records: list[Record] = [
            {"dynamodb": {"SequenceNumber": str(number), "ApproximateCreationDateTime": 0.0}} for number in range(count)
        ]
        self.rules = settings
        self.poison = poison
        self.partial = partial
        self.progress = Progress(0, settings.batch_size)
        self.processed: list[int] = []
        self.batches: list[list[int]] = []
        self.given_up: list[tuple[list[int], str]] = []
        self.now = 1.0

    def invoke(self, event: Mapping[str, Any]) -> Mapping[str, Any]:
        numbers = [int(record["dynamodb"]["SequenceNumber"]) for record in event["Records"]]
        self.batches.append(numbers)
        bad = [number for number in numbers if number in self.poison]
        if bad and not self.partial:
            return BROKEN
        self.processed += [number for number in numbers if not bad or number < bad[0]]
        return {"body": {"batchItemFailures": [{"itemIdentifier": str(number)} for number in bad]}}

    def discard(self, batch: list[Record], answer: Mapping[str, Any], condition: str) -> None:
        self.given_up.append(([int(record["dynamodb"]["SequenceNumber"]) for record in batch], condition))

    def step(self, matches: Callable[[Record], bool] = lambda _: True) -> bool:
        start = self.progress.position
        records = self.records[start : start + self.progress.size]
        self.now = max(self.now, self.progress.not_before)
        return deliver(self.progress, self.rules, records, matches, self.invoke, self.discard, self.now)

    def run(self) -> "Stream":
        for _ in range(500):
            if self.progress.position >= len(self.records):
                return self
            self.step()
        raise AssertionError("it never ends")


def test_what_goes_well_is_delivered_once_in_order() -> None:
    stream = Stream(25, rules(), set()).run()
    assert stream.processed == list(range(25))
    assert [len(batch) for batch in stream.batches] == [10, 10, 5]


def test_without_bisecting_the_whole_batch_is_given_up_after_its_retries() -> None:
    stream = Stream(20, rules(), {3}).run()
    assert stream.given_up == [(list(range(10)), "RetryAttemptsExhausted")]
    assert len(stream.batches) == 3 + 1
    assert stream.processed == list(range(10, 20))


@pytest.mark.parametrize("poison", range(10))
def test_bisecting_gives_up_nothing_but_the_poison(poison: int) -> None:
    stream = Stream(10, rules(BisectBatchOnFunctionError=True), {poison}).run()
    assert stream.given_up == [([poison], "RetryAttemptsExhausted")]
    assert sorted(stream.processed) == [number for number in range(10) if number != poison]
    assert stream.batches.count([poison]) == 3


def test_reported_failures_go_on_from_the_first() -> None:
    settings = rules(FunctionResponseTypes=["ReportBatchItemFailures"], BisectBatchOnFunctionError=True)
    stream = Stream(10, settings, {4}, partial=True).run()
    assert stream.given_up == [([4], "RetryAttemptsExhausted")]
    assert sorted(set(stream.processed)) == [number for number in range(10) if number != 4]
    assert stream.batches[:2] == [list(range(10)), list(range(4, 10))]


def test_unasked_reports_are_ignored() -> None:
    stream = Stream(10, rules(), {4}, partial=True).run()
    assert (stream.given_up, len(stream.batches)) == ([], 1)


@pytest.mark.parametrize("identifier", ["", "unknown", None])
def test_a_malformed_report_fails_the_whole_batch(identifier: str | None) -> None:
    settings = rules(FunctionResponseTypes=["ReportBatchItemFailures"], MaximumRetryAttempts=0)
    stream = Stream(3, settings, set())
    answer = {"body": {"batchItemFailures": [{"itemIdentifier": identifier}]}}
    assert deliver(stream.progress, settings, stream.records, lambda _: True, lambda _: answer, stream.discard, 1.0)
    assert stream.given_up == [([0, 1, 2], "RetryAttemptsExhausted")]


def test_retries_without_limit_end_with_the_age() -> None:
    settings = rules(MaximumRetryAttempts=-1, MaximumRecordAgeInSeconds=60, BisectBatchOnFunctionError=True)
    stream = Stream(4, settings, {0, 1, 2, 3})
    for _ in range(20):
        stream.step()
    assert stream.given_up == []
    stream.now = 61.0
    stream.step()
    assert stream.given_up[0][1] == "MaxRecordAgeExceeded"


def test_a_failure_is_not_tried_again_at_once() -> None:
    stream = Stream(1, rules(), {0})
    assert not stream.step()
    assert stream.progress.not_before > stream.now


def test_a_throttled_call_is_a_failed_attempt() -> None:
    stream = Stream(1, rules(MaximumRetryAttempts=0), set())
    deliver(
        stream.progress, stream.rules, stream.records, lambda _: True, lambda _: {"throttle": True}, stream.discard, 1
    )
    assert stream.given_up == [([0], "RetryAttemptsExhausted")]


def test_filtered_records_are_passed_over() -> None:
    stream = Stream(10, rules(), set())

    def odd(record: Record) -> bool:
        return int(record["dynamodb"]["SequenceNumber"]) % 2 == 1

    assert stream.step(odd)
    assert stream.processed == [1, 3, 5, 7, 9]
    stream.progress.position = 0
    assert stream.step(lambda _: False)
    assert stream.progress.position == 10


def test_every_record_is_processed_or_given_up_and_good_ones_never_given_up_alone() -> None:
    for seed in range(200):
        chance = random.Random(seed)
        poison = {number for number in range(30) if chance.random() < 0.2}
        settings = rules(
            BatchSize=chance.randint(1, 12),
            BisectBatchOnFunctionError=True,
            FunctionResponseTypes=["ReportBatchItemFailures"] if chance.random() < 0.5 else [],
        )
        stream = Stream(30, settings, poison, partial=bool(settings.report_failures)).run()
        lost = {number for batch, _ in stream.given_up for number in batch}
        assert lost == poison, f"seed {seed}"
        assert set(stream.processed) == set(range(30)) - poison, f"seed {seed}"


def test_rules_without_settings_retry_for_ever() -> None:
    assert Rules.of({}) == Rules(100, -1, -1, bisect=False, report_failures=False)


@pytest.mark.parametrize(("kept", "since_restart", "first"), [(27, 3, 0), (1, 3, 1), (None, 3, 0)])
def test_a_position_from_before_a_restart_does_not_hide_the_records_after_it(
    kept: int | None, since_restart: int, first: int
) -> None:
    """The emulator keeps a mapping's position over a restart, but the stream begins again."""
    records = [{"dynamodb": {"SequenceNumber": str(number)}} for number in range(since_restart)]
    mapping = {
        "UUID": "m",
        "FunctionName": "f",
        "EventSourceArn": "arn:aws:dynamodb:r:a:table/t/stream/1",
        "StartingPosition": "TRIM_HORIZON",
    }
    events: list[Any] = []

    def execute(_: object, event: Mapping[str, Any]) -> Mapping[str, Any]:
        events.append(event)
        return FINE

    functions = SimpleNamespace(
        _iter_all_esms=lambda: [("a", "r", mapping)],
        _get_func_record_for_qualifier=lambda *_: ({}, {}),
        _apply_filter_criteria=lambda offered, _: offered,
        _execute_function=execute,
        _dynamodb_stream_positions={} if kept is None else {"m": kept},
    )
    tables = SimpleNamespace(
        _tables={"t": {"LatestStreamArn": mapping["EventSourceArn"]}},
        stream_start_position=lambda _: 0,
        stream_end_position=lambda _: len(records),
        stream_records_since=lambda _, position, size: records[position : position + size],
    )
    assert Poller(functions, tables, lambda *_: nullcontext())()
    assert events == [{"Records": records[first:]}]
    assert functions._dynamodb_stream_positions["m"] == since_restart
