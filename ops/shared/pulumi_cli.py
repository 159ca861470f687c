"""Pulumi's CLI for a stage: `up` with its progress and its end, and the stack's state.

`up` runs apart from the terminal's signals. The first Ctrl-C (or SIGTERM, as of a cancelled job) asks Pulumi to end
what it began; the second kills it, and the error says what is left. What came of a run is told from the engine's
events: errors first and whole, then what was done.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infra.paths import REPOSITORY
from ops.shared.stage import OperatorError, Stage

RECOVER: Final = "`civicforge recover --stage {stage}` brings it back to order."
LOCKED: Final = "the stack is currently locked"
_POLL_SECONDS: Final = 0.2
"""Seconds between two looks at the event log."""
_VERBS: Final = {
    "create": "created",
    "update": "updated",
    "create-replacement": "made again",
    "delete": "deleted",
    "delete-replaced": "deleted for its successor",
    "import": "imported",
}

Say = Callable[[str], None]


@dataclass
class Outcome:
    """The progress of a run, by the engine's events."""

    done: Counter[str] = field(default_factory=Counter)
    """Operations on resources that ended well."""
    errors: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """The done steps in words."""
        verbs = [f"{count} {_VERBS[operation]}" for operation, count in self.done.items() if operation in _VERBS]
        return ", ".join(verbs) or "nothing"


