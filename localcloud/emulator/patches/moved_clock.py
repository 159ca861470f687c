# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Lambdas whose clock is moved on, with the requests that they sign and the items that are past their time by it.

MiniStack 1.5.33 has one clock, the machine's; `localcloud.emulator.clock` moves that of the Lambdas.

Report: to try what a Lambda does in thirty days one has to wait thirty days; an offset for sandboxes, with requests
signed by it accepted and items past their TTL deleted by it, would do.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from ministack.core import lambda_runtime, sigv4  # type: ignore[import-not-found]  # in its environment
from ministack.services import dynamodb  # type: ignore[import-not-found]  # likewise

from localcloud.emulator.clock import CLOCK


def install() -> None:
    """Restart a Lambda's process when the clock moves, and accept what it signs."""
    lambda_runtime.Worker._spawn = _notes_clock(lambda_runtime.Worker._spawn)
    lambda_runtime.Worker.invoke = _follows_clock(lambda_runtime.Worker.invoke)
    sigv4.request_time_failure = _by_either_clock(sigv4.request_time_failure)


def _notes_clock(spawn: Callable[..., None]) -> Callable[..., None]:
    def spawn_noted(worker: Any) -> None:
        worker.clock = CLOCK.moved
        spawn(worker)

    return spawn_noted


def _follows_clock(invoke: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def invoke_in_time(worker: Any, *arguments: Any, **options: Any) -> dict[str, Any]:
        if getattr(worker, "clock", CLOCK.moved) != CLOCK.moved:
            worker.kill()  # the next call starts it anew
        return invoke(worker, *arguments, **options)

    return invoke_in_time


def _by_either_clock(failure: Callable[..., tuple[str, str] | None]) -> Callable[..., tuple[str, str] | None]:
    def failure_by_either(signature: Any, *, now: datetime | None = None) -> tuple[str, str] | None:
        refused = failure(signature, now=now)
        return failure(signature, now=CLOCK.now) if refused and CLOCK.moved else refused

    return failure_by_either


def delete_expired() -> int:
    """Delete the items that are past their TTL by the moved clock, as MiniStack's own reaper does; returns how many."""
    now, deleted = datetime.now(UTC).timestamp() + CLOCK.moved.total_seconds(), 0
    with dynamodb._lock:
        for (account, region, name), setting in list(dynamodb._ttl_settings.all_items()):
            table = dynamodb._tables.get_scoped(account, region, name)
            if table is None or setting.get("TimeToLiveStatus") != "ENABLED":
                continue
            for partition, rows in list(table["items"].items()):
                for sort, item in list(rows.items()):
                    value = item.get(setting.get("AttributeName", ""), {}).get("N")
                    if value is not None and float(value) <= now:
                        dynamodb._remove_item(table, partition, sort)
                        deleted += 1
    return deleted
