"""The preview of a stage, with a stand-in for the Pulumi CLI."""

import json
import os
import sys
from pathlib import Path
from unittest.mock import MagicMock

import pytest
from botocore.exceptions import ClientError

from infra import preview
from infra.paths import REPOSITORY

PULUMI = """#!{python}
import json, os, pathlib, sys
arguments = sys.argv[1:]
config = pathlib.Path(arguments[arguments.index("--config-file") + 1])
seen = [arguments, config.name, config.read_text(), os.environ["PULUMI_BACKEND_URL"]]
pathlib.Path(os.environ["SEEN"]).write_text(json.dumps(seen))
sys.stdout.write(os.environ["SAYS"])
sys.exit(int(os.environ["EXITS"]))
"""


class Cli:
    """A stand-in for `pulumi`: the arguments that it gets, and its answers."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._seen, self._environment = folder / "seen.json", monkeypatch
        program = folder / "pulumi"
        program.write_text(PULUMI.format(python=sys.executable))
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)
        monkeypatch.setenv("SEEN", str(self._seen))
        self.answers("", 0)

    def answers(self, text: str, code: int) -> None:
        self._environment.setenv("SAYS", text)
        self._environment.setenv("EXITS", str(code))

    @property
    def arguments(self) -> list[str]:
        return list(json.loads(self._seen.read_text())[0])

    @property
    def config(self) -> tuple[str, str]:
        _, name, text, _ = json.loads(self._seen.read_text())
        return name, text

    @property
    def backend(self) -> str:
        return str(json.loads(self._seen.read_text())[3])


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cli:
    monkeypatch.setattr(preview, "OUT", tmp_path / "out")
    monkeypatch.setattr(preview, "live_release", lambda _: "20261123T000000Z-abc")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "file:///nowhere")
    return Cli(tmp_path, monkeypatch)


def example(name: str) -> str:
    return (REPOSITORY / "tests" / "fixtures" / "previews" / f"{name}.json").read_text(encoding="utf-8")


def test_a_preview_leaves_json_and_comment(cli: Cli, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    cli.answers(example("alarms"), 0)
    assert preview.preview("prod", accepted=False) == 0
    assert (tmp_path / "out" / "prod.json").read_text() == example("alarms")
    assert (tmp_path / "out" / "prod.md").read_text() == capsys.readouterr().out
    assert cli.arguments[:2] == ["preview", "--non-interactive"]
    assert cli.arguments[-4:] == ["--config", "civicforge:release=20261123T000000Z-abc", "--json", "--show-sames"]
    assert cli.config == ("Pulumi.prod.yaml", (REPOSITORY / "Pulumi.prod.yaml").read_text(encoding="utf-8"))


def test_a_preview_against_a_commit_needs_no_aws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preview, "OUT", tmp_path / "out")
    monkeypatch.setattr(sys, "argv", ["preview", "prod", "--against", "HEAD"])
    answer = example("real-cors-star")
    text = f"import sys; assert sys.argv[1:] == ['-m', 'localcloud.compare', 'prod', 'HEAD']; print({answer!r})"
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -c "$PROGRAM" "$@"\n')
    python.chmod(0o755)
    monkeypatch.setenv("PROGRAM", text)
    monkeypatch.setattr(sys, "executable", str(python))
    assert preview.main() == 0
    assert "corsConfiguration" in (tmp_path / "out" / "prod.md").read_text()
    monkeypatch.setenv("PROGRAM", "raise SystemExit('There is no commit')")
    assert preview.main() == 1


def test_the_loss_of_data_blocks_until_it_is_accepted(cli: Cli) -> None:
    cli.answers(example("replace-on-dev"), 0)
    assert preview.preview("dev", accepted=False) == 3
    assert preview.preview("dev", accepted=True) == 0


def test_a_preview_that_fails_says_so(cli: Cli, tmp_path: Path) -> None:
    cli.answers("", 255)
    assert preview.preview("dev", accepted=True) == 1
    assert (tmp_path / "out" / "dev.md").read_text().startswith("### Preview of dev: it failed")
    cli.answers(example("alarms"), 7)
    assert preview.preview("dev", accepted=True) == 7


def test_a_machine_without_the_cli_is_told_so(cli: Cli, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    del cli
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    with pytest.raises(SystemExit, match="pulumi is not on the PATH"):
        preview.preview("dev", accepted=False)


def test_drift_expects_no_changes(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["preview", "staging", "--drift"])
    cli.answers("", 4)
    assert preview.main() == 4
    assert cli.arguments[-3:] == ["--refresh", "--expect-no-changes", "--diff"]
    assert "--json" not in cli.arguments


@pytest.mark.parametrize("option", [[], ["--drift"]])
def test_the_local_stage_is_not_looked_for_on_aws(
    cli: Cli, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    cli.answers("", 0)
    monkeypatch.setattr("sys.argv", ["preview", "local", *option])
    with pytest.raises(SystemExit):
        preview.main()
    assert "civicforge drift" in capsys.readouterr().err


def test_the_local_stage_is_compared_with_a_commit(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    compare = MagicMock(return_value=0)
    monkeypatch.setattr("sys.argv", ["preview", "local", "--against", "abc"])
    monkeypatch.setattr(preview, "preview_against", compare)
    assert preview.main() == 0
    assert compare.call_args.args == ("abc", "local")


@pytest.mark.parametrize(("label", "code"), [("true", 0), ("false", 3), ("", 3)])
def test_the_label_comes_from_the_environment(cli: Cli, monkeypatch: pytest.MonkeyPatch, label: str, code: int) -> None:
    monkeypatch.setattr("sys.argv", ["preview", "dev"])
    monkeypatch.setenv("DATA_LOSS_ACCEPTED", label)
    cli.answers(example("replace-on-dev"), 0)
    assert preview.main() == code


def aws(monkeypatch: pytest.MonkeyPatch) -> MagicMock:
    """An S3 client in an account."""
    clients = {"sts": MagicMock(), "s3": MagicMock()}
    clients["sts"].get_caller_identity.return_value = {"Account": "1"}
    monkeypatch.setattr("boto3.Session", lambda: MagicMock(client=clients.__getitem__))
    return clients["s3"]


def test_the_stage_s_state_is_found_without_being_told(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    aws(monkeypatch)
    cli.answers(example("alarms"), 0)
    preview.preview("prod", accepted=True)
    assert cli.backend == "file:///nowhere"
    monkeypatch.delenv("PULUMI_BACKEND_URL")
    preview.preview("prod", accepted=True)
    assert cli.backend == "s3://civicforge-bootstrap-state-1/prod?region=us-east-1"
    preview.drift("dev")
    assert cli.backend == "s3://civicforge-bootstrap-state-1/dev?region=us-east-1"


def test_the_live_release_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    s3 = aws(monkeypatch)
    s3.get_object.return_value = {"Body": MagicMock(read=lambda: b"20261123T000000Z-abc")}
    assert preview.live_release("prod") == "20261123T000000Z-abc"
    s3.get_object.assert_called_once_with(Bucket="civicforge-prod-releases-1", Key="current")


@pytest.mark.parametrize("code", ["NoSuchBucket", "NoSuchKey"])
def test_before_the_first_release_there_is_none(monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    aws(monkeypatch).get_object.side_effect = ClientError({"Error": {"Code": code}}, "GetObject")
    assert preview.live_release("prod") is None


def test_no_right_to_look_is_no_absence(monkeypatch: pytest.MonkeyPatch) -> None:
    aws(monkeypatch).get_object.side_effect = ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")
    with pytest.raises(ClientError):
        preview.live_release("prod")
