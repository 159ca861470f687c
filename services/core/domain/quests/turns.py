"""Turns: `turn` is the one function that decides whose turn it is."""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.core.domain.quests.model import FINAL, Quest, Status, has_attested, other_side, parties


class Task(StrEnum):
    """The thing that somebody has to do."""

    ANSWER = "answer"
    HAND_IN = "hand-in"
    OVERDUE = "overdue"
    CONFIRM = "confirm"
    STATE = "state"
    DECIDE = "decide"
    REVIEW = "review"


class Turn(NamedTuple):
    """The turn: members, subject, since when and until when. `members` are user ids; with `moderators` it is the turn
    of any moderator. `until` is the moment at which the quest moves on by itself or the next one may act, or None.
    """

    task: Task
    since: datetime
    until: datetime | None
    members: tuple[str, ...] = ()
    moderators: bool = False


def turn(quest: Quest, now: datetime) -> Turn | None:
    """The turn of a quest, or None if nobody has to act: an OPEN quest without a question, or a final one.

    `until` of a confirmation is the moment at which silence confirms, where `confirms_by_silence` holds.
    """
    if quest.hidden_at and quest.status not in FINAL:
        return Turn(Task.REVIEW, quest.hidden_at, None, moderators=True)
    match quest.status:
        case Status.OPEN if quest.asked_at:
            return Turn(Task.ANSWER, quest.asked_at, quest.expires_at, (quest.requestor_id,))
        case Status.CLAIMED:
            return _claimed(quest, now)
        case Status.SUBMITTED:
            assert quest.submitted_at is not None, "a SUBMITTED quest was handed in"
            waiting = tuple(party for party in parties(quest) if not has_attested(quest, party))
            return Turn(Task.CONFIRM, quest.submitted_at, quest.silence_due, waiting)
        case Status.DISPUTED:
            return _disputed(quest, now)
    return None


def _claimed(quest: Quest, now: datetime) -> Turn:
    assert quest.claim_deadline is not None, "a CLAIMED quest has a deadline"
    assert quest.claimed_at is not None, "a CLAIMED quest was claimed"
    assert quest.performer_id is not None, "a CLAIMED quest has a performer"
    if now >= quest.claim_deadline:
        return Turn(Task.OVERDUE, quest.claim_deadline, quest.release_due, tuple(parties(quest)))
    since = [quest.claimed_at, *(request.requested_at for request in quest.change_requests)]
    if quest.dispute and quest.dispute.decided_at:
        since.append(quest.dispute.decided_at)
    return Turn(Task.HAND_IN, max(since), quest.claim_deadline, (quest.performer_id,))


def _disputed(quest: Quest, now: datetime) -> Turn:
    dispute = quest.dispute
    assert dispute is not None, "a DISPUTED quest has a dispute"
    if dispute.statement is None and now < dispute.decidable_from:
        other = other_side(quest, dispute.raised_by)
        return Turn(Task.STATE, dispute.raised_at, dispute.decidable_from, (other,) if other else ())
    return Turn(Task.DECIDE, dispute.stated_at or dispute.decidable_from, None, moderators=True)
