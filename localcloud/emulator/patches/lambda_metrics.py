# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Metrics of Lambda for every invocation, and EMF lines as metrics.

MiniStack 1.5.33 counts direct invocations only, and stores no metric of a log line in the embedded metric format.

Report: invoke a function through an API or an event source mapping and ask GetMetricStatistics for `Invocations` in
`AWS/Lambda`: no datapoint. Print a line with `_aws.CloudWatchMetrics` from a handler: ListMetrics does not have it.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ministack.services import cloudwatch, lambda_svc  # type: ignore[import-not-found]  # in the emulator's environment

from localcloud.emulator.patches.weighted_aliases import aliases, weights


def install() -> None:
    """Replace MiniStack's functions."""
    lambda_svc._emit_lambda_logs = _log_metrics(lambda_svc._emit_lambda_logs)
    lambda_svc._emit_lambda_metrics = _throttles_only(lambda_svc._emit_lambda_metrics)


def _log_metrics(emit: Callable[..., None]) -> Callable[..., None]:
    """Every invocation logs once: there it is counted, and the metrics in its EMF lines are recorded."""

    def emit_and_record(
        func: Mapping[str, Any], request_id: str, log_text: str, error: bool, duration_ms: int, **rest: Any
    ) -> None:
        emit(func, request_id, log_text, error, duration_ms, **rest)
        config = func.get("config") or func
        name = config.get("FunctionName", "")
        dimensions = {"FunctionName": name}
        cloudwatch.record_metric("AWS/Lambda", "Invocations", 1, "Count", dimensions)
        cloudwatch.record_metric("AWS/Lambda", "Errors", int(error), "Count", dimensions)
        cloudwatch.record_metric("AWS/Lambda", "Duration", duration_ms, "Milliseconds", dimensions)
        for alias in aliases(name):
            if weights(name, alias):
                by_version = {**dimensions, "Resource": f"{name}:{alias}", "ExecutedVersion": config.get("Version", "")}
                cloudwatch.record_metric("AWS/Lambda", "Errors", int(error), "Count", by_version)
        group = {"LogGroupName": f"/aws/lambda/{name}"}
        cloudwatch.record_metric("AWS/Logs", "IncomingBytes", len(log_text.encode()), "Bytes", group)
        for namespace, metric, value, unit, dimensions in embedded_metrics(log_text):
            cloudwatch.record_metric(namespace, metric, value, unit, dimensions)

    return emit_and_record


def _throttles_only(emit: Callable[..., None]) -> Callable[..., None]:
    """MiniStack counts direct invocations itself; `_log_metrics` does so for all that ran."""

    def emit_throttle(function_name: str, duration_ms: float, error: bool, throttle: bool) -> None:
        if throttle:
            emit(function_name, duration_ms=duration_ms, error=error, throttle=throttle)

    return emit_throttle


def embedded_metrics(log_text: str) -> Iterator[tuple[str, str, float, str, dict[str, str]]]:
    """The metrics in a log, by the embedded metric format: namespace, name, value, unit, dimensions."""
    for line in log_text.splitlines():
        if '"_aws"' not in line:
            continue
        try:
            blob = json.loads(line)
        except ValueError:
            continue
        for directive in blob.get("_aws", {}).get("CloudWatchMetrics", []):
            for names in directive.get("Dimensions") or [[]]:
                dimensions = {name: str(blob[name]) for name in names if name in blob}
                for metric in directive.get("Metrics", []):
                    values = blob.get(metric["Name"], [])
                    for value in values if isinstance(values, list) else [values]:
                        yield directive["Namespace"], metric["Name"], value, metric.get("Unit", "None"), dimensions
