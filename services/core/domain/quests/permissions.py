"""Permissions: `allowed` is the one function that decides who may do what with a quest, and when."""

from collections.abc import Callable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from services.core.domain.quests.model import (
    DISPUTES,
    MAX_CHANGE_REQUESTS,
    MODERATORS,
    RECLAIM_PAUSE,
    Action,
    Actor,
    Ending,
    Quest,
    Role,
    Status,
    former_of,
    has_attested,
    parties,
    role_of,
)


class Denial(StrEnum):
    """The reason for which an action is denied."""

    NOT_REQUESTOR = "not_requestor"
    NOT_PERFORMER = "not_performer"
    NOT_PARTY = "not_party"
    NOT_MODERATOR = "not_moderator"
    OWN_QUEST = "own_quest"
    PARTY_CANNOT_JUDGE = "party_cannot_judge"
    WRONG_STATUS = "wrong_status"
    HIDDEN = "hidden"
    NOT_HIDDEN = "not_hidden"
    QUEST_EXPIRED = "quest_expired"
    RELEASED_RECENTLY = "released_recently"
    TERMS_CHANGED = "terms_changed"
    TOO_MANY_CLAIMS = "too_many_claims"
    SUSPENDED = "suspended"
    BLOCKED = "blocked"
    DEADLINE_NOT_PASSED = "deadline_not_passed"
    ALREADY_ATTESTED = "already_attested"
    ALREADY_STATED = "already_stated"
    CHANGES_EXHAUSTED = "changes_exhausted"
    NOT_HEARD = "not_heard"
    FEATURE_OFF = "feature_off"
    HAS_LEFT = "has_left"


STATE_DENIALS = frozenset(
    {
        Denial.WRONG_STATUS,
        Denial.HIDDEN,
        Denial.NOT_HIDDEN,
        Denial.QUEST_EXPIRED,
        Denial.RELEASED_RECENTLY,
        Denial.TERMS_CHANGED,
        Denial.DEADLINE_NOT_PASSED,
        Denial.ALREADY_ATTESTED,
        Denial.ALREADY_STATED,
        Denial.CHANGES_EXHAUSTED,
        Denial.NOT_HEARD,
    }
)
"""Denials that the quest's state causes, not the person: the same actor may have been allowed a moment ago."""


class Allowed(NamedTuple):
    """The actor may do it now."""


class Denied(NamedTuple):
    """The actor may not do it now."""

    code: Denial


Verdict = Allowed | Denied


def has_moved(quest: Quest, actor: Actor, code: Denial) -> bool:
    """True if a denial has the quest's state as its cause, as also for an actor who was a party until it moved."""
    was_party = former_of(quest, actor.user_id) is not None
    return code in STATE_DENIALS or (was_party and code in (Denial.NOT_PERFORMER, Denial.NOT_PARTY))


class NotAllowedError(Exception):
    """An action was tried that is denied. `quest` is the state that it was judged on; `changed` are the fields, by
    their names on the wire, that were edited since the actor looked.
    """

    def __init__(self, quest: Quest, actor: Actor, action: Action, code: Denial, changed: tuple[str, ...] = ()) -> None:
        super().__init__(f"{action} denied: {code}")
        self.quest, self.actor, self.action, self.code, self.changed = quest, actor, action, code, changed

    @property
    def moved(self) -> bool:
        """True if the quest's state is the cause, as also for an actor who was a party until it moved."""
        return has_moved(self.quest, self.actor, self.code)


Rule = Callable[[Quest, Actor, datetime], Denial | None]


def _requestor_while(status: Status) -> Rule:
    def check(quest: Quest, actor: Actor, now: datetime) -> Denial | None:
        del now
        if role_of(quest, actor.user_id) is not Role.REQUESTOR:
            return Denial.NOT_REQUESTOR
        return None if quest.status is status else Denial.WRONG_STATUS

    return check


def _claim(quest: Quest, actor: Actor, now: datetime) -> Denial | None:
    if actor.user_id == quest.requestor_id:
        return Denial.OWN_QUEST
    if quest.status is not Status.OPEN:
        return Denial.WRONG_STATUS
    if quest.hidden_at:
        return Denial.HIDDEN
    if now >= quest.expires_at:
        return Denial.QUEST_EXPIRED
    former = former_of(quest, actor.user_id)
    paused = former and former.how is not Ending.OPERATOR and now < former.at + RECLAIM_PAUSE
    return Denial.RELEASED_RECENTLY if paused else _standing_denial(quest, actor)


def _standing_denial(quest: Quest, actor: Actor) -> Denial | None:
    if actor.standing.suspended:
        return Denial.SUSPENDED
    if quest.requestor_id in actor.standing.blocked_by:
        return Denial.BLOCKED
    return Denial.TOO_MANY_CLAIMS if actor.standing.claims_full else None


