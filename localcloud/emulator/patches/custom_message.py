# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""The CustomMessage trigger of a user pool for every mail with a code.

MiniStack 1.5.33 calls it for AdminCreateUser alone.

Report: a pool with a CustomMessage Lambda; SignUp, ResendConfirmationCode, ForgotPassword: the function does not run,
and the mail is the pool's template.
"""

from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import Any, Final

from ministack.services import cognito  # type: ignore[import-not-found]  # in the emulator's environment

Request = dict[str, Any]
Answer = tuple[int, dict[str, str], Any]

SOURCES: Final = {
    "_sign_up": "CustomMessage_SignUp",
    "_resend_confirmation_code": "CustomMessage_ResendCode",
    "_forgot_password": "CustomMessage_ForgotPassword",
    "_admin_reset_user_password": "CustomMessage_ForgotPassword",
    "_update_user_attributes": "CustomMessage_UpdateUserAttribute",
}
"""The source that the trigger's event names, by MiniStack's function for the operation."""
_CODE: Final = "{####}"
_occasion: ContextVar[tuple[str, Mapping[str, str]] | None] = ContextVar("occasion", default=None)


def install() -> None:
    """Replace MiniStack's functions; `address_changes` has done so before with the last of `SOURCES`."""
    for name, source in SOURCES.items():
        setattr(cognito, name, _naming(source, getattr(cognito, name)))
    cognito._send_verification_email = _asking(cognito._send_verification_email)


def _naming(source: str, operation: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    def named(request: Request) -> Answer:
        token = _occasion.set((source, request.get("ClientMetadata") or {}))
        try:
            return operation(request)
        except (cognito._CustomMessageRejected, cognito._CustomMessageInvalid) as error:
            answer: Answer = cognito._custom_message_error(error)
            return answer
        finally:
            _occasion.reset(token)

    return named


def _asking(send: Callable[..., Any]) -> Callable[..., Any]:
    def send_asked(pool: Request, username: str, attributes: Mapping[str, str], code: str, **rest: Any) -> Any:
        occasion = _occasion.get()
        if occasion is None:
            return send(pool, username, attributes, code, **rest)
        source, metadata = occasion
        custom = cognito._apply_custom_message_trigger(pool, source, username, attributes, metadata)
        if _CODE not in (custom.get("emailMessage") or _CODE):
            raise cognito._CustomMessageInvalid(f"CustomMessage emailMessage must contain {_CODE}.")
        given = {"EmailSubject": custom.get("emailSubject"), "EmailMessage": custom.get("emailMessage")}
        template = (pool.get("VerificationMessageTemplate") or {}) | {k: v for k, v in given.items() if v}
        return send({**pool, "VerificationMessageTemplate": template}, username, attributes, code, **rest)

    return send_asked
