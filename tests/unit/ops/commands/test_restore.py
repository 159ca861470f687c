from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ops.commands import restore
from ops.commands.restore import Difference
from ops.shared.stage import OperatorError
from ops.shared.stored_items import problems
from services.core.domain import quests
from services.core.domain.ledger import Entry, Kind, Totals, adjustment
from services.core.domain.quests import Status
from services.core.parameters import BREAKER_FORMER
from services.core.stores.dynamo import Item, encode_item
from services.core.stores.ledger import put_entry
from services.core.tables import LEDGER, MESSAGES, QUESTS, TABLES, USERS
from tests.unit.ops.commands.test_ledger import set_attribute
from tests.unit.ops.conftest import PERFORMER, REQUESTOR, Cli, UnitStage

A, B, C = "a" * 26, "b" * 26, "c" * 26


@pytest.fixture
def town(stage: UnitStage, monkeypatch: pytest.MonkeyPatch) -> UnitStage:
    """A stage with a paid, a claimed and an open quest, and recovery on since the beginning of 2026."""
    described = stage.dynamodb.describe_continuous_backups

    def since_january(**arguments: Any) -> Any:
        answer: Any = described(**arguments)
        recovery = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        if recovery["PointInTimeRecoveryStatus"] == "ENABLED":
            recovery["EarliestRestorableDateTime"] = datetime(2026, 1, 1, 12, 0, 0, 700_000, UTC)
            recovery["LatestRestorableDateTime"] = datetime(2026, 6, 1, tzinfo=UTC)
        return answer

    monkeypatch.setattr(stage.dynamodb, "describe_continuous_backups", since_january)
    stage.completed(A)
    (reward,) = [e for e in stage.ledger.all_of(PERFORMER) if e.kind is Kind.REWARD]
    stage.ledger.pay(reward, datetime.now(UTC))
    stage.submitted(B)
    stage.post(C)
    for table in TABLES:
        stage.dynamodb.update_continuous_backups(
            TableName=stage.table(table), PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
        )
    return stage


@pytest.fixture
def restored(town: UnitStage) -> str:
    """A restore of the stage in order."""
    begun = restore.begin(town, "20260301t120000", None)
    return str(begun["id"])


def found(stage: UnitStage, restore_id: str) -> dict[str, Difference]:
    return {difference.label: difference for difference in restore.differences(stage, restore_id)}


def delete(stage: UnitStage, table: str, key: dict[str, str]) -> None:
    stage.dynamodb.delete_item(TableName=stage.resource(table), Key=encode_item(key))


def test_three_items_damaged_exactly_three_repaired(town: UnitStage, restored: str, cli: Cli) -> None:
    assert "0 items differ" in cli(f"restore diff {restored}").out
    set_attribute(town, "quests", {"questId": A}, "status", "OPEN")
    set_attribute(town, "users", {"userId": PERFORMER}, "xp", 0)
    delete(town, "quests", {"questId": C})
    ran = cli(f"restore diff {restored}")
    assert f"quests/{A}: status is OPEN, was COMPLETE" in ran.out
    assert f"quests/{C}: is gone; it was title Carry a sofa, status OPEN" in ran.out
    assert f"users/{PERFORMER}: xp is 0, was 100" in ran.out
    assert "3 items differ" in ran.out
    before = town.reread(B)
    line = f"restore repair {restored} --item quests/{A} --item quests/{C} --item users/{PERFORMER}"
    assert cli(f"{line} --yes --reason script").code == 0
    assert found(town, restored) == {}
    assert problems(town) == []
    assert town.reread(B) == before
    assert town.reread(A).version > before.version
    assert town.audit()[-1]["action"] == "restore repair"
    assert "As it was, or unknown" in cli(f"{line} --yes --reason again").err


def test_a_wrong_cancellation_is_undone_with_a_compensating_entry(town: UnitStage, restored: str) -> None:
    town.act(town.reread(C), lambda quest: quests.call_off(quest, datetime.now(UTC)))
    town.act(town.reread(B), lambda quest: quests.call_off(quest, datetime.now(UTC)))
    for label in (f"quests/{C}", f"quests/{B}"):
        said = restore.repair(town, [found(town, restored)[label]], "a script cancelled them")
        assert f"adjustment of -1 points for {REQUESTOR}" in said
    assert (town.reread(C).status, town.reread(B).performer_id) == (Status.OPEN, PERFORMER)
    assert problems(town) == []
    adjustments = [e for e in town.ledger.all_of(REQUESTOR) if e.kind is Kind.ADJUSTMENT]
    assert [e.reason for e in adjustments] == ["a script cancelled them"] * 2
    again = town.act(town.reread(C), lambda quest: quests.call_off(quest, datetime.now(UTC)))
    assert again.status is Status.CANCELLED


