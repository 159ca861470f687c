"""The canary's sign-in against pycognito's, number by number."""

import base64
import secrets
from datetime import UTC, datetime
from typing import Any

import pytest
import time_machine
from pycognito import aws_srp  # type: ignore[import-untyped]  # it ships no types

from services.canary.srp import Exchange

POOL, NOW = "eu-central-1_AbCdEf123", datetime(2026, 11, 7, 4, 5, 6, tzinfo=UTC)


def answers(password: str, salt: str, b: int) -> tuple[dict[str, str], dict[str, str]]:
    """The answers of pycognito and the canary to the same challenge, with the same secret."""
    reference: Any = aws_srp.AWSSRP(
        username="a@example.org", password=password, pool_id=POOL, client_id="client", client=object()
    )
    ours = Exchange(POOL, password, secret=reference.small_a_value)
    assert ours.public == reference.get_auth_params()["SRP_A"]
    challenge = {
        "USER_ID_FOR_SRP": "7f9c-user",
        "USERNAME": "7f9c-user",
        "SALT": salt,
        "SRP_B": f"{pow(2, b, reference.big_n):x}",
        "SECRET_BLOCK": base64.b64encode(secrets.token_bytes(64)).decode(),
    }
    with time_machine.travel(NOW, tick=False):
        return reference.process_challenge(challenge, reference.get_auth_params()), ours.answer(challenge, NOW)


@pytest.mark.parametrize("salt", ["7f", "00ab", "ff00", "8" * 32, "0" + "7" * 31, "c0ffee" * 5])
@pytest.mark.parametrize(
    "password", ["correct horse battery", "pässwörd ✓", "Zo9_1NIKmnG1zD_vwAe4zCZREzTXgo881I_OXALNycM"]
)
def test_the_answer_is_pycognitos(password: str, salt: str) -> None:
    theirs, ours = answers(password, salt, secrets.randbits(1024))
    assert ours == theirs


def test_another_password_gives_another_signature() -> None:
    exchange, other = (Exchange(POOL, word, secret=12345) for word in ("one", "two"))
    challenge = {"USER_ID_FOR_SRP": "u", "SALT": "ab", "SRP_B": f"{2**2000:x}", "SECRET_BLOCK": "AAAA"}
    signature = "PASSWORD_CLAIM_SIGNATURE"
    assert exchange.answer(challenge, NOW)[signature] != other.answer(challenge, NOW)[signature]
