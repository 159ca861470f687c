# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Lambda's own records of failures, as its runtime for Python writes them.

MiniStack 1.5.33 logs an unhandled exception as the lines of a traceback, and of a function that does not start nothing
at all.

Report: create a function whose module raises, invoke it, and look into its log group: START, END and REPORT.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from ministack.core import lambda_runtime  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.services import lambda_svc  # type: ignore[import-not-found]  # in the emulator's environment

from localcloud.emulator.lambda_logs import error_record, init_records


def install() -> None:
    """Log failures as Lambda does."""
    lambda_runtime.Worker.invoke = _records_error(lambda_runtime.Worker.invoke)
    lambda_svc._execute_function_warm = _records_init(lambda_svc._execute_function_warm)


def _records_error(invoke: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def invoke_recorded(worker: Any, event: Any, request_id: str, **rest: Any) -> dict[str, Any]:
        result = invoke(worker, event, request_id, **rest)
        if result.get("trace"):
            result["trace"] = error_record(result.get("error", ""), result["trace"], request_id, datetime.now(UTC))
        return result

    return invoke_recorded


def _records_init(execute: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    def execute_recorded(func: Mapping[str, Any], event: Any, request_id: str) -> dict[str, Any]:
        result = execute(func, event, request_id)
        body = result.get("body")
        if result.get("error") and not result.get("log") and isinstance(body, dict) and "errorMessage" in body:
            result["log"] = "\n".join(init_records(body["errorMessage"], datetime.now(UTC)))
        return result

    return execute_recorded
