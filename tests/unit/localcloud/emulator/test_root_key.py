"""The access key of the emulated account's root: one for each data folder."""

import re
import stat
from pathlib import Path

import pytest

from localcloud.emulator.root_key import FILE, root_key, root_key_of


def test_each_folder_has_a_key_of_its_own_and_keeps_it(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
    first, second = root_key(tmp_path / "a"), root_key(tmp_path / "b")
    assert first == root_key(tmp_path / "a")
    assert set(first).isdisjoint(second)
    assert re.fullmatch(r"AKIA[A-Z2-7]{16}", first[0])


def test_nobody_else_may_read_it(tmp_path: Path) -> None:
    root_key(tmp_path)
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600


def test_a_truncated_file_is_written_again(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('{"id": "AK')
    made = root_key(tmp_path)
    assert made == root_key(tmp_path)
    assert len(made[0]) == 20


@pytest.mark.enable_socket
@pytest.mark.parametrize("endpoint", ["https://dynamodb.eu-central-1.amazonaws.com", "http://127.0.0.1:1", ""])
def test_an_endpoint_that_is_no_emulator_of_ours_takes_any_key(endpoint: str) -> None:
    assert root_key_of(endpoint) == ("test", "test")
