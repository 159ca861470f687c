"""The workflows follow the declaration of the stages."""

import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra import workflows
from services.core.stages import ON_AWS, STAGES, DeclaredStage

FIFTH = DeclaredStage(name="fifth", environment="the-fifth", log_retention_days=30)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the workflows."""
    return Path(shutil.copytree(workflows.FOLDER, tmp_path / "workflows"))


def texts(folder: Path) -> dict[str, str]:
    return {path.stem: path.read_text(encoding="utf-8") for path in folder.glob("*.yml")}


def declare(monkeypatch: pytest.MonkeyPatch, *names: str) -> None:
    monkeypatch.setattr(workflows, "STAGES", {**STAGES, "fifth": FIFTH})
    monkeypatch.setattr(workflows, "ON_AWS", names)


def test_the_workflows_are_up_to_date() -> None:
    assert workflows.main(["--check"]) == 0


@pytest.mark.parametrize("place", range(1, len(ON_AWS) + 1))
def test_a_fifth_stage_is_in_every_workflow(
    folder: Path, place: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = texts(folder)
    names = (*ON_AWS[:place], "fifth", *ON_AWS[place:])
    declare(monkeypatch, *names)
    assert workflows.main(["--check"], folder) == 1
    stale = {line.split(".")[0] for line in capsys.readouterr().err.splitlines()}
    assert stale == {"deploy", "drift", "preview", "rollout", "stage"}
    assert texts(folder) == before, "a check changes nothing"

    assert workflows.main([], folder) == 0
    loaded: dict[str, dict[str, Any]] = {name: yaml.load(text, yaml.BaseLoader) for name, text in texts(folder).items()}
    for name in ("preview", "drift", "rollout"):
        assert loaded[name]["jobs"][name]["strategy"]["matrix"] == {"stage": list(names)}
    jobs = loaded["deploy"]["jobs"]
    assert list(jobs) == ["checks", "page", *names, "by-hand"]
    assert jobs["fifth"] == {
        **jobs["prod"],
        "needs": names[place - 1],
        "with": {**jobs["prod"]["with"], "stage": "fifth"},
    }
    assert loaded["deploy"]["on"]["workflow_dispatch"]["inputs"]["stage"]["options"] == list(names)
    assert "inputs.stage == 'fifth' && 'the-fifth'" in loaded["stage"]["jobs"]["deploy"]["environment"]
    assert workflows.main(["--check"], folder) == 0

    declare(monkeypatch, *ON_AWS)
    assert workflows.main([], folder) == 0
    assert texts(folder) == before, "a stage that is gone leaves nothing"
