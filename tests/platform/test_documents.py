"""The published documents on the deployed stage: what a visitor gets, and how soon."""

import json
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import pytest
from botocore.exceptions import ClientError

from services.core.documents import quest_key
from services.core.names import BOARD_KEY, HOME_KEY
from services.core.services import PUBLISHER
from tests.platform.community import Member, Stage, wait_for
from tests.unit.services.bucket import Bucket

WORST_SECONDS = 30
MEDIAN_SECONDS = 5


@pytest.fixture(scope="module")
def ann(stage: Stage) -> Member:
    return stage.sign_up("ann")


def cards(stage: Stage) -> dict[str, Any]:
    """The published board, by quest."""
    answer = stage.http.get(f"/{BOARD_KEY}")
    return {card["questId"]: card for card in answer.json()["cards"]} if answer.status_code == 200 else {}


def public(stage: Stage, quest_id: str) -> httpx.Response:
    return stage.http.get(f"/{quest_key(quest_id)}")


def test_a_change_is_public_within_seconds(stage: Stage, ann: Member) -> None:
    took = []
    for number in range(5):
        quest_id = ann.create(title=f"Carry a sofa, {number}")["questId"]
        started = time.monotonic()
        wait_for(lambda id_=quest_id: id_ in cards(stage), WORST_SECONDS, "the quest is on the board")  # type: ignore[misc]
        took.append(time.monotonic() - started)
    assert statistics.median(took) <= MEDIAN_SECONDS, took


def test_a_visitor_reads_board_quest_and_home_without_the_api(stage: Stage, ann: Member) -> None:
    quest_id = ann.create(title="Water the street's lime trees")["questId"]
    wait_for(lambda: quest_id in cards(stage), WORST_SECONDS, "the quest is on the board")
    page = stage.http.get(f"/quests/{quest_id}")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    assert '<meta property="og:title" content="Water the street&#39;s lime trees">' in page.text
    assert f"/quests/{quest_id}" in stage.http.get("/").text
    assert public(stage, quest_id).json()["title"] == "Water the street's lime trees"
    for answer in (page, public(stage, quest_id), stage.http.get("/"), stage.http.get(f"/{BOARD_KEY}")):
        assert answer.headers["cache-control"] == "public, max-age=0, s-maxage=5"
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_each_document_says_when_it_was_published(stage: Stage, ann: Member) -> None:
    started = datetime.now(UTC).replace(microsecond=0)  # `Last-Modified` has whole seconds
    quest_id = ann.create(title="Paint the bench at the pond")["questId"]
    wait_for(lambda: f"/quests/{quest_id}" in stage.http.get("/").text, WORST_SECONDS, "the home page has the quest")
    board = stage.http.get(f"/{BOARD_KEY}")
    answers = (board, stage.http.get("/"), stage.http.get(f"/quests/{quest_id}"), public(stage, quest_id))
    moments = [parsedate_to_datetime(answer.headers["last-modified"]) for answer in answers]
    moments.append(datetime.fromisoformat(board.json()["publishedAt"]))
    assert all(started <= moment <= datetime.now(UTC) for moment in moments), moments
    wait_for(lambda: datetime.now(UTC) > moments[3] + timedelta(seconds=1), 5, "another second")
    assert ann.request("PATCH", f"/quests/{quest_id}", json={"title": "Paint both benches"}).status_code == 200
    wait_for(lambda: public(stage, quest_id).json()["title"] == "Paint both benches", WORST_SECONDS, "it is followed")
    assert parsedate_to_datetime(public(stage, quest_id).headers["last-modified"]) > moments[3]


def test_what_the_documents_load_is_there(stage: Stage) -> None:
    """The entry files' names stay, so that a document needs no release of its own."""
    wait_for(lambda: stage.http.get(f"/{HOME_KEY}").status_code == 200, WORST_SECONDS, "there is a home page")
    assert '<script type="module" src="/app.js">' in stage.http.get("/").text


