"""Steps: the functions that make a quest and move it on.

All are pure: state, actor and time go in, a new state and the ledger entries that belong to it come out. A step of a
member asks `allowed` first; one that was taken before by the same member changes nothing. Time never runs back within a
quest: a step takes place at the quest's last change, if the clock of its process is behind it.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from services.core.domain import ledger, pairs
from services.core.domain.pairs import Pair
from services.core.domain.quests.model import (
    FINAL,
    MAX_FORMER,
    MAX_TAKEN,
    RELEASE_GRACE,
    STATEMENT_PERIOD,
    WHEN_GRACE,
    WHEN_HORIZON,
    Action,
    Actor,
    Attestation,
    Change,
    ChangeRequest,
    Dispute,
    Draft,
    Edit,
    Ending,
    Evidence,
    Former,
    InvalidFieldError,
    Outcome,
    PairChange,
    Quest,
    Role,
    Status,
    When,
    WhenInput,
    has_attested,
    role_of,
)
from services.core.domain.quests.permissions import Denial, NotAllowedError, judge_denial, require

_REWARDS = ("reward_xp", "reward_reputation")
NEW_PAIR = Pair()
"""Two members who completed nothing together. If they did, the store refuses a change that was computed with it."""


def already_taken(quest: Quest, step_id: str) -> bool:
    """True if the step of this id (`step_id_of`) was taken before, whatever happened since."""
    return step_id in quest.taken


def with_step(change: Change, step_id: str) -> Change:
    """The change, with the step's id in `taken`."""
    return change._replace(quest=change.quest.model_copy(update={"taken": [*change.quest.taken, step_id][-MAX_TAKEN:]}))


def _moment(quest: Quest, now: datetime) -> datetime:
    return max(now, quest.updated_at)


def _next(quest: Quest, now: datetime, **changes: Any) -> Quest:
    return quest.model_copy(update={**changes, "version": quest.version + 1, "updated_at": now})


def _with_former(quest: Quest, now: datetime, how: Ending, reason: str | None = None) -> list[Former]:
    """The former performers, the present one added as the last; one entry for each member."""
    last = Former(user_id=quest.performer_id or "", at=now, how=how, reason=reason)
    return [*(former for former in quest.former if former.user_id != last.user_id), last][-MAX_FORMER:]


def _reopened(quest: Quest, now: datetime, how: Ending, released_by: str | None, reason: str | None = None) -> Quest:
    return _next(
        quest,
        now,
        status=Status.OPEN,
        performer_id=None,
        claimed_at=None,
        claim_deadline=None,
        submitted_at=None,
        silence_at=None,
        attestations=[],
        change_requests=[],
        dispute=None,
        released_by=released_by,
        former=_with_former(quest, now, how, reason),
    )


def _opened(quest: Quest, now: datetime, how: Ending, released_by: str | None, reason: str | None = None) -> Change:
    """Opens the quest for others; one whose requestor has left is cancelled instead, with its refund."""
    if quest.requestor_id in quest.left:
        return _cancelled(quest, now, how, reason)
    return Change(_reopened(quest, now, how, released_by, reason))


def _closed(quest: Quest, status: Status, now: datetime, **changes: Any) -> Change:
    moment = {Status.CANCELLED: "cancelled_at", Status.EXPIRED: "expired_at"}[status]
    entries = (ledger.refund(quest.requestor_id, quest.quest_id, quest.cost, now),)
    ended = {"status": status, moment: now, "asked_at": None}
    return Change(_next(quest, now, **ended, **changes), entries)


def _cancelled(quest: Quest, now: datetime, how: Ending, reason: str | None = None, **changes: Any) -> Change:
    """Cancels a quest under its performer, if there is one, whom `released_by` names then."""
    former = _with_former(quest, now, how, reason) if quest.performer_id else quest.former
    return _closed(
        quest,
        Status.CANCELLED,
        now,
        performer_id=None,
        released_by=quest.performer_id,
        former=former,
        silence_at=None,
        **changes,
    )


def _completed(quest: Quest, now: datetime, pair: Pair, **changes: Any) -> Change:
    assert quest.performer_id is not None, "only a quest with a performer can be completed"
    attestations = changes.get("attestations", quest.attestations)
    confirmed = any(one.role is Role.REQUESTOR and one.by is Evidence.WORD for one in attestations)
    share = 100 if quest.synthetic else pairs.share(pair, now)
    entry = ledger.reward(
        quest.performer_id,
        quest.quest_id,
        quest.requestor_id,
        quest.reward_xp,
        quest.reward_reputation,
        now,
        confirmed=confirmed,
        share=share,
        new_confirmer=confirmed and quest.performer_id not in pair.confirmed,
        synthetic=quest.synthetic,
    )
    ended = {"status": Status.COMPLETE, "completed_at": now, "silence_at": None, "reward_share": share}
    done = PairChange(pair, pairs.completed(pair, quest.performer_id, now, confirmed=confirmed))
    return Change(_next(quest, now, **ended, **changes), (entry,), pair=None if quest.synthetic else done)


