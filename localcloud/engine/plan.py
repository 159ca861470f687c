"""The plan of the embedded engine: the steps for one registered resource, and the deletions at a program's end.

The functions have no side effects; preview and deployment use the same ones. The rules are those of Pulumi's step
generator.
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
    """One operation on one resource.

    `replace` creates the new resource of a replacement; a `delete-replaced` step deletes the old one, before that or at
    the end of the run. `discard` only removes the record from the stack state: of a resource that was deleted before,
    of a component, or of a resource that the program only read.
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
    """For a deletion: the resource stays on AWS and is only removed from the stack."""

    @property
    def name(self) -> str:
        """The resource's name in the program."""
        return self.urn.rsplit("::", 1)[-1]


@dataclass(frozen=True)
class Goal:
    """A registered resource with its validated inputs."""

    registration: Registration
    inputs: dict[str, Any]
    replacement_inputs: dict[str, Any]
    """The inputs for a replacement; a generated name differs from that of the old resource."""
    secret_inputs: frozenset[str]

    def step(self, operation: StepOperation, old: Record | None, difference: Difference = NO_DIFFERENCE) -> Step:
        """A step for this resource."""
        of = self.registration
        inputs = self.replacement_inputs if operation == "replace" else self.inputs
        return Step(
            operation, of.urn, of.type, old, inputs, self.secret_inputs, difference, of.protect, of.retain_on_delete
        )


def plan_resource(
    goal: Goal,
    old: Record | None,
    known: Sequence[Record],
    provider: Provider,
    deleted: Collection[str],
    refuse: Callable[[str], None],
) -> list[Step]:
    """Plan the steps for one registered resource.

    Args:
        goal: the desired resource.
        old: its record in the stack state, if there is one.
        known: records of resources that the program has not registered yet.
        provider: compares inputs.
        deleted: URNs of resources that this run deleted because a resource that they depend on is replaced.
        refuse: called with the reason if a protected resource would be replaced. It raises in a deployment.
    """
    if old is None:
        return [goal.step("create", None)]
    of = goal.registration
    if old.external or of.urn in deleted:
        return [goal.step("replace", old)]
    difference = provider.diff(of.type, of.name, old.inputs, goal.inputs)
    replacing = _replacing_inputs(difference, of.replace_on_changes)
    if not (replacing or old.pending_replacement):
        changed = difference or old.incomplete
        return [goal.step("update" if changed else "same", old, difference)]
    if of.protect and old.protect:
        refuse(
            f"{of.type} {of.name!r} is protected, and this change would replace it ({', '.join(sorted(replacing))})."
        )
    deletions: list[Step] = []
    # As in Pulumi's engine: a replacement by replaceOnChanges is unknown to the provider, so its order does not apply.
    by_provider = bool(difference.replaces) and difference.delete_before_replace
    delete_first = by_provider if of.delete_before_replace is None else of.delete_before_replace
    if delete_first:
        dependents = list(_dependents(old, known, provider))
        for one in dependents:
            if one.protect:
                refuse(f"{one.type} {one.name!r} is protected, and a change of {of.name!r} would replace it.")
        deletions = [deletion(one, "delete-replaced") for one in (*reversed(dependents), old) if one.deletable]
    return [*deletions, goal.step("replace", old, Difference(difference.paths, replacing, delete_first))]


def _replacing_inputs(difference: Difference, replace_on_changes: Sequence[str]) -> frozenset[str]:
    """The changed inputs that require a replacement."""
    paths = [parse_path(text) for text in replace_on_changes]
    wanted = {str(found[0]) for found in difference.paths for path in paths if contains(path, found)}
    return difference.replaces | wanted


def _dependents(root: Record, known: Sequence[Record], provider: Provider) -> Iterator[Record]:
    """Resources to be replaced with `root`: an input that is made of its outputs cannot change in place."""
    replaced = {root.urn}
    for record in reversed(deletion_order(known)):
        if not record.custom or record.external or record.urn in replaced:
            continue
        touched = {key for key, urns in record.property_dependencies.items() if replaced.intersection(urns)}
        if not touched:
            continue
        unknown = {key: UNKNOWN if key in touched else value for key, value in record.inputs.items()}
        if _replacing_inputs(
            provider.diff(record.type, record.name, record.inputs, unknown), record.replace_on_changes
        ):
            replaced.add(record.urn)
            yield record


def deletion(record: Record, operation: StepOperation = "delete", *, force: bool = False) -> Step:
    """A step that removes a record and deletes its resource, unless the resource is retained."""
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
    """Plan the deletions at the end of a run: dependents first.

    Args:
        gone: resources that the program no longer declares.
        superseded: old resources of replacements that were not deleted yet.
        refuse: called with the names of protected resources among `gone`, unless `force`.
        force: delete protected and retained resources too.
    """
    protected = sorted({record.name for record in gone if record.protect and not record.pending_replacement})
    if protected and not force:
        refuse(f"protected: {', '.join(protected)}")
    replaced = {id(record) for record in superseded}
    return [
        deletion(record, "delete-replaced" if id(record) in replaced else "delete", force=force)
        for record in deletion_order([*superseded, *gone])
    ]
