"""Decisions of the embedded engine, as data: the steps that one registration, or the end of a program, takes.

Nothing here changes anything: a preview and a deployment plan alike. The rules are those of Pulumi's step generator.
"""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from localcloud.engine.language_host import Registration
from localcloud.engine.state import Record, deletion_order
from localcloud.provider.provider import NO_DIFFERENCE, Difference, Provider
from localcloud.provider.values import UNKNOWN, contains, parse_path

StepOperation = Literal["same", "create", "update", "replace", "delete", "delete-replaced", "discard", "read"]


@dataclass(frozen=True)
class Step:
    """The step of one resource.

    `replace` makes the successor; what it replaces is deleted by a `delete-replaced` step, before it or at the end.
    `discard` only forgets: what was deleted already, a component, or what was only looked up.
    """

    operation: StepOperation
    urn: str
    type: str
    old: Record | None = None
    inputs: Mapping[str, Any] = field(default_factory=dict)
    """The desired inputs; empty for a deletion."""
    secret_inputs: frozenset[str] = frozenset()
    difference: Difference = NO_DIFFERENCE
    protect: bool = False
    retain_on_delete: bool = False
    kept: bool = False
    """Of a deletion: from the stack only; the resource stays on AWS."""

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True)
class Goal:
    """A registration with its checked inputs."""

    registration: Registration
    inputs: dict[str, Any]
    anew: dict[str, Any]
    """The inputs of a replacement: with a generated name of its own."""
    secret_inputs: frozenset[str]

    def step(self, operation: StepOperation, old: Record | None, difference: Difference = NO_DIFFERENCE) -> Step:
        """One of its steps."""
        of = self.registration
        inputs = self.anew if operation == "replace" else self.inputs
        return Step(
            operation, of.urn, of.type, old, inputs, self.secret_inputs, difference, of.protect, of.retain_on_delete
        )


def plan_resource(
    goal: Goal,
    old: Record | None,
    known: Sequence[Record],
    provider: Provider,
    condemned: Collection[str],
    refuse: Callable[[str], None],
) -> list[Step]:
    """The steps of one resource.

    Args:
        goal: what the program asks for.
        old: its record, if there is one.
        known: the records that the program has not registered yet.
        provider: compares inputs.
        condemned: URNs that this run has deleted for the sake of what they depend on.
        refuse: told why where something protected would be replaced; a preview goes on.
    """
    if old is None:
        return [goal.step("create", None)]
    of = goal.registration
    if old.external or of.urn in condemned:
        return [goal.step("replace", old)]
    difference = provider.diff(of.type, of.name, old.inputs, goal.inputs)
    forced = _forced(difference, of.replace_on_changes)
    if not (forced or old.pending_replacement):
        changed = difference or old.incomplete
        return [goal.step("update" if changed else "same", old, difference)]
    if of.protect and old.protect:
        refuse(f"{of.type} {of.name!r} is protected, and this change would replace it ({', '.join(sorted(forced))}).")
    deletions: list[Step] = []
    # As Pulumi's engine: of a replacement that the program asks for (replaceOnChanges) the provider knows nothing.
    by_itself = bool(difference.replaces) and difference.delete_before_replace
    delete_first = by_itself if of.delete_before_replace is None else of.delete_before_replace
    if delete_first:
        dependents = list(_dependents(old, known, provider))
        for one in dependents:
            if one.protect:
                refuse(f"{one.type} {one.name!r} is protected, and a change of {of.name!r} would replace it.")
        deletions = [deletion(one, "delete-replaced") for one in (*reversed(dependents), old) if one.deletable]
    return [*deletions, goal.step("replace", old, Difference(difference.paths, forced, delete_first))]


def _forced(difference: Difference, replace_on_changes: Sequence[str]) -> frozenset[str]:
    """The differing keys that take a replacement."""
    paths = [parse_path(text) for text in replace_on_changes]
    wanted = {str(found[0]) for found in difference.paths for path in paths if contains(path, found)}
    return difference.replaces | wanted


def _dependents(root: Record, known: Sequence[Record], provider: Provider) -> Iterator[Record]:
    """Dependents of a replaced resource that must be replaced too: an input made of it cannot change."""
    replaced = {root.urn}
    for record in reversed(deletion_order(known)):
        if not record.custom or record.external or record.urn in replaced:
            continue
        touched = {key for key, urns in record.property_dependencies.items() if replaced.intersection(urns)}
        if not touched:
            continue
        unknown = {key: UNKNOWN if key in touched else value for key, value in record.inputs.items()}
        if _forced(provider.diff(record.type, record.name, record.inputs, unknown), record.replace_on_changes):
            replaced.add(record.urn)
            yield record


def deletion(record: Record, operation: StepOperation = "delete", *, force: bool = False) -> Step:
    """The step that removes a record, and the resource with it unless that is to be kept."""
    return Step(
        operation if record.deletable else "discard",
        record.urn,
        record.type,
        record,
        secret_inputs=frozenset(record.secret_inputs),
        protect=record.protect,
        retain_on_delete=record.retain_on_delete,
        kept=record.retain_on_delete and not force,
    )


def plan_deletions(
    gone: Sequence[Record], superseded: Sequence[Record], refuse: Callable[[str], None], *, force: bool = False
) -> list[Step]:
    """The steps at the end: what the program no longer declares and what was replaced, dependents first.

    Args:
        gone: what the program no longer declares.
        superseded: what was replaced and is still there.
        refuse: told what is protected among them, unless `force`.
        force: delete also what is protected or to be retained.
    """
    protected = sorted({record.name for record in gone if record.protect and not record.pending_replacement})
    if protected and not force:
        refuse(f"protected: {', '.join(protected)}")
    replaced = {id(record) for record in superseded}
    return [
        deletion(record, "delete-replaced" if id(record) in replaced else "delete", force=force)
        for record in deletion_order([*superseded, *gone])
    ]
