"""The published board as a visitor finds it: its document and, where it is long, every page that it names."""

from collections.abc import Mapping
from typing import TypeVar

from services.core.board_index import ORDERS, area_counts, in_order, key, page_names, postings
from services.core.documents import FIRST_CARDS, Board, BoardCard, CardPage, WordPage, board_page_key
from services.core.names import BOARD_KEY, BOARD_PAGES_PREFIX

Page = TypeVar("Page", CardPage, WordPage)


def read_board(objects: Mapping[str, bytes]) -> Board | None:
    """The board's document; None also for the placeholder of one that nobody has written yet."""
    body = objects.get(BOARD_KEY, b"")
    return Board.model_validate_json(body) if body.startswith(b"{") else None


def every_card(objects: Mapping[str, bytes]) -> list[BoardCard]:
    """The board's cards, newest first. Fails unless a long board's lists hold the same quests, each in its order."""
    board = read_board(objects)
    if board is None or board.index is None:
        return board.cards if board else []
    lists = {order: _cards(objects, getattr(board.index, order).names) for order in ORDERS}
    cards = lists["newest"]
    for order, listed in lists.items():
        keys = [key(card, order) for card in listed]
        assert keys == sorted(keys)
        assert {card.quest_id: card for card in listed} == {card.quest_id: card for card in cards}
        assert len(listed) == board.index.count
    found = [one for name in board.index.words.names for one in _page(objects, name, WordPage).postings]
    assert found == in_order(one for card in cards for one in postings(card))
    assert board.index.areas == area_counts({}, [], cards)
    assert board.cards == cards[:FIRST_CARDS]
    for order in (*ORDERS, "words"):
        pages = getattr(board.index, order)
        assert len(pages.names) == len(pages.first)
        assert pages.first == in_order(pages.first)
    return cards


def _cards(objects: Mapping[str, bytes], names: list[str]) -> list[BoardCard]:
    return [card for name in names for card in _page(objects, name, CardPage).cards]


def _page(objects: Mapping[str, bytes], name: str, model: type[Page]) -> Page:
    return model.model_validate_json(objects[board_page_key(name)])


def board_texts(objects: Mapping[str, bytes]) -> list[bytes]:
    """All that is reachable from the board's address."""
    board = read_board(objects)
    names = page_names(board.index) if board else set()
    return [objects.get(BOARD_KEY, b""), *(objects[board_page_key(name)] for name in names)]


def left_behind(objects: Mapping[str, bytes]) -> set[str]:
    """Pages that the board does not name."""
    board = read_board(objects)
    named = {board_page_key(name) for name in page_names(board.index)} if board else set()
    return {one for one in objects if one.startswith(BOARD_PAGES_PREFIX)} - named
