"""The permissions of GitHub in a stage (read, deploy, roll flags out), and the boundary of what is deployed.

A stage's things are found by name (`civicforge-<stage>-*`), or, where AWS makes up the name, by the tag `stage` that
`aws:defaultTags` puts on everything. What AWS can restrict by neither carries its reason in `wide_because`.
Sources: the Service Authorization Reference, and what the AWS provider calls for the resource types of `infra`.
"""

from collections.abc import Sequence

from infra.bootstrap.scope import Scope
from infra.components.policies import Conditions, Statement
from services.core.names import LIVE_ALIAS, audit_log_group, parameter_name, resource_name
from services.core.parameters import BREAKER, BREAKER_BY_CANARY, SILENCES, flag_parameter, rollout_parameter
from services.core.services import SWEEPS
from services.core.stages import ON_AWS, STAGES

DISPOSABLE_STAGES = tuple(name for name in ON_AWS if STAGES[name].disposable)
"""Stages whose deploy role may delete what holds data; on the others that takes a person with rights of their own."""

RUNS_ROLES = ("lambda.amazonaws.com", "scheduler.amazonaws.com")
"""The services to which a stage hands its roles."""

BY_NAME = "the stage's things share a prefix"
BY_TAG = "AWS makes up these names; the stage's tag decides"


def _named(sid: str, resources: Sequence[str], service: str, *operations: str) -> Statement:
    return Statement(
        sid=sid, actions=[f"{service}:{name}" for name in operations], resources=resources, wide_because=BY_NAME
    )


def _tagged(
    scope: Scope,
    sid: str,
    resources: Sequence[str],
    service: str,
    *operations: str,
    conditions: Conditions | None = None,
) -> Statement:
    return Statement(
        sid=sid,
        actions=[f"{service}:{name}" for name in operations],
        resources=resources,
        conditions=conditions or scope.tagged,
        wide_because=BY_TAG,
    )


def read_named_statements(scope: Scope) -> list[Statement]:
    """To read the stage's Pulumi state and what has the stage in its name, for a preview and for finding drift.

    It reads no row, no message, no user and no log line. It can decrypt the stage's part of the Pulumi state and read
    its parameters, because a preview cannot be made without.
    """
    return [*_read_state(scope), *_read_by_name(scope)]


def read_other_statements(scope: Scope) -> list[Statement]:
    """To read the settings of everything else, as little as the ones above."""
    return [*_read_by_tag(scope), _read_metadata()]


def write_named_statements(scope: Scope) -> list[Statement]:
    """To make and change what has the stage in its name, and the Pulumi state."""
    state = _named("WriteState", [f"{scope.state_bucket}/{scope.stage}/*"], "s3", "PutObject", "DeleteObject")
    return [state, *_write_by_name(scope), *_write_roles(scope)]


def delete_statements(scope: Scope) -> list[Statement]:
    """To delete what holds data; only for DISPOSABLE_STAGES."""
    return [
        _named("DeleteTables", scope.tables, "dynamodb", "DeleteTable"),
        _named("DeleteQueues", scope.queues, "sqs", "DeleteQueue"),
        _named("DeleteBuckets", scope.buckets, "s3", "DeleteBucket", "ListBucketVersions"),
        _named(
            "DeleteObjects", [f"{bucket}/*" for bucket in scope.buckets], "s3", "DeleteObject", "DeleteObjectVersion"
        ),
        _named("DeleteLogs", scope.log_groups, "logs", "DeleteLogGroup"),
        _tagged(scope, "DeletePool", scope.pools, "cognito-idp", "DeleteUserPool"),
        _tagged(scope, "DeleteKey", [scope.arn("kms", "key/*")], "kms", "ScheduleKeyDeletion"),
    ]


def rollout_statements(scope: Scope) -> list[Statement]:
    """The permissions of `civicforge rollout advance`, and no more: it runs every hour and nobody approves it."""
    rollouts, flags = scope.parameter(rollout_parameter("*").key), scope.parameter(flag_parameter("*").key)
    notify = scope.arn("sns", resource_name(scope.stage, "notify"))
    return [
        _named("ReadRollouts", [rollouts, flags], "ssm", "GetParameter"),
        _named("MoveFlags", [rollouts, flags], "ssm", "PutParameter"),
        _watch(),
        Statement(sid="Tell", actions=["sns:Publish"], resources=[notify]),
        # SNS encrypts with the permissions of the publisher. The topic in the context keeps the key to this one use.
        _tagged(
            scope,
            "TellEncrypted",
            [scope.arn("kms", "key/*")],
            "kms",
            *("Decrypt", "GenerateDataKey"),
            conditions={
                "StringEquals": {
                    **scope.tagged["StringEquals"],
                    "kms:EncryptionContext:aws:sns:topicArn": notify,
                    "kms:ViaService": f"sns.{scope.region}.amazonaws.com",
                }
            },
        ),
        _audit(scope),
    ]


