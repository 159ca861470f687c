"""The console of the local cloud, of a stage on which something happened."""

import json
import time
from html.parser import HTMLParser

import pytest

from services.core.names import log_group
from tests.platform.community import Member, Stage, complete, wait_for

CANARY = "<script>alert('canary')</script>"


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


def page(of: Stage, **query: str) -> str:
    response = of.http.get("/_local/", params=query)
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("text/html")
    return response.text


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
    for address in ("/_local/", "/_local/mailbox"):
        assert '<link rel="icon" href="data:,">' in stage.http.get(address).text


def test_unknown_choices_take_the_defaults(stage: Stage) -> None:
    assert "Availability: misses" in page(stage, stage="nowhere", dashboard="x", span="y")


def test_what_is_logged_is_escaped(stage: Stage) -> None:
    logs, group = stage.client("logs"), log_group("local", "api")
    logs.create_log_stream(logGroupName=group, logStreamName="canary")
    lines = [CANARY, json.dumps({"level": CANARY, "message": CANARY}), json.dumps([CANARY]), "START x", '{"_aws": {}}']
    events = [{"timestamp": int(time.time() * 1000), "message": line} for line in lines]
    logs.put_log_events(logGroupName=group, logStreamName="canary", logEvents=events)
    text = page(stage)
    assert "canary" in text
    assert CANARY not in text
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
