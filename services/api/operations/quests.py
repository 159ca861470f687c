"""Operations on one quest: create, read, and every step of its life."""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import NamedTuple

from services.api import requests, views
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
from services.api.problems import ProblemError, not_found
from services.core.domain import quests
from services.core.domain.quests import Change, Draft, Edit, Status
from services.core.domain.values import digest
from services.core.metrics import (
    ATTESTATIONS_SUBMITTED,
    CONCURRENT_ATTESTATION_CONFLICTS,
    QUESTS_COMPLETED,
    QUESTS_CREATED,
    Metric,
)
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.quests import QuestExistsError, QuestMovedError, StoredQuest
from services.core.stores.users import Quota

ATTEMPTS = 10
"""How often a change is tried on a quest that others keep changing."""
_QUEST_ID = re.compile(r"[0-9a-z]{26}")
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_STEP = errors(403, 404, 409)


class Transition(NamedTuple):
    """The quest after a call, and whether this call changed it: a repeated one does not."""

    view: views.QuestView
    changed: bool


def stored_quest(platform: Platform, request: AnyRequest) -> StoredQuest:
    """The quest that the path names, as it stands now. Raises ProblemError (404)."""
    quest_id = request.path["questId"]
    stored = platform.quests.get(quest_id) if _QUEST_ID.fullmatch(quest_id) else None
    if stored is None:
        raise not_found("quest")
    return stored


def get_quest(platform: Platform, request: Request[NoBody, NoQuery]) -> views.QuestPublic:
    """The quest as anybody may see it."""
    return views.public(stored_quest(platform, request))


def get_my_quest(platform: Platform, request: Request[NoBody, NoQuery]) -> views.QuestView:
    """The quest as the member may see it."""
    return views.view(stored_quest(platform, request), request.member, request.now)


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
    lifetime = timedelta(days=platform.settings.quest_lifetime_days)
    change = _traced(quests.create(draft, user_id, quest_id, request.now, lifetime, fingerprint), request)
    try:
        with_row(platform, request, lambda: platform.quests.create(change, platform.creates()))
    except QuestExistsError:
        stored = platform.quests.get(quest_id)
        if stored is None or stored.quest.request_digest != fingerprint:
            raise key_reused("quest") from None
    else:
        platform.count(QUESTS_CREATED)
        stored = StoredQuest(change.quest, draft.description)
    return views.view(stored, request.member, request.now)


def _traced(change: Change, request: AnyRequest) -> Change:
    entries = tuple(entry.model_copy(update={"request_id": request.request_id}) for entry in change.entries)
    return change._replace(entries=entries)


def _change_quest(
    platform: Platform,
    request: AnyRequest,
    step: Callable[[StoredQuest], Change],
    quota: Quota | None = None,
    contended: Metric | None = None,
) -> Transition:
    """Takes a step on a quest as it stands; where somebody was faster, takes it again on what they made of it."""
    stored = stored_quest(platform, request)
    for _ in range(ATTEMPTS):
        change = _traced(step(stored), request)
        if change.quest is stored.quest:
            return Transition(views.view(stored, request.member, request.now), changed=False)
        try:
            _save(platform, request, stored, change, quota)
        except QuestMovedError:
            if contended:
                platform.count(contended)
            stored = stored_quest(platform, request)
            continue
        stored = replace(
            stored,
            quest=change.quest,
            description=change.description or stored.description,
            submission=change.submission or stored.submission,
        )
        return Transition(views.view(stored, request.member, request.now), changed=True)
    raise StoreUnavailableError("the quest kept moving")


def _save(platform: Platform, request: AnyRequest, stored: StoredQuest, change: Change, quota: Quota | None) -> None:
    with_row(platform, request, lambda: platform.quests.save(stored.quest, change, quota))


def edit_quest(platform: Platform, request: Request[Edit, NoQuery]) -> views.QuestView:
    """Changes an open quest."""

    def step(s: StoredQuest) -> Change:
        return quests.edit(s.quest, s.description, request.member, request.body, request.now)

    return _change_quest(platform, request, step).view


