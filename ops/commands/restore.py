"""Point-in-time restore: beside the live tables, compared item by item, then chosen items repaired, or all cut over.

A restore brings back the tables of one instant under names of their own, `civicforge-<stage>-quests-<id>`, with
the settings that AWS drops on the way. The live tables keep their names, streams and history whatever is done: a cut
over writes the former content into them. What reads whole tables keeps them in files, not in memory.
"""

import re
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from pydantic import ValidationError

from ops.shared.breaker import Level, is_stopped
from ops.shared.sorted_file import SortedFile
from ops.shared.stage import OperatorError, Stage
from ops.shared.stored_items import entries_of, find_problems
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out, command
from ops.shared.waiting import NOT_READY, until, until_ready
from services.core.domain.invariants import amounts, imbalance, owed
from services.core.domain.ledger import Entry, State, Totals, adjustment, sum_entries, totals_of
from services.core.domain.quests import Quest
from services.core.domain.repair import OverdrawnError
from services.core.domain.repair import repair as repair_plan
from services.core.domain.values import timestamp
from services.core.stores.dynamo import ConditionFailedError, Item, StoreUnavailableError, decode_item
from services.core.stores.ledger import put_entry
from services.core.stores.quests import is_quest, quest_of
from services.core.stores.repair import TOTALS
from services.core.tables import LEDGER, MESSAGES, QUESTS, TABLES, USERS, Table

RESTORABLE: Final = tuple(table for table in TABLES if table.ttl is None)
"""The tables that hold what members made; what expires by itself is not brought back."""
_BOOKKEEPING: Final = frozenset({"version", "updatedAt"})
_PROGRESS: Final = frozenset({"state", "attempts", "postedAt", "due"})
_NEVER_WRITTEN: Final = dict.fromkeys(TOTALS, 0)
"""A total that was never written counts as 0."""
_REVERSAL_SUFFIX: Final = "#undone"
"""Ends the id of the entry that takes another one back, so that it can be there once only."""
_REASONS: Final = 20
"""Failures of which the audit log has the reasons; the terminal has all."""
_ID = re.compile(r"[0-9]{8}t[0-9]{6}")

app = typer.Typer(no_args_is_help=True, help="Bring former data back: beside, then item by item or all of it.")

RestoreId = Annotated[str, typer.Argument(help="The restore, as `restore start` and `restore list` name it.")]


# --- beside ---


def restored_table_name(stage: Stage, table: Table, restore_id: str) -> str:
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


def require_restorable(stage: Stage, moment: datetime | None) -> None:
    """Raise OperatorError, before anything is made, where a table cannot be brought back to a moment (None: now)."""
    for table in RESTORABLE:
        name = stage.table(table)
        found = stage.dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
        recovery = found.get("PointInTimeRecoveryDescription", {})
        if recovery.get("PointInTimeRecoveryStatus") != "ENABLED":
            raise OperatorError(
                f"{name} has no point-in-time recovery; `civicforge deploy --refresh --stage {stage.name}` enables it, "
                "for what is written from then on."
            )
        earliest, latest = recovery["EarliestRestorableDateTime"], recovery["LatestRestorableDateTime"]
        # A moment is a whole second, the window is not.
        if moment and not earliest.replace(microsecond=0) <= moment <= latest:
            times = [f"{end.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" for end in (moment, earliest, latest)]
            raise OperatorError(
                f"{name} cannot be brought back to {times[0]}, but to any moment from {times[1]} to {times[2]}. "
                "The end follows the present with up to five minutes."
            )


def begin(stage: Stage, restore_id: str, at: datetime | None) -> Json:
    """Restore the tables beside the live ones, wait for them and complete them. May be repeated under the same id."""
    when: Any = {"RestoreDateTime": at} if at else {"UseLatestRestorableTime": True}
    for table in RESTORABLE:
        _start(stage, table, restored_table_name(stage, table, restore_id), when)
    return finish(stage, restore_id)


