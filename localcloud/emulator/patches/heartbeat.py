# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Metrics of queues, and a regular look at the alarms.

MiniStack 1.5.33 publishes no metrics of queues, and evaluates alarms only when a metric is put.

Report: an alarm on `ApproximateNumberOfMessagesVisible`, send a message, wait: the alarm stays in INSUFFICIENT_DATA.
"""

import time
from typing import Final

from ministack.core.responses import request_scope  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.services import cloudwatch, sqs  # type: ignore[import-not-found]  # in the emulator's environment

SECONDS: Final = 5.0
"""Time between two beats."""


def heartbeat() -> None:
    """Publish what queues would, and look at every alarm."""
    now = time.time()
    for account, region, name in list(sqs._queues._data):
        with request_scope(account, region):
            queue = sqs._queues.get(name)
            visible = [message for message in (queue or {}).get("messages", []) if message["visible_at"] <= now]
            age = now - min((message["sent_at"] for message in visible), default=now)
            dimensions = {"QueueName": str(name).rsplit("/", 1)[-1]}
            cloudwatch.record_metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", len(visible), "Count", dimensions)
            cloudwatch.record_metric("AWS/SQS", "ApproximateAgeOfOldestMessage", age, "Seconds", dimensions)
    for account, region in {(account, region) for account, region, _ in list(cloudwatch._alarms._data)}:
        with request_scope(account, region):
            cloudwatch._evaluate_all_alarms()
