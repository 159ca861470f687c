"""Point-in-time restore: beside the live tables, compared item by item, then chosen items repaired, or all cut over.

A restore brings back the tables of one instant under names of their own, `civicforge-<stage>-quests-<id>`, with
the settings that AWS drops on the way. The live tables keep their names, streams and history whatever is done: a cut
over writes the former content into them. Everything here reads whole tables, which is right for a community's size.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError

from ops.shared.books import entries_of, problems
from ops.shared.breaker import Level, former
from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Change, Json, Terminal, carry_out, command
from ops.shared.waiting import NOT_READY, until, until_ready
from services.core.domain.invariants import amounts, imbalance
from services.core.domain.ledger import Entry, State, Totals, adjustment, fold
from services.core.domain.quests import Quest
from services.core.domain.values import timestamp
from services.core.stores.dynamo import ConditionFailedError, Item, decode_item
from services.core.stores.repair import TOTALS
from services.core.tables import LEDGER, MESSAGES, QUESTS, TABLES, USERS, Table

RESTORED: Final = tuple(table for table in TABLES if table.ttl is None)
"""The tables that hold what members made; what expires by itself is not brought back."""
_BOOKKEEPING: Final = frozenset({"version", "updatedAt"})
_PROGRESS: Final = frozenset({"state", "attempts", "postedAt", "due"})
_ID = re.compile(r"\d{8}t\d{6}")

app = typer.Typer(no_args_is_help=True, help="Bring former data back: beside, then item by item or all of it.")

RestoreId = Annotated[str, typer.Argument(help="The restore, as `restore start` and `restore list` name it.")]


# --- beside ---


def beside(stage: Stage, table: Table, restore_id: str) -> str:
    """The name of a restored table. Raises OperatorError for what is no restore's id."""
    if not _ID.fullmatch(restore_id):
        raise OperatorError(f"{restore_id!r} is no restore; `civicforge restore list` shows them.")
    return f"{stage.table(table)}-{restore_id}"


def wait_until_active(stage: Stage, name: str) -> None:
    """Wait for a table. Raises OperatorError after an hour."""

    def active() -> bool:
        return stage.dynamodb.describe_table(TableName=name)["Table"]["TableStatus"] == "ACTIVE"

    restore_id = name[-len("20260101t000000") :]
    until(active, name, f"`civicforge restore complete {restore_id}` goes on with it.")


def complete(stage: Stage, table: Table, name: str) -> list[str]:
    """Give a restored table the settings of the live one that a restore drops. Return them in words.

    It may be repeated: what is there already stays as it is.
    """
    db, done = stage.dynamodb, []
    live = db.describe_table(TableName=stage.table(table))["Table"]
    copy = db.describe_table(TableName=name)["Table"]
    backups = db.describe_continuous_backups(TableName=stage.table(table))["ContinuousBackupsDescription"]
    recovery = backups.get("PointInTimeRecoveryDescription", {})
    if recovery.get("PointInTimeRecoveryStatus") == "ENABLED":
        days = recovery.get("RecoveryPeriodInDays", 35)
        until_ready(
            lambda: db.update_continuous_backups(
                TableName=name,
                PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True, "RecoveryPeriodInDays": days},
            ),
            f"point-in-time recovery of {name}",
        )
        done.append(f"point-in-time recovery of {days} days")
    ttl = db.describe_time_to_live(TableName=stage.table(table))["TimeToLiveDescription"]
    if ttl.get("TimeToLiveStatus") in _TTL_ON:
        there = db.describe_time_to_live(TableName=name)["TimeToLiveDescription"].get("TimeToLiveStatus")
        if there not in _TTL_ON:
            until_ready(
                lambda: db.update_time_to_live(
                    TableName=name, TimeToLiveSpecification={"Enabled": True, "AttributeName": ttl["AttributeName"]}
                ),
                f"time to live of {name}",
            )
        done.append("time to live")
    tags = db.list_tags_of_resource(ResourceArn=live["TableArn"]).get("Tags", [])
    if tags:
        until_ready(lambda: db.tag_resource(ResourceArn=copy["TableArn"], Tags=tags), f"{name} for tags")
        done.append(f"{len(tags)} tags")
    stream: Any = live.get("StreamSpecification", {})  # what describes a table and what changes it are typed apart
    if stream.get("StreamEnabled"):
        if not copy.get("StreamSpecification", {}).get("StreamEnabled"):
            until_ready(lambda: db.update_table(TableName=name, StreamSpecification=stream), f"the stream of {name}")
            wait_until_active(stage, name)
        done.append("stream")
    if live.get("DeletionProtectionEnabled"):
        if not copy.get("DeletionProtectionEnabled"):
            until_ready(lambda: db.update_table(TableName=name, DeletionProtectionEnabled=True), name)
            wait_until_active(stage, name)
        done.append("deletion protection")
    return done


