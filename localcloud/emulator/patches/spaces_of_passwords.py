# ruff: noqa: SLF001 - MiniStack has no public hooks for what is filled here; its version is pinned
"""Passwords of a user pool may begin or end with white space.

Cognito refuses such a password with InvalidParameterException before it looks at the pool's policy: a password's
pattern is `^[\\S]+.*[\\S]+$` (Amazon Cognito API reference, "SignUp"). MiniStack 1.5.33 takes it.

Report: sign up with the password "correct horse battery " in a pool whose policy asks for a length alone. Expected:
InvalidParameterException. Seen: the user is made.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from ministack.core.responses import error_response_json  # type: ignore[import-not-found]  # its own environment
from ministack.services import cognito  # type: ignore[import-not-found]  # its own environment

SETS: Final = {
    "SignUp": "Password",
    "ConfirmForgotPassword": "Password",
    "ChangePassword": "ProposedPassword",
    "AdminSetUserPassword": "Password",
}
"""The member of each operation that is a new password."""


def install() -> None:
    """Patch the user pools."""
    cognito._run_idp_handler = _refusing(cognito._run_idp_handler)


def _refusing(run: Callable[..., Any]) -> Callable[..., Any]:
    def run_handler(handler: Callable[[Mapping[str, Any]], Any], action: str, data: Mapping[str, Any]) -> Any:
        member = SETS.get(action)
        password = data.get(member) if member else None
        if member and isinstance(password, str) and password != password.strip():
            name = f"{member[0].lower()}{member[1:]}"
            message = (
                f"1 validation error detected: Value at '{name}' failed to satisfy constraint: "
                "Member must satisfy regular expression pattern: ^[\\S]+.*[\\S]+$"
            )
            return error_response_json("InvalidParameterException", message)
        return run(handler, action, data)

    return run_handler
