"""The board's document, and its pages where more quests are open than one document is for.

Pages are written before the board that names them and deleted after the one that does not. What a publisher leaves that
is stopped in between has an address that nobody knows, and goes with the next comparison.
"""

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NamedTuple, TypeVar

from services.core import board_index
from services.core.board_index import ORDERS, Load, MissingPageError, Order
from services.core.documents import (
    FIRST_CARDS,
    Board,
    BoardCard,
    BoardIndex,
    CardPage,
    Pages,
    WordPage,
    board_page_key,
    merge,
    newest_first,
    next_publication_time,
)
from services.core.domain.values import Model
from services.core.names import BOARD_PAGES_PREFIX
from services.core.stores.documents import ConcurrentWriteError, DocumentStore

_SHORT: Final = 0.8
"""Share of `max_cards` below which a large board becomes one document again; well below 1, so that it does not
switch back and forth.
"""
_DELETE_AFTER: Final = timedelta(hours=1)
"""Age from which a page that no board names is not about to be named."""

Item = TypeVar("Item")
Result = TypeVar("Result")


class CurrentCard(NamedTuple):
    """A quest as the tables have it: when it was created, if it is there, and its card, if it is on the board."""

    created_at: datetime | None
    card: BoardCard | None


def board_page_name(key: str) -> str:
    """The name of the page that has this key."""
    return key.removeprefix(BOARD_PAGES_PREFIX).removesuffix(".json")


