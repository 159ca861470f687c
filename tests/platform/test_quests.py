"""From sign-up to the paid reward, through HTTP on the deployed stage, also when everybody acts at once."""

import re
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from services.core.routes import ROUTES
from tests.platform.community import API, Member, Stage, complete, wait_for


@pytest.fixture(scope="module")
def ann(stage: Stage) -> Member:
    return stage.sign_up("ann")


@pytest.fixture(scope="module")
def bob(stage: Stage) -> Member:
    return stage.sign_up("bob")


def test_two_members_take_a_quest_from_sign_up_to_the_paid_reward(stage: Stage) -> None:
    first, second = stage.sign_up("first"), stage.sign_up("second")
    second.wait_until_paid(complete(first, second)["questId"], seconds=60)  # by Lambdas that had to start

    requestor, performer = stage.sign_up("requestor"), stage.sign_up("performer")
    assert requestor.get("/me")["points"] == performer.get("/me")["points"] == 10

    quest = complete(requestor, performer, rewardXp=120, rewardReputation=15)

    assert quest["status"] == "COMPLETE"
    performer.wait_until_paid(quest["questId"], seconds=5)
    me = performer.get("/me")
    assert (me["points"], me["xp"], me["reputation"], me["completed"]) == (12, 120, 15, 1)
    assert requestor.get("/me")["points"] == 8, "a point per started 100 XP"
    assert performer.totals_agree()
    assert requestor.totals_agree()


def test_the_business_metrics_are_queryable(stage: Stage, ann: Member, bob: Member) -> None:
    complete(ann, bob)
    cloudwatch = stage.client("cloudwatch")

    def emitted() -> set[str]:
        pages = cloudwatch.get_paginator("list_metrics").paginate(Namespace="CivicForge")
        return {
            metric["MetricName"]
            for page in pages
            for metric in page["Metrics"]
            if {"Name": "stage", "Value": "local"} in metric["Dimensions"]
        }

    expected = {"quests_created", "attestations_submitted", "quests_completed"}
    wait_for(lambda: expected <= emitted(), 15, f"{expected} are metrics")


def test_plain_text_comes_back_byte_for_byte(ann: Member) -> None:
    quest = ann.create(title="Tom & Jerry <3 <script>alert(1)</script>")
    assert ann.get(f"/me/quests/{quest['questId']}")["title"] == "Tom & Jerry <3 <script>alert(1)</script>"


def test_one_of_fifty_claims_wins(stage: Stage, ann: Member) -> None:
    with ThreadPoolExecutor(4) as pool:
        members = list(pool.map(lambda number: stage.sign_up(f"racer{number}"), range(50)))
    quest = ann.create()

    def claim(member: Member) -> int:
        """The answer's status. A machine too busy to answer in time says 503, as for what may be tried again."""
        for _ in range(5):
            answer = member.request("POST", f"/quests/{quest['questId']}/claim")
            if answer.status_code != 503:
                break
            assert int(answer.headers["retry-after"]) > 0
            time.sleep(1)
        return answer.status_code

    with ThreadPoolExecutor(50) as pool:
        statuses = list(pool.map(claim, members))
    assert sorted(statuses) == [200] + [409] * 49
    holding = [member for member in members if member.get("/me/quests", role="performer")["items"]]
    assert holding == [members[statuses.index(200)]], "who was told so holds it, and nobody else does"


def test_attesting_at_the_same_moment_completes_and_pays_once(stage: Stage) -> None:
    pairs = [(stage.sign_up("left"), stage.sign_up("right")) for _ in range(2)]
    quests: list[tuple[Member, Member, Any]] = []
    for number in range(20):
        requestor, performer = pairs[number % 2] if number % 4 < 2 else pairs[number % 2][::-1]
        quest = requestor.create()
        performer.act(quest, "claim")
        performer.act(quest, "submit", {"submission": "It is done, all of it."})
        quests.append((requestor, performer, quest))

    with ThreadPoolExecutor(8) as pool:
        for requestor, performer, quest in quests:
            answers = list(
                pool.map(lambda who, quest=quest: who.act(quest, "attest"), (requestor, requestor, performer))
            )
            assert "COMPLETE" in {answer["status"] for answer in answers}

    for requestor, performer, quest in quests:
        performer.wait_until_paid(quest["questId"], seconds=15)
        entries = [e for e in performer.ledger() if e["kind"] == "reward" and e["questId"] == quest["questId"]]
        assert len(entries) == 1
        assert requestor.get(f"/me/quests/{quest['questId']}")["status"] == "COMPLETE"
    assert all(member.totals_agree() for pair in pairs for member in pair)


