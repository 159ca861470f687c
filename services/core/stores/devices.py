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

    def __init__(self, client: "DynamoDBClient", inbox_table: str) -> None:
        self._client, self._table = client, inbox_table

    def of(self, user_id: str) -> list[Device]:
        """A member's devices, the oldest first."""
        return self._read(user_id)[0]

    def change(self, user_id: str, changed: Changed) -> list[Device]:
        """Replaces a member's devices by what `changed` makes of them; it is called again where another write came
        between. Returns them.
        """
        for _ in range(_ATTEMPTS):
            devices, version = self._read(user_id)
            after = changed(devices)
            if after == devices:
                return devices
            row = {"devices": [dump(device) for device in after], "version": version + 1}
            condition = "version = :version" if version else "attribute_not_exists(version)"
            values = {"ExpressionAttributeValues": {":version": encode(version)}} if version else {}
            try:
                call(
                    self._client.put_item,
                    TableName=self._table,
                    Item={**self._key(user_id), **encode_item(row)},
                    ConditionExpression=condition,
                    **values,
                )
            except ConditionFailedError:
                continue
            return after
        raise StoreUnavailableError("the devices of a member keep changing")

    def forget(self, user_id: str) -> None:
        """Deletes the devices of a member."""
        call(self._client.delete_item, TableName=self._table, Key=self._key(user_id))

    def _read(self, user_id: str) -> tuple[list[Device], int]:
        answer = call(self._client.get_item, TableName=self._table, Key=self._key(user_id), ConsistentRead=True)
        row = decode_item(answer.get("Item", {}))
        return [Device.model_validate(device) for device in row.get("devices", [])], row.get("version", 0)

    def _key(self, user_id: str) -> dict[str, Any]:
        return {"userId": encode(f"{PARTITION}{user_id}"), "itemId": encode("devices")}