# --- the requestor's own ---


def _window(given: WhenInput | None, now: datetime) -> When | None:
    """The window as it is stored. Raises InvalidFieldError for one that is over, or too far ahead."""
    if given is None:
        return None
    if given.end <= now:
        raise InvalidFieldError("when.end", "This has passed already.")
    if given.start < now - timedelta(days=1):
        raise InvalidFieldError("when.start", "This was more than a day ago.")
    if given.end > now + WHEN_HORIZON:
        raise InvalidFieldError("when.end", f"This is more than {WHEN_HORIZON.days} days ahead.")
    return When.model_validate(given.model_dump())


def _expiry(posted: datetime, lifetime: timedelta, when: When | None) -> datetime:
    return min(posted + lifetime, when.end) if when else posted + lifetime


def create(
    draft: Draft,
    requestor_id: str,
    quest_id: str,
    now: datetime,
    lifetime: timedelta,
    request_digest: str | None = None,
    *,
    synthetic: bool = False,
) -> Change:
    """A new OPEN quest and the entry of its cost. Raises InvalidFieldError."""
    when = _window(draft.when, now)
    points = ledger.cost_of(draft.reward_xp)
    quest = Quest(
        **draft.model_dump(exclude={"description", "when", "meeting_point"}),
        when=when,
        meeting_point=draft.meeting_point or None,
        cost=points,
        quest_id=quest_id,
        requestor_id=requestor_id,
        created_at=now,
        updated_at=now,
        expires_at=_expiry(now, lifetime, when),
        request_digest=request_digest,
        synthetic=synthetic or None,
    )
    return Change(quest, (ledger.cost(requestor_id, quest_id, points, now),), description=draft.description)


def _edited(quest: Quest, changes: Edit, now: datetime) -> dict[str, Any]:
    """The attributes that an edit gives other values."""
    given = changes.model_fields_set
    update = {name: value for name in given if (value := getattr(changes, name)) is not None}
    if "when" in given:
        same = changes.when and quest.when == When.model_validate(changes.when.model_dump())
        update["when"] = quest.when if same else _window(changes.when, now)
    if "meeting_point" in update:
        update["meeting_point"] = update["meeting_point"] or None
    for name in _REWARDS:
        if update.get(name, getattr(quest, name)) < getattr(quest, name):
            raise InvalidFieldError(_on_wire(name), "Rewards may only rise: members may be counting on them.")
    return update


def _on_wire(name: str) -> str:
    return Quest.model_fields[name].alias or name if name in Quest.model_fields else name


def edit(quest: Quest, description: str, actor: Actor, changes: Edit, now: datetime, lifetime: timedelta) -> Change:
    """The quest with the given fields changed, and the entry of what a raised reward costs.

    Raises NotAllowedError, InvalidFieldError.
    """
    now = _moment(quest, now)
    require(quest, actor, Action.EDIT, now)
    update = _edited(quest, changes, now)
    new_description = update.pop("description", description)
    update = {name: value for name, value in update.items() if value != getattr(quest, name)}
    rewritten = new_description if new_description != description else None
    if not update and rewritten is None:
        return Change(quest)
    fields = [*map(_on_wire, update), *(["description"] if rewritten else [])]
    if "when" in update:
        posted = quest.created_at + timedelta(seconds=quest.stood_still)
        update["expires_at"] = _expiry(posted, lifetime, update["when"])
    points = ledger.cost_of(update.get("reward_xp", quest.reward_xp)) - ledger.cost_of(quest.reward_xp)
    after = _next(
        quest,
        now,
        **update,
        cost=quest.cost + points,
        edited={**quest.edited, **dict.fromkeys(fields, quest.version + 1)},
    )
    entries = (ledger.raised(quest.requestor_id, quest.quest_id, points, now),) if points else ()
    return Change(after, entries, description=rewritten)


def cancel(quest: Quest, actor: Actor, now: datetime) -> Change:
    """Withdraws an open quest and gives the points back. Raises NotAllowedError."""
    now = _moment(quest, now)
    if quest.status is Status.CANCELLED and quest.released_by is None and actor.user_id == quest.requestor_id:
        return Change(quest)
    require(quest, actor, Action.CANCEL, now)
    return _closed(quest, Status.CANCELLED, now, released_by=None)


