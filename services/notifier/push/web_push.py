"""Web Push messages: encrypted for one subscription (RFC 8291), signed as the platform's (RFC 8292)."""

import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import urlsplit

from ecdsa import ECDH, NIST256p, SigningKey, VerifyingKey  # type: ignore[import-untyped]  # it ships no types
from ecdsa.errors import MalformedPointError  # type: ignore[import-untyped]  # it ships no types

from services.core.domain.devices import Device
from services.core.vapid import VapidKey, decoded, encoded
from services.notifier.push import aes_gcm

MAX_PAYLOAD: Final = 3000
"""Bytes; push services take 4,096 encrypted ones (RFC 8030, section 7.2)."""
TOKEN_LIFE: Final = timedelta(hours=12)
"""Validity of a token; RFC 8292 allows a day."""
_RECORD_SIZE: Final = (4096).to_bytes(4, "big")
_LAST_RECORD: Final = b"\x02"
_SHA256: Final = hashlib.sha256


class InvalidSubscriptionError(Exception):
    """The public key of a subscription is no point of the curve."""


def _derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    """HKDF with SHA-256 (RFC 5869) for at most one block."""
    extracted = hmac.digest(salt, secret, "sha256")
    return hmac.digest(extracted, info + b"\x01", "sha256")[:length]


def encrypted(payload: bytes, device: Device, ephemeral: SigningKey, salt: bytes) -> bytes:
    """The body of a push message: one aes128gcm record (RFC 8188) that only the subscription's browser can read.

    `ephemeral` and `salt` (16 bytes) are random, for this message alone. Raises InvalidSubscriptionError, and
    ValueError for a payload above MAX_PAYLOAD.
    """
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"a payload has at most {MAX_PAYLOAD} bytes, not {len(payload)}")
    receiver = decoded(device.public_key)
    try:
        theirs = VerifyingKey.from_string(receiver, curve=NIST256p, hashfunc=_SHA256)
    except MalformedPointError as error:
        raise InvalidSubscriptionError(device.device_id) from error
    sender: bytes = ephemeral.verifying_key.to_string("uncompressed")
    shared = ECDH(NIST256p, ephemeral, theirs).generate_sharedsecret_bytes()
    secret = _derived(decoded(device.auth), shared, b"WebPush: info\x00" + receiver + sender, 32)
    key = _derived(salt, secret, b"Content-Encoding: aes128gcm\x00", 16)
    nonce = _derived(salt, secret, b"Content-Encoding: nonce\x00", 12)
    header = salt + _RECORD_SIZE + bytes((len(sender),)) + sender
    return header + aes_gcm.encrypt(key, nonce, payload + _LAST_RECORD)


def origin_of(endpoint: str) -> str:
    """The origin of an endpoint, which a token is for."""
    address = urlsplit(endpoint)
    return f"{address.scheme}://{address.netloc}"


def authorization(origin: str, key: VapidKey, contact: str, now: datetime) -> str:
    """The Authorization header for a push service; `contact` is where its operators reach the platform's (RFC 8292)."""
    claims = {"aud": origin, "exp": int((now + TOKEN_LIFE).timestamp()), "sub": contact}
    parts = ({"typ": "JWT", "alg": "ES256"}, claims)
    signed = ".".join(encoded(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    signer = SigningKey.from_string(decoded(key.private), curve=NIST256p, hashfunc=_SHA256)
    return f"vapid t={signed}.{encoded(signer.sign_deterministic(signed.encode()))}, k={key.public}"
