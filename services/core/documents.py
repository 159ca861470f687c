"""The published documents: public data as files in the site's S3 bucket. CloudFront serves them; no Lambda runs.

| document | address | holds |
|---|---|---|
| board | `/published/board.json` | a card for each OPEN quest, with its words for the search; if there are more than \
`BOARD_CARDS`, the newest cards and an index of board pages |
| board page | `/published/board/{name}.json` | a part of a sorted list of a large board (`services.core.board_index`) |
| quest | `/published/quests/{id}.json` | the public view of one quest |
| quest page | `/quests/{id}` | the same as HTML, readable without JavaScript |
| home page | `/` | HTML with the newest cards |

The documents follow the tables within seconds. Hidden and cancelled quests are in none of them. A quest's documents
contain no time of publication, so that a rebuild can compare them by ETag; `Last-Modified` has that time. The board and
the home page contain it as `publishedAt`.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final, Literal, NamedTuple

from services.core import text
from services.core.domain.quests import Category, Quest, Role, Status, When
from services.core.domain.values import Model, Timestamp
from services.core.folding import words
from services.core.names import BOARD_PAGES_PREFIX, QUESTS_PREFIX

EDGE_SECONDS: Final = 5
"""Seconds for which CloudFront may serve the former version of a changed document."""
CACHE_CONTROL: Final = f"public, max-age=0, s-maxage={EDGE_SECONDS}"
BOARD_CARDS: Final = 5_000
"""Maximum number of open quests in one board document; a larger board is split into pages."""
FIRST_CARDS: Final = 60
"""Number of cards in the document of a board with pages: as many as the app shows at first."""
HOME_CARDS: Final = 12
"""Number of cards in the home page's HTML: more than the largest screen shows without scrolling."""


def quest_key(quest_id: str) -> str:
    """The S3 key of a quest's JSON; its URL path is `/` and the key."""
    return f"{QUESTS_PREFIX}{quest_id}.json"


def html_key(quest_id: str) -> str:
    """The S3 key of a quest's HTML; its URL path is `/quests/{id}`."""
    return f"{QUESTS_PREFIX}{quest_id}.html"


def board_page_key(name: str) -> str:
    """The S3 key of a board page; its URL path is `/` and the key."""
    return f"{BOARD_PAGES_PREFIX}{name}.json"


class Party(NamedTuple):
    """The name of a quest's requestor or performer; `moderator` is set if they are one."""

    name: str
    moderator: Literal[True] | None = None


_FORMER = Party("")
"""A requestor or performer whose account was deleted."""


class BoardCard(Model):
    """An OPEN quest on the board.

    Attributes:
        words: the distinct words of title, description, tags, area, category and requestor's name, without case and
            accents, sorted and joined by spaces; `services.core.folding.matches` compares a query with them.
    """

    quest_id: str
    version: int
    status: Status
    title: str
    category: Category
    tags: list[str]
    area: str
    when: When | None = None
    minutes: int = 60
    reward_xp: int
    reward_reputation: int
    requestor_id: str
    requestor_name: str
    requestor_moderator: Literal[True] | None = None
    created_at: Timestamp
    expires_at: Timestamp
    words: str


class Pages(Model):
    """The pages of a sorted list: their names, and the sort key of each page's first entry. Each page is a document."""

    names: list[str]
    first: list[str]


class BoardIndex(Model):
    """The index of a large board: the pages of each sorted list.

    Attributes:
        count: number of open quests.
        areas: number of quests by area, spelled as their requestors did.
        newest, ending, reward, when: pages of all cards, sorted by creation, expiry, reward and time window.
        words: pages of the search index (see `WordPage`).
    """

    count: int
    areas: dict[str, int]
    newest: Pages
    ending: Pages
    reward: Pages
    when: Pages
    words: Pages


class CardPage(Model):
    """A page of a sorted list of cards."""

    cards: list[BoardCard]


class WordPage(Model):
    """A page of the search index.

    A posting says that a quest contains a word. It is a line with the word, the quest's id and the values that quests
    are sorted by: creation, expiry, XP, and the start of the time window or 0. Times are in milliseconds since 1970.
    """

    postings: list[str]


