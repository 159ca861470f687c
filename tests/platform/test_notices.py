"""Members learn that it is their turn: through the real streams, Lambdas, roles and SES of the local cloud."""

import json
import re
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.platform.community import Member, Stage, wait_for

PROMPT = 10.0
"""Seconds from an event to its mail."""


def mails(stage: Stage, member: Member) -> list[dict[str, Any]]:
    """The mails of notices to a member, newest first."""
    found = stage.http.get("/_local/mailbox", params={"format": "json"}).json()
    return [mail for mail in found if member.address in mail["to"] and not mail["code"]]


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
        wait_for(lambda n=number: len(mails(stage, anna)) == n, PROMPT, f"mail of {action}")  # type: ignore[misc]
        waited.append(time.monotonic() - started)
        assert mails(stage, anna)[0]["subject"] == words
    inbox = anna.get("/me/inbox")["items"]
    assert [item["kind"] for item in inbox] == ["handed_in", "claimed"]
    assert {item["actor"]["displayName"] for item in inbox} == {"Ben"}
    assert anna.get("/me")["unread"] == 2
    anna.request("POST", "/me/inbox/read", json={"upTo": inbox[0]["itemId"]})
    assert anna.get("/me")["unread"] == 0
    assert mails(stage, ben) == [], "nobody is told of their own doing"
    assert max(waited) < PROMPT


def test_the_link_in_a_mail_ends_the_mails(stage: Stage) -> None:
    anna, ben = stage.sign_up("anna"), stage.sign_up("ben")
    quest_id = anna.create()["questId"]
    ben.act({"questId": quest_id}, "claim")
    wait_for(lambda: mails(stage, anna), PROMPT, "a mail")
    (mail,) = mails(stage, anna)
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
