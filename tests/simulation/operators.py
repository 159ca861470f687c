"""Operators: the commands of the CLI by their own functions, side by side with everything else of a history.

An operator who is told of an error or whose machine dies comes back once the trouble is over. Mistakes in the books
and damage of texts and totals, which some of the commands are for, are made here too.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from ops.commands import flags, ledger, moderation, restore, secrets
from ops.commands.restore import Difference
from ops.shared.sorted_file import SortedFile
from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import PlannedChange, Terminal, carry_out
from services.core.domain.ledger import Entry, Kind, Totals, adjustment
from services.core.domain.quests import MODERATORS
from services.core.domain.reports import Measure, SubjectKind
from services.core.settings import ApiSettings
from services.core.stores.dynamo import Item, StoreUnavailableError, decode_item, dump, encode_item
from services.core.tables import QUESTS, USERS
from tests.simulation.world import OPERATORS, STAGE, Invocation, World, environment

Command = Callable[[Stage, Terminal], None]
Maker = Callable[[random.Random, World], Command]
_REASON = "what a simulated operator does"
_WORDS = "You were asked twice to be on time."
_FLAG_VALUES = ("on", "on", "off", "50%", "internal")
_TROUBLE = (OperatorError, StoreUnavailableError, ClientError, BotoCoreError)
"""The errors that an operator sees as a message: AWS does not answer, or the command refuses."""
_SPOILT = "Spoilt by hand, behind the platform's back."


class _Silent(Terminal):
    """A terminal that nobody reads; every question is answered with yes."""

    def __init__(self) -> None:
        super().__init__(as_json=True, yes=True, reason=_REASON)

    def say(self, text: str) -> None:
        """Nobody reads it."""

    def result(self, data: Any, *lines: str) -> None:
        """Nobody reads it."""

    def listing(self, name: str, rows: Iterable[tuple[object, str]], last: Callable[[int], str], **more: object) -> int:
        """Nobody reads it."""
        return sum(1 for _ in rows)


@cache
def _client(service: str) -> Any:
    session: Any = boto3.Session("simulated", "simulated", region_name="eu-central-1")
    return session.client(service)


@cache
def stage_of() -> Stage:
    """The stage, with botocore's own clients; what it only says of itself is fixed."""
    stage = Stage(STAGE, boto3.Session("simulated", "simulated", region_name="eu-central-1"), "https://sim")
    stage.__dict__.update(
        actor="operator",
        api_settings=ApiSettings.load(environment()),
        dynamodb=_client("dynamodb"),
        cognito=_client("cognito-idp"),
        ssm=_client("ssm"),
        logs=_client("logs"),
    )
    return stage


def operate(world: World, command: Command) -> bool:
    """Runs a command at an operator's machine. Returns False if it ended with a message."""
    run = Invocation(OPERATORS, world.rng.uniform(-world.skew, world.skew), world.now, None)
    with world.running(run):
        try:
            command(stage_of(), _Silent())
        except _TROUBLE:
            return False
    world.operated.append(run)
    return True


# --- what is done ---


def _member(rng: random.Random, world: World) -> str:
    """Anybody with a row, or nobody; no moderator."""
    rows = [key[0] for key in world.db.tables["users"].items if MODERATORS not in world.pool.get(key[0], ())]
    return rng.choice(rows) if rows else "nobody"


def _decides(rng: random.Random, world: World) -> Command:
    rows = [decode_item(row) for row in world.db.tables["reports"].items.values() if "queue" in row]
    row = rng.choice(rows) if rows else None
    kind = SubjectKind(row["subject"]["kind"]) if row else SubjectKind.MEMBER
    fitting = {
        SubjectKind.MEMBER: (Measure.WARN, Measure.REMOVE_TEXT, Measure.RENAME, Measure.SUSPEND, Measure.BAN),
        SubjectKind.MESSAGE: (Measure.DISMISS, Measure.REMOVE_TEXT),
        SubjectKind.QUEST: (Measure.DISMISS, Measure.WARN),
    }
    measure, report_id = rng.choice(fitting[kind]), row["reportId"] if row else "0" * 26
    return lambda stage, terminal: moderation.decide(stage, terminal, report_id, measure, _WORDS, days=3)


def _judges(rng: random.Random, world: World) -> Command:
    """Their standing, without a report."""
    who, what = _member(rng, world), rng.choice(("suspend", "ban", "reinstate", "reinstate"))
    command: Callable[..., None] = getattr(moderation, what)
    return lambda stage, terminal: command(stage, terminal, who, _WORDS)


def _objects(rng: random.Random, world: World) -> Command:
    rows = [decode_item(row) for row in world.db.tables["reports"].items.values()]
    report_id = rng.choice(rows)["reportId"] if rows else "0" * 26
    return lambda stage, terminal: moderation.record_objection(stage, terminal, report_id, f"{_WORDS} Not at all.")


def _revokes(rng: random.Random, world: World) -> Command:
    who, for_good = _member(rng, world), rng.random() < 0.3
    return lambda stage, terminal: secrets.revoke(stage, terminal, who, for_good)


