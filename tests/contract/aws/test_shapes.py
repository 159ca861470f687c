"""Every planned resource against AWS's resource schemas, and against the limits that they lack."""

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest
from cfnlint.api import lint  # type: ignore[import-untyped]  # cfn-lint ships no types

from tests.contract.aws.limits import LIMITS, broken
from tests.contract.aws.plans import PLAN_NAMES, STAGES, Planned, named_plan
from tests.contract.aws.templates import template
from tests.unit.infra.plan import REGION


def refused(plan: Iterable[Planned]) -> list[str]:
    """The errors that cfn-lint finds in a plan, with their places. Its warnings are of CloudFormation alone."""
    return errors_of(template(plan))


def errors_of(document: dict[str, Any]) -> list[str]:
    """The errors of a template."""
    matches = lint(json.dumps(document), regions=[REGION])
    return [f"{'/'.join(map(str, m.path))}: {m.message}" for m in matches if m.rule.id.startswith("E")]


LONGEST = max(STAGES, key=len)
"""The stage that is linted whole: its names are the longest."""
_MADE_UP = re.compile(r"[0-9a-fA-F-]{10,}|[0-9A-Z_]{9,}")


def shapes(name: str) -> dict[str, str]:
    """The translated resources of a plan, without the stage's name and identifiers."""
    stage = named_plan(name)[0].stage
    resources = template(named_plan(name))["Resources"]
    texts = {key: json.dumps(resource, sort_keys=True, default=str) for key, resource in resources.items()}
    return {key: _MADE_UP.sub("ID", text.replace(stage, "STAGE")) for key, text in texts.items()}


@pytest.mark.parametrize("name", PLAN_NAMES)
def test_every_resource_is_of_the_shape_that_aws_publishes(name: str) -> None:
    """All resources of one stage, and those that the other plans have besides."""
    document, known = template(named_plan(name)), {*shapes(LONGEST).values()} if name != LONGEST else set()
    new = {key for key, shape in shapes(name).items() if shape not in known}
    assert new
    document["Resources"] = {key: resource for key, resource in document["Resources"].items() if key in new}
    assert errors_of(document) == []


@pytest.mark.parametrize("name", PLAN_NAMES)
def test_every_resource_is_within_the_limits_that_schemas_lack(name: str) -> None:
    assert list(broken(named_plan(name))) == []


def test_every_limit_is_of_a_type_that_is_planned() -> None:
    kinds = {resource.kind for name in PLAN_NAMES for resource in named_plan(name)}
    assert {limit.kind for limit in LIMITS} <= kinds
