"""The permissions that a role needs for the resources of a plan, by AWS's own lists, and those that it lacks.

`UNUSED` holds the permissions of features that the program does not use. Each names the inputs that would use them, and
a test refuses the entry once a planned resource sets one.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from localcloud.authorization.policies import Context, matches, tag_context
from tests.contract.aws.plans import Planned
from tests.contract.aws.reference import handler_permissions, overlap, resource_forms, tag_permissions
from tests.contract.aws.roles import Roles

WITHOUT_SCHEMA = {
    "s3:BucketObjectv2": {
        "create": ("s3:PutObject", "s3:PutObjectTagging"),
        "read": ("s3:GetObject", "s3:GetObjectTagging"),
        "delete": ("s3:DeleteObject",),
        "tag": ("s3:PutObjectTagging",),
    }
}
"""The provider's calls for a type that AWS has no schema of."""

PART_OF = "AWS::S3::Bucket"
"""The schema of the types that are resources in the provider alone."""


@dataclass(frozen=True)
class Unused:
    """Permissions that no role needs, since no resource of the type sets one of the inputs that use them."""

    schema: str
    actions: tuple[str, ...]
    why: str
    inputs: tuple[str, ...] = ()


UNUSED: tuple[Unused, ...] = (
    Unused("AWS::ApiGatewayV2::Api", ("s3:getObject",), "no API is imported from a document", ("body",)),
    Unused(
        "AWS::ApplicationAutoScaling::ScalableTarget",
        ("application-autoscaling:*ScheduledAction*", "lambda:*ProvisionedConcurrencyConfig"),
        "tables alone are scaled, and by their load",
        ("scheduledActions",),
    ),
    Unused(
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        ("cloudwatch:GetMetricData",),
        "tracking alone, not prediction",
        ("predictiveScalingPolicyConfiguration",),
    ),
    Unused(
        "AWS::CloudFront::Distribution",
        (
            "cloudfront:*ConnectionGroup",
            "cloudfront:GetVpcOrigin",
            "cloudfront:CreateDistributionWithTags",
            "cloudfront:UpdateDistributionWithStagingConfig",
        ),
        "no tenants, private origins or staging; tags are authorized as TagResource",
        ("connectionMode", "staging", "continuousDeploymentPolicyId"),
    ),
    Unused(
        "AWS::SES::ConfigurationSet",
        (
            "ses:PutConfigurationSetTrackingOptions",
            "ses:PutConfigurationSetVdmOptions",
            "ses:PutConfigurationSetArchivingOptions",
            "ses:DescribeConfigurationSet",
        ),
        "no link is tracked and no mail is archived; the provider asks by SES's second API",
        ("trackingOptions", "vdmOptions", "archivingOptions"),
    ),
    Unused(
        "AWS::SES::ConfigurationSetEventDestination",
        ("iam:PassRole", "ses:DescribeConfigurationSet"),
        "refusals go to a topic, which SES writes without a role; the provider asks by SES's second API",
        ("kinesisFirehoseDestination",),
    ),
    Unused(
        "AWS::Logs::DeliveryDestination",
        ("logs:*DeliveryDestinationPolicy",),
        "source and destination are of one account",
        ("deliveryDestinationPolicy",),
    ),
    Unused(
        "AWS::Logs::DeliverySource",
        (
            "autoloop:AllowVendedLogDeliveryForResource",
            "codewhisperer:AllowVendedLogDeliveryForResource",
            "logs:AllowVendedLogDeliveryForResource",
            "workmail:AllowVendedLogDeliveryForResource",
        ),
        "CloudFront alone is logged",
    ),
    Unused(
        "AWS::Logs::LogGroup",
        (
            "firehose:TagDeliveryStream",
            "logs:*BearerTokenAuthentication",
            "logs:*DataProtectionPolicy",
            "logs:*IndexPolic*",
            "logs:*KmsKey",
            "logs:*ResourcePolic*",
            "logs:DeleteRetentionPolicy",
            "logs:PutLogGroupDeletionProtection",
            "s3:REST.PUT.OBJECT",
        ),
        "AWS's own encryption; policies are resources of their own",
        ("kmsKeyId", "deletionProtectionEnabled"),
    ),
    Unused(
        "AWS::Cognito::UserPool",
        ("cognito-idp:AddCustomAttributes", "kms:*"),
        "no schema of its own, no custom sender",
        ("schemas", "customEmailSender", "customSmsSender"),
    ),
    Unused(
        "AWS::Cognito::UserPoolClient", ("cognito-idp:ListUserPoolClientSecrets",), "the app's client has no secret"
    ),
    Unused(
        "AWS::DynamoDB::Table",
        (
            "dynamodb:*KinesisStreamingDestination",
            "dynamodb:*ResourcePolicy",
            "dynamodb:*TableReplica",
            "dynamodb:BatchWriteItem",
            "dynamodb:ImportTable",
            "dynamodb:PutItem",
            "dynamodb:Scan",
            "dynamodb:UpdateContributorInsights",
            "dynamodb:UpdateItem",
            "kinesis:*",
            "kms:*",
            "logs:DescribeLogStreams",
            "s3:GetObjectMetadata",
        ),
        "no replicas, imports, Kinesis or key of our own",
        ("replicas", "importTable", "restoreSourceName"),
    ),
    Unused(
        "AWS::IAM::Role",
        ("iam:*tachRolePolicy", "iam:DeleteRolePermissionsBoundary", "iam:UpdateRoleDescription"),
        "inline policies alone, and no role may lose its boundary",
        ("managedPolicyArns", "description"),
    ),
    Unused(
        "AWS::KMS::Key",
        ("kms:DisableKey", "kms:DisableKeyRotation", "kms:EnableKey"),
        "the key stays enabled and rotates",
        ("isEnabled",),
    ),
    Unused(
        "AWS::Lambda::Alias",
        ("codedeploy:*", "lambda:*ProvisionedConcurrencyConfig"),
        "the canary moves the weights itself",
    ),
    Unused("AWS::Lambda::EventSourceMapping", ("kms:GenerateDataKey",), "the filters hold no secret", ("kmsKeyArn",)),
    Unused(
        "AWS::Lambda::Function",
        (
            "ec2:*",
            "elasticfilesystem:*",
            "kms:*",
            "lambda:*CodeSigningConfig",
            "lambda:AssociateRuntimeAlias",
            "lambda:PassCapacityProvider",
            "lambda:PutFunctionRecursionConfig",
            "lambda:PutFunctionScalingConfig",
            "lambda:PutRuntimeManagementConfig",
            "s3:GetObjectVersion",
            "s3files:*",
        ),
        "no network, file system, signing or key of its own; the code is sent with the call",
        ("vpcConfig", "fileSystemConfig", "kmsKeyArn", "codeSigningConfigArn", "s3Bucket", "capacityProviderConfig"),
    ),
    Unused(
        "AWS::S3::Bucket",
        (
            "s3:*AccelerateConfiguration",
            "s3:*AnalyticsConfiguration",
            "s3:*BucketMetadata*",
            "s3:*IntelligentTieringConfiguration",
            "s3:*InventoryConfiguration",
            "s3:*MetricsConfiguration",
            "s3:*ObjectLockConfiguration",
            "s3:*ReplicationConfiguration",
            "s3:DeleteBucketCors",
            "s3:DeleteBucketEncryption",
            "s3:DeleteBucketLifecycle",
            "s3:DeleteBucketReplication",
            "s3:DeleteBucketTagging",
            "s3:DeleteBucketWebsite",
            "s3:PutBucketReplication",
            "s3:PutObjectAcl",
            "s3tables:*",
        ),
        "none of these features; encryption, lifecycle and tags are replaced, never removed",
        ("accelerationStatus", "objectLockEnabled", "replicationConfiguration", "website", "corsRules", "logging"),
    ),
    Unused("AWS::SNS::Topic", ("sns:*DataProtectionPolicy",), "a resource of its own in the provider"),
)

