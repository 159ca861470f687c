"""The monthly cost of a stage."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from infra.observability.prices import PRICES
from infra.review.steps import Preview

TRAFFIC: Final = {"quiet": 10_000, "a town": 300_000, "busy": 3_000_000}
"""Requests a month."""
REQUEST_SECONDS, REQUEST_READS, REQUEST_WRITES, REQUEST_LOG_BYTES = 0.03, 1.5, 0.5, 1_000
"""Average use of a request: docs/performance.md measures the first three on the local cloud."""
KEY_PRICE: Final = 1.0
"""Of a KMS key, a month."""
ON_DEMAND: Final = "PAY_PER_REQUEST"
"""The billing mode of a table whose capacity is not provisioned."""


def monthly_cost(resources: Sequence[tuple[str, Mapping[str, Any]]], requests: int) -> float:
    """Dollars a month of what stands and of a number of requests, at list prices without any free tier.

    Not a number where it depends on what the preview does not tell.
    """
    kinds = Counter(kind for kind, _ in resources)
    tables = [inputs for kind, inputs in resources if kind == "Table"]
    on_demand = not tables or any(inputs.get("billingMode") == ON_DEMAND for inputs in tables)
    metrics = sum(_alarm_metrics(inputs) for kind, inputs in resources if kind == "MetricAlarm")
    standing = (
        metrics * PRICES.alarm_metric
        + kinds["CompositeAlarm"] * PRICES.composite_alarm
        + kinds["Dashboard"] * PRICES.dashboard
        + kinds["Key"] * KEY_PRICE
        + max(sum(map(_provisioned, tables)), sum(_scaled(inputs) for kind, inputs in resources if kind == "Target"))
    )
    memory = next((_figure(i.get("memorySize") or 128) for k, i in resources if k == "Function" and _is_api(i)), 0.0)
    gigabyte_seconds = REQUEST_SECONDS * memory / 1024
    per_million = (
        PRICES.api_request
        + PRICES.lambda_request
        + gigabyte_seconds * PRICES.lambda_gb_second
        + on_demand * (REQUEST_READS * PRICES.read_unit + REQUEST_WRITES * PRICES.write_unit)
        + REQUEST_LOG_BYTES * PRICES.log_byte
    )
    return standing + requests / 1e6 * per_million


def _figure(value: object) -> float:
    return value if isinstance(value, int | float) else math.nan


def _provisioned(table: Mapping[str, Any]) -> float:
    if table.get("billingMode") == ON_DEMAND:
        return 0.0
    indexes = _objects(table.get("globalSecondaryIndexes"))
    if indexes is None:
        return math.nan
    return sum(
        _figure(each.get("readCapacity", 0)) * PRICES.provisioned_read_unit
        + _figure(each.get("writeCapacity", 0)) * PRICES.provisioned_write_unit
        for each in (table, *indexes)
    )


def _scaled(target: Mapping[str, Any]) -> float:
    """The cost of a scaling target's minimum, which `up` changes without changing the table."""
    dimension = str(target.get("scalableDimension"))
    prices = {"Read": PRICES.provisioned_read_unit, "Write": PRICES.provisioned_write_unit}
    price = next((price for word, price in prices.items() if dimension.endswith(f"{word}CapacityUnits")), 0.0)
    return _figure(target.get("minCapacity", 0)) * price


def _alarm_metrics(inputs: Mapping[str, Any]) -> float:
    queries = _objects(inputs.get("metricQueries"))
    return math.nan if queries is None else sum("metric" in query for query in queries) or 1


def _objects(value: object) -> list[Mapping[str, Any]] | None:
    """A list of objects, which may be left out; None where the preview does not tell it."""
    found = value or []
    return found if isinstance(found, list) and all(isinstance(item, Mapping) for item in found) else None


def _is_api(inputs: Mapping[str, Any]) -> bool:
    return str(inputs.get("name", "")).endswith("-api")


def cost_lines(preview: Preview) -> Iterator[str]:
    """A table of the cost by traffic, before and after."""
    before = [(step.kind, step.old) for step in preview.steps if step.operation != "create" and step.old]
    after = [(step.kind, step.new) for step in preview.steps if step.operation != "delete" and step.new]
    if not after and not before:
        return
    if preview.unlisted:
        yield f"Cost: not told, {preview.unlisted} unchanged resources are not listed (`--show-sames` lists them)."
        return
    yield "| a month | now | then | |"
    yield "|---|--:|--:|--:|"
    for level, requests in TRAFFIC.items():
        old, new = monthly_cost(before, requests) if before else 0.0, monthly_cost(after, requests) if after else 0.0
        cells = _dollars(old, "${:.2f}"), _dollars(new, "${:.2f}"), _dollars(round(new, 2) - round(old, 2), "{:+.2f}")
        yield f"| {level}, {requests:,} requests | {' | '.join(cells)} |"


def _dollars(amount: float, form: str) -> str:
    return "not known yet" if math.isnan(amount) else form.format(amount)
