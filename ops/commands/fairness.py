"""Fairness: members who complete quests mostly with each other, for moderators to look at."""

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ops.shared.stage import Stage
from ops.shared.stored_items import parse_stored, scan
from ops.shared.terminal import Terminal, command
from services.core.domain.ledger import Entry, Kind
from services.core.domain.values import timestamp
from services.core.tables import LEDGER

app = typer.Typer(no_args_is_help=True, help="Name members who reward mostly each other.")

MAX_MEMBERS = 8
"""Maximum number of members of a ring."""
MIN_QUESTS = 3
"""Minimum number of quests that two members completed together, for them to be connected."""
MIN_SHARE = 0.8
"""Minimum share of a group's quests that its members completed with each other, for the group to be a ring."""


@dataclass(frozen=True)
class Ring:
    """A group that completes quests mostly among itself.

    Attributes:
        inside: number of quests that its members completed with each other.
        total: number of all quests that they completed.
        diminished: number of those inside whose reward was reduced.
    """

    members: tuple[str, ...]
    inside: int
    total: int
    diminished: int

    @property
    def share(self) -> float:
        """The share of their quests that they have with each other."""
        return self.inside / self.total


def rings(rewards: Iterable[Entry]) -> list[Ring]:
    """The rings of two to MAX_MEMBERS members, the one with most quests first."""
    quests, diminished = Counter[frozenset[str]](), Counter[frozenset[str]]()
    for entry in rewards:
        if entry.requestor_id:
            pair = frozenset((entry.user_id, entry.requestor_id))
            quests[pair] += 1
            diminished[pair] += entry.share < 100
    found = []
    for group in _groups(pair for pair, times in quests.items() if times >= MIN_QUESTS):
        inside = sum(times for pair, times in quests.items() if pair <= group)
        total = sum(times for pair, times in quests.items() if pair & group)
        if len(group) <= MAX_MEMBERS and inside >= MIN_SHARE * total:
            small = sum(times for pair, times in diminished.items() if pair <= group)
            found.append(Ring(tuple(sorted(group)), inside, total, small))
    return sorted(found, key=lambda ring: (-ring.inside, ring.members))


def _groups(pairs: Iterable[frozenset[str]]) -> list[frozenset[str]]:
    """The members that pairs connect, directly or through others."""
    neighbours: defaultdict[str, set[str]] = defaultdict(set)
    for one, other in map(sorted, pairs):
        neighbours[one].add(other)
        neighbours[other].add(one)
    groups, seen = [], set[str]()
    for member in sorted(neighbours):
        if member in seen:
            continue
        group, waiting = set[str](), [member]
        while waiting:
            if (next_one := waiting.pop()) not in group:
                group.add(next_one)
                waiting += neighbours[next_one]
        seen |= group
        groups.append(frozenset(group))
    return groups


@command(app, name="rings")
def list_rings(
    stage: Stage, terminal: Terminal, days: Annotated[int, typer.Option(min=1, help="Days to look back.")] = 90
) -> None:
    """List pairs and small groups whose quests stay among themselves. Reads the whole ledger.

    A family that helps each other looks like a ring too: look before you decide.
    """
    since, invalid = datetime.now(UTC) - timedelta(days=days), list[str]()
    entries = (entry for item in scan(stage, LEDGER) if (entry := parse_stored(Entry, item, invalid)))
    found = rings(entry for entry in entries if entry.kind is Kind.REWARD and entry.created_at >= since)
    data = {
        "since": timestamp(since),
        "rings": [ring.__dict__ | {"members": list(ring.members)} for ring in found],
        "invalid": invalid,
    }
    rows = [
        (", ".join(ring.members), str(ring.inside), str(ring.total), f"{ring.share:.0%}", str(ring.diminished))
        for ring in found
    ]
    headings = ("members", "among them", "in all", "share", "diminished")
    terminal.table(data, headings, rows, empty=f"No closed group in {days} days.")