KEPT_DATA = (
    "cognito-idp:DeleteUserPool",
    "dynamodb:DeleteTable",
    "kms:ScheduleKeyDeletion",
    "logs:DeleteLogGroup",
    "s3:DeleteBucket",
    "sqs:DeleteQueue",
)
"""The actions that the deploy roles of stages with members must not be able to do."""


def schema_of(resource: Planned) -> str:
    """The schema whose permissions a resource needs."""
    return resource.schema or (PART_OF if resource.kind.startswith("s3:Bucket") else "")


def used(entry: Unused, plan: Sequence[Planned]) -> list[str]:
    """The resources of a plan that use what is said to be unused, a line each."""
    return [
        f"{resource.label} sets {name}"
        for resource in plan
        if resource.schema == entry.schema
        for name in entry.inputs
        if resource.inputs.get(name)
    ]


def needed(resource: Planned, *operations: str) -> frozenset[str]:
    """The actions that AWS lists for operations on a resource (`tag` among them), without those of unused features."""
    if resource.kind in WITHOUT_SCHEMA:
        known = WITHOUT_SCHEMA[resource.kind]
        return frozenset(action for operation in operations for action in known.get(operation, ()))
    schema = schema_of(resource)
    listed = handler_permissions(schema, *operations) | (tag_permissions(schema) if "tag" in operations else set())
    unused = [pattern for entry in UNUSED if entry.schema == schema for pattern in entry.actions]
    return frozenset(action for action in listed if not any(matches(pattern, action, True) for pattern in unused))


