"""Members: found by what one knows of them."""

from typing import Annotated

import typer

from ops.shared.stage import OperatorError, Stage
from ops.shared.stored_items import scan
from ops.shared.terminal import Json, Terminal, command
from services.core.domain.users import User
from services.core.stores.dynamo import decode_item
from services.core.tables import USERS
from services.core.telemetry import user_digest

app = typer.Typer(no_args_is_help=True, help="Find members.")


@command(app)
def find(
    stage: Stage,
    terminal: Terminal,
    text: Annotated[str, typer.Argument(help="A part of the name, the e-mail address or the id.")],
) -> None:
    """Find members by a part of their name, e-mail address or id, upper and lower case alike.

    Reads the whole table and pool, which is right for a community's size. Fails where nobody is found.
    """
    if not text.strip():
        raise OperatorError("Say a part of the name, the e-mail address or the id.")
    wanted, addresses = text.strip().casefold(), _addresses(stage)
    found: list[Json] = []
    for item in scan(stage, USERS):
        try:
            user = User.model_validate(decode_item(item))
        except ValueError:
            continue  # `ledger check` names it
        address = addresses.get(user.user_id, "")
        if any(wanted in known.casefold() for known in (user.display_name, address, user.user_id)):
            found.append(
                {
                    "userId": user.user_id,
                    "name": user.display_name,
                    "address": address,
                    "since": user.created_at,
                    "inLogs": user_digest(user.user_id),
                }
            )
    found.sort(key=lambda member: (member["name"].casefold(), member["userId"]))
    rows = [(m["userId"], f"{m['since']:%Y-%m-%d}", m["address"], m["name"], m["inLogs"]) for m in found]
    headings = ("member", "since", "address", "name", "in logs")
    terminal.table({"members": found}, headings, rows, empty=f"Nobody is like {text!r}.")
    if not found:
        raise typer.Exit(1)


def _addresses(stage: Stage) -> dict[str, str]:
    """The e-mail addresses by the members' ids."""
    pages = stage.cognito.get_paginator("list_users").paginate(
        UserPoolId=stage.api_settings.cognito_user_pool_id, AttributesToGet=["sub", "email"]
    )
    accounts = [
        {attribute["Name"]: attribute["Value"] for attribute in user["Attributes"]}
        for page in pages
        for user in page["Users"]
    ]
    return {account["sub"]: account.get("email", "") for account in accounts if "sub" in account}
