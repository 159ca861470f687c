"""Log lines of the Lambdas."""

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Terminal
from services.core.domain.values import timestamp
from services.core.names import audit_log_group, log_group
from services.core.services import SERVICES

_AGE = re.compile(r"(\d+)([mhd])")
_UNITS = {"m": "minutes", "h": "hours", "d": "days"}
_ERROR_WORDS = ('"ERROR"', '"CRITICAL"', "Task timed out", "Runtime.", "[ERROR]")
_SYSTEM = re.compile(r'^(START|END|REPORT) RequestId|^INIT_START|"type": ?"platform\.')
"""Lambda's own lines, plain or as JSON."""
_FAILED = re.compile(r'Status: (timeout|error|failure)|"status": ?"(timeout|error|failure)"')
"""How Lambda's report of a run says that it failed; a timeout may have no other line."""
_AUDIT = "audit"


def ago(text: str) -> timedelta:
    """Reads `15m`, `2h` or `7d`. Raises OperatorError."""
    match = _AGE.fullmatch(text)
    if not match:
        raise OperatorError(f"{text!r} is no length of time; say 15m, 2h or 7d.")
    return timedelta(**{_UNITS[match[2]]: int(match[1])})


def logs(
    stage: Stage,
    terminal: Terminal,
    source: Annotated[str, typer.Argument(help="api, onboarding, rewards, housekeeping, or audit.")],
    since: Annotated[str, typer.Option(help="How far back: 15m, 2h, 7d.")] = "15m",
    errors: Annotated[bool, typer.Option("--errors", help="Only what went wrong.")] = False,
    containing: Annotated[str, typer.Option(help="Only lines with this text, e.g. a request id.")] = "",
) -> None:
    """Show what a Lambda logged, or with `audit` what operators changed."""
    if source not in (*SERVICES, _AUDIT):
        raise OperatorError(f"{source!r} logs nothing; choose one of {', '.join((*SERVICES, _AUDIT))}.")
    group = audit_log_group(stage.name) if source == _AUDIT else log_group(stage.name, source)
    start = int((datetime.now(UTC) - ago(since)).timestamp() * 1000)
    # The filter is ours: CloudWatch's syntax for text inside JSON differs from that for plain lines.
    pages = stage.logs.get_paginator("filter_log_events").paginate(logGroupName=group, startTime=start)
    found = [
        (datetime.fromtimestamp(event["timestamp"] / 1000, UTC), event["message"].rstrip())
        for page in pages
        for event in page["events"]
        if containing in event["message"] and _is_shown(event["message"], errors=errors)
    ]
    events = [{"at": timestamp(at), "message": _parsed(message)} for at, message in sorted(found)]
    lines = [f"{event['at']}  {_spoken(event['message'])}" for event in events]
    terminal.result({"events": events}, *(lines or [f"Nothing of that kind in {group} within {since}."]))


def _is_shown(message: str, *, errors: bool) -> bool:
    if _SYSTEM.search(message):
        return bool(_FAILED.search(message))
    return not errors or any(word in message for word in _ERROR_WORDS)


def _spoken(message: object) -> str:
    """An operator's change in a line; whatever a Lambda logged as it is."""
    match message:
        case {"actor": who, "action": action, "target": target, "plan": plan, "reason": why, "outcome": outcome}:
            return f"{f'{action} {target}'.strip()} ({'; '.join(plan)}): {outcome}, by {who}: {why}"
        case str():
            return message
    return json.dumps(message, ensure_ascii=False)


def _parsed(message: str) -> object:
    try:
        return json.loads(message)
    except ValueError:
        return message
