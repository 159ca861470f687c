# ruff: noqa: SLF001 - MiniStack has no public hooks for what is measured here; its version is pinned
"""Metrics of DynamoDB and CloudFront, on which the dashboard of costs is built.

MiniStack 1.5.33 publishes none.

Report: write an item, request a distribution, and ask for `ConsumedWriteCapacityUnits` in `AWS/DynamoDB` and `Requests`
in `AWS/CloudFront`: no datapoint.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from ministack.services import cloudfront, cloudwatch, dynamodb  # type: ignore[import-not-found]  # in its environment

Answer = tuple[int, dict[str, str], bytes]
Operation = Callable[[dict[str, Any]], Answer]

_READS: Final = ("get_item", "query", "scan", "batch_get_item", "transact_get_items")
_WRITES: Final = ("put_item", "update_item", "delete_item", "batch_write_item", "transact_write_items")


def install() -> None:
    """Patch the emulator. Call once, before it serves."""
    for names, metric in ((_READS, "ConsumedReadCapacityUnits"), (_WRITES, "ConsumedWriteCapacityUnits")):
        for name in names:
            setattr(dynamodb, f"_{name}", _metered(getattr(dynamodb, f"_{name}"), metric))


def _metered(operation: Operation, metric: str) -> Operation:
    """The operation, asked for what it used. A caller who asks for that gets it, and is not counted."""

    def metered(request: dict[str, Any]) -> Answer:
        if request.get("ReturnConsumedCapacity", "NONE") != "NONE":
            return operation(request)
        status, headers, body = operation({**request, "ReturnConsumedCapacity": "INDEXES"})
        answer = json.loads(body)
        if status != 200:
            if answer.get("__type", "").endswith("ConditionalCheckFailedException"):
                _count("ConditionalCheckFailedRequests", 1, {"TableName": request["TableName"]})
            return status, headers, body
        used = answer.pop("ConsumedCapacity", [])
        for units, dimensions in _units(used if isinstance(used, list) else [used]):
            _count(metric, units, dimensions)
        return status, headers, json.dumps(answer, ensure_ascii=False).encode()

    return metered


def _units(used: list[Mapping[str, Any]]) -> Iterator[tuple[float, dict[str, str]]]:
    """Units of each table alone and of each index."""
    for table in used:
        indexes = table.get("GlobalSecondaryIndexes", {})
        of_indexes = sum(index["CapacityUnits"] for index in indexes.values())
        yield (
            table.get("Table", {}).get("CapacityUnits", table["CapacityUnits"] - of_indexes),
            {"TableName": table["TableName"]},
        )
        for name, index in indexes.items():
            yield index["CapacityUnits"], {"TableName": table["TableName"], "GlobalSecondaryIndexName": name}


def _count(metric: str, value: float, dimensions: dict[str, str]) -> None:
    cloudwatch.record_metric("AWS/DynamoDB", metric, value, "Count", dimensions)


def record_edge_request(domain: str, status: int, size: int) -> None:
    """The metrics that CloudFront publishes about a request at a distribution's domain."""
    for identity, distribution in cloudfront._distributions.items():
        if distribution["DomainName"] == domain:
            dimensions = {"DistributionId": identity, "Region": "Global"}
            cloudwatch.record_metric("AWS/CloudFront", "Requests", 1, "None", dimensions)
            cloudwatch.record_metric("AWS/CloudFront", "BytesDownloaded", size, "None", dimensions)
            cloudwatch.record_metric("AWS/CloudFront", "5xxErrorRate", 100 * (status >= 500), "Percent", dimensions)
