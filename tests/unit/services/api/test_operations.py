"""Each call of the API does what docs/domain.md says, and shows to each person what is theirs to see."""

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from services.api import stats
from services.core import aws
from services.core.parameters import FLAGS
from services.core.stores.quests import BATCH
from tests.unit.services.cloud import (
    ANNA,
    BEN,
    CARA,
    CLAIM_PERIOD,
    DESCRIPTION,
    LIFETIME,
    MODERATOR,
    NOW,
    REASON,
    Api,
    Cloud,
    lost_answer,
)
from tests.unit.services.invariants import check_all

BODY: dict[str, Any] = {"title": "Carry a sofa", "description": DESCRIPTION, "category": "social"}
SUBMISSION = {"submission": "Done, the sofa is upstairs."}
PUBLIC_FIELDS = {
    "questId", "title", "category", "tags", "area", "rewardXp", "rewardReputation", "requestorId", "performerId",
    "minutes", "status", "createdAt", "expiresAt", "claimDeadline", "submittedAt", "attestedBy", "description",
    "descriptionHtml", "updatedAt", "claimedAt", "completedAt", "version",
}  # fmt: skip


def check(api: Api) -> None:
    check_all(api.cloud.all_users(), api.cloud.all_quests(), api.cloud.all_entries())


def test_from_create_to_complete(api: Api) -> None:
    quest_id = api.create(ANNA, tags=["sofa"], area="Old town", rewardXp=250)
    for who, operation, body, status in [
        (BEN, "claimQuest", None, "CLAIMED"),
        (BEN, "submitQuest", SUBMISSION, "SUBMITTED"),
        (ANNA, "requestChanges", {"reason": REASON}, "CLAIMED"),
        (BEN, "submitQuest", {"submission": "Now it is upstairs."}, "SUBMITTED"),
        (BEN, "attestQuest", {"notes": "Said already"}, "SUBMITTED"),
        (ANNA, "attestQuest", {"notes": "Thanks!"}, "COMPLETE"),
    ]:
        for _ in range(2):
            answer = api.call(operation, who, body, questId=quest_id)
            assert (answer.status, answer.json["status"]) == (200, status), answer.text
            if operation == "requestChanges":
                break
        check(api)
    done = api.call("getMyQuest", ANNA, questId=quest_id).json
    assert (done["submission"], done["submissionHtml"]) == ("Now it is upstairs.", "<p>Now it is upstairs.</p>")
    assert [(a["role"], a.get("notes")) for a in done["attestations"]] == [
        ("performer", None),
        ("requestor", "Thanks!"),
    ]
    (entry,) = [e for e in api.call("listMyLedger", BEN).json["items"] if e["kind"] == "reward"]
    assert (entry["state"], entry["xp"], entry["reputation"], entry["points"]) == ("PENDING", 250, 10, 2)


def test_every_transition_answers_the_same_when_repeated(api: Api) -> None:
    quest_id = api.create()
    steps: list[tuple[str, str, Any, str]] = [
        (CARA, "claimQuest", None, ""),
        (CARA, "releaseQuest", {}, ""),
        (BEN, "claimQuest", None, ""),
        (BEN, "submitQuest", SUBMISSION, ""),
        (ANNA, "requestChanges", {"reason": REASON}, ""),
        (BEN, "submitQuest", SUBMISSION, ""),
        (MODERATOR, "hideQuest", {"reason": REASON}, "[moderators]"),
        (BEN, "disputeQuest", {"reason": REASON}, ""),
        (ANNA, "stateQuest", {"statement": REASON}, ""),
        (MODERATOR, "resolveDispute", {"outcome": "CANCELLED", "decision": REASON}, "[moderators]"),
    ]
    for who, operation, body, groups in steps:
        first = api.call(operation, who, body, groups=groups, questId=quest_id)
        before = api.cloud.everything()
        api.cloud.clock.advance(seconds=5)
        second = api.call(operation, who, body, groups=groups, questId=quest_id)
        assert (first.status, second.status) == (200, 200), (operation, second.text)
        assert second.json == first.json
        assert api.cloud.everything() == before
    check(api)


def test_create_is_replayed_by_its_key(api: Api) -> None:
    header = {"idempotency-key": "key-1"}
    first = api.call("createQuest", ANNA, BODY, headers=header)
    before = api.cloud.everything()
    again = api.call("createQuest", ANNA, BODY, headers=header)
    assert (first.status, again.status) == (201, 201)
    assert again.json == first.json
    another = api.call("createQuest", ANNA, {**BODY, "title": "Carry two sofas"}, headers=header)
    assert (another.status, another.json["code"]) == (422, "idempotency_key_reused")
    assert api.cloud.everything() == before
    assert api.call("createQuest", BEN, BODY, headers=header).json["questId"] != first.json["questId"]
    assert api.call("createQuest", ANNA, BODY).json["questId"] != first.json["questId"]
    check(api)


def test_a_replay_is_no_use_of_the_quota_and_needs_no_point(api: Api) -> None:
    keys = [f"key-{number}" for number in range(10)]
    for key in keys:
        api.create(key=key)
    assert api.call("createQuest", ANNA, BODY).json["code"] == "insufficient_points"
    assert api.call("createQuest", ANNA, BODY, headers={"idempotency-key": "key-0"}).status == 201
    check(api)


