"""Saving the emulator's state beside its work: a copy of the process writes it, and tells what it could not write.

A copy (`fork`) has the state as it was at one moment, and whatever it takes to write it holds no request up. The
serving process pays for the copy alone: some milliseconds.
"""

import asyncio
import os
import signal
import time
import traceback
import warnings
from collections.abc import Callable
from typing import Final

SECONDS: Final = 60
"""A copy that takes longer is ended: it may wait for a lock that only the process it was made from could give back."""
_PIPE: Final = 65536
_MOST_FILES: Final = 4096
_LONGEST: Final = 2000
"""Characters of a reason that are passed on."""


class Saver:
    """Saves by `write`, which returns the reasons for what it could not save, by the thing.

    Attributes:
        failure: the reason for which the last save is incomplete; empty if it is whole.
        held_ms: the longest that a save kept the serving process busy, in milliseconds of its processor.
    """

    def __init__(self, write: Callable[[], dict[str, str]]) -> None:
        self._write = write
        self._one = asyncio.Lock()
        self.failure = ""
        self.held_ms = 0.0

    async def save(self) -> float:
        """Save; returns the seconds that it took. The outcome is in `failure`."""
        async with self._one:
            started = time.monotonic()
            busy = time.thread_time()
            reader, pid = self._copy()
            self.held_ms = max(self.held_ms, (time.thread_time() - busy) * 1000)
            self.failure = await asyncio.to_thread(_outcome, reader, pid)
            return time.monotonic() - started

    def _copy(self) -> tuple[int, int]:
        reader, writer = os.pipe()
        with warnings.catch_warnings():
            # Threads of this process do not exist in the copy; `SECONDS` bounds what it may wait for.
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid:
            os.close(writer)
            return reader, pid
        try:
            self._in_copy(writer)
        finally:
            os._exit(1)

    def _in_copy(self, writer: int) -> None:
        # Only the serving process may hold the ports and the lock of the data.
        os.closerange(3, writer)
        os.closerange(writer + 1, _MOST_FILES)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM):
            signal.signal(number, signal.SIG_DFL)
        signal.alarm(SECONDS)
        try:
            reasons = self._write()
        except BaseException:
            reasons = {"the state": traceback.format_exc().strip().rpartition("\n")[2]}
        text = "; ".join(f"{thing}: {reason}" for thing, reason in reasons.items())[:_LONGEST]
        os.write(writer, text.encode())
        os._exit(0)


def _outcome(reader: int, pid: int) -> str:
    """The reason that a copy gives; empty if all is saved."""
    with os.fdopen(reader, "rb") as pipe:
        message = pipe.read(_PIPE).decode(errors="replace")
    _, status = os.waitpid(pid, 0)
    code = os.waitstatus_to_exitcode(status)
    return message or ("" if code == 0 else f"the copy that saves ended with {code}")
