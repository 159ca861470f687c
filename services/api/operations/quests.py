"""Operations on one quest: create, read, and every step of its life."""

import re
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import NamedTuple

from services.api import requests, views
from services.api.operations.conflicts import as_judge
from services.api.operations.operation import (
    AnyOperation,
    AnyRequest,
    NoBody,
    NoQuery,
    Operation,
    Platform,
    Request,
    errors,
    with_row,
)
from services.api.problems import DENIALS, ProblemError, not_found
from services.core.domain import pairs, quests
from services.core.domain.digests import digest, step_id_of
from services.core.domain.pairs import Pair
from services.core.domain.quests import (
    FINAL,
    Action,
    Change,
    Denial,
    Draft,
    Edit,
    NotAllowedError,
    Quest,
    Standing,
    Status,
)
from services.core.domain.users import User, claimed_quest, is_suspended, open_claims, request_may_still_run
from services.core.metrics import (
    ATTESTATIONS_SUBMITTED,
    CLAIMS_HELD,
    CONCURRENT_ATTESTATION_CONFLICTS,
    QUESTS_COMPLETED,
    QUESTS_CREATED,
    Metric,
)
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.quests import QuestConflictError, QuestExistsError, StoredQuest
from services.core.stores.users import ClaimsFullError, Limit

ATTEMPTS = 10
"""Attempts at a change of a quest that others keep changing."""
_ID = re.compile(r"[0-9a-z]{26}")
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_VERSION = re.compile(r'(?:W/)?"([0-9]{1,9})"|([0-9]{1,9})')
_STEP = errors(403, 404, 409)


class Transition(NamedTuple):
    """The quest after a call, and whether this call changed it: a repeated one does not."""

    view: views.QuestView
    changed: bool


def stored_quest(platform: Platform, request: AnyRequest) -> StoredQuest:
    """The quest that the path names, as it stands now. Raises ProblemError (404), also for one that is hidden from the
    caller.
    """
    quest_id = request.path["questId"]
    stored = platform.quests.get(quest_id) if is_id(quest_id) else None
    hidden = stored is not None and not quests.may_see(stored.quest, request.actor)
    if stored is None or hidden:
        raise not_found("quest")
    return stored


def public_quest(platform: Platform, request: AnyRequest) -> StoredQuest:
    """The quest that the path names, for anybody. Raises ProblemError (404), also for one that is hidden."""
    quest_id = request.path["questId"]
    found = platform.quests.described([quest_id], consistent=False) if is_id(quest_id) else []
    if not found or not quests.may_see(found[0].quest, None):
        raise not_found("quest")
    return found[0]


def get_quest(platform: Platform, request: Request[NoBody, NoQuery]) -> views.QuestPublic:
    """The quest as anybody may see it."""
    return views.public(public_quest(platform, request))


def quest_view(platform: Platform, request: AnyRequest, stored: StoredQuest) -> views.QuestView:
    """The quest as the member may see it."""
    quest, actor = stored.quest, request.member
    viewer = platform.viewer(actor, quest, request.now)
    claims = quest.status is Status.OPEN and actor.user_id != quest.requestor_id
    if claims:
        viewer = replace(viewer, actor=replace(actor, standing=_standing(platform, request, quest.requestor_id)))
    viewer = replace(viewer, actor=as_judge(platform, viewer.actor, quest))
    performer = actor.user_id if claims else quest.performer_id
    concerned = claims or quests.role_of(quest, actor.user_id) is not None
    if concerned and performer and quest.status not in FINAL:
        pair = platform.quests.pair(quest.requestor_id, performer)
        viewer = replace(viewer, share=pairs.share(pair, request.now))
    return views.view(stored, viewer)


