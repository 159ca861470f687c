"""The history of tables, by which one is restored as it was at a moment.

Each write notes what the item was before it, a line in a file per table, so that the state at a moment is today's with
the later writes taken back. As on AWS the window begins when recovery is enabled, and moments are whole seconds: a
restore has what was written during its second.
"""

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

Item = Mapping[str, Any]

WINDOW_SECONDS: Final = 35 * 86400
MOST_BYTES: Final = 64 * 2**20
"""A longer file loses its older half, with which the window begins later."""


class History:
    """The files in a folder; a table is named by account, region and name."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def begin(self, table: tuple[str, ...], now: float) -> None:
        """Enable recovery; a table that has it keeps what it has."""
        path = self._path(table)
        if not path.exists():
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{json.dumps([now])}\n", encoding="utf-8")

    def end(self, table: tuple[str, ...]) -> None:
        """Disable recovery: what was noted is gone."""
        self._path(table).unlink(missing_ok=True)

    def note(self, table: tuple[str, ...], now: float, key: Item, before: Item | None) -> None:
        """Note a write on a table with recovery; `before` is the item until then, None if there was none."""
        path = self._path(table)
        if not path.exists():
            return
        with path.open("a", encoding="utf-8") as file:
            file.write(f"{json.dumps([now, key, before], separators=(',', ':'))}\n")
            size = file.tell()
        if size > MOST_BYTES:
            self._shorten(path)

    def window(self, table: tuple[str, ...], now: float | None = None) -> tuple[float, float] | None:
        """The earliest and the latest moment that can be restored; None without recovery."""
        try:
            with self._path(table).open(encoding="utf-8") as file:
                first = float(json.loads(file.readline())[0])
        except FileNotFoundError:
            return None
        now = now or time.time()
        return max(first, now - WINDOW_SECONDS), now

    def since(self, table: tuple[str, ...], moment: float) -> Iterator[tuple[Item, Item | None]]:
        """The key and the item before, of each write after the second of a moment, newest first."""
        lines = self._path(table).read_text(encoding="utf-8").splitlines()[1:]
        for line in reversed(lines):
            try:
                at, key, before = json.loads(line)
            except ValueError:
                continue  # the last line of a killed emulator
            if at < int(moment) + 1:
                return
            yield key, before

    def _path(self, table: tuple[str, ...]) -> Path:
        return self._folder / f"{quote(' '.join(table), safe='')}.jsonl"

    @staticmethod
    def _shorten(path: Path) -> None:
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        kept = lines[len(lines) // 2 :]
        temporary = path.with_suffix(".tmp")
        # The window begins after the newest of what is lost.
        lost = json.loads(lines[len(lines) // 2 - 1])[0]
        temporary.write_text(f"{json.dumps([int(lost) + 1])}\n{''.join(kept)}", encoding="utf-8")
        temporary.replace(path)