_TTL_ON: Final = ("ENABLED", "ENABLING")


def begin(stage: Stage, restore_id: str, at: datetime | None) -> Json:
    """Restore the tables beside the live ones, wait for them and complete them. May be repeated under the same id."""
    when: Any = {"RestoreDateTime": at} if at else {"UseLatestRestorableTime": True}
    for table in RESTORED:
        _start(stage, table, beside(stage, table, restore_id), when)
    return finish(stage, restore_id)


def _start(stage: Stage, table: Table, name: str, when: Any) -> None:
    def restore() -> None:
        stage.dynamodb.restore_table_to_point_in_time(SourceTableName=stage.table(table), TargetTableName=name, **when)

    try:
        until_ready(restore, f"the restore of {name}", passing=NOT_READY - {"ResourceNotFoundException"})
    except stage.dynamodb.exceptions.TableAlreadyExistsException:
        return  # an earlier try came as far as this


def finish(stage: Stage, restore_id: str) -> Json:
    """Wait for a restore's tables and complete them.

    Raises:
        OperatorError: a table of the restore was never asked for.
    """
    names = {table.thing: beside(stage, table, restore_id) for table in RESTORED}
    for name in names.values():
        wait_until_active(stage, name)
    settings = {table.thing: complete(stage, table, names[table.thing]) for table in RESTORED}
    return {"id": restore_id, "tables": names, "putBack": settings}


def restores(stage: Stage) -> list[str]:
    """The ids of the restores that are there, newest first."""
    prefix = f"{stage.table(QUESTS)}-"
    names = (name for page in stage.dynamodb.get_paginator("list_tables").paginate() for name in page["TableNames"])
    found = (name.removeprefix(prefix) for name in names if name.startswith(prefix))
    return sorted((restore_id for restore_id in found if _ID.fullmatch(restore_id)), reverse=True)


# --- the difference ---


@dataclass(frozen=True)
class Difference:
    """An item that is not as it was; `then` or `now` is None where there was or is none."""

    table: Table
    then: Item | None
    now: Item | None

    @property
    def key(self) -> dict[str, str]:
        """The item's key."""
        item = self.then or self.now or {}
        names = (self.table.partition_key, self.table.sort_key)
        return {name: item[name] for name in names if name}

    @property
    def label(self) -> str:
        """How one chooses it: `quests/<id>`, `users/<id>`, `ledger/<user>/<entry>`."""
        return "/".join((self.table.thing, *self.key.values()))

    @property
    def changed(self) -> list[str]:
        """The attributes that differ; version and update time follow from any change."""
        names = {**(self.then or {}), **(self.now or {})}
        return [
            name
            for name in names
            if name not in _BOOKKEEPING and (self.then or {}).get(name) != (self.now or {}).get(name)
        ]

    @property
    def words(self) -> str:
        """What became of it, in a sentence."""
        if self.now is None:
            return f"{self.label}: is gone; it was {_short(self.then or {})}"
        if self.then is None:
            return f"{self.label}: was not there; it is {_short(self.now)}"
        parts = [f"{n} is {_said(self.now.get(n))}, was {_said(self.then.get(n))}" for n in self.changed]
        return f"{self.label}: {'; '.join(parts)}"


