"""Commands that read whole tables: ten times the members and quests take the same memory."""

import gc
import io
import json
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import redirect_stdout
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
import typer

from ops.commands import ledger, restore
from ops.shared.sorted_file import SortedFile
from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Terminal
from services.core.domain import quests
from services.core.domain.ledger import cost, welcome
from services.core.domain.quests import Category, Draft
from services.core.domain.users import newcomer
from services.core.stores.dynamo import Item, dump, encode_item
from services.core.tables import LEDGER, QUESTS, TABLES, USERS, Table

NOW = datetime(2026, 3, 1, tzinfo=UTC)
RESTORE = "20260301t120000"
PAGE = 20
FEW = 40
"""Members; a multiple of what a page has."""


def _templates() -> dict[Table, list[Item]]:
    """The rows of one member with one quest, as they are stored, by table."""
    draft = Draft(title="Carry a sofa", description="It is a heavy sofa, mind.", category=Category.SOCIAL)
    quest = quests.create(draft, "USER", "QUEST", NOW, timedelta(days=30)).quest
    member = newcomer("USER", NOW).model_copy(update={"points": 9})
    entries = (welcome("USER", NOW), cost("USER", "QUEST", 1, NOW))
    text = {"questId": "QUEST#description", "text": draft.description}
    return {USERS: [dump(member)], QUESTS: [dump(quest), text], LEDGER: [dump(entry) for entry in entries]}


TEMPLATES = {table: [json.dumps(encode_item(row)) for row in rows] for table, rows in _templates().items()}
DAMAGE = {"points": {"N": "10"}, "title": {"S": "Carry two sofas"}}


def town(size: int, table: Table, *, damaged: bool) -> Iterator[Item]:
    """The rows of a table of a town with so many members, each with a quest, in no order of their keys."""
    for number in range(size):
        name = f"{number * 7919 % size:026}"
        for template in TEMPLATES.get(table, []):
            row: Item = json.loads(template.replace("USER", name).replace("QUEST", name))
            changed = {key: value for key, value in DAMAGE.items() if damaged and key in row and table != LEDGER}
            yield row | changed


class Tables:
    """DynamoDB's answers for a stage and its restore, made when they are asked for; it keeps none of them."""

    class exceptions:  # noqa: N801 - as the client calls it
        """The errors that are caught by name."""

        ResourceNotFoundException = KeyError

    def __init__(self, size: int, *, damaged: bool) -> None:
        self.size, self.damaged = size, damaged

    def get_paginator(self, operation: str) -> Any:
        assert operation == "scan"
        return SimpleNamespace(paginate=self._scan)

    def _scan(self, *, TableName: str, ConsistentRead: bool) -> Iterator[dict[str, list[Item]]]:  # noqa: N803
        assert ConsistentRead
        (table,) = [table for table in TABLES if TableName.startswith(f"civicforge-local-{table.base_name}")]
        damaged = self.damaged and not TableName.endswith(RESTORE)
        rows, page = town(self.size, table, damaged=damaged), list[Item]()
        for row in rows:
            page.append(row)
            if len(page) == PAGE:
                yield {"Items": page}
                page = []
        yield {"Items": page}


class Sink(io.TextIOBase):
    """Standard output that keeps the number of its lines alone."""

    lines = 0

    def write(self, text: str) -> int:
        self.lines += text.count("\n")
        return len(text)


def diff(stage: Stage) -> None:
    restore.diff(stage, Terminal(as_json=True), RESTORE, containing="")


def repair(stage: Stage) -> None:
    restore.repair_(stage, Terminal(yes=True, reason="test"), RESTORE, everything=True)


def failed_repair(stage: Stage) -> None:
    def refuse(*_: object) -> Any:
        raise OperatorError("not now")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(restore, "repair", refuse)
        with pytest.raises(typer.Exit):
            repair(stage)


def cut_over(stage: Stage) -> None:
    restore.cut_over_(stage, Terminal(yes=True, reason="test"), RESTORE)


def dry_run(stage: Stage) -> None:
    restore.cut_over_(stage, Terminal(dry_run=True, as_json=True), RESTORE)


def check(stage: Stage) -> None:
    with pytest.raises(typer.Exit):
        ledger.check(stage, Terminal())


@pytest.fixture
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Answer at once what a command asks for each item."""
    monkeypatch.setattr(restore, "repair", lambda *_: ["it is as it was"])
    monkeypatch.setattr(restore, "refusal", lambda *_: None)
    monkeypatch.setattr(restore, "is_stopped", lambda _: True)
    monkeypatch.setattr(Stage, "where", "nowhere")


def peak(work: Callable[[Stage], None], size: int, *, damaged: bool = True) -> tuple[int, int]:
    """The memory in bytes that a command takes at most for a town of this size, and the lines that it writes."""
    stage = Stage("local", cast("Any", None))
    doing = {"restore": lambda *_: None, "put_log_events": lambda **_: None, "create_log_stream": lambda **_: None}
    other: Any = SimpleNamespace(**doing)
    stage.__dict__.update(dynamodb=Tables(size, damaged=damaged), repair=other, logs=other, actor="somebody")
    sink = Sink()
    gc.collect()
    tracemalloc.start()
    try:
        with redirect_stdout(sink):
            work(stage)
        return tracemalloc.get_traced_memory()[1], sink.lines
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("_alone")
@pytest.mark.parametrize("work", [diff, repair, failed_repair, cut_over, dry_run, check])
def test_ten_times_the_items_take_no_more_memory(work: Callable[[Stage], None]) -> None:
    peak(work, 10)  # what is imported and compiled with the first item
    few, some_lines = peak(work, FEW)
    many, many_lines = peak(work, 10 * FEW)
    assert some_lines >= FEW
    assert many_lines > 9 * some_lines, "each thing has its line"
    assert many < 2 * few


def test_values_come_in_the_order_of_their_texts_and_then_of_their_adding() -> None:
    rows: SortedFile[object] = SortedFile()
    assert (len(rows), [*rows], [*rows.groups()]) == (0, [], [])
    for number, key in enumerate([("b", "a"), ("a", "ä"), ("a", "z"), ("b", "a"), ("a", ""), ("a\0", "")]):
        rows.add(*key, {"number": number, "of": key, "bytes": b"\0"})
    assert [value["number"] for value in cast("Any", rows)] == [4, 2, 1, 5, 0, 3]
    assert [(key, len(values)) for key, values in rows.groups()] == [
        *(((first, second), 1) for first, second in (("a", ""), ("a", "z"), ("a", "ä"), ("a\0", ""))),
        (("b", "a"), 2),
    ]
    assert len(rows) == 6
