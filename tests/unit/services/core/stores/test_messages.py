"""The messages table: one transaction, idempotency, pages, authors, and what a removal leaves."""

from datetime import timedelta

import pytest

from services.core.domain import messages
from services.core.domain.messages import Audience, Message, MessageDraft, Removal
from services.core.domain.quests import Actor, Quest
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.messages import MessageExistsError
from services.core.stores.quests import QuestConflictError
from services.core.stores.users import Allowance, NoSuchUserError, Quota, RateLimitedError
from tests.unit.services.cloud import ANNA, BEN, CARA, NOW, Api, Cloud

QUOTA = Quota(Allowance.MESSAGE, 60)
FEATURES = frozenset({messages.MESSAGES})


def read(cloud: Cloud, quest_id: str) -> Quest:
    stored = cloud.quests.get(quest_id)
    assert stored
    return stored.quest


def compose(quest: Quest, who: str, unique: str, minutes: int = 0, text: str = "Is the lift working?") -> Message:
    audience = Audience.PRIVATE if quest.performer_id else Audience.PUBLIC
    now = NOW + timedelta(minutes=minutes)
    draft = MessageDraft(text=text, audience=audience)
    return messages.compose(quest, Actor(who, features=FEATURES), draft, now, messages.message_id(now, unique))


def write(cloud: Cloud, quest: Quest, message: Message, key: str, quota: Quota = QUOTA) -> None:
    cloud.messages_store.write(message, key, quest, messages.after(quest, message), quota)


def ask(
    cloud: Cloud, quest_id: str, who: str, unique: str, minutes: int = 0, text: str = "Which floor is it?"
) -> Message:
    quest = read(cloud, quest_id)
    message = compose(quest, who, unique, minutes, text)
    write(cloud, quest, message, unique)
    return message


def test_a_message_its_key_and_the_question_are_stored_at_once(api: Api, cloud: Cloud) -> None:
    quest_id = api.create()
    cloud.users.ensure(BEN, NOW)
    message = ask(cloud, quest_id, BEN, "k1")
    assert cloud.messages_store.get(quest_id, message.message_id) == message
    assert read(cloud, quest_id).asked_at == NOW
    assert len(cloud.rows(cloud.messages_table)) == 2


def test_a_key_is_good_for_one_message(api: Api, cloud: Cloud) -> None:
    quest_id = api.create()
    cloud.users.ensure(BEN, NOW)
    first = ask(cloud, quest_id, BEN, "k1")
    before = cloud.everything()
    with pytest.raises(MessageExistsError) as again:
        ask(cloud, quest_id, BEN, "k1", minutes=3)
    assert again.value.message == first
    assert cloud.everything() == before


def test_a_quest_that_moved_takes_no_message(api: Api, cloud: Cloud) -> None:
    quest_id = api.create()
    cloud.users.ensure(CARA, NOW)
    stale = read(cloud, quest_id)
    api.call("claimQuest", BEN, questId=quest_id)
    before = cloud.everything()
    with pytest.raises(QuestConflictError) as moved:
        write(cloud, stale, compose(stale, CARA, "k1"), "k1")
    assert moved.value.current == read(cloud, quest_id)
    assert cloud.everything() == before


def test_a_performer_who_was_replaced_gets_no_private_word(api: Api, cloud: Cloud) -> None:
    quest_id = api.quest("CLAIMED")
    stale = read(cloud, quest_id)
    api.call("releaseQuest", BEN, {}, questId=quest_id)
    api.call("claimQuest", CARA, questId=quest_id)
    with pytest.raises(QuestConflictError):
        write(cloud, stale, compose(stale, ANNA, "k1"), "k1")
    assert cloud.rows(cloud.messages_table) == []


def test_a_member_without_a_row_or_a_former_one_writes_nothing(api: Api, cloud: Cloud) -> None:
    quest_id = api.create()
    with pytest.raises(NoSuchUserError):
        ask(cloud, quest_id, BEN, "k1")
    cloud.users.ensure(BEN, NOW)
    row = {"userId": {"S": BEN}}
    cloud.dynamodb.update_item(
        TableName=cloud.users_table,
        Key=row,
        UpdateExpression="SET deleted = :yes",
        ExpressionAttributeValues={":yes": {"BOOL": True}},
    )
    with pytest.raises(NoSuchUserError):
        ask(cloud, quest_id, BEN, "k1")
    assert cloud.rows(cloud.messages_table) == []


