"""The journeys in a browser: `python -m tests.e2e [arguments of Playwright]`.

They run on a local cloud of their own, with the seeded community, which is gone afterwards.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import boto3
import psutil

from infra import lambda_zips
from infra.paths import REPOSITORY
from localcloud.__main__ import open_front_door, provision
from localcloud.emulator.process import Emulator, Running
from localcloud.emulator.root_key import root_key_of
from ops.commands import seed
from ops.shared import site
from ops.shared.stage import LOCAL, Stage
from ops.shared.terminal import Terminal

HERE = Path(__file__).parent
PATIENCE_SECONDS: Final = 5
_SYSTEM_CHROMIUM = Path("/usr/bin/chromium")


@contextmanager
def local_cloud() -> Iterator[Running]:
    """A seeded stage on an emulator of its own."""
    lambda_zips.build("host", REPOSITORY / "dist" / "host")
    with tempfile.TemporaryDirectory(prefix="civicforge-e2e-") as directory:
        emulator = Emulator(Path(directory), venv=REPOSITORY / ".local" / "emulator-venv", owner=os.getpid())
        try:
            running = emulator.start()
            open_front_door(emulator, provision(emulator, running, LOCAL), LOCAL)
            session = boto3.Session(*emulator.root_key, region_name="us-east-1")
            stage = Stage(LOCAL, session, running.endpoint, emulator)
            site.upload(stage)
            seed.seed(stage, Terminal())
            yield running
        finally:
            emulator.stop()


def install_browser(npx: str) -> None:
    """Debian's Chromium where we may install it, else Playwright's own, which comes from its maker's server."""
    apt = shutil.which("apt-get")
    if apt and os.geteuid() == 0:
        subprocess.run([apt, "update", "-qq"], check=True)
        subprocess.run([apt, "install", "-y", "-qq", "--no-install-recommends", "chromium"], check=True)
    else:
        subprocess.run([npx, "playwright", "install", "--with-deps", "chromium"], cwd=HERE, check=True)


def play(cloud: Running) -> int:
    """Playwright's exit code."""
    npx = shutil.which("npx")
    if npx is None:
        sys.exit("There is no npx. `make setup` brings a Node.")
    if not _SYSTEM_CHROMIUM.exists():
        install_browser(npx)
    moderator = next(person for person in seed.PEOPLE if person.group)
    key, secret = root_key_of(cloud.endpoint)
    environment = {
        **os.environ,
        "CIVICFORGE_URL": cloud.front_url,
        "CIVICFORGE_PYTHON": sys.executable,
        "AWS_ENDPOINT_URL": cloud.endpoint,
        "AWS_ACCESS_KEY_ID": key,
        "AWS_SECRET_ACCESS_KEY": secret,
        "CIVICFORGE_MODERATOR": moderator.address,
        "CIVICFORGE_MODERATOR_PASSWORD": seed.PASSWORD,
    }
    return attended([npx, "playwright", "test", *sys.argv[1:]], cwd=HERE, env=environment)


def attended(command: list[str], **options: Any) -> int:
    """The exit code of a program, of which nothing stays where this process is ended: no browser, no server."""
    with subprocess.Popen(command, **options) as process:
        family = psutil.Process(process.pid)
        try:
            return process.wait()
        except BaseException:
            # Playwright closes its browsers when it is asked; what it does not, is killed. They are in process groups
            # of their own.
            started = [*family.children(recursive=True), family]
            for one in started:
                with suppress(psutil.NoSuchProcess):
                    one.terminate()
            _, left = psutil.wait_procs(started, timeout=PATIENCE_SECONDS)
            for one in left:
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            raise


def main() -> int:
    """Run the journeys; the exit code is Playwright's."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the emulator goes too
    with local_cloud() as cloud:
        return play(cloud)


if __name__ == "__main__":
    sys.exit(main())
