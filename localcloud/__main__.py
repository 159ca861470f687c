"""`python -m localcloud up|down|reset|logs|status|env`: the local cloud's command line."""

import sys
import time
from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from infra.stack_config import ConfigError
from localcloud.emulator.process import DATA_LOSS_SECONDS, REPOSITORY, Emulator, EmulatorError, Running
from localcloud.engine import deployment
from localcloud.engine.deployment import EngineError, Report
from localcloud.engine.state import State, StateError
from localcloud.pulumi_engine.command import CommandError
from localcloud.pulumi_engine.local_stack import LocalStack, stacks

DIRECTORY = REPOSITORY / ".local"
BOOTSTRAP = "bootstrap"
PROJECT = "civicforge"
"""As `Pulumi.yaml` names it."""
LOCAL_REPOSITORY = "this-machine/civicforge"
"""The GitHub repository in the bootstrap stack's trust policies; a made-up one, since no job deploys here."""

app = typer.Typer(add_completion=False, help="The whole platform on this machine.", no_args_is_help=True)
console = Console(highlight=False, soft_wrap=True)


class EngineName(StrEnum):
    """The engine that carries the program out."""

    EMBEDDED = "embedded"
    PULUMI = "pulumi"


Engine = Annotated[EngineName, typer.Option(help="The embedded engine, or Pulumi's own, which needs its CLI.")]
Refresh = Annotated[
    bool, typer.Option("--refresh", help="Look at every resource: make again what is missing, put back what differs.")
]
Stage = Annotated[str, typer.Option(help="Which stage's configuration to run.")]


@app.command()
def up(stage: Stage = "local", engine: Engine = EngineName.EMBEDDED, refresh: Refresh = False) -> None:
    """Start the emulator and bring the stage up; run again, it changes nothing."""
    emulator = Emulator(DIRECTORY)
    running = start(emulator)
    report = provision(emulator, running, stage, engine, refresh=refresh)
    open_front_door(emulator, report, stage)
    emulator.save()
    show(report, looked=refresh or running.crashed)
    console.print(
        f"\n[bold]{running.url_of(stage)}[/]   mails: {running.front_url}/_local/mailbox   AWS: {running.endpoint}"
    )


def start(emulator: Emulator) -> Running:
    """The emulator, running."""
    with console.status("Starting the emulator ..."):
        running = emulator.start()
    if running.crashed:
        console.print(f"The emulator had been killed: up to {DATA_LOSS_SECONDS} seconds of data may be missing.")
    if running.moved:
        console.print(f"Its former ports are taken; it answers at {running.front_url} now, AWS at {running.endpoint}.")
    return running


