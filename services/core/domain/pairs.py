"""Pairs: what a reward between the same two members is worth, and which of them confirmed the other's work.

XP and reputation are for helping different people. All functions are pure.
"""

from datetime import datetime, timedelta

from services.core.domain.values import Model, Timestamp

PERIOD = timedelta(days=30)
"""Time for which a paid reward of a pair diminishes the next one."""
SHARES = (100, 50)
"""Percent that the first and the second reward of a pair within PERIOD pay; any further one pays nothing."""


class Pair(Model):
    """Two members who completed quests together, whichever of them asked. `paid` are the moments of their last rewards
    that paid anything, the newest last; `confirmed` are those of the two whose work the other has confirmed
    explicitly. `revision` counts its changes.
    """

    paid: list[Timestamp] = []
    confirmed: list[str] = []
    revision: int = 0


def share(pair: Pair, now: datetime) -> int:
    """The percent of its reward that a quest of the pair pays if it is completed now."""
    recent = sum(moment > now - PERIOD for moment in pair.paid)
    return SHARES[recent] if recent < len(SHARES) else 0


def completed(pair: Pair, performer_id: str, now: datetime, *, confirmed: bool) -> Pair:
    """The pair once a quest of theirs is complete. `confirmed` as in `ledger.reward`."""
    paid = [*pair.paid, now][-len(SHARES) :] if share(pair, now) else pair.paid
    known = pair.confirmed if not confirmed or performer_id in pair.confirmed else [*pair.confirmed, performer_id]
    return Pair(paid=paid, confirmed=known, revision=pair.revision + 1)
