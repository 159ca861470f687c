"""A private emulator per test session: its own data, its own ports, nothing of the developer's own local cloud."""

import json
import os
import random
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import coverage
import pytest
from botocore.config import Config

from infra import lambda_zips
from infra.paths import REPOSITORY
from localcloud.emulator.process import Emulator, Running
from localcloud.engine import deployment
from localcloud.engine.deployment import Report
from localcloud.engine.language_host import Program
from services.core.names import parameter_name
from services.core.parameters import FLAGS, flag_parameter
from tests.platform.community import Stage

VENV = REPOSITORY / ".local" / "emulator-venv"
"""Shared by all emulators of a checkout; only data is private."""


@dataclass
class Platform:
    """A running emulator and how to use it."""

    emulator: Emulator
    running: Running
    root: Path
    _clients: dict[str, Any] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        """URL of the AWS APIs."""
        return self.running.endpoint

    def client(self, service: str, **credentials: str) -> Any:
        """A boto3 client with root credentials, or with those given."""
        if credentials or service not in self._clients:
            key, secret = self.emulator.root_key
            keys: dict[str, Any] = {"aws_access_key_id": key, "aws_secret_access_key": secret, **credentials}
            session = boto3.Session(**keys, region_name="us-east-1")
            client = session.client(
                service,  # type: ignore[call-overload]  # the overloads want a literal
                endpoint_url=self.endpoint,
                config=Config(s3={"addressing_style": "path"}, retries={"max_attempts": 1}),
            )
            if credentials:
                return client
            self._clients[service] = client
        return self._clients[service]

    def up(self, stage: str, program: Program | None = None, **options: Any) -> Report:
        """Run the engine over a program; its state is this platform's own."""
        return deployment.up(
            stage,
            endpoint=self.endpoint,
            state_dir=self.emulator.stacks,
            root=options.pop("root", self.root),
            program=program,
            **options,
        )

    def preview(self, stage: str, program: Program, **options: Any) -> Report:
        """Preview an `up`."""
        return deployment.preview(
            stage,
            endpoint=self.endpoint,
            state_dir=self.emulator.stacks,
            root=self.root,
            program=program,
            **options,
        )

    def destroy(self, stage: str, **options: Any) -> Report:
        """Remove a stage."""
        return deployment.destroy(stage, endpoint=self.endpoint, state_dir=self.emulator.stacks, **options)

    def restart(self) -> Running:
        """Start again after it was stopped or killed, at the same address: others may have noted it."""
        self.running = self.emulator.start(_coverage_environment(self.emulator.directory))
        assert not self.running.moved, "another program has taken a port of this emulator"
        self._clients.clear()
        return self.running


@pytest.fixture(scope="session")
def make_platform() -> Iterator[Callable[[], Platform]]:
    """Start a private emulator; all of them are stopped and deleted at the end."""
    made: list[Platform] = []

    def make() -> Platform:
        directory = Path(tempfile.mkdtemp(prefix="civicforge-platform-"))
        (directory / "Pulumi.yaml").write_text(json.dumps({"name": "probe", "runtime": "python", "config": {}}))
        emulator = Emulator(directory / "local", venv=VENV, ports=quiet_ports(), owner=os.getpid())
        platform = Platform(emulator, emulator.start(_coverage_environment(emulator.directory)), directory)
        made.append(platform)
        return platform

    yield make
    for platform in made:
        platform.emulator.stop()
        shutil.rmtree(platform.root, ignore_errors=True)


@pytest.fixture(scope="session")
def platform(make_platform: Callable[[], Platform]) -> Platform:
    """The session's own emulator."""
    return make_platform()


def quiet_ports() -> tuple[int, int]:
    """Ports that no other emulator is likely to take while this one is started again, nor the system for a client."""
    first = random.SystemRandom().randrange(20000, 31900)
    return first, first + 50


def _coverage_environment(directory: Path) -> dict[str, str]:
    """Variables by which the emulator's process measures its own coverage, when the tests do.

    Its environment has no coverage package: it gets this one's, and forgets the variables again at once so that the
    Lambdas do not see them.
    """
    if coverage.Coverage.current() is None:
        return {}
    hooks = directory / "coverage"
    hooks.mkdir(parents=True, exist_ok=True)
    package = hooks / "coverage"
    if not package.exists():
        package.symlink_to(Path(coverage.__file__).parent)
    (hooks / "sitecustomize.py").write_text(
        "import os, coverage\n"
        "coverage.process_startup()\n"
        "[os.environ.pop(name, None) for name in ('COVERAGE_PROCESS_START', 'COVERAGE_FILE', 'PYTHONPATH')]\n"
    )
    return {
        "PYTHONPATH": str(hooks),
        "COVERAGE_PROCESS_START": str(REPOSITORY / "pyproject.toml"),
        "COVERAGE_FILE": str(REPOSITORY / ".coverage"),
    }


@pytest.fixture(scope="session")
def stage(make_platform: Callable[[], Platform]) -> Iterator[Stage]:
    """The stage `local`, up on an emulator of its own, with its flags on."""
    lambda_zips.build("host", REPOSITORY / "dist" / "host")
    platform = make_platform()
    overrides = {
        "civicforge:siteUrl": platform.running.front_url,
        "civicforge:cognitoEndpoint": f"{platform.endpoint}/",
    }
    report = platform.up("local", root=REPOSITORY, overrides=overrides)
    platform.emulator.serve_at_front_door(report.outputs["distribution_domain"])
    stage = Stage(platform.endpoint, platform.running.front_url, report.outputs)
    for flag in FLAGS:
        name = parameter_name("local", flag_parameter(flag).key)
        stage.client("ssm").put_parameter(Name=name, Value="on", Overwrite=True)
    yield stage
    stage.http.close()
