"""Invariants of quests, ledger and totals: what is owed, and what is broken, in words."""

import json
from collections import defaultdict
from collections.abc import Container, Iterable

from pydantic import ValidationError

from services.core.domain import ledger
from services.core.domain.ledger import Entry, Totals, drift, sum_entries, totals_of
from services.core.domain.quests import Draft, Quest, Status
from services.core.domain.users import User

WORKED_ON = (Status.CLAIMED, Status.SUBMITTED, Status.DISPUTED, Status.COMPLETE)


def amounts(totals: Totals) -> str:
    """Points, XP and reputation with their signs, those that are not 0."""
    named = (("points", totals.points), ("XP", totals.xp), ("reputation", totals.reputation))
    return ", ".join(f"{value:+d} {name}" for name, value in named if value) or "nothing"


def owed(quest: Quest) -> dict[str, Totals]:
    """The change of each party's totals by a quest in its state, or once it is paid."""
    due: dict[str, Totals] = {quest.requestor_id: Totals(points=-quest.cost)}
    if quest.status in (Status.CANCELLED, Status.EXPIRED):
        due[quest.requestor_id] = Totals()
    if quest.status is Status.COMPLETE and quest.performer_id:
        due[quest.performer_id] = ledger.rewarded(quest.reward_xp, quest.reward_reputation, quest.reward_share)
    return due


def imbalance(quest: Quest, entries: Iterable[Entry]) -> dict[str, Totals]:
    """By member, what the quest's entries lack of what is owed for it; empty if they agree.

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
    """The invariants that a quest breaks, in words."""
    found = []
    if (quest.performer_id is not None) != (quest.status in WORKED_ON):
        found.append(f"{quest.status} {'with' if quest.performer_id else 'without'} a performer")
    if quest.performer_id == quest.requestor_id:
        found.append("its performer is its requestor")
    judged = quest.dispute is not None and quest.dispute.outcome is not None
    attested = {attestation.user_id for attestation in quest.attestations}
    if quest.status is Status.COMPLETE and not judged and attested != {quest.requestor_id, quest.performer_id}:
        found.append("COMPLETE without the attestations of both")
    found += _out_of_bounds(quest)
    found += [f"the ledger lacks {amounts(t)} for {user}" for user, t in imbalance(quest, entries).items()]
    return [f"quest {quest.quest_id}: {problem}" for problem in found]


def _out_of_bounds(quest: Quest) -> list[str]:
    """Stored fields that a member could not have typed."""
    fields = quest.model_dump(mode="json", by_alias=True, include=set(Draft.model_fields), exclude_none=True)
    try:
        Draft.model_validate_json(json.dumps({**fields, "description": "-" * 20}))
    except ValidationError as error:
        wrong = ((".".join(map(str, e["loc"])), e) for e in error.errors(include_url=False))
        # Members' words are not shown to operators, numbers are.
        return [
            f"{name} is {e['input'] if isinstance(e['input'], int) else 'invalid'}: {e['msg']}" for name, e in wrong
        ]
    return []


def missing_texts(quest: Quest, present: Container[str]) -> list[str]:
    """The texts that a quest in its state must have and has not. `present` holds the keys of those that there are."""
    handed_in = quest.status in (Status.SUBMITTED, Status.COMPLETE, Status.DISPUTED)
    wanted = ("description", "submission") if handed_in else ("description",)
    missing = [name for name in wanted if f"{quest.quest_id}#{name}" not in present]
    return [f"quest {quest.quest_id}: its {name} is missing" for name in missing]


def user_problems(user: User, entries: Iterable[Entry]) -> list[str]:
    """The invariants that a member's totals break, in words."""
    difference = drift(totals_of(user), sum_entries(entries))
    found = [f"the row is ahead of the ledger by {amounts(difference)}"] if difference else []
    if difference and not any(difference[:3]):
        counts = (("completed quests", difference.completed), ("members who confirmed", difference.confirmed_by))
        found = [f"the row counts {number:+d} {name} too many" for name, number in counts if number]
    if user.points < 0:
        found.append(f"{user.points} points")
    return [f"user {user.user_id}: {problem}" for problem in found]
