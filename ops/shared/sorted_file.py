"""Rows in the order of their keys, sorted on disk: a million of them take the memory of some thousand."""

import pickle
import sqlite3
from collections.abc import Iterator
from itertools import groupby
from operator import itemgetter
from typing import Final, Generic, TypeVar
from weakref import finalize

T = TypeVar("T")

_TEMPORARY: Final = ""
"""SQLite's name for a file of this process alone, which is gone when it is closed or the process ends."""


class SortedFile(Generic[T]):
    """Any number of values in the order of two texts, those of the same texts in the order in which they were added."""

    def __init__(self) -> None:
        self._rows = sqlite3.connect(_TEMPORARY)
        finalize(self, self._rows.close)
        self._rows.execute("PRAGMA temp_store = FILE")  # what sorts may not be in memory either
        self._rows.execute("CREATE TABLE rows (first TEXT, second TEXT, value BLOB)")
        self._length = 0

    def add(self, first: str, second: str, value: T) -> None:
        """Add a value under its two texts."""
        self._rows.execute("INSERT INTO rows VALUES (?, ?, ?)", (first, second, pickle.dumps(value)))
        self._length += 1

    def __len__(self) -> int:
        return self._length

    def __iter__(self) -> Iterator[T]:
        return (value for _, value in self._sorted())

    def groups(self) -> Iterator[tuple[tuple[str, str], list[T]]]:
        """The values that have both texts in common, with these."""
        for key, rows in groupby(self._sorted(), itemgetter(0)):
            yield key, [value for _, value in rows]

    def _sorted(self) -> Iterator[tuple[tuple[str, str], T]]:
        rows = self._rows.execute("SELECT first, second, value FROM rows ORDER BY first, second, rowid")
        for first, second, value in rows:
            yield (first, second), pickle.loads(value)  # noqa: S301 - nobody else can open the file
