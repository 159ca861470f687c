"""The inbox and the mails' preferences, as a member meets them in the API."""

import json
from datetime import timedelta

import pytest

from services.core import cursors
from services.core.domain import notices
from services.core.domain.notices import UNSUBSCRIBE, Mail, Notice, NoticeKind
from services.core.domain.users import MailPreference, MailStop
from services.core.parameters import MAIL_KEY
from services.core.stores.inbox import UNREAD_COUNTED
from tests.unit.services.cloud import ANNA, BEN, NOW, Api, Cloud

KEYS = [b"mail-1"]


def tell(cloud: Cloud, number: int = 1, user_id: str = ANNA, quest_id: str | None = None) -> str:
    """Puts an item into an inbox and returns its id."""
    notice = Notice(NoticeKind.CLAIMED, user_id, NOW + timedelta(seconds=number), str(number), quest_id, BEN)
    cloud.inbox.put(notices.item(notice, Mail.DUE))
    return notice.item_id


def test_the_inbox_shows_titles_and_names_as_they_are_now(api: Api) -> None:
    quest_id = api.quest("CLAIMED")
    item_id = tell(api.cloud, quest_id=quest_id)
    api.call("editMe", BEN, {"displayName": "Benjamin"})
    (item,) = api.call("listMyInbox", ANNA).json["items"]
    assert item == {
        "itemId": item_id,
        "at": "2026-03-01T12:00:01.000Z",
        "kind": "claimed",
        "amounts": {},
        "quest": {"questId": quest_id, "title": "Carry a sofa"},
        "actor": {"userId": BEN, "displayName": "Benjamin"},
        "unread": True,
    }


def test_an_item_names_what_is_gone_no_more(api: Api) -> None:
    tell(api.cloud, quest_id="gone")
    (item,) = api.call("listMyInbox", ANNA).json["items"]
    assert "quest" not in item
    assert "actor" not in item


def test_the_inbox_goes_on_page_by_page_and_is_ones_own(api: Api) -> None:
    ids = [tell(api.cloud, number) for number in range(5)]
    tell(api.cloud, 9, BEN)
    first = api.call("listMyInbox", ANNA, query={"limit": "3"}).json
    second = api.call("listMyInbox", ANNA, query={"limit": "3", "cursor": first["nextCursor"]}).json
    assert [item["itemId"] for item in (*first["items"], *second["items"])] == ids[::-1]
    assert "nextCursor" not in second
    assert api.call("listMyInbox", BEN, query={"cursor": first["nextCursor"]}).status == 400


def test_what_is_read_is_not_counted(api: Api) -> None:
    api.call("getMe", ANNA)
    ids = [tell(api.cloud, number) for number in range(4)]
    assert api.call("getMe", ANNA).json["unread"] == 4
    assert api.call("readMyInbox", ANNA, {"upTo": ids[2]}).json == {"unread": 1}
    assert api.call("getMe", ANNA).json["unread"] == 1
    assert api.call("readMyInbox", ANNA, {"upTo": ids[0]}).json == {"unread": 1}
    assert [item["unread"] for item in api.call("listMyInbox", ANNA).json["items"]] == [True, False, False, False]


def test_unread_is_counted_to_a_hundred(api: Api) -> None:
    api.call("getMe", ANNA)
    for number in range(UNREAD_COUNTED + 1):
        tell(api.cloud, number)
    assert api.call("getMe", ANNA).json["unread"] == 100


@pytest.mark.parametrize("item_id", ["~", "2999-01-01T00:00:00.000Z#q#2#claimed"])
def test_only_what_is_there_can_be_read(api: Api, item_id: str) -> None:
    """Else a member could mark as read what is still to come."""
    api.call("getMe", ANNA)
    of_ben = tell(api.cloud, user_id=BEN)
    for upto in (item_id, of_ben):
        assert api.call("readMyInbox", ANNA, {"upTo": upto}).status == 404
    assert api.cloud.all_users()[ANNA].read_up_to is None


def test_language_and_mails_are_the_members_to_choose(api: Api) -> None:
    me = api.call("getMe", ANNA).json
    assert (me["language"], me["mail"]) == ("en", "at_once")
    edited = api.call("editMe", ANNA, {"language": "ar", "mail": "daily"}).json
    assert (edited["language"], edited["mail"]) == ("ar", "daily")
    assert {api.call("editMe", ANNA, {field: "often"}).status for field in ("language", "mail")} == {422}
    profile = api.call("getUser", userId=ANNA).json
    assert not {"language", "mail", "mailStopped", "unread", "readUpTo"} & set(profile)


def test_choosing_mails_is_the_word_that_the_address_takes_them_again(api: Api) -> None:
    api.call("getMe", ANNA)
    api.cloud.users.stop_mails(ANNA, MailStop.BOUNCED)
    assert api.call("getMe", ANNA).json["mailStopped"] == "bounced"
    assert api.call("editMe", ANNA, {"bio": "I carry sofas."}).json["mailStopped"] == "bounced"
    assert "mailStopped" not in api.call("editMe", ANNA, {"mail": "at_once"}).json


def test_a_link_unsubscribes_without_a_sign_in_and_again(api: Api) -> None:
    api.call("getMe", ANNA)
    token = cursors.sign(KEYS, UNSUBSCRIBE, ANNA)
    form = {"headers": {"content-type": "application/x-www-form-urlencoded"}}
    for _ in range(2):
        answer = api.call("unsubscribe", raw="List-Unsubscribe=One-Click", query={"token": token}, event=form)
        assert (answer.status, answer.json) == (200, {"mail": "never"})
    assert api.cloud.all_users()[ANNA].mail is MailPreference.NEVER


@pytest.mark.parametrize("change", ["cursor's key", "other purpose", "edited", "cut"])
def test_a_link_that_we_did_not_sign_does_nothing(api: Api, change: str) -> None:
    api.call("getMe", ANNA)
    good = cursors.sign(KEYS, UNSUBSCRIBE, ANNA)
    token = {
        "cursor's key": cursors.sign([b"key-1"], UNSUBSCRIBE, ANNA),
        "other purpose": api.call("listMyInbox", ANNA).json.get("nextCursor") or good[::-1],
        "edited": good[:-2] + ("AA" if good[-2:] != "AA" else "BB"),
        "cut": good[:20],
    }[change]
    answer = api.call("unsubscribe", query={"token": token})
    assert (answer.status, answer.json["code"]) == (400, "bad_token")
    assert api.cloud.all_users()[ANNA].mail is MailPreference.AT_ONCE


def test_a_link_works_while_the_former_key_is_honoured(api: Api) -> None:
    api.call("getMe", ANNA)
    rotated = {"current": "mail-2", "previous": "mail-1", "previousUntil": (NOW + timedelta(days=60)).isoformat()}
    api.cloud.set_parameter(MAIL_KEY, json.dumps(rotated))
    token = cursors.sign(KEYS, UNSUBSCRIBE, ANNA)
    assert api.call("unsubscribe", query={"token": token}).status == 200
    api.cloud.clock.advance(days=61)
    assert api.call("unsubscribe", query={"token": token}).status == 400


def test_the_export_has_the_inbox(api: Api) -> None:
    ids = [tell(api.cloud, number) for number in range(3)]
    assert [item["itemId"] for item in api.call("exportMe", ANNA).json["inbox"]] == ids[::-1]
