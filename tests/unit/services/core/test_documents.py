"""The documents: what is in them, and that merging gives the same board whatever the order and however often."""

from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.views import QuestPublic
from services.core.documents import (
    Board,
    BoardCard,
    Party,
    QuestDocument,
    card,
    is_on_board,
    is_public,
    merge,
    quest_document,
)
from services.core.domain.quests import Category, Quest, Status
from services.core.folding import matches, words

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
PARTIES = {"r": Party("Zoë Ångström"), "p": Party("Jonas")}


def quest(number: int = 1, **changes: Any) -> Quest:
    values = {
        "quest_id": f"q{number}",
        "title": f"Carry sofa {number}",
        "category": Category.SOCIAL,
        "tags": ["Möbel"],
        "area": "Łódź",
        "reward_xp": 100,
        "reward_reputation": 10,
        "requestor_id": "r",
        "created_at": NOW + timedelta(minutes=number),
        "updated_at": NOW,
        "expires_at": NOW + timedelta(days=30),
    }
    return Quest.model_validate({**values, **changes})


@pytest.mark.parametrize(
    "query", ["sofa carry", "mobel", "lodz", "zoe", "angstrom", "soc", "hauptstrasse", "third floor"]
)
def test_a_card_is_found_by_every_text_of_its_quest(query: str) -> None:
    made = card(quest(), "Up to the **third** floor, Hauptstraße 5.", PARTIES)
    assert matches(words(query), made.words)


def test_a_document_has_all_that_the_api_shows_to_everybody() -> None:
    assert set(QuestPublic.model_fields) <= set(QuestDocument.model_fields)


def test_a_document_names_the_parties_and_nobody_else() -> None:
    done = quest(performer_id="p", status=Status.CLAIMED)
    document = quest_document(done, "plain text that is long", {**PARTIES, "x": Party("Else")})
    assert (document.requestor_name, document.performer_name) == ("Zoë Ångström", "Jonas")


@pytest.mark.parametrize(("requestor", "performer"), [(True, None), (None, True), (True, True), (None, None)])
def test_a_moderator_has_the_mark_and_nobody_else(
    requestor: Literal[True] | None, performer: Literal[True] | None
) -> None:
    parties = {"r": Party("Lena", requestor), "p": Party("Jonas", performer), "x": Party("Else", moderator=True)}
    document = quest_document(quest(performer_id="p", status=Status.CLAIMED), "text", parties)
    assert (document.requestor_moderator, document.performer_moderator) == (requestor, performer)
    assert card(quest(), "text", parties).requestor_moderator == requestor
    assert (
        "requestorModerator" in card(quest(), "text", parties).model_dump_json(by_alias=True, exclude_none=True)
    ) == (requestor is True)


def test_a_document_holds_nothing_of_the_parties_alone() -> None:
    private = {"submission", "notes", "dispute", "change_requests", "meeting_point", "request_digest", "released_by"}
    assert not private & (set(QuestDocument.model_fields) | set(BoardCard.model_fields))


@pytest.mark.parametrize("status", list(Status))
def test_cancelled_quests_are_in_no_document_and_open_ones_alone_on_the_board(status: Status) -> None:
    assert is_public(quest(status=status)) is (status is not Status.CANCELLED)
    assert is_on_board(quest(status=status)) is (status is Status.OPEN)


@pytest.mark.parametrize("status", list(Status))
def test_a_hidden_quest_is_in_no_document(status: Status) -> None:
    hidden = quest(status=status, hidden_at=NOW)
    assert not is_public(hidden)
    assert not is_on_board(hidden)


Changes = st.lists(st.tuples(st.integers(1, 6), st.booleans()), max_size=20)


def _apply(board: Board | None, changes: list[tuple[int, bool]]) -> Board:
    for number, shown in changes:
        board = merge(board, {f"q{number}": card(quest(number), "text", PARTIES) if shown else None}, NOW)
    return board or merge(None, {}, NOW)


@given(Changes)
def test_the_board_is_what_the_last_change_of_each_quest_left(changes: list[tuple[int, bool]]) -> None:
    shown = {number for number, shown in dict(changes).items() if shown}
    cards = _apply(None, changes).cards
    assert [one.quest_id for one in cards] == [f"q{number}" for number in sorted(shown, reverse=True)]


@given(Changes)
def test_a_card_that_is_on_the_board_already_leaves_it_as_it_is(changes: list[tuple[int, bool]]) -> None:
    board = _apply(None, changes)
    replay = {f"q{n}": card(quest(n), "text", PARTIES) for n, shown in dict(changes).items() if shown}
    assert merge(board, replay, NOW + timedelta(days=1)) is board


@given(Changes)
def test_a_card_that_is_gone_already_makes_a_new_board_of_the_same_cards(changes: list[tuple[int, bool]]) -> None:
    """Else a publisher who saw the quest before it was withdrawn could add it to the board that it had read."""
    board = _apply(None, changes)
    again = merge(board, {"q1": None, "q99": None}, NOW - timedelta(days=1))
    assert again.published_at > board.published_at
    assert again.cards == [one for one in board.cards if one.quest_id != "q1"]
