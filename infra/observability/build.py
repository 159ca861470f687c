"""From definitions to what CloudWatch takes: arguments of alarms, the JSON of dashboards. No resource is made here."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.observability.model import (
    Alarm,
    Composite,
    Dashboard,
    Line,
    Math,
    Panel,
    Platform,
    Series,
    Severity,
    Watch,
    series_of,
)
from services.core.names import resource_name

PERCENTILE = "p"
RELEASED = re.compile(r"(\d{8}T\d{6}Z)-")
"""The beginning of a release's id."""
RESULT_ID = "result"


def description(platform: Platform, severity: str, meaning: str, anchor: str) -> str:
    """The text of the message: severity, meaning, runbook."""
    return f"{severity}: {meaning} Runbook: {platform.runbook}#{anchor}"


def metric_alarm_args(
    alarm: Alarm, severity: Severity, platform: Platform, topic: pulumi.Input[str]
) -> aws.cloudwatch.MetricAlarmArgs:
    """The alarm of one severity. It tells `topic` when it goes off and when it is over."""
    watched: dict[str, Any]
    if isinstance(alarm.watch, Series):
        percentile = alarm.watch.statistic.startswith(PERCENTILE)
        watched = {
            "namespace": alarm.watch.metric.namespace,
            "metric_name": alarm.watch.metric.name,
            "dimensions": dict(alarm.watch.dimensions),
            "period": alarm.period,
            "extended_statistic" if percentile else "statistic": alarm.watch.statistic,
            # A small community never has the samples that CloudWatch would want for a percentile.
            "evaluate_low_sample_count_percentiles": "evaluate" if percentile else None,
        }
    else:
        watched = {"metric_queries": list(_queries(alarm.watch, alarm))}
    return aws.cloudwatch.MetricAlarmArgs(
        name=alarm.name(platform.stage, severity),
        alarm_description=description(
            platform, severity, f"{alarm.meaning} Goes off when: {alarm.condition(severity)}.", alarm.anchor
        ),
        comparison_operator="GreaterThanThreshold",
        threshold=alarm.thresholds[severity],
        evaluation_periods=alarm.periods,
        datapoints_to_alarm=alarm.datapoints,
        treat_missing_data=alarm.missing,
        alarm_actions=[topic],
        ok_actions=[topic],
        **watched,
    )


def _queries(watch: Math, alarm: Alarm) -> Iterator[aws.cloudwatch.MetricAlarmMetricQueryArgs]:
    yield aws.cloudwatch.MetricAlarmMetricQueryArgs(
        id=RESULT_ID, expression=watch.expression, label=alarm.title, return_data=True
    )
    for name, series in watch.series.items():
        yield aws.cloudwatch.MetricAlarmMetricQueryArgs(
            id=name,
            return_data=False,
            metric=aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
                namespace=series.metric.namespace,
                metric_name=series.metric.name,
                dimensions=dict(series.dimensions),
                period=alarm.period,
                stat=series.statistic,
            ),
        )


def composite_alarm_args(
    composite: Composite, platform: Platform, topic: pulumi.Input[str]
) -> aws.cloudwatch.CompositeAlarmArgs:
    """The composite. It tells `topic` when it goes off and when it is over."""
    stage = platform.stage
    rule = (" AND " if composite.needs_all else " OR ").join(
        f'ALARM("{name}")' for name in composite.member_names(stage)
    )
    suppressor = None
    if composite.suppressor:
        suppressor = aws.cloudwatch.CompositeAlarmActionsSuppressorArgs(
            alarm=composite.suppressor.name(stage),
            # Alarms are evaluated every minute: two give the greater incident the time to show.
            wait_period=120,
            extension_period=120,
        )
    return aws.cloudwatch.CompositeAlarmArgs(
        alarm_name=composite.name(stage),
        alarm_description=description(platform, composite.severity, composite.meaning, composite.anchor),
        alarm_rule=rule,
        actions_suppressor=suppressor,
        alarm_actions=[topic],
        ok_actions=[topic],
    )


def dashboard_name(platform: Platform, dashboard: Dashboard) -> str:
    """`civicforge-{stage}-{key}`."""
    return resource_name(platform.stage, dashboard.key)


