"""Quests, ledger and rewards by hand."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.commands import ledger
from ops.shared.stage import OperatorError
from ops.shared.stored_items import problems
from services.core.domain import quests
from services.core.domain.invariants import imbalance, owed
from services.core.domain.ledger import Kind, State, Totals, adjustment
from services.core.domain.quests import Actor, Status
from services.core.stores.dynamo import encode, encode_item
from services.core.stores.ledger import put_entry
from services.core.tables import LEDGER, QUESTS, USERS
from tests.unit.ops.conftest import PERFORMER, REQUESTOR, Cli, UnitStage

QUEST = "q" * 26
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def set_attribute(stage: UnitStage, table: str, key: dict[str, str], name: str, value: object) -> None:
    """Overwrites an attribute, as a careless script does."""
    stage.dynamodb.update_item(
        TableName=stage.resource(table), Key=encode_item(key), UpdateExpression="SET #n = :v",
        ExpressionAttributeNames={"#n": name}, ExpressionAttributeValues={":v": encode(value)},
    )  # fmt: skip


def test_a_stage_in_order_has_no_problems(stage: UnitStage, cli: Cli) -> None:
    stage.completed()
    stage.post("p" * 26)
    ran = cli("ledger check")
    assert ran.code == 0
    assert "Every quest, entry and total agrees" in ran.out


def test_who_signed_up_again_has_books_of_their_own(stage: UnitStage, cli: Cli) -> None:
    address, quest_id, later = "erin@town.example", "r" * 26, NOW + timedelta(days=1)
    first = stage.sign_ups.ensure("erin", address, NOW)
    draft = quests.Draft(
        title="Carry a sofa", description="It is a heavy sofa, mind.", category=quests.Category.SOCIAL, reward_xp=400
    )
    stage.quests.create(quests.create(draft, "erin", quest_id, NOW, timedelta(days=30)))
    stage.users.request_deletion("erin", NOW, grace=timedelta(0))
    gone = stage.users.get("erin")
    assert gone
    assert gone.points < first.points
    stage.users.anonymise(gone, later)
    stage.sign_ups.expire_digest(gone, later)
    again = stage.sign_ups.ensure("erin-again", address, later)
    assert again.points == gone.points
    assert problems(stage) == []
    assert cli("ledger check").code == 0
    nothing = cli(f"ledger adjust erin-again --quest {quest_id} --yes --reason w")
    assert (nothing.code, "there is nothing to book" in nothing.err) == (1, True)
    gift = adjustment("erin-again", quest_id, Totals(0, 40, 0), "by mistake", NOW)
    totals = stage.repair.totals(again, Totals(again.points, 40), NOW)
    stage.repair.write([put_entry(stage.table(LEDGER), gift), totals])
    assert cli("ledger check").code == 1
    assert cli(f"ledger adjust erin-again --quest {quest_id} --yes --reason w").code == 0
    assert problems(stage) == []
    row = stage.users.get("erin-again")
    assert row
    assert (row.points, row.xp) == (again.points, 0)


def test_every_kind_of_problem_is_found(stage: UnitStage, cli: Cli) -> None:
    stage.completed("a" * 26)
    stage.submitted("b" * 26)
    stage.post("c" * 26)
    set_attribute(stage, "quests", {"questId": "a" * 26}, "attestations", [])
    set_attribute(stage, "quests", {"questId": "b" * 26}, "status", "OPEN")
    set_attribute(stage, "quests", {"questId": "c" * 26}, "status", "CANCELLED")
    set_attribute(stage, "users", {"userId": REQUESTOR}, "points", -5)
    (welcome,) = [e for e in stage.ledger.all_of(PERFORMER) if e.kind is Kind.WELCOME]
    set_attribute(stage, "ledger", {"userId": PERFORMER, "entryId": welcome.entry_id}, "points", "ten")
    stage.dynamodb.put_item(
        TableName=stage.table(LEDGER),
        Item=encode_item({"userId": "ghost", "entryId": "e", "kind": "create", "questId": "d" * 26, "points": -1,
                          "createdAt": "2026-03-01T00:00:00.000Z"}),
    )  # fmt: skip
    found = "\n".join(problems(stage))
    for said in (
        "COMPLETE without the attestations of both",
        "OPEN with a performer",
        f"quest {'c' * 26}: the ledger lacks +1 points for {REQUESTOR}",
        f"user {REQUESTOR}: -5 points",
        "is invalid",
        f"quest {'d' * 26}: has ledger entries, but no row",
        "user ghost: has ledger entries, but no row",
    ):
        assert said in found
    assert cli("ledger check").code == 1


def test_what_makes_no_sense_is_named_and_no_traceback(stage: UnitStage, cli: Cli) -> None:
    quest_id = stage.completed().quest_id
    set_attribute(stage, "quests", {"questId": quest_id}, "status", "WEIRD")
    set_attribute(stage, "users", {"userId": REQUESTOR}, "points", "canary")
    found = cli("ledger check --json").json["problems"]
    assert [line.split(" is invalid: ")[0] for line in found] == [f"quest {quest_id}", f"user {REQUESTOR}"]
    for command in (f"quest show {quest_id}", f"quest cancel {quest_id}", f"ledger explain {REQUESTOR}"):
        ran = cli(command)
        assert ran.code == 1
        assert "`civicforge ledger check` names it" in ran.err
        assert "canary" not in ran.err


def test_what_is_owed_for_a_quest(stage: UnitStage) -> None:
    quest = stage.completed()
    entries = [*stage.ledger.all_of(REQUESTOR), *stage.ledger.all_of(PERFORMER)]
    assert imbalance(quest, entries) == {}
    assert owed(quest)[PERFORMER] == Totals(2, 100, 10)
    reward = next(entry for entry in entries if entry.kind is Kind.REWARD)
    cancelled = quest.model_copy(update={"status": Status.CANCELLED, "performer_id": None})
    lacking = imbalance(cancelled, entries)
    assert lacking == {REQUESTOR: Totals(points=1), PERFORMER: Totals(-2, -100, -10)}
    made_good = [adjustment(user, QUEST, totals, "why", NOW) for user, totals in lacking.items()]
    assert imbalance(cancelled, [*entries, *made_good]) == {}
    assert reward.state is State.PENDING
    with pytest.raises(ValueError, match="nothing"):
        adjustment(PERFORMER, QUEST, Totals(), "why", NOW)


def test_drift_is_explained_and_mended(stage: UnitStage, cli: Cli) -> None:
    stage.post()
    assert cli(f"ledger explain {REQUESTOR} --json").json["totals"]["points"] == 9
    assert "nothing to do" in cli(f"ledger rebuild {REQUESTOR}").out
    set_attribute(stage, "users", {"userId": REQUESTOR}, "xp", 40)
    ran = cli(f"ledger explain {REQUESTOR}")
    assert ran.code == 1
    assert "ahead of the ledger by +40 XP" in ran.err
    assert "xp: 40 -> 0" in cli(f"ledger rebuild {REQUESTOR} --yes --reason drift").out
    assert cli(f"ledger explain {REQUESTOR}").code == 0


def test_totals_that_moved_meanwhile_are_not_overwritten(stage: UnitStage) -> None:
    user = stage.users.get(REQUESTOR)
    assert user
    stage.post()
    with pytest.raises(OperatorError, match="changed meanwhile"):
        ledger.rebuild(stage, user, Totals(points=10))


@pytest.mark.parametrize("command", ["reopen", "cancel"])
def test_a_dry_run_shows_the_difference_and_changes_nothing(stage: UnitStage, cli: Cli, command: str) -> None:
    before = stage.submitted()
    ran = cli(f"quest {command} {QUEST} --dry-run")
    assert ran.code == 0
    assert "performerId: paul-2 -> none" in ran.out
    assert stage.reread(QUEST) == before


def test_a_reopened_quest_can_be_claimed_again(stage: UnitStage, cli: Cli) -> None:
    stage.submitted()
    assert cli(f"quest reopen {QUEST} --yes --reason vanished").code == 0
    quest = stage.reread(QUEST)
    assert (quest.status, quest.performer_id, quest.submitted_at) == (Status.OPEN, None, None)
    again = stage.act(quest, lambda q: quests.claim(q, Actor("third"), datetime.now(UTC), timedelta(days=1)))
    assert again.performer_id == "third"
    assert problems(stage) == []


def test_cancelling_gives_the_point_back_once(stage: UnitStage, cli: Cli) -> None:
    stage.submitted()
    ran = cli(f"quest cancel {QUEST} --yes --reason unsafe")
    assert f"ledger: refund of +1 points for {REQUESTOR}" in ran.out
    assert stage.users.get(REQUESTOR) == stage.users.get(REQUESTOR)
    assert problems(stage) == []
    assert "which is final" in cli(f"quest cancel {QUEST}").err
    assert "given back already" in cli(f"quest refund {QUEST}").err
    assert "only a quest that somebody works on" in cli(f"quest reopen {QUEST}").err


def test_a_refund_that_was_lost_is_made_good_once(stage: UnitStage, cli: Cli) -> None:
    stage.post()
    assert "cancels and refunds in one" in cli(f"quest refund {QUEST}").err
    set_attribute(stage, "quests", {"questId": QUEST}, "status", "CANCELLED")
    assert cli(f"quest refund {QUEST} --yes --reason lost").code == 0
    assert problems(stage) == []
    assert "given back already" in cli(f"quest refund {QUEST}").err


def test_a_change_that_would_break_an_invariant_is_refused(stage: UnitStage, cli: Cli) -> None:
    stage.post()
    for entry in list(stage.ledger.all_of(REQUESTOR)):
        if entry.kind is Kind.CREATE:
            key = encode_item({"userId": REQUESTOR, "entryId": entry.entry_id})
            stage.dynamodb.delete_item(TableName=stage.table(LEDGER), Key=key)
    ran = cli(f"quest cancel {QUEST} --yes --reason why")
    assert ran.code == 1
    assert "broken invariant" in ran.err
    assert stage.reread(QUEST).status is Status.OPEN


def test_showing_a_quest(stage: UnitStage, cli: Cli) -> None:
    stage.completed()
    shown = cli(f"quest show {QUEST} --json").json
    assert shown["submission"] == "It is upstairs now."
    assert [entry["kind"] for entry in shown["entries"]] == ["create", "reward"]
    assert shown["problems"] == []
    set_attribute(stage, "quests", {"questId": QUEST}, "performerId", REQUESTOR)
    assert "its performer is its requestor" in cli(f"quest show {QUEST}").out


def test_rewards_are_listed_and_paid_once(stage: UnitStage, cli: Cli) -> None:
    assert "Every reward is paid" in cli("rewards list").out
    stage.completed()
    (entry,) = cli("rewards list --json").json["entries"]
    assert (entry["state"], entry["owed"]) == ("PENDING", "+2 points, +100 XP, +10 reputation")
    stage.ledger.fail(PERFORMER, entry["entry_id"])
    assert "FAILED" in cli("rewards list").out
    assert cli("rewards retry --yes --reason mended").code == 0
    user = stage.users.get(PERFORMER)
    assert user
    assert (user.xp, user.points, user.completed) == (100, 12, 1)
    assert "nothing to do" in cli("rewards retry").out
    assert "Paid already, or unknown" in cli(f"rewards retry {entry['entry_id']}").err
    assert problems(stage) == []


def test_a_reward_that_fails_again_is_not_called_paid(stage: UnitStage, cli: Cli) -> None:
    stage.completed()
    stage.dynamodb.delete_item(TableName=stage.table(USERS), Key=encode_item({"userId": PERFORMER}))
    ran = cli("rewards retry --yes --reason hope")
    assert ran.code == 1
    assert "0 paid, 1 not" in ran.out
    assert stage.audit()[-1]["outcome"] == "1 of 1 not paid"


def test_held_rewards_wait_for_the_flag(stage: UnitStage, cli: Cli) -> None:
    stage.completed()
    (entry,) = [e for e in stage.ledger.all_of(PERFORMER) if e.kind is Kind.REWARD]
    stage.ledger.mark_held(entry)
    ran = cli("rewards retry")
    assert "1 HELD" in ran.out
    assert stage.invoked == []


def test_a_poisoned_entry_is_listed_too(stage: UnitStage, cli: Cli) -> None:
    stage.completed()
    (entry,) = [e for e in stage.ledger.all_of(PERFORMER) if e.kind is Kind.REWARD]
    set_attribute(stage, "ledger", {"userId": PERFORMER, "entryId": entry.entry_id}, "xp", "many")
    (listed,) = cli("rewards list --json").json["entries"]
    assert listed["owed"] == "+2 points, +10 reputation"
    assert stage.dynamodb.describe_table(TableName=stage.table(QUESTS))["Table"]["TableStatus"] == "ACTIVE"


def test_an_imbalance_without_a_difference_is_booked(stage: UnitStage, cli: Cli) -> None:
    stage.completed(QUEST)
    (reward,) = [e for e in stage.ledger.all_of(PERFORMER) if e.kind is Kind.REWARD]
    stage.ledger.pay(reward, datetime.now(UTC))
    assert "nothing to book" in cli(f"ledger adjust {PERFORMER} --quest {QUEST} --yes --reason none").err
    twice = adjustment(PERFORMER, QUEST, Totals(2, 100, 10), "paid twice", NOW)
    stage.repair.write([put_entry(stage.table(LEDGER), twice)])
    before = cli(f"ledger adjust {PERFORMER} --quest {QUEST} --dry-run --reason look")
    assert "-2 points, -100 XP, -10 reputation" in before.out
    assert cli(f"ledger adjust {PERFORMER} --quest {QUEST} --yes --reason mended").code == 0
    assert problems(stage) == []


def test_bounds_and_missing_texts_are_problems(stage: UnitStage) -> None:
    stage.post(QUEST)
    set_attribute(stage, "quests", {"questId": QUEST}, "rewardXp", 9999)
    stage.dynamodb.delete_item(TableName=stage.table(QUESTS), Key=encode_item({"questId": f"{QUEST}#description"}))
    found = "\n".join(problems(stage))
    assert f"quest {QUEST}: rewardXp is 9999: Input should be less than or equal to 1000" in found
    assert f"quest {QUEST}: its description is missing" in found
