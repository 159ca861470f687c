"""A write that changes nothing, to test if DynamoDB accepts writes."""

from typing import TYPE_CHECKING, Final

from services.core.stores.dynamo import ConditionFailedError, StoreUnavailableError, call, encode
from services.core.tables import QUESTS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PROBE_KEY: Final = "canary-probe"
"""The id of a quest that never exists; IAM restricts the canary to it by `dynamodb:LeadingKeys`."""


def takes_writes(client: "DynamoDBClient", quests_table: str) -> bool:
    """True if DynamoDB evaluates a write: it has to refuse this one for its condition, and for nothing else."""
    try:
        call(
            client.update_item,
            TableName=quests_table,
            Key={QUESTS.partition_key: encode(PROBE_KEY)},
            UpdateExpression="SET probed = :yes",
            ConditionExpression=f"attribute_exists({QUESTS.partition_key})",
            ExpressionAttributeValues={":yes": encode(True)},
        )
    except ConditionFailedError:
        return True
    except StoreUnavailableError:
        return False
    raise AssertionError(f"there is a quest {PROBE_KEY!r}")