@pytest.mark.parametrize("operation", ["createQuest", "claimQuest", "submitQuest", "attestQuest", "cancelQuest"])
def test_a_client_that_lost_the_answer_asks_again(api: Api, operation: str) -> None:
    """Every answer of one request is lost: 503. The repetition finds the effect, or has it, once."""
    quest_id = {"createQuest": "", "cancelQuest": api.create(), "claimQuest": api.create()}.get(operation)
    if quest_id is None:
        quest_id = api.quest({"submitQuest": "CLAIMED", "attestQuest": "SUBMITTED"}[operation])
    who = BEN if operation in ("claimQuest", "submitQuest") else ANNA
    body = {"createQuest": BODY, "submitQuest": SUBMISSION, "attestQuest": {}}.get(operation)
    path = {"questId": quest_id} if quest_id else {}
    api.call("getMe", BEN)
    write = "UpdateItem" if operation == "claimQuest" else "TransactWriteItems"
    with api.cloud.faults.outage(write, lost_answer):
        lost = api.call(operation, who, body, headers={"idempotency-key": "key-1"}, path=path)
    assert lost.status == 503
    again = api.call(operation, who, body, headers={"idempotency-key": "key-1"}, path=path)
    assert again.status == (201 if operation == "createQuest" else 200)
    check(api)


def test_rates_are_limited_with_the_wait(cloud: Any) -> None:
    api = Api(cloud, creates_per_hour=2, claims_per_hour=1)
    first, second = api.create(), api.create()
    limited = api.call("createQuest", ANNA, BODY)
    assert (limited.status, limited.json["code"], limited.headers["retry-after"]) == (429, "rate_limited", "1800")
    assert api.call("claimQuest", BEN, questId=first).status == 200
    assert api.call("releaseQuest", BEN, {}, questId=first).status == 200
    limited = api.call("claimQuest", BEN, questId=second)
    assert (limited.status, limited.headers["retry-after"]) == (429, "3600")
    api.cloud.clock.advance(seconds=1800)
    api.create()
    check(api)


def test_only_one_of_many_claims(api: Api) -> None:
    quest_id = api.create()
    answers = [api.call("claimQuest", f"member-{n}", questId=quest_id) for n in range(5)]
    assert [answer.status for answer in answers] == [200, 409, 409, 409, 409]
    lost = answers[-1].json
    assert (lost["code"], lost["questStatus"]) == ("wrong_status", "CLAIMED")
    assert lost["allowedActions"]["claim"] == {"allowed": False, "code": "wrong_status"}
    check(api)


def test_a_claim_between_read_and_write_loses(api: Api) -> None:
    quest_id = api.create()
    winner: list[int] = []

    def first(_operation: str, carry_out: Any) -> Any:
        if not winner:
            winner.append(0)
            winner[0] = api.call("claimQuest", CARA, questId=quest_id).status
        return carry_out()

    api.call("getMe", BEN)
    api.cloud.faults.on("UpdateItem", first)
    answer = api.call("claimQuest", BEN, questId=quest_id)
    assert (winner, answer.status, answer.json["code"]) == ([200], 409, "wrong_status")
    assert api.cloud.all_quests()[quest_id].performer_id == CARA
    check(api)


def test_a_quest_that_keeps_moving_is_given_up_in_the_end(api: Api) -> None:
    quest_id = api.create()

    def moved(_operation: str, carry_out: Any) -> Any:
        api.cloud.dynamodb.update_item(
            TableName=api.cloud.quests_table,
            Key={"questId": {"S": quest_id}},
            UpdateExpression="ADD version :one",
            ExpressionAttributeValues={":one": {"N": "1"}},
        )
        return carry_out()

    api.call("getMe", BEN)
    with api.cloud.faults.outage("TransactWriteItems", moved):
        answer = api.call("cancelQuest", ANNA, questId=quest_id)
    assert (answer.status, answer.json["code"]) == (503, "store_unavailable")
    assert api.cloud.faults.counted()["TransactWriteItems"] < 30


DENIED: list[tuple[str, str, str, Any, int, str]] = [
    ("OPEN", "claimQuest", ANNA, None, 403, "own_quest"),
    ("OPEN", "editQuest", CARA, {"title": "Steal a sofa"}, 403, "not_requestor"),
    ("OPEN", "cancelQuest", CARA, None, 403, "not_requestor"),
    ("CLAIMED", "cancelQuest", ANNA, None, 409, "wrong_status"),
    ("CLAIMED", "releaseQuest", ANNA, {}, 409, "deadline_not_passed"),
    ("CLAIMED", "releaseQuest", CARA, {}, 403, "not_party"),
    ("CLAIMED", "submitQuest", ANNA, SUBMISSION, 403, "not_performer"),
    ("SUBMITTED", "attestQuest", CARA, {}, 403, "not_party"),
    ("SUBMITTED", "requestChanges", BEN, {"reason": REASON}, 403, "not_requestor"),
    ("DISPUTED", "resolveDispute", ANNA, {"outcome": "COMPLETE", "decision": REASON}, 403, "not_moderator"),
    ("COMPLETE", "disputeQuest", BEN, {"reason": REASON}, 409, "wrong_status"),
    ("CANCELLED", "claimQuest", BEN, None, 409, "wrong_status"),
]


