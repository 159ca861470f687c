"""The publisher Lambda: publishes what the quests' stream brings, and by its schedule compares all documents."""

from services.core import cold_start  # before the rest, which it is to pause the garbage collector for

# isort: split
import os
from datetime import UTC, datetime
from typing import Any

from services.core import aws
from services.core.events import QuestNotPublished
from services.core.metrics import DOCUMENT_DRIFT, PUBLICATION_LAG
from services.core.settings import PublisherSettings
from services.core.stores.documents import DocumentStore
from services.core.stores.dynamo import StoreUnavailableError, decode_item
from services.core.stores.quests import QuestStore, quest_of
from services.core.stores.users import UserStore
from services.core.sweeping import Context, Sweeper
from services.core.telemetry import Telemetry
from services.publisher.comparison import Comparison
from services.publisher.publication import BATCH, Publisher

settings = PublisherSettings.load(os.environ)
telemetry = Telemetry("publisher", settings.stage, settings.log_level)
publisher = Publisher(
    quests=QuestStore(
        aws.dynamodb(),
        settings.quests_table,
        settings.users_table,
        settings.ledger_table,
        shards=settings.board_shards,
    ),
    users=UserStore(aws.dynamodb(), settings.users_table, settings.ledger_table),
    documents=DocumentStore(aws.s3(), settings.site_bucket),
    site_url=settings.site_url,
    log=telemetry.log,
    workers=settings.publisher_workers,
)
cold_start.finish()


def handler(event: dict[str, Any], context: Context) -> dict[str, Any]:
    """Take a batch of the quests' stream and name the records to retry; or publish the `quests` that an operator names;
    or take the schedule's event.
    """
    try:
        if "Records" in event:
            return {"batchItemFailures": _publish_records(event["Records"])}
        if "quests" in event:
            return {"invalid": publisher.publish(event["quests"], datetime.now(UTC))}
        return _compare(event, context)
    finally:
        telemetry.flush()


def _compare(event: dict[str, Any], context: Context) -> dict[str, Any]:
    comparison = Comparison(publisher)
    sweeper = Sweeper("publisher", settings.stage, comparison.chores(), telemetry)
    unfinished = sweeper.run(event, context, datetime.now(UTC))
    telemetry.count(DOCUMENT_DRIFT, comparison.drifted)
    counts = {name: getattr(comparison, name) for name in ("quests", "rewritten", "drifted")}
    telemetry.log.info("documents compared", extra={**counts, "unfinished": unfinished})
    return {**counts, "finished": not unfinished}


def _publish_records(records: list[dict[str, Any]]) -> list[dict[str, str]]:
    """Publish each quest of the batch once. In an outage all records are retried: the work is safe to repeat."""
    changes = [record["dynamodb"] for record in records]
    quest_ids = [id_ for id_ in dict.fromkeys(_quest_id(change) for change in changes) if id_ is not None]
    try:
        for start in range(0, len(quest_ids), BATCH):
            for invalid in publisher.publish(quest_ids[start : start + BATCH], datetime.now(UTC)):
                _give_up(invalid)
    except StoreUnavailableError:
        telemetry.log.warning("outage; the records are retried", exc_info=True)
        return [{"itemIdentifier": changes[0]["SequenceNumber"]}]
    changed_at = min(float(change["ApproximateCreationDateTime"]) for change in changes)
    telemetry.count(PUBLICATION_LAG, datetime.now(UTC).timestamp() - changed_at)
    telemetry.log.info("published", extra={"quests": quest_ids})
    return []


def _quest_id(change: dict[str, Any]) -> str | None:
    """The quest that a record is about, if any; its texts are items of their own."""
    return quest_of(str(decode_item(change["Keys"])["questId"]))


def _give_up(quest_id: str) -> None:
    """Keep an invalid quest for the operators: another attempt would fail like this one."""
    aws.sqs().send_message(QueueUrl=settings.publisher_dlq_url, MessageBody=QuestNotPublished(quest_id).to_json())
