import json
from pathlib import Path

from localcloud.engine.state import Record, State


def record(name: str, *dependencies: str) -> Record:
    return Record(f"urn::{name}", "t", name, {"secret": "x"}, {}, [f"urn::{other}" for other in dependencies])


def test_what_is_put_is_on_disk_at_once_and_for_nobody_else(tmp_path: Path) -> None:
    path = tmp_path / "stacks" / "dev.json"
    state = State(path)
    state.mark(settled=False)
    state.put(record("a"))
    again = State(path)
    assert again.records == {"urn::a": record("a")}
    assert not again.settled
    assert path.stat().st_mode & 0o777 == 0o600
    assert json.loads(path.read_text())["resources"][0]["urn"] == "urn::a"


def test_a_replaced_record_waits_for_its_deletion(tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    state = State(path)
    old, new = record("a"), record("a", "b")
    state.put(old)
    state.replaced(old)
    state.put(new)
    again = State(path)
    assert (again.pending, again.records["urn::a"]) == ([old], new)
    again.forget(again.pending[0])
    assert State(path).pending == []
    assert State(path).records["urn::a"] == new
    again.forget(again.records["urn::a"])
    assert State(path).records == {}


def test_dependents_are_deleted_first(tmp_path: Path) -> None:
    state = State(tmp_path / "dev.json")
    records = [record("a"), record("c", "b"), record("b", "a"), record("d", "elsewhere")]
    order = [item.name for item in state.deletion_order(records)]
    assert order.index("c") < order.index("b") < order.index("a")
    assert set(order) == {"a", "b", "c", "d"}
    assert state.deletion_order([]) == []


def test_a_removed_state_is_gone(tmp_path: Path) -> None:
    state = State(tmp_path / "dev.json")
    state.put(record("a"))
    state.remove()
    state.remove()
    assert State(tmp_path / "dev.json").records == {}