def _standing(platform: Platform, request: AnyRequest, requestor_id: str) -> Standing:
    user_id = request.member.user_id
    rows = {user.user_id: user for user in platform.users.get_many([user_id, requestor_id])}
    own, requestor = rows.get(user_id), rows.get(requestor_id)
    if own is None:
        return Standing()
    room = open_claims(own.confirmed_by)
    return Standing(
        suspended=is_suspended(own, request.now),
        claims_full=len(own.claims) >= room and len(_held(platform, request, own.claims)) >= room,
        blocked_by=frozenset({requestor_id}) if requestor and user_id in requestor.blocked else frozenset(),
    )


def get_my_quest(platform: Platform, request: Request[NoBody, NoQuery]) -> views.QuestView:
    """The quest as the member may see it."""
    return quest_view(platform, request, stored_quest(platform, request))


def standing_denial(request: AnyRequest, rows: Iterable[User], *, starts: bool) -> Denial | None:
    """SUSPENDED for a caller who may start nothing if something `starts`, BLOCKED for one whom another of the
    members blocked; `rows` may contain the caller's own.
    """
    user_id = request.member.user_id
    for row in rows:
        if row.user_id != user_id and user_id in row.blocked:
            return Denial.BLOCKED
        if starts and row.user_id == user_id and is_suspended(row, request.now):
            return Denial.SUSPENDED
    return None


def refuse_blocked(platform: Platform, request: AnyRequest, other: str) -> None:
    """Raises ProblemError (403) for a caller whom another member has blocked."""
    row = platform.users.get(other)
    if row is not None and request.member.user_id in row.blocked:
        raise ProblemError(403, Denial.BLOCKED, DENIALS[Denial.BLOCKED])


def is_id(text: str) -> bool:
    """True for what may be the id of a quest or a report."""
    return _ID.fullmatch(text) is not None


def idempotency_key(request: AnyRequest) -> str:
    """The caller's Idempotency-Key, or a key of its own for a call without one. Raises ProblemError (400)."""
    key = request.headers.get("idempotency-key", str(uuid.uuid4()))
    if not _KEY.fullmatch(key):
        raise ProblemError(400, "bad_idempotency_key", "An Idempotency-Key is 1 to 128 visible ASCII characters.")
    return key


def key_reused(thing: str) -> ProblemError:
    """The error of a call whose Idempotency-Key was used for another thing of its kind."""
    detail = f"This Idempotency-Key was used for another {thing}. Take a new one."
    return ProblemError(422, "idempotency_key_reused", detail)


def create_quest(platform: Platform, request: Request[Draft, NoQuery]) -> views.QuestView:
    """Posts a quest; a call repeated with the same key answers with the quest that the first one made."""
    draft, user_id = request.body, request.member.user_id
    quest_id = digest("quest", user_id, idempotency_key(request))
    fingerprint = digest(draft.model_dump_json())
    synthetic = quests.SYNTHETIC in request.member.groups
    change = _traced(
        quests.create(draft, user_id, quest_id, request.now, platform.lifetime, fingerprint, synthetic=synthetic),
        request,
    )
    try:
        with_row(platform, request, lambda: platform.quests.create(change, platform.creates()))
    except QuestExistsError:
        stored = platform.quests.get(quest_id)
        if stored is None or stored.quest.request_digest != fingerprint:
            raise key_reused("quest") from None
    else:
        _count(platform, request, QUESTS_CREATED)
        stored = StoredQuest(change.quest, draft.description)
    return quest_view(platform, request, stored)


def _traced(change: Change, request: AnyRequest) -> Change:
    entries = tuple(entry.model_copy(update={"request_id": request.request_id}) for entry in change.entries)
    return change._replace(entries=entries)


Save = Callable[[Quest, Change], None]


