import json
from pathlib import Path

import pytest

from infra.stack_config import ConfigError, load_config


def project(root: Path, *, stage: str = "") -> Path:
    (root / "Pulumi.yaml").write_text(
        """
name: demo
main: infra
config:
  aws:region: {value: eu-west-1}
  size: {type: integer, default: 3}
  verbose: {type: boolean, default: false}
  hosts: {type: array, default: [a, b]}
  required: {type: string}
  aws:defaultTags:
    value: {tags: {project: demo}}
"""
    )
    if stage:
        (root / "Pulumi.dev.yaml").write_text(stage)
    return root


def test_defaults_are_text_and_objects_are_json(tmp_path: Path) -> None:
    config = load_config("dev", project(tmp_path))
    assert config.values == {
        "aws:region": "eu-west-1",
        "demo:size": "3",
        "demo:verbose": "false",
        "demo:hosts": '["a", "b"]',
        "aws:defaultTags": json.dumps({"tags": {"project": "demo"}}),
    }
    assert (config.project, config.stage, config.region) == ("demo", "dev", "eu-west-1")
    assert config.default_tags == {"project": "demo"}
    assert config.program == tmp_path / "infra"


def test_the_stage_wins_over_defaults_and_overrides_over_both(tmp_path: Path) -> None:
    root = project(tmp_path, stage="config:\n  demo:size: 5\n  verbose: true\n  aws:region: us-east-1\n")
    config = load_config("dev", root, {"size": "7"})
    assert (config.values["demo:size"], config.values["demo:verbose"]) == ("7", "true")
    assert config.region == "us-east-1"


def test_the_region_has_a_default(tmp_path: Path) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: demo\n")
    assert load_config("dev", tmp_path).region == "us-east-1"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("Pulumi.yaml", None, "there is no Pulumi project here"),
        ("Pulumi.yaml", "runtime: python", "names no project"),
        ("Pulumi.yaml", "- a", "must hold a mapping"),
        ("Pulumi.yaml", "a: [", "is not YAML"),
        ("Pulumi.dev.yaml", "config:\n  demo:key:\n    secure: AAAB", "demo:key is encrypted"),
    ],
)
def test_what_cannot_be_used_is_said(tmp_path: Path, name: str, text: str | None, message: str) -> None:
    project(tmp_path)
    if text is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=message):
        load_config("dev", tmp_path)
