"""The changed inputs of a preview as lines `old → new`, and the services that a change interrupts."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.review.alarms import is_alarm_or_subscription, value
from infra.review.categories import KINDS, Category, category_of, is_safer
from infra.review.data import REMOVALS, at
from infra.review.steps import Step
from infra.review.words import code

SHOWN_LEAVES: Final = 12
"""Maximum number of changed values that are listed for one input; the others are counted."""
_INDEXES: Final = "globalSecondaryIndexes"
_DISABLED: Final[Mapping[tuple[str, str], object]] = {
    ("ConfigurationSet", "sendingOptions.sendingEnabled"): False,
    ("Distribution", "enabled"): False,
    ("EventSourceMapping", "enabled"): False,
    ("Function", "reservedConcurrentExecutions"): 0,
    ("Key", "isEnabled"): False,
    ("Schedule", "state"): "DISABLED",
    ("Table", "streamEnabled"): False,
}
"""Values of inputs, by type and path, that disable a resource without deleting it."""
_EFFECT_OF_DISABLING: Final = {
    "Distribution": " is **off** from then on: the app is unreachable",
    "Table": ": its stream is **off** from then on, the Lambdas that read it are no longer called",
}
"""The effect of disabling, for types where it differs from the effect of deleting the resource."""


def changes_of(step: Step, wanted: Category) -> Iterator[str]:
    """Lines for the changed inputs of a category; with ⚠ unless the change is known to be safe."""
    if step.operation not in ("update", "replace") and not (step.operation == "same" and step.changed_keys):
        return
    for key in step.changed_keys:
        if category_of(step.type, key) is wanted:
            yield from (f"{step.kind} {code(step.name)}: {line}" for line in differences(step, key))


def differences(step: Step, key: str) -> Iterator[str]:
    """Lines for the changed values within an input."""
    if key in step.hidden_changes:
        yield f"{code(key)} changes (secret) ⚠"
        return
    leaves = list(_leaves(key, step.old.get(key), step.new.get(key)))
    for path, old, new in leaves[:SHOWN_LEAVES]:
        warned = "" if is_safer(step.type, path, old, new) or _is_harmless(step, key) else " ⚠"
        yield f"{code(path)} {value(old)} → {value(new)}{warned}"
    if len(leaves) > SHOWN_LEAVES:
        yield f"{code(key)}: {len(leaves) - SHOWN_LEAVES} more values differ ⚠"


def _is_harmless(step: Step, key: str) -> bool:
    return category_of(step.type, key) is Category.HARMLESS


def _leaves(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """The paths of the innermost values that differ, with the old and the new value."""
    if old == new:
        return
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        for key in sorted({*old, *new}):
            yield from _leaves(f"{path}.{key}", old.get(key), new.get(key))
    elif isinstance(old, list) and isinstance(new, list) and any(isinstance(one, Mapping) for one in (*old, *new)):
        before, after = _by_name(old), _by_name(new)
        for name in sorted({*before, *after}):
            yield from _leaves(f"{path}[{name}]", before.get(name), after.get(name))
    else:
        yield path, old, new


def _by_name(items: list[Any]) -> dict[str, Any]:
    """The items by their name or id, or else by their index."""
    keys = ("name", "originId", "pathPattern", "routeKey", "id", "errorCode", "header")
    named = {}
    for number, item in enumerate(items):
        name = next((str(item[key]) for key in keys if isinstance(item, Mapping) and item.get(key)), None)
        named[name if name is not None and name not in named else str(number)] = item
    return named


def interruptions(step: Step) -> Iterator[str]:
    """Lines for what the change interrupts, for its duration or permanently."""
    kind = KINDS.get(step.type)
    what = f"{step.kind} {code(step.name)}"
    if step.operation in REMOVALS and kind and kind.outage:
        until = "until it is made again" if step.operation == "replace" else "from then on"
        yield f"{what} is {REMOVALS[step.operation]}: {until}, {kind.outage}"
    elif step.operation in ("delete", "delete-replaced") and not is_alarm_or_subscription(step):
        yield f"{what} is deleted"
    if step.operation not in ("update", "replace"):
        return
    for key in step.changed_keys:
        if key == _INDEXES and step.operation == "update":
            yield from (f"{what}: {line}" for line in _index_changes(step.old.get(key), step.new.get(key)))
    for (of, path), disabled in _DISABLED.items():
        if of == step.kind and _equal(disabled, at(step.new, path)) and not _equal(disabled, at(step.old, path)):
            deleted = kind.outage if kind else "it does nothing"
            yield f"{what}{_EFFECT_OF_DISABLING.get(of, f' is **off** from then on: {deleted}')}"


def _equal(wanted: object, found: object) -> bool:
    """True if value and type are equal: in Python, 0 == False."""
    return found == wanted and type(found) is type(wanted)


def _index_changes(old: Any, new: Any) -> Iterator[str]:
    """Lines for indexes that are deleted or rebuilt; DynamoDB rebuilds an index whose keys or projection change."""
    before, after = (_by_name(items if isinstance(items, list) else []) for items in (old, new))
    for name in sorted(before):
        if name not in after:
            yield f"the index {code(name)} is dropped; what reads it answers 503"
        elif _definition(before[name]) != _definition(after[name]):
            yield f"the index {code(name)} is dropped and filled again; what reads it answers 503 until then"


def _definition(index: Any) -> Any:
    keys = ("hashKey", "rangeKey", "keySchemas", "projectionType", "nonKeyAttributes")
    return {key: index.get(key) for key in keys} if isinstance(index, Mapping) else index
