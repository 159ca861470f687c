from datetime import timedelta
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api import views
from services.core.domain.users import (
    SHOWN_TO_OTHERS,
    Language,
    MailPreference,
    Profile,
    User,
    former,
    newcomer,
    shown_text,
)
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.users import NoSuchUserError, Quota, RateLimitedError, SuspendedError
from tests.unit.services.cloud import ANNA, BEN, NOW, Cloud

GRACE = timedelta(days=14)


def test_ensure_makes_the_member_with_their_welcome(cloud: Cloud) -> None:
    user = cloud.users.ensure(ANNA, NOW)
    assert user == cloud.users.get(ANNA) == newcomer(ANNA, NOW)
    (entry,) = cloud.all_entries()
    assert (entry.user_id, entry.kind, entry.points, entry.state) == (ANNA, "welcome", 10, "POSTED")


def test_a_late_trigger_resets_nothing(cloud: Cloud) -> None:
    cloud.users.ensure(ANNA, NOW)
    edited = cloud.users.edit(ANNA, Profile(display_name="Anna"), NOW)
    before = cloud.everything()
    assert cloud.users.ensure(ANNA, NOW + timedelta(days=1)) == edited
    assert cloud.everything() == before


def test_get_many_leaves_out_who_is_not_there(cloud: Cloud) -> None:
    cloud.users.ensure(ANNA, NOW)
    cloud.users.ensure(BEN, NOW)
    assert {user.user_id for user in cloud.users.get_many([ANNA, "nobody", BEN])} == {ANNA, BEN}
    assert cloud.users.get("nobody") is None


def test_edit_changes_what_is_given(cloud: Cloud) -> None:
    user = cloud.users.ensure(ANNA, NOW)
    later = NOW + timedelta(hours=1)
    cloud.users.edit(ANNA, Profile(bio="I carry sofas."), later)
    cloud.users.edit(ANNA, Profile(interests=["sofas"], display_name=None), later)
    assert cloud.users.get(ANNA) == user.model_copy(
        update={"bio": "I carry sofas.", "interests": ["sofas"], "updated_at": later}
    )


FILLED = {
    "display_name": "Anna Muster",
    "bio": "I carry sofas.",
    "interests": ["pianos"],
    "language": Language.DE,
    "mail": MailPreference.DAILY,
}
"""A value for each field of a profile."""


def test_every_field_of_a_profile_is_stored_shown_to_its_owner_and_forgotten() -> None:
    assert FILLED.keys() == Profile.model_fields.keys(), "give the new field a value, so that the tests below see it"
    assert Profile.model_fields.keys() <= User.model_fields.keys()
    assert Profile.model_fields.keys() <= views.Me.model_fields.keys(), "what `Me` lacks is in no export"
    user = newcomer(ANNA, NOW).model_copy(update=Profile.model_validate(FILLED).model_dump())
    left = former(user, NOW).model_dump()
    assert not [name for name, value in FILLED.items() if left[name] == value]


def test_what_others_read_of_a_profile_is_reported_and_kept_from_the_suspended(cloud: Cloud) -> None:
    shown = Profile.model_fields.keys() & views.PublicProfile.model_fields.keys()
    assert shown == set(SHOWN_TO_OTHERS), "PublicProfile and PROFILE_TEXTS must have the same fields of a profile"
    user = newcomer(ANNA, NOW).model_copy(update=Profile.model_validate(FILLED).model_dump())
    assert shown_text(user) == "\n".join(str(FILLED[field]).strip("[]'") for field in SHOWN_TO_OTHERS)
    cloud.users.ensure(ANNA, NOW)
    cloud.users.suspend(ANNA, NOW + timedelta(days=1), NOW)
    for field in FILLED:
        change = Profile.model_validate({field: FILLED[field]})
        if field in shown:
            with pytest.raises(SuspendedError):
                cloud.users.edit(ANNA, change, NOW)
        else:
            cloud.users.edit(ANNA, change, NOW)


