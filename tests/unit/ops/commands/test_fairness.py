"""`civicforge fairness`: closed groups are named, busy neighbours are not."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from ops.commands.fairness import Ring, rings
from services.core.domain import ledger
from services.core.domain.ledger import Entry
from services.core.stores.ledger import put_entry
from services.core.tables import LEDGER
from tests.unit.ops.conftest import PERFORMER, REQUESTOR, Cli, UnitStage

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def rewards(*helped: tuple[str, str, int]) -> Iterable[Entry]:
    """For each (performer, requestor, times) so many rewards."""
    for performer, requestor, times in helped:
        for number in range(times):
            yield ledger.reward(
                performer, f"{performer}{requestor}{number}", requestor, 100, 10, NOW,
                confirmed=True, share=100 if number == 0 else 0,
            )  # fmt: skip


def test_a_pair_that_plays_alone_is_named_whoever_asked() -> None:
    assert rings(rewards(("a", "b", 2), ("b", "a", 2))) == [Ring(("a", "b"), 4, 4, 2)]


def test_a_ring_of_five_is_one_group() -> None:
    five = "abcde"
    played = [(one, other, 3) for one in five for other in five if one < other]
    assert rings(rewards(*played, ("a", "x", 1), ("b", "y", 1))) == [Ring(tuple(five), 30, 32, 20)]


def test_neighbours_who_help_many_are_no_ring() -> None:
    assert rings(rewards(*[("a", f"n{n}", 1) for n in range(30)])) == []
    assert rings(rewards(("a", "b", 4), *[("a", f"n{n}", 1) for n in range(5)])) == [], "more with others than a fifth"
    assert rings(rewards(("a", "b", 2))) == [], "twice is not often"


def test_a_large_community_that_keeps_to_itself_is_no_ring() -> None:
    many = [f"m{n}" for n in range(9)]
    assert rings(rewards(*zip(many, [*many[1:], many[0]], [3] * 9, strict=True))) == []


def test_rewards_of_an_earlier_release_name_no_requestor() -> None:
    assert rings(e.model_copy(update={"requestor_id": None}) for e in rewards(("a", "b", 9))) == []


def test_the_command_names_the_members_of_the_days_asked_for(stage: UnitStage, cli: Cli) -> None:
    assert "No closed group" in cli("fairness rings").out
    for number in range(4):
        at = datetime.now(UTC) - timedelta(days=number)
        entry = ledger.reward(PERFORMER, f"q{number}", REQUESTOR, 100, 10, at, confirmed=True)
        stage.dynamodb.put_item(**put_entry(stage.table(LEDGER), entry)["Put"])
    ran = cli("fairness rings")
    assert PERFORMER in ran.out
    assert REQUESTOR in ran.out
    assert "100%" in ran.out
    assert "No closed group" in cli("fairness rings --days 2").out
