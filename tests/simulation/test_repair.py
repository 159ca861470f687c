"""Repairs of drawn damages, in drawn choices and orders: the outcome is always the same, and every invariant holds."""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
import time_machine
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from ops.commands import restore
from ops.commands.restore import Difference
from ops.shared.sorted_file import SortedFile
from ops.shared.stage import Stage
from ops.shared.stored_items import problems
from services.core.domain import quests
from services.core.domain.ledger import Kind
from services.core.domain.quests import Actor, Category
from services.core.names import resource_name
from services.core.stores.dynamo import Item, decode_item
from services.core.stores.ledger import LedgerStore
from services.core.stores.quests import QuestStore
from services.core.stores.users import UserStore
from services.core.tables import LEDGER, QUESTS, TABLES, USERS, Table
from tests.simulation.dynamodb import Database, RefusedError

NAME = "unit"
ANNA, BEN, CARA = "anna", "ben", "cara"
COMPLETE, SUBMITTED, OPEN, CANCELLED = (letter * 26 for letter in "abcd")
EXAMPLES = int(os.environ.get("REPAIRS", "150"))
"""Drawn damages; 2,000 and more by hand."""


class _Raw:
    """The body of an answer, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, **_: Any) -> Any:
        yield self._content


class Model:
    """A real client, made once, whose requests a model answers that is new for each example."""

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


class Town:
    """Four quests of three members in four states, as they were, and as damage left them."""

    def __init__(self) -> None:
        MODEL.database, client = Database(TABLES, lambda: 0.0, lambda: None), MODEL.client
        self.stage = Stage(NAME, boto3.Session(region_name="us-east-1"))
        names = {table: resource_name(NAME, table.base_name) for table in TABLES}
        users, ledger, quests_ = names[USERS], names[LEDGER], names[QUESTS]
        self.stage.__dict__.update(
            dynamodb=client,
            users=UserStore(client, users, ledger),
            ledger=LedgerStore(client, ledger, users),
            quests=QuestStore(client, quests_, users, ledger, shards=1),
        )
        self._live()
        self.then = self.items()

    def _live(self) -> None:
        now, stage = datetime(2026, 3, 1, tzinfo=UTC), self.stage
        for member in (ANNA, BEN, CARA):
            stage.users.ensure(member, now)
        draft = quests.Draft(title="Carry a sofa", description="It is a heavy sofa, mind.", category=Category.SOCIAL)
        for quest_id in (COMPLETE, SUBMITTED, OPEN, CANCELLED):
            stage.quests.create(quests.create(draft, ANNA, quest_id, now, timedelta(days=30)))
        self._act(CANCELLED, lambda q: quests.cancel(q, Actor(ANNA), now))
        for quest_id, performer in ((COMPLETE, BEN), (SUBMITTED, CARA)):
            actor = Actor(performer)
            self._act(quest_id, lambda q: quests.claim(q, actor, now, timedelta(days=14)))  # noqa: B023 - called at once
            self._act(quest_id, lambda q: quests.submit(q, None, actor, "It is upstairs.", now, timedelta(days=7)))  # noqa: B023
        for member in (BEN, ANNA):
            self._act(COMPLETE, lambda q: quests.attest(q, Actor(member), None, now))  # noqa: B023
        (reward,) = [entry for entry in stage.ledger.all_of(BEN) if entry.kind is Kind.REWARD]
        stage.ledger.pay(reward, now)

    def _act(self, quest_id: str, step: Callable[[quests.Quest], quests.Change]) -> None:
        stored = self.stage.quests.get(quest_id)
        assert stored
        self.stage.quests.save(stored.quest, step(stored.quest))

    def items(self) -> dict[tuple[Table, tuple[str, ...]], Item]:
        """Every item of the three tables."""
        found = {}
        for table in (QUESTS, LEDGER, USERS):
            pages = self.stage.dynamodb.get_paginator("scan").paginate(TableName=self.stage.table(table))
            for raw in (raw for page in pages for raw in page["Items"]):
                item = decode_item(raw)
                found[table, tuple(item[name] for name in (table.partition_key, table.sort_key) if name)] = item
        return found

    def damage(self, table: Table, item: Item) -> None:
        """Overwrite or add an item behind the platform's back."""
        self.stage.repair.restore(table, {}, item)

    def remove(self, table: Table, key: tuple[str, ...]) -> None:
        """Delete an item behind the platform's back."""
        names = [name for name in (table.partition_key, table.sort_key) if name]
        self.stage.repair.restore(table, dict(zip(names, key, strict=True)), None)

    def differences(self) -> list[Difference]:
        """The items that are not as they were and may be put back."""
        now = self.items()
        found = [Difference(key[0], self.then.get(key), now.get(key)) for key in {**self.then, **now}]
        changed = [d for d in found if d.then is None or d.now is None or d.changed]
        return [d for d in changed if restore.refusal(self.stage, d) is None]


