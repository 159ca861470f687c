"""The things that the console asks: AWS's own APIs, and of the emulator what no API of AWS has."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any, Final, Protocol

from boto3.dynamodb.types import TypeDeserializer

from services.core.names import log_group, parameter_name, resource_name

Client = Any
Clients = Callable[[str], Client]
"""A boto3 client by the service's name."""


class Clock(Protocol):
    """The Lambdas' clock, see `localcloud.emulator.clock`."""

    moved: timedelta

    @property
    def now(self) -> datetime: ...

    def move(self, by: timedelta) -> None: ...

    def back(self) -> None: ...


@dataclass(frozen=True)
class Call:
    """A request of the API as it came to the front door."""

    at: float
    host: str
    method: str
    path: str
    status: int
    milliseconds: float
    request_id: str


@dataclass(frozen=True)
class EmulatorApi:
    """The emulator's additions to the APIs.

    Attributes:
        calls: the latest requests of the API, newest last.
        mails: those that AWS would have sent, newest first.
        access_token: a token of a member, by the ids of pool and client and the member's username.
        delete_expired: deletes the items that are past their time by the clock; returns how many.
        front_port: of the front door.
        operate: runs a command of `./civicforge`, by its words; returns exit code and output.
    """

    clients: Clients
    calls: Callable[[], Sequence[Call]]
    mails: Callable[[], list[dict[str, Any]]]
    access_token: Callable[[str, str, str], str]
    clock: Clock
    delete_expired: Callable[[], int]
    front_port: int
    operate: Callable[[Sequence[str]], tuple[int, str]]


@dataclass(frozen=True)
class StageView:
    """A stage, through AWS's APIs."""

    name: str
    emulator: EmulatorApi

    def client(self, service: str) -> Client:
        """The boto3 client of a service."""
        return self.emulator.clients(service)

    @property
    def host(self) -> str:
        """The Host header by which the front door knows the stage."""
        return f"{self.name}.localhost:{self.emulator.front_port}"

    @cached_property
    def tables(self) -> list[str]:
        """The names of its tables."""
        pages = self.client("dynamodb").get_paginator("list_tables").paginate()
        prefix = resource_name(self.name, "")
        return sorted(name for page in pages for name in page["TableNames"] if name.startswith(prefix))

    def parameter(self, key: str) -> str:
        """The value of one of its parameters."""
        return str(self.client("ssm").get_parameter(Name=parameter_name(self.name, key))["Parameter"]["Value"])

    def log_lines(self, since: float) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """Lines of the Lambdas since a moment: time in ms, service, line; without Lambda's own and metrics."""
        logs, prefix = self.client("logs"), log_group(self.name, "")
        groups = logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix=prefix)
        for name in (group["logGroupName"] for page in groups for group in page["logGroups"]):
            pages = logs.get_paginator("filter_log_events").paginate(logGroupName=name, startTime=int(since * 1000))
            for event in (event for page in pages for event in page["events"]):
                if line := parsed(event["message"]):
                    yield event["timestamp"], name.removeprefix(prefix), line


def parsed(message: str) -> dict[str, Any] | None:
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


_SHOWN: Final = {"message": "{}", "route": "{}", "chore": "{}", "status": "{}", "code": "{}", "duration_ms": "{} ms"}
"""Keys of a log line that are seen without a click."""


def shown(line: Mapping[str, Any]) -> str:
    """A log line in short."""
    return " · ".join(form.format(line[key]) for key, form in _SHOWN.items() if line.get(key) not in (None, ""))


_deserializer = TypeDeserializer()


def decoded(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item of DynamoDB as plain values."""
    return {key: _plain(_deserializer.deserialize(value)) for key, value in item.items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, list | set):
        return [_plain(part) for part in value]
    if hasattr(value, "as_integer_ratio") and not isinstance(value, int | float):
        return int(value) if value == int(value) else float(value)
    return value


def pretty(value: Any) -> str:
    """JSON to read."""
    return json.dumps(value, indent=1, ensure_ascii=False, default=str)
