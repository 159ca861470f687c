# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Calls that the emulator makes itself.

MiniStack 1.5.33 takes what it does by itself (SNS to SQS) for plain HTTP, so that a policy that demands TLS refuses it.

Report: a queue whose policy denies under `aws:SecureTransport` = false never gets what a topic sends.
"""

import contextvars

from ministack.core import iam_evaluator  # type: ignore[import-not-found]  # in the emulator's environment


def install() -> None:
    """Replace MiniStack's default."""
    iam_evaluator._request_origin = contextvars.ContextVar("request_origin", default=("127.0.0.1", True))
