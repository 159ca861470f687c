"""Quests: their states, who may do what, and what each action makes of a quest.

`allowed` is the one place that decides; every action function asks it first. All functions are pure: state, actor
and time go in, a new state and the ledger entries that belong to it come out.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from services.core.domain import ledger
from services.core.domain.values import (
    Area,
    Description,
    Input,
    Model,
    RewardReputation,
    RewardXp,
    Tag,
    Timestamp,
    Title,
)

RELEASE_GRACE = timedelta(days=7)
"""How long after the claim deadline housekeeping waits before it releases a quest by itself."""
MAX_CHANGE_REQUESTS = 2
MODERATORS = "moderators"
DISPUTES = "disputes"

Tags = Annotated[list[Tag], Field(max_length=5)]


class Category(StrEnum):
    """What a quest is about."""

    CIVIC = "civic"
    ENVIRONMENT = "environment"
    SOCIAL = "social"
    EDUCATION = "education"
    TECHNICAL = "technical"
    OTHER = "other"


class Status(StrEnum):
    """Where a quest stands; COMPLETE, CANCELLED and EXPIRED are final."""

    OPEN = "OPEN"
    CLAIMED = "CLAIMED"
    SUBMITTED = "SUBMITTED"
    DISPUTED = "DISPUTED"
    COMPLETE = "COMPLETE"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


class Action(StrEnum):
    """What a member may want to do with a quest; the spelling is the API's."""

    EDIT = "edit"
    CANCEL = "cancel"
    CLAIM = "claim"
    RELEASE = "release"
    SUBMIT = "submit"
    REQUEST_CHANGES = "request-changes"
    ATTEST = "attest"
    DISPUTE = "dispute"
    RESOLVE = "resolve"


class Role(StrEnum):
    """A party of a quest."""

    REQUESTOR = "requestor"
    PERFORMER = "performer"


class Outcome(StrEnum):
    """What a moderator's decision makes of a disputed quest."""

    COMPLETE = "COMPLETE"
    CLAIMED = "CLAIMED"
    CANCELLED = "CANCELLED"


class Denial(StrEnum):
    """Why an action is denied."""

    NOT_REQUESTOR = "not_requestor"
    NOT_PERFORMER = "not_performer"
    NOT_PARTY = "not_party"
    NOT_MODERATOR = "not_moderator"
    OWN_QUEST = "own_quest"
    PARTY_CANNOT_JUDGE = "party_cannot_judge"
    WRONG_STATUS = "wrong_status"
    QUEST_EXPIRED = "quest_expired"
    DEADLINE_NOT_PASSED = "deadline_not_passed"
    ALREADY_ATTESTED = "already_attested"
    CHANGES_EXHAUSTED = "changes_exhausted"
    FEATURE_OFF = "feature_off"


STATE_DENIALS = frozenset(
    {
        Denial.WRONG_STATUS,
        Denial.QUEST_EXPIRED,
        Denial.DEADLINE_NOT_PASSED,
        Denial.ALREADY_ATTESTED,
        Denial.CHANGES_EXHAUSTED,
    }
)
"""Denials that the quest's state causes, not the person: the same actor may have been allowed a moment ago."""


class Attestation(Model):
    """One party's word that the work was done."""

    user_id: str
    role: Role
    attested_at: Timestamp
    notes: str | None = None


class ChangeRequest(Model):
    """What the requestor wants done before attesting."""

    reason: str
    requested_at: Timestamp


class Dispute(Model):
    """A disagreement and, once a moderator has spoken, the decision."""

    raised_by: str
    reason: str
    raised_at: Timestamp
    outcome: Outcome | None = None
    decision: str | None = None
    decided_by: str | None = None
    decided_at: Timestamp | None = None


