"""Scheduled work in slices: a run ends before Lambda ends it, and what is left goes on in a run of its own.

A run does several chores. Each gets an equal share of the time that is left, so that one with much to do does not keep
the others waiting. The message that starts the next run names each unfinished chore and the last id that it did. After
`MOST_RUNS` runs the rest waits for the schedule, and the run raises UnfinishedError, which sets off an alarm.
"""

import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Protocol, TypeVar

from services.core import aws
from services.core.domain.values import timestamp
from services.core.events import Continuation
from services.core.names import LIVE_ALIAS, resource_name
from services.core.telemetry import Telemetry

T = TypeVar("T")

RESERVE: Final = 10.0
"""Seconds that a run keeps for the call it is in, its metrics and the message."""
MOST_RUNS: Final = 12
"""Consecutive runs; Lambda itself stops a function that has called itself sixteen times."""


class UnfinishedError(Exception):
    """A dozen consecutive runs were not enough; the rest waits for the next sweep."""


class Context(Protocol):
    """The part of Lambda's context that a sweep needs."""

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until Lambda ends the run."""


@dataclass
class TimeSlice:
    """A chore's share of a run.

    Attributes:
        now: when the first run began; it decides which of the members are looked at.
        ends: moment of `time.monotonic`, in seconds.
        after: id after which to go on; "" is the beginning.
        stopped_at: id of the last thing that was done when the time was over; None if everything was.
    """

    now: datetime
    ends: float = float("inf")
    after: str = ""
    stopped_at: str | None = None

    def limit(self, things: Iterable[T]) -> Iterator[T]:
        """The things until the time is over, at least one."""
        last: T | None = None
        for thing in things:
            if last is not None and time.monotonic() >= self.ends:
                self.stopped_at = str(last)
                return
            yield thing
            last = thing


class Chore(Protocol):
    """Does its work as of a moment, within a slice; known by its function's name."""

    __name__: str

    def __call__(self, now: datetime, time_slice: TimeSlice, /) -> object:
        """Returns what the log is to say of it."""


@dataclass(frozen=True)
class Sweeper:
    """Runs the chores of one service, which are safe to repeat and to stop halfway."""

    service: str
    stage: str
    chores: Sequence[Chore]
    telemetry: Telemetry

    def run(self, event: Mapping[str, Any], context: Context, now: datetime) -> Mapping[str, str]:
        """Do the chores that the event names, or all. Returns those that go on in the next run, each with its position.

        The first exception is raised after the other chores. Raises UnfinishedError in the last of too many runs.
        """
        continuation = Continuation.parse(event) if "chores" in event else None
        began = datetime.fromisoformat(continuation.began) if continuation else now
        known = {chore.__name__: chore for chore in self.chores}
        positions: dict[str, str] = json.loads(continuation.chores) if continuation else dict.fromkeys(known, "")
        ends = time.monotonic() + context.get_remaining_time_in_millis() / 1000 - RESERVE
        unfinished: dict[str, str] = {}
        first_error: Exception | None = None
        for number, (name, after) in enumerate(positions.items()):
            begins = time.monotonic()
            time_slice = TimeSlice(began, begins + (ends - begins) / (len(positions) - number), after)
            try:
                done = known[name](now, time_slice)
                self.telemetry.log.info(
                    "chore", extra={"chore": name, "done": done, "stoppedAt": time_slice.stopped_at}
                )
            except Exception as error:
                self.telemetry.log.exception("chore failed", extra={"chore": name})
                first_error = first_error or error
            if time_slice.stopped_at is not None:
                unfinished[name] = time_slice.stopped_at
        run = int(continuation.run) if continuation else 1
        if unfinished and run < MOST_RUNS:
            self._invoke_next_run(Continuation(self.service, timestamp(began), str(run + 1), json.dumps(unfinished)))
        elif unfinished:
            first_error = first_error or UnfinishedError(f"{', '.join(unfinished)}: not finished after {run} runs")
        if first_error:
            raise first_error
        return unfinished

    def _invoke_next_run(self, message: Continuation) -> None:
        aws.functions().invoke(
            FunctionName=resource_name(self.stage, self.service),
            Qualifier=LIVE_ALIAS,
            InvocationType="Event",
            Payload=message.to_json().encode(),
        )
