"""Members learn that it is their turn: through the real streams, Lambdas, roles and SES of the local cloud."""

import json
import re
import time
import uuid
from urllib.parse import parse_qs, urlsplit

import pytest

from services.core.domain.users import Language
from services.core.words import Translator
from tests.platform.community import Stage, wait_for
from tests.push_service import claims, push_service

PROMPT = 10.0
"""Seconds from an event to its mail."""


def test_each_event_is_one_item_and_one_mail_within_seconds(stage: Stage) -> None:
    anna, ben = stage.sign_up("anna"), stage.sign_up("ben")
    anna.request("PATCH", "/me", json={"displayName": "Anna", "language": "de"})
    ben.request("PATCH", "/me", json={"displayName": "Ben"})
    quest_id = anna.create()["questId"]
    waited = []
    for number, (action, body, words) in enumerate(
        (
            ("claim", None, "Ben übernimmt „Carry a sofa up the stairs“"),
            ("submit", {"submission": "All twelve steps."}, "Ben hat „Carry a sofa up the stairs“ eingereicht"),
        ),
        start=1,
    ):
        started = time.monotonic()
        ben.act({"questId": quest_id}, action, body)
        wait_for(lambda n=number: len(anna.mails()) == n, PROMPT, f"mail of {action}")  # type: ignore[misc]
        waited.append(time.monotonic() - started)
        assert anna.mails()[0]["subject"] == words
    inbox = anna.get("/me/inbox")["items"]
    assert [item["kind"] for item in inbox] == ["handed_in", "claimed"]
    assert {item["actor"]["displayName"] for item in inbox} == {"Ben"}
    assert anna.get("/me")["unread"] == 2
    anna.request("POST", "/me/inbox/read", json={"upTo": inbox[0]["itemId"]})
    assert anna.get("/me")["unread"] == 0
    assert ben.mails() == [], "nobody is told of their own doing"
    assert max(waited) < PROMPT


def test_the_link_in_a_mail_ends_the_mails(stage: Stage) -> None:
    anna, ben = stage.sign_up("anna"), stage.sign_up("ben")
    quest_id = anna.create()["questId"]
    ben.act({"questId": quest_id}, "claim")
    wait_for(lambda: anna.mails(), PROMPT, "a mail")
    (mail,) = anna.mails()
    (address,) = re.findall(r"https?://\S+/unsubscribe\?token=\S+", mail["body"])
    token = parse_qs(urlsplit(address).query)["token"][0]
    answer = stage.http.post("/api/v1/unsubscribe", params={"token": token}, content="List-Unsubscribe=One-Click")
    assert answer.json() == {"mail": "never"}
    assert anna.get("/me")["mail"] == "never"


def test_an_address_that_bounces_gets_no_more_mails(stage: Stage) -> None:
    anna = stage.sign_up("anna")
    report = {
        "eventType": "Bounce",
        "bounce": {"bounceType": "Permanent"},
        "mail": {"tags": {"member": [anna.user_id]}},
    }
    topics = stage.client("sns").list_topics()["Topics"]
    (topic,) = [topic["TopicArn"] for topic in topics if topic["TopicArn"].endswith("-mail-feedback")]
    stage.client("sns").publish(TopicArn=topic, Message=json.dumps(report))
    wait_for(lambda: anna.get("/me").get("mailStopped") == "bounced", PROMPT, "the bounce")


