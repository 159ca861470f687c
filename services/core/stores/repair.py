"""Writes that put back what is damaged: operators make them, and no Lambda."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from pydantic.alias_generators import to_camel

from services.core.domain.ledger import Totals, totals_of
from services.core.domain.users import User
from services.core.domain.values import timestamp
from services.core.stores.dynamo import Item, call, encode, encode_item
from services.core.tables import USERS, Table

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

TOTALS = tuple(map(to_camel, Totals._fields))
"""The attributes of a member's row that repeat their ledger."""


class RepairStore:
    """Repairs of a stage's tables, whose names are given by declaration.

    Every method raises ConditionFailedError if what is stored is not (any more) what the repair was planned for, and
    StoreUnavailableError when the tables do not answer.
    """

    def __init__(self, client: "DynamoDBClient", names: Mapping[Table, str]) -> None:
        self._client, self._names = client, names

    def write(self, writes: list[Item]) -> None:
        """Make the writes in one transaction."""
        call(self._client.transact_write_items, TransactItems=writes)

    def replaced(self, table: Table, before: Item | None, after: Item) -> Item:
        """The write of a whole item that succeeds only while it is as it was read; None if there was none."""
        names, values, conditions = {}, {}, [f"attribute_exists({table.partition_key})"]
        for number, (name, value) in enumerate(sorted((before or {}).items())):
            names[f"#n{number}"] = name
            values[f":n{number}"] = encode(value)
            conditions.append(f"#n{number} = :n{number}")
        unchanged: Item = {
            "ConditionExpression": " AND ".join(conditions),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": values,
        }
        absent: Item = {"ConditionExpression": f"attribute_not_exists({table.partition_key})"}
        return {
            "Put": {"TableName": self._names[table], "Item": encode_item(after), **(unchanged if before else absent)}
        }

    def totals(self, user: User, totals: Totals, now: datetime) -> Item:
        """The write of a member's totals that succeeds only while the totals are as they were read."""
        new, old = (dict(zip(TOTALS, those, strict=True)) for those in (totals, totals_of(user)))
        return {
            "Update": {
                "TableName": self._names[USERS],
                "Key": {"userId": encode(user.user_id)},
                "UpdateExpression": f"SET {', '.join(f'{name} = :{name}' for name in TOTALS)}, updatedAt = :now",
                # A total that was never written counts as 0.
                "ConditionExpression": " AND ".join(
                    f"({name} = :old_{name}{'' if old[name] else f' OR attribute_not_exists({name})'})"
                    for name in TOTALS
                ),
                "ExpressionAttributeValues": encode_item(
                    {
                        **{f":{name}": value for name, value in new.items()},
                        **{f":old_{name}": value for name, value in old.items()},
                        ":now": timestamp(now),
                    }
                ),
            }
        }

    def restore(self, table: Table, key: Item, item: Item | None) -> None:
        """Make an item what it was, whatever it is now; None deletes it. For a stage that nobody can write to."""
        name = self._names[table]
        if item is None:
            call(self._client.delete_item, TableName=name, Key=encode_item(key))
        else:
            call(self._client.put_item, TableName=name, Item=encode_item(item))
