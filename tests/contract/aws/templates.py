"""Plans as CloudFormation templates, which AWS's schemas can be held against.

Most inputs differ from CloudFormation's properties in the case of their first letter. `RENAMED` and `SHAPES` hold what
differs more; an input that neither knows is refused by the schema, by name, as a property that does not exist.
"""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from tests.contract.aws.plans import KINDS, Planned

Properties = dict[str, Any]

FREE_MAPS = frozenset({"variables", "dimensions"})
"""Inputs whose keys are data, not property names."""

RENAMED: Mapping[str, Mapping[str, str]] = {
    "apigatewayv2:Authorizer": {"identitySources": "IdentitySource", "audiences": "Audience"},
    "apigatewayv2:Integration": {"timeoutMilliseconds": "TimeoutInMillis"},
    "apigatewayv2:Stage": {"name": "StageName"},
    "appautoscaling:Policy": {"name": "PolicyName"},
    "cloudwatch:LogGroup": {"name": "LogGroupName"},
    "cloudwatch:MetricAlarm": {"name": "AlarmName", "okActions": "OKActions", "metricQueries": "Metrics"},
    "cloudwatch:CompositeAlarm": {"okActions": "OKActions"},
    "cognito:UserGroup": {"name": "GroupName"},
    "cognito:UserPool": {"attributesRequireVerificationBeforeUpdates": "AttributesRequireVerificationBeforeUpdate"},
    "cognito:UserPoolClient": {"name": "ClientName"},
    "iam:OpenIdConnectProvider": {"clientIdLists": "ClientIdList"},
    "iam:Policy": {"name": "ManagedPolicyName", "policy": "PolicyDocument"},
    "iam:Role": {"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"},
    "iam:RolePolicy": {"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"},
    "kms:Alias": {"name": "AliasName"},
    "kms:Key": {"policy": "KeyPolicy", "deletionWindowInDays": "PendingWindowInDays"},
    "lambda:EventSourceMapping": {"destinationArn": "Destination"},
    "lambda:Function": {"name": "FunctionName"},
    "lambda:Permission": {"function": "FunctionName"},
    "s3:Bucket": {"bucket": "BucketName"},
    "s3:BucketPolicy": {"policy": "PolicyDocument"},
    "sesv2:ConfigurationSet": {"configurationSetName": "Name"},
    "sesv2:ConfigurationSetEventDestination": {"topicArn": "TopicARN"},
    "sns:Topic": {"name": "TopicName"},
    "sns:TopicSubscription": {"topic": "TopicArn"},
    "sqs:Queue": {"name": "QueueName", "messageRetentionSeconds": "MessageRetentionPeriod"},
}

ABSENT: Mapping[str, frozenset[str]] = {
    "cloudfront:Function": frozenset({"publish"}),
    "cloudwatch:LogDelivery": frozenset({"region"}),
    "cloudwatch:LogDeliveryDestination": frozenset({"region"}),
    "cloudwatch:LogDeliverySource": frozenset({"region"}),
    "lambda:Function": frozenset({"publish", "code"}),
    "lambda:Permission": frozenset({"statementId", "qualifier"}),
    "s3:Bucket": frozenset({"forceDestroy"}),
    "ssm:Parameter": frozenset({"overwrite"}),
}
"""Inputs of the provider's own, which AWS never sees, or which CloudFormation writes elsewhere."""


def template(resources: Iterable[Planned]) -> dict[str, Any]:
    """The template of a plan, its resources named as in the program.

    Left out is what CloudFormation does not have: objects in buckets, attachments (a role lists its policies).
    """
    made: dict[str, Any] = {}
    for resource in resources:
        if not resource.schema:
            continue
        name = logical_id(resource)
        assert name not in made, f"two resources would be called {name}"
        made[name] = {"Type": resource.schema, "Properties": properties(resource)}
    _fold_bucket_parts(resources, made)
    return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": made}


def logical_id(resource: Planned) -> str:
    """A name of letters and digits, as CloudFormation wants."""
    return re.sub(r"\W|_", "", f"{resource.kind.title()}0{resource.name.title()}")


def properties(resource: Planned) -> Properties:
    """The properties of one resource."""
    inputs = {k: v for k, v in resource.inputs.items() if k not in ABSENT.get(resource.kind, ())}
    translated: Properties = _pascal(inputs, RENAMED.get(resource.kind, {}))
    shape = SHAPES.get(resource.kind)
    return shape(translated, resource) if shape else translated


def _pascal(value: Any, renamed: Mapping[str, str]) -> Any:
    if isinstance(value, dict):
        return {
            renamed.get(key, key[0].upper() + key[1:]): (
                {name: _scalar(item) for name, item in inner.items()} if key in FREE_MAPS else _pascal(inner, renamed)
            )
            for key, inner in value.items()
            if inner is not None
        }
    if isinstance(value, list):
        return [_pascal(item, renamed) for item in value]
    return _scalar(value)


