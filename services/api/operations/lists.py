"""Lists: the board, the member's quests and ledger, each page by page."""

from collections.abc import Mapping
from typing import Any

from services.api import requests, views
from services.api.operations.operation import AnyOperation, NoBody, Operation, Platform, Request, errors
from services.api.problems import ProblemError
from services.core import cursors, live
from services.core.domain import quests
from services.core.domain.quests import Status
from services.core.stores.quests import Board
from services.core.tables import QUESTS


def position_of(platform: Platform, query: str, cursor: str | None) -> Any:
    """The position that a cursor stands for, or None without one. Raises BadCursorError."""
    return None if cursor is None else cursors.read(live.signing_keys(platform.live), query, cursor)


def next_cursor(platform: Platform, query: str, position: Any) -> str | None:
    """The cursor of the next page, or None where there is none."""
    return cursors.sign(live.signing_keys(platform.live), query, position) if position is not None else None


def _quest_page(platform: Platform, query: str, found: list[quests.Quest], last: Any) -> views.QuestPage:
    return views.QuestPage(items=[views.card(quest) for quest in found], next_cursor=next_cursor(platform, query, last))


def list_quests(platform: Platform, request: Request[NoBody, requests.BoardQuery]) -> views.Rendered:
    """Open quests that pass the filters, newest first."""
    asked = request.query
    query = f"board|{asked.category}|{asked.q}"
    before = position_of(platform, query, asked.cursor)
    page = platform.quests.board(Board(asked.limit, asked.category, asked.q, before))
    cursor = next_cursor(platform, query, page.last)
    document = {"items": [views.stored_card(item) for item in page.items], "nextCursor": cursor}
    return views.Rendered(document if cursor else {"items": document["items"]})


def list_my_quests(platform: Platform, request: Request[NoBody, requests.MyQuestsQuery]) -> views.QuestPage:
    """Quests in which the member has the role that is asked for, newest first."""
    role, user_id = request.query.role, request.member.user_id
    if role is requests.Part.MODERATOR:
        return _list_disputes(platform, request)
    query = f"mine|{role}|{user_id}"
    after = position_of(platform, query, request.query.cursor)
    found, last = platform.quests.of_member(user_id, QUESTS.index(role), request.query.limit, after)
    return _quest_page(platform, query, found, last)


def _list_disputes(platform: Platform, request: Request[NoBody, requests.MyQuestsQuery]) -> views.QuestPage:
    if quests.MODERATORS not in request.member.groups:
        raise ProblemError(403, quests.Denial.NOT_MODERATOR, "Only moderators decide disputes.")
    query = "disputes"
    before = position_of(platform, query, request.query.cursor)
    page = platform.quests.board(Board(request.query.limit, before=before, status=Status.DISPUTED))
    return _quest_page(platform, query, page.quests, page.last)


def list_my_ledger(platform: Platform, request: Request[NoBody, requests.PageQuery]) -> views.LedgerPage:
    """The member's entries, newest first."""
    query = f"ledger|{request.member.user_id}"
    after = position_of(platform, query, request.query.cursor)
    page = platform.ledger.page(request.member.user_id, request.query.limit, after)
    return views.LedgerPage(
        items=[views.entry(entry) for entry in page.entries], next_cursor=next_cursor(platform, query, page.last)
    )


LISTS: Mapping[str, AnyOperation] = {
    "listQuests": Operation(
        list_quests, NoBody, requests.BoardQuery, views.QuestPage, "Open quests, newest first", max_age=5
    ),
    "listMyQuests": Operation(
        list_my_quests,
        NoBody,
        requests.MyQuestsQuery,
        views.QuestPage,
        "Quests that the member posted or performs; for a moderator, open disputes",
        errors(403),
    ),
    "listMyLedger": Operation(
        list_my_ledger, NoBody, requests.PageQuery, views.LedgerPage, "Own entries, newest first"
    ),
}
