"""The error budgets of a stage: what is left of each objective's 28 days."""

from datetime import datetime, timedelta

from infra.observability.model import Platform, Series, series_of
from infra.observability.objectives import DAYS, OBJECTIVES, Objective
from ops.shared.stage import Stage
from services.core.parameters import API_ID


def budgets_left(stage: Stage, now: datetime) -> dict[str, float | None]:
    """Per cent of each error budget that is left, below 0 if it is overspent; None if nothing happened."""
    platform = Platform(
        stage=stage.name, region=stage.region, account="", api_id=stage.parameter(API_ID), distribution_id=""
    )
    shares = {objective: _missed(stage, platform, objective, now) for objective in OBJECTIVES}
    return {
        objective.key: None if share is None else round(100 - 100 * share / (100 - objective.percent), 1)
        for objective, share in shares.items()
    }


def _missed(stage: Stage, platform: Platform, objective: Objective, now: datetime) -> float | None:
    """The share of bad events in per cent."""
    watch = objective.share(platform, 0)
    if isinstance(watch, Series):
        total, count = _sum_and_count(stage, watch, now)
        return total / count if count else None
    part, whole = (_sum_and_count(stage, series, now)[0] for series in series_of(watch))
    return 100 * part / whole if whole else None


def _sum_and_count(stage: Stage, series: Series, now: datetime) -> tuple[float, float]:
    answer = stage.cloudwatch.get_metric_statistics(
        Namespace=series.metric.namespace,
        MetricName=series.metric.name,
        Dimensions=[{"Name": name, "Value": str(value)} for name, value in series.dimensions.items()],
        StartTime=now - timedelta(days=DAYS),
        EndTime=now,
        Period=24 * 60 * 60,
        Statistics=["Sum", "SampleCount"],
    )
    points = answer["Datapoints"]
    return sum(point["Sum"] for point in points), sum(point["SampleCount"] for point in points)
