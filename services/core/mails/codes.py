"""The mail with a code, which Cognito sends: for a sign-up, a new password, a new address."""

from services.core.domain.users import Language
from services.core.mails import MailContent
from services.core.words import Translator

PLACEHOLDER = "{####}"
"""The placeholder that Cognito replaces by the code."""


def code_content(language: Language, placeholder: str = PLACEHOLDER) -> MailContent:
    """The mail that Cognito fills a code into, for every occasion."""
    words = Translator(language)
    return MailContent(
        words=words,
        subject=words.say("codes.subject"),
        line=words.say("codes.line"),
        text=words.say("codes.text"),
        code=placeholder,
        why=words.say("codes.why"),
    )