def test_the_quota(api: Api, cloud: Cloud) -> None:
    quest = read(cloud, api.create())
    cloud.users.ensure(BEN, NOW)
    few = Quota(Allowance.MESSAGE, 2)
    for number in range(2):
        quest = read(cloud, quest.quest_id)
        write(cloud, quest, compose(quest, BEN, f"k{number}"), f"k{number}", few)
    quest = read(cloud, quest.quest_id)
    with pytest.raises(RateLimitedError) as limited:
        write(cloud, quest, compose(quest, BEN, "k3"), "k3", few)
    assert limited.value.retry_after == 1800
    write(cloud, quest, compose(quest, BEN, "k4", minutes=30), "k4", few)


def test_pages_are_whole_whatever_is_not_shown(api: Api, cloud: Cloud) -> None:
    quest_id = api.create()
    for who in (ANNA, BEN):
        cloud.users.ensure(who, NOW)
    written = [ask(cloud, quest_id, ANNA if n % 5 else BEN, f"k{n:02}", minutes=n) for n in range(23)]
    by_author = {who: [message for message in written if message.author_id == who] for who in (ANNA, BEN)}
    for who, expected in by_author.items():
        found: list[Message] = []
        before: str | None = None
        while True:
            page = cloud.messages_store.page(quest_id, 3, before, by_author[who].__contains__)
            found += page.messages
            before = page.last
            if before is None:
                break
            assert len(page.messages) == 3, "only the last page is short"
        assert found == expected[::-1]


def test_what_a_member_wrote_anywhere(api: Api, cloud: Cloud) -> None:
    cloud.users.ensure(BEN, NOW)
    first, second = api.create(), api.create()
    mine = [ask(cloud, first, BEN, "a"), ask(cloud, second, BEN, "b", minutes=1)]
    ask(cloud, first, ANNA, "c", minutes=2)
    found, after = cloud.messages_store.page_of_author(BEN, 2, None)
    while after is not None:
        page = cloud.messages_store.page_of_author(BEN, 2, after)
        found, after = found + page.messages, page.last
    assert found == mine
    assert cloud.messages_store.page_of_author(CARA, 100, None) == ([], None)


def test_erasing_leaves_no_word(api: Api, cloud: Cloud) -> None:
    cloud.users.ensure(BEN, NOW)
    quest_id = api.create()
    for number in range(3):
        ask(cloud, quest_id, BEN, f"k{number}", text="A secret of Ben's")
    kept = ask(cloud, quest_id, ANNA, "a", text="Anna stays")
    assert cloud.messages_store.erase(BEN) == 3
    assert "secret" not in str(cloud.rows(cloud.messages_table))
    page = cloud.messages_store.page(quest_id, 10, None)
    assert [message.removed for message in page.messages if message.author_id == BEN] == [Removal.LEFT] * 3
    assert kept in page.messages
    assert cloud.messages_store.erase(CARA) == 0


def test_a_message_is_removed_once_it_is_there(api: Api, cloud: Cloud) -> None:
    cloud.users.ensure(BEN, NOW)
    quest_id = api.create()
    message = ask(cloud, quest_id, BEN, "k1")
    assert cloud.messages_store.remove(quest_id, message.message_id, Removal.MODERATED)
    stored = cloud.messages_store.get(quest_id, message.message_id)
    assert stored
    assert (stored.text, stored.removed) == (None, Removal.MODERATED)
    assert not cloud.messages_store.remove(quest_id, "2026-01-01#nothing", Removal.MODERATED)


def test_a_key_whose_message_is_not_there_is_an_outage(api: Api, cloud: Cloud) -> None:
    cloud.users.ensure(BEN, NOW)
    quest_id = api.create()
    message = ask(cloud, quest_id, BEN, "k1")
    key = {"questId": {"S": quest_id}, "messageId": {"S": message.message_id}}
    cloud.dynamodb.delete_item(TableName=cloud.messages_table, Key=key)
    with pytest.raises(StoreUnavailableError):
        ask(cloud, quest_id, BEN, "k1", minutes=1)
