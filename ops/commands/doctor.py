"""What is missing on this machine, or in the way to a stage, and how to get it. Works with an empty PATH."""

import importlib.util
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, NamedTuple

import typer
from botocore.exceptions import BotoCoreError, ClientError

from infra.config import SizeChange
from infra.paths import REPOSITORY
from infra.stack_config import load_config
from localcloud.emulator.process import Emulator, EmulatorError
from ops.shared.stage import LOCAL, LOCAL_DIRECTORY, OperatorError, Stage, open_stage
from ops.shared.terminal import Terminal
from services.core.names import PROJECT
from services.core.parameters import SITE_URL
from services.core.services import SERVICES
from services.core.stages import STAGES

Verdict = Literal["ok", "missing", "optional"]

PYTHON: Final = (3, 11)
NODE: Final = (20, 19)
UNRESERVED: Final = 100
"""Concurrent executions that AWS keeps from being reserved, for the functions that reserve none."""


class Finding(NamedTuple):
    """One thing that was looked for; `remedy` is empty where it is there."""

    verdict: Verdict
    what: str
    found: str
    remedy: str = ""


class Tool(NamedTuple):
    """A program that some command needs."""

    name: str
    least: tuple[int, ...]
    needed_for: str
    remedy: str
    aws_only: bool = False


TOOLS: Final = (
    Tool("git", (2,), "deploy records the commit", "install git, e.g. `apt install git`"),
    Tool("node", NODE, "building the page", "install Node.js 20.19 or later, https://nodejs.org"),
    Tool("npm", (9,), "building the page", "comes with Node.js"),
    Tool("make", (4,), "the targets of the Makefile", "install make, e.g. `apt install make`"),
    Tool(
        "pulumi",
        (3, 100),
        "deploying to AWS; the local cloud does without",
        "see https://www.pulumi.com/docs/iac/download-install",
        aws_only=True,
    ),
)


