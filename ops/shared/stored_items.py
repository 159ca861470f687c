"""The check of every stored item of a stage against the invariants."""

from collections.abc import Iterator
from typing import Final, TypeVar

from pydantic import ValidationError

from ops.shared.sorted_file import SortedFile
from ops.shared.stage import Stage
from services.core.domain.invariants import missing_texts, quest_problems, user_problems
from services.core.domain.ledger import Entry
from services.core.domain.quests import Quest
from services.core.domain.users import User
from services.core.domain.values import Model
from services.core.stores.dynamo import Item, decode_item
from services.core.stores.quests import is_quest, quest_of
from services.core.tables import LEDGER, QUESTS, USERS, Table

M = TypeVar("M", bound=Model)

_QUEST: Final = "questId"
_USER: Final = "userId"


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


def find_problems(stage: Stage) -> Iterator[str]:
    """Every invariant that is broken on the stage, in words, by quest and then by member.

    Reads all tables once, in constant memory; best while nobody writes.
    """
    rows: SortedFile[tuple[bool, Item]] = SortedFile()
    for item in scan(stage, QUESTS):
        if quest_id := quest_of(item[_QUEST]["S"]):
            rows.add(_QUEST, quest_id, (False, item))
    for item in scan(stage, USERS):
        rows.add(_USER, item[_USER]["S"], (False, item))
    for item in scan(stage, LEDGER):
        rows.add(_USER, item[_USER]["S"], (True, item))
        if quest_id := item.get(_QUEST, {}).get("S"):
            rows.add(_QUEST, quest_id, (True, item))
    for (kind, key), group in rows.groups():
        stored = [item for is_entry, item in group if not is_entry]
        entries = [item for is_entry, item in group if is_entry]
        found = _problems_of_quest(stored, entries) if kind == _QUEST else _problems_of_user(stored, entries)
        if entries and not any(item.get(kind) == {"S": key} for item in stored):
            found.append(f"{kind.removesuffix('Id')} {key}: has ledger entries, but no row")
        yield from found


def _problems_of_quest(stored: list[Item], entries: list[Item]) -> list[str]:
    """The problems of a quest with its texts; an invalid entry is named with its member."""
    found: list[str] = []
    texts = {item[_QUEST]["S"] for item in stored}
    for item in stored:
        if is_quest(item[_QUEST]["S"]) and (quest := parse_stored(Quest, item, found)):
            valid = [entry for raw in entries if (entry := parse_stored(Entry, raw, []))]
            found += [*quest_problems(quest, valid), *missing_texts(quest, texts)]
    return found


def _problems_of_user(stored: list[Item], entries: list[Item]) -> list[str]:
    found: list[str] = []
    valid = [entry for raw in entries if (entry := parse_stored(Entry, raw, found))]
    for item in stored:
        if user := parse_stored(User, item, found):
            found += user_problems(user, valid)
    return found


def problems(stage: Stage) -> list[str]:
    """All of `find_problems`, for a stage that should have none."""
    return list(find_problems(stage))


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
