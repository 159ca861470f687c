"""Housekeeping: expiry, release, deletion, audit; each may die anywhere and is done by the next run."""

import io
import json
from contextlib import redirect_stdout
from dataclasses import replace
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
import time_machine

from services.core.aws_json import ATTEMPTS
from services.core.domain.ledger import Totals
from services.core.domain.quests import Role
from services.core.parameters import BREAKER
from services.core.stores.dynamo import StoreUnavailableError
from services.core.sweeping import TimeSlice
from services.core.telemetry import user_digest
from services.housekeeping import chores
from tests.unit.services.cloud import (
    ANNA,
    BEN,
    CARA,
    CLAIM_PERIOD,
    CONTEXT,
    DESCRIPTION,
    LIFETIME,
    MODERATOR,
    NOW,
    PARAMETER_TTL,
    REASON,
    SILENCE,
    Api,
    Cloud,
    CrashError,
    crash_before,
    lines,
    log_of,
    lost_request,
    refusal,
)
from tests.unit.services.invariants import check_all

AUDIT_SLICES = chores.AUDIT_SLICES
RELEASED_AT = CLAIM_PERIOD + timedelta(days=7, seconds=1)


class _Accounts:
    """The user pool, in which these members have an account besides those that moto made."""

    def __init__(self, client: Any, members: set[str]) -> None:
        self._client, self._members = client, members

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def admin_get_user(self, **asked: Any) -> Any:
        """Finds a member by name."""
        if asked["Username"] not in self._members:
            return self._client.admin_get_user(**asked)
        return {"UserAttributes": [{"Name": "email", "Value": f"{asked['Username']}@example.org"}]}


