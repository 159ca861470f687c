"""Ten drawn damages, repaired in drawn choices and orders by the CLI's own function, on tables of the local cloud.

`tests/simulation/test_repair.py` draws thousands on simulated tables.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.core.names import resource_name
from services.core.tables import LEDGER, QUESTS, USERS
from tests.platform.conftest import Platform
from tests.simulation.damages import NAME, Town, undo_drawn_damages

EXAMPLES = 10
TABLES = (QUESTS, LEDGER, USERS)


@pytest.fixture(scope="module")
def dynamodb(platform: Platform) -> Iterator[Any]:
    """The emulator's DynamoDB, with the three tables of a stage of their own."""
    client = platform.client("dynamodb")
    for table in TABLES:
        client.create_table(**table.create_request(resource_name(NAME, table.base_name)))
    yield client
    for table in TABLES:
        client.delete_table(TableName=resource_name(NAME, table.base_name))


def empty(dynamodb: Any) -> None:
    """Delete every item."""
    for table in TABLES:
        name = resource_name(NAME, table.base_name)
        keys = [key for key in (table.partition_key, table.sort_key) if key]
        for item in dynamodb.scan(TableName=name)["Items"]:
            dynamodb.delete_item(TableName=name, Key={key: item[key] for key in keys})


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
@given(data=st.data())
def test_any_damage_is_undone_alike_on_the_local_cloud(dynamodb: Any, data: st.DataObject) -> None:
    empty(dynamodb)
    undo_drawn_damages(Town(dynamodb), data)