def _start(stage: Stage, table: Table, name: str, when: Any) -> None:
    def restore() -> None:
        stage.dynamodb.restore_table_to_point_in_time(SourceTableName=stage.table(table), TargetTableName=name, **when)

    try:
        until_ready(restore, f"the restore of {name}", wait_on=NOT_READY - {"ResourceNotFoundException"})
    except stage.dynamodb.exceptions.TableAlreadyExistsException:
        return  # an earlier try came as far as this


def finish(stage: Stage, restore_id: str) -> Json:
    """Wait for a restore's tables and complete them.

    Raises:
        OperatorError: a table of the restore was never asked for.
    """
    names = {table.base_name: restored_table_name(stage, table, restore_id) for table in RESTORABLE}
    for name in names.values():
        wait_until_active(stage, name)
    settings = {table.base_name: complete(stage, table, names[table.base_name]) for table in RESTORABLE}
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
    """An item that is not as it was; `then` or `now` is None if there was or is none."""

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
        """The label by which one chooses it: `quests/<id>`, `users/<id>`, `ledger/<user>/<entry>`."""
        return "/".join((self.table.base_name, *self.key.values()))

    @property
    def changed(self) -> list[str]:
        """The attributes that differ; version and update time follow from any change."""
        then, now = ({**_NEVER_WRITTEN, **(item or {})} for item in (self.then, self.now))
        return [name for name in {**then, **now} if name not in _BOOKKEEPING and then.get(name) != now.get(name)]

    @property
    def summary(self) -> str:
        """The difference in a sentence."""
        if self.now is None:
            return f"{self.label}: is gone; it was {_short(self.then or {})}"
        if self.then is None:
            return f"{self.label}: was not there; it is {_short(self.now)}"
        parts = [f"{n} is {_shown(self.now.get(n))}, was {_shown(self.then.get(n))}" for n in self.changed]
        return f"{self.label}: {'; '.join(parts)}"


