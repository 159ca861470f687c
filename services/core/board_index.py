"""The pages of a large board: one list of all cards for each sort order, and a search index of their words.

Each list is sorted by a text key and split into pages, so that a change of one quest rewrites one page for each sort
order and one for each word, however many quests are open. A page is immutable: a changed one is written under a new
name. The board document names the current pages, so that its readers see all lists at the same state.
`frontend/src/features/discover/longBoard.ts` reads them.
"""

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import islice
from typing import Final, Literal, TypeVar, get_args

from services.core.documents import BoardCard, BoardIndex, Pages
from services.core.domain.values import timestamp

Order = Literal["newest", "ending", "reward", "when"]
ORDERS: Final = get_args(Order)
CARDS: Final = 200
"""Number of cards in a page, about 140 kB, or 30 kB compressed. A page is split when it has twice as many."""
POSTINGS: Final = 1_000
"""Number of postings in a page of the search index; a page is split when it has twice as many."""
_REWRITE_FACTOR: Final = 4
"""A list is rewritten when it has this many times the pages that it needs."""
_DESCENDING: Final = str.maketrans({chr(code): chr(0x9E - code) for code in range(0x20, 0x7F)})
_END: Final = "\x7f"
"""Sorts after every character of `_DESCENDING`, so that in descending order a prefix comes after the longer text."""

Entry = TypeVar("Entry")
Load = Callable[[Sequence[str]], list[dict[str, Entry]]]
"""Loads pages by name and returns the entries of each by sort key. Raises MissingPageError."""
Save = Callable[[list[list[Entry]]], list[str]]
"""Writes pages of entries and returns their names."""


class MissingPageError(Exception):
    """A page does not exist: a newer board was published, or it was deleted by hand."""


def key(card: BoardCard, order: Order) -> str:
    """The sort key of a card in a list; quests with equal values are sorted as in `newest`."""
    newest = newest_key(card.created_at, card.quest_id)
    match order:
        case "newest":
            return newest
        case "ending":
            return timestamp(card.expires_at) + newest
        case "reward":
            return f"{10**9 - card.reward_xp:010}{newest}"
        case "when":
            return (timestamp(card.when.start) if card.when else "~") + newest


def newest_key(created_at: datetime, quest_id: str) -> str:
    """The sort key of a quest in the list `newest`."""
    return f"{timestamp(created_at).translate(_DESCENDING)}{quest_id.translate(_DESCENDING)}{_END}"


def postings(card: BoardCard) -> list[str]:
    """The card's entries in the search index (`WordPage`); each is its own sort key."""
    rest = _sort_values(card)
    return [f"{word} {rest}" for word in card.words.split()]


def _sort_values(card: BoardCard) -> str:
    start = _milliseconds(card.when.start) if card.when else 0
    return f"{card.quest_id} {_milliseconds(card.created_at)} {_milliseconds(card.expires_at)} {card.reward_xp} {start}"


def _milliseconds(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def in_order(keys: Iterable[str]) -> list[str]:
    """The keys sorted by UTF-16 code units, which is how JavaScript compares text."""
    return sorted(keys, key=_units)


def _units(text: str) -> bytes:
    return text.encode("utf-16-be", "surrogatepass")


def page_of(pages: Pages, wanted: str) -> int:
    """The number of the page that a key belongs to."""
    return max(0, bisect_right(pages.first, _units(wanted), key=_units) - 1)


def update_pages(
    pages: Pages, remove: Iterable[str], add: Mapping[str, Entry], size: int, load: Load[Entry], save: Save[Entry]
) -> Pages:
    """Remove the keys of `remove` from a list and add the entries of `add`; only pages that change are written."""
    changed: dict[int, set[str]] = defaultdict(set)
    for one in in_order({*remove, *add}):
        changed[page_of(pages, one)].add(one)
    before = load([pages.names[number] for number in changed]) if pages.names else [{}] * len(changed)
    parts: dict[int, list[list[str]]] = {}
    written: list[list[Entry]] = []
    for (number, keys), entries in zip(changed.items(), before, strict=True):
        kept = {one: entry for one, entry in entries.items() if one not in keys}
        after = kept | {one: add[one] for one in keys if one in add}
        if after != entries:
            parts[number] = _split(in_order(after), size)
            written += [[after[one] for one in part] for part in parts[number]]
    names = iter(save(written))
    rows: list[tuple[str, str]] = []
    for number in range(max(len(pages.names), 1)):
        if number in parts:
            rows += [(next(names), _head(part[0])) for part in parts[number]]
        elif pages.names:
            rows.append((pages.names[number], pages.first[number]))
    return _pages(rows)


def _split(keys: list[str], size: int) -> list[list[str]]:
    return [keys] if 0 < len(keys) <= 2 * size else list(_chunks(keys, size))


def _pages(rows: Sequence[tuple[str, str]]) -> Pages:
    return Pages(names=[name for name, _ in rows], first=[first for _, first in rows])


def _head(entry: str) -> str:
    """The first two words of a sort key: of a posting the word and the quest's id, which make it unique."""
    return " ".join(entry.split(" ", 2)[:2])


def area_counts(before: Mapping[str, int], removed: Iterable[BoardCard], added: Iterable[BoardCard]) -> dict[str, int]:
    """The number of quests by area after a change."""
    after = Counter(before)
    after.update(card.area.strip() for card in added)
    after.subtract(card.area.strip() for card in removed)
    return {area: count for area, count in sorted(after.items()) if area and count > 0}


def write_pages(cards: Sequence[BoardCard], save_cards: Save[BoardCard], save_words: Save[str]) -> BoardIndex:
    """Write all pages of a board and return its index."""
    lists: dict[str, Pages] = {}
    for order in ORDERS:
        by_key = {key(card, order): card for card in cards}
        parts = list(_chunks(in_order(by_key), CARDS))
        names = save_cards([[by_key[one] for one in part] for part in parts])
        lists[order] = _pages([(name, part[0]) for name, part in zip(names, parts, strict=True)])
    rows: list[tuple[str, str]] = []
    for part in _chunks(_all_postings(cards), POSTINGS):
        rows += [(name, _head(part[0])) for name in save_words([part])]
    return BoardIndex(count=len(cards), areas=area_counts({}, [], cards), words=_pages(rows), **lists)


def _all_postings(cards: Iterable[BoardCard]) -> Iterator[str]:
    """All postings, sorted. A generator, because they are too many to be in memory at once."""
    having: dict[str, list[str]] = defaultdict(list)
    for rest, words in sorted((_sort_values(card), card.words) for card in cards):
        for word in words.split():
            having[word].append(rest)
    for start in in_order(f"{word} " for word in having):
        yield from (start + rest for rest in having[start[:-1]])


def _chunks(entries: Iterable[str], size: int) -> Iterator[list[str]]:
    remaining = iter(entries)
    while part := list(islice(remaining, size)):
        yield part


def needs_rewrite(index: BoardIndex) -> bool:
    """True if so many quests were removed that most pages are small, and the lists should be rewritten."""
    needed = index.count // CARDS + 1
    return any(len(getattr(index, order).names) > _REWRITE_FACTOR * needed for order in ORDERS)


def page_names(index: BoardIndex | None) -> set[str]:
    """The names of all pages of a board."""
    return {name for one in (*ORDERS, "words") for name in getattr(index, one).names} if index else set()