def withdraw(quest: Quest, actor: Actor, reason: str, now: datetime) -> Change:
    """Cancels a claimed quest for a reason that the performer reads, and gives the points back.

    Raises NotAllowedError.
    """
    now = _moment(quest, now)
    last = quest.former[-1] if quest.former and quest.status is Status.CANCELLED else None
    if last and (last.how, last.reason) == (Ending.WITHDRAWN, reason) and actor.user_id == quest.requestor_id:
        return Change(quest)
    require(quest, actor, Action.WITHDRAW, now)
    return _cancelled(quest, now, Ending.WITHDRAWN, reason)


# --- claim and work ---


def claim(quest: Quest, actor: Actor, now: datetime, period: timedelta, seen: int | None = None) -> Change:
    """Makes the actor the performer until the deadline. `seen` is the version that they looked at.

    Raises NotAllowedError.
    """
    now = _moment(quest, now)
    if actor.user_id == quest.performer_id:
        return Change(quest)
    require(quest, actor, Action.CLAIM, now)
    changed = tuple(name for name, version in quest.edited.items() if seen is not None and version > seen)
    if changed:
        raise NotAllowedError(quest, actor, Action.CLAIM, Denial.TERMS_CHANGED, changed)
    return Change(
        _next(
            quest,
            now,
            status=Status.CLAIMED,
            performer_id=actor.user_id,
            claimed_at=now,
            claim_deadline=quest.when.end + WHEN_GRACE if quest.when else now + period,
            released_by=None,
            asked_at=None,
        )
    )


def release(quest: Quest, actor: Actor, reason: str | None, now: datetime) -> Change:
    """Opens the quest for others again; the requestor has to give a reason.

    Raises NotAllowedError, InvalidFieldError.
    """
    now = _moment(quest, now)
    if quest.status is Status.OPEN and quest.released_by == actor.user_id:
        return Change(quest)
    require(quest, actor, Action.RELEASE, now)
    by_requestor = role_of(quest, actor.user_id) is Role.REQUESTOR
    if by_requestor and reason is None:
        raise InvalidFieldError("reason", "Tell the performer why.")
    how = Ending.TAKEN_BACK if by_requestor else Ending.RELEASED
    return _opened(quest, now, how, actor.user_id, reason)


def submit(
    quest: Quest, current: str | None, actor: Actor, submission: str, now: datetime, silence: timedelta
) -> Change:
    """Hands the work in, which is the performer's attestation. `current` is the submission that is stored now, if any;
    after `silence` without a reaction the quest counts as confirmed. Raises NotAllowedError.
    """
    now = _moment(quest, now)
    is_performer = role_of(quest, actor.user_id) is Role.PERFORMER
    if is_performer and quest.status is not Status.CLAIMED and submission == current:
        return Change(quest)
    require(quest, actor, Action.SUBMIT, now)
    attestation = Attestation(user_id=actor.user_id, role=Role.PERFORMER, attested_at=now, by=Evidence.HAND_IN)
    after = _next(
        quest, now, status=Status.SUBMITTED, submitted_at=now, silence_at=now + silence, attestations=[attestation]
    )
    return Change(after, submission=submission)


def request_changes(quest: Quest, actor: Actor, reason: str, now: datetime) -> Change:
    """Sends the work back with a reason. Raises NotAllowedError."""
    now = _moment(quest, now)
    repeated = quest.status is Status.CLAIMED and quest.change_requests and quest.change_requests[-1].reason == reason
    if repeated and actor.user_id == quest.requestor_id:
        return Change(quest)
    require(quest, actor, Action.REQUEST_CHANGES, now)
    if quest.performer_id in quest.left:
        return _opened(quest, now, Ending.RELEASED, quest.performer_id)
    requests = [*quest.change_requests, ChangeRequest(reason=reason, requested_at=now)]
    return Change(
        _next(
            quest,
            now,
            status=Status.CLAIMED,
            change_requests=requests,
            attestations=[],
            submitted_at=None,
            silence_at=None,
            claim_deadline=max(quest.claim_deadline or now, now + RELEASE_GRACE),
        )
    )


