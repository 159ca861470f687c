"""The member's own account, and what anybody may see of a member."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from services.api import requests, views
from services.api.operations.inbox import shown
from services.api.operations.lists import next_cursor, position_of
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
from services.api.problems import not_found
from services.core.domain.quests import MODERATORS, Role
from services.core.domain.users import Profile, User
from services.core.parameters import FLAGS
from services.core.stores.quests import BATCH
from services.core.stores.reports import CONCERNED, REPORTER
from services.core.tables import Index

_LOOKED_AT = 30
"""Quests of a member among which a profile looks for thanks, the newest first."""
_USER_ID = re.compile(r"[0-9A-Za-z-]{1,64}")


def get_me(platform: Platform, request: AnyRequest) -> views.Me:
    """The own account; its row is made where the sign-up's trigger could not."""
    return own_account(platform, request, _own_row(platform, request))


def own_account(platform: Platform, request: AnyRequest, user: User) -> views.Me:
    """A member's row as they see it. What it says of moderating follows the token."""
    moderates = MODERATORS in request.member.groups
    if moderates != bool(user.moderator) and not user.deleted:
        user = platform.users.mark_moderator(user.user_id, moderates=moderates)
    unread = platform.inbox.unread(user.user_id, user.read_up_to)
    return views.me(user, request.member.groups, unread)


def _own_row(platform: Platform, request: AnyRequest) -> User:
    user_id = request.member.user_id
    return platform.users.get(user_id) or platform.welcome(user_id, request.now)


def edit_me(platform: Platform, request: Request[Profile, NoQuery]) -> views.Me:
    """Changes the own profile."""
    user_id = request.member.user_id
    user = with_row(platform, request, lambda: platform.users.edit(user_id, request.body, request.now))
    return own_account(platform, request, user)


def delete_me(platform: Platform, request: Request[NoBody, NoQuery]) -> views.Me:
    """Starts the grace period after which the account is deleted."""
    user_id = request.member.user_id
    user = with_row(platform, request, lambda: platform.users.request_deletion(user_id, request.now))
    return own_account(platform, request, user)


def restore_me(platform: Platform, request: Request[NoBody, NoQuery]) -> views.Me:
    """Ends the grace period: the account stays."""
    user = platform.users.cancel_deletion(request.member.user_id, request.now)
    return own_account(platform, request, user)


def export_me(platform: Platform, request: Request[NoBody, requests.ExportQuery]) -> views.Export:
    """A page of everything that is stored of the member: one part after the other, until one has more than fits."""
    user_id = request.member.user_id
    query = f"export|{user_id}"
    number, after = position_of(platform, query, request.query.cursor) or (0, None)
    found: dict[str, list[Any]] = {}
    for number in range(number, len(_EXPORTED)):  # noqa: B020  # from the cursor's part on
        name, read = _EXPORTED[number]
        items, after = read(platform, request, after)
        found.setdefault(name, []).extend(items)
        if after is not None:
            break
    more = [number, after] if after is not None else None
    return views.Export(profile=get_me(platform, request), **found, next_cursor=next_cursor(platform, query, more))


def _exported_quests(role: Role) -> "_Read":
    def read(platform: Platform, request: AnyRequest, after: Any) -> tuple[list[views.QuestView], Any]:
        actor = request.member
        page, last = platform.quests.of_member(actor.user_id, role, BATCH, after)
        stored = platform.quests.get_many([quest.quest_id for quest in page])
        return [views.view(one, platform.viewer(actor, one.quest, request.now)) for one in stored], last

    return read


def _exported_ledger(platform: Platform, request: AnyRequest, after: Any) -> tuple[list[views.EntryView], Any]:
    entries, last = platform.ledger.page(request.member.user_id, 100, after)
    titles = platform.quests.titles(sorted({entry.quest_id for entry in entries if entry.quest_id}))
    return [views.entry(entry, titles) for entry in entries], last


def _exported_inbox(platform: Platform, request: AnyRequest, after: Any) -> tuple[list[views.InboxItem], Any]:
    user = platform.users.get(request.member.user_id)
    items, last = platform.inbox.page(request.member.user_id, 100, after)
    return shown(platform, items, user.read_up_to if user else None), last


def _exported_messages(platform: Platform, request: AnyRequest, after: Any) -> tuple[list[views.WrittenMessage], Any]:
    found, last = platform.messages.page_of_author(request.member.user_id, 100, after)
    return [views.written(message) for message in found], last


def _exported_reports(index: Index) -> "_Read":
    def read(platform: Platform, request: AnyRequest, after: Any) -> tuple[list[views.ReportView], Any]:
        page = platform.reports.of_member(index, request.member.user_id, 100, after)
        visible = [report for report in page.reports if index is REPORTER or views.is_told(report)]
        return [views.report(report, request.member) for report in visible], page.last

    return read


def _exported_devices(platform: Platform, request: AnyRequest, _: Any) -> tuple[list[views.DeviceView], Any]:
    return [views.device(device) for device in platform.devices.of(request.member.user_id)], None


_Read = Callable[[Platform, AnyRequest, Any], tuple[list[Any], Any]]
_EXPORTED: tuple[tuple[str, _Read], ...] = (
    ("quests", _exported_quests(Role.REQUESTOR)),
    ("quests", _exported_quests(Role.PERFORMER)),
    ("ledger", _exported_ledger),
    ("inbox", _exported_inbox),
    ("messages", _exported_messages),
    ("reports", _exported_reports(REPORTER)),
    ("reports", _exported_reports(CONCERNED)),
    ("devices", _exported_devices),
)
"""The parts of an export, in the order of its pages; a page of each is far below Lambda's 6 MB."""


def get_user(platform: Platform, request: Request[NoBody, NoQuery]) -> views.PublicProfile:
    """A member as anybody may see them."""
    user_id = request.path["userId"]
    user = platform.users.get(user_id) if _USER_ID.fullmatch(user_id) else None
    if user is None:
        raise not_found("user")
    done = [] if user.deleted else platform.quests.performed(user_id, _LOOKED_AT, None).quests
    return views.profile(user, done)


def list_feature_flags(_: Platform, request: Request[NoBody, NoQuery]) -> views.FeatureFlags:
    """The feature flags, and which include the member."""
    return views.FeatureFlags(flags={flag: flag in request.member.features for flag in FLAGS})


MEMBERS: Mapping[str, AnyOperation] = {
    "getMe": Operation(get_me, NoBody, NoQuery, views.Me, "The own account"),
    "editMe": Operation(edit_me, Profile, NoQuery, views.Me, "Change the own profile", errors(403, 404)),
    "deleteMe": Operation(delete_me, NoBody, NoQuery, views.Me, "Delete the own account after 14 days", errors(404)),
    "restoreMe": Operation(restore_me, NoBody, NoQuery, views.Me, "Take the deletion back", errors(404)),
    "exportMe": Operation(
        export_me, NoBody, requests.ExportQuery, views.Export, "All that is kept of the member, page by page"
    ),
    "getUser": Operation(
        get_user, NoBody, NoQuery, views.PublicProfile, "A member as anybody may see them", errors(404), max_age=30
    ),
    "listFeatureFlags": Operation(
        list_feature_flags, NoBody, NoQuery, views.FeatureFlags, "Features that are on for the member"
    ),
}
