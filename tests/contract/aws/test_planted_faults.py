"""Faults that AWS would refuse, planted one by one: each is caught by the witness that is there for it.

A witness that finds nothing in our plans proves nothing by itself; these show what it would have said.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pytest

from localcloud.authorization.policies import tag_context
from tests.contract.aws import permissions, statements
from tests.contract.aws.limits import broken
from tests.contract.aws.plans import Planned, bootstrap_plan, full_plan, kind_of
from tests.contract.aws.roles import Roles
from tests.contract.aws.test_shapes import refused

STAGE = "prod"


# Faults in the roles' policies.

Edit = Callable[[dict[str, Any]], None]


def with_statement(sid: str, edit: Edit) -> Roles:
    """The roles with one statement of the stage's policies changed."""
    changed, plan = 0, []
    for item in bootstrap_plan():
        if item.kind == "iam:Policy" and item.id.startswith(f"civicforge-bootstrap-{STAGE}-"):
            document = json.loads(item.inputs["policy"])
            for statement in document["Statement"]:
                if statement["Sid"] == sid:
                    edit(statement)
                    changed += 1
            item = replace(item, inputs={**item.inputs, "policy": json.dumps(document)})
        plan.append(item)
    assert changed, f"no statement {sid}"
    return Roles(tuple(plan))


def without(*actions: str) -> Edit:
    """Take actions away."""

    def edit(statement: dict[str, Any]) -> None:
        assert set(actions) <= set(statement["Action"])
        statement["Action"] = [action for action in statement["Action"] if action not in actions]

    return edit


def granting(*actions: str) -> Edit:
    """Grant actions too."""
    return lambda statement: statement.update(Action=[*statement["Action"], *actions])


def under(conditions: Mapping[str, Mapping[str, str]]) -> Edit:
    """Put other conditions in place."""
    return lambda statement: statement.update(Condition=conditions)


def on(*resources: str) -> Edit:
    """Put other resources in place."""
    return lambda statement: statement.update(Resource=list(resources))


def by_schemas(account: Roles) -> list[str]:
    """The witness of AWS's resource schemas."""
    deploy = permissions.missing(account, f"{STAGE}-deploy", full_plan(), "create", "update", "tag", "delete", "read")
    preview = permissions.missing(account, f"{STAGE}-preview", full_plan(), "read")
    return [line for line in [*deploy, *preview] if not any(f" {a} " in line for a in permissions.KEPT_DATA)]


def by_one_tag(account: Roles) -> list[str]:
    """The witness of a change of one tag."""
    return [
        f"{resource.label}: {action}"
        for resource in full_plan()
        if resource.carries_tags
        for action, arn in permissions.tag_calls(resource)
        if not account.allow(
            f"{STAGE}-deploy", action, arn, tag_context(request={"owner": "town"}, resource=resource.tags)
        )
    ]


def by_untagged_parts(account: Roles) -> list[str]:
    """The witness of what carries no tag, or none yet."""
    return [
        f"{resource.label}: {action}"
        for resource in full_plan()
        if resource.kind.startswith("apigatewayv2:") and resource.kind != "apigatewayv2:Api"
        for action in permissions.needed(resource, "create", "update", "read")
        for arn in permissions.targets(resource, action) or ()
        if not account.allow(f"{STAGE}-deploy", action, arn)
    ]


def by_reference(account: Roles) -> list[str]:
    """The witness of the Service Authorization Reference."""
    found = account.statements(f"{STAGE}-deploy")
    return [
        *statements.unknown_actions(found),
        *statements.unfit_resources(found),
        *statements.unknown_keys(found),
        *statements.incomplete_actions(found),
    ]


OWN_REQUEST_ONLY = {"StringEquals": {"aws:RequestTag/stage": STAGE}}
TAGGED = {"StringEquals": {"aws:ResourceTag/stage": STAGE}}


@dataclass(frozen=True)
class PolicyFault:
    """A change of one statement, the witness, and a part of what it says."""

    name: str
    sid: str
    edit: Edit
    witness: Callable[[Roles], list[str]]
    says: str


