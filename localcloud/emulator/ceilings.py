"""Ceilings of tables on demand: the reads and writes of a second beyond which DynamoDB throttles.

Each item of a call counts as one unit, a transaction's as two: what is near the ceiling on AWS is so here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

READS: Final = ("GetItem", "Query", "Scan", "BatchGetItem", "TransactGetItems")
WRITES: Final = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "TransactWriteItems")
BURST_SECONDS: Final = 300
"""Seconds of unused throughput that a table keeps; a ceiling that was just changed has kept one."""
MESSAGE: Final = "Throughput exceeds the maximum OnDemandThroughput configured on table or index"


@dataclass
class _Bucket:
    limit: int
    left: float
    at: float


class Ceilings:
    """The units that are left of each table's ceiling."""

    def __init__(self) -> None:
        self._buckets: dict[tuple[str, str], _Bucket] = {}

    def exceeded(
        self, operation: str, request: Mapping[str, Any], ceilings: Mapping[str, Mapping[str, int]], now: float
    ) -> str | None:
        """The table whose ceiling a call exceeds, or None; then its units are used.

        Args:
            ceilings: `OnDemandThroughput` by table; one that is missing or negative is none.
            now: monotonic, in seconds.
        """
        kind = "MaxReadRequestUnits" if operation in READS else "MaxWriteRequestUnits"
        limits = {table: (ceilings.get(table) or {}).get(kind, -1) for table in units(operation, request)}
        asked = [
            (table, wanted, self._bucket(table, kind, limits[table], now))
            for table, wanted in units(operation, request).items()
            if limits[table] > 0
        ]
        for table, wanted, bucket in asked:
            # A call that is larger than the ceiling passes where a whole second is left.
            if bucket.left < min(wanted, bucket.limit):
                return table
        for _, wanted, bucket in asked:
            bucket.left -= wanted
        return None

    def _bucket(self, table: str, kind: str, limit: int, now: float) -> _Bucket:
        bucket = self._buckets.get((table, kind))
        if bucket is None or bucket.limit != limit:
            kept = BURST_SECONDS if bucket is None else 1
            bucket = self._buckets[table, kind] = _Bucket(limit, limit * kept, now)
        bucket.left = min(bucket.left + (now - bucket.at) * limit, limit * BURST_SECONDS)
        bucket.at = now
        return bucket


def units(operation: str, request: Mapping[str, Any]) -> dict[str, int]:
    """The units of a call by table; none of what is no read or write of items."""
    if operation not in (*READS, *WRITES):
        return {}
    found: dict[str, int] = {}
    for table, count in _items(operation, request):
        found[table] = found.get(table, 0) + count
    return found


def _items(operation: str, request: Mapping[str, Any]) -> Iterator[tuple[str, int]]:
    if operation.startswith("Transact"):
        for item in request.get("TransactItems", []):
            yield from ((part["TableName"], 2) for part in item.values())
    elif operation.startswith("Batch"):
        for table, wanted in request.get("RequestItems", {}).items():
            yield table, len(wanted["Keys"]) if operation == "BatchGetItem" else len(wanted)
    else:
        yield request.get("TableName", ""), 1
