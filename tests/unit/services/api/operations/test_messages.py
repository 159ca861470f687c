"""The calls on messages: both audiences, repeats, races with a claim, the export, and a member who leaves."""

from typing import Any

import pytest

from services.core.domain.messages import Audience
from tests.unit.services.cloud import ANNA, BEN, CARA, MODERATOR, Answer, Api, Cloud, lost_answer

HELLO = "Is there a lift?"


def write(api: Api, who: str, quest_id: str, audience: str, text: str = HELLO, key: str | None = None) -> Answer:
    headers = {"idempotency-key": key} if key else {}
    return api.call("writeMessage", who, {"text": text, "audience": audience}, headers=headers, questId=quest_id)


def texts(answer: Answer) -> list[str]:
    assert answer.status == 200, answer.text
    return [item["text"] for item in answer.json["items"]]


def test_questions_and_answers_are_for_everybody(api: Api, cloud: Cloud) -> None:
    quest_id = api.create()
    asked = write(api, BEN, quest_id, "public")
    assert asked.status == 201
    assert {name: asked.json[name] for name in ("authorId", "audience", "text")} == {
        "authorId": BEN, "audience": "public", "text": HELLO,
    }  # fmt: skip
    cloud.clock.advance(minutes=1)
    assert write(api, ANNA, quest_id, "public", "Yes, for six people.").status == 201
    for answer in (
        api.call("listMessages", questId=quest_id),
        api.call("listMyMessages", CARA, questId=quest_id),
    ):
        assert texts(answer) == ["Yes, for six people.", HELLO]


def test_the_thread_is_for_its_two_parties(api: Api, cloud: Cloud) -> None:
    quest_id = api.quest("CLAIMED")
    for who, text in ((ANNA, "Nine o'clock?"), (BEN, "Ten is better.")):
        assert write(api, who, quest_id, "private", text).status == 201
        cloud.clock.advance(minutes=1)
    assert texts(api.call("listMessages", questId=quest_id)) == []
    assert texts(api.call("listMyMessages", CARA, questId=quest_id)) == []
    assert texts(api.call("listMyMessages", MODERATOR, groups="[moderators]", questId=quest_id)) == []
    for who in (ANNA, BEN):
        assert texts(api.call("listMyMessages", who, questId=quest_id)) == ["Ten is better.", "Nine o'clock?"]


def test_moderators_read_the_thread_of_a_dispute(api: Api) -> None:
    quest_id = api.quest("CLAIMED")
    write(api, BEN, quest_id, "private")
    api.call("submitQuest", BEN, {"submission": "Done, the sofa is upstairs."}, questId=quest_id)
    api.call("disputeQuest", BEN, {"reason": "Nobody opened the door to me."}, questId=quest_id)
    assert texts(api.call("listMyMessages", MODERATOR, groups="[moderators]", questId=quest_id)) == [HELLO]
    assert texts(api.call("listMyMessages", MODERATOR, questId=quest_id)) == []


def test_a_later_performer_starts_with_an_empty_thread(api: Api) -> None:
    quest_id = api.quest("CLAIMED")
    write(api, BEN, quest_id, "private", "My door code is 4711.")
    api.call("releaseQuest", BEN, {}, questId=quest_id)
    api.call("claimQuest", CARA, questId=quest_id)
    assert texts(api.call("listMyMessages", CARA, questId=quest_id)) == []
    assert write(api, CARA, quest_id, "private").status == 201
    assert write(api, BEN, quest_id, "private").status == 409, "who was a party hears that the quest moved"
    assert texts(api.call("listMyMessages", BEN, questId=quest_id)) == ["My door code is 4711."]


@pytest.mark.parametrize(
    ("status", "who", "audience", "expected"),
    [
        ("OPEN", BEN, "private", (403, "not_party")),
        ("OPEN", ANNA, "private", (409, "wrong_status")),
        ("CLAIMED", CARA, "private", (403, "not_party")),
        ("CLAIMED", ANNA, "public", (409, "wrong_status")),
        ("CLAIMED", CARA, "public", (409, "wrong_status")),
        ("CANCELLED", ANNA, "public", (409, "wrong_status")),
        ("COMPLETE", BEN, "private", (409, "wrong_status")),
    ],
)
def test_denied(api: Api, status: str, who: str, audience: str, expected: tuple[int, str]) -> None:
    quest_id = api.quest(status)
    answer = write(api, who, quest_id, audience)
    assert (answer.status, answer.json["code"]) == expected
    assert answer.json["questStatus"] == status
    assert api.cloud.rows(api.cloud.messages_table) == []
    verdicts = api.call("listMyMessages", who, questId=quest_id).json["mayWrite"]
    assert verdicts[audience] == {"allowed": False, "code": expected[1]}


def test_the_app_is_told_where_one_may_write(api: Api) -> None:
    open_, claimed = api.create(), api.quest("CLAIMED")
    for quest_id, allowed in ((open_, Audience.PUBLIC), (claimed, Audience.PRIVATE)):
        verdicts = api.call("listMyMessages", ANNA, questId=quest_id).json["mayWrite"]
        assert [audience for audience, verdict in verdicts.items() if verdict["allowed"]] == [allowed]


