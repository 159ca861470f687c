"""A stage's configuration, read from `Pulumi.yaml` and `Pulumi.<stage>.yaml` as the Pulumi CLI would."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml


class ConfigError(Exception):
    """The project or stage file cannot be used; the message names the file and the key."""


@dataclass(frozen=True)
class StackConfig:
    """The values as the engine hands them to a program: `namespace:key` to text, objects as JSON text."""

    project: str
    stage: str
    values: Mapping[str, str]
    program: Path

    @property
    def region(self) -> str:
        """`aws:region`, or us-east-1."""
        return self.values.get("aws:region", "us-east-1")

    @property
    def default_tags(self) -> dict[str, str]:
        """The tags of `aws:defaultTags`, which go on everything that can be tagged."""
        tags = json.loads(self.values.get("aws:defaultTags", "{}")).get("tags", {})
        return {str(key): str(value) for key, value in tags.items()}


def load_config(stage: str, root: Path, overrides: Mapping[str, str] | None = None) -> StackConfig:
    """Read a stage's configuration.

    Args:
        stage: the stack's name, as in `Pulumi.<stage>.yaml`. That file may be missing: then the defaults hold.
        root: the directory of `Pulumi.yaml`.
        overrides: values that win over both files, `namespace:key` (or a key of the project) to text.

    Raises:
        ConfigError: `Pulumi.yaml` is missing or not a project, or a value is encrypted (`secure:`): the keys that
            decrypt it are not on this machine.
    """
    project_file = root / "Pulumi.yaml"
    project = _mapping(project_file)
    if "name" not in project:
        raise ConfigError(f"{project_file} names no project: add `name:`.")
    name = str(project["name"])
    values: dict[str, str] = {}
    for key, declared in (project.get("config") or {}).items():
        value = declared
        if isinstance(declared, dict):
            value = declared.get("value", declared.get("default"))
        if value is not None:
            values[_qualified(name, key)] = _text(project_file, key, value)
    stage_file = root / f"Pulumi.{stage}.yaml"
    for key, value in ((_mapping(stage_file) if stage_file.exists() else {}).get("config") or {}).items():
        values[_qualified(name, key)] = _text(stage_file, key, value)
    for key, value in (overrides or {}).items():
        values[_qualified(name, key)] = value
    return StackConfig(name, stage, values, root / str(project.get("main", ".")))


def _mapping(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError as error:
        raise ConfigError(f"{path} is missing: there is no Pulumi project here.") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path} is not YAML: {error}") from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path} must hold a mapping.")
    return content


def _qualified(project: str, key: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _text(path: Path, key: str, value: object) -> str:
    if isinstance(value, dict) and "secure" in value:
        raise ConfigError(
            f"{path}: {key} is encrypted. The local cloud has no key to decrypt it; give a plain value as an override."
        )
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict | list):
        return json.dumps(value)
    return str(value)
