"""Authorization of `ssm:GetParameters`.

MiniStack 1.5.33 asks for permission on `*` where several parameters are read; AWS asks for each.

Report: a role that may read one parameter's ARN: GetParameters of it alone is denied.
"""

import contextvars
import json
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions, iam_evaluator  # type: ignore[import-not-found]  # in the emulator's environment

_parameter_arns: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("parameter_arns", default=())


def install() -> None:
    """Replace MiniStack's functions."""
    iam_actions.extract_resource_arn = _noting_parameters(iam_actions.extract_resource_arn)
    iam_evaluator.enforce = _per_parameter(iam_evaluator.enforce)


def _noting_parameters(extract: Callable[..., str]) -> Callable[..., str]:
    def extract_and_note(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        _parameter_arns.set(())
        if service == "ssm" and str(headers.get("x-amz-target", "")).endswith(".GetParameters"):
            names = json.loads(body or b"{}").get("Names") or []
            ones = (json.dumps({"Name": name}).encode() for name in names)
            _parameter_arns.set(tuple(extract(service, method, path, headers, one, *rest) for one in ones))
        return extract(service, method, path, headers, body, *rest)

    return extract_and_note


def _per_parameter(enforce: Callable[..., Any]) -> Callable[..., Any]:
    """Ask once for each parameter; return the first denial."""

    def enforce_each(access_key: Any, action: str, *args: Any, **kwargs: Any) -> Any:
        if action == "ssm:GetParameters" and (arns := _parameter_arns.get()):
            denials = (enforce(access_key, action, *args, **{**kwargs, "resource_arn": arn}) for arn in arns)
            return next(filter(None, denials), None)
        return enforce(access_key, action, *args, **kwargs)

    return enforce_each
