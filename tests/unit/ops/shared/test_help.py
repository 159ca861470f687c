"""Help with examples, options in any place, the version."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer

from ops.__main__ import VERSION, app
from ops.shared.help import examples, in_order
from tests.unit.ops.conftest import Cli, UnitStage


def paths(command: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command by its words."""
    if not hasattr(command, "commands"):
        yield words
        return
    for name, inner in command.commands.items():
        yield from paths(inner, (*words, name))


EVERY = sorted(paths(typer.main.get_command(app)))


@pytest.mark.parametrize("path", EVERY, ids=" ".join)
def test_every_command_has_an_example(path: tuple[str, ...]) -> None:
    assert examples(path), "write it into docs/operations.md, or into ops/shared/help.py"


@pytest.mark.parametrize("path", EVERY[::9], ids=" ".join)
def test_the_help_ends_with_them(cli: Cli, path: tuple[str, ...]) -> None:
    said = " ".join(cli(f"{' '.join(path)} --help").out.split())
    assert f"For example: {examples(path)[0]}" in said


def test_every_example_is_a_command() -> None:
    known = {" ".join(path) for path in EVERY}
    for path in EVERY:
        for line in examples(path):
            words = line.removeprefix("./civicforge ").split()
            assert any(" ".join(words[:size]) in known for size in (1, 2)), line


@pytest.mark.parametrize(
    ("typed", "ordered"),
    [
        ("--stage prod status", "status --stage prod"),
        ("flags --stage=prod list --json", "flags list --json --stage=prod"),
        ("status --stage prod", "status --stage prod"),
        ("--stage dev status --stage prod", "status --stage dev --stage prod"),
        ("member find -- --stage", "member find -- --stage"),
        ("--stage prod member find -- x", "member find --stage prod -- x"),
        ("status --stage", "status --stage"),
        ("", ""),
    ],
)
def test_the_stage_may_be_said_anywhere(typed: str, ordered: str) -> None:
    assert in_order(typed.split()) == ordered.split()


def test_the_stage_before_the_command_counts(stage: UnitStage, cli: Cli) -> None:
    assert cli("--stage local dlq list --json").code == 0
    assert cli("dlq --stage local list").code == 0


def test_the_version_is_told_with_its_commit(cli: Cli) -> None:
    ran = cli("--version")
    assert ran.code == 0
    assert re.fullmatch(rf"civicforge {re.escape(VERSION)}, commit \S+", ran.out.strip())


def test_completion_can_be_installed(cli: Cli) -> None:
    assert "--install-completion" in cli("--help").out
