"""Ids and marks that are made from what they stand for. The standard library alone: the local console has no more."""

import hashlib


def digest(*parts: str) -> str:
    """26 characters of base 32 that depend on every part; the same in every process."""
    number = int.from_bytes(hashlib.sha256("\x1f".join(parts).encode()).digest()[:17], "big")
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    return "".join(alphabet[(number >> shift) & 31] for shift in range(0, 130, 5))


def request_mark(user_id: str, action: str, request_id: str) -> str:
    """The name under which a quest remembers a step of this member's request."""
    return digest(user_id, action, request_id)[:12]
