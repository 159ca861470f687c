"""The community's totals, read from the business metrics: they are summed already, and cost no write."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from services.api.views import Stats
from services.core.aws_json import is_unanswered, refusal
from services.core.metrics import (
    ATTESTATIONS_SUBMITTED,
    DIMENSIONS,
    NAMESPACE,
    QUESTS_COMPLETED,
    QUESTS_CREATED,
    SERVICE,
)
from services.core.stores.dynamo import StoreUnavailableError

DAYS = 30
_TTL = 300.0
_DAY = 86_400
_METRICS = (QUESTS_CREATED, QUESTS_COMPLETED, ATTESTATIONS_SUBMITTED)
_cached: dict[str, tuple[float, Stats]] = {}


def community_stats(cloudwatch: Callable[[], Any], stage: str, now: datetime) -> Stats:
    """The sums of the last 30 days, at most 5 minutes old. Raises StoreUnavailableError."""
    read_at, stats = _cached.get(stage, (float("-inf"), None))
    if stats is None or time.monotonic() - read_at > _TTL:
        try:
            stats = _read(cloudwatch(), stage, now)
        except Exception as error:
            if refusal(error) is None and not is_unanswered(error):
                raise
            raise StoreUnavailableError(str(error)) from error
        _cached[stage] = (time.monotonic(), stats)
    return stats


def _read(client: Any, stage: str, now: datetime) -> Stats:
    values = dict(zip(DIMENSIONS, (SERVICE, stage), strict=True))
    dimensions = [{"Name": name, "Value": value} for name, value in values.items()]
    answer = client.get_metric_data(
        StartTime=now - timedelta(days=DAYS),
        EndTime=now,
        MetricDataQueries=[
            {
                "Id": metric.name,
                "MetricStat": {
                    "Metric": {"Namespace": NAMESPACE, "MetricName": metric.name, "Dimensions": dimensions},
                    "Period": _DAY,
                    "Stat": "Sum",
                },
            }
            for metric in _METRICS
        ],
    )
    sums = {result["Id"]: int(sum(result["Values"])) for result in answer["MetricDataResults"]}
    return Stats(days=DAYS, **{metric.name: sums.get(metric.name, 0) for metric in _METRICS})