def test_repeating_any_transition_changes_nothing(ann: Member, bob: Member) -> None:
    key = uuid.uuid4().hex
    draft = {"title": "Paint the bench", "description": "The green one in the park.", "category": "civic"}
    first, again = (ann.post("/quests", draft, 201, headers={"Idempotency-Key": key}) for _ in range(2))
    assert first == again
    for member, action, body in (
        (bob, "claim", {}),
        (bob, "submit", {"submission": "It is green again."}),
        (bob, "attest", {}),
        (ann, "attest", {"notes": "Lovely"}),
    ):
        once, twice = member.act(first, action, body), member.act(first, action, body)
        assert once == twice
    bob.wait_until_paid(first["questId"])
    assert ann.totals_agree()
    assert bob.totals_agree()


def test_every_route_but_the_public_ones_wants_a_token(stage: Stage) -> None:
    for route in ROUTES:
        path = re.sub(r"{\w+}", "0" * 26, route.path)
        status = stage.http.request(route.method, path).status_code
        assert (status == 401) is (not route.public), f"{route.key} answered {status}"


def test_only_an_access_token_of_this_app_is_accepted(stage: Stage, ann: Member) -> None:
    assert ann.request("GET", "/me").status_code == 200
    assert ann.request("GET", "/me", token="IdToken").status_code == 401
    assert ann.request("GET", "/me", token="RefreshToken").status_code == 401
    assert stage.http.get(f"{API}/me", headers={"Authorization": "Bearer a.b.c"}).status_code == 401


def test_bad_input_is_refused_and_the_next_request_works(stage: Stage, ann: Member) -> None:
    before = len(ann.ledger())
    bodies: list[tuple[bytes, int]] = [
        (b'{"title": "A good title", "title": "Twice", "description": "' + b"x" * 30 + b'", "category": "civic"}', 400),
        (b'{"rewardXp": NaN}', 400),
        (b"[" * 20000, 400),
        (b"not json", 400),
        (b'"' + b"x" * 60000 + b'"', 413),
        (b'{"title": "ok title", "description": "' + b"x" * 30 + b'", "category": "civic", "rewardXp": "10"}', 422),
        (b'{"title": "ok title", "description": "' + b"x" * 30 + b'", "category": "civic", "rewardXp": 1e400}', 422),
        (b'{"title": "ok title", "description": "' + b"x" * 30 + b'", "category": "civic", "rewardXp": true}', 422),
        (b'{"title": "ok title", "description": "' + b"x" * 30 + b'", "category": "civic", "points": 5}', 422),
        ('{"title": "right‮left", "description": "0123456789012345678901", "category": "civic"}'.encode(), 422),
    ]
    for body, expected in bodies:
        response = ann.request("POST", "/quests", content=body, headers={"Content-Type": "application/json"})
        assert response.status_code == expected, (body[:80], response.text)
        assert response.headers["content-type"] == "application/problem+json"
        problem = response.json()
        assert {"type", "title", "status", "code", "detail", "requestId"} <= problem.keys()
    assert stage.http.get(f"{API}/quests", params={"cursor": "AAAA"}).status_code == 400
    assert len(ann.ledger()) == before
    assert ann.create()["status"] == "OPEN"


def test_the_board_shows_each_open_quest_once_newest_first(stage: Stage) -> None:
    poster = stage.sign_up("poster")
    mine = [poster.create(category="technical", title=f"Quest number {n}")["questId"] for n in range(7)]
    seen: list[Any] = []
    params: dict[str, Any] = {"category": "technical", "limit": 3}
    while True:
        page = stage.http.get(f"{API}/quests", params=params).json()
        seen += page["items"]
        if "nextCursor" not in page:
            break
        params["cursor"] = page["nextCursor"]
    ids = [quest["questId"] for quest in seen]
    assert len(ids) == len(set(ids))
    assert [quest_id for quest_id in ids if quest_id in mine] == mine[::-1]
