"""A stack of Pulumi's own engine on this machine, read from its files: no CLI is needed to look.

The CLI has a file in `locks` for as long as it runs. One that was killed leaves it.
"""

import json
import socket
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

FOLDER: Final = "pulumi"
"""Beside the embedded engine's state."""
_END_SECONDS: Final = 30.0
"""So long a CLI may take to see that the program and the provider that it had were killed."""
_POLL_SECONDS: Final = 0.2


@dataclass(frozen=True)
class LocalStack:
    """The state and the lock of a stage.

    Attributes:
        state_dir: where the engines' states are.
        project: the name in `Pulumi.yaml`.
        stage: the stack's name.
    """

    state_dir: Path
    project: str
    stage: str

    @property
    def file(self) -> Path:
        """The state."""
        return self.state_dir / FOLDER / ".pulumi" / "stacks" / self.project / f"{self.stage}.json"

    @property
    def locks(self) -> list[Path]:
        """The locks; none where no run is under way and none was killed."""
        folder = self.state_dir / FOLDER / ".pulumi" / "locks" / "organization" / self.project / self.stage
        return sorted(folder.glob("*.json"))

    @property
    def resources(self) -> int:
        """The number of things on AWS."""
        return sum(bool(one["custom"]) and not one["type"].startswith("pulumi:") for one in self.records)

    @property
    def records(self) -> list[dict[str, Any]]:
        """The resources as the state has them."""
        found: list[dict[str, Any]] = self._latest.get("resources") or []
        return found

    @property
    def pending(self) -> bool:
        """True if operations are pending, as after an interruption."""
        return bool(self._latest.get("pending_operations"))

    @property
    def recovery_marker(self) -> Path:
        """A file that is there from the beginning of a recovery until the state was compared with AWS."""
        return self.state_dir / FOLDER / f"{self.stage}.unsettled"

    @property
    def started_creations(self) -> Path:
        """A folder with what the provider began to make in a run that was killed."""
        return self.state_dir / FOLDER / f"{self.stage}.begun"

    def with_started_creations(self, state: dict[str, Any]) -> dict[str, Any]:
        """An exported state, in which also those creations are pending that failed when the provider was killed."""
        deployment = state.get("deployment") or {}
        resources, pending = deployment.get("resources") or [], deployment.get("pending_operations") or []
        providers = [f"{one['urn']}::{one['id']}" for one in resources if one["type"] == "pulumi:providers:aws"]
        known = {one["urn"] for one in resources if not (one.get("delete") or one.get("pendingReplacement"))}
        known |= {one["resource"]["urn"] for one in pending}
        begun = [json.loads(file.read_text(encoding="utf-8")) for file in sorted(self.started_creations.glob("*.json"))]
        lost = [one for one in begun if one["urn"] not in known and providers]
        added = [{"resource": {**one, "provider": providers[0]}, "type": "creating"} for one in lost]
        return {**state, "deployment": {**deployment, "pending_operations": [*pending, *added]}} if added else state

    @property
    def interrupted(self) -> bool:
        """True if a run was killed, or is under way."""
        return (
            self.pending
            or bool(self.locks)
            or self.recovery_marker.exists()
            or any(self.started_creations.glob("*.json"))
        )

    @property
    def _latest(self) -> dict[str, Any]:
        if not self.file.exists():
            return {}
        found: dict[str, Any] = json.loads(self.file.read_text(encoding="utf-8"))["checkpoint"].get("latest") or {}
        return found

    def holder(self, patience: float = _END_SECONDS) -> str:
        """The run that holds the stack, after `patience` seconds for its end; empty if none does."""
        end = time.monotonic() + patience
        while (found := next(filter(None, map(_holder, self.locks)), "")) and time.monotonic() < end:
            time.sleep(_POLL_SECONDS)
        return found


def stacks(state_dir: Path) -> list[LocalStack]:
    """The stages that Pulumi's own engine has made."""
    files = sorted((state_dir / FOLDER / ".pulumi" / "stacks").glob("*/*.json"))
    return [LocalStack(state_dir, file.parent.name, file.stem) for file in files]


def _holder(lock: Path) -> str:
    """The process of a lock, if it runs; a process of another machine is assumed to run."""
    try:
        found = json.loads(lock.read_text(encoding="utf-8"))
        pid, host = int(found["pid"]), str(found["hostname"])
    except FileNotFoundError:
        return ""  # its run ended meanwhile
    except (ValueError, KeyError, TypeError):
        return ""  # killed while it wrote this
    if host != socket.gethostname():
        return f"process {pid} of {host}; if that machine is no more, delete {lock}"
    try:
        return f"process {pid}" if psutil.Process(pid).name() == "pulumi" else ""
    except psutil.NoSuchProcess:
        return ""
