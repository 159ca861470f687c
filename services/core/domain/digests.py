"""Ids that are hashes of their content. Imports only the standard library, as the local console has nothing else."""

import hashlib


def digest(*parts: str) -> str:
    """26 characters of base 32 that depend on every part; the same in every process."""
    number = int.from_bytes(hashlib.sha256("\x1f".join(parts).encode()).digest()[:17], "big")
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    return "".join(alphabet[(number >> shift) & 31] for shift in range(0, 130, 5))


def step_id_of(user_id: str, action: str, request_id: str) -> str:
    """The id of the step that this member's request takes on a quest, as kept in `Quest.taken`."""
    return digest(user_id, action, request_id)[:12]
