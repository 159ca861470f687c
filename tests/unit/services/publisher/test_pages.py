"""The documents as HTML: what links show, what readers without JavaScript see, and hostile text that stays text."""

import json
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any, Literal

import pytest

from services.core.documents import HOME_CARDS, Board, Party, card, quest_document
from services.core.domain.quests import Category, Quest, Status
from services.publisher.pages import home_page, quest_page

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
URL = "https://quests.example"
HOSTILE = "</script><script>alert(1)</script>\"'><img src=x onerror=alert(1)> {title} %s &amp;"


def quest(**changes: Any) -> Quest:
    values = {
        "quest_id": "q1",
        "title": "Carry a sofa",
        "category": Category.SOCIAL,
        "area": "Old town",
        "reward_xp": 100,
        "reward_reputation": 10,
        "requestor_id": "r",
        "created_at": NOW,
        "updated_at": NOW,
        "expires_at": NOW + timedelta(days=30),
    }
    return Quest.model_validate({**values, **changes})


class Page(HTMLParser):
    """A page as a crawler reads it."""

    def __init__(self, html: bytes) -> None:
        super().__init__()
        self.meta: dict[str, str] = {}
        self.links: dict[str, str] = {}
        self.tags: list[str] = []
        self.texts: dict[str, str] = {}
        self.data = ""
        self._open: list[str] = []
        self.feed(html.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.tags.append(tag)
        if tag == "meta":
            self.meta[given.get("property") or given.get("name", "")] = given.get("content", "")
        elif tag == "link":
            self.links[given["rel"]] = given["href"]
        self._open.append("ld" if given.get("type") == "application/ld+json" else tag)

    def handle_endtag(self, tag: str) -> None:
        self._open.pop()

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        place = self._open[-1] if self._open else ""
        if place == "ld":
            self.data += data
        self.texts[place] = self.texts.get(place, "") + data


def page_of(description: str = "Twelve steps, one **narrow** turn.", **changes: Any) -> Page:
    return Page(quest_page(quest_document(quest(**changes), description, {"r": Party("Anna")}), URL))


def test_a_requestor_who_moderates_has_the_mark() -> None:
    def shown(*, moderator: Literal[True] | None) -> str:
        parties = {"r": Party("Anna", moderator)}
        return quest_page(quest_document(quest(), "x" * 30, parties), URL).decode()

    assert shown(moderator=True).count('<span class="moderator-mark">Moderator</span>') == 1
    assert "moderator-mark" not in shown(moderator=None)


def test_a_link_shows_title_text_place_and_a_picture() -> None:
    meta = page_of().meta
    assert meta["og:title"] == meta["twitter:title"] == "Carry a sofa"
    assert meta["og:url"] == f"{URL}/quests/q1"
    assert meta["og:image"] == meta["twitter:image"] == f"{URL}/pictures/social.png"
    for name in ("description", "og:description", "twitter:description"):
        assert meta[name] == "Open · Old town · Twelve steps, one narrow turn."


@pytest.mark.parametrize(
    ("end", "said"),
    [
        (NOW + timedelta(hours=2), "27 November 2026, 12:00 to 14:00 (UTC)"),
        (NOW + timedelta(hours=26), "27 November 2026, 12:00 to 28 November 2026, 14:00 (UTC)"),
    ],
)
def test_it_says_when(end: datetime, said: str) -> None:
    page = page_of(when={"start": NOW, "end": end})
    assert said in page.meta["og:description"]
    assert said in page.texts["time"]
    data = json.loads(page.data)
    assert datetime.fromisoformat(data["availabilityStarts"]) == NOW
    assert datetime.fromisoformat(data["availabilityEnds"]) == end
    home = home_page(Board(published_at=NOW, cards=[card(quest(when={"start": NOW, "end": end}), "text", {})]), URL)
    assert said in Page(home).texts["time"]


def test_the_canonical_address_is_the_quests() -> None:
    assert page_of().links["canonical"] == f"{URL}/quests/q1"


def test_it_reads_without_javascript() -> None:
    texts = page_of().texts
    assert texts["h1"] == "Carry a sofa"
    assert "narrow" in texts["strong"]
    assert {"Old town", "Anna"} <= {texts["bdi"][: len("Old town")], texts["bdi"][-len("Anna") :]}


def test_linked_data_says_the_same() -> None:
    data = json.loads(page_of().data)
    assert (data["name"], data["url"], data["areaServed"]) == ("Carry a sofa", f"{URL}/quests/q1", "Old town")
    assert datetime.fromisoformat(data["validThrough"]) == NOW + timedelta(days=30)


@pytest.mark.parametrize("field", ["title", "area"])
def test_hostile_text_stays_text(field: str) -> None:
    plain, hostile = page_of(), page_of(description=HOSTILE, **{field: HOSTILE})
    assert "img" not in hostile.tags
    assert [tag for tag in hostile.tags if tag == "script"] == [tag for tag in plain.tags if tag == "script"]
    data = json.loads(hostile.data)
    assert HOSTILE in (data["name"], data["areaServed"])
    assert data["description"] == HOSTILE
    assert hostile.texts["h1"] == (HOSTILE if field == "title" else "Carry a sofa")


def test_nothing_inline_that_the_content_security_policy_refuses() -> None:
    html = quest_page(quest_document(quest(), "x" * 30, {}), URL).decode()
    assert "style=" not in html
    assert html.count("<script") == 2
    assert '<script type="module" src="/app.js"></script>' in html


def test_a_long_text_is_cut_for_links() -> None:
    assert len(page_of(description="word " * 300).meta["og:description"]) <= 200


@pytest.mark.parametrize("status", [status for status in Status if status is not Status.CANCELLED])
def test_every_status_and_category_has_a_page(status: Status) -> None:
    for category in Category:
        assert page_of(status=status, category=category).texts["h1"] == "Carry a sofa"


def board(count: int) -> Board:
    cards = [card(quest(quest_id=f"q{n}", title=f"Sofa number {n}"), "text", {}) for n in range(count)]
    return Board(published_at=NOW, cards=cards)


@pytest.mark.parametrize(("count", "said"), [(0, "0 quests are open."), (1, "1 quest is open."), (30, "30 quests")])
def test_home_shows_the_newest_cards_and_says_how_many_there_are(count: int, said: str) -> None:
    page = Page(home_page(board(count), URL))
    assert said in page.texts["p"]
    assert page.tags.count("article") == min(count, HOME_CARDS)
    assert page.links["preload"] == "/published/board.json"