def test_a_cancelled_quest_is_gone_for_everybody(stage: Stage, ann: Member) -> None:
    quest = ann.create()
    quest_id = quest["questId"]
    wait_for(lambda: quest_id in cards(stage), WORST_SECONDS, "the quest is on the board")
    assert ann.request("DELETE", f"/quests/{quest_id}").status_code == 200
    wait_for(lambda: public(stage, quest_id).status_code == 404, WORST_SECONDS, "its document is gone")
    wait_for(lambda: quest_id not in cards(stage), WORST_SECONDS, "it left the board")
    assert stage.http.get(f"/quests/{quest_id}").status_code == 404


@pytest.mark.parametrize("path", ["/quests/nope", f"/quests/{'0' * 26}", f"/{quest_key('nope')}"])
def test_an_unknown_quest_is_a_real_404_with_a_page(stage: Stage, path: str) -> None:
    answer = stage.http.get(path)
    assert answer.status_code == 404
    assert "No such quest" in answer.text
    assert '<script type="module" src="/app.js">' in answer.text


def test_routes_of_the_app_and_missing_files_are_no_documents(stage: Stage) -> None:
    missing = stage.http.get("/missing.js")
    assert missing.status_code == 404
    assert "No such quest" not in missing.text


def test_what_was_lost_is_made_good_by_comparing(stage: Stage, ann: Member) -> None:
    quest_id = ann.create()["questId"]
    wait_for(lambda: quest_id in cards(stage), WORST_SECONDS, "the quest is on the board")
    s3, bucket = stage.client("s3"), stage.outputs["site_bucket"]
    for key in (quest_key(quest_id), BOARD_KEY, HOME_KEY):
        s3.delete_object(Bucket=bucket, Key=key)
    assert quest_id not in cards(stage)
    answer = stage.client("lambda").invoke(
        FunctionName=stage.outputs["function_publisher"], Payload=b'{"sweep": "publisher"}'
    )
    assert json.load(answer["Payload"])["rewritten"] >= 1
    assert quest_id in cards(stage)
    assert public(stage, quest_id).status_code == 200
    assert stage.http.get("/").status_code == 200


def test_an_invalid_quest_is_kept_for_the_operators(stage: Stage) -> None:
    invalid = "1" * 26
    stage.dynamodb.put_item(TableName=stage.outputs["quests_table"], Item={"questId": {"S": invalid}})
    sqs, url = stage.client("sqs"), stage.outputs[PUBLISHER.output]

    def kept() -> bool:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0).get("Messages", [])
        return any(json.loads(message["Body"]).get("questId") == invalid for message in found)

    wait_for(kept, WORST_SECONDS, "the quest is in the queue")
    stage.dynamodb.delete_item(TableName=stage.outputs["quests_table"], Key={"questId": {"S": invalid}})


# --- the model of the bucket, by which the unit tests and the simulation judge ---


def _codes(client: Any, bucket: str) -> list[object]:
    """A bucket's answers to every conditional call of the store, in order."""
    found: list[object] = []

    def note(call: Callable[[], Any]) -> Any:
        try:
            answer = call()
            found.append("ok")
        except ClientError as error:
            found.append(error.response["ResponseMetadata"]["HTTPStatusCode"])
            return None
        return answer

    key = "published/quests/probe.json"

    def put(body: bytes, **rest: str) -> Any:
        return client.put_object(Bucket=bucket, Key=key, Body=body, **rest)

    note(lambda: client.get_object(Bucket=bucket, Key=key))
    note(lambda: put(b"1", IfMatch='"0"'))
    first = note(lambda: put(b"1", IfNoneMatch="*"))["ETag"]
    note(lambda: put(b"2", IfNoneMatch="*"))
    second = note(lambda: put(b"2", IfMatch=first))["ETag"]
    note(lambda: put(b"3", IfMatch=first))
    note(lambda: client.delete_object(Bucket=bucket, Key=key, IfMatch=first))
    note(lambda: client.delete_object(Bucket=bucket, Key=key, IfMatch=second))
    note(lambda: client.get_object(Bucket=bucket, Key=key))
    note(lambda: put(b"1", IfMatch=second))
    return found


def test_the_emulator_answers_as_the_model_does(stage: Stage) -> None:
    assert _codes(stage.client("s3"), stage.outputs["site_bucket"]) == _codes(Bucket(), "site")
