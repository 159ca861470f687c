"""Notices on members' devices: whom they reach, what they say, and what becomes of devices that are gone."""

from collections.abc import Callable
from typing import Any
from unittest.mock import patch

import pytest
import urllib3

from services.core.domain.devices import Subscription, device, with_device
from services.core.domain.notices import FROM_MODERATORS, InboxItem, NoticeKind
from services.core.parameters import PUSH_KEY
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.inbox import PUSHES_A_DAY
from services.notifier.push.pushing import CONNECT_SECONDS, PUSH_SECONDS, RUN_SECONDS
from tests.push_service import Browser, claims
from tests.unit.services.cloud import NOW, VAPID
from tests.unit.services.notifier.conftest import SITE, Notifier, Town

ENDPOINT = "https://fcm.googleapis.com/fcm/send/{}"


class Web:
    """The push services of the world: what was posted, and what is answered, by address."""

    def __init__(self) -> None:
        self.posted: list[tuple[str, dict[str, str], bytes]] = []
        self.answers: dict[str, Callable[[], int]] = {}
        self.patience: list[float] = []

    def request(self, method: str, url: str, *, body: bytes, headers: dict[str, str], **options: Any) -> Any:
        patience = options.pop("timeout")
        assert (method, options) == ("POST", {"redirect": False, "preload_content": False})
        assert patience.connect_timeout <= CONNECT_SECONDS
        self.patience.append(patience.total)
        self.posted.append((url, headers, body))
        return urllib3.HTTPResponse(status=self.answers.get(url, lambda: 201)())


@pytest.fixture
def web(notifier: Notifier) -> Web:
    web = Web()
    object.__setattr__(notifier.module.pusher, "web", web)
    return web


def subscribe(notifier: Notifier, user_id: str, endpoint: str = ENDPOINT.format("anna")) -> Browser:
    browser = Browser(endpoint)
    new = device(Subscription.model_validate(browser.subscription), notifier.cloud.clock.now)
    notifier.cloud.devices.change(user_id, lambda known: with_device(known, new))
    return browser


def test_a_device_shows_what_the_mail_says_and_leads_there(notifier: Notifier, web: Web) -> None:
    town = Town(notifier, language="ar")
    browser = subscribe(notifier, town.anna)
    step = town.claim()
    assert notifier.step(step)[1] == {"notices_sent": 1, "pushes_sent": 1}
    ((url, headers, body),) = web.posted
    shown = browser.read(body)
    (mail,) = notifier.mails()
    assert shown == {
        "title": "CivicForge",
        "body": mail["Subject"],
        "path": "/quests/q1",
        "tag": "q1",
        "lang": "ar",
        "dir": "rtl",
    }
    assert url == browser.endpoint
    assert headers["Content-Encoding"] == "aes128gcm"
    assert claims(headers["Authorization"], VAPID.public)["aud"] == "https://fcm.googleapis.com"
    assert claims(headers["Authorization"], VAPID.public)["sub"] == SITE
    notifier.step(step)
    assert len(web.posted) == 1, "the same record again tells no device again"


def test_each_device_of_the_member_and_nobody_elses(notifier: Notifier, town: Town, web: Web) -> None:
    phone, laptop = subscribe(notifier, town.anna), subscribe(notifier, town.anna, ENDPOINT.format("laptop"))
    subscribe(notifier, town.ben, ENDPOINT.format("ben"))
    notifier.step(town.claim())
    assert [url for url, *_ in web.posted] == [phone.endpoint, laptop.endpoint]


@pytest.mark.parametrize(("value", "pushes"), [("off", 0), ("internal", 0), ("on", 1)])
def test_the_flag_holds_for_devices(notifier: Notifier, town: Town, web: Web, value: str, pushes: int) -> None:
    subscribe(notifier, town.anna)
    notifier.cloud.set_flag("notices", value)
    notifier.step(town.claim())
    assert len(web.posted) == pushes


