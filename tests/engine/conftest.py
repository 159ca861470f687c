"""An emulator of its own, with the account's bootstrap stack, which the stages' roles are bounded by.

With the environment variable `PROVIDER=aws` AWS's real provider works on it, which the CLI downloads, in place of the
local cloud's.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from infra import lambda_zips
from infra.paths import REPOSITORY
from localcloud.emulator.process import Emulator
from localcloud.pulumi_engine.automation import Engine
from tests.platform.conftest import VENV, Platform
from tests.platform.differential.runner import PROJECT, Pulumis

HOST_SETTINGS = {"civicforge:artifacts": "dist/host", "civicforge:architecture": "x86_64"}
"""Lambda artifacts for this machine (x86-64) instead of AWS's arm64."""
BOOTSTRAP = {"civicforge:repository": "civicforge/platform"}


def pytest_configure(config: pytest.Config) -> None:
    """Let no test fail for what another one left: Pulumi's SDK does not close the loop of a program that failed."""
    config.addinivalue_line("filterwarnings", "ignore::pytest.PytestUnraisableExceptionWarning")


def provider_environment(platform: Platform) -> dict[str, str]:
    """The CLI's variables for the provider that is wanted."""
    if os.environ.get("PROVIDER") != "aws":
        return {}
    key, secret = platform.emulator.root_key
    return {
        "PULUMI_DEBUG_PROVIDERS": "",
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "false",
        "AWS_ENDPOINT_URL": platform.endpoint,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
    }


@dataclass
class Account:
    """An emulated account and Pulumi's engine for it."""

    platform: Platform
    engine: Engine


@pytest.fixture(scope="session")
def make_account() -> Iterator[Callable[[], Account]]:
    """Start a private emulator; all of them are stopped and deleted at the end."""
    made: list[Platform] = []
    lambda_zips.build("host", REPOSITORY / "dist" / "host")

    def make() -> Account:
        directory = Path(tempfile.mkdtemp(prefix="civicforge-engine-"))
        emulator = Emulator(directory / "local", venv=VENV, owner=os.getpid())
        platform = Platform(emulator, emulator.start(), directory)
        made.append(platform)
        environment = provider_environment(platform)
        return Account(platform, Engine(platform.endpoint, emulator.stacks, REPOSITORY, environment))

    yield make
    for platform in made:
        platform.emulator.stop()
        shutil.rmtree(platform.root, ignore_errors=True)


@pytest.fixture(scope="session")
def account(make_account: Callable[[], Account]) -> Account:
    """The session's own account, with the bootstrap stack whose boundaries the stages' roles need."""
    account = make_account()
    account.engine.up("bootstrap", overrides=BOOTSTRAP)
    return account


@pytest.fixture
def pulumis(account: Account, tmp_path: Path) -> Pulumis:
    (tmp_path / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n", encoding="utf-8")
    return Pulumis(account.platform.endpoint, tmp_path / "stacks", tmp_path)
