"""The emulator as a process: its environment, its ports, starting, stopping, forgetting.

    emulator = Emulator(root / ".local")
    running = emulator.start()          # or finds the one that runs
    running.endpoint, running.front_url
    emulator.stop()                     # data stays
    emulator.reset()                    # data goes

Everything is below one directory, so that several checkouts run side by side: `emulator-venv/`, `emulator/` (data),
`emulator.log`, `state.json` (pid and ports), `root-key.json`, `stacks/` (the engine's state). Ports are those of the
last time, or the usual ones, or else whatever is free. One process serves the data: it holds `emulator/lock`, which
says where, also if `state.json` is lost. An orderly stop loses nothing; `kill -9` loses what happened in the last
`DATA_LOSS_SECONDS`.
"""

import hashlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import filelock
import psutil

from localcloud.emulator.root_key import FILE as ROOT_KEY
from localcloud.emulator.root_key import root_key
from localcloud.emulator.stage_routes import DEFAULT_STAGE, StageRoutes

REPOSITORY: Final = Path(__file__).resolve().parents[2]
AWS_PORT: Final = 4566
FRONT_PORT: Final = 8080
DATA_LOSS_SECONDS: Final = 3
"""The most that `kill -9` can lose: the autosave's interval and a second for writing."""
_SANDBOX: Final = '''"""Names under .localhost are this machine's (RFC 6761), and the clock is the local cloud's."""

import datetime
import os
import socket
import sys

_getaddrinfo = socket.getaddrinfo


def getaddrinfo(host, *rest, **options):
    own = isinstance(host, str) and host.lower().endswith(".localhost")
    return _getaddrinfo("127.0.0.1" if own else host, *rest, **options)


socket.getaddrinfo = getaddrinfo
ahead = float(os.environ.pop("CLOCK_MOVED_SECONDS", "") or 0)
if ahead:
    sys.path.insert(0, os.environ["CLOCK_PACKAGES"])
    import time_machine

    del sys.path[0]
    now = datetime.datetime.now(datetime.timezone.utc)
    time_machine.travel(now + datetime.timedelta(seconds=ahead), tick=True).start()
'''
"""The Lambdas' `sitecustomize`: they call their own stage by its address, and live at the time of `emulator.clock`."""
_ENVIRONMENT_FORM: Final = b"1"
"""Raise it when `_environment` makes something else of the same requirements."""
_START_SECONDS: Final = 30.0
_STOP_SECONDS: Final = 15.0
_PORT_SECONDS: Final = 3.0
"""So long a port of the last time may be taken by what has just been killed."""


_children: Final[dict[int, "subprocess.Popen[bytes]"]] = {}
"""Processes that this one started and has not seen end: the emulator outlives the process that started it."""


class EmulatorError(Exception):
    """The emulator cannot be set up, started or stopped; the message says what to do."""


@dataclass(frozen=True)
class Running:
    """A serving emulator.

    Attributes:
        crashed: the one before it did not end in an orderly way.
        moved: its addresses are not those of the last time, whose ports somebody else has.
    """

    pid: int
    port: int
    front_port: int
    crashed: bool = False
    moved: bool = False

    @property
    def endpoint(self) -> str:
        """URL of the AWS APIs."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def front_url(self) -> str:
        """URL of app and API of the stage `local`, as a browser opens it."""
        return f"http://localhost:{self.front_port}"

    def url_of(self, stage: str) -> str:
        """URL of app and API of a stage, as a browser opens it: each has a name of its own at the one front door."""
        return self.front_url if stage == DEFAULT_STAGE else f"http://{stage}.localhost:{self.front_port}"

    def configuration(self, stage: str) -> dict[str, str]:
        """The configuration that leads a stage's app and mails to this emulator."""
        return {
            "civicforge:siteUrl": self.url_of(stage),
            "civicforge:cognitoEndpoint": f"http://localhost:{self.port}/",
        }