def cancel_quest(platform: Platform, request: Request[NoBody, NoQuery]) -> views.QuestView:
    """Withdraws an open quest and gives the point back."""
    return _change_quest(platform, request, lambda s: quests.cancel(s.quest, request.member, request.now)).view


def claim_quest(platform: Platform, request: Request[NoBody, NoQuery]) -> views.QuestView:
    """Makes the member the performer."""

    def step(s: StoredQuest) -> Change:
        return quests.claim(s.quest, request.member, request.now, platform.claim_period)

    return _change_quest(platform, request, step, quota=platform.claims()).view


def release_quest(platform: Platform, request: Request[NoBody, NoQuery]) -> views.QuestView:
    """Opens a claimed quest for others again."""
    return _change_quest(platform, request, lambda s: quests.release(s.quest, request.member, request.now)).view


def submit_quest(platform: Platform, request: Request[requests.SubmitBody, NoQuery]) -> views.QuestView:
    """Hands the work in."""

    def step(s: StoredQuest) -> Change:
        return quests.submit(s.quest, s.submission, request.member, request.body.submission, request.now)

    return _change_quest(platform, request, step).view


def request_changes(platform: Platform, request: Request[requests.ReasonBody, NoQuery]) -> views.QuestView:
    """Sends the work back with a reason."""

    def step(s: StoredQuest) -> Change:
        return quests.request_changes(s.quest, request.member, request.body.reason, request.now)

    return _change_quest(platform, request, step).view


def attest_quest(platform: Platform, request: Request[requests.AttestBody, NoQuery]) -> views.QuestView:
    """Records the member's attestation; the second one completes the quest."""

    def step(s: StoredQuest) -> Change:
        return quests.attest(s.quest, request.member, request.body.notes, request.now)

    transition = _change_quest(platform, request, step, contended=CONCURRENT_ATTESTATION_CONFLICTS)
    if transition.changed:
        platform.count(ATTESTATIONS_SUBMITTED)
    return _counted(platform, transition)


def dispute_quest(platform: Platform, request: Request[requests.ReasonBody, NoQuery]) -> views.QuestView:
    """Asks a moderator to decide."""

    def step(s: StoredQuest) -> Change:
        return quests.dispute(s.quest, request.member, request.body.reason, request.now)

    return _change_quest(platform, request, step).view


def resolve_dispute(platform: Platform, request: Request[requests.ResolveBody, NoQuery]) -> views.QuestView:
    """Records a moderator's decision."""

    def step(s: StoredQuest) -> Change:
        body = request.body
        return quests.resolve(s.quest, request.member, body.outcome, body.decision, request.now, platform.claim_period)

    return _counted(platform, _change_quest(platform, request, step))


def _counted(platform: Platform, transition: Transition) -> views.QuestView:
    if transition.changed and transition.view.status is Status.COMPLETE:
        platform.count(QUESTS_COMPLETED)
    return transition.view


QUEST_OPERATIONS: Mapping[str, AnyOperation] = {
    "createQuest": Operation(
        create_quest,
        Draft,
        NoQuery,
        views.QuestView,
        "Post a quest for 1 point",
        errors(403),
        status=201,
        idempotency_key=True,
    ),
    "getQuest": Operation(
        get_quest, NoBody, NoQuery, views.QuestPublic, "A quest as anybody may see it", errors(404), max_age=5
    ),
    "editQuest": Operation(edit_quest, Edit, NoQuery, views.QuestView, "Change an open quest", _STEP),
    "cancelQuest": Operation(
        cancel_quest, NoBody, NoQuery, views.QuestView, "Withdraw an open quest and get the point back", _STEP
    ),
    "claimQuest": Operation(claim_quest, NoBody, NoQuery, views.QuestView, "Become the performer", _STEP),
    "releaseQuest": Operation(
        release_quest, NoBody, NoQuery, views.QuestView, "Open a claimed quest for others again", _STEP
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
    "resolveDispute": Operation(
        resolve_dispute, requests.ResolveBody, NoQuery, views.QuestView, "Decide a dispute", _STEP
    ),
    "getMyQuest": Operation(
        get_my_quest, NoBody, NoQuery, views.QuestView, "A quest as the member may see it", errors(404)
    ),
}
