"""Notices: what a member was told, sending a mail again, and stopping all mails."""

from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from ops.shared import flags
from ops.shared.members import user_id_of
from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out, command
from services.core.domain.notices import InboxItem, Mail
from services.core.domain.values import timestamp
from services.core.stores.dynamo import dump

FLAG: Final = "notices"
SHOWN: Final = 50
"""Newest items of a member that `list` shows."""

app = typer.Typer(no_args_is_help=True, help="What members were told, and the mails that they got.")

Member = Annotated[str, typer.Argument(help="User id or e-mail address.")]


def outcome(item: InboxItem) -> str:
    """The state of an item's mail."""
    if item.mailed_at:
        return f"mailed {timestamp(item.mailed_at)}"
    if item.mail:
        return f"owed ({item.mail}), {item.failures} failures"
    return f"no mail: {item.unmailed}"


def owed(stage: Stage) -> dict[str, int]:
    """The number of waiting mails, by what they wait for."""
    return {mail.value: sum(1 for _ in stage.inbox.unsent(mail)) for mail in Mail}


@command(app, "list")
def list_(stage: Stage, terminal: Terminal, member: Member) -> None:
    """Show the newest items of a member's inbox and what became of their mails."""
    items = stage.inbox.page(user_id_of(stage, member), SHOWN, None).items
    rows = [(item.item_id, item.kind.value, outcome(item)) for item in items]
    data = {"items": [dump(item) for item in items]}
    terminal.table(data, ("item", "kind", "mail"), rows, empty="Nobody told them anything in 90 days.")


@command(app, changes=True)
def resend(
    stage: Stage,
    terminal: Terminal,
    member: Member,
    item: Annotated[str, typer.Argument(help="The item, as `notices list` shows it.")],
) -> None:
    """Send the mail of an item once more, with the next sweep."""
    user_id = user_id_of(stage, member)
    found = stage.inbox.get(user_id, item)
    if found is None:
        raise OperatorError(f"There is no item {item} in that inbox; `civicforge notices list` shows them.")
    plan = [f"{found.kind}: {outcome(found)} -> owed, unless the member wants no mails or has read it"]

    def apply() -> Json:
        stage.inbox.requeue(user_id, item)
        stage.start("notifier")
        return {"userId": user_id, "itemId": item}

    if done := carry_out(stage, terminal, PlannedChange("notices resend", f"{user_id} {item}", plan, apply)):
        terminal.result(done, "The notifier sends it now; `civicforge notices list` shows when it left.")


@command(app, changes=True)
def stop(stage: Stage, terminal: Terminal) -> None:
    """Send no more mails from now on; inboxes go on. `flags set notices on` ends it."""
    waiting = owed(stage)
    plan = [
        f"flag {FLAG}: {flags.values(stage)[FLAG]} -> off; items from now on get no mail",
        f"{waiting['due']} mails that are owed and {waiting['daily']} for the next digest will never be sent",
    ]

    def apply() -> Json:
        return {**flags.set_value(stage, FLAG, "off"), "at": timestamp(datetime.now(UTC))}

    if done := carry_out(stage, terminal, PlannedChange("notices stop", FLAG, plan, apply)):
        terminal.result(done, "No more mails leave; the notifier reads the flag within 10 s.")
