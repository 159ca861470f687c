"""The published documents: what everybody may read, kept in the site's bucket and served by the edge without a Lambda.

| document | address | holds |
|---|---|---|
| board | `/published/board.json` | every OPEN quest as a card, with the words that a search looks for; of more than \
`BOARD_CARDS` the newest, and where the others are |
| board's page | `/published/board/{name}.json` | a part of one of a long board's lists (`services.core.board_index`) |
| quest | `/published/quests/{id}.json` | one quest as anybody may see it |
| quest's page | `/quests/{id}` | the same as HTML, readable without JavaScript |
| home | `/` | HTML with the newest cards |

They say what the tables say, a few seconds late. A quest that is hidden or cancelled is in none of them. The bodies
of a quest's documents depend on the quest alone, so that a rebuild compares them by ETag; when they were published is
their `Last-Modified`. Board and home carry `publishedAt`.
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
"""Seconds for which the edge serves a document after it changed."""
CACHE_CONTROL: Final = f"public, max-age=0, s-maxage={EDGE_SECONDS}"
BOARD_CARDS: Final = 5_000
"""Open quests up to which the board is one document; with more it is in pages."""
FIRST_CARDS: Final = 60
"""Cards in the board's document where the others are in pages: as many as the app shows at first."""
HOME_CARDS: Final = 12
"""Cards in the home page's HTML: more than the largest screen shows at first."""


def quest_key(quest_id: str) -> str:
    """The key of a quest's JSON in the bucket; its address is the same after a slash."""
    return f"{QUESTS_PREFIX}{quest_id}.json"


def page_key(quest_id: str) -> str:
    """The key of a quest's HTML in the bucket; its address is `/quests/{id}`."""
    return f"{QUESTS_PREFIX}{quest_id}.html"


def board_page_key(name: str) -> str:
    """The key of a page of a long board in the bucket; its address is the same after a slash."""
    return f"{BOARD_PAGES_PREFIX}{name}.json"


class Party(NamedTuple):
    """A party of a quest as documents name them, with the moderators' mark where they are one."""

    name: str
    moderator: Literal[True] | None = None


_FORMER = Party("")
"""A party that has no account any more."""


class BoardCard(Model):
    """An OPEN quest on the board.

    Attributes:
        words: the different words of title, description, tags, area, category and requestor's name, folded, sorted
            and joined by spaces; `services.core.folding.matches` compares a query's with them.
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
    """A sorted list in pages, which are documents of their own: names, and the key of each one's first entry."""

    names: list[str]
    first: list[str]


class BoardIndex(Model):
    """The pages of a long board, by list.

    Attributes:
        count: open quests.
        areas: quests by area, as their requestors wrote it.
        newest, ending, reward, when: pages of cards, in this order.
        words: pages of postings.
    """

    count: int
    areas: dict[str, int]
    newest: Pages
    ending: Pages
    reward: Pages
    when: Pages
    words: Pages


class CardPage(Model):
    """A page of cards, in the order of its list."""

    cards: list[BoardCard]


class WordPage(Model):
    """A page of the words' list. A posting is a word of a quest, the quest's id, then what orders it: creation and
    expiry, XP, start of its window or 0; moments in milliseconds since the epoch; separated by spaces.
    """

    postings: list[str]


class Board(Model):
    """Every OPEN quest, newest first; with an `index` the first FIRST_CARDS of them."""

    published_at: Timestamp
    cards: list[BoardCard]
    index: BoardIndex | None = None

    @property
    def count(self) -> int:
        """The number of open quests."""
        return self.index.count if self.index else len(self.cards)


class QuestDocument(Model):
    """A quest as anybody may see it: the API's public view, with the parties' names and moderators' marks."""

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
    """A quest's card; `parties` are by member."""
    requestor = parties.get(quest.requestor_id, _FORMER)
    return BoardCard(
        **_shared(quest, BoardCard),
        requestor_name=requestor.name,
        requestor_moderator=requestor.moderator,
        words=" ".join(words(quest.title, description, *quest.tags, quest.area, quest.category, requestor.name)),
    )


def quest_document(quest: Quest, description: str, parties: Mapping[str, Party]) -> QuestDocument:
    """A quest's document; `parties` are by member."""
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
    """The board with the cards of `changes` in place of those of the same quests; None takes a card away.

    Returns `board` itself where nothing is different, but not where a card is taken away that is not there: that has to
    be written too, or a publisher who saw the quest before it was withdrawn could still add it. `published_at` rises
    with every board, so that no two are equal.
    """
    before = {one.quest_id: one for one in board.cards} if board else {}
    after = {**before, **{quest_id: one for quest_id, one in changes.items() if one}}
    for quest_id, one in changes.items():
        if one is None:
            after.pop(quest_id, None)
    if board and after == before and None not in changes.values():
        return board
    return Board(published_at=later(board, now), cards=newest_first(after.values()))


def later(board: Board | None, now: datetime) -> datetime:
    """The moment at which the board that follows `board` is published: later, so that no two are equal."""
    return max(now, board.published_at + timedelta(milliseconds=1)) if board else now


def newest_first(cards: Iterable[BoardCard]) -> list[BoardCard]:
    """The cards in the board's order; of the same moment by id."""
    return sorted(cards, key=lambda one: (one.created_at, one.quest_id), reverse=True)
