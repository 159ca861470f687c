"""Repairs of quests and ledger: what has to be booked so that every invariant holds after damage is put back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.core.domain.invariants import imbalance
from services.core.domain.ledger import Entry, Totals, adjustment, sum_entries
from services.core.domain.quests import Quest


class OverdrawnError(Exception):
    """The repair would take a member below 0 points, or further below."""

    def __init__(self, user_id: str) -> None:
        super().__init__(f"{user_id} has too few points for it")
        self.user_id = user_id


@dataclass(frozen=True)
class Repair:
    """New entries, and the totals of each member concerned as their ledger adds up to them."""

    adjustments: tuple[Entry, ...]
    totals: Mapping[str, Totals]


def repair(
    quest: Quest | None,
    ledgers: Mapping[str, Iterable[Entry]],
    restored: Sequence[Entry],
    reason: str,
    now: datetime,
) -> Repair:
    """The bookings that go with entries and a quest that are put back.

    Whatever is put back first, the result adds up to the same: what an earlier repair booked for an entry that was
    missing is taken back when the entry itself returns.

    Args:
        quest: the quest as it will be, or None if the entries belong to none that can be read.
        ledgers: every entry that each member concerned has now.
        restored: the entries that are put back, in place of those of the same id.

    Raises:
        OverdrawnError: somebody would have less than 0 points, and less than now. Who is below 0 by other damage may
            gain points and still be below 0, or damages of one member would wait for each other for ever.
    """
    whole = {user_id: {entry.entry_id: entry for entry in entries} for user_id, entries in ledgers.items()}
    for entry in restored:
        whole.setdefault(entry.user_id, {})[entry.entry_id] = entry
    every = [entry for entries in whole.values() for entry in entries.values()]
    lacking = imbalance(quest, every) if quest else {}
    adjustments = [adjustment(user_id, quest.quest_id, t, reason, now) for user_id, t in lacking.items() if quest]
    for entry in adjustments:
        whole.setdefault(entry.user_id, {})[entry.entry_id] = entry
    concerned = {entry.user_id for entry in (*restored, *adjustments)}
    totals = {user_id: sum_entries(whole[user_id].values()) for user_id in sorted(concerned)}
    for user_id, those in totals.items():
        if those.points < min(0, sum_entries(ledgers.get(user_id, ())).points):
            raise OverdrawnError(user_id)
    return Repair(tuple(adjustments), totals)
