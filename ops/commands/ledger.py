"""The ledger: explain a member's totals, check every invariant, write totals again."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from ops.shared.members import member_of
from ops.shared.stage import OperatorError, Stage
from ops.shared.stored_items import find_problems
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out, command
from services.core.domain.invariants import amounts, imbalance, owed, user_problems
from services.core.domain.ledger import Totals, adjustment, sum_entries, totals_of
from services.core.domain.users import User
from services.core.domain.values import timestamp
from services.core.stores.dynamo import ConditionFailedError, dump
from services.core.stores.ledger import put_entry
from services.core.stores.repair import TOTALS
from services.core.tables import LEDGER

app = typer.Typer(no_args_is_help=True, help="Explain and check points, XP and reputation.")


def rebuild(stage: Stage, user: User, totals: Totals) -> Json:
    """Write a member's totals, if they are still as they were read. Raises OperatorError if they are not."""
    try:
        stage.repair.write([stage.repair.totals(user, totals, datetime.now(UTC))])
    except ConditionFailedError:
        raise OperatorError(f"{user.user_id} changed meanwhile; run the command again.") from None
    new, old = (dict(zip(TOTALS, those, strict=True)) for those in (totals, totals_of(user)))
    return {"userId": user.user_id, "totals": new, "before": old}


@command(app)
def explain(
    stage: Stage, terminal: Terminal, member: Annotated[str, typer.Argument(help="User id or e-mail address.")]
) -> None:
    """Show a member's entries in order, what they add up to, and whether the row agrees."""
    user = member_of(stage, member)
    entries = sorted(stage.ledger.all_of(user.user_id), key=lambda entry: entry.entry_id)
    running, shown = Totals(), []
    for entry in entries:
        part = sum_entries([entry])
        running = Totals(*(a + b for a, b in zip(running, part, strict=True)))
        change = amounts(Totals(entry.points, entry.xp, entry.reputation))
        shown.append((timestamp(entry.created_at), entry.kind, entry.state, change, running.points, running.xp,
                      running.reputation, entry.quest_id or entry.reason or ""))  # fmt: skip
    wrong = user_problems(user, entries)
    data: Json = {
        "user": dump(user), "entries": [dump(entry) for entry in entries],
        "totals": running._asdict(), "problems": wrong,
    }  # fmt: skip
    headings = ("when", "kind", "state", "change", "points", "XP", "reputation", "quest or reason")
    terminal.table(data, headings, shown, empty="There are no entries.")
    if wrong:
        raise OperatorError(f"{'; '.join(wrong)}. `civicforge ledger rebuild {user.user_id}` writes the row again.")


@command(app)
def check(stage: Stage, terminal: Terminal) -> None:
    """Check every quest, entry and total of the stage; fails where an invariant is broken."""
    rows = ((problem, problem) for problem in find_problems(stage))
    if terminal.listing("problems", rows, lambda number: "" if number else "Every quest, entry and total agrees."):
        raise typer.Exit(1)


@command(app, "rebuild", changes=True)
def rebuild_(
    stage: Stage, terminal: Terminal, member: Annotated[str, typer.Argument(help="User id or e-mail address.")]
) -> None:
    """Write a member's totals again from their entries."""
    user = member_of(stage, member)
    totals = sum_entries(stage.ledger.all_of(user.user_id))
    plan = [
        f"{name}: {before} -> {after}"
        for name, before, after in zip(Totals._fields, totals_of(user), totals, strict=True)
        if before != after
    ]
    change = PlannedChange("ledger rebuild", user.user_id, plan, lambda: rebuild(stage, user, totals))
    if outcome := carry_out(stage, terminal, change):
        terminal.result(outcome, f"{user.user_id}: the totals are those of the ledger.")


@command(app, changes=True)
def adjust(
    stage: Stage,
    terminal: Terminal,
    member: Annotated[str, typer.Argument(help="User id or e-mail address.")],
    quest: Annotated[str, typer.Option(help="The quest whose entries lack or exceed what is owed.")],
) -> None:
    """Add a ledger entry for the difference between what a member got for a quest and what is due."""
    user, stored = member_of(stage, member), stage.quests.get(quest)
    if stored is None:
        raise OperatorError(f"There is no quest {quest}.")
    ledgers = {member_id: list(stage.ledger.all_of(member_id)) for member_id in {user.user_id, *owed(stored.quest)}}
    lacking = imbalance(stored.quest, [entry for entries in ledgers.values() for entry in entries]).get(user.user_id)
    if lacking is None:
        raise OperatorError(f"What {user.user_id} has for quest {quest} is what is owed; there is nothing to book.")
    now = datetime.now(UTC)

    def apply() -> Json:
        entry = adjustment(user.user_id, quest, lacking, terminal.reason, now)
        totals = sum_entries([*ledgers[user.user_id], entry])
        if totals.points < 0:
            raise OperatorError(f"{user.user_id} has too few points for it; nothing was booked.")
        try:
            unchanged = {"ConditionCheck": stage.quests.unchanged(stored.quest)}
            booked = [put_entry(stage.table(LEDGER), entry), stage.repair.totals(user, totals, now)]
            stage.repair.write([*booked, unchanged])
        except ConditionFailedError:
            raise OperatorError(f"{user.user_id} or the quest changed meanwhile; run the command again.") from None
        return {"entry": dump(entry), "totals": totals._asdict()}

    plan = [f"adjustment of {amounts(lacking)} for {user.user_id}, quest {quest} being {stored.quest.status}"]
    if outcome := carry_out(stage, terminal, PlannedChange("ledger adjust", user.user_id, plan, apply)):
        terminal.result(outcome, f"{user.user_id}: {amounts(lacking)} booked; quest and ledger agree.")
