"""The examples in a command's help: its lines in the runbook, which tests run."""

import re
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

from rich.markup import escape
from typer.core import TyperCommand

from infra.paths import REPOSITORY

GUIDE: Final = REPOSITORY / "docs" / "operations.md"
_MOST: Final = 3
_FURTHER: Final = (
    "publish --stage local",
    "seed --stage dev",
    "member find anna --stage prod",
    "restore complete RESTORE --stage prod",
    "destroy --stage dev",
    "open --stage dev",
    "open mails",
    "logs --follow --stage prod",
    "status --watch --stage prod",
)
"""Command lines of which the runbook has none."""


@cache
def _lines() -> tuple[str, ...]:
    found = re.findall(r"^\$ \./civicforge (.+)$", GUIDE.read_text(encoding="utf-8"), re.MULTILINE)
    return tuple(dict.fromkeys((*found, *_FURTHER)))


def examples(path: Sequence[str]) -> list[str]:
    """Some command lines of a command, by its words, e.g. `restore`, `start`."""
    command = " ".join(path)
    return [f"./civicforge {line}" for line in _lines() if line == command or line.startswith(f"{command} ")][:_MOST]


class DocumentedCommand(TyperCommand):
    """A command whose help ends with examples."""

    def format_help(self, ctx: Any, formatter: Any) -> Any:
        """Write the help, read from the runbook only when somebody asks for it."""
        lines = examples(ctx.command_path.split()[1:])
        if lines:
            self.epilog = "\n\n".join(["For example:", *map(escape, lines)])
        return super().format_help(ctx, formatter)


def in_order(arguments: Sequence[str]) -> list[str]:
    """The arguments with `--stage NAME` behind the command, wherever it was said."""
    words, moved, rest = list(arguments), list[str](), list[str]()
    while words:
        word = words.pop(0)
        if word == "--":
            return [*rest, *moved, word, *words]
        if word == "--stage" and words:
            moved += [word, words.pop(0)]
        elif word.startswith("--stage="):
            moved.append(word)
        else:
            rest.append(word)
    return [*rest, *moved]
