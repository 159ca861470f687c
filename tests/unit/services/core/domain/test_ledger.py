from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.domain import ledger
from services.core.domain.ledger import Entry, Kind, State, Totals, drift, entry_id, sum_entries, totals_of
from services.core.domain.users import newcomer
from tests.unit.services.cloud import ANNA, BEN, NOW

ENTRIES = st.lists(
    st.builds(
        Entry,
        user_id=st.just(ANNA),
        entry_id=st.text(),
        kind=st.sampled_from(Kind),
        points=st.integers(-9, 9),
        xp=st.integers(0, 9),
        reputation=st.integers(0, 9),
        state=st.sampled_from(State),
        created_at=st.just(NOW),
    ),
    max_size=8,
)


@given(ENTRIES)
def test_totals_are_the_sum_of_what_is_posted(entries: list[Entry]) -> None:
    posted = [entry for entry in entries if entry.state == "POSTED"]
    assert sum_entries(entries) == (
        sum(entry.points for entry in posted),
        sum(entry.xp for entry in posted),
        sum(entry.reputation for entry in posted),
        sum(entry.kind == "reward" for entry in posted),
        sum(entry.new_confirmer for entry in posted),
    )
    assert sum_entries(reversed(entries)) == sum_entries(entries)


def test_entries_sort_by_time() -> None:
    ids = [entry_id(Kind.REWARD, "z", NOW), entry_id(Kind.CREATE, "a", NOW + timedelta(milliseconds=1))]
    assert ids == sorted(ids)
    assert ids[0] == "2026-03-01T12:00:00.000Z#reward#z"


def test_what_each_kind_is_worth() -> None:
    made = [
        ledger.welcome(ANNA, NOW),
        ledger.cost(ANNA, "q", 3, NOW),
        ledger.raised(ANNA, "q", 2, NOW),
        ledger.refund(ANNA, "q", 5, NOW),
        ledger.reward(ANNA, "q", BEN, 100, 10, NOW, confirmed=True),
    ]
    assert [(e.kind, e.points, e.xp, e.reputation, e.state, e.quest_id, e.posted_at) for e in made] == [
        ("welcome", 10, 0, 0, "POSTED", None, NOW),
        ("create", -3, 0, 0, "POSTED", "q", NOW),
        ("raise", -2, 0, 0, "POSTED", "q", NOW),
        ("refund", 5, 0, 0, "POSTED", "q", NOW),
        ("reward", 2, 100, 10, "PENDING", "q", None),
    ]
    assert len({entry.entry_id for entry in made}) == 5


def test_drift_is_what_the_row_has_too_much() -> None:
    assert drift(Totals(10, 5, 1, 1), Totals(10, 5, 1, 1)) is None
    assert drift(Totals(10, 5, 1, 1), Totals(9, 7, 1, 1)) == (1, -2, 0, 0, 0)
    assert drift(Totals(), Totals(completed=1, confirmed_by=2)) == (0, 0, 0, -1, -2)


@pytest.mark.parametrize(("share", "amounts"), [(100, (2, 125, 11)), (50, (1, 62, 5)), (0, (0, 0, 0))])
def test_a_diminished_reward_is_rounded_down_and_says_its_share(share: int, amounts: tuple[int, int, int]) -> None:
    entry = ledger.reward(ANNA, "q", BEN, 125, 11, NOW, confirmed=True, share=share)
    assert (entry.points, entry.xp, entry.reputation) == amounts
    assert entry.share == share


def test_a_newcomers_row_is_the_sum_of_their_welcome() -> None:
    assert drift(totals_of(newcomer(ANNA, NOW)), sum_entries([ledger.welcome(ANNA, NOW)])) is None