def _watch() -> Statement:
    return Statement(
        sid="Watch",
        actions=["cloudwatch:DescribeAlarms", "cloudwatch:GetMetricStatistics"],
        resources=["*"],
        wide_because="CloudWatch offers no permission on single metrics, and lists alarms as a whole",
    )


def boundary_statements(scope: Scope) -> list[Statement]:
    """The most that any role made by the deploy role can do: the stage's own data, and no administration."""
    return [
        _named(
            "Tables",
            scope.tables,
            "dynamodb",
            *("BatchGetItem", "ConditionCheckItem", "DeleteItem", "GetItem", "PutItem", "Query", "Scan"),
            "UpdateItem",
            *("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams"),
        ),
        _named("Parameters", scope.parameters, "ssm", "GetParameter", "GetParameters"),
        Statement(
            sid="CanaryParameters",
            actions=["ssm:PutParameter"],
            resources=[
                scope.arn("ssm", f"parameter{parameter_name(scope.stage, parameter.key)}")
                for parameter in (BREAKER, BREAKER_BY_CANARY, SILENCES)
            ],
        ),
        _named("Alarms", scope.alarms, "cloudwatch", "EnableAlarmActions"),
        _named("Queues", scope.queues, "sqs", "SendMessage"),
        _named("Documents", scope.documents, "s3", "DeleteObject", "GetObject", "PutObject"),
        _named("ListDocuments", scope.buckets, "s3", "ListBucket"),
        _named("Functions", scope.functions, "lambda", "InvokeFunction"),
        _named("Logs", [f"{group}:*" for group in scope.log_groups], "logs", "CreateLogStream", "PutLogEvents"),
        _tagged(
            scope,
            "Accounts",
            scope.pools,
            "cognito-idp",
            "AdminDeleteUser",
            "AdminDisableUser",
            "AdminEnableUser",
            "AdminGetUser",
            "AdminUserGlobalSignOut",
            "ListUsers",
            "ListUsersInGroup",
        ),
        Statement(
            sid="Mails",
            actions=["ses:SendEmail"],
            resources=[scope.arn("ses", "identity/*"), *scope.configuration_sets],
            wide_because="the identity of the sender is the account's; each mail names the set of its stage",
        ),
        Statement(
            sid="Metrics",
            actions=["cloudwatch:GetMetricData", "cloudwatch:DescribeAlarms"],
            resources=["*"],
            wide_because="CloudWatch offers no permission on single metrics, nor on composite alarms",
        ),
    ]


def _read_state(scope: Scope) -> list[Statement]:
    return [
        Statement(
            sid="ListState",
            actions=["s3:ListBucket"],
            resources=[scope.state_bucket],
            conditions={"StringLike": {"s3:prefix": [f"{scope.stage}/*"]}},
        ),
        _named("ReadState", [f"{scope.state_bucket}/{scope.stage}/*"], "s3", "GetObject"),
        # One key serves all stages; its encryption context, which the ciphertext is bound to, tells them apart.
        Statement(
            sid="DecryptState",
            actions=["kms:Decrypt"],
            resources=[scope.secrets_key],
            conditions={"StringEquals": {"kms:EncryptionContext:stage": scope.stage}},
        ),
    ]


