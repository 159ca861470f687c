"""Sign-in by SRP (RFC 5054 as Cognito has it): the password itself is never sent.

pycognito is the reference in the tests; it needs boto3, requests and cryptography, more than a zip may weigh.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import datetime
from typing import Final

_N: Final = int(
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74020BBEA63B139B22514A08798E3404DD"
    "EF9519B3CD3A431B302B0A6DF25F14374FE1356D6D51C245E485B576625E7EC6F44C42E9A637ED6B0BFF5CB6F406B7ED"
    "EE386BFB5A899FA5AE9F24117C4B1FE649286651ECE45B3DC2007CB8A163BF0598DA48361C55D39A69163FA8FD24CF5F"
    "83655D23DCA3AD961C62F356208552BB9ED529077096966D670C354E4ABC9804F1746C08CA18217C32905E462E36CE3B"
    "E39E772C180E86039B2783A2EC07A28FB5C55DF06F4C52C9DE2BCBF6955817183995497CEA956AE515D2261898FA0510"
    "15728E5A8AAAC42DAD33170D04507A33A85521ABDF1CBA64ECFB850458DBEF0A8AEA71575D060C7DB3970F85A6E1E4C7"
    "ABF5AE8CDB0933D71E8C94E04A25619DCEE3D2261AD2EE6BF12FFA06D98A0864D87602733EC86A64521F2B18177B200C"
    "BBE117577A615D6C770988C0BAD946E208E24FA074E5AB3143DB5BFCE0FD108E4B82D120A93AD2CAFFFFFFFFFFFFFFFF",
    16,
)
"""The prime of 3072 bits of RFC 3526."""
_G: Final = 2
_INFO: Final = b"Caldera Derived Key\x01"
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Exchange:
    """One sign-in: send `public`, and answer the challenge that comes back."""

    def __init__(self, pool_id: str, password: str, secret: int | None = None) -> None:
        self._pool, self._password = pool_id.partition("_")[2], password
        self._secret = secrets.randbits(1024) if secret is None else secret
        self._public = pow(_G, self._secret, _N)

    @property
    def public(self) -> str:
        """The value SRP_A, in hexadecimal digits."""
        return f"{self._public:x}"

    def answer(self, challenge: Mapping[str, str], now: datetime) -> dict[str, str]:
        """The responses to a challenge PASSWORD_VERIFIER."""
        user, block = challenge["USER_ID_FOR_SRP"], challenge["SECRET_BLOCK"]
        moment = f"{_DAYS[now.weekday()]} {_MONTHS[now.month - 1]} {now.day} {now:%H:%M:%S} UTC {now.year}"
        message = f"{self._pool}{user}".encode() + base64.b64decode(block) + moment.encode()
        key = self._key(user, int(challenge["SALT"], 16), int(challenge["SRP_B"], 16))
        return {
            "TIMESTAMP": moment,
            "USERNAME": challenge.get("USERNAME", user),
            "PASSWORD_CLAIM_SECRET_BLOCK": block,
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(hmac.digest(key, message, "sha256")).decode(),
        }

    def _key(self, user: str, salt: int, public: int) -> bytes:
        scramble = _hash(_bytes(self._public) + _bytes(public))
        identity = hashlib.sha256(f"{self._pool}{user}:{self._password}".encode()).digest()
        private = _hash(_bytes(salt) + identity)
        multiplier = _hash(_bytes(_N) + _bytes(_G))
        shared = pow(public - multiplier * pow(_G, private, _N), self._secret + scramble * private, _N)
        return hmac.digest(hmac.digest(_bytes(scramble), _bytes(shared), "sha256"), _INFO, "sha256")[:16]


def _bytes(number: int) -> bytes:
    """A number as Java's BigInteger writes it: big-endian, with a zero in front where it would look negative."""
    return number.to_bytes(number.bit_length() // 8 + 1)


def _hash(data: bytes) -> int:
    return int.from_bytes(hashlib.sha256(data).digest())
