"""Repairs of drawn damages, in drawn choices and orders: the outcome is always the same, and every invariant holds."""

import json
import os
from typing import Any

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ops.shared.stored_items import problems
from services.core.stores.dynamo import Item
from services.core.tables import LEDGER, QUESTS, TABLES, USERS
from tests.simulation.damages import (
    ANNA,
    BEN,
    CANCELLED,
    CARA,
    COMPLETE,
    OPEN,
    SUBMITTED,
    Town,
    repair,
    undo_drawn_damages,
)
from tests.simulation.dynamodb import Database, RefusedError

EXAMPLES = int(os.environ.get("REPAIRS", "150"))
"""Drawn damages; 2,000 and more by hand."""


class _Raw:
    """The body of an answer, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Any:
        yield self._content


class Model:
    """A real client whose requests a model of DynamoDB answers."""

    def __init__(self) -> None:
        self.database = Database(TABLES, lambda: 0.0, lambda: None)
        session = boto3.Session("test", "test", region_name="us-east-1")
        self.client = session.client("dynamodb", endpoint_url="http://model")
        events: Any = self.client.meta.events
        events.register("before-send.dynamodb", self._answer)

    def _answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        sent: Any = request
        operation = sent.headers["X-Amz-Target"].decode().partition(".")[2]
        status, headers = 200, HTTPHeaders.from_dict({"content-type": "application/x-amz-json-1.0"})
        try:
            body = self.database.call(operation, json.loads(sent.body))
        except RefusedError as error:
            status, body = error.status, {"__type": error.code, **error.fields}
        raw: Any = _Raw(json.dumps(body).encode())
        return AWSResponse(request.url, status, headers, raw)


MODEL = Model()
"""Made once for all examples, each of which gets a new database."""


@settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_damage_is_undone_alike_in_any_order_and_choice(data: st.DataObject) -> None:
    MODEL.database = Database(TABLES, lambda: 0.0, lambda: None)
    undo_drawn_damages(Town(MODEL.client), data)


@pytest.mark.parametrize("damaged", [2, 3, 4, 5])
def test_entries_of_one_member_do_not_wait_for_each_other(damaged: int) -> None:
    """Of an account in the red, whose entries are put back one by one or all at once."""
    one_by_one, at_once = Town(Model().client), Town(Model().client)
    for town in (one_by_one, at_once):
        mine = sorted(key for key in town.then if key[0] == LEDGER and key[1][0] == ANNA)
        for key in [k for k in mine if "create" in k[1][1]][: damaged - 1] + [k for k in mine if "welcome" in k[1][1]]:
            town.damage(LEDGER, {**town.then[key], "points": -9 if damaged > 2 else 0})
    for minute, difference in enumerate(one_by_one.differences() * 2):
        if difference.label in {left.label for left in one_by_one.differences()}:
            repair(one_by_one, [difference], minute)
    assert repair(at_once, at_once.differences(), 0)["failed"] == 0
    for town in (one_by_one, at_once):
        assert town.differences() == []
        assert problems(town.stage) == []


@pytest.mark.parametrize("member", [ANNA, BEN, CARA])
@pytest.mark.parametrize("quest_id", [COMPLETE, SUBMITTED, OPEN, CANCELLED])
def test_an_entry_taken_back_before_its_quest_returns_stays_taken_back(quest_id: str, member: str) -> None:
    town = Town(Model().client)
    gift: Item = {"userId": member, "entryId": "z#adjustment#gift", "questId": quest_id, "state": "POSTED"}
    gift |= {"kind": "adjustment", "points": 3, "xp": 50, "reputation": 0, "createdAt": "2026-03-02T00:00:00.000Z"}
    town.damage(LEDGER, gift)
    town.remove(QUESTS, (quest_id,))
    for minute, table in enumerate((LEDGER, QUESTS, USERS)):
        repair(town, [d for d in town.differences() if d.table == table], minute)
    assert problems(town.stage) == []
