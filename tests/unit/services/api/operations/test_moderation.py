"""Reports, decisions and blocks over the API: who sees what, and what each decision does."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from services.core.domain.values import timestamp
from services.core.stores.dynamo import encode
from tests.unit.services.cloud import (
    ANNA,
    BEN,
    CARA,
    DESCRIPTION,
    MODERATOR,
    NOW,
    REASON,
    Answer,
    Api,
    Cloud,
    crash_after,
)

MODERATORS = "[moderators]"
MAX = "max-6"
QUEST: dict[str, Any] = {"title": "Carry a sofa", "description": DESCRIPTION, "category": "social"}


@pytest.fixture
def api(cloud: Cloud) -> Api:
    """The api Lambda, with a user pool behind it."""
    return Api(cloud, cognito_user_pool_id=cloud.pool())


def report(api: Api, who: str, subject: dict[str, str], key: str | None = None, words: str = "Look.") -> Answer:
    body = {"subject": subject, "reason": "rude", "words": words}
    return api.call("makeReport", who, body, headers={"idempotency-key": key} if key else {})


def decide(api: Api, report_id: str, measure: str, who: str = MODERATOR, **more: str) -> Answer:
    body = {"measure": measure, "words": REASON, **more}
    return api.call("decideReport", who, body, groups=MODERATORS, reportId=report_id)


def queue(api: Api) -> list[dict[str, Any]]:
    answer = api.call("listReports", MODERATOR, groups=MODERATORS)
    assert answer.status == 200, answer.text
    items: list[dict[str, Any]] = answer.json["items"]
    return items


def mine(api: Api, who: str, side: str) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = api.call("listMyReports", who, query={"side": side}).json["items"]
    return items


def write(api: Api, who: str, quest_id: str, audience: str, text: str) -> Answer:
    return api.call("writeMessage", who, {"text": text, "audience": audience}, questId=quest_id)


def test_a_reported_member_is_warned_in_words(api: Api, cloud: Cloud) -> None:
    api.call("editMe", BEN, {"displayName": "Ben", "bio": "You fools"})
    made = report(api, ANNA, {"kind": "member", "userId": BEN})
    assert made.status == 201
    assert "concernedId" not in made.json
    (case,) = queue(api)
    assert (case["evidence"], case["reporterId"], case["concernedId"]) == ("Ben\nYou fools", ANNA, BEN)
    assert mine(api, BEN, "concerned") == [], "nobody learns of a report before it is decided"
    assert decide(api, case["reportId"], "warn").status == 200
    assert queue(api) == []
    (told,) = mine(api, BEN, "concerned")
    assert (told["decisions"][0]["measure"], told["decisions"][0]["words"], told["mayObject"]) == ("warn", REASON, True)
    assert not {"words", "reporterId"} & told.keys(), "who reported stays unknown"
    assert "decidedBy" not in told["decisions"][0]
    (own,) = mine(api, ANNA, "reporter")
    assert (own["decisions"][0]["words"], own["mayObject"]) == (REASON, False)


def test_a_dismissed_report_concerns_nobody(api: Api) -> None:
    api.call("getMe", BEN)
    report_id = report(api, ANNA, {"kind": "member", "userId": BEN}).json["reportId"]
    decide(api, report_id, "dismiss")
    assert mine(api, BEN, "concerned") == []
    assert mine(api, ANNA, "reporter")[0]["decisions"][0]["measure"] == "dismiss"


def test_a_repeated_report_is_one(api: Api) -> None:
    api.call("getMe", BEN)
    subject = {"kind": "member", "userId": BEN}
    first, again = (report(api, ANNA, subject, key="k1") for _ in range(2))
    assert (again.status, again.json) == (201, first.json)
    assert len(queue(api)) == 1
    other = report(api, ANNA, subject, key="k1", words="Something else")
    assert (other.status, other.json["code"]) == (422, "idempotency_key_reused")


def test_reports_have_a_quota(cloud: Cloud) -> None:
    api = Api(cloud, reports_per_hour=2)
    api.call("getMe", BEN)
    statuses = [report(api, ANNA, {"kind": "member", "userId": BEN}).status for _ in range(3)]
    assert statuses == [201, 201, 429]


@pytest.mark.parametrize(
    "subject",
    [
        {"kind": "member", "userId": "nobody"},
        {"kind": "quest", "questId": "0" * 26},
        {"kind": "quest", "questId": "x"},
        {"kind": "message", "questId": "0" * 26, "messageId": "m"},
    ],
)
def test_what_is_not_there_cannot_be_reported(api: Api, subject: dict[str, str]) -> None:
    assert report(api, ANNA, subject).status == 404
    assert not api.cloud.rows(api.cloud.reports_table)


def test_a_message_that_one_may_not_read_cannot_be_reported(api: Api) -> None:
    quest_id = api.quest("CLAIMED")
    message_id = write(api, BEN, quest_id, "private", "Secret").json["messageId"]
    assert report(api, CARA, {"kind": "message", "questId": quest_id, "messageId": message_id}).status == 404


def test_moderators_read_what_is_reported_and_no_more(api: Api, cloud: Cloud) -> None:
    quest_id = api.quest("CLAIMED")
    rude = write(api, BEN, quest_id, "private", "You idiot").json["messageId"]
    cloud.clock.advance(minutes=1)
    write(api, BEN, quest_id, "private", "My door code is 4711")
    report(api, ANNA, {"kind": "message", "questId": quest_id, "messageId": rude})
    shown = api.call("listMyMessages", MODERATOR, groups=MODERATORS, questId=quest_id).json["items"]
    assert [message["text"] for message in shown] == ["You idiot"]


def test_a_removed_message_is_gone_for_everybody(api: Api) -> None:
    quest_id = api.create()
    message_id = write(api, BEN, quest_id, "public", "You idiot").json["messageId"]
    subject = {"kind": "message", "questId": quest_id, "messageId": message_id}
    report_id = report(api, ANNA, subject).json["reportId"]
    assert decide(api, report_id, "remove-text").status == 200
    (shown,) = api.call("listMessages", questId=quest_id).json["items"]
    assert (shown.get("text"), shown["removed"]) == (None, "moderated")


def test_a_member_loses_a_name_or_texts(api: Api) -> None:
    api.call("editMe", BEN, {"displayName": "Rude Name", "bio": "Rude bio", "interests": ["rude"]})
    for measure in ("rename", "remove-text"):
        report_id = report(api, ANNA, {"kind": "member", "userId": BEN}).json["reportId"]
        assert decide(api, report_id, measure).status == 200
    profile = api.call("getUser", userId=BEN).json
    assert (profile["displayName"], profile["bio"], profile["interests"]) == ("New member", "", [])


@pytest.mark.parametrize("measure", ["rename", "remove-text", "suspend", "ban", "reinstate"])
def test_a_decision_on_a_member_who_left_meanwhile_stands(api: Api, cloud: Cloud, measure: str) -> None:
    api.call("editMe", BEN, {"displayName": "Ben"})
    report_id = report(api, ANNA, {"kind": "member", "userId": BEN}).json["reportId"]
    cloud.users.request_deletion(BEN, NOW, grace=timedelta(0))
    gone = cloud.users.get(BEN)
    assert gone
    cloud.users.anonymise(gone, NOW)
    until = {"until": timestamp(NOW + timedelta(days=3))} if measure == "suspend" else {}
    for _ in range(2):
        answer = decide(api, report_id, measure, **until)
        assert (answer.status, answer.json["state"]) == (200, "DECIDED"), answer.text
    left = cloud.users.get(BEN)
    assert left
    assert (left.display_name, left.suspended_until) == ("Former member", None)


@pytest.mark.parametrize("last", ["attestQuest", "cancelQuest"])
def test_a_hidden_quest_that_ends_does_not_become_public_again(api: Api, last: str) -> None:
    quest_id = api.quest("SUBMITTED" if last == "attestQuest" else "OPEN")
    decide(api, report(api, CARA, {"kind": "quest", "questId": quest_id}).json["reportId"], "hide")
    assert api.call(last, ANNA, {} if last == "attestQuest" else None, questId=quest_id).status == 200
    assert api.call("getQuest", questId=quest_id).status == 404
    assert api.call("getMyQuest", CARA, questId=quest_id).status == 404
    assert api.call("getMyQuest", ANNA, questId=quest_id).status == 200


def test_the_text_of_a_completed_quest_can_be_hidden_and_shown_again(api: Api) -> None:
    quest_id = api.quest("COMPLETE")
    assert api.call("getQuest", questId=quest_id).status == 200
    report_id = report(api, CARA, {"kind": "quest", "questId": quest_id}).json["reportId"]
    assert decide(api, report_id, "hide").status == 200
    assert api.call("getQuest", questId=quest_id).status == 404
    assert api.call("objectToDecision", ANNA, {"reason": REASON}, reportId=report_id).status == 200
    assert decide(api, report_id, "unhide", who=MAX).status == 200
    assert api.call("getQuest", questId=quest_id).status == 200


def test_moderators_read_what_was_said_before_and_after_a_reported_message(api: Api, cloud: Cloud) -> None:
    quest_id = api.create()
    write(api, CARA, quest_id, "public", "Is it heavy?")
    api.call("claimQuest", BEN, questId=quest_id)
    ids = []
    for number in range(25):
        cloud.clock.advance(minutes=3)
        ids.append(write(api, (ANNA, BEN)[number % 2], quest_id, "private", f"Number {number}").json["messageId"])
    subject = {"kind": "message", "questId": quest_id, "messageId": ids[13]}
    report_id = report(api, ANNA, subject).json["reportId"]
    context = api.call("getReport", MODERATOR, groups=MODERATORS, reportId=report_id).json["context"]
    assert [message["text"] for message in context] == [f"Number {n}" for n in range(3, 24)], "the public one is none"
    member = report(api, CARA, {"kind": "member", "userId": BEN}).json["reportId"]
    assert api.call("getReport", MODERATOR, groups=MODERATORS, reportId=member).json["context"] == []


def test_a_hidden_quest_is_off_the_board_until_it_is_shown_again(api: Api) -> None:
    quest_id = api.create()
    subject = {"kind": "quest", "questId": quest_id}
    first = report(api, BEN, subject).json["reportId"]
    assert decide(api, first, "hide").status == 200
    assert api.call("getQuest", questId=quest_id).status == 404
    assert api.call("listQuests").json["items"] == []
    assert api.call("getMyQuest", ANNA, questId=quest_id).status == 200
    assert report(api, CARA, subject).status == 404, "nobody else sees it"
    objection = api.call("objectToDecision", ANNA, {"reason": REASON}, reportId=first)
    assert objection.status == 200
    assert decide(api, first, "unhide", who=MAX).status == 200
    assert api.call("getQuest", questId=quest_id).status == 200


def test_the_suspended_finish_what_they_owe_and_start_nothing(api: Api, cloud: Cloud) -> None:
    owed = api.quest("CLAIMED")
    free, own = api.create(CARA), api.create(BEN)
    report_id = report(api, ANNA, {"kind": "member", "userId": BEN}).json["reportId"]
    until = timestamp(NOW.replace(day=20))
    assert decide(api, report_id, "suspend", until=until).status == 200
    assert api.call("getMe", BEN).json["suspendedUntil"] == until
    edited = {"title": "Buy my things"}
    started = {
        "create": api.call("createQuest", BEN, QUEST),
        "claim": api.call("claimQuest", BEN, questId=free),
        "ask": write(api, BEN, free, "public", "May I?"),
        "edit": api.call("editQuest", BEN, edited, questId=own),
        "name": api.call("editMe", BEN, {"displayName": "Somebody"}),
        "bio": api.call("editMe", BEN, {"bio": "Buy my things", "language": "de"}),
    }
    assert {name: (answer.status, answer.json["code"]) for name, answer in started.items()} == dict.fromkeys(
        started, (403, "suspended")
    )
    assert "20 March 2026" in started["create"].json["detail"]
    assert api.call("getMyQuest", BEN, questId=owed).status == 200
    assert write(api, BEN, owed, "private", "I come at nine.").status == 201
    assert api.call("submitQuest", BEN, {"submission": "Done, the sofa is up."}, questId=owed).status == 200
    assert api.call("cancelQuest", BEN, questId=own).status == 200
    assert api.call("editMe", BEN, {"mail": "never", "language": "de"}).status == 200, "what others do not see"
    cloud.clock.advance(days=20)
    assert api.call("createQuest", BEN, QUEST).status == 201, "it ends by itself"


def test_a_ban_ends_only_by_another_decision(api: Api, cloud: Cloud) -> None:
    api.call("getMe", BEN)
    report_id = report(api, ANNA, {"kind": "member", "userId": BEN}).json["reportId"]
    assert decide(api, report_id, "ban").status == 200
    cloud.clock.advance(days=4000)
    assert api.call("createQuest", BEN, QUEST).json["code"] == "suspended"
    assert api.call("objectToDecision", BEN, {"reason": REASON}, reportId=report_id).status == 200
    assert decide(api, report_id, "reinstate").status == 403, "not by the same moderator"
    assert decide(api, report_id, "reinstate", who=MAX).status == 200
    assert api.call("createQuest", BEN, QUEST).status == 201


def test_a_ban_closes_the_account_and_its_end_opens_it(api: Api, cloud: Cloud) -> None:
    pool = api.app.platform.settings.cognito_user_pool_id
    ben = cloud.sign_up(pool, "ben")
    api.call("getMe", ben)

    def enabled() -> bool:
        return bool(cloud.cognito.admin_get_user(UserPoolId=pool, Username=ben)["Enabled"])

    report_id = report(api, ANNA, {"kind": "member", "userId": ben}).json["reportId"]
    for _ in range(2):
        assert decide(api, report_id, "ban").status == 200
        assert not enabled()
    assert api.call("objectToDecision", ben, {"reason": REASON}, reportId=report_id).status == 200
    assert decide(api, report_id, "suspend", who=MAX, until=timestamp(NOW.replace(day=20))).status == 200
    assert enabled(), "a suspended member signs in and finishes what they owe"


def test_a_decision_that_was_not_carried_out_is_by_its_repeat(api: Api, cloud: Cloud) -> None:
    api.call("getMe", BEN)
    report_id = report(api, ANNA, {"kind": "member", "userId": BEN}).json["reportId"]
    cloud.faults.on("UpdateItem", crash_after)
    with pytest.raises(BaseException, match=r"^$"):
        decide(api, report_id, "ban")
    assert api.call("createQuest", BEN, QUEST).status == 201, "decided, not done"
    assert decide(api, report_id, "ban").status == 200
    assert api.call("createQuest", BEN, QUEST).status == 403


def test_only_moderators_without_a_part_in_it_decide(api: Api) -> None:
    quest_id = api.quest("CLAIMED", performer=MODERATOR)
    api.call("releaseQuest", MODERATOR, {}, questId=quest_id)
    report_id = report(api, CARA, {"kind": "quest", "questId": quest_id}).json["reportId"]
    assert api.call("listReports", CARA).json["code"] == "not_moderator"
    assert api.call("getReport", BEN, reportId=report_id).status == 403
    assert api.call("decideReport", BEN, {"measure": "hide", "words": REASON}, reportId=report_id).status == 404
    former = decide(api, report_id, "hide")
    assert (former.status, former.json["code"]) == (403, "party_cannot_judge"), "they were its performer"
    assert decide(api, report_id, "hide", who=MAX).status == 200


def complete(api: Api, requestor: str, performer: str) -> None:
    """The two complete a quest together."""
    quest_id = api.create(requestor)
    steps: list[tuple[str, str, Any]] = [
        ("claimQuest", performer, None),
        ("submitQuest", performer, {"submission": "Done, the sofa is upstairs."}),
        ("attestQuest", requestor, {}),
    ]
    for operation, who, body in steps:
        assert api.call(operation, who, body, questId=quest_id).status == 200


def accuse(api: Api, who: str, whom: str) -> None:
    """Somebody reports somebody."""
    api.call("getMe", whom)
    assert report(api, who, {"kind": "member", "userId": whom}).status == 201


def block(api: Api, who: str, whom: str) -> None:
    """Somebody blocks somebody."""
    api.call("getMe", whom)
    assert api.call("blockMember", who, userId=whom).status == 200


HISTORIES: dict[str, Callable[[Api, str], Any]] = {
    "performed for": lambda api, party: complete(api, party, MODERATOR),
    "asked": lambda api, party: complete(api, MODERATOR, party),
    "reported": lambda api, party: accuse(api, MODERATOR, party),
    "was reported by": lambda api, party: accuse(api, party, MODERATOR),
    "blocked": lambda api, party: block(api, MODERATOR, party),
    "was blocked by": lambda api, party: block(api, party, MODERATOR),
}
"""The dealings that a moderator may have had with a party before the case."""


@pytest.mark.parametrize("party", [ANNA, BEN])
@pytest.mark.parametrize("history", HISTORIES.values(), ids=HISTORIES)
def test_who_has_a_history_with_a_party_does_not_judge(
    api: Api, cloud: Cloud, history: Callable[[Api, str], Any], party: str
) -> None:
    api.call("getMe", MODERATOR)
    history(api, party)
    cloud.clock.advance(days=40)
    disputed, posted = api.quest("DISPUTED", performer=BEN), api.create(party)
    outcome = {"outcome": "CANCELLED", "decision": "The sofa is still at the door."}
    # A quest between two others, and a report in which the party is concerned, or is who reported.
    concerned = report(api, CARA, {"kind": "member", "userId": party}).json["reportId"]
    reported = report(api, party, {"kind": "member", "userId": CARA}).json["reportId"]
    cloud.clock.advance(days=4)
    seen = api.call("getMyQuest", MODERATOR, groups=MODERATORS, questId=disputed).json["allowedActions"]
    assert {seen[action]["allowed"] for action in ("resolve", "hide")} == {False}
    assert seen["resolve"]["code"] == "party_cannot_judge"
    for answer in (
        api.call("resolveDispute", MODERATOR, outcome, groups=MODERATORS, questId=disputed),
        api.call("hideQuest", MODERATOR, {"reason": REASON}, groups=MODERATORS, questId=posted),
        decide(api, concerned, "warn"),
        decide(api, reported, "dismiss"),
    ):
        assert (answer.status, answer.json["code"]) == (403, "party_cannot_judge"), answer.text
    seen = api.call("getMyQuest", MAX, groups=MODERATORS, questId=disputed).json["allowedActions"]
    assert seen["resolve"]["allowed"]
    for answer in (
        decide(api, concerned, "warn", who=MAX),
        decide(api, reported, "dismiss", who=MAX),
        api.call("resolveDispute", MAX, outcome, groups=MODERATORS, questId=disputed),
    ):
        assert answer.status == 200, answer.text


def test_nobody_chooses_their_judge_by_reporting_the_others(api: Api, cloud: Cloud) -> None:
    """A report counts where it was made before the case."""
    disputed = api.quest("DISPUTED", performer=BEN)
    on_ben = report(api, ANNA, {"kind": "member", "userId": BEN}).json["reportId"]
    cloud.clock.advance(minutes=1)
    accuse(api, BEN, MODERATOR)
    cloud.clock.advance(days=4)
    outcome = {"outcome": "CANCELLED", "decision": "The sofa is still at the door."}
    assert api.call("resolveDispute", MODERATOR, outcome, groups=MODERATORS, questId=disputed).status == 200
    assert decide(api, on_ben, "warn").status == 200


def test_a_conflict_of_interest_costs_a_bounded_number_of_calls(api: Api, cloud: Cloud) -> None:
    disputed = api.quest("DISPUTED", performer=BEN)
    for number in range(12):
        accuse(api, f"member-{number}", BEN)
    cloud.faults.calls.clear()
    assert api.call("getMyQuest", MODERATOR, groups=MODERATORS, questId=disputed).status == 200
    assert len(cloud.faults.calls) <= 12, cloud.faults.calls


def test_a_case_has_its_history(api: Api) -> None:
    api.call("getMe", BEN)
    ids = [report(api, who, {"kind": "member", "userId": BEN}).json["reportId"] for who in (ANNA, CARA)]
    decide(api, ids[0], "warn")
    case = api.call("getReport", MODERATOR, groups=MODERATORS, reportId=ids[1]).json
    assert [former["reportId"] for former in case["history"]] == [ids[0]]
    assert case["history"][0]["decisions"][0]["decidedBy"] == MODERATOR


def test_the_blocked_neither_claim_nor_write(api: Api) -> None:
    quest_id, underway = api.create(), api.quest("CLAIMED")
    assert api.call("blockMember", ANNA, userId=BEN).json["blocked"] == [BEN]
    for answer in (
        api.call("claimQuest", BEN, questId=quest_id),
        write(api, BEN, quest_id, "public", "Why?"),
        write(api, BEN, underway, "private", "Why?"),
    ):
        assert (answer.status, answer.json["code"]) == (403, "blocked")
    assert api.call("submitQuest", BEN, {"submission": "Done, the sofa is up."}, questId=underway).status == 200
    assert write(api, CARA, quest_id, "public", "May I?").status == 201
    assert api.call("unblockMember", ANNA, userId=BEN).json["blocked"] == []
    assert api.call("claimQuest", BEN, questId=quest_id).status == 200


def test_one_blocks_at_most_a_hundred_and_never_oneself(api: Api, cloud: Cloud) -> None:
    assert api.call("blockMember", ANNA, userId=ANNA).status == 403
    assert api.call("blockMember", ANNA, userId="nobody").status == 404
    for number in range(101):
        cloud.users.ensure(f"member-{number}", NOW)
    for number in range(100):
        assert api.call("blockMember", ANNA, userId=f"member-{number}").status == 200
    assert api.call("blockMember", ANNA, userId="member-7").status == 200, "blocked already"
    full = api.call("blockMember", ANNA, userId="member-100")
    assert (full.status, full.json["code"]) == (409, "too_many_blocked")
    assert len(api.call("getMe", ANNA).json["blocked"]) == 100


def test_a_block_is_seen_by_nobody_else(api: Api) -> None:
    for who in (ANNA, BEN):
        api.call("getMe", who)
    api.call("blockMember", ANNA, userId=BEN)
    assert "blocked" not in api.call("getUser", userId=ANNA).json


def claim_verdict(api: Api, who: str, quest_id: str) -> dict[str, Any]:
    verdict: dict[str, Any] = api.call("getMyQuest", who, questId=quest_id).json["allowedActions"]["claim"]
    return verdict


def may_write(api: Api, who: str, quest_id: str) -> dict[str, Any]:
    verdict: dict[str, Any] = api.call("listMyMessages", who, questId=quest_id).json["mayWrite"]["public"]
    return verdict


def test_a_blocked_member_is_told_before_they_try(api: Api) -> None:
    api.call("getMe", BEN)
    quest_id = api.create()
    assert claim_verdict(api, BEN, quest_id) == may_write(api, BEN, quest_id) == {"allowed": True}
    api.call("blockMember", ANNA, userId=BEN)
    assert claim_verdict(api, BEN, quest_id) == may_write(api, BEN, quest_id) == {"allowed": False, "code": "blocked"}
    assert claim_verdict(api, CARA, quest_id) == {"allowed": True}
    api.call("unblockMember", ANNA, userId=BEN)
    assert claim_verdict(api, BEN, quest_id) == {"allowed": True}


def test_a_suspended_member_is_told_before_they_try(api: Api, cloud: Cloud) -> None:
    api.call("getMe", BEN)
    quest_id = api.create()
    report_id = report(api, ANNA, {"kind": "member", "userId": BEN}).json["reportId"]
    decide(api, report_id, "suspend", until=timestamp(NOW.replace(month=4)))
    told = {"allowed": False, "code": "suspended"}
    assert claim_verdict(api, BEN, quest_id) == may_write(api, BEN, quest_id) == told
    cloud.clock.now = NOW.replace(month=4)
    assert claim_verdict(api, BEN, api.create()) == {"allowed": True}


def test_a_member_with_full_hands_is_told_before_they_try(api: Api, cloud: Cloud) -> None:
    held = [api.create() for _ in range(3)]
    other = api.create()
    for quest_id in held:
        assert claim_verdict(api, BEN, other) == {"allowed": True}
        api.call("claimQuest", BEN, questId=quest_id)
    assert claim_verdict(api, BEN, other) == {"allowed": False, "code": "too_many_claims"}
    assert api.call("claimQuest", BEN, questId=other).json["code"] == "too_many_claims"
    api.call("releaseQuest", BEN, {}, questId=held[0])
    cloud.clock.advance(minutes=2)
    assert claim_verdict(api, BEN, other) == {"allowed": True}, "what was released is held no more"


def test_a_moderator_carries_a_mark_from_their_token(api: Api, cloud: Cloud) -> None:
    def marked() -> bool:
        cloud.clock.advance(minutes=1)
        found: bool = api.call("getUser", userId=MODERATOR).json["moderator"]
        return found

    api.call("getMe", MODERATOR)
    assert not marked()
    api.call("getMe", MODERATOR, groups=MODERATORS)
    assert marked()
    api.call("getMe", MODERATOR)
    assert not marked(), "who moderates no longer"


def finish(api: Api, cloud: Cloud, note: dict[str, Any]) -> str:
    cloud.clock.advance(minutes=1)
    quest_id: str = api.quest("SUBMITTED")
    assert api.call("attestQuest", ANNA, note, questId=quest_id).status == 200
    return quest_id


def thanks(api: Api) -> list[str]:
    return [word["text"] for word in api.call("getUser", userId=BEN).json["thanks"]]


def test_a_profile_shows_the_thanks_that_were_meant_for_it(api: Api, cloud: Cloud) -> None:
    api.call("getMe", BEN)
    finish(api, cloud, {"notes": "Just between us."})
    finish(api, cloud, {"thanks": True})
    assert thanks(api) == []
    first = finish(api, cloud, {"notes": "Gentle with the sofa.", "thanks": True})
    (word,) = api.call("getUser", userId=BEN).json["thanks"]
    assert (word["userId"], word["questId"], word["questTitle"]) == (ANNA, first, "Carry a sofa")
    assert word["text"] == "Gentle with the sofa."
    finish(api, cloud, {"notes": "Came on time.", "thanks": True})
    assert thanks(api) == ["Came on time.", "Gentle with the sofa."], "the newest first"
    assert api.call("getUser", userId=ANNA).json["thanks"] == []


@pytest.mark.parametrize("change", [{"left": [ANNA]}, {"hiddenAt": timestamp(NOW)}])
def test_a_profile_shows_no_thanks_of_who_left_or_of_what_is_hidden(
    api: Api, cloud: Cloud, change: dict[str, Any]
) -> None:
    api.call("getMe", BEN)
    quest_id = finish(api, cloud, {"notes": "Gentle with the sofa.", "thanks": True})
    ((name, value),) = change.items()
    cloud.dynamodb.update_item(
        TableName=cloud.quests_table,
        Key={"questId": {"S": quest_id}},
        UpdateExpression="SET #name = :value",
        ExpressionAttributeNames={"#name": name},
        ExpressionAttributeValues={":value": encode(value)},
    )
    assert thanks(api) == []
