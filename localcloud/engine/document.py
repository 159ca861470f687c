"""A report of the embedded engine in the form of `pulumi preview --json --show-sames`, so that both are read alike."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from localcloud.engine.deployment import Report
from localcloud.engine.plan import Step
from localcloud.engine.state import Record
from localcloud.provider.values import storable

HIDDEN: Final = "[secret]"
_SHOWN: Final = {"same", "create", "update", "replace", "delete"}
"""Pulumi shows a replacement as one step."""


def preview_document(report: Report, config: Mapping[str, str]) -> dict[str, Any]:
    """The document; secret inputs are hidden in it."""
    steps = [_step(step) for step in report.steps if step.operation in _SHOWN]
    return {
        "config": dict(config),
        "steps": steps,
        "diagnostics": [{"severity": "error", "message": f"error: {error}"} for error in report.errors],
        "changeSummary": dict(Counter(step["op"] for step in steps)),
    }


def _step(step: Step) -> dict[str, Any]:
    metadata: dict[str, Any] = {"op": step.operation, "urn": step.urn}
    if step.old is not None:
        metadata["oldState"] = _state(step, step.old.inputs, step.old)
    if step.operation != "delete":
        metadata["newState"] = _state(step, step.inputs, None)
    if step.difference:
        metadata["diffReasons"] = list(step.difference.keys)
        metadata["replaceReasons"] = sorted(step.difference.replaces)
        metadata["detailedDiff"] = {path: {"kind": "update", "inputDiff": True} for path in step.difference.detailed}
    return metadata


def _state(step: Step, inputs: Mapping[str, Any], record: Record | None) -> dict[str, Any]:
    hidden = step.secret_inputs | frozenset(record.secret_inputs if record else ())
    return {
        "urn": step.urn,
        "custom": record is None or record.custom,
        "type": step.type,
        "inputs": {key: HIDDEN if key in hidden else storable(value) for key, value in inputs.items()},
        "protect": record.protect if record else step.protect,
        "retainOnDelete": record.retain_on_delete if record else step.retain_on_delete,
    }