def _said(value: object) -> str:
    if value is None:
        return "nothing"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _short(item: Item) -> str:
    shown = ("title", "status", "displayName", "kind", "state", *TOTALS, "text")
    return ", ".join(f"{name} {_said(item[name])}" for name in shown if name in item) or "empty"


def differences(stage: Stage, restore_id: str) -> Iterator[Difference]:
    """Every item of the live tables that is not as it was, by table and key."""
    for table in RESTORED:
        then, now = _items(stage, table, beside(stage, table, restore_id)), _items(stage, table, stage.table(table))
        for key in sorted({*then, *now}):
            found = Difference(table, then.get(key), now.get(key))
            if found.then is None or found.now is None or found.changed:
                yield found


def _items(stage: Stage, table: Table, name: str) -> dict[tuple[str, ...], Item]:
    keys = [key for key in (table.partition_key, table.sort_key) if key]
    pages = stage.dynamodb.get_paginator("scan").paginate(TableName=name, ConsistentRead=True)
    try:
        items = [decode_item(item) for page in pages for item in page["Items"]]
    except stage.dynamodb.exceptions.ResourceNotFoundException:
        raise OperatorError(f"There is no table {name}; `civicforge restore list` shows the restores.") from None
    return {tuple(str(item[key]) for key in keys): item for item in items}


# --- repair ---


def repair(stage: Stage, difference: Difference, reason: str) -> list[str]:
    """Puts one item back as it was and books what that changes of anybody's totals. Returns that in words.

    Raises OperatorError where it is no damage, or cannot be undone without breaking an invariant.
    """
    now = datetime.now(UTC)
    match difference.table:
        case table if table == USERS:
            writes, said = _user_writes(stage, difference, now)
        case table if table == LEDGER:
            writes, said = _entry_writes(stage, difference, reason, now)
        case table if table == MESSAGES:
            writes, said = _message_writes(stage, difference)
        case _:
            writes, said = _quest_writes(stage, difference, reason, now)
    try:
        stage.repair.write(writes)
    except ConditionFailedError:
        raise OperatorError(
            f"{difference.label} changed meanwhile, or somebody has too few points for it; compare again."
        ) from None
    return said


def _replaced(stage: Stage, difference: Difference, item: Item) -> Item:
    return stage.repair.replaced(difference.table, difference.now, item)


def _quest_writes(stage: Stage, difference: Difference, reason: str, now: datetime) -> tuple[list[Item], list[str]]:
    if difference.then is None:
        raise OperatorError(f"{difference.label} is new since then; `civicforge quest cancel` takes it away.")
    if "#" in difference.key["questId"]:
        return [_replaced(stage, difference, difference.then)], ["the text is as it was"]
    version = max(difference.then["version"], (difference.now or {}).get("version", 0)) + 1
    item = {**difference.then, "version": version, "updatedAt": timestamp(now)}
    quest = Quest.model_validate(item)
    entries = {(entry.user_id, entry.entry_id): entry for entry in entries_of(stage, quest)}
    if difference.now:
        try:
            later = entries_of(stage, Quest.model_validate(difference.now))
        except ValidationError:
            later = []  # what it was overwritten with is no quest, and names no parties
        entries |= {(entry.user_id, entry.entry_id): entry for entry in later}
    writes, said = [_replaced(stage, difference, item)], [f"quest {quest.quest_id} is {quest.status} again"]
    for user_id, totals in imbalance(quest, entries.values()).items():
        writes += stage.repair.booked(adjustment(user_id, quest.quest_id, totals, reason, now))
        said.append(f"adjustment of {amounts(totals)} for {user_id}")
    return writes, said


def _message_writes(stage: Stage, difference: Difference) -> tuple[list[Item], list[str]]:
    if difference.then is None:
        raise OperatorError(f"{difference.label} is new since then; there is nothing to put back.")
    if (difference.now or {}).get("removed"):
        raise OperatorError(f"{difference.label} was removed on purpose: its author left, or a moderator decided so.")
    author = stage.users.get(str(difference.then.get("authorId")))
    if author is not None and author.deleted:
        raise OperatorError(f"{difference.label} was written by a member who has left since.")
    return [_replaced(stage, difference, difference.then)], ["the message is as it was"]


