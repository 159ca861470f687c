"""The console of the local cloud, of a stage on which something happened."""

import json
import re
import time
import uuid
from html.parser import HTMLParser
from typing import Any

import pytest

from localcloud.console.explorer import operations
from services.core.events import QuestNotPublished
from services.core.names import log_group, resource_name
from tests.platform.community import Member, Stage, complete, wait_for

HOSTILE = "<script>alert('hostile')</script>"


class Outline(HTMLParser):
    """The texts of a page by the element that they stand in, and the names of all elements."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        if self.tags and data.strip():
            self.texts.setdefault(self.tags[-1], []).append(data.strip())


PAGES = ("", "timeline", "logs", "api", "tables", "letters", "mailbox", "clock")


def page(of: Stage, at: str = "", **query: str) -> str:
    response = of.http.get(f"/_local/{at}", params=query)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"].startswith("text/html")
    return response.text


def post(of: Stage, at: str, headers: dict[str, str] | None = None, **form: str) -> Any:
    """Send a form as the console's own page does."""
    origin = {"Origin": of.front_url, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}
    return of.http.post(f"/_local/{at}", data=form, headers=origin if headers is None else headers)


@pytest.fixture(scope="module")
def members(stage: Stage) -> tuple[Member, Member]:
    ann, bob = stage.sign_up("console-ann"), stage.sign_up("console-bob")
    complete(ann, bob)
    return ann, bob


def test_every_dashboard_is_drawn_with_local_data(stage: Stage, members: tuple[Member, Member]) -> None:
    dashboards = {
        "health": "Availability: misses in an hour",
        "business": "Quests posted",
        "cost": "Dollars by service",
    }
    for dashboard, panel in dashboards.items():
        outline = Outline(page(stage, dashboard=dashboard, span="15 min"))
        assert panel in outline.texts["h3"]
        assert "svg" in outline.tags
        assert "circle" in outline.tags, f"{dashboard} has data"


def test_it_counts_what_happened(stage: Stage, members: tuple[Member, Member]) -> None:
    def posted() -> bool:
        text = page(stage, dashboard="business", span="1 h")
        figure = text.split("Quests posted</h3>")[1].split("</p>")[0].rsplit(">", 1)[1]
        return figure != "none" and float(figure) >= 1

    wait_for(posted, 15, "a posted quest is counted")


def test_it_shows_alarms_queues_flags_and_logs(stage: Stage, members: tuple[Member, Member]) -> None:
    text = page(stage)
    for expected in (
        "availability-burn",
        "user-creation-queue-depth",
        "rewards-dlq",
        "feature-rewards",
        "breaker",
        "POST /api",
    ):
        assert expected in text, expected


def test_no_page_asks_for_an_icon_that_is_not_there(stage: Stage) -> None:
    for at in PAGES:
        assert '<link rel="icon" href="data:,">' in page(stage, at)


def test_unknown_choices_take_the_defaults(stage: Stage) -> None:
    assert "Availability: misses" in page(stage, stage="nowhere", dashboard="x", span="y")


def test_what_is_logged_is_escaped(stage: Stage) -> None:
    logs, group = stage.client("logs"), log_group("local", "api")
    logs.create_log_stream(logGroupName=group, logStreamName="hostile")
    lines = [
        HOSTILE,
        json.dumps({"level": HOSTILE, "message": HOSTILE}),
        json.dumps([HOSTILE]),
        "START x",
        '{"_aws": {}}',
    ]
    events = [{"timestamp": int(time.time() * 1000), "message": line} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName="hostile", logEvents=events)
    for text in (page(stage), page(stage, "logs", q="hostile"), page(stage, "logs", q=HOSTILE)):
        assert "hostile" in text
        assert HOSTILE not in text
        assert "START x" not in text
        assert "_aws" not in text


