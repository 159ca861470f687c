# ruff: noqa: SLF001 - MiniStack has no public hooks for what is replaced here; its version is pinned
"""DynamoDB stream mappings with the failure semantics of AWS; runs in the emulator's process.

MiniStack retries a failing batch for ever. This poller honours `MaximumRetryAttempts`, `MaximumRecordAgeInSeconds`,
`BisectBatchOnFunctionError`, `ReportBatchItemFailures` and the on-failure destination. As on AWS, halving a batch
does not use up an attempt, and what is given up goes to the destination as a description of the records, without
their content.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Record = Mapping[str, Any]
Invoke = Callable[[Mapping[str, Any]], Mapping[str, Any]]
GiveUp = Callable[[list[Record], Mapping[str, Any], str], None]

_RETRY_SECONDS = 1.0
"""Pause after a failed attempt. AWS backs off up to a minute; a laptop's user does not want to wait."""


@dataclass
class Progress:
    """The progress of a mapping: `size` is the batch to try next, `attempts` how often it failed at `position`."""

    position: int
    size: int
    attempts: int = 0
    not_before: float = 0.0


@dataclass(frozen=True)
class Rules:
    """A mapping's settings; -1 is "for ever" for retries and age (seconds), as on AWS."""

    batch_size: int
    retries: int
    max_age: int
    bisect: bool
    report_failures: bool

    @classmethod
    def of(cls, mapping: Mapping[str, Any]) -> "Rules":
        """Read them from the emulator's record of the mapping."""

        def number(key: str) -> int:
            value = mapping.get(key)
            return -1 if value is None else int(value)

        return cls(
            batch_size=int(mapping.get("BatchSize") or 100),
            retries=number("MaximumRetryAttempts"),
            max_age=number("MaximumRecordAgeInSeconds"),
            bisect=bool(mapping.get("BisectBatchOnFunctionError")),
            report_failures="ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or []),
        )