class Quest(Model):
    """A task that one member posts and another does. The long texts are in `Texts`.

    The limits of what members write are in `Draft`, `Edit` and the requests, not here: a limit that is tightened later
    must not make a stored quest unreadable. `asked_at` is the moment of the oldest question without an answer.
    """

    quest_id: str
    title: str
    category: Category
    tags: list[str] = []
    area: str = ""
    reward_xp: int
    reward_reputation: int
    requestor_id: str
    performer_id: str | None = None
    status: Status = Status.OPEN
    attestations: list[Attestation] = []
    change_requests: list[ChangeRequest] = []
    dispute: Dispute | None = None
    released_by: str | None = None
    created_at: Timestamp
    updated_at: Timestamp
    expires_at: Timestamp
    claimed_at: Timestamp | None = None
    claim_deadline: Timestamp | None = None
    submitted_at: Timestamp | None = None
    completed_at: Timestamp | None = None
    cancelled_at: Timestamp | None = None
    expired_at: Timestamp | None = None
    asked_at: Timestamp | None = None
    request_digest: str | None = None
    version: int = 1


class Texts(Model):
    """A quest's Markdown, kept apart so that the cost of a transition does not grow with it."""

    description: str
    submission: str | None = None


class Draft(Input):
    """What a requestor writes to post a quest."""

    title: Title
    description: Description
    category: Category
    tags: Tags = []
    area: Area = ""
    reward_xp: RewardXp = 100
    reward_reputation: RewardReputation = 10


class Edit(Input):
    """The fields of a quest that its requestor changes; absent ones stay."""

    title: Title | None = None
    description: Description | None = None
    category: Category | None = None
    tags: Tags | None = None
    area: Area | None = None
    reward_xp: RewardXp | None = None
    reward_reputation: RewardReputation | None = None


@dataclass(frozen=True)
class Actor:
    """Who acts: `groups` come from the token, `features` are the flags that include this member."""

    user_id: str
    groups: frozenset[str] = field(default_factory=frozenset)
    features: frozenset[str] = field(default_factory=frozenset)


class Allowed(NamedTuple):
    """The actor may do it now."""


class Denied(NamedTuple):
    """The actor may not do it now."""

    code: Denial


Verdict = Allowed | Denied


class NotAllowedError(Exception):
    """An action was tried that `allowed` denies. `quest` is the state that it was judged on."""

    def __init__(self, quest: Quest, action: Action, code: Denial) -> None:
        super().__init__(f"{action} denied: {code}")
        self.quest, self.action, self.code = quest, action, code


class RewardLoweredError(ValueError):
    """An edit would lower a reward; members may already be counting on it. `field` is its name on the wire."""

    def __init__(self, field: str) -> None:
        super().__init__(f"{field} may only rise")
        self.field = field


class Change(NamedTuple):
    """A quest's next state. `entries` are booked, and `submission` is stored, in the same transaction."""

    quest: Quest
    entries: tuple[ledger.Entry, ...] = ()
    submission: str | None = None
    description: str | None = None


def role_of(quest: Quest, user_id: str) -> Role | None:
    """The part that a member plays in a quest."""
    if user_id == quest.requestor_id:
        return Role.REQUESTOR
    return Role.PERFORMER if user_id == quest.performer_id else None


def may_read_all(quest: Quest, actor: Actor) -> bool:
    """Whether submission, notes and dispute are shown: to the parties, to moderators, and to the performer of a
    quest that a decision cancelled.
    """
    was_performer = quest.status is Status.CANCELLED and quest.released_by == actor.user_id
    return role_of(quest, actor.user_id) is not None or was_performer or MODERATORS in actor.groups


def _requestor_while(status: Status) -> Callable[[Quest, Actor, datetime], Denial | None]:
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
    return Denial.QUEST_EXPIRED if now >= quest.expires_at else None


def _release(quest: Quest, actor: Actor, now: datetime) -> Denial | None:
    role = role_of(quest, actor.user_id)
    if role is None:
        return Denial.NOT_PARTY
    if quest.status is not Status.CLAIMED:
        return Denial.WRONG_STATUS
    if role is Role.REQUESTOR and quest.claim_deadline and now < quest.claim_deadline:
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


