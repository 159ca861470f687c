"""AES-128-GCM, compared with the vectors of NIST's GCM submission and with OpenSSL's."""

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notifier.push.aes_gcm import encrypt

VECTORS = (
    # McGrew and Viega, The Galois/Counter Mode of Operation, appendix B, test cases 1 to 4.
    ("00" * 16, "00" * 12, "", "", "58e2fccefa7e3061367f1d57a4e7455a"),
    ("00" * 16, "00" * 12, "00" * 16, "", "0388dace60b6a392f328c2b971b2fe78ab6e47d42cec13bdf53a67b21257bddf"),
    (
        "feffe9928665731c6d6a8f9467308308",
        "cafebabefacedbaddecaf888",
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        "feedfacedeadbeeffeedfacedeadbeefabaddad2",
        "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa051ba30b396a0aac973d58e0915bc94fbc3221a5db94fae95ae7121a47",
    ),
)


@pytest.mark.parametrize(("key", "nonce", "plain", "data", "cipher"), VECTORS)
def test_a_published_vector(key: str, nonce: str, plain: str, data: str, cipher: str) -> None:
    found = encrypt(*(bytes.fromhex(part) for part in (key, nonce, plain, data)))
    assert found.hex() == cipher


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    st.binary(min_size=16, max_size=16),
    st.binary(min_size=12, max_size=12),
    st.binary(max_size=200),
    st.binary(max_size=40),
)
def test_openssl_encrypts_the_same(key: bytes, nonce: bytes, plain: bytes, data: bytes) -> None:
    assert encrypt(key, nonce, plain, data) == AESGCM(key).encrypt(nonce, plain, data)


@pytest.mark.parametrize(("key", "nonce"), [(b"", bytes(12)), (bytes(32), bytes(12)), (bytes(16), bytes(16))])
def test_another_size_of_key_or_nonce_is_refused(key: bytes, nonce: bytes) -> None:
    with pytest.raises(ValueError, match="16 bytes"):
        encrypt(key, nonce, b"")