@pytest.mark.parametrize(("status", "operation", "who", "body", "http", "code"), DENIED)
def test_denials(api: Api, status: str, operation: str, who: str, body: Any, http: int, code: str) -> None:
    quest_id = api.quest(status)
    before = api.cloud.everything()
    answer = api.call(operation, who, body, questId=quest_id)
    assert (answer.status, answer.json["code"], answer.json["questStatus"]) == (http, code, status)
    assert not [name for name, verdict in answer.json["allowedActions"].items() if set(verdict) - {"allowed", "code"}]
    assert api.cloud.everything() == before


def test_a_party_is_no_judge(api: Api) -> None:
    quest_id = api.quest("DISPUTED")
    verdict = {"outcome": "COMPLETE", "decision": REASON}
    answer = api.call("resolveDispute", BEN, verdict, groups="[moderators]", questId=quest_id)
    assert (answer.status, answer.json["code"]) == (403, "party_cannot_judge")


def test_disputes_are_a_feature(api: Api) -> None:
    quest_id = api.quest("SUBMITTED")
    api.cloud.set_flag("disputes", "internal")
    api.cloud.clock.advance(seconds=11)
    answer = api.call("disputeQuest", BEN, {"reason": REASON}, questId=quest_id)
    assert (answer.status, answer.json["code"]) == (403, "feature_off")
    assert api.call("listFeatureFlags", BEN).json == {"flags": {**dict.fromkeys(FLAGS, True), "disputes": False}}
    assert api.call("disputeQuest", BEN, {"reason": REASON}, groups="[internal]", questId=quest_id).status == 200


@pytest.mark.parametrize("outcome", ["COMPLETE", "CLAIMED", "CANCELLED"])
def test_decisions(api: Api, outcome: str) -> None:
    quest_id = api.quest("DISPUTED")
    verdict = {"outcome": outcome, "decision": REASON}
    early = api.call("resolveDispute", MODERATOR, verdict, groups="[moderators]", questId=quest_id)
    assert (early.status, early.json["code"]) == (409, "not_heard")
    assert api.call("stateQuest", ANNA, {"statement": "The sofa is not there."}, questId=quest_id).status == 200
    answer = api.call("resolveDispute", MODERATOR, verdict, groups="[moderators]", questId=quest_id)
    assert (answer.status, answer.json["status"], answer.json["dispute"]["decidedBy"]) == (200, outcome, MODERATOR)
    check(api)


def test_edit_and_cancel(api: Api) -> None:
    quest_id = api.create()
    edited = api.call("editQuest", ANNA, {"title": "Carry two sofas", "description": DESCRIPTION * 2}, questId=quest_id)
    assert (edited.json["title"], edited.json["description"], edited.json["version"]) == (
        "Carry two sofas",
        DESCRIPTION * 2,
        2,
    )
    assert api.call("getMyQuest", ANNA, questId=quest_id).json == edited.json
    for body, field in [({"rewardXp": 50}, "rewardXp"), ({"rewardReputation": 5}, "rewardReputation")]:
        lowered = api.call("editQuest", ANNA, body, questId=quest_id)
        assert (lowered.status, [error["field"] for error in lowered.json["errors"]]) == (422, [field])
    assert api.call("cancelQuest", ANNA, questId=quest_id).json["status"] == "CANCELLED"
    assert api.call("getMe", ANNA).json["points"] == 10
    check(api)


def test_what_each_person_sees(api: Api) -> None:
    quest_id = api.quest("SUBMITTED")
    api.call("disputeQuest", BEN, {"reason": REASON}, questId=quest_id)
    api.call("stateQuest", ANNA, {"statement": "This is a secret statement."}, questId=quest_id)
    private = {"submission", "submissionHtml"}
    for who, groups, role, sees in [
        (ANNA, "", "requestor", True),
        (BEN, "", "performer", True),
        (MODERATOR, "[moderators]", None, True),
        (CARA, "", None, False),
        (CARA, "[internal]", None, False),
    ]:
        view = api.call("getMyQuest", who, groups=groups, questId=quest_id).json
        assert view.get("role") == role
        assert (private <= set(view)) == sees
        assert bool(view["attestations"]) == sees
        assert ("dispute" in view) == sees
        assert view["attestedBy"] == ["performer"]
        assert view["allowedActions"]["resolve"]["allowed"] == (who == MODERATOR)
    public = api.call("getQuest", questId=quest_id)
    assert set(public.json) == PUBLIC_FIELDS - {"completedAt"}
    for text in ("secret statement", REASON, SUBMISSION["submission"]):
        assert text not in public.text
        assert text not in api.call("getMyQuest", CARA, questId=quest_id).text


def test_a_moderator_finds_the_disputes_and_nobody_else_does(api: Api) -> None:
    disputed = api.quest("DISPUTED")
    mine = {"role": "moderator"}
    refused = api.call("listMyQuests", BEN, query=mine)
    assert (refused.status, refused.json["code"]) == (403, "not_moderator")
    found = api.call("listMyQuests", MODERATOR, query=mine, groups="[moderators]").json["items"]
    assert [(quest["questId"], quest["status"]) for quest in found] == [(disputed, "DISPUTED")]
    verdict = {"outcome": "COMPLETE", "decision": REASON}
    api.cloud.clock.advance(days=3)
    assert api.call("resolveDispute", MODERATOR, verdict, groups="[moderators]", questId=disputed).status == 200
    assert api.call("listMyQuests", MODERATOR, query=mine, groups="[moderators]").json["items"] == []
    decided = api.call("listMyQuests", MODERATOR, query={"role": "judge"}, groups="[moderators]").json["items"]
    assert [quest["questId"] for quest in decided] == [disputed]


