"""Cognito's CustomMessage trigger: the mail with a code, in the reader's language."""

from collections.abc import Mapping
from typing import Any, Final

from services.core.domain.users import Language
from services.core.mails import html
from services.core.mails.codes import code_content

TRIGGER: Final = "CustomMessage_"
"""Beginning of the source of an event that asks for a message."""
INVITATION: Final = f"{TRIGGER}AdminCreateUser"
"""Carries a password instead of a code. The platform invites nobody by mail, and the app takes no such password."""
LONGEST_MESSAGE: Final = 20_000
"""Characters; Cognito developer guide, Quotas."""


def code_mail(event: Mapping[str, Any]) -> dict[str, str]:
    """The fields of Cognito's response: none where the pool's own message is right already, or the best there is.

    Raises LookupError, TypeError or ValueError for an event that is none of Cognito's.
    """
    language = reader_language(event["request"])
    if language is None or event["triggerSource"] == INVITATION:
        return {}
    placeholder = event["request"]["codeParameter"]
    if not placeholder:
        raise ValueError("the event has no placeholder for the code")
    content = code_content(language, placeholder)
    message = html(content)
    if len(message) > LONGEST_MESSAGE:
        raise ValueError(f"the mail has {len(message)} characters")
    return {"emailSubject": content.subject, "emailMessage": message}


def reader_language(request: Mapping[str, Any]) -> Language | None:
    """The language that the app names (`clientMetadata.locale`, a tag of BCP 47), else the user's attribute `locale`;
    None if neither is one that there is a catalogue for.
    """
    for fields in (request.get("clientMetadata"), request.get("userAttributes")):
        tag = str((fields or {}).get("locale") or "")
        base = tag.replace("_", "-").partition("-")[0].lower()
        if base in Language.__members__.values():
            return Language(base)
    return None