def attest(
    quest: Quest, actor: Actor, notes: str | None, now: datetime, pair: Pair = NEW_PAIR, *, thanks: bool = False
) -> Change:
    """Records the actor's attestation; the second completes the quest and books the reward, which `pair` may diminish.

    With `thanks` the note may be shown on the other one's profile. Raises NotAllowedError.
    """
    now = _moment(quest, now)
    if has_attested(quest, actor.user_id) and quest.status in (Status.SUBMITTED, Status.COMPLETE):
        return Change(quest)
    require(quest, actor, Action.ATTEST, now)
    role = Role.REQUESTOR if actor.user_id == quest.requestor_id else Role.PERFORMER
    attestation = Attestation(user_id=actor.user_id, role=role, attested_at=now, notes=notes or None)
    if thanks and notes:
        attestation = attestation.model_copy(update={"thanks": True})
    return _attested(quest, [*quest.attestations, attestation], now, pair)


def _attested(quest: Quest, attestations: Sequence[Attestation], now: datetime, pair: Pair) -> Change:
    if {attestation.role for attestation in attestations} == set(Role):
        return _completed(quest, now, pair, attestations=list(attestations))
    return Change(_next(quest, now, attestations=list(attestations)))


# --- disputes and moderation ---


def dispute(quest: Quest, actor: Actor, reason: str, now: datetime) -> Change:
    """Asks a moderator to decide. Raises NotAllowedError."""
    now = _moment(quest, now)
    if quest.status is Status.DISPUTED and quest.dispute and quest.dispute.raised_by == actor.user_id:
        return Change(quest)
    require(quest, actor, Action.DISPUTE, now)
    raised = Dispute(
        raised_by=actor.user_id, reason=reason, raised_at=now, statement_until=quest.clock(now) + STATEMENT_PERIOD
    )
    return Change(_next(quest, now, status=Status.DISPUTED, dispute=raised, silence_at=None))


def state(quest: Quest, actor: Actor, statement: str, now: datetime) -> Change:
    """Records the statement of the other side of a dispute, once. Raises NotAllowedError."""
    now = _moment(quest, now)
    stated = quest.dispute.statement if quest.dispute else None
    is_other = quest.dispute is not None and actor.user_id != quest.dispute.raised_by
    if stated == statement and is_other and role_of(quest, actor.user_id):
        return Change(quest)
    require(quest, actor, Action.STATE, now)
    assert quest.dispute is not None, "a DISPUTED quest has a dispute"
    heard = quest.dispute.model_copy(update={"statement": statement, "stated_at": now})
    return Change(_next(quest, now, dispute=heard))


def resolve(
    quest: Quest,
    actor: Actor,
    outcome: Outcome,
    decision: str,
    now: datetime,
    period: timedelta,
    pair: Pair = NEW_PAIR,
) -> Change:
    """A moderator's decision: pay, which `pair` may diminish, back to work for `period`, or cancel and refund.

    Raises NotAllowedError.
    """
    now = _moment(quest, now)
    judged = quest.dispute
    if judged and judged.decided_by == actor.user_id and judged.outcome is outcome and judged.decision == decision:
        return Change(quest)
    require(quest, actor, Action.RESOLVE, now)
    assert judged is not None, "a DISPUTED quest has a dispute"
    decided = judged.model_copy(
        update={"outcome": outcome, "decision": decision, "decided_by": actor.user_id, "decided_at": now}
    )
    if outcome is Outcome.COMPLETE:
        return _completed(quest, now, pair, dispute=decided)
    if outcome is Outcome.CANCELLED:
        return _cancelled(quest, now, Ending.DECIDED, decision, dispute=decided)
    if quest.performer_id in quest.left:
        return _opened(quest, now, Ending.DECIDED, quest.performer_id, decision)
    return Change(
        _next(
            quest,
            now,
            status=Status.CLAIMED,
            dispute=decided,
            attestations=[],
            submitted_at=None,
            claim_deadline=quest.clock(now) + period,
        )
    )


def hide(quest: Quest, actor: Actor, reason: str, now: datetime) -> Change:
    """Shows the quest to its parties and to moderators alone, also once it has ended, and stops its clock.

    Raises NotAllowedError.
    """
    now = _moment(quest, now)
    if quest.hidden_at and quest.hidden_reason == reason and judge_denial(quest, actor) is None:
        return Change(quest)
    require(quest, actor, Action.HIDE, now)
    return Change(_next(quest, now, hidden_at=now, hidden_reason=reason))