def _release(quest: Quest, actor: Actor, now: datetime) -> Denial | None:
    role = role_of(quest, actor.user_id)
    if role is None:
        return Denial.NOT_PARTY
    if quest.status is not Status.CLAIMED:
        return Denial.WRONG_STATUS
    if role is Role.REQUESTOR and quest.claim_deadline and quest.clock(now) < quest.claim_deadline:
        return Denial.DEADLINE_NOT_PASSED
    return None


def _submit(quest: Quest, actor: Actor, now: datetime) -> Denial | None:
    del now
    if role_of(quest, actor.user_id) is not Role.PERFORMER:
        return Denial.NOT_PERFORMER
    return None if quest.status is Status.CLAIMED else Denial.WRONG_STATUS


def _request_changes(quest: Quest, actor: Actor, now: datetime) -> Denial | None:
    if denial := _requestor_while(Status.SUBMITTED)(quest, actor, now):
        return denial
    return Denial.CHANGES_EXHAUSTED if len(quest.change_requests) >= MAX_CHANGE_REQUESTS else None


def _party_while(quest: Quest, actor: Actor, status: Status) -> Denial | None:
    if role_of(quest, actor.user_id) is None:
        return Denial.NOT_PARTY
    return None if quest.status is status else Denial.WRONG_STATUS


def _attest(quest: Quest, actor: Actor, now: datetime) -> Denial | None:
    del now
    if denial := _party_while(quest, actor, Status.SUBMITTED):
        return denial
    return Denial.ALREADY_ATTESTED if has_attested(quest, actor.user_id) else None


def _dispute(quest: Quest, actor: Actor, now: datetime) -> Denial | None:
    del now
    if denial := _party_while(quest, actor, Status.SUBMITTED):
        return denial
    return None if DISPUTES in actor.features else Denial.FEATURE_OFF


def _state(quest: Quest, actor: Actor, now: datetime) -> Denial | None:
    del now
    if denial := _party_while(quest, actor, Status.DISPUTED):
        return denial
    assert quest.dispute is not None, "a DISPUTED quest has a dispute"
    spoken = actor.user_id == quest.dispute.raised_by or quest.dispute.statement is not None
    return Denial.ALREADY_STATED if spoken else None


def judge_denial(quest: Quest, actor: Actor) -> Denial | None:
    """The reason for which the actor may not judge this quest: no moderator, a party of it now or before, or somebody
    with a history with one of its parties.
    """
    if MODERATORS not in actor.groups:
        return Denial.NOT_MODERATOR
    involved = role_of(quest, actor.user_id) is not None or former_of(quest, actor.user_id) is not None
    return Denial.PARTY_CANNOT_JUDGE if involved or actor.standing.knows & {*parties(quest)} else None


def _resolve(quest: Quest, actor: Actor, now: datetime) -> Denial | None:
    if denial := judge_denial(quest, actor):
        return denial
    if quest.status is not Status.DISPUTED:
        return Denial.WRONG_STATUS
    assert quest.dispute is not None, "a DISPUTED quest has a dispute"
    heard = quest.dispute.statement is not None or quest.clock(now) >= quest.dispute.decidable_from
    return None if heard else Denial.NOT_HEARD


def _hide(quest: Quest, actor: Actor, now: datetime) -> Denial | None:
    del now
    if denial := judge_denial(quest, actor):
        return denial
    return Denial.HIDDEN if quest.hidden_at else None


def _unhide(quest: Quest, actor: Actor, now: datetime) -> Denial | None:
    del now
    if denial := judge_denial(quest, actor):
        return denial
    return None if quest.hidden_at else Denial.NOT_HIDDEN


_RULES: Mapping[Action, Rule] = {
    Action.EDIT: _requestor_while(Status.OPEN),
    Action.CANCEL: _requestor_while(Status.OPEN),
    Action.CLAIM: _claim,
    Action.RELEASE: _release,
    Action.WITHDRAW: _requestor_while(Status.CLAIMED),
    Action.SUBMIT: _submit,
    Action.REQUEST_CHANGES: _request_changes,
    Action.ATTEST: _attest,
    Action.DISPUTE: _dispute,
    Action.STATE: _state,
    Action.RESOLVE: _resolve,
    Action.HIDE: _hide,
    Action.UNHIDE: _unhide,
}


def _denial(quest: Quest, actor: Actor, action: Action, now: datetime) -> Denial | None:
    """A token outlives its account by up to an hour: whoever has left only reads."""
    return Denial.HAS_LEFT if actor.user_id in quest.left else _RULES[action](quest, actor, now)


def allowed(quest: Quest, actor: Actor, now: datetime) -> dict[Action, Verdict]:
    """The verdict on every action of this actor now.

    Who someone is comes before where the quest stands, so that a stranger learns nothing from the order.
    """
    denials = {action: _denial(quest, actor, action, now) for action in _RULES}
    return {action: Denied(denial) if denial else Allowed() for action, denial in denials.items()}


def require(quest: Quest, actor: Actor, action: Action, now: datetime) -> None:
    """Raises NotAllowedError if `allowed` denies the action."""
    if denial := _denial(quest, actor, action, now):
        raise NotAllowedError(quest, actor, action, denial)
