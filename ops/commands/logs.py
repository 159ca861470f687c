"""Log lines of the Lambdas, and of what operators changed."""

import json
import re
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final

import typer
from botocore.exceptions import ClientError

from ops.shared.durations import duration
from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Terminal
from services.core.domain.values import timestamp
from services.core.names import audit_log_group, log_group
from services.core.services import SERVICES

_ERROR_WORDS = ('"ERROR"', '"CRITICAL"', '"cause":', "Task timed out", "Runtime.", "[ERROR]")
"""A request's line has a cause where its answer was 5xx, as for what AWS refused."""
_SYSTEM = re.compile(r'^(START|END|REPORT) RequestId|^INIT_START|"type": ?"platform\.')
"""Lambda's own lines, plain or as JSON."""
_FAILED = re.compile(r'Status: (timeout|error|failure)|"status": ?"(timeout|error|failure)"')
"""Statuses of a failed run in Lambda's report; a timeout may have no other line."""
_EMBEDDED: Final = '"_aws"'
"""Part of a line in CloudWatch's embedded metric format."""
_AUDIT = "audit"
_ALL = "all"
_LOOK_SECONDS: Final = 2.0
_LATE: Final = timedelta(seconds=30)
"""The longest delay with which a line reaches CloudWatch."""


@dataclass
class Tail:
    """The events of some log groups in the order of their time; each is given once.

    Attributes:
        groups: the groups by the name that is shown for them.
        missing: the names of groups that are not there.
    """

    stage: Stage
    groups: dict[str, str]
    missing: set[str] = field(default_factory=set)
    _seen: set[str] = field(default_factory=set)

    def since(self, start: datetime) -> list[tuple[int, str, str]]:
        """The new events from a time on: milliseconds, name, message. Those of one moment stay as they arrived."""
        found = [event for name in self.groups for event in self._events(name, start)]
        return sorted(found, key=lambda event: event[0])

    def _events(self, name: str, start: datetime) -> Iterator[tuple[int, str, str]]:
        pages = self.stage.logs.get_paginator("filter_log_events").paginate(
            logGroupName=self.groups[name], startTime=int(start.timestamp() * 1000)
        )
        try:
            for event in (event for page in pages for event in page["events"]):
                if event["eventId"] not in self._seen:
                    self._seen.add(event["eventId"])
                    yield event["timestamp"], name, event["message"].rstrip()
            self.missing.discard(name)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            self.missing.add(name)


def logs(
    stage: Stage,
    terminal: Terminal,
    source: Annotated[str, typer.Argument(help=f"{', '.join(SERVICES)}, all of them, or audit.")] = _ALL,
    since: Annotated[str, typer.Option(help="How far back: 15m, 2h, 7d.")] = "15m",
    errors: Annotated[bool, typer.Option("--errors", help="Only what went wrong.")] = False,
    containing: Annotated[str, typer.Option(help="Only lines with this text, e.g. a request id.")] = "",
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until interrupted.")] = False,
) -> None:
    """Show what the Lambdas logged, in the order of time, or with `audit` what operators changed."""
    tail = Tail(stage, _groups(stage, source))
    start = datetime.now(UTC) - duration(since)
    events = list(_shown(tail.since(start), containing, errors=errors))
    remedy = f"`civicforge deploy --refresh --stage {stage.name}` makes it again"
    for name in sorted(tail.missing):
        terminal.say(f"There is no log group {tail.groups[name]}; {remedy}.")
    if follow:
        _follow(tail, terminal, events, containing, errors=errors)
        return
    lines = [_line(event, several=len(tail.groups) > 1) for event in events]
    nothing = f"Nothing of that kind in {', '.join(tail.groups.values())} within {since}."
    terminal.result({"events": events, "missing": sorted(tail.missing)}, *(lines or [nothing]))
    if tail.missing:
        raise typer.Exit(1)


def _groups(stage: Stage, source: str) -> dict[str, str]:
    if source == _AUDIT:
        return {_AUDIT: audit_log_group(stage.name)}
    if source not in (*SERVICES, _ALL):
        raise OperatorError(f"{source!r} logs nothing; choose one of {', '.join((*SERVICES, _ALL, _AUDIT))}.")
    return {service: log_group(stage.name, service) for service in SERVICES if source in (service, _ALL)}


def _follow(tail: Tail, terminal: Terminal, events: Iterable[dict[str, Any]], containing: str, *, errors: bool) -> None:
    """Print lines as they come, until somebody interrupts; with --json one event a line."""
    try:
        while True:
            for event in events:
                typer.echo(json.dumps(event) if terminal.as_json else _line(event, several=len(tail.groups) > 1))
            time.sleep(_LOOK_SECONDS)
            events = _shown(tail.since(datetime.now(UTC) - _LATE), containing, errors=errors)
    except KeyboardInterrupt:
        return


def _shown(found: Iterable[tuple[int, str, str]], containing: str, *, errors: bool) -> Iterator[dict[str, Any]]:
    # The filter is ours: CloudWatch's syntax for text inside JSON differs from that for plain lines.
    for at, name, message in found:
        if containing in message and _is_shown(message, errors=errors):
            moment = timestamp(datetime.fromtimestamp(at / 1000, UTC))
            yield {"at": moment, "source": name, "message": _parsed(message)}


def _is_shown(message: str, *, errors: bool) -> bool:
    if _SYSTEM.search(message):
        return bool(_FAILED.search(message))
    if _EMBEDDED in message:
        return False
    return not errors or any(word in message for word in _ERROR_WORDS)


def _line(event: dict[str, Any], *, several: bool) -> str:
    source = f"{event['source']:<12}  " if several else ""
    return f"{event['at']}  {source}{_readable(event['message'])}"


def _readable(message: Any) -> str:
    """An operator's change in a line, Lambda's record of an exception with its frames, anything else as it is."""
    match message:
        case {"actor": who, "action": action, "target": target, "plan": plan, "reason": why, "outcome": outcome}:
            return f"{f'{action} {target}'.strip()} ({'; '.join(plan)}): {outcome}, by {who}: {why}"
        case {"errorType": kind, "errorMessage": what, "stackTrace": list() as frames}:
            request = f" (request {message['requestId']})" if message.get("requestId") else ""
            return "\n".join([f"{kind}: {what}{request}", *(str(frame).rstrip() for frame in frames)])
        case str():
            return message
    return json.dumps(message, ensure_ascii=False)


def _parsed(message: str) -> Any:
    try:
        return json.loads(message)
    except ValueError:
        return message