def _read_by_name(scope: Scope) -> list[Statement]:
    return [
        _named("ReadTables", scope.tables, "dynamodb", "Describe*", "ListTagsOfResource"),
        _named("ReadFunctions", scope.functions, "lambda", "Get*", "List*"),
        _named("ReadRoles", scope.roles, "iam", "GetRole", "GetRolePolicy", "ListRolePolicies", "ListRoleTags"),
        _named("ReadRoles2", scope.roles, "iam", "ListAttachedRolePolicies", "ListInstanceProfilesForRole"),
        _named("ReadBoundary", [scope.boundary], "iam", "GetPolicy", "GetPolicyVersion"),
        _named("ReadQueues", scope.queues, "sqs", "GetQueueAttributes", "GetQueueUrl", "ListQueueTags"),
        _named(
            "ReadTopics", scope.topics, "sns", "GetTopicAttributes", "ListTagsForResource", "ListSubscriptionsByTopic"
        ),
        _named(
            "ReadMails",
            scope.configuration_sets,
            "ses",
            *("GetConfigurationSet", "GetConfigurationSetEventDestinations", "ListTagsForResource"),
        ),
        _named("ReadParameters", scope.parameters, "ssm", "GetParameter", "GetParameters", "ListTagsForResource"),
        _named(
            "ReadBuckets", scope.buckets, "s3", "GetBucket*", "Get*Configuration", "ListBucket", "ListTagsForResource"
        ),
        _named("ReadSite", scope.site_objects, "s3", "GetObject", "GetObjectTagging"),
        _named("ReadLiveRelease", [scope.live_release], "s3", "GetObject"),
        _named(
            "ReadLogGroups",
            (*scope.log_groups, *scope.log_delivery_ends),
            "logs",
            "GetDelivery*",
            "ListTagsForResource",
        ),
        _named("ReadAlarms", scope.alarms, "cloudwatch", "ListTagsForResource"),
        _named("ReadDashboards", scope.dashboards, "cloudwatch", "GetDashboard"),
        _named("ReadSchedules", scope.schedules, "scheduler", "GetSchedule*", "ListTagsForResource"),
        _named("ReadBudgets", scope.budgets, "budgets", "ViewBudget", "ListTagsForResource"),
        Statement(sid="ReadCosts", actions=["billing:GetBillingViewData"], resources=[scope.billing_view]),
        _named(
            "ReadEdgeFunctions",
            scope.edge_functions,
            "cloudfront",
            "DescribeFunction",
            "GetFunction",
            "ListTagsForResource",
        ),
    ]


def _read_by_tag(scope: Scope) -> list[Statement]:
    return [
        _tagged(scope, "ReadApi", scope.apis, "apigateway", "GET"),
        _tagged(
            scope, "ReadApiParts", scope.api_parts, "apigateway", "GET", conditions=scope.readable_unless_other_stage
        ),
        _tagged(scope, "ReadLogDelivery", scope.log_delivery, "logs", "ListTagsForResource"),
        _tagged(scope, "ReadMappings", scope.mappings, "lambda", "ListTags"),
        _tagged(
            scope,
            "ReadScaling",
            [scope.arn("application-autoscaling", "scalable-target/*")],
            "application-autoscaling",
            "ListTagsForResource",
        ),
        _tagged(
            scope,
            "ReadPool",
            scope.pools,
            "cognito-idp",
            *("DescribeUserPool", "DescribeUserPoolClient", "GetGroup", "GetUserPoolMfaConfig", "ListTagsForResource"),
        ),
        _tagged(
            scope,
            "ReadDistribution",
            scope.distributions,
            "cloudfront",
            *("GetDistribution", "GetDistributionConfig", "GetInvalidation", "ListTagsForResource"),
        ),
        _tagged(
            scope,
            "ReadKey",
            [scope.arn("kms", "key/*")],
            "kms",
            *("DescribeKey", "GetKeyPolicy", "GetKeyRotationStatus", "ListResourceTags"),
        ),
    ]


def _read_metadata() -> Statement:
    return Statement(
        sid="ReadMetadata",
        actions=[
            "application-autoscaling:DescribeScalableTargets",
            "application-autoscaling:DescribeScalingPolicies",
            "cloudfront:GetCachePolicy",
            "cloudfront:GetOriginAccessControl",
            "cloudfront:GetResponseHeadersPolicy",
            "cloudwatch:DescribeAlarms",
            "lambda:GetAccountSettings",
            "lambda:GetEventSourceMapping",
            "logs:DescribeDeliveries",
            "logs:DescribeDeliveryDestinations",
            "logs:DescribeDeliverySources",
            "logs:DescribeLogGroups",
            "logs:DescribeQueryDefinitions",
            "logs:GetDelivery",
            "ses:GetAccount",
            "sns:GetSubscriptionAttributes",
            "ssm:DescribeParameters",
        ],
        resources=["*"],
        wide_because="AWS lists these as a whole or gives them neither a name nor a tag; they hold no data",
    )


