"""Publishing: brings documents to what the tables say, quest by quest or all of them.

An event only says which quest to look at. What is published is what the tables say after the document was read, so
that events may be repeated, reordered or handled by several publishers at once (`services.core.stores.documents`).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import islice
from threading import Lock
from typing import Final, NamedTuple

from services.core.board_index import MissingPageError, is_worn, names_in
from services.core.documents import (
    BOARD_CARDS,
    Board,
    BoardCard,
    Party,
    QuestDocument,
    board_page_key,
    card,
    is_on_board,
    is_public,
    page_key,
    quest_document,
    quest_key,
)
from services.core.names import BOARD_KEY, BOARD_PAGES_PREFIX, HOME_KEY, QUESTS_PREFIX
from services.core.stores.documents import Body, DocumentStore, LostError
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.quests import QuestStore, StoredQuest
from services.core.stores.users import UserStore
from services.core.telemetry import Log
from services.publisher.board import BoardFiles, Place, board_page_name, dump
from services.publisher.pages import home_page, quest_page

BATCH: Final = 40
"""Quests that are read and merged into the board at once."""
SETTLED: Final = timedelta(minutes=2)
"""Time after a change from which a document that lacks it counts as drifted: the stream had its chance."""


MakeBoard = Callable[[Board | None, BoardFiles, Sequence[str]], Board]
"""Makes the board that follows one, in which these quests changed. Raises MissingPageError."""


class Read(NamedTuple):
    """Quests as they stand, by id, and their parties by member."""

    quests: dict[str, StoredQuest]
    parties: dict[str, Party]


class Rebuilt(NamedTuple):
    """Result of a rebuild: quests looked at, those whose documents were written again, and of them the drifted ones."""

    quests: int
    rewritten: int
    drifted: int


@dataclass(frozen=True)
class Publisher:
    """Writes the documents. Every method raises StoreUnavailableError, and is safe to repeat."""

    quests: QuestStore
    users: UserStore
    documents: DocumentStore
    site_url: str
    log: Log
    workers: int
    """Quests whose documents are written at once."""
    tables: AbstractContextManager[object] = field(default_factory=Lock)
    """Held while the tables are read, whose client is for one thread."""
    bound: int = BOARD_CARDS
    """Open quests up to which the board is one document."""

    def publish(self, quest_ids: Sequence[str], now: datetime) -> list[str]:
        """Bring every document that speaks of these quests, at most BATCH, up to date.

        Returns those that are invalid in the table, whose documents stay as they are.
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
        """Bring the board up to date, and delete the pages that it does not name any more."""
        files = BoardFiles(self.documents, self.bound, self.workers, now)
        before: Board | None = None
        after: Board | None = None

        def attempt(body: Body) -> Body:
            nonlocal before, after
            before = _parse(body)
            try:
                after = make(before, files, quest_ids)
            except MissingPageError:
                if self.documents.read(BOARD_KEY) != body:
                    raise LostError from None
                after = self._from_tables(before, files, quest_ids)
            return body if after is before else dump(after)

        self.documents.rewrite(BOARD_KEY, attempt)
        files.delete((_names_of(before) | files.created) - _names_of(after))

    def _publish_quest(self, quest_id: str) -> None:
        self.documents.rewrite(quest_key(quest_id), partial(self._json, quest_id))
        self.documents.rewrite(page_key(quest_id), partial(self._html, quest_id))

    def rebuild(self, now: datetime) -> Rebuilt:
        """Compare every document with the tables, and publish each quest for which one differs.

        Where nothing was ever published, nothing has drifted.
        """
        etags = self.documents.etags(QUESTS_PREFIX)
        mended = self._mend_pages(now)
        board = self._stored_board()
        cards = {one.quest_id: one for one in self._every_card(board, now)}
        known = {key.removeprefix(QUESTS_PREFIX).rpartition(".")[0] for key in etags} | cards.keys()
        looked_at = rewritten = drifted = 0
        for ids in _batches(self._every_id(known)):
            different, missed = self._compare(ids, etags, cards, now)
            looked_at, rewritten, drifted = looked_at + len(ids), rewritten + len(different), drifted + missed
            if different:
                drifted += len(self.publish(different, now))
        self.publish([], now)
        return Rebuilt(looked_at, rewritten, drifted + mended if board else 0)

    def _mend_pages(self, now: datetime) -> int:
        """Write a long board again that lacks pages or has many small ones, and delete pages that were left behind.

        Returns the number of pages that are missing.
        """
        board, found = self._stored_board(), self._page_names()
        named = _names_of(board)
        missing = sum(not self._has_page(name) for name in sorted(named - found))
        if board and board.index and (missing or is_worn(board.index)):
            self._write_board(now, self._from_tables if missing else self._laid_out)
        files = BoardFiles(self.documents, self.bound, self.workers, now)
        files.delete(name for name in found - named if files.is_left_behind(name))
        return missing

    def _page_names(self) -> set[str]:
        return {board_page_name(key) for key in self.documents.etags(BOARD_PAGES_PREFIX)}

    def _has_page(self, name: str) -> bool:
        return self.documents.read(board_page_key(name)) is not None

    def _every_card(self, board: Board | None, now: datetime) -> list[BoardCard]:
        """The board's cards; none where another publisher has put another board in its place meanwhile."""
        try:
            files = BoardFiles(self.documents, self.bound, self.workers, now)
            return files.every_card(board) if board else []
        except MissingPageError as error:
            raise StoreUnavailableError(f"the board changed while it was read: {error}") from error

    def _every_id(self, known: set[str]) -> Iterator[str]:
        """The quests of the table, then those that have documents and are not in it."""
        for quest_id in self.quests.ids():
            known.discard(quest_id)
            yield quest_id
        yield from sorted(known)

    def _compare(
        self, ids: list[str], etags: dict[str, str], cards: dict[str, BoardCard], now: datetime
    ) -> tuple[list[str], int]:
        """The quests whose documents differ, and how many of those have drifted; an invalid quest differs."""
        try:
            read = self._read(ids)
        except ValueError:
            if len(ids) == 1:
                return ids, 0
            parts = [self._compare([quest_id], etags, cards, now) for quest_id in ids]
            return [quest_id for different, _ in parts for quest_id in different], sum(missed for _, missed in parts)
        different = [quest_id for quest_id in ids if self._differs(quest_id, read, etags, cards)]
        return different, sum(self._has_drifted(quest_id, read.quests.get(quest_id), now) for quest_id in different)

    def _differs(self, quest_id: str, read: Read, etags: dict[str, str], cards: dict[str, BoardCard]) -> bool:
        stored = read.quests.get(quest_id)
        if cards.get(quest_id) != _card(stored, read.parties):
            return True
        bodies = {
            quest_key(quest_id): _json(stored, read.parties),
            page_key(quest_id): self._page(stored, read.parties),
        }
        return any(etags.get(key) != _etag(body) for key, body in bodies.items())

    def _has_drifted(self, quest_id: str, stored: StoredQuest | None, now: datetime) -> bool:
        """True if a document lacks a change that is not of this moment; another look or name is no drift."""
        if stored and now - stored.quest.updated_at < SETTLED:
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
        if board is None:  # then every open quest is news
            return self._from_tables(board, files, quest_ids)
        read = self._read(quest_ids)
        return files.changed(board, {quest_id: _place(quest_id, read) for quest_id in quest_ids})

    def _from_tables(self, board: Board | None, files: BoardFiles, quest_ids: Sequence[str]) -> Board:
        """A board of all open quests; of `quest_ids` the index that they are found by may not know yet."""
        cards: dict[str, BoardCard | None] = {}
        for batch in _batches(self.quests.open_ids()):
            cards |= self._valid_cards(batch)
        cards |= self._cards(quest_ids)
        return files.whole([one for one in cards.values() if one], board)

    def _laid_out(self, board: Board | None, files: BoardFiles, quest_ids: Sequence[str]) -> Board:
        """The board with its pages written again."""
        return files.whole(files.every_card(board), board) if board else self._from_tables(board, files, quest_ids)

    def _cards(self, quest_ids: Sequence[str]) -> dict[str, BoardCard | None]:
        read = self._read(quest_ids)
        return {quest_id: _place(quest_id, read).card for quest_id in quest_ids}

    def _valid_cards(self, quest_ids: Sequence[str]) -> dict[str, BoardCard | None]:
        """The cards without those of invalid quests, which are told of when they are published themselves."""
        try:
            return self._cards(quest_ids)
        except ValueError:
            if len(quest_ids) == 1:
                return {}
        return {id_: one for quest_id in quest_ids for id_, one in self._valid_cards([quest_id]).items()}

    def _home(self, before: Body) -> Body:
        board = self._stored_board()
        return home_page(board, self.site_url) if board else before

    def _stored_board(self) -> Board | None:
        return _parse(self.documents.read(BOARD_KEY))

    def _read(self, quest_ids: Sequence[str]) -> Read:
        with self.tables:
            found = self.quests.described(quest_ids)
            ids = {id_ for one in found for id_ in (one.quest.requestor_id, one.quest.performer_id) if id_}
            members = self.users.get_many(sorted(ids)) if ids else []
        parties = {member.user_id: Party(member.display_name, member.moderator) for member in members}
        return Read({one.quest.quest_id: one for one in found}, parties)


def _batches(ids: Iterable[str]) -> Iterator[list[str]]:
    remaining = iter(ids)
    while batch := list(islice(remaining, BATCH)):
        yield batch


def _place(quest_id: str, read: Read) -> Place:
    stored = read.quests.get(quest_id)
    return Place(stored.quest.created_at if stored else None, _card(stored, read.parties))


def _names_of(board: Board | None) -> set[str]:
    return names_in(board.index) if board else set()


def _card(stored: StoredQuest | None, parties: dict[str, Party]) -> BoardCard | None:
    return card(stored.quest, stored.description, parties) if stored and is_on_board(stored.quest) else None


def _document(stored: StoredQuest | None, parties: dict[str, Party]) -> QuestDocument | None:
    return quest_document(stored.quest, stored.description, parties) if stored and is_public(stored.quest) else None


def _json(stored: StoredQuest | None, parties: dict[str, Party]) -> Body:
    document = _document(stored, parties)
    return dump(document) if document else None


def _etag(body: Body) -> str | None:
    """S3's ETag of an object that was put as a whole."""
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
