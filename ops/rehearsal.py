"""The first hour with an AWS account, or the same on an emulator: `python -m ops.rehearsal [--local]`.

It bootstraps the account, leads the stage `dev` through its life as its own roles, restores and stops it as an
operator, and destroys it. Each step says what IAM denied; the end says what it cost. On AWS it takes credentials of the
account's administrator, `pulumi` and `gh`; the bootstrap stack stays.

What it finds is what nobody can know without an account: docs/decisions/0014 lists the questions.
"""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import boto3

from infra import preview as previews
from infra.bootstrap.github import backend_url, state_bucket_name
from infra.paths import REPOSITORY
from infra.stack_config import load_config
from localcloud.authorization.gate import Gate
from localcloud.emulator.process import Emulator, Running
from localcloud.engine import deployment
from ops import __main__ as cli
from ops.commands.restore import restores
from ops.shared import stage as stages
from ops.shared.releases import Releases
from ops.shared.stage import OperatorError, open_stage
from ops.shared.waiting import until_ready
from services.core.names import bootstrap_role

STAGE: Final = "dev"
SLUG: Final = "rehearsal@1/civicforge@2"
"""The repository that the emulated account trusts; on AWS `scripts/setup-oidc.sh` finds out."""
OWNER: Final = "rehearsal"
_DENIED: Final = re.compile(r"not authorized to perform: (\S+)(?: on resource: (\S+))?|(?<!\w)(AccessDenied\w*)")


@dataclass
class StepResult:
    """The outcome of a step."""

    name: str
    passed: bool
    seconds: float
    output: str
    denied: tuple[str, ...] = ()


class Target(ABC):
    """The place of the rehearsal."""

    @abstractmethod
    def bootstrap(self) -> None:
        """Make the account's own stack."""

    @abstractmethod
    def acting_as(self, kind: str) -> "contextlib.AbstractContextManager[None]":
        """Do what is within as the role `deploy` or `preview`."""

    @abstractmethod
    def retag(self) -> None:
        """Change one tag of everything, and nothing else."""

    @abstractmethod
    def preview(self, *, drift: bool) -> None:
        """Say what `up` would change, or what is not as it should be. Raises OperatorError if that fails."""

    @abstractmethod
    def destroy(self) -> None:
        """Delete the stage."""


class EmulatorTarget(Target):
    """An emulator of its own, which forgets everything at the end."""

    def __init__(self, folder: Path) -> None:
        self._emulator = Emulator(folder, venv=stages.LOCAL_DIRECTORY / "emulator-venv", owner=os.getpid())
        stages.LOCAL_DIRECTORY = folder
        self._running: Running = self._emulator.start()
        key, secret = self._emulator.root_key
        os.environ.update({"AWS_ENDPOINT_URL": self._running.endpoint, _KEYS[0]: key, _KEYS[1]: secret})
        self._config = load_config(STAGE, REPOSITORY)

    def close(self) -> None:
        """Stop it and forget it."""
        self._emulator.reset()

    def bootstrap(self) -> None:
        self._engine(deployment.up, "bootstrap", overrides={"repository": SLUG})

    @contextlib.contextmanager
    def acting_as(self, kind: str) -> Iterator[None]:
        os.environ["CIVICFORGE_AS_ROLE"] = kind
        try:
            yield
        finally:
            del os.environ["CIVICFORGE_AS_ROLE"]

    def retag(self) -> None:
        tags = json.dumps({"tags": {**self._config.default_tags, "owner": OWNER}})
        self._engine(deployment.up, STAGE, overrides={**self._overrides(), "aws:defaultTags": tags}, gate=self._gate())

    def preview(self, *, drift: bool) -> None:
        report = self._engine(deployment.preview, STAGE, overrides=self._overrides(), gate=self._gate(), verify=drift)
        print(f"{report.changed} would change")  # noqa: T201 - what the step says
        if report.errors:
            raise OperatorError("; ".join(report.errors))

    def destroy(self) -> None:
        deployment.destroy(STAGE, endpoint=self._running.endpoint, state_dir=self._emulator.stacks, gate=self._gate())

    def _gate(self) -> Gate:
        role = bootstrap_role(STAGE, os.environ["CIVICFORGE_AS_ROLE"])
        return Gate(self._running.endpoint, self._config.region, role, self._config.default_tags)

    def _overrides(self) -> dict[str, str]:
        live = Releases(open_stage(STAGE)).current()
        return {
            "civicforge:artifacts": "dist/host",
            "civicforge:release": live or "unreleased",
            "civicforge:canaryPercent": "0",
        }

    def _engine(self, run: Callable[..., deployment.Report], stage: str, **options: Any) -> deployment.Report:
        return run(stage, endpoint=self._running.endpoint, state_dir=self._emulator.stacks, root=REPOSITORY, **options)


