"""Saved queries of Logs Insights.

MiniStack 1.5.33 knows none of their three calls.

Report: `aws logs put-query-definition --name q --query-string 'fields @message'`: Unknown action.
"""

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.core.responses import (  # type: ignore[import-not-found]  # in the emulator's environment
    AccountRegionScopedDict,
    error_response_json,
    json_response,
    new_uuid,
)
from ministack.services import cloudwatch_logs  # type: ignore[import-not-found]  # likewise

_STATE_KEY = "query_definitions"
_MOST = 10_000
"""Characters of a query."""
_PAGE = 1000

_definitions = AccountRegionScopedDict()


def install() -> None:
    """Add the calls, and keep the queries with the service's other state."""
    cloudwatch_logs.handle_request = _with_definitions(cloudwatch_logs.handle_request)
    cloudwatch_logs.get_state = _kept(cloudwatch_logs.get_state)
    cloudwatch_logs.load_persisted_state = _loaded(cloudwatch_logs.load_persisted_state)


def _put(data: Mapping[str, Any]) -> Any:
    name, text, id_ = data.get("name"), data.get("queryString"), data.get("queryDefinitionId")
    if not name or not text or len(text) > _MOST:
        return error_response_json("InvalidParameterException", "A name and a query of 10,000 characters at most", 400)
    if id_ and id_ not in _definitions:
        return _unknown(id_)
    id_ = id_ or new_uuid()
    _definitions[id_] = {
        "queryDefinitionId": id_,
        "name": name,
        "queryString": text,
        "queryLanguage": data.get("queryLanguage", "CWLI"),
        "logGroupNames": data.get("logGroupNames", []),
        "lastModified": int(time.time() * 1000),
    }
    return json_response({"queryDefinitionId": id_})


def _describe(data: Mapping[str, Any]) -> Any:
    start, first = data.get("queryDefinitionNamePrefix", ""), int(data.get("nextToken") or 0)
    found = sorted((one for one in _definitions.values() if one["name"].startswith(start)), key=lambda one: one["name"])
    last = first + int(data.get("maxResults") or _PAGE)
    more = {"nextToken": str(last)} if last < len(found) else {}
    return json_response({"queryDefinitions": found[first:last], **more})


def _delete(data: Mapping[str, Any]) -> Any:
    id_ = data.get("queryDefinitionId", "")
    if id_ not in _definitions:
        return _unknown(id_)
    del _definitions[id_]
    return json_response({"success": True})


def _unknown(id_: str) -> Any:
    return error_response_json(
        "ResourceNotFoundException", f"The specified query definition does not exist: {id_}", 400
    )


_CALLS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "PutQueryDefinition": _put,
    "DescribeQueryDefinitions": _describe,
    "DeleteQueryDefinition": _delete,
}


def _with_definitions(handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def handle_request(method: str, path: str, headers: Mapping[str, str], body: bytes, *rest: Any) -> Any:
        call = _CALLS.get(headers.get("x-amz-target", "").rpartition(".")[2])
        return call(json.loads(body or b"{}")) if call else await handle(method, path, headers, body, *rest)

    return handle_request


def _kept(get_state: Callable[[], dict[str, Any]]) -> Callable[[], dict[str, Any]]:
    return lambda: {**get_state(), _STATE_KEY: _definitions}


def _loaded(load: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def load_persisted_state(data: Any) -> Any:
        _definitions.update((data or {}).get(_STATE_KEY, {}))
        return load(data)

    return load_persisted_state
