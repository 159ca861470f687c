"""The ledger: explain a member's totals, check every invariant, write totals anew."""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Annotated, TypeVar

import typer
from pydantic import ValidationError

from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Change, Json, Terminal, carry_out, command
from services.core.domain import ledger
from services.core.domain.ledger import Entry, Kind, Totals, drift, fold, totals_of
from services.core.domain.quests import Quest, Status
from services.core.domain.users import User
from services.core.domain.values import Model, timestamp
from services.core.stores.dynamo import ConditionFailedError, Item, call, decode_item, dump, encode
from services.core.tables import LEDGER, QUESTS, USERS, Table

app = typer.Typer(no_args_is_help=True, help="Explain and check points, XP and reputation.")

M = TypeVar("M", bound=Model)

WORKED_ON = (Status.CLAIMED, Status.SUBMITTED, Status.DISPUTED, Status.COMPLETE)


def user_id_of(stage: Stage, member: str) -> str:
    """The id of a member who is given by id or e-mail address. Raises OperatorError for nobody."""
    if "@" not in member:
        return member
    found = stage.cognito.list_users(
        UserPoolId=stage.api_settings.cognito_user_pool_id, Filter=f'email = "{member.replace(chr(34), "")}"'
    )["Users"]
    if not found:
        raise OperatorError(f"Nobody on {stage.name} has the address {member}.")
    return next(attribute["Value"] for attribute in found[0]["Attributes"] if attribute["Name"] == "sub")


def member_of(stage: Stage, member: str) -> User:
    """The member's row. Raises OperatorError where there is none."""
    user = stage.users.get(user_id_of(stage, member))
    if user is None:
        raise OperatorError(f"There is no row for {member}; their first call of the API makes it.")
    return user


def amounts(totals: Totals) -> str:
    """Points, XP and reputation with their signs, those that are not 0."""
    named = (("points", totals.points), ("XP", totals.xp), ("reputation", totals.reputation))
    return ", ".join(f"{value:+d} {name}" for name, value in named if value) or "nothing"


def owed(quest: Quest) -> dict[str, Totals]:
    """What a quest in its state has changed of each party's totals, or will once it is paid."""
    due: dict[str, Totals] = {quest.requestor_id: Totals(points=-ledger.QUEST_COST)}
    if quest.status in (Status.CANCELLED, Status.EXPIRED):
        due[quest.requestor_id] = Totals()
    if quest.status is Status.COMPLETE and quest.performer_id:
        due[quest.performer_id] = Totals(ledger.PERFORMER_POINTS, quest.reward_xp, quest.reward_reputation)
    return due


def imbalance(quest: Quest, entries: Iterable[Entry]) -> dict[str, Totals]:
    """By member, what the quest's entries lack of what is owed for it; empty where they agree.

    Unpaid entries count: they are owed too. So do adjustments, which is how a mistake is made good.
    """
    lacking: dict[str, Totals] = defaultdict(Totals, owed(quest))
    for entry in entries:
        if entry.quest_id == quest.quest_id:
            had = lacking[entry.user_id]
            lacking[entry.user_id] = Totals(
                had.points - entry.points, had.xp - entry.xp, had.reputation - entry.reputation
            )
    return {user_id: totals for user_id, totals in lacking.items() if any(totals)}


def quest_problems(quest: Quest, entries: Iterable[Entry]) -> list[str]:
    """Which invariants a quest breaks, in words."""
    found = []
    if (quest.performer_id is not None) != (quest.status in WORKED_ON):
        found.append(f"{quest.status} {'with' if quest.performer_id else 'without'} a performer")
    if quest.performer_id == quest.requestor_id:
        found.append("its performer is its requestor")
    judged = quest.dispute is not None and quest.dispute.outcome is not None
    attested = {attestation.user_id for attestation in quest.attestations}
    if quest.status is Status.COMPLETE and not judged and attested != {quest.requestor_id, quest.performer_id}:
        found.append("COMPLETE without the attestations of both")
    found += [f"the ledger lacks {amounts(t)} for {user}" for user, t in imbalance(quest, entries).items()]
    return [f"quest {quest.quest_id}: {problem}" for problem in found]


def user_problems(user: User, entries: Iterable[Entry]) -> list[str]:
    """Which invariants a member's totals break, in words."""
    difference = drift(totals_of(user), fold(entries))
    found = [f"the row is ahead of the ledger by {amounts(difference)}"] if difference else []
    if difference and not any(difference[:3]):
        found = [f"the row counts {difference.completed:+d} completed quests too many"]
    if user.points < 0:
        found.append(f"{user.points} points")
    return [f"user {user.user_id}: {problem}" for problem in found]


def adjustment(user_id: str, quest_id: str | None, totals: Totals, reason: str, now: datetime) -> Entry:
    """A POSTED entry that makes a mistake good. Raises ValueError for an empty one."""
    if not any(totals):
        raise ValueError("an adjustment of nothing")
    return Entry(
        user_id=user_id,
        entry_id=ledger.entry_id(Kind.ADJUSTMENT, quest_id or "account", now),
        quest_id=quest_id,
        kind=Kind.ADJUSTMENT,
        points=totals.points,
        xp=totals.xp,
        reputation=totals.reputation,
        created_at=now,
        posted_at=now,
        reason=reason,
    )