def test_a_repair_never_leaves_anybody_below_zero(town: UnitStage, restored: str) -> None:
    town.act(town.reread(C), lambda quest: quests.call_off(quest, datetime.now(UTC)))
    points = town.users.get(REQUESTOR)
    assert points
    spent = adjustment(REQUESTOR, None, Totals(points=-points.points), "a purchase", datetime.now(UTC))
    town.repair.write([put_entry(town.table(LEDGER), spent)])
    with pytest.raises(OperatorError, match=f"{REQUESTOR} has too few points for it; nothing was put back"):
        restore.repair(town, [found(town, restored)[f"quests/{C}"]], "why")
    assert town.reread(C).status is Status.CANCELLED


def test_what_changed_since_the_comparison_is_left_alone(town: UnitStage, restored: str) -> None:
    set_attribute(town, "quests", {"questId": C}, "title", "Carry two sofas")
    seen = found(town, restored)[f"quests/{C}"]
    set_attribute(town, "quests", {"questId": C}, "title", "Carry no sofa")
    with pytest.raises(OperatorError, match="changed meanwhile"):
        restore.repair(town, [seen], "why")


def test_texts_come_back(town: UnitStage, restored: str) -> None:
    set_attribute(town, "quests", {"questId": f"{C}#description"}, "text", "<script>")
    restore.repair(town, [found(town, restored)[f"quests/{C}#description"]], "why")
    stored = town.quests.get(C)
    assert stored
    assert stored.description == "It is a heavy sofa, mind."


def test_ledger_entries_come_back_and_totals_follow(town: UnitStage, restored: str) -> None:
    (reward,) = [e for e in town.ledger.all_of(PERFORMER) if e.kind is Kind.REWARD]
    key = {"userId": PERFORMER, "entryId": reward.entry_id}
    set_attribute(town, "ledger", key, "xp", 100_000)
    set_attribute(town, "users", {"userId": PERFORMER}, "xp", 100_000)
    restore.repair(town, [found(town, restored)[f"ledger/{PERFORMER}/{reward.entry_id}"]], "why")
    assert problems(town) == []
    delete(town, "ledger", key)
    restore.repair(town, [found(town, restored)[f"ledger/{PERFORMER}/{reward.entry_id}"]], "why")
    assert problems(town) == []
    user = town.users.get(PERFORMER)
    assert user
    assert (user.xp, user.completed) == (100, 1)


def a_gift(**changes: Any) -> Item:
    gift = {"userId": PERFORMER, "entryId": "z#adjustment#x", "kind": "adjustment", "xp": 50, "state": "POSTED",
            "createdAt": "2026-03-01T00:00:00.000Z"}  # fmt: skip
    return {**gift, **changes}


def test_an_entry_that_should_not_be_is_compensated_not_deleted(town: UnitStage, restored: str) -> None:
    town.dynamodb.put_item(TableName=town.table(LEDGER), Item=encode_item(a_gift()))
    set_attribute(town, "users", {"userId": PERFORMER}, "xp", 150)
    restore.repair(town, [found(town, restored)[f"ledger/{PERFORMER}/z#adjustment#x"]], "a gift that nobody decided")
    user = town.users.get(PERFORMER)
    assert user
    assert user.xp == 100
    assert problems(town) == []


Damage = Callable[[UnitStage], None]


def _joined(stage: UnitStage) -> None:
    stage.member("new")


def _posted(stage: UnitStage) -> None:
    stage.post("d" * 26)


def _went_on(stage: UnitStage) -> None:
    (entry,) = [e for e in stage.ledger.all_of(PERFORMER) if e.kind is Kind.REWARD]
    set_attribute(stage, "ledger", {"userId": PERFORMER, "entryId": entry.entry_id}, "attempts", 9)


def _deleted_account(stage: UnitStage) -> None:
    set_attribute(stage, "users", {"userId": PERFORMER}, "deleted", True)


def _owed(stage: UnitStage) -> None:
    stage.dynamodb.put_item(TableName=stage.table(LEDGER), Item=encode_item(a_gift(state="PENDING")))


