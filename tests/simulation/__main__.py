"""Plays one history and tells it: `python -m tests.simulation SEED`. Exits with 1 where it breaks a rule."""

import sys

from services.core.stores.dynamo import decode_item
from tests.simulation.people import history
from tests.simulation.rules import Findings, check_history
from tests.simulation.world import EPOCH, World, simulated


def tell(world: World, found: Findings) -> None:
    """Writes the requests, the changes of quests in order, the faults, and what was violated."""
    say = sys.stdout.write
    happened: list[tuple[float, str]] = []
    for call in world.requests:
        for attempt in call.attempts:
            said = f"{attempt.status} {attempt.body.get('code', '')} {' '.join(attempt.faults)}"
            happened.append((attempt.started, f"request {call.number}: {call.who} {call.operation} {said}"))
    for name, table in world.db.tables.items():
        for change in table.log:
            new, old = decode_item(change.new or {}), decode_item(change.old or {})
            differs = {key: new.get(key) for key in {**old, **new} if old.get(key) != new.get(key)}
            by = change.by.service if change.by else "the past"
            happened.append((change.at, f"{name} {'/'.join(change.key)} by {by}: {differs}"))
    for at, line in sorted(happened):
        say(f"{at - EPOCH:12.3f}  {line}\n")
    say(f"{world.calls} calls, {len(world.met)} faults\n")
    for violation in found:
        say(f"VIOLATED {violation.rule}: {violation.detail}\n")


def main(seed: int) -> int:
    """Plays the history of a seed."""
    with simulated():
        world = history(seed)
        found = check_history(world)
    tell(world, found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