def test_with_the_flag_off_one_reads_only(api: Api, cloud: Cloud) -> None:
    quest_id = api.create()
    write(api, BEN, quest_id, "public")
    cloud.set_flag("messages", "off")
    cloud.clock.advance(seconds=30)
    answer = write(api, ANNA, quest_id, "public")
    assert (answer.status, answer.json["code"]) == (403, "feature_off")
    assert texts(api.call("listMessages", questId=quest_id)) == [HELLO]


@pytest.mark.parametrize("text", ["", " ", "\n\t", "x" * 1001, "\u200b\u2060", "bidi\u202eoverride"])
def test_texts_that_are_none(api: Api, text: str) -> None:
    answer = write(api, ANNA, api.create(), "public", text)
    assert (answer.status, [error["field"] for error in answer.json["errors"]]) == (422, ["text"])


def test_a_text_is_kept_as_written(api: Api) -> None:
    quest_id = api.create()
    text = "**no** <b>markup</b>\nsecond line"
    write(api, BEN, quest_id, "public", text.replace("\n", "\r\n"))
    assert texts(api.call("listMessages", questId=quest_id)) == [text]


def test_a_repeated_call_writes_once(api: Api, cloud: Cloud) -> None:
    quest_id = api.create()
    first = write(api, BEN, quest_id, "public", key="k1")
    cloud.clock.advance(hours=2)
    again = write(api, BEN, quest_id, "public", key="k1")
    assert (again.status, again.json) == (201, first.json)
    assert texts(api.call("listMessages", questId=quest_id)) == [HELLO]
    assert write(api, CARA, quest_id, "public", key="k1").status == 201, "a key is its member's"
    other = write(api, BEN, quest_id, "public", "Something else", key="k1")
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")


def test_a_repeat_after_a_lost_answer(api: Api, cloud: Cloud) -> None:
    quest_id = api.create()
    cloud.users.ensure(BEN, cloud.clock.now)
    cloud.faults.on("TransactWriteItems", lost_answer)
    assert write(api, BEN, quest_id, "public", key="k1").status in (201, 503)
    assert write(api, BEN, quest_id, "public", key="k1").status == 201
    assert texts(api.call("listMessages", questId=quest_id)) == [HELLO]


def test_a_claim_between_reading_and_writing_wins(api: Api, cloud: Cloud) -> None:
    """Anna answers in public; Ben claims between her read and her write: her words do not become private ones."""
    quest_id = api.create()
    cloud.users.ensure(BEN, cloud.clock.now)

    def claimed_meanwhile(_operation: str, carry_out: Any) -> Any:
        assert api.call("claimQuest", BEN, questId=quest_id).status == 200
        return carry_out()

    cloud.faults.on("TransactWriteItems", claimed_meanwhile)
    answer = write(api, ANNA, quest_id, "public")
    assert (answer.status, answer.json["code"]) == (409, "wrong_status")
    assert cloud.rows(cloud.messages_table) == []


def test_a_question_between_reading_and_writing_costs_nobody_theirs(api: Api, cloud: Cloud) -> None:
    quest_id = api.create()
    for who in (BEN, CARA):
        cloud.users.ensure(who, cloud.clock.now)

    def asked_meanwhile(_operation: str, carry_out: Any) -> Any:
        assert write(api, CARA, quest_id, "public", "And parking?").status == 201
        return carry_out()

    cloud.faults.on("TransactWriteItems", asked_meanwhile)
    assert write(api, BEN, quest_id, "public").status == 201
    assert set(texts(api.call("listMessages", questId=quest_id))) == {HELLO, "And parking?"}


def test_the_quota_is_the_members_own(cloud: Cloud) -> None:
    api = Api(cloud, messages_per_hour=2)
    quest_id = api.create()
    for number in range(2):
        assert write(api, BEN, quest_id, "public", f"Question {number}").status == 201
    limited = write(api, BEN, quest_id, "public", "One more")
    assert (limited.status, limited.json["code"]) == (429, "rate_limited")
    assert limited.headers["retry-after"] == "1800"
    assert write(api, CARA, quest_id, "public").status == 201


def test_pages_of_a_thread(api: Api, cloud: Cloud) -> None:
    quest_id = api.create()
    for number in range(5):
        write(api, BEN, quest_id, "public", f"Question {number}")
        cloud.clock.advance(minutes=1)
    first = api.call("listMessages", questId=quest_id, query={"limit": "3"})
    assert texts(first) == ["Question 4", "Question 3", "Question 2"]
    rest = api.call("listMessages", questId=quest_id, query={"limit": "3", "cursor": first.json["nextCursor"]})
    assert texts(rest) == ["Question 1", "Question 0"]
    assert "nextCursor" not in rest.json
    foreign = api.call("listMyMessages", BEN, questId=quest_id, query={"cursor": first.json["nextCursor"]})
    assert (foreign.status, foreign.json["code"]) == (400, "bad_cursor")


def test_unknown_quests(api: Api) -> None:
    for quest_id in ("nothing", "0" * 26):
        assert write(api, ANNA, quest_id, "public").status == 404
        assert api.call("listMessages", questId=quest_id).status == 404
        assert api.call("listMyMessages", ANNA, questId=quest_id).status == 404


def test_the_export_has_what_one_wrote(api: Api, cloud: Cloud) -> None:
    quest_id = api.quest("CLAIMED")
    write(api, BEN, quest_id, "private", "Ben's words")
    write(api, ANNA, quest_id, "private", "Anna's words")
    exported = api.call("exportMe", BEN).json["messages"]
    assert [(item["questId"], item["text"]) for item in exported] == [(quest_id, "Ben's words")]