def _undone_before(stage: UnitStage) -> None:
    stage.dynamodb.put_item(TableName=stage.table(LEDGER), Item=encode_item(a_gift()))
    undone = a_gift(entryId=f"{a_gift()['entryId']}#undone", xp=-50)
    stage.dynamodb.put_item(TableName=stage.table(LEDGER), Item=encode_item(undone))


def test_an_entry_too_many_of_a_quest_is_compensated(town: UnitStage, restored: str, cli: Cli) -> None:
    town.dynamodb.put_item(TableName=town.table(LEDGER), Item=encode_item(a_gift(questId=A)))
    set_attribute(town, "users", {"userId": PERFORMER}, "xp", 150)
    assert problems(town) != []
    assert cli(f"restore repair {restored} --all --yes --reason gift").code == 0
    assert problems(town) == []
    again = cli(f"restore repair {restored} --all --yes --reason gift")
    assert "agrees with its quest" in again.out + again.err


def test_quest_and_entry_in_any_order_pay_once(town: UnitStage, restored: str, cli: Cli) -> None:
    (reward,) = [e for e in town.ledger.all_of(PERFORMER) if e.kind is Kind.REWARD]
    items = [f"quests/{A}", f"ledger/{PERFORMER}/{reward.entry_id}"]
    for first, second in (items, items[::-1]):
        set_attribute(town, "quests", {"questId": A}, "status", "OPEN")
        delete(town, "ledger", {"userId": PERFORMER, "entryId": reward.entry_id})
        for item in (first, second):
            assert cli(f"restore repair {restored} --item {item} --yes --reason twice").code == 0
        assert problems(town) == []
        user = town.users.get(PERFORMER)
        assert user
        assert user.xp == 100


def test_chosen_by_text_or_by_file(town: UnitStage, restored: str, cli: Cli, tmp_path: Path) -> None:
    for quest_id in (A, B, C):
        set_attribute(town, "quests", {"questId": quest_id}, "title", "pwned")
    assert cli(f"restore repair {restored} --yes --reason none").code == 1
    listed = tmp_path / "items"
    listed.write_text(f"quests/{A}\n")
    assert cli(f"restore repair {restored} --file {listed} --yes --reason bulk").code == 0
    assert cli(f"restore repair {restored} --containing pwned --yes --reason bulk").code == 0
    assert found(town, restored) == {}


def _row_gone(stage: UnitStage) -> None:
    (entry,) = [e for e in stage.ledger.all_of(PERFORMER) if e.kind is Kind.REWARD]
    delete(stage, "ledger", {"userId": PERFORMER, "entryId": entry.entry_id})
    delete(stage, "users", {"userId": PERFORMER})


@pytest.mark.parametrize(
    ("damage", "prefix", "said"),
    [
        (_joined, "users/new", "joined since then"),
        (_posted, f"quests/{'d' * 26}", "is new since then"),
        (_went_on, f"ledger/{PERFORMER}", "that is no damage"),
        (_deleted_account, f"users/{PERFORMER}", "at their own wish"),
        (_owed, f"ledger/{PERFORMER}/z", "changed nothing yet"),
        (_undone_before, f"ledger/{PERFORMER}/z#adjustment#x", "taken back already"),
        (_row_gone, f"ledger/{PERFORMER}", "has no row"),
    ],
)
def test_what_is_no_damage_is_not_undone(
    town: UnitStage, restored: str, damage: Damage, prefix: str, said: str
) -> None:
    damage(town)
    labels = [label for label in found(town, restored) if label.startswith(prefix)]
    (label,) = [label for label in labels if not label.endswith(("#description", "#undone"))]
    with pytest.raises(OperatorError, match=said):
        restore.repair(town, [found(town, restored)[label]], "why")


def test_a_quest_overwritten_with_nonsense_is_put_back(town: UnitStage, restored: str) -> None:
    town.dynamodb.put_item(TableName=town.table(QUESTS), Item=encode_item({"questId": C, "oops": True}))
    restore.repair(town, [found(town, restored)[f"quests/{C}"]], "why")
    assert town.reread(C).status is Status.OPEN
    assert problems(town) == []


