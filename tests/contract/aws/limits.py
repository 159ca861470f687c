"""Limits of AWS that its schemas lack, with the page that says so, and the resources of a plan that break one."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.contract.aws.plans import Planned

ALL_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "POST", "PATCH", "DELETE"})
METHOD_SETS = (frozenset({"GET", "HEAD"}), frozenset({"GET", "HEAD", "OPTIONS"}), ALL_METHODS)


@dataclass(frozen=True)
class Limit:
    """A rule of one resource type. `broken` answers for a resource's inputs."""

    kind: str
    what: str
    source: str
    broken: Callable[[Planned], bool]


def _number(resource: Planned, key: str, default: float) -> float:
    return float(resource.inputs.get(key, default))


def _behaviors(resource: Planned) -> list[dict[str, Any]]:
    return [resource.inputs["defaultCacheBehavior"], *resource.inputs.get("orderedCacheBehaviors", [])]


def _environment_bytes(resource: Planned) -> int:
    variables = resource.inputs.get("environment", {}).get("variables", {})
    return sum(len(key.encode()) + len(str(value).encode()) for key, value in variables.items())


RESERVED_VARIABLES = frozenset(
    {
        *("_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV"),
        *("AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION"),
        *("AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"),
        *("AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"),
        *("AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR"),
    }
)

LIMITS: tuple[Limit, ...] = (
    Limit(
        "lambda:Function",
        "memory of 128 to 10240 MB",
        "Lambda developer guide, Configure memory",
        lambda r: not 128 <= _number(r, "memorySize", 128) <= 10240,
    ),
    Limit(
        "lambda:Function",
        "a timeout of 1 to 900 seconds",
        "Lambda developer guide, Lambda quotas",
        lambda r: not 1 <= _number(r, "timeout", 3) <= 900,
    ),
    Limit(
        "lambda:Function",
        "environment variables of 4 KB together",
        "Lambda developer guide, Lambda quotas",
        lambda r: _environment_bytes(r) > 4096,
    ),
    Limit(
        "lambda:Function",
        "environment variables whose names Lambda does not reserve",
        "Lambda developer guide, Defined runtime environment variables",
        lambda r: not RESERVED_VARIABLES.isdisjoint(r.inputs.get("environment", {}).get("variables", {})),
    ),
    Limit(
        "lambda:Function",
        "an application log level of INFO or below: EMF lines carry no level and are dropped above it",
        "Lambda developer guide, Log-level filtering",
        lambda r: r.inputs["loggingConfig"]["applicationLogLevel"] not in ("TRACE", "DEBUG", "INFO"),
    ),
    Limit(
        "apigatewayv2:Integration",
        "a timeout of 50 to 30000 ms",
        "API Gateway developer guide, HTTP API quotas",
        lambda r: not 50 <= _number(r, "timeoutMilliseconds", 30000) <= 30000,
    ),
    Limit(
        "cloudfront:Distribution",
        "allowed methods that are one of three sets, and cached ones that are one of two",
        "CloudFront API reference, AllowedMethods",
        lambda r: any(
            frozenset(b["allowedMethods"]) not in METHOD_SETS or frozenset(b["cachedMethods"]) not in METHOD_SETS[:2]
            for b in _behaviors(r)
        ),
    ),
    Limit(
        "cloudfront:Distribution",
        "only GET, HEAD and OPTIONS where a group of origins answers",
        "CloudFront developer guide, Optimize high availability with origin failover",
        lambda r: any(
            not {"GET", "HEAD", "OPTIONS"} >= {*b["allowedMethods"]}
            for b in _behaviors(r)
            if b["targetOriginId"] in {group["originId"] for group in r.inputs.get("originGroups") or []}
        ),
    ),
    Limit(
        "cognito:UserPool",
        "its triggers; Cognito waits 5 seconds for their answer, see the timeout of onboarding",
        "Cognito developer guide, Things to know about Lambda triggers",
        lambda r: any(
            not r.inputs.get("lambdaConfig", {}).get(trigger, "").startswith("arn:aws:lambda:")
            for trigger in ("postConfirmation", "customMessage")
        ),
    ),
    Limit(
        "dynamodb:Table",
        "20 global indexes at most, with 100 projected attributes together",
        "DynamoDB developer guide, Quotas",
        lambda r: (
            len(r.inputs.get("globalSecondaryIndexes", [])) > 20
            or sum(len(i.get("nonKeyAttributes") or []) for i in r.inputs.get("globalSecondaryIndexes", [])) > 100
        ),
    ),
    Limit(
        "dynamodb:Table",
        "attributes that are keys, each of them and no other",
        "DynamoDB API reference, AttributeDefinition",
        lambda r: _declared(r) != _keys(r),
    ),
    Limit(
        "cloudwatch:MetricAlarm",
        "a window of one day, or seven with periods of an hour and more",
        "CloudWatch API reference, PutMetricAlarm",
        lambda r: _window(r) > (7 * 86400 if _period(r) >= 3600 else 86400),
    ),
    Limit(
        "iam:Policy",
        "6144 characters without white space",
        "IAM user guide, IAM and STS quotas",
        lambda r: len("".join(str(r.inputs["policy"]).split())) > 6144,
    ),
    Limit(
        "iam:RolePolicy",
        "10240 characters in all inline policies of a role",
        "IAM user guide, IAM and STS quotas",
        lambda r: len("".join(str(r.inputs["policy"]).split())) > 10240,
    ),
    Limit(
        "ssm:Parameter",
        "4 KB in a standard parameter",
        "Systems Manager user guide, Parameter tiers",
        lambda r: len(str(r.inputs["value"]).encode()) > 4096,
    ),
    Limit(
        "lambda:EventSourceMapping",
        "a batch of 10000 records or less, and a window where it is over 10",
        "Lambda API reference, CreateEventSourceMapping",
        lambda r: _number(r, "batchSize", 100) > 10000,
    ),
)


def _declared(resource: Planned) -> set[str]:
    return {attribute["name"] for attribute in resource.inputs["attributes"]}


def _keys(resource: Planned) -> set[str]:
    own = {resource.inputs["hashKey"], resource.inputs.get("rangeKey")} - {None}
    indexes = resource.inputs.get("globalSecondaryIndexes", [])
    return own | {key["attributeName"] for index in indexes for key in index["keySchemas"]}


def _period(resource: Planned) -> float:
    queries = [query["metric"]["period"] for query in resource.inputs.get("metricQueries", []) if "metric" in query]
    return max([_number(resource, "period", 0), *map(float, queries)])


def _window(resource: Planned) -> float:
    return _period(resource) * _number(resource, "evaluationPeriods", 1)


def broken(plan: Iterable[Planned]) -> Iterator[str]:
    """The limits that resources of a plan break, a line each."""
    for resource in plan:
        for limit in LIMITS:
            if limit.kind == resource.kind and limit.broken(resource):
                yield f"{resource.label} wants {limit.what} ({limit.source})"
