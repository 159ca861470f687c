"""`python -m localcloud`: what an engineer types, on a local cloud of its own."""

import json
import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from typer.testing import CliRunner, Result

from localcloud import __main__ as cli
from localcloud.emulator.process import Emulator, EmulatorError
from localcloud.engine.deployment import EngineError
from tests.platform.conftest import VENV

PROGRAM = """
import pulumi_aws as aws

queue = aws.sqs.Queue("queue", name="typed", message_retention_seconds=60)
aws.cloudwatch.LogGroup("log", name="/aws/lambda/typed", retention_in_days=7)
"""


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("checkout")
    (root / "infra").mkdir()
    (root / "infra" / "__main__.py").write_text(PROGRAM)
    (root / "Pulumi.yaml").write_text(json.dumps({"name": "typed", "runtime": "python", "main": "infra"}))
    (root / ".local").mkdir()
    (root / ".local" / "emulator-venv").symlink_to(VENV)
    yield root
    Emulator(root / ".local").stop()


@pytest.fixture(autouse=True)
def checkout(directory: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli, "DIRECTORY", directory / ".local")
    monkeypatch.setattr(cli, "REPOSITORY", directory)


def run(*words: str) -> Result:
    return CliRunner().invoke(cli.app, words, catch_exceptions=False)


def test_a_day_with_it(directory: Path) -> None:
    """Up, up again, a look, a crash, down, reset: each step starts where the last one ended."""
    (directory / "infra" / "__main__.py").write_text(PROGRAM)
    run("reset")
    assert run("status").exit_code == 3
    with pytest.raises(EmulatorError, match="make up"):
        run("env")

    first = run("up").output
    assert re.search(r"created +2 +queue, log|created +2 +log, queue", first)
    # In a pipe too, which has eighty columns.
    address = re.search(r"(http://localhost:\d+)   mails: \S+   AWS: http://\S+", first)
    assert address is not None
    assert "Nothing changed: 2 resources" in run("up").output

    status = run("status")
    assert (status.exit_code, address[1] in status.output, "local: 2 resources" in status.output) == (0, True, True)
    exported = dict(re.findall(r"export (\w+)=(.*)", run("env").output))
    assert exported["CIVICFORGE_URL"] == address[1]

    (directory / "infra" / "__main__.py").write_text(PROGRAM.replace("60", "120"))
    assert re.search(r"updated +1 +queue", run("up").output)

    running = Emulator(directory / ".local").running()
    assert running is not None
    os.kill(running.pid, signal.SIGKILL)
    while Emulator(directory / ".local").running():
        time.sleep(0.05)
    assert "had been killed" in run("up").output

    assert "data is kept" in run("down").output
    assert "was not running" in run("down").output
    assert "starts afresh" in run("reset").output
    assert re.search(r"created +2", run("up").output)


def test_nothing_is_said_of_what_nobody_looked_at_and_refresh_puts_it_back(directory: Path) -> None:
    """Deleted by hand: a queue; changed by hand: how long lines are kept."""
    (directory / "infra" / "__main__.py").write_text(PROGRAM)
    run("up")
    emulator = Emulator(directory / ".local")
    running = emulator.running()
    assert running is not None
    session = boto3.Session(*emulator.root_key, region_name="us-east-1")
    queues = session.client("sqs", endpoint_url=running.endpoint)
    logs = session.client("logs", endpoint_url=running.endpoint)
    queues.delete_queue(QueueUrl=queues.get_queue_url(QueueName="typed")["QueueUrl"])
    logs.put_retention_policy(logGroupName="/aws/lambda/typed", retentionInDays=1)
    plain = run("up").output
    assert "none was looked at; --refresh looks" in plain
    healed = run("up", "--refresh").output
    assert re.search(r"created +1 +queue", healed)
    assert re.search(r"updated +1 +log", healed)
    assert queues.get_queue_url(QueueName="typed")["QueueUrl"]
    (group,) = logs.describe_log_groups(logGroupNamePrefix="/aws/lambda/typed")["logGroups"]
    assert group["retentionInDays"] == 7
    assert "each was looked at" in run("up", "--refresh").output


def test_logs_show_what_lambdas_say_and_the_emulator_s_errors(directory: Path) -> None:
    run("up")
    emulator = Emulator(directory / ".local")
    running = emulator.running()
    assert running is not None
    session = boto3.Session(*emulator.root_key, region_name="us-east-1")
    logs = session.client("logs", endpoint_url=running.endpoint)
    logs.create_log_group(logGroupName="/aws/lambda/another")
    now = int(time.time() * 1000)
    # What members write may look like a terminal's markup.
    said = {
        "typed": [(0, "START RequestId: 1"), (0, '[{"said": "hello"}]'), (3, "[/red] last"), (1, '{"_aws": {}}')],
        "another": [(2, "[bold]between[/]")],
    }
    for name, lines in said.items():
        logs.create_log_stream(logGroupName=f"/aws/lambda/{name}", logStreamName="s")
        events: list[Any] = [{"timestamp": now + after, "message": message} for after, message in lines]
        logs.put_log_events(logGroupName=f"/aws/lambda/{name}", logStreamName="s", logEvents=events)
    shown = [line for line in run("logs", "--no-follow").output.splitlines() if not line.startswith("emulator")]
    assert shown == ['typed [{"said": "hello"}]', "another [bold]between[/]", "typed [/red] last"]
    with emulator.log.open("a") as log:
        log.write("2026-01-01 00:00:00 ERROR [lambda] broken\n2026-01-01 00:00:00 INFO [lambda] fine\n")
    assert cli._print_emulator_errors(emulator.log, 0) == emulator.log.stat().st_size
    assert cli._print_emulator_errors(directory / "none.log", 0) == 0


@pytest.mark.parametrize(
    ("argument", "message"),
    [("status", None), ("env", "does not run"), ("up", "broken program")],
)
def test_what_can_be_foreseen_is_a_sentence(
    directory: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    argument: str,
    message: str | None,
) -> None:
    if argument == "up":
        monkeypatch.setattr(cli, "provision", _fail)
    else:
        Emulator(directory / ".local").stop()
    monkeypatch.setattr("sys.argv", ["localcloud", argument])
    if message is None:
        with pytest.raises(SystemExit) as exit_:
            cli.main()
        assert exit_.value.code == 3
    else:
        assert cli.main() == 1
        assert message in capsys.readouterr().out


def _fail(*_: object, **__: object) -> None:
    raise EngineError("broken program")


def test_a_long_list_is_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    urns = [f"urn:pulumi:s::p::aws:sqs/queue:Queue::q{number}" for number in range(20)]
    empty: list[str] = []
    report = SimpleNamespace(
        created=urns, updated=empty, replaced=empty, deleted=empty, same=empty, orphans=empty, changed=20
    )
    cli.show(report)  # type: ignore[arg-type]  # the part of a report that is shown
    assert "20 Queue" in capsys.readouterr().out
