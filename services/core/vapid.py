"""The platform's key pair for Web Push (VAPID, RFC 8292), as its parameter holds it."""

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import NamedTuple, Self

from ecdsa import NIST256p, SigningKey  # type: ignore[import-untyped]  # it ships no types


def encoded(value: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The inverse of `encoded`. Raises ValueError."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


class VapidKey(NamedTuple):
    """A key pair on P-256, base64url; the public key is what browsers subscribe with."""

    private: str
    public: str

    @classmethod
    def new(cls) -> Self:
        """A random key pair."""
        key = SigningKey.generate(curve=NIST256p)
        return cls(encoded(key.to_string()), encoded(key.verifying_key.to_string("uncompressed")))

    @classmethod
    def parse(cls, value: str) -> Self:
        """The key pair in a parameter's value. Raises ValueError."""
        try:
            pair = cls(**json.loads(value))
            lengths = [len(decoded(key)) for key in pair]
        except (TypeError, AttributeError) as error:
            raise ValueError("the key pair is JSON with `private` and `public`") from error
        if lengths != [32, 65]:
            raise ValueError("the keys have 32 and 65 bytes, in base64url")
        return pair

    def to_json(self) -> str:
        """The parameter's value."""
        return json.dumps(self._asdict())
