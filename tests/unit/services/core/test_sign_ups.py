"""Signing up again with the address of a former account."""

import json
from datetime import datetime, timedelta

import pytest

from services.core.domain.ledger import Kind
from services.core.domain.reports import FOR_EVER
from services.core.domain.users import Profile
from services.core.sign_ups import SignUps, address_digest
from services.core.stores.addresses import RETENTION, AddressStore
from services.core.stores.users import LASTING_LIMITS
from tests.unit.services.cloud import ANNA, BEN, NOW, Api, Cloud
from tests.unit.services.invariants import check_users

ADDRESS = "anna@example.org"
AGAIN = "anna-again-9"


@pytest.fixture
def keys() -> list[bytes]:
    """The keys of the digests, the current one first."""
    return [b"current"]


@pytest.fixture
def sign_ups(cloud: Cloud, keys: list[bytes]) -> SignUps:
    return SignUps(cloud.users, AddressStore(cloud.dynamodb, cloud.inbox_table), lambda: keys)


def leave(cloud: Cloud, sign_ups: SignUps, user_id: str, now: datetime = NOW) -> None:
    """Does what housekeeping does with a member who leaves."""
    cloud.users.request_deletion(user_id, now, grace=timedelta(0))
    user = cloud.users.get(user_id)
    assert user is not None
    cloud.users.anonymise(user, now)
    sign_ups.expire_digest(user, now)
    cloud.users.finish_deletion(user_id, now)


def spend(cloud: Cloud, user_id: str, points: int) -> None:
    """Posts quests of that many points."""
    api = Api(cloud)
    for number in range(points):
        api.create(user_id, key=f"{user_id}-{number}", rewardXp=100)


def welcome_of(cloud: Cloud, user_id: str) -> dict[str, object]:
    (entry,) = (e for e in cloud.ledger.all_of(user_id) if e.kind is Kind.WELCOME)
    return {"points": entry.points, "returning": entry.returning}


@pytest.mark.parametrize("spent", [0, 1, 7, 10])
def test_who_comes_back_has_what_they_left(cloud: Cloud, sign_ups: SignUps, spent: int) -> None:
    sign_ups.ensure(ANNA, ADDRESS, NOW)
    spend(cloud, ANNA, spent)
    leave(cloud, sign_ups, ANNA)
    user = sign_ups.ensure(AGAIN, ADDRESS.upper(), NOW)
    assert user.points == 10 - spent
    assert welcome_of(cloud, AGAIN) == {"points": 10 - spent, "returning": True}
    check_users(cloud.all_users(), cloud.all_entries())


def test_nobody_comes_back_with_more_than_the_welcome_points(cloud: Cloud, sign_ups: SignUps) -> None:
    sign_ups.ensure(ANNA, ADDRESS, NOW)
    cloud.dynamodb.update_item(
        TableName=cloud.users_table,
        Key={"userId": {"S": ANNA}},
        UpdateExpression="SET points = :many",
        ExpressionAttributeValues={":many": {"N": "500"}},
    )
    leave(cloud, sign_ups, ANNA)
    assert sign_ups.ensure(AGAIN, ADDRESS, NOW).points == 10


def test_a_third_account_has_what_the_second_one_left(cloud: Cloud, sign_ups: SignUps) -> None:
    sign_ups.ensure(ANNA, ADDRESS, NOW)
    for number, spent in enumerate((4, 3), start=1):
        spend(cloud, ANNA if number == 1 else "anna-1-again", spent)
        leave(cloud, sign_ups, ANNA if number == 1 else "anna-1-again")
        user = sign_ups.ensure("anna-1-again" if number == 1 else AGAIN, ADDRESS, NOW)
    assert user.points == 3


def test_deleteuser_is_no_way_around_it_even_before_it_is_found(cloud: Cloud, sign_ups: SignUps) -> None:
    """The row of the former account is as it was: nobody has told the platform yet."""
    sign_ups.ensure(ANNA, ADDRESS, NOW)
    spend(cloud, ANNA, 6)
    assert sign_ups.ensure(AGAIN, ADDRESS, NOW).points == 4


