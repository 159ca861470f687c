"""The plans of the stages and of the bootstrap stack, with identifiers of the form that AWS gives.

`KINDS` names, for each resource type, its type in CloudFormation and the form of its ARN. Whoever plans a resource of a
new type adds a line here, and is told so by name.
"""

import hashlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from inspect import signature
from typing import Any

from infra.paths import REPOSITORY
from infra.stack_config import load_config
from localcloud.engine.language_host import NotFoundError, Registration, unwrap_secrets
from services.core.stages import ON_AWS
from tests.unit.infra.plan import ACCOUNT, REGION, Recorder, run_program

STAGES = ON_AWS
REPOSITORY_CONFIG = {"repository": "town@12/civicforge@34"}
EVERYTHING = {
    "capacity": "provisioned",
    "domain": "quests.example.org",
    "certificateArn": f"arn:aws:acm:{REGION}:{ACCOUNT}:certificate/0b0d1e1c-1c1d-4000-8000-5d5e5f606162",
    "mailFrom": "CivicForge <hello@example.org>",
    "mailIdentityArn": f"arn:aws:ses:{REGION}:{ACCOUNT}:identity/example.org",
}
"""Settings of a stage that uses every optional part."""


@dataclass(frozen=True)
class Kind:
    """A resource type of the program.

    Attributes:
        schema: its type in CloudFormation, whose schema AWS publishes.
        arn: the form of its ARN after `arn:aws:`; `{id}` is its identifier, other names are inputs.
        id: the form of the identifier, where it is not the name.
    """

    schema: str
    arn: str
    id: str = ""


