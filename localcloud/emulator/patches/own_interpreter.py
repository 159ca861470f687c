# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Lambdas in an interpreter of their own.

MiniStack 1.5.33 runs Python Lambdas with its own interpreter, so that they can import its dependencies; the one that
`LAMBDA_PYTHON` names has nothing installed.

Report: a handler that imports `hypercorn` runs, though its zip does not hold it.
"""

import os
from collections.abc import Callable

from ministack.core import lambda_runtime  # type: ignore[import-not-found]  # in the emulator's environment


def install() -> None:
    """Replace MiniStack's function."""
    lambda_runtime._detect_runtime_binary = _own_interpreter(lambda_runtime._detect_runtime_binary)


def _own_interpreter(detect: Callable[[str], tuple[str, str]]) -> Callable[[str], tuple[str, str]]:
    def detect_own(runtime: str) -> tuple[str, str]:
        binary, script = detect(runtime)
        return (os.environ["LAMBDA_PYTHON"], script) if runtime.startswith("python") else (binary, script)

    return detect_own