@dataclass(frozen=True)
class PulumiCli:
    """The CLI, for one stack."""

    stack: str
    environment: Mapping[str, str]
    folder: Path = REPOSITORY
    """The project's."""

    @classmethod
    def of(cls, stage: Stage) -> "PulumiCli":
        """For a stage on AWS: its state is in the bootstrap stack's bucket, or where the environment says."""
        if os.environ.get("PULUMI_BACKEND_URL"):
            return cls(stage.name, {})
        from infra.bootstrap.github import backend_url, state_bucket_name  # pulumi is large, and only this needs it

        url = backend_url(state_bucket_name(stage.account), stage.region, stage.name)
        return cls(stage.name, {"PULUMI_BACKEND_URL": url})

    @property
    def _variables(self) -> dict[str, str]:
        return {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true", **self.environment}

    def run(self, *arguments: str, text: str | None = None) -> str:
        """Run a command that answers at once. Raises OperatorError with what it says."""
        done = subprocess.run(  # noqa: S603 - our own arguments
            [executable(), *arguments, "--stack", self.stack, "--non-interactive"],
            cwd=self.folder,
            env=self._variables,
            input=text,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise OperatorError(f"pulumi {' '.join(arguments)}: {(done.stderr or done.stdout).strip()[-2000:]}")
        return done.stdout

    def export(self) -> dict[str, Any]:
        """The stack's state; secrets in it stay encrypted."""
        state: dict[str, Any] = json.loads(self.run("stack", "export"))
        return state

    def up(self, config: Mapping[str, str], say: Say, *, refresh: bool = False) -> None:
        """Bring the stage up, with `refresh` after a look at every resource.

        Raises OperatorError: with the errors, what was done, and what an interruption left.
        """
        with tempfile.TemporaryDirectory() as folder:
            # The CLI writes `--config` into the file that it is given: a copy, so that the tree stays clean.
            file = Path(folder) / f"Pulumi.{self.stack}.yaml"
            if (self.folder / file.name).exists():
                shutil.copy(self.folder / file.name, file)
            settings = [word for key, value in config.items() for word in ("--config", f"{key}={value}")]
            arguments = ["up", "--yes", "--skip-preview", "--config-file", str(file), *settings]
            arguments[1:1] = ["--refresh"] if refresh else []
            self._follow(arguments, Path(folder) / "events", say)

    def destroy(self, say: Say) -> None:
        """Delete what the stack has. Raises OperatorError as `up` does."""
        with tempfile.TemporaryDirectory() as folder:
            self._follow(["destroy", "--yes", "--skip-preview"], Path(folder) / "events", say)

    def _follow(self, arguments: Sequence[str], log: Path, say: Say) -> None:
        command = [executable(), *arguments, "--stack", self.stack, "--non-interactive", "--color", "never"]
        outcome = Outcome()
        with (
            (log.parent / "output").open("w+", encoding="utf-8") as output,
            subprocess.Popen(  # noqa: S603 - our own arguments
                [*command, "--event-log", str(log)],
                cwd=self.folder,
                env={**self._variables, "PULUMI_DEBUG_COMMANDS": "true"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            ) as process,
        ):
            with interruptible(process, say) as interruption:
                position = 0
                while process.poll() is None:
                    position = _read_events(log, position, outcome, say)
                    time.sleep(_POLL_SECONDS)
                _read_events(log, position, outcome, say)
            if process.returncode == 0 and not outcome.errors:
                return
            output.seek(0)
            text = output.read()
        raise OperatorError(self._explained(outcome, text, interruption))

    def _explained(self, outcome: Outcome, text: str, interruption: "Interruption") -> str:
        recover = RECOVER.format(stage=self.stack)
        if LOCKED in text:
            return f"Another deployment holds the stack's lock, or one that was killed left it. If none runs: {recover}"
        errors = list(dict.fromkeys(outcome.errors)) or [text.strip()[-1500:] or "it said nothing"]
        why = {0: "pulumi up failed", 1: "pulumi up was interrupted and ended what it had begun"}
        parts = [f"{why.get(interruption.signals, 'pulumi up was killed')}:", *errors, f"Done: {outcome.summary()}."]
        pending = self.pending()
        if pending or interruption.signals > 1:
            left = ", ".join(pending) or "perhaps a lock"
            parts.append(f"Left behind: {left}. {recover}")
        else:
            parts.append("Nothing is left half done: mend it and deploy again.")
        return "\n".join(parts)

    def pending(self) -> list[str]:
        """The operations that had begun when Pulumi was killed, as `creating NAME`; none if that cannot be read."""
        try:
            state = self.export()
        except OperatorError:
            return []
        operations = state.get("deployment", {}).get("pending_operations") or []
        return [f"{one['type']} {one['resource']['urn'].rsplit('::', 1)[-1]}" for one in operations]


def executable() -> str:
    """The path of the CLI. Raises OperatorError."""
    found = shutil.which("pulumi")
    if found is None:
        raise OperatorError("pulumi is not on the PATH; `civicforge doctor` says how to get it.")
    return found


@dataclass
class Interruption:
    """The number of times that somebody asked for the end."""

    signals: int = 0


@contextmanager
def interruptible(process: "subprocess.Popen[Any]", say: Say) -> Iterator[Interruption]:
    """Pass signals on to a program: the first asks it to end, the second kills it with all that it started."""
    interruption = Interruption()

    def asked(_number: int, _frame: object) -> None:
        interruption.signals += 1
        if interruption.signals == 1:
            say("  Pulumi ends what it began and begins nothing new; Ctrl-C again kills it.")
            process.send_signal(signal.SIGINT)
        else:
            os.killpg(process.pid, signal.SIGKILL)

    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    former = {number: signal.signal(number, asked) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interruption
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _read_events(log: Path, position: int, outcome: Outcome, say: Say) -> int:
    """Take in the events from a position of the log on; returns where to go on."""
    if not log.exists():
        return position
    with log.open("rb") as file:
        file.seek(position)
        for line in file:
            if not line.endswith(b"\n"):
                break
            position += len(line)
            _take_in(json.loads(line), outcome, say)
    return position


def _take_in(event: Mapping[str, Any], outcome: Outcome, say: Say) -> None:
    done, diagnostic = event.get("resOutputsEvent"), event.get("diagnosticEvent")
    if done:
        metadata = done["metadata"]
        operation, type_ = metadata["op"], metadata["type"]
        if operation in _VERBS and not type_.startswith("pulumi:"):
            outcome.done[operation] += 1
            say(f"           {_VERBS[operation]} {type_.rsplit(':', 1)[-1]} {metadata['urn'].rsplit('::', 1)[-1]}")
    elif diagnostic and diagnostic.get("severity") == "error":
        text = _plain(diagnostic["message"])
        if text and text not in ("update failed", "update canceled"):
            outcome.errors.append(text)


def _plain(message: str) -> str:
    """Without the marks of colours."""
    parts = message.split("<{%")
    return "".join([parts[0], *(part.partition("%}>")[2] for part in parts[1:])]).strip().removeprefix("error: ")
