import json
import time
from datetime import UTC, datetime
from typing import Any

import pytest

from ops.commands import dlq
from ops.shared import dead_letters
from services.core.domain.ledger import Kind, State
from services.core.services import QUEUES
from tests.unit.ops.conftest import PERFORMER, Cli, UnitStage


def send(stage: UnitStage, queue: str, body: object) -> None:
    text = body if isinstance(body, str) else json.dumps(body)
    stage.sqs.send_message(QueueUrl=dead_letters.url_of(stage, queue), MessageBody=text)


def sign_up(stage: UnitStage, name: str) -> str:
    """An account without a row; moto's user names are not the sub, so that the name is the id."""
    stage.cognito.admin_create_user(
        UserPoolId=stage.api_settings.cognito_user_pool_id,
        Username=name,
        UserAttributes=[{"Name": "email", "Value": f"{name}@example.org"}],
    )
    return name


def failed_reward(stage: UnitStage) -> str:
    stage.completed()
    (entry,) = [e for e in stage.ledger.all_of(PERFORMER) if e.kind is Kind.REWARD]
    stage.ledger.fail(PERFORMER, entry.entry_id)
    send(stage, "rewards", {"userId": PERFORMER, "entryId": entry.entry_id, "reason": "a test"})
    return entry.entry_id


def test_an_empty_queue(stage: UnitStage, cli: Cli) -> None:
    assert cli("dlq list --json").json["queues"] == dict.fromkeys(QUEUES, 0)
    assert "rewards is empty" in cli("dlq show rewards").out
    assert "nothing to do" in cli("dlq redrive rewards").out


def test_a_reward_is_named_with_member_entry_quest_and_amount(stage: UnitStage, cli: Cli) -> None:
    entry_id = failed_reward(stage)
    send(stage, "rewards", {"userId": PERFORMER, "entryId": "no-such", "reason": "a test"})
    shown = cli("dlq show rewards --json").json["messages"]
    (reward,), (gone,) = (message["about"] for message in shown)
    assert reward.items() >= {"member": PERFORMER, "entry": entry_id, "quest": "q" * 26, "state": "FAILED"}.items()
    assert reward.keys() >= {"points", "xp", "reputation"}
    assert reward["points"] > 0
    assert gone["state"] == "gone"
    for said in (cli("dlq show rewards").out, cli("dlq redrive rewards --dry-run").out):
        assert all(word in said for word in (PERFORMER, entry_id, "q" * 26, f"{reward['xp']}"))


def test_a_note_of_a_stream_names_what_is_not_paid(stage: UnitStage, cli: Cli) -> None:
    stage.completed()
    note = {"DDBStreamBatchInfo": {"shardId": "s", "startSequenceNumber": "1"}, "requestContext": {}}
    send(stage, "rewards", note)
    ((reward,),) = (message["about"] for message in cli("dlq show rewards --json").json["messages"])
    assert (reward["member"], reward["quest"], reward["state"]) == (PERFORMER, "q" * 26, "PENDING")
    assert "DDBStreamBatchInfo" not in cli("dlq show rewards").out


@pytest.mark.parametrize(
    ("queue", "body", "names"),
    [
        ("user-creation", {"userId": "u9", "requestId": "r", "failedAt": "t"}, {"member": "u9", "failedAt": "t"}),
        ("publisher", {"questId": "q9"}, {"quest": "q9"}),
        ("schedules", {"sweep": "rewards"}, {"sweep": "rewards"}),
        ("schedules", {"requestPayload": {"sweep": "rewards"}}, {"sweep": "rewards"}),
        ("notices", {"userId": "u9", "itemId": "i9", "reason": "r"}, {"member": "u9", "item": "i9", "state": "gone"}),
    ],
)
def test_every_kind_of_message_names_what_it_is_about(
    stage: UnitStage, cli: Cli, queue: str, body: object, names: dict[str, str]
) -> None:
    send(stage, queue, body)
    (message,) = cli(f"dlq show {queue} --json").json["messages"]
    assert message["about"][0].items() >= names.items()
    assert message["body"] == body