def _attest(quest: Quest, actor: Actor, now: datetime) -> Denial | None:
    del now
    if role_of(quest, actor.user_id) is None:
        return Denial.NOT_PARTY
    if quest.status is not Status.SUBMITTED:
        return Denial.WRONG_STATUS
    return Denial.ALREADY_ATTESTED if has_attested(quest, actor.user_id) else None


def _dispute(quest: Quest, actor: Actor, now: datetime) -> Denial | None:
    del now
    if role_of(quest, actor.user_id) is None:
        return Denial.NOT_PARTY
    if quest.status is not Status.SUBMITTED:
        return Denial.WRONG_STATUS
    return None if DISPUTES in actor.features else Denial.FEATURE_OFF


def _resolve(quest: Quest, actor: Actor, now: datetime) -> Denial | None:
    del now
    if MODERATORS not in actor.groups:
        return Denial.NOT_MODERATOR
    if role_of(quest, actor.user_id) is not None:
        return Denial.PARTY_CANNOT_JUDGE
    return None if quest.status is Status.DISPUTED else Denial.WRONG_STATUS


_RULES: Mapping[Action, Callable[[Quest, Actor, datetime], Denial | None]] = {
    Action.EDIT: _requestor_while(Status.OPEN),
    Action.CANCEL: _requestor_while(Status.OPEN),
    Action.CLAIM: _claim,
    Action.RELEASE: _release,
    Action.SUBMIT: _submit,
    Action.REQUEST_CHANGES: _request_changes,
    Action.ATTEST: _attest,
    Action.DISPUTE: _dispute,
    Action.RESOLVE: _resolve,
}


def allowed(quest: Quest, actor: Actor, now: datetime) -> dict[Action, Verdict]:
    """For every action, whether this actor may do it now, and if not, why.

    Who someone is comes before where the quest stands, so that a stranger learns nothing from the order.
    """
    denials = {action: rule(quest, actor, now) for action, rule in _RULES.items()}
    return {action: Denied(denial) if denial else Allowed() for action, denial in denials.items()}


def has_attested(quest: Quest, user_id: str) -> bool:
    """Whether this member has attested the current submission."""
    return any(attestation.user_id == user_id for attestation in quest.attestations)


def _require(quest: Quest, actor: Actor, action: Action, now: datetime) -> None:
    if denial := _RULES[action](quest, actor, now):
        raise NotAllowedError(quest, action, denial)


def _next(quest: Quest, now: datetime, **changes: Any) -> Quest:
    return quest.model_copy(update={**changes, "version": quest.version + 1, "updated_at": now})


def _reopened(quest: Quest, now: datetime, released_by: str | None) -> Quest:
    return _next(
        quest,
        now,
        status=Status.OPEN,
        performer_id=None,
        claimed_at=None,
        claim_deadline=None,
        submitted_at=None,
        attestations=[],
        change_requests=[],
        dispute=None,
        released_by=released_by,
    )


def create(
    draft: Draft,
    requestor_id: str,
    quest_id: str,
    now: datetime,
    lifetime: timedelta,
    request_digest: str | None = None,
) -> Change:
    """A new OPEN quest and the entry of what it cost."""
    quest = Quest(
        **draft.model_dump(exclude={"description"}),
        quest_id=quest_id,
        requestor_id=requestor_id,
        created_at=now,
        updated_at=now,
        expires_at=now + lifetime,
        request_digest=request_digest,
    )
    return Change(quest, (ledger.cost(requestor_id, quest_id, now),), description=draft.description)


