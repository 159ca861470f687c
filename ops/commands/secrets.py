"""Secrets: the catalogue, rotation with a grace time, and revoking a member's tokens."""

import json
import secrets as randomness
from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import typer

from ops.shared.members import user_id_of
from ops.shared.stage import MISSING, OperatorError, Stage
from ops.shared.synthetic import make_members
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out, command
from services.core.domain.values import timestamp
from services.core.names import SYNTHETIC_MEMBERS, parameter_name
from services.core.parameters import CANARY_PASSWORD, PUSH_KEY, SECRETS, Parameter
from services.core.vapid import VapidKey

MAX_AGE: Final = timedelta(days=90)
KEY_BYTES: Final = 32

app = typer.Typer(no_args_is_help=True, help="What is secret, how old it is, and rotating it.")


def rotated(value: str | None, new: str, now: datetime, grace: timedelta) -> str:
    """A signing key's value with a new current key; the one before, if any, is honoured for `grace`."""
    previous = {}
    if value and grace:
        previous = {"previous": json.loads(value)["current"], "previousUntil": timestamp(now + grace)}
    return json.dumps({"current": new, "previous": None, "previousUntil": None, **previous})


@command(app, "list")
def list_(stage: Stage, terminal: Terminal) -> None:
    """Show every secret with its owner, age and rotation; never its value."""
    now, rows, data = datetime.now(UTC), [], []
    for secret in SECRETS:
        age = _age(stage, secret, now)
        left = None if age is None or secret is PUSH_KEY else MAX_AGE - age
        overdue = age is None or (left is not None and left < timedelta())
        due = "now" if overdue else f"in {left.days} days" if left is not None else "-"
        rows.append((secret.key, secret.owner, MISSING if age is None else f"{age.days} days", due, secret.rotation))
        days = None if age is None else age.days
        data.append({"key": secret.key, "owner": secret.owner, "ageDays": days, "due": overdue})
    terminal.table({"secrets": data}, ("secret", "owner", "age", "rotation", "how"), rows, empty="There are none.")


def _age(stage: Stage, secret: Parameter, now: datetime) -> timedelta | None:
    if stage.live(secret) == MISSING:
        return None
    return now - stage.ssm.get_parameter(Name=parameter_name(stage.name, secret.key))["Parameter"]["LastModifiedDate"]


@command(app, changes=True)
def rotate(
    stage: Stage,
    terminal: Terminal,
    key: Annotated[str, typer.Argument(help="The secret, as `secrets list` shows it.")],
    leaked: Annotated[bool, typer.Option("--leaked", help="Honour the former key no longer.")] = False,
) -> None:
    """Make a new key; the former one is honoured for a while, which `secrets list` says."""
    if key == CANARY_PASSWORD.key:
        _rotate_password(stage, terminal)
        return
    if key == PUSH_KEY.key:
        _rotate_push_key(stage, terminal)
        return
    grace = next((secret.previous_valid_for for secret in SECRETS if secret.key == key), None)
    if grace is None:
        raise OperatorError(f"There is no secret {key!r}; choose one of {', '.join(s.key for s in SECRETS)}.")
    now, value = datetime.now(UTC), stage.find_parameter(key)
    until = json.loads(value).get("previousUntil") if value else None
    plan = [f"{key}: a new key of {KEY_BYTES} random bytes signs from now on"]
    if value is None:
        plan.append("there is none now, so that what needs it is answered with 503")
    elif leaked:
        plan.append("the former key is worth nothing at once: what it signed (cursors, links) is refused")
    else:
        plan.append(f"the former key is honoured until {timestamp(now + grace)}")
        if until and now < datetime.fromisoformat(until):
            plan.append(f"the key before it, honoured until {until} so far, is worth nothing at once")

    def apply() -> Json:
        new = rotated(value, randomness.token_urlsafe(KEY_BYTES), now, timedelta() if leaked else grace)
        stage.put_parameter(key, new, secret=True)
        return {"key": key, "formerHonouredUntil": json.loads(new)["previousUntil"]}

    if outcome := carry_out(stage, terminal, PlannedChange("secrets rotate", key, plan, apply)):
        terminal.result(outcome, f"{key} is rotated; the api reads it within 10 s.")


def _rotate_push_key(stage: Stage, terminal: Terminal) -> None:
    """Make another key pair for Web Push. Subscriptions are bound to the former one."""
    plan = [
        "a new key pair signs what goes to members' devices",
        "no device is notified until its member opens the app again, which then subscribes anew",
    ]

    def apply() -> Json:
        stage.put_parameter(PUSH_KEY.key, VapidKey.new().to_json(), secret=True)
        return {"key": PUSH_KEY.key}

    if outcome := carry_out(stage, terminal, PlannedChange("secrets rotate", PUSH_KEY.key, plan, apply)):
        publish = f"`civicforge deploy --refresh --stage {stage.name}`"
        terminal.result(outcome, f"The app learns the new public key from its config.json: run {publish} now.")


def _rotate_password(stage: Stage, terminal: Terminal) -> None:
    """Give the synthetic members another password, and the canary with them."""
    plan = [f"{address} gets another password" for address in SYNTHETIC_MEMBERS]

    def apply() -> Json:
        new = randomness.token_urlsafe(KEY_BYTES)
        make_members(stage, new)
        stage.put_parameter(CANARY_PASSWORD.key, new, secret=True)
        return {"key": CANARY_PASSWORD.key}

    if outcome := carry_out(stage, terminal, PlannedChange("secrets rotate", CANARY_PASSWORD.key, plan, apply)):
        terminal.result(outcome, "The canary signs in with the new password from its next run on.")


@command(app, changes=True)
def revoke(
    stage: Stage,
    terminal: Terminal,
    member: Annotated[str, typer.Argument(help="User id or e-mail address.")],
    for_good: Annotated[bool, typer.Option("--for-good", help="Let them sign in no more either.")] = False,
) -> None:
    """Sign a member out everywhere, where a token of theirs has leaked; with --for-good end their access.

    `civicforge moderation reinstate` gives it back.
    """
    user_id = user_id_of(stage, member)
    if user_id == member:
        _require_account(stage, user_id)  # who is named by address was found by it
    plan = [
        "their refresh tokens are worth nothing at once",
        "an access token that is out already is good for at most 60 minutes; `breaker open` stops even that",
        *(["they cannot sign in any more"] if for_good else []),
    ]

    def apply() -> Json:
        pool = stage.api_settings.cognito_user_pool_id
        try:
            stage.cognito.admin_user_global_sign_out(UserPoolId=pool, Username=user_id)
            if for_good:
                stage.cognito.admin_disable_user(UserPoolId=pool, Username=user_id)
        except stage.cognito.exceptions.UserNotFoundException:
            raise OperatorError(f"Nobody on {stage.name} has the id {user_id}.") from None
        return {"userId": user_id, "forGood": for_good}

    if outcome := carry_out(stage, terminal, PlannedChange("secrets revoke", user_id, plan, apply)):
        lasting = " and cannot sign in any more" if for_good else ""
        terminal.result(outcome, f"{user_id} is signed out everywhere{lasting}.")


def _require_account(stage: Stage, user_id: str) -> None:
    try:
        stage.cognito.admin_get_user(UserPoolId=stage.api_settings.cognito_user_pool_id, Username=user_id)
    except stage.cognito.exceptions.UserNotFoundException:
        raise OperatorError(
            f"Nobody on {stage.name} has the id {user_id}; `civicforge member find NAME --stage {stage.name}` finds it."
        ) from None
