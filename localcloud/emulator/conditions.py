"""The DynamoDB condition keys of a request: `dynamodb:LeadingKeys` and `dynamodb:Attributes`.

MiniStack knows the second for reads only. A policy that lets one Lambda alone touch certain attributes, or a caller
only its own rows, is enforced locally because of this module.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

_KEYWORDS: Final = frozenset({"and", "or", "not", "between", "in", "set", "remove", "add", "delete"})
_NAME: Final = re.compile(r"(?<![\w.:#])(#?[A-Za-z_][\w-]*)(?!\s*\(|[\w-])")
_EXPRESSIONS: Final = ("UpdateExpression", "ConditionExpression", "FilterExpression", "ProjectionExpression")
_TRANSACTION_MEMBERS: Final = ("ConditionCheck", "Put", "Update", "Delete", "Get")

HashKey = Callable[[str], str | None]
"""Name of a table's partition key, by the table's name (or ARN)."""


def condition_keys(request: Mapping[str, Any], hash_key: HashKey) -> dict[str, list[str]]:
    """The keys of one operation's request (or one item of a transaction); a key without values is left out."""
    leading: set[str] = set()
    attributes: set[str] = set()
    for table, entry in _entries(request):
        partition = hash_key(table)
        item = entry.get("Item") or entry.get("Key") or {}
        if partition in item:
            leading.add(_text(item[partition]))
        attributes |= _attributes(entry, item)
        if partition and "KeyConditionExpression" in entry:
            leading |= _queried(entry, partition)
    found = {"dynamodb:LeadingKeys": sorted(leading), "dynamodb:Attributes": sorted(attributes)}
    return {name: values for name, values in found.items() if values}


def transaction_items(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The items of a transaction in the order in which MiniStack authorizes them."""
    return [
        item[member]
        for item in request.get("TransactItems") or []
        for member in _TRANSACTION_MEMBERS
        if isinstance(item.get(member), dict) and item[member].get("TableName")
    ]


def _entries(request: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if "TableName" in request:
        yield str(request["TableName"]), request
    for table, batch in (request.get("RequestItems") or {}).items():
        if isinstance(batch, list):
            for write in batch:
                yield table, next(iter(write.values()))
        else:
            for key in batch.get("Keys", []):
                yield table, {**batch, "Key": key}


def _attributes(entry: Mapping[str, Any], item: Mapping[str, Any]) -> set[str]:
    """Top-level attributes that the request names. A read that names none asks for all, and has no such key."""
    aliases = entry.get("ExpressionAttributeNames") or {}
    named = {
        aliases.get(token, token)
        for expression in _EXPRESSIONS
        for token in _NAME.findall(str(entry.get(expression, "")))
        if token.lower() not in _KEYWORDS
    } | set(entry.get("AttributesToGet") or [])
    writes = "Item" in entry or "UpdateExpression" in entry
    return named | set(item) if named or writes else set()


def _queried(entry: Mapping[str, Any], partition: str) -> set[str]:
    aliases = entry.get("ExpressionAttributeNames") or {}
    values = entry.get("ExpressionAttributeValues") or {}
    found = re.findall(r"(#?[\w-]+)\s*=\s*(:[\w-]+)", str(entry["KeyConditionExpression"]))
    return {_text(values[value]) for name, value in found if aliases.get(name, name) == partition and value in values}


def _text(value: Mapping[str, Any]) -> str:
    return str(next(iter(value.values())))
