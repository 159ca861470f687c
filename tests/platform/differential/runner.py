"""Runs a program of `PROGRAMS` by one of the engines and says what came of each step."""

import json
import multiprocessing
import os
import shutil
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import psutil

from localcloud.engine import deployment
from localcloud.engine.deployment import Report
from localcloud.engine.language_host import Program
from localcloud.engine.state import State
from localcloud.provider import HANDLERS
from localcloud.provider.base import Cloud, Handler, Inputs
from localcloud.pulumi_engine.automation import Engine
from tests.platform.differential.cloud import Client, masked, snapshot
from tests.platform.differential.programs import PROGRAMS

Answer = dict[str, Any]
PROJECT = "diff"
RECORDED = Path(__file__).with_name("recorded.json")
# As Pulumi counts: what is retained is deleted from the stack, a replacement by what it makes.
_SHOWN = {"discard": "delete", "delete-replaced": ""}


class AnyEngine(Protocol):
    """The operations of both engines."""

    def up(self, stage: str, program: Program | None = None, **options: Any) -> Report: ...

    def destroy(self, stage: str, **options: Any) -> Report: ...

    def unlock(self, stage: str) -> None:
        """Take away the lock that a killed run left."""
        ...

    def state(self, stage: str) -> list[str]:
        """The names of what the stack state has, with what is said of each."""
        ...


@dataclass
class Embedded:
    """The embedded engine."""

    endpoint: str
    state_dir: Path
    root: Path

    def up(self, stage: str, program: Program | None = None, **options: Any) -> Report:
        return deployment.up(
            stage, program=program, endpoint=self.endpoint, state_dir=self.state_dir, root=self.root, **options
        )

    def destroy(self, stage: str, **options: Any) -> Report:
        return deployment.destroy(stage, endpoint=self.endpoint, state_dir=self.state_dir, **options)

    def unlock(self, stage: str) -> None:
        """The system gives the lock of a process back."""

    def state(self, stage: str) -> list[str]:
        state = State(self.state_dir / f"{stage}.json")
        named = [
            _named(record.name, record.external, record.pending_replacement, delete=False)
            for record in state.records.values()
            if record.custom
        ]
        return sorted([*named, *(f"pending {record.name}" for record in state.pending)])


class Pulumis(Engine):
    """Pulumi's own engine."""

    def unlock(self, stage: str) -> None:
        shutil.rmtree(self.state_dir / "pulumi" / ".pulumi" / "locks", ignore_errors=True)

    def state(self, stage: str) -> list[str]:
        path = self.state_dir / "pulumi" / ".pulumi" / "stacks" / PROJECT / f"{stage}.json"
        latest = json.loads(path.read_text())["checkpoint"].get("latest") or {}
        return sorted(
            _named(
                item["urn"].rsplit("::", 1)[-1],
                item.get("external", False),
                item.get("pendingReplacement", False),
                delete=item.get("delete", False),
            )
            for item in latest.get("resources") or []
            if item["custom"] and not item["type"].startswith("pulumi:")
        )


def _named(name: str, external: bool, pending_replacement: bool, *, delete: bool) -> str:
    words = {"pending": delete, "external": external, "pendingReplacement": pending_replacement}
    return " ".join([*(word for word, is_so in words.items() if is_so), name])


def run(name: str, engine: AnyEngine, client: Client, prefix: str) -> list[Answer]:
    """The answers to the steps of one of `PROGRAMS`; what is made begins with `prefix`."""
    return run_steps(name, PROGRAMS[name], engine, client, prefix)


def run_steps(
    name: str, steps: Sequence[Mapping[str, Any]], engine: AnyEngine, client: Client, prefix: str
) -> list[Answer]:
    """The answers to the steps of a program."""
    answers = []
    for step in steps:
        if "by_hand" in step:
            step["by_hand"](prefix, client)
            continue
        with step.get("around", lambda _: nullcontext())(prefix):
            answer = _killed(name, engine, step, prefix) if step.get("kill") else _step(name, engine, step, prefix)
        answer |= {"cloud": snapshot(client, prefix), "state": engine.state(name)}
        answers.append(answer)
    masked_: list[Answer] = json.loads(masked(json.dumps(answers), prefix))
    return masked_


def _step(name: str, engine: AnyEngine, step: Mapping[str, Any], prefix: str) -> Answer:
    options: dict[str, Any] = {}
    if step.get("refresh"):
        options["verify"] = True
    overrides = {**step.get("config", {}), **step.get("secret", {})}
    try:
        if step.get("destroy"):
            report = engine.destroy(name)
        else:
            report = engine.up(name, lambda: step["program"](prefix), overrides=overrides, **options)
    except Exception:  # the program's own, or `EngineError`
        return {"error": True}
    steps = [(_SHOWN.get(one.operation, one.operation), one) for one in report.steps]
    operations = sorted(f"{word} {one.name}" for word, one in steps if word and (one.old is None or one.old.custom))
    hidden = report.secret_outputs
    outputs = {key: value for key, value in sorted(report.outputs.items()) if key not in hidden}
    return {"operations": operations, "outputs": outputs}


def _killed(name: str, engine: AnyEngine, step: Mapping[str, Any], prefix: str) -> Answer:
    """Kills Pulumi's CLI, or the process that the embedded engine runs in, after an operation."""
    where = str(step["kill"]).format(prefix=prefix)
    child = multiprocessing.get_context("fork").Process(target=_run_to, args=(name, engine, step, prefix, where))
    child.start()
    child.join()
    engine.unlock(name)
    return {"killed": where}


def _run_to(name: str, engine: AnyEngine, step: Mapping[str, Any], prefix: str, where: str) -> None:
    wanted, _, label = where.partition("=")
    for handler in {id(one): one for one in HANDLERS.values()}.values():
        _patch(handler, wanted, label)
    _step(name, engine, step, prefix)
    os._exit(0)


def _patch(handler: Handler, operation: str, wanted: str) -> None:
    original = getattr(handler, operation)

    def patched(cloud: Cloud, *arguments: Any) -> Any:
        result = original(cloud, *arguments)
        if label(arguments[0]) == wanted:
            clis = [one for one in psutil.Process().children(recursive=True) if one.name() == "pulumi"]
            for cli in clis:
                cli.kill()
            if not clis:
                os._exit(9)
        return result

    setattr(handler, operation, patched)


def label(subject: Inputs | str) -> str:
    """By what a program names where it is killed: the physical name, `?` for what has none."""
    if isinstance(subject, str):
        separator = {"http": "/", "arn:": ":"}.get(subject[:4])
        return subject.rsplit(separator, 1)[-1] if separator else subject
    keys = ("name", "bucket", "alarmName", "role", "queueUrl", "arn", "topic")
    return next((str(subject[key]) for key in keys if subject.get(key)), "?")
