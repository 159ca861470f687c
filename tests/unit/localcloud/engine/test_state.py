import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from localcloud.engine.state import Operation, Record, State, StateError, deletion_order


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
    state.put(new, old)
    again = State(path)
    assert (again.pending, again.records["urn::a"]) == ([old], new)
    again.forget(again.pending[0])
    assert State(path).pending == []
    assert State(path).records["urn::a"] == new
    again.forget(again.records["urn::a"])
    assert State(path).records == {}


def test_what_had_begun_is_on_disk_until_it_ends(tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    state = State(path)
    made, failed = (Operation(f"urn::{name}", "t", name, {}) for name in "ab")
    state.begin(made)
    state.begin(failed)
    assert State(path).operations == [made, failed]
    state.put(record("a"))
    assert State(path).operations == [failed]
    state.end(failed)
    assert State(path).operations == []


def test_a_renamed_record_is_known_by_its_new_name(tmp_path: Path) -> None:
    path = tmp_path / "dev.json"
    state = State(path)
    state.put(record("a"))
    state.put(record("b", "a"))
    state.rename("urn::a", "urn::z", durably=True)
    again = State(path)
    assert list(again.records) == ["urn::z", "urn::b"]
    assert again.records["urn::b"].dependencies == ["urn::z"]


def test_dependents_and_children_are_deleted_first() -> None:
    child = replace(record("e"), parent="urn::a")
    former = record("a", "gone")
    records = [record("a"), record("c", "b"), record("b", "a"), record("d", "elsewhere"), child, former]
    order = deletion_order(records)
    names = [item.name for item in order]
    assert names.index("c") < names.index("b") < names.index("a")
    assert names.index("e") < names.index("a")
    assert sorted(map(id, order)) == sorted(map(id, records))
    assert deletion_order([]) == []


def test_what_failed_runs_left_depending_on_each_other_is_deleted_all_the_same() -> None:
    assert {item.name for item in deletion_order([record("a", "b"), record("b", "a")])} == {"a", "b"}


def test_a_removed_state_is_gone(tmp_path: Path) -> None:
    state = State(tmp_path / "dev.json")
    state.put(record("a"))
    state.remove()
    state.remove()
    assert State(tmp_path / "dev.json").records == {}


def test_records_are_listed_while_other_threads_add_some(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = State(tmp_path / "dev.json")
    monkeypatch.setattr(state, "save", lambda: None)
    for number in range(300):
        state.put(record(f"before-{number}"))
    interval, ended = sys.getswitchinterval(), threading.Event()

    def add() -> None:
        for number in range(3000):
            state.put(record(f"new-{number}"))
        ended.set()

    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor() as pool:
            adding = pool.submit(add)
            while not ended.is_set():
                assert len(state.resources) >= 300
            adding.result()
    finally:
        sys.setswitchinterval(interval)


@pytest.mark.parametrize("text", ['{"settled": true, "resources": [', "[]", '{"resources": [{"urn": "a"}]}', "\x00"])
def test_a_damaged_file_is_a_sentence_with_a_way_on(tmp_path: Path, text: str) -> None:
    path = tmp_path / "local.json"
    path.write_text(text)
    with pytest.raises(StateError, match=r"knows what the stage local consists of.*make reset"):
        State(path)
