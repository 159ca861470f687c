# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Reserved concurrency of versions.

MiniStack 1.5.33 applies a function's reserved concurrency to `$LATEST` only; on AWS it covers all versions, and
with them every alias.

Report: PutFunctionConcurrency with 0, invoke an alias: the function runs.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import lambda_svc  # type: ignore[import-not-found]  # in the emulator's environment


def install() -> None:
    """Replace MiniStack's function."""
    lambda_svc._reserved_concurrency = _of_the_function(lambda_svc._reserved_concurrency)


def _of_the_function(reserved: Callable[..., int | None]) -> Callable[..., int | None]:
    def of_the_function(func: Mapping[str, Any], config: Mapping[str, Any]) -> int | None:
        return reserved(lambda_svc._functions.get(config.get("FunctionName", "")) or func, config)

    return of_the_function
