"""The local console: a workbench for people who would rather look than type.

It is part of the local cloud and never deployed. Pages come from templates that escape what they are given, since
members wrote some of it. What changes something is a POST, which the front door takes from the console's own origin
alone.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from localcloud.console import explorer
from localcloud.console.data_sources import EmulatorApi, StageView, decoded, pretty, shown
from localcloud.console.overview import DASHBOARDS, SPANS, Overview
from localcloud.console.timeline import clock, timeline
from services.core.names import PROJECT, resource_name

ROOT: Final = "/_local"
PAGES: Final = (
    ("/_local/", "Overview"),
    ("/_local/timeline", "Timeline"),
    ("/_local/logs", "Logs"),
    ("/_local/api", "API"),
    ("/_local/tables", "Tables"),
    ("/_local/letters", "Dead letters"),
    ("/_local/mailbox", "Mails"),
    ("/_local/clock", "Clock"),
)
MOST_LINES: Final = 200
MOST_ITEMS: Final = 25
MOST_MAILS: Final = 30
MOST_LETTERS: Final = 50
MOST_COLUMNS: Final = 5
LEVELS: Final = ("all", "WARNING", "ERROR")
UNITS: Final = {"days": timedelta(days=1), "hours": timedelta(hours=1), "minutes": timedelta(minutes=1)}
_TEMPLATES: Final = Path(__file__).with_name("templates")
_FIRST_COLUMNS: Final = ("status", "kind", "state", "title", "displayName", "createdAt", "at")
"""Attributes that tell an item, beside its key."""

Query = Mapping[str, Sequence[str]]
Values = Mapping[str, Any]


class Console:
    """Renders a page again at each call."""

    def __init__(self, emulator: EmulatorApi, stages: Callable[[], Sequence[str]]) -> None:
        """`stages`: those that have an address, in whose order they are shown."""
        self._emulator = emulator
        self._stages = stages
        self._templates = Environment(
            loader=FileSystemLoader(_TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self._pages: dict[str, Callable[[StageView, Query], tuple[str, Values]]] = {
            "/": self._overview,
            "/timeline": self._timeline,
            "/logs": self._logs,
            "/api": self._api,
            "/tables": self._tables,
            "/letters": self._letters,
            "/mailbox": self._mailbox,
            "/clock": self._clock,
        }
        self._acts: dict[str, Callable[[StageView, Query], tuple[str, Values]]] = {
            "/api": self._send,
            "/letters": self._redrive,
            "/clock": self._move,
        }

    @property
    def script(self) -> str:
        """The script of the overview."""
        return (_TEMPLATES / "refresh.js").read_text(encoding="utf-8")

    def page(self, path: str, query: Query, form: Query | None = None) -> str | None:
        """The page at an address below `/_local`; what is unknown or missing in its query takes its default.

        With a form it is done first what the form asks for. None: there is no such address.
        """
        within = path.removeprefix(ROOT) or "/"
        found = (self._pages if form is None else self._acts).get(within)
        if found is None:
            return None
        stages = self._stages()
        stage = _choice(form if form is not None else query, "stage", stages)
        here = f"{ROOT}{within}"
        if stage is None and within != "/mailbox":
            return self._render(
                "nothing.html", here, "", {"text": "Run `make up`.", "title": "Nothing is deployed yet"}
            )
        template, values = found(StageView(stage or "", self._emulator), query if form is None else form)
        return self._render(template, here, stage or "", values)

    def _render(self, template: str, here: str, stage: str, values: Values) -> str:
        host = StageView(stage, self._emulator).host if stage else f"localhost:{self._emulator.front_port}"
        return self._templates.get_template(template).render(
            {
                "title": dict(PAGES)[here],
                "pages": PAGES,
                "here": here,
                "stages": self._stages(),
                "stage": stage,
                "app_url": f"http://{host}",
                "moved": _span(self._emulator.clock.moved),
                "time": f"{datetime.now(UTC):%H:%M:%S}",
                "clock": clock,
                "pretty": pretty,
                **values,
            }
        )

    def _overview(self, stage: StageView, query: Query) -> tuple[str, Values]:
        dashboard = _choice(query, "dashboard", list(DASHBOARDS))
        span = _choice(query, "span", list(SPANS), default="1 h")
        return "overview.html", {"content": Overview(stage).content(str(dashboard), str(span))}

    def _timeline(self, stage: StageView, query: Query) -> tuple[str, Values]:
        wanted = _given(query, "id")
        calls = [call for call in self._emulator.calls() if call.host.partition(".")[0] in (stage.name, call.host)]
        events = timeline(stage, wanted) if wanted else []
        return "timeline.html", {"wanted": wanted, "events": events, "calls": calls[::-1][:50]}

    def _logs(self, stage: StageView, query: Query) -> tuple[str, Values]:
        wanted, level = _given(query, "q"), str(_choice(query, "level", LEVELS))
        span = str(_choice(query, "span", list(SPANS), default="1 h"))
        lines = list(stage.log_lines(time.time() - SPANS[span]))
        services = sorted({service for _, service, _ in lines})
        service = _choice(query, "service", ["", *services])
        levels = {"all": None, "WARNING": ("WARNING", "ERROR", "CRITICAL"), "ERROR": ("ERROR", "CRITICAL")}[level]
        found = sorted(
            (
                (at, name, line, shown(line))
                for at, name, line in lines
                if service in ("", name)
                and (levels is None or line.get("level") in levels)
                and wanted.lower() in json.dumps(line, ensure_ascii=False).lower()
            ),
            key=lambda line: line[0],
            reverse=True,
        )
        return "logs.html", {
            "q": wanted, "level": level, "levels": LEVELS, "span": span, "spans": list(SPANS), "service": service,
            "services": services, "lines": found[:MOST_LINES], "found": len(found), "more": len(found) > MOST_LINES,
        }  # fmt: skip

    def _tables(self, stage: StageView, query: Query) -> tuple[str, Values]:
        prefix, dynamodb = resource_name(stage.name, ""), stage.client("dynamodb")
        tables = [name.removeprefix(prefix) for name in stage.tables]
        table, key = _choice(query, "table", tables) or "", _given(query, "key")
        if not table:
            return "nothing.html", {"text": "The stage has no tables.", "title": "Tables"}
        schema = dynamodb.describe_table(TableName=prefix + table)["Table"]["KeySchema"]
        keys = [part["AttributeName"] for part in sorted(schema, key=lambda part: part["KeyType"])]
        asked: dict[str, Any] = {"TableName": prefix + table, "Limit": MOST_ITEMS}
        if start := _start(_given(query, "from"), keys):
            asked["ExclusiveStartKey"] = start
        if key:
            asked |= {
                "KeyConditionExpression": "#k = :k",
                "ExpressionAttributeNames": {"#k": keys[0]},
                "ExpressionAttributeValues": {":k": {"S": key}},
            }
        page = dynamodb.query(**asked) if key else dynamodb.scan(**asked)
        items = [decoded(item) for item in page["Items"]]
        first = [name for name in _FIRST_COLUMNS if name not in keys and any(name in item for item in items)]
        next_ = json.dumps(page["LastEvaluatedKey"]) if "LastEvaluatedKey" in page else ""
        return "tables.html", {
            "tables": tables, "table": table, "key": key, "keys": keys, "items": items, "next": next_,
            "columns": [*keys, *first][:MOST_COLUMNS],
        }  # fmt: skip

    def _letters(self, stage: StageView, query: Query) -> tuple[str, Values]:
        sqs, prefix = stage.client("sqs"), resource_name(stage.name, "")
        urls = {
            url.rsplit("/", 1)[-1].removeprefix(prefix).removesuffix("-dlq"): url
            for url in sqs.list_queues(QueueNamePrefix=prefix).get("QueueUrls", [])
            if url.endswith("-dlq")
        }
        depths = [(name, _depth(sqs, url)) for name, url in sorted(urls.items())]
        full = next((name for name, depth in depths if depth), "")
        queue = _choice(query, "queue", sorted(urls), default=full) or ""
        return "letters.html", {
            "queues": depths, "queue": queue, "letters": _messages(sqs, urls[queue]) if queue else [],
            "command": " ".join(_redrive_command(stage.name, queue)), "output": "", "code": 0,
        }  # fmt: skip

    def _redrive(self, stage: StageView, form: Query) -> tuple[str, Values]:
        _, before = self._letters(stage, form)
        if not before["queue"]:
            return "letters.html", before
        code, output = self._emulator.operate(
            [*_redrive_command(stage.name, before["queue"]), "--yes", "--reason", "by the console"]
        )
        template, values = self._letters(stage, form)
        return template, {**values, "output": output, "code": code}

    def _mailbox(self, _: StageView, query: Query) -> tuple[str, Values]:
        to = _given(query, "to")
        found = [mail for mail in self._emulator.mails() if to.lower() in mail["to"].lower()]
        mails = [{**mail, "when": _when(mail["at"])} for mail in found[:MOST_MAILS]]
        return "mailbox.html", {"to": to, "mails": mails, "found": len(found), "more": len(found) > MOST_MAILS}

    def _clock(self, _: StageView, __: Query) -> tuple[str, Values]:
        now = f"{self._emulator.clock.now:%A, %d %B %Y, %H:%M} UTC"
        return "clock.html", {
            "now": now, "units": list(UNITS), "amount": 7, "unit": "days", "output": "", "ran": [], "bad": False,
        }  # fmt: skip

    def _move(self, stage: StageView, form: Query) -> tuple[str, Values]:
        emulator, output, bad, ran = self._emulator, "The schedules ran", False, list[tuple[str, str]]()
        asked = _given(form, "do")
        try:
            if asked == "back":
                emulator.clock.back()
                output = "The Lambdas' clock is at now"
            elif asked == "on":
                emulator.clock.move(int(_given(form, "amount")) * UNITS[_given(form, "unit")])
                output = f"Moved on; {emulator.delete_expired()} items were past their time (TTL); the schedules ran"
            if asked in ("on", "run"):
                ran = run_schedules(stage)
                bad = any(outcome != "done" for _, outcome in ran)
        except (ValueError, KeyError, OverflowError) as error:
            output, bad = f"Not moved: {error}", True
        template, values = self._clock(stage, form)
        moved = {"moved": _span(emulator.clock.moved)}
        return template, {**values, **moved, "output": output, "ran": ran, "bad": bad}

    def _api(self, stage: StageView, query: Query) -> tuple[str, Values]:
        return "explorer.html", explorer.page(stage, query)

    def _send(self, stage: StageView, form: Query) -> tuple[str, Values]:
        return "explorer.html", explorer.sent(stage, form)


def run_schedules(stage: StageView) -> list[tuple[str, str]]:
    """Invoke the target of each enabled schedule of the stage as EventBridge Scheduler would; returns the outcomes."""
    scheduler, lambda_ = stage.client("scheduler"), stage.client("lambda")
    pages = scheduler.get_paginator("list_schedules").paginate(NamePrefix=resource_name(stage.name, ""))
    found = [one for page in pages for one in page["Schedules"] if one["State"] == "ENABLED"]

    def run(one: Mapping[str, Any]) -> tuple[str, str]:
        target = scheduler.get_schedule(Name=one["Name"], GroupName=one["GroupName"])["Target"]
        answer = lambda_.invoke(FunctionName=target["Arn"], Payload=target.get("Input", "{}").encode())
        failure = answer["Payload"].read().decode()[:300] if answer.get("FunctionError") else ""
        return one["Name"].removeprefix(resource_name(stage.name, "")), failure or "done"

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(run, found))


def _redrive_command(stage: str, queue: str) -> list[str]:
    return [f"./{PROJECT}", "dlq", "redrive", queue, "--stage", stage]


def _depth(sqs: Any, url: str) -> int:
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return sum(int(found[name]) for name in names)


def _messages(sqs: Any, url: str) -> list[dict[str, str]]:
    """The messages of a queue, oldest first; they stay visible to others."""
    seen: dict[str, dict[str, str]] = {}
    while len(seen) < MOST_LETTERS:
        found = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=2, MessageSystemAttributeNames=["SentTimestamp"]
        ).get("Messages", [])
        fresh = [message for message in found if message["MessageId"] not in seen]
        for message in fresh:
            sent = int(message["Attributes"]["SentTimestamp"]) / 1000
            body = _indented(message["Body"])
            at = f"{datetime.fromtimestamp(sent, UTC):%Y-%m-%d %H:%M:%S}"
            seen[message["MessageId"]] = {"at": at, "body": body, "short": " ".join(body.split())[:160]}
        for message in found:
            sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
        if not fresh:
            break
    return sorted(seen.values(), key=lambda message: message["at"])


def _indented(text: str) -> str:
    try:
        return pretty(json.loads(text))
    except ValueError:
        return text


def _start(text: str, keys: Sequence[str]) -> Any:
    """The key from which to go on; None if the text is none."""
    try:
        start = json.loads(text)
    except ValueError:
        return None
    return start if isinstance(start, dict) and set(start) == set(keys) else None


def _given(query: Query, name: str) -> str:
    return query.get(name, [""])[0].strip()


def _choice(query: Query, name: str, options: Sequence[str], default: str = "") -> str | None:
    asked = query.get(name, [""])[0]
    if asked in options and asked:
        return asked
    return default or (options[0] if options else None)


def _span(moved: timedelta) -> str:
    return str(moved) if moved else ""


def _when(at: object) -> str:
    try:
        return f"{datetime.fromtimestamp(float(str(at)), UTC):%H:%M:%S}"
    except ValueError:
        return str(at or "")
