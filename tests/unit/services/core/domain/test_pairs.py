from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import count

import pytest

from services.core.domain import ledger, pairs, quests
from services.core.domain.pairs import Pair
from services.core.domain.quests import Actor, Category, Draft
from tests.unit.services.invariants import check_confirmers, check_shares

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
LIFETIME, CLAIM_PERIOD, SILENCE = 30 * DAY, 14 * DAY, 7 * DAY
DRAFT = Draft(
    title="Carry a sofa", description="Twelve steps, and a sofa.", category=Category.SOCIAL, reward_xp=100
)  # fmt: skip


def shares(days: Sequence[float]) -> list[int]:
    """The share of each quest of one pair, completed on these days."""
    pair, found = Pair(), []
    for day in days:
        now = NOW + day * DAY
        found.append(pairs.share(pair, now))
        pair = pairs.completed(pair, "ben", now, confirmed=True)
    return found


@pytest.mark.parametrize(
    ("days", "expected"),
    [
        ((0,), [100]),
        ((0, 0, 0, 0), [100, 50, 0, 0]),
        ((0, 29.9), [100, 50]),
        ((0, 30), [100, 100]),
        ((0, 1, 2, 30, 31, 32), [100, 50, 0, 50, 50, 0]),
        ((0, 7, 14, 21, 28, 35, 42), [100, 50, 0, 0, 0, 50, 50]),
        ((0, 31, 62), [100, 100, 100]),
    ],
)
def test_the_share_of_a_pair_by_the_days_of_its_quests(days: Sequence[float], expected: list[int]) -> None:
    assert shares(days) == expected


def test_who_confirmed_whom_is_kept_for_each_of_the_two() -> None:
    pair = pairs.completed(Pair(), "ben", NOW, confirmed=False)
    assert pair.confirmed == []
    pair = pairs.completed(pair, "ben", NOW, confirmed=True)
    pair = pairs.completed(pair, "ben", NOW, confirmed=True)
    pair = pairs.completed(pair, "anna", NOW, confirmed=True)
    assert pair.confirmed == ["ben", "anna"]
    assert pair.revision == 4


class Town:
    """Members who complete quests by the domain's own steps; their points are no object."""

    def __init__(self) -> None:
        self.pairs: dict[frozenset[str], Pair] = {}
        self.entries: list[ledger.Entry] = []
        self.completed: list[quests.Quest] = []
        self._ids = count()

    def play(self, requestor: str, performer: str, now: datetime) -> None:
        """One quest from its posting to its reward."""
        quest = quests.create(DRAFT, requestor, f"q{next(self._ids)}", now, LIFETIME).quest
        quest = quests.claim(quest, Actor(performer), now, CLAIM_PERIOD).quest
        quest = quests.submit(quest, None, Actor(performer), "The sofa is upstairs.", now, SILENCE).quest
        key = frozenset((requestor, performer))
        done = quests.attest(quest, Actor(requestor), None, now, self.pairs.get(key, Pair()))
        assert done.pair is not None
        self.pairs[key] = done.pair.after
        self.completed.append(done.quest)
        self.entries += [entry.model_copy(update={"state": ledger.State.POSTED}) for entry in done.entries]

    def gains(self, members: Sequence[str]) -> Counter[str]:
        """The XP, reputation, points and confirmations of these members together."""
        folded = [ledger.sum_entries(e for e in self.entries if e.user_id == member) for member in members]
        return Counter({name: sum(getattr(t, name) for t in folded) for name in ledger.Totals._fields})


@pytest.mark.parametrize("days", [1, 10, 30])
def test_a_ring_of_five_gains_at_most_a_tenth_of_what_five_honest_members_gain(days: int) -> None:
    """500 quests, as fast as a ring likes, and over a whole month."""
    ring, honest = [f"r{n}" for n in range(5)], [f"h{n}" for n in range(5)]
    rings, town = Town(), Town()
    for number in range(500):
        now = NOW + number * days * DAY / 500
        asks, does = ring[number % 5], ring[(number + 1 + number // 5 % 4) % 5]
        rings.play(asks, does, now)
        town.play(f"neighbour {number}", honest[number % 5], now)
    gained, fair = rings.gains(ring), town.gains(honest)
    assert fair["xp"] == 50_000
    for name in ("xp", "reputation", "points"):
        assert gained[name] * 10 <= fair[name], name
    assert gained["confirmed_by"] == 20
    assert fair["confirmed_by"] == 500
    for place in (rings, town):
        check_shares(place.completed)
        check_confirmers(place.entries)


def test_a_performer_and_a_requestor_who_change_sides_are_one_pair() -> None:
    town = Town()
    for asks, does in (("anna", "ben"), ("ben", "anna"), ("anna", "ben")):
        town.play(asks, does, NOW)
    assert [quest.reward_share for quest in town.completed] == [100, 50, 0]
    assert town.gains(["anna", "ben"])["confirmed_by"] == 2
