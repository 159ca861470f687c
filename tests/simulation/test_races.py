"""Two wishes for one quest at the same moment: one wins, the other is told, and the ledger agrees."""

from collections import Counter

import pytest

from tests.simulation.people import DAY, REASON
from tests.simulation.rules import Record
from tests.simulation.scenarios import ROUNDS, Rival, acting, asking, keeping, race

WEEK = 7 * DAY + 60


@pytest.mark.parametrize(
    ("upto", "first", "second", "past", "ends"),
    [
        ("OPEN", acting("claim", "cyd"), asking, 0.0, {"CLAIMED"}),
        ("SUBMITTED", acting("attest", "ann", {}), keeping, WEEK, {"COMPLETE"}),
        ("SUBMITTED", acting("dispute", "ann", {"reason": REASON}), keeping, WEEK, {"COMPLETE", "DISPUTED"}),
        (
            "CLAIMED",
            acting("withdraw", "ann", {"reason": REASON}),
            acting("submit", "ben", {"submission": "The sofa is upstairs."}),
            0.0,
            {"CANCELLED", "SUBMITTED"},
        ),
    ],
    ids=["claim and question", "word and silence", "dispute and silence", "withdraw and hand-in"],
)
def test_one_of_two_wins(upto: str, first: Rival, second: Rival, past: float, ends: set[str]) -> None:
    seen: Counter[str] = Counter()
    for world, found in race(upto, first, second, past):
        assert found == [], world.seed
        (quest,) = Record(world).quests.values()
        refused = [call for call in world.requests[-2:] if call.final.status not in (200, 201)]
        assert all(call.final.status == 409 for call in refused), [call.final.body for call in refused]
        seen[quest.status] += 1
        seen[quest.attestations[-1].by if quest.status == "COMPLETE" else "-"] += 1
    assert sum(seen[status] for status in ends) == ROUNDS
    assert all(seen[status] for status in ends), f"each of {ends} wins at times: {seen}"
