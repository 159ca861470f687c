"""Push messages, by the examples of RFC 8291 and RFC 8292, and read by another implementation."""

from datetime import UTC, datetime

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from ecdsa import NIST256p, SigningKey  # type: ignore[import-untyped]  # it ships no types

from services.core.domain.devices import Device, Subscription, device
from services.core.vapid import VapidKey, decoded, encoded
from services.notifier.push.web_push import (
    MAX_PAYLOAD,
    InvalidSubscriptionError,
    authorization,
    encrypted,
    origin_of,
)
from tests.push_service import Browser, claims

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ENDPOINT = "https://fcm.googleapis.com/fcm/send/abc"


def subscribed(browser: Browser) -> Device:
    return device(Subscription.model_validate(browser.subscription), NOW)


def test_the_example_of_rfc_8291() -> None:
    receiver = Device(
        device_id="d",
        endpoint="https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
        public_key="BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4",
        auth="BTBZMqHH6r4Tts7J_aSIgg",
        added_at=NOW,
    )
    ephemeral = SigningKey.from_string(decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"), curve=NIST256p)
    body = encrypted(
        b"When I grow up, I want to be a watermelon", receiver, ephemeral, decoded("DGv6ra1nlYgDCS1FRnbzlw")
    )
    assert encoded(body) == (
        "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3"
        "jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
    )


def test_the_tests_own_check_takes_the_example_of_rfc_8292() -> None:
    token = (
        "eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1Yi"
        "I6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9"
        "OkSSHzvoD1oA"
    )
    key = "BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"
    assert claims(f"vapid t={token}, k={key}", key) == {
        "aud": "https://push.example.net",
        "exp": 1453523768,
        "sub": "mailto:push@example.com",
    }


def test_a_token_is_for_one_push_service_and_half_a_day() -> None:
    key = VapidKey.new()
    header = authorization(origin_of(ENDPOINT), key, "https://forge.example", NOW)
    assert claims(header, key.public) == {
        "aud": "https://fcm.googleapis.com",
        "exp": int(NOW.timestamp()) + 12 * 3600,
        "sub": "https://forge.example",
    }
    with pytest.raises(InvalidSignature):
        claims(header.replace(f"k={key.public}", f"k={(other := VapidKey.new()).public}"), other.public)


@pytest.mark.parametrize("payload", [b'{"a":1}', b'{"a":"' + b"x" * (MAX_PAYLOAD - 8) + b'"}'])
def test_a_message_is_for_its_browser_alone(payload: bytes) -> None:
    anna, ben = Browser(ENDPOINT), Browser(ENDPOINT)
    body = encrypted(payload, subscribed(anna), SigningKey.generate(curve=NIST256p), bytes(16))
    assert len(body) <= 4096
    assert set(anna.read(body)) == {"a"}
    with pytest.raises(InvalidTag):
        ben.read(body)


def test_a_payload_that_push_services_would_not_take_is_refused() -> None:
    with pytest.raises(ValueError, match="3000 bytes"):
        encrypted(bytes(MAX_PAYLOAD + 1), subscribed(Browser(ENDPOINT)), SigningKey.generate(curve=NIST256p), bytes(16))


def test_a_public_key_off_the_curve_is_refused() -> None:
    row = subscribed(Browser(ENDPOINT)).model_copy(update={"public_key": encoded(b"\x04" + bytes(63) + b"\x01")})
    with pytest.raises(InvalidSubscriptionError):
        encrypted(b"{}", row, SigningKey.generate(curve=NIST256p), bytes(16))
