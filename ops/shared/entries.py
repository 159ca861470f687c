"""Ledger entries that are not paid."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from ops.shared.stage import OperatorError, Stage
from services.core.domain.ledger import State
from services.core.events import entry_record
from services.core.stores.dynamo import decode_item, encode_item
from services.core.tables import LEDGER


def read(stage: Stage, user_id: str, entry_id: str) -> Mapping[str, Any] | None:
    """The entry in DynamoDB's format, or None."""
    key = encode_item({"userId": user_id, "entryId": entry_id})
    return stage.dynamodb.get_item(TableName=stage.table(LEDGER), Key=key, ConsistentRead=True).get("Item")


def pay_entry(stage: Stage, user_id: str, entry_id: str) -> State | None:
    """Pay one entry now, a FAILED one too; return its state after that, None if there is no such entry.

    Nothing is paid twice: what the rewards Lambda does depends on the entry's state. Raises OperatorError.
    """
    stage.ledger.retry(user_id, entry_id)
    item = read(stage, user_id, entry_id)
    if item is None:
        return None
    if stage.invoke("rewards", {"Records": [entry_record(item)]}).get("batchItemFailures"):
        raise OperatorError("The tables do not answer the rewards Lambda; try again when they do.")
    after = read(stage, user_id, entry_id)
    return State(decode_item(after)["state"]) if after else None


def oldest_pending(stage: Stage, now: datetime | None = None) -> float:
    """Age in seconds of the oldest PENDING entry; 0 if none waits."""
    now = now or datetime.now(UTC)
    for user_id, entry_id in stage.ledger.unpaid(State.PENDING):
        try:
            entry = stage.ledger.get(user_id, entry_id)
        except ValueError:
            continue  # the sweep gives it up, which is alarmed
        if entry and entry.state is State.PENDING:
            return (now - entry.created_at).total_seconds()
    return 0.0