def test_a_stranger_is_refused_without_a_secret(api: Api) -> None:
    quest_id = api.quest("DISPUTED")
    answer = api.call("attestQuest", CARA, {}, questId=quest_id)
    assert answer.status == 403
    assert REASON not in answer.text
    assert SUBMISSION["submission"] not in answer.text


def test_the_next_performer_does_not_read_what_the_former_one_handed_in(api: Api) -> None:
    quest_id = api.quest("SUBMITTED")
    assert "submission" in api.call("requestChanges", ANNA, {"reason": REASON}, questId=quest_id).json
    api.call("releaseQuest", BEN, {}, questId=quest_id)
    for who in (CARA, ANNA):
        api.call("claimQuest", CARA, questId=quest_id)
        assert "submission" not in api.call("getMyQuest", who, questId=quest_id).json
    text = {"submission": "Cara carried it."}
    assert api.call("submitQuest", CARA, text, questId=quest_id).json["submission"] == "Cara carried it."


def test_a_requestor_takes_the_quest_back_after_the_deadline(api: Api) -> None:
    quest_id = api.quest("CLAIMED")
    api.cloud.clock.now += CLAIM_PERIOD
    silent = api.call("releaseQuest", ANNA, {}, questId=quest_id)
    assert (silent.status, silent.json["errors"][0]["field"]) == (422, "reason")
    assert api.call("releaseQuest", ANNA, {"reason": REASON}, questId=quest_id).json["status"] == "OPEN"
    assert api.call("claimQuest", CARA, questId=quest_id).status == 200


def test_when_minutes_and_meeting_point_of_a_quest(api: Api) -> None:
    when = {"start": "2026-03-07T10:00:00+01:00", "end": "2026-03-07T12:00:00+01:00"}
    quest_id = api.create(ANNA, when=when, minutes=90, meetingPoint="The blue door")
    window = {"start": "2026-03-07T09:00:00.000Z", "end": "2026-03-07T11:00:00.000Z"}
    public = api.call("getQuest", questId=quest_id).json
    assert (public["when"], public["minutes"], public["expiresAt"]) == (window, 90, window["end"])
    (listed,) = api.call("listQuests").json["items"]
    assert (listed["when"], listed["minutes"], listed["expiresAt"]) == (window, 90, window["end"])
    for who, sees in ((ANNA, True), (BEN, False)):
        assert ("meetingPoint" in api.call("getMyQuest", who, questId=quest_id).json) == sees
    assert "meetingPoint" in api.call("claimQuest", BEN, questId=quest_id).json
    assert "blue door" not in api.call("getQuest", questId=quest_id).text
    moderator = api.call("getMyQuest", MODERATOR, groups="[moderators]", questId=quest_id).json
    assert "meetingPoint" not in moderator, "nothing is disputed"
    check(api)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"when": {"start": "2026-03-07T10:00:00Z", "end": "2026-03-07T10:00:00Z"}}, "when"),
        ({"when": {"start": "2026-02-20T10:00:00Z", "end": "2026-02-21T10:00:00Z"}}, "when.end"),
        ({"when": {"start": "2026-02-20T10:00:00Z", "end": "2026-03-21T10:00:00Z"}}, "when.start"),
        ({"when": {"start": "2026-03-07T10:00:00", "end": "2026-03-08T10:00:00Z"}}, "when.start"),
        ({"when": {"start": "2026-03-07T10:00:00Z", "end": "2031-03-08T10:00:00Z"}}, "when.end"),
        ({"when": {"end": "2026-03-08T10:00:00Z"}}, "when.start"),
        ({"when": {"start": "2026-03-07T10:00:00Z", "end": "2026-03-08T10:00:00Z", "zone": "CET"}}, "when.zone"),
        ({"minutes": 4}, "minutes"),
        ({"minutes": "60"}, "minutes"),
        ({"meetingPoint": "x" * 201}, "meetingPoint"),
        ({"meetingPoint": "two\nlines"}, "meetingPoint"),
    ],
)
def test_a_window_that_is_invalid(api: Api, fields: dict[str, Any], field: str) -> None:
    answer = api.call("createQuest", ANNA, {**BODY, **fields})
    assert (answer.status, [error["field"] for error in answer.json["errors"]]) == (422, [field])
    edited = api.call("editQuest", ANNA, fields, questId=api.create())
    assert (edited.status, [error["field"] for error in edited.json["errors"]]) == (422, [field])


