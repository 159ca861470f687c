"""`make up ENGINE=pulumi` as it is typed: the same words as with the embedded engine, and never both for one stage."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from localcloud import __main__ as cli
from localcloud.emulator.process import Emulator
from localcloud.engine.deployment import EngineError
from tests.platform.conftest import VENV
from tests.platform.test_command_line import PROGRAM


@pytest.fixture
def directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A checkout with a program of two resources and a local cloud of its own."""
    (tmp_path / "infra").mkdir()
    (tmp_path / "infra" / "__main__.py").write_text(PROGRAM)
    (tmp_path / "Pulumi.yaml").write_text(json.dumps({"name": cli.PROJECT, "runtime": "python", "main": "infra"}))
    (tmp_path / ".local").mkdir()
    (tmp_path / ".local" / "emulator-venv").symlink_to(VENV)
    monkeypatch.setattr(cli, "DIRECTORY", tmp_path / ".local")
    monkeypatch.setattr(cli, "REPOSITORY", tmp_path)
    yield tmp_path
    Emulator(tmp_path / ".local").stop()


def run(words: str) -> str:
    return CliRunner().invoke(cli.app, words.split(), catch_exceptions=False).output


def test_a_stage_belongs_to_the_engine_that_made_it(directory: Path) -> None:
    assert re.search(r"created +2 +(queue, log|log, queue)", run("up --engine pulumi"))
    assert "Nothing changed: 2 resources" in run("up --engine pulumi")
    assert "local, by Pulumi's engine: 2 resources\n" in run("status")
    with pytest.raises(EngineError, match=r"The other engine has made the stage local .*`make reset` forgets both"):
        run("up")
    (directory / "infra" / "__main__.py").write_text(PROGRAM.replace("60", "120"))
    assert re.search(r"updated +1 +queue", run("up --engine pulumi"))
    run("reset")
    assert re.search(r"created +2", run("up"))
    with pytest.raises(EngineError, match=r"The other engine has made the stage local .*`make reset` forgets both"):
        run("up --engine pulumi")