def targets(resource: Planned, action: str) -> list[str] | None:
    """The ARNs on which IAM decides about an action on a resource; None if it is about another resource.

    An action that the reference does not know is decided on the resource and on the collection that it is made in.
    """
    forms = resource_forms(action)
    own = [resource.arn, f"{resource.arn}:*", resource.arn.rpartition("/")[0]]
    if forms is None:
        return [own[0], own[2]]
    if not forms:
        return ["*"]
    if resource.arn.split(":")[2] != action.split(":")[0]:
        return None
    if action == "apigateway:POST":  # what is made is made in its collection
        return [own[2]]
    return [resource.arn] if any(overlap(form, resource.arn) for form, _ in forms.values()) else None


def facts(resource: Planned, plan: Sequence[Planned]) -> Context:
    """The condition keys that a call has besides tags."""
    role = next((item for item in plan if item.kind == "iam:Role" and item.id == resource.inputs.get("role")), resource)
    boundary, function = role.inputs.get("permissionsBoundary"), str(resource.inputs.get("functionName", ""))
    return {
        **({"iam:PermissionsBoundary": boundary} if boundary else {}),
        **({"lambda:FunctionArn": function} if function.startswith("arn:") else {}),
    }


def moments(resource: Planned, plan: Sequence[Planned]) -> list[Context]:
    """A resource when it is made with its tags, and later when it carries them."""
    known = facts(resource, plan)
    made = tag_context(request=resource.tags) if resource.carries_tags else {}
    return [{**known, **made}, {**known, **tag_context(resource=resource.tags)}]


def missing(roles: Roles, role: str, plan: Sequence[Planned], *operations: str) -> list[str]:
    """The actions that AWS lists for operations on a plan's resources and a role is not granted, a line each."""
    return [
        f"{role} lacks {action} for {resource.kind} {resource.name}"
        for resource in plan
        for action in sorted(needed(resource, *operations))
        if not _granted(roles, role, resource, action, plan)
    ]


def _granted(roles: Roles, role: str, resource: Planned, action: str, plan: Sequence[Planned]) -> bool:
    arns = targets(resource, action)
    if arns is None:
        return roles.grants(role, action)
    return all(any(roles.allow(role, action, arn, moment) for moment in moments(resource, plan)) for arn in arns)


# The calls that a role makes about tags.

_ENCODED = {ord(":"): "%3A", ord("/"): "%2F"}
_READS = ("Get", "List", "GET")
_REMOVES = ("Untag", "Remove", "Delete", "DELETE")
_NO_TAG_CALL = ("apigateway:PATCH", "s3:DeleteBucketTagging")


def tag_calls(resource: Planned, *, removing: bool = False) -> list[tuple[str, str]]:
    """The action and the ARN of each call that writes, or removes, a tag of a resource."""
    if resource.kind.startswith("apigatewayv2:"):
        tags = f"{resource.arn.split('::')[0]}::/tags/{resource.arn.translate(_ENCODED)}"
        return [(f"apigateway:{verb}", tags) for verb in (("DELETE",) if removing else ("POST", "PUT"))]
    listed = needed(resource, "tag") if resource.kind in WITHOUT_SCHEMA else tag_permissions(schema_of(resource))
    return [
        (action, resource.arn)
        for action in sorted(listed)
        if action not in _NO_TAG_CALL
        and not action.split(":")[1].startswith(_READS)
        and removing == action.split(":")[1].startswith(_REMOVES)
    ]
