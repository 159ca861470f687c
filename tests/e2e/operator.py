"""Steps of a journey that no member can do: `python -m tests.e2e.operator breaker POSITION | forget ADDRESS | age
QUEST+DAYS | plenty USER`.

The stage is that of AWS_ENDPOINT_URL, which `python -m tests.e2e` sets.
"""

import json
import sys
from datetime import UTC, datetime, timedelta

from ops.shared.stage import LOCAL, Stage, open_stage
from services.core.domain import notices, quests
from services.core.domain.notices import Notice, NoticeKind, Unmailed
from services.core.domain.quests import Actor, Category, Change, Draft
from services.core.domain.values import timestamp
from services.core.events import Sweep
from services.core.parameters import BREAKER, USER_POOL_ID
from services.core.stores.dynamo import encode, encode_item
from services.core.tables import QUESTS, USERS

LIFETIME = timedelta(days=30)


def forget(stage: Stage, address: str) -> None:
    """Lets the grace time of a member's deletion pass, and does the chores."""
    found = stage.cognito.admin_get_user(UserPoolId=stage.parameter(USER_POOL_ID), Username=address)
    stage.dynamodb.update_item(
        TableName=stage.table(USERS),
        Key={"userId": encode(found["Username"])},
        UpdateExpression="SET deletionAt = :past",
        ConditionExpression="attribute_exists(deletionAt)",
        ExpressionAttributeValues={":past": encode(timestamp(datetime.now(UTC) - timedelta(minutes=1)))},
    )
    stage.invoke("housekeeping", {})


def age(stage: Stage, argument: str) -> None:
    """Lets days pass for a quest that was handed in, and for its dispute (`<quest id>+<days>`), and does the chores."""
    quest_id, _, days = argument.partition("+")
    stored = stage.quests.get(quest_id)
    assert stored is not None, "the journey has just posted it"
    quest, passed = stored.quest, timedelta(days=int(days))
    dispute = quest.dispute
    assert quest.submitted_at is not None, "the journey has just handed it in"
    aged = quest.model_copy(
        update={
            "claimed_at": quest.claimed_at and quest.claimed_at - passed,
            "submitted_at": quest.submitted_at - passed,
            "silence_at": quest.silence_due - passed,
            "dispute": dispute and dispute.model_copy(update={"statement_until": dispute.decidable_from - passed}),
            "version": quest.version + 1,
        }
    )
    stage.quests.save(quest, Change(aged))
    stage.invoke("housekeeping", {})
    stage.invoke("notifier", json.loads(Sweep("notifier").to_json()))


def plenty(stage: Stage, user_id: str) -> None:
    """Gives a member 300 quests, a third of them handed in and waiting for their word, and 200 unread notices."""
    now, helper = datetime.now(UTC), Actor("e2e-helper")
    for number in range(300):
        draft = Draft(
            title=f"Quest number {number}", description="Two floors up, an hour of work.", category=Category.SOCIAL
        )
        quest = quests.create(draft, user_id, f"e2e{number:023}", now - timedelta(minutes=number), LIFETIME).quest
        if number % 3 == 0:
            claimed = quests.claim(quest, helper, now, LIFETIME).quest
            quest = quests.submit(claimed, None, helper, "All of it is done.", now, LIFETIME).quest
        item = encode_item(stage.quests._stored(quest))
        stage.dynamodb.put_item(TableName=stage.table(QUESTS), Item=item)
    for number in range(200):
        notice = Notice(NoticeKind.HANDED_IN, user_id, now + timedelta(seconds=number), str(number), f"e2e{number:023}")
        stage.inbox.put(notices.item(notice, Unmailed.NOT_WANTED))


def main(command: str, argument: str) -> None:
    """Does one thing. Raises KeyError for what it does not know."""
    stage = open_stage(LOCAL)
    {
        "breaker": lambda: stage.put_parameter(BREAKER.key, argument),
        "forget": lambda: forget(stage, argument),
        "age": lambda: age(stage, argument),
        "plenty": lambda: plenty(stage, argument),
    }[command]()


if __name__ == "__main__":
    main(*sys.argv[1:])
