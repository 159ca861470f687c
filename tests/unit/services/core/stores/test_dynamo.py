from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.core.botocore_stubber import MockRawResponse

from services.core.aws_json import ATTEMPTS, JsonClient, RefusedError
from services.core.stores.dynamo import (
    ConditionFailedError,
    IndexNotReadyError,
    StoreUnavailableError,
    batch_get,
    call,
    decode,
    encode,
    update_expression,
)
from services.core.stores.users import NoSuchUserError
from tests.unit.services.cloud import (
    ANNA,
    NOW,
    Cloud,
    Fault,
    conflict,
    lost_answer,
    lost_request,
    refusal,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@settings(max_examples=50)
@given(JSON)
def test_what_is_encoded_is_decoded(value: object) -> None:
    assert decode(encode(value)) == value
    assert type(decode(encode(value))) is type(value)


@pytest.mark.parametrize("value", [1.5, b"bytes", {1, 2}, object()])
def test_other_types_are_refused(value: object) -> None:
    with pytest.raises(TypeError):
        encode(value)


def test_update_expression_names_only_what_changes() -> None:
    assert update_expression({"a": 1, "b": 2, "c": 3}, {"a": 1, "b": 5, "d": "x"}) == {
        "UpdateExpression": "SET #u1 = :u1, #u3 = :u3 REMOVE #u2",
        "ExpressionAttributeNames": {"#u1": "b", "#u2": "c", "#u3": "d"},
        "ExpressionAttributeValues": {":u1": {"N": "5"}, ":u3": {"S": "x"}},
    }


def plain(status: int) -> Fault:
    """An answer of a load balancer, which is no JSON."""

    def answer(_operation: str, _carry_out: Any) -> AWSResponse:
        return AWSResponse("unit", status, {}, MockRawResponse("<html>Service Unavailable</html>"))  # type: ignore[arg-type]  # moto's stand-in

    return answer


@pytest.mark.parametrize(
    "message",
    [
        "The table does not have the specified index: board",
        "Cannot read from backfilling global secondary index: board",
    ],
)
def test_an_index_that_is_not_there_is_waited_for_elsewhere(cloud: Cloud, message: str, slept: list[float]) -> None:
    """It takes minutes: trying again within the call only keeps the caller waiting."""
    with (
        cloud.faults.outage("Query", refusal("ValidationException", message=message)),
        pytest.raises(IndexNotReadyError, match="board"),
    ):
        call(cloud.dynamodb.query, TableName="t", KeyConditionExpression="a = b")
    assert slept == []


def test_another_invalid_request_is_a_defect(cloud: Cloud) -> None:
    with (
        cloud.faults.outage("Query", refusal("ValidationException", message="Invalid KeyConditionExpression")),
        pytest.raises(ClientError, match="KeyConditionExpression"),
    ):
        call(cloud.dynamodb.query, TableName="t", KeyConditionExpression="a = b")


TRANSIENT = [
    plain(502),
    plain(503),
    refusal("InternalFailure", 500),
    refusal("NewErrorOfTomorrow", 599),
    refusal("ProvisionedThroughputExceededException"),
    refusal("ThrottlingException"),
    refusal("RequestLimitExceeded"),
    refusal("InternalServerError", 500),
    refusal("ServiceUnavailable", 503),
    refusal("TransactionInProgressException"),
    refusal("TransactionConflictException"),
    conflict("None", "TransactionConflict"),
    conflict("ThrottlingError", "None"),
    conflict("ProvisionedThroughputExceeded"),
]


@pytest.mark.parametrize("fault", TRANSIENT)
def test_a_transient_refusal_is_tried_again(cloud: Cloud, fault: Fault, slept: list[float]) -> None:
    with cloud.faults.outage("TransactWriteItems", fault):
        cloud.faults._always[2:] = []
        user = cloud.users.ensure(ANNA, NOW)
    assert cloud.users.get(ANNA) == user
    assert len(slept) >= 1


def test_conflicts_wait_longer_each_time_with_jitter(cloud: Cloud, slept: list[float]) -> None:
    with (
        cloud.faults.outage("TransactWriteItems", conflict("TransactionConflict")),
        pytest.raises(StoreUnavailableError),
    ):
        cloud.users.ensure(ANNA, NOW)
    assert cloud.faults.counted()["TransactWriteItems"] == ATTEMPTS
    assert len(set(slept)) == ATTEMPTS - 1
    assert all(0 <= wait <= 0.05 * 2**attempt for attempt, wait in enumerate(slept))
    assert cloud.all_users() == {}


@pytest.mark.parametrize("fault", [lost_request, refusal("ThrottlingException")])
def test_an_outage_is_one_error(cloud: Cloud, fault: Fault) -> None:
    with cloud.faults.outage(fault=fault), pytest.raises(StoreUnavailableError):
        cloud.users.get(ANNA)


@pytest.mark.parametrize("code", ["ValidationException", "AccessDeniedException", "ResourceNotFoundException"])
def test_what_only_a_bug_causes_comes_through(cloud: Cloud, code: str, slept: list[float]) -> None:
    cloud.faults.on("GetItem", refusal(code))
    with pytest.raises(RefusedError, match=code):
        cloud.users.get(ANNA)
    assert slept == []


def test_a_condition_beats_a_conflict_in_the_same_transaction(cloud: Cloud) -> None:
    cloud.faults.on("TransactWriteItems", conflict("ConditionalCheckFailed", "TransactionConflict"))
    with pytest.raises(ConditionFailedError) as failed:
        call(cloud.dynamodb.transact_write_items, TransactItems=[{}])
    assert failed.value.items == [{}, None]


def test_a_cancelled_transaction_for_another_reason_comes_through(cloud: Cloud) -> None:
    cloud.faults.on("TransactWriteItems", conflict("None", "ValidationError"))
    with pytest.raises(ClientError):
        call(cloud.dynamodb.transact_write_items, TransactItems=[{}])


def test_a_failed_condition_brings_the_item(cloud: Cloud) -> None:
    cloud.users.ensure(ANNA, NOW)
    with pytest.raises(ConditionFailedError) as failed:
        call(
            cloud.dynamodb.update_item,
            TableName=cloud.users_table,
            Key={"userId": {"S": ANNA}},
            UpdateExpression="SET points = :p",
            ConditionExpression="points = :q",
            ExpressionAttributeValues={":p": {"N": "1"}, ":q": {"N": "77"}},
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    (item,) = failed.value.items
    assert item is not None
    assert (item["userId"], item["points"]) == (ANNA, 10)


def test_an_answer_that_is_lost_after_the_effect_leaves_one_effect(cloud: Cloud) -> None:
    cloud.faults.on("TransactWriteItems", lost_answer)
    cloud.users.ensure(ANNA, NOW)
    assert cloud.faults.counted()["TransactWriteItems"] == 2
    assert len(cloud.all_entries()) == 1


def _unprocessed(table: str, *keys: str) -> Fault:
    names = [{"userId": {"S": key}} for key in keys]
    return refusal("", 200, Responses={table: []}, UnprocessedKeys={table: {"Keys": names}})


def test_a_batch_is_read_to_the_end(cloud: Cloud) -> None:
    for name in ("a", "b"):
        cloud.users.ensure(name, NOW)
    cloud.faults.on("BatchGetItem", _unprocessed(cloud.users_table, "b"))
    found = batch_get(cloud.dynamodb, cloud.users_table, [{"userId": "a"}, {"userId": "b"}], consistent=True)
    assert [item["userId"] for item in found] == ["b"]


def test_a_batch_that_stays_unread_is_an_outage(cloud: Cloud) -> None:
    with (
        cloud.faults.outage("BatchGetItem", _unprocessed(cloud.users_table, "b")),
        pytest.raises(StoreUnavailableError),
    ):
        batch_get(cloud.dynamodb, cloud.users_table, [{"userId": "b"}], consistent=True)


def test_an_empty_batch_is_no_call(cloud: Cloud) -> None:
    assert batch_get(cloud.dynamodb, cloud.users_table, [], consistent=True) == []
    assert cloud.faults.calls == []


def test_a_refusal_is_not_taken_for_an_outage(cloud: Cloud) -> None:
    with pytest.raises(NoSuchUserError):
        cloud.users.cancel_deletion("nobody", NOW)


def test_what_decides_is_read_as_it_is_stored_now(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, Any]] = []
    send = JsonClient.call

    def record(client: JsonClient, operation: str, arguments: Any) -> Any:
        asked.append((operation, arguments))
        return send(client, operation, arguments)

    monkeypatch.setattr(JsonClient, "call", record)
    cloud.users.get("a")
    cloud.ledger.get("a", "e")
    cloud.ledger.page("a", 1, None)
    list(cloud.users.slice(0, 1))
    cloud.quests.get("q")
    *single, (_, batch) = asked
    assert [(name, params.get("ConsistentRead")) for name, params in single] == [
        ("GetItem", True), ("GetItem", True), ("Query", True), ("Scan", True),
    ]  # fmt: skip
    assert batch["RequestItems"][cloud.quests_table]["ConsistentRead"] is True
