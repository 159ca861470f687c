"""A push service and browsers of the tests' own: what is sent is decrypted and its signature checked, both by the
`cryptography` package, which shares no code with the notifier.
"""

import json
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

CURVE = ec.SECP256R1()


def text(value: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def octets(value: str) -> bytes:
    """The inverse of `text`."""
    return urlsafe_b64decode(value + "=" * (-len(value) % 4))


def _derived(salt: bytes, secret: bytes, info: bytes, length: int) -> bytes:
    return HKDF(SHA256(), length, salt, info).derive(secret)


class Browser:
    """The keys of a subscription at `endpoint`."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint, self._key, self._auth = endpoint, ec.generate_private_key(CURVE), b"sixteen secrets!"

    @property
    def _public(self) -> bytes:
        return self._key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)

    @property
    def subscription(self) -> dict[str, str]:
        """The body that the app sends to the API."""
        return {"endpoint": self.endpoint, "publicKey": text(self._public), "auth": text(self._auth)}

    def read(self, body: bytes) -> dict[str, Any]:
        """The payload of a message (RFC 8291). Raises cryptography's InvalidTag where it is not for this browser."""
        salt, sender, cipher = body[:16], body[21 : 21 + body[20]], body[21 + body[20] :]
        shared = self._key.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(CURVE, sender))
        secret = _derived(self._auth, shared, b"WebPush: info\0" + self._public + sender, 32)
        key = _derived(salt, secret, b"Content-Encoding: aes128gcm\0", 16)
        nonce = _derived(salt, secret, b"Content-Encoding: nonce\0", 12)
        found: dict[str, Any] = json.loads(AESGCM(key).decrypt(nonce, cipher, None).rstrip(b"\0").removesuffix(b"\x02"))
        return found


def claims(authorization: str, public_key: str) -> dict[str, Any]:
    """The claims of a VAPID header (RFC 8292). Raises cryptography's InvalidSignature, ValueError."""
    found = re.fullmatch(r"vapid t=([\w-]+)\.([\w-]+)\.([\w-]+), ?k=([\w-]+)", authorization)
    if found is None or found[4] != public_key or json.loads(octets(found[1])) != {"typ": "JWT", "alg": "ES256"}:
        raise ValueError(f"{authorization} is no token of {public_key}")
    signature = octets(found[3])
    numbers = (int.from_bytes(part, "big") for part in (signature[:32], signature[32:]))
    key = ec.EllipticCurvePublicKey.from_encoded_point(CURVE, octets(public_key))
    key.verify(encode_dss_signature(*numbers), f"{found[1]}.{found[2]}".encode(), ec.ECDSA(SHA256()))
    read: dict[str, Any] = json.loads(octets(found[2]))
    return read


class PushService:
    """A push service on this machine: what came, and the status that it answers each path with."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.status: dict[str, int] = {}

    def browser(self, path: str) -> Browser:
        """A browser that is subscribed here."""
        return Browser(f"{self.address}{path}")

    def shown(self, browser: Browser) -> list[dict[str, Any]]:
        """The notices that a browser was sent, decrypted, oldest first."""
        path = browser.endpoint.removeprefix(self.address)
        return [browser.read(body) for found, _, body in list(self.received) if found == path]


@contextmanager
def push_service() -> Iterator[PushService]:
    """A push service that answers until the block ends."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            service.received.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(service.status.get(self.path, 201))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the base class's name
            """Nothing: requests are kept in `received`."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    service = PushService(f"http://127.0.0.1:{server.server_port}")
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