KINDS: Mapping[str, Kind] = {
    "apigatewayv2:Api": Kind("AWS::ApiGatewayV2::Api", "apigateway:{region}::/apis/{id}", "{digest:.10}"),
    "apigatewayv2:Authorizer": Kind(
        "AWS::ApiGatewayV2::Authorizer", "apigateway:{region}::/apis/{apiId}/authorizers/{id}", "{digest:.6}"
    ),
    "apigatewayv2:Integration": Kind(
        "AWS::ApiGatewayV2::Integration", "apigateway:{region}::/apis/{apiId}/integrations/{id}", "{digest:.7}"
    ),
    "apigatewayv2:Route": Kind(
        "AWS::ApiGatewayV2::Route", "apigateway:{region}::/apis/{apiId}/routes/{id}", "{digest:.7}"
    ),
    "apigatewayv2:Stage": Kind("AWS::ApiGatewayV2::Stage", "apigateway:{region}::/apis/{apiId}/stages/{id}"),
    "appautoscaling:Policy": Kind(
        "AWS::ApplicationAutoScaling::ScalingPolicy", "application-autoscaling:{here}:scalable-target/0ec4{digest:.28}"
    ),
    "appautoscaling:Target": Kind(
        "AWS::ApplicationAutoScaling::ScalableTarget", "application-autoscaling:{here}:scalable-target/0ec4{digest:.28}"
    ),
    "budgets:Budget": Kind("AWS::Budgets::Budget", "budgets::{account}:budget/{id}"),
    "cloudfront:CachePolicy": Kind("AWS::CloudFront::CachePolicy", "cloudfront::{account}:cache-policy/{id}", "{uuid}"),
    "cloudfront:Distribution": Kind(
        "AWS::CloudFront::Distribution", "cloudfront::{account}:distribution/{id}", "E{upper:.13}"
    ),
    "cloudfront:Function": Kind("AWS::CloudFront::Function", "cloudfront::{account}:function/{id}"),
    "cloudfront:OriginAccessControl": Kind(
        "AWS::CloudFront::OriginAccessControl", "cloudfront::{account}:origin-access-control/{id}", "E{upper:.13}"
    ),
    "cloudfront:ResponseHeadersPolicy": Kind(
        "AWS::CloudFront::ResponseHeadersPolicy", "cloudfront::{account}:response-headers-policy/{id}", "{uuid}"
    ),
    "cloudwatch:CompositeAlarm": Kind("AWS::CloudWatch::CompositeAlarm", "cloudwatch:{here}:alarm:{id}"),
    "cloudwatch:Dashboard": Kind("AWS::CloudWatch::Dashboard", "cloudwatch::{account}:dashboard/{id}"),
    "cloudwatch:LogDelivery": Kind("AWS::Logs::Delivery", "logs:{edge}:delivery:{id}", "{digest:.16}"),
    "cloudwatch:LogDeliveryDestination": Kind(
        "AWS::Logs::DeliveryDestination", "logs:{edge}:delivery-destination:{id}"
    ),
    "cloudwatch:LogDeliverySource": Kind("AWS::Logs::DeliverySource", "logs:{edge}:delivery-source:{id}"),
    "cloudwatch:LogGroup": Kind("AWS::Logs::LogGroup", "logs:{here}:log-group:{id}"),
    "cloudwatch:MetricAlarm": Kind("AWS::CloudWatch::Alarm", "cloudwatch:{here}:alarm:{id}"),
    "cloudwatch:QueryDefinition": Kind("AWS::Logs::QueryDefinition", "logs:{here}:query-definition:{id}", "{uuid}"),
    "cognito:UserGroup": Kind("AWS::Cognito::UserPoolGroup", "cognito-idp:{here}:userpool/{userPoolId}"),
    "cognito:UserPool": Kind("AWS::Cognito::UserPool", "cognito-idp:{here}:userpool/{id}", "{region}_{upper:.9}"),
    "cognito:UserPoolClient": Kind(
        "AWS::Cognito::UserPoolClient", "cognito-idp:{here}:userpool/{userPoolId}", "{digest:.26}"
    ),
    "dynamodb:Table": Kind("AWS::DynamoDB::Table", "dynamodb:{here}:table/{id}"),
    "iam:OpenIdConnectProvider": Kind(
        "AWS::IAM::OIDCProvider", "iam::{account}:oidc-provider/token.actions.githubusercontent.com"
    ),
    "iam:Policy": Kind("AWS::IAM::ManagedPolicy", "iam::{account}:policy/{id}"),
    "iam:Role": Kind("AWS::IAM::Role", "iam::{account}:role/{id}"),
    "iam:RolePolicy": Kind("AWS::IAM::RolePolicy", "iam::{account}:role/{role}"),
    "iam:RolePolicyAttachment": Kind("", "iam::{account}:role/{role}"),
    "kms:Alias": Kind("AWS::KMS::Alias", "kms:{here}:{id}"),
    "kms:Key": Kind("AWS::KMS::Key", "kms:{here}:key/{id}", "{uuid}"),
    "lambda:Alias": Kind("AWS::Lambda::Alias", "lambda:{here}:function:{functionName}:{id}"),
    "lambda:EventSourceMapping": Kind(
        "AWS::Lambda::EventSourceMapping", "lambda:{here}:event-source-mapping:{id}", "{uuid}"
    ),
    "lambda:Function": Kind("AWS::Lambda::Function", "lambda:{here}:function:{id}"),
    "lambda:FunctionEventInvokeConfig": Kind(
        "AWS::Lambda::EventInvokeConfig", "lambda:{here}:function:{functionName}:{qualifier}"
    ),
    "lambda:Permission": Kind("AWS::Lambda::Permission", "lambda:{here}:function:{function}:{qualifier}"),
    "s3:Bucket": Kind("AWS::S3::Bucket", "s3:::{id}"),
    "s3:BucketLifecycleConfiguration": Kind("", "s3:::{bucket}"),
    "s3:BucketObjectv2": Kind("", "s3:::{bucket}/{key}"),
    "s3:BucketOwnershipControls": Kind("", "s3:::{bucket}"),
    "s3:BucketPolicy": Kind("AWS::S3::BucketPolicy", "s3:::{bucket}"),
    "s3:BucketPublicAccessBlock": Kind("", "s3:::{bucket}"),
    "s3:BucketServerSideEncryptionConfiguration": Kind("", "s3:::{bucket}"),
    "s3:BucketVersioning": Kind("", "s3:::{bucket}"),
    "scheduler:Schedule": Kind("AWS::Scheduler::Schedule", "scheduler:{here}:schedule/{groupName}/{id}"),
    "scheduler:ScheduleGroup": Kind("AWS::Scheduler::ScheduleGroup", "scheduler:{here}:schedule-group/{id}"),
    "sesv2:ConfigurationSet": Kind("AWS::SES::ConfigurationSet", "ses:{here}:configuration-set/{id}"),
    "sesv2:ConfigurationSetEventDestination": Kind(
        "AWS::SES::ConfigurationSetEventDestination", "ses:{here}:configuration-set/{configurationSetName}"
    ),
    "sns:Topic": Kind("AWS::SNS::Topic", "sns:{here}:{id}"),
    "sns:TopicPolicy": Kind("AWS::SNS::TopicPolicy", "{topic}"),
    "sns:TopicSubscription": Kind("AWS::SNS::Subscription", "{topic}"),
    "sqs:Queue": Kind("AWS::SQS::Queue", "sqs:{here}:{id}"),
    "sqs:QueuePolicy": Kind("AWS::SQS::QueuePolicy", "sqs:{here}:{queue}"),
    "ssm:Parameter": Kind("AWS::SSM::Parameter", "ssm:{here}:parameter/{path}"),
}
"""The types of every plan. Without a schema are the types that CloudFormation has as properties of another."""


def kind_name(type_: str) -> str:
    """The module and the name of a type's token: `lambda:Function` for `aws:lambda/function:Function`."""
    return f"{type_.split(':')[1].split('/')[0]}:{type_.rsplit(':', 1)[1]}"


def kind_of(type_: str) -> Kind:
    """The kind of a type's token. Raises AssertionError, naming the type, where `KINDS` lacks it."""
    name = kind_name(type_)
    assert name in KINDS, f"{name} is planned; say in KINDS of {__name__} what its schema and its ARN are"
    return KINDS[name]