def _change_quest(
    platform: Platform,
    request: AnyRequest,
    action: Action,
    step: Callable[[StoredQuest], Change],
    *,
    quota: Limit | None = None,
    save: Save | None = None,
    contended: Metric | None = None,
) -> Transition:
    """Takes a step on the current quest; after a conflict, reads the quest again and retries.

    A step that this request has taken already (a lost answer, a retry of the caller) is not taken twice, whatever the
    quest's status is now.
    """
    step_id = step_id_of(request.member.user_id, action, request.request_id)
    store = save or (lambda before, change: platform.quests.save(before, change, quota))
    stored = stored_quest(platform, request)
    for _ in range(ATTEMPTS):
        if quests.already_taken(stored.quest, step_id):
            return Transition(quest_view(platform, request, stored), changed=False)
        change = _traced(step(stored), request)
        if change.quest is stored.quest:
            return Transition(quest_view(platform, request, stored), changed=False)
        change = quests.with_step(change, step_id)
        try:
            _save(platform, request, store, stored.quest, change)
        except QuestConflictError:
            if contended:
                _count(platform, request, contended)
            stored = stored_quest(platform, request)
            continue
        stored = replace(
            stored,
            quest=change.quest,
            description=change.description or stored.description,
            submission=change.submission or stored.submission,
        )
        return Transition(quest_view(platform, request, stored), changed=True)
    raise StoreUnavailableError("the quest kept changing")


def _save(platform: Platform, request: AnyRequest, store: Save, before: Quest, change: Change) -> None:
    with_row(platform, request, lambda: store(before, change))


def edit_quest(platform: Platform, request: Request[Edit, NoQuery]) -> views.QuestView:
    """Changes an open quest; a raised reward costs the difference."""

    def step(s: StoredQuest) -> Change:
        return quests.edit(s.quest, s.description, request.member, request.body, request.now, platform.lifetime)

    return _change_quest(platform, request, Action.EDIT, step, quota=platform.edits()).view


def cancel_quest(platform: Platform, request: Request[NoBody, NoQuery]) -> views.QuestView:
    """Withdraws an open quest and gives the points back."""
    step = _step(lambda quest: quests.cancel(quest, request.member, request.now))
    return _change_quest(platform, request, Action.CANCEL, step).view


def _step(of_quest: Callable[[Quest], Change]) -> Callable[[StoredQuest], Change]:
    """A step that needs no text."""
    return lambda stored: of_quest(stored.quest)


def claim_quest(platform: Platform, request: Request[NoBody, NoQuery]) -> views.QuestView:
    """Makes the member the performer; with If-Match, of the version that they looked at."""
    seen = _version_seen(request)
    step = _step(lambda quest: quests.claim(quest, request.member, request.now, platform.claim_period, seen))

    def save(before: Quest, change: Change) -> None:
        refuse_blocked(platform, request, before.requestor_id)
        _add_claim(platform, request, before)
        platform.quests.save(before, change)

    return _change_quest(platform, request, Action.CLAIM, step, save=save).view


def _version_seen(request: AnyRequest) -> int | None:
    """The version that the caller's If-Match names, or None without one. Raises ProblemError (400)."""
    given = request.headers.get("if-match", "*").strip()
    if given == "*":
        return None
    if not (match := _VERSION.fullmatch(given)):
        raise ProblemError(400, "bad_if_match", "If-Match takes the version of the quest, as in its `version`.")
    return int(match[1] or match[2])


def _add_claim(platform: Platform, request: AnyRequest, quest: Quest) -> None:
    """Adds the claim to the member's list, which then drops what they hold no more.

    Raises NotAllowedError if they hold as many as they may.
    """
    user_id = request.member.user_id
    for _ in range(ATTEMPTS):
        try:
            held = platform.users.add_claim(user_id, quest.quest_id, platform.claims(), request.now)
        except ClaimsFullError as full:
            kept = _held(platform, request, full.claims)
            if kept == full.claims:
                raise NotAllowedError(quest, request.member, Action.CLAIM, Denial.TOO_MANY_CLAIMS) from None
            platform.users.keep_claims(user_id, full.claims, kept)
        else:
            _count(platform, request, CLAIMS_HELD, held)
            return
    raise StoreUnavailableError("the member's claims kept changing")


