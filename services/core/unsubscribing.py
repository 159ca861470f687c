"""The signed token in a mail by which its reader unsubscribes without signing in (RFC 8058)."""

from services.core import cursors

_PURPOSE = "unsubscribe"


def sign(keys: list[bytes], user_id: str) -> str:
    """The token of a member."""
    return cursors.sign(keys, _PURPOSE, user_id)


def read(keys: list[bytes], token: str) -> str:
    """The member of a token. Raises BadCursorError."""
    return str(cursors.read(keys, _PURPOSE, token))