@dataclass(frozen=True)
class Planned:
    """A resource of a plan with the identifier and the ARN that AWS would give it."""

    stage: str
    kind: str
    name: str
    inputs: dict[str, Any]
    id: str
    arn: str
    tags: dict[str, str]
    ignore_changes: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """The stage, the type and the logical name."""
        return f"{self.stage}: {self.kind} {self.name}"

    @property
    def schema(self) -> str:
        """Its type in CloudFormation; empty if it is a property of another."""
        return KINDS[self.kind].schema

    @property
    def carries_tags(self) -> bool:
        """If the provider puts the default tags on it."""
        return _taggable(self.kind)


@cache
def _taggable(kind: str) -> bool:
    module, name = kind.split(":")
    resource = getattr(import_module(f"pulumi_aws.{'lambda_' if module == 'lambda' else module}"), name)
    return "tags" in signature(resource._internal_init).parameters


def _identify(registration: Registration, inputs: Mapping[str, Any]) -> tuple[str, str]:
    kind = kind_of(registration.type)
    digest = hashlib.sha256(registration.urn.encode()).hexdigest()
    known = {
        **inputs,
        "digest": digest,
        "upper": digest.upper(),
        "uuid": uuid.UUID(digest[:32], version=4),
        "region": REGION,
        "account": ACCOUNT,
        "here": f"{REGION}:{ACCOUNT}",
        "edge": f"us-east-1:{ACCOUNT}",
        "queue": str(inputs.get("queueUrl", "")).rsplit("/", 1)[-1],
        "topic": str(inputs.get("topic") or inputs.get("arn", "")).removeprefix("arn:aws:"),
        "path": str(inputs.get("name", "")).removeprefix("/"),
    }
    names = ("alarmName", "dashboardName", "bucket", "name", "statementId", "configurationSetName")
    id_ = kind.id.format(**known) or str(next((inputs[key] for key in names if key in inputs), registration.name))
    return id_, "arn:aws:" + kind.arn.format(**known, id=id_)


@dataclass
class AwsRecorder(Recorder):
    """An engine that makes nothing and answers as AWS would name things."""

    made: dict[str, tuple[str, str]] = field(default_factory=dict)

    def register(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        id_, outputs = super().register(registration)
        if not registration.custom or not registration.type.startswith("aws:"):
            return id_, outputs
        inputs = unwrap_secrets(registration.inputs)[0]
        id_, arn = _identify(registration, inputs)
        self.made[registration.urn] = (id_, arn)
        own = {
            "arn": arn,
            "apiEndpoint": f"https://{id_}.execute-api.{REGION}.amazonaws.com",
            "domainName": f"d{arn[-13:].lower()}.cloudfront.net",
            "endpoint": f"cognito-idp.{REGION}.amazonaws.com/{id_}",
            "executionArn": f"arn:aws:execute-api:{REGION}:{ACCOUNT}:{id_}",
            "invokeArn": f"arn:aws:apigateway:{REGION}:lambda:path/2015-03-31/functions/{arn}/invocations",
            "streamArn": f"{arn}/stream/2026-11-27T00:00:00.000",
            "keyId": id_,
        }
        answered = f"https://sqs.{REGION}.amazonaws.com/{ACCOUNT}/{id_}" if "sqs/queue:" in registration.type else id_
        return answered, outputs | own

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        if token == "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider":
            raise NotFoundError(args["url"])
        return super().invoke(token, args)


def planned(stage: str, overrides: Mapping[str, str] | None = None) -> tuple[Planned, ...]:
    """The resources of a stack as the program plans them for AWS."""
    recorder = AwsRecorder()
    plan = run_program(stage, overrides, recorder)
    tags = default_tags(stage)
    return tuple(
        Planned(
            stage,
            kind_name(item.type),
            item.name,
            item.inputs,
            *recorder.made[item.registration.urn],
            tags,
            item.registration.ignore_changes,
        )
        for item in plan.resources
    )


def default_tags(stage: str) -> dict[str, str]:
    """The tags that the provider puts on everything of a stage."""
    tags: dict[str, str] = load_config(stage, REPOSITORY).default_tags
    return tags


@cache
def stage_plan(stage: str) -> tuple[Planned, ...]:
    """A stage as it is committed."""
    return planned(stage)


@cache
def full_plan() -> tuple[Planned, ...]:
    """`prod` with a domain, a mail sender and provisioned capacity."""
    return planned("prod", EVERYTHING)


@cache
def bootstrap_plan() -> tuple[Planned, ...]:
    """The account's own stack."""
    return planned("bootstrap", REPOSITORY_CONFIG)


def every_plan() -> dict[str, tuple[Planned, ...]]:
    """All of them, by what they are called in messages."""
    return {name: named_plan(name) for name in PLAN_NAMES if name != "bootstrap"}


def named_plan(name: str) -> tuple[Planned, ...]:
    """A plan by its name in `PLAN_NAMES`."""
    return {"prod with everything": full_plan, "bootstrap": bootstrap_plan}.get(name, lambda: stage_plan(name))()


PLAN_NAMES = (*STAGES, "prod with everything", "bootstrap")
