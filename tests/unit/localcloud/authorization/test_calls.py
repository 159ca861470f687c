"""Calls of the SDK as IAM sees them, held against the Service Authorization Reference."""

from typing import Any

import botocore.session
import pytest

from localcloud.authorization.calls import Authorization, Call, UnknownCallError, authorizations
from tests.contract.aws.reference import overlap, resource_forms

TAGS = {"stage": "dev", "owner": "platform"}
ACCOUNT = "123456789012"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/r"


def a_call(service: str, operation: str, **parameters: Any) -> Call:
    """A call with the HTTP request that botocore's model gives it."""
    http = botocore.session.get_session().get_service_model(service).operation_model(operation).http
    return Call(
        service, operation, parameters, "us-east-1", ACCOUNT, http.get("method", ""), http.get("requestUri", "")
    )


CALLS: list[tuple[Call, list[tuple[str, str]]]] = [
    (
        a_call("apigatewayv2", "CreateStage", ApiId="a1", StageName="$default"),
        [
            ("apigateway:POST", "arn:aws:apigateway:us-east-1::/apis/a1/stages"),
            ("apigateway:TagResource", "arn:aws:apigateway:us-east-1::/apis/a1/stages"),
        ],
    ),
    (
        a_call("apigatewayv2", "UpdateRoute", ApiId="a1", RouteId="r1"),
        [("apigateway:PATCH", "arn:aws:apigateway:us-east-1::/apis/a1/routes/r1")],
    ),
    (
        a_call("apigatewayv2", "TagResource", ResourceArn="arn:aws:apigateway:r::/apis/a1", Tags={"owner": "t"}),
        [("apigateway:POST", "arn:aws:apigateway:us-east-1::/tags/arn%3Aaws%3Aapigateway%3Ar%3A%3A%2Fapis%2Fa1")],
    ),
    (
        a_call("lambda", "CreateFunction", FunctionName="civicforge-dev-api", Role=f"arn:aws:iam::{ACCOUNT}:role/r"),
        [
            ("lambda:CreateFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:civicforge-dev-api"),
            ("lambda:TagResource", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:civicforge-dev-api"),
            ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/r"),
        ],
    ),
    (
        a_call("lambda", "Invoke", FunctionName="civicforge-dev-api", Qualifier="live"),
        [("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:civicforge-dev-api:live")],
    ),
    (a_call("lambda", "GetAccountSettings"), [("lambda:GetAccountSettings", "*")]),
    (a_call("s3", "HeadObject", Bucket="b", Key="k"), [("s3:GetObject", "arn:aws:s3:::b/k")]),
    (a_call("s3", "PutBucketEncryption", Bucket="b"), [("s3:PutEncryptionConfiguration", "arn:aws:s3:::b")]),
    (
        a_call("s3", "DeleteObjects", Bucket="b", Delete={"Objects": [{"Key": "x"}, {"Key": "y"}]}),
        [("s3:DeleteObject", "arn:aws:s3:::b/x"), ("s3:DeleteObject", "arn:aws:s3:::b/y")],
    ),
    (a_call("kms", "CreateKey"), [("kms:CreateKey", "*"), ("kms:TagResource", "*")]),
    (
        a_call("kms", "EnableKeyRotation", KeyId="k1"),
        [("kms:EnableKeyRotation", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/k1")],
    ),
    (
        a_call("dynamodb", "Query", TableName="civicforge-dev-quests", IndexName="board"),
        [("dynamodb:Query", f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/civicforge-dev-quests/index/board")],
    ),
    (
        a_call("ssm", "GetParameters", Names=["/civicforge/dev/a", "/civicforge/dev/b"]),
        [("ssm:GetParameters", f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/civicforge/dev/{n}") for n in "ab"],
    ),
    (
        a_call("logs", "PutDeliverySource", name="n", resourceArn=f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1"),
        [
            ("logs:PutDeliverySource", f"arn:aws:logs:us-east-1:{ACCOUNT}:delivery-source:n"),
            ("cloudfront:AllowVendedLogDeliveryForResource", f"arn:aws:cloudfront::{ACCOUNT}:distribution/E1"),
        ],
    ),
    (
        a_call("budgets", "UpdateBudget", AccountId=ACCOUNT, NewBudget={"BudgetName": "b"}, BudgetName="b"),
        [("budgets:ModifyBudget", f"arn:aws:budgets::{ACCOUNT}:budget/b")],
    ),
    (
        a_call("scheduler", "CreateSchedule", Name="s", GroupName="g", Target={"RoleArn": ROLE}),
        [
            ("scheduler:CreateSchedule", f"arn:aws:scheduler:us-east-1:{ACCOUNT}:schedule/g/s"),
            ("iam:PassRole", f"arn:aws:iam::{ACCOUNT}:role/r"),
        ],
    ),
    (
        a_call("resourcegroupstaggingapi", "TagResources", ResourceARNList=["arn:aws:sqs:r:1:q"], Tags={"a": "b"}),
        [("sqs:TagQueue", "arn:aws:sqs:r:1:q")],
    ),
    (
        a_call("sesv2", "CreateConfigurationSet", ConfigurationSetName="civicforge-dev-mail"),
        [
            ("ses:CreateConfigurationSet", f"arn:aws:ses:us-east-1:{ACCOUNT}:configuration-set/civicforge-dev-mail"),
            ("ses:TagResource", f"arn:aws:ses:us-east-1:{ACCOUNT}:configuration-set/civicforge-dev-mail"),
        ],
    ),
    (a_call("sesv2", "GetAccount"), [("ses:GetAccount", "*")]),
    (a_call("sts", "GetCallerIdentity"), []),
    (a_call("cognito-idp", "InitiateAuth", ClientId="c"), []),
]  # fmt: skip


@pytest.mark.parametrize(("call", "expected"), CALLS, ids=lambda item: getattr(item, "operation", ""))
def test_a_call_asks_for(call: Call, expected: list[tuple[str, str]]) -> None:
    assert [(found.action, found.resource) for found in authorizations(call, TAGS)] == expected


@pytest.mark.parametrize("call", [call for call, _ in CALLS], ids=lambda call: call.operation)
def test_what_is_asked_for_is_in_the_reference(call: Call) -> None:
    """The action exists, and acts on ARNs of this form."""
    for found in authorizations(call, TAGS):
        if found.action.startswith("apigateway:"):  # the reference mixes two services under this name
            continue
        forms = resource_forms(found.action)
        assert forms is not None, found.action
        if found.resource.startswith(f"arn:aws:{found.action.split(':')[0]}:") and ACCOUNT in found.resource:
            assert any(overlap(form, found.resource) for form, _ in forms.values()), found


def test_tags_are_found_in_every_form() -> None:
    tags = {"owner": "town"}
    pairs = [{"Key": "owner", "Value": "town"}]
    forms = [
        a_call("iam", "TagRole", RoleName="r", Tags=pairs),
        a_call("kms", "TagResource", KeyId="k", Tags=[{"TagKey": "owner", "TagValue": "town"}]),
        a_call("cloudfront", "TagResource", Resource="arn:aws:cloudfront::1:distribution/E", Tags={"Items": pairs}),
        a_call("lambda", "TagResource", Resource="arn:aws:lambda:us-east-1:1:function:f", Tags=tags),
    ]
    for call in forms:
        (found,) = authorizations(call, {})
        assert found.tags == tags, call


def test_what_is_created_is_asked_for_with_the_default_tags() -> None:
    made = authorizations(a_call("cognito-idp", "CreateUserPool", PoolName="p"), TAGS)
    assert [found.tags for found in made] == [TAGS, TAGS]
    assert authorizations(a_call("cognito-idp", "UpdateUserPool", UserPoolId="p"), TAGS)[0].tags == {}


def test_a_service_that_is_not_known_is_no_hole() -> None:
    with pytest.raises(UnknownCallError, match="ec2 RunInstances"):
        authorizations(Call("ec2", "RunInstances", {}, "us-east-1", ACCOUNT), {})


def test_conditions_of_a_request() -> None:
    listed = authorizations(a_call("s3", "ListObjectsV2", Bucket="b", Prefix="dev/x"), {})
    assert listed == [Authorization("s3:ListBucket", "arn:aws:s3:::b", {}, {"s3:prefix": "dev/x"})]
    bounded = authorizations(a_call("iam", "CreateRole", RoleName="r", PermissionsBoundary="arn:b"), {})
    assert bounded[0].context == {"iam:PermissionsBoundary": "arn:b"}
