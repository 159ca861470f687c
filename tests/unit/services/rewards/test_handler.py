"""The rewards Lambda over its whole edge: the ledger's stream, its schedule, the flag, the group, the queue."""

import io
import json
from contextlib import redirect_stdout
from datetime import timedelta
from types import ModuleType
from typing import Any

import pytest
import time_machine

from services.core.domain import ledger
from services.core.domain.ledger import State
from services.core.live import ParameterUnavailableError
from tests.unit.services.cloud import (
    ANNA,
    BEN,
    CONTEXT,
    NOW,
    Api,
    Cloud,
    CrashError,
    crash_before,
    lines,
    log_of,
    lost_answer,
    refusal,
    stream_event,
)
from tests.unit.services.core.stores.test_ledger import book
from tests.unit.services.invariants import check_all

SCHEDULE = {"source": "aws.scheduler"}


class Rewards:
    """The handler after a cold start."""

    def __init__(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch, *internal: str) -> None:
        self.cloud = cloud
        self.queue = cloud.queue("rewards-dlq")
        self.pool = cloud.pool(*internal)
        self.module: ModuleType = cloud.handler(
            "rewards", monkeypatch, cognito_user_pool_id=self.pool, rewards_dlq_url=self.queue
        )
        self.module.live._clock = self.module.payer.internal._clock = cloud.clock.monotonic
        self.log = log_of(self.module.telemetry)
        cloud.faults.calls.clear()

    def __call__(self, event: dict[str, Any]) -> tuple[Any, dict[str, float]]:
        """The answer, and the metrics' sums but for `late` and `diminished`, those of `rewards_...`."""
        out = io.StringIO()
        with redirect_stdout(out), time_machine.travel(self.cloud.clock.now, tick=False):
            try:
                answer = self.module.handler(event, CONTEXT)
            finally:
                self.metrics = {
                    metric["Name"]: sum(line[metric["Name"]])
                    for line in map(json.loads, out.getvalue().splitlines())
                    for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
                }
        self.late = self.metrics.pop("rewards_late", None)
        self.diminished = self.metrics.pop("rewards_diminished", 0)
        return answer, self.metrics

    def states(self) -> dict[str, str]:
        """The state of each reward by quest."""
        return {str(e.quest_id): e.state.value for e in self.cloud.all_entries() if e.kind == "reward"}

    def flag(self, value: str) -> None:
        """Turns the flag and lets the cache run out."""
        self.cloud.set_flag("rewards", value)
        self.cloud.clock.advance(seconds=61)