def test_limits_are_not_fresh_and_nothing_else_comes_back(cloud: Cloud, sign_ups: SignUps) -> None:
    api = Api(cloud, creates_per_hour=3, reports_per_hour=1)
    sign_ups.ensure(ANNA, ADDRESS, NOW)
    sign_ups.ensure(BEN, "ben@example.org", NOW)
    for number in range(3):
        api.create(ANNA, key=str(number))
    report = {"subject": {"kind": "member", "userId": BEN}, "reason": "rude"}
    assert api.call("makeReport", ANNA, report, headers={"idempotency-key": "1"}).status == 201
    cloud.users.edit(ANNA, Profile(display_name="Anna Adler", bio="Of the mill", interests=["music"]), NOW)
    cloud.users.block(ANNA, BEN, NOW)
    leave(cloud, sign_ups, ANNA)
    user = sign_ups.ensure(AGAIN, ADDRESS, NOW)
    stored = next(row for row in cloud.rows(cloud.users_table) if row["userId"] == AGAIN)
    allowed = {"userId", "displayName", "points", "createdAt", "updatedAt", "addressDigest", *LASTING_LIMITS}
    assert stored.keys() <= allowed
    assert (user.display_name, user.bio, user.interests, user.blocked, user.xp) == ("New member", "", [], [], 0)
    body = {"title": "Carry a sofa", "description": "Twelve steps, one narrow turn, and a sofa.", "category": "social"}
    refused = api.call("createQuest", AGAIN, body)
    assert (refused.status, refused.json["code"]) == (429, "rate_limited")
    again = api.call("makeReport", AGAIN, report, headers={"idempotency-key": "2"})
    assert again.status == 429


@pytest.mark.parametrize("until", [NOW + timedelta(days=30), FOR_EVER])
def test_a_suspension_lasts(cloud: Cloud, sign_ups: SignUps, until: datetime) -> None:
    sign_ups.ensure(ANNA, ADDRESS, NOW)
    cloud.users.suspend(ANNA, until, NOW)
    leave(cloud, sign_ups, ANNA)
    assert sign_ups.ensure(AGAIN, ADDRESS, NOW).suspended_until == until


def test_a_former_address_is_forgotten_after_90_days(cloud: Cloud, sign_ups: SignUps) -> None:
    sign_ups.ensure(ANNA, ADDRESS, NOW)
    spend(cloud, ANNA, 5)
    leave(cloud, sign_ups, ANNA)
    known = [row for row in cloud.rows(cloud.inbox_table) if row["userId"].startswith("address#")]
    assert [row["expiresAt"] for row in known] == [int((NOW + RETENTION).timestamp())]
    leave_again = NOW + timedelta(days=3)
    user = cloud.users.get(ANNA)
    assert user is not None
    sign_ups.expire_digest(user.model_copy(update={"address_digest": address_digest(b"current", ADDRESS)}), leave_again)
    assert cloud.rows(cloud.inbox_table) == known, "a run that comes again prolongs nothing"
    assert sign_ups.ensure("early", ADDRESS, NOW + RETENTION - timedelta(seconds=1)).points == 5


def test_an_item_that_dynamodb_has_not_deleted_yet_counts_no_more(cloud: Cloud, sign_ups: SignUps) -> None:
    sign_ups.ensure(ANNA, ADDRESS, NOW)
    spend(cloud, ANNA, 5)
    leave(cloud, sign_ups, ANNA)
    assert sign_ups.ensure(AGAIN, ADDRESS, NOW + RETENTION + timedelta(seconds=1)).points == 10
    (row,) = cloud.rows(cloud.inbox_table)
    assert (row["accountId"], row.get("expiresAt")) == (AGAIN, None)


def test_a_member_s_digest_stays_while_they_do(cloud: Cloud, sign_ups: SignUps) -> None:
    sign_ups.ensure(ANNA, ADDRESS, NOW)
    (row,) = cloud.rows(cloud.inbox_table)
    assert "expiresAt" not in row


