"""The stage in a browser."""

from enum import StrEnum
from typing import Annotated

import typer

from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Terminal
from services.core.names import resource_name
from services.core.parameters import SITE_URL


class What(StrEnum):
    """The things that can be opened."""

    APP = "app"
    CONSOLE = "console"
    MAILS = "mails"


def open_(
    stage: Stage,
    terminal: Terminal,
    what: Annotated[What, typer.Argument(help="The app, its dashboards, or (local cloud) its mails.")] = What.APP,
) -> None:
    """Open the stage in a browser, and print the address."""
    address = address_of(stage, what)
    terminal.result({"stage": stage.name, "what": what, "address": address}, address)
    if not terminal.as_json:
        typer.launch(address)


def address_of(stage: Stage, what: What) -> str:
    """The address, as a browser opens it. Raises OperatorError for what the stage does not have."""
    if what is What.APP:
        return stage.parameter(SITE_URL)
    running = stage.emulator.running() if stage.emulator else None
    if running:
        path = "mailbox" if what is What.MAILS else f"?stage={stage.name}"
        return f"{running.front_url}/_local/{path}"
    if what is What.MAILS:
        raise OperatorError("Real mails are in their readers' mailboxes; only the local cloud shows them.")
    name = resource_name(stage.name, "health")
    return f"https://{stage.region}.console.aws.amazon.com/cloudwatch/home?region={stage.region}#dashboards/dashboard/{name}"
