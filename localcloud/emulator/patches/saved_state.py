# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Saved state: written at once, and what could not be written is known.

MiniStack 1.5.33 copies each service's state before it writes it, writes piece by piece, and only logs what it could not
write.

Report: make the state folder read-only and stop MiniStack: it exits with 0, and the state is lost.
"""

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from ministack import app as ministack  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.core import persistence  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.services import cloudwatch, cloudwatch_logs, dynamodb, sqs  # type: ignore[import-not-found]  # in the emulator's environment


def write_state() -> dict[str, str]:
    """Write all state to disk, in a copy of the process; returns why a service's could not be written, by service.

    What is written is not copied first, as MiniStack does: in a copy of the process nobody changes it.
    """
    failed: dict[str, str] = {}

    def save_state(service: str, data: Mapping[str, Any]) -> None:
        path = Path(persistence.STATE_DIR) / f"{service}.json"
        temporary = path.with_suffix(".tmp")
        wrapped = {"__ministack_format__": persistence._state_format_version(service), "payload": data}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # In one go: the encoder that writes piece by piece is ten times slower.
            temporary.write_text(json.dumps(wrapped, default=persistence._json_default), encoding="utf-8")
            temporary.replace(path)
        except (OSError, TypeError, ValueError) as error:
            failed[service] = getattr(error, "strerror", None) or str(error)
            with suppress(OSError):
                temporary.unlink()

    persistence.save_state = save_state
    for large in (cloudwatch, cloudwatch_logs, dynamodb, sqs):
        large.copy = SimpleNamespace(deepcopy=lambda state: state)
    persistence.save_all(ministack._build_persistence_save_dict())
    return failed
