"""The cost of scheduled work as the community grows: `python -m tests.simulation.growth` writes docs/performance.md.

The real Lambdas run each chore on the simulated AWS over some things and over twice as many. The difference is what
one more of them takes: calls of AWS, and read and write units as DynamoDB bills them. A third size, in
`test_growth.py`, shows that these are straight lines. Everything beyond is arithmetic: a day of a community of N
members with N quests, one of which in a hundred is posted that day.
"""

import contextlib
import json
import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple
from unittest.mock import patch

from infra.observability.prices import PRICES
from infra.paths import REPOSITORY
from services.core.events import Continuation
from services.core.services import SERVICES
from services.core.sweeping import MOST_RUNS, RESERVE
from tests.simulation import dynamodb
from tests.simulation.dynamodb import Item
from tests.simulation.people import DAY, Client, confirm
from tests.simulation.scenarios import quest
from tests.simulation.world import ACCOUNTS, Conditions, World, simulated
from tests.unit.services import bucket

SECONDS: Final[Mapping[str, float]] = {"dynamodb": 0.006, "cognito": 0.040, "s3": 0.030, "ses": 0.080}
"""Seconds that a call takes, one after the other: typical of a Lambda in the services' own region."""
DEFAULT_SECONDS: Final = 0.015
MB_OF_A_CPU: Final = 1769
"""Memory with which a Lambda has one whole CPU."""
SIZES: Final = (10_000, 100_000, 1_000_000)
POSTED: Final = 0.01
"""Share of the quests that are posted on a day."""
_FILTERS: Final = ("FilterExpression", "ProjectionExpression")
DOCUMENT: Final = REPOSITORY / "docs/performance.md"
MARK: Final = "growth"


class Cost(NamedTuple):
    """Calls by service, read and write units, and seconds of this machine's CPU, the simulator's own among them."""

    calls: Mapping[str, float]
    reads: float
    writes: float
    cpu: float

    def __sub__(self, other: "Cost") -> "Cost":
        names = {**self.calls, **other.calls}
        calls = {name: self.calls.get(name, 0) - other.calls.get(name, 0) for name in names}
        return Cost(calls, self.reads - other.reads, self.writes - other.writes, self.cpu - other.cpu)

    def times(self, factor: float) -> "Cost":
        """This, so many times."""
        calls = {name: count * factor for name, count in self.calls.items()}
        return Cost(calls, self.reads * factor, self.writes * factor, self.cpu * factor)

    def seconds(self, service: str) -> float:
        """The time of a Lambda: its calls, one after the other, and its share of a CPU."""
        waits = sum(count * SECONDS.get(name, DEFAULT_SECONDS) for name, count in self.calls.items())
        return waits + max(0.0, self.cpu) * max(1.0, MB_OF_A_CPU / SERVICES[service].memory_mb)


class Meter:
    """Counts what the running Lambda asks of AWS."""

    def __init__(self, world: World) -> None:
        self._world, self._send, self._call, self._page = world, world.send, world.db.call, dynamodb._page
        self.calls: Counter[str] = Counter()
        self.reads = self.writes = self.cpu = 0.0

    def take(self) -> Cost:
        """The usage so far."""
        return Cost(dict(self.calls), self.reads, self.writes, self.cpu)

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        """Counts the usage meanwhile."""
        with (
            patch.object(self._world, "send", self._sent),
            patch.object(self._world.db, "call", self._called),
            patch.object(dynamodb, "_page", self._paged),
        ):
            began = time.process_time()
            yield
            self.cpu += time.process_time() - began

    def _sent(self, service: str, operation: str, content: bytes) -> tuple[int, bytes]:
        self.calls[service] += 1
        return self._send(service, operation, content)

    def _called(self, operation: str, body: dict[str, Any]) -> dict[str, Any]:
        tables = self._world.db.tables.values()
        before = [len(table.log) for table in tables]
        answer = self._call(operation, body)
        factor = 2 if operation == "TransactWriteItems" else 1
        for table, start in zip(tables, before, strict=True):
            for change in table.log[start:]:
                self.writes += factor * math.ceil(max(_size(change.old), _size(change.new)) / 1024)
                for index in table.declared.indexes:
                    self.writes += _index_units(change.old, change.new, (*index.key_attributes, *index.projected))
        self.reads += _read_units(operation, body, answer)
        return answer

    def _paged(self, table: Any, rows: list[Item], body: dict[str, Any], *rest: Any) -> dict[str, Any]:
        """Bills a page by what is read, which is more than what passes its filter."""
        unfiltered = {name: value for name, value in body.items() if name not in _FILTERS}
        read = sum(map(_size, self._page(table, list(rows), unfiltered, *rest)["Items"]))
        self.reads += max(1, math.ceil(read / 4096)) * (1 if body.get("ConsistentRead") else 0.5)
        return self._page(table, rows, body, *rest)


