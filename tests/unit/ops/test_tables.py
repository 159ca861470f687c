"""The tables on which the commands are tested are those that are declared."""

from services.core.tables import TABLES
from tests.unit.ops.conftest import UnitStage


def test_the_tables_have_the_keys_and_projections_that_are_declared(stage: UnitStage) -> None:
    """An index with another projection than the deployed one answers with what the deployed one lacks."""
    for table in TABLES:
        made = stage.dynamodb.describe_table(TableName=stage.table(table))["Table"]
        assert made["KeySchema"] == table.create_request(table.base_name)["KeySchema"], table.base_name
        found = {index["IndexName"]: index["Projection"] for index in made.get("GlobalSecondaryIndexes", [])}
        assert found == {index.name: index.create_request["Projection"] for index in table.indexes}, table.base_name
