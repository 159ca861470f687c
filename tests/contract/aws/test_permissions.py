"""IAM's decisions on what the deploy and preview roles do, by AWS's lists and with conditions evaluated."""

import json
from collections.abc import Iterator
from itertools import permutations

import pytest

from localcloud.authorization.policies import Request, allows, tag_context
from tests.contract.aws.permissions import (
    KEPT_DATA,
    UNUSED,
    facts,
    missing,
    needed,
    schema_of,
    tag_calls,
    targets,
    used,
)
from tests.contract.aws.plans import (
    STAGES,
    Planned,
    bootstrap_plan,
    default_tags,
    every_plan,
    full_plan,
    stage_plan,
)
from tests.contract.aws.roles import Roles, roles


@pytest.fixture(scope="module")
def account() -> Roles:
    return roles()


def plans_of(stage: str) -> tuple[Planned, ...]:
    """Everything that a stage can have; staging and prod differ in nothing that a role sees."""
    return full_plan() if stage == "prod" else stage_plan(stage)


def own_tags(resource: Planned) -> dict[str, str]:
    """The tags that a resource carries once it is made."""
    return resource.tags if resource.carries_tags else {}


# What AWS lists.


@pytest.mark.parametrize("stage", STAGES)
def test_the_deploy_role_has_what_aws_lists_for_making_changing_tagging_and_deleting(
    account: Roles, stage: str
) -> None:
    lacking = missing(account, f"{stage}-deploy", plans_of(stage), "create", "update", "tag", "delete", "read")
    if stage != "dev":
        lacking = [line for line in lacking if not any(f" {action} " in line for action in KEPT_DATA)]
    assert lacking == []


@pytest.mark.parametrize("stage", STAGES)
def test_the_preview_role_has_what_aws_lists_for_reading(account: Roles, stage: str) -> None:
    assert missing(account, f"{stage}-preview", plans_of(stage), "read") == []


def test_what_is_said_to_be_unused_is_unused() -> None:
    """An exception ends with the resource that uses the feature."""
    planned = [resource for plan in every_plan().values() for resource in plan]
    schemas = {schema_of(resource) for resource in planned}
    for entry in UNUSED:
        assert entry.schema in schemas, f"nothing of {entry.schema} is planned any more: remove the exception"
        assert used(entry, planned) == [], f"so that {', '.join(entry.actions)} may be needed"


# Tags.


@pytest.mark.parametrize("stage", STAGES)
def test_one_tag_can_be_changed_alone(account: Roles, stage: str) -> None:
    """The provider sends the tags that differ and no others."""
    denied = [
        f"{resource.label}: {action}"
        for resource in plans_of(stage)
        if resource.carries_tags
        for action, arn in tag_calls(resource)
        if not account.allow(
            f"{stage}-deploy", action, arn, tag_context(request={"owner": "town"}, resource=resource.tags)
        )
    ]
    assert denied == []


@pytest.mark.parametrize("stage", STAGES)
def test_a_tag_can_be_removed(account: Roles, stage: str) -> None:
    for resource in plans_of(stage):
        if resource.carries_tags:
            for action, arn in tag_calls(resource, removing=True):
                context = {**tag_context(resource=resource.tags), "aws:TagKeys": ("cost-center",)}
                assert account.allow(f"{stage}-deploy", action, arn, context), (resource.label, action)


@pytest.mark.parametrize("stage", STAGES)
def test_every_type_that_carries_tags_has_a_call_that_writes_them(stage: str) -> None:
    for resource in plans_of(stage):
        assert tag_calls(resource) or not resource.carries_tags, resource.label


# Before AWS knows the tag, and where it may know none.


def reading_just_made(stage: str) -> Iterator[tuple[Planned, str, str]]:
    """The provider's calls on a new key, whose tags count only after a while, and on the parts of an API."""
    for resource in plans_of(stage):
        key = resource.kind == "kms:Key"
        child = resource.kind.startswith("apigatewayv2:") and resource.kind != "apigatewayv2:Api"
        for action in needed(resource, "create", "read", "update") if key or child else ():
            for arn in targets(resource, action) or ():
                if action not in ("kms:CreateKey", "kms:TagResource", "kms:UntagResource"):
                    yield resource, action, arn


@pytest.mark.parametrize("stage", STAGES)
def test_what_was_just_made_and_what_has_no_tag_is_managed(account: Roles, stage: str) -> None:
    for resource, action, arn in reading_just_made(stage):
        policy = json.loads(resource.inputs["policy"])["Statement"] if resource.kind == "kms:Key" else ()
        for tags in ({}, resource.tags):
            context = tag_context(resource=tags)
            allowed = account.allow(f"{stage}-deploy", action, arn, context, resource_policy=policy)
            assert allowed, f"{resource.label}: {action} on {arn} with tags {tags}"