class Housekeeping:
    """The handler after a cold start."""

    def __init__(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cloud = cloud
        self.pool = cloud.pool()
        self.module: ModuleType = cloud.handler("housekeeping", monkeypatch, cognito_user_pool_id=self.pool)
        known = _Accounts(self.module.housekeeper.cognito, {ANNA, BEN, CARA, MODERATOR})
        housekeeper = replace(self.module.housekeeper, cognito=known)
        monkeypatch.setattr(self.module, "housekeeper", housekeeper)
        monkeypatch.setattr(self.module, "sweeper", replace(self.module.sweeper, chores=housekeeper.chores()))
        self.log = log_of(self.module.telemetry)
        monkeypatch.setattr(chores, "AUDIT_SLICES", 1)

    def __call__(self) -> dict[str, float]:
        """Runs once; returns the metrics."""
        out = io.StringIO()
        with redirect_stdout(out), time_machine.travel(self.cloud.clock.now, tick=False):
            self.module.handler({}, CONTEXT)
        return {
            metric["Name"]: sum(line[metric["Name"]])
            for line in map(json.loads, out.getvalue().splitlines())
            for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
        }

    def done(self) -> dict[str, int]:
        """The number of things that each chore of the last run did."""
        return {line["chore"]: line["done"] for line in lines(self.log) if line["message"] == "chore"}


@pytest.fixture
def house(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Housekeeping:
    """The Lambda with an empty user pool."""
    return Housekeeping(cloud, monkeypatch)


def statuses(cloud: Cloud) -> list[str]:
    return sorted(quest.status.value for quest in cloud.all_quests().values())


def check(cloud: Cloud) -> None:
    check_all(cloud.all_users(), cloud.all_quests(), cloud.all_entries())


def test_open_quests_expire_and_are_refunded_once(cloud: Cloud, house: Housekeeping) -> None:
    api = Api(cloud)
    for status in ("OPEN", "OPEN", "DISPUTED", "COMPLETE", "CANCELLED"):
        api.quest(status)
    cloud.clock.now += LIFETIME - timedelta(seconds=1)
    house()
    assert statuses(cloud).count("OPEN") == 2
    cloud.clock.advance(seconds=2)
    for _ in range(2):
        assert house() == {"ledger_drift": 0}
        assert statuses(cloud) == ["CANCELLED", "COMPLETE", "DISPUTED", "EXPIRED", "EXPIRED"]
        check(cloud)
    assert house.done()["expire"] == 0


def test_overdue_quests_open_again(cloud: Cloud, house: Housekeeping) -> None:
    api = Api(cloud)
    quest_id = api.quest("CLAIMED")
    cloud.clock.now += RELEASED_AT - timedelta(seconds=2)
    house()
    assert statuses(cloud) == ["CLAIMED"]
    cloud.clock.advance(seconds=2)
    house()
    assert house.done()["release_overdue"] == 1
    assert api.call("claimQuest", CARA, questId=quest_id).status == 200
    check(cloud)


def test_a_member_who_is_faster_wins(cloud: Cloud, house: Housekeeping) -> None:
    api = Api(cloud)
    api.quest("CLAIMED")
    quest_id = next(iter(cloud.all_quests()))
    cloud.clock.now += RELEASED_AT

    def submits(_operation: str, carry_out: Any) -> Any:
        text = {"submission": "Late, but the sofa is upstairs."}
        assert api.call("submitQuest", BEN, text, questId=quest_id).status == 200
        return carry_out()

    cloud.faults.on("TransactWriteItems", submits)
    house()
    assert statuses(cloud) == ["SUBMITTED"]
    check(cloud)


def test_one_quest_that_cannot_be_read_does_not_keep_the_others_waiting(cloud: Cloud, house: Housekeeping) -> None:
    api = Api(cloud)
    ids = sorted(api.quest("OPEN") for _ in range(4))
    cloud.dynamodb.update_item(
        TableName=cloud.quests_table,
        Key={"questId": {"S": ids[0]}},
        UpdateExpression="SET rewardXp = :x",
        ExpressionAttributeValues={":x": {"S": "canary"}},
    )
    cloud.clock.now += LIFETIME + timedelta(seconds=1)
    with pytest.raises(ValueError, match="rewardXp"):
        house()
    rows = {row["questId"]: row["status"] for row in cloud.rows(cloud.quests_table) if "#" not in row["questId"]}
    assert rows == {quest_id: "OPEN" if quest_id == ids[0] else "EXPIRED" for quest_id in ids}
    assert "audit" in house.done()
    assert "canary" not in house.log.getvalue()


def leaving(cloud: Cloud, house: Housekeeping) -> str:
    """A member of the pool with quests on both sides, whose grace period is over."""
    member = house.cloud.sign_up(house.pool, "leaver")
    api = Api(cloud)
    api.call("editMe", member, {"displayName": "canary", "bio": "canary", "interests": ["canary"]})
    api.create(member)
    done = api.create(member)
    for who, operation, body in [
        (BEN, "claimQuest", None),
        (BEN, "submitQuest", {"submission": "It is upstairs."}),
    ]:
        api.call(operation, who, body, questId=done)
    api.call("claimQuest", member, questId=api.create(ANNA))
    api.call("deleteMe", member)
    cloud.clock.advance(days=14, seconds=1)
    return member


def test_a_member_is_forgotten(cloud: Cloud, house: Housekeeping) -> None:
    member = leaving(cloud, house)
    cloud.clock.advance(seconds=-2)
    house()
    assert not cloud.all_users()[member].deleted
    cloud.clock.advance(seconds=2)
    house()
    assert house.done()["forget"] == 1
    user = cloud.all_users()[member]
    assert (user.display_name, user.bio, user.interests, user.deleted) == ("Former member", "", [], True)
    assert cloud.cognito.list_users(UserPoolId=house.pool)["Users"] == []
    assert statuses(cloud) == ["CANCELLED", "COMPLETE", "OPEN"]  # silence came before the fourteen days were over
    assert "canary" not in str(cloud.rows(cloud.users_table)) + house.log.getvalue()
    check(cloud)
    house()
    assert house.done()["forget"] == 0


def gone(cloud: Cloud, house: Housekeeping) -> tuple[str, Api]:
    """A member whose grace period ends with the next run."""
    member, api = cloud.sign_up(house.pool, "leaver"), Api(cloud)
    api.call("deleteMe", member)
    cloud.clock.advance(days=14, seconds=1)
    return member, api


def claimed(api: Api, requestor: str, performer: str) -> str:
    quest_id = api.create(requestor)
    assert api.call("claimQuest", performer, questId=quest_id).status == 200
    return quest_id


def submit(api: Api, performer: str, quest_id: str) -> None:
    assert api.call("submitQuest", performer, {"submission": "It is upstairs."}, questId=quest_id).status == 200


def test_what_a_requestor_leaves_behind_opens_for_nobody(cloud: Cloud, house: Housekeeping) -> None:
    """Ben gives the quest of a former member back, or forgets it: it is cancelled and refunded, not on the board."""
    member, api = gone(cloud, house)
    released, forgotten = (claimed(api, member, BEN) for _ in range(2))
    house()
    assert house.done()["forget"] == 0, "Ben is at work on what they posted"
    user = cloud.all_users()[member]
    assert (user.display_name, user.deleted) == ("Former member", True)
    assert user.deletion_at is not None
    assert api.call("releaseQuest", BEN, {}, questId=released).json["status"] == "CANCELLED"
    assert api.call("listQuests").json["items"] == []
    cloud.clock.advance(days=22)
    house()
    assert {quest.status for quest in cloud.all_quests().values()} == {"CANCELLED"}
    assert cloud.all_quests()[forgotten].performer_id is None
    assert house.done()["forget"] == 1
    assert cloud.all_users()[member].deletion_at is None
    check(cloud)


@pytest.mark.parametrize("silence", ["on", "off"])
def test_work_for_a_former_requestor_is_paid(cloud: Cloud, house: Housekeeping, silence: str) -> None:
    """Silence ends it even where its flag is off: there is nobody whose word could be waited for."""
    cloud.set_flag("silence", silence)
    member, api = gone(cloud, house)
    quest_id = claimed(api, member, BEN)
    house()
    submit(api, BEN, quest_id)
    cloud.clock.advance(days=6)
    house()
    assert cloud.all_quests()[quest_id].status == "SUBMITTED"
    cloud.clock.advance(days=2)
    house()
    assert cloud.all_quests()[quest_id].status == "COMPLETE"
    assert house.done()["forget"] == 1
    check(cloud)


def test_work_for_a_former_requestor_may_be_disputed(cloud: Cloud, house: Housekeeping) -> None:
    member, api = gone(cloud, house)
    quest_id = claimed(api, member, BEN)
    submit(api, BEN, quest_id)
    house()
    assert api.call("disputeQuest", BEN, {"reason": "Nobody will ever confirm it."}, questId=quest_id).status == 200
    cloud.clock.advance(days=4)
    house()
    assert house.done()["forget"] == 0
    decision = {"outcome": "COMPLETE", "decision": "The sofa is upstairs, as the pictures show."}
    judged = api.call("resolveDispute", CARA, decision, groups="[moderators]", questId=quest_id)
    assert judged.json["status"] == "COMPLETE"
    house()
    assert house.done()["forget"] == 1
    check(cloud)


def test_what_a_former_member_performed_before_is_no_concern_of_theirs(cloud: Cloud, house: Housekeeping) -> None:
    """Another one has claimed, or handed in, what is still in the leaver's list."""
    member, api = cloud.sign_up(house.pool, "leaver"), Api(cloud)
    ids = [api.create(ANNA) for _ in range(2)]
    for quest_id in ids:
        api.call("claimQuest", member, questId=quest_id)
        api.call("releaseQuest", member, {}, questId=quest_id)
    api.call("deleteMe", member)
    cloud.clock.advance(days=14, seconds=1)
    for quest_id in ids:
        api.call("claimQuest", BEN, questId=quest_id)
    api.call("submitQuest", BEN, {"submission": "It is upstairs."}, questId=ids[0])
    house()
    assert house.done()["forget"] == 1
    assert statuses(cloud) == ["CLAIMED", "SUBMITTED"]
    check(cloud)


def test_what_a_former_performer_handed_in_is_theirs_to_be_confirmed(cloud: Cloud, house: Housekeeping) -> None:
    member, api = gone(cloud, house)
    handed_in, sent_back, under_way = (claimed(api, ANNA, member) for _ in range(3))
    for quest_id in (handed_in, sent_back):
        submit(api, member, quest_id)
    house()
    found = cloud.all_quests()
    assert (found[handed_in].status, found[under_way].status) == ("SUBMITTED", "OPEN")
    assert api.call("attestQuest", ANNA, {}, questId=handed_in).json["status"] == "COMPLETE"
    changed = api.call("requestChanges", ANNA, {"reason": "One bag is still there."}, questId=sent_back)
    assert changed.json["status"] == "OPEN", "nobody is there to change anything"
    house()
    assert house.done()["forget"] == 1
    check(cloud)


def test_a_forgotten_token_only_reads(cloud: Cloud, house: Housekeeping) -> None:
    member, api = gone(cloud, house)
    theirs, done = claimed(api, member, BEN), claimed(api, ANNA, member)
    free = api.create(ANNA)
    submit(api, member, done)
    house()
    before = cloud.everything()
    draft = {"title": "Carry a sofa", "description": DESCRIPTION, "category": "social"}
    refused = {
        "create": api.call("createQuest", member, draft),
        "claim": api.call("claimQuest", member, questId=free),
        "withdraw": api.call("withdrawQuest", member, {"reason": "I changed my mind now."}, questId=theirs),
        "dispute": api.call("disputeQuest", member, {"reason": "I want to be paid now."}, questId=done),
        "message": api.call("writeMessage", member, {"text": "Hi", "audience": "private"}, questId=theirs),
        "question": api.call("writeMessage", member, {"text": "Hi", "audience": "public"}, questId=free),
        "profile": api.call("editMe", member, {"bio": "I am still here"}),
        "report": api.call("makeReport", member, {"subject": {"kind": "member", "userId": ANNA}, "reason": "rude"}),
    }
    assert {name: answer.status for name, answer in refused.items() if answer.status not in (403, 404, 409)} == {}
    assert cloud.everything() == before
    assert api.call("getMyQuest", member, questId=theirs).status == 200


def test_no_word_of_a_former_member_stays(cloud: Cloud, house: Housekeeping) -> None:
    """Also what they wrote between the moment at which their row was read and its overwriting."""
    member, api = cloud.sign_up(house.pool, "leaver"), Api(cloud)
    quest_id = claimed(api, ANNA, member)
    api.call("editMe", member, {"displayName": "canary", "bio": "canary", "interests": ["canary"]})
    api.call("blockMember", member, userId=ANNA)
    said = api.call("writeMessage", member, {"text": "canary", "audience": "private"}, questId=quest_id)
    subject = {"kind": "message", "questId": quest_id, "messageId": said.json["messageId"]}
    assert api.call("makeReport", ANNA, {"subject": subject, "reason": "rude"}).status == 201
    subject = {"kind": "member", "userId": ANNA}
    assert api.call("makeReport", member, {"subject": subject, "reason": "rude", "words": "canary"}).status == 201
    api.call("deleteMe", member)
    cloud.clock.advance(days=14, seconds=1)

    def edits(_operation: str, carry_out: Any) -> Any:
        assert api.call("editMe", member, {"bio": "canary too", "interests": ["canary"]}).status == 200
        return carry_out()

    cloud.faults.on("UpdateItem", edits)
    house()
    assert "canary" not in str(cloud.everything())
    row = next(row for row in cloud.rows(cloud.users_table) if row["userId"] == member)
    assert row.get("blocked", []) == []


def test_whoever_ends_their_account_at_cognito_is_forgotten_too(cloud: Cloud, house: Housekeeping) -> None:
    """Every access token allows DeleteUser, which tells nobody: name and bio would stay public for ever."""
    member, api = cloud.sign_up(house.pool, "leaver"), Api(cloud)
    api.call("editMe", member, {"displayName": "canary", "bio": "canary"})
    quest_id = api.create(member)
    cloud.cognito.admin_delete_user(UserPoolId=house.pool, Username=member)
    house()
    assert cloud.all_users()[member].display_name == "canary", "a row of this moment may be about to get its account"
    cloud.clock.advance(days=1, seconds=1)
    house()
    assert (house.done()["reconcile"], house.done()["forget"]) == (1, 1)
    assert cloud.all_quests()[quest_id].status == "CANCELLED"
    assert "canary" not in str(cloud.rows(cloud.users_table))
    house()
    assert house.done()["reconcile"] == 0


def test_an_account_without_a_row_gets_one(cloud: Cloud, house: Housekeeping) -> None:
    confirmed, unconfirmed = cloud.sign_up(house.pool, "late"), cloud.sign_up(house.pool, "never")
    cloud.cognito.admin_set_user_password(
        UserPoolId=house.pool, Username=confirmed, Password="A-long-Passw0rd!", Permanent=True
    )
    house()
    assert house.done()["welcome"] == 1
    assert confirmed in cloud.all_users()
    assert unconfirmed not in cloud.all_users()
    house()
    assert house.done()["welcome"] == 0


def test_looking_for_accounts_without_a_row_ends_in_time_though_all_have_one(
    cloud: Cloud, house: Housekeeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages are what takes the time, not what is found on them."""
    cognito = house.module.housekeeper.cognito
    whole, asked = cognito.list_users, []

    def one_to_a_page(**request: Any) -> Any:
        asked.append(request.get("PaginationToken"))
        return whole(**request, Limit=1)

    members = {cloud.sign_up(house.pool, name) for name in ("ada", "bob", "cyd", "dan")}
    for member in members:
        cloud.cognito.admin_set_user_password(
            UserPoolId=house.pool, Username=member, Password="A-long-Passw0rd!", Permanent=True
        )
    monkeypatch.setattr(cognito, "list_users", one_to_a_page)
    midnight, place, welcomed = NOW.replace(hour=0), "", 0
    for runs in range(1, 9):  # noqa: B007  # asserted below
        time_slice = TimeSlice(midnight, ends=float("-inf"), after=place)
        welcomed += house.module.housekeeper.welcome(NOW, time_slice)
        if time_slice.stopped_at is None:
            break
        place = time_slice.stopped_at
    assert (runs, welcomed) == (4, 4)
    assert members <= cloud.all_users().keys()
    assert asked[0] is None
    assert None not in asked[1:]


def test_members_with_an_account_stay(cloud: Cloud, house: Housekeeping) -> None:
    member = cloud.sign_up(house.pool, "stays")
    Api(cloud, cognito_user_pool_id=house.pool).call("getMe", member)
    cloud.clock.advance(days=400)
    house()
    assert (house.done()["reconcile"], house.done()["forget"]) == (0, 0)
    assert cloud.all_users()[member].deletion_at is None


def test_silence_ends_what_was_handed_in(cloud: Cloud, house: Housekeeping) -> None:
    api = Api(cloud)
    quest_id = api.quest("SUBMITTED")
    cloud.clock.now += SILENCE - timedelta(seconds=1)
    assert house() == {"ledger_drift": 0}
    assert statuses(cloud) == ["SUBMITTED"]
    cloud.clock.advance(seconds=1)
    assert house() == {"ledger_drift": 0, "silent_confirmations": 1, "quests_completed": 1}
    assert [word["by"] for word in api.call("getMyQuest", BEN, questId=quest_id).json["attestations"]] == [
        "hand-in", "silence",
    ]  # fmt: skip
    assert house() == {"ledger_drift": 0}
    check(cloud)


@pytest.mark.parametrize(
    ("silence", "disputes", "ends"),
    [
        ("on", "on", True),
        ("off", "on", False),
        ("off", "off", True),
        ("off", "internal", True),
        ("internal", "on", False),
        ("100%", "on", True),
        ("0%", "on", False),
    ],
)
def test_silence_is_a_feature_but_nobody_is_without_a_way_out(
    cloud: Cloud, house: Housekeeping, silence: str, disputes: str, ends: bool
) -> None:
    api = Api(cloud)
    quest_id = api.quest("SUBMITTED")
    cloud.set_flag("silence", silence)
    cloud.set_flag("disputes", disputes)
    cloud.clock.now += SILENCE
    house()
    assert statuses(cloud) == ["COMPLETE" if ends else "SUBMITTED"]
    if not ends:
        assert api.call("disputeQuest", BEN, {"reason": REASON}, questId=quest_id).status == 200


def test_silence_for_the_group_internal_alone(cloud: Cloud, house: Housekeeping) -> None:
    member, api = cloud.sign_up(house.pool, "tester"), Api(cloud)
    cloud.cognito.admin_add_user_to_group(UserPoolId=house.pool, Username=member, GroupName="internal")
    cloud.set_flag("silence", "internal")
    theirs, other = api.quest("SUBMITTED", performer=member), api.quest("SUBMITTED")
    cloud.clock.now += SILENCE
    house()
    found = cloud.all_quests()
    assert (found[theirs].status, found[other].status) == ("COMPLETE", "SUBMITTED")


@pytest.mark.parametrize("operation", ["attestQuest", "disputeQuest", "requestChanges"])
def test_a_word_in_time_wins_over_silence(cloud: Cloud, house: Housekeeping, operation: str) -> None:
    """In the very moment in which housekeeping would confirm: one of the two wins, and the ledger agrees."""
    api = Api(cloud)
    quest_id = api.quest("SUBMITTED")
    cloud.clock.now += SILENCE

    def speaks(_operation: str, carry_out: Any) -> Any:
        body = {} if operation == "attestQuest" else {"reason": REASON}
        assert api.call(operation, ANNA, body, questId=quest_id).status == 200
        return carry_out()

    cloud.faults.on("TransactWriteItems", speaks)
    assert "silent_confirmations" not in house()
    spoken = {"attestQuest": "COMPLETE", "disputeQuest": "DISPUTED", "requestChanges": "CLAIMED"}
    assert statuses(cloud) == [spoken[operation]]
    check(cloud)


@pytest.mark.parametrize("position", ["down", "read-only", "closed"])
def test_no_deadline_passes_while_the_breaker_is_down(cloud: Cloud, house: Housekeeping, position: str) -> None:
    api = Api(cloud)
    for status in ("OPEN", "CLAIMED", "SUBMITTED"):
        api.quest(status)
    cloud.set_parameter(BREAKER, position)
    cloud.clock.now += LIFETIME
    before = cloud.everything()
    house()
    assert (cloud.everything() == before) == (position == "down")
    cloud.set_parameter(BREAKER, "closed")
    cloud.clock.advance(seconds=PARAMETER_TTL + 1)
    house.module.live._next_read = float("-inf")
    house()
    assert statuses(cloud) == ["COMPLETE", "EXPIRED", "OPEN" if position == "down" else "EXPIRED"]


def test_a_quest_expires_with_its_window(cloud: Cloud, house: Housekeeping) -> None:
    """Though it was posted after one that lives on."""
    api = Api(cloud)
    api.create()
    cloud.clock.advance(minutes=1)
    soon = api.create(when={"start": "2026-03-02T10:00:00Z", "end": "2026-03-02T12:00:00Z"})
    cloud.clock.advance(days=1)
    house()
    assert {quest.quest_id for quest in cloud.all_quests().values() if quest.status == "EXPIRED"} == {soon}
    check(cloud)


def test_a_quest_that_moves_while_its_member_leaves_is_seen_by_the_next_run(cloud: Cloud, house: Housekeeping) -> None:
    member, api = cloud.sign_up(house.pool, "leaver"), Api(cloud)
    quest_id = api.create(member)
    api.call("deleteMe", member)
    cloud.clock.advance(days=14, seconds=1)

    def claims(_operation: str, carry_out: Any) -> Any:
        assert api.call("claimQuest", BEN, questId=quest_id).status == 200
        assert api.call("submitQuest", BEN, {"submission": "It is upstairs."}, questId=quest_id).status == 200
        return carry_out()

    cloud.faults.on("TransactWriteItems", claims)
    house()
    assert (statuses(cloud), house.done()["forget"]) == (["SUBMITTED"], 0)
    assert cloud.all_quests()[quest_id].left == []
    cloud.clock.advance(minutes=15)
    house()
    assert (cloud.all_quests()[quest_id].left, house.done()["forget"]) == ([member], 0)
    cloud.clock.advance(days=8)
    house()
    assert (statuses(cloud), house.done()["forget"]) == (["COMPLETE"], 1)
    assert cloud.all_users()[member].deletion_at is None


def test_sessions_end_before_the_account(cloud: Cloud, house: Housekeeping) -> None:
    leaving(cloud, house)
    cloud.faults.calls.clear()
    house()
    ends = [call for call in cloud.faults.calls if call.startswith("Admin")]
    assert ends == ["AdminUserGlobalSignOut", "AdminDeleteUser"]


def test_a_member_who_comes_back_stays(cloud: Cloud, house: Housekeeping) -> None:
    member = leaving(cloud, house)

    def comes_back(_operation: str, carry_out: Any) -> Any:
        assert Api(cloud).call("restoreMe", member).status == 200
        return carry_out()

    cloud.faults.on("UpdateItem", comes_back)
    house()
    user = cloud.all_users()[member]
    assert (user.display_name, user.deletion_at, user.deleted) == ("canary", None, None)
    assert house.done()["forget"] == 0
    check(cloud)


def test_one_member_who_cannot_be_deleted_does_not_keep_the_others(cloud: Cloud, house: Housekeeping) -> None:
    for name in ("one", "two", "three"):
        member = cloud.sign_up(house.pool, name)
        cloud.users.ensure(member, NOW)
        cloud.users.request_deletion(member, NOW)
    cloud.clock.advance(days=15)
    cloud.faults.on("AdminDeleteUser", refusal("TooManyRequestsException"), times=2)  # botocore tries twice
    with pytest.raises(Exception, match="TooManyRequests"):
        house()
    assert sum(user.deletion_at is None for user in cloud.all_users().values()) == 2
    cloud.clock.advance(minutes=15)
    house()
    assert all(user.deleted and user.deletion_at is None for user in cloud.all_users().values())
    assert cloud.cognito.list_users(UserPoolId=house.pool)["Users"] == []


def test_a_crash_at_any_call_is_made_good_by_the_next_run(cloud: Cloud, house: Housekeeping) -> None:
    """For every call of a run: the sandbox dies before it, the next run finishes, and every invariant holds."""
    index = crashes = 0
    while True:
        member = leaving_again(cloud, house, index)
        cloud.faults.at(index, crash_before)
        try:
            house()
        except CrashError:
            crashes += 1
        else:
            break
        finally:
            cloud.faults.heal()
        check(cloud)
        cloud.clock.advance(minutes=15)
        house()
        check(cloud)
        user = cloud.all_users()[member]
        assert user.deleted
        assert user.deletion_at is None
        assert cloud.cognito.list_users(UserPoolId=house.pool)["Users"] == []
        assert "CLAIMED" not in statuses(cloud)
        assert statuses(cloud).count("OPEN") <= 1  # what this run released, the next one lets expire
        empty(cloud)
        index += 1
    assert crashes > 15


def leaving_again(cloud: Cloud, house: Housekeeping, round_: int) -> str:
    """One quest to expire, one to release and expire, and a member to forget."""
    cloud.clock.now = NOW + timedelta(days=100 * round_)
    api = Api(cloud)
    member = cloud.sign_up(house.pool, f"leaver-{round_}")
    api.create(ANNA)
    api.call("claimQuest", member, questId=api.create(ANNA))
    api.create(member)
    api.call("deleteMe", member)
    cloud.clock.advance(days=31)
    return member


def empty(cloud: Cloud) -> None:
    """So that a round costs no more than the first."""
    for table, key in ((cloud.quests_table, ("questId",)), (cloud.ledger_table, ("userId", "entryId"))):
        for row in cloud.rows(table):
            cloud.dynamodb.delete_item(TableName=table, Key={name: {"S": row[name]} for name in key})
    for user_id in cloud.all_users():
        cloud.dynamodb.delete_item(TableName=cloud.users_table, Key={"userId": {"S": user_id}})


def test_one_chores_trouble_is_raised_after_the_others(cloud: Cloud, house: Housekeeping) -> None:
    Api(cloud).quest("OPEN")
    cloud.clock.now += LIFETIME + timedelta(seconds=1)
    cloud.faults.on("Query", lost_request, times=ATTEMPTS)
    with pytest.raises(StoreUnavailableError):
        house()
    assert set(house.done()) == {"release_overdue", "confirm_silence", "reconcile", "forget", "welcome", "audit"}
    house()
    assert statuses(cloud) == ["EXPIRED"]


def test_the_audit_finds_who_drifted(cloud: Cloud, house: Housekeeping) -> None:
    Api(cloud).quest("COMPLETE")
    assert house() == {"ledger_drift": 0}
    for user in (ANNA, BEN):
        cloud.dynamodb.update_item(
            TableName=cloud.users_table,
            Key={"userId": {"S": user}},
            UpdateExpression="ADD xp :x",
            ExpressionAttributeValues={":x": {"N": "1"}},
        )
    assert house() == {"ledger_drift": 2}
    told = {line["user"]: line["by"] for line in lines(house.log) if line["message"] == "totals differ"}
    assert told == {user: Totals(xp=1)._asdict() for user in map(user_digest, (ANNA, BEN))}


@pytest.mark.parametrize("table", ["users", "ledger"])
def test_what_the_audit_cannot_read_counts_as_drift(cloud: Cloud, house: Housekeeping, table: str) -> None:
    Api(cloud).quest("COMPLETE")
    row = next(row for row in cloud.rows(getattr(cloud, f"{table}_table")) if row["userId"] == ANNA)
    cloud.dynamodb.update_item(
        TableName=getattr(cloud, f"{table}_table"),
        Key={name: {"S": str(row[name])} for name in row.keys() & {"userId", "entryId"}},
        UpdateExpression="SET points = :x",
        ExpressionAttributeValues={":x": {"S": "canary"}},
    )
    assert house() == {"ledger_drift": 1}
    assert [line["user"] for line in lines(house.log) if line["level"] == "ERROR"] == [user_digest(ANNA)]
    assert "canary" not in house.log.getvalue()


def test_a_payment_during_the_audit_is_no_drift(cloud: Cloud, house: Housekeeping) -> None:
    Api(cloud).quest("COMPLETE")
    (entry,) = [entry for entry in cloud.all_entries() if entry.state == "PENDING"]
    paid: list[bool] = []

    def pays(_operation: str, carry_out: Any) -> Any:
        if not paid:
            paid.append(False)
            paid[0] = cloud.ledger.pay(entry, NOW)
        return carry_out()

    with cloud.faults.outage("Query", pays):
        assert chores.Housekeeper.audit(house.module.housekeeper, NOW, TimeSlice(NOW)) == 0
    assert paid == [True]


def test_each_member_is_audited_once_a_day(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    house = Housekeeping(cloud, monkeypatch)
    monkeypatch.setattr(chores, "AUDIT_SLICES", AUDIT_SLICES)
    asked: list[tuple[int, int]] = []

    def members(_: object, number: int, slices: int, _after: str) -> list[Any]:
        asked.append((number, slices))
        return []

    monkeypatch.setattr(type(cloud.users), "slice", members)
    for run in range(24 * 4):
        house.module.housekeeper.audit(NOW, TimeSlice(NOW + timedelta(minutes=15 * run)))
    assert sorted(asked) == [(number, 24 * 4) for number in range(24 * 4)]


def test_a_member_with_more_than_a_page(cloud: Cloud, house: Housekeeping, monkeypatch: pytest.MonkeyPatch) -> None:
    api = Api(cloud)
    for _ in range(6):
        api.create(ANNA)
    pages: list[int] = []
    original = type(cloud.quests).of_member

    def two_at_a_time(self: Any, user_id: str, role: Role, _limit: int, after: Any, *, consistent: bool) -> Any:
        pages.append(1)
        assert consistent, "what a lagging read passes over is left behind for ever"
        return original(self, user_id, role, 2, after, consistent=consistent)

    monkeypatch.setattr(type(cloud.quests), "of_member", two_at_a_time)
    assert len(list(house.module.housekeeper._under_way(ANNA))) == 6
    assert len(pages) > 2


def test_an_audit_that_is_stopped_goes_on_behind_the_member_where_it_stopped(
    cloud: Cloud, house: Housekeeping, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user_id in (ANNA, BEN, CARA):
        cloud.users.ensure(user_id, NOW)
    looked_at: list[str] = []

    def look(_: object, user_id: str) -> bool:
        looked_at.append(user_id)
        return False

    monkeypatch.setattr(chores.Housekeeper, "_drifts", look)
    first, second = TimeSlice(NOW, ends=float("-inf")), TimeSlice(NOW)
    house.module.housekeeper.audit(NOW, first)
    assert looked_at == [first.stopped_at]
    second.after = str(first.stopped_at)
    house.module.housekeeper.audit(NOW, second)
    assert sorted(looked_at) == sorted(cloud.users.slice(0, 1))
    assert second.stopped_at is None
    assert len(looked_at) > 2
