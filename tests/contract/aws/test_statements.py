"""Every statement of ours against the Service Authorization Reference."""

import json
from collections.abc import Iterator

import pytest

from tests.contract.aws.plans import STAGES, every_plan
from tests.contract.aws.roles import Statements, roles
from tests.contract.aws.statements import (
    NOT_IN_THE_REFERENCE,
    UNUSED_DEPENDENCIES,
    dependent_actions,
    expanded,
    incomplete_actions,
    unfit_resources,
    unknown_actions,
    unknown_keys,
)


def policies() -> Iterator[tuple[str, Statements]]:
    """Every identity policy: of the bootstrap's roles, the boundaries and the Lambdas' roles."""
    account = roles()
    for name in account.names:
        yield name, account.statements(name)
    for stage in STAGES:
        yield f"{stage}-boundary", account.boundary(stage)
    for plan in every_plan().values():
        for policy in plan:
            if policy.kind == "iam:RolePolicy":
                yield policy.label, tuple(json.loads(policy.inputs["policy"])["Statement"])


@pytest.fixture(scope="module")
def every_policy() -> dict[str, Statements]:
    return dict(policies())


def test_actions_exist_on_resources_of_their_form_under_keys_that_they_have(
    every_policy: dict[str, Statements],
) -> None:
    assert len(every_policy) > len(STAGES) * 4
    for name, found in every_policy.items():
        wrong = [*unknown_actions(found), *unfit_resources(found), *unknown_keys(found), *incomplete_actions(found)]
        assert wrong == [], name


def test_what_an_action_depends_on_is_granted_too() -> None:
    account = roles()
    for name in account.names:
        for action, other in dependent_actions(account.statements(name)):
            granted = other in UNUSED_DEPENDENCIES or account.grants(name, other)
            assert granted, f"{name}: {action} needs {other}"


def test_the_exceptions_are_needed(every_policy: dict[str, Statements]) -> None:
    granted = {action for statements in every_policy.values() for s in statements for action in s["Action"]}
    for action in NOT_IN_THE_REFERENCE:
        assert action in granted, f"{action} is granted to nobody: remove the exception"
        assert not expanded(action), f"the reference has {action} now: remove the exception"
