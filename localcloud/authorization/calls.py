"""API calls as IAM sees them: for each call of the AWS SDK, the actions and resources that it is authorized for.

Most actions are called like the operation; what differs is in the tables below, from the Service Authorization
Reference. A service that is not known raises `UnknownCallError`: what is not authorized here would be a hole in the
rehearsal.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote

Parameters = Mapping[str, Any]
Tags = Mapping[str, str]


class UnknownCallError(Exception):
    """The call cannot be translated; the message names it."""


@dataclass(frozen=True)
class Call:
    """A call of the SDK. `method` and `path` are of its HTTP request; `path` names parameters in braces."""

    service: str
    operation: str
    parameters: Parameters
    region: str
    account: str
    method: str = ""
    path: str = ""

    def arn(self, service: str, resource: str, *, region: str | None = None, account: bool = True) -> str:
        """An ARN in the account and region of the call."""
        place = self.region if region is None else region
        return f"arn:aws:{service}:{place}:{self.account if account else ''}:{resource}"

    def get(self, *names: str) -> str:
        """The first of the parameters that is given, or nothing."""
        return next((str(self.parameters[name]) for name in names if self.parameters.get(name)), "")


@dataclass(frozen=True)
class Authorization:
    """One decision that IAM takes for a call: action, ARN (or `*`), the tags in the request, other condition keys."""

    action: str
    resource: str
    tags: Tags = field(default_factory=dict)
    context: Mapping[str, str] = field(default_factory=dict)


def authorizations(call: Call, default_tags: Tags) -> list[Authorization]:
    """The decisions that a call needs.

    Args:
        call: the call.
        default_tags: the tags that the AWS provider would send with whatever it creates; the local provider writes them
            with a call of its own.

    Raises:
        UnknownCallError: nothing here knows the service.
    """
    if (call.service, call.operation) in _FREE:
        return []
    if call.service == "resourcegroupstaggingapi":
        return list(_tagging(call))
    resources = _RESOURCES.get(call.service)
    if resources is None:
        raise UnknownCallError(f"{call.service} {call.operation}: say in {__name__} what it is authorized for")
    tags = {**_tags(call.parameters)}
    if (call.service, call.operation) in _TAGGED_ON_CREATION:
        tags = {**default_tags, **tags}
    context = _context(call)
    found = [Authorization(_action(call), arn, tags, context) for arn in resources(call)]
    if tags and (tagging := _TAGGED_ON_CREATION.get((call.service, call.operation))):
        mapping = call.arn("lambda", "event-source-mapping:*") if "Mapping" in call.operation else found[0].resource
        found.append(Authorization(tagging, mapping, tags))
    return [*found, *_further(call)]


_FREE: Final = frozenset(
    {
        ("sts", "GetCallerIdentity"),
        ("sts", "AssumeRoleWithWebIdentity"),
        ("cognito-idp", "InitiateAuth"),
        ("cognito-idp", "RespondToAuthChallenge"),
    }
)
"""Calls that need no permission."""

_PREFIXES: Final = {"apigatewayv2": "apigateway", "sesv2": "ses"}

_ACTIONS: Final[Mapping[tuple[str, str], str]] = {
    ("budgets", "CreateBudget"): "budgets:ModifyBudget",
    ("budgets", "UpdateBudget"): "budgets:ModifyBudget",
    ("budgets", "DeleteBudget"): "budgets:ModifyBudget",
    ("budgets", "CreateNotification"): "budgets:ModifyBudget",
    ("budgets", "DeleteNotification"): "budgets:ModifyBudget",
    ("budgets", "CreateSubscriber"): "budgets:ModifyBudget",
    ("budgets", "DescribeBudget"): "budgets:ViewBudget",
    ("budgets", "DescribeNotificationsForBudget"): "budgets:ViewBudget",
    ("budgets", "DescribeSubscribersForNotification"): "budgets:ViewBudget",
    ("dynamodb", "TransactWriteItems"): "dynamodb:UpdateItem",
    ("lambda", "Invoke"): "lambda:InvokeFunction",
    ("s3", "DeleteBucketEncryption"): "s3:PutEncryptionConfiguration",
    ("s3", "DeleteBucketLifecycle"): "s3:PutLifecycleConfiguration",
    ("s3", "DeleteBucketOwnershipControls"): "s3:PutBucketOwnershipControls",
    ("s3", "DeleteBucketTagging"): "s3:PutBucketTagging",
    ("s3", "DeleteObjects"): "s3:DeleteObject",
    ("s3", "DeletePublicAccessBlock"): "s3:PutBucketPublicAccessBlock",
    ("s3", "GetBucketEncryption"): "s3:GetEncryptionConfiguration",
    ("s3", "GetBucketLifecycleConfiguration"): "s3:GetLifecycleConfiguration",
    ("s3", "GetPublicAccessBlock"): "s3:GetBucketPublicAccessBlock",
    ("s3", "HeadBucket"): "s3:ListBucket",
    ("s3", "HeadObject"): "s3:GetObject",
    ("s3", "ListObjectsV2"): "s3:ListBucket",
    ("s3", "ListObjectVersions"): "s3:ListBucketVersions",
    ("s3", "PutBucketEncryption"): "s3:PutEncryptionConfiguration",
    ("s3", "PutBucketLifecycleConfiguration"): "s3:PutLifecycleConfiguration",
    ("s3", "PutPublicAccessBlock"): "s3:PutBucketPublicAccessBlock",
}
"""Actions that are not called like the operation."""

_TAGGED_ON_CREATION: Final[Mapping[tuple[str, str], str]] = {
    ("apigatewayv2", "CreateApi"): "",
    ("apigatewayv2", "CreateStage"): "apigateway:TagResource",
    ("cloudfront", "CreateDistribution"): "cloudfront:TagResource",
    ("cognito-idp", "CreateUserPool"): "cognito-idp:TagResource",
    ("dynamodb", "CreateTable"): "dynamodb:TagResource",
    ("iam", "CreateRole"): "iam:TagRole",
    ("kms", "CreateKey"): "kms:TagResource",
    ("lambda", "CreateEventSourceMapping"): "lambda:TagResource",
    ("lambda", "CreateFunction"): "lambda:TagResource",
    ("sesv2", "CreateConfigurationSet"): "ses:TagResource",
    ("logs", "CreateDelivery"): "logs:TagResource",
    ("logs", "CreateLogGroup"): "logs:TagResource",
    ("scheduler", "CreateScheduleGroup"): "scheduler:TagResource",
    ("sns", "CreateTopic"): "sns:TagResource",
    ("sqs", "CreateQueue"): "sqs:TagQueue",
}
"""Operations with which the AWS provider sends the tags, and the action that they need besides their own."""


def _action(call: Call) -> str:
    if call.service == "apigatewayv2":
        return f"apigateway:{call.method}"
    known = _ACTIONS.get((call.service, call.operation))
    return known or f"{_PREFIXES.get(call.service, call.service)}:{call.operation}"


def _context(call: Call) -> dict[str, str]:
    """The condition keys of the services that our policies ask for."""
    found = {
        "iam:PermissionsBoundary": call.get("PermissionsBoundary"),
        "s3:prefix": call.get("Prefix"),
        "iam:AWSServiceName": call.get("AWSServiceName"),
    }
    if "EventSourceMapping" in call.operation and (function := call.get("FunctionName")):
        found["lambda:FunctionArn"] = function
    return {key: value for key, value in found.items() if value}


def _further(call: Call) -> Iterator[Authorization]:
    """The decisions about other resources that a call takes part of."""
    target = call.parameters.get("Target")
    role = call.get("Role") or (target.get("RoleArn", "") if isinstance(target, Mapping) else "")
    if role.startswith("arn:"):
        yield Authorization("iam:PassRole", role, context={"iam:PassedToService": f"{call.service}.amazonaws.com"})
    if call.operation == "PutDeliverySource" and ":cloudfront:" in call.get("resourceArn"):
        yield Authorization("cloudfront:AllowVendedLogDeliveryForResource", call.get("resourceArn"))
    if call.service == "s3" and call.operation == "PutObject" and call.get("Tagging"):
        yield Authorization("s3:PutObjectTagging", next(_s3(call)))


def _tags(parameters: Parameters) -> Tags:
    """The tags in a request, in whichever form the service wants them."""
    for key in ("Tags", "tags", "UserPoolTags", "ResourceTags"):
        given = parameters.get(key)
        if isinstance(given, Mapping):
            given = given.get("Items", given)  # CloudFront wraps its list
        if isinstance(given, Mapping):
            return {str(name): str(value) for name, value in given.items()}
        if isinstance(given, Sequence) and not isinstance(given, str):
            return {str(_either(tag, "Key", "TagKey")): str(_either(tag, "Value", "TagValue")) for tag in given}
    return {}


def _either(tag: Mapping[str, Any], *names: str) -> Any:
    return next(tag[name] for name in names if name in tag)


def _tagging(call: Call) -> Iterator[Authorization]:
    """The AWS provider tags by each service's own call; the local one by this service's."""
    removing = call.operation == "UntagResources"
    for arn in call.parameters.get("ResourceARNList", ()):
        service = arn.split(":")[2]
        names = {"sqs": ("TagQueue", "UntagQueue")}.get(service, ("TagResource", "UntagResource"))
        if service == "s3":
            names = ("PutObjectTagging",) * 2 if "/" in arn else ("PutBucketTagging",) * 2
        yield Authorization(f"{service}:{names[removing]}", arn, _tags(call.parameters))


# The resources of a call, by service.


def _apigateway(call: Call) -> Iterator[str]:
    def fill(match: re.Match[str]) -> str:
        member = match[1]
        known = {name.casefold(): value for name, value in call.parameters.items()}
        value = str(known[member.replace("-", "").casefold()])
        return quote(value, safe="") if "tags" in call.path else value

    path = re.sub(r"\{([^}]+)\}", fill, call.path.removeprefix("/v2"))
    yield call.arn("apigateway", path, account=False)


def _budgets(call: Call) -> Iterator[str]:
    budget = call.parameters.get("Budget")
    name = call.get("BudgetName") or (budget["BudgetName"] if budget else "")
    yield call.get("ResourceARN") or call.arn("budgets", f"budget/{name}", region="")


def _cloudfront(call: Call) -> Iterator[str]:
    if arn := call.get("Resource"):
        yield arn
    elif call.operation.startswith(("Create", "List")) and "Invalidation" not in call.operation:
        yield "*"
    else:
        kinds = {
            "Function": f"function/{call.get('Name')}",
            "Distribution": f"distribution/{call.get('Id')}",
            "Invalidation": f"distribution/{call.get('DistributionId')}",
            "CachePolicy": f"cache-policy/{call.get('Id')}",
            "OriginAccessControl": f"origin-access-control/{call.get('Id')}",
            "ResponseHeadersPolicy": f"response-headers-policy/{call.get('Id')}",
        }
        resource = next(value for kind, value in kinds.items() if kind in call.operation)
        yield call.arn("cloudfront", resource, region="")


def _cloudwatch(call: Call) -> Iterator[str]:
    if arn := call.get("ResourceARN"):
        yield arn
    elif name := call.get("DashboardName"):
        yield call.arn("cloudwatch", f"dashboard/{name}", region="")
    elif call.operation == "DeleteDashboards":
        yield from (call.arn("cloudwatch", f"dashboard/{n}", region="") for n in call.parameters["DashboardNames"])
    elif call.operation == "DeleteAlarms":
        yield from (call.arn("cloudwatch", f"alarm:{name}") for name in call.parameters["AlarmNames"])
    elif call.operation == "PutCompositeAlarm":
        yield call.arn("cloudwatch", "alarm:*")  # decided on every alarm, says the reference
    else:
        name = call.get("AlarmName")
        yield call.arn("cloudwatch", f"alarm:{name}") if name else "*"


def _cognito(call: Call) -> Iterator[str]:
    pool = call.get("UserPoolId")
    yield call.get("ResourceArn") or (call.arn("cognito-idp", f"userpool/{pool}") if pool else "*")


def _dynamodb(call: Call) -> Iterator[str]:
    if arn := call.get("ResourceArn"):
        yield arn
        return
    requested = call.parameters.get("RequestItems") or {}
    written = [next(iter(item.values()))["TableName"] for item in call.parameters.get("TransactItems") or ()]
    named = [call.get("TableName")] if call.get("TableName") else []
    tables = dict.fromkeys([*named, *requested, *written])
    index = f"/index/{call.get('IndexName')}" if call.get("IndexName") else ""
    for table in tables:
        yield (table if table.startswith("arn:") else call.arn("dynamodb", f"table/{table}")) + index
    if not tables:
        yield "*"


def _iam(call: Call) -> Iterator[str]:
    if role := call.get("RoleName"):
        yield call.arn("iam", f"role/{role}", region="")
    elif call.operation == "CreateServiceLinkedRole":
        yield call.arn("iam", f"role/aws-service-role/{call.get('AWSServiceName')}/any", region="")
    else:
        policy = call.get("PolicyName")
        yield call.get("PolicyArn", "OpenIDConnectProviderArn") or (
            call.arn("iam", f"policy/{policy}", region="") if policy else "*"
        )


def _kms(call: Call) -> Iterator[str]:
    key = call.get("KeyId", "TargetKeyId")
    yield key if key.startswith("arn:") else call.arn("kms", f"key/{key}") if key else "*"


def _lambda(call: Call) -> Iterator[str]:
    if arn := call.get("Resource"):
        yield arn
    elif mapping := call.get("UUID"):
        yield call.arn("lambda", f"event-source-mapping:{mapping}")
    elif "EventSourceMapping" in call.operation or not call.get("FunctionName"):
        yield "*"
    else:
        function = call.get("FunctionName")
        arn = function if function.startswith("arn:") else call.arn("lambda", f"function:{function}")
        qualifier = call.get("Qualifier") or (call.get("Name") if call.operation.endswith("Alias") else "")
        yield f"{arn}:{qualifier}" if qualifier and call.operation not in _OF_THE_FUNCTION else arn


_OF_THE_FUNCTION: Final = ("CreateAlias", "UpdateAlias", "DeleteAlias", "GetAlias")
"""Authorized on the function, not on the alias."""


def _logs(call: Call) -> Iterator[str]:
    edge = "us-east-1"
    if call.operation.startswith("Describe") or call.operation.endswith("QueryDefinition"):
        yield "*"
    elif arn := (call.get("resourceArn") if "Tag" in call.operation else ""):
        yield arn
    elif group := call.get("logGroupName"):
        stream = call.get("logStreamName")
        yield call.arn("logs", f"log-group:{group}:{f'log-stream:{stream}' if stream else '*'}")
    elif "DeliverySource" in call.operation:
        yield call.arn("logs", f"delivery-source:{call.get('name')}", region=edge)
    elif "DeliveryDestination" in call.operation:
        yield call.arn("logs", f"delivery-destination:{call.get('name')}", region=edge)
    elif call.operation == "CreateDelivery":
        yield call.arn("logs", "delivery:*", region=edge)
        yield call.arn("logs", f"delivery-source:{call.get('deliverySourceName')}", region=edge)
        yield call.get("deliveryDestinationArn")
    else:
        yield call.arn("logs", f"delivery:{call.get('id')}", region=edge)


def _s3(call: Call) -> Iterator[str]:
    bucket = f"arn:aws:s3:::{call.get('Bucket')}"
    objects = [found["Key"] for found in (call.parameters.get("Delete") or {}).get("Objects", [])]
    yield from (f"{bucket}/{key}" for key in objects)
    if not objects:
        yield f"{bucket}/{call.get('Key')}" if call.get("Key") else bucket


def _scheduler(call: Call) -> Iterator[str]:
    name, group = call.get("Name"), call.get("GroupName")
    kind = f"schedule-group/{name}" if "Group" in call.operation else f"schedule/{group or 'default'}/{name}"
    yield call.get("ResourceArn") or call.arn("scheduler", kind)


def _ses(call: Call) -> Iterator[str]:
    named, identity = call.get("ConfigurationSetName"), call.get("EmailIdentity")
    if arn := call.get("ResourceArn"):
        yield arn
    elif identity:
        yield call.arn("ses", f"identity/{identity}")
    else:
        yield call.arn("ses", f"configuration-set/{named}") if named else "*"


def _sns(call: Call) -> Iterator[str]:
    name = call.get("Name")
    topic = call.get("TopicArn", "ResourceArn", "SubscriptionArn")
    yield topic or (call.arn("sns", name) if name else "*")


def _sqs(call: Call) -> Iterator[str]:
    name = call.get("QueueName") or call.get("QueueUrl").rsplit("/", 1)[-1]
    yield call.arn("sqs", name) if name else "*"


def _ssm(call: Call) -> Iterator[str]:
    names = call.parameters.get("Names") or [name for name in (call.get("Name", "ResourceId"),) if name]
    yield from (call.arn("ssm", f"parameter{name}") for name in names)
    if not names:
        yield "*"


def _everything(_call: Call) -> Iterator[str]:
    yield "*"


_RESOURCES: Final[Mapping[str, Callable[[Call], Iterator[str]]]] = {
    "apigatewayv2": _apigateway,
    "budgets": _budgets,
    "cloudfront": _cloudfront,
    "cloudwatch": _cloudwatch,
    "cognito-idp": _cognito,
    "dynamodb": _dynamodb,
    "iam": _iam,
    "kms": _kms,
    "lambda": _lambda,
    "logs": _logs,
    "s3": _s3,
    "scheduler": _scheduler,
    "sesv2": _ses,
    "sns": _sns,
    "sqs": _sqs,
    "ssm": _ssm,
    "sts": _everything,
}