def _user_writes(stage: Stage, difference: Difference, now: datetime) -> tuple[list[Item], list[str]]:
    if difference.then is None:
        raise OperatorError(f"{difference.label} joined since then; there is nothing to put back.")
    if (difference.now or {}).get("deleted"):
        raise OperatorError(f"{difference.label} was deleted at their own wish.")
    totals = fold(stage.ledger.all_of(difference.key["userId"]))
    counted = dict(zip(TOTALS, totals, strict=True))
    item = {**difference.then, **counted, "updatedAt": timestamp(now)}
    return [_replaced(stage, difference, item)], [f"the profile is as it was, the totals are the ledger's: {counted}"]


def _entry_writes(stage: Stage, difference: Difference, reason: str, now: datetime) -> tuple[list[Item], list[str]]:
    user_id = difference.key["userId"]
    if difference.then is None:
        entry = Entry.model_validate(difference.now)
        if entry.quest_id:
            raise OperatorError(f"{difference.label} belongs to a quest; repair quests/{entry.quest_id}.")
        if entry.state is not State.POSTED:
            raise OperatorError(f"{difference.label} is {entry.state}: it changed nothing yet.")
        undone = Totals(-entry.points, -entry.xp, -entry.reputation)
        return stage.repair.booked(adjustment(user_id, None, undone, reason, now)), [f"adjustment of {amounts(undone)}"]
    if difference.now is not None and set(difference.changed) <= _PROGRESS:
        raise OperatorError(f"{difference.label} only went on from {difference.then['state']}; that is no damage.")
    progress = {name: value for name, value in (difference.now or difference.then).items() if name in _PROGRESS}
    item = {**{name: value for name, value in difference.then.items() if name not in _PROGRESS}, **progress}
    entry = Entry.model_validate(item)
    user = stage.users.get(user_id)
    if user is None:
        raise OperatorError(f"{user_id} has no row; repair users/{user_id} first.")
    others = [other for other in stage.ledger.all_of(user_id) if other.entry_id != entry.entry_id]
    totals = fold([*others, entry])
    counted = dict(zip(TOTALS, totals, strict=True))
    row = stage.repair.totals(user, totals, now)
    return [_replaced(stage, difference, item), row], [
        f"the entry is as it was, the totals are the ledger's: {counted}"
    ]


# --- cut over ---


def cut_over(stage: Stage, found: list[Difference]) -> Json:
    """Makes the live tables what they were: puts back what changed or is gone, deletes what is new."""
    for difference in found:
        stage.repair.restore(difference.table, difference.key, difference.then)
    return {"changed": len(found), "problems": problems(stage)}


# --- the commands ---


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise OperatorError(f"{text!r} is no moment; write it like 2026-11-23T14:05:00Z.") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


@command(app, changes=True)
def start(
    stage: Stage,
    terminal: Terminal,
    at: Annotated[str, typer.Option(help="The moment before the damage, e.g. 2026-11-23T14:05:00Z; now if none.")] = "",
) -> None:
    """Restore the tables of one moment beside the live ones; these are not touched."""
    moment = _moment(at) if at else None
    restore_id = f"{moment or datetime.now(UTC):%Y%m%dt%H%M%S}"
    plan = [f"{stage.table(t)} of {moment or 'the latest moment'} as {beside(stage, t, restore_id)}" for t in RESTORED]
    change = Change("restore start", restore_id, plan, lambda: begin(stage, restore_id, moment))
    _report(stage, terminal, change)


@command(app, "complete", changes=True)
def complete_(stage: Stage, terminal: Terminal, restore_id: RestoreId) -> None:
    """Go on with a restore that was interrupted: wait for its tables and put back the settings that they lack."""
    absent = [
        beside(stage, table, restore_id) for table in RESTORED if not _exists(stage, beside(stage, table, restore_id))
    ]
    if absent:
        raise OperatorError(
            f"There is no {', '.join(absent)}. `civicforge restore start --at` with the moment of {restore_id} "
            "asks for what is missing and goes on."
        )
    plan = [f"settings of {stage.table(table)} for {beside(stage, table, restore_id)}" for table in RESTORED]
    _report(stage, terminal, Change("restore complete", restore_id, plan, lambda: finish(stage, restore_id)))


