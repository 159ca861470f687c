"""The members' devices: one item each in the inbox table, in a partition that no list of notices reads."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from services.core.domain.devices import Device
from services.core.stores.dynamo import (
    ConditionFailedError,
    StoreUnavailableError,
    call,
    decode_item,
    dump,
    encode,
    encode_item,
)
from services.core.stores.users import NoSuchUserError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PARTITION: Final = "push#"
"""Begins the partition keys of devices; the api may write no other rows of the table."""
_ATTEMPTS = 5

Changed = Callable[[list[Device]], list[Device]]


class DeviceStore:
    """Reads and writes the devices of members. Every method raises StoreUnavailableError when the table does not
    answer.
    """

    def __init__(self, client: "DynamoDBClient", inbox_table: str, users_table: str) -> None:
        self._client, self._table, self._users = client, inbox_table, users_table

    def of(self, user_id: str) -> list[Device]:
        """A member's devices, the oldest first."""
        return self._read(user_id)[0]

    def change(self, user_id: str, changed: Changed) -> list[Device]:
        """Replaces a member's devices by what `changed` makes of them; it is called again where another write came
        between. Returns them. Raises NoSuchUserError where a former member would get devices.
        """
        for _ in range(_ATTEMPTS):
            devices, version = self._read(user_id)
            after = changed(devices)
            if after == devices:
                return devices
            try:
                self._write(user_id, after, version)
            except ConditionFailedError:
                continue
            return after
        raise StoreUnavailableError("the devices of a member keep changing")

    def _write(self, user_id: str, devices: list[Device], version: int) -> None:
        """Stores the row in place of the one of `version`, 0 for none. Raises ConditionFailedError, NoSuchUserError."""
        row = {"devices": [dump(device) for device in devices], "version": version + 1}
        put = {"TableName": self._table, "Item": {**self._key(user_id), **encode_item(row)}}
        if version:
            values = encode_item({":version": version})
            call(
                self._client.put_item,
                **put,
                ConditionExpression="version = :version",
                ExpressionAttributeValues=values,
            )
            return
        # Nothing deletes a row that is made after `forget`: a token outlives its account by up to an hour.
        put["ConditionExpression"] = "attribute_not_exists(version)"
        member = {
            "TableName": self._users,
            "Key": {"userId": encode(user_id)},
            "ConditionExpression": "attribute_exists(userId) AND attribute_not_exists(deleted)",
        }
        try:
            call(self._client.transact_write_items, TransactItems=[{"Put": put}, {"ConditionCheck": member}])
        except ConditionFailedError as failure:
            if failure.items[1] is not None:
                raise NoSuchUserError(user_id) from failure
            raise

    def forget(self, user_id: str) -> None:
        """Deletes the devices of a member."""
        call(self._client.delete_item, TableName=self._table, Key=self._key(user_id))

    def _read(self, user_id: str) -> tuple[list[Device], int]:
        answer = call(self._client.get_item, TableName=self._table, Key=self._key(user_id), ConsistentRead=True)
        row = decode_item(answer.get("Item", {}))
        return [Device.model_validate(device) for device in row.get("devices", [])], row.get("version", 0)

    def _key(self, user_id: str) -> dict[str, Any]:
        return {"userId": encode(f"{PARTITION}{user_id}"), "itemId": encode("devices")}
