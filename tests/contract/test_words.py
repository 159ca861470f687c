"""The words of docstrings: the first one is a noun or a verb of the field, not the beginning of a relative clause."""

import ast
import re
import subprocess
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from infra.paths import REPOSITORY

RELATIVE = {"What", "Who", "Whom", "Whose", "Whether", "How", "Where", "When", "Why", "Which"}
PACKAGES = ("bench", "infra", "localcloud", "ops", "services", "scripts", "tests")
_COMMENT = re.compile(r"/\*\*\s*(?:\*\s*)?(\w+)")


def docstrings(source: str) -> list[tuple[int, str]]:
    """The line and the first word of each docstring."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    tree = ast.parse(source)
    nodes = [node for node in ast.walk(tree) if isinstance(node, kinds)]
    texts = [(getattr(node, "lineno", 1), ast.get_docstring(node)) for node in nodes]
    # Also the string below an attribute or a constant.
    for before, after in (pair for node in nodes for pair in pairwise(node.body)):
        if isinstance(before, ast.Assign | ast.AnnAssign) and isinstance(after, ast.Expr):
            texts.append((after.lineno, str(getattr(after.value, "value", ""))))
    return [(line, text.split()[0]) for line, text in texts if text]


def comments(source: str) -> list[tuple[int, str]]:
    """The line and the first word of each documentation comment of TypeScript."""
    return [(source.count("\n", 0, found.start()) + 1, found[1]) for found in _COMMENT.finditer(source)]


def openers(read: Callable[[str], list[tuple[int, str]]], *patterns: str) -> list[str]:
    """The places in the files of git where documentation opens with a relative clause."""
    listed = subprocess.run(
        ["git", "ls-files", *patterns], cwd=REPOSITORY, capture_output=True, text=True, check=True
    ).stdout.split()
    assert listed
    return [
        f"{file}:{line} {word}"
        for file in listed
        for line, word in read(Path(REPOSITORY / file).read_text(encoding="utf-8"))
        if word in RELATIVE
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_no_docstring_opens_with_a_relative_clause(package: str) -> None:
    found = openers(docstrings, f"{package}/*.py")
    assert not found, "open with a noun phrase or a verb (CONTRIBUTING.md, Style):\n" + "\n".join(found)


def test_no_comment_of_the_app_opens_with_a_relative_clause() -> None:
    found = openers(
        comments, "frontend/*.ts", "frontend/*.tsx", "frontend/*.js", "tests/e2e/*.ts", "tests/e2e/*.mjs", ":!*.gen.ts"
    )
    assert not found, "open with a noun phrase or a verb (CONTRIBUTING.md, Style):\n" + "\n".join(found)


def test_the_check_sees_one() -> None:
    assert comments("\n/** How often. */\n/**\n * What it is.\n */") == [(2, "How"), (3, "What")]
    assert docstrings('def f():\n    """Whether it holds."""\n') == [(1, "Whether")]
    assert docstrings('A = 1\n"""How often."""\nclass B:\n    c: int\n    """What it is."""\n') == [
        (2, "How"),
        (5, "What"),
    ]
