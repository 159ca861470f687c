"""Every planned resource against AWS's resource schemas, and against the limits that they lack."""

import json
from collections.abc import Iterable

import pytest
from cfnlint.api import lint  # type: ignore[import-untyped]  # cfn-lint ships no types

from tests.contract.aws.limits import LIMITS, broken
from tests.contract.aws.plans import PLAN_NAMES, Planned, named_plan
from tests.contract.aws.templates import template
from tests.unit.infra.plan import REGION


def refused(plan: Iterable[Planned]) -> list[str]:
    """What cfn-lint says of a plan: where, and what is wrong. Warnings are of CloudFormation alone."""
    matches = lint(json.dumps(template(plan)), regions=[REGION])
    return [f"{'/'.join(map(str, m.path))}: {m.message}" for m in matches if m.rule.id.startswith("E")]


@pytest.mark.parametrize("name", PLAN_NAMES)
def test_every_resource_is_of_the_shape_that_aws_publishes(name: str) -> None:
    assert refused(named_plan(name)) == []


@pytest.mark.parametrize("name", PLAN_NAMES)
def test_every_resource_is_within_the_limits_that_schemas_lack(name: str) -> None:
    assert list(broken(named_plan(name))) == []


def test_every_limit_is_of_a_type_that_is_planned() -> None:
    kinds = {resource.kind for name in PLAN_NAMES for resource in named_plan(name)}
    assert {limit.kind for limit in LIMITS} <= kinds