POLICY_FAULTS = (
    PolicyFault(
        "the API's stage cannot be tagged (the first deployment of every stage)",
        "StageTags",
        without("apigateway:TagResource"),
        by_schemas,
        "lacks apigateway:TagResource for apigatewayv2:Stage",
    ),
    PolicyFault(
        "the API's stage is tagged under a condition that its collection cannot meet",
        "StageTags",
        under(TAGGED),
        by_untagged_parts,
        "apigateway:TagResource",
    ),
    PolicyFault(
        "a budget's view of the bill cannot be read",
        "ReadCosts",
        without("billing:GetBillingViewData"),
        by_schemas,
        "lacks billing:GetBillingViewData for budgets:Budget",
    ),
    PolicyFault(
        "buckets are tagged by the older call alone",
        "Buckets",
        without("s3:TagResource"),
        by_schemas,
        "lacks s3:TagResource for s3:Bucket",
    ),
    PolicyFault(
        "the preview cannot read a table's recovery",
        "ReadTables",
        without("dynamodb:Describe*"),
        by_schemas,
        "lacks dynamodb:DescribeContinuousBackups for dynamodb:Table",
    ),
    PolicyFault(
        "one tag of the pool cannot be changed alone",
        "Pool",
        without("cognito-idp:TagResource"),
        by_one_tag,
        "cognito:UserPool users: cognito-idp:TagResource",
    ),
    PolicyFault(
        "one tag of the distribution cannot be changed alone",
        "Distribution",
        under({"StringEquals": {**TAGGED["StringEquals"], "aws:RequestTag/stage": STAGE}}),
        by_one_tag,
        "cloudfront:Distribution site: cloudfront:TagResource",
    ),
    PolicyFault(
        "tags of an API are written under the request's tags alone",
        "ApiTags",
        under(OWN_REQUEST_ONLY),
        by_one_tag,
        "apigatewayv2:Api api: apigateway:POST",
    ),
    PolicyFault(
        "routes are told by a tag that they may not inherit",
        "ApiParts",
        under(TAGGED),
        by_untagged_parts,
        "apigatewayv2:Route",
    ),
    PolicyFault(
        "an action is misspelt",
        "Functions",
        granting("lambda:UpdateFunctionConcurrency"),
        by_reference,
        "there is no action lambda:UpdateFunctionConcurrency",
    ),
    PolicyFault(
        "log fields are changed on the delivery alone",
        "LogDeliveries",
        without("logs:UpdateDeliveryConfiguration"),
        by_reference,
        "logs:UpdateDeliveryConfiguration also needs a delivery-",
    ),
    PolicyFault(
        "tables are named in the form of another service",
        "Tables",
        on(f"arn:aws:dynamodb:us-east-1:123456789012:tables/civicforge-{STAGE}-*"),
        by_reference,
        "dynamodb:CreateTable is not for",
    ),
    PolicyFault(
        "a condition names a key that the service does not have",
        "EventSources",
        under({"StringEquals": {"lambda:SourceTable": "ledger"}}),
        by_reference,
        "none of its actions has the condition key lambda:SourceTable",
    ),
)


