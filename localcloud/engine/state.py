"""What the engine made: one JSON file per stage, mode 0600 because inputs may hold secrets.

The file is replaced after every resource, so that a crash loses at most the one being made. `settled` is false while
a run is under way: after a crash the next run looks whether what the file says is really there.
"""

import json
import os
import threading
from dataclasses import asdict, dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any


@dataclass
class Record:
    """One resource as it was last provisioned."""

    urn: str
    type: str
    id: str
    inputs: dict[str, Any]
    outputs: dict[str, Any]
    dependencies: list[str] = field(default_factory=list)
    protect: bool = False
    retain_on_delete: bool = False

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rsplit("::", 1)[-1]


class State:
    """The records of a stage, by URN, and those replaced but not yet deleted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        self.settled: bool = content.get("settled", True)
        self.records = {item["urn"]: Record(**item) for item in content.get("resources", [])}
        self.pending = [Record(**item) for item in content.get("pending", [])]
        # A record is encoded once, when it changes: the file is written as often as there are resources.
        self._encoded = {urn: _encode(record) for urn, record in self.records.items()}

    def put(self, record: Record) -> None:
        """Remember a resource, durably."""
        with self._lock:
            self.records[record.urn] = record
            self._encoded[record.urn] = _encode(record)
            self.save()

    def replaced(self, old: Record) -> None:
        """Remember that `old` has a successor and is still to be deleted."""
        with self._lock:
            self.pending.append(old)
            self.save()

    def forget(self, record: Record) -> None:
        """Remember that it is deleted."""
        with self._lock:
            if record in self.pending:
                self.pending.remove(record)
            elif self.records.get(record.urn) is record:
                del self.records[record.urn], self._encoded[record.urn]
            self.save()

    def mark(self, *, settled: bool) -> None:
        """Begin (`False`) or end (`True`) a run."""
        with self._lock:
            self.settled = settled
            self.save()

    def deletion_order(self, records: list[Record]) -> list[Record]:
        """What depends on others first."""
        by_urn = {record.urn: record for record in records}
        graph = {urn: [name for name in record.dependencies if name in by_urn] for urn, record in by_urn.items()}
        made = {urn: number for number, urn in enumerate(self.records)}
        order = list(TopologicalSorter(graph).static_order())
        return (
            [by_urn[urn] for urn in reversed(order)]
            if order
            else sorted(records, key=lambda record: -made.get(record.urn, 0))
        )

    def save(self) -> None:
        """Write the file; a reader sees the old or the new one, never a part."""
        with self._lock:
            pending = ",\n".join(_encode(record) for record in self.pending)
            text = (
                f'{{"settled": {json.dumps(self.settled)},\n"pending": [{pending}],\n"resources": [\n'
                + ",\n".join(self._encoded.values())
                + "\n]}\n"
            )
            self._path.parent.mkdir(parents=True, exist_ok=True)
            temporary = self._path.with_suffix(".tmp")
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(text)
            temporary.replace(self._path)

    def remove(self) -> None:
        """Forget the stage."""
        self._path.unlink(missing_ok=True)


def _encode(record: Record) -> str:
    return json.dumps(asdict(record), ensure_ascii=False)
