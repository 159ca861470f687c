# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""DynamoDB's condition keys; see `localcloud.emulator.conditions`.

MiniStack 1.5.33 sets `dynamodb:Attributes` for reads only and `dynamodb:LeadingKeys` for none, and authorizes the
items of a transaction with one context for all of them.

Report: a policy that allows UpdateItem under `dynamodb:Attributes` refuses every update; see `conditions.py` for the
values that AWS gives the keys.
"""

import contextvars
import json
from collections import deque
from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions, iam_evaluator  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.services import dynamodb  # type: ignore[import-not-found]  # in the emulator's environment

from localcloud.emulator.conditions import condition_keys, transaction_items

_item_contexts: contextvars.ContextVar[deque[dict[str, list[str]]] | None] = contextvars.ContextVar(
    "item_contexts", default=None
)


def install() -> None:
    """Replace MiniStack's functions."""
    iam_actions.dynamodb_service_context = _with_condition_keys(iam_actions.dynamodb_service_context)
    iam_evaluator.enforce = _per_item(iam_evaluator.enforce)


def _hash_key(table: str) -> str | None:
    record = dynamodb._tables.get(table.rsplit("/", 1)[-1]) or {}
    return next((key["AttributeName"] for key in record.get("KeySchema", []) if key["KeyType"] == "HASH"), None)


def _with_condition_keys(service_context: Callable[[bytes], dict[str, Any]]) -> Callable[[bytes], dict[str, Any]]:
    def with_keys(body: bytes) -> dict[str, Any]:
        context = service_context(body)
        try:
            request = json.loads(body or b"{}")
        except ValueError:
            return context
        if not isinstance(request, dict):
            return context
        items = transaction_items(request)
        _item_contexts.set(deque(condition_keys(item, _hash_key) for item in items))
        return context if items else {**context, **condition_keys(request, _hash_key)}

    return with_keys


def _per_item(enforce: Callable[..., Any]) -> Callable[..., Any]:
    """Give each item of a transaction its own context."""

    def enforce_item(*args: Any, **kwargs: Any) -> Any:
        context = kwargs.get("service_context") or {}
        contexts = _item_contexts.get()
        if contexts and "dynamodb:EnclosingOperation" in context:
            kwargs["service_context"] = {**context, **contexts.popleft()}
        return enforce(*args, **kwargs)

    return enforce_item