def _write_by_name(scope: Scope) -> list[Statement]:
    return [
        _named(
            "Tables",
            scope.tables,
            "dynamodb",
            *("CreateTable", "UpdateTable", "UpdateContinuousBackups", "UpdateTimeToLive"),
            *("TagResource", "UntagResource"),
        ),
        _named(
            "Functions",
            scope.functions,
            "lambda",
            *("CreateFunction", "UpdateFunctionCode", "UpdateFunctionConfiguration", "DeleteFunction"),
            *("PublishVersion", "CreateAlias", "UpdateAlias", "DeleteAlias", "AddPermission", "RemovePermission"),
            *("PutFunctionConcurrency", "DeleteFunctionConcurrency", "PutFunctionEventInvokeConfig"),
            *("UpdateFunctionEventInvokeConfig", "DeleteFunctionEventInvokeConfig", "TagResource", "UntagResource"),
        ),
        _named("Queues", scope.queues, "sqs", "CreateQueue", "SetQueueAttributes", "TagQueue", "UntagQueue"),
        _named(
            "Topics",
            scope.topics,
            "sns",
            *("CreateTopic", "SetTopicAttributes", "DeleteTopic", "Subscribe", "TagResource", "UntagResource"),
        ),
        _named(
            "Mails",
            scope.configuration_sets,
            "ses",
            *("CreateConfigurationSet", "DeleteConfigurationSet", "PutConfigurationSetDeliveryOptions"),
            *("PutConfigurationSetReputationOptions", "PutConfigurationSetSendingOptions"),
            *("PutConfigurationSetSuppressionOptions", "CreateConfigurationSetEventDestination"),
            *("UpdateConfigurationSetEventDestination", "DeleteConfigurationSetEventDestination"),
            *("TagResource", "UntagResource"),
        ),
        _named(
            "Parameters",
            scope.parameters,
            "ssm",
            *("PutParameter", "DeleteParameter", "AddTagsToResource", "RemoveTagsFromResource"),
        ),
        _named(
            "Buckets",
            scope.buckets,
            "s3",
            *("CreateBucket", "PutBucket*", "PutEncryptionConfiguration", "PutLifecycleConfiguration"),
            *("DeleteBucketPolicy", "TagResource", "UntagResource"),
        ),
        _named("Site", scope.site_objects, "s3", "PutObject", "PutObjectTagging", "DeleteObject"),
        _named("Releases", scope.release_objects, "s3", "GetObject", "PutObject", "DeleteObject"),
        _named(
            "LogGroups",
            scope.log_groups,
            "logs",
            *("CreateLogGroup", "PutRetentionPolicy", "TagResource", "UntagResource"),
        ),
        _named(
            "LogDeliveries",
            scope.log_delivery_ends,
            "logs",
            *("PutDeliverySource", "PutDeliveryDestination", "CreateDelivery", "UpdateDeliveryConfiguration"),
            *("DeleteDeliverySource", "DeleteDeliveryDestination", "TagResource", "UntagResource"),
        ),
        _named("Alarms", scope.alarms, "cloudwatch", "PutMetricAlarm", "DeleteAlarms", "TagResource", "UntagResource"),
        _named("Dashboards", scope.dashboards, "cloudwatch", "PutDashboard", "DeleteDashboards"),
        _named(
            "Schedules",
            scope.schedules,
            "scheduler",
            *("CreateSchedule*", "UpdateSchedule", "DeleteSchedule*", "TagResource", "UntagResource"),
        ),
        _named("Budgets", scope.budgets, "budgets", "ModifyBudget", "TagResource", "UntagResource"),
        _named(
            "EdgeFunctions",
            scope.edge_functions,
            "cloudfront",
            *("UpdateFunction", "PublishFunction", "DeleteFunction", "TagResource", "UntagResource"),
        ),
    ]


