"""Rewards that are not paid: list them, and have them paid by the one Lambda that may."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Annotated, Self

import typer

from ops.shared.entries import pay_entry, read
from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out, command
from services.core.domain.invariants import amounts
from services.core.domain.ledger import UNPAID, State, Totals
from services.core.stores.dynamo import Item, decode_item
from services.core.tables import LEDGER

app = typer.Typer(no_args_is_help=True, help="List and retry rewards that are not paid.")


@dataclass(frozen=True)
class Unpaid:
    """An entry that is not POSTED, as far as it makes sense: a poisoned one has to be listed too."""

    user_id: str
    entry_id: str
    state: str
    attempts: int
    since: str
    owed: str

    @classmethod
    def of(cls, item: Item) -> Self:
        """Reads a stored entry."""
        totals = Totals(
            *(value if isinstance(value := item.get(name), int) else 0 for name in ("points", "xp", "reputation"))
        )
        return cls(
            user_id=item["userId"],
            entry_id=item["entryId"],
            state=str(item.get("state")),
            attempts=item.get("attempts", 0),
            since=str(item.get("createdAt", "")),
            owed=amounts(totals),
        )


def failed(stage: Stage) -> Iterator[tuple[str, str]]:
    """The (user id, entry id) of FAILED entries. Reads the whole ledger: they are in no index."""
    pages = stage.dynamodb.get_paginator("scan").paginate(
        TableName=stage.table(LEDGER),
        FilterExpression="#state = :failed",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":failed": {"S": State.FAILED}},
    )
    for page in pages:
        for item in page["Items"]:
            yield item["userId"]["S"], item["entryId"]["S"]


def not_paid(stage: Stage) -> list[Unpaid]:
    """Every entry that is PENDING, HELD or FAILED, oldest first."""
    keys = [*failed(stage), *(key for state in UNPAID for key in stage.ledger.unpaid(state))]
    entries = [Unpaid.of(decode_item(item)) for key in keys if (item := read(stage, *key))]
    return sorted((e for e in entries if e.state != State.POSTED), key=lambda entry: entry.since)


def pay_all(stage: Stage, entries: list[Unpaid]) -> Json:
    """Has each paid, oldest first; returns the states by entry."""
    return {
        "entries": [
            {"userId": e.user_id, "entryId": e.entry_id, "state": pay_entry(stage, e.user_id, e.entry_id)}
            for e in entries
        ]
    }


@command(app, "list")
def list_(stage: Stage, terminal: Terminal) -> None:
    """Show what is not paid: FAILED needs `retry`, PENDING is next, HELD waits for the rewards flag."""
    entries = not_paid(stage)
    rows = [(e.since, e.state, e.attempts, e.owed, e.user_id, e.entry_id) for e in entries]
    headings = ("since", "state", "attempts", "owed", "user", "entry")
    terminal.table({"entries": [asdict(e) for e in entries]}, headings, rows, empty="Every reward is paid.")


@command(app, changes=True)
def retry(
    stage: Stage,
    terminal: Terminal,
    entry_id: Annotated[list[str] | None, typer.Argument(help="Entries to retry; all if none is named.")] = None,
) -> None:
    """Have FAILED and PENDING rewards paid now. Safe to repeat."""
    entries = [e for e in not_paid(stage) if e.entry_id in entry_id] if entry_id else not_paid(stage)
    unknown = set(entry_id or ()) - {e.entry_id for e in entries}
    if unknown:
        raise OperatorError(f"Paid already, or unknown: {', '.join(sorted(unknown))}.")
    held = [] if entry_id else [e for e in entries if e.state == State.HELD]
    entries = [e for e in entries if e not in held]
    plan = [f"{e.state} since {e.since}: {e.owed} to {e.user_id}" for e in entries]
    change = PlannedChange("rewards retry", "", plan, lambda: pay_all(stage, entries), verdict=_verdict)
    outcome = carry_out(stage, terminal, change)
    if held:
        terminal.say(f"{len(held)} HELD: they are paid when the flag `rewards` includes their members.")
    if outcome is None:
        return
    unpaid = _unpaid(outcome)
    terminal.result(outcome, f"{len(entries) - len(unpaid)} paid, {len(unpaid)} not: see `civicforge rewards list`.")
    if any(e["state"] == State.FAILED for e in unpaid):
        raise typer.Exit(1)


def _unpaid(outcome: Json) -> list[Json]:
    return [entry for entry in outcome["entries"] if entry["state"] != State.POSTED]


def _verdict(outcome: Json) -> str:
    unpaid = _unpaid(outcome)
    return f"{len(unpaid)} of {len(outcome['entries'])} not paid" if unpaid else "done"
