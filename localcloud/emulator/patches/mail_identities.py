# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""Authorization of a mail, and the identities that may send.

MiniStack 1.5.33 authorizes `SendEmail` of SES v2 on `*`; AWS on the sender's identity. No identity is verified, as in a
new account: every domain under `.example` (RFC 2606) stands for one that an operator has verified before deploying.

Report: a role with `ses:SendEmail` on the ARN of an identity is denied.
"""

from collections.abc import Callable
from email.utils import parseaddr
from typing import Any

from ministack.core import iam_actions  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.services import ses  # type: ignore[import-not-found]  # in the emulator's environment


def install() -> None:
    """Replace MiniStack's functions."""
    iam_actions.extract_resource_arn = _with_identities(iam_actions.extract_resource_arn)
    ses._identity_verified = _with_example_domains(ses._identity_verified)


def _with_identities(extract: Callable[..., str]) -> Callable[..., str]:
    def with_identity(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        if service == "ses" and path.rstrip("/") == "/v2/email/outbound-emails":
            _, address = parseaddr(iam_actions._safe_json_field(body, "FromEmailAddress") or "")
            arn = extract(service, "GET", "/v2/email/identities/x", headers, b"", *rest)
            return f"{arn.removesuffix('x')}{address.rpartition('@')[2]}"
        return extract(service, method, path, headers, body, *rest)

    return with_identity


def _with_example_domains(verified: Callable[..., bool]) -> Callable[..., bool]:
    def with_example(address: str, **kwargs: Any) -> bool:
        return parseaddr(address)[1].lower().endswith(".example") or verified(address, **kwargs)

    return with_example
