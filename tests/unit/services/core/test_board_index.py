"""The index of a long board: every list holds the same quests in its order, whatever comes and goes."""

import json
import random
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import patch

import pytest

from infra.paths import REPOSITORY
from services.core import board_index
from services.core.board_index import (
    ORDERS,
    Order,
    in_order,
    key,
    needs_rewrite,
    page_of,
    postings,
    update_pages,
    write_pages,
)
from services.core.documents import BoardCard, CardPage, Pages, WordPage
from services.core.domain.quests import Category, Status, When
from services.core.folding import words

NOW = datetime(2026, 3, 4, 12, tzinfo=UTC)
FIXTURE = REPOSITORY / "tests/fixtures/board.json"
TITLES = (
    "Carry a sofa",
    "Café doors",
    "Garden day",
    "Walk to the eye doctor",
    "Łódź street party",
    "𐐷 letters",
    "\ufb00 x",
)
AREAS = ("Old Town", "old town", "São Pedro", "", "Hill")


def card(number: int, draw: random.Random) -> BoardCard:
    """A card of which much is equal to others'."""
    created = NOW - timedelta(hours=draw.randrange(0, 40))
    start = NOW + timedelta(hours=draw.randrange(-20, 300))
    title, area = f"{draw.choice(TITLES)} {number % 7}", draw.choice(AREAS)
    requestor = draw.choice(("Ana", "Mira Okafor", "Zoë"))
    category = draw.choice(list(Category))
    return BoardCard(
        quest_id=f"q{number:05}", version=1, status=Status.OPEN, title=title, category=category, tags=[], area=area,
        when=When(start=start, end=start + timedelta(hours=30)) if draw.random() < 0.4 else None,
        minutes=draw.choice((20, 60, 90)), reward_xp=draw.choice((10, 50, 50, 1000)), reward_reputation=5,
        requestor_id=requestor[0], requestor_name=requestor, created_at=created,
        expires_at=NOW + timedelta(hours=draw.randrange(-1, 500)),
        words=" ".join(words(title, area, category, requestor)),
    )  # fmt: skip


def _key(order: Order, one: BoardCard) -> str:
    return key(one, order)


class Store:
    """Pages in memory."""

    def __init__(self) -> None:
        self.pages: dict[str, Any] = {}
        self.loads = 0

    def save(self, pages: Sequence[Any]) -> list[str]:
        names = [f"p{len(self.pages) + number}" for number in range(len(pages))]
        self.pages |= dict(zip(names, pages, strict=True))
        return names

    def load(self, key_of: Callable[[Any], str]) -> Any:
        def load(names: Sequence[str]) -> list[dict[str, Any]]:
            self.loads += len(names)
            return [{key_of(entry): entry for entry in self.pages[name]} for name in names]

        return load

    def all(self, pages: Pages) -> list[Any]:
        return [entry for name in pages.names for entry in self.pages[name]]


@pytest.fixture(autouse=True)
def small_pages() -> Iterator[None]:
    with patch.multiple(board_index, CARDS=4, POSTINGS=20):
        yield


def test_a_list_is_what_a_sorted_set_is_after_any_changes() -> None:
    for seed in range(40):
        draw, store = random.Random(seed), Store()
        pages, have = Pages(names=[], first=[]), set[str]()
        for _ in range(30):
            add = {f"{draw.choice('aäzz𐐷ﬀ')}{draw.randrange(60)} x" for _ in range(draw.randrange(12))}
            remove = set(draw.sample(sorted(have), min(len(have), draw.randrange(10)))) - add
            written = len(store.pages)
            pages = update_pages(pages, remove, {one: one for one in add}, 3, store.load(str), store.save)
            have = (have - remove) | add
            assert store.all(pages) == in_order(have)
            assert all(1 <= len(store.pages[name]) <= 6 for name in pages.names)
            assert all(name in pages.names for name in list(store.pages)[written:])


def test_a_change_touches_a_page_of_each_order_and_one_for_each_word() -> None:
    draw, store = random.Random(1), Store()
    cards = [card(number, draw) for number in range(400)]
    index = write_pages(cards, store.save, store.save)
    new = card(1000, draw)
    store.loads, before = 0, len(store.pages)
    for order in ORDERS:
        add = {key(new, order): new}
        update_pages(getattr(index, order), [], add, 4, store.load(partial(_key, order)), store.save)
    update_pages(index.words, [], {one: one for one in postings(new)}, 20, store.load(str), store.save)
    most = 4 + len(postings(new))
    assert store.loads <= most
    assert len(store.pages) - before <= 2 * most


def test_what_stays_as_it_is_is_not_written() -> None:
    store = Store()
    pages = update_pages(Pages(names=[], first=[]), [], {"a": "a"}, 3, store.load(str), store.save)
    assert update_pages(pages, ["b"], {"a": "a"}, 3, store.load(str), store.save) == pages
    assert len(store.pages) == 1


def test_a_page_is_found_by_a_key_that_it_does_not_have() -> None:
    pages = Pages(names=["x", "y"], first=["b q", "m q"])
    assert [page_of(pages, one) for one in ("a q 1", "b q 1", "l", "m", "m q 7", "z")] == [0, 0, 0, 0, 1, 1]


def test_the_orders_are_those_of_a_plain_sort() -> None:
    draw = random.Random(3)
    cards = [card(number, draw) for number in range(300)]
    newest = sorted(cards, key=lambda one: (one.created_at, one.quest_id), reverse=True)
    by: dict[str, Any] = {
        "newest": lambda _: 0,
        "ending": lambda one: one.expires_at,
        "reward": lambda one: -one.reward_xp,
        "when": lambda one: (one.when is None, one.when.start if one.when else NOW),
    }
    for order in ORDERS:
        assert sorted(cards, key=partial(_key, order)) == sorted(newest, key=by[order])


def test_a_list_of_many_small_pages_is_worn() -> None:
    draw, store = random.Random(2), Store()
    index = write_pages([card(number, draw) for number in range(80)], store.save, store.save)
    assert not needs_rewrite(index)
    assert needs_rewrite(index.model_copy(update={"count": 8}))


def test_the_app_reads_what_is_written_here() -> None:
    """The fixture, by which the app's tests search, is what a board of its cards is laid out as."""
    draw, store = random.Random(5), Store()
    cards = [card(number, draw) for number in range(120)]
    index = write_pages(cards, store.save, store.save)
    pages = {
        name: (CardPage(cards=page) if isinstance(page[0], BoardCard) else WordPage(postings=page)).model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
        for name, page in store.pages.items()
    }
    # The cards of three orders are the same: the fixture has them once.
    board = {
        "index": index.model_dump(mode="json", by_alias=True),
        "cards": [one.model_dump(mode="json", by_alias=True, exclude_none=True) for one in cards],
        "pages": {
            name: [one["questId"] for one in page["cards"]] if "cards" in page else page["postings"]
            for name, page in pages.items()
        },
    }
    text = json.dumps(board, ensure_ascii=False, separators=(",", ":")) + "\n"
    assert FIXTURE.read_text(encoding="utf-8") == text, "write it again, and look whether the app's tests pass"