def provision(
    emulator: Emulator,
    running: Running,
    stage: str,
    engine: EngineName = EngineName.EMBEDDED,
    *,
    refresh: bool = False,
) -> Report:
    """Run the Pulumi program, with a progress display."""
    other = _other_state(emulator, stage, engine)
    if other.exists():
        raise EngineError(f"The other engine has made the stage {stage} ({other}). `make reset` forgets both.")
    expected = len(State(emulator.stacks / f"{stage}.json").resources) or _of_pulumi(emulator, stage).resources or None
    columns = (SpinnerColumn(), TextColumn("Resources"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, TextColumn("[dim]{task.description}"), console=console, transient=True) as progress:
        task = progress.add_task("", total=expected)
        return _up(engine)(
            stage,
            endpoint=running.endpoint,
            state_dir=emulator.stacks,
            root=REPOSITORY,
            progress=lambda step: progress.update(task, advance=1, description=f"{step.operation} {step.name}"),
            overrides={"repository": LOCAL_REPOSITORY} if stage == BOOTSTRAP else running.configuration(stage),
            verify=refresh or running.crashed,
        )


def _up(engine: EngineName) -> Callable[..., Report]:
    if engine == EngineName.EMBEDDED:
        return deployment.up
    from localcloud.pulumi_engine import automation  # it brings gRPC along, which only this engine needs

    return automation.up


def _other_state(emulator: Emulator, stage: str, engine: EngineName) -> Path:
    """The stack state by which another engine would know the stage: two would each make it again."""
    if engine == EngineName.PULUMI:
        return emulator.stacks / f"{stage}.json"
    return _of_pulumi(emulator, stage).file


def _of_pulumi(emulator: Emulator, stage: str) -> LocalStack:
    """The stage as Pulumi's own engine knows it, or not."""
    return LocalStack(emulator.stacks, PROJECT, stage)


def open_front_door(emulator: Emulator, report: Report, stage: str) -> None:
    """Lead the stage's address to its distribution, if it has one."""
    domain = report.outputs.get("distribution_domain")
    if domain:
        emulator.serve_at_front_door(domain, stage)


def show(report: Report, *, looked: bool = False) -> None:
    """A short list of what was done; `looked` if every resource was compared with what the program says."""
    for action, urns in (
        ("created", report.created),
        ("updated", report.updated),
        ("replaced", report.replaced),
        ("deleted", report.deleted),
    ):
        if not urns:
            continue
        kinds = Counter(urn.split("::")[2].rsplit(":", 1)[-1] for urn in urns)
        names = [urn.rsplit("::", 1)[-1] for urn in urns]
        few = 12
        detail = ", ".join(names if len(names) <= few else [f"{count} {kind}" for kind, count in kinds.most_common()])
        console.print(f"  {action:<8} {len(urns):>3}  [dim]{detail}[/]")
    for orphan in report.orphans:
        console.print(f"  [yellow]left behind by an interrupted run: {orphan}[/]")
    if not report.changed:
        seen = "each was looked at" if looked else "none was looked at; --refresh looks"
        console.print(f"  Nothing changed: {len(report.same)} resources as the program asks for them; {seen}.")


@app.command()
def down(lose: Annotated[bool, typer.Option(help="Stop it also where its data cannot be saved.")] = False) -> None:
    """Stop the emulator; its data stays."""
    stopped = Emulator(DIRECTORY).stop(lose=lose)
    kept = "Stopped." if lose else "Stopped; the data is kept."
    console.print(kept if stopped else "The emulator was not running.")


@app.command()
def reset() -> None:
    """Stop the emulator and delete all data."""
    Emulator(DIRECTORY).reset()
    console.print("Stopped and emptied. `make up` starts afresh.")


@app.command()
def status() -> None:
    """Say whether it runs, where, and what is deployed. Exit code 3 if it does not run."""
    emulator = Emulator(DIRECTORY)
    running = emulator.running()
    if running is None:
        console.print("Not running. `make up` starts it.")
        raise typer.Exit(3)
    console.print(f"{running.front_url}   AWS: {running.endpoint}   pid {running.pid}")
    if failure := emulator.failure():
        console.print(f"[red]{escape(failure)}[/]")
    for path in sorted(emulator.stacks.glob("*.json")):
        state = State(path)
        console.print(f"  {path.stem}: {len(state.resources)} resources{'' if state.settled else ', interrupted'}")
    for stack in stacks(emulator.stacks):
        interrupted = ", interrupted" if stack.interrupted else ""
        console.print(f"  {stack.stage}, by Pulumi's engine: {stack.resources} resources{interrupted}")


@app.command()
def env() -> None:
    """Print shell lines that point any AWS tool at the local cloud: `eval "$(python -m localcloud env)"`."""
    running = _running()
    key, secret = Emulator(DIRECTORY).root_key
    for name, value in (
        ("AWS_ENDPOINT_URL", running.endpoint),
        ("AWS_ACCESS_KEY_ID", key),
        ("AWS_SECRET_ACCESS_KEY", secret),
        ("AWS_REGION", "us-east-1"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("CIVICFORGE_URL", running.front_url),
    ):
        typer.echo(f"export {name}={value}")


@app.command()
def logs(follow: Annotated[bool, typer.Option(help="Go on until interrupted.")] = True) -> None:
    """Show what the Lambdas log, and the emulator's errors."""
    emulator = Emulator(DIRECTORY)
    running = _running()
    session = boto3.Session(*emulator.root_key, region_name="us-east-1")
    client = session.client("logs", endpoint_url=running.endpoint)
    since = int((time.time() - 600) * 1000)
    position = emulator.log.stat().st_size if emulator.log.exists() else 0
    while True:
        since = _print_lambda_logs(client, since)
        position = _print_emulator_errors(emulator.log, position)
        if not follow:
            return
        time.sleep(1)


def _print_lambda_logs(client: Any, since: int) -> int:
    """Print events from `since` (ms) on, in the order of time; returns where to go on."""
    found = []
    for page in client.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/aws/lambda/"):
        for group in page["logGroups"]:
            name = group["logGroupName"]
            pages = client.get_paginator("filter_log_events").paginate(logGroupName=name, startTime=since)
            found += [(event["timestamp"], name, event["message"]) for page in pages for event in page["events"]]
    for _, name, message in sorted(found, key=lambda event: event[0]):
        # Metrics, and the frame that Lambda puts around a run, are not for reading.
        if not message.startswith(("START ", "END ", "REPORT ")) and '"_aws"' not in message:
            console.print(f"[cyan]{name.rsplit('/', 1)[-1]}[/] {escape(message)}")
    return int(time.time() * 1000)


def _print_emulator_errors(log: Path, position: int) -> int:
    if not log.exists():
        return 0
    with log.open(encoding="utf-8", errors="replace") as file:
        file.seek(position)
        for line in file:
            if " ERROR " in line or line.startswith(("Traceback", "  ")):
                console.print(f"[red]emulator[/] {escape(line.rstrip())}")
        return file.tell()


def _running() -> Running:
    running = Emulator(DIRECTORY).running()
    if running is None:
        raise EmulatorError("The local cloud does not run. `make up` starts it.")
    return running


def main() -> int:
    """Run a command; what can be foreseen ends in a sentence, not in a traceback."""
    try:
        app(standalone_mode=True)
    except (EmulatorError, EngineError, StateError, ConfigError, CommandError) as error:
        console.print(f"[red]{escape(str(error))}[/]")
        return 1
    except (BotoCoreError, ClientError) as error:
        console.print(f"[red]The emulator refused: {escape(str(error))}[/]\nSee {DIRECTORY / 'emulator.log'}.")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
