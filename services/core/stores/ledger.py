"""The ledger table: booking, paying and reading entries."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from services.core.domain.ledger import UNPAID, Entry, Kind, State
from services.core.domain.values import timestamp
from services.core.stores.dynamo import ConditionFailedError, Item, call, decode_item, dump, encode, encode_item, pages
from services.core.stores.users import NoSuchUserError
from services.core.tables import LEDGER

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_UNPAID: Mapping[str, State] = {":pending": State.PENDING, ":held": State.HELD}


class EntryPage(NamedTuple):
    """Newest first; `last` is the id to continue after, or None at the end."""

    entries: list[Entry]
    last: str | None


class LedgerStore:
    """Reads and pays entries. Every method raises StoreUnavailableError when the tables do not answer."""

    def __init__(self, client: "DynamoDBClient", ledger_table: str, users_table: str) -> None:
        self._client, self._table, self._users = client, ledger_table, users_table

    def get(self, user_id: str, entry_id: str) -> Entry | None:
        """The entry as it stands, or None. Raises pydantic's ValidationError for one that is invalid."""
        answer = call(
            self._client.get_item, TableName=self._table, Key=self._key(user_id, entry_id), ConsistentRead=True
        )
        return Entry.model_validate(decode_item(answer["Item"])) if "Item" in answer else None

    def page(self, user_id: str, limit: int, after: str | None) -> EntryPage:
        """At most `limit` entries of a member, newest first, older than `after`."""
        start: Item = {"ExclusiveStartKey": self._key(user_id, after)} if after else {}
        answer = call(
            self._client.query,
            TableName=self._table,
            KeyConditionExpression="userId = :user",
            ExpressionAttributeValues={":user": encode(user_id)},
            ScanIndexForward=False,
            Limit=limit,
            ConsistentRead=True,
            **start,
        )
        last = answer.get("LastEvaluatedKey")
        return EntryPage(
            [Entry.model_validate(decode_item(item)) for item in answer["Items"]],
            last["entryId"]["S"] if last else None,
        )

    def all_of(self, user_id: str) -> Iterator[Entry]:
        """Every entry of a member, newest first."""
        after: str | None = None
        while True:
            entries, after = self.page(user_id, 200, after)
            yield from entries
            if after is None:
                return

    def unpaid(self, state: State) -> Iterator[tuple[str, str]]:
        """The (user id, entry id) of what is PENDING or HELD, oldest first, page by page; the index may lag behind."""
        found = pages(
            self._client.query,
            TableName=self._table,
            IndexName=LEDGER.index("due").name,
            KeyConditionExpression="due = :state",
            ExpressionAttributeValues={":state": encode(state)},
        )
        for page in found:
            for key in page:
                yield key["userId"], key["entryId"]

    def pay(self, entry: Entry, now: datetime) -> bool:
        """Posts an unpaid entry and raises its member's totals, in one transaction; False if it was posted before.

        Raises NoSuchUserError when there is nobody to pay.
        """
        try:
            call(
                self._client.transact_write_items,
                TransactItems=[
                    self._change(entry.user_id, entry.entry_id, State.POSTED, {"postedAt": timestamp(now)}),
                    {
                        "Update": {
                            "TableName": self._users,
                            "Key": {"userId": encode(entry.user_id)},
                            "UpdateExpression": "ADD points :points, xp :xp, reputation :reputation, completed :one, "
                            "confirmedBy :confirmer "
                            "SET updatedAt = :now",
                            "ConditionExpression": "attribute_exists(userId)",
                            "ExpressionAttributeValues": encode_item(
                                {
                                    ":points": entry.points,
                                    ":xp": entry.xp,
                                    ":reputation": entry.reputation,
                                    ":one": int(entry.kind is Kind.REWARD),
                                    ":confirmer": int(entry.new_confirmer),
                                    ":now": timestamp(now),
                                }
                            ),
                            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                        }
                    },
                ],
            )
        except ConditionFailedError as failure:
            if failure.items[0] is not None:
                return False
            raise NoSuchUserError(entry.user_id) from None
        return True

    def mark_held(self, entry: Entry) -> bool:
        """Makes an unpaid entry HELD until the rewards flag includes its member; False if it was paid meanwhile."""
        return self._move(entry.user_id, entry.entry_id, State.HELD)

    def fail(self, user_id: str, entry_id: str) -> bool:
        """Makes an entry FAILED, also one whose state is invalid; False if it is not due any more."""
        return self._move(user_id, entry_id, State.FAILED, {})

    def retry(self, user_id: str, entry_id: str) -> bool:
        """Makes a FAILED entry PENDING again, so that the next sweep pays it; False if it is not FAILED."""
        return self._move(user_id, entry_id, State.PENDING, {":failed": State.FAILED})

    def _move(self, user_id: str, entry_id: str, state: State, from_states: Mapping[str, State] = _UNPAID) -> bool:
        try:
            call(self._client.update_item, **self._change(user_id, entry_id, state, {}, from_states)["Update"])
        except ConditionFailedError:
            return False
        return True

    def _change(
        self,
        user_id: str,
        entry_id: str,
        state: State,
        changes: Mapping[str, str],
        from_states: Mapping[str, State] = _UNPAID,
    ) -> dict[str, Any]:
        sets = {"state": state, **({"due": state} if state in UNPAID else {}), **changes}
        removes = "" if state in UNPAID else " REMOVE #due"
        names = {f"#{name}": name for name in (*sets, "due", "attempts")}
        expression = ", ".join(f"#{name} = :{name}" for name in sets)
        return {
            "Update": {
                "TableName": self._table,
                "Key": self._key(user_id, entry_id),
                "UpdateExpression": f"SET {expression}{removes} ADD #attempts :one",
                "ConditionExpression": f"#state IN ({', '.join(from_states)})"
                if from_states
                else "attribute_exists(#due)",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": encode_item(
                    {**{f":{name}": value for name, value in sets.items()}, **from_states, ":one": 1}
                ),
                "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            }
        }

    def _key(self, user_id: str, entry_id: str) -> dict[str, Any]:
        return {"userId": encode(user_id), "entryId": encode(entry_id)}


def put_entry(table: str, entry: Entry) -> Item:
    """The part of a transaction that books an entry; an entry of the same id is never replaced."""
    item = {**dump(entry), **({"due": entry.state} if entry.state in UNPAID else {})}
    return {
        "Put": {
            "TableName": table,
            "Item": encode_item(item),
            "ConditionExpression": "attribute_not_exists(entryId)",
        }
    }
