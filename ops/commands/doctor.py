"""Checks of this machine and of the way to a stage, with remedies. Works with an empty PATH."""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Final, NamedTuple

import typer
from botocore.exceptions import BotoCoreError, ClientError

from infra.paths import REPOSITORY
from localcloud.emulator.process import Emulator, EmulatorError
from ops.shared import readiness
from ops.shared.readiness import Finding
from ops.shared.stage import LOCAL, LOCAL_DIRECTORY, OperatorError, Stage, open_stage
from ops.shared.terminal import Terminal
from services.core.parameters import SITE_URL

PYTHON: Final = (3, 11)
NODE: Final = (20, 19)


LEAST_FREE: Final = 2e9
"""Bytes: packages, zips, and an app that is built."""
LEAST_FREE_FOR_DATA: Final = 2e8
"""Bytes: the local cloud's data, which is written beside the former one before it takes its place."""
MOST_SKEW: Final = 60
"""Seconds by which this machine's clock may differ."""


class Tool(NamedTuple):
    """A program that some command needs."""

    name: str
    least: tuple[int, ...]
    needed_for: str
    remedy: str
    aws_only: bool = False
    fetched: bool = False
    """True if the Makefile fetches one where none is; one that is there is used, and may be too old."""


TOOLS: Final = (
    Tool("git", (2,), "deploy records the commit", "install git, e.g. `apt install git`"),
    Tool("node", NODE, "building the app", "install Node.js 20.19 or later, https://nodejs.org", fetched=True),
    Tool("npm", (9,), "building the app", "comes with Node.js", fetched=True),
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
    """The version that a program reports, or None if it does not run."""
    try:
        done = subprocess.run([executable, "--version"], capture_output=True, text=True, timeout=20, check=False)  # noqa: S603 - found on the PATH by us
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", done.stdout + done.stderr)
    return tuple(int(part) for part in match.groups() if part) if match else None


def tool(wanted: Tool, stage_name: str) -> Finding:
    """The finding about a program: there, and new enough."""
    executable = shutil.which(wanted.name)
    found = version_of(executable) if executable else None
    if found and found >= wanted.least:
        return Finding("ok", wanted.name, ".".join(map(str, found)))
    # `eval "$(python -m localcloud env)"` leads every stage's commands to the local cloud.
    optional = wanted.aws_only and (stage_name == LOCAL or "AWS_ENDPOINT_URL" in os.environ)
    text = f"{'.'.join(map(str, found))} is too old" if found else "not found"
    if wanted.fetched and not executable:
        return Finding(
            "optional", wanted.name, text, f"{wanted.needed_for}: `make setup` brings one, or {wanted.remedy}"
        )
    return Finding("optional" if optional else "missing", wanted.name, text, f"{wanted.needed_for}: {wanted.remedy}")


def machine(stage_name: str) -> Iterator[Finding]:
    """Findings about this machine."""
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
        Finding("ok", "the app's packages", "frontend/node_modules")
        if modules
        else Finding("optional", "the app's packages", "not installed", "`make setup`; deploy does it too")
    )
    yield disk("disk", REPOSITORY, LEAST_FREE)
    if LOCAL_DIRECTORY.exists() and _device(LOCAL_DIRECTORY) != _device(REPOSITORY):
        yield disk("disk of .local", LOCAL_DIRECTORY, LEAST_FREE_FOR_DATA)


def disk(what: str, folder: Path, least: float) -> Finding:
    """The finding about the disk of a folder, on which `least` bytes should be free."""
    free = shutil.disk_usage(folder).free
    if free >= least:
        return Finding("ok", what, f"{_size(free)} free")
    return Finding("missing", what, f"{_size(free)} free", f"make room until {_size(least)} are free, e.g. in {folder}")


def _device(folder: Path) -> int:
    return folder.stat().st_dev


def _size(number: float) -> str:
    return f"{number / 1e9:.0f} GB" if number >= 1e9 else f"{number / 1e6:.0f} MB"


def account(stage_name: str) -> Iterator[Finding]:
    """Findings about the way from here to the stage."""
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
        yield from _clock(stage)
        yield _deployed(stage)
        if stage_name != LOCAL:
            yield from readiness.account(stage)
    except OperatorError as error:
        yield Finding("missing", f"stage {stage_name}", "not there", str(error))
    except (BotoCoreError, ClientError) as error:
        remedy = "sign in: `aws sso login`, or set AWS_PROFILE"
        yield Finding("missing", "credentials", str(error).splitlines()[0], remedy)


def _clock(stage: Stage) -> Iterator[Finding]:
    """The difference of this machine's clock from AWS's, by which holds, `--since` and rollouts would go wrong."""
    server_time = stage.sts.get_caller_identity()["ResponseMetadata"]["HTTPHeaders"].get("date")
    if server_time:
        ahead = (datetime.now(UTC) - parsedate_to_datetime(server_time)).total_seconds()
        if abs(ahead) > MOST_SKEW:
            text = f"{abs(ahead) / 60:.0f} min {'ahead of' if ahead > 0 else 'behind'} AWS"
            yield Finding("missing", "clock", text, "`sudo timedatectl set-ntp true`, or your system's settings")
        else:
            yield Finding("ok", "clock", "as AWS has it")


def _deployed(stage: Stage) -> Finding:
    url = stage.find_parameter(SITE_URL.key)
    if url is None:
        remedy = f"`civicforge deploy --stage {stage.name}`"
        return Finding("optional", f"stage {stage.name}", "not stood up yet", remedy)
    return Finding("ok", f"stage {stage.name}", url)


def doctor(
    stage: str,
    terminal: Terminal,
) -> None:
    """Say what is missing on this machine or account, and how to get it."""
    found = [*machine(stage), *readiness.settings(stage), *account(stage)]
    missing = [finding for finding in found if finding.verdict == "missing"]
    lines = [f"{f.verdict:<9}{f.what:<22}{f.found}{f'  ->  {f.remedy}' if f.remedy else ''}" for f in found]
    terminal.result(
        {"ready": not missing, "findings": [finding.shown for finding in found]},
        *lines,
        f"{len(missing)} missing." if missing else "Nothing that is needed is missing.",
    )
    if missing:
        raise typer.Exit(1)
