"""The notifier Lambda: tells members what concerns them, as the streams bring it and as time passes.

An event is told once, however often it comes: the inbox item has an id made of it, and its mail is marked when it left.
"""

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from services.core import aws
from services.core.domain.notices import Notice
from services.core.domain.quests import DISPUTES, SILENCE_FLAG
from services.core.events import InvalidEvent
from services.core.flags import Flags
from services.core.groups import InternalGroup
from services.core.live import LiveParameters, ParameterUnavailableError, signing_keys
from services.core.metrics import FLAG_PARSE_ERRORS, NOTICES_FAILED, PUSHES_FAILED
from services.core.parameters import MAIL_KEY, PUSH_KEY, flag_parameter
from services.core.settings import NotifierSettings
from services.core.stores.devices import DeviceStore
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.inbox import InboxStore
from services.core.stores.messages import MessageStore
from services.core.stores.quests import QuestStore
from services.core.stores.reports import ReportStore
from services.core.stores.users import UserStore
from services.core.sweeping import Context, Sweeper
from services.core.telemetry import Telemetry
from services.core.vapid import VapidKey
from services.notifier.mailing import NOTICES, Mailer, MailTransport
from services.notifier.notifying import Notifier, Record
from services.notifier.push.pushing import Pusher

settings = NotifierSettings.load(os.environ)
telemetry = Telemetry("notifier", settings.stage, settings.log_level)
live = LiveParameters(
    aws.ssm(),
    settings.stage,
    (*map(flag_parameter, (NOTICES, SILENCE_FLAG, DISPUTES)), MAIL_KEY, PUSH_KEY),
    settings.parameter_ttl_seconds,
    telemetry.parameter_read_failed,
)
inbox = InboxStore(aws.dynamodb(), settings.inbox_table)
users = UserStore(aws.dynamodb(), settings.users_table, settings.ledger_table)
quests = QuestStore(
    aws.dynamodb(), settings.quests_table, settings.users_table, settings.ledger_table, shards=settings.board_shards
)
mailer = Mailer(
    inbox=inbox,
    users=users,
    quests=quests,
    transport=MailTransport(
        ses=aws.sesv2(),
        cognito=aws.cognito(),
        pool_id=settings.cognito_user_pool_id,
        sender=settings.mail_from,
        configuration_set=settings.mail_configuration_set,
    ),
    flags=Flags(live, on_invalid=lambda _: telemetry.count(FLAG_PARSE_ERRORS)),
    internal=InternalGroup(aws.cognito(), settings.cognito_user_pool_id),
    mail_keys=lambda: signing_keys(live, key=MAIL_KEY),
    sqs=aws.sqs(),
    queue_url=settings.notices_dlq_url,
    site_url=settings.site_url,
    telemetry=telemetry,
    reports=ReportStore(aws.dynamodb(), settings.reports_table, settings.users_table),
)


def push_key() -> VapidKey | None:
    """The key pair that devices are notified with, or None on a stage that has none yet or an invalid one."""
    value = live.get(PUSH_KEY)
    try:
        return VapidKey.parse(value) if value else None
    except ValueError:
        telemetry.count(PUSHES_FAILED)
        telemetry.log.error("the push key is invalid")
        return None


pusher = Pusher(
    devices=DeviceStore(aws.dynamodb(), settings.inbox_table, settings.users_table),
    inbox=inbox,
    mailer=mailer,
    key=push_key,
    telemetry=telemetry,
    loopback=settings.push_loopback,
)
notifier = Notifier(
    inbox=inbox,
    users=users,
    quests=quests,
    messages=MessageStore(aws.dynamodb(), settings.messages_table, settings.users_table, quests),
    mailer=mailer,
    pusher=pusher,
    telemetry=telemetry,
)
sweeper = Sweeper(
    "notifier",
    settings.stage,
    (mailer.sweep, notifier.remind, notifier.tell_moderators, mailer.send_digests),
    telemetry,
)

_READERS: Final[dict[str, Callable[[Record], list[Notice]]]] = {
    settings.quests_table: notifier.step,
    settings.ledger_table: notifier.reward,
    settings.messages_table: notifier.message,
    settings.reports_table: notifier.report,
}
"""The function for a record, by the table of its stream."""
_OUTAGES: Final = (StoreUnavailableError, ParameterUnavailableError)


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Take a batch of a stream and name the records to retry; or SES's reports; or the schedule's event."""
    pusher.run.begin()
    try:
        records = event.get("Records")
        if records is None:
            sweeper.run(event, context, datetime.now(UTC))
            return {}
        if "Sns" in records[0]:
            for record in records:
                _take_report(record["Sns"])
            return {}
        return {"batchItemFailures": _failures(records)}
    finally:
        telemetry.flush()


def _failures(records: list[dict[str, Any]]) -> list[dict[str, str]]:
    """The first record that met an outage: the stream is in order, so it and all behind it are retried."""
    for record in records:
        try:
            _take(record)
        except _OUTAGES:
            telemetry.log.warning("outage; the record is retried", exc_info=True)
            return [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]
    return []


def _take(record: dict[str, Any]) -> None:
    table = record["eventSourceARN"].split("/")[1]
    try:
        pending = _READERS[table](record)
    except ValueError as error:
        _give_up(table, json.dumps(record["dynamodb"]["Keys"], sort_keys=True), type(error).__name__)
        return
    notifier.notify(pending, datetime.now(UTC))


def _take_report(notification: dict[str, Any]) -> None:
    try:
        report = json.loads(notification["Message"])
        if not isinstance(report, dict):
            raise TypeError("a report of SES is an object")
        notifier.refused(report)
    except (ValueError, KeyError, TypeError) as error:
        _give_up("mail-feedback", str(notification.get("MessageId")), type(error).__name__)


def _give_up(source: str, key: str, reason: str) -> None:
    """Keep what is invalid for the operators: another attempt would fail like this one."""
    aws.sqs().send_message(QueueUrl=settings.notices_dlq_url, MessageBody=InvalidEvent(source, key, reason).to_json())
    telemetry.count(NOTICES_FAILED)
    telemetry.log.error("not told", extra={"source": source, "key": key, "reason": reason})
