"""The gate on instructions."""

import json
import sys
from pathlib import Path

import pytest

from bench import regression

BEFORE = {"cold start": 766.0, "warm get": 0.5}


@pytest.mark.parametrize(
    ("after", "grown"),
    [
        (BEFORE, []),
        ({"cold start": 766 * 1.0299, "warm get": 0.4}, []),
        ({"cold start": 766 * 1.031, "warm get": 0.5}, ["cold start"]),
        ({"cold start": 100.0, "warm get": 0.52}, ["warm get"]),
        ({"cold start": 766.0, "warm list": 9.0}, []),
    ],
)
def test_more_than_three_per_cent_is_a_regression(
    after: dict[str, float],
    grown: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    files = [tmp_path / "before.json", tmp_path / "after.json"]
    for file, counts in zip(files, (BEFORE, after), strict=True):
        file.write_text(json.dumps(counts))
    monkeypatch.setattr(sys, "argv", ["regression", "compare", *map(str, files)])
    assert regression.main() == bool(grown)
    told = [line.split(" ", 1)[1].split(":")[0] for line in capsys.readouterr().err.splitlines()]
    assert told == grown
