"""`./civicforge <command>`, which is `python -m ops <command>`."""

import sys

import httpx
import typer
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, TokenRetrievalError
from pydantic import ValidationError
from rich.console import Console

from infra.stack_config import ConfigError
from localcloud.emulator.process import EmulatorError
from ops.commands import (
    alarms,
    breaker,
    cost,
    dlq,
    documents,
    fairness,
    flags,
    groups,
    ledger,
    logs,
    moderation,
    notices,
    page,
    quests,
    recover,
    release,
    restore,
    rewards,
    rollout,
    secrets,
    seed,
    smoke,
    status,
)
from ops.commands.doctor import doctor as examine
from ops.shared.books import invalid_fields
from ops.shared.stage import LOCAL, OperatorError
from ops.shared.terminal import JsonOption, StageOption, Terminal, command
from services.core.settings import SettingsError
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.users import NoSuchUserError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Operate a stage of CivicForge; docs/operations.md says when to use what.",
)


@app.command()
def doctor(stage: StageOption = LOCAL, as_json: JsonOption = False) -> None:
    """Say what is missing on this machine or account, and how to get it."""
    examine(stage, Terminal(as_json=as_json))


command(app)(status.status)
command(app, changes=True)(release.deploy)
command(app)(release.releases)
command(app, changes=True)(release.rollback)
command(app, changes=True)(recover.recover)
command(app)(page.publish)
command(app)(seed.seed)
command(app)(smoke.smoke)
command(app)(logs.logs)
command(app)(cost.cost)
for name, commands in (
    ("flags", flags.app),
    ("rollout", rollout.app),
    ("groups", groups.app),
    ("alarms", alarms.app),
    ("breaker", breaker.app),
    ("quest", quests.app),
    ("moderation", moderation.app),
    ("fairness", fairness.app),
    ("ledger", ledger.app),
    ("rewards", rewards.app),
    ("notices", notices.app),
    ("dlq", dlq.app),
    ("documents", documents.app),
    ("restore", restore.app),
    ("secrets", secrets.app),
):
    app.add_typer(commands, name=name)


def explain(error: Exception) -> str:
    """The explanation of an error: what happened and what to do, in a sentence or two."""
    match error:
        case NoCredentialsError() | TokenRetrievalError():
            return "There are no AWS credentials here. Sign in (`aws sso login`) or set AWS_PROFILE."
        case ClientError():
            answer = error.response["Error"]
            code = answer.get("Code", "")
            if "AccessDenied" in code or "UnauthorizedOperation" in code:
                return f"AWS does not let this role do it: {answer.get('Message', error)}"
            if "ExpiredToken" in code or "InvalidClientTokenId" in code:
                return "The AWS credentials have expired. Sign in again."
            return f"AWS refused {error.operation_name}: {answer.get('Message') or code}"
        case BotoCoreError() | httpx.HTTPError():
            return f"AWS or the stage cannot be reached: {error}"
        case NoSuchUserError():
            return f"There is no such member: {error}"
        case ValidationError():
            return (
                f"Something that is stored is invalid: {error.title}, {invalid_fields(error)}. "
                "`civicforge ledger check` names it; `civicforge restore` brings back what it was."
            )
        case StoreUnavailableError():
            return f"The tables do not answer: {error}. Try again."
    return str(error)


EXPECTED = (
    OperatorError,
    EmulatorError,
    ConfigError,
    SettingsError,
    StoreUnavailableError,
    NoSuchUserError,
    ValidationError,
    ClientError,
    BotoCoreError,
    httpx.HTTPError,
)


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; what can be foreseen ends in a sentence, not in a traceback. Returns the exit code."""
    try:
        app(arguments, prog_name="civicforge")
    except EXPECTED as error:
        Console(stderr=True, highlight=False, soft_wrap=True).print(explain(error), style="red", markup=False)
        return 1
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
