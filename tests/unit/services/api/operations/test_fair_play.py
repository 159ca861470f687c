"""Rewards of a pair, and what keeps a member from claiming, as members see them before and after."""

from typing import Any

from tests.unit.services.cloud import ANNA, BEN, CARA, MODERATOR, NOW, REASON, Api
from tests.unit.services.invariants import check_all

SUBMISSION = {"submission": "Done, the sofa is upstairs."}


def check(api: Api) -> None:
    check_all(api.cloud.all_users(), api.cloud.all_quests(), api.cloud.all_entries())


def finish(api: Api, quest_id: str, requestor: str = ANNA, performer: str = BEN) -> None:
    for operation, who, body in (
        ("claimQuest", performer, None),
        ("submitQuest", performer, SUBMISSION),
        ("attestQuest", requestor, {}),
    ):
        answer = api.call(operation, who, body, questId=quest_id)
        assert answer.status == 200, answer.text


def rewards(api: Api, who: str) -> list[tuple[int, int, int, int]]:
    items = api.call("listMyLedger", who).json["items"]
    entries = sorted((e for e in items if e["kind"] == "reward"), key=lambda entry: str(entry["createdAt"]))
    return [(e["share"], e["xp"], e["reputation"], e["points"]) for e in entries]


def seen(api: Api, who: str, quest_id: str) -> dict[str, Any]:
    found: dict[str, Any] = api.call("getMyQuest", who, questId=quest_id).json
    return found


def test_the_reward_of_a_pair_diminishes_and_says_so_before_the_claim_and_after(api: Api) -> None:
    for expected in (100, 50, 0, 0):
        api.cloud.clock.advance(hours=1)
        quest_id = api.create(ANNA, rewardXp=125, rewardReputation=11)
        assert seen(api, BEN, quest_id)["rewardShare"] == expected
        assert seen(api, CARA, quest_id)["rewardShare"] == 100
        assert "rewardShare" not in seen(api, ANNA, quest_id)
        finish(api, quest_id)
        assert seen(api, BEN, quest_id)["rewardShare"] == seen(api, ANNA, quest_id)["rewardShare"] == expected
        assert "rewardShare" not in seen(api, CARA, quest_id)
    assert rewards(api, BEN) == [(100, 125, 11, 2), (50, 62, 5, 1), (0, 0, 0, 0), (0, 0, 0, 0)]
    check(api)


def test_it_does_not_matter_which_of_the_two_asked(api: Api) -> None:
    finish(api, api.create(ANNA))
    api.cloud.clock.advance(hours=1)
    finish(api, api.create(BEN), requestor=BEN, performer=ANNA)
    assert rewards(api, ANNA) == [(50, 50, 5, 1)]
    check(api)


def test_after_thirty_days_a_pair_is_paid_in_full_again(api: Api) -> None:
    for days in (0, 30):
        api.cloud.clock.advance(days=days)
        finish(api, api.create(ANNA))
    assert [share for share, *_ in rewards(api, BEN)] == [100, 100]
    check(api)


def test_two_quests_of_a_pair_that_end_at_once_are_not_both_paid_in_full(api: Api) -> None:
    """Between the read of the pair and the completion of one quest, another one of the two is completed."""
    first, second = (api.create(ANNA) for _ in range(2))
    for quest_id in (first, second):
        api.call("claimQuest", BEN, questId=quest_id)
        api.call("submitQuest", BEN, SUBMISSION, questId=quest_id)

    def meanwhile(_operation: str, carry_out: Any) -> Any:
        api.cloud.faults.heal()
        assert api.call("attestQuest", ANNA, {}, questId=second).status == 200
        return carry_out()

    api.cloud.faults.on("TransactWriteItems", meanwhile)
    answer = api.call("attestQuest", ANNA, {}, questId=first)
    assert (answer.status, answer.json["rewardShare"]) == (200, 50)
    assert sorted(share for share, *_ in rewards(api, BEN)) == [50, 100]
    check(api)


def test_a_decision_of_a_moderator_pays_by_the_same_rule(api: Api) -> None:
    finish(api, api.create(ANNA))
    api.cloud.clock.advance(hours=1)
    quest_id = api.quest("DISPUTED")
    api.call("stateQuest", ANNA, {"statement": REASON}, questId=quest_id)
    decision = {"outcome": "COMPLETE", "decision": REASON}
    answer = api.call("resolveDispute", MODERATOR, decision, groups="[moderators]", questId=quest_id)
    assert answer.status == 200, answer.text
    assert [share for share, *_ in rewards(api, BEN)] == [100, 50]
    check(api)


def claim_verdict(api: Api, quest_id: str) -> Any:
    return seen(api, BEN, quest_id)["allowedActions"]["claim"]


def test_whoever_holds_as_many_as_they_may_sees_that_before_the_claim(api: Api) -> None:
    ids = [api.create(f"author-{n}") for n in range(4)]
    for quest_id in ids[:3]:
        assert claim_verdict(api, quest_id) == {"allowed": True}
        api.call("claimQuest", BEN, questId=quest_id)
    assert claim_verdict(api, ids[3]) == {"allowed": False, "code": "too_many_claims"}
    assert api.call("claimQuest", BEN, questId=ids[3]).json["code"] == "too_many_claims"
    api.call("releaseQuest", BEN, {}, questId=ids[0])
    api.cloud.clock.advance(minutes=2)
    assert claim_verdict(api, ids[3]) == {"allowed": True}, "the list still has the released one, but it is not held"


def test_the_suspended_and_the_blocked_see_why_they_may_not_claim(api: Api) -> None:
    quest_id = api.create(ANNA)
    api.call("getMe", BEN)
    api.call("blockMember", ANNA, userId=BEN)
    assert claim_verdict(api, quest_id) == {"allowed": False, "code": "blocked"}
    api.call("unblockMember", ANNA, userId=BEN)
    assert claim_verdict(api, quest_id) == {"allowed": True}
    api.cloud.users.suspend(BEN, api.cloud.clock.advance(days=1), NOW)
    api.cloud.clock.now = NOW
    assert claim_verdict(api, quest_id) == {"allowed": False, "code": "suspended"}
    assert api.call("claimQuest", BEN, questId=quest_id).json["code"] == "suspended"
    api.cloud.clock.advance(days=1)
    assert claim_verdict(api, quest_id) == {"allowed": True}