def _altered(town: Town, data: st.DataObject) -> None:
    """One drawn damage."""
    key = data.draw(st.sampled_from(sorted(town.then, key=lambda k: (k[0].base_name, k[1]))))
    table, item = key[0], town.then[key]
    kind = data.draw(st.sampled_from(("change", "remove", "add")))
    if kind == "add":
        points, quest_id = data.draw(st.integers(-3, 3)), data.draw(st.sampled_from((None, COMPLETE, OPEN)))
        gift = {"userId": data.draw(st.sampled_from((ANNA, BEN))), "entryId": f"z#adjustment#{points}",
                "state": "POSTED", "kind": "adjustment", "points": points, "xp": 50, "reputation": 0,
                "createdAt": "2026-03-02T00:00:00.000Z"}  # fmt: skip
        town.damage(LEDGER, gift | ({"questId": quest_id} if quest_id else {}))
    elif kind == "remove":
        town.remove(*key)
    elif table == LEDGER:
        town.damage(table, {**item, "points": data.draw(st.integers(-5, 50)), "xp": data.draw(st.integers(0, 9999))})
    elif table == USERS:
        town.damage(table, {**item, "points": data.draw(st.integers(0, 99)), "displayName": "?"})
    elif "#" in key[1][0]:
        town.damage(table, {**item, "text": "<script>"})
    else:
        status = data.draw(st.sampled_from(("OPEN", "CLAIMED", "COMPLETE", "CANCELLED", "nonsense")))
        town.damage(table, {**item, "status": status, "rewardXp": data.draw(st.integers(10, 9999))})


def _repair(town: Town, chosen: list[Difference], minute: int) -> dict[str, Any]:
    with time_machine.travel(datetime(2026, 3, 3, 0, minute, tzinfo=UTC), tick=False):
        return restore.repair_all(town.stage, restore.groups(chosen), "drawn", SortedFile())


@settings(max_examples=EXAMPLES, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_any_damage_is_undone_alike_in_any_order_and_choice(data: st.DataObject) -> None:
    town = Town()
    assert problems(town.stage) == []
    for _ in range(data.draw(st.integers(1, 4))):
        _altered(town, data)
    for minute in range(20):
        left = town.differences()
        if not left:
            break
        chosen = data.draw(st.lists(st.sampled_from(left), min_size=1, unique_by=lambda d: d.label))
        _repair(town, data.draw(st.permutations(chosen)), minute)
    else:
        # Whatever was chosen before, all at once ends it.
        assert _repair(town, town.differences(), 20)["failed"] == 0
    assert problems(town.stage) == []
    now = town.items()
    for key, item in town.then.items():
        assert Difference(key[0], item, now[key]).changed == []


@pytest.mark.parametrize("damaged", [2, 3, 4, 5])
def test_entries_of_one_member_do_not_wait_for_each_other(damaged: int) -> None:
    """Of an account in the red, whose entries are put back one by one or all at once."""
    one_by_one, at_once = Town(), Town()
    for town in (one_by_one, at_once):
        mine = sorted(key for key in town.then if key[0] == LEDGER and key[1][0] == ANNA)
        for key in [k for k in mine if "create" in k[1][1]][: damaged - 1] + [k for k in mine if "welcome" in k[1][1]]:
            town.damage(LEDGER, {**town.then[key], "points": -9 if damaged > 2 else 0})
    for minute, difference in enumerate(one_by_one.differences() * 2):
        if difference.label in {left.label for left in one_by_one.differences()}:
            _repair(one_by_one, [difference], minute)
    assert _repair(at_once, at_once.differences(), 0)["failed"] == 0
    for town in (one_by_one, at_once):
        assert town.differences() == []
        assert problems(town.stage) == []


@pytest.mark.parametrize("member", [ANNA, BEN, CARA])
@pytest.mark.parametrize("quest_id", [COMPLETE, SUBMITTED, OPEN, CANCELLED])
def test_an_entry_taken_back_before_its_quest_returns_stays_taken_back(quest_id: str, member: str) -> None:
    town = Town()
    gift: Item = {"userId": member, "entryId": "z#adjustment#gift", "questId": quest_id, "state": "POSTED"}
    gift |= {"kind": "adjustment", "points": 3, "xp": 50, "reputation": 0, "createdAt": "2026-03-02T00:00:00.000Z"}
    town.damage(LEDGER, gift)
    town.remove(QUESTS, (quest_id,))
    for minute, table in enumerate((LEDGER, QUESTS, USERS)):
        _repair(town, [d for d in town.differences() if d.table == table], minute)
    assert problems(town.stage) == []
