"""An emulator of its own, with the account's bootstrap stack, which the stages' roles are bounded by."""

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

HERE = {"civicforge:artifacts": "dist/host", "civicforge:architecture": "x86_64"}
"""What this machine has instead of Graviton."""
BOOTSTRAP = {"civicforge:repository": "civicforge/platform"}


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
        return Account(platform, Engine(platform.endpoint, emulator.stacks, REPOSITORY))

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
