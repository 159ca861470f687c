"""The CLI's `up` as deploy runs it: progress, errors, interruption; a program in place of Pulumi writes the events."""

import os
import signal
import sys
import threading
import time
from pathlib import Path

import pytest

from ops.shared.pulumi_cli import PulumiCli
from ops.shared.stage import OperatorError

PULUMI = """#!{python}
import json, os, signal, sys, time
arguments, behaviour = sys.argv[1:], os.environ["BEHAVIOUR"]
if arguments[:2] == ["stack", "export"]:
    pending = [{{"type": "creating", "resource": {{"urn": "urn:pulumi:prod::civicforge::aws:sqs/queue:Queue::left"}}}}]
    print(json.dumps({{"deployment": {{"pending_operations": pending if behaviour == "stubborn" else []}}}}))
    sys.exit()
log = open(arguments[arguments.index("--event-log") + 1], "a", buffering=1)
def made(name):
    urn = "urn:pulumi:prod::civicforge::aws:sqs/queue:Queue::" + name
    metadata = {{"op": "create", "type": "aws:sqs/queue:Queue", "urn": urn}}
    log.write(json.dumps({{"resOutputsEvent": {{"metadata": metadata}}}}) + "\\n")
def failed(text):
    message = "<{{%fg 1%}}>error: <{{%reset%}}>" + text
    log.write(json.dumps({{"diagnosticEvent": {{"severity": "error", "message": message}}}}) + "\\n")
made("one")
if behaviour == "locked":
    print("error: the stack is currently locked by 1 lock(s)")
    sys.exit(255)
if behaviour == "fails":
    for number in range(40):
        made(str(number))
    failed("the cause\\nin two lines")
    print("noise " * 2000)
    sys.exit(255)
if behaviour in ("ends", "stubborn"):
    def asked(*_):
        if behaviour == "ends":
            made("two")
            failed("update canceled")
            sys.exit(255)
    signal.signal(signal.SIGINT, asked)
    made("ready")
    time.sleep(30)
"""


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> PulumiCli:
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(PULUMI.format(python=sys.executable))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(program.parent))
    (tmp_path / "Pulumi.prod.yaml").write_text("config: {}\n")
    return PulumiCli("prod", {}, tmp_path)


def run(pulumi: PulumiCli, behaviour: str, monkeypatch: pytest.MonkeyPatch, signals: int = 0) -> tuple[list[str], str]:
    """Runs `up`: the lines said meanwhile, and the error that ends it; `signals` are sent once it is under way."""
    monkeypatch.setenv("BEHAVIOUR", behaviour)
    said: list[str] = []

    def interrupt() -> None:
        for number in range(signals):
            while not any("ready" in line for line in said) or (number and not any("Ctrl-C" in line for line in said)):
                time.sleep(0.05)
            os.kill(os.getpid(), signal.SIGINT if number else signal.SIGTERM)

    thread = threading.Thread(target=interrupt)
    thread.start()
    try:
        pulumi.up({"civicforge:release": "r1"}, said.append)
        return said, ""
    except OperatorError as error:
        return said, str(error)
    finally:
        thread.join()


def test_progress_is_told_from_the_events(pulumi: PulumiCli, monkeypatch: pytest.MonkeyPatch) -> None:
    said, error = run(pulumi, "works", monkeypatch)
    assert [line.strip() for line in said] == ["created Queue one"]
    assert not error


def test_the_cause_comes_first_and_whole_and_then_what_was_done(
    pulumi: PulumiCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, error = run(pulumi, "fails", monkeypatch)
    lines = error.splitlines()
    assert lines[:3] == ["pulumi up failed:", "the cause", "in two lines"]
    assert "Done: 41 created." in lines
    assert "Nothing is left half done: mend it and deploy again." in lines
    assert "noise" not in error


def test_the_first_interruption_lets_pulumi_end_what_it_began(
    pulumi: PulumiCli, monkeypatch: pytest.MonkeyPatch
) -> None:
    said, error = run(pulumi, "ends", monkeypatch, signals=1)
    assert any("Ctrl-C again kills it" in line for line in said)
    assert error.startswith("pulumi up was interrupted and ended what it had begun:")
    assert "Done: 3 created." in error
    assert "Nothing is left half done" in error


def test_the_second_kills_it_and_says_what_is_left(pulumi: PulumiCli, monkeypatch: pytest.MonkeyPatch) -> None:
    # A shell's background process ignores the signal from its start.
    before, started = signal.getsignal(signal.SIGINT), time.monotonic()
    _, error = run(pulumi, "stubborn", monkeypatch, signals=2)
    assert time.monotonic() - started < 20
    assert error.startswith("pulumi up was killed:")
    assert "Left behind: creating left. `civicforge recover --stage prod`" in error
    assert signal.getsignal(signal.SIGINT) is before


def test_a_lock_leads_to_recovery(pulumi: PulumiCli, monkeypatch: pytest.MonkeyPatch) -> None:
    _, error = run(pulumi, "locked", monkeypatch)
    assert "Another deployment holds the stack's lock" in error
    assert "`civicforge recover --stage prod`" in error


def test_a_missing_cli_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OperatorError, match="pulumi is not on the PATH"):
        PulumiCli("prod", {}).up({}, print)