class Emulator:
    """The emulator whose data is below `directory`.

    Args:
        venv: shared where several run in one checkout (tests).
        ports: of the AWS endpoint and of the front door, at the first start.
        owner: the process with which it ends, however that ends.
    """

    def __init__(
        self,
        directory: Path,
        *,
        venv: Path | None = None,
        ports: tuple[int, int] = (AWS_PORT, FRONT_PORT),
        owner: int | None = None,
    ) -> None:
        self.directory = directory.resolve()
        self.data = self.directory / "emulator"
        self.stacks = self.directory / "stacks"
        self.log = self.directory / "emulator.log"
        self._venv = (venv or self.directory / "emulator-venv").resolve()
        self._state = self.directory / "state.json"
        self._ports = ports
        self._owner = owner

    @property
    def root_key(self) -> tuple[str, str]:
        """The id and the secret of the emulated account's root key."""
        return root_key(self.directory)

    def running(self) -> Running | None:
        """The serving one, if there is one. A stale or foreign pid does not deceive: the process itself is asked."""
        known = self._known()
        if known is None or not known.pid:
            return None
        health = _health(known)
        return known if health and health["pid"] == known.pid and health["data"] == str(self.data) else None

    def start(self, environment: Mapping[str, str] | None = None) -> Running:
        """Start it, or find it running; one that runs another state of the code is started again.

        Args:
            environment: variables for the process beyond its own (it inherits nothing but PATH, HOME and LANG).

        Raises:
            EmulatorError: it cannot be set up, or does not answer.
        """
        if os.name == "nt":
            raise EmulatorError("The local cloud runs on Linux and macOS; on Windows use WSL.")
        with self._exclusively("lock"):
            running = self.running()
            if running is not None:
                if (_health(running) or {}).get("code") == _code():
                    return running
                self._stop(running)
            python = self._environment()
            self._prepare_sandbox()
            known = self._known()
            if known is not None and known.pid:
                _kill_group(known.pid, self._venv)
                _collect(known.pid)
            patience = _PORT_SECONDS if known else 0
            wanted = (known.port, known.front_port) if known else self._ports
            with _listen(wanted[0], patience) as aws, _listen(wanted[1], patience) as front:
                ports = aws.getsockname()[1], front.getsockname()[1]
                process = self._spawn(python, aws, front, environment or {})
            _children[process.pid] = process
            started = Running(process.pid, *ports, bool(known and known.pid), bool(known) and ports != wanted)
            try:
                # Before the wait, so that an interrupted start leaves no unrecorded emulator.
                self._remember(started)
                self._wait(process, started.port)
            except BaseException:
                _kill_group(process.pid, self._venv)
                _collect(process.pid)
                self._remember(replace(started, pid=0))
                raise
            return started

    def stop(self, *, lose: bool = False) -> bool:
        """Stop it in an orderly way; its data stays. False if none ran.

        Args:
            lose: stop it also where its data cannot be saved.

        Raises:
            EmulatorError: its data cannot be saved, so that it still runs; or it does not stop, and was killed.
        """
        with self._exclusively("lock"):
            running = self.running()
            if running is None:
                return False
            self._stop(running, lose=lose)
            return True

    def _stop(self, running: Running, *, lose: bool = False) -> None:
        if not lose:
            self.save()
        os.kill(running.pid, signal.SIGTERM)
        deadline = time.monotonic() + _STOP_SECONDS
        while _alive(running.pid):
            if time.monotonic() > deadline:
                _kill_group(running.pid, self._venv)
                raise EmulatorError(f"The emulator (pid {running.pid}) did not stop and was killed; see {self.log}.")
            time.sleep(0.05)
        _collect(running.pid)
        self._remember(Running(0, running.port, running.front_port))

    def reset(self) -> None:
        """Stop it and delete what it holds, and the engine's memory of it."""
        self.stop(lose=True)
        for path in (self.data, self.stacks):
            shutil.rmtree(path, ignore_errors=True)
        (self.directory / ROOT_KEY).unlink(missing_ok=True)

    def save(self) -> None:
        """Have everything on disk now.

        Raises:
            EmulatorError: it does not answer, or something cannot be written.
        """
        running = self.running()
        answer = _get(f"{running.endpoint}/_local/save", method="POST") if running else None
        if answer is None:
            raise EmulatorError(f"The emulator does not answer; see {self.log}. `make up` starts it again.")
        if answer["failure"]:
            raise EmulatorError(unsaved(self.data, answer["failure"]))

    def failure(self) -> str:
        """The sentence about data that could not be saved; empty if all is, or where nothing runs."""
        running = self.running()
        reason = (_health(running) or {}).get("unsaved") if running else None
        return unsaved(self.data, reason) if reason else ""

    def serve_at_front_door(self, distribution_domain: str, stage: str = DEFAULT_STAGE) -> None:
        """Lead a stage's address to a CloudFront distribution, by its `domainName`."""
        self.stage_routes.add(stage, distribution_domain)

    @property
    def stage_routes(self) -> StageRoutes:
        """The addresses of the stages."""
        return StageRoutes(self.data / "front-doors")

    def _known(self) -> Running | None:
        """The last emulator: from `state.json`, else from the lock of its data."""
        found = []
        for path in (self._state, self.data / "lock"):
            try:
                found.append(Running(**json.loads(path.read_text(encoding="utf-8"))))
            except (FileNotFoundError, ValueError, TypeError):
                continue
        serving = (one for one in found if one.pid and (_health(one) or {}).get("pid") == one.pid)
        return next(serving, found[0] if found else None)

    def _remember(self, running: Running) -> Running:
        temporary = self._state.with_suffix(".tmp")
        temporary.write_text(json.dumps({**asdict(running), "crashed": False, "moved": False}), encoding="utf-8")
        temporary.replace(self._state)
        return running

    def _exclusively(self, name: str) -> filelock.BaseFileLock:
        """One at a time, also across processes."""
        self.directory.mkdir(parents=True, exist_ok=True)
        return filelock.FileLock(self.directory / f"{name}.lock")

    def _environment(self) -> Path:
        """The interpreter of an environment that holds exactly what `requirements/emulator.txt` names."""
        requirements = REPOSITORY / "requirements" / "emulator.txt"
        wanted = hashlib.sha256(requirements.read_bytes() + sys.version.encode() + _ENVIRONMENT_FORM).hexdigest()
        stamp, python = self._venv / "stamp", self._venv / "bin" / "python"
        self._venv.parent.mkdir(parents=True, exist_ok=True)
        with filelock.FileLock(self._venv.parent / f"{self._venv.name}.lock"):
            if stamp.exists() and stamp.read_text() == wanted and python.exists():
                return python
            runtime = self._venv / "lambda-runtime"
            for command in (
                [sys.executable, "-m", "venv", "--clear", "--without-pip", str(self._venv)],
                [sys.executable, "-m", "uv", "-q", "pip", "sync", "--python", str(python), "--require-hashes",
                 "--compile-bytecode", str(requirements)],
                [sys.executable, "-m", "venv", "--without-pip", str(runtime)],
            ):  # fmt: skip
                done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
                if done.returncode:
                    raise EmulatorError(
                        f"The emulator's environment could not be made ({' '.join(command[1:4])} ...):\n"
                        f"{done.stderr.strip()}\n"
                        "It needs the package index once; run the command again when it is reachable."
                    )
            stamp.write_text(wanted)
            return python

    def _prepare_sandbox(self) -> None:
        for packages in (self._venv / "lambda-runtime" / "lib").glob("python*/site-packages"):
            path = packages / "sitecustomize.py"
            if not path.exists() or path.read_text(encoding="utf-8") != _SANDBOX:
                temporary = path.with_suffix(f".{os.getpid()}")
                temporary.write_text(_SANDBOX, encoding="utf-8")
                temporary.replace(path)

    def _spawn(
        self, python: Path, aws: socket.socket, front: socket.socket, environment: Mapping[str, str]
    ) -> "subprocess.Popen[bytes]":
        """Start the process with its listening sockets, so that no other can take the ports in between."""
        temporary = self.data / "tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        key, secret = self.root_key
        settings = {
            **{name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ},
            "GATEWAY_PORT": str(aws.getsockname()[1]),
            "AUTH": "true",
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "PERSIST_STATE": "1",
            "S3_PERSIST": "1",
            "STATE_DIR": str(self.data / "state"),
            "S3_DATA_DIR": str(self.data / "s3"),
            "TMPDIR": str(temporary),
            "IOT_MTLS_ENABLED": "0",
            "SFTP_ENABLED": "0",
            "LAMBDA_WARM_TTL_SECONDS": "60",
            # An interpreter with nothing installed: what a function's zip forgets is missing here too.
            "EMULATOR_CODE": _code(),
            "CIVICFORGE_PYTHON": sys.executable,
            "CLOCK_PACKAGES": str(next(self._venv.glob("lib/python*/site-packages"))),
            "LAMBDA_PYTHON": str(self._venv / "lambda-runtime" / "bin" / "python"),
            "LOG_LEVEL": "WARNING",
            # The Lambdas inherit these.
            "POWERTOOLS_TRACE_DISABLED": "true",
            "PYTHONUNBUFFERED": "1",
            **environment,
        }
        sockets = ["--aws-socket", str(aws.fileno()), "--front-socket", str(front.fileno())]
        owner = ["--owner", str(self._owner)] if self._owner else []
        with self.log.open("ab") as log:
            return subprocess.Popen(  # noqa: S603 - our own command
                [str(python), "-m", "localcloud.emulator.gateway", *sockets, *owner, "--data", str(self.data)],
                cwd=REPOSITORY,
                env=settings,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(aws.fileno(), front.fileno()),
                start_new_session=True,
            )

    def _wait(self, process: "subprocess.Popen[bytes]", port: int) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            health = _get(f"http://127.0.0.1:{port}/_local/health")
            if health and health["pid"] == process.pid:
                return
            time.sleep(0.03)
        tail = "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
        raise EmulatorError(f"The emulator did not start. The end of {self.log}:\n{tail}")