def _shown(value: object) -> str:
    if value is None:
        return "nothing"
    text = str(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _short(item: Item) -> str:
    shown = ("title", "status", "displayName", "kind", "state", *TOTALS, "text")
    return ", ".join(f"{name} {_shown(item[name])}" for name in shown if name in item) or "empty"


def differences(stage: Stage, restore_id: str) -> Iterator[Difference]:
    """Every item of the live tables that is not as it was, by table and key. In constant memory."""
    for table in RESTORABLE:
        rows: SortedFile[tuple[bool, Item]] = SortedFile()
        for is_live, name in ((False, restored_table_name(stage, table, restore_id)), (True, stage.table(table))):
            for item in _items(stage, name):
                rows.add(
                    str(item[table.partition_key]), str(item[table.sort_key]) if table.sort_key else "", (is_live, item)
                )
        for _, both in rows.groups():
            items = dict(both)
            found = Difference(table, items.get(False), items.get(True))
            if found.then is None or found.now is None or found.changed:
                yield found


def _items(stage: Stage, name: str) -> Iterator[Item]:
    try:
        for page in stage.dynamodb.get_paginator("scan").paginate(TableName=name, ConsistentRead=True):
            yield from map(decode_item, page["Items"])
    except stage.dynamodb.exceptions.ResourceNotFoundException:
        raise OperatorError(f"There is no table {name}; `civicforge restore list` shows the restores.") from None


# --- repair ---


def refusal(stage: Stage, difference: Difference) -> str | None:
    """The reason why an item is not to be put back, or None."""
    then, now, label = difference.then, difference.now or {}, difference.label
    match difference.table:
        case table if table == USERS:
            if then is None:
                return f"{label} joined since then; there is nothing to put back."
            return f"{label} was deleted at their own wish." if now.get("deleted") else None
        case table if table == LEDGER:
            if then is None:
                return _refused_entry(stage, difference)
            progressed = difference.now is not None and set(difference.changed) <= _PROGRESS
            return f"{label} only went on from {then['state']}; that is no damage." if progressed else None
        case table if table == MESSAGES:
            return _refused_message(stage, difference)
        case _:
            return f"{label} is new since then; `civicforge quest cancel` takes it away." if then is None else None


def _refused_entry(stage: Stage, difference: Difference) -> str | None:
    """An entry that is new since then is taken back by its opposite, unless it is as it should be."""
    label, item, key = difference.label, difference.now or {}, difference.key
    if key["entryId"].endswith(_REVERSAL_SUFFIX) or stage.ledger.get(key["userId"], key["entryId"] + _REVERSAL_SUFFIX):
        return f"{label} was taken back already, or takes another one back."
    if quest := _current(stage, _quest_of(difference)):
        entries = [*entries_of(stage, quest), *stage.ledger.all_of(key["userId"])]
        lacking = imbalance(quest, {(entry.user_id, entry.entry_id): entry for entry in entries}.values())
        return None if key["userId"] in lacking else f"{label} is new since then, and agrees with its quest."
    return None if item.get("state") == State.POSTED else f"{label} is {item.get('state')}: it changed nothing yet."


def _refused_message(stage: Stage, difference: Difference) -> str | None:
    if difference.then is None:
        return f"{difference.label} is new since then; there is nothing to put back."
    if (difference.now or {}).get("removed"):
        return f"{difference.label} was removed on purpose: its author left, or a moderator decided so."
    author = stage.users.get(str(difference.then.get("authorId")))
    left = author is not None and author.deleted
    return f"{difference.label} was written by a member who has left since." if left else None


def groups(chosen: Iterable[Difference]) -> SortedFile[Difference]:
    """The items in the groups that are put back together: users first, each alone; then each quest with its texts and
    entries.
    """
    by_group: SortedFile[Difference] = SortedFile()
    for difference in chosen:
        if difference.table == USERS:
            by_group.add("0", difference.label, difference)
        elif quest_id := _quest_of(difference):
            by_group.add("1", quest_id, difference)
        else:
            by_group.add("2", difference.label, difference)
    return by_group


def _quest_of(difference: Difference) -> str | None:
    if difference.table == QUESTS:
        return quest_of(difference.key["questId"])
    return str((difference.then or difference.now or {}).get("questId") or "") or None


def repair(stage: Stage, group: list[Difference], reason: str) -> list[str]:
    """Put the items of one group back in one transaction, with the bookings that follow. Return it in words.

    The outcome is the same in whatever order and choice items are repaired. Raises OperatorError if an item is
    no damage, changed since it was compared, or cannot be put back without breaking an invariant.
    """
    for difference in group:
        if why := refusal(stage, difference):
            raise OperatorError(why)
    now = datetime.now(UTC)
    writes, done = _user_writes(stage, group[0], now) if group[0].table == USERS else _writes(stage, group, reason, now)
    try:
        if writes:
            stage.repair.write(writes)
    except ConditionFailedError:
        raise OperatorError(f"{_labels(group)}: something changed meanwhile; compare again.") from None
    return done


def _replaced(stage: Stage, difference: Difference, item: Item) -> Item:
    return stage.repair.replaced(difference.table, difference.now, item)


def _user_writes(stage: Stage, difference: Difference, now: datetime) -> tuple[list[Item], list[str]]:
    totals = sum_entries(stage.ledger.all_of(difference.key["userId"]))
    counted = dict(zip(TOTALS, totals, strict=True))
    item = {**(difference.then or {}), **counted, "updatedAt": timestamp(now)}
    return [_replaced(stage, difference, item)], [f"the profile is as it was, the totals are the ledger's: {counted}"]


def _writes(stage: Stage, group: list[Difference], reason: str, now: datetime) -> tuple[list[Item], list[str]]:
    """The writes of a quest with its texts, messages and entries, or of a single entry or message."""
    writes, done, restored = [], [], []
    quest, versions = _current(stage, _quest_of(group[0])), [_readable(difference.now) for difference in group]
    undone = [difference for difference in group if difference.table == LEDGER and difference.then is None]
    unchanged = quest
    for difference in group:
        then = difference.then
        if then is None:
            continue
        if difference.table == LEDGER:
            kept = {name: value for name, value in (difference.now or then).items() if name in _PROGRESS}
            then = {**{name: value for name, value in then.items() if name not in _PROGRESS}, **kept}
            restored.append(Entry.model_validate(then))
            done.append(f"entry {difference.key['entryId']} is as it was")
        elif difference.table == QUESTS and is_quest(difference.key["questId"]):
            version = max(then["version"], (difference.now or {}).get("version", 0)) + 1
            then = {**then, "version": version, "updatedAt": timestamp(now)}
            quest, unchanged = Quest.model_validate(then), None
            done.append(f"quest {quest.quest_id} is {quest.status} again")
        else:
            done.append(f"the {'message' if difference.table == MESSAGES else 'text'} is as it was")
        writes.append(_replaced(stage, difference, then))
    booked, bookings = _bookings(stage, quest, [q for q in versions if q], restored, undone, reason, now)
    if booked and unchanged:
        booked.append({"ConditionCheck": stage.quests.unchanged(unchanged)})
    return [*writes, *booked], [*done, *bookings]


def _bookings(
    stage: Stage,
    quest: Quest | None,
    versions: list[Quest],
    restored: list[Entry],
    undone: list[Difference],
    reason: str,
    now: datetime,
) -> tuple[list[Item], list[str]]:
    """The adjustments and totals that go with a repair; an entry that is not owed is cancelled by a reversal."""
    members = {entry.user_id for entry in restored} | {difference.key["userId"] for difference in undone}
    for version in [*versions, *([quest] if quest else [])]:
        members |= {entry.user_id for entry in entries_of(stage, version)} | set(owed(version))
    # The rows are read first: a payment after that moves what the write of the totals is conditional on.
    rows = {user_id: stage.users.get(user_id) for user_id in members}
    ledgers = {user_id: list(stage.ledger.all_of(user_id)) for user_id in members}
    reversals = [] if quest else [_reversal(difference, reason, now) for difference in undone]
    try:
        booking = repair_plan(quest, ledgers, [*restored, *reversals], reason, now)
    except OverdrawnError as error:
        raise OperatorError(f"{error}; nothing was put back.") from None
    adjustments = [*booking.adjustments, *reversals]
    writes = [put_entry(stage.table(LEDGER), entry) for entry in adjustments]
    for user_id, totals in booking.totals.items():
        user = rows[user_id]
        if user is None:
            raise OperatorError(f"{user_id} has no row; repair users/{user_id} first.")
        if totals != totals_of(user):
            writes.append(stage.repair.totals(user, totals, now))
    return writes, [f"adjustment of {amounts(totals_in(entry))} for {entry.user_id}" for entry in adjustments]


def _reversal(difference: Difference, reason: str, now: datetime) -> Entry:
    entry = Entry.model_validate(difference.now)
    change = Totals(-entry.points, -entry.xp, -entry.reputation)
    opposite = adjustment(entry.user_id, entry.quest_id, change, reason, now)
    return opposite.model_copy(update={"entry_id": entry.entry_id + _REVERSAL_SUFFIX})


def totals_in(entry: Entry) -> Totals:
    """The change that an entry makes."""
    return Totals(entry.points, entry.xp, entry.reputation)


def _current(stage: Stage, quest_id: str | None) -> Quest | None:
    """The quest as it is stored, or None if there is none that can be read."""
    if quest_id is None:
        return None
    try:
        stored = stage.quests.get(quest_id)
    except ValidationError:
        return None
    return stored.quest if stored else None


def _readable(item: Item | None) -> Quest | None:
    """The item as a quest, whose parties may have entries too; None if it is no quest."""
    try:
        return Quest.model_validate(item) if item else None
    except ValidationError:
        return None


# --- cut over ---


def cut_over(stage: Stage, found: Iterable[Difference]) -> None:
    """Makes the live tables what they were: puts back what changed or is gone, deletes what is new."""
    for difference in found:
        stage.repair.restore(difference.table, difference.key, difference.then)


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
    require_restorable(stage, moment)
    restore_id = f"{moment or datetime.now(UTC):%Y%m%dt%H%M%S}"
    plan = [
        f"{stage.table(t)} of {moment or 'the latest moment'} as {restored_table_name(stage, t, restore_id)}"
        for t in RESTORABLE
    ]
    change = PlannedChange("restore start", restore_id, plan, lambda: begin(stage, restore_id, moment))
    _report(stage, terminal, change)


@command(app, "complete", changes=True)
def complete_(stage: Stage, terminal: Terminal, restore_id: RestoreId) -> None:
    """Go on with a restore that was interrupted: wait for its tables and put back the settings that they lack."""
    absent = [
        restored_table_name(stage, table, restore_id)
        for table in RESTORABLE
        if not _exists(stage, restored_table_name(stage, table, restore_id))
    ]
    if absent:
        raise OperatorError(
            f"There is no {', '.join(absent)}. `civicforge restore start --at` with the moment of {restore_id} "
            "asks for what is missing and goes on."
        )
    plan = [
        f"settings of {stage.table(table)} for {restored_table_name(stage, table, restore_id)}" for table in RESTORABLE
    ]
    _report(stage, terminal, PlannedChange("restore complete", restore_id, plan, lambda: finish(stage, restore_id)))


def _exists(stage: Stage, name: str) -> bool:
    try:
        stage.dynamodb.describe_table(TableName=name)
    except stage.dynamodb.exceptions.ResourceNotFoundException:
        return False
    return True


def _report(stage: Stage, terminal: Terminal, change: PlannedChange) -> None:
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
    rows = (
        ({"item": d.label, "then": d.then, "now": d.now, "summary": d.summary}, d.summary)
        for d in differences(stage, restore_id)
        if containing in d.summary
    )
    terminal.listing("differences", rows, lambda number: f"{number} items differ.")


@command(app, "repair", changes=True)
def repair_(
    stage: Stage,
    terminal: Terminal,
    restore_id: RestoreId,
    item: Annotated[list[str] | None, typer.Option(help="An item as `restore diff` labels it; once for each.")] = None,
    file: Annotated[Path | None, typer.Option(help="A file with such labels, one in a line.", exists=True)] = None,
    containing: Annotated[str, typer.Option(help="Every item whose label or change has this text.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every item that differs and is damage.")] = False,
) -> None:
    """Put items back as they were, with compensating ledger entries where totals depend on them. Safe to repeat."""
    labels = {*(item or []), *(file.read_text(encoding="utf-8").split() if file else [])}

    def matches(difference: Difference) -> bool:
        return everything or bool(containing and containing in difference.summary)

    chosen = _choose(stage, terminal, restore_id, labels, matches)
    results: SortedFile[Json] = SortedFile()

    def apply() -> Json:
        return repair_all(stage, chosen, terminal.reason, results)

    change = PlannedChange("restore repair", restore_id, Summaries(chosen), apply, verdict=_verdict)
    outcome = carry_out(stage, terminal, change)
    if outcome is None:
        return
    counts = {name: outcome[name] for name in ("repaired", "failed")}
    terminal.listing("items", ((result, _line(result)) for result in results), lambda _: "", **counts)
    if outcome["failed"]:
        raise typer.Exit(1)


def _choose(
    stage: Stage, terminal: Terminal, restore_id: str, labels: set[str], matches: Callable[[Difference], bool]
) -> SortedFile[Difference]:
    """The items with these labels, and those that match and are damage. Raises OperatorError."""
    unknown, left_alone = set(labels), 0

    def choice() -> Iterator[Difference]:
        nonlocal left_alone
        for difference in differences(stage, restore_id):
            unknown.discard(difference.label)
            if difference.label in labels:
                yield difference
            elif matches(difference):
                if why := refusal(stage, difference):
                    terminal.say(f"left alone: {why}")
                    left_alone += 1
                else:
                    yield difference

    chosen = groups(choice())
    if unknown:
        known = f"See `civicforge restore diff {restore_id}`."
        raise OperatorError(f"As it was, or unknown: {', '.join(sorted(unknown))}. {known}")
    if not chosen and not left_alone:
        raise OperatorError("Choose what to put back: --item, --file, --containing or --all.")
    return chosen


@dataclass(frozen=True)
class Summaries(Collection[str]):
    """The summaries of items, made when they are read."""

    differences: SortedFile[Difference]

    def __len__(self) -> int:
        return len(self.differences)

    def __iter__(self) -> Iterator[str]:
        return (difference.summary for difference in self.differences)

    def __contains__(self, text: object) -> bool:
        return any(summary == text for summary in self)


def _line(result: Json) -> str:
    if "failed" in result:
        return f"FAILED {result['item']}: {result['failed']}"
    return f"{result['item']}: {'; '.join(result['repaired'])}"


def repair_all(stage: Stage, chosen: SortedFile[Difference], reason: str, results: SortedFile[Json]) -> Json:
    """Repair each group, and add to `results` what was done with it.

    One that fails is tried again after the others, on which it may depend: for points to spend, say. What fails in the
    end is added with its reason.
    """
    waiting: Iterable[list[Difference]] = (group for _, group in chosen.groups())
    repaired = 0
    while True:
        tried, failed = 0, SortedFile[tuple[list[Difference], str]]()
        for group in waiting:
            tried += 1
            try:
                results.add("", "", {"item": _labels(group), "repaired": repair(stage, group, reason)})
            except (OperatorError, StoreUnavailableError) as error:
                failed.add("", "", (group, str(error)))
        repaired += tried - len(failed)
        if len(failed) in (0, tried):
            break
        waiting = (group for group, _ in failed)
    for group, why in failed:
        results.add("", "", {"item": _labels(group), "failed": why})
    reasons = [f"{_labels(group)}: {why}" for group, why in islice(failed, _REASONS)]
    return {"repaired": repaired, "failed": len(failed), "reasons": reasons}


def _labels(group: list[Difference]) -> str:
    return ", ".join(difference.label for difference in group)


def _verdict(outcome: Json) -> str:
    failed = outcome["failed"]
    return f"{failed} of {failed + outcome['repaired']} failed" if failed else "done"


@command(app, "cut-over", changes=True)
def cut_over_(stage: Stage, terminal: Terminal, restore_id: RestoreId) -> None:
    """Make the live tables what they were, all of them; everything since is lost. The breaker must be `stopped`."""
    if not is_stopped(stage):
        raise OperatorError(f"Nobody may write meanwhile: `civicforge breaker open --level {Level.STOPPED}` first.")
    found: SortedFile[Difference] = SortedFile()
    for difference in differences(stage, restore_id):
        found.add("", "", difference)

    def apply() -> Json:
        cut_over(stage, found)
        return {"changed": len(found)}

    if outcome := carry_out(stage, terminal, PlannedChange("restore cut-over", restore_id, Summaries(found), apply)):
        rows = ((problem, problem) for problem in find_problems(stage))
        said = f"{len(found)} items are as they were. Close the breaker."
        terminal.listing("problems", rows, lambda _: said, **outcome)


@command(app, changes=True)
def drop(stage: Stage, terminal: Terminal, restore_id: RestoreId) -> None:
    """Delete a restore's tables; the live ones are not touched."""
    names = [restored_table_name(stage, table, restore_id) for table in RESTORABLE]

    def apply() -> Json:
        for name in names:
            try:
                stage.dynamodb.update_table(TableName=name, DeletionProtectionEnabled=False)
                wait_until_active(stage, name)
                stage.dynamodb.delete_table(TableName=name)
            except stage.dynamodb.exceptions.ResourceNotFoundException:
                continue
        return {"dropped": names}

    if outcome := carry_out(
        stage, terminal, PlannedChange("restore drop", restore_id, [f"delete {n}" for n in names], apply)
    ):
        terminal.result(outcome, f"{restore_id} is gone.")
