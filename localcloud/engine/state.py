"""The stack state: one JSON file per stage, mode 0600 because inputs may hold secrets.

The file is replaced before and after every creation, so that a crash loses nothing: `operations` are those that had
begun. `settled` is false while a run is under way: after a crash the next run looks at everything first.
"""

import json
import os
import threading
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from graphlib import CycleError, TopologicalSorter
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
    parent: str = ""
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    replace_on_changes: list[str] = field(default_factory=list)
    secret_inputs: list[str] = field(default_factory=list)
    custom: bool = True
    """False for a component."""
    external: bool = False
    """Only looked up by the program, never changed."""
    pending_replacement: bool = False
    """Deleted, and to be made again."""
    incomplete: bool = False
    """There, but its last creation or update did not finish."""

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rsplit("::", 1)[-1]

    @property
    def deletable(self) -> bool:
        """True if it is a thing of this stack on AWS."""
        return self.custom and not self.external and not self.pending_replacement


@dataclass(frozen=True)
class Operation:
    """A creation that began: after a crash, the thing may be there without a record."""

    urn: str
    type: str
    id: str | None
    """None if the inputs do not decide it."""
    inputs: dict[str, Any]


class StateError(Exception):
    """The file of a stage cannot be read; the message says what to do."""


class State:
    """The records of a stage, by URN, and those replaced but not yet deleted."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.RLock()
        try:
            content = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
            self.settled: bool = content.get("settled", True)
            self.records = {item["urn"]: Record(**item) for item in content.get("resources", [])}
            self.pending = [Record(**item) for item in content.get("pending", [])]
            self.operations = [Operation(**item) for item in content.get("operations", [])]
        except (ValueError, KeyError, TypeError, AttributeError, OSError) as error:
            raise StateError(
                f"{path}, which knows what the stage {path.stem} consists of, cannot be read ({error}). "
                "Put a copy of it back, or begin afresh with `make reset`."
            ) from error
        # A record is encoded once, when it changes: the file is written as often as there are resources.
        self._encoded = {urn: _encode(record) for urn, record in self.records.items()}

    def every(self) -> list[Record]:
        """The records as they are at this moment; other threads may add some meanwhile."""
        with self._lock:
            return [*self.records.values()]

    @property
    def resources(self) -> list[Record]:
        """The records of things on AWS."""
        return [record for record in self.every() if record.deletable]

    def put(self, record: Record, superseding: Record | None = None) -> None:
        """Remember a resource, durably; `superseding` is what it replaces and what is still to be deleted."""
        with self._lock:
            if superseding is not None:
                self.pending.append(superseding)
            self.records[record.urn] = record
            self._encoded[record.urn] = _encode(record)
            self.operations = [operation for operation in self.operations if operation.urn != record.urn]
            self.save()

    def begin(self, operation: Operation) -> None:
        """Remember that a creation begins."""
        with self._lock:
            self.operations = [one for one in self.operations if one.urn != operation.urn] + [operation]
            self.save()

    def end(self, operation: Operation) -> None:
        """Remember that it made nothing."""
        with self._lock:
            self.operations = [one for one in self.operations if one is not operation]
            self.save()

    def supersede(self, old: Record) -> None:
        """Remember that `old` is to be deleted at the end of the run."""
        with self._lock:
            self.pending.append(old)
            self.save()

    def rename(self, old: str, new: str, *, durably: bool) -> None:
        """Give a record another URN, also where others depend on it."""
        with self._lock:
            renamed: dict[str, Record] = {}
            for urn, record in self.records.items():
                if urn == old:
                    record.urn = new
                record.parent = new if record.parent == old else record.parent
                record.dependencies = [new if name == old else name for name in record.dependencies]
                record.property_dependencies = {
                    key: [new if name == old else name for name in names]
                    for key, names in record.property_dependencies.items()
                }
                renamed[record.urn] = record
            self.records = renamed
            self._encoded = {urn: _encode(record) for urn, record in renamed.items()}
            if durably:
                self.save()

    def forget(self, record: Record) -> None:
        """Remember that it is deleted."""
        with self._lock:
            if any(one is record for one in self.pending):
                self.pending = [one for one in self.pending if one is not record]
            elif self.records.get(record.urn) is record:
                del self.records[record.urn], self._encoded[record.urn]
            self.save()

    def mark(self, *, settled: bool) -> None:
        """Begin (`False`) or end (`True`) a run."""
        with self._lock:
            self.settled = settled
            if settled:
                self.operations = []
            self.save()

    def save(self) -> None:
        """Write the file; a reader sees the old or the new one, never a part."""
        with self._lock:
            pending = ",\n".join(_encode(record) for record in self.pending)
            operations = ",\n".join(_encode(operation) for operation in self.operations)
            text = (
                f'{{"settled": {json.dumps(self.settled)},\n"operations": [{operations}],\n'
                f'"pending": [{pending}],\n"resources": [\n' + ",\n".join(self._encoded.values()) + "\n]}\n"
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


def deletion_order(records: Sequence[Record]) -> list[Record]:
    """Dependents and children first. Several records may share a URN: a resource and what it replaced."""
    numbers: dict[str, list[int]] = {}
    for number, record in enumerate(records):
        numbers.setdefault(record.urn, []).append(number)
    graph = {
        number: [
            other
            for urn in (*record.dependencies, record.parent)
            for other in numbers.get(urn, [])
            if records[other] is not record
        ]
        for number, record in enumerate(records)
    }
    try:
        order = list(TopologicalSorter(graph).static_order())
    except CycleError:  # only what several failed runs left behind can depend on each other
        order = list(range(len(records)))
    return [records[number] for number in reversed(order)]


def _encode(item: Record | Operation) -> str:
    return json.dumps(asdict(item), ensure_ascii=False)