class AwsTarget(Target):
    """An AWS account, by the tools that its operators use."""

    def __init__(self) -> None:
        self._config = load_config(STAGE, REPOSITORY)
        self._account = boto3.client("sts").get_caller_identity()["Account"]
        bucket = state_bucket_name(self._account)
        os.environ.setdefault("PULUMI_BACKEND_URL", backend_url(bucket, self._config.region, STAGE))

    def bootstrap(self) -> None:
        without = {key: value for key, value in os.environ.items() if key != "PULUMI_BACKEND_URL"}
        _run(["scripts/setup-oidc.sh"], env=without)

    @contextlib.contextmanager
    def acting_as(self, kind: str) -> Iterator[None]:
        """The role trusts GitHub alone: for this time it trusts the account's administrators too."""
        iam, name = boto3.client("iam"), bootstrap_role(STAGE, kind)
        role = iam.get_role(RoleName=name)["Role"]
        trust: Any = role["AssumeRolePolicyDocument"]
        here = {
            "Effect": "Allow",
            "Action": "sts:AssumeRole",
            "Principal": {"AWS": f"arn:aws:iam::{self._account}:root"},
        }
        widened = json.dumps({**trust, "Statement": [*trust["Statement"], here]})
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=widened)
        kept = {key: os.environ.get(key) for key in _KEYS}
        try:
            keys = until_ready(
                lambda: boto3.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="rehearsal"),
                f"the role {name}",
                wait_on=frozenset({"AccessDenied"}),
            )["Credentials"]
            taken = (keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
            os.environ.update(zip(_KEYS, taken, strict=True))
            yield
        finally:
            for key, value in kept.items():
                os.environ.pop(key, None)
                if value is not None:
                    os.environ[key] = value
            iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(trust))

    def retag(self) -> None:
        release = previews.live_release(STAGE)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"Pulumi.{STAGE}.yaml"
            text = (REPOSITORY / file.name).read_text(encoding="utf-8")
            file.write_text(text.replace("owner: platform", f"owner: {OWNER}"), encoding="utf-8")
            up = ["pulumi", "up", "--yes", "--non-interactive", "--stack", STAGE, "--config-file", str(file)]
            _run([*up, "--config", f"civicforge:release={release}"])

    def preview(self, *, drift: bool) -> None:
        _run([sys.executable, "-m", "infra.preview", *(["--drift"] if drift else []), STAGE])

    def destroy(self) -> None:
        _run(["pulumi", "destroy", "--yes", "--non-interactive", "--stack", STAGE])


_KEYS: Final = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def _run(command: list[str], env: dict[str, str] | None = None) -> None:
    """Run a program and pass on what it says. Raises OperatorError if it fails."""
    done = subprocess.run(command, cwd=REPOSITORY, env=env, capture_output=True, text=True, check=False)  # noqa: S603 - fixed arguments
    print(done.stdout + done.stderr)  # noqa: T201 - what the step says
    if done.returncode:
        raise OperatorError(f"{command[0]} ended with {done.returncode}")


def civicforge(*arguments: str) -> None:
    """Run a command of the CLI. Raises OperatorError if it fails."""
    if cli.main([*arguments]):
        raise OperatorError(f"civicforge {' '.join(arguments)} failed")


def newest_restore() -> str:
    """The id of the restore that was started last."""
    return restores(open_stage(STAGE))[0]


def changing(*arguments: str) -> None:
    """Run a command that changes the stage and asks for a reason."""
    civicforge(*arguments, "--stage", STAGE, "--yes", "--reason", "rehearsal")