def _size(item: Item | None) -> int:
    return len(json.dumps(item)) if item else 0


def _index_units(old: Item | None, new: Item | None, names: tuple[str, ...]) -> int:
    """Write units of an index: one to put or to delete its item, both where the key moves."""
    was, is_ = (
        {n: i[n] for n in names if n in i} if i and all(k in i for k in names[:2]) else None for i in (old, new)
    )
    if was == is_:
        return 0
    moved = bool(was and is_ and [was[name] for name in names[:2]] != [is_[name] for name in names[:2]])
    return math.ceil(max(_size(was), _size(is_)) / 1024) * (2 if moved else 1)


def _read_units(operation: str, body: Mapping[str, Any], answer: Mapping[str, Any]) -> float:
    """Read units of single items: half as many where the read need not be consistent."""
    if operation == "GetItem":
        return max(1, math.ceil(_size(answer.get("Item")) / 4096)) * (1 if body.get("ConsistentRead") else 0.5)
    if operation == "BatchGetItem":
        units = 0.0
        for name, asked in body["RequestItems"].items():
            each = 1 if asked.get("ConsistentRead") else 0.5
            found = answer["Responses"].get(name, [])
            units += each * (sum(math.ceil(_size(item) / 4096) for item in found) + len(asked["Keys"]) - len(found))
        return units
    return 0.0


class Work(NamedTuple):
    """A chore, the things that it grows with, and how many of them a day brings to a community of size 1.

    `prepare` makes so many of the things. `things` are measured, a multiple of those that come in one page of AWS.
    """

    service: str
    chore: str
    thing: str
    daily: float
    prepare: Callable[[World, int], Any]
    things: int = 40
    once_a_day: bool = False

    @property
    def runs(self) -> int:
        """Runs in a day."""
        return 1 if self.once_a_day else 24 * 60 // (SERVICES[self.service].sweep_minutes or 1)


def _members(world: World, count: int) -> None:
    for number in range(count):
        confirm(world, f"m{number}")
    world.now += 2 * DAY


def _quests(upto: str, days: float) -> Callable[[World, int], None]:
    """Quests of as many pairs of members, some days later."""

    def prepare(world: World, count: int) -> None:
        for number in range(count):
            confirm(world, f"r{number}")
            confirm(world, f"p{number}")
            quest(world, upto, f"r{number}", f"p{number}", key=f"k{number}")
        world.now += days * DAY

    return prepare


def _leavers(world: World, count: int) -> None:
    for number in range(count):
        confirm(world, f"m{number}")
        Client(world).call("deleteMe", f"m{number}")
    world.now += 15 * DAY


OPEN, UNDERWAY = 0.05, 0.03
"""Shares of the quests that are open, and that somebody works on, at any time."""
WORK: Final = (
    Work("housekeeping", "expire", "open quest, each run", 96 * OPEN, _quests("OPEN", 0.1)),
    Work("housekeeping", "expire", "quest that expires", POSTED * 0.15, _quests("OPEN", 31)),
    Work("housekeeping", "release_overdue", "claimed quest, each run", 96 * UNDERWAY, _quests("CLAIMED", 0.1)),
    Work("housekeeping", "release_overdue", "claim that is overdue", POSTED * 0.05, _quests("CLAIMED", 22)),
    Work("housekeeping", "confirm_silence", "silence that confirms", POSTED * 0.10, _quests("HALF", 8)),
    Work("housekeeping", "forget", "member who leaves", 0.0003, _leavers),
    Work("housekeeping", "reconcile", "member", 1.0, _members),
    Work("housekeeping", "audit", "member", 1.0, _members),
    Work("housekeeping", "welcome", "account", 1.0, _members, ACCOUNTS, once_a_day=True),
    Work("rewards", "pay_pending", "reward that the stream did not pay", POSTED * 0.01, _quests("COMPLETE", 0.1)),
    Work("notifier", "remind", "open quest, each run", 96 * OPEN, _quests("OPEN", 0.1)),
    Work("notifier", "remind", "open quest in its last two days, each run", 96 * 2 * POSTED / 5, _quests("OPEN", 28.5)),
    Work("publisher", "", "quest", 2.0, _quests("OPEN", 0.1), 500),
)
"""The work of a day that grows. Mails are not among it: they are sent as things happen."""