def _scalar(value: Any) -> Any:
    """Pulumi's numbers are floats; policies are text."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.startswith('{"Version": "2012-10-17"'):
        return json.loads(value)
    return value


def _move(found: Properties, source: str, target: str) -> None:
    if source in found:
        found[target] = found.pop(source)


# Shapes that differ.


def _table(found: Properties, resource: Planned) -> Properties:
    keys = [{"AttributeName": found.pop("HashKey"), "KeyType": "HASH"}]
    if "RangeKey" in found:
        keys.append({"AttributeName": found.pop("RangeKey"), "KeyType": "RANGE"})
    indexes = []
    for index in found.pop("GlobalSecondaryIndexes", []):
        projection = {"ProjectionType": index.pop("ProjectionType")}
        if "NonKeyAttributes" in index:
            projection["NonKeyAttributes"] = index.pop("NonKeyAttributes")
        index["KeySchema"] = index.pop("KeySchemas")
        indexes.append({"IndexName": index.pop("Name"), "Projection": projection, **_capacity(index)})
    recovery = found.pop("PointInTimeRecovery")
    stream = found.pop("StreamEnabled", False)
    view = found.pop("StreamViewType", None)
    ttl = found.pop("Ttl", None)
    attributes = [{"AttributeName": item["Name"], "AttributeType": item["Type"]} for item in found.pop("Attributes")]
    return {
        "TableName": found.pop("Name"),
        "KeySchema": keys,
        "AttributeDefinitions": attributes,
        "GlobalSecondaryIndexes": indexes,
        "PointInTimeRecoverySpecification": {
            "PointInTimeRecoveryEnabled": recovery["Enabled"],
            "RecoveryPeriodInDays": recovery["RecoveryPeriodInDays"],
        },
        "SSESpecification": {"SSEEnabled": found.pop("ServerSideEncryption")["Enabled"]},
        **({"StreamSpecification": {"StreamViewType": view}} if stream else {}),
        **({"TimeToLiveSpecification": ttl} if ttl else {}),
        **_capacity(found),
    }


def _capacity(found: Properties) -> Properties:
    if "ReadCapacity" in found:
        found["ProvisionedThroughput"] = {
            "ReadCapacityUnits": found.pop("ReadCapacity"),
            "WriteCapacityUnits": found.pop("WriteCapacity"),
        }
    return found


def _function(found: Properties, resource: Planned) -> Properties:
    if found["ReservedConcurrentExecutions"] == -1:  # the provider's word for none
        del found["ReservedConcurrentExecutions"]
    # The code is a zip of this machine; the schema wants a place of it.
    return {**found, "Code": {"S3Bucket": "a-bucket-of-zips", "S3Key": f"{resource.name}.zip"}}


def _user_pool(found: Properties, resource: Planned) -> Properties:
    found["UserPoolName"] = found.pop("Name")
    found["Policies"] = {"PasswordPolicy": found.pop("PasswordPolicy")}
    if "EmailConfiguration" in found:
        found["EmailConfiguration"] = {
            {"FromEmailAddress": "From"}.get(key, key): value for key, value in found["EmailConfiguration"].items()
        }
    return found


def _budget(found: Properties, resource: Planned) -> Properties:
    notifications = [
        {
            "Notification": {
                "NotificationType": item["NotificationType"],
                "ComparisonOperator": item["ComparisonOperator"],
                "Threshold": item["Threshold"],
                "ThresholdType": item["ThresholdType"],
            },
            "Subscribers": [
                *({"SubscriptionType": "SNS", "Address": arn} for arn in item.get("SubscriberSnsTopicArns", [])),
                *({"SubscriptionType": "EMAIL", "Address": mail} for mail in item.get("SubscriberEmailAddresses", [])),
            ],
        }
        for item in found["Notifications"]
    ]
    return {
        "Budget": {
            "BudgetName": found["Name"],
            "BudgetType": found["BudgetType"],
            "TimeUnit": found["TimeUnit"],
            "BudgetLimit": {"Amount": float(found["LimitAmount"]), "Unit": found["LimitUnit"]},
            "CostFilters": {item["Name"]: item["Values"] for item in found["CostFilters"]},
        },
        "NotificationsWithSubscribers": notifications,
    }


def _metric_alarm(found: Properties, resource: Planned) -> Properties:
    if "Dimensions" in found:
        found["Dimensions"] = _dimensions(found["Dimensions"])
    queries = []
    for query in found.pop("Metrics", []):
        metric = query.pop("Metric", None)
        if metric:
            stat = {"Period": metric["Period"], "Stat": metric["Stat"]}
            query["MetricStat"] = {
                "Metric": {
                    "Namespace": metric["Namespace"],
                    "MetricName": metric["MetricName"],
                    "Dimensions": _dimensions(metric.get("Dimensions", {})),
                },
                **stat,
                **({"Unit": metric["Unit"]} if "Unit" in metric else {}),
            }
        queries.append(query)
    return {**found, **({"Metrics": queries} if queries else {})}


def _dimensions(found: Mapping[str, str]) -> list[Properties]:
    return [{"Name": name, "Value": value} for name, value in found.items()]


def _composite_alarm(found: Properties, resource: Planned) -> Properties:
    suppressor = found.pop("ActionsSuppressor", None)
    if suppressor:
        found["ActionsSuppressor"] = suppressor["Alarm"]
        found |= {f"ActionsSuppressor{key}": suppressor[key] for key in ("ExtensionPeriod", "WaitPeriod")}
    return found


def _cache_policy(found: Properties, resource: Planned) -> Properties:
    parts = found.pop("ParametersInCacheKeyAndForwardedToOrigin")
    ttls = {f"{kind}TTL": found.pop(f"{kind}Ttl") for kind in ("Min", "Default", "Max")}
    return {
        "CachePolicyConfig": {
            **found,
            **ttls,
            "ParametersInCacheKeyAndForwardedToOrigin": {
                "CookiesConfig": _items(parts["CookiesConfig"], "Cookies"),
                "HeadersConfig": _items(parts["HeadersConfig"], "Headers"),
                "QueryStringsConfig": _items(parts["QueryStringsConfig"], "QueryStrings"),
                **{key: parts[key] for key in parts if key.startswith("EnableAcceptEncoding")},
            },
        }
    }


def _items(found: Properties, key: str) -> Properties:
    return {**found, **({key: found[key]["Items"]} if key in found else {})}


def _response_headers(found: Properties, resource: Planned) -> Properties:
    if "CustomHeadersConfig" in found:
        found["CustomHeadersConfig"] = {"Items": found["CustomHeadersConfig"]["Items"]}
    return {"ResponseHeadersPolicyConfig": found}


def _distribution(found: Properties, resource: Planned) -> Properties:
    found["IPV6Enabled"] = found.pop("IsIpv6Enabled")
    found["DefaultCacheBehavior"] = _behavior(found["DefaultCacheBehavior"])
    found["CacheBehaviors"] = [_behavior(item) for item in found.pop("OrderedCacheBehaviors", [])]
    found["CustomErrorResponses"] = [
        {("ErrorCachingMinTTL" if key == "ErrorCachingMinTtl" else key): value for key, value in item.items()}
        for item in found.pop("CustomErrorResponses", [])
    ]
    found["Origins"] = [_origin(item) for item in found["Origins"]]
    if groups := found.pop("OriginGroups", None):
        found["OriginGroups"] = _counted([_origin_group(group) for group in groups])
    found["Restrictions"]["GeoRestriction"].setdefault("Locations", [])
    certificate = found["ViewerCertificate"]
    _move(certificate, "CloudfrontDefaultCertificate", "CloudFrontDefaultCertificate")
    return {"DistributionConfig": found}


def _behavior(found: Properties) -> Properties:
    associations = [
        {("FunctionARN" if key == "FunctionArn" else key): value for key, value in item.items()}
        for item in found.pop("FunctionAssociations", [])
    ]
    return {**found, **({"FunctionAssociations": associations} if associations else {})}


def _origin(found: Properties) -> Properties:
    _move(found, "OriginId", "Id")
    custom = found.get("CustomOriginConfig")
    if custom:
        _move(custom, "HttpPort", "HTTPPort")
        _move(custom, "HttpsPort", "HTTPSPort")
        _move(custom, "OriginSslProtocols", "OriginSSLProtocols")
    elif "S3OriginConfig" not in found:
        found["S3OriginConfig"] = {"OriginAccessIdentity": ""}
    return found


def _counted(items: list[Any]) -> Properties:
    return {"Quantity": len(items), "Items": items}


def _origin_group(found: Properties) -> Properties:
    return {
        "Id": found["OriginId"],
        "FailoverCriteria": {"StatusCodes": _counted(found["FailoverCriteria"]["StatusCodes"])},
        "Members": _counted(found["Members"]),
    }


def _edge_function(found: Properties, resource: Planned) -> Properties:
    return {
        "Name": found["Name"],
        "FunctionCode": found["Code"],
        "AutoPublish": resource.inputs["publish"],
        "FunctionConfig": {"Comment": found.get("Comment", ""), "Runtime": found["Runtime"]},
    }


def _destination(found: Properties, resource: Planned) -> Properties:
    configuration = found.pop("DeliveryDestinationConfiguration")
    return {**found, "DestinationResourceArn": configuration["DestinationResourceArn"]}


def _stage(found: Properties, resource: Planned) -> Properties:
    # One map by route, each without its key.
    found["RouteSettings"] = {item.pop("RouteKey"): item for item in found.pop("RouteSettings", [])}
    return found


def _parameter(found: Properties, resource: Planned) -> Properties:
    # CloudFormation makes no SecureString; its limits on the name, the tier and the value are the same.
    return {**found, "Type": "String"}


SHAPES: Mapping[str, Callable[[Properties, Planned], Properties]] = {
    "apigatewayv2:Stage": _stage,
    "budgets:Budget": _budget,
    "cloudfront:CachePolicy": _cache_policy,
    "cloudfront:Distribution": _distribution,
    "cloudfront:Function": _edge_function,
    "cloudfront:OriginAccessControl": lambda found, _: {"OriginAccessControlConfig": found},
    "cloudfront:ResponseHeadersPolicy": _response_headers,
    "cloudwatch:CompositeAlarm": _composite_alarm,
    "cloudwatch:LogDeliveryDestination": _destination,
    "cloudwatch:MetricAlarm": _metric_alarm,
    "cognito:UserPool": _user_pool,
    "dynamodb:Table": _table,
    "lambda:Function": _function,
    "lambda:Permission": lambda found, resource: {**found, "FunctionName": resource.arn},
    "sesv2:ConfigurationSetEventDestination": lambda found, _: {
        "ConfigurationSetName": found["ConfigurationSetName"],
        "EventDestination": {
            **found["EventDestination"],
            "Name": found["EventDestinationName"],
            # CloudFormation spells SES's first API.
            "MatchingEventTypes": [name.lower() for name in found["EventDestination"]["MatchingEventTypes"]],
        },
    },
    "sns:TopicPolicy": lambda found, _: {"Topics": [found["Arn"]], "PolicyDocument": found["Policy"]},
    "sqs:QueuePolicy": lambda found, _: {"Queues": [found["QueueUrl"]], "PolicyDocument": found["Policy"]},
    "ssm:Parameter": _parameter,
}

# Buckets.

PARTS: Mapping[str, Callable[[Properties], Properties]] = {
    "s3:BucketLifecycleConfiguration": lambda found: {
        "LifecycleConfiguration": {"Rules": [_lifecycle(rule) for rule in found["Rules"]]}
    },
    "s3:BucketOwnershipControls": lambda found: {"OwnershipControls": {"Rules": [found["Rule"]]}},
    "s3:BucketPublicAccessBlock": lambda found: {"PublicAccessBlockConfiguration": found},
    "s3:BucketServerSideEncryptionConfiguration": lambda found: {
        "BucketEncryption": {
            "ServerSideEncryptionConfiguration": [
                {
                    "ServerSideEncryptionByDefault": {
                        "SSEAlgorithm": rule["ApplyServerSideEncryptionByDefault"]["SseAlgorithm"]
                    }
                }
                for rule in found["Rules"]
            ]
        }
    },
    "s3:BucketVersioning": lambda found: {"VersioningConfiguration": found["VersioningConfiguration"]},
}
"""The provider's resources that are properties of the bucket in CloudFormation."""


