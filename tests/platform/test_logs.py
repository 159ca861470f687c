"""The logs of the Lambdas and the gateway: a line per request that can be followed, and nothing private."""

import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from services.core.names import log_group, resource_name
from services.core.services import SERVICES
from services.core.telemetry import user_digest
from tests.platform.community import PASSWORD, Member, Stage, wait_for


def canary(what: str) -> str:
    return f"canary-{what}-{uuid.uuid4().hex}"


@dataclass
class Trail:
    """One member's quest and request, and all texts that must not be found in any log."""

    member: Member
    other: Member
    quest_id: str
    request_id: str
    planted: dict[str, str]


@pytest.fixture(scope="module")
def trail(stage: Stage) -> Trail:
    """A quest from end to end with a canary in every text, and requests that fail with one."""
    member, other = stage.sign_up("canary-ann"), stage.sign_up("canary-bob")
    texts = {what: canary(what) for what in ("title", "description", "area", "submission", "notes", "name", "bio")}
    member.request("PATCH", "/me", json={"displayName": texts["name"][:50], "bio": texts["bio"]})
    quest = member.create(title=texts["title"], description=texts["description"], area=texts["area"][:80])
    other.act(quest, "claim")
    other.act(quest, "submit", {"submission": texts["submission"]})
    other.act(quest, "attest", {"notes": texts["notes"]})
    request_id = str(uuid.uuid4())
    headers = {"X-Request-Id": request_id}
    response = member.request("POST", f"/quests/{quest['questId']}/attest", json={}, headers=headers)
    assert response.status_code == 200, response.text
    other.wait_until_paid(quest["questId"], seconds=20)

    wrong = {what: canary(what) for what in ("query", "unknown-field", "bad-json", "wrong-type", "bad-token", "key")}
    stage.http.get("/api/v1/quests", params={"q": wrong["query"]})
    stage.http.get("/api/v1/quests", params={"cursor": wrong["query"]})
    member.request("POST", "/quests", json={wrong["unknown-field"]: wrong["unknown-field"]})
    member.request(
        "POST", "/quests", content=f'{{"title": "{wrong["bad-json"]}', headers={"content-type": "application/json"}
    )
    member.request(
        "POST", "/quests", json={"title": {"x": wrong["wrong-type"]}}, headers={"Idempotency-Key": wrong["key"]}
    )
    stage.http.get("/api/v1/me", headers={"Authorization": f"Bearer {wrong['bad-token']}"})
    secrets = {
        "address": member.address,
        "other address": other.address,
        "password": PASSWORD,
        **{
            f"{kind} of member": token
            for kind, token in member.tokens.items()
            if "Token" in kind and kind != "TokenType"
        },
        "user id": member.user_id,
    }
    return Trail(member, other, quest["questId"], request_id, texts | wrong | secrets)


GROUPS = {service: log_group("local", service) for service in SERVICES} | {
    "gateway": resource_name("local", "api-access")
}


def messages(stage: Stage, group: str) -> Iterator[str]:
    pages = stage.client("logs").get_paginator("filter_log_events").paginate(logGroupName=group)
    return (event["message"] for page in pages for event in page["events"])


def lines(stage: Stage, service: str) -> list[dict[str, Any]]:
    """The structured lines of a Lambda; its own metrics and the platform's frame left out."""
    texts = [text for text in messages(stage, GROUPS[service]) if text.strip().startswith("{")]
    return [line for line in map(json.loads, texts) if "_aws" not in line]


def test_a_request_is_followed_from_the_app_to_the_ledger_entry(stage: Stage, trail: Trail) -> None:
    def request() -> list[dict[str, Any]]:
        return [line for line in lines(stage, "api") if line.get("request_id") == trail.request_id]

    (line,) = wait_for(request, 10, "the request is logged")
    assert line["route"] == "POST /api/v1/quests/{questId}/attest"
    assert line["status"] == 200
    assert line["duration_ms"] > 0
    assert line["user"] == user_digest(trail.member.user_id)
    assert {"level", "timestamp", "service", "stage"} <= line.keys()

    def paid() -> list[dict[str, Any]]:
        return [line for line in lines(stage, "rewards") if line.get("quest_id") == trail.quest_id]

    (entry, *_) = wait_for(paid, 10, "the payment is logged")
    assert entry["request_id"] == trail.request_id
    assert entry["entry_id"]


def test_every_request_has_its_line_with_an_outcome(stage: Stage, trail: Trail) -> None:
    requests = [line for line in lines(stage, "api") if line["message"] == "request"]
    assert len(requests) > 10
    for line in requests:
        assert {"request_id", "route", "status", "duration_ms"} <= line.keys()
        assert line["status"] < 400 or line["code"]


@pytest.mark.parametrize("group", GROUPS)
def test_no_text_of_a_member_no_address_and_no_token_is_in_a_log(stage: Stage, trail: Trail, group: str) -> None:
    if group == "api":
        wait_for(lambda: trail.request_id in "".join(messages(stage, GROUPS[group])), 10, "the log is complete")
    told = "\n".join(messages(stage, GROUPS[group]))
    found = [what for what, text in trail.planted.items() if text in told or text[:50] in told]
    assert not found, found


def test_a_canary_would_be_found(stage: Stage, trail: Trail) -> None:
    """The search is not blind: what a careless line would say is found by it."""
    logs = stage.client("logs")
    group = GROUPS["onboarding"]
    logs.create_log_stream(logGroupName=group, logStreamName="careless")
    text = canary("careless")
    logs.put_log_events(
        logGroupName=group, logStreamName="careless", logEvents=[{"timestamp": 1_800_000_000_000, "message": text}]
    )
    assert text in "\n".join(messages(stage, group))
    logs.delete_log_stream(logGroupName=group, logStreamName="careless")
