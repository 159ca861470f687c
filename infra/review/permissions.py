"""Changes of permissions."""

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final

from infra.review.steps import KNOWN_LATER, Step, hidden
from infra.review.words import WILDCARD, code, short
from services.core.names import parameter_name, resource_name

Grant = tuple[str, str, str, str, str]
"""Effect, principal, resource, conditions, action."""
POLICIES: Final = ("assumeRolePolicy", "policy", "inlinePolicies")
_NO_CONDITIONS: Final = "{}"
BUT: Final = "all but "
"""Before what a `NotAction`, `NotResource` or `NotPrincipal` excepts."""


def _grants(policy: object) -> set[Grant] | None:
    """The single permissions of a policy or a list of them; None where the preview does not tell them."""
    if not policy:
        return set()
    if hidden(policy):
        return None
    try:
        if isinstance(policy, list):
            statements = [s for inline in policy for s in _statements(inline["policy"])]
        else:
            statements = _statements(policy)
        return {
            (s["Effect"], principal, resource, json.dumps(s.get("Condition") or {}, sort_keys=True), action)
            for s in statements
            for principal in _named(s, "Principal") or [""]
            for resource in _named(s, "Resource") or ["itself"]
            for action in _named(s, "Action")
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _statements(policy: Any) -> list[Any]:
    statements = (json.loads(policy) if isinstance(policy, str) else policy)["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _named(statement: Mapping[str, Any], key: str) -> list[str]:
    excepted = _list(statement.get(f"Not{key}"))
    return [BUT + ", ".join(sorted(excepted))] if excepted else _list(statement.get(key))


def _list(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [name for names in value.values() for name in _list(names)]
    if isinstance(value, list):
        return [str(item) for item in value]
    return [] if value is None else [str(value)]


def permission_sentences(step: Step) -> Iterator[str]:
    """Changes of permissions."""
    if step.type == "aws:lambda/permission:Permission":
        yield from _permission(step)
        return
    if step.kind in ("Route", "FunctionUrl"):
        yield from _access(step)
    for key in POLICIES:
        yield from _policy(step, key)
    yield from _attachments(step)
    if step.kind == "Role" and step.operation != "delete":
        yield from _boundary(step)


def _policy(step: Step, key: str) -> Iterator[str]:
    old, new = step.old.get(key), step.new.get(key)
    # Two secrets look alike.
    if old == new and not hidden(new):
        return
    before, after = _grants(old), _grants(new)
    if before is None or after is None:
        later = KNOWN_LATER.search(f"{old} {new}")
        why = "only known after the deployment" if later else "not readable in the preview ⚠"
        yield f"{code(step.name)}: what it allows is {why}"
        return
    gone = before - after
    yield from _sentences(step, after - before, "now", {_whatever(one) for one in gone})
    yield from _sentences(step, gone, "no longer")


def _whatever(grant: Grant) -> Grant:
    """The permission without its conditions."""
    effect, principal, resource, _, action = grant
    return effect, principal, resource, _NO_CONDITIONS, action


def _sentences(step: Step, grants: set[Grant], when: str, limited: Collection[Grant] = ()) -> Iterator[str]:
    """A sentence for each group. `limited`: what was allowed before, under conditions only."""
    grouped: dict[tuple[str, str, str, str], list[str]] = {}
    for effect, principal, resource, conditions, action in sorted(grants):
        grouped.setdefault((effect, principal, resource, conditions), []).append(action)
    for (effect, principal, resource, conditions), actions in grouped.items():
        allowed = effect == "Allow"
        free = any((effect, principal, resource, conditions, action) in limited for action in actions)
        if step.kind == "Key" and resource == "*":
            resource = step.name  # what a key's policy means by it
        who = f"{code(principal or step.name)} {f'may {when}' if allowed else f'is {when} refused'}"
        what = f"{', '.join(map(code, actions))} on {short(resource)}"
        if resource == "itself":
            what = f"{'' if allowed else 'to '}become {code(step.name)}"
        only = f", if {code(conditions)}" if conditions != _NO_CONDITIONS else ""
        warning = ""
        if allowed and when == "now":
            unlimited = " ⚠ without the condition it had" if free else ""
            warning = _outsider(principal) or _wide(step.stage, resource, actions) or unlimited
        elif not allowed and when == "no longer":
            warning = " ⚠"
        yield f"{who} {what}{only}{warning}"


def _outsider(principal: str) -> str:
    if principal == "*" or principal.startswith(BUT):
        return " ⚠ wide: anybody"
    if re.fullmatch(r"\d{12}|arn:[^:]*:iam::[^:]*:root", principal):
        return " ⚠ wide: a whole account"
    return " ⚠ no service of AWS" if principal and not principal.endswith(".amazonaws.com") else ""


def _wide(stage: str, resource: str, actions: Sequence[str]) -> str:
    fixed, *rest = WILDCARD.split(resource)
    widening = resource.startswith(BUT) or (rest and not _is_of(stage, fixed))
    return " ⚠ wide" if widening or any(a.startswith(BUT) or WILDCARD.search(a) for a in actions) else ""


def _is_of(stage: str, arn: str) -> bool:
    """True if an ARN names something of the stage."""
    return resource_name(stage, "") in arn or parameter_name(stage, "") in arn


def _permission(step: Step) -> Iterator[str]:
    for inputs, when in ((step.new, "now"), (step.old, "no longer")):
        if inputs and step.old != step.new:
            principal, action = str(inputs.get("principal", "?")), code(inputs.get("action", "?"))
            source = str(inputs.get("sourceArn") or "")
            warning = ""
            if when == "now":
                warning = _outsider(principal) or _from_anywhere(source)
            origin = f", from {short(source)}" if source else ""
            yield f"{code(principal)} may {when} {action} on {short(inputs.get('function', '?'))}{origin}{warning}"


def _from_anywhere(source: str) -> str:
    fixed, *rest = WILDCARD.split(source)
    return " ⚠ wide: from anywhere" if not source or (rest and re.fullmatch(r"([^:]*:){0,4}[^:]*|.*:", fixed)) else ""


def _access(step: Step) -> Iterator[str]:
    before, after = (inputs.get("authorizationType", "NONE") if inputs else None for inputs in (step.old, step.new))
    if after == "NONE" != before:
        yield f"{code(step.name)} {'becomes' if before else 'is new and'} **public**: it asks for no token ⚠"
    elif before == "NONE" and after not in ("NONE", None):
        yield f"{code(step.name)} is no longer public: it asks for a token"


def _attachments(step: Step) -> Iterator[str]:
    before, after = _attached(step, step.old), _attached(step, step.new)
    for holder, policy in sorted(after - before):
        warning = "" if _is_of(step.stage, policy) else " ⚠ not written by this stage"
        yield f"{code(holder)} gets the policy {short(policy)}{warning}"
    for holder, policy in sorted(before - after):
        yield f"{code(holder)} loses the policy {short(policy)}"


def _attached(step: Step, inputs: Mapping[str, Any]) -> set[tuple[str, str]]:
    """The holder of a managed policy: a role, or the target of an attachment."""
    keys = ("role", "roles", "user", "users", "group", "groups")
    holders = [holder for key in keys for holder in _list(inputs.get(key))] or [step.name]
    policies = [*_list(inputs.get("policyArn")), *_list(inputs.get("managedPolicyArns"))]
    return {(holder, policy) for holder in holders for policy in policies}


def _boundary(step: Step) -> Iterator[str]:
    old, new = step.old.get("permissionsBoundary"), step.new.get("permissionsBoundary")
    if old == new:
        return
    if not new:
        yield f"{code(step.name)} is **no longer bounded** ⚠"
    else:
        yield f"{code(step.name)} is bounded by {short(new)}{f' instead of {short(old)} ⚠' if old else ''}"