@pytest.mark.parametrize(
    ("row", "pushes"),
    [
        ({"suspendedUntil": "2036-01-01T00:00:00.000Z"}, 0),
        ({"deleted": True}, 0),
        ({"mail": "never"}, 1),
        ({"mailStopped": "bounced"}, 1),
    ],
)
def test_who_is_reached(notifier: Notifier, web: Web, row: dict[str, Any], pushes: int) -> None:
    """The device's switch is the member's word for it: who wants no mails may want this, or has no mail that works."""
    town = Town(notifier)
    subscribe(notifier, town.anna)
    notifier.row(town.anna, **row)
    notifier.step(town.claim())
    assert len(web.posted) == pushes


@pytest.mark.parametrize(("suspended", "pushes"), [(True, 0), (False, 1)])
def test_the_suspended_have_the_moderators_word_by_mail_alone(
    notifier: Notifier, town: Town, web: Web, suspended: bool, pushes: int
) -> None:
    subscribe(notifier, town.anna)
    if suspended:
        notifier.row(town.anna, suspendedUntil="2036-01-01T00:00:00.000Z")
    member = notifier.cloud.users.get(town.anna)
    assert member is not None
    item = InboxItem(user_id=town.anna, item_id="i", kind=NoticeKind.WARNING, at=NOW)
    assert item.kind in FROM_MODERATORS
    notifier.module.pusher.push(item, member, NOW)
    assert len(web.posted) == pushes


@pytest.mark.parametrize("status", [404, 410])
def test_a_device_that_is_gone_is_forgotten(notifier: Notifier, town: Town, web: Web, status: int) -> None:
    gone, there = subscribe(notifier, town.anna), subscribe(notifier, town.anna, ENDPOINT.format("there"))
    web.answers[gone.endpoint] = lambda: status
    assert notifier.step(town.claim())[1] == {"notices_sent": 1, "pushes_sent": 1}
    assert [kept.endpoint for kept in notifier.cloud.devices.of(town.anna)] == [there.endpoint]


def _refused() -> int:
    raise urllib3.exceptions.ConnectTimeoutError


@pytest.mark.parametrize("answer", [lambda: 429, lambda: 500, lambda: 403, lambda: 302, _refused])
def test_a_push_service_in_trouble_keeps_nobody_from_the_mail(
    notifier: Notifier, town: Town, web: Web, answer: Callable[[], int]
) -> None:
    browser = subscribe(notifier, town.anna)
    web.answers[browser.endpoint] = answer
    assert notifier.step(town.claim()) == ({"batchItemFailures": []}, {"notices_sent": 1, "pushes_failed": 1})
    assert len(notifier.cloud.devices.of(town.anna)) == 1


APPLE = "https://web.push.apple.com/{}"


def _slow(notifier: Notifier, monkeypatch: pytest.MonkeyPatch, seconds: float, status: int = 201) -> Callable[[], int]:
    """An answer that comes after `seconds`, or with status 0 a connection that breaks then."""
    clock = notifier.cloud.clock
    monkeypatch.setattr("services.notifier.push.pushing.time.monotonic", clock.monotonic)

    def answer() -> int:
        clock.advance(seconds=seconds)
        if not status:
            raise urllib3.exceptions.ReadTimeoutError(None, "", "")  # type: ignore[arg-type]  # not read
        return status

    return answer