@dataclass
class BoardFiles:
    """The board as it is written by one change, which may take several attempts."""

    documents: DocumentStore
    max_cards: int
    """Cards up to which the board is one document."""
    workers: int
    now: datetime
    created: set[str] = field(default_factory=set)
    """Pages that were written so far."""
    _read: dict[str, list[BoardCard]] = field(default_factory=dict)

    def every_card(self, board: Board) -> list[BoardCard]:
        """All cards of a board, newest first. Raises MissingPageError."""
        if board.index is None:
            return board.cards
        return [card for page in self._cards(board.index.newest.names) for card in page]

    def whole(self, cards: Sequence[BoardCard], before: Board | None) -> Board:
        """A board of these cards."""
        ordered = newest_first(cards)
        published_at = next_publication_time(before, self.now)
        if len(ordered) <= self.max_cards:
            return Board(published_at=published_at, cards=ordered)
        index = board_index.write_pages(ordered, self._save_cards, self._save_words)
        return Board(published_at=published_at, cards=ordered[:FIRST_CARDS], index=index)

    def changed(self, board: Board, current: Mapping[str, CurrentCard]) -> Board:
        """The board after a change; `board` itself where nothing is different, as `merge` says it.

        Raises MissingPageError.
        """
        if board.index is None:
            merged = merge(board, {quest_id: place.card for quest_id, place in current.items()}, self.now)
            return merged if len(merged.cards) <= self.max_cards else self.whole(merged.cards, board)
        old = self._shown(board.index, current)
        removed = [card for quest_id, card in old.items() if current[quest_id].card != card]
        added = [place.card for quest_id, place in current.items() if place.card and place.card != old.get(quest_id)]
        if not removed and not added and all(place.card for place in current.values()):
            return board
        count = board.index.count - len(removed) + len(added)
        if count <= self.max_cards * _SHORT:
            gone = {card.quest_id for card in removed}
            return self.whole([card for card in self.every_card(board) if card.quest_id not in gone] + added, board)
        index = self._edited(board.index, removed, added, count)
        return Board(published_at=next_publication_time(board, self.now), cards=self._first(index), index=index)

    def _shown(self, index: BoardIndex, current: Mapping[str, CurrentCard]) -> dict[str, BoardCard]:
        """The cards that the board has of these quests; one that is not in the table may be on any page."""
        newest = index.newest
        created = {quest_id: place.created_at for quest_id, place in current.items()}
        numbers = {
            board_index.page_of(newest, board_index.newest_key(moment, quest_id))
            for quest_id, moment in created.items()
            if moment
        }
        names = newest.names if None in created.values() else [newest.names[number] for number in sorted(numbers)]
        return {card.quest_id: card for page in self._cards(names) for card in page if card.quest_id in current}

    def _edited(self, index: BoardIndex, removed: list[BoardCard], added: list[BoardCard], count: int) -> BoardIndex:
        lists: dict[str, Pages] = {}
        for order in ORDERS:
            remove = [board_index.key(card, order) for card in removed]
            add = {board_index.key(card, order): card for card in added}
            pages: Pages = getattr(index, order)
            lists[order] = board_index.update_pages(
                pages, remove, add, board_index.CARDS, self._load(order), self._save_cards
            )
        outdated = {one for card in removed for one in board_index.postings(card)}
        current = {one: one for card in added for one in board_index.postings(card)}
        lists["words"] = board_index.update_pages(
            index.words,
            outdated - current.keys(),
            {one: one for one in current.keys() - outdated},
            board_index.POSTINGS,
            self._load_words,
            self._save_words,
        )
        return BoardIndex(count=count, areas=board_index.area_counts(index.areas, removed, added), **lists)

    def _first(self, index: BoardIndex) -> list[BoardCard]:
        found: list[BoardCard] = []
        for name in index.newest.names:
            found += self._cards([name])[0]
            if len(found) >= FIRST_CARDS:
                break
        return found[:FIRST_CARDS]

    def _load(self, order: Order) -> Load[BoardCard]:
        return lambda names: [{board_index.key(card, order): card for card in page} for page in self._cards(names)]

    def _cards(self, names: Sequence[str]) -> list[list[BoardCard]]:
        missing = [name for name in names if name not in self._read]
        self._read.update(zip(missing, self._side_by_side(self._card_page, missing), strict=True))
        return [self._read[name] for name in names]

    def _card_page(self, name: str) -> list[BoardCard]:
        return CardPage.model_validate_json(self._content(name)).cards

    def _load_words(self, names: Sequence[str]) -> list[dict[str, str]]:
        pages = self._side_by_side(lambda name: WordPage.model_validate_json(self._content(name)), names)
        return [{one: one for one in page.postings} for page in pages]

    def _content(self, name: str) -> bytes:
        body = self.documents.read(board_page_key(name))
        if body is None:
            raise MissingPageError(name)
        return body

    def _save_cards(self, pages: list[list[BoardCard]]) -> list[str]:
        names = self._side_by_side(lambda cards: self._save(CardPage(cards=cards)), pages)
        self._read.update(zip(names, pages, strict=True))
        return names

    def _save_words(self, pages: list[list[str]]) -> list[str]:
        return self._side_by_side(lambda entries: self._save(WordPage(postings=entries)), pages)

    def _save(self, page: Model) -> str:
        """Write a page and return its name, which begins with the time so that an old one is known by it."""
        body = dump(page)
        while True:
            name = f"{int(self.now.timestamp()):x}-{uuid.uuid4().hex[:8]}"
            self.created.add(name)
            try:
                self.documents.create(board_page_key(name), body)
            except ConcurrentWriteError:  # the name is taken, if only by a first try whose answer was lost
                continue
            return name

    def _side_by_side(self, work: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
        if self.workers == 1 or len(items) < 2:
            return [work(item) for item in items]
        with ThreadPoolExecutor(self.workers) as pool:
            return list(pool.map(work, items))

    def delete(self, names: Iterable[str]) -> None:
        """Delete pages that no board names any more."""
        self._side_by_side(lambda name: self.documents.delete(board_page_key(name)), sorted(names))

    def is_old_enough_to_delete(self, name: str) -> bool:
        """True for a page that was written so long ago that whoever wrote it has ended."""
        return datetime.fromtimestamp(int(name.partition("-")[0], 16), self.now.tzinfo) < self.now - _DELETE_AFTER


def dump(document: Model) -> bytes:
    """A document as it is stored."""
    return document.model_dump_json(by_alias=True, exclude_none=True).encode()
