"""Saving by a copy of the process."""

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from localcloud.emulator.saving import Saver

pytestmark = pytest.mark.enable_socket  # an event loop has a pair of them


def save(saver: Saver) -> str:
    asyncio.run(saver.save())
    return saver.failure


def test_what_is_written_is_the_state_at_the_time(tmp_path: Path) -> None:
    state = ["first"]

    def write() -> dict[str, str]:
        time.sleep(0.2)
        (tmp_path / "state").write_text(" ".join(state))
        return {}

    async def while_it_saves() -> None:
        saver = Saver(write)
        saving = asyncio.create_task(saver.save())
        await asyncio.sleep(0.1)
        state.append("second")
        await saving

    asyncio.run(while_it_saves())
    assert (tmp_path / "state").read_text() == "first"


def test_the_loop_goes_on_while_much_is_written() -> None:
    def write() -> dict[str, str]:
        time.sleep(0.5)
        return {}

    async def longest_pause() -> float:
        saver = Saver(write)
        saving = asyncio.create_task(saver.save())
        while not saving.done():
            await asyncio.sleep(0.01)
        await saving
        return saver.held_ms

    assert 0 < asyncio.run(longest_pause()) < 50


def fails() -> dict[str, str]:
    return {"dynamodb": "No space left on device", "ssm": "is broken"}


def raises() -> dict[str, str]:
    raise OSError(28, "No space left on device")


def dies() -> dict[str, str]:
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


@pytest.mark.parametrize(
    ("write", "reason"),
    [
        (fails, "dynamodb: No space left on device; ssm: is broken"),
        (raises, "No space left on device"),
        (dies, "ended with -9"),
    ],
)
def test_a_failure_is_reported_until_a_save_succeeds(write: object, reason: str) -> None:
    tried = [write, dict]
    saver = Saver(lambda: tried[0]())  # type: ignore[operator]  # one of the functions above
    assert reason in save(saver)
    tried.pop(0)
    assert save(saver) == ""


def test_the_copy_closes_inherited_files(tmp_path: Path) -> None:
    def write() -> dict[str, str]:
        try:
            os.fstat(held)
        except OSError:
            return {}
        return {"the file": "is still open"}

    held = os.open(tmp_path / "held", os.O_CREAT)
    try:
        assert save(Saver(write)) == ""
    finally:
        os.close(held)