def scan(stage: Stage, table: Table) -> Iterator[Item]:
    """Every item of a table, in DynamoDB's format."""
    pages = stage.dynamodb.get_paginator("scan").paginate(TableName=stage.table(table), ConsistentRead=True)
    for page in pages:
        yield from page["Items"]


def sensible(model: type[M], item: Item, found: list[str]) -> M | None:
    """What is stored as a model; where it makes no sense, `found` gets the reason."""
    try:
        return model.model_validate(decode_item(item))
    except ValueError as error:
        names = (name for name in ("userId", "questId", "entryId") if name in item)
        key = " ".join(item[name]["S"] for name in names if name != "questId" or model is Quest)
        found.append(f"{model.__name__.lower()} {key} makes no sense: {nonsense(error)}")
        return None


def nonsense(error: ValueError) -> str:
    """Why something stored makes no sense, without what members wrote."""
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
        if entry := sensible(Entry, item, found):
            entries[entry.user_id].append(entry)
            by_quest[entry.quest_id or ""].append(entry)
    quest_ids, user_ids = {""}, set[str]()
    for item in scan(stage, QUESTS):
        quest_id = item["questId"]["S"]
        if "#" not in quest_id:
            quest_ids.add(quest_id)
            if quest := sensible(Quest, item, found):
                found += quest_problems(quest, by_quest[quest_id])
    for item in scan(stage, USERS):
        user_ids.add(item["userId"]["S"])
        if user := sensible(User, item, found):
            found += user_problems(user, entries[user.user_id])
    found += [f"quest {quest_id}: has ledger entries, but no row" for quest_id in sorted(by_quest.keys() - quest_ids)]
    found += [f"user {user_id}: has ledger entries, but no row" for user_id in sorted(entries.keys() - user_ids)]
    return sorted(found)


def rebuild(stage: Stage, user: User, totals: Totals) -> Json:
    """Writes a member's totals, if they are still as they were read. Raises OperatorError where they are not."""
    names = ("points", "xp", "reputation", "completed")
    new = dict(zip(names, totals, strict=True))
    old = dict(zip(names, totals_of(user), strict=True))
    values = {f":{name}": encode(value) for name, value in new.items()}
    values |= {f":old_{name}": encode(value) for name, value in old.items()}
    try:
        call(
            stage.dynamodb.update_item,
            TableName=stage.table(USERS),
            Key={"userId": encode(user.user_id)},
            UpdateExpression=f"SET {', '.join(f'{name} = :{name}' for name in names)}, updatedAt = :now",
            # A total that was never written counts as 0.
            ConditionExpression=" AND ".join(
                f"({name} = :old_{name}{'' if old[name] else f' OR attribute_not_exists({name})'})" for name in names
            ),
            ExpressionAttributeValues={**values, ":now": encode(timestamp(datetime.now(UTC)))},
        )
    except ConditionFailedError:
        raise OperatorError(f"{user.user_id} changed meanwhile; run the command again.") from None
    return {"userId": user.user_id, "totals": new, "before": old}


@command(app)
def explain(
    stage: Stage, terminal: Terminal, member: Annotated[str, typer.Argument(help="User id or e-mail address.")]
) -> None:
    """Show a member's entries in order, what they add up to, and whether the row agrees."""
    user = member_of(stage, member)
    entries = sorted(stage.ledger.all_of(user.user_id), key=lambda entry: entry.entry_id)
    running, shown = Totals(), []
    for entry in entries:
        part = fold([entry])
        running = Totals(*(a + b for a, b in zip(running, part, strict=True)))
        change = amounts(Totals(entry.points, entry.xp, entry.reputation))
        shown.append((timestamp(entry.created_at), entry.kind, entry.state, change, running.points, running.xp,
                      running.reputation, entry.quest_id or entry.reason or ""))  # fmt: skip
    wrong = user_problems(user, entries)
    data: Json = {
        "user": dump(user), "entries": [dump(entry) for entry in entries],
        "totals": running._asdict(), "problems": wrong,
    }  # fmt: skip
    headings = ("when", "kind", "state", "change", "points", "XP", "reputation", "quest or reason")
    terminal.table(data, headings, shown, empty="There are no entries.")
    if wrong:
        raise OperatorError(f"{'; '.join(wrong)}. `civicforge ledger rebuild {user.user_id}` writes the row anew.")


@command(app)
def check(stage: Stage, terminal: Terminal) -> None:
    """Check every quest, entry and total of the stage; fails where an invariant is broken."""
    found = problems(stage)
    terminal.result({"problems": found}, *(found or ["Every quest, entry and total agrees."]))
    if found:
        raise typer.Exit(1)


@command(app, "rebuild", changes=True)
def rebuild_(
    stage: Stage, terminal: Terminal, member: Annotated[str, typer.Argument(help="User id or e-mail address.")]
) -> None:
    """Write a member's totals anew from their entries."""
    user = member_of(stage, member)
    totals = fold(stage.ledger.all_of(user.user_id))
    plan = [
        f"{name}: {before} -> {after}"
        for name, before, after in zip(Totals._fields, totals_of(user), totals, strict=True)
        if before != after
    ]
    change = Change("ledger rebuild", user.user_id, plan, lambda: rebuild(stage, user, totals))
    if outcome := carry_out(stage, terminal, change):
        terminal.result(outcome, f"{user.user_id}: the totals are those of the ledger.")
