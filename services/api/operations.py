"""What each call of the API does. `services.core.routes` says where it is found and who may call it."""

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple, TypeVar

from services.api import requests, views
from services.api.problems import ProblemError, not_found
from services.api.stats import community_stats
from services.core import cursors, live
from services.core.domain import quests
from services.core.domain.quests import Actor, Change, Draft, Edit, Role, Status
from services.core.domain.users import Profile, User
from services.core.domain.values import Input, Model, digest
from services.core.flags import Flags
from services.core.metrics import (
    ATTESTATIONS_SUBMITTED,
    CONCURRENT_ATTESTATION_CONFLICTS,
    QUESTS_COMPLETED,
    QUESTS_CREATED,
    Metric,
)
from services.core.parameters import FLAGS
from services.core.settings import ApiSettings
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.ledger import LedgerStore
from services.core.stores.quests import BATCH, Board, QuestExistsError, QuestMovedError, QuestStore, StoredQuest
from services.core.stores.users import NoSuchUserError, Quota, UserStore
from services.core.tables import QUESTS

T = TypeVar("T")

_ATTEMPTS = 10
"""How often a change is tried on a quest that others keep changing."""
_QUEST_ID = re.compile(r"[0-9a-z]{26}")
_USER_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_KEY = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True)
class Platform:
    """What the operations work with."""

    settings: ApiSettings
    quests: QuestStore
    users: UserStore
    ledger: LedgerStore
    live: live.LiveParameters
    flags: Flags
    count: Callable[[Metric], None]
    cloudwatch: Callable[[], Any]

    @property
    def claim_period(self) -> timedelta:
        """How long a performer has."""
        return timedelta(days=self.settings.claim_days)

    def creates(self) -> Quota:
        """How many quests a member may post."""
        return Quota("createTat", self.settings.creates_per_hour)

    def claims(self) -> Quota:
        """How many quests a member may claim."""
        return Quota("claimTat", self.settings.claims_per_hour)


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request whose body and query have been checked."""

    actor: Actor | None
    path: Mapping[str, str]
    headers: Mapping[str, str]
    query: Any
    body: Any
    request_id: str
    now: datetime

    @property
    def member(self) -> Actor:
        """Who asks; a route that is not public always has one."""
        assert self.actor is not None
        return self.actor


class Operation(NamedTuple):
    """How an operation is called. `max_age` is for how many seconds a browser may keep its answer; the edge keeps none
    longer than `infra.components.site` says. `always` means that an open breaker does not stop it.
    """

    handler: Callable[[Platform, Request], Model | None]
    answer: type[Model]
    summary: str
    body: type[Input] | None = None
    query: type[requests.Query] | None = None
    status: int = 200
    max_age: int = 0
    always: bool = False


def _health(platform: Platform, _: Request) -> views.Health:
    position = live.breaker(platform.live)
    status = "ok" if position is live.Breaker.CLOSED else "maintenance"
    settings = platform.settings
    return views.Health(status=status, stage=settings.stage, release=settings.release, breaker=position)


# --- lists ---


def _page_position(platform: Platform, query: str, request: Request) -> Any:
    if request.query.cursor is None:
        return None
    return cursors.read(live.signing_keys(platform.live), query, request.query.cursor)


def _next_cursor(platform: Platform, query: str, position: Any) -> str | None:
    return cursors.sign(live.signing_keys(platform.live), query, position) if position is not None else None


def _list_quests(platform: Platform, request: Request) -> views.QuestPage:
    asked = request.query
    query = f"board|{asked.category}|{asked.q}"
    before = _page_position(platform, query, request)
    page = platform.quests.board(Board(asked.limit, asked.category, asked.q, before))
    return views.QuestPage(
        items=[views.card(quest) for quest in page.quests], next_cursor=_next_cursor(platform, query, page.last)
    )


def _list_my_quests(platform: Platform, request: Request) -> views.QuestPage:
    if request.query.role is requests.Part.MODERATOR:
        return _list_disputes(platform, request)
    role, user_id = request.query.role, request.member.user_id
    query = f"mine|{role}|{user_id}"
    after = _page_position(platform, query, request)
    found, last = platform.quests.of_member(user_id, QUESTS.index(role), request.query.limit, after)
    return views.QuestPage(
        items=[views.card(quest) for quest in found], next_cursor=_next_cursor(platform, query, last)
    )


def _list_disputes(platform: Platform, request: Request) -> views.QuestPage:
    if quests.MODERATORS not in request.member.groups:
        raise ProblemError(403, quests.Denial.NOT_MODERATOR, "Only moderators decide disputes.")
    query = "disputes"
    before = _page_position(platform, query, request)
    page = platform.quests.board(Board(request.query.limit, before=before, status=Status.DISPUTED))
    return views.QuestPage(
        items=[views.card(quest) for quest in page.quests], next_cursor=_next_cursor(platform, query, page.last)
    )


def _list_my_ledger(platform: Platform, request: Request) -> views.LedgerPage:
    query = f"ledger|{request.member.user_id}"
    after = _page_position(platform, query, request)
    page = platform.ledger.page(request.member.user_id, request.query.limit, after)
    return views.LedgerPage(
        items=[views.entry(entry) for entry in page.entries], next_cursor=_next_cursor(platform, query, page.last)
    )


# --- quests ---


def _quest(platform: Platform, request: Request) -> StoredQuest:
    quest_id = request.path["questId"]
    stored = platform.quests.get(quest_id) if _QUEST_ID.fullmatch(quest_id) else None
    if stored is None:
        raise not_found("quest")
    return stored


def _get_quest(platform: Platform, request: Request) -> views.QuestPublic:
    return views.public(_quest(platform, request))


def _get_my_quest(platform: Platform, request: Request) -> views.QuestView:
    return views.view(_quest(platform, request), request.member, request.now)


def _with_row(platform: Platform, request: Request, write: Callable[[], T]) -> T:
    """Does a write that needs the member's row; makes the row first where the sign-up's trigger could not."""
    try:
        return write()
    except NoSuchUserError:
        platform.users.ensure(request.member.user_id, request.now)
        return write()


def _create_quest(platform: Platform, request: Request) -> views.QuestView:
    draft: Draft = request.body
    key = request.headers.get("idempotency-key") or str(uuid.uuid4())
    if not _KEY.fullmatch(key):
        raise ProblemError(400, "bad_idempotency_key", "An Idempotency-Key is 1 to 128 visible ASCII characters.")
    user_id = request.member.user_id
    quest_id = digest("quest", user_id, key)
    fingerprint = digest(draft.model_dump_json())
    lifetime = timedelta(days=platform.settings.quest_lifetime_days)
    change = _traced(quests.create(draft, user_id, quest_id, request.now, lifetime, fingerprint), request)
    try:
        _with_row(platform, request, lambda: platform.quests.create(change, platform.creates()))
    except QuestExistsError:
        stored = platform.quests.get(quest_id)
        if stored is None or stored.quest.request_digest != fingerprint:
            raise ProblemError(
                422, "idempotency_key_reused", "This Idempotency-Key was used for another quest. Take a new one."
            ) from None
    else:
        platform.count(QUESTS_CREATED)
        stored = StoredQuest(change.quest, draft.description)
    return views.view(stored, request.member, request.now)


def _traced(change: Change, request: Request) -> Change:
    entries = tuple(entry.model_copy(update={"request_id": request.request_id}) for entry in change.entries)
    return change._replace(entries=entries)


def _change_quest(
    platform: Platform,
    request: Request,
    step: Callable[[StoredQuest], Change],
    quota: Quota | None = None,
    contended: Metric | None = None,
) -> tuple[views.QuestView, bool]:
    """Takes a step on a quest as it stands; where somebody was faster, takes it again on what they made of it.

    Answers with the quest, and whether this call changed it.
    """
    stored = _quest(platform, request)
    for _ in range(_ATTEMPTS):
        change = _traced(step(stored), request)
        if change.quest is stored.quest:
            return views.view(stored, request.member, request.now), False
        try:
            _save(platform, request, stored, change, quota)
        except QuestMovedError:
            if contended:
                platform.count(contended)
            stored = _quest(platform, request)
            continue
        stored = replace(
            stored,
            quest=change.quest,
            description=change.description or stored.description,
            submission=change.submission or stored.submission,
        )
        return views.view(stored, request.member, request.now), True
    raise StoreUnavailableError("the quest kept moving")


def _save(platform: Platform, request: Request, stored: StoredQuest, change: Change, quota: Quota | None) -> None:
    _with_row(platform, request, lambda: platform.quests.save(stored.quest, change, quota))


def _edit_quest(platform: Platform, request: Request) -> views.QuestView:
    edit: Edit = request.body
    return _change_quest(
        platform, request, lambda s: quests.edit(s.quest, s.description, request.member, edit, request.now)
    )[0]


def _cancel_quest(platform: Platform, request: Request) -> views.QuestView:
    return _change_quest(platform, request, lambda s: quests.cancel(s.quest, request.member, request.now))[0]


def _claim_quest(platform: Platform, request: Request) -> views.QuestView:
    return _change_quest(
        platform,
        request,
        lambda s: quests.claim(s.quest, request.member, request.now, platform.claim_period),
        quota=platform.claims(),
    )[0]


def _release_quest(platform: Platform, request: Request) -> views.QuestView:
    return _change_quest(platform, request, lambda s: quests.release(s.quest, request.member, request.now))[0]


def _submit_quest(platform: Platform, request: Request) -> views.QuestView:
    body: requests.SubmitBody = request.body
    return _change_quest(
        platform,
        request,
        lambda s: quests.submit(s.quest, s.submission, request.member, body.submission, request.now),
    )[0]


def _request_changes(platform: Platform, request: Request) -> views.QuestView:
    body: requests.ReasonBody = request.body
    return _change_quest(
        platform, request, lambda s: quests.request_changes(s.quest, request.member, body.reason, request.now)
    )[0]


def _attest_quest(platform: Platform, request: Request) -> views.QuestView:
    body: requests.AttestBody = request.body
    view, changed = _change_quest(
        platform,
        request,
        lambda s: quests.attest(s.quest, request.member, body.notes, request.now),
        contended=CONCURRENT_ATTESTATION_CONFLICTS,
    )
    if changed:
        platform.count(ATTESTATIONS_SUBMITTED)
    return _counted(platform, view, changed=changed)


def _dispute_quest(platform: Platform, request: Request) -> views.QuestView:
    body: requests.ReasonBody = request.body
    return _change_quest(
        platform, request, lambda s: quests.dispute(s.quest, request.member, body.reason, request.now)
    )[0]


def _resolve_dispute(platform: Platform, request: Request) -> views.QuestView:
    body: requests.ResolveBody = request.body
    view, changed = _change_quest(
        platform,
        request,
        lambda s: quests.resolve(
            s.quest, request.member, body.outcome, body.decision, request.now, platform.claim_period
        ),
    )
    return _counted(platform, view, changed=changed)


def _counted(platform: Platform, view: views.QuestView, *, changed: bool) -> views.QuestView:
    if changed and view.status is Status.COMPLETE:
        platform.count(QUESTS_COMPLETED)
    return view


# --- members ---


def _get_me(platform: Platform, request: Request) -> views.Me:
    return views.me(_own_row(platform, request), request.member.groups)


def _own_row(platform: Platform, request: Request) -> User:
    user_id = request.member.user_id
    return platform.users.get(user_id) or platform.users.ensure(user_id, request.now)


def _edit_me(platform: Platform, request: Request) -> views.Me:
    profile: Profile = request.body
    user_id = request.member.user_id
    user = _with_row(platform, request, lambda: platform.users.edit(user_id, profile, request.now))
    return views.me(user, request.member.groups)


def _delete_me(platform: Platform, request: Request) -> views.Me:
    user_id = request.member.user_id
    user = _with_row(platform, request, lambda: platform.users.request_deletion(user_id, request.now))
    return views.me(user, request.member.groups)


def _restore_me(platform: Platform, request: Request) -> views.Me:
    user = platform.users.cancel_deletion(request.member.user_id, request.now)
    return views.me(user, request.member.groups)


def _export_me(platform: Platform, request: Request) -> views.Export:
    actor = request.member
    found: list[views.QuestView] = []
    for role in Role:
        after: Any = None
        while True:
            page, after = platform.quests.of_member(actor.user_id, QUESTS.index(role), BATCH, after)
            stored = platform.quests.get_many([quest.quest_id for quest in page])
            found += [views.view(quest, actor, request.now) for quest in stored]
            if after is None:
                break
    return views.Export(
        profile=_get_me(platform, request),
        ledger=[views.entry(entry) for entry in platform.ledger.all_of(actor.user_id)],
        quests=found,
    )


def _get_user(platform: Platform, request: Request) -> views.PublicProfile:
    user_id = request.path["userId"]
    user = platform.users.get(user_id) if _USER_ID.fullmatch(user_id) else None
    if user is None:
        raise not_found("user")
    return views.profile(user)


def _list_feature_flags(_: Platform, request: Request) -> views.FeatureFlags:
    return views.FeatureFlags(flags={flag: flag in request.member.features for flag in FLAGS})


def _get_stats(platform: Platform, request: Request) -> views.Stats:
    return community_stats(platform.cloudwatch, platform.settings.stage, request.now)


OPERATIONS: Mapping[str, Operation] = {
    "getHealth": Operation(_health, views.Health, "Whether the platform works", always=True),
    "listQuests": Operation(
        _list_quests, views.QuestPage, "Open quests, newest first", query=requests.BoardQuery, max_age=5
    ),
    "createQuest": Operation(_create_quest, views.QuestView, "Post a quest for 1 point", body=Draft, status=201),
    "getQuest": Operation(_get_quest, views.QuestPublic, "A quest as anybody may see it", max_age=5),
    "editQuest": Operation(_edit_quest, views.QuestView, "Change an open quest", body=Edit),
    "cancelQuest": Operation(_cancel_quest, views.QuestView, "Withdraw an open quest and get the point back"),
    "claimQuest": Operation(_claim_quest, views.QuestView, "Become the performer"),
    "releaseQuest": Operation(_release_quest, views.QuestView, "Open a claimed quest for others again"),
    "submitQuest": Operation(_submit_quest, views.QuestView, "Hand the work in", body=requests.SubmitBody),
    "requestChanges": Operation(
        _request_changes, views.QuestView, "Send the work back with a reason", body=requests.ReasonBody
    ),
    "attestQuest": Operation(_attest_quest, views.QuestView, "Attest that the work was done", body=requests.AttestBody),
    "disputeQuest": Operation(_dispute_quest, views.QuestView, "Ask a moderator to decide", body=requests.ReasonBody),
    "resolveDispute": Operation(_resolve_dispute, views.QuestView, "Decide a dispute", body=requests.ResolveBody),
    "getMe": Operation(_get_me, views.Me, "The own account"),
    "editMe": Operation(_edit_me, views.Me, "Change the own profile", body=Profile),
    "deleteMe": Operation(_delete_me, views.Me, "Delete the own account after 14 days"),
    "restoreMe": Operation(_restore_me, views.Me, "Take the deletion back"),
    "exportMe": Operation(_export_me, views.Export, "All that is kept of the member"),
    "listMyQuests": Operation(
        _list_my_quests,
        views.QuestPage,
        "Quests that the member posted or performs; for a moderator, open disputes",
        query=requests.MyQuestsQuery,
    ),
    "getMyQuest": Operation(_get_my_quest, views.QuestView, "A quest as the member may see it"),
    "listMyLedger": Operation(_list_my_ledger, views.LedgerPage, "Own entries, newest first", query=requests.PageQuery),
    "getUser": Operation(_get_user, views.PublicProfile, "A member as anybody may see them", max_age=30),
    "listFeatureFlags": Operation(_list_feature_flags, views.FeatureFlags, "Which features are on for the member"),
    "getStats": Operation(_get_stats, views.Stats, "What the community did in 30 days", max_age=300),
}