def write_tagged_statements(scope: Scope) -> list[Statement]:
    """To make and change what AWS names, told by its tag."""
    keys = scope.arn("kms", "key/*")
    scaling = scope.arn("application-autoscaling", "scalable-target/*")

    def make(sid: str, resources: Sequence[str], service: str, *operations: str) -> Statement:
        return _tagged(scope, sid, resources, service, *operations, conditions=scope.created_with_tag)

    def own(sid: str, resources: Sequence[str], service: str, *operations: str) -> Statement:
        return _tagged(scope, sid, resources, service, *operations, conditions=scope.stays_tagged)

    return [
        *_write_api(scope),
        make("MakeLogDelivery", scope.log_delivery, "logs", "CreateDelivery", "TagResource"),
        own(
            "LogDelivery",
            scope.log_delivery,
            "logs",
            *("UpdateDeliveryConfiguration", "DeleteDelivery", "TagResource", "UntagResource"),
        ),
        make("MakeMapping", scope.mappings, "lambda", "TagResource"),
        own("Mapping", scope.mappings, "lambda", "TagResource", "UntagResource"),
        make("MakePool", ["*"], "cognito-idp", "CreateUserPool", "TagResource"),
        own(
            "Pool",
            scope.pools,
            "cognito-idp",
            *("UpdateUserPool", "SetUserPoolMfaConfig", "TagResource", "UntagResource"),
            *("CreateGroup", "UpdateGroup", "DeleteGroup"),
            *("CreateUserPoolClient", "UpdateUserPoolClient", "DeleteUserPoolClient"),
        ),
        make("MakeDistribution", ["*"], "cloudfront", "CreateDistribution", "TagResource"),
        own(
            "Distribution",
            scope.distributions,
            "cloudfront",
            *("UpdateDistribution", "DeleteDistribution", "CreateInvalidation", "TagResource", "UntagResource"),
        ),
        make("MakeScaling", [scaling], "application-autoscaling", "RegisterScalableTarget", "TagResource"),
        own(
            "Scaling",
            [scaling],
            "application-autoscaling",
            *("RegisterScalableTarget", "DeregisterScalableTarget", "PutScalingPolicy", "DeleteScalingPolicy"),
            *("TagResource", "UntagResource"),
        ),
        make("MakeKey", ["*"], "kms", "CreateKey", "TagResource"),
        own(
            "Key",
            [keys],
            "kms",
            *("PutKeyPolicy", "EnableKeyRotation", "UpdateKeyDescription", "TagResource", "UntagResource"),
        ),
    ]


def _write_api(scope: Scope) -> list[Statement]:
    verbs = ("POST", "PUT", "PATCH", "DELETE")
    collection = scope.arn("apigateway", "/apis", account=False)
    return [
        _tagged(scope, "MakeApi", [collection], "apigateway", "POST", conditions=scope.created_with_tag),
        _tagged(scope, "Api", scope.apis, "apigateway", *verbs, conditions=scope.stays_tagged),
        _tagged(scope, "ApiParts", scope.api_parts, "apigateway", *verbs, conditions=scope.writable_unless_other_stage),
        _tagged(
            scope,
            "ApiTags",
            scope.api_tags,
            "apigateway",
            "POST",
            "PUT",
            "DELETE",
            conditions=scope.writable_unless_other_stage,
        ),
        Statement(
            sid="StageTags",
            actions=["apigateway:TagResource", "apigateway:UntagResource"],
            resources=scope.api_stages,
            wide_because="AWS decides on the collection of an API's stages, which carries no tag; decision 0014",
        ),
    ]


def _write_roles(scope: Scope) -> list[Statement]:
    bounded: Conditions = {"StringEquals": {"iam:PermissionsBoundary": scope.boundary}}
    return [
        Statement(
            sid="BoundedRoles",
            actions=["iam:CreateRole", "iam:PutRolePermissionsBoundary", "iam:PutRolePolicy"],
            resources=scope.roles,
            conditions=bounded,
            wide_because=BY_NAME,
        ),
        _named(
            "Roles",
            scope.roles,
            "iam",
            *("UpdateRole", "UpdateAssumeRolePolicy", "DeleteRole", "DeleteRolePolicy", "TagRole", "UntagRole"),
        ),
        Statement(
            sid="PassRoles",
            actions=["iam:PassRole"],
            resources=scope.roles,
            conditions={"StringEquals": {"iam:PassedToService": RUNS_ROLES}},
            wide_because=BY_NAME,
        ),
    ]