def cost(work: Work, count: int) -> Cost:
    """The cost of one run over so many things. To be called within `simulated()`."""
    world = World(1, Conditions(plan={}, skew=0, stale=0))
    world.run(lambda world: work.prepare(world, count))
    began = datetime.fromtimestamp(world.now, UTC).strftime("%Y-%m-%dT00:00:00.000Z")
    message = Continuation(work.service, began, "1", json.dumps({work.chore: ""}))
    event = json.loads(message.to_json()) if work.chore else {}
    world.timeouts[work.service] = 10**6
    if "each run" in work.thing or not work.chore:  # what is the same each time is not what the first one does
        world.run(lambda world: world.invoke(work.service, event))
    meter = Meter(world)
    with meter.reading():
        world.run(lambda world: world.invoke(work.service, event))
    if world.errors:
        raise AssertionError(world.errors)
    return meter.take()


def of_one_more(work: Work) -> Cost:
    """The cost of one more thing."""
    count = work.things
    return (cost(work, 2 * count) - cost(work, count)).times(1 / count)


def dollars(service: str, used: Cost) -> float:
    """The price of units and of the Lambda's time."""
    gigabytes = SERVICES[service].memory_mb / 1024
    units = used.reads * PRICES.read_unit + used.writes * PRICES.write_unit
    return (units + used.seconds(service) * gigabytes * PRICES.lambda_gb_second) / 1e6


def suffices_for(work: Work, each: Cost) -> float:
    """The size at which its runs of a day, with those that go on, are used up.

    Infinite if the time of one more is below the noise of the clock.
    """
    service = SERVICES[work.service]
    runs = MOST_RUNS if "itself" in service.called_by else 1
    seconds = work.runs * runs * (service.timeout_seconds - RESERVE)
    taken = each.seconds(work.service) * work.daily
    return seconds / taken if taken else math.inf


def table() -> str:
    """The measurements as Markdown."""
    sizes = " | ".join(f"a day of {size:,}" for size in SIZES)
    lines = [
        f"| work | for each | calls | read units | write units | {sizes} | suffices for |",
        "| --- " * (6 + len(SIZES)) + "|",
    ]
    with simulated(), patch.object(bucket, "PAGE", 1000):
        for work in WORK:
            each = of_one_more(work)
            calls = ", ".join(f"{count:.3g} {name}" for name, count in each.calls.items() if count)
            days = [each.times(work.daily * size) for size in SIZES]
            shown = " | ".join(f"{day.seconds(work.service):,.0f} s, ${dollars(work.service, day):.2f}" for day in days)
            name = f"{work.service} {work.chore}".strip()
            units = f"{each.reads:.2f} | {each.writes:.2f}"
            lines.append(
                f"| {name} | {work.thing} | {calls} | {units} | {shown} | {_rounded(suffices_for(work, each))} |"
            )
    return "\n".join(lines)


def _rounded(size: float) -> str:
    """A size to one digit; beyond a thousand millions it is no matter."""
    if size >= 1e9:
        return "more"
    digits = 10 ** math.floor(math.log10(size))
    return f"{size // digits * digits:,.0f}"


def main() -> None:
    """Writes the table into the document."""
    text, mark = DOCUMENT.read_text(encoding="utf-8"), f"<!-- {MARK} -->"
    head, rest = text.split(f"{mark}\n", 1)
    tail = rest.split(f"<!-- /{MARK} -->", 1)[1]
    DOCUMENT.write_text(f"{head}{mark}\n{table()}\n<!-- /{MARK} -->{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
