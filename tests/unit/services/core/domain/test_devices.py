"""Devices: which addresses are push services, and how many a member has."""

from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from services.core.domain.devices import (
    MAX_DEVICES,
    Device,
    Subscription,
    device,
    is_push_service,
    with_device,
    without_devices,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
KEYS = {"publicKey": "B" + "A" * 86, "auth": "A" * 22}


def a_device(name: str, **keys: str) -> Device:
    endpoint = f"https://web.push.apple.com/{name}"
    return device(Subscription.model_validate({"endpoint": endpoint, **KEYS, **keys}), NOW)


@pytest.mark.parametrize(
    "endpoint",
    [
        "https://fcm.googleapis.com/fcm/send/abc:def_-",
        "https://updates.push.services.mozilla.com/wpush/v2/gAAA",
        "https://web.push.apple.com/QGx",
        "https://wns2-by3p.notify.windows.com/w/?token=BQYAAA%2b%3d",
        "https://fcm.googleapis.com:443/x",
    ],
)
def test_the_browsers_push_services(endpoint: str) -> None:
    assert is_push_service(endpoint, loopback=False)


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://fcm.googleapis.com/x",
        "https://fcm.googleapis.com:8443/x",
        "https://fcm.googleapis.com.evil.example/x",
        "https://evilfcm.googleapis.com/x",
        "https://notpush.apple.com/x",
        "https://evil.example/x",
        "https://169.254.169.254/latest/meta-data/",
        "https://[::1]/x",
        "https://localhost/x",
        "http://127.0.0.1:8080/x",
        "https://user@fcm.googleapis.com/x",
        "https://fcm.googleapis.com@evil.example/x",
        "https://evil.example\\.fcm.googleapis.com/x",
        "https://evil.example/.fcm.googleapis.com",
        "https://evil.example#.fcm.googleapis.com/x",
        "https://evil.example?.fcm.googleapis.com/x",
        "https://fcm.googleapis.com\\@evil.example/x",
        "https://fcm.googleapis.com/a b",
        "https://fcm.googleapis.com/a\r\nHost: evil.example",
        "https://fcm.googleapis.com",
        "ftp://fcm.googleapis.com/x",
        "https://FCM。googleapis.com/x",
        "",
    ],
)
def test_no_other_address(endpoint: str) -> None:
    assert not is_push_service(endpoint, loopback=False)


def test_this_machine_on_the_local_cloud_alone() -> None:
    for endpoint in ("http://127.0.0.1:8099/a", "http://localhost:8099/a"):
        assert is_push_service(endpoint, loopback=True)
        assert not is_push_service(endpoint, loopback=False)
    assert not is_push_service("http://10.0.0.1/a", loopback=True)
    assert not is_push_service("http://localhost.evil.example/a", loopback=True)


@pytest.mark.parametrize(
    "wrong",
    [
        {"publicKey": "A" * 87},
        {"publicKey": "B" + "A" * 85},
        {"auth": "A" * 23},
        {"auth": ""},
        {"endpoint": "https://fcm.googleapis.com/" + "a" * 1000},
        {"endpoint": "javascript:alert(1)"},
        {"expirationTime": "never"},
    ],
)
def test_what_is_no_subscription(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        Subscription.model_validate({"endpoint": "https://fcm.googleapis.com/x", **KEYS, **wrong})


def test_a_device_is_known_by_its_address() -> None:
    one, other = a_device("one"), a_device("other")
    known = with_device(with_device([], one), other)
    assert with_device(known, one) == known, "the same again changes nothing"
    renewed = a_device("one", auth="B" * 22)
    assert with_device(known, renewed) == [other, renewed]
    assert without_devices(known, one.device_id) == [other]
    assert without_devices(known, "unknown") == known
    assert one.service == "web.push.apple.com"


def test_another_device_takes_the_place_of_the_oldest() -> None:
    known: list[Device] = []
    for number in range(MAX_DEVICES + 2):
        known = with_device(known, a_device(str(number)))
    assert [kept.endpoint[-1] for kept in known] == ["2", "3", "4", "5", "6"]