@pytest.mark.parametrize("body", ["no JSON", {"odd": 1}, [1]])
@pytest.mark.parametrize("queue", QUEUES)
def test_what_is_no_message_of_ours_is_shown_as_it_is(stage: UnitStage, cli: Cli, queue: str, body: object) -> None:
    send(stage, queue, body)
    assert cli(f"dlq show {queue} --json").json["messages"][0]["about"] == []
    assert ("no JSON" if body == "no JSON" else "1") in cli(f"dlq show {queue}").out


def test_showing_leaves_the_messages_there_in_order(stage: UnitStage, cli: Cli) -> None:
    for number in range(3):
        send(stage, "schedules", {"sweep": f"s{number}"})
    for _ in range(2):
        shown = cli("dlq show schedules --json").json["messages"]
        assert [message["body"]["sweep"] for message in shown] == ["s0", "s1", "s2"]
    assert dead_letters.depths(stage)["schedules"] == 3


def test_the_oldest_comes_first_whatever_order_the_queue_has(stage: UnitStage, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        send(stage, "schedules", {"sweep": f"s{number}"})
        time.sleep(0.002)  # SQS counts milliseconds
    receive = stage.sqs.receive_message

    def reversed_order(**arguments: Any) -> Any:
        answer = receive(**arguments)
        return {**answer, "Messages": answer.get("Messages", [])[::-1]}

    monkeypatch.setattr(stage.sqs, "receive_message", reversed_order)
    assert [letter.body["sweep"] for letter in dlq.receive(stage, "schedules")] == ["s0", "s1", "s2"]


def test_one_message_is_redriven_and_the_others_stay(stage: UnitStage, cli: Cli) -> None:
    for service in ("rewards", "housekeeping", "publisher"):
        send(stage, "schedules", {"sweep": service})
    ids = [message["id"] for message in cli("dlq show schedules --json").json["messages"]]
    assert all(id_ in cli("dlq show schedules").out for id_ in ids)
    ran = cli(f"dlq redrive schedules --message {ids[1]} --yes --reason one --json")
    assert (ran.code, ran.json["redriven"]) == (0, 1)
    assert stage.invoked == [("housekeeping", {"sweep": "housekeeping"})]
    left = cli("dlq show schedules --json").json["messages"]
    assert [message["id"] for message in left] == [ids[0], ids[2]]


@pytest.mark.parametrize("ids", [["no-such"], ["", "x"]])
def test_a_message_that_is_not_there_is_told_and_all_stay(stage: UnitStage, cli: Cli, ids: list[str]) -> None:
    send(stage, "schedules", {"sweep": "rewards"})
    send(stage, "schedules", {"sweep": "publisher"})
    ran = cli("dlq redrive schedules --yes --reason one " + " ".join(f"--message '{id_}'" for id_ in ids))
    assert ran.code == 1
    assert "have an id that begins with" in ran.out + ran.err
    assert stage.invoked == []
    assert len(dlq.receive(stage, "schedules")) == 2


def test_what_is_not_confirmed_goes_back(stage: UnitStage, cli: Cli) -> None:
    send(stage, "schedules", {"sweep": "rewards"})
    assert cli("dlq redrive schedules", "why\nn\n").code == 1
    assert [letter.body for letter in dlq.receive(stage, "schedules")] == [{"sweep": "rewards"}]


def test_quests_are_published_once_and_a_part_of_the_stream_by_comparing_everything(stage: UnitStage, cli: Cli) -> None:
    for body in ({"questId": "q1"}, {"questId": "q1"}, {"DDBStreamBatchInfo": {"shardId": "s"}}):
        send(stage, "publisher", body)
    assert cli("dlq redrive publisher --yes --reason mended --json").json["redriven"] == 3
    assert stage.invoked == [("publisher", {"quests": ["q1"]}), ("publisher", {"sweep": "publisher"})]
    assert dead_letters.depths(stage)["publisher"] == 0


def test_a_quest_that_is_invalid_still_stays(stage: UnitStage, cli: Cli) -> None:
    stage.invalid.add("q1")
    send(stage, "publisher", {"questId": "q1"})
    assert cli("dlq redrive publisher --yes --reason mended").code == 1
    assert dead_letters.depths(stage)["publisher"] == 1


def test_members_are_made_once(stage: UnitStage, cli: Cli) -> None:
    user_id = sign_up(stage, "dora")
    for who in (user_id, user_id, "left"):
        send(stage, "user-creation", {"userId": who, "requestId": "r", "failedAt": "2026-01-01"})
    ran = cli("dlq redrive user-creation --yes --reason mended --json")
    assert ran.json["redriven"] == 3
    user = stage.users.get(user_id)
    assert user
    assert user.points == 10
    assert stage.users.get("left") is None
    assert dead_letters.depths(stage)["user-creation"] == 0


def test_a_reward_is_paid_once_however_often_it_is_redriven(stage: UnitStage, cli: Cli) -> None:
    entry_id = failed_reward(stage)
    for _ in range(2):
        assert cli("dlq redrive rewards --yes --reason mended").code == 0
        send(stage, "rewards", {"userId": PERFORMER, "entryId": entry_id, "reason": "again"})
    user = stage.users.get(PERFORMER)
    assert user
    assert user.xp == 100
    entry = stage.ledger.get(PERFORMER, entry_id)
    assert entry
    assert entry.state is State.POSTED


def test_what_fails_stays_and_keeps_nobody_waiting(stage: UnitStage, cli: Cli) -> None:
    send(stage, "rewards", "poison")
    entry_id = failed_reward(stage)
    ran = cli("dlq redrive rewards --rate 50 --yes --reason mended")
    assert ran.code == 1
    assert "1 redriven, 1 stay in rewards" in ran.out
    assert stage.audit()[-1]["outcome"] == "1 of 2 failed"
    entry = stage.ledger.get(PERFORMER, entry_id)
    assert entry
    assert entry.state is State.POSTED
    assert [letter.body for letter in dlq.receive(stage, "rewards")] == ["poison"]


def test_a_given_up_part_of_the_stream_is_swept(stage: UnitStage, cli: Cli) -> None:
    send(stage, "rewards", {"DDBStreamBatchInfo": {"shardId": "s"}, "requestContext": {}})
    send(stage, "rewards", {"userId": "ghost", "entryId": "e", "reason": "poison"})
    ran = cli("dlq redrive rewards --yes --reason mended")
    assert "the sweep paid what was due" in ran.out
    assert "there is no such entry" in ran.out
    assert stage.invoked == [("rewards", {"sweep": "rewards"})]


def test_schedules_run_once_for_messages_of_the_same_content(stage: UnitStage, cli: Cli) -> None:
    for body in ({"sweep": "rewards"}, {"sweep": "rewards"}, {"requestPayload": {"sweep": "housekeeping"}}):
        send(stage, "schedules", body)
    assert cli("dlq redrive schedules --yes --reason mended").code == 0
    assert [service for service, _ in stage.invoked] == ["rewards", "housekeeping"]


def test_schedules_that_fail_again_stay(stage: UnitStage, cli: Cli) -> None:
    stage.broken.add("rewards")
    send(stage, "schedules", {"sweep": "rewards"})
    send(stage, "schedules", {"sweep": "nothing"})
    assert cli("dlq redrive schedules --yes --reason mended").code == 1
    assert dead_letters.depths(stage)["schedules"] == 2


@pytest.mark.parametrize(("rate", "pause"), [(5, 0.2), (0.5, 2.0)])
def test_the_rate_is_limited(stage: UnitStage, rate: float, pause: float) -> None:
    for service in ("rewards", "housekeeping", "api"):
        send(stage, "schedules", {"sweep": service})
    pauses: list[float] = []
    dlq.redrive_all(stage, "schedules", dlq.receive(stage, "schedules"), rate, pauses.append)
    assert pauses == [pause, pause]


def test_letters_are_in_the_order_in_which_they_were_sent(stage: UnitStage) -> None:
    for number in range(12):
        send(stage, "schedules", {"sweep": str(number)})
    letters = dlq.receive(stage, "schedules")
    assert [letter.sent_at for letter in letters] == sorted(letter.sent_at for letter in letters)
    assert all(letter.sent_at <= datetime.now(UTC) for letter in letters)
    assert len(letters) == 12