def test_a_claim_of_another_version_than_was_seen(api: Api) -> None:
    quest_id = api.create()
    api.call("editQuest", ANNA, {"title": "Carry a piano", "rewardXp": 120}, questId=quest_id)
    for seen in ("1", '"1"', 'W/"1"'):
        answer = api.call("claimQuest", BEN, headers={"if-match": seen}, questId=quest_id)
        assert (answer.status, answer.json["code"]) == (409, "terms_changed")
        assert sorted(answer.json["changed"]) == ["rewardXp", "title"]
        assert answer.json["allowedActions"]["claim"] == {"allowed": True}
    for nonsense in ("", "one", '"1', "-1", "1" * 10):
        answer = api.call("claimQuest", BEN, headers={"if-match": nonsense}, questId=quest_id)
        assert (answer.status, answer.json["code"]) == (400, "bad_if_match"), nonsense
    assert api.cloud.all_users().get(BEN) is None, "nothing was counted"
    assert api.call("claimQuest", BEN, headers={"if-match": '"2"'}, questId=quest_id).status == 200


def test_an_edit_has_a_quota(cloud: Cloud) -> None:
    api = Api(cloud, edits_per_hour=2)
    quest_id = api.create()
    titles = [f"Carry {n} sofas" for n in range(3)]
    statuses = [api.call("editQuest", ANNA, {"title": title}, questId=quest_id).status for title in titles]
    assert statuses == [200, 200, 429]
    assert api.call("editQuest", ANNA, {"title": titles[1]}, questId=quest_id).status == 200, "it changes nothing"
    check(api)


def test_entries_name_their_quest(api: Api) -> None:
    posted = [api.create(title=f"Carry sofa {n}") for n in range(3)]
    api.call("editQuest", ANNA, {"title": "Carry a piano"}, questId=posted[0])
    entries = api.call("listMyLedger", ANNA, query={"limit": "100"}).json["items"]
    titles = {entry.get("questId"): entry.get("questTitle") for entry in entries}
    wanted: dict[str | None, str | None] = {None: None}
    wanted |= dict(zip(posted, ("Carry a piano", "Carry sofa 1", "Carry sofa 2"), strict=True))
    assert titles == wanted
    exported = api.call("exportMe", ANNA).json["ledger"]
    assert {entry.get("questId"): entry.get("questTitle") for entry in exported} == wanted


def test_a_raised_reward_is_paid_for(api: Api) -> None:
    quest_id = api.create(rewardXp=900)
    assert api.call("getMe", ANNA).json["points"] == 1
    answer = api.call("editQuest", ANNA, {"rewardXp": 1000}, questId=quest_id)
    assert (answer.status, api.call("getMe", ANNA).json["points"]) == (200, 0)
    assert api.call("createQuest", ANNA, BODY).json["code"] == "insufficient_points"
    kinds = [(entry["kind"], entry["points"]) for entry in api.call("listMyLedger", ANNA).json["items"]]
    assert sorted(kinds) == [("create", -9), ("raise", -1), ("welcome", 10)]
    assert api.call("cancelQuest", ANNA, questId=quest_id).status == 200
    assert api.call("getMe", ANNA).json["points"] == 10
    check(api)


def test_two_withdrawals_and_no_third(api: Api) -> None:
    quests = [api.quest("CLAIMED") for _ in range(3)]
    statuses = []
    for quest_id in quests:
        answer = api.call("withdrawQuest", ANNA, {"reason": REASON}, questId=quest_id)
        statuses.append(answer.status)
    assert statuses == [200, 200, 429]
    assert answer.headers["retry-after"] == str(30 * 86400)
    api.cloud.clock.advance(days=1)
    assert [quest["questId"] for quest in api.call("listMyQuests", BEN, query={"role": "performer"}).json["items"]]
    seen = api.call("getMyQuest", BEN, questId=quests[0]).json
    assert (seen["status"], seen["former"][0]["how"], seen["former"][0]["reason"]) == ("CANCELLED", "withdrawn", REASON)
    assert api.call("getMyQuest", CARA, questId=quests[0]).json["former"] == []
    check(api)


def test_a_new_member_holds_three_claims_and_a_trusted_one_ten(api: Api) -> None:
    api.call("getMe", BEN)
    ids = [api.create(f"author-{n}") for n in range(14)]
    statuses = [api.call("claimQuest", BEN, questId=quest_id).status for quest_id in ids[:4]]
    assert statuses == [200, 200, 200, 403]
    answer = api.call("claimQuest", BEN, questId=ids[3])
    assert (answer.status, answer.json["code"]) == (403, "too_many_claims")
    api.call("submitQuest", BEN, SUBMISSION, questId=ids[0])
    assert api.call("claimQuest", BEN, questId=ids[3]).status == 200, "what is handed in is not held"
    check(api)
    api.cloud.dynamodb.update_item(
        TableName=api.cloud.users_table,
        Key={"userId": {"S": BEN}},
        UpdateExpression="SET confirmedBy = :three",
        ExpressionAttributeValues={":three": {"N": "3"}},
    )
    statuses = [api.call("claimQuest", BEN, questId=quest_id).status for quest_id in ids[4:]]
    assert statuses == [200] * 7 + [403] * 3
    held = [q for q in api.cloud.all_quests().values() if q.status == "CLAIMED" and q.performer_id == BEN]
    assert len(held) == 10