def unsaved(data: Path, reason: str) -> str:
    """The sentence that the data could not be saved, and what to do."""
    free = shutil.disk_usage(data).free // 2**20 if data.exists() else 0
    return (
        f"The local cloud could not save its data ({reason}); {free} MB are free in {data}. It still runs: make room, "
        "and it saves by itself. `python -m localcloud down --lose` stops it without its latest data."
    )


def _health(running: Running) -> dict[str, Any] | None:
    return _get(f"{running.endpoint}/_local/health")


def _code() -> str:
    """Tells states of the code apart that an emulator runs."""
    files = sorted(
        file for folder in ("infra", "localcloud", "services/core") for file in (REPOSITORY / folder).rglob("*.py")
    )
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()


def _get(url: str, method: str = "GET") -> dict[str, Any] | None:
    request = urllib.request.Request(url, method=method, data=b"" if method == "POST" else None)  # noqa: S310 - ours
    try:
        with urllib.request.urlopen(request, timeout=30) as response:  # noqa: S310 - a URL of ours
            answer: dict[str, Any] = json.loads(response.read())
            return answer
    except (OSError, ValueError, urllib.error.URLError):
        return None


def _listen(preferred: int, patience: float) -> socket.socket:
    """A listening socket on `preferred` or the next free port above it (the front door is to be found near 8080).

    Args:
        preferred: the port.
        patience: the seconds for which `preferred` is tried before the next one.
    """
    deadline = time.monotonic() + patience
    while (found := _bound(preferred)) is None and time.monotonic() < deadline:
        time.sleep(0.1)
    following = (_bound(port) for port in range(preferred + 1, preferred + 50))
    if listener := found or next(filter(None, following), None):
        return listener
    raise EmulatorError(f"No free port between {preferred} and {preferred + 50}.")


def _bound(port: int) -> socket.socket | None:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
        listener.listen(256)
    except OSError:
        listener.close()
        return None
    return listener


def _alive(pid: int) -> bool:
    """True if the process runs; a child that ended and was not waited for does not."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def _collect(pid: int) -> None:
    """Let the system forget an ended child."""
    child = _children.pop(pid, None)
    if child is not None:
        child.wait()


def _kill_group(pid: int, venv: Path) -> None:
    """Kill a hanging emulator with its Lambdas; only if the pid is (still) one of this environment's."""
    try:
        process = psutil.Process(pid)
        if not any(str(venv) in word for word in process.cmdline()):
            return
        family = [*process.children(recursive=True), process]
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return
    for member in family:
        try:
            member.kill()
        except psutil.NoSuchProcess:
            continue
    psutil.wait_procs(family, timeout=_STOP_SECONDS)
