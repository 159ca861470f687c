"""Groups of the user pool: who moderates, and who sees a feature first."""

from contextlib import suppress
from typing import Annotated, Final

import typer

from ops.shared.members import user_id_of
from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out, command
from services.core.domain.quests import MODERATORS
from services.core.stores.users import NoSuchUserError

TAKES_EFFECT: Final = "rewards follow within a minute, app and API at the next sign-in, or within an hour"

app = typer.Typer(no_args_is_help=True, help="Who moderates, and who sees a feature first.")
GroupArgument = Annotated[str, typer.Argument(help="moderators or internal.")]
MemberArgument = Annotated[str, typer.Argument(help="User id or e-mail address.")]


def groups_of(stage: Stage) -> dict[str, list[str]]:
    """The addresses of every group's members."""
    pool = stage.api_settings.cognito_user_pool_id
    names = [
        group["GroupName"]
        for page in stage.cognito.get_paginator("list_groups").paginate(UserPoolId=pool)
        for group in page["Groups"]
    ]
    in_group = stage.cognito.get_paginator("list_users_in_group")
    return {
        name: sorted(
            next((a["Value"] for a in user["Attributes"] if a["Name"] == "email"), user["Username"])
            for page in in_group.paginate(UserPoolId=pool, GroupName=name)
            for user in page["Users"]
        )
        for name in sorted(names)
    }


@command(app, "list")
def list_(stage: Stage, terminal: Terminal) -> None:
    """Show every group and who is in it."""
    found = groups_of(stage)
    rows = [(name, ", ".join(addresses) or "nobody") for name, addresses in found.items()]
    terminal.table({"groups": found}, ("group", "members"), rows, empty="There are no groups.")


@command(app, changes=True)
def add(stage: Stage, terminal: Terminal, group: GroupArgument, member: MemberArgument) -> None:
    """Put a member into a group."""
    _move(stage, terminal, group, member, into=True)


@command(app, changes=True)
def remove(stage: Stage, terminal: Terminal, group: GroupArgument, member: MemberArgument) -> None:
    """Take a member out of a group."""
    _move(stage, terminal, group, member, into=False)


def _move(stage: Stage, terminal: Terminal, group: str, member: str, *, into: bool) -> None:
    groups = groups_of(stage)
    if group not in groups:
        raise OperatorError(f"There is no group {group!r}; choose one of {', '.join(groups)}.")
    pool, user_id = stage.api_settings.cognito_user_pool_id, user_id_of(stage, member)
    try:
        answer = stage.cognito.admin_list_groups_for_user(UserPoolId=pool, Username=user_id)
    except stage.cognito.exceptions.UserNotFoundException:
        raise OperatorError(f"Nobody on {stage.name} has the id {user_id}.") from None
    is_in = any(found["GroupName"] == group for found in answer["Groups"])

    def apply() -> Json:
        move = stage.cognito.admin_add_user_to_group if into else stage.cognito.admin_remove_user_from_group
        move(UserPoolId=pool, Username=user_id, GroupName=group)
        if group == MODERATORS:
            with suppress(NoSuchUserError):
                stage.users.mark_moderator(user_id, moderates=into)
        return {"group": group, "userId": user_id, "in": into}

    plan = [] if is_in is into else [f"{user_id} {'joins' if into else 'leaves'} {group}"]
    change = PlannedChange(f"groups {'add' if into else 'remove'}", f"{group} {user_id}", plan, apply)
    if outcome := carry_out(stage, terminal, change):
        terminal.result(outcome, f"{member} is {'in' if into else 'no longer in'} {group}: {TAKES_EFFECT}.")