def test_claims_at_the_same_moment_do_not_pass_the_ceiling(api: Api) -> None:
    """Between the member's list and the quest of one claim, another one of the same member goes through."""
    api.call("getMe", BEN)
    ids = [api.create(f"author-{n}") for n in range(6)]
    statuses: list[int] = []
    depth = 0

    def another(_operation: str, carry_out: Any) -> Any:
        nonlocal depth
        depth += 1
        if depth < len(ids):
            statuses.append(api.call("claimQuest", BEN, questId=ids[depth]).status)
        return carry_out()

    with api.cloud.faults.outage("UpdateItem", another):
        statuses.append(api.call("claimQuest", BEN, questId=ids[0]).status)
    held = [q for q in api.cloud.all_quests().values() if q.status == "CLAIMED" and q.performer_id == BEN]
    assert len(held) == statuses.count(200) <= 3
    api.cloud.clock.advance(minutes=2)
    while len(held) < 3:
        free = next(q for q in ids if api.cloud.all_quests()[q].status == "OPEN")
        assert api.call("claimQuest", BEN, questId=free).status == 200
        held = [q for q in api.cloud.all_quests().values() if q.status == "CLAIMED"]
    check(api)


def test_a_lost_race_holds_no_place(api: Api) -> None:
    api.call("getMe", BEN)
    ids = [api.create(f"author-{n}") for n in range(5)]
    for quest_id in ids[:2]:

        def first(_operation: str, carry_out: Any, quest_id: str = quest_id) -> Any:
            api.cloud.faults.heal()
            assert api.call("claimQuest", CARA, questId=quest_id).status == 200
            return carry_out()

        api.cloud.faults.on("UpdateItem", lambda _operation, carry_out: carry_out())
        api.cloud.faults.on("UpdateItem", first)
        assert api.call("claimQuest", BEN, questId=quest_id).status == 409
    assert [api.call("claimQuest", BEN, questId=quest_id).status for quest_id in ids[2:]] == [200] * 3
    check(api)


def test_one_request_is_one_step_wherever_the_quest_moved(api: Api) -> None:
    """The answer to a request for changes is lost; the performer has handed in again when it comes a second time."""
    quest_id = api.quest("SUBMITTED")
    asks: dict[str, Any] = {"headers": {"x-request-id": "retried-request-1"}, "questId": quest_id}
    with api.cloud.faults.outage("TransactWriteItems", lost_answer):
        assert api.call("requestChanges", ANNA, {"reason": REASON}, **asks).status == 503
    text = {"submission": "Now it is really upstairs."}
    assert api.call("submitQuest", BEN, text, questId=quest_id).json["status"] == "SUBMITTED"
    again = api.call("requestChanges", ANNA, {"reason": REASON}, **asks)
    assert (again.status, again.json["status"]) == (200, "SUBMITTED")
    assert len(api.cloud.all_quests()[quest_id].change_requests) == 1
    another = api.call("requestChanges", ANNA, {"reason": REASON}, questId=quest_id)
    assert (another.status, another.json["status"]) == (200, "CLAIMED")
    check(api)


def test_who_was_a_party_hears_that_the_quest_moved(api: Api) -> None:
    quest_id = api.quest("CLAIMED")
    api.cloud.clock.now += CLAIM_PERIOD
    api.call("releaseQuest", ANNA, {"reason": REASON}, questId=quest_id)
    for operation, body in (("submitQuest", SUBMISSION), ("releaseQuest", {}), ("disputeQuest", {"reason": REASON})):
        answer = api.call(operation, BEN, body, questId=quest_id)
        assert (answer.status, answer.json["questStatus"]) == (409, "OPEN")
        assert api.call(operation, CARA, body, questId=quest_id).status == 403


def hidden_quest(api: Api, status: str = "OPEN") -> str:
    quest_id = api.quest(status)
    reason = {"reason": "This may be unsafe; we look into it."}
    assert api.call("hideQuest", MODERATOR, reason, groups="[moderators]", questId=quest_id).status == 200
    return quest_id


@pytest.mark.parametrize("status", ["OPEN", "CLAIMED", "SUBMITTED", "DISPUTED"])
def test_nobody_else_sees_a_hidden_quest(api: Api, status: str) -> None:
    quest_id = hidden_quest(api, status)
    assert api.call("getQuest", questId=quest_id).status == 404
    assert api.call("listQuests").json["items"] == []
    sees = {ANNA: 200, BEN: 404 if status == "OPEN" else 200, CARA: 404, MODERATOR: 200}
    for who, wanted in sees.items():
        groups = "[moderators]" if who == MODERATOR else ""
        answer = api.call("getMyQuest", who, groups=groups, questId=quest_id)
        assert answer.status == wanted, who
        if wanted == 200:
            assert answer.json["hiddenReason"] == "This may be unsafe; we look into it."
            assert answer.json["turn"]["task"] == "review"
            assert answer.json["turn"]["yours"] == (who == MODERATOR)
    assert api.call("claimQuest", CARA, questId=quest_id).status == 404
    assert api.call("unhideQuest", ANNA, questId=quest_id).json["code"] == "not_moderator"
    assert api.call("unhideQuest", MODERATOR, groups="[moderators]", questId=quest_id).status == 200
    assert api.call("getQuest", questId=quest_id).status == 200
    check(api)


def turns(api: Api, who: str) -> list[tuple[str, str]]:
    """The quests that wait for a member, each with its task."""
    items = api.call("listMyTurn", who).json["items"]
    assert all(item["turn"]["yours"] for item in items)
    return [(item["questId"], item["turn"]["task"]) for item in items]


