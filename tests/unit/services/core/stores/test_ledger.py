from datetime import timedelta

import pytest

from services.core.domain import ledger
from services.core.domain.ledger import Entry, State
from services.core.stores.dynamo import StoreUnavailableError, call
from services.core.stores.ledger import put_entry
from services.core.stores.users import NoSuchUserError
from tests.unit.services.cloud import ANNA, BEN, NOW, Cloud, lost_answer

LATER = NOW + timedelta(minutes=1)


def _reward(number: int) -> Entry:
    return ledger.reward(BEN, f"q{number}", ANNA, 10, 1, NOW + timedelta(seconds=number), confirmed=True)


def book(cloud: Cloud, entry: Entry) -> Entry:
    call(cloud.dynamodb.transact_write_items, TransactItems=[put_entry(cloud.ledger_table, entry)])
    return entry


@pytest.fixture
def owed(cloud: Cloud) -> Entry:
    """A reward that Ben is owed."""
    cloud.users.ensure(BEN, NOW)
    return book(cloud, ledger.reward(BEN, "q1", ANNA, 100, 10, NOW, confirmed=True, new_confirmer=True))


def totals(cloud: Cloud) -> ledger.Totals:
    user = cloud.users.get(BEN)
    assert user is not None
    return ledger.totals_of(user)


def stored(cloud: Cloud, entry: Entry) -> Entry:
    found = cloud.ledger.get(entry.user_id, entry.entry_id)
    assert found is not None
    return found


def test_pay_posts_the_entry_and_raises_the_totals_once(cloud: Cloud, owed: Entry) -> None:
    assert cloud.ledger.pay(owed, LATER)
    assert totals(cloud) == (12, 100, 10, 1, 1)
    paid = stored(cloud, owed)
    assert paid == owed.model_copy(update={"state": State.POSTED, "posted_at": LATER, "attempts": 1})
    assert "due" not in next(row for row in cloud.rows(cloud.ledger_table) if row["kind"] == "reward")
    assert not cloud.ledger.pay(owed, LATER)
    assert totals(cloud) == (12, 100, 10, 1, 1)
    assert stored(cloud, owed) == paid


def test_an_adjustment_is_no_completed_quest(cloud: Cloud) -> None:
    cloud.users.ensure(BEN, NOW)
    entry = ledger.reward(BEN, "q1", ANNA, 5, 0, NOW, confirmed=True).model_copy(
        update={"kind": ledger.Kind.ADJUSTMENT}
    )
    assert cloud.ledger.pay(book(cloud, entry), NOW)
    assert totals(cloud) == (12, 5, 0, 0, 0)


def test_a_payment_whose_answer_is_lost_is_paid_once(cloud: Cloud, owed: Entry) -> None:
    cloud.faults.on("TransactWriteItems", lost_answer)
    assert cloud.ledger.pay(owed, LATER)
    assert totals(cloud) == (12, 100, 10, 1, 1)


def test_a_payment_that_a_new_invocation_repeats_is_paid_once(cloud: Cloud, owed: Entry) -> None:
    with cloud.faults.outage(fault=lost_answer), pytest.raises(StoreUnavailableError):
        cloud.ledger.pay(owed, LATER)
    assert not cloud.ledger.pay(owed, LATER)
    assert totals(cloud) == (12, 100, 10, 1, 1)


def test_nobody_is_paid_for_what_is_not_in_the_ledger(cloud: Cloud) -> None:
    cloud.users.ensure(BEN, NOW)
    assert not cloud.ledger.pay(ledger.reward(BEN, "q1", ANNA, 100, 10, NOW, confirmed=True), NOW)
    assert totals(cloud) == (10, 0, 0, 0, 0)


def test_an_entry_of_nobody_stays_unpaid(cloud: Cloud) -> None:
    entry = book(cloud, ledger.reward("nobody", "q1", ANNA, 100, 10, NOW, confirmed=True))
    with pytest.raises(NoSuchUserError):
        cloud.ledger.pay(entry, NOW)
    assert stored(cloud, entry) == entry
    assert cloud.all_users() == {}