def _sets_a_flag(rng: random.Random, _world: World) -> Command:
    value = rng.choice(_FLAG_VALUES)
    return lambda stage, terminal: flags.set_(stage, terminal, "rewards", value)


def books_and_takes_back(rng: random.Random, world: World) -> Command:
    """Somebody booked XP for a quest that nobody is owed; it is taken back."""
    rows = [key[0] for key, row in world.db.tables["users"].items.items() if "deleted" not in row]
    quests = [key[0] for key in world.db.tables["quests"].items if "#" not in key[0]]
    if not rows or not quests:
        return _nothing
    who, quest_id = rng.choice(rows), rng.choice(quests)
    _book_by_mistake(world, who, quest_id, rng.randint(1, 90))
    world.wrong_bookings.append((who, quest_id))
    return lambda stage, terminal: ledger.adjust(stage, terminal, who, quest_id)


def _book_by_mistake(world: World, who: str, quest_id: str, xp: int) -> None:
    now = datetime.fromtimestamp(world.now, UTC)
    entry = adjustment(who, quest_id, Totals(0, xp, 0), "by mistake", now)
    row = decode_item(world.db.tables["users"].items[who,])
    world.db.write("ledger", encode_item(dump(entry)))
    world.db.write("users", encode_item({**row, "xp": row.get("xp", 0) + xp}))


def spoils_and_repairs(rng: random.Random, world: World) -> Command:
    """A text or a member's totals were overwritten; what they were is brought back from a restore."""
    table = rng.choice((QUESTS, USERS))
    stored = world.db.tables[table.base_name].items
    spoilable = [key for key in stored if table is USERS or key[0].endswith("#description")]
    if not spoilable:
        return _nothing
    then = decode_item(stored[rng.choice(spoilable)])
    now: Item = {**then, "reputation": then.get("reputation", 0) + 7} if table is USERS else {**then, "text": _SPOILT}
    world.db.write(table.base_name, encode_item(now))
    damage = (table, then, now)

    def command(stage: Stage, terminal: Terminal) -> None:
        _repair(stage, terminal, Difference(*damage))
        if table is USERS:  # its totals may be as wrong as before, and must not be: nobody looks at them again
            world.spoilt.remove(damage)

    world.spoilt.append(damage)
    return command


def _repair(stage: Stage, terminal: Terminal, difference: Difference) -> None:
    """As the command does it, which compares two tables; here what differs is known."""
    chosen = restore.groups([difference])
    change = PlannedChange(
        "restore repair",
        "",
        [difference.summary],
        lambda: restore.repair_all(stage, chosen, terminal.reason, SortedFile()),
    )
    outcome = carry_out(stage, terminal, change)
    if outcome and outcome["failed"]:
        raise OperatorError(str(outcome["reasons"]))


def _nothing(_stage: Stage, _terminal: Terminal) -> None:
    """There is nothing to do it with."""


COMMANDS: tuple[Maker, ...] = (
    *(
        _decides,
        _decides,
        _judges,
        _objects,
        _revokes,
        _sets_a_flag,
        books_and_takes_back,
        books_and_takes_back,
        spoils_and_repairs,
        spoils_and_repairs,
    ),
)


def operator(world: World, seed: str, commands: int, among: tuple[Maker, ...] = COMMANDS) -> None:
    """Somebody at a terminal, who does one thing after another."""
    rng = random.Random(seed)
    for _ in range(commands):
        world.pause(rng.uniform(0.5, 4))
        command = rng.choice(among)(rng, world)
        operate(world, command)


def tidy_up(world: World) -> None:
    """Ends the operators' unfinished work: every mistake is taken back, and all damage repaired."""
    for who, quest_id in dict.fromkeys(world.wrong_bookings):
        operate(world, lambda stage, terminal: ledger.adjust(stage, terminal, who, quest_id))  # noqa: B023  # called at once
    for table, then, damaged in world.spoilt:
        key = world.db.tables[table.base_name].key_of(encode_item(then))
        now = decode_item(world.db.tables[table.base_name].items[key])
        if table is USERS:
            operate(world, lambda stage, terminal: ledger.rebuild_(stage, terminal, key[0]))  # noqa: B023
        elif now.get("text") == damaged["text"]:
            difference = Difference(table, {**now, "text": then["text"]}, now)
            operate(world, lambda stage, terminal: _repair(stage, terminal, difference))  # noqa: B023


def wrongly_adjusted(world: World) -> Iterator[str]:
    """The adjustments of operators after which a mistake is not taken back exactly."""
    sums: defaultdict[tuple[str, str | None], Counter[str]] = defaultdict(Counter)
    for change in world.db.tables["ledger"].log:
        if change.old is None and change.new is not None and change.new["kind"]["S"] == Kind.ADJUSTMENT:
            entry = Entry.model_validate(decode_item(change.new))
            booked = sums[entry.user_id, entry.quest_id]
            booked.update(points=entry.points, xp=entry.xp, reputation=entry.reputation)
            if change.by is not None and any(booked.values()):
                yield f"{entry.entry_id} {dict(booked)}"
    yield from (f"{place} {dict(booked)}" for place, booked in sums.items() if any(booked.values()))
