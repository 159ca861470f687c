"""No index is changed in place."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from infra import indexes
from tests.unit.infra.plan import Plan


def test_no_index_is_changed_in_place() -> None:
    changed = indexes.changed_in_place(indexes.recorded(), indexes.declared())
    assert not changed, f"{changed}: follow 'Changing an index' in docs/architecture.md"


def test_the_record_is_up_to_date() -> None:
    assert indexes.recorded() == indexes.declared(), "run `make generate`"


def test_the_program_makes_what_is_recorded(stage_plan: Plan) -> None:
    for table in stage_plan.of("Table"):
        made = {
            index["name"]: {
                "IndexName": index["name"],
                "KeySchema": [
                    {"AttributeName": key["attributeName"], "KeyType": key["keyType"]} for key in index["keySchemas"]
                ],
                "Projection": {
                    "ProjectionType": index["projectionType"],
                    **({"NonKeyAttributes": index["nonKeyAttributes"]} if index.get("nonKeyAttributes") else {}),
                },
            }
            for index in table.inputs.get("globalSecondaryIndexes") or []
        }
        assert made == indexes.recorded()[table.name]


def change(**changes: Any) -> indexes.Indexes:
    """The record with the board's index changed."""
    found = copy.deepcopy(indexes.recorded())
    found["quests"]["board2"] |= changes
    return found


def test_a_change_is_named_and_an_addition_is_none() -> None:
    before = indexes.recorded()
    assert indexes.changed_in_place(before, change(Projection={"ProjectionType": "ALL"})) == ["quests/board2"]
    assert indexes.changed_in_place(before, change(KeySchema=[])) == ["quests/board2"]
    added = copy.deepcopy(before)
    added["quests"]["board3"] = {**before["quests"]["board2"], "IndexName": "board3"}
    assert indexes.changed_in_place(before, added) == []
    assert indexes.changed_in_place(added, before) == [], "dropping the old one is the last step"
    assert indexes.changed_in_place(before, {}) == []


def test_the_command_records_additions_and_refuses_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(indexes, "RECORD", tmp_path / "indexes.json")
    indexes.RECORD.write_text("{}")
    assert indexes.main() == 0
    assert indexes.recorded() == indexes.declared()
    indexes.RECORD.write_text(json.dumps(change(Projection={"ProjectionType": "ALL"})))
    assert indexes.main() == 1
    assert "quests/board2 is changed in place" in capsys.readouterr().err
    assert indexes.recorded() != indexes.declared()
