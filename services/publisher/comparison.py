"""The comparison of all documents with the tables, as a sweep in slices (`services.core.sweeping`).

Neither the bucket nor the table alone has every quest. So there are two chores: one follows the list of documents,
which finds what differs and what is to be gone; the other follows the table, for quests that have no documents.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Final, NamedTuple

from services.core.documents import BoardCard, quest_key
from services.core.names import QUESTS_PREFIX
from services.core.sweeping import Chore, TimeSlice
from services.publisher.publication import Publisher, batches

_FIRST: Final = "first:"
"""Begins the positions of a comparison that found no board: what is published then has not drifted."""


class _Batch(NamedTuple):
    """Quests that are compared together; as text, the position behind them."""

    ids: list[str]
    etags: Mapping[str, str]
    position: str

    def __str__(self) -> str:
        return self.position


class _Listed(NamedTuple):
    """A quest with the ETags of its documents by their keys."""

    quest_id: str
    etags: Mapping[str, str]


@dataclass
class Comparison:
    """One run: the number of quests compared, of those published again, and of those that had drifted.

    Its chores raise StoreUnavailableError and are idempotent.
    """

    publisher: Publisher
    quests: int = 0
    rewritten: int = 0
    drifted: int = 0
    _is_first: bool = field(init=False)

    def __post_init__(self) -> None:
        self._is_first = self.publisher.stored_board() is None

    def chores(self) -> tuple[Chore, ...]:
        """Both chores."""
        return self.compare_documents, self.compare_quests

    def compare_documents(self, now: datetime, time_slice: TimeSlice) -> None:
        """Compare the quests that have documents, and mend the board."""
        if not time_slice.after:
            mended = self.publisher.mend_pages(now)
            self.drifted += 0 if self._is_first else mended
        prefix, after = self._start(time_slice)

        def found() -> Iterator[_Batch]:
            for some in batches(self._listed(after)):
                etags = {key: etag for one in some for key, etag in one.etags.items()}
                yield _Batch([one.quest_id for one in some], etags, prefix + some[-1].quest_id)

        self._compare(found(), self._cards(now), now, time_slice)

    def compare_quests(self, now: datetime, time_slice: TimeSlice) -> None:
        """Compare the quests that have no documents: those of the table, then those that are on the board alone."""
        prefix, after = self._start(time_slice)
        documented = {one.quest_id for one in self._listed()}
        cards = self._cards(now)
        alone = cards.keys() - documented

        def ids() -> Iterator[str]:
            for quest_id in self.publisher.quests.ids(after):
                alone.discard(quest_id)
                yield quest_id
            yield from sorted(alone)

        def found() -> Iterator[_Batch]:
            for some in batches(ids()):
                yield _Batch([quest_id for quest_id in some if quest_id not in documented], {}, prefix + some[-1])

        self._compare(found(), cards, now, time_slice)
        self.publisher.publish([], now)  # a stage without quests has a board and a home too

    def _start(self, time_slice: TimeSlice) -> tuple[str, str]:
        """The beginning of this comparison's positions, and the id behind which to begin."""
        is_first = time_slice.after.startswith(_FIRST) if time_slice.after else self._is_first
        return _FIRST if is_first else "", time_slice.after.removeprefix(_FIRST)

    def _listed(self, after: str = "") -> Iterator[_Listed]:
        """The quests that have documents, by id, from behind the id `after` on."""
        found = self.publisher.documents.etags(QUESTS_PREFIX, quest_key(after) if after else "")
        for quest_id, etags in groupby(found, lambda one: one[0].removeprefix(QUESTS_PREFIX).rpartition(".")[0]):
            yield _Listed(quest_id, dict(etags))

    def _cards(self, now: datetime) -> dict[str, BoardCard]:
        return {card.quest_id: card for card in self.publisher.every_card(now)}

    def _compare(
        self, found: Iterable[_Batch], cards: Mapping[str, BoardCard], now: datetime, time_slice: TimeSlice
    ) -> None:
        """Publish each quest again whose documents differ."""
        for batch in time_slice.limit(found):
            different, drifted = self.publisher.compare(batch.ids, batch.etags, cards, now)
            if different:
                drifted += len(self.publisher.publish(different, now))
            self.quests += len(batch.ids)
            self.rewritten += len(different)
            self.drifted += 0 if batch.position.startswith(_FIRST) else drifted
