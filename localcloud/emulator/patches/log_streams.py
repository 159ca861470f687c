# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Authorization of calls for one log stream.

MiniStack 1.5.33 authorizes them on the group's ARN; AWS on the stream's, which `log-group:name:*` covers.

Report: a role with `logs:PutLogEvents` on `arn:aws:logs:...:log-group:name:*` is denied.
"""

from collections.abc import Callable
from typing import Any

from ministack.core import iam_actions  # type: ignore[import-not-found]  # in the emulator's environment


def install() -> None:
    """Replace MiniStack's function."""
    iam_actions.extract_resource_arn = _with_log_streams(iam_actions.extract_resource_arn)


def _with_log_streams(extract: Callable[..., str]) -> Callable[..., str]:
    def with_log_stream(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        arn = extract(service, method, path, headers, body, *rest)
        if service == "logs" and (stream := iam_actions._safe_json_field(body, "logStreamName")):
            return f"{arn}:log-stream:{stream}"
        return arn

    return with_log_stream
