"""The way back from a killed `pulumi up`: what it had begun, looked up at AWS, and the stack's state set right.

An operation that had begun is pending in the state, and Pulumi goes on only when it is gone from there. What was being
made may be there: one thing by the name that the program gives it is adopted into the state; none, and the operation
is dropped; several, or a type that cannot be looked up, and what is there is named for a person to judge.
"""

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from localcloud.provider.provider import Provider, ProviderError

State = dict[str, Any]
_SIGNATURE = "4dabf18193072939515e22adb298388d"


@dataclass(frozen=True)
class Finding:
    """The outcome of an operation that had begun."""

    operation: str
    """As Pulumi has it: `creating`, `updating`, `deleting` and others."""
    urn: str
    type: str
    fate: Literal["adopt", "drop", "forget", "orphan"]
    id: str = ""
    """Of what is adopted, or, with commas, of what may be orphans."""

    @property
    def sentence(self) -> str:
        """The remedy."""
        what = f"{self.operation} {self.type.rsplit(':', 1)[-1]} {self.urn.rsplit('::', 1)[-1]}"
        match self.fate:
            case "adopt":
                return f"{what}: {self.id} is there and belongs to the stack from now on"
            case "orphan":
                there = f"{self.id} may be its own" if self.id else "it cannot be looked up"
                return f"{what}: {there}; look, and delete by hand what nobody uses"
            case "forget":
                return f"{what}: it is gone"
        return f"{what}: nothing is there" if self.operation == "creating" else f"{what}: `refresh` looks at it"


def look_up(state: State, provider: Provider) -> list[Finding]:
    """Look up the outcome of each pending operation. Nothing is changed."""
    deployment = state.get("deployment") or {}
    return [
        _look_up(operation["type"], operation["resource"], deployment.get("resources") or [], provider)
        for operation in deployment.get("pending_operations") or []
    ]


def _look_up(
    operation: str, resource: Mapping[str, Any], known: Sequence[Mapping[str, Any]], provider: Provider
) -> Finding:
    urn, type_ = resource["urn"], resource["type"]
    name, inputs = urn.rsplit("::", 1)[-1], legible(resource.get("inputs") or {})
    try:
        if operation == "deleting" and provider.read(type_, name, resource["id"], inputs) is None:
            return Finding(operation, urn, type_, "forget", resource["id"])
        if operation != "creating":
            return Finding(operation, urn, type_, "drop")
        found = provider.find(type_, name, inputs)
    except ProviderError:
        found = None
    if found is None:
        return Finding(operation, urn, type_, "orphan" if operation == "creating" else "drop")
    # What a replacement takes the place of has another id, or none any more.
    owned = {record.get("id") for record in known if record["type"] == type_ and not record.get("pendingReplacement")}
    new = [one for one in found if one not in owned]
    if len(new) > 1:
        return Finding(operation, urn, type_, "orphan", ", ".join(new))
    return Finding(operation, urn, type_, "adopt", new[0]) if new else Finding(operation, urn, type_, "drop")


def set_right(state: State, findings: Sequence[Finding], provider: Provider) -> State:
    """The state without pending operations, with what is adopted and without what is gone."""
    result = copy.deepcopy(state)
    deployment = result["deployment"]
    pending = {one["resource"]["urn"]: one["resource"] for one in deployment.pop("pending_operations", None) or []}
    resources: list[dict[str, Any]] = deployment.setdefault("resources", [])
    for finding in findings:
        if finding.fate == "adopt":
            _adopt(resources, pending[finding.urn], finding, provider)
        elif finding.fate == "forget":
            resources[:] = [one for one in resources if (one["urn"], one.get("id")) != (finding.urn, finding.id)]
    return result


def _adopt(resources: list[dict[str, Any]], resource: Mapping[str, Any], finding: Finding, provider: Provider) -> None:
    inputs = resource.get("inputs") or {}
    name = finding.urn.rsplit("::", 1)[-1]
    found = provider.read(finding.type, name, finding.id, legible(inputs))
    outputs = {key: value for key, value in (found[1] if found else {}).items() if key not in inputs}
    # A secret keeps the form that the state has for it; `refresh` completes the rest.
    record = {**resource, "id": finding.id, "outputs": {**inputs, **outputs}}
    places = [place for place, one in enumerate(resources) if one["urn"] == finding.urn and not one.get("delete")]
    if not places:
        resources.append(record)
        return
    former = resources[places[0]]
    replaced = [] if former.get("pendingReplacement") or former.get("external") else [{**former, "delete": True}]
    resources[places[0] : places[0] + 1] = [record, *replaced]


def legible(value: Any) -> Any:
    """The value without files, archives and what is encrypted: none of it names a thing."""
    if isinstance(value, Mapping):
        return {
            key: legible(item)
            for key, item in value.items()
            if item is not None and key != "__defaults" and not (isinstance(item, Mapping) and _SIGNATURE in item)
        }
    return [legible(item) for item in value] if isinstance(value, list) else value
