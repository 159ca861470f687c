"""The cost of a request on AWS: calls and write units, counted on an emulator of its own from what DynamoDB reports."""

import contextlib
import io
import json
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session

from bench.scenario import SETTINGS, STAGE, TABLES, USER_ID, event, quest_body
from infra.paths import REPOSITORY
from localcloud.emulator.process import Emulator
from localcloud.emulator.root_key import root_key_of
from services.api.app import App, Clients
from services.core.names import parameter_name
from services.core.parameters import LIVE_PARAMETERS
from services.core.stores.ledger import LedgerStore
from services.core.tables import TABLES as DECLARED

PERFORMER_ID = "9a1f6d0b-1c55-4c6c-8f3e-7d2b3c4d5e6f"
SHORT, LONG = 900, 2000
"""Characters of description and submission: an item of about 1 kB, and the most that is allowed."""

Json = dict[str, Any]


@dataclass
class Usage:
    """AWS calls, and write units of tables and indexes."""

    calls: int = 0
    write_units: float = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(self.calls + other.calls, self.write_units + other.write_units)


class Meter:
    """Counts what a botocore client does."""

    def __init__(self, client: Any) -> None:
        self.used = Usage()
        client.meta.events.register("provide-client-params.dynamodb", self._ask)
        client.meta.events.register("after-call", self._count)

    def _ask(self, params: Json, **_: Any) -> Json:
        return {**params, "ReturnConsumedCapacity": "INDEXES"}

    def _count(self, model: Any, parsed: Json, **_: Any) -> None:
        self.used.calls += 1
        if model.name not in ("PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"):
            return
        reported = parsed.get("ConsumedCapacity", [])
        for table in reported if isinstance(reported, list) else [reported]:
            # On AWS too a transaction doubles the table's part alone, not that of its indexes.
            self.used.write_units += table["CapacityUnits"]

    def take(self) -> Usage:
        """The use since the last call."""
        used, self.used = self.used, Usage()
        return used


@contextlib.contextmanager
def _emulator() -> Iterator[str]:
    with tempfile.TemporaryDirectory() as directory:
        emulator = Emulator(Path(directory), venv=REPOSITORY / ".local/emulator-venv", owner=os.getpid())
        try:
            yield emulator.start().endpoint
        finally:
            emulator.stop()


class _Stage:
    """The api in this process, on tables of the emulator."""

    def __init__(self, endpoint: str) -> None:
        session = botocore.session.get_session()
        session.set_credentials(*root_key_of(endpoint))
        dynamodb: Any = session.create_client("dynamodb", region_name="us-east-1", endpoint_url=endpoint)
        ssm: Any = session.create_client("ssm", region_name="us-east-1", endpoint_url=endpoint)
        for table in DECLARED:
            dynamodb.create_table(**table.create_request(TABLES[table.base_name]))
        for parameter in LIVE_PARAMETERS:
            value = parameter.initial or json.dumps({"current": "bench", "previous": None})
            ssm.put_parameter(Name=parameter_name(STAGE, parameter.key), Value=value, Type=parameter.kind)
        self.app = App(SETTINGS, Clients(dynamodb, ssm, cloudwatch=lambda: None, cognito=None))
        self.ledger = LedgerStore(dynamodb, TABLES["ledger"], TABLES["users"])
        for user_id in (USER_ID, PERFORMER_ID):
            self.request("GET", "/api/v1/me", user_id)
        self.meter = Meter(dynamodb)

    def request(self, method: str, path: str, user_id: str = USER_ID, **more: Any) -> Json:
        """The answer's document. Raises RuntimeError for an error."""
        answer = self.app(event(method, path, user_id=user_id, **more))
        if answer["statusCode"] >= 400:
            raise RuntimeError(f"{method} {path}: {answer['body']}")
        return dict(json.loads(answer["body"]))

    def lifecycle(self, length: int) -> dict[str, Usage]:
        """The cost of each step, from create to paid, with texts of this length."""
        text = ("We carry two sofas down the stairs. " * 60)[:length]
        used = {}
        quest = self.request("POST", "/api/v1/quests", body=quest_body(text))["questId"]
        used["create"] = self.meter.take()
        steps = (
            ("claim", PERFORMER_ID, "{}"),
            ("submit", PERFORMER_ID, json.dumps({"submission": text})),
            ("attest", USER_ID, "{}"),
            ("attest", PERFORMER_ID, "{}"),
        )
        for number, (action, user_id, body) in enumerate(steps):
            self._on_quest("POST", quest, f"/{action}", user_id=user_id, body=body)
            used["attest, second" if number == len(steps) - 1 else action] = self.meter.take()
        entry = next(iter(self.ledger.all_of(PERFORMER_ID)))
        self.meter.take()
        self.ledger.pay(entry, datetime.now(UTC))
        used["pay"] = self.meter.take()
        self._on_quest("GET", quest)
        used["get"] = self.meter.take()
        self.request("GET", "/api/v1/quests")
        used["list"] = self.meter.take()
        return used

    def _on_quest(self, method: str, quest_id: str, action: str = "", **more: Any) -> None:
        base = "/api/v1/quests/"
        parameters = {"questId": quest_id}
        route = f"{base}{{questId}}{action}"
        self.request(method, base + quest_id + action, route=route, pathParameters=parameters, **more)


def measure() -> dict[int, dict[str, Usage]]:
    """Usage by operation, for short and for long texts."""
    with _emulator() as endpoint, contextlib.redirect_stdout(io.StringIO()):
        stage = _Stage(endpoint)
        return {length: stage.lifecycle(length) for length in (SHORT, LONG)}
