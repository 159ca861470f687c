"""Page cursors: opaque, signed, and good only for the query that they came from."""

import base64
import binascii
import hmac
import json
from typing import Any


class BadCursorError(ValueError):
    """The cursor was edited, is of another query, or its key has been retired."""


def _signature(key: bytes, query: str, payload: bytes) -> bytes:
    return hmac.digest(key, query.encode() + b"\x00" + payload, "sha256")[:16]


def sign(keys: list[bytes], query: str, position: Any) -> str:
    """A cursor for a JSON position; `query` is whatever tells this query from others, the actor included."""
    payload = json.dumps(position, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_signature(keys[0], query, payload) + payload).decode().rstrip("=")


def read(keys: list[bytes], query: str, cursor: str) -> Any:
    """The position that `sign` was given. Raises BadCursorError."""
    try:
        raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadCursorError from error
    signature, payload = raw[:16], raw[16:]
    if not any(hmac.compare_digest(signature, _signature(key, query, payload)) for key in keys):
        raise BadCursorError
    return json.loads(payload)
