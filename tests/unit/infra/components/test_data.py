import pulumi
import pytest

from services.core.tables import INBOX, LEDGER, QUESTS, TABLES
from tests.unit.infra.plan import Plan, run_program


def test_the_tables_are_those_that_the_stores_use(stage_plan: Plan) -> None:
    assert {table.inputs["name"] for table in stage_plan.of("Table")} == {
        f"civicforge-{stage_plan.stage}-{declared.base_name}" for declared in TABLES
    }
    for declared in TABLES:
        inputs = stage_plan.one("Table", declared.base_name).inputs
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


def test_streams_show_what_their_readers_compare(stage_plan: Plan) -> None:
    """The ledger's entries as they are; quests before and after a step, which says what happened."""
    streams = {table.name: table.inputs.get("streamViewType") for table in stage_plan.of("Table")}
    assert {name: view for name, view in streams.items() if view} == {
        declared.base_name: declared.stream for declared in TABLES if declared.stream
    }
    assert (streams[LEDGER.base_name], streams[QUESTS.base_name]) == ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")


def test_the_inbox_empties_itself(stage_plan: Plan) -> None:
    kept = {table.name: table.inputs.get("ttl") for table in stage_plan.of("Table")}
    assert kept[INBOX.base_name] == {"attributeName": "expiresAt", "enabled": True}
    assert {name for name, ttl in kept.items() if ttl} == {declared.base_name for declared in TABLES if declared.ttl}


def test_provisioned_capacity_is_scaled_between_its_bounds() -> None:
    bounds = {"minReadUnits": "2", "maxReadUnits": "40", "minWriteUnits": "3", "maxWriteUnits": "50"}
    plan = run_program("staging", {f"civicforge:{key}": value for key, value in bounds.items()} | PROVISIONED)
    places = set()
    for table in plan.of("Table"):
        assert table.inputs["billingMode"] == "PROVISIONED"
        assert "globalSecondaryIndexes[*].writeCapacity" in table.registration.ignore_changes
        for item in (table.inputs, *table.inputs["globalSecondaryIndexes"]):
            assert (item["readCapacity"], item["writeCapacity"]) == (2, 3)
            assert "onDemandThroughput" not in item
        name = f"table/{table.inputs['name']}"
        places |= {name, *(f"{name}/index/{index['name']}" for index in table.inputs["globalSecondaryIndexes"])}
    wanted = {
        (place, f"dynamodb:{'index' if '/index/' in place else 'table'}:{direction}CapacityUnits", *least_and_most)
        for place in places
        for direction, least_and_most in {"Read": (2, 40), "Write": (3, 50)}.items()
    }
    targets = [r.inputs for r in plan.of("Target") if r.type.startswith("aws:appautoscaling")]
    found = {(t["resourceId"], t["scalableDimension"], t["minCapacity"], t["maxCapacity"]) for t in targets}
    assert found == wanted
    policies = [r.inputs for r in plan.of("Policy") if r.type.startswith("aws:appautoscaling")]
    assert {(p["resourceId"], p["scalableDimension"]) for p in policies} == {place[:2] for place in wanted}
    for policy in policies:
        tracking = policy["targetTrackingScalingPolicyConfiguration"]
        metric = tracking["predefinedMetricSpecification"]["predefinedMetricType"]
        assert metric == f"DynamoDB{policy['scalableDimension'].split(':')[-1].replace('Units', '')}Utilization"
        assert tracking["targetValue"] == 70


PROVISIONED = {"civicforge:capacity": "provisioned"}


@pytest.mark.parametrize(
    ("stage", "change", "message"),
    [
        ("dev", {"civicforge:minReadUnits": "101"}, "least read or write units are above the most"),
        ("dev", {"civicforge:minWriteUnits": "101"}, "least read or write units are above the most"),
        ("local", PROVISIONED, "the local cloud does not scale"),
        ("dev", {"civicforge:capacity": "plenty"}, "capacity"),
    ],
)
def test_capacity_that_makes_no_sense(stage: str, change: dict[str, str], message: str) -> None:
    with pytest.raises(pulumi.RunError, match=message):
        run_program(stage, change)