def test_every_text_of_a_profile_can_be_taken_away(cloud: Cloud) -> None:
    cloud.users.ensure(ANNA, NOW)
    cloud.users.edit(ANNA, Profile.model_validate(FILLED), NOW)
    cloud.users.remove_texts(ANNA, NOW)
    cloud.users.rename(ANNA, NOW)
    (row,) = cloud.rows(cloud.users_table)
    texts = [str(value).strip("[]'") for value in FILLED.values() if not isinstance(value, StrEnum)]
    assert len(texts) > 2
    assert not [text for text in texts if text in str(row)], "name its field in PROFILE_TEXTS"


def test_edit_of_nobody(cloud: Cloud) -> None:
    with pytest.raises(NoSuchUserError):
        cloud.users.edit(ANNA, Profile(bio="x"), NOW)
    assert cloud.all_users() == {}


def test_the_grace_period_is_not_prolonged(cloud: Cloud) -> None:
    cloud.users.ensure(ANNA, NOW)
    assert cloud.users.request_deletion(ANNA, NOW).deletion_at == NOW + GRACE
    assert cloud.users.request_deletion(ANNA, NOW + timedelta(days=1)).deletion_at == NOW + GRACE
    assert list(cloud.users.due_for_deletion(NOW + GRACE - timedelta(seconds=1))) == []
    assert list(cloud.users.due_for_deletion(NOW + GRACE)) == [ANNA]


def test_a_deletion_is_taken_back(cloud: Cloud) -> None:
    user = cloud.users.ensure(ANNA, NOW)
    cloud.users.request_deletion(ANNA, NOW)
    later = NOW + timedelta(hours=1)
    assert cloud.users.cancel_deletion(ANNA, later) == user.model_copy(update={"updated_at": later})
    assert list(cloud.users.due_for_deletion(NOW + GRACE)) == []
    assert "deletion" not in cloud.rows(cloud.users_table)[0]
    with pytest.raises(NoSuchUserError):
        cloud.users.anonymise(user.model_copy(update={"deletion_at": NOW + GRACE}), later)


def test_nobody_cannot_be_deleted(cloud: Cloud) -> None:
    for refused in (cloud.users.request_deletion, cloud.users.cancel_deletion, cloud.users.finish_deletion):
        with pytest.raises(NoSuchUserError):
            refused(ANNA, NOW)
    assert cloud.all_users() == {}


def test_a_deletion_leaves_totals_and_nothing_else(cloud: Cloud) -> None:
    cloud.users.ensure(ANNA, NOW)
    cloud.users.edit(ANNA, Profile(display_name="Anna", bio="I carry sofas.", interests=["sofas"]), NOW)
    user = cloud.users.request_deletion(ANNA, NOW)
    end = NOW + GRACE
    with pytest.raises(NoSuchUserError):
        cloud.users.finish_deletion(ANNA, end)
    for _ in range(2):  # a chore that died comes back
        cloud.users.anonymise(user, end)
        assert list(cloud.users.due_for_deletion(end)) == [ANNA]
    with pytest.raises(NoSuchUserError):
        cloud.users.cancel_deletion(ANNA, end)
    cloud.users.finish_deletion(ANNA, end)
    (row,) = cloud.rows(cloud.users_table)
    assert User.model_validate(row) == former(user, end)
    assert set(row) <= set(former(user, end).model_dump(by_alias=True)) - {"deletionAt"}
    for refused in (cloud.users.request_deletion, cloud.users.cancel_deletion):
        with pytest.raises(NoSuchUserError):
            refused(ANNA, end)
    with pytest.raises(NoSuchUserError):
        cloud.users.edit(ANNA, Profile(bio="x"), end)
    assert cloud.users.ensure(ANNA, end).deleted