def test_an_entry_is_never_replaced(cloud: Cloud, owed: Entry) -> None:
    from services.core.stores.dynamo import ConditionFailedError

    with pytest.raises(ConditionFailedError):
        book(cloud, owed.model_copy(update={"xp": 1000}))
    assert stored(cloud, owed) == owed


def test_hold_then_pay(cloud: Cloud, owed: Entry) -> None:
    assert cloud.ledger.mark_held(owed)
    assert stored(cloud, owed).state is State.HELD
    assert [*cloud.ledger.unpaid(State.PENDING)] == []
    assert [*cloud.ledger.unpaid(State.HELD)] == [(BEN, owed.entry_id)]
    assert cloud.ledger.pay(owed, LATER)
    assert [*cloud.ledger.unpaid(State.HELD)] == []
    assert not cloud.ledger.mark_held(owed)
    assert not cloud.ledger.fail(BEN, owed.entry_id)
    assert stored(cloud, owed).state is State.POSTED
    assert totals(cloud) == (12, 100, 10, 1, 1)


def test_fail_then_retry(cloud: Cloud, owed: Entry) -> None:
    assert not cloud.ledger.retry(BEN, owed.entry_id)
    assert cloud.ledger.fail(BEN, owed.entry_id)
    assert not cloud.ledger.fail(BEN, owed.entry_id)
    assert not cloud.ledger.pay(owed, LATER)
    assert [*cloud.ledger.unpaid(State.PENDING)] == []
    assert cloud.ledger.retry(BEN, owed.entry_id)
    assert [*cloud.ledger.unpaid(State.PENDING)] == [(BEN, owed.entry_id)]
    assert stored(cloud, owed).attempts == 2
    assert cloud.ledger.pay(owed, LATER)
    assert totals(cloud) == (12, 100, 10, 1, 1)


def test_what_makes_no_sense_can_be_failed(cloud: Cloud, owed: Entry) -> None:
    cloud.dynamodb.update_item(
        TableName=cloud.ledger_table,
        Key={"userId": {"S": BEN}, "entryId": {"S": owed.entry_id}},
        UpdateExpression="SET #state = :state",
        ExpressionAttributeNames={"#state": "state"},
        ExpressionAttributeValues={":state": {"S": "SOON"}},
    )
    assert cloud.ledger.fail(BEN, owed.entry_id)
    assert stored(cloud, owed).state is State.FAILED
    assert [*cloud.ledger.unpaid(State.PENDING)] == []


def test_pages_are_the_members_entries_newest_first(cloud: Cloud) -> None:
    entries = [book(cloud, _reward(n)) for n in range(7)]
    book(cloud, ledger.reward(ANNA, "other", ANNA, 10, 1, NOW, confirmed=True))
    for limit in (1, 3, 7, 8):
        found: list[Entry] = []
        after: str | None = None
        while True:
            page = cloud.ledger.page(BEN, limit, after)
            assert len(page.entries) <= limit
            found += page.entries
            after = page.last
            if after is None:
                break
        assert found == entries[::-1]


def test_all_of_reads_every_page(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moto.dynamodb.models.table.RESULT_SIZE_LIMIT", 1000)
    entries = [book(cloud, _reward(n)) for n in range(12)]
    cloud.faults.calls.clear()
    assert list(cloud.ledger.all_of(BEN)) == entries[::-1]
    assert cloud.faults.counted()["Query"] > 1
    assert [entry for _, entry in cloud.ledger.unpaid(State.PENDING)] == [entry.entry_id for entry in entries]


def test_an_outage_is_told_by_every_method(cloud: Cloud, owed: Entry) -> None:
    with cloud.faults.outage():
        for attempt in (
            lambda: cloud.ledger.get(BEN, owed.entry_id),
            lambda: cloud.ledger.page(BEN, 5, None),
            lambda: list(cloud.ledger.all_of(BEN)),
            lambda: list(cloud.ledger.unpaid(State.PENDING)),
            lambda: cloud.ledger.pay(owed, NOW),
            lambda: cloud.ledger.mark_held(owed),
            lambda: cloud.ledger.fail(BEN, owed.entry_id),
            lambda: cloud.ledger.retry(BEN, owed.entry_id),
        ):
            with pytest.raises(StoreUnavailableError):
                attempt()
