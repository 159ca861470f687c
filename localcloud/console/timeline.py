"""A request's way through the stage: the app's call, the log, the tables, the reward, the notice, the mail.

Nothing is guessed from times: a ledger entry keeps the id of the request that booked it, a quest the step id of
each request that changed it, and what follows names that quest and its version.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

from localcloud.console.data_sources import StageView, decoded
from services.core.domain.digests import step_id_of
from services.core.names import QUESTS_PREFIX, resource_name
from services.core.parameters import SITE_BUCKET

SECONDS: Final = 86400
"""As far back as streams and logs are read."""
_ACTIONS: Final = ("edit", "cancel", "claim", "release", "withdraw", "submit", "request-changes", "attest", "dispute",
                   "state", "resolve", "hide", "unhide")  # fmt: skip
_PARTIES: Final = ("requestorId", "performerId", "releasedBy", "decidedBy")


@dataclass(frozen=True, order=True)
class Event:
    """A thing that happened, where, and all that is known of it."""

    at: float
    order: int
    where: str = field(compare=False)
    what: str = field(compare=False)
    detail: Mapping[str, Any] = field(compare=False)


@dataclass(frozen=True)
class _Change:
    """A record of a table's stream."""

    table: str
    at: float
    before: Mapping[str, Any]
    after: Mapping[str, Any]


def timeline(stage: StageView, wanted: str) -> list[Event]:
    """The events of a request, by its id, or of a quest's whole life, by the quest's; in the order of time."""
    changes = list(_changes(stage))
    own = [change for change in changes if _concerns(change, wanted)]
    # A new quest has no step id; the entry of its cost names it.
    posted = {c.after["questId"] for c in own if c.table == "ledger" and c.after.get("kind") == "create"}
    own += [
        c for c in changes if c.table == "quests" and not c.before and c.after["questId"] in posted and c not in own
    ]
    steps = {(c.after["questId"], c.after.get("version")) for c in own if c.table == "quests" and c.after}
    quests = {str(c.after.get("questId")) for c in own if c.after.get("questId")}
    events = [*_calls(stage, wanted), *_logged(stage, wanted), *(_told(change) for change in own)]
    events += _notices(stage, own, steps, whole=wanted in quests)
    if steps:
        events += _documents(stage, quests, min(event.at for event in events))
    return sorted(events)


def _calls(stage: StageView, wanted: str) -> Iterator[Event]:
    for call in stage.emulator.calls():
        if wanted == call.request_id or wanted in call.path.split("/"):
            yield Event(
                call.at, 0, "app", f"{call.method} {call.path}: {call.status}, {call.milliseconds:.0f} ms", vars(call)
            )


def _logged(stage: StageView, wanted: str) -> Iterator[Event]:
    for at, service, line in stage.log_lines(time.time() - SECONDS):
        if wanted in (line.get("request_id"), line.get("quest_id")):
            parts = [
                str(line[key]) for key in ("message", "route", "status", "code") if line.get(key) not in (None, "")
            ]
            yield Event(at / 1000, 1 if service == "api" else 3, service, " · ".join(parts), line)


def _changes(stage: StageView) -> Iterator[_Change]:
    """The records of the tables' streams."""
    streams = stage.client("dynamodbstreams")
    prefix = resource_name(stage.name, "")
    for name in stage.tables:
        for stream in streams.list_streams(TableName=name)["Streams"]:
            arn = stream["StreamArn"]
            for shard in streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]:
                place = streams.get_shard_iterator(
                    StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
                ).get("ShardIterator")
                while place:
                    page = streams.get_records(ShardIterator=place)
                    for record in page["Records"]:
                        yield _change(name.removeprefix(prefix), record["dynamodb"])
                    place = page.get("NextShardIterator") if page["Records"] else None


def _change(table: str, record: Mapping[str, Any]) -> _Change:
    before, after = decoded(record.get("OldImage", {})), decoded(record.get("NewImage", {}))
    written = after.get("postedAt") or after.get("updatedAt") or after.get("createdAt")
    return _Change(table, _moment(written, record["ApproximateCreationDateTime"].timestamp()), before, after)


def _moment(text: object, otherwise: float) -> float:
    try:
        return datetime.fromisoformat(str(text)).timestamp()
    except ValueError:
        return otherwise


def _concerns(change: _Change, wanted: str) -> bool:
    image = change.after or change.before
    if wanted in (image.get("requestId"), image.get("questId")):
        return True
    taken = set(change.after.get("taken", [])) - set(change.before.get("taken", []))
    parties = {str(image[key]) for image in (change.before, change.after) for key in _PARTIES if image.get(key)}
    return any(step_id_of(user, action, wanted) in taken for user in parties for action in _ACTIONS)


def _told(change: _Change) -> Event:
    image = change.after or change.before
    if not change.after:
        what = f"{change.table}: deleted"
    elif change.table == "quests":
        former, status = change.before.get("status"), image.get("status")
        what = f"quest {f'{former} -> ' if former and former != status else ''}{status}, version {image.get('version')}"
    elif change.table == "ledger":
        amounts = ", ".join(f"{image[name]:+} {name}" for name in ("points", "xp", "reputation") if image.get(name))
        what = f"entry {image.get('kind')} {image.get('state')}: {amounts or 'nothing'}"
    else:
        what = f"{change.table}: written"
    paid = change.table == "ledger" and image.get("kind") == "reward" and image.get("state") != "PENDING"
    where = "reward" if paid else f"table {change.table}"
    return Event(change.at, 4 if paid else 2, where, what, {"before": change.before, "after": change.after})


def _notices(stage: StageView, own: list[_Change], steps: set[tuple[Any, Any]], *, whole: bool) -> Iterator[Event]:
    """The inbox items of these steps and rewards, and the mails that left for them."""
    name = resource_name(stage.name, "inbox")
    if name not in stage.tables:
        return
    times = {c.at for c in own}
    quests = {quest for quest, _ in steps} | {c.after.get("questId") for c in own}
    pages = stage.client("dynamodb").get_paginator("scan").paginate(TableName=name)
    for item in (decoded(item) for page in pages for item in page["Items"]):
        at = _moment(item.get("at"), 0)
        if item.get("questId") not in quests or not (whole or any(abs(at - one) < 0.001 for one in times)):
            continue
        yield Event(at, 5, "notice", f"{item.get('kind')} for {item.get('userId')}", item)
        if mailed := item.get("mailedAt"):
            yield Event(_moment(mailed, at), 6, "mail", f"to {item.get('userId')}: {item.get('kind')}", item)


def _documents(stage: StageView, quests: set[str], since: float) -> Iterator[Event]:
    s3 = stage.client("s3")
    bucket = stage.parameter(SITE_BUCKET.key)
    for quest in sorted(quests):
        for kind in ("json", "html"):
            key = f"{QUESTS_PREFIX}{quest}.{kind}"
            try:
                found = s3.head_object(Bucket=bucket, Key=key)["ResponseMetadata"]["HTTPHeaders"]
            except s3.exceptions.ClientError:
                continue
            at = parsedate_to_datetime(found["last-modified"]).timestamp() + 0.999  # it has whole seconds
            if at >= since:
                yield Event(at, 7, "document", f"{key}, as it is now", dict(found))


def clock(at: float) -> str:
    """Time of day (UTC) with milliseconds."""
    return datetime.fromtimestamp(at, UTC).strftime("%H:%M:%S.%f")[:-3]