def test_the_turns_of_two_members(api: Api) -> None:
    claimed, handed_in = api.quest("CLAIMED"), api.quest("SUBMITTED")
    disputed = api.quest("DISPUTED")
    api.create(ANNA)
    assert turns(api, ANNA) == [(disputed, "state"), (handed_in, "confirm")]
    assert turns(api, BEN) == [(claimed, "hand-in")]
    assert turns(api, CARA) == []
    api.cloud.clock.now += CLAIM_PERIOD
    assert (claimed, "overdue") in turns(api, ANNA)
    assert turns(api, BEN) == [(claimed, "overdue")]
    assert (disputed, "state") not in turns(api, ANNA), "now it is the moderators'"


def test_a_promise_of_silence_is_made_where_it_is_kept(api: Api) -> None:
    quest_id = api.quest("SUBMITTED")
    for silence, disputes, promised in (("on", "on", True), ("off", "on", False), ("off", "off", True)):
        api.cloud.set_flag("silence", silence)
        api.cloud.set_flag("disputes", disputes)
        api.cloud.clock.advance(seconds=11)
        for who in (ANNA, BEN):
            assert ("until" in api.call("getMyQuest", who, questId=quest_id).json["turn"]) == promised


def test_my_quests_tell_whose_turn_it_is(api: Api) -> None:
    quest_id = api.quest("SUBMITTED")
    for who, role, yours in ((ANNA, "requestor", True), (BEN, "performer", False)):
        (item,) = api.call("listMyQuests", who, query={"role": role}).json["items"]
        assert (item["questId"], item["role"], item["turn"]["yours"]) == (quest_id, role, yours)
        assert (item["turn"]["members"], item["turn"]["task"]) == ([ANNA], "confirm")


def test_a_reason_for_taking_back_is_for_those_concerned(api: Api) -> None:
    quest_id = api.quest("CLAIMED")
    api.cloud.clock.now += CLAIM_PERIOD
    api.call("releaseQuest", ANNA, {"reason": REASON}, questId=quest_id)
    api.call("claimQuest", CARA, questId=quest_id)
    for who, groups, told in (
        (ANNA, "", [REASON]), (BEN, "", [REASON]), (CARA, "", []), (MODERATOR, "[moderators]", [REASON]), ("x", "", []),
    ):  # fmt: skip
        former = api.call("getMyQuest", who, groups=groups, questId=quest_id).json["former"]
        assert [one["reason"] for one in former] == told
    assert REASON not in api.call("getQuest", questId=quest_id).text


def test_an_expired_quest_is_not_claimed(api: Api) -> None:
    quest_id = api.create()
    api.cloud.clock.now += LIFETIME
    answer = api.call("claimQuest", BEN, questId=quest_id)
    assert (answer.status, answer.json["code"]) == (409, "quest_expired")


def test_pages(api: Api) -> None:
    made = []
    for number in range(5):
        api.cloud.clock.advance(seconds=1)
        made.append(api.create(title=f"Carry sofa {number}"))
    for operation, who, query, key in [
        ("listQuests", None, {}, "questId"),
        ("listMyQuests", ANNA, {"role": "requestor"}, "questId"),
        ("listMyLedger", ANNA, {}, "entryId"),
    ]:
        found: list[str] = []
        cursor: dict[str, str] = {}
        for _ in range(9):
            answer = api.call(operation, who, query={**query, "limit": "2", **cursor})
            assert answer.status == 200
            found += [item[key] for item in answer.json["items"]]
            if "nextCursor" not in answer.json:
                break
            cursor = {"cursor": answer.json["nextCursor"]}
        if key == "questId":
            assert found == made[::-1]
        else:
            assert len(found) == len(set(found)) == 6
            assert found == sorted(found, reverse=True)
    assert [q["title"] for q in api.call("listQuests", query={"q": "SOFA 3"}).json["items"]] == ["Carry sofa 3"]
    assert api.call("listQuests", query={"category": "civic"}).json == {"items": []}
    assert "description" not in api.call("listQuests").json["items"][0]


def test_me_is_made_on_first_sight(api: Api) -> None:
    me = api.call("getMe", ANNA, groups="[internal]")
    assert me.json == {
        "userId": ANNA,
        "displayName": "New member",
        "bio": "",
        "interests": [],
        "points": 10,
        "xp": 0,
        "reputation": 0,
        "completed": 0,
        "confirmedBy": 0,
        "createdAt": "2026-03-01T12:00:00.000Z",
        "updatedAt": "2026-03-01T12:00:00.000Z",
        "groups": ["internal"],
        "blocked": [],
        "language": "en",
        "mail": "at_once",
        "unread": 0,
    }
    assert api.call("getMe", ANNA, groups="[internal]").json == me.json
    assert api.call("editMe", BEN, {"bio": "I carry."}).json["bio"] == "I carry."
    check(api)


def test_a_profile_shows_what_is_public(api: Api) -> None:
    api.call("editMe", ANNA, {"displayName": "Anna", "bio": "b", "interests": ["sofas"]})
    api.call("deleteMe", ANNA)
    profile = api.call("getUser", userId=ANNA).json
    assert set(profile) == {
        *("userId", "displayName", "bio", "interests", "xp", "reputation", "completed", "confirmedBy"),
        *("thanks", "moderator", "createdAt"),
    }