@pytest.mark.parametrize("fault", POLICY_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_in_a_policy_is_caught(fault: PolicyFault) -> None:
    found = fault.witness(with_statement(fault.sid, fault.edit))
    assert any(fault.says in line for line in found), found


# Faults in the program's resources.


def with_inputs(*changes: tuple[str, str, Any]) -> list[Planned]:
    """The resources of the changed kinds, the first of each with its inputs changed. Dots lead into an input."""
    plan: list[Planned] = []
    for item in full_plan():
        first = item.kind not in {known.kind for known in plan}
        for kind, key, value in changes if first else ():
            if kind == item.kind:
                item = replace(item, inputs=_changed(item.inputs, key.split("."), value))
        if item.kind in {kind for kind, _, _ in changes}:
            plan.append(item)
    return plan


def _changed(inputs: Mapping[str, Any], path: list[str], value: Any) -> dict[str, Any]:
    inner = value if len(path) == 1 else _changed(inputs[path[0]], path[1:], value)
    return {**inputs, path[0]: inner}


@dataclass(frozen=True)
class ResourceFault:
    """A value that AWS refuses, and a part of what a witness says of it."""

    name: str
    kind: str
    key: str
    value: Any
    says: str


RESOURCE_FAULTS = (
    ResourceFault("a retention of 31 days", "cloudwatch:LogGroup", "retentionInDays", 31, "31 is not one of"),
    ResourceFault("an unknown runtime", "lambda:Function", "runtime", "python3.99", "python3.99"),
    ResourceFault("a misspelt input", "sqs:Queue", "visibilityTimeOut", 30, "VisibilityTimeOut"),
    ResourceFault("a month in a queue", "sqs:Queue", "messageRetentionSeconds", 2592000, "1209600"),
    ResourceFault("42 days of recovery", "dynamodb:Table", "pointInTimeRecovery.recoveryPeriodInDays", 42, "35"),
    ResourceFault("an unknown mode", "scheduler:Schedule", "flexibleTimeWindow.mode", "AUTO", "AUTO"),
    ResourceFault("a password of five", "cognito:UserPool", "passwordPolicy.minimumLength", 5, "minimum"),
    ResourceFault("missing data that is fine", "cloudwatch:MetricAlarm", "treatMissingData", "fine", "fine"),
    ResourceFault("memory beyond the most", "lambda:Function", "memorySize", 10241, "10240 MB"),
    ResourceFault(
        "a gateway that waits too long", "apigatewayv2:Integration", "timeoutMilliseconds", 31000, "30000 ms"
    ),
    ResourceFault(
        "a set of methods of our own",
        "cloudfront:Distribution",
        "defaultCacheBehavior.allowedMethods",
        ["GET", "HEAD", "POST"],
        "allowed methods",
    ),
    ResourceFault("a level that drops metrics", "lambda:Function", "loggingConfig.applicationLogLevel", "WARN", "EMF"),
    ResourceFault(
        "a reserved variable", "lambda:Function", "environment.variables", {"AWS_REGION": "us-east-1"}, "reserve"
    ),
    ResourceFault(
        "an attribute that is no key",
        "dynamodb:Table",
        "attributes",
        [{"name": "bio", "type": "S"}],
        "attributes that are keys",
    ),
    ResourceFault("an alarm over two days", "cloudwatch:MetricAlarm", "evaluationPeriods", 2881, "one day"),
)


@pytest.fixture(scope="module")
def said() -> list[str]:
    """The witnesses' findings on a plan with every fault in it."""
    plan = with_inputs(*((fault.kind, fault.key, fault.value) for fault in RESOURCE_FAULTS))
    return [*refused(plan), *broken(plan)]


@pytest.mark.parametrize("fault", RESOURCE_FAULTS, ids=lambda fault: fault.name)
def test_a_fault_in_a_resource_is_caught(fault: ResourceFault, said: list[str]) -> None:
    assert any(fault.says in line for line in said), said


def test_a_resource_of_a_new_type_is_told_by_name() -> None:
    """Whoever plans one says what AWS calls it; nothing new goes past the witnesses."""
    with pytest.raises(AssertionError, match="sesv2:ContactList is planned"):
        kind_of("aws:sesv2/contactList:ContactList")


def test_an_exception_ends_where_the_feature_is_used() -> None:
    entry = next(entry for entry in permissions.UNUSED if entry.schema == "AWS::Lambda::Function")
    plan = with_inputs(("lambda:Function", "vpcConfig", {"subnetIds": ["subnet-1"]}))
    assert permissions.used(entry, plan) == [f"{plan[0].label} sets vpcConfig"]
    assert permissions.used(entry, full_plan()) == []


def test_at_least_fifteen_faults_are_planted() -> None:
    assert len({fault.name for fault in (*POLICY_FAULTS, *RESOURCE_FAULTS)}) >= 15
