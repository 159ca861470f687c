"""The console's first page: a stage's dashboards as they are deployed, drawn from the local metrics; its alarms,
queues, flags and latest log lines.
"""

import html
import json
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from markupsafe import Markup

from localcloud.console import charts
from localcloud.console.data_sources import StageView, shown
from services.core.names import parameter_name, resource_name

SPANS: Final = {"15 min": 900, "1 h": 3600, "3 h": 3 * 3600, "24 h": 24 * 3600, "28 d": 28 * 86400}
DASHBOARDS: Final = {"health": "Service health", "business": "Business", "cost": "Cost"}
LOG_SECONDS: Final = 1800
LOG_LINES: Final = 40


class Overview:
    """A stage at a glance; what it shows is escaped, since members wrote some of it."""

    def __init__(self, stage: StageView) -> None:
        self._stage = stage
        self._clients = stage.client

    def content(self, dashboard: str, span: str) -> Markup:
        """The page's HTML."""
        stage = self._stage.name

        def link(**changes: str) -> str:
            chosen = {"stage": stage, "dashboard": dashboard, "span": span, **changes}
            return "?" + "&amp;".join(f"{key}={value.replace(' ', '+')}" for key, value in chosen.items())

        def tabs(name: str, options: Mapping[str, str], current: str) -> str:
            here = {current: " aria-current=page"}
            return "".join(
                f'<a href="{link(**{name: key})}"{here.get(key, "")}>{html.escape(text)}</a>'
                for key, text in options.items()
            )

        return Markup(  # noqa: S704 - every value is escaped where it is put in
            f'<main><div class="bar"><nav>{tabs("dashboard", DASHBOARDS, dashboard)}</nav>'
            f"<nav>{tabs('span', {s: s for s in SPANS}, span)}</nav></div>"
            f'<div class="panels">{self._panels(stage, dashboard, SPANS[span])}</div></main>'
            f"<aside>{self._alarms(stage)}{self._queues(stage)}{self._flags(stage)}</aside>"
            f'<section class="logs">{self._logs()}</section>'
        )

    # Dashboards.

    def _panels(self, stage: str, dashboard: str, span: int) -> str:
        name = resource_name(stage, dashboard)
        cloudwatch = self._clients("cloudwatch")
        try:
            body = json.loads(cloudwatch.get_dashboard(DashboardName=name)["DashboardBody"])
        except cloudwatch.exceptions.ClientError:
            return f"<p>The stage {html.escape(stage)} has no dashboard {html.escape(dashboard)}.</p>"
        now = time.time()
        return "".join(
            f'<article style="--columns:{widget["width"]}">'
            f"{charts.panel(widget['properties'], widget['width'], now, span, self._metric_data)}</article>"
            for widget in body["widgets"]
            if widget["type"] == "metric"
        )

    def _metric_data(
        self, queries: Sequence[charts.Query], start: float, end: float
    ) -> Mapping[str, Mapping[float, float]]:
        found = self._clients("cloudwatch").get_metric_data(
            MetricDataQueries=queries,
            StartTime=datetime.fromtimestamp(start, UTC),
            EndTime=datetime.fromtimestamp(end, UTC),
        )
        return {
            result["Id"]: {
                at.timestamp(): value for at, value in zip(result["Timestamps"], result["Values"], strict=True)
            }
            for result in found["MetricDataResults"]
        }

    # What stands beside them.

    def _alarms(self, stage: str) -> str:
        pages = (
            self._clients("cloudwatch")
            .get_paginator("describe_alarms")
            .paginate(AlarmNamePrefix=resource_name(stage, ""), AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        )
        alarms = [
            alarm for page in pages for kind in ("MetricAlarms", "CompositeAlarms") for alarm in page.get(kind, [])
        ]
        alarms.sort(key=lambda alarm: (alarm["StateValue"] != "ALARM", alarm["AlarmName"][-2:], alarm["AlarmName"]))
        off = sum(alarm["StateValue"] == "ALARM" for alarm in alarms)
        summary = f"{off} of {len(alarms)} in ALARM" if off else f"all {len(alarms)} quiet"
        items = "".join(self._alarm(stage, alarm) for alarm in alarms)
        return f'<section><h2>Alarms <small>{summary}</small></h2><ul class="alarms">{items}</ul></section>'

    @staticmethod
    def _alarm(stage: str, alarm: Mapping[str, Any]) -> str:
        short = alarm["AlarmName"].removeprefix(resource_name(stage, ""))
        state = alarm["StateValue"]
        since = charts.duration(time.time() - alarm["StateUpdatedTimestamp"].timestamp())
        return (
            f'<li class="{state.lower()}" title="{html.escape(alarm.get("AlarmDescription", ""))}">'
            f"<b>{short[-2:].upper()}</b><span>{html.escape(short[:-3])}</span>"
            f"<em>{'NO DATA' if state == 'INSUFFICIENT_DATA' else state}</em><small>{since}</small></li>"
        )

    def _queues(self, stage: str) -> str:
        sqs = self._clients("sqs")
        rows = ""
        for url in sqs.list_queues(QueueNamePrefix=resource_name(stage, "")).get("QueueUrls", []):
            names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
            waiting, taken = (int(found[name]) for name in names)
            short = url.rsplit("/", 1)[-1].removeprefix(resource_name(stage, ""))
            rows += (
                f"<tr{' class=alarm' if waiting else ''}><th>{html.escape(short)}<td>{waiting}<td>{taken or ''}</tr>"
            )
        return f"<section><h2>Queues <small>waiting, being read</small></h2><table>{rows}</table></section>"

    def _flags(self, stage: str) -> str:
        pages = self._clients("ssm").get_paginator("get_parameters_by_path").paginate(Path=parameter_name(stage, ""))
        found = {parameter["Name"].rsplit("/", 1)[-1]: parameter for page in pages for parameter in page["Parameters"]}
        rows = "".join(
            f"<tr><th>{html.escape(name)}<td><code>{html.escape(found[name]['Value'])}</code></tr>"
            for name in sorted(found)
            if name == "breaker" or name.startswith("feature-")
        )
        return f"<section><h2>Flags and breaker</h2><table>{rows}</table></section>"

    def _logs(self) -> str:
        found = self._stage.log_lines(time.time() - LOG_SECONDS)
        lines = sorted(found, key=lambda line: line[0], reverse=True)[:LOG_LINES]
        rows = "".join(_log_row(*line) for line in lines) or "<tr><td>No line in the last half hour.</tr>"
        return f"<h2>Latest log lines <small>newest first; click one for all it says</small></h2><table>{rows}</table>"


def _log_row(at: int, service: str, line: Mapping[str, Any]) -> str:
    level = str(line.get("level", ""))
    return (
        f'<tr class="{html.escape(level.lower())}"><td>{datetime.fromtimestamp(at / 1000, UTC):%H:%M:%S}'
        f"<td>{html.escape(service)}<td>{html.escape(level)}<td><details><summary>{html.escape(shown(line))}</summary>"
        f"<pre>{html.escape(json.dumps(line, indent=1, ensure_ascii=False))}</pre></details></tr>"
    )
