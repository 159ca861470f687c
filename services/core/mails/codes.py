"""The mails with a code that Cognito sends: sign-up, a new password, a new address."""

from typing import Final, Literal

from services.core.domain.users import Language
from services.core.mails import Letter
from services.core.words import Words

Occasion = Literal["sign_up", "reset", "address"]
OCCASIONS: Final[dict[str, Occasion]] = {
    "CustomMessage_SignUp": "sign_up",
    "CustomMessage_ResendCode": "sign_up",
    "CustomMessage_ForgotPassword": "reset",
    "CustomMessage_UpdateUserAttribute": "address",
    "CustomMessage_VerifyUserAttribute": "address",
}
"""By Cognito's trigger source; other mails (an administrator's invitation) stay Cognito's own."""


def code_letter(occasion: Occasion, language: Language, code: str) -> Letter:
    """The mail with a code; `code` may be the placeholder that Cognito fills in."""
    words = Words(language)
    return Letter(
        words=words,
        subject=words.say(f"codes.{occasion}.subject"),
        line=words.say(f"codes.{occasion}.line"),
        text=words.say(f"codes.{occasion}.text"),
        code=code,
        why=words.say("codes.why"),
    )
