"""Metrics of HTTP APIs.

MiniStack 1.5.33 publishes none.

Report: call an HTTP API and ask for `Count` in `AWS/ApiGateway`: no datapoint.
"""

from ministack.services import cloudwatch  # type: ignore[import-not-found]  # in the emulator's environment


def record_api_call(api_id: str, stage: str, status: int, seconds: float) -> None:
    """The metrics that an HTTP API publishes for a call."""
    for dimensions in ({"ApiId": api_id}, {"ApiId": api_id, "Stage": stage}):
        cloudwatch.record_metric("AWS/ApiGateway", "Count", 1, "Count", dimensions)
        cloudwatch.record_metric("AWS/ApiGateway", "4xx", int(400 <= status < 500), "Count", dimensions)
        cloudwatch.record_metric("AWS/ApiGateway", "5xx", int(status >= 500), "Count", dimensions)
        for metric in ("Latency", "IntegrationLatency"):
            cloudwatch.record_metric("AWS/ApiGateway", metric, seconds * 1000, "Milliseconds", dimensions)
