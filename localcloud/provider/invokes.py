# ruff: noqa: ARG001 - all handlers (and invokes) have one signature, whether or not one needs every argument
"""Functions of the AWS provider that a program may call."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from localcloud.provider.base import Cloud, NotFoundError, is_missing

_STATEMENT_KEYS: Final = {
    "actions": "Action",
    "notActions": "NotAction",
    "resources": "Resource",
    "notResources": "NotResource",
}


def _caller(cloud: Cloud, args: Mapping[str, Any]) -> dict[str, Any]:
    identity = cloud.client("sts").get_caller_identity()
    return {"accountId": identity["Account"], "arn": identity["Arn"], "userId": identity["UserId"], "id": cloud.account}


def _region(cloud: Cloud, args: Mapping[str, Any]) -> dict[str, Any]:
    name = args.get("region") or args.get("name") or cloud.region
    return {"name": name, "region": name, "id": name, "description": name, "endpoint": f"ec2.{name}.amazonaws.com"}


def _identity_provider(cloud: Cloud, args: Mapping[str, Any]) -> dict[str, Any]:
    arn = args.get("arn") or cloud.arn(
        "iam", f"oidc-provider/{str(args['url']).removeprefix('https://')}", region=False
    )
    try:
        found = cloud.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    except ClientError as error:
        if is_missing(error):
            raise NotFoundError(f"there is no {arn}") from error
        raise
    return {
        "arn": arn,
        "id": arn,
        "url": found["Url"],
        "clientIdLists": found["ClientIDList"],
        "thumbprintLists": found["ThumbprintList"],
        "tags": {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])},
    }


def _partition(cloud: Cloud, args: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "partition": cloud.partition,
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
        "id": cloud.partition,
    }


def _policy_document(cloud: Cloud, args: Mapping[str, Any]) -> dict[str, Any]:
    """As the provider renders it: single values not in a list, principals grouped by type, conditions by test."""
    statements = [_statement(statement) for statement in args.get("statements") or []]
    document: dict[str, Any] = {"Version": args.get("version") or "2012-10-17"}
    if args.get("policyId"):
        document["Id"] = args["policyId"]
    sources = [json.loads(text) for text in args.get("sourcePolicyDocuments") or []]
    overrides = [json.loads(text) for text in args.get("overridePolicyDocuments") or []]
    document["Statement"] = [*(item for source in sources for item in source["Statement"]), *statements]
    for override in overrides:
        sids = {item.get("Sid") for item in override["Statement"] if item.get("Sid")}
        kept = [item for item in document["Statement"] if item.get("Sid") not in sids]
        document["Statement"] = [*kept, *override["Statement"]]
    return {
        **args,
        "json": json.dumps(document, indent=2),
        "minifiedJson": json.dumps(document, separators=(",", ":")),
        "id": "policy",
    }


def _statement(statement: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {"Sid": statement["sid"]} if statement.get("sid") else {}
    result["Effect"] = statement.get("effect") or "Allow"
    for key, member in _STATEMENT_KEYS.items():
        if statement.get(key):
            result[member] = _single(sorted(statement[key]))
    for key, member in (("principals", "Principal"), ("notPrincipals", "NotPrincipal")):
        if statement.get(key):
            result[member] = _principals(statement[key])
    conditions: dict[str, dict[str, Any]] = {}
    for condition in statement.get("conditions") or []:
        conditions.setdefault(condition["test"], {})[condition["variable"]] = _single(condition["values"])
    return {**result, "Condition": conditions} if conditions else result


def _principals(principals: list[Mapping[str, Any]]) -> Any:
    grouped: dict[str, list[str]] = {}
    for principal in principals:
        grouped.setdefault(principal["type"], []).extend(principal["identifiers"])
    if grouped.get("*") == ["*"]:
        return "*"
    return {kind: _single(identifiers) for kind, identifiers in grouped.items()}


def _single(values: list[str]) -> Any:
    return values[0] if len(values) == 1 else values


def _managed_policy(operation: str, list_member: str, item: str, config: str) -> Callable[..., dict[str, Any]]:
    def lookup(cloud: Cloud, args: Mapping[str, Any]) -> dict[str, Any]:
        found = getattr(cloud.client("cloudfront"), operation)(Type="managed")[list_member].get("Items", [])
        for entry in found:
            policy = entry[item]
            if args.get("id") == policy["Id"] or args.get("name") == policy[config]["Name"]:
                return {**args, "id": policy["Id"], "name": policy[config]["Name"], "etag": ""}
        raise LookupError(f"CloudFront has no managed policy {args.get('name') or args.get('id')!r}")

    return lookup


INVOKES: Final[Mapping[str, Callable[[Cloud, Mapping[str, Any]], dict[str, Any]]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
    "aws:index/getRegion:getRegion": _region,
    "aws:index/getPartition:getPartition": _partition,
    "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider": _identity_provider,
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
    "aws:cloudfront/getCachePolicy:getCachePolicy": _managed_policy(
        "list_cache_policies", "CachePolicyList", "CachePolicy", "CachePolicyConfig"
    ),
    "aws:cloudfront/getOriginRequestPolicy:getOriginRequestPolicy": _managed_policy(
        "list_origin_request_policies", "OriginRequestPolicyList", "OriginRequestPolicy", "OriginRequestPolicyConfig"
    ),
    "aws:cloudfront/getResponseHeadersPolicy:getResponseHeadersPolicy": _managed_policy(
        "list_response_headers_policies",
        "ResponseHeadersPolicyList",
        "ResponseHeadersPolicy",
        "ResponseHeadersPolicyConfig",
    ),
}