def _exists(stage: Stage, name: str) -> bool:
    try:
        stage.dynamodb.describe_table(TableName=name)
    except stage.dynamodb.exceptions.ResourceNotFoundException:
        return False
    return True


def _report(stage: Stage, terminal: Terminal, change: Change) -> None:
    if outcome := carry_out(stage, terminal, change):
        lines = [
            f"{thing}: put back {', '.join(settings) or 'nothing'}" for thing, settings in outcome["putBack"].items()
        ]
        terminal.result(outcome, *lines, f"Next: civicforge restore diff {change.target} --stage {stage.name}")


@command(app, "list")
def list_(stage: Stage, terminal: Terminal) -> None:
    """Show the restores that are there."""
    found = restores(stage)
    terminal.table({"restores": found}, ("restore",), [(name,) for name in found], empty="There are none.")


@command(app)
def diff(
    stage: Stage,
    terminal: Terminal,
    restore_id: RestoreId,
    containing: Annotated[str, typer.Option(help="Only items whose label or change has this text.")] = "",
) -> None:
    """Show every item that is not as it was, in words."""
    found = [d for d in differences(stage, restore_id) if containing in d.words]
    data = {"differences": [{"item": d.label, "then": d.then, "now": d.now, "words": d.words} for d in found]}
    terminal.result(data, *(d.words for d in found), f"{len(found)} items differ.")


@command(app, "repair", changes=True)
def repair_(
    stage: Stage,
    terminal: Terminal,
    restore_id: RestoreId,
    item: Annotated[list[str], typer.Option(help="An item as `restore diff` labels it; give it once for each.")],
) -> None:
    """Put chosen items back as they were, with compensating ledger entries where totals depend on them."""
    found = {d.label: d for d in differences(stage, restore_id)}
    unknown = [label for label in item if label not in found]
    if unknown:
        raise OperatorError(f"As it was, or unknown: {', '.join(unknown)}. See `civicforge restore diff {restore_id}`.")

    def apply() -> Json:
        return {"repaired": {label: repair(stage, found[label], terminal.reason) for label in item}}

    plan = [found[label].words for label in item]
    if outcome := carry_out(stage, terminal, Change("restore repair", restore_id, plan, apply)):
        terminal.result(outcome, *(f"{label}: {'; '.join(said)}" for label, said in outcome["repaired"].items()))


@command(app, "cut-over", changes=True)
def cut_over_(stage: Stage, terminal: Terminal, restore_id: RestoreId) -> None:
    """Make the live tables what they were, all of them; everything since is lost. The breaker must be `stopped`."""
    if "concurrency of api" not in former(stage):
        raise OperatorError(f"Nobody may write meanwhile: `civicforge breaker open --level {Level.STOPPED}` first.")
    found = list(differences(stage, restore_id))
    plan = [d.words for d in found]
    change = Change("restore cut-over", restore_id, plan, lambda: cut_over(stage, found))
    if outcome := carry_out(stage, terminal, change):
        terminal.result(outcome, *outcome["problems"], f"{len(found)} items are as they were. Close the breaker.")


@command(app, changes=True)
def drop(stage: Stage, terminal: Terminal, restore_id: RestoreId) -> None:
    """Delete a restore's tables; the live ones are not touched."""
    names = [beside(stage, table, restore_id) for table in RESTORED]

    def apply() -> Json:
        for name in names:
            try:
                stage.dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
                wait_until_active(stage, name)
                stage.dynamodb.delete_table(TableName=name)
            except stage.dynamodb.exceptions.ResourceNotFoundException:
                continue
        return {"dropped": names}

    if outcome := carry_out(stage, terminal, Change("restore drop", restore_id, [f"delete {n}" for n in names], apply)):
        terminal.result(outcome, f"{restore_id} is gone.")
