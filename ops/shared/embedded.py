"""The in-process engine for a stage on the emulator: its arguments, the same for whatever it does."""

from collections.abc import Mapping
from typing import Any

from infra.paths import REPOSITORY
from ops.shared.stage import OperatorError, Stage


def arguments(stage: Stage, config: Mapping[str, str]) -> dict[str, Any]:
    """The keyword arguments of the engine's `up` and `preview`. Raises OperatorError if the stage is not on it."""
    running = stage.emulator.running() if stage.emulator else None
    if stage.emulator is None or running is None:
        raise OperatorError(f"{stage.where} is not run by the local cloud of this folder.")
    overrides = {"civicforge:artifacts": "dist/host", **running.configuration(stage.name), **config}
    return {
        "endpoint": running.endpoint,
        "state_dir": stage.emulator.stacks,
        "root": REPOSITORY,
        "overrides": overrides,
        "gate": stage.gate,
    }