def unhide(quest: Quest, actor: Actor, now: datetime) -> Change:
    """Shows the quest to everybody again; every deadline moves by the time for which it was hidden, but for the end of
    its window. Raises NotAllowedError.
    """
    now = _moment(quest, now)
    require(quest, actor, Action.UNHIDE, now)
    assert quest.hidden_at is not None, "a quest that is not hidden cannot be shown again"
    if quest.status in FINAL:
        return Change(_next(quest, now, hidden_at=None, hidden_reason=None))
    stood = now - quest.hidden_at
    moved: dict[str, Any] = {
        name: moment + stood
        for name in ("expires_at", "claim_deadline", "silence_at")
        if (moment := getattr(quest, name)) is not None
    }
    if quest.when:
        moved["expires_at"] = min(moved["expires_at"], max(quest.when.end, quest.expires_at))
    if quest.dispute:
        until = quest.dispute.decidable_from + stood
        moved["dispute"] = quest.dispute.model_copy(update={"statement_until": until})
    seconds = quest.stood_still + int(stood.total_seconds())
    return Change(_next(quest, now, hidden_at=None, hidden_reason=None, stood_still=seconds, **moved))


# --- questions ---


def ask(quest: Quest, now: datetime) -> Change:
    """A member's question waits for the requestor; a quest with an older one, or that is not OPEN, stays as it is."""
    now = _moment(quest, now)
    waits = quest.status is Status.OPEN and quest.asked_at is None
    return Change(_next(quest, now, asked_at=now)) if waits else Change(quest)


def answer(quest: Quest, now: datetime) -> Change:
    """No question waits any more; a quest without one stays as it is."""
    now = _moment(quest, now)
    return Change(_next(quest, now, asked_at=None)) if quest.asked_at else Change(quest)


# --- housekeeping's and the operators' ---


def _is_due(quest: Quest, status: Status, now: datetime) -> bool:
    due = quest.due_at()
    return quest.status is status and due is not None and now >= due


def expire(quest: Quest, now: datetime) -> Change:
    """Housekeeping's: closes an OPEN quest whose time has passed; any other stays as it is."""
    now = _moment(quest, now)
    return _closed(quest, Status.EXPIRED, now) if _is_due(quest, Status.OPEN, now) else Change(quest)


def release_overdue(quest: Quest, now: datetime) -> Change:
    """Housekeeping's: opens a CLAIMED quest again whose performer let deadline and grace pass."""
    now = _moment(quest, now)
    due = _is_due(quest, Status.CLAIMED, now)
    return _opened(quest, now, Ending.OVERDUE, None) if due else Change(quest)


def confirm_silence(quest: Quest, now: datetime, pair: Pair = NEW_PAIR) -> Change:
    """Housekeeping's: completes a SUBMITTED quest to whose hand-in the other party did not react in time."""
    now = _moment(quest, now)
    if not _is_due(quest, Status.SUBMITTED, now):
        return Change(quest)
    silent = {Role.PERFORMER: Evidence.HAND_IN, Role.REQUESTOR: Evidence.SILENCE}
    people = {Role.REQUESTOR: quest.requestor_id, Role.PERFORMER: quest.performer_id or ""}
    given = [
        Attestation(user_id=people[role], role=role, attested_at=now, by=by)
        for role, by in silent.items()
        if not has_attested(quest, people[role])
    ]
    return _attested(quest, [*quest.attestations, *given], now, pair)


def leave(quest: Quest, user_id: str, now: datetime) -> Change:
    """Housekeeping's: the quest once this member has left the platform, so that nobody waits for them.

    What they posted and nobody works on is cancelled, what they claimed is open for others again. Anything else goes on
    without them: it remembers that they left, and they can do nothing with it any more.
    """
    now, role = _moment(quest, now), role_of(quest, user_id)
    if role is None or quest.status in FINAL or user_id in quest.left:
        return Change(quest)
    if role is Role.REQUESTOR and quest.status is Status.OPEN:
        return _closed(quest, Status.CANCELLED, now)
    if role is Role.PERFORMER and quest.status is Status.CLAIMED:
        return _opened(quest, now, Ending.RELEASED, user_id)
    return Change(_next(quest, now, left=[*quest.left, user_id]))


def reopen(quest: Quest, now: datetime) -> Change:
    """An operator's: takes a quest that is stuck from its performer; one that nobody works on stays as it is."""
    now = _moment(quest, now)
    stuck = quest.status in (Status.CLAIMED, Status.SUBMITTED, Status.DISPUTED)
    return _opened(quest, now, Ending.OPERATOR, quest.performer_id) if stuck else Change(quest)


def call_off(quest: Quest, now: datetime) -> Change:
    """An operator's: cancels a quest in whatever state and gives the points back; a final one stays as it is."""
    now = _moment(quest, now)
    return Change(quest) if quest.status in FINAL else _cancelled(quest, now, Ending.OPERATOR)
