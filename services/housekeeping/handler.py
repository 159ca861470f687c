"""The housekeeping Lambda: on its schedule it expires, releases, confirms by silence, and forgets members who asked to
be forgotten.
"""

from services.core import cold_start  # before the rest, which it is to pause the garbage collector for

# isort: split
import os
from datetime import UTC, datetime
from typing import Any

from services.core import aws
from services.core.domain.quests import DISPUTES, SILENCE_FLAG
from services.core.flags import Flags
from services.core.groups import InternalGroup
from services.core.live import LiveParameters, signing_keys
from services.core.metrics import FLAG_PARSE_ERRORS
from services.core.parameters import ADDRESS_KEY, BREAKER, flag_parameter
from services.core.settings import HousekeepingSettings
from services.core.sign_ups import SignUps
from services.core.stores.addresses import AddressStore
from services.core.stores.devices import DeviceStore
from services.core.stores.inbox import InboxStore
from services.core.stores.ledger import LedgerStore
from services.core.stores.messages import MessageStore
from services.core.stores.quests import QuestStore
from services.core.stores.reports import ReportStore
from services.core.stores.users import UserStore
from services.core.sweeping import Context, Sweeper
from services.core.telemetry import Telemetry
from services.housekeeping.chores import Housekeeper

settings = HousekeepingSettings.load(os.environ)
telemetry = Telemetry("housekeeping", settings.stage, settings.log_level)
quests = QuestStore(
    aws.dynamodb(), settings.quests_table, settings.users_table, settings.ledger_table, shards=settings.board_shards
)
live = LiveParameters(
    aws.ssm(),
    settings.stage,
    (BREAKER, ADDRESS_KEY, *(flag_parameter(flag) for flag in (SILENCE_FLAG, DISPUTES))),
    settings.parameter_ttl_seconds,
    telemetry.parameter_read_failed,
)
users = UserStore(aws.dynamodb(), settings.users_table, settings.ledger_table)
housekeeper = Housekeeper(
    quests=quests,
    messages=MessageStore(aws.dynamodb(), settings.messages_table, settings.users_table, quests),
    reports=ReportStore(aws.dynamodb(), settings.reports_table, settings.users_table),
    users=users,
    sign_ups=SignUps(
        users,
        AddressStore(aws.dynamodb(), settings.inbox_table),
        keys=lambda: signing_keys(live, key=ADDRESS_KEY),
    ),
    ledger=LedgerStore(aws.dynamodb(), settings.ledger_table, settings.users_table),
    inbox=InboxStore(aws.dynamodb(), settings.inbox_table),
    devices=DeviceStore(aws.dynamodb(), settings.inbox_table, settings.users_table),
    live=live,
    flags=Flags(live, on_invalid=lambda _: telemetry.count(FLAG_PARSE_ERRORS)),
    internal=InternalGroup(aws.cognito(), settings.cognito_user_pool_id),
    cognito=aws.cognito(),
    pool_id=settings.cognito_user_pool_id,
    telemetry=telemetry,
)
sweeper = Sweeper("housekeeping", settings.stage, housekeeper.chores(), telemetry)
cold_start.finish()


def handler(event: dict[str, Any], context: Context) -> None:
    """Runs every chore, or those that the run before left."""
    try:
        if not housekeeper.is_paused():
            sweeper.run(event, context, datetime.now(UTC))
    finally:
        telemetry.flush()