def dashboard_body(dashboard: Dashboard, platform: Platform, alarm_names: tuple[str, ...]) -> str:
    """The dashboard's JSON, compact: a preview shows its difference in a comment of limited length.

    The platform must hold plain values here, no outputs.
    """
    text = f"# {dashboard.title}: {platform.stage}\n{dashboard.intro}"
    widgets: list[dict[str, Any]] = [_widget("text", {"markdown": text}, 0, 0, 24, 2)]
    y = 2
    if dashboard.alarms:
        prefix = f"arn:aws:cloudwatch:{platform.region}:{platform.account}:alarm:"
        properties = {
            "title": "Alarms",
            "alarms": [prefix + name for name in alarm_names],
            "sortBy": "stateUpdatedTimestamp",
        }
        widgets.append(_widget("alarm", properties, 0, y, 24, 4))
        y += 4
    x = row = 0
    for panel in dashboard.panels:
        height = 4 if panel.number else 6
        if x + panel.width > COLUMNS:
            x, y, row = 0, y + row, 0
        row = max(row, height)
        widgets.append(_widget("metric", panel_properties(panel, platform), x, y, panel.width, height))
        x += panel.width
    return json.dumps({"start": dashboard.start, "widgets": widgets}, separators=(",", ":"))


COLUMNS = 24


def _widget(kind: str, properties: dict[str, Any], x: int, y: int, width: int, height: int) -> dict[str, Any]:
    return {"type": kind, "x": x, "y": y, "width": width, "height": height, "properties": properties}


def panel_properties(panel: Panel, platform: Platform) -> dict[str, Any]:
    """The properties of a metric widget. A panel shows one region's metrics."""
    shown = [show.watch for show in panel.shows]
    region = next((s.region for watch in shown for s in series_of(watch) if s.region), platform.region)
    properties: dict[str, Any] = {
        "title": panel.title,
        "region": region,
        "view": "singleValue" if panel.number else "timeSeries",
        "period": panel.period,
        "metrics": [row for number, show in enumerate(panel.shows) for row in _rows(show, number)],
        "yAxis": {"left": {"min": 0, "showUnits": False}},
    }
    if panel.number:
        properties["setPeriodToTimeRange"] = True
    thresholds: dict[float, set[Severity]] = {}
    for alarm in panel.alarms:
        for severity, value in alarm.thresholds.items():
            thresholds.setdefault(value, set()).add(severity)
    annotations: dict[str, Any] = {}
    if thresholds:
        annotations["horizontal"] = [
            {"label": f"{', '.join(sorted(severities))} above {value:g}", "value": value}
            for value, severities in sorted(thresholds.items())
        ]
    if (deployed := _deployed_at(platform.release)) and not panel.number:
        annotations["vertical"] = [{"label": platform.release, "value": deployed}]
    if annotations:
        properties["annotations"] = annotations
    return properties


def _deployed_at(release: str) -> str | None:
    """The time in a release's id, or None if it has none, as by hand."""
    match = RELEASED.match(release)
    return (
        f"{datetime.strptime(match[1], '%Y%m%dT%H%M%SZ').replace(tzinfo=UTC):%Y-%m-%dT%H:%M:%S.000Z}" if match else None
    )


def _rows(show: Line | Alarm, number: int) -> Iterator[list[Any]]:
    label = show.title if isinstance(show, Alarm) else show.label
    watch: Watch = show.watch
    if isinstance(watch, Series):
        yield _row(watch, {"label": label})
        return
    # Ids are the panel's, not the expression's: two lines of one panel may name their series alike.
    names = {name: f"{name}_{number}" for name in watch.series}
    yield [{"expression": renamed(watch.expression, names), "label": label, "id": f"{RESULT_ID}_{number}"}]
    for name, series in watch.series.items():
        yield _row(series, {"id": names[name], "visible": False})


def renamed(expression: str, names: dict[str, str]) -> str:
    """The expression with other ids. Ids begin with a lower-case letter, functions are in capitals."""
    return re.sub(r"\b[a-z]\w*", lambda match: names[match[0]], expression)


def _row(series: Series, options: dict[str, Any]) -> list[Any]:
    dimensions = [part for pair in series.dimensions.items() for part in pair]
    return [series.metric.namespace, series.metric.name, *dimensions, {"stat": series.statistic, **options}]
