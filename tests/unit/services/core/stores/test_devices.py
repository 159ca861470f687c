"""The members' devices in the inbox table."""

from datetime import UTC, datetime, timedelta

import pytest

from services.core.domain.devices import Device, with_device, without_devices
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.users import NoSuchUserError
from tests.unit.services.cloud import Cloud

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_device(name: str) -> Device:
    return Device(device_id=name, endpoint=f"https://push.apple.com/{name}", public_key="B", auth="A", added_at=NOW)


@pytest.fixture(autouse=True)
def members(cloud: Cloud) -> None:
    for name in ("anna", "ben"):
        cloud.users.ensure(name, NOW)


def test_devices_come_and_go(cloud: Cloud) -> None:
    store = cloud.devices
    assert store.of("anna") == []
    phone, laptop = a_device("phone"), a_device("laptop")
    assert store.change("anna", lambda known: with_device(known, phone)) == [phone]
    assert store.change("anna", lambda known: with_device(known, laptop)) == [phone, laptop]
    assert store.of("anna") == [phone, laptop]
    assert store.of("ben") == []
    assert store.change("anna", lambda known: without_devices(known, "phone")) == [laptop]
    store.forget("anna")
    store.forget("anna")
    assert store.of("anna") == []
    assert store.change("anna", lambda known: with_device(known, phone)) == [phone]


def test_nothing_is_written_where_nothing_changes(cloud: Cloud) -> None:
    cloud.devices.change("anna", lambda known: with_device(known, a_device("phone")))
    cloud.faults.calls.clear()
    cloud.devices.change("anna", lambda known: with_device(known, a_device("phone")))
    assert not any("PutItem" in str(call) for call in cloud.faults.calls)


@pytest.mark.parametrize("before", [[], ["old"]])
def test_two_changes_at_once_both_count(cloud: Cloud, before: list[str]) -> None:
    """The second read the row before the first wrote it."""
    store = cloud.devices
    seen: list[list[Device]] = []
    store.change("anna", lambda _: [a_device(name) for name in before])

    def add(known: list[Device]) -> list[Device]:
        if not seen:
            store.change("anna", lambda there: with_device(there, a_device("between")))
        seen.append(known)
        return with_device(known, a_device("mine"))

    after = [device.device_id for device in store.change("anna", add)]
    assert (after, len(seen)) == ([*before, "between", "mine"], 2)


def test_a_former_member_gets_no_devices(cloud: Cloud) -> None:
    """Also where housekeeping erases them between a request's read and its write."""
    store = cloud.devices
    store.change("anna", lambda _: [a_device("phone")])

    def meanwhile(known: list[Device]) -> list[Device]:
        if known:
            user = cloud.users.request_deletion("anna", NOW)
            cloud.users.anonymise(user, NOW + timedelta(days=60))
            store.forget("anna")
        return with_device(known, a_device("laptop"))

    for name in ("anna", "nobody"):
        with pytest.raises(NoSuchUserError):
            store.change(name, meanwhile)
        assert store.of(name) == []


def test_devices_that_never_stay_are_an_outage(cloud: Cloud) -> None:
    store, number = cloud.devices, iter(range(100))

    def changed(known: list[Device]) -> list[Device]:
        store.change("anna", lambda _: [a_device(str(next(number)))])
        return with_device(known, a_device("mine"))

    with pytest.raises(StoreUnavailableError):
        store.change("anna", changed)


def test_no_list_of_notices_has_them(cloud: Cloud) -> None:
    cloud.devices.change("anna", lambda known: with_device(known, a_device("phone")))
    assert cloud.inbox.page("anna", 10, None).items == []
    assert cloud.inbox.unread("anna", None) == 0
