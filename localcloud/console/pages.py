"""The local console: one page for people who would rather look than read.

It shows a stage's dashboards as they are deployed, drawn from the local metrics, the alarms and their state, the queues
and their depth, the flags and the latest log lines. It is part of the local cloud and never deployed. Everything comes
through AWS's own API; what it shows is escaped, since members wrote some of it.
"""

import html
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from localcloud.console import charts
from services.core.names import log_group, parameter_name, resource_name

SPANS: Final = {"15 min": 900, "1 h": 3600, "3 h": 3 * 3600, "24 h": 24 * 3600, "28 d": 28 * 86400}
DASHBOARDS: Final = {"health": "Service health", "business": "Business", "cost": "Cost"}
LOG_SECONDS: Final = 1800
LOG_LINES: Final = 40
_PAGE: Final = Path(__file__).with_name("console.html")
_SHOWN: Final = {"message": "{}", "route": "{}", "chore": "{}", "status": "{}", "code": "{}", "duration_ms": "{} ms"}
"""Keys of a log line that are seen without a click."""

Client = Any
Clients = Callable[[str], Client]
"""A boto3 client by the service's name."""


class Console:
    """Renders the page anew at each call."""

    def __init__(self, clients: Clients, stages: Callable[[], Sequence[str]]) -> None:
        """`stages`: those that have an address, in whose order they are shown."""
        self._clients = clients
        self._stages = stages

    def page(self, query: Mapping[str, Sequence[str]]) -> str:
        """The page for `?stage=&dashboard=&span=`; what is unknown or missing takes its default."""
        stages = self._stages()
        stage = _choice(query, "stage", stages)
        dashboard = _choice(query, "dashboard", list(DASHBOARDS))
        span = _choice(query, "span", list(SPANS), default="1 h")
        if stage is None:
            content = '<main class="nothing"><h1>Nothing is deployed yet</h1><p>Run <code>make up</code>.</p></main>'
        else:
            content = self._content(stage, str(dashboard), str(span), stages)
        return _PAGE.read_text(encoding="utf-8").replace("<!--content-->", content)

    def _content(self, stage: str, dashboard: str, span: str, stages: Sequence[str]) -> str:
        def link(**changes: str) -> str:
            chosen = {"stage": stage, "dashboard": dashboard, "span": span, **changes}
            return "?" + "&amp;".join(f"{key}={value.replace(' ', '+')}" for key, value in chosen.items())

        def tabs(name: str, options: Mapping[str, str], current: str) -> str:
            here = {current: " aria-current=page"}
            return "".join(
                f'<a href="{link(**{name: key})}"{here.get(key, "")}>{html.escape(text)}</a>'
                for key, text in options.items()
            )

        return (
            f"<header><h1>CivicForge <small>local console</small></h1>"
            f"<nav>{tabs('stage', {s: s for s in stages}, stage)}</nav>"
            f'<p class="links"><a href="/">page</a><a href="/_local/mailbox">mailbox</a>'
            f'<a href="/api/health">health</a></p>'
            f"<time>{datetime.now(UTC):%H:%M:%S} UTC</time></header>"
            f'<main><div class="bar"><nav>{tabs("dashboard", DASHBOARDS, dashboard)}</nav>'
            f"<nav>{tabs('span', {s: s for s in SPANS}, span)}</nav></div>"
            f'<div class="panels">{self._panels(stage, dashboard, SPANS[span])}</div></main>'
            f"<aside>{self._alarms(stage)}{self._queues(stage)}{self._flags(stage)}</aside>"
            f'<section class="logs">{self._logs(stage)}</section>'
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

    def _logs(self, stage: str) -> str:
        lines = sorted(self._log_lines(stage), key=lambda line: line[0], reverse=True)[:LOG_LINES]
        rows = "".join(_log_row(*line) for line in lines) or "<tr><td>No line in the last half hour.</tr>"
        return f"<h2>Latest log lines <small>newest first; click one for all it says</small></h2><table>{rows}</table>"

    def _log_lines(self, stage: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
        logs = self._clients("logs")
        since = int((time.time() - LOG_SECONDS) * 1000)
        prefix = log_group(stage, "")
        groups = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        for name in (group["logGroupName"] for page in groups for group in page["logGroups"]):
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=name, startTime=since)
            for event in (event for page in pages for event in page["events"]):
                if line := _parsed(event["message"]):
                    yield event["timestamp"], name.removeprefix(prefix), line


def _choice(query: Mapping[str, Sequence[str]], name: str, options: Sequence[str], default: str = "") -> str | None:
    asked = query.get(name, [""])[0]
    if asked in options:
        return asked
    return default or (options[0] if options else None)


def _parsed(message: str) -> dict[str, Any] | None:
    """A log line of ours, or the text of another; None for Lambda's own and for embedded metrics."""
    message = message.strip()
    if not message or message.startswith(("START ", "END ", "REPORT ", "INIT_START ")):
        return None
    try:
        line = json.loads(message)
    except ValueError:
        return {"message": message}
    if not isinstance(line, dict):
        return {"message": message}
    return None if "_aws" in line else line


def _log_row(at: int, service: str, line: Mapping[str, Any]) -> str:
    level = str(line.get("level", ""))
    shown = " · ".join(form.format(line[key]) for key, form in _SHOWN.items() if line.get(key) not in (None, ""))
    return (
        f'<tr class="{html.escape(level.lower())}"><td>{datetime.fromtimestamp(at / 1000, UTC):%H:%M:%S}'
        f"<td>{html.escape(service)}<td>{html.escape(level)}<td><details><summary>{html.escape(shown)}</summary>"
        f"<pre>{html.escape(json.dumps(line, indent=1, ensure_ascii=False))}</pre></details></tr>"
    )