def test_leaving_and_coming_back(api: Api) -> None:
    left = api.call("deleteMe", ANNA).json
    assert left["deletionAt"] == "2026-03-15T12:00:00.000Z"
    api.cloud.clock.advance(days=1)
    assert api.call("deleteMe", ANNA).json["deletionAt"] == left["deletionAt"]
    assert "deletionAt" not in api.call("restoreMe", ANNA).json
    assert api.call("restoreMe", BEN).status == 404


def test_who_is_gone_changes_nothing(api: Api) -> None:
    user = api.cloud.users.ensure(ANNA, NOW)
    user = api.cloud.users.request_deletion(ANNA, NOW)
    api.cloud.users.anonymise(user, NOW + timedelta(days=14))
    draft = {"title": "Carry a sofa", "description": "Up to the fourth floor.", "category": "social"}
    for operation, body in [("editMe", {"bio": "x"}), ("deleteMe", None), ("restoreMe", None), ("createQuest", draft)]:
        assert api.call(operation, ANNA, body).status == 404
    assert api.call("claimQuest", ANNA, questId=api.create(BEN)).status == 404
    assert api.call("getUser", userId=ANNA).json["displayName"] == "Former member"


def test_the_export_is_everything(api: Api) -> None:
    own, done = api.create(ANNA), api.quest("COMPLETE")
    theirs = api.create(CARA)
    api.call("claimQuest", ANNA, questId=theirs)
    export = api.call("exportMe", ANNA).json
    assert {quest["questId"] for quest in export["quests"]} == {own, done, theirs}
    assert export["profile"]["userId"] == ANNA
    assert [entry["kind"] for entry in export["ledger"]].count("create") == 2
    assert "submission" in next(quest for quest in export["quests"] if quest["questId"] == done)


def test_an_export_of_much_is_a_few_calls(cloud: Cloud) -> None:
    api = Api(cloud, creates_per_hour=100)
    cloud.users.ensure(ANNA, NOW)
    cloud.dynamodb.update_item(
        TableName=cloud.users_table,
        Key={"userId": {"S": ANNA}},
        UpdateExpression="SET points = :many",
        ExpressionAttributeValues={":many": {"N": "100"}},
    )
    long = "\U0001f6cb" * 2000
    ids = {api.create(ANNA, description=long) for _ in range(BATCH + 7)}
    for number in range(120):
        cloud.clock.advance(minutes=2)
        api.call("writeMessage", BEN, {"text": f"May I? {number}", "audience": "public"}, questId=next(iter(ids)))
    cloud.faults.calls.clear()
    pages: list[Any] = []
    query: dict[str, str] = {}
    while True:
        answer = api.call("exportMe", ANNA, query=query)
        assert answer.status == 200, answer.text
        assert len(answer.text.encode()) < 3_000_000, "Lambda's most is 6 MB"
        pages.append(answer.json)
        if "nextCursor" not in answer.json:
            break
        query = {"cursor": answer.json["nextCursor"]}
    assert len(pages) == 2
    assert {quest["questId"] for page in pages for quest in page["quests"]} == ids
    assert all(quest["description"] == long for page in pages for quest in page["quests"])
    assert sum(len(page["ledger"]) for page in pages) == len(ids) + 1
    assert cloud.faults.counted()["BatchGetItem"] <= 8, "two pages: what the index lacks, and the texts"
    written: list[str] = []
    answer = api.call("exportMe", BEN)
    while True:
        written += [message["text"] for message in answer.json["messages"]]
        if "nextCursor" not in answer.json:
            break
        answer = api.call("exportMe", BEN, query={"cursor": answer.json["nextCursor"]})
    assert sorted(written) == sorted(f"May I? {number}" for number in range(120))
    foreign = api.call("exportMe", BEN, query=query)
    assert (foreign.status, foreign.json["code"]) == (400, "bad_cursor")


def test_stats_that_cannot_be_read_are_an_outage(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "_cached", {})

    def refuse(*_: object) -> None:
        raise EndpointConnectionError(endpoint_url="nowhere")

    monkeypatch.setattr(stats, "_read", refuse)
    assert api.call("getStats").status == 503


def test_stats_are_the_sums_of_thirty_days(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stats, "_cached", {})
    client = aws.client("cloudwatch")
    for name, days, value in [
        ("quests_created", 1, 3),
        ("quests_created", 29, 4),
        ("quests_created", 31, 100),
        ("quests_completed", 2, 5),
    ]:
        client.put_metric_data(
            Namespace="CivicForge",
            MetricData=[
                {
                    "MetricName": name,
                    "Value": value,
                    "Timestamp": NOW - timedelta(days=days),
                    "Dimensions": [{"Name": "service", "Value": "civicforge"}, {"Name": "stage", "Value": "unit"}],
                }
            ],
        )
    expected = {"days": 30, "questsCreated": 7, "questsCompleted": 5, "attestationsSubmitted": 0}
    assert api.call("getStats").json == expected
    calls = len(api.cloud.faults.calls)
    assert api.call("getStats").json == expected
    assert len(api.cloud.faults.calls) == calls
