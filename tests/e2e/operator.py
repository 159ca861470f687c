"""What a journey needs and no member can do: `python -m tests.e2e.operator breaker POSITION | forget ADDRESS`.

The stage is that of AWS_ENDPOINT_URL, which `python -m tests.e2e` sets.
"""

import sys
from datetime import UTC, datetime, timedelta

from ops.shared.stage import LOCAL, Stage, open_stage
from services.core.domain.values import timestamp
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


def main(command: str, argument: str) -> None:
    """Does one thing. Raises KeyError for what it does not know."""
    stage = open_stage(LOCAL)
    {"breaker": lambda: stage.put_parameter(BREAKER.key, argument), "forget": lambda: forget(stage, argument)}[
        command
    ]()


if __name__ == "__main__":
    main(*sys.argv[1:])