def test_what_the_services_use_is_metered(stage: Stage, members: tuple[Member, Member]) -> None:
    """The emulator publishes none of these by itself, and the cost dashboard would stay empty."""
    expected = {
        ("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "civicforge-local-quests"),
        ("AWS/DynamoDB", "ConsumedWriteCapacityUnits", "board2"),
        ("AWS/DynamoDB", "ConsumedReadCapacityUnits", "civicforge-local-users"),
        ("AWS/CloudFront", "Requests", stage.outputs["distribution_id"]),
        ("AWS/Logs", "IncomingBytes", log_group("local", "api")),
        ("AWS/ApiGateway", "IntegrationLatency", stage.outputs["api_id"]),
    }
    assert members[0].get("/me")["userId"], "a read of the users table"
    pages = stage.client("cloudwatch").get_paginator("list_metrics").paginate()
    metrics = [metric for page in pages for metric in page["Metrics"]]
    found = {(m["Namespace"], m["MetricName"], dimension["Value"]) for m in metrics for dimension in m["Dimensions"]}
    assert expected <= found


def test_the_console_is_no_part_of_what_is_deployed(stage: Stage) -> None:
    keys = stage.client("s3").list_objects_v2(Bucket=stage.outputs["site_bucket"]).get("Contents", [])
    assert not [entry for entry in keys if "_local" in entry["Key"]]


def test_what_members_write_is_escaped_wherever_it_is_shown(stage: Stage, members: tuple[Member, Member]) -> None:
    hostile = "</textarea><img src=x onerror=alert(1)>"
    quest = members[0].create(title=hostile)
    shown = [
        page(stage, "tables", table="quests", key=quest["questId"]),
        page(stage, "timeline", id=quest["questId"]),
        page(stage, "timeline", id=hostile),
        page(stage, "logs", q=hostile, service=hostile, level=hostile),
        page(stage, "tables", table=hostile, key=hostile, **{"from": hostile}),
        page(stage, "mailbox", to=hostile),
        post(stage, "api", operation="getQuest", **{"path:questId": quest["questId"]}).text,
        post(stage, "api", operation="createQuest", body=hostile, member=hostile).text,
        post(stage, "clock", do="on", amount=hostile, unit=hostile).text,
        post(stage, "letters", queue=hostile).text,
    ]
    assert all("<img" not in text for text in shown)
    assert sum("&lt;img" in text for text in shown) >= 6


def test_a_request_is_followed_from_the_app_to_the_reward(stage: Stage) -> None:
    anna, ben = stage.sign_up("timeline-anna"), stage.sign_up("timeline-ben")
    quest = anna.create()
    of_claim, of_last = str(uuid.uuid4()), str(uuid.uuid4())
    path = f"/quests/{quest['questId']}"
    ben.post(f"{path}/claim", headers={"X-Request-Id": of_claim})
    ben.act(quest, "submit", {"submission": "It is done."})
    ben.act(quest, "attest")
    anna.post(f"{path}/attest", {"notes": "Thank you"}, headers={"X-Request-Id": of_last})
    ben.wait_until_paid(quest["questId"], 20)

    def places(wanted: str) -> list[str]:
        return re.findall(r'<span class="where">(.*?)</span>', page(stage, "timeline", id=wanted))

    wait_for(lambda: {"notice", "reward", "rewards"} <= set(places(of_last)), 20, "notice and reward are there")
    found = places(of_last)
    assert found[0] == "app"
    assert {"app", "api", "table quests", "table ledger", "reward", "rewards", "notice", "document"} <= set(found)
    claim = page(stage, "timeline", id=of_claim)
    assert "OPEN -&gt; CLAIMED" in claim
    assert "SUBMITTED" not in re.sub(r"<pre>.*?</pre>", "", claim, flags=re.DOTALL).split("Latest requests")[0]
    assert "reward" not in places(of_claim)
    assert len(places(quest["questId"])) > len(found), "the quest's whole life"
    assert places(str(uuid.uuid4())) == []
    assert of_last in page(stage, "timeline"), "one finds it among the latest"


def test_logs_are_searched(stage: Stage, members: tuple[Member, Member]) -> None:
    wanted = str(uuid.uuid4())
    members[0].request("GET", "/me", headers={"X-Request-Id": wanted})
    text = page(stage, "logs", q=wanted, service="api", span="15 min")
    assert text.count("<tr class=") == 1
    assert f"/_local/timeline?stage=local&amp;id={wanted}" in text
    assert "No such line" in page(stage, "logs", q=wanted, level="ERROR")


def test_the_api_is_called_as_a_member(stage: Stage, members: tuple[Member, Member]) -> None:
    assert len(operations()) > 30
    for operation in operations():
        assert operation.path in page(stage, "api", operation=operation.id)
    draft = json.dumps({"title": "From the console", "description": "To try the console with.", "category": "social"})
    made = post(stage, "api", operation="createQuest", member=members[0].address, body=draft).text
    assert "<h3>201 in" in made
    request_id = re.search(r"Timeline of ([0-9a-f-]{36})", made)
    assert request_id
    assert "table quests" in page(stage, "timeline", id=request_id[1])
    assert "<h3>401 in" in post(stage, "api", operation="createQuest", body=draft).text
    assert "<h3>422 in" in post(stage, "api", operation="createQuest", member=members[0].address, body="{}").text


def test_tables_are_browsed(stage: Stage, members: tuple[Member, Member]) -> None:
    user = members[0].user_id
    assert user in page(stage, "tables", table="users", key=user)
    assert "No item has this key" in page(stage, "tables", table="users", key="nobody")
    assert "welcome" in page(stage, "tables", table="ledger", key=user)
    seen, address = set[str](), "/_local/tables?stage=local&table=ledger"
    while address:
        text = stage.http.get(address).text
        rows = set(re.findall(r'"entryId": "(.*?)"', text.replace("&#34;", '"')))
        assert rows
        assert not rows & seen
        seen |= rows
        further = re.search(r'<a href="([^"]*)">Further items', text)
        address = f"/_local/tables{further[1].replace('&amp;', '&')}" if further else ""
    count = stage.dynamodb.scan(TableName=resource_name("local", "ledger"), Select="COUNT")["Count"]
    assert len(seen) >= count - 1


def test_a_dead_letter_is_looked_into_and_sent_again(stage: Stage, members: tuple[Member, Member]) -> None:
    quest = members[0].create()["questId"]
    sqs = stage.client("sqs")
    url = sqs.get_queue_url(QueueName=resource_name("local", "publisher-dlq"))["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=QuestNotPublished(quest).to_json())
    sqs.send_message(QueueUrl=url, MessageBody=HOSTILE)
    text = page(stage, "letters", queue="publisher")
    assert quest in text
    assert HOSTILE not in text
    assert quest in page(stage, "letters", queue="publisher"), "looking takes nothing out"
    done = post(stage, "letters", queue="publisher").text
    assert "./civicforge dlq redrive publisher --stage local" in done
    assert "1 redriven, 1 stay in publisher" in done
    assert "said bad" in done
    left = page(stage, "letters", queue="publisher")
    assert quest not in left
    sqs.purge_queue(QueueUrl=url)


def test_mails_are_shown_as_they_look_and_can_do_nothing(stage: Stage, members: tuple[Member, Member]) -> None:
    response = stage.http.get("/_local/mailbox", params={"to": members[0].address})
    frames = re.findall(r"<iframe ([^>]*)>", response.text)
    assert frames
    for frame in frames:
        assert 'sandbox="allow-popups"' in frame
        assert "&lt;" in frame
    policy = response.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "form-action 'self'" in policy


def test_only_the_console_itself_changes_anything(stage: Stage) -> None:
    elsewhere = [
        {},
        {"Origin": "https://evil.example"},
        {"Origin": "null", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "http://dev.localhost:1", "Sec-Fetch-Site": "same-site"},
        {"Origin": stage.front_url, "Sec-Fetch-Site": "cross-site"},
        {"Origin": stage.front_url, "Host": "rebound.example"},
    ]
    for at in ("clock", "letters", "api"):
        for headers in elsewhere:
            assert post(stage, at, headers, do="on", amount="9", unit="days").status_code == 403, headers
    assert "ahead" not in page(stage, "clock").split("What follows")[0]
    assert post(stage, "logs").status_code == 404
    assert stage.http.get("/_local/../secrets").status_code in (400, 403, 404)
    assert stage.http.get("/_local/nothing").status_code == 404
