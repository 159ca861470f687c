# ruff: noqa: ARG001 - all handlers (and invokes) have one signature, whether or not one needs every argument
"""Functions of the AWS provider that a program may call."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from botocore.exceptions import ClientError

from localcloud.provider.base import Cloud, NotFoundError, is_missing


def _caller(cloud: Cloud, args: Mapping[str, Any]) -> dict[str, Any]:
    identity = cloud.client("sts").get_caller_identity()
    return {"accountId": identity["Account"], "arn": identity["Arn"], "userId": identity["UserId"], "id": cloud.account}


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


def _policy(cloud: Cloud, args: Mapping[str, Any]) -> dict[str, Any]:
    iam, arn = cloud.client("iam"), str(args["arn"])
    try:
        found = iam.get_policy(PolicyArn=arn)["Policy"]
    except ClientError as error:
        if is_missing(error):
            raise NotFoundError(f"there is no {arn}") from error
        raise
    version = iam.get_policy_version(PolicyArn=arn, VersionId=found["DefaultVersionId"])["PolicyVersion"]
    document = version["Document"]
    return {
        "arn": arn,
        "id": arn,
        "name": found["PolicyName"],
        "path": found["Path"],
        "policyId": found["PolicyId"],
        "description": found.get("Description", ""),
        "policy": document if isinstance(document, str) else json.dumps(document),
        "attachmentCount": found.get("AttachmentCount", 0),
        "tags": {tag["Key"]: tag["Value"] for tag in found.get("Tags", [])},
    }


INVOKES: Final[Mapping[str, Callable[[Cloud, Mapping[str, Any]], dict[str, Any]]]] = {
    "aws:index/getCallerIdentity:getCallerIdentity": _caller,
    "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider": _identity_provider,
    "aws:iam/getPolicy:getPolicy": _policy,
}