def _lifecycle(rule: Properties) -> Properties:
    rule = dict(rule)
    where = rule.pop("Filter", {})
    if "NoncurrentVersionExpiration" in rule:
        rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": rule["NoncurrentVersionExpiration"]["NoncurrentDays"]}
    if "Expiration" in rule:
        rule["ExpirationInDays"] = rule.pop("Expiration")["Days"]
    return {**rule, **({"Prefix": where["Prefix"]} if where.get("Prefix") else {})}


def _fold_bucket_parts(resources: Iterable[Planned], made: Mapping[str, Any]) -> None:
    buckets = {r.inputs["bucket"]: made[logical_id(r)]["Properties"] for r in resources if r.kind == "s3:Bucket"}
    for resource in resources:
        part = PARTS.get(resource.kind)
        if part:
            found = _pascal({k: v for k, v in resource.inputs.items() if k != "bucket"}, {})
            buckets[resource.inputs["bucket"]] |= part(found)
    unknown = {r.kind for r in resources if not KINDS[r.kind].schema} - PARTS.keys() - OUTSIDE
    assert not unknown, f"{unknown} have no schema of their own: say in PARTS or OUTSIDE where they belong"


OUTSIDE = frozenset({"iam:RolePolicyAttachment", "s3:BucketObjectv2"})
"""The types that no template has."""