def _held(platform: Platform, request: AnyRequest, records: list[str]) -> list[str]:
    """Those of a member's claim records that count: one for each quest that they hold, or whose claim still runs."""
    last = {claimed_quest(record): record for record in records}
    found = {quest.quest_id: quest for quest in platform.quests.without_texts(last)}

    def stays(quest: Quest | None, record: str) -> bool:
        if quest is None or quest.status not in (Status.OPEN, Status.CLAIMED):
            return False
        return quest.performer_id == request.member.user_id or (
            quest.status is Status.OPEN and request_may_still_run(record, request.now)
        )

    return [record for quest_id, record in last.items() if stays(found.get(quest_id), record)]


def release_quest(platform: Platform, request: Request[requests.ReleaseBody, NoQuery]) -> views.QuestView:
    """Opens a claimed quest for others again."""
    step = _step(lambda quest: quests.release(quest, request.member, request.body.reason, request.now))
    return _change_quest(platform, request, Action.RELEASE, step).view


def withdraw_quest(platform: Platform, request: Request[requests.ReasonBody, NoQuery]) -> views.QuestView:
    """Cancels a claimed quest for a reason, and gives the points back."""
    step = _step(lambda quest: quests.withdraw(quest, request.member, request.body.reason, request.now))
    return _change_quest(platform, request, Action.WITHDRAW, step, quota=platform.withdrawals()).view


def submit_quest(platform: Platform, request: Request[requests.SubmitBody, NoQuery]) -> views.QuestView:
    """Hands the work in, which is the performer's attestation."""

    def step(s: StoredQuest) -> Change:
        text, silence = request.body.submission, platform.silence_period
        return quests.submit(s.quest, s.submission, request.member, text, request.now, silence)

    transition = _change_quest(platform, request, Action.SUBMIT, step)
    if transition.changed:
        _count(platform, request, ATTESTATIONS_SUBMITTED)
    return transition.view


def request_changes(platform: Platform, request: Request[requests.ReasonBody, NoQuery]) -> views.QuestView:
    """Sends the work back with a reason."""
    step = _step(lambda quest: quests.request_changes(quest, request.member, request.body.reason, request.now))
    return _change_quest(platform, request, Action.REQUEST_CHANGES, step).view


def _pair(platform: Platform, quest: Quest) -> Pair:
    """The record of what the parties of a quest completed together before."""
    return platform.quests.pair(quest.requestor_id, quest.performer_id) if quest.performer_id else Pair()


def attest_quest(platform: Platform, request: Request[requests.AttestBody, NoQuery]) -> views.QuestView:
    """Records the member's attestation; the second one completes the quest."""
    body = request.body

    def step(s: StoredQuest) -> Change:
        pair = _pair(platform, s.quest)
        return quests.attest(s.quest, request.member, body.notes, request.now, pair, thanks=body.thanks)

    transition = _change_quest(platform, request, Action.ATTEST, step, contended=CONCURRENT_ATTESTATION_CONFLICTS)
    if transition.changed:
        _count(platform, request, ATTESTATIONS_SUBMITTED)
    return _counted(platform, request, transition)


def dispute_quest(platform: Platform, request: Request[requests.ReasonBody, NoQuery]) -> views.QuestView:
    """Asks a moderator to decide."""
    step = _step(lambda quest: quests.dispute(quest, request.member, request.body.reason, request.now))
    return _change_quest(platform, request, Action.DISPUTE, step).view


def state_quest(platform: Platform, request: Request[requests.StatementBody, NoQuery]) -> views.QuestView:
    """Records the statement of a dispute's other side."""
    step = _step(lambda quest: quests.state(quest, request.member, request.body.statement, request.now))
    return _change_quest(platform, request, Action.STATE, step).view


def resolve_dispute(platform: Platform, request: Request[requests.ResolveBody, NoQuery]) -> views.QuestView:
    """Records a moderator's decision."""
    body, period = request.body, platform.claim_period

    def step(s: StoredQuest) -> Change:
        pair = _pair(platform, s.quest)
        judge = as_judge(platform, request.member, s.quest)
        return quests.resolve(s.quest, judge, body.outcome, body.decision, request.now, period, pair)

    return _counted(platform, request, _change_quest(platform, request, Action.RESOLVE, step))