@pytest.fixture
def rewards(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Rewards:
    """The Lambda with nobody in the group `internal`."""
    return Rewards(cloud, monkeypatch)


def complete(cloud: Cloud, number: int = 1) -> list[str]:
    """Quests that Ben did for Anna."""
    api = Api(cloud)
    return [api.quest("COMPLETE") for _ in range(number)]


def check(cloud: Cloud) -> None:
    check_all(cloud.all_users(), cloud.all_quests(), cloud.all_entries())


def test_the_stream_pays(cloud: Cloud, rewards: Rewards) -> None:
    (quest_id,) = complete(cloud)
    answer, metrics = rewards(cloud.stream())
    assert (answer, metrics) == ({"batchItemFailures": []}, {"rewards_paid": 1})
    ben = cloud.all_users()[BEN]
    assert (ben.points, ben.xp, ben.reputation, ben.completed) == (12, 100, 10, 1)
    (line,) = lines(rewards.log)
    assert (line["message"], line["quest_id"]) == ("reward paid", quest_id)
    assert line["request_id"] == "gw-request-4", "after create, claim and submit, the attestation completed it"
    check(cloud)


@pytest.mark.parametrize(("seconds", "late"), [(0, 0), (900, 0), (901, 100)])
def test_a_reward_is_late_after_fifteen_minutes(cloud: Cloud, rewards: Rewards, seconds: int, late: float) -> None:
    complete(cloud)
    cloud.clock.advance(seconds=seconds)
    rewards(cloud.stream())
    assert rewards.late == late


def test_what_a_rollout_held_was_not_promised_within_minutes(cloud: Cloud, rewards: Rewards) -> None:
    complete(cloud)
    rewards.flag("off")
    rewards(cloud.stream())
    cloud.clock.advance(seconds=86_400)
    rewards.flag("on")
    assert rewards(SCHEDULE)[1]["rewards_paid"] == 1
    assert rewards.late is None


def test_twice_reordered_and_late(cloud: Cloud, rewards: Rewards) -> None:
    complete(cloud, 3)
    records = cloud.stream()["Records"]
    for batch in (records[::-1], records, [records[1], records[1]]):
        answer, _ = rewards({"Records": batch})
        assert answer == {"batchItemFailures": []}
        check(cloud)
    assert cloud.all_users()[BEN].completed == 3


def test_what_is_posted_is_left_alone(cloud: Cloud, rewards: Rewards) -> None:
    complete(cloud)
    before = cloud.everything()
    assert rewards(cloud.stream("POSTED")) == ({"batchItemFailures": []}, {})
    assert cloud.everything() == before


def test_an_outage_makes_the_stream_come_again_from_the_first_that_met_it(cloud: Cloud, rewards: Rewards) -> None:
    complete(cloud, 3)
    event = cloud.stream()
    rewards.module.live.get(rewards.module.flag_parameter("rewards"))

    def fail_the_second(_operation: str, carry_out: Any) -> Any:
        if cloud.faults.counted()["TransactWriteItems"] == before + 1:
            return carry_out()
        return refusal("ThrottlingException")("", carry_out)

    before = cloud.faults.counted()["TransactWriteItems"]
    with cloud.faults.outage("TransactWriteItems", fail_the_second):
        answer, metrics = rewards(event)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert metrics == {"rewards_paid": 1}
    assert rewards(event)[1] == {"rewards_paid": 2}
    check(cloud)


POISON: list[dict[str, Any]] = [
    {"kind": {"S": "nonsense"}},
    {"xp": {"S": "many"}},
    {"xp": {"N": "1.5"}},
    {"createdAt": {"S": "yesterday"}},
    {"state": {"S": "SOON"}},
]


@pytest.mark.parametrize("poison", POISON)
def test_a_poison_record_goes_to_the_queue_and_the_rest_goes_on(
    cloud: Cloud, rewards: Rewards, poison: dict[str, Any]
) -> None:
    complete(cloud, 3)
    images = [record["dynamodb"]["NewImage"] for record in cloud.stream()["Records"]]
    answer, metrics = rewards(stream_event([images[0], {**images[1], **poison}, images[2]]))
    assert answer == {"batchItemFailures": []}
    assert metrics == {"rewards_paid": 2, "failed_rewards": 1}
    (message,) = cloud.messages(rewards.queue)
    assert (message["userId"], message["entryId"]) == (BEN, images[1]["entryId"]["S"])
    assert message["reason"].startswith("the entry is invalid")
    assert sorted(rewards.states().values()) == ["FAILED", "POSTED", "POSTED"]
    check(cloud)


@pytest.mark.parametrize("poison", POISON)
def test_the_sweep_gives_poison_up_too(cloud: Cloud, rewards: Rewards, poison: dict[str, Any]) -> None:
    complete(cloud, 2)
    image = cloud.stream()["Records"][0]["dynamodb"]["NewImage"]
    cloud.dynamodb.put_item(TableName=cloud.ledger_table, Item={**image, **poison})
    assert rewards(SCHEDULE)[1] == {"rewards_paid": 1, "failed_rewards": 1, "oldest_unpaid_reward_seconds": 0}
    assert len(cloud.messages(rewards.queue)) == 1
    assert rewards(SCHEDULE)[1] == {"oldest_unpaid_reward_seconds": 0}


def test_nobody_to_pay(cloud: Cloud, rewards: Rewards) -> None:
    book(cloud, ledger.reward("nobody", "q9", ANNA, 10, 1, NOW, confirmed=True))
    assert rewards(cloud.stream())[1] == {"failed_rewards": 1}
    (message,) = cloud.messages(rewards.queue)
    assert message["reason"] == "there is no such member"
    assert rewards.states() == {"q9": "FAILED"}


def test_an_entry_is_queued_before_it_is_failed(cloud: Cloud, rewards: Rewards) -> None:
    """The entry stays PENDING if the queue does not answer, and comes again."""
    book(cloud, ledger.reward("nobody", "q9", ANNA, 10, 1, NOW, confirmed=True))
    with cloud.faults.outage("SendMessage"), pytest.raises(Exception, match="Connection was closed"):
        rewards(cloud.stream())
    assert rewards.states() == {"q9": "PENDING"}


def test_held_until_the_flag_includes_the_performer(cloud: Cloud, rewards: Rewards) -> None:
    complete(cloud, 2)
    rewards.flag("off")
    assert rewards(cloud.stream())[1] == {}
    assert set(rewards.states().values()) == {"HELD"}
    assert rewards(SCHEDULE)[1] == {"oldest_unpaid_reward_seconds": 0}
    check(cloud)
    rewards.flag("on")
    assert rewards(SCHEDULE)[1] == {"rewards_paid": 2, "oldest_unpaid_reward_seconds": 0}
    assert rewards(SCHEDULE)[1] == {"oldest_unpaid_reward_seconds": 0}
    assert set(rewards.states().values()) == {"POSTED"}
    check(cloud)


@pytest.mark.parametrize(("value", "paid"), [("internal", True), ("0%", True), ("off", False)])
def test_the_group_internal_comes_first(cloud: Cloud, monkeypatch: pytest.MonkeyPatch, value: str, paid: bool) -> None:
    rewards = Rewards(cloud, monkeypatch, "insider")
    (user,) = cloud.cognito.list_users(UserPoolId=rewards.pool)["Users"]
    insider = user["Username"]
    rewards.flag(value)
    for member in (insider, BEN):
        cloud.users.ensure(member, NOW)
        book(cloud, ledger.reward(member, f"of {member}", ANNA, 10, 1, NOW, confirmed=True))
    rewards(SCHEDULE)
    assert rewards.states() == {f"of {insider}": "POSTED" if paid else "HELD", f"of {BEN}": "HELD"}


def test_the_group_is_read_once_a_minute(cloud: Cloud, rewards: Rewards) -> None:
    rewards.flag("internal")
    complete(cloud, 2)
    rewards(cloud.stream())
    rewards(cloud.stream("HELD"))
    assert cloud.faults.counted()["ListUsersInGroup"] == 1
    cloud.clock.advance(seconds=61)
    rewards(cloud.stream("HELD"))
    assert cloud.faults.counted()["ListUsersInGroup"] == 2


def test_an_outage_of_the_group_loses_nothing(cloud: Cloud, rewards: Rewards) -> None:
    rewards.flag("50%")
    complete(cloud)
    with cloud.faults.outage("ListUsersInGroup"), pytest.raises(Exception, match="Connection was closed"):
        rewards(cloud.stream())
    assert list(rewards.states().values()) == ["PENDING"]
    rewards.flag("on")
    rewards(SCHEDULE)
    check(cloud)
    assert list(rewards.states().values()) == ["POSTED"]


def test_a_cold_start_without_parameters_makes_the_stream_come_again(cloud: Cloud, rewards: Rewards) -> None:
    complete(cloud)
    with cloud.faults.outage("GetParameters"):
        assert rewards(cloud.stream())[0] == {"batchItemFailures": [{"itemIdentifier": "1"}]}
        with pytest.raises(ParameterUnavailableError):
            rewards(SCHEDULE)
    assert list(rewards.states().values()) == ["PENDING"], "HELD would wait for the next sweep"
    rewards(cloud.stream())
    assert list(rewards.states().values()) == ["POSTED"]


def test_what_a_rollout_holds_costs_a_sweep_no_read(cloud: Cloud, rewards: Rewards) -> None:
    complete(cloud, 3)
    rewards.flag("off")
    rewards(SCHEDULE)
    cloud.faults.calls.clear()
    rewards(SCHEDULE)
    assert cloud.faults.counted() == {"Query": 2}
    assert list(rewards.states().values()) == ["HELD"] * 3
    rewards.flag("on")
    rewards(SCHEDULE)
    assert list(rewards.states().values()) == ["POSTED"] * 3


def test_a_flag_that_makes_no_sense_is_counted(cloud: Cloud, rewards: Rewards) -> None:
    complete(cloud)
    rewards.flag("banana")
    assert rewards(cloud.stream())[1] == {"flag_parse_errors": 2}


def test_the_age_of_the_oldest_is_told_at_each_sweep(cloud: Cloud, rewards: Rewards) -> None:
    complete(cloud)
    cloud.clock.advance(minutes=15)
    with cloud.faults.outage("TransactWriteItems"), pytest.raises(Exception, match="Connection was closed"):
        rewards(SCHEDULE)
    assert rewards.metrics == {"oldest_unpaid_reward_seconds": 900}
    assert rewards(SCHEDULE)[1] == {"rewards_paid": 1, "oldest_unpaid_reward_seconds": 900}


def test_one_entrys_trouble_does_not_keep_the_others_waiting(cloud: Cloud, rewards: Rewards) -> None:
    complete(cloud, 3)
    cloud.faults.on("TransactWriteItems", refusal("AccessDeniedException"))
    with pytest.raises(Exception, match="AccessDenied"):
        rewards(SCHEDULE)
    assert sorted(rewards.states().values()) == ["PENDING", "POSTED", "POSTED"]
    rewards(SCHEDULE)
    assert set(rewards.states().values()) == {"POSTED"}
    check(cloud)


def test_a_queue_that_does_not_take_poison_does_not_keep_the_others_waiting(cloud: Cloud, rewards: Rewards) -> None:
    complete(cloud, 3)
    poisoned = min(entry.entry_id for entry in cloud.all_entries() if entry.kind == "reward")
    cloud.dynamodb.update_item(
        TableName=cloud.ledger_table,
        Key={"userId": {"S": BEN}, "entryId": {"S": poisoned}},
        UpdateExpression="SET xp = :x",
        ExpressionAttributeValues={":x": {"S": "many"}},
    )
    with cloud.faults.outage("SendMessage"), pytest.raises(Exception, match="Connection was closed"):
        rewards(SCHEDULE)
    rows = {row["entryId"]: row["state"] for row in cloud.rows(cloud.ledger_table) if row["kind"] == "reward"}
    assert rows.pop(poisoned) == "PENDING"
    assert set(rows.values()) == {"POSTED"}
    rewards(SCHEDULE)
    assert [message["entryId"] for message in cloud.messages(rewards.queue)] == [poisoned]
    rewards(SCHEDULE)
    assert cloud.messages(rewards.queue) == []


def test_a_backlog_larger_than_a_page_is_worked_off(
    cloud: Cloud, rewards: Rewards, monkeypatch: pytest.MonkeyPatch
) -> None:
    cloud.users.ensure(BEN, NOW)
    entries = [
        book(cloud, ledger.reward(BEN, f"q{n}", ANNA, 10, 1, NOW + timedelta(seconds=n), confirmed=True))
        for n in range(12)
    ]
    for entry in entries[::3]:
        cloud.ledger.mark_held(entry)
    monkeypatch.setattr("moto.dynamodb.models.table.RESULT_SIZE_LIMIT", 500)
    cloud.faults.calls.clear()
    cloud.clock.advance(minutes=15)
    assert rewards(SCHEDULE)[1]["rewards_paid"] == 12
    assert cloud.faults.counted()["Query"] > 4
    assert cloud.all_users()[BEN].xp == 120


def test_a_lost_answer_pays_once(cloud: Cloud, rewards: Rewards) -> None:
    complete(cloud)
    cloud.faults.on("TransactWriteItems", lost_answer)
    assert rewards(cloud.stream())[1] == {"rewards_paid": 1}
    check(cloud)


@pytest.mark.parametrize("event", ["stream", "schedule"])
@pytest.mark.parametrize("flag", ["on", "off"])
def test_a_crash_at_any_call_and_nobody_coming_back(cloud: Cloud, rewards: Rewards, event: str, flag: str) -> None:
    """Whatever call the sandbox dies before: the next sweep finds every owed reward, and pays it once."""
    cloud.users.ensure(BEN, NOW)
    crashes = 0
    for index in range(7):
        book(cloud, ledger.reward(BEN, f"a{index}", ANNA, 10, 1, NOW, confirmed=True))
        if index % 3 == 0:
            book(cloud, ledger.reward("nobody", f"n{index}", ANNA, 10, 1, NOW, confirmed=True))
        rewards.flag(flag)
        given = cloud.stream() if event == "stream" else SCHEDULE
        cloud.faults.at(index, crash_before)
        try:
            rewards(given)
        except CrashError:
            crashes += 1
        cloud.faults.heal()
        rewards.flag("on")
        rewards(SCHEDULE)
        entries = [entry for entry in cloud.all_entries() if entry.user_id == BEN and entry.kind == "reward"]
        assert {entry.state for entry in entries} == {State.POSTED}
        assert cloud.all_users()[BEN].xp == 10 * len(entries) == 10 * (index + 1)
    assert crashes >= 2
    owed = {entry.quest_id for entry in cloud.all_entries() if entry.user_id == "nobody"}
    queued = {message["entryId"].rpartition("#")[2] for message in cloud.messages(rewards.queue)}
    assert queued == owed
    assert ANNA not in cloud.all_users()
