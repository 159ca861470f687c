"""The base of the stores: DynamoDB's item format, conditional writes, and the one translation of AWS's errors."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from services.core.aws_json import is_transient, refusal, retried
from services.core.domain.values import Model

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

Item = dict[str, Any]
T = TypeVar("T")

_BATCHES = 5
"""Attempts to read the keys that a batch left out."""


class StoreUnavailableError(Exception):
    """The table did not answer in time, or asked to slow down; nothing is known to have changed."""


class IndexNotReadyError(StoreUnavailableError):
    """An index is not there yet, or still being built; minutes to hours, as long as the table is large."""


class ConditionFailedError(Exception):
    """A condition did not hold, so nothing was written.

    `items` has, for each item of the write in order, None if its own condition held, and otherwise the item as it
    stands now (empty when there is none).
    """

    def __init__(self, items: Sequence[Item | None]) -> None:
        super().__init__("a condition of the write did not hold")
        self.items = items


def encode(value: Any) -> dict[str, Any]:
    """A JSON value in DynamoDB's format. Raises TypeError for a type that the tables do not hold."""
    match value:
        case None:
            return {"NULL": True}
        case bool():
            return {"BOOL": value}
        case str():
            return {"S": value}
        case int():
            return {"N": str(value)}
        case list() | tuple():
            return {"L": [encode(part) for part in value]}
        case dict():
            return {"M": {key: encode(part) for key, part in value.items()}}
    raise TypeError(f"{type(value).__name__} cannot be stored")


def decode(value: Mapping[str, Any]) -> Any:
    """The inverse of `encode`."""
    ((kind, content),) = value.items()
    match kind:
        case "N":
            return int(content)
        case "L":
            return [decode(part) for part in content]
        case "M":
            return {key: decode(part) for key, part in content.items()}
        case "NULL":
            return None
    return content


def encode_item(item: Mapping[str, Any]) -> Item:
    """The attributes that have a value; an absent attribute is how the tables say None."""
    return {name: encode(value) for name, value in item.items() if value is not None}


def decode_item(item: Mapping[str, Any]) -> Item:
    """The item's attributes as JSON values."""
    return {name: decode(value) for name, value in item.items()}


def dump(model: Model) -> Item:
    """A model's attributes as they are stored, without the empty ones."""
    return model.model_dump(mode="json", by_alias=True, exclude_none=True)


def update_expression(before: Mapping[str, Any], after: Mapping[str, Any]) -> Item:
    """The part of an UpdateItem that turns `before` into `after`, leaving attributes alone that neither names."""
    names: dict[str, str] = {}
    values: Item = {}
    sets, removes = [], []
    for number, name in enumerate(sorted({*before, *after})):
        if before.get(name) == after.get(name):
            continue
        names[f"#u{number}"] = name
        if after.get(name) is None:
            removes.append(f"#u{number}")
        else:
            sets.append(f"#u{number} = :u{number}")
            values[f":u{number}"] = encode(after[name])
    clauses = [f"SET {', '.join(sets)}"] if sets else []
    clauses += [f"REMOVE {', '.join(removes)}"] if removes else []
    return {
        "UpdateExpression": " ".join(clauses),
        "ExpressionAttributeNames": names,
        "ExpressionAttributeValues": values,
    }


def call(operation: Callable[..., T], **arguments: Any) -> T:
    """Calls DynamoDB; what is transient is tried again.

    Raises ConditionFailedError, IndexNotReadyError, StoreUnavailableError; lets through what only a bug or a missing
    permission causes.
    """
    try:
        return retried(operation, **arguments)
    except Exception as error:
        failed = _failed_conditions(error)
        if failed is not None:
            raise ConditionFailedError(failed) from error
        if missing := _lacks_index(error):
            raise IndexNotReadyError(missing) from error
        if is_transient(error):
            raise StoreUnavailableError(str(error)) from error
        raise


def pages(operation: Callable[..., Any], **arguments: Any) -> Iterator[list[Item]]:
    """The items of a query or scan, page by page. Raises StoreUnavailableError."""
    while True:
        answer = call(operation, **arguments)
        yield [decode_item(item) for item in answer["Items"]]
        if "LastEvaluatedKey" not in answer:
            return
        arguments["ExclusiveStartKey"] = answer["LastEvaluatedKey"]


def _failed_conditions(error: Exception) -> list[Item | None] | None:
    """For each item of the write None or the item on which its condition failed; None for any other error."""
    response = refusal(error)
    code = response["Error"].get("Code") if response else None
    if response is None or code not in ("ConditionalCheckFailedException", "TransactionCanceledException"):
        return None
    if code == "ConditionalCheckFailedException":
        return [decode_item(response.get("Item", {}))]
    reasons = response.get("CancellationReasons", [])
    failed = [reason.get("Code") == "ConditionalCheckFailed" for reason in reasons]
    if not any(failed):
        return None
    return [decode_item(r.get("Item") or {}) if bad else None for r, bad in zip(reasons, failed, strict=True)]


_WITHOUT_INDEX = re.compile(r"does not have the specified index|backfilling global secondary index", re.IGNORECASE)


def _lacks_index(error: Exception) -> str:
    """The message of a query's refusal whose index is missing or being built, which has no code of its own; or ""."""
    found = (refusal(error) or {}).get("Error", {})
    message = str(found.get("Message", ""))
    return message if found.get("Code") == "ValidationException" and _WITHOUT_INDEX.search(message) else ""


def batch_get(
    client: "DynamoDBClient", table: str, keys: Iterable[Mapping[str, str]], *, consistent: bool
) -> list[Item]:
    """The items that exist among at most 100 keys, in no order. Raises StoreUnavailableError."""
    wanted: Any = {table: {"Keys": [encode_item(key) for key in keys], "ConsistentRead": consistent}}
    items: list[Item] = []
    for _ in range(_BATCHES):
        if not wanted or not wanted[table]["Keys"]:
            return items
        answer = call(client.batch_get_item, RequestItems=wanted)
        items += [decode_item(item) for item in answer["Responses"].get(table, [])]
        wanted = answer.get("UnprocessedKeys")
    if wanted:
        raise StoreUnavailableError("the table leaves keys of a batch unread")
    return items
