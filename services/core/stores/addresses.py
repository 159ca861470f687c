"""Addresses that accounts have or had: keyed digests in the inbox table, each with its last account.

The item of a former account's address expires after `RETENTION`.
"""

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from services.core.stores.dynamo import ConditionFailedError, Item, call, decode_item, encode_item
from services.core.tables import INBOX

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

RETENTION = timedelta(days=90)
"""Time for which the address of a former account is recognised."""
PARTITIONS = "address#"
"""Prefix of their partition keys; IAM restricts roles to it by `dynamodb:LeadingKeys`."""
_ITEM_ID = "account"
assert INBOX.ttl is not None
_TTL = INBOX.ttl


class Known(NamedTuple):
    """The last account of an address, if any, and the account that is `stored` under its current digest."""

    account: str | None
    stored: str | None


class AddressStore:
    """Reads and writes digests of addresses. Every method raises StoreUnavailableError if the table is down."""

    def __init__(self, client: "DynamoDBClient", inbox_table: str) -> None:
        self._client, self._table = client, inbox_table

    def find(self, digests: list[str], now: datetime) -> Known:
        """The last account of an address by its digests, the current one first."""
        found = [self._get(digest) for digest in digests]
        # DynamoDB deletes what has expired within days, not at once.
        valid = (item["accountId"] for item in found if item and item.get(_TTL, now.timestamp() + 1) > now.timestamp())
        return Known(next(valid, None), found[0].get("accountId"))

    def _get(self, digest: str) -> Item:
        answer = call(self._client.get_item, TableName=self._table, Key=_key(digest), ConsistentRead=True)
        return decode_item(answer.get("Item", {}))

    def put_of(self, digest: str, user_id: str, stored: str | None) -> Item:
        """The put, for a transaction or alone, that records an account as the last one in place of `stored`."""
        condition = "accountId = :stored" if stored else "attribute_not_exists(accountId)"
        values = {"ExpressionAttributeValues": encode_item({":stored": stored})} if stored else {}
        return {
            "TableName": self._table,
            "Item": {**_key(digest), **encode_item({"accountId": user_id})},
            "ConditionExpression": condition,
            **values,
        }

    def assign(self, digest: str, user_id: str, now: datetime) -> bool:
        """Records an account as the last one of the address; False if another one was faster."""
        stored = self.find([digest], now).stored
        try:
            call(self._client.put_item, **self.put_of(digest, user_id, stored))
        except ConditionFailedError:
            return False
        return True

    def expire(self, digest: str, user_id: str, now: datetime) -> None:
        """Lets the digest of an account that ends expire after RETENTION; a repeated call does not extend it."""
        try:
            call(
                self._client.update_item,
                TableName=self._table,
                Key=_key(digest),
                UpdateExpression="SET #ttl = if_not_exists(#ttl, :expires)",
                ConditionExpression="accountId = :user",
                ExpressionAttributeNames={"#ttl": _TTL},
                ExpressionAttributeValues=encode_item(
                    {":expires": int((now + RETENTION).timestamp()), ":user": user_id}
                ),
            )
        except ConditionFailedError:
            return  # a later account of the address has it, or it is gone


def _key(digest: str) -> dict[str, Any]:
    return encode_item({INBOX.partition_key: f"{PARTITIONS}{digest}", INBOX.sort_key or "": _ITEM_ID})