def test_a_row_that_is_there_stays_as_it_is(cloud: Cloud, sign_ups: SignUps) -> None:
    first = sign_ups.ensure(ANNA, ADDRESS, NOW)
    spend(cloud, ANNA, 2)
    before = cloud.everything()
    assert sign_ups.ensure(ANNA, ADDRESS, NOW + timedelta(hours=1)).created_at == first.created_at
    assert cloud.everything() == before


def test_neither_address_nor_plain_digest_is_stored(cloud: Cloud, sign_ups: SignUps) -> None:
    sign_ups.ensure(ANNA, ADDRESS, NOW)
    leave(cloud, sign_ups, ANNA)
    everything = json.dumps(cloud.everything())
    assert ADDRESS not in everything
    assert address_digest(b"current", ADDRESS) in everything
    assert address_digest(b"", ADDRESS) not in everything
    (row,) = cloud.rows(cloud.users_table)
    assert "addressDigest" not in row


def test_the_former_key_is_honoured_after_a_rotation(cloud: Cloud, sign_ups: SignUps, keys: list[bytes]) -> None:
    sign_ups.ensure(ANNA, ADDRESS, NOW)
    spend(cloud, ANNA, 5)
    leave(cloud, sign_ups, ANNA)
    keys.insert(0, b"next")
    assert sign_ups.ensure(AGAIN, ADDRESS, NOW).points == 5
    spend(cloud, AGAIN, 2)
    leave(cloud, sign_ups, AGAIN)
    assert sign_ups.ensure("third", ADDRESS, NOW).points == 3


def test_a_digest_follows_its_member_s_address_and_key(cloud: Cloud, sign_ups: SignUps, keys: list[bytes]) -> None:
    cloud.users.ensure(ANNA, NOW)  # of a release before
    for address, key in ((ADDRESS, b"current"), ("adler@example.org", b"current"), ("adler@example.org", b"next")):
        keys[:] = [key]
        user = cloud.users.get(ANNA)
        assert user is not None
        assert sign_ups.update_digest(user, address, NOW)
        moved = cloud.users.get(ANNA)
        assert moved is not None
        assert moved.address_digest == address_digest(key, address)
        assert not sign_ups.update_digest(moved, address, NOW)
    lasting = [row for row in cloud.rows(cloud.inbox_table) if "expiresAt" not in row]
    assert [row["userId"] for row in lasting] == [f"address#{address_digest(b'next', 'adler@example.org')}"]
    assert len(cloud.rows(cloud.inbox_table)) == 3


def test_who_was_not_the_last_account_does_not_end_it(cloud: Cloud, sign_ups: SignUps) -> None:
    """DeleteUser, a new account at once, and then housekeeping finds the former one."""
    sign_ups.ensure(ANNA, ADDRESS, NOW)
    sign_ups.ensure(AGAIN, ADDRESS, NOW)
    leave(cloud, sign_ups, ANNA)
    (row,) = cloud.rows(cloud.inbox_table)
    assert (row["accountId"], row.get("expiresAt")) == (AGAIN, None)


def test_two_sign_ups_at_once_are_one_after_the_other(
    cloud: Cloud, sign_ups: SignUps, monkeypatch: pytest.MonkeyPatch
) -> None:
    sign_ups.ensure(ANNA, ADDRESS, NOW)
    spend(cloud, ANNA, 4)
    find, meanwhile = AddressStore.find, ["rival"]

    def found(store: AddressStore, digests: list[str], now: datetime) -> object:
        known = find(store, digests, now)
        if meanwhile:
            sign_ups.ensure(meanwhile.pop(), ADDRESS, NOW)
        return known

    monkeypatch.setattr(AddressStore, "find", found)
    sign_ups.ensure(AGAIN, ADDRESS, NOW)
    assert cloud.all_users()["rival"].points == 6
    assert cloud.all_users()[AGAIN].points == 6
    (row,) = cloud.rows(cloud.inbox_table)
    assert row["accountId"] == AGAIN