def edit(quest: Quest, description: str, actor: Actor, changes: Edit, now: datetime) -> Change:
    """The quest with the given fields changed. Raises NotAllowedError, RewardLoweredError."""
    _require(quest, actor, Action.EDIT, now)
    update = {name: getattr(changes, name) for name in changes.model_fields_set if getattr(changes, name) is not None}
    new_description = update.pop("description", description)
    for name, on_wire in (("reward_xp", "rewardXp"), ("reward_reputation", "rewardReputation")):
        if update.get(name, getattr(quest, name)) < getattr(quest, name):
            raise RewardLoweredError(on_wire)
    update = {name: value for name, value in update.items() if value != getattr(quest, name)}
    changed = new_description if new_description != description else None
    return Change(_next(quest, now, **update), description=changed) if update or changed else Change(quest)


def cancel(quest: Quest, actor: Actor, now: datetime) -> Change:
    """Withdraws the quest and gives the point back. Raises NotAllowedError."""
    if quest.status is Status.CANCELLED and quest.dispute is None and actor.user_id == quest.requestor_id:
        return Change(quest)
    _require(quest, actor, Action.CANCEL, now)
    return _closed(quest, Status.CANCELLED, now)


def _closed(quest: Quest, status: Status, now: datetime, **changes: Any) -> Change:
    moment = {Status.CANCELLED: "cancelled_at", Status.EXPIRED: "expired_at"}[status]
    entries = (ledger.refund(quest.requestor_id, quest.quest_id, now),)
    return Change(_next(quest, now, status=status, **{moment: now}, **changes), entries)


def claim(quest: Quest, actor: Actor, now: datetime, period: timedelta) -> Change:
    """Makes the actor the performer until `now + period`. Raises NotAllowedError."""
    if actor.user_id == quest.performer_id:
        return Change(quest)
    _require(quest, actor, Action.CLAIM, now)
    return Change(
        _next(
            quest,
            now,
            status=Status.CLAIMED,
            performer_id=actor.user_id,
            claimed_at=now,
            claim_deadline=now + period,
            released_by=None,
        )
    )


def release(quest: Quest, actor: Actor, now: datetime) -> Change:
    """Opens the quest for others again. Raises NotAllowedError."""
    if quest.status is Status.OPEN and quest.released_by == actor.user_id:
        return Change(quest)
    _require(quest, actor, Action.RELEASE, now)
    return Change(_reopened(quest, now, actor.user_id))


def submit(quest: Quest, current: str | None, actor: Actor, submission: str, now: datetime) -> Change:
    """Hands the work in; `current` is the submission that is stored now, if any. Raises NotAllowedError."""
    is_performer = role_of(quest, actor.user_id) is Role.PERFORMER
    if is_performer and quest.status is not Status.CLAIMED and submission == current:
        return Change(quest)
    _require(quest, actor, Action.SUBMIT, now)
    return Change(_next(quest, now, status=Status.SUBMITTED, submitted_at=now, attestations=[]), submission=submission)


def request_changes(quest: Quest, actor: Actor, reason: str, now: datetime) -> Change:
    """Sends the work back with a reason. Raises NotAllowedError."""
    repeated = quest.status is Status.CLAIMED and quest.change_requests and quest.change_requests[-1].reason == reason
    if repeated and actor.user_id == quest.requestor_id:
        return Change(quest)
    _require(quest, actor, Action.REQUEST_CHANGES, now)
    requests = [*quest.change_requests, ChangeRequest(reason=reason, requested_at=now)]
    return Change(
        _next(
            quest,
            now,
            status=Status.CLAIMED,
            change_requests=requests,
            attestations=[],
            submitted_at=None,
            claim_deadline=max(quest.claim_deadline or now, now + RELEASE_GRACE),
        )
    )


def attest(quest: Quest, actor: Actor, notes: str | None, now: datetime) -> Change:
    """Gives the actor's word; the second one completes the quest and books the reward. Raises NotAllowedError."""
    if has_attested(quest, actor.user_id) and quest.status in (Status.SUBMITTED, Status.COMPLETE):
        return Change(quest)
    _require(quest, actor, Action.ATTEST, now)
    role = Role.REQUESTOR if actor.user_id == quest.requestor_id else Role.PERFORMER
    attestations = [
        *quest.attestations,
        Attestation(user_id=actor.user_id, role=role, attested_at=now, notes=notes or None),
    ]
    if {attestation.role for attestation in attestations} == set(Role):
        return _completed(quest, now, attestations=attestations)
    return Change(_next(quest, now, attestations=attestations))


