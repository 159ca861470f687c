from typing import Any

import pytest

from localcloud.emulator.conditions import condition_keys, transaction_items

LEADING, ATTRIBUTES = "dynamodb:LeadingKeys", "dynamodb:Attributes"


def keys(request: dict[str, Any]) -> dict[str, list[str]]:
    return condition_keys({"TableName": "users", **request}, {"users": "userId"}.get)


@pytest.mark.parametrize(
    ("request_", "leading", "attributes"),
    [
        ({"Item": {"userId": {"S": "u"}, "xp": {"N": "1"}}}, ["u"], ["userId", "xp"]),
        (
            {
                "Key": {"userId": {"S": "u"}},
                "UpdateExpression": "SET #n = if_not_exists(#n, :0) + :1, profile.bio = :b REMOVE tags[0] ADD xp :x",
                "ConditionExpression": "attribute_exists(userId) AND NOT #s IN (:a, :b) AND size(bio) < :max",
                "ExpressionAttributeNames": {"#n": "name", "#s": "state"},
            },
            ["u"],
            ["bio", "name", "profile", "state", "tags", "userId", "xp"],
        ),
        ({"Key": {"userId": {"S": "u"}}}, ["u"], None),
        ({"Key": {"userId": {"S": "u"}}, "ProjectionExpression": "xp"}, ["u"], ["userId", "xp"]),
        ({"Key": {"userId": {"N": "7"}}, "AttributesToGet": ["xp"]}, ["7"], ["userId", "xp"]),
        (
            {
                "KeyConditionExpression": "#k = :u AND createdAt > :t",
                "ExpressionAttributeNames": {"#k": "userId"},
                "ExpressionAttributeValues": {":u": {"S": "u"}, ":t": {"S": "2"}},
            },
            ["u"],
            None,
        ),
    ],
)
def test_what_a_request_touches(request_: dict[str, Any], leading: list[str], attributes: list[str] | None) -> None:
    found = keys(request_)
    assert found.get(LEADING) == leading
    assert found.get(ATTRIBUTES) == attributes


def test_a_batch_touches_all_its_rows() -> None:
    def key(name: str) -> dict[str, Any]:
        return {"userId": {"S": name}}

    writes = [{"PutRequest": {"Item": key("a") | {"xp": {"N": "1"}}}}, {"DeleteRequest": {"Key": key("b")}}]
    assert condition_keys({"RequestItems": {"users": writes}}, {"users": "userId"}.get) == {
        LEADING: ["a", "b"],
        ATTRIBUTES: ["userId", "xp"],
    }
    reads = {"Keys": [key("a"), key("c")], "ProjectionExpression": "xp"}
    found = condition_keys({"RequestItems": {"users": reads}}, {"users": "userId"}.get)
    assert found[LEADING] == ["a", "c"]


def test_an_unknown_table_has_no_leading_key() -> None:
    assert LEADING not in condition_keys({"TableName": "other", "Item": {"a": {"S": "b"}}}, lambda _: None)


def test_a_transaction_is_taken_apart_in_order() -> None:
    put, update = {"TableName": "users", "Item": {}}, {"TableName": "users", "Key": {}}
    assert transaction_items({"TransactItems": [{"Put": put}, {"Update": update}, {"Put": {"Item": {}}}]}) == [
        put,
        update,
    ]
    assert transaction_items({}) == []
