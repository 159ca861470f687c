"""The history of tables: any moment, against a model that keeps every state."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from localcloud.emulator import history
from localcloud.emulator.history import WINDOW_SECONDS, History

TABLE = ("000000000000", "us-east-1", "quests")
ENABLED = 1_000_000.0

writes = st.lists(st.tuples(st.floats(0.1, 5), st.sampled_from("abc"), st.none() | st.integers(0, 9)), max_size=25)


def restored(kept: History, items: dict[str, Any], moment: float) -> dict[str, Any]:
    """The items with the later writes taken back."""
    found = dict(items)
    for key, before in kept.since(TABLE, moment):
        if before is None:
            found.pop(key["id"], None)
        else:
            found[key["id"]] = before
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(writes)
def test_every_second_is_restored_as_it_was(tmp_path: Path, steps: list[tuple[float, str, int | None]]) -> None:
    kept, now = History(tmp_path), ENABLED
    items: dict[str, Any] = {}
    kept.end(TABLE)
    kept.begin(TABLE, now)
    states: dict[int, dict[str, Any]] = {int(now): {}}
    for pause, key, value in steps:
        now += pause
        before = items.get(key)
        if value is None:
            items.pop(key, None)
        else:
            items[key] = {"value": value}
        kept.note(TABLE, now, {"id": key}, before)
        states[int(now)] = dict(items)
    for second in range(int(ENABLED), int(now) + 1):
        expected = states[max(known for known in states if known <= second)]
        assert restored(kept, items, second) == expected
        assert restored(kept, items, second + 0.9) == expected


def test_the_window_begins_when_recovery_does_and_lasts_35_days(tmp_path: Path) -> None:
    kept = History(tmp_path)
    assert kept.window(TABLE) is None
    kept.begin(TABLE, ENABLED)
    kept.begin(TABLE, ENABLED + 50)
    assert kept.window(TABLE, ENABLED + 100) == (ENABLED, ENABLED + 100)
    assert kept.window(TABLE, ENABLED + WINDOW_SECONDS + 7) == (ENABLED + 7, ENABLED + WINDOW_SECONDS + 7)
    kept.end(TABLE)
    assert kept.window(TABLE) is None


def test_a_table_without_recovery_notes_nothing(tmp_path: Path) -> None:
    History(tmp_path).note(TABLE, ENABLED, {"id": "a"}, None)
    assert list(tmp_path.iterdir()) == []


def test_tables_of_other_regions_and_odd_names_stay_apart(tmp_path: Path) -> None:
    kept, other = History(tmp_path), (*TABLE[:2], "a/../b")
    kept.begin(TABLE, ENABLED)
    kept.begin(other, ENABLED)
    kept.note(other, ENABLED + 5, {"id": "a"}, None)
    assert list(kept.since(TABLE, ENABLED)) == []
    assert list(kept.since(other, ENABLED)) == [({"id": "a"}, None)]


def test_a_line_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    kept = History(tmp_path)
    kept.begin(TABLE, ENABLED)
    kept.note(TABLE, ENABLED + 5, {"id": "a"}, {"value": 1})
    (path,) = tmp_path.iterdir()
    path.write_text(f"{path.read_text()}[10000")
    assert list(kept.since(TABLE, ENABLED)) == [({"id": "a"}, {"value": 1})]


def test_a_long_history_loses_its_older_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(history, "MOST_BYTES", 1000)
    kept = History(tmp_path)
    kept.begin(TABLE, ENABLED)
    for number in range(100):
        kept.note(TABLE, ENABLED + number, {"id": "a"}, {"value": number})
    window = kept.window(TABLE, ENABLED + 100)
    assert window
    assert ENABLED < window[0] < ENABLED + 100
    earliest = [before for _, before in kept.since(TABLE, window[0])][-1]
    assert earliest == {"value": int(window[0] - ENABLED) + 1}
    (path,) = tmp_path.iterdir()
    assert path.stat().st_size <= 1000
