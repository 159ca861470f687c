# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Point-in-time recovery: a table is restored as it was at the time asked for, and no time outside the window.

MiniStack 1.5.33 copies what the table has now, whatever the time, and describes a window of this very moment.

Report: enable recovery, put an item, wait, overwrite it, restore to the moment before: the copy has the new value.
RestoreDateTime of 2099 is accepted.
"""

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ministack.core import persistence  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.core.responses import error_response_json, get_account_id, get_region  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.services import dynamodb  # type: ignore[import-not-found]  # in the emulator's environment

from localcloud.emulator.history import History

Request = Mapping[str, Any]
Answer = tuple[int, dict[str, str], Any]
_SKEW_SECONDS = 1
"""Moments are whole seconds, also the one of now."""


def install() -> None:
    """Keep a history of tables with recovery, beside the state."""
    history = History(Path(persistence.STATE_DIR).parent / "history")
    dynamodb._emit_stream_event = _noting(history, dynamodb._emit_stream_event)
    dynamodb._update_continuous_backups = _enabling(history, dynamodb._update_continuous_backups)
    dynamodb._describe_continuous_backups = _describing(history, dynamodb._describe_continuous_backups)
    dynamodb._restore_table_to_point_in_time = _restoring(history, dynamodb._restore_table_to_point_in_time)
    dynamodb._delete_table = _deleting(history, dynamodb._delete_table)


def _named(name: str) -> tuple[str, str, str]:
    return get_account_id(), get_region(), name


def _of(request: Request) -> tuple[str, str, str]:
    return _named(dynamodb._normalize_table_name(request.get("TableName")))


def _noting(history: History, emit: Callable[..., None]) -> Callable[..., None]:
    def emit_noted(table_name: str, event_name: str, old_item: Any, new_item: Any, **rest: Any) -> None:
        emit(table_name, event_name, old_item, new_item, **rest)
        table = dynamodb._tables.get(table_name) or {}
        names = [name for name in (table.get("pk_name"), table.get("sk_name")) if name]
        item = new_item or old_item
        if item and names:
            history.note(_named(table_name), time.time(), {name: item[name] for name in names}, old_item)

    return emit_noted


def _enabling(history: History, update: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    def update_backups(request: Request) -> Answer:
        answer = update(request)
        if answer[0] == 200:
            wanted = request.get("PointInTimeRecoverySpecification", {}).get("PointInTimeRecoveryEnabled")
            if wanted:
                history.begin(_of(request), time.time())
            else:
                history.end(_of(request))
        return answer

    return update_backups


def _describing(history: History, describe: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    def describe_backups(request: Request) -> Answer:
        status, headers, body = describe(request)
        content = json.loads(body)
        recovery = content.get("ContinuousBackupsDescription", {}).get("PointInTimeRecoveryDescription", {})
        if "EarliestRestorableDateTime" not in recovery:
            return status, headers, body
        # A table of an emulator that kept no history has one from now on.
        history.begin(_of(request), time.time())
        window = history.window(_of(request))
        assert window is not None
        recovery["EarliestRestorableDateTime"], recovery["LatestRestorableDateTime"] = window
        return status, headers, json.dumps(content).encode()

    return describe_backups


def _restoring(history: History, restore: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    def restore_at(request: Request) -> Answer:
        arn = str(request.get("SourceTableArn") or "")
        source = str(request.get("SourceTableName") or dynamodb._normalize_table_name(arn))
        moment = None if request.get("UseLatestRestorableTime") else request.get("RestoreDateTime")
        window = history.window(_named(source))
        if moment is None or source not in dynamodb._tables:
            return restore(request)
        if window is None:
            message = f"Point in time recovery is not enabled for table '{source}'"
            return _refusal("PointInTimeRecoveryUnavailableException", message)
        if not int(window[0]) <= float(moment) <= window[1] + _SKEW_SECONDS:
            return _refusal("InvalidRestoreTimeException", "An invalid restore time was specified.")
        answer = restore(request)
        if answer[0] == 200:
            _take_back(dynamodb._tables[str(request["TargetTableName"])], history, _named(source), float(moment))
        return answer

    return restore_at


def _refusal(code: str, message: str) -> Answer:
    answer: Answer = error_response_json(code, message, 400)
    return answer


def _take_back(table: Any, history: History, source: tuple[str, ...], moment: float) -> None:
    """Undo on a copy what was written after a moment."""
    items = table["items"]
    for key, before in history.since(source, moment):
        partition = dynamodb._extract_key_val(key[table["pk_name"]])
        sort = dynamodb._extract_key_val(key[table["sk_name"]]) if table["sk_name"] else "__no_sort__"
        if before is not None:
            items[partition][sort] = before
        elif sort in items.get(partition, {}):
            del items[partition][sort]
            if not items[partition]:
                del items[partition]
    dynamodb._items_replaced(table)


def _deleting(history: History, delete: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    def delete_table(request: Request) -> Answer:
        answer = delete(request)
        if answer[0] == 200:
            history.end(_of(request))
        return answer

    return delete_table