@pytest.mark.parametrize("stage", STAGES)
def test_a_keys_policy_lets_in_the_role_that_made_it_and_nobody_else(account: Roles, stage: str) -> None:
    (key,) = (resource for resource in plans_of(stage) if resource.kind == "kms:Key")
    policy = json.loads(key.inputs["policy"])["Statement"]
    for role in account.names:
        made = account.allow(role, "kms:EnableKeyRotation", key.arn, resource_policy=policy)
        assert made == (role == f"{stage}-deploy"), role


@pytest.mark.parametrize("stage", STAGES)
def test_the_edges_log_is_allowed_whatever_tags_are_told(account: Roles, stage: str) -> None:
    """AWS asks for it on the caller's behalf, and documents no condition."""
    (site,) = (resource for resource in plans_of(stage) if resource.kind == "cloudfront:Distribution")
    assert account.allow(f"{stage}-deploy", "cloudfront:AllowVendedLogDeliveryForResource", site.arn)


@pytest.mark.parametrize("stage", STAGES)
def test_the_preview_role_reads_the_parts_of_an_api_with_and_without_a_tag(account: Roles, stage: str) -> None:
    for resource in plans_of(stage):
        if resource.kind.startswith("apigatewayv2:") and resource.kind != "apigatewayv2:Api":
            for tags in ({}, resource.tags):
                context = tag_context(resource=tags)
                assert account.allow(f"{stage}-preview", "apigateway:GET", resource.arn, context), resource.label


# Other stages.

SHARED = {
    "apigateway:TagResource": "decided on the collection, which carries no tag",
    "apigateway:UntagResource": "decided on the collection, which carries no tag",
    "billing:GetBillingViewData": "the account has one primary view",
    "cloudfront:AllowVendedLogDeliveryForResource": "decided for CloudWatch Logs, whose source is named",
    "cloudfront:CreateFunction": "decided before there is a name; it overwrites none",
    "cloudwatch:PutCompositeAlarm": "decided on every alarm of the account",
}
"""The actions that AWS cannot keep to a stage, with the reason."""


def shared(action: str, arn: str) -> bool:
    """If AWS offers nothing by which an action could be kept to a stage."""
    policies = ("cache-policy/", "origin-access-control/", "response-headers-policy/")
    return arn == "*" or action in SHARED or any(part in arn for part in policies)


@pytest.mark.parametrize(("stage", "other"), list(permutations(STAGES, 2)))
def test_a_role_writes_nothing_of_another_stage(account: Roles, stage: str, other: str) -> None:
    tags = default_tags(stage)
    reached = set()
    for resource in plans_of(other):
        writing = needed(resource, "create", "update", "delete", "tag") - needed(resource, "read")
        calls = [(action, arn) for action in writing for arn in targets(resource, action) or ()]
        for action, arn in {*calls, *tag_calls(resource), *tag_calls(resource, removing=True)}:
            carried = tag_context(resource=own_tags(resource)) or tag_context(resource=resource.tags)
            for sent in ({}, {"owner": "town"}, tags):
                context = {**facts(resource, plans_of(other)), **carried, **tag_context(request=sent)}
                if not shared(action, arn) and account.allow(f"{stage}-deploy", action, arn, context):
                    reached.add(f"{action} on {arn}")
    assert not {line for line in reached if not line.endswith((":/apis", "::/apis"))}


# The Lambdas' own roles.


@pytest.mark.parametrize("stage", STAGES)
def test_what_a_lambda_is_granted_is_within_the_boundary(account: Roles, stage: str) -> None:
    """A grant beyond the boundary would fail on AWS alone, whatever the role says."""
    beyond = []
    for policy in plans_of(stage):
        if policy.kind == "iam:RolePolicy":
            for statement in json.loads(policy.inputs["policy"])["Statement"]:
                for action in statement["Action"]:
                    for arn in statement["Resource"]:
                        request = Request(action, arn, tag_context(resource=policy.tags))
                        if not allows(account.boundary(stage), request):
                            beyond.append(f"{policy.label}: {action} on {arn}")
    assert beyond == []


def test_the_bootstrap_plan_has_every_role_of_every_stage(account: Roles) -> None:
    kinds = ("deploy", "preview", "rollout")
    assert sorted(account.names) == sorted(f"{stage}-{kind}" for stage in STAGES for kind in kinds)
    assert bootstrap_plan()
