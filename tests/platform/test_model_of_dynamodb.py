"""The simulation's model of DynamoDB answers as the emulator does: the requests of random histories, on both."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from services.core.names import resource_name
from services.core.tables import TABLES, Table
from tests.platform.conftest import Platform
from tests.simulation import people
from tests.simulation.dynamodb import Database, RefusedError
from tests.simulation.world import STAGE, World, simulated

SEEDS = (3, 5)
Request = tuple[str, dict[str, Any]]


def requests_of(seed: int) -> list[Request]:
    """Every request to DynamoDB of a history, with the lists and the months after it."""
    tape: list[Request] = []

    def record(world: World) -> None:
        world.tape = tape

    with simulated():
        world = people.history(seed, record)
        people.recover_and_drain(world)
        people.sweep(world)
        people.quiet(world)
        people.lists(world)
    return tape


def create(client: Any, table: Table) -> None:
    """Makes a table from its declaration."""

    def keys(partition: str, sort: str | None) -> list[dict[str, str]]:
        schema = [{"AttributeName": partition, "KeyType": "HASH"}]
        return schema + ([{"AttributeName": sort, "KeyType": "RANGE"}] if sort else [])

    client.create_table(
        TableName=resource_name(STAGE, table.base_name),
        KeySchema=keys(table.partition_key, table.sort_key),
        AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in table.key_attributes],
        BillingMode="PAY_PER_REQUEST",
        **{
            "GlobalSecondaryIndexes": [
                {
                    "IndexName": index.name,
                    "KeySchema": keys(index.partition_key, index.sort_key),
                    "Projection": {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(index.projected)}
                    if index.projected
                    else {"ProjectionType": "KEYS_ONLY"},
                }
                for index in table.indexes
            ]
        }
        if table.indexes
        else {},
    )


def comparable(operation: str, document: Mapping[str, Any]) -> Any:
    """The parts of an answer that the stores read; the order of a scan and of a batch is nobody's promise."""
    if operation == "Scan":  # its pages may end elsewhere
        return sorted(json.dumps(item, sort_keys=True) for item in document["Items"])
    if operation == "BatchGetItem":
        found = {name: items for name, items in document["Responses"].items() if items}
        return {name: sorted(json.dumps(i, sort_keys=True) for i in items) for name, items in found.items()}
    wanted = ("Items", "Item", "LastEvaluatedKey", "Attributes")
    return {name: document[name] for name in wanted if document.get(name)}


def refused(code: str, fields: Mapping[str, Any]) -> Any:
    """The parts of a refusal that the stores read."""
    reasons = [{k: r[k] for k in ("Code", "Item") if r.get(k)} for r in fields.get("CancellationReasons", [])]
    return code, fields.get("Item") or None, reasons


def by_model(model: Database, operation: str, body: dict[str, Any]) -> Any:
    """The model's answer."""
    try:
        return comparable(operation, model.call(operation, body))
    except RefusedError as refusal:
        return refused(refusal.code, refusal.fields)


def by_emulator(client: Any, operation: str, body: dict[str, Any]) -> Any:
    """The emulator's answer."""
    try:
        return comparable(operation, getattr(client, xform_name(operation))(**body))
    except ClientError as error:
        return refused(error.response["Error"]["Code"], error.response)


@pytest.fixture
def client(platform: Platform) -> Iterator[Any]:
    """The emulator's DynamoDB with the platform's tables, which are empty."""
    client = platform.client("dynamodb")
    for table in TABLES:
        create(client, table)
    yield client
    for table in TABLES:
        client.delete_table(TableName=resource_name(STAGE, table.base_name))


@pytest.mark.parametrize("seed", SEEDS)
def test_the_model_answers_as_the_emulator_does(client: Any, seed: int) -> None:
    model = Database(TABLES, lambda: 0.0, lambda: None)
    used: Counter[str] = Counter()
    for number, (operation, body) in enumerate(requests_of(seed)):
        used[operation] += 1
        expected = by_emulator(client, operation, body)
        assert by_model(model, operation, body) == expected, (number, operation, body)
    assert used.keys() >= {"TransactWriteItems", "Query", "BatchGetItem", "UpdateItem", "GetItem", "Scan"}
    assert used.total() > 100
