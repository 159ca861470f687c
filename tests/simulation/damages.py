"""Drawn damages of a small town and their repair, on the simulated tables and on those of the local cloud."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import time_machine
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

NAME = "unit"
ANNA, BEN, CARA = "anna", "ben", "cara"
COMPLETE, SUBMITTED, OPEN, CANCELLED = (letter * 26 for letter in "abcd")


class Town:
    """Four quests of three members in four states, as they were, and as damage left them."""

    def __init__(self, client: Any) -> None:
        """`client`: of a DynamoDB whose tables, those of the stage `NAME`, are empty."""
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
        self._act(COMPLETE, lambda q: quests.attest(q, Actor(ANNA), None, now))
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


def damage(town: Town, data: st.DataObject) -> None:
    """Do one drawn damage."""
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


def repair(town: Town, chosen: list[Difference], minute: int) -> dict[str, Any]:
    """Repair the chosen items at a minute of a night."""
    with time_machine.travel(datetime(2026, 3, 3, 0, minute, tzinfo=UTC), tick=False):
        return restore.repair_all(town.stage, restore.groups(chosen), "drawn", SortedFile())


def undo_drawn_damages(town: Town, data: st.DataObject) -> None:
    """Damage the town, repair it in drawn choices and orders; hold that it is as it was and every invariant holds."""
    assert problems(town.stage) == []
    for _ in range(data.draw(st.integers(1, 4))):
        damage(town, data)
    for minute in range(20):
        left = town.differences()
        if not left:
            break
        chosen = data.draw(st.lists(st.sampled_from(left), min_size=1, unique_by=lambda d: d.label))
        repair(town, data.draw(st.permutations(chosen)), minute)
    else:
        # Whatever was chosen before, all at once ends it.
        assert repair(town, town.differences(), 20)["failed"] == 0
    assert problems(town.stage) == []
    now = town.items()
    for key, item in town.then.items():
        assert Difference(key[0], item, now[key]).changed == []
