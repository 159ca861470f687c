"""`./civicforge <command>`, which is `python -m ops <command>`."""

import json
import subprocess
import sys
import tomllib
from typing import Annotated, Final

import typer
from rich.console import Console

from infra.paths import REPOSITORY
from ops.commands import (
    alarms,
    breaker,
    browse,
    cost,
    destroy,
    dlq,
    documents,
    drift,
    fairness,
    flags,
    groups,
    ledger,
    logs,
    members,
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
from ops.shared.errors import EXPECTED, explain
from ops.shared.help import DocumentedCommand, in_order
from ops.shared.stage import LOCAL
from ops.shared.terminal import JsonOption, StageOption, Terminal, command

VERSION: Final = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"civicforge {VERSION}, commit {_commit()}")
        raise typer.Exit


def _commit() -> str:
    done = subprocess.run(
        ["git", "describe", "--always", "--dirty"],  # noqa: S607 - git of the PATH
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout.strip() or "unknown"


@app.callback()
def every(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show version and commit, and exit.")
    ] = False,
) -> None:
    """Operate a stage of CivicForge; docs/operations.md says when to use what."""


@app.command(cls=DocumentedCommand)
def doctor(stage: StageOption = LOCAL, as_json: JsonOption = False) -> None:
    """Say what is missing on this machine or account, and how to get it."""
    examine(stage, Terminal(as_json=as_json))


command(app)(status.status)
command(app, changes=True)(release.deploy)
command(app)(release.releases)
command(app)(drift.drift)
command(app, changes=True)(destroy.destroy)
command(app, "open")(browse.open_)
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
    ("member", members.app),
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


def main(arguments: list[str] | None = None) -> int:
    """Runs a command; what can be foreseen ends in a sentence, not in a traceback. Returns the exit code."""
    try:
        app(in_order(sys.argv[1:] if arguments is None else arguments), prog_name="civicforge")
    except EXPECTED as error:
        if "--json" in (sys.argv[1:] if arguments is None else arguments):
            sys.stdout.write(json.dumps({"error": explain(error), "kind": type(error).__name__}) + "\n")
        Console(stderr=True, highlight=False, soft_wrap=True).print(explain(error), style="red", markup=False)
        return 1
    except SystemExit as stop:
        return int(stop.code or 0)
    return 0


if __name__ == "__main__":
    sys.exit(main())
