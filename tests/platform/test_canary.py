"""The canary on the deployed stage: it signs in by SRP, lives through a quest under its own role, tells how it is."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from localcloud.emulator.root_key import root_key_of
from ops.shared import smoke
from ops.shared.stage import Stage as OperatorsStage
from ops.shared.synthetic import make_members
from services.core.metrics import ATTESTATIONS_SUBMITTED, CLAIMS_HELD, QUESTS_COMPLETED, QUESTS_CREATED, REWARDS_PAID
from services.core.names import BOARD_KEY, LIVE_ALIAS
from services.core.parameters import flag_parameter
from tests.platform.community import Stage, wait_for

BUSINESS = (QUESTS_CREATED, CLAIMS_HELD, ATTESTATIONS_SUBMITTED, QUESTS_COMPLETED, REWARDS_PAID)


@pytest.fixture(scope="module")
def operators(stage: Stage) -> OperatorsStage:
    """The stage, as operators have it, with the members made and a quest on the board."""
    key, secret = root_key_of(stage.endpoint)
    session = boto3.Session(aws_access_key_id=key, aws_secret_access_key=secret, region_name="us-east-1")
    found = OperatorsStage("local", session, stage.endpoint)
    make_members(found)
    assert make_members(found) == [], "once"
    title = "Something for the board"
    stage.sign_up("ann").create(title=title)
    wait_for(lambda: title in stage.http.get(f"/{BOARD_KEY}").text, 30, "the quest is on the board")
    return found


def run(stage: Stage, **event: Any) -> dict[str, Any]:
    answer = stage.client("lambda").invoke(
        FunctionName=stage.outputs["function_canary"], Qualifier=LIVE_ALIAS, Payload=json.dumps(event).encode()
    )
    found = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, found
    assert isinstance(found, dict)
    return found


def counted(operators: OperatorsStage) -> list[float]:
    now = datetime.now(UTC)
    return [operators.count_of(metric, now - timedelta(hours=1), now + timedelta(minutes=1)) for metric in BUSINESS]


def test_a_quest_lives_from_post_to_reward_and_nobody_sees_it(stage: Stage, operators: OperatorsStage) -> None:
    before, board = counted(operators), stage.http.get(f"/{BOARD_KEY}").json()["cards"]
    assert run(stage, life=True) == {"failed": [], "breaker": "closed"}
    assert counted(operators) == before
    assert len(stage.http.get(f"/{BOARD_KEY}").json()["cards"]) == len(board)
    assert all("Canary" not in card["title"] for card in board)


def test_a_smoke_test_is_in_no_figure_of_the_community(operators: OperatorsStage) -> None:
    rewards = flag_parameter("rewards")
    before, flag = counted(operators), operators.parameter(rewards)
    operators.put_parameter(rewards.key, "off")  # its reward is nobody's, and no rollout holds it
    with operators.http() as http:
        run = smoke.Smoke(operators, http)
        try:
            done = {name: step() for name, step in run.steps if name != "page"}  # no app is on this stage
        finally:
            run.clean_up()
            operators.put_parameter(rewards.key, flag)
    assert done["reward"] == "paid"
    assert counted(operators) == before


def test_the_status_page_is_public(stage: Stage, operators: OperatorsStage) -> None:
    run(stage)
    page = stage.http.get("/status")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert 'data-capability="sign-in" data-state="fine"' in page.text
    assert 'data-capability="quests" data-state="fine"' in page.text


def test_a_password_that_does_not_fit_is_told_and_renewed(stage: Stage, operators: OperatorsStage) -> None:
    operators.put_parameter("canary-password", "another one than theirs", secret=True)
    assert run(stage, life=True)["failed"] == ["sign-in", "reads", "life"]
    assert 'data-capability="sign-in" data-state="disturbed"' in stage.http.get("/status").text
    make_members(operators, "a password that both sides know")
    operators.put_parameter("canary-password", "a password that both sides know", secret=True)
    assert run(stage, life=True)["failed"] == []
