# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Tables that throttle above their ceiling (`OnDemandThroughput`).

MiniStack 1.5.33 keeps the setting and throttles nothing.

Report: a table with `MaxWriteRequestUnits=1`, ten PutItem within a second: all answer 200.
"""

import json
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from ministack.core.responses import error_response_json  # type: ignore[import-not-found]  # in its own environment
from ministack.services import dynamodb  # type: ignore[import-not-found]  # in the emulator's environment

from localcloud.emulator.ceilings import MESSAGE, Ceilings, units

_ceilings = Ceilings()


def install() -> None:
    """Throttle before the service answers."""
    dynamodb.handle_request = _throttling(dynamodb.handle_request)


def _throttling(handle: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    async def handle_request(method: str, path: str, headers: Mapping[str, str], body: bytes, *rest: Any) -> Any:
        operation = headers.get("x-amz-target", "").rpartition(".")[2]
        if any(table.get("OnDemandThroughput") for table in dynamodb._tables.values()):
            request = json.loads(body or b"{}")
            known = {name: dynamodb._tables.get(name) or {} for name in units(operation, request)}
            limits = {name: table.get("OnDemandThroughput") or {} for name, table in known.items()}
            table = _ceilings.exceeded(operation, request, limits, time.monotonic())
            if table and operation.startswith("Transact"):
                return _cancelled(request, table)
            if table:
                return error_response_json("ThrottlingException", MESSAGE, 400)
        return await handle(method, path, headers, body, *rest)

    return handle_request


def _cancelled(request: Mapping[str, Any], table: str) -> Any:
    reasons = [
        {"Code": "ThrottlingError", "Message": MESSAGE}
        if any(part["TableName"] == table for part in item.values())
        else {"Code": "None"}
        for item in request["TransactItems"]
    ]
    codes = ", ".join(reason["Code"] for reason in reasons)
    name = "TransactionCanceledException"
    message = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    body = {"__type": name, "message": message, "Message": message, "CancellationReasons": reasons}
    return 400, {"Content-Type": "application/x-amz-json-1.0", "x-amzn-errortype": name}, json.dumps(body).encode()