def version_of(executable: str) -> tuple[int, ...] | None:
    """The version that a program reports, or None where it does not run."""
    try:
        done = subprocess.run([executable, "--version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - found on the PATH by us
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", done.stdout + done.stderr)
    return tuple(int(part) for part in match.groups() if part) if match else None


def tool(wanted: Tool, stage_name: str) -> Finding:
    """Whether a program is there and new enough."""
    executable = shutil.which(wanted.name)
    found = version_of(executable) if executable else None
    if found and found >= wanted.least:
        return Finding("ok", wanted.name, ".".join(map(str, found)))
    optional = wanted.aws_only and stage_name == LOCAL
    said = f"{'.'.join(map(str, found))} is too old" if found else "not found"
    return Finding("optional" if optional else "missing", wanted.name, said, f"{wanted.needed_for}: {wanted.remedy}")


def machine(stage_name: str) -> Iterator[Finding]:
    """What this machine has."""
    version = ".".join(map(str, sys.version_info[:3]))
    python_remedy = "" if sys.version_info >= PYTHON else "install Python 3.11 or later and remove .venv"
    yield Finding("missing" if python_remedy else "ok", "Python", version, python_remedy)
    absent = [name for name in ("boto3", "pulumi", "pycognito", "httpx") if importlib.util.find_spec(name) is None]
    yield (
        Finding("missing", "packages", f"without {', '.join(absent)}", "make .venv/.ready")
        if absent
        else Finding("ok", "packages", str(Path(sys.prefix).name))
    )
    for wanted in TOOLS:
        yield tool(wanted, stage_name)
    modules = (REPOSITORY / "frontend" / "node_modules").exists()
    yield (
        Finding("ok", "the page's packages", "frontend/node_modules")
        if modules
        else Finding("optional", "the page's packages", "not installed", "`make setup`; deploy does it too")
    )
    free = shutil.disk_usage(REPOSITORY).free / 1e9
    enough = free > 2
    yield Finding("ok" if enough else "missing", "disk", f"{free:.0f} GB free", "" if enough else "free 2 GB")


def account(stage_name: str) -> Iterator[Finding]:
    """Whether the stage can be reached from here."""
    if stage_name == LOCAL:
        try:
            running = Emulator(LOCAL_DIRECTORY).running()
        except EmulatorError as error:
            yield Finding("missing", "local cloud", str(error), "make up")
            return
        if running is None:
            yield Finding("optional", "local cloud", "does not run", "make up")
            return
    try:
        stage = open_stage(stage_name)
        yield Finding("ok", "credentials", stage.actor)
        yield _stood_up(stage)
        if stage_name != LOCAL:
            yield _room(stage)
    except OperatorError as error:
        yield Finding("missing", f"stage {stage_name}", "not there", str(error))
    except (BotoCoreError, ClientError) as error:
        remedy = "sign in: `aws sso login`, or set AWS_PROFILE"
        yield Finding("missing", "credentials", str(error).splitlines()[0], remedy)


def _stood_up(stage: Stage) -> Finding:
    url = stage.find_parameter(SITE_URL.key)
    if url is None:
        remedy = f"`civicforge deploy --stage {stage.name}`"
        return Finding("optional", f"stage {stage.name}", "not stood up yet", remedy)
    return Finding("ok", f"stage {stage.name}", url)


def _room(stage: Stage) -> Finding:
    """Whether the account lets the stage reserve the concurrency that its settings ask for."""
    wanted = _reservations(stage.name)
    limit = stage.lambda_.get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    most = limit - UNRESERVED
    reserved = sum(number for number in wanted.values() if number > 0)
    if reserved <= most:
        return Finding("ok", "concurrency", f"{limit} in the account, {reserved} of them reserved by {stage.name}")
    named = ", ".join(f"'{service} concurrency -1'" for service, number in wanted.items() if number > 0)
    return Finding(
        "missing",
        "concurrency",
        f"{limit} in the account, of which AWS lets nobody reserve the last {UNRESERVED}",
        "ask Service Quotas for more concurrent executions of Lambda, "
        f"or put {named} under lambdaSizes in {_file(stage.name)}",
    )


def settings(stage_name: str) -> Iterator[Finding]:
    """What a stage with real members has to be told before it is stood up."""
    if STAGES[stage_name].disposable:
        return
    mails = json.loads(_setting(stage_name, "alertMails"))
    nobody = [mail for mail in mails if mail.endswith(".example")]
    remedy = f"name people under alertMails in {_file(stage_name)}; nobody reads {', '.join(nobody)}"
    yield Finding("missing", "alerts", "go to nobody", remedy) if nobody else Finding("ok", "alerts", ", ".join(mails))
    sender = _setting(stage_name, "mailFrom")
    remedy = f"set mailFrom and mailIdentityArn in {_file(stage_name)} to a verified identity of SES"
    yield (
        Finding("ok", "mails", f"from {sender}")
        if sender
        else Finding("optional", "mails", "Cognito's own mailer, which sends 50 a day", remedy)
    )


def _setting(stage_name: str, key: str) -> str:
    return load_config(stage_name, REPOSITORY).values.get(f"{PROJECT}:{key}", "")


def _reservations(stage_name: str) -> dict[str, int]:
    """The concurrency that each Lambda of a stage reserves; -1 where it reserves none."""
    changes = [SizeChange.parse(text) for text in json.loads(_setting(stage_name, "lambdaSizes"))]
    changed = {change.service: change.value for change in changes if change.field == "concurrency"}
    return {name: changed.get(name, service.concurrency) for name, service in SERVICES.items()}


def _file(stage_name: str) -> str:
    return f"Pulumi.{stage_name}.yaml"


def doctor(
    stage: str,
    terminal: Terminal,
) -> None:
    """Say what is missing on this machine or account, and how to get it."""
    found = [*machine(stage), *settings(stage), *account(stage)]
    missing = [finding for finding in found if finding.verdict == "missing"]
    lines = [f"{f.verdict:<9}{f.what:<22}{f.found}{f'  ->  {f.remedy}' if f.remedy else ''}" for f in found]
    terminal.result(
        {"ready": not missing, "findings": [finding._asdict() for finding in found]},
        *lines,
        f"{len(missing)} missing." if missing else "Nothing that is needed is missing.",
    )
    if missing:
        raise typer.Exit(1)
