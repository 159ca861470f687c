"""Quests by hand: show, reopen, cancel, refund, each with a dry-run difference and the invariants checked.

Never by a raw write: a quest set to OPEN whose performer stays can never be claimed again.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

import typer

from ops.shared.stage import OperatorError, Stage
from ops.shared.stored_items import entries_of
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out, command
from services.core.domain import ledger, quests
from services.core.domain.invariants import amounts, imbalance, quest_problems
from services.core.domain.ledger import Entry, Totals
from services.core.domain.quests import Quest, Status
from services.core.stores.dynamo import Item, dump
from services.core.stores.quests import QuestConflictError, StoredQuest

app = typer.Typer(no_args_is_help=True, help="Show and mend single quests.")

QuestId = Annotated[str, typer.Argument(help="The quest's id, as in its address.")]


def find(stage: Stage, quest_id: str) -> StoredQuest:
    """The quest. Raises OperatorError if there is none."""
    stored = stage.quests.get(quest_id)
    if stored is None:
        raise OperatorError(f"There is no quest {quest_id} on {stage.name}.")
    return stored


def difference(before: Item, after: Item) -> list[str]:
    """The changed attributes, a line each; version and update time are left out."""
    names = [name for name in {**before, **after} if name not in ("version", "updatedAt")]
    return [
        f"{name}: {before.get(name, 'none')} -> {after.get(name, 'none')}"
        for name in names
        if before.get(name) != after.get(name)
    ]


def plan_of(quest: Quest, change: quests.Change, entries: Sequence[Entry]) -> list[str]:
    """The difference that a change makes. Raises OperatorError if an invariant would be broken after it."""
    broken = quest_problems(change.quest, [*entries, *change.entries])
    if broken:
        raise OperatorError(f"It would leave a broken invariant, so nothing was changed: {'; '.join(broken)}.")
    booked = [
        f"ledger: {entry.kind} of {amounts(Totals(entry.points, entry.xp, entry.reputation))} for {entry.user_id}"
        for entry in change.entries
    ]
    return difference(dump(quest), dump(change.quest)) + booked


def _carry_out(stage: Stage, terminal: Terminal, action: str, quest: Quest, change: quests.Change) -> None:
    plan = plan_of(quest, change, entries_of(stage, quest))

    def apply() -> Json:
        try:
            stage.quests.save(quest, change)
        except QuestConflictError as moved:
            raise OperatorError(f"{moved}; look again with `civicforge quest show {quest.quest_id}`.") from None
        return {"quest": dump(change.quest), "entries": [dump(entry) for entry in change.entries]}

    if outcome := carry_out(stage, terminal, PlannedChange(action, quest.quest_id, plan, apply)):
        terminal.result(outcome, f"{quest.quest_id} is {change.quest.status}.")


@command(app)
def show(stage: Stage, terminal: Terminal, quest_id: QuestId) -> None:
    """Show a quest, its texts and its ledger entries, and say which invariants it breaks."""
    stored = find(stage, quest_id)
    entries = entries_of(stage, stored.quest)
    wrong = quest_problems(stored.quest, entries)
    data: Json = {
        "quest": dump(stored.quest),
        "description": stored.description,
        "submission": stored.submission,
        "entries": [dump(entry) for entry in entries],
        "problems": wrong,
    }
    lines = [f"{name:>16}  {value}" for name, value in data["quest"].items()]
    lines += [
        f"{'ledger':>16}  {entry.kind} {amounts(Totals(entry.points, entry.xp, entry.reputation))} "
        f"for {entry.user_id}, {entry.state}"
        for entry in entries
    ]
    terminal.result(data, *lines, *(f"{'wrong':>16}  {problem}" for problem in wrong))


@command(app, changes=True)
def reopen(stage: Stage, terminal: Terminal, quest_id: QuestId) -> None:
    """Take a quest that is stuck from its performer and open it for others."""
    quest = find(stage, quest_id).quest
    change = quests.reopen(quest, datetime.now(UTC))
    if change.quest is quest:
        raise OperatorError(f"{quest_id} is {quest.status}; only a quest that somebody works on can be reopened.")
    _carry_out(stage, terminal, "quest reopen", quest, change)


@command(app, changes=True)
def cancel(stage: Stage, terminal: Terminal, quest_id: QuestId) -> None:
    """Cancel a quest in whatever state and give its requestor the points back."""
    quest = find(stage, quest_id).quest
    change = quests.call_off(quest, datetime.now(UTC))
    if change.quest is quest:
        raise OperatorError(f"{quest_id} is {quest.status}, which is final.")
    _carry_out(stage, terminal, "quest cancel", quest, change)


@command(app, changes=True)
def refund(stage: Stage, terminal: Terminal, quest_id: QuestId) -> None:
    """Give the points back for a cancelled or expired quest where that did not happen."""
    quest = find(stage, quest_id).quest
    if quest.status not in (Status.CANCELLED, Status.EXPIRED):
        raise OperatorError(f"{quest_id} is {quest.status}. `civicforge quest cancel` cancels and refunds in one.")
    if imbalance(quest, entries_of(stage, quest)) != {quest.requestor_id: Totals(points=quest.cost)}:
        raise OperatorError(f"The points of {quest_id} were given back already; a quest is refunded at most once.")
    now = datetime.now(UTC)
    # The quest's version rises with it, so that two refunds at once cannot both be booked.
    after = quest.model_copy(update={"version": quest.version + 1, "updated_at": now})
    entry = ledger.refund(quest.requestor_id, quest.quest_id, quest.cost, now)
    _carry_out(stage, terminal, "quest refund", quest, quests.Change(after, (entry,)))
