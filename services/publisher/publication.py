"""Publishing: updates the documents from the tables.

Only the quest's id is taken from a stream's event. The document is read first, then the quest from the tables, and the
document is written if it did not change meanwhile (`services.core.stores.documents`). So events may be repeated,
reordered or handled by several publishers at once. A board of more cards than one document takes has an `index`, which
names the pages of its sorted lists and of its search (`services.core.documents`).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from threading import Lock
from typing import Final, NamedTuple, TypeVar

from services.core.board_index import MissingPageError, needs_rewrite, page_names
from services.core.documents import (
    BOARD_CARDS,
    Board,
    BoardCard,
    Party,
    QuestDocument,
    board_page_key,
    card,
    html_key,
    is_on_board,
    is_public,
    quest_document,
    quest_key,
)
from services.core.names import BOARD_KEY, BOARD_PAGES_PREFIX, HOME_KEY
from services.core.stores.documents import Body, ConcurrentWriteError, DocumentStore
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.quests import QuestStore, StoredQuest
from services.core.stores.users import UserStore
from services.core.telemetry import Log
from services.publisher.board import BoardFiles, CurrentCard, board_page_name, dump
from services.publisher.pages import home_page, quest_page

T = TypeVar("T")

BATCH: Final = 40
"""Maximum number of quests in one read of the tables and one write of the board."""
DRIFT_GRACE: Final = timedelta(minutes=2)
"""Time that the stream has to publish a change. A document that lacks an older change has drifted."""


MakeBoard = Callable[[Board | None, BoardFiles, Sequence[str]], Board]
"""Returns the next board, given the current one and the ids of changed quests. Raises MissingPageError."""


class Read(NamedTuple):
    """Quests by id, and their requestors and performers by user id, as read from the tables."""

    quests: dict[str, StoredQuest]
    parties: dict[str, Party]


@dataclass(frozen=True)
class Publisher:
    """Writes the documents. Every method raises StoreUnavailableError and is idempotent."""

    quests: QuestStore
    users: UserStore
    documents: DocumentStore
    site_url: str
    log: Log
    workers: int
    """Number of threads that write documents."""
    tables_lock: AbstractContextManager[object] = field(default_factory=Lock)
    """Held while the tables are read: the client is not thread-safe."""
    max_cards: int = BOARD_CARDS
    """Maximum number of open quests in one board document."""

    def publish(self, quest_ids: Sequence[str], now: datetime) -> list[str]:
        """Update all documents that contain these quests, at most BATCH of them.

        Returns the ids of quests that are invalid in the table; their documents are not changed.
        """
        try:
            self._publish(quest_ids, now)
        except ValueError:
            if len(quest_ids) > 1:
                return [bad for quest_id in quest_ids for bad in self.publish([quest_id], now)]
            self.log.exception("quest not published", extra={"quest_id": quest_ids[0] if quest_ids else None})
            return list(quest_ids)
        return []

    def _publish(self, quest_ids: Sequence[str], now: datetime) -> None:
        if self.workers > 1 and len(quest_ids) > 1:
            with ThreadPoolExecutor(self.workers) as pool:
                list(pool.map(self._publish_quest, quest_ids))
        else:
            for quest_id in quest_ids:
                self._publish_quest(quest_id)
        self._write_board(now, self._changed, quest_ids)
        self.documents.rewrite(HOME_KEY, self._home)

    def _write_board(self, now: datetime, make: MakeBoard, quest_ids: Sequence[str] = ()) -> None:
        """Update the board, and delete the pages that it no longer names."""
        files = BoardFiles(self.documents, self.max_cards, self.workers, now)
        before: Board | None = None
        after: Board | None = None

        def attempt(body: Body) -> Body:
            nonlocal before, after
            before = _parse(body)
            try:
                after = make(before, files, quest_ids)
            except MissingPageError:
                if self.documents.read(BOARD_KEY) != body:
                    raise ConcurrentWriteError from None
                after = self._from_tables(before, files, quest_ids)
            return body if after is before else dump(after)

        self.documents.rewrite(BOARD_KEY, attempt)
        files.delete((_names_of(before) | files.created) - _names_of(after))

    def _publish_quest(self, quest_id: str) -> None:
        self.documents.rewrite(quest_key(quest_id), partial(self._json, quest_id))
        self.documents.rewrite(html_key(quest_id), partial(self._html, quest_id))

    def mend_pages(self, now: datetime) -> int:
        """Rewrite a board that has missing or mostly small pages, and delete pages that belong to no board.

        Returns the number of missing pages.
        """
        board, found = self.stored_board(), self._page_names()
        named = _names_of(board)
        missing = sum(not self._has_page(name) for name in sorted(named - found))
        if board and board.index and (missing or needs_rewrite(board.index)):
            self._write_board(now, self._from_tables if missing else self._rewritten)
        files = BoardFiles(self.documents, self.max_cards, self.workers, now)
        files.delete(name for name in found - named if files.is_old_enough_to_delete(name))
        return missing

    def _page_names(self) -> set[str]:
        return {board_page_name(key) for key, _ in self.documents.etags(BOARD_PAGES_PREFIX)}

    def _has_page(self, name: str) -> bool:
        return self.documents.read(board_page_key(name)) is not None

    def every_card(self, now: datetime) -> list[BoardCard]:
        """All cards of the board. Raises StoreUnavailableError if another publisher replaced it meanwhile."""
        board = self.stored_board()
        try:
            files = BoardFiles(self.documents, self.max_cards, self.workers, now)
            return files.every_card(board) if board else []
        except MissingPageError as error:
            raise StoreUnavailableError(f"the board changed while it was read: {error}") from error

    def compare(
        self, ids: list[str], etags: Mapping[str, str], cards: Mapping[str, BoardCard], now: datetime
    ) -> tuple[list[str], int]:
        """The ids of quests whose documents differ, and how many have drifted. An invalid quest differs."""
        try:
            read = self._read(ids)
        except ValueError:
            if len(ids) == 1:
                return ids, 0
            parts = [self.compare([quest_id], etags, cards, now) for quest_id in ids]
            return [quest_id for different, _ in parts for quest_id in different], sum(missed for _, missed in parts)
        different = [quest_id for quest_id in ids if self._differs(quest_id, read, etags, cards)]
        return different, sum(self._has_drifted(quest_id, read.quests.get(quest_id), now) for quest_id in different)

    def _differs(self, quest_id: str, read: Read, etags: Mapping[str, str], cards: Mapping[str, BoardCard]) -> bool:
        stored = read.quests.get(quest_id)
        if cards.get(quest_id) != _card(stored, read.parties):
            return True
        bodies = {
            quest_key(quest_id): _json(stored, read.parties),
            html_key(quest_id): self._page(stored, read.parties),
        }
        return any(etags.get(key) != _etag(body) for key, body in bodies.items())

    def _has_drifted(self, quest_id: str, stored: StoredQuest | None, now: datetime) -> bool:
        """True if the JSON document has another version than a quest that was not changed within DRIFT_GRACE.

        A new layout or a member's new name changes documents without being drift.
        """
        if stored and now - stored.quest.updated_at < DRIFT_GRACE:
            return False
        expected = stored.quest.version if stored and is_public(stored.quest) else None
        published = _document_in(self.documents.read(quest_key(quest_id)))
        return (published and published.version) != expected

    def _json(self, quest_id: str, _: Body) -> Body:
        read = self._read([quest_id])
        return _json(read.quests.get(quest_id), read.parties)

    def _html(self, quest_id: str, _: Body) -> Body:
        read = self._read([quest_id])
        return self._page(read.quests.get(quest_id), read.parties)

    def _page(self, stored: StoredQuest | None, parties: dict[str, Party]) -> Body:
        document = _document(stored, parties)
        return quest_page(document, self.site_url) if document else None

    def _changed(self, board: Board | None, files: BoardFiles, quest_ids: Sequence[str]) -> Board:
        if board is None:
            return self._from_tables(board, files, quest_ids)
        read = self._read(quest_ids)
        return files.changed(board, {quest_id: _current_card(quest_id, read) for quest_id in quest_ids})

    def _from_tables(self, board: Board | None, files: BoardFiles, quest_ids: Sequence[str]) -> Board:
        """A board of all open quests. `quest_ids` are read by key: the index of open quests may not have them yet."""
        cards: dict[str, BoardCard | None] = {}
        for batch in batches(self.quests.open_ids()):
            cards |= self._valid_cards(batch)
        cards |= self._cards(quest_ids)
        return files.whole([one for one in cards.values() if one], board)

    def _rewritten(self, board: Board | None, files: BoardFiles, quest_ids: Sequence[str]) -> Board:
        """The same board with all pages rewritten."""
        return files.whole(files.every_card(board), board) if board else self._from_tables(board, files, quest_ids)

    def _cards(self, quest_ids: Sequence[str]) -> dict[str, BoardCard | None]:
        read = self._read(quest_ids)
        return {quest_id: _current_card(quest_id, read).card for quest_id in quest_ids}

    def _valid_cards(self, quest_ids: Sequence[str]) -> dict[str, BoardCard | None]:
        """The cards of valid quests. An invalid one is logged when it is published itself."""
        try:
            return self._cards(quest_ids)
        except ValueError:
            if len(quest_ids) == 1:
                return {}
        return {id_: one for quest_id in quest_ids for id_, one in self._valid_cards([quest_id]).items()}

    def _home(self, before: Body) -> Body:
        board = self.stored_board()
        return home_page(board, self.site_url) if board else before

    def stored_board(self) -> Board | None:
        """The board as it is published, or None if there is none that is valid."""
        return _parse(self.documents.read(BOARD_KEY))

    def _read(self, quest_ids: Sequence[str]) -> Read:
        with self.tables_lock:
            found = self.quests.described(quest_ids)
            ids = {id_ for one in found for id_ in (one.quest.requestor_id, one.quest.performer_id) if id_}
            members = self.users.get_many(sorted(ids)) if ids else []
        parties = {member.user_id: Party(member.display_name, member.moderator) for member in members}
        return Read({one.quest.quest_id: one for one in found}, parties)


def batches(ids: Iterable[T]) -> Iterator[list[T]]:
    """The ids, or what goes with them, by as many as are read at once."""
    remaining = iter(ids)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _current_card(quest_id: str, read: Read) -> CurrentCard:
    stored = read.quests.get(quest_id)
    return CurrentCard(stored.quest.created_at if stored else None, _card(stored, read.parties))


def _names_of(board: Board | None) -> set[str]:
    return page_names(board.index) if board else set()


def _card(stored: StoredQuest | None, parties: dict[str, Party]) -> BoardCard | None:
    return card(stored.quest, stored.description, parties) if stored and is_on_board(stored.quest) else None


def _document(stored: StoredQuest | None, parties: dict[str, Party]) -> QuestDocument | None:
    return quest_document(stored.quest, stored.description, parties) if stored and is_public(stored.quest) else None


def _json(stored: StoredQuest | None, parties: dict[str, Party]) -> Body:
    document = _document(stored, parties)
    return dump(document) if document else None


def _etag(body: Body) -> str | None:
    """The ETag that S3 computes for an object that was uploaded in one part."""
    return hashlib.md5(body, usedforsecurity=False).hexdigest() if body is not None else None


def _parse(body: Body) -> Board | None:
    """The board; None if it is missing or invalid."""
    try:
        return Board.model_validate_json(body) if body else None
    except ValueError:
        return None


def _document_in(body: Body) -> QuestDocument | None:
    """A quest's document; None if it is missing or invalid."""
    try:
        return QuestDocument.model_validate_json(body) if body else None
    except ValueError:
        return None