def test_what_a_restore_drops_is_put_back(town: UnitStage) -> None:
    arn = town.dynamodb.describe_table(TableName=town.table(LEDGER))["Table"]["TableArn"]
    town.dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "project", "Value": "civicforge"}])
    town.dynamodb.update_table(
        TableName=town.table(LEDGER),
        DeletionProtectionEnabled=True,
    )
    town.dynamodb.update_time_to_live(
        TableName=town.table(LEDGER), TimeToLiveSpecification={"Enabled": True, "AttributeName": "goneAt"}
    )
    name = restore.begin(town, "20260301t130000", None)["tables"]["ledger"]
    table = town.dynamodb.describe_table(TableName=name)["Table"]
    assert table["StreamSpecification"]["StreamEnabled"]
    assert table["DeletionProtectionEnabled"]
    assert town.dynamodb.list_tags_of_resource(ResourceArn=table["TableArn"])["Tags"] == [
        {"Key": "project", "Value": "civicforge"}
    ]
    assert town.dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]["TimeToLiveStatus"] == "ENABLED"
    backups = town.dynamodb.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


class NotYet:
    """AWS's answers for some seconds after a table became ACTIVE, call by call; then it does as asked."""

    def __init__(self, client: Any, refusals: dict[str, list[str]]) -> None:
        self.client, self.refusals = client, refusals

    def __getattr__(self, name: str) -> Any:
        real = getattr(self.client, name)
        if name not in self.refusals:
            return real

        def call(**arguments: Any) -> Any:
            if "20260301t130000" in str(arguments) and self.refusals[name]:
                raise ClientError({"Error": {"Code": self.refusals[name].pop(0), "Message": "later"}}, name)
            return real(**arguments)

        return call


def test_a_restore_waits_for_what_aws_does_not_have_ready(town: UnitStage, slept: list[float]) -> None:
    refusals = {
        "restore_table_to_point_in_time": ["LimitExceededException"],
        "describe_table": ["ResourceNotFoundException", "ThrottlingException"],
        "update_continuous_backups": ["ContinuousBackupsUnavailableException"] * 9,
        "update_table": ["ResourceInUseException"],
        "tag_resource": ["ResourceNotFoundException"],
    }
    arn = town.dynamodb.describe_table(TableName=town.table(LEDGER))["Table"]["TableArn"]
    town.dynamodb.tag_resource(ResourceArn=arn, Tags=[{"Key": "project", "Value": "civicforge"}])
    town.dynamodb.update_table(TableName=town.table(LEDGER), DeletionProtectionEnabled=True)
    vars(town)["dynamodb"] = NotYet(town.dynamodb, refusals)
    begun = restore.begin(town, "20260301t130000", None)
    assert not any(refusals.values())
    assert {"point-in-time recovery of 35 days", "1 tags", "deletion protection"} <= {*begun["putBack"]["ledger"]}
    assert sum(slept) > 30, "nine refusals take more than half a minute"


def test_what_does_not_pass_is_no_delay(town: UnitStage, slept: list[float]) -> None:
    vars(town)["dynamodb"] = NotYet(town.dynamodb, {"update_continuous_backups": ["AccessDeniedException"]})
    with pytest.raises(ClientError, match="AccessDenied"):
        restore.begin(town, "20260301t130000", None)
    assert slept == []


