"""What a journey needs and no member can do: `python -m tests.e2e.operator breaker POSITION | forget ADDRESS | age
QUEST+DAYS`.

The stage is that of AWS_ENDPOINT_URL, which `python -m tests.e2e` sets.
"""

import json
import sys
from datetime import UTC, datetime, timedelta

from ops.shared.stage import LOCAL, Stage, open_stage
from services.core.domain.quests import Change
from services.core.domain.values import timestamp
from services.core.events import Sweep
from services.core.parameters import BREAKER, USER_POOL_ID
from services.core.stores.dynamo import encode
from services.core.tables import USERS


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
    """Lets days pass for a quest that was handed in (`<quest id>+<days>`), and does the chores."""
    quest_id, _, days = argument.partition("+")
    stored = stage.quests.get(quest_id)
    assert stored is not None, "the journey has just posted it"
    quest, passed = stored.quest, timedelta(days=int(days))
    assert quest.submitted_at is not None, "the journey has just handed it in"
    aged = quest.model_copy(
        update={
            "claimed_at": quest.claimed_at and quest.claimed_at - passed,
            "submitted_at": quest.submitted_at - passed,
            "silence_at": quest.silence_due - passed,
            "version": quest.version + 1,
        }
    )
    stage.quests.save(quest, Change(aged))
    stage.invoke("housekeeping", {})
    stage.invoke("notifier", json.loads(Sweep("notifier").to_json()))


def main(command: str, argument: str) -> None:
    """Does one thing. Raises KeyError for what it does not know."""
    stage = open_stage(LOCAL)
    {
        "breaker": lambda: stage.put_parameter(BREAKER.key, argument),
        "forget": lambda: forget(stage, argument),
        "age": lambda: age(stage, argument),
    }[command]()


if __name__ == "__main__":
    main(*sys.argv[1:])