def write_unscoped_statements(scope: Scope) -> list[Statement]:
    """To make and change what AWS keeps to a stage neither by name nor by tag."""
    linked = ("ops.apigateway", "delivery.logs", "dynamodb.application-autoscaling", "email.cognito-idp")
    return [
        Statement(
            sid="EventSources",
            actions=[
                "lambda:CreateEventSourceMapping",
                "lambda:UpdateEventSourceMapping",
                "lambda:DeleteEventSourceMapping",
            ],
            resources=["*"],
            conditions={"ArnLike": {"lambda:FunctionArn": scope.functions}},
            wide_because="mappings have made-up ids; the function that they call decides",
        ),
        Statement(
            sid="EdgePolicies",
            actions=[
                f"cloudfront:{verb}{kind}"
                for kind in ("CachePolicy", "OriginAccessControl", "ResponseHeadersPolicy")
                for verb in ("Create", "Update", "Delete")
            ],
            resources=["*"],
            wide_because="CloudFront gives these made-up ids and no tags; what a distribution uses cannot be deleted",
        ),
        Statement(
            sid="EdgeFunction",
            actions=["cloudfront:CreateFunction"],
            resources=["*"],
            wide_because="CloudFront offers no permission on functions that are not there yet; it overwrites none",
        ),
        Statement(
            sid="EdgeLog",
            actions=["cloudfront:AllowVendedLogDeliveryForResource"],
            resources=scope.distributions,
            wide_because="CloudWatch Logs asks for it on the caller's behalf; AWS documents no condition on tags",
        ),
        Statement(
            sid="Subscriptions",
            actions=["sns:SetSubscriptionAttributes", "sns:Unsubscribe"],
            resources=["*"],
            wide_because="SNS offers no permission on single subscriptions",
        ),
        Statement(
            sid="CompositeAlarms",
            actions=["cloudwatch:PutCompositeAlarm"],
            resources=["*"],
            wide_because="CloudWatch refuses a narrower permission for composite alarms",
        ),
        Statement(
            sid="AccessLogs",
            actions=[
                *("logs:CreateLogDelivery", "logs:GetLogDelivery", "logs:UpdateLogDelivery", "logs:DeleteLogDelivery"),
                *("logs:ListLogDeliveries", "logs:DescribeResourcePolicies", "logs:PutResourcePolicy"),
            ],
            resources=["*"],
            wide_because="API Gateway asks for these as a whole before it logs requests",
        ),
        Statement(
            sid="SavedQueries",
            actions=["logs:PutQueryDefinition", "logs:DeleteQueryDefinition"],
            resources=["*"],
            wide_because="CloudWatch Logs offers no permission on single saved queries; they hold no data",
        ),
        Statement(
            sid="ServiceRoles",
            actions=["iam:CreateServiceLinkedRole"],
            resources=[scope.arn("iam", "role/aws-service-role/*", region=False)],
            conditions={"StringEquals": {"iam:AWSServiceName": [f"{service}.amazonaws.com" for service in linked]}},
            wide_because="AWS makes these roles itself, the first time that an account uses the service",
        ),
    ]


def try_statements(scope: Scope) -> list[Statement]:
    """To try a release: by a canary, and with two synthetic members who play a quest through and are removed again.

    What was done is written to the audit log.
    """
    return [
        _tagged(
            scope,
            "SyntheticMembers",
            scope.pools,
            "cognito-idp",
            *("AdminCreateUser", "AdminSetUserPassword", "AdminGetUser", "AdminDeleteUser", "ListUsers"),
            "AdminAddUserToGroup",
        ),
        Statement(
            sid="Sweep",
            actions=["lambda:InvokeFunction"],
            resources=[
                scope.arn("lambda", f"function:{resource_name(scope.stage, service)}:{LIVE_ALIAS}")
                for service in SWEEPS
            ],
        ),
        Statement(
            sid="CanaryCall",
            actions=["lambda:InvokeFunction"],
            resources=[scope.arn("lambda", f"function:{resource_name(scope.stage, 'api')}:*")],
            wide_because="the number of the version that a canary calls first is not known before",
        ),
        _watch(),
        _named("SyntheticRows", scope.tables, "dynamodb", "BatchGetItem", "GetItem", "Query", "DeleteItem"),
        _audit(scope),
    ]


def _audit(scope: Scope) -> Statement:
    return Statement(
        sid="Audit",
        actions=["logs:CreateLogStream", "logs:PutLogEvents"],
        resources=[scope.arn("logs", f"log-group:{audit_log_group(scope.stage)}:*")],
        wide_because="each run has a stream of its own",
    )
