"""Lists: the board, the member's quests and ledger, each page by page."""

from collections.abc import Iterable, Mapping
from typing import Any

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
)
from services.api.problems import ProblemError
from services.api.requests import Involvement
from services.core import cursors, live
from services.core.domain import quests
from services.core.domain.quests import Quest, Status
from services.core.domain.users import claimed_quest
from services.core.stores.quests import BoardQuery


def position_of(platform: Platform, query: str, cursor: str | None) -> Any:
    """The position that a cursor stands for, or None without one. Raises BadCursorError."""
    return None if cursor is None else cursors.read(live.signing_keys(platform.live), query, cursor)


def next_cursor(platform: Platform, query: str, position: Any) -> str | None:
    """The cursor of the next page, or None if there is none."""
    return cursors.sign(live.signing_keys(platform.live), query, position) if position is not None else None


def _quest_page(platform: Platform, query: str, found: list[quests.Quest], last: Any) -> views.QuestPage:
    return views.QuestPage(items=[views.card(quest) for quest in found], next_cursor=next_cursor(platform, query, last))


def list_quests(platform: Platform, request: Request[NoBody, requests.BoardQuery]) -> views.Rendered:
    """Open quests that pass the filters, newest first."""
    asked = request.query
    query = f"board|{asked.category}|{asked.q}"
    before = position_of(platform, query, asked.cursor)
    page = platform.quests.board(BoardQuery(asked.limit, asked.category, asked.q, before))
    cursor = next_cursor(platform, query, page.last)
    document = {"items": [views.stored_card(item) for item in page.items], "nextCursor": cursor}
    return views.Rendered(document if cursor else {"items": document["items"]})


def list_my_quests(platform: Platform, request: Request[NoBody, requests.MyQuestsQuery]) -> views.MyQuestPage:
    """Quests in which the member has the role that is asked for, newest first."""
    asked, user_id = request.query, request.member.user_id
    if asked.role in (Involvement.MODERATOR, Involvement.JUDGE) and quests.MODERATORS not in request.member.groups:
        raise ProblemError(403, quests.Denial.NOT_MODERATOR, "Only moderators decide disputes.")
    query = f"mine|{asked.role}|{user_id}"
    after = position_of(platform, query, asked.cursor)
    match asked.role:
        case Involvement.REQUESTOR:
            found, last = platform.quests.posted(user_id, asked.limit, after)
        case Involvement.PERFORMER:
            found, last = platform.quests.performed(user_id, asked.limit, after)
        case Involvement.JUDGE:
            found, last = platform.quests.judged(user_id, asked.limit, after)
        case Involvement.MODERATOR:
            page = platform.quests.board(BoardQuery(asked.limit, before=after, status=Status.DISPUTED))
            found, last = platform.quests.without_texts(q.quest_id for q in page.quests), page.last
    return views.MyQuestPage(items=_my_cards(platform, request, found), next_cursor=next_cursor(platform, query, last))


def _my_cards(platform: Platform, request: AnyRequest, found: Iterable[Quest]) -> list[views.MyQuestCard]:
    member, now = request.member, request.now
    return [views.my_card(quest, platform.viewer(member, quest, now)) for quest in found]


def list_my_turn(platform: Platform, request: Request[NoBody, NoQuery]) -> views.MyTurn:
    """Every quest that waits for the member, the most urgent first."""
    user_id = request.member.user_id
    user = platform.users.get(user_id)
    claimed = [claimed_quest(record) for record in user.claims] if user else []
    found = platform.quests.turn_candidates(user_id, claimed)
    cards = [card for card in _my_cards(platform, request, found) if card.turn and card.turn.yours]
    return views.MyTurn(items=sorted(cards, key=views.urgency))


def list_my_ledger(platform: Platform, request: Request[NoBody, requests.PageQuery]) -> views.LedgerPage:
    """The member's entries, newest first."""
    query = f"ledger|{request.member.user_id}"
    after = position_of(platform, query, request.query.cursor)
    page = platform.ledger.page(request.member.user_id, request.query.limit, after)
    titles = platform.quests.titles(sorted({entry.quest_id for entry in page.entries if entry.quest_id}))
    return views.LedgerPage(
        items=[views.entry(entry, titles) for entry in page.entries],
        next_cursor=next_cursor(platform, query, page.last),
    )


LISTS: Mapping[str, AnyOperation] = {
    "listQuests": Operation(
        list_quests, NoBody, requests.BoardQuery, views.QuestPage, "Open quests, newest first", max_age=5
    ),
    "listMyQuests": Operation(
        list_my_quests,
        NoBody,
        requests.MyQuestsQuery,
        views.MyQuestPage,
        "Quests that the member posted or performs; for a moderator, open disputes and decided ones",
        errors(403),
    ),
    "listMyTurn": Operation(list_my_turn, NoBody, NoQuery, views.MyTurn, "Every quest that waits for the member"),
    "listMyLedger": Operation(
        list_my_ledger, NoBody, requests.PageQuery, views.LedgerPage, "Own entries, newest first"
    ),
}