def test_a_restore_that_broke_off_goes_on(town: UnitStage, cli: Cli, slept: list[float]) -> None:
    """Wherever it broke off, one of two commands takes it to the end, and both may be repeated."""
    assert "There is no" in cli("restore complete 20260301t130000 --yes --reason again").err
    refusals = {"update_continuous_backups": ["AccessDeniedException"]}
    client = town.dynamodb
    vars(town)["dynamodb"] = NotYet(client, refusals)
    assert cli("restore start --at 2026-03-01T13:00:00Z --yes --reason damage").code == 1
    for line in ("restore complete 20260301t130000", "restore start --at 2026-03-01T13:00:00Z"):
        ran = cli(f"{line} --yes --reason again --json")
        assert ran.code == 0, ran.err
        assert set(ran.json["putBack"]) == {table.base_name for table in restore.RESTORABLE}
    for table in restore.RESTORABLE:
        backups = client.describe_continuous_backups(
            TableName=restore.restored_table_name(town, table, "20260301t130000")
        )
        recovery = backups["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        assert recovery["PointInTimeRecoveryStatus"] == "ENABLED"


def test_the_commands_from_start_to_drop(town: UnitStage, cli: Cli) -> None:
    assert "There are none" in cli("restore list").out
    started = cli("restore start --yes --reason drill --json").json
    restore_id = started["id"]
    assert cli("restore list --json").json == {"restores": [restore_id]}
    set_attribute(town, "quests", {"questId": C}, "title", "Changed")
    assert "0 items differ" in cli(f"restore diff {restore_id} --containing users/").out
    assert "There is no table" in cli("restore diff 20260101t000000").err
    assert cli(f"restore drop {restore_id} --yes --reason over").code == 0
    assert cli(f"restore drop {restore_id} --yes --reason twice").code == 0
    assert restore.restores(town) == []


def test_a_cut_over_wants_a_stopped_stage_and_brings_everything_back(town: UnitStage, restored: str, cli: Cli) -> None:
    line = f"restore cut-over {restored} --yes --reason lost"
    assert "breaker open --level stopped" in cli(line).err
    town.put_parameter(BREAKER_FORMER.key, '{"concurrency of api": null}')
    for table in (USERS, QUESTS, LEDGER):
        for item in town.dynamodb.scan(TableName=town.table(table))["Items"][::2]:
            key: Any = {name: item[name] for name in (table.partition_key, table.sort_key) if name}
            town.dynamodb.delete_item(TableName=town.table(table), Key=key)
    town.member("new")
    assert cli(line).code == 0
    assert found(town, restored) == {}
    assert problems(town) == []
    assert town.users.get("new") is None


@pytest.mark.parametrize(
    ("at", "possible"),
    [
        ("2099-01-01T00:00:00Z", False),
        ("2026-06-01T00:00:01Z", False),
        ("2026-06-01T02:00:00+02:00", True),
        ("2026-01-01T12:00:00Z", True),
        ("2026-01-01T11:59:59Z", False),
    ],
)
def test_a_moment_outside_the_window_is_refused_before_anything_is_made(
    town: UnitStage, cli: Cli, at: str, *, possible: bool
) -> None:
    ran = cli(f"restore start --at {at} --yes --reason damage")
    assert (ran.code == 0, bool(restore.restores(town))) == (possible, possible)
    window = "to any moment from 2026-01-01T12:00:00Z to 2026-06-01T00:00:00Z"
    assert possible or window in ran.err


def test_a_table_without_recovery_is_told_before_anything_is_made(town: UnitStage, cli: Cli) -> None:
    town.dynamodb.update_continuous_backups(
        TableName=town.table(LEDGER), PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": False}
    )
    ran = cli("restore start --yes --reason damage")
    assert (ran.code, "ledger has no point-in-time recovery" in ran.err) == (1, True)
    assert restore.restores(town) == []


def test_a_moment_without_a_zone_is_utc(town: UnitStage, cli: Cli) -> None:
    ran = cli("restore start --at 2026-03-01T12:00:00 --dry-run")
    assert "2026-03-01 12:00:00+00:00" in ran.out
    assert "civicforge-local-quests-20260301t120000" in ran.out


def test_an_entry_is_what_it_says() -> None:
    assert Entry.model_validate(a_gift()).xp == 50


MESSAGE = {"questId": C, "messageId": "2026-03-01T12:00:00.000Z#1", "authorId": REQUESTOR, "audience": "public"}
WRITTEN = {**MESSAGE, "text": "Is there a lift?", "createdAt": "2026-03-01T12:00:00.000Z"}


def put(stage: UnitStage, item: dict[str, str]) -> None:
    stage.dynamodb.put_item(TableName=stage.table(MESSAGES), Item=encode_item(item))


@pytest.fixture
def restored_with_message(town: UnitStage) -> str:
    """A restore of the stage with a message."""
    put(town, WRITTEN)
    return str(restore.begin(town, "20260301t120000", None)["id"])


def test_a_lost_message_comes_back(town: UnitStage, restored_with_message: str) -> None:
    delete(town, "messages", {name: MESSAGE[name] for name in ("questId", "messageId")})
    (lost,) = found(town, restored_with_message).values()
    assert restore.repair(town, [lost], "why") == ["the message is as it was"]
    assert found(town, restored_with_message) == {}


def test_words_that_were_taken_on_purpose_stay_away(town: UnitStage, restored_with_message: str) -> None:
    put(town, {**MESSAGE, "removed": "moderated", "createdAt": WRITTEN["createdAt"]})
    put(town, {**WRITTEN, "messageId": "2026-03-02#later"})
    for difference in found(town, restored_with_message).values():
        with pytest.raises(OperatorError, match=r"removed on purpose|new since then"):
            restore.repair(town, [difference], "why")
    put(town, {**WRITTEN, "text": "Overwritten"})
    set_attribute(town, "users", {"userId": REQUESTOR}, "deleted", True)
    damaged = next(
        d for d in found(town, restored_with_message).values() if d.changed and d.table == MESSAGES and d.then
    )
    with pytest.raises(OperatorError, match="who has left"):
        restore.repair(town, [damaged], "why")
