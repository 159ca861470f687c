"""The inbox table: what each member was told, and which mails are still owed."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from services.core.domain.notices import InboxItem, Mail, Unmailed
from services.core.domain.values import timestamp
from services.core.stores.dynamo import (
    ConditionFailedError,
    Item,
    call,
    decode_item,
    dump,
    encode,
    encode_item,
    pages,
    update_expression,
)
from services.core.tables import INBOX

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RETENTION = timedelta(days=90)
LEASE = timedelta(minutes=5)
"""Time for one process to send a mail; after it another one may take the mail over."""
UNREAD_COUNTED = 100
"""Unread items are counted up to this many."""
MAILS_A_DAY = 20
PUSHES_A_DAY = 50
assert INBOX.ttl is not None
_TTL = INBOX.ttl


class InboxPage(NamedTuple):
    """Newest first; `last` is the id to continue after, or None at the end."""

    items: list[InboxItem]
    last: str | None


class InboxStore:
    """Reads and writes inbox items. Every method raises StoreUnavailableError when the table does not answer."""

    def __init__(self, client: "DynamoDBClient", inbox_table: str) -> None:
        self._client, self._table = client, inbox_table

    def put(self, item: InboxItem) -> bool:
        """Stores an item; False if it is there already, which changes nothing."""
        expires = int((item.at + RETENTION).timestamp())
        try:
            call(
                self._client.put_item,
                TableName=self._table,
                Item=encode_item({**dump(item), _TTL: expires}),
                ConditionExpression="attribute_not_exists(itemId)",
            )
        except ConditionFailedError:
            return False
        return True

    def get(self, user_id: str, item_id: str) -> InboxItem | None:
        """The item as it stands, or None."""
        answer = call(
            self._client.get_item, TableName=self._table, Key=self._key(user_id, item_id), ConsistentRead=True
        )
        return InboxItem.model_validate(decode_item(answer["Item"])) if "Item" in answer else None

    def page(self, user_id: str, limit: int, after: str | None) -> InboxPage:
        """At most `limit` items of a member, newest first, older than `after`."""
        start: Item = {"ExclusiveStartKey": self._key(user_id, after)} if after else {}
        answer = call(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="userId = :user",
            ExpressionAttributeValues={":user": encode(user_id)},
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        last = answer.get("LastEvaluatedKey")
        items = [InboxItem.model_validate(decode_item(item)) for item in answer["Items"]]
        return InboxPage(items, last["itemId"]["S"] if last else None)

    def unread(self, user_id: str, read_up_to: str | None) -> int:
        """The number of items newer than the one up to which the member has read, at most UNREAD_COUNTED."""
        newer = " AND itemId > :read" if read_up_to else ""
        answer = call(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression=f"userId = :user{newer}",
            ExpressionAttributeValues=encode_item({":user": user_id, ":read": read_up_to}),
            Select="COUNT",
            ScanIndexForward=False,
            Limit=UNREAD_COUNTED,
        )
        return answer["Count"]

    def unsent(self, mail: Mail) -> Iterator[tuple[str, str]]:
        """The (user id, item id) of items whose mail has not left, oldest first; the index may lag behind."""
        index = INBOX.index("mail")
        found = pages(
            self._client.query,
            TableName=self._table,
            IndexName=index.name,
            KeyConditionExpression=f"{index.partition_key} = :mail",
            ExpressionAttributeValues={":mail": encode(mail)},
        )
        for page in found:
            for key in page:
                yield key["userId"], key["itemId"]

    def lease(self, user_id: str, item_id: str, mail: Mail, now: datetime) -> InboxItem | None:
        """The item, for this process alone to send its mail within LEASE; None if it owes none, or another process
        sends it.

        `Item.may_have_left` then tells whether an earlier process died between sending and marking.
        """
        try:
            answer = call(
                self._client.update_item,
                TableName=self._table,
                Key=self._key(user_id, item_id),
                UpdateExpression="SET leasedUntil = :until ADD attempts :one",
                ConditionExpression="mail = :mail AND (attribute_not_exists(leasedUntil) OR leasedUntil < :now)",
                ExpressionAttributeValues=encode_item(
                    {":until": timestamp(now + LEASE), ":now": timestamp(now), ":one": 1, ":mail": mail}
                ),
                ReturnValues="ALL_NEW",
            )
        except ConditionFailedError:
            return None
        return InboxItem.model_validate(decode_item(answer["Attributes"]))

    def mark_sent(self, item: InboxItem, now: datetime) -> None:
        """Records that an item's mail left."""
        self._end_mail(item, {"mailedAt": timestamp(now)})

    def mark_unmailed(self, item: InboxItem, why: Unmailed) -> None:
        """Records that an item will have no mail."""
        self._end_mail(item, {"unmailed": why})

    def mark_failed(self, item: InboxItem) -> None:
        """Records that a mail is known not to have left, and lets another process try."""
        after = {"mail": item.mail, "failures": item.failures + 1}
        self._update(
            item.user_id, item.item_id, {"mail": item.mail, "leasedUntil": ""}, after, "attribute_exists(mail)"
        )

    def postpone(self, item: InboxItem) -> None:
        """Leaves an item's mail to the next digest."""
        self._end_mail(item, {"mail": Mail.DAILY, "failures": item.failures + 1})

    def requeue(self, user_id: str, item_id: str) -> bool:
        """Owes an item's mail again, to leave with the next sweep; False if there is no such item."""
        before = dict.fromkeys(("unmailed", "mailedAt", "leasedUntil", "attempts", "failures"), "")
        return self._update(user_id, item_id, before, {"mail": Mail.DUE}, "attribute_exists(itemId)")

    def remove(self, item: InboxItem) -> None:
        """Deletes an item."""
        call(self._client.delete_item, TableName=self._table, Key=self._key(item.user_id, item.item_id))

    def forget(self, user_id: str) -> int:
        """Deletes every item of a member. Returns how many."""
        deleted = 0
        for page in pages(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="userId = :user",
            ExpressionAttributeValues={":user": encode(user_id)},
            ProjectionExpression="userId, itemId",
            # What was put a moment ago goes too.
            ConsistentRead=True,
        ):
            for key in page:
                call(self._client.delete_item, TableName=self._table, Key=self._key(user_id, key["itemId"]))
                deleted += 1
        return deleted

    def count_mail(self, user_id: str, now: datetime) -> bool:
        """Counts a mail to a member; False if they had MAILS_A_DAY of them on this day (UTC)."""
        return self._count(user_id, f"{now:%Y-%m-%d}", MAILS_A_DAY, now)

    def begin_alert(self, user_id: str, now: datetime) -> bool:
        """Counts that a moderator is told of many cases on this day (UTC); False if they were told before."""
        return self._count(user_id, f"{now:%Y-%m-%d}#moderation", 1, now)

    def spend_push(self, user_id: str, now: datetime) -> bool:
        """Counts a notice to a member's devices; False if they had PUSHES_A_DAY of them on this day (UTC)."""
        return self._count(user_id, f"{now:%Y-%m-%d}#push", PUSHES_A_DAY, now)

    def begin_digest(self, user_id: str, now: datetime) -> bool:
        """Counts a member's digest of this day (UTC); False if it was begun before."""
        return self._count(user_id, f"{now:%Y-%m-%d}#digest", 1, now)

    def _count(self, user_id: str, what: str, most: int, now: datetime) -> bool:
        try:
            call(
                self._client.update_item,
                TableName=self._table,
                # A partition of its own, which no list of items reads.
                Key=self._key(f"mails#{user_id}", what),
                UpdateExpression="SET #ttl = :expires ADD mails :one",
                ConditionExpression="attribute_not_exists(mails) OR mails < :most",
                ExpressionAttributeNames={"#ttl": _TTL},
                ExpressionAttributeValues=encode_item(
                    {":expires": int((now + timedelta(days=2)).timestamp()), ":one": 1, ":most": most}
                ),
            )
        except ConditionFailedError:
            return False
        return True

    def _end_mail(self, item: InboxItem, after: Item) -> None:
        self._update(item.user_id, item.item_id, {"mail": "", "leasedUntil": ""}, after, "attribute_exists(mail)")

    def _update(self, user_id: str, item_id: str, before: Item, after: Item, condition: str) -> bool:
        try:
            call(
                self._client.update_item,
                TableName=self._table,
                Key=self._key(user_id, item_id),
                ConditionExpression=condition,
                **update_expression(before, after),
            )
        except ConditionFailedError:
            return False
        return True

    def _key(self, user_id: str, item_id: str) -> dict[str, Any]:
        return {"userId": encode(user_id), "itemId": encode(item_id)}
