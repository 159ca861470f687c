"""Ceilings of tables: what counts as how much, and from when on a call is refused."""

from typing import Any

import pytest

from localcloud.emulator.ceilings import Ceilings, units


@pytest.mark.parametrize(
    ("operation", "request_", "used"),
    [
        ("PutItem", {"TableName": "a"}, {"a": 1}),
        ("Query", {"TableName": "a", "IndexName": "i"}, {"a": 1}),
        ("BatchGetItem", {"RequestItems": {"a": {"Keys": [{}, {}]}, "b": {"Keys": [{}]}}}, {"a": 2, "b": 1}),
        ("BatchWriteItem", {"RequestItems": {"a": [{}, {}, {}]}}, {"a": 3}),
        (
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": name}} for name in "aba"]},
            {"a": 4, "b": 2},
        ),
        ("DescribeTable", {"TableName": "a"}, {}),
    ],
)  # fmt: skip
def test_the_units_of_a_call(operation: str, request_: dict[str, Any], used: dict[str, int]) -> None:
    assert units(operation, request_) == used


KINDS = ("MaxReadRequestUnits", "MaxWriteRequestUnits")


def lowered(limit: int) -> Ceilings:
    """Ceilings of the table `a` that were just set to a limit, at the time 0."""
    ceilings = Ceilings()
    for operation in ("PutItem", "GetItem"):
        for units_ in (9, limit):
            ceilings.exceeded(operation, {"TableName": "a"}, {"a": dict.fromkeys(KINDS, units_)}, 0)
    return ceilings


@pytest.mark.parametrize("operation", ["PutItem", "GetItem"])
def test_a_table_refuses_above_its_ceiling_until_time_has_passed(operation: str) -> None:
    ceilings, limits = lowered(2), {"a": dict.fromkeys(KINDS, 2)}

    def ask(now: float, table: str = "a") -> str | None:
        return ceilings.exceeded(operation, {"TableName": table}, limits, now)

    assert [ask(now) for now in (0, 0, 0.4, 0.6, 0.7)] == [None, "a", "a", None, "a"]
    assert [ask(0.7, "b") for _ in range(9)] == [None] * 9
    assert [ask(60) for _ in range(118)] == [None] * 118, "what a minute left unused is kept"
    assert [ask(60) for _ in range(9)][-1] == "a"


def test_a_table_begins_with_what_five_minutes_left_unused() -> None:
    ceilings, limits = Ceilings(), {"a": {"MaxWriteRequestUnits": 10}}
    answers = [ceilings.exceeded("PutItem", {"TableName": "a"}, limits, 1) for _ in range(3001)]
    assert answers == [None] * 3000 + ["a"]


def test_a_transaction_is_refused_as_a_whole_and_uses_nothing() -> None:
    ceilings, limits = lowered(2), {"a": dict.fromkeys(KINDS, 2)}
    both = {"TransactItems": [{"Put": {"TableName": "a"}}, {"Put": {"TableName": "b"}}]}
    assert ceilings.exceeded("TransactWriteItems", both, limits, 0) == "a"
    assert ceilings.exceeded("PutItem", {"TableName": "a"}, limits, 0) is None
    assert ceilings.exceeded("GetItem", {"TableName": "a"}, limits, 0) is None, "reads have their own"
    large = {"TransactItems": [{"Put": {"TableName": "a"}}] * 5}
    assert ceilings.exceeded("TransactWriteItems", large, limits, 1) is None, "larger than the ceiling, alone"
    assert ceilings.exceeded("PutItem", {"TableName": "a"}, limits, 2) == "a"


@pytest.mark.parametrize("limit", [{}, {"MaxWriteRequestUnits": -1}])
def test_without_a_ceiling_nothing_is_refused(limit: dict[str, int]) -> None:
    ceilings = Ceilings()
    assert {ceilings.exceeded("PutItem", {"TableName": "a"}, {"a": limit}, 1) for _ in range(9999)} == {None}
