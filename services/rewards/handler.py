"""The rewards Lambda: pays what the ledger's stream brings, and on its schedule what is still unpaid.

It alone may change XP and reputation.
"""

from services.core import cold_start  # before the rest, which it is to pause the garbage collector for

# isort: split
import os
from datetime import UTC, datetime
from typing import Any

from services.core import aws
from services.core.domain.ledger import UNPAID, Entry
from services.core.flags import Flags
from services.core.groups import InternalGroup
from services.core.live import LiveParameters, ParameterUnavailableError
from services.core.metrics import FLAG_PARSE_ERRORS
from services.core.parameters import flag_parameter
from services.core.settings import RewardsSettings
from services.core.stores.dynamo import StoreUnavailableError, decode_item
from services.core.stores.ledger import LedgerStore
from services.core.sweeping import Context, Sweeper
from services.core.telemetry import Telemetry
from services.rewards.payment import REWARDS, Payer

settings = RewardsSettings.load(os.environ)
telemetry = Telemetry("rewards", settings.stage, settings.log_level)
live = LiveParameters(
    aws.ssm(),
    settings.stage,
    (flag_parameter(REWARDS),),
    settings.parameter_ttl_seconds,
    telemetry.parameter_read_failed,
)
payer = Payer(
    ledger=LedgerStore(aws.dynamodb(), settings.ledger_table, settings.users_table),
    flags=Flags(live, on_invalid=lambda _: telemetry.count(FLAG_PARSE_ERRORS)),
    internal=InternalGroup(aws.cognito(), settings.cognito_user_pool_id),
    sqs=aws.sqs(),
    queue_url=settings.rewards_dlq_url,
    telemetry=telemetry,
)
sweeper = Sweeper("rewards", settings.stage, payer.chores(), telemetry)
cold_start.finish()


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Process a batch of the ledger's stream and return the records to retry; or run the sweep."""
    try:
        if "Records" in event:
            return {"batchItemFailures": _failures(event["Records"])}
        sweeper.run(event, context, datetime.now(UTC))
        return {}
    finally:
        telemetry.flush()


def _failures(records: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The first record that met an outage. The stream is in order: it and all after it are retried."""
    for record in records:
        try:
            _pay(record["dynamodb"])
        except (StoreUnavailableError, ParameterUnavailableError):
            telemetry.log.warning("outage; the stream will retry it", exc_info=True)
            return [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]
    return []


def _pay(change: dict[str, Any]) -> None:
    keys = decode_item(change["Keys"])
    try:
        entry = Entry.model_validate(decode_item(change["NewImage"]))
    except ValueError as error:
        payer.give_up(keys["userId"], keys["entryId"], f"the entry is invalid: {type(error).__name__}")
        return
    if entry.state in UNPAID:
        payer.process(entry, datetime.now(UTC))
