from datetime import timedelta

import pytest

from services.core.domain import notices
from services.core.domain.notices import InboxItem, Mail, Notice, NoticeKind, Unmailed
from services.core.stores.inbox import LEASE, MAILS_A_DAY, RETENTION, UNREAD_COUNTED
from tests.unit.services.cloud import ANNA, BEN, NOW, Cloud, lost_answer

SOON = NOW + timedelta(minutes=1)


def told(number: int = 1, user_id: str = ANNA, mail: Mail | Unmailed = Mail.DUE) -> InboxItem:
    at = NOW + timedelta(seconds=number)
    return notices.item(Notice(NoticeKind.CLAIMED, user_id, at, str(number), "q1", BEN), mail)


def stored(cloud: Cloud, item: InboxItem) -> InboxItem:
    found = cloud.inbox.get(item.user_id, item.item_id)
    assert found is not None
    return found


def test_an_item_is_put_once(cloud: Cloud) -> None:
    assert cloud.inbox.put(told())
    cloud.inbox.mark_sent(told(), SOON)
    assert not cloud.inbox.put(told())
    assert stored(cloud, told()).mailed_at == SOON
    (row,) = cloud.rows(cloud.inbox_table)
    assert row["expiresAt"] == int((told().at + RETENTION).timestamp())


def test_a_page_has_the_newest_first_and_goes_on_where_it_ended(cloud: Cloud) -> None:
    for number in range(5):
        cloud.inbox.put(told(number))
    cloud.inbox.put(told(9, BEN))
    first = cloud.inbox.page(ANNA, 3, None)
    second = cloud.inbox.page(ANNA, 3, first.last)
    ids = [item.item_id for item in (*first.items, *second.items)]
    assert ids == [told(number).item_id for number in (4, 3, 2, 1, 0)]
    assert second.last is None


@pytest.mark.parametrize(("read", "unread"), [(None, 5), (0, 4), (3, 1), (4, 0)])
def test_unread_is_what_is_newer(cloud: Cloud, read: int | None, unread: int) -> None:
    for number in range(5):
        cloud.inbox.put(told(number))
    assert cloud.inbox.unread(ANNA, told(read).item_id if read is not None else None) == unread


def test_unread_is_counted_up_to_a_limit(cloud: Cloud) -> None:
    for number in range(UNREAD_COUNTED + 3):
        cloud.inbox.put(told(number))
    assert cloud.inbox.unread(ANNA, None) == UNREAD_COUNTED


def test_owed_mails_come_oldest_first_and_by_lane(cloud: Cloud) -> None:
    for number, mail in ((3, Mail.DUE), (1, Mail.DUE), (2, Mail.DAILY), (4, Unmailed.FLAG_OFF)):
        cloud.inbox.put(told(number, mail=mail))
    assert list(cloud.inbox.unsent(Mail.DUE)) == [(ANNA, told(1).item_id), (ANNA, told(3).item_id)]
    assert list(cloud.inbox.unsent(Mail.DAILY)) == [(ANNA, told(2).item_id)]


def test_one_process_at_a_time_may_send(cloud: Cloud) -> None:
    cloud.inbox.put(told())
    leased = cloud.inbox.lease(ANNA, told().item_id, Mail.DUE, NOW)
    assert leased is not None
    assert leased.attempts == 1
    assert cloud.inbox.lease(ANNA, told().item_id, Mail.DUE, NOW + LEASE) is None
    again = cloud.inbox.lease(ANNA, told().item_id, Mail.DUE, NOW + LEASE + timedelta(seconds=1))
    assert again is not None
    assert again.attempts == 2


@pytest.mark.parametrize("outcome", ["sent", "unmailed"])
def test_what_is_settled_is_not_owed(cloud: Cloud, outcome: str) -> None:
    cloud.inbox.put(told())
    if outcome == "sent":
        cloud.inbox.mark_sent(told(), SOON)
    else:
        cloud.inbox.mark_unmailed(told(), Unmailed.NOT_WANTED)
    assert list(cloud.inbox.unsent(Mail.DUE)) == []
    assert cloud.inbox.lease(ANNA, told().item_id, Mail.DUE, NOW + timedelta(days=1)) is None
    before = stored(cloud, told())
    cloud.inbox.mark_unmailed(told(), Unmailed.MEMBER_LEFT)
    assert stored(cloud, told()) == before


def test_a_postponed_mail_waits_for_the_digest(cloud: Cloud) -> None:
    cloud.inbox.put(told())
    leased = cloud.inbox.lease(ANNA, told().item_id, Mail.DUE, NOW)
    assert leased is not None
    cloud.inbox.postpone(leased)
    assert list(cloud.inbox.unsent(Mail.DAILY)) == [(ANNA, told().item_id)]
    assert cloud.inbox.lease(ANNA, told().item_id, Mail.DUE, NOW) is None
    again = cloud.inbox.lease(ANNA, told().item_id, Mail.DAILY, NOW)
    assert again is not None
    assert not again.may_have_left


def test_a_failure_that_is_known_is_no_possible_second_mail(cloud: Cloud) -> None:
    cloud.inbox.put(told())
    first = cloud.inbox.lease(ANNA, told().item_id, Mail.DUE, NOW)
    assert first is not None
    cloud.inbox.mark_failed(first)
    second = cloud.inbox.lease(ANNA, told().item_id, Mail.DUE, NOW)
    assert second is not None
    assert (second.attempts, second.may_have_left) == (2, False)
    third = cloud.inbox.lease(ANNA, told().item_id, Mail.DUE, NOW + LEASE + timedelta(seconds=1))
    assert third is not None
    assert third.may_have_left


def test_a_mail_is_owed_again(cloud: Cloud) -> None:
    cloud.inbox.put(told(mail=Unmailed.FAILED))
    assert cloud.inbox.requeue(ANNA, told().item_id)
    assert list(cloud.inbox.unsent(Mail.DUE)) == [(ANNA, told().item_id)]
    assert not cloud.inbox.requeue(ANNA, told(2).item_id)
    assert cloud.inbox.get(ANNA, told(2).item_id) is None


def test_mails_are_counted_by_day_and_member(cloud: Cloud) -> None:
    assert [cloud.inbox.count_mail(ANNA, NOW) for _ in range(MAILS_A_DAY + 1)] == [True] * MAILS_A_DAY + [False]
    assert cloud.inbox.count_mail(BEN, NOW)
    assert cloud.inbox.count_mail(ANNA, NOW + timedelta(days=1))
    assert cloud.inbox.page(ANNA, 10, None).items == []


def test_a_lost_answer_of_the_count_may_count_twice_but_never_less(cloud: Cloud) -> None:
    cloud.faults.on("UpdateItem", lost_answer)
    assert cloud.inbox.count_mail(ANNA, NOW)
    sent = 1
    while cloud.inbox.count_mail(ANNA, NOW):
        sent += 1
    assert MAILS_A_DAY - 1 <= sent <= MAILS_A_DAY


def test_a_member_is_forgotten_whole(cloud: Cloud) -> None:
    for number in range(3):
        cloud.inbox.put(told(number))
    cloud.inbox.put(told(9, BEN))
    assert cloud.inbox.forget(ANNA) == 3
    assert cloud.inbox.page(ANNA, 10, None).items == []
    assert len(cloud.inbox.page(BEN, 10, None).items) == 1


def test_reading_never_goes_back(cloud: Cloud) -> None:
    cloud.users.ensure(ANNA, NOW)
    for number in (2, 1):
        cloud.users.read_inbox(ANNA, told(number).item_id)
    assert cloud.all_users()[ANNA].read_up_to == told(2).item_id