def deliver(
    progress: Progress,
    rules: Rules,
    records: Sequence[Record],
    matches: Callable[[Record], bool],
    invoke: Invoke,
    give_up: GiveUp,
    now: float,
) -> bool:
    """Offer one batch to the function and move on as far as it went.

    Args:
        progress: moved in place.
        records: what the stream has from `progress.position` on, at most `progress.size` of them.
        matches: the mapping's filter.
        invoke: calls the function with an event.
        give_up: sends what is discarded to the destination, with the answer and the condition.
        now: seconds since the epoch.

    Returns:
        Whether the position moved.
    """
    wanted = [(offset, record) for offset, record in enumerate(records) if matches(record)]
    if not wanted:
        return _advance(progress, rules, len(records))
    batch = [record for _, record in wanted]
    answer = invoke({"Records": batch})
    failed = _first_failure(answer, rules, batch)
    if failed is None:
        return _advance(progress, rules, len(records))
    if failed > 0:
        # What comes before the first failure is done; the rest starts afresh.
        return _advance(progress, rules, wanted[failed][0])
    condition = _given_up(progress, rules, batch, now)
    if rules.bisect and len(batch) > 1 and condition != "MaxRecordAgeExceeded":
        progress.size = max(1, (wanted[-1][0] + 1) // 2)
        return False
    if condition:
        give_up(batch, answer, condition)
        return _advance(progress, rules, len(records))
    progress.attempts += 1
    progress.not_before = now + _RETRY_SECONDS
    return False


def _advance(progress: Progress, rules: Rules, count: int) -> bool:
    progress.position += count
    progress.size, progress.attempts, progress.not_before = rules.batch_size, 0, 0.0
    return count > 0


def _first_failure(answer: Mapping[str, Any], rules: Rules, batch: Sequence[Record]) -> int | None:
    """Index of the first record that failed; None if all went well. A malformed answer fails them all."""
    if answer.get("error") or answer.get("throttle"):
        return 0
    body = answer.get("body")
    failures = body.get("batchItemFailures") if rules.report_failures and isinstance(body, dict) else None
    if not failures:
        return None
    numbers = [str(record["dynamodb"]["SequenceNumber"]) for record in batch]
    indexes = []
    for failure in failures:
        identifier = str((failure or {}).get("itemIdentifier") or "")
        indexes.append(numbers.index(identifier) if identifier in numbers else 0)
    return min(indexes)


def _given_up(progress: Progress, rules: Rules, batch: Sequence[Record], now: float) -> str:
    """The reason why the batch is not tried again, or an empty text."""
    oldest = min(float(record["dynamodb"].get("ApproximateCreationDateTime", now)) for record in batch)
    if 0 <= rules.max_age < now - oldest:
        return "MaxRecordAgeExceeded"
    return "RetryAttemptsExhausted" if 0 <= rules.retries <= progress.attempts else ""


class Poller:
    """Replaces MiniStack's own pass over the stream mappings: `lambda_svc._poll_dynamodb_streams`."""

    def __init__(self, lambda_service: Any, dynamodb: Any, scope: Callable[[str, str], Any]) -> None:
        self._lambda = lambda_service
        self._dynamodb = dynamodb
        self._scope = scope
        self._progress: dict[str, Progress] = {}

    def __call__(self) -> bool:
        """One pass over all mappings. True if any moved."""
        moved = False
        for account, region, mapping in self._lambda._iter_all_esms():
            with self._scope(account, region):
                moved = self._pass(mapping) or moved
        return moved

    def _pass(self, mapping: dict[str, Any]) -> bool:
        table = self._table(mapping)
        function, _ = self._lambda._get_func_record_for_qualifier(mapping["FunctionName"], mapping.get("Qualifier"))
        if not table or function is None or not mapping.get("Enabled", True):
            return False
        rules = Rules.of(mapping)
        progress = self._resume(mapping, table, rules)
        now = time.time()
        if progress.not_before > now:
            return False
        records = self._dynamodb.stream_records_since(table, progress.position, progress.size)
        if not records:
            return False
        moved = deliver(
            progress,
            rules,
            records,
            lambda record: bool(self._lambda._apply_filter_criteria([record], mapping)),
            lambda event: self._lambda._execute_function(function, event),
            lambda batch, answer, condition: self._lambda._send_ddb_stream_failure_record(
                mapping, function, batch, mapping["EventSourceArn"], answer, condition
            ),
            now,
        )
        mapping["LastProcessingResult"] = "OK" if moved else "PROBLEM: Function call failed"
        # The emulator keeps and persists positions here, and reads the start position of a new mapping from here.
        self._lambda._dynamodb_stream_positions[mapping["UUID"]] = progress.position
        return moved

    def _table(self, mapping: Mapping[str, Any]) -> str:
        """The table's name, if the mapping is of its current stream."""
        arn = str(mapping.get("EventSourceArn", ""))
        if ":dynamodb:" not in arn or ":table/" not in arn:
            return ""
        name = arn.split(":table/", 1)[1].split("/", 1)[0]
        table = self._dynamodb._tables.get(name)
        return name if table and table.get("LatestStreamArn") == arn else ""

    def _resume(self, mapping: Mapping[str, Any], table: str, rules: Rules) -> Progress:
        horizon = self._dynamodb.stream_start_position(table)
        known = self._progress.get(mapping["UUID"])
        if known is None:
            position = self._lambda._dynamodb_stream_positions.get(mapping["UUID"])
            if position is None:
                latest = mapping.get("StartingPosition", "LATEST") == "LATEST"
                position = self._dynamodb.stream_end_position(table) if latest else horizon
            if position > self._dynamodb.stream_end_position(table):
                position = horizon  # the emulator keeps the position over a restart, but not the stream's records
            known = self._progress[mapping["UUID"]] = Progress(position, rules.batch_size)
        if known.position < horizon:
            _advance(known, rules, horizon - known.position)
        return known
