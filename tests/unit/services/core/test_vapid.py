"""The platform's key pair for Web Push."""

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.core.vapid import VapidKey, decoded


def test_a_key_pair_belongs_together() -> None:
    key = VapidKey.new()
    private = ec.derive_private_key(int.from_bytes(decoded(key.private), "big"), ec.SECP256R1())
    public = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    assert decoded(key.public) == public
    assert VapidKey.new() != key


def test_a_parameter_holds_it() -> None:
    key = VapidKey.new()
    assert VapidKey.parse(key.to_json()) == key


@pytest.mark.parametrize(
    "value",
    [
        *("", "{}", "[]", "null", '{"private": "a"}', '{"private": "a", "public": "b", "c": 1}'),
        *('{"private": "", "public": ""}', '{"private": 1, "public": 2}', '{"private": "AAAA", "public": "AAAA"}'),
    ],
)
def test_what_is_no_key_pair(value: str) -> None:
    with pytest.raises(ValueError, match=r"Expecting|key pair|keys have"):
        VapidKey.parse(value)