def hide_quest(platform: Platform, request: Request[requests.ReasonBody, NoQuery]) -> views.QuestView:
    """Shows a quest to its parties and to moderators alone."""
    reason = request.body.reason
    step = _step(lambda quest: quests.hide(quest, as_judge(platform, request.member, quest), reason, request.now))
    return _change_quest(platform, request, Action.HIDE, step).view


def unhide_quest(platform: Platform, request: Request[NoBody, NoQuery]) -> views.QuestView:
    """Shows a quest to everybody again."""
    step = _step(lambda quest: quests.unhide(quest, as_judge(platform, request.member, quest), request.now))
    return _change_quest(platform, request, Action.UNHIDE, step).view


def _count(platform: Platform, request: AnyRequest, metric: Metric, value: float = 1) -> None:
    """Count what people do; the platform's own trials are nobody's business figures."""
    if quests.SYNTHETIC not in request.member.groups:
        platform.count(metric, value)


def _counted(platform: Platform, request: AnyRequest, transition: Transition) -> views.QuestView:
    if transition.changed and transition.view.status is Status.COMPLETE:
        _count(platform, request, QUESTS_COMPLETED)
    return transition.view


QUEST_OPERATIONS: Mapping[str, AnyOperation] = {
    "createQuest": Operation(
        create_quest,
        Draft,
        NoQuery,
        views.QuestView,
        "Post a quest for 1 point per started 100 XP",
        errors(403),
        status=201,
        idempotency_key=True,
    ),
    "getQuest": Operation(
        get_quest, NoBody, NoQuery, views.QuestPublic, "A quest as anybody may see it", errors(404), max_age=5
    ),
    "editQuest": Operation(edit_quest, Edit, NoQuery, views.QuestView, "Change an open quest", _STEP),
    "cancelQuest": Operation(
        cancel_quest, NoBody, NoQuery, views.QuestView, "Withdraw an open quest and get the points back", _STEP
    ),
    "claimQuest": Operation(
        claim_quest, NoBody, NoQuery, views.QuestView, "Become the performer", _STEP | errors(400), if_match=True
    ),
    "releaseQuest": Operation(
        release_quest, requests.ReleaseBody, NoQuery, views.QuestView, "Open a claimed quest for others again", _STEP
    ),
    "withdrawQuest": Operation(
        withdraw_quest,
        requests.ReasonBody,
        NoQuery,
        views.QuestView,
        "Cancel a claimed quest with a reason and get the points back",
        _STEP,
    ),
    "submitQuest": Operation(submit_quest, requests.SubmitBody, NoQuery, views.QuestView, "Hand the work in", _STEP),
    "requestChanges": Operation(
        request_changes, requests.ReasonBody, NoQuery, views.QuestView, "Send the work back with a reason", _STEP
    ),
    "attestQuest": Operation(
        attest_quest, requests.AttestBody, NoQuery, views.QuestView, "Attest that the work was done", _STEP
    ),
    "disputeQuest": Operation(
        dispute_quest, requests.ReasonBody, NoQuery, views.QuestView, "Ask a moderator to decide", _STEP
    ),
    "stateQuest": Operation(
        state_quest, requests.StatementBody, NoQuery, views.QuestView, "State the other side of a dispute", _STEP
    ),
    "hideQuest": Operation(
        hide_quest, requests.ReasonBody, NoQuery, views.QuestView, "Hide a quest with a reason", _STEP
    ),
    "unhideQuest": Operation(unhide_quest, NoBody, NoQuery, views.QuestView, "Show a hidden quest again", _STEP),
    "resolveDispute": Operation(
        resolve_dispute, requests.ResolveBody, NoQuery, views.QuestView, "Decide a dispute", _STEP
    ),
    "getMyQuest": Operation(
        get_my_quest, NoBody, NoQuery, views.QuestView, "A quest as the member may see it", errors(404)
    ),
}
