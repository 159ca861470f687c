"""A first deployment, typed as docs/operations.md has it: in a shell, in a copy of this tree on which nothing was done.

`test_ops_runbook` follows every other section; it calls the commands in its own process. Here it is the words of the
document, in their order, that bring up an emulator, the bootstrap stack and dev.
"""

import os
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.paths import REPOSITORY
from localcloud.emulator.process import Emulator
from tests.platform.conftest import VENV

GUIDE = REPOSITORY / "docs" / "operations.md"
SECTION = "A first deployment"
LENT = (".venv", "frontend/node_modules", "frontend/dist", ".cache")
"""The folders that `make setup` and a build made here; a fresh clone makes them by the README's two commands."""
SHELLS = ("", "bash", "sh", "console")


def blocks(section: str) -> Iterator[tuple[str, list[str]]]:
    """The code blocks of a section of the guide, each with its language."""
    text = GUIDE.read_text(encoding="utf-8")
    (body,) = re.findall(rf"^#+ {re.escape(section)}$\n(.*?)(?=^#+ )", text, re.MULTILINE | re.DOTALL)
    for language, block in re.findall(r"^```(\w*)\n(.*?)^```$", body, re.MULTILINE | re.DOTALL):
        yield language, block.splitlines()


def commands(section: str) -> list[str]:
    """The lines that one types."""
    return [
        line.removeprefix("$ ")
        for language, lines in blocks(section)
        if language in SHELLS
        for line in lines
        if line.startswith("$ ") or language != "console"
    ]


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[Path]:
    """A clone of this tree as it is now, with an emulator of its own that nobody has started yet."""
    tree = tmp_path / "civicforge"
    git = shutil.which("git")
    assert git
    subprocess.run([git, "clone", "-q", "--shared", "--no-checkout", str(REPOSITORY), str(tree)], check=True)
    listed = [git, "-C", str(REPOSITORY), "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split("\0"):
        if name and (REPOSITORY / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, tree / name)
    for name in LENT:
        if (REPOSITORY / name).exists():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            (tree / name).symlink_to(REPOSITORY / name)
    if (REPOSITORY / "dist" / "host").exists():
        shutil.copytree(REPOSITORY / "dist" / "host", tree / "dist" / "host")
    (tree / ".local").mkdir()
    (tree / ".local" / "emulator-venv").symlink_to(VENV)
    emulator = Emulator(tree / ".local", venv=VENV)
    yield tree
    emulator.stop(lose=True)


class Terminal:
    """One shell in which lines are typed, so that what one sets the next one has."""

    def __init__(self, tree: Path) -> None:
        foreign = ("AWS_", "CIVICFORGE_", "PULUMI_", "COV", "PYTEST")
        kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
        self._shell = subprocess.Popen(
            ["/bin/bash", "--noprofile", "--norc"],
            cwd=tree,
            env={**kept, "COLUMNS": "160"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def type(self, line: str, *, may_fail: bool = False) -> str:
        """Types a line and returns its output; fails where its exit code is not 0, or 1 where it may be."""
        assert self._shell.stdin
        assert self._shell.stdout
        # A command that asks gets a reason and its "y" from a file of its own: the shell's input is the next line.
        self._shell.stdin.write(f"{line} < <(printf 'by the guide\\ny\\n'); echo ended: $?\n")
        self._shell.stdin.flush()
        said = ""
        for told in self._shell.stdout:
            if match := re.fullmatch(r"ended: (\d+)\n", told):
                assert match[1] == "0" or (may_fail and match[1] == "1"), f"{line}\n{said}"
                return said
            said += told
        raise AssertionError(f"the shell ended: {said}")

    def close(self) -> None:
        with self._shell:  # it closes the pipes, and waits
            os.killpg(self._shell.pid, signal.SIGKILL)


@pytest.fixture
def terminal(tree: Path) -> Iterator[Terminal]:
    terminal = Terminal(tree)
    yield terminal
    terminal.close()


def test_a_first_deployment_from_a_fresh_tree(terminal: Terminal) -> None:
    """Up to the stage that stands; who is let in then, `test_ops_runbook` follows."""
    written = commands(SECTION)
    # A line of another kind is a line that this test does not know.
    assert all(line.startswith((".venv/bin/python -m ", "./civicforge ", 'eval "$(')) for line in written), written
    first = written[: written.index("./civicforge status --stage dev") + 1]
    assert [line.split()[-1] for line in first[-4:]] == ["dev"] * 4
    # An alarm of a stage that is minutes old: its canary was not heard yet.
    said = {line: terminal.type(line, may_fail=line == first[-1]) for line in first}
    assert "is live after" in said["./civicforge deploy --stage dev"]
    assert re.search(r"reward +\S+ s +paid", said["./civicforge smoke --stage dev"])
    assert "smoke test      passed" in said[first[-1]]