@dataclass
class Rehearsal:
    """The steps, and what became of them so far."""

    target: Target
    say: Callable[[str], None]
    ran: list[StepResult] = field(default_factory=list)

    def step(self, name: str, do: Callable[[], None], *, role: str | None = None) -> bool:
        """Take a step, as a role if one is named; tell its outcome and what was denied in it."""
        out, began, failed = io.StringIO(), time.monotonic(), ""
        acting = self.target.acting_as(role) if role else contextlib.nullcontext()
        try:
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(out), acting:
                do()
        except Exception as error:  # the next steps are worth trying, whatever was wrong with this one
            failed = f"{type(error).__name__}: {error}"
        output = f"{out.getvalue()}{failed}"
        denied = tuple(sorted({" on ".join(filter(None, found)) for found in _DENIED.findall(output)}))
        done = StepResult(name, not failed, round(time.monotonic() - began, 1), output, denied)
        self.ran.append(done)
        self.say(f"{'ok' if done.passed else 'FAILED':<7}{done.seconds:>7.1f} s  {name}{f' as {role}' if role else ''}")
        for line in [*(f"denied: {what}" for what in denied), *([failed.splitlines()[0]] if failed else [])]:
            self.say(f"                  {line}")
        return done.passed

    def run(self) -> bool:
        """Take every step; destroy what was made, whatever failed before."""
        target = self.target
        if not self.step("bootstrap", target.bootstrap):
            return False
        deploy = ("deploy", "--canary", "0", "--over-newer")
        if self.step("deploy", lambda: changing(*deploy), role="deploy"):
            self.step("deploy again", lambda: changing(*deploy), role="deploy")
            self.step("roll back", lambda: changing("rollback"), role="deploy")
            self.step("change a tag", target.retag, role="deploy")
            self.step("preview", lambda: target.preview(drift=False), role="preview")
            self.step("drift", lambda: target.preview(drift=True), role="preview")
            self.step("smoke", lambda: civicforge("smoke", "--stage", STAGE), role="deploy")
            self.step("restore", lambda: changing("restore", "start"))
            self.step("restore again", lambda: changing("restore", "complete", newest_restore()))
            self.step("restore drop", lambda: changing("restore", "drop", newest_restore()))
            self.step("breaker open", lambda: changing("breaker", "open", "--level", "stopped"))
            self.step("breaker close", lambda: changing("breaker", "close"))
            self.step("cost", lambda: civicforge("cost", "--stage", STAGE))
        self.step("destroy", target.destroy, role="deploy")
        return all(ran.passed for ran in self.ran)

    @property
    def cost(self) -> str:
        """The words of `cost`, or that it never came to it."""
        return next((ran.output.strip() for ran in self.ran if ran.name == "cost" and ran.passed), "not known")


def main(arguments: list[str]) -> int:
    """Rehearse; the exit code is 1 where a step failed."""
    local = arguments == ["--local"]
    if arguments and not local:
        sys.stderr.write(f"{__doc__}\n")
        return 2
    with tempfile.TemporaryDirectory(prefix="civicforge-rehearsal-") as folder, contextlib.ExitStack() as stack:
        if local:
            emulated = EmulatorTarget(Path(folder))
            stack.callback(emulated.close)
            target: Target = emulated
        else:
            target = AwsTarget()
        terminal = sys.stdout

        def say(line: str) -> None:
            terminal.write(f"{line}\n")
            terminal.flush()

        rehearsal = Rehearsal(target, say)
        passed = rehearsal.run()
        log = REPOSITORY / "dist" / "rehearsal.log"
        log.parent.mkdir(exist_ok=True)
        log.write_text("\n".join(f"== {ran.name}\n{ran.output}" for ran in rehearsal.ran), encoding="utf-8")
        denied = sorted({what for ran in rehearsal.ran for what in ran.denied})
        say(f"\nDenied: {'nothing' if not denied else ''}")
        for what in denied:
            say(f"  {what}")
        say(f"\nCost:\n{rehearsal.cost}\n\nEverything that was output: {log}")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
