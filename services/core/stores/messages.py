"""The messages table: one transaction for each message, and the threads of quests and authors.

Beside the messages it holds, under `key#...`, the Idempotency-Keys that they were written with.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

from services.core.domain.messages import Message, Removal
from services.core.domain.quests import Quest
from services.core.stores.dynamo import (
    ConditionFailedError,
    Item,
    StoreUnavailableError,
    batch_get,
    call,
    decode_item,
    dump,
    encode,
    encode_item,
    pages,
)
from services.core.stores.quests import QuestConflictError, QuestStore
from services.core.stores.users import NoSuchUserError, Quota, spend_quota
from services.core.tables import MESSAGES

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEYS = "key#"
_AFTER_MESSAGES = ":"
"""A sort key after those of all messages, which begin with a digit, and before the keys'."""
_AUTHOR = MESSAGES.index("author")


class MessageExistsError(Exception):
    """The Idempotency-Key was used before, for this message."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.message_id)
        self.message = message


class MessagePage(NamedTuple):
    """Newest first; `last` is the id to continue after, or None at the end."""

    messages: list[Message]
    last: str | None


class AuthorPage(NamedTuple):
    """`last` is the key to continue after, or None at the end."""

    messages: list[Message]
    last: Item | None


class MessageStore:
    """Reads and writes messages. Every method raises StoreUnavailableError when the tables do not answer."""

    def __init__(self, client: "DynamoDBClient", messages_table: str, users_table: str, quests: QuestStore) -> None:
        self._client, self._table, self._users, self._quests = client, messages_table, users_table, quests

    def write(self, message: Message, key: str, before: Quest, after: Quest, quota: Quota) -> None:
        """Stores a message and the quest as changed by it, if nobody changed the quest meanwhile.

        `key` makes a repeated call find the message. Raises MessageExistsError, QuestConflictError, RateLimitedError,
        NoSuchUserError.
        """
        quest, *side_items = [{"ConditionCheck": self._quests.unchanged(before)}]
        if after is not before:
            quest, *side_items = self._quests.step(before, after)
        used = {"questId": message.quest_id, "messageId": _KEYS + key, "message": message.message_id}
        writes = [quest, self._put(used), *side_items, self._put(dump(message))]
        # One condition holds for a quota that was not used lately, the other for one that was: `used_lately`.
        for used_lately in (False, True):
            spend = spend_quota(
                self._users, message.author_id, quota.spend(message.created_at, used_lately=used_lately)
            )
            try:
                call(self._client.transact_write_items, TransactItems=[*writes, spend])
            except ConditionFailedError as failure:
                self._raise_domain_error(failure, message, quota)
            else:
                return
        raise StoreUnavailableError("the member's quota kept changing")

    def _put(self, item: Item) -> Item:
        return {
            "Put": {
                "TableName": self._table,
                "Item": encode_item(item),
                "ConditionExpression": "attribute_not_exists(messageId)",
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _raise_domain_error(self, failure: ConditionFailedError, message: Message, quota: Quota) -> None:
        """Map a failed condition to an error; return if the other quota expression should be tried."""
        quest, used, *_, row = failure.items
        if used:
            written = self.get(message.quest_id, str(used["message"]))
            if written is None:
                raise StoreUnavailableError("a message is not there though its key is")
            raise MessageExistsError(written)
        if quest:
            raise QuestConflictError(Quest.model_validate(quest))
        if row is None:
            raise failure
        if not row or row.get("deleted"):
            raise NoSuchUserError(message.author_id)
        quota.check(row, message.created_at)

    def get(self, quest_id: str, message_id: str) -> Message | None:
        """The message as stored, or None."""
        answer = call(
            self._client.get_item, TableName=self._table, Key=self._key(quest_id, message_id), ConsistentRead=True
        )
        return Message.model_validate(decode_item(answer["Item"])) if "Item" in answer else None

    def page(
        self, quest_id: str, limit: int, before: str | None, shows: Callable[[Message], bool] = lambda _: True
    ) -> MessagePage:
        """At most `limit` messages of a quest that `shows` admits, newest first, older than `before`."""
        shown: list[Message] = []
        for page in pages(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="questId = :quest AND messageId < :before",
            ExpressionAttributeValues=encode_item({":quest": quest_id, ":before": before or _AFTER_MESSAGES}),
            ScanIndexForward=False,
            ConsistentRead=True,
            Limit=2 * limit,
        ):
            shown += filter(shows, map(Message.model_validate, page))
            if len(shown) > limit:
                return MessagePage(shown[:limit], shown[limit - 1].message_id)
        return MessagePage(shown, None)

    def around(self, message: Message, count: int) -> list[Message]:
        """A message with at most `count` of those before it and after it that have the same readers, oldest first."""

        def same(other: Message) -> bool:
            return (other.audience, other.performer_id) == (message.audience, message.performer_id)

        before = self.page(message.quest_id, count, message.message_id, same).messages
        after: list[Message] = []
        for page in pages(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="questId = :quest AND messageId BETWEEN :from AND :to",
            ExpressionAttributeValues=encode_item(
                {":quest": message.quest_id, ":from": message.message_id, ":to": _AFTER_MESSAGES}
            ),
            ConsistentRead=True,
            Limit=2 * count,
        ):
            after += filter(same, map(Message.model_validate, page))
            if len(after) > count:
                break
        return [*reversed(before), *after[: count + 1]]

    def page_of_author(self, user_id: str, limit: int, after: Item | None) -> AuthorPage:
        """At most `limit` messages (100) that a member wrote, oldest first; the index may lag behind."""
        start: Any = {"ExclusiveStartKey": encode_item(after)} if after else {}
        answer = call(
            self._client.query,
            TableName=self._table,
            IndexName=_AUTHOR.name,
            KeyConditionExpression="authorId = :author",
            ExpressionAttributeValues={":author": encode(user_id)},
            Limit=limit,
            **start,
        )
        keys = [
            {name: str(item[name]) for name in ("questId", "messageId")} for item in map(decode_item, answer["Items"])
        ]
        items = batch_get(self._client, self._table, keys, consistent=True)
        messages = sorted(map(Message.model_validate, items), key=lambda message: message.message_id)
        last = answer.get("LastEvaluatedKey")
        return AuthorPage(messages, decode_item(last) if last else None)

    def _keys_of(self, user_id: str) -> Iterator[list[Item]]:
        return pages(
            self._client.query,
            TableName=self._table,
            IndexName=_AUTHOR.name,
            KeyConditionExpression="authorId = :author",
            ExpressionAttributeValues={":author": encode(user_id)},
        )

    def erase(self, user_id: str) -> int:
        """Takes the text of every message that a member wrote. Returns the number of messages."""
        erased = 0
        for keys in self._keys_of(user_id):
            for key in keys:
                self.remove(key["questId"], key["messageId"], Removal.LEFT)
                erased += 1
        return erased

    def remove(self, quest_id: str, message_id: str, why: Removal) -> bool:
        """Takes the text of a message; False if there is no such message."""
        try:
            call(
                self._client.update_item,
                TableName=self._table,
                Key=self._key(quest_id, message_id),
                UpdateExpression="SET #removed = :why REMOVE #text, requestDigest",
                ConditionExpression="attribute_exists(messageId)",
                ExpressionAttributeNames={"#removed": "removed", "#text": "text"},
                ExpressionAttributeValues={":why": encode(why)},
            )
        except ConditionFailedError:
            return False
        return True

    def mark_reported(self, quest_id: str, message_id: str) -> None:
        """Lets moderators read a message."""
        call(
            self._client.update_item,
            TableName=self._table,
            Key=self._key(quest_id, message_id),
            UpdateExpression="SET reported = :yes",
            ConditionExpression="attribute_exists(messageId)",
            ExpressionAttributeValues={":yes": encode(True)},
        )

    def _key(self, quest_id: str, message_id: str) -> dict[str, Any]:
        return encode_item({"questId": quest_id, "messageId": message_id})
