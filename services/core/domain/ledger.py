"""The ledger: every change of points, XP or reputation is an entry, and totals are their sums."""

from collections.abc import Iterable
from datetime import datetime
from enum import StrEnum
from typing import Literal, NamedTuple

from services.core.domain.users import WELCOME_POINTS, User
from services.core.domain.values import Model, Timestamp, timestamp

XP_PER_POINT = 100
"""XP of a reward that one point pays for."""
PERFORMER_POINTS = 2


class Kind(StrEnum):
    """Kinds of entries."""

    WELCOME = "welcome"
    CREATE = "create"
    RAISE = "raise"
    REFUND = "refund"
    REWARD = "reward"
    ADJUSTMENT = "adjustment"


class State(StrEnum):
    """PENDING waits for payment, HELD for the rewards flag, FAILED for an operator; POSTED counts."""

    POSTED = "POSTED"
    PENDING = "PENDING"
    HELD = "HELD"
    FAILED = "FAILED"


UNPAID = (State.PENDING, State.HELD)


class Entry(Model):
    """One change of one member's totals. Append-only but for its state, attempts and the moment of posting.

    `requestor_id` and `confirmed` are those of a reward's quest; an earlier release kept neither. `share` is the
    percent of the quest's reward that it has, `new_confirmer` that its requestor confirmed this member for the first
    time. `returning` marks the welcome of somebody whose former account had the same address. The reward of a
    `synthetic` quest is paid whatever the flag says, and counted nowhere.
    """

    user_id: str
    entry_id: str
    quest_id: str | None = None
    requestor_id: str | None = None
    confirmed: bool = False
    share: int = 100
    new_confirmer: bool = False
    kind: Kind
    points: int = 0
    xp: int = 0
    reputation: int = 0
    state: State = State.POSTED
    attempts: int = 0
    created_at: Timestamp
    posted_at: Timestamp | None = None
    reason: str | None = None
    request_id: str | None = None
    synthetic: Literal[True] | None = None
    returning: Literal[True] | None = None


class Totals(NamedTuple):
    """A member's totals; `completed` counts the rewards, `confirmed_by` the different members who confirmed them."""

    points: int = 0
    xp: int = 0
    reputation: int = 0
    completed: int = 0
    confirmed_by: int = 0


def entry_id(kind: Kind, subject: str, now: datetime) -> str:
    """The id of an entry, which sorts by time; `subject` is the quest's id, or `account`."""
    return f"{timestamp(now)}#{kind}#{subject}"


def _posted(kind: Kind, user_id: str, subject: str, points: int, now: datetime, quest_id: str | None) -> Entry:
    return Entry(
        user_id=user_id,
        entry_id=entry_id(kind, subject, now),
        quest_id=quest_id,
        kind=kind,
        points=points,
        created_at=now,
        posted_at=now,
    )


def welcome(user_id: str, now: datetime, points: int = WELCOME_POINTS, *, returning: bool = False) -> Entry:
    """The points that a member starts with: what is left of their former account's where they are `returning`."""
    entry = _posted(Kind.WELCOME, user_id, "account", points, now, None)
    return entry.model_copy(update={"returning": True}) if returning else entry


def cost_of(reward_xp: int) -> int:
    """The points that a quest with this reward costs: 1 per started 100 XP."""
    return -(-reward_xp // XP_PER_POINT)


def cost(user_id: str, quest_id: str, points: int, now: datetime) -> Entry:
    """The cost of posting a quest, for its requestor."""
    return _posted(Kind.CREATE, user_id, quest_id, -points, now, quest_id)


def raised(user_id: str, quest_id: str, points: int, now: datetime) -> Entry:
    """The further cost of a quest whose reward was raised."""
    return _posted(Kind.RAISE, user_id, quest_id, -points, now, quest_id)


def refund(user_id: str, quest_id: str, points: int, now: datetime) -> Entry:
    """The requestor's points back, for a quest that nobody was rewarded for."""
    return _posted(Kind.REFUND, user_id, quest_id, points, now, quest_id)


def rewarded(xp: int, reputation: int, share: int) -> Totals:
    """The amounts of a reward of which `share` percent are paid."""
    return Totals(PERFORMER_POINTS * share // 100, xp * share // 100, reputation * share // 100)


def reward(
    user_id: str,
    quest_id: str,
    requestor_id: str,
    xp: int,
    reputation: int,
    now: datetime,
    *,
    confirmed: bool,
    share: int = 100,
    new_confirmer: bool = False,
    synthetic: Literal[True] | None = None,
) -> Entry:
    """The reward of a quest's performer, rounded down; PENDING until the rewards Lambda posts it.

    `confirmed` means that the requestor attested the work explicitly, not by silence, `share` is the percent that the
    pair gets of it, and `new_confirmer` that the requestor had not confirmed this member's work before.
    """
    amounts = rewarded(xp, reputation, share)
    return Entry(
        user_id=user_id,
        entry_id=entry_id(Kind.REWARD, quest_id, now),
        quest_id=quest_id,
        kind=Kind.REWARD,
        requestor_id=requestor_id,
        confirmed=confirmed,
        share=share,
        new_confirmer=new_confirmer,
        points=amounts.points,
        xp=amounts.xp,
        reputation=amounts.reputation,
        state=State.PENDING,
        synthetic=synthetic,
        created_at=now,
    )


def sum_entries(entries: Iterable[Entry]) -> Totals:
    """The totals that the POSTED entries of one member add up to."""
    totals = Totals()
    for entry in entries:
        if entry.state is State.POSTED:
            totals = Totals(
                totals.points + entry.points,
                totals.xp + entry.xp,
                totals.reputation + entry.reputation,
                totals.completed + (entry.kind is Kind.REWARD),
                totals.confirmed_by + entry.new_confirmer,
            )
    return totals


def drift(cached_totals: Totals, sums: Totals) -> Totals | None:
    """The cached totals minus the sums of the entries, or None if they agree."""
    difference = Totals(*(cached - true for cached, true in zip(cached_totals, sums, strict=True)))
    return difference if any(difference) else None


def totals_of(user: User) -> Totals:
    """The totals that are cached on the member's row."""
    return Totals(user.points, user.xp, user.reputation, user.completed, user.confirmed_by)


def adjustment(user_id: str, quest_id: str | None, totals: Totals, reason: str, now: datetime) -> Entry:
    """A POSTED entry that corrects a mistake. Raises ValueError for an empty one."""
    if not any(totals):
        raise ValueError("an adjustment of nothing")
    return Entry(
        user_id=user_id,
        entry_id=entry_id(Kind.ADJUSTMENT, quest_id or "account", now),
        quest_id=quest_id,
        kind=Kind.ADJUSTMENT,
        points=totals.points,
        xp=totals.xp,
        reputation=totals.reputation,
        created_at=now,
        posted_at=now,
        reason=reason,
    )