def test_who_came_back_and_left_again_has_their_grace_period(cloud: Cloud) -> None:
    cloud.users.ensure(ANNA, NOW)
    stale = cloud.users.request_deletion(ANNA, NOW)
    cloud.users.cancel_deletion(ANNA, NOW + GRACE)
    cloud.users.request_deletion(ANNA, NOW + GRACE)
    with pytest.raises(NoSuchUserError):
        cloud.users.anonymise(stale, NOW + GRACE)
    assert not cloud.all_users()[ANNA].deleted


def test_totals_that_move_while_a_member_leaves_are_kept(cloud: Cloud) -> None:
    cloud.users.ensure(ANNA, NOW)
    stale = cloud.users.request_deletion(ANNA, NOW)
    cloud.dynamodb.update_item(
        TableName=cloud.users_table,
        Key={"userId": {"S": ANNA}},
        UpdateExpression="ADD xp :x",
        ExpressionAttributeValues={":x": {"N": "100"}},
    )
    cloud.users.anonymise(stale, NOW + GRACE)
    found = cloud.users.get(ANNA)
    assert found is not None
    assert found.xp == 100


def test_more_members_are_due_than_a_page_holds(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moto.dynamodb.models.table.RESULT_SIZE_LIMIT", 300)
    for number in range(8):
        cloud.users.ensure(f"m{number}", NOW)
        cloud.users.request_deletion(f"m{number}", NOW + timedelta(minutes=number))
    cloud.faults.calls.clear()
    due = cloud.users.due_for_deletion(NOW + timedelta(days=15))
    assert sorted(due) == [f"m{number}" for number in range(8)]
    assert cloud.faults.counted()["Query"] > 1


def test_slices_are_all_members_once(cloud: Cloud) -> None:
    names = {f"m{number}" for number in range(12)}
    for name in names:
        cloud.users.ensure(name, NOW)
    found = [user_id for number in range(4) for user_id in cloud.users.slice(number, 4)]
    assert sorted(found) == sorted(names)


def test_an_outage_is_told_by_every_method(cloud: Cloud) -> None:
    users = cloud.users
    user = newcomer(ANNA, NOW).model_copy(update={"deletion_at": NOW})
    with cloud.faults.outage():
        for call in (
            lambda: users.get(ANNA),
            lambda: users.get_many([ANNA]),
            lambda: users.ensure(ANNA, NOW),
            lambda: users.edit(ANNA, Profile(bio="x"), NOW),
            lambda: users.request_deletion(ANNA, NOW),
            lambda: users.cancel_deletion(ANNA, NOW),
            lambda: list(users.due_for_deletion(NOW)),
            lambda: users.anonymise(user, NOW),
            lambda: users.finish_deletion(ANNA, NOW),
            lambda: list(users.slice(0, 1)),
        ):
            with pytest.raises(StoreUnavailableError):
                call()


@given(
    per_hour=st.integers(min_value=1, max_value=60),
    waits=st.lists(st.integers(min_value=0, max_value=600_000), max_size=100),
)
def test_the_quota_is_a_token_bucket(per_hour: int, waits: list[int]) -> None:
    """GCRA against its other form: a bucket of `per_hour` tokens, filled evenly, reckoned in token-milliseconds."""
    quota = Quota("tat", per_hour)
    interval = 3_600_000 // per_hour
    capacity = 3_600_000
    tokens, row, now = capacity, dict[str, int](), NOW
    for wait in waits:
        now += timedelta(milliseconds=wait)
        tokens = min(capacity, tokens + wait)
        try:
            quota.check(row, now)
        except RateLimitedError as refused:
            missing = interval - tokens
            assert missing > 0
            assert refused.retry_after == -(-missing // 1000)  # noqa: PT017  # both outcomes are legal here
        else:
            assert tokens >= interval
            tokens -= interval
            now_ms = int(now.timestamp() * 1000)
            row = {"tat": max(now_ms, row.get("tat", 0)) + interval}
