# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Answers of handlers that log nothing.

MiniStack 1.5.33 waits 50 ms for a log line after each answer; here 10 ms.

Report: invoke a warm function that prints nothing: 50 ms more than one that prints. A configurable wait would do.
"""

from typing import Final

from ministack.core import lambda_runtime  # type: ignore[import-not-found]  # in the emulator's environment

WAIT_SECONDS: Final = 0.010


def install() -> None:
    """Replace MiniStack's default."""
    lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = (WAIT_SECONDS, 0.005, 0.250)