def test_a_push_service_that_is_down_is_asked_once_in_a_batch(
    notifier: Notifier, town: Town, web: Web, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All mails leave, those who use another push service get theirs, and the next batch asks it again."""
    down, up = subscribe(notifier, town.anna), subscribe(notifier, town.anna, APPLE.format("anna"))
    web.answers[down.endpoint] = _slow(notifier, monkeypatch, PUSH_SECONDS, 0)
    began = notifier.cloud.clock.now
    answer, counted = notifier.step(*(town.claim(town.posted(number)) for number in range(8)))
    assert answer == {"batchItemFailures": []}
    assert counted == {"notices_sent": 8, "pushes_sent": 8, "pushes_failed": 8}
    assert [url for url, *_ in web.posted].count(down.endpoint) == 1
    assert [url for url, *_ in web.posted].count(up.endpoint) == 8
    assert (notifier.cloud.clock.now - began).total_seconds() == PUSH_SECONDS
    notifier.step(town.claim(town.posted(9)))
    assert [url for url, *_ in web.posted].count(down.endpoint) == 2


@pytest.mark.parametrize("seconds", [0.5, 4.0])
def test_slow_push_services_take_a_bounded_part_of_a_batch(
    notifier: Notifier, town: Town, web: Web, monkeypatch: pytest.MonkeyPatch, seconds: float
) -> None:
    for name in ("phone", "laptop", "tablet"):
        browser = subscribe(notifier, town.anna, APPLE.format(name))
        web.answers[browser.endpoint] = _slow(notifier, monkeypatch, seconds)
    began = notifier.cloud.clock.now
    answer, counted = notifier.step(*(town.claim(town.posted(number)) for number in range(10)))
    assert (answer, counted["notices_sent"]) == ({"batchItemFailures": []}, 10)
    assert counted["pushes_sent"] == len(web.posted) < 30
    assert counted["pushes_sent"] + counted["pushes_failed"] == 30
    assert RUN_SECONDS <= (notifier.cloud.clock.now - began).total_seconds() < RUN_SECONDS + seconds
    spent = [min(PUSH_SECONDS, RUN_SECONDS - seconds * number) for number in range(len(web.posted))]
    assert web.patience == spent, "none waits beyond what is left"


def test_an_outage_of_the_devices_fails_no_record(notifier: Notifier, town: Town, web: Web) -> None:
    subscribe(notifier, town.anna)
    with patch.object(notifier.module.pusher.devices, "of", side_effect=StoreUnavailableError("down")):
        answer, counted = notifier.step(town.claim())
    assert (answer, counted) == ({"batchItemFailures": []}, {"notices_sent": 1, "pushes_failed": 1})


@pytest.mark.parametrize("value", ["{", "[]", "1", '{"private": "", "public": ""}', '{"private": 1, "public": 2}'])
def test_an_invalid_key_fails_no_record(notifier: Notifier, town: Town, web: Web, value: str) -> None:
    subscribe(notifier, town.anna)
    notifier.cloud.ssm.put_parameter(Name="/civicforge/unit/" + PUSH_KEY.key, Value=value, Overwrite=True)
    answer, counted = notifier.step(town.claim())
    assert (answer, counted) == ({"batchItemFailures": []}, {"notices_sent": 1, "pushes_failed": 1})
    assert "the push key is invalid" in notifier.log.getvalue()


def test_no_address_but_a_push_service_is_called(notifier: Notifier, town: Town, web: Web) -> None:
    """Also one that was stored before the rule knew it."""
    subscribe(notifier, town.anna, "https://169.254.169.254/latest/meta-data/")
    notifier.step(town.claim())
    assert (web.posted, notifier.cloud.devices.of(town.anna)) == ([], [])


def test_a_stage_without_a_key_sends_mails_alone(notifier: Notifier, town: Town, web: Web) -> None:
    subscribe(notifier, town.anna)
    notifier.cloud.ssm.delete_parameter(Name="/civicforge/unit/" + PUSH_KEY.key)
    assert notifier.step(town.claim())[1]["notices_sent"] == 1
    assert web.posted == []


def test_a_day_has_a_limit(notifier: Notifier, town: Town, web: Web) -> None:
    subscribe(notifier, town.anna)
    for number in range(PUSHES_A_DAY + 1):
        notifier.step(town.claim(town.posted(number)))
    assert len(web.posted) == PUSHES_A_DAY


def test_the_log_has_neither_address_nor_words(notifier: Notifier, town: Town, web: Web) -> None:
    browser = subscribe(notifier, town.anna)
    web.answers[browser.endpoint] = lambda: 500
    notifier.step(town.claim())
    written = notifier.log.getvalue()
    assert "push not taken" in written
    assert "send/anna" not in written
    assert "sofa" not in written
