"""The Makefile on a machine that lacks something: a sentence that says what, and how to get it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from infra.paths import REPOSITORY

FAKES = {
    "too-old": ("case $1 in -c) exit 1;; *) echo Python 3.9.2;; esac", "Python 3.9.2 is too old"),
    "without-venv": ("case $2 in *ensurepip*) exit 1;; esac", "has no module venv: 'apt install python3-venv'"),
}


def make(folder: Path, python: str) -> "subprocess.CompletedProcess[str]":
    shutil.copy(REPOSITORY / "Makefile", folder)
    shutil.copytree(REPOSITORY / "requirements", folder / "requirements")
    (folder / "frontend" / "src").mkdir(parents=True)
    (folder / "frontend" / "public").mkdir()
    environment = {"PATH": os.environ["PATH"]}
    return subprocess.run(
        ["make", "doctor", f"PYTHON={python}"],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_no_python_at_all(tmp_path: Path) -> None:
    done = make(tmp_path, "no-such-python")
    assert done.returncode
    assert "There is no Python here (looked for no-such-python). Install 3.11 or newer" in done.stdout
    assert "not found" not in done.stderr


@pytest.mark.parametrize("kind", FAKES)
def test_a_python_that_will_not_do(tmp_path: Path, kind: str) -> None:
    script, said = FAKES[kind]
    fake = tmp_path / "python"
    fake.write_text(f"#!/bin/sh\n{script}\n")
    fake.chmod(0o755)
    done = make(tmp_path, str(fake))
    assert done.returncode
    assert said in done.stdout
    assert not (tmp_path / ".venv").exists()