class Board(Model):
    """All OPEN quests, newest first; if there is an `index`, only the first FIRST_CARDS."""

    published_at: Timestamp
    cards: list[BoardCard]
    index: BoardIndex | None = None

    @property
    def count(self) -> int:
        """The number of open quests."""
        return self.index.count if self.index else len(self.cards)


class QuestDocument(Model):
    """The public view of a quest: that of the API, with the names of requestor and performer."""

    quest_id: str
    version: int
    status: Status
    title: str
    category: Category
    tags: list[str]
    area: str
    when: When | None = None
    minutes: int = 60
    reward_xp: int
    reward_reputation: int
    requestor_id: str
    requestor_name: str
    requestor_moderator: Literal[True] | None = None
    performer_id: str | None = None
    performer_name: str | None = None
    performer_moderator: Literal[True] | None = None
    description: str
    description_html: str
    attested_by: list[Role]
    created_at: Timestamp
    updated_at: Timestamp
    expires_at: Timestamp
    claimed_at: Timestamp | None = None
    claim_deadline: Timestamp | None = None
    submitted_at: Timestamp | None = None
    completed_at: Timestamp | None = None
    cancelled_at: Timestamp | None = None
    expired_at: Timestamp | None = None


def is_public(quest: Quest) -> bool:
    """True if a quest has documents."""
    return quest.status is not Status.CANCELLED and quest.hidden_at is None and not quest.synthetic


def is_on_board(quest: Quest) -> bool:
    """True if a quest has a card on the board."""
    return quest.status is Status.OPEN and is_public(quest)


def card(quest: Quest, description: str, parties: Mapping[str, Party]) -> BoardCard:
    """A quest's card; `parties` are by user id."""
    requestor = parties.get(quest.requestor_id, _FORMER)
    return BoardCard(
        **_shared(quest, BoardCard),
        requestor_name=requestor.name,
        requestor_moderator=requestor.moderator,
        words=" ".join(words(quest.title, description, *quest.tags, quest.area, quest.category, requestor.name)),
    )


def quest_document(quest: Quest, description: str, parties: Mapping[str, Party]) -> QuestDocument:
    """A quest's document; `parties` are by user id."""
    requestor = parties.get(quest.requestor_id, _FORMER)
    performer = parties.get(quest.performer_id) if quest.performer_id else None
    return QuestDocument(
        **_shared(quest, QuestDocument),
        requestor_name=requestor.name,
        requestor_moderator=requestor.moderator,
        performer_name=performer and performer.name,
        performer_moderator=performer and performer.moderator,
        description=description,
        description_html=text.render(description),
        attested_by=[attestation.role for attestation in quest.attestations],
    )


def _shared(quest: Quest, model: type[Model]) -> dict[str, Any]:
    return {name: value for name, value in quest.__dict__.items() if name in model.model_fields}


def merge(board: Board | None, changes: Mapping[str, BoardCard | None], now: datetime) -> Board:
    """Apply `changes`, by quest id, to the board's cards; None removes a card.

    Returns `board` itself if nothing changes. The removal of a missing card counts as a change: the board must be
    written, so that the conditional write of a concurrent publisher fails, which may be about to add this card.
    """
    before = {one.quest_id: one for one in board.cards} if board else {}
    after = {**before, **{quest_id: one for quest_id, one in changes.items() if one}}
    for quest_id, one in changes.items():
        if one is None:
            after.pop(quest_id, None)
    if board and after == before and None not in changes.values():
        return board
    return Board(published_at=next_publication_time(board, now), cards=newest_first(after.values()))


def next_publication_time(board: Board | None, now: datetime) -> datetime:
    """The `published_at` of the board that replaces `board`: always later, so that no two boards are equal."""
    return max(now, board.published_at + timedelta(milliseconds=1)) if board else now


def newest_first(cards: Iterable[BoardCard]) -> list[BoardCard]:
    """The cards sorted by creation, newest first, then by id."""
    return sorted(cards, key=lambda one: (one.created_at, one.quest_id), reverse=True)
