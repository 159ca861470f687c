# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Conditions on the tags of resources (`aws:ResourceTag`).

MiniStack 1.5.33 evaluates them for nine services, and not where a permissions boundary asks.

Report: a role that may call `cognito-idp:ListUsersInGroup` under `aws:ResourceTag/stage` is denied on a tagged pool.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.core import iam_evaluator  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.services import apigateway, cloudfront, cognito, tagging  # type: ignore[import-not-found]  # in the emulator's environment


def install() -> None:
    """Replace MiniStack's function."""
    iam_evaluator.enforce = _with_resource_tags(iam_evaluator.enforce)


def _with_resource_tags(enforce: Callable[..., Any]) -> Callable[..., Any]:
    def enforce_tagged(access_key: Any, action: str, *args: Any, **kwargs: Any) -> Any:
        tags = _resource_tags(str(kwargs.get("resource_arn") or "*"))
        if tags:
            carried = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
            kwargs["service_context"] = {**carried, **(kwargs.get("service_context") or {})}
        return enforce(access_key, action, *args, **kwargs)

    return enforce_tagged


def _resource_tags(arn: str) -> Mapping[str, str]:
    match arn.split(":")[2] if arn.startswith("arn:") else "":
        case "cognito-idp":
            return (cognito._user_pools.get(arn.rpartition("/")[2]) or {}).get("UserPoolTags") or {}
        case "apigateway":
            return apigateway._api_tags.get(arn) or {}
        case "cloudfront":
            return {tag["Key"]: tag["Value"] for tag in cloudfront._tags.get(arn) or []}
        case "kms" | "lambda":
            return tagging.resource_tags(arn) or {}
    return {}