def test_codes_come_in_the_language_of_who_asked_for_them(stage: Stage) -> None:
    cognito, client = stage.cognito, {"ClientId": stage.outputs["user_pool_client_id"]}
    pool, password = {"UserPoolId": stage.outputs["user_pool_id"]}, "a long enough passphrase"
    address, another = (f"{name}-{uuid.uuid4().hex[:10]}@example.org" for name in ("zoe", "zoes-new"))

    def written(language: Language, to: str = address) -> str:
        """The code of the newest mail, which is in a language."""
        mail = next(mail for mail in stage.mailbox() if to in mail["to"])
        words = Translator(language)
        assert mail["subject"] == words.say("codes.subject")
        assert words.say("codes.text") in mail["html"]
        direction = "rtl" if language is Language.AR else "ltr"
        assert f'<html lang="{language}" dir="{direction}">' in mail["html"]
        return str(mail["code"])

    cognito.sign_up(**client, Username=address, Password=password, ClientMetadata={"locale": "ar"})
    written(Language.AR)
    cognito.resend_confirmation_code(**client, Username=address)
    written(Language.EN)
    cognito.resend_confirmation_code(**client, Username=address, ClientMetadata={"locale": "fr-CA"})
    cognito.confirm_sign_up(**client, Username=address, ConfirmationCode=written(Language.FR))
    cognito.forgot_password(**client, Username=address, ClientMetadata={"locale": "es"})
    password += " again"
    code = written(Language.ES)
    cognito.confirm_forgot_password(**client, Username=address, ConfirmationCode=code, Password=password)
    token = {"AccessToken": stage.sign_in(address, password)["AccessToken"]}
    wanted = [{"Name": "email", "Value": another}]
    cognito.update_user_attributes(**token, UserAttributes=wanted, ClientMetadata={"locale": "de"})
    code = written(Language.DE, another)
    assert {"Name": "email", "Value": address} in cognito.get_user(**token)["UserAttributes"]
    with pytest.raises(cognito.exceptions.CodeMismatchException):
        cognito.verify_user_attribute(**token, AttributeName="email", Code="000000")
    cognito.verify_user_attribute(**token, AttributeName="email", Code=code)
    assert {"Name": "email", "Value": another} in cognito.get_user(**token)["UserAttributes"]
    taken = [{"Name": "email", "Value": stage.sign_up("owner").address}]
    with pytest.raises(cognito.exceptions.AliasExistsException):
        cognito.update_user_attributes(**token, UserAttributes=taken)

    # An invitation carries a password instead of a code, and is the pool's own.
    invited = f"invited-{uuid.uuid4().hex[:10]}@example.org"
    cognito.admin_create_user(**pool, Username=invited, ClientMetadata={"locale": "de"})
    mail = next(mail for mail in stage.mailbox() if invited in mail["to"])
    assert mail["subject"] == "Your temporary password"
    cognito.admin_delete_user(**pool, Username=invited)


def test_a_device_is_shown_what_happens_until_it_is_gone(stage: Stage) -> None:
    """Over the real Lambda and its role, to a push service of the test's own that decrypts as a browser does."""
    anna, ben = stage.sign_up("anna"), stage.sign_up("ben")
    ben.request("PATCH", "/me", json={"displayName": "Ben"})
    public_key = stage.http.get("/config.json").json()["pushKey"]
    with push_service() as service:
        phone, old = service.browser("/phone"), service.browser("/old")
        service.status["/old"] = 410
        for browser in (old, phone):
            assert anna.request("POST", "/me/devices", json=browser.subscription).status_code == 200
        refused = anna.request("POST", "/me/devices", json={**phone.subscription, "endpoint": "https://10.0.0.1/x"})
        assert refused.json()["code"] == "unknown_push_service"
        quest_id = anna.create()["questId"]
        ben.act({"questId": quest_id}, "claim")
        (notice,) = wait_for(lambda: service.shown(phone), PROMPT, "a notice on the phone")
        assert notice["body"] == "Ben will do “Carry a sofa up the stairs”"
        assert notice["path"] == f"/quests/{quest_id}"
        headers = next(headers for path, headers, _ in service.received if path == "/phone")
        assert claims(headers["authorization"], public_key)["aud"] == service.address
        wait_for(lambda: len(anna.get("/me/devices")["items"]) == 1, PROMPT, "the device that is gone to be forgotten")
        (device,) = anna.get("/me/devices")["items"]
        assert anna.request("DELETE", f"/me/devices/{device['deviceId']}").json() == {"items": []}
        # Devices are called one after the other: what has come to the last one has gone to all.
        broken, tablet = service.browser("/broken"), service.browser("/tablet")
        service.status["/broken"] = 500
        for browser in (broken, tablet):
            assert anna.request("POST", "/me/devices", json=browser.subscription).status_code == 200
        ben.act({"questId": quest_id}, "submit", {"submission": "All twelve steps."})
        (notice,) = wait_for(lambda: service.shown(tablet), PROMPT, "a notice on the tablet")
        assert notice["body"] == "Ben handed in “Carry a sofa up the stairs”"
        assert [path for path, *_ in service.received] == ["/old", "/phone", "/broken", "/tablet"]
        wait_for(lambda: len(anna.mails()) == 2, PROMPT, "the mail of the hand-in")
