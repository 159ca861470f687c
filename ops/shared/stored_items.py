"""The check of every stored item of a stage against the invariants."""

from collections import defaultdict
from collections.abc import Iterator
from typing import TypeVar

from pydantic import ValidationError

from ops.shared.stage import Stage
from services.core.domain.invariants import missing_texts, quest_problems, user_problems
from services.core.domain.ledger import Entry
from services.core.domain.quests import Quest
from services.core.domain.users import User
from services.core.domain.values import Model
from services.core.stores.dynamo import Item, decode_item
from services.core.stores.quests import is_quest
from services.core.tables import LEDGER, QUESTS, USERS, Table

M = TypeVar("M", bound=Model)


def scan(stage: Stage, table: Table) -> Iterator[Item]:
    """Every item of a table, in DynamoDB's format."""
    pages = stage.dynamodb.get_paginator("scan").paginate(TableName=stage.table(table), ConsistentRead=True)
    for page in pages:
        yield from page["Items"]


def parse_stored(model: type[M], item: Item, found: list[str]) -> M | None:
    """The stored item as a model; where it is invalid, None, and `found` gets the reason."""
    try:
        return model.model_validate(decode_item(item))
    except ValueError as error:
        names = (name for name in ("userId", "questId", "entryId") if name in item)
        key = " ".join(item[name]["S"] for name in names if name != "questId" or model is Quest)
        found.append(f"{model.__name__.lower()} {key} is invalid: {invalid_fields(error)}")
        return None


def invalid_fields(error: ValueError) -> str:
    """The reason why a stored item is invalid, without what members wrote."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or error.title}: {first['msg']}"


def problems(stage: Stage) -> list[str]:
    """Every invariant that is broken on the stage, in words. Reads all tables once; best while nobody writes."""
    entries: dict[str, list[Entry]] = defaultdict(list)
    by_quest: dict[str, list[Entry]] = defaultdict(list)
    found: list[str] = []
    for item in scan(stage, LEDGER):
        if entry := parse_stored(Entry, item, found):
            entries[entry.user_id].append(entry)
            by_quest[entry.quest_id or ""].append(entry)
    quest_ids, user_ids, texts, quests = {""}, set[str](), set[str](), []
    for item in scan(stage, QUESTS):
        quest_id = item["questId"]["S"]
        if not is_quest(quest_id):
            texts.add(quest_id)
            continue
        quest_ids.add(quest_id)
        if quest := parse_stored(Quest, item, found):
            quests.append(quest)
    for quest in quests:
        found += [*quest_problems(quest, by_quest[quest.quest_id]), *missing_texts(quest, texts)]
    for item in scan(stage, USERS):
        user_ids.add(item["userId"]["S"])
        if user := parse_stored(User, item, found):
            found += user_problems(user, entries[user.user_id])
    found += [f"quest {quest_id}: has ledger entries, but no row" for quest_id in sorted(by_quest.keys() - quest_ids)]
    found += [f"user {user_id}: has ledger entries, but no row" for user_id in sorted(entries.keys() - user_ids)]
    return sorted(found)


def entries_of(stage: Stage, quest: Quest) -> list[Entry]:
    """The ledger entries that the quest's parties have for it, former ones included, oldest first."""
    members = {quest.requestor_id, quest.performer_id, quest.released_by, *(a.user_id for a in quest.attestations)}
    found = [
        entry
        for member in members
        if member
        for entry in stage.ledger.all_of(member)
        if entry.quest_id == quest.quest_id
    ]
    return sorted(found, key=lambda entry: entry.entry_id)
