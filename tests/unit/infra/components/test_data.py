from services.core.tables import LEDGER, TABLES
from tests.unit.infra.plan import Plan


def test_the_tables_are_those_that_the_stores_use(stage_plan: Plan) -> None:
    assert {table.inputs["name"] for table in stage_plan.of("Table")} == {
        f"civicforge-{stage_plan.stage}-{declared.thing}" for declared in TABLES
    }
    for declared in TABLES:
        inputs = stage_plan.one("Table", declared.thing).inputs
        assert (inputs["hashKey"], inputs.get("rangeKey")) == (declared.partition_key, declared.sort_key)
        assert {attribute["name"] for attribute in inputs["attributes"]} == set(declared.key_attributes)
        assert {attribute["type"] for attribute in inputs["attributes"]} == {"S"}
        made = {index["name"]: index for index in inputs["globalSecondaryIndexes"]}
        assert made.keys() == {index.name for index in declared.indexes}
        for index in declared.indexes:
            keys = {key["keyType"]: key["attributeName"] for key in made[index.name]["keySchemas"]}
            assert keys == {"HASH": index.partition_key, "RANGE": index.sort_key}
            assert tuple(made[index.name].get("nonKeyAttributes", ())) == index.projected
            assert made[index.name]["projectionType"] == ("INCLUDE" if index.projected else "KEYS_ONLY")


def test_durable_encrypted_and_capped(stage_plan: Plan) -> None:
    for table in stage_plan.of("Table"):
        assert table.inputs["pointInTimeRecovery"] == {"enabled": True, "recoveryPeriodInDays": 35}, table.label
        assert table.inputs["serverSideEncryption"]["enabled"] is True, table.label
        assert table.inputs["billingMode"] == "PAY_PER_REQUEST", table.label
        ceilings = [table.inputs, *table.inputs["globalSecondaryIndexes"]]
        assert all(item["onDemandThroughput"]["maxWriteRequestUnits"] > 0 for item in ceilings), table.label


def test_only_the_ledger_streams(stage_plan: Plan) -> None:
    streams = {table.name: table.inputs.get("streamViewType") for table in stage_plan.of("Table")}
    assert {name for name, view in streams.items() if view} == {LEDGER.thing}
    assert streams[LEDGER.thing] == "NEW_IMAGE"
