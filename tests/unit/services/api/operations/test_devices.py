"""The members' devices, as a member meets them in the API."""

import json
from typing import Any

import pytest

from services.core.domain.devices import MAX_DEVICES
from tests.push_service import Browser
from tests.unit.services.cloud import ANNA, BEN, Api

ENDPOINT = "https://fcm.googleapis.com/fcm/send/{}"


def add(api: Api, who: str = ANNA, name: str = "phone", **changes: Any) -> Any:
    return api.call("addMyDevice", who, {**Browser(ENDPOINT.format(name)).subscription, **changes})


def test_a_device_is_added_listed_and_removed(api: Api) -> None:
    added = add(api).json
    assert added == {"deviceId": added["deviceId"], "service": "fcm.googleapis.com", "addedAt": added["addedAt"]}
    assert api.call("listMyDevices", ANNA).json == {"items": [added]}
    assert api.call("listMyDevices", BEN).json == {"items": []}
    for _ in range(2):
        answer = api.call("removeMyDevice", ANNA, path={"deviceId": added["deviceId"]})
        assert (answer.status, answer.json) == (200, {"items": []})


def test_nobody_removes_anothers_device(api: Api) -> None:
    added = add(api).json
    api.call("removeMyDevice", BEN, path={"deviceId": added["deviceId"]})
    assert api.call("listMyDevices", ANNA).json["items"] == [added]


def test_the_number_of_devices_is_bounded(api: Api) -> None:
    for number in range(MAX_DEVICES + 3):
        added = add(api, name=str(number)).json
    known = api.call("listMyDevices", ANNA).json["items"]
    assert (len(known), known[-1]) == (MAX_DEVICES, added)


@pytest.mark.parametrize(
    "endpoint", ["https://evil.example/x", "http://127.0.0.1:9/x", "https://fcm.googleapis.com:22/"]
)
def test_an_address_that_is_no_push_service_is_refused(api: Api, endpoint: str) -> None:
    answer = add(api, endpoint=endpoint)
    assert (answer.status, answer.json["code"]) == (403, "unknown_push_service")
    assert api.call("listMyDevices", ANNA).json == {"items": []}


@pytest.mark.parametrize(
    "change", [{"endpoint": "file:///etc/passwd"}, {"publicKey": ""}, {"auth": "short"}, {"more": 1}]
)
def test_what_is_no_subscription_is_refused(api: Api, change: dict[str, Any]) -> None:
    assert add(api, **change).status == 422


def test_the_export_has_them_without_their_keys(api: Api) -> None:
    added = add(api).json
    exported = api.call("exportMe", ANNA).json
    assert exported["devices"] == [added]
    assert "fcm/send" not in json.dumps(exported)