def _completed(quest: Quest, now: datetime, **changes: Any) -> Change:
    assert quest.performer_id is not None, "only a quest with a performer can be completed"
    entry = ledger.reward(quest.performer_id, quest.quest_id, quest.reward_xp, quest.reward_reputation, now)
    return Change(_next(quest, now, status=Status.COMPLETE, completed_at=now, **changes), (entry,))


def dispute(quest: Quest, actor: Actor, reason: str, now: datetime) -> Change:
    """Asks a moderator to decide. Raises NotAllowedError."""
    if quest.status is Status.DISPUTED and quest.dispute and quest.dispute.raised_by == actor.user_id:
        return Change(quest)
    _require(quest, actor, Action.DISPUTE, now)
    raised = Dispute(raised_by=actor.user_id, reason=reason, raised_at=now)
    return Change(_next(quest, now, status=Status.DISPUTED, dispute=raised))


def resolve(quest: Quest, actor: Actor, outcome: Outcome, decision: str, now: datetime, period: timedelta) -> Change:
    """A moderator's decision: pay, back to work for `period`, or cancel and refund. Raises NotAllowedError."""
    judged = quest.dispute
    if judged and judged.decided_by == actor.user_id and judged.outcome is outcome and judged.decision == decision:
        return Change(quest)
    _require(quest, actor, Action.RESOLVE, now)
    assert judged is not None, "a DISPUTED quest has a dispute"
    decided = judged.model_copy(
        update={"outcome": outcome, "decision": decision, "decided_by": actor.user_id, "decided_at": now}
    )
    if outcome is Outcome.COMPLETE:
        return _completed(quest, now, dispute=decided)
    if outcome is Outcome.CANCELLED:
        return _closed(quest, Status.CANCELLED, now, dispute=decided, performer_id=None, released_by=quest.performer_id)
    return Change(
        _next(
            quest,
            now,
            status=Status.CLAIMED,
            dispute=decided,
            attestations=[],
            submitted_at=None,
            claim_deadline=now + period,
        )
    )


def expire(quest: Quest, now: datetime) -> Change:
    """Housekeeping's: closes an OPEN quest whose time has passed; any other stays as it is."""
    due = quest.status is Status.OPEN and now >= quest.expires_at
    return _closed(quest, Status.EXPIRED, now) if due else Change(quest)


def release_overdue(quest: Quest, now: datetime) -> Change:
    """Housekeeping's: opens a CLAIMED quest again whose performer let deadline and grace pass."""
    due = quest.status is Status.CLAIMED and now >= release_due(quest)
    return Change(_reopened(quest, now, None)) if due else Change(quest)


def reopen(quest: Quest, now: datetime) -> Change:
    """An operator's: takes a quest that is stuck from its performer; one that nobody works on stays as it is."""
    stuck = quest.status in (Status.CLAIMED, Status.SUBMITTED, Status.DISPUTED)
    return Change(_reopened(quest, now, quest.performer_id)) if stuck else Change(quest)


def withdraw(quest: Quest, now: datetime) -> Change:
    """An operator's: cancels a quest in whatever state and gives the point back; a final one stays as it is."""
    if quest.status in (Status.COMPLETE, Status.CANCELLED, Status.EXPIRED):
        return Change(quest)
    return _closed(quest, Status.CANCELLED, now, performer_id=None, released_by=quest.performer_id)


def release_due(quest: Quest) -> datetime:
    """When housekeeping takes a CLAIMED quest from its performer."""
    assert quest.claim_deadline is not None, "a CLAIMED quest has a deadline"
    return quest.claim_deadline + RELEASE_GRACE
