"""The Lambdas' clock: moved on to see what time brings, and back to now.

A Lambda's process is started with the current clock (`_MOVED` in its environment, see `sitecustomize` in `process`);
one that runs with another is ended before its next call. Everything else keeps its own time: the emulator, the browser.
The clock is kept nowhere: an emulator that is started begins with now.
"""

import os
from datetime import UTC, datetime, timedelta
from typing import Final

MOVED: Final = "CLOCK_MOVED_SECONDS"
"""The environment variable that tells a Lambda's process by how much its clock is ahead."""
MOST: Final = timedelta(days=400)


class Clock:
    """The clock of all Lambdas on this machine."""

    def __init__(self) -> None:
        self.moved = timedelta()

    @property
    def now(self) -> datetime:
        """The time as a Lambda sees it."""
        return datetime.now(UTC) + self.moved

    def move(self, by: timedelta) -> None:
        """Move it on, from where it is. Raises ValueError for a step back or beyond `MOST` from now."""
        if by <= timedelta() or self.moved + by > MOST:
            raise ValueError(f"The clock goes on by more than nothing, and to at most {MOST.days} days from now.")
        self._set(self.moved + by)

    def back(self) -> None:
        """Set it to now."""
        self._set(timedelta())

    def _set(self, moved: timedelta) -> None:
        self.moved = moved
        os.environ[MOVED] = str(moved.total_seconds())


CLOCK: Final = Clock()
"""The one of this process."""
