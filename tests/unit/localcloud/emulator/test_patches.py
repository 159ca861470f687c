"""The patches of the emulator, as text: their imports exist in the emulator's own environment only."""

import ast
import re
from pathlib import Path

import pytest

from infra.paths import REPOSITORY

PATCHES = sorted((REPOSITORY / "localcloud" / "emulator" / "patches").glob("[!_]*.py"))
PINNED = (REPOSITORY / "requirements" / "emulator.in").read_text(encoding="utf-8")
(VERSION,) = re.findall(r"^ministack==(\S+)$", PINNED, re.MULTILINE)


@pytest.mark.parametrize("path", PATCHES, ids=lambda path: path.stem)
def test_a_patch_says_which_gap_it_fills_and_how_to_report_it(path: Path) -> None:
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    gap, _, report = text.partition("\n\nReport: ")
    assert f"MiniStack {VERSION} " in gap, "look whether this version still has the gap"
    assert len(report.split()) > 5


def test_every_patch_is_installed_or_called_by_the_gateway() -> None:
    gateway = (REPOSITORY / "localcloud" / "emulator" / "gateway.py").read_text(encoding="utf-8")
    for path in PATCHES:
        functions = {
            node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
        }
        assert "install" in functions or path.stem in gateway, path.name
