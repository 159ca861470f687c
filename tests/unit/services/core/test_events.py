"""Messages between the Lambdas: one form, read back, and told what is wrong."""

import json
from typing import Any

import pytest

from services.core.events import InvalidMessageError, QueueMessage, RewardFailed, Sweep, UserNotStored, entry_record

EVERY = (
    Sweep("rewards"),
    UserNotStored("u1", "r1", "2026-01-01T00:00:00Z"),
    RewardFailed("u1", "e1", "no such member"),
)


@pytest.mark.parametrize("message", EVERY, ids=lambda message: type(message).__name__)
def test_what_is_sent_is_read_back(message: QueueMessage) -> None:
    assert type(message).parse(json.loads(message.to_json())) == message


def test_the_names_are_those_of_the_queues_that_are_deployed() -> None:
    """Messages wait for 14 days: a release reads what the former one left."""
    assert json.loads(EVERY[1].to_json()).keys() == {"userId", "requestId", "failedAt"}
    assert json.loads(EVERY[2].to_json()).keys() == {"userId", "entryId", "reason"}


@pytest.mark.parametrize("body", [{}, {"userId": 5, "entryId": "e", "reason": "r"}, {"user_id": "u", "entryId": "e"}])
def test_another_message_is_refused_with_what_it_lacks(body: dict[str, Any]) -> None:
    with pytest.raises(InvalidMessageError, match=r"RewardFailed: .*userId.* is missing or no text"):
        RewardFailed.parse(body)


def test_an_entry_is_brought_once_more() -> None:
    item = {"userId": {"S": "u"}, "entryId": {"S": "e"}, "points": {"N": "2"}}
    record = entry_record(item)
    assert record["dynamodb"]["Keys"] == {"userId": {"S": "u"}, "entryId": {"S": "e"}}
    assert record["dynamodb"]["NewImage"] == item
