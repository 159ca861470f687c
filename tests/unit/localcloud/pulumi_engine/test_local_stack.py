"""A stack's files: whose lock it is, and what a killed run left in the state."""

import json
import os
import socket
from pathlib import Path
from typing import Any

import psutil
import pytest

from localcloud.pulumi_engine.local_stack import LocalStack, stacks


@pytest.fixture
def stack(tmp_path: Path) -> LocalStack:
    return LocalStack(tmp_path, "civicforge", "local")


def keep(stack: LocalStack, **latest: Any) -> None:
    stack.file.parent.mkdir(parents=True, exist_ok=True)
    stack.file.write_text(json.dumps({"checkpoint": {"latest": latest}}))


def lock(stack: LocalStack, text: str) -> Path:
    folder = stack.state_dir / "pulumi" / ".pulumi" / "locks" / "organization" / stack.project / stack.stage
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "0c1d.json"
    path.write_text(text)
    return path


def of(pid: int, host: str = "") -> str:
    return json.dumps({"pid": pid, "username": "rita", "hostname": host or socket.gethostname()})


def test_nothing_is_there_before_the_first_up(stack: LocalStack) -> None:
    assert (stack.interrupted, stack.resources, stack.locks, stacks(stack.state_dir)) == (False, 0, [], [])
    assert stack.holder() == ""


def test_what_the_state_has(stack: LocalStack) -> None:
    queue = {"type": "aws:sqs/queue:Queue", "custom": True}
    provider, component = {"type": "pulumi:providers:aws", "custom": True}, {"type": "civicforge:Api", "custom": False}
    keep(stack, resources=[queue, provider, component])
    assert stacks(stack.state_dir) == [stack]
    assert (stack.resources, stack.interrupted) == (1, False)
    keep(stack, resources=[queue], pending_operations=[{"type": "creating", "resource": queue}])
    assert (stack.resources, stack.interrupted) == (1, True)
    stack.file.write_text(json.dumps({"checkpoint": {"latest": None}}))
    assert (stack.resources, stack.interrupted) == (0, False)


def test_a_recovery_that_was_interrupted_is_begun_again(stack: LocalStack) -> None:
    keep(stack, resources=[])
    stack.recovery_marker.touch()
    assert stack.interrupted


def test_the_lock_of_a_run_that_goes_on(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    lock(stack, of(os.getpid()))
    assert stack.interrupted
    assert stack.holder() == "", "the number is another program's now"
    monkeypatch.setattr(psutil.Process, "name", lambda _: "pulumi")
    assert stack.holder(patience=0.3) == f"process {os.getpid()}"


def test_a_run_that_ends_meanwhile_is_waited_for(stack: LocalStack, monkeypatch: pytest.MonkeyPatch) -> None:
    path = lock(stack, of(os.getpid()))
    looked = []

    def name(_: psutil.Process) -> str:
        looked.append(1)
        if len(looked) > 2:
            path.unlink()
        return "pulumi" if len(looked) <= 2 else ""

    monkeypatch.setattr(psutil.Process, "name", name)
    assert stack.holder() == ""
    assert len(looked) == 3


@pytest.mark.parametrize("text", ["", "{", "{}", '{"pid": "x"}', "[]", of(2**22 + 1)])
def test_the_lock_of_a_run_that_is_no_more(text: str, stack: LocalStack) -> None:
    lock(stack, text)
    assert stack.interrupted
    assert stack.holder() == ""


def test_another_machines_lock_is_not_judged(stack: LocalStack) -> None:
    path = lock(stack, of(7, "elsewhere"))
    assert stack.holder(patience=0) == f"process 7 of elsewhere; if that machine is no more, delete {path}"


def test_what_the_cli_took_for_failed_is_pending_again(stack: LocalStack) -> None:
    """The CLI forgets the resource that it was making if the provider was killed as well."""

    def record(name: str, **more: Any) -> dict[str, Any]:
        urn = f"urn:pulumi:local::civicforge::aws:sqs/queue:Queue::{name}"
        return {"urn": urn, "type": "aws:sqs/queue:Queue", "custom": True, "inputs": {"name": name}, **more}

    provider = {"urn": "urn:p::default", "id": "1", "type": "pulumi:providers:aws", "custom": True}
    made, told = record("made"), {"resource": record("told"), "type": "creating"}
    state = {
        "version": 3,
        "deployment": {
            "resources": [provider, made, record("remade", delete=True)],
            "pending_operations": [told],
        },
    }
    assert stack.with_started_creations(state) == state
    stack.started_creations.mkdir(parents=True)
    for name in ("made", "remade", "told", "forgotten"):
        (stack.started_creations / f"{name}.json").write_text(json.dumps(record(name)))
    (stack.started_creations / "killed_while_noting.part").write_text("{")
    assert stack.interrupted
    pending = stack.with_started_creations(state)["deployment"]["pending_operations"]
    assert pending[0] == told
    assert [one["type"] for one in pending] == ["creating"] * 3
    assert [one["resource"]["inputs"]["name"] for one in pending[1:]] == ["forgotten", "remade"]
    assert {one["resource"]["provider"] for one in pending[1:]} == {"urn:p::default::1"}
