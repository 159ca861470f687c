"""AES-128-GCM, encryption only (FIPS 197, NIST SP 800-38D), in plain Python.

No package of the Lambda has it, and those that do are larger than a zip may be: docs/decisions/0030-web-push.md. It
keeps no secret that outlives a message: each is encrypted under a key of its own.
"""

from collections.abc import Iterator
from typing import Final

BLOCK: Final = 16
_ROUNDS: Final = 10
_POLYNOMIAL: Final = 0xE1 << 120
"""x^128 + x^7 + x^2 + x + 1, in GCM's bit order."""


def _doubled(byte: int) -> int:
    """A byte times x in AES's field."""
    return byte << 1 ^ (0x11B if byte & 0x80 else 0)


def _boxes() -> bytes:
    """The S-box: inverses in the field, by powers of the generator 3, then the affine map."""
    power, powers = 1, []
    for _ in range(255):
        powers.append(power)
        power ^= _doubled(power)
    box = bytearray(256)
    box[0] = 0x63
    for exponent, value in enumerate(powers):
        inverse = powers[-exponent % 255]
        turned = inverse * 0x101
        mixed = inverse ^ (turned >> 7) ^ (turned >> 6) ^ (turned >> 5) ^ (turned >> 4)
        box[value] = (mixed & 0xFF) ^ 0x63
    return bytes(box)


_SBOX: Final = _boxes()
_SHIFTED: Final = tuple((column + row) % 4 * 4 + row for column in range(4) for row in range(4))
"""The index in the state that ShiftRows takes each byte from."""


def _schedule(key: bytes) -> list[bytes]:
    words = [key[at : at + 4] for at in range(0, 16, 4)]
    constant = 1
    while len(words) < 4 * (_ROUNDS + 1):
        word = words[-1]
        if len(words) % 4 == 0:
            word = (word[1:] + word[:1]).translate(_SBOX)
            word = bytes((word[0] ^ constant, *word[1:]))
            constant = _doubled(constant)
        words.append(_xor(words[-4], word))
    return [b"".join(words[at : at + 4]) for at in range(0, len(words), 4)]


def _xor(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=False))


def _mixed(state: bytes) -> Iterator[int]:
    """MixColumns."""
    for at in range(0, BLOCK, 4):
        column = state[at : at + 4]
        every = column[0] ^ column[1] ^ column[2] ^ column[3]
        for row in range(4):
            yield column[row] ^ every ^ _doubled(column[row] ^ column[(row + 1) % 4])


def _encrypt_block(keys: list[bytes], block: bytes) -> bytes:
    state = _xor(block, keys[0])
    for number in range(1, _ROUNDS + 1):
        state = state.translate(_SBOX)
        state = bytes(state[at] for at in _SHIFTED)
        if number < _ROUNDS:
            state = bytes(_mixed(state))
        state = _xor(state, keys[number])
    return state


def _product(one: int, other: int) -> int:
    """The product in GCM's field."""
    result = 0
    for bit in range(127, -1, -1):
        if other >> bit & 1:
            result ^= one
        one = (one >> 1) ^ (_POLYNOMIAL if one & 1 else 0)
    return result


def _hashed(key: int, *parts: bytes) -> int:
    """GHASH of the parts, each filled up to whole blocks, and of their lengths."""
    result = 0
    lengths = b"".join((8 * len(part)).to_bytes(8, "big") for part in parts)
    for part in (*parts, lengths):
        for at in range(0, len(part), BLOCK):
            block = part[at : at + BLOCK].ljust(BLOCK, b"\0")
            result = _product(result ^ int.from_bytes(block, "big"), key)
    return result


def encrypt(key: bytes, nonce: bytes, plain: bytes, data: bytes = b"") -> bytes:
    """The ciphertext with its tag of 16 bytes. Raises ValueError for a key or a nonce of the wrong size."""
    if len(key) != BLOCK or len(nonce) != 12:
        raise ValueError("AES-128-GCM takes a key of 16 bytes and a nonce of 12")
    keys = _schedule(key)
    stream = (_encrypt_block(keys, nonce + number.to_bytes(4, "big")) for number in range(1, len(plain) // BLOCK + 3))
    mask = next(stream)
    blocks = (plain[at : at + BLOCK] for at in range(0, len(plain), BLOCK))
    cipher = b"".join(_xor(block, next(stream)) for block in blocks)
    hash_key = int.from_bytes(_encrypt_block(keys, bytes(BLOCK)), "big")
    tag = _hashed(hash_key, data, cipher) ^ int.from_bytes(mask, "big")
    return cipher + tag.to_bytes(BLOCK, "big")
