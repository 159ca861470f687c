"""The quests table: one conditional write for every change of a quest, and the lists of quests.

A quest is up to three items: the quest itself under its id, and its Markdown under `{id}#description` and
`{id}#submission`, so that a transition costs the same however long the texts are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from services.core.domain.ledger import State
from services.core.domain.quests import Category, Change, Quest, Status, release_due
from services.core.domain.values import timestamp
from services.core.folding import matches, words
from services.core.stores.dynamo import (
    ConditionFailedError,
    Item,
    StoreUnavailableError,
    batch_get,
    call,
    decode_item,
    dump,
    encode,
    encode_item,
    pages,
    update_expression,
)
from services.core.stores.ledger import put_entry
from services.core.stores.users import InsufficientPointsError, NoSuchUserError, Quota, post_points, spend_quota
from services.core.tables import QUESTS, Index

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BOARD = QUESTS.index("board")
_TEXTS = ("#description", "#submission")


def item_ids(quest_id: str) -> tuple[str, ...]:
    """The keys of the items that a quest may consist of."""
    return (quest_id, *(f"{quest_id}{part}" for part in _TEXTS))


BATCH = 100 // (1 + len(_TEXTS))
"""Quests with their texts that one call reads: DynamoDB gives 100 items."""
_SCAN_FACTOR = 5
"""How many quests a filtered page reads for each that it may show, so that a rare filter is not a call per quest."""


class QuestMovedError(Exception):
    """Somebody else changed the quest since it was read; `current` is how it stands now."""

    def __init__(self, current: Quest) -> None:
        super().__init__(f"{current.quest_id} moved to version {current.version}")
        self.current = current


class QuestExistsError(Exception):
    """There is a quest of this id."""


@dataclass(frozen=True)
class StoredQuest:
    """A quest with the texts that were read with it."""

    quest: Quest
    description: str = ""
    submission: str | None = None


@dataclass(frozen=True)
class Board:
    """What a listing of the board asks for."""

    limit: int
    category: Category | None = None
    text: str = ""
    before: str | None = None
    status: Status = Status.OPEN

    def shows(self, quest: Item) -> bool:
        """Whether a card passes the filters; every word of the text begins one of title, tags, area or category."""
        if self.category and quest["category"] != self.category:
            return False
        if not self.text:
            return True
        texts = (quest["title"], *quest.get("tags", []), quest.get("area", ""), quest["category"])
        return matches(words(self.text), " ".join(words(*texts)))


class Page(NamedTuple):
    """Quests of the board as the index projects them; `last` is where the next page starts, or None at the end."""

    items: list[Item]
    last: str | None

    @property
    def quests(self) -> list[Quest]:
        """The same as quests, without what the index does not project."""
        return [Quest.model_validate({"updatedAt": item["createdAt"], **item}) for item in self.items]


class QuestStore:
    """Reads and writes quests. Every method raises StoreUnavailableError when the tables do not answer."""

    def __init__(
        self, client: "DynamoDBClient", quests_table: str, users_table: str, ledger_table: str, shards: int
    ) -> None:
        self._client, self._table, self._users, self._ledger = client, quests_table, users_table, ledger_table
        self._shards = shards

    def get(self, quest_id: str) -> StoredQuest | None:
        """The quest with all its texts, as of now, in one call."""
        found = self.get_many([quest_id])
        return found[0] if found else None

    def get_many(self, quest_ids: Sequence[str]) -> list[StoredQuest]:
        """Those of at most BATCH quests that exist, in order, with all their texts, as of now, in one call."""
        keys = ({"questId": f"{quest_id}{part}"} for quest_id in quest_ids for part in ("", *_TEXTS))
        items = {item["questId"]: item for item in batch_get(self._client, self._table, keys, consistent=True)}
        quests = (Quest.model_validate(items[id_]) for id_ in quest_ids if id_ in items and "#" not in id_)
        return [StoredQuest(quest, *self._texts(quest.quest_id, items)) for quest in quests]

    def titles(self, quest_ids: Sequence[str]) -> dict[str, str]:
        """The titles of those of at most 100 quests that exist."""
        keys = ({"questId": quest_id} for quest_id in quest_ids)
        items = batch_get(self._client, self._table, keys, consistent=False)
        return {item["questId"]: item["title"] for item in items}

    def described(self, quest_ids: Sequence[str]) -> list[StoredQuest]:
        """Those of at most 50 quests that exist, in order, with their descriptions alone, as of now, in one call."""
        keys = ({"questId": f"{quest_id}{part}"} for quest_id in quest_ids for part in ("", "#description"))
        items = {item["questId"]: item for item in batch_get(self._client, self._table, keys, consistent=True)}
        quests = (Quest.model_validate(items[id_]) for id_ in quest_ids if id_ in items and "#" not in id_)
        return [StoredQuest(quest, self._texts(quest.quest_id, items)[0]) for quest in quests]

    def open_ids(self) -> Iterator[str]:
        """The ids of the OPEN quests; the index may lag behind by a moment."""
        yield from self.due(Status.OPEN, datetime.max.replace(tzinfo=UTC))

    def ids(self) -> Iterator[str]:
        """The id of every quest, in no order. Reads the whole table."""
        for page in pages(self._client.scan, TableName=self._table, ProjectionExpression="questId"):
            yield from (item["questId"] for item in page if "#" not in item["questId"])

    def _texts(self, quest_id: str, items: Mapping[str, Item]) -> tuple[str, str | None]:
        description, submission = (items.get(f"{quest_id}{part}", {}).get("text") for part in _TEXTS)
        return description or "", submission

    def create(self, change: Change, quota: Quota | None = None) -> None:
        """Stores a new quest with its description and what it costs, all or nothing.

        Raises QuestExistsError, InsufficientPointsError, RateLimitedError, NoSuchUserError.
        """
        put = {
            "TableName": self._table,
            "Item": encode_item(self._stored(change.quest)),
            "ConditionExpression": "attribute_not_exists(questId)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        self._commit({"Put": put}, change, quota, change.quest.requestor_id)

    def save(self, before: Quest, change: Change, quota: Quota | None = None) -> None:
        """Stores a quest's next state, its entries and texts, all or nothing, if it is still as it was read.

        `quota` is used once for the quest's performer. Raises QuestMovedError, RateLimitedError, NoSuchUserError.
        """
        self._commit({"Update": self.update(before, change.quest)}, change, quota, change.quest.performer_id)

    def update(self, before: Quest, after: Quest) -> Item:
        """The Update of a quest that is still as it was read, as a part of a transaction."""
        update = update_expression(self._stored(before), self._stored(after))
        update["ExpressionAttributeNames"] |= {"#status": "status", "#version": "version"}
        update["ExpressionAttributeValues"] |= encode_item({":status": before.status, ":version": before.version})
        return {
            "TableName": self._table,
            "Key": {"questId": encode(before.quest_id)},
            "ConditionExpression": "#status = :status AND #version = :version",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **update,
        }

    def unchanged(self, quest: Quest) -> Item:
        """The ConditionCheck of a quest that is still as it was read, as a part of a transaction."""
        return {
            "TableName": self._table,
            "Key": {"questId": encode(quest.quest_id)},
            "ConditionExpression": "#version = :version",
            "ExpressionAttributeNames": {"#version": "version"},
            "ExpressionAttributeValues": encode_item({":version": quest.version}),
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }

    def _commit(self, write: Item, change: Change, quota: Quota | None, spender: str | None) -> None:
        writes = [write, *self._text_writes(change)]
        entries = [put_entry(self._ledger, entry) for entry in change.entries]
        for running in (False, True):
            rows = self._row_writes(change, quota, spender, running=running)
            try:
                self._write([*writes, *entries, *rows])
            except ConditionFailedError as failure:
                self._explain(failure, change, quota, len(rows))
            else:
                return
        raise StoreUnavailableError("the member's quota kept moving")

    def _write(self, writes: list[Item]) -> None:
        if len(writes) == 1 and "Update" in writes[0]:
            call(self._client.update_item, **writes[0]["Update"])
        else:
            call(self._client.transact_write_items, TransactItems=writes)

    def _text_writes(self, change: Change) -> list[Item]:
        texts = {"description": change.description, "submission": change.submission}
        return [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": encode_item({"questId": f"{change.quest.quest_id}#{name}", "text": text}),
                }
            }
            for name, text in texts.items()
            if text is not None
        ]

    def _row_writes(self, change: Change, quota: Quota | None, spender: str | None, *, running: bool) -> list[Item]:
        spend = quota.spend(change.quest.updated_at, running=running) if quota else None
        posted = [entry for entry in change.entries if entry.state is State.POSTED]
        if not posted:
            return [spend_quota(self._users, spender or "", spend)] if spend else []
        return [post_points(self._users, entry, spend) for entry in posted]

    def _explain(self, failure: ConditionFailedError, change: Change, quota: Quota | None, rows: int) -> None:
        """Raises what a failed condition means; returns where the quota's other expression is to be tried."""
        quest = failure.items[0]
        if quest:
            if change.quest.version == 1:
                raise QuestExistsError(change.quest.quest_id)
            raise QuestMovedError(Quest.model_validate(quest))
        row = failure.items[-1] if rows else None
        if row is None:
            raise failure
        if not row or row.get("deleted"):
            raise NoSuchUserError
        cost = -sum(entry.points for entry in change.entries if entry.points < 0)
        if row.get("points", 0) < cost:
            raise InsufficientPointsError
        if quota:
            quota.check(row, change.quest.updated_at)

    def _stored(self, quest: Quest) -> Item:
        item = dump(quest)
        if lane_at := _lane_at(quest):
            item[_BOARD.partition_key] = self._lane(quest.status, self._shard(quest.quest_id))
            item[_BOARD.sort_key] = f"{timestamp(lane_at)}#{quest.quest_id}"
        return item

    def holds(self, shard: int) -> bool:
        """Whether a partition of the board index has a quest in it."""
        return any(self._first_of(status, shard) for status in Status)

    def _first_of(self, status: Status, shard: int) -> list[Any]:
        answer = call(
            self._client.query,
            TableName=self._table,
            IndexName=_BOARD.name,
            KeyConditionExpression="lane = :lane",
            ExpressionAttributeValues=encode_item({":lane": self._lane(status, shard)}),
            Limit=1,
        )
        return answer["Items"]

    def _shard(self, quest_id: str) -> int:
        return sha256(quest_id.encode()).digest()[0] % self._shards

    def _lane(self, status: Status, shard: int) -> str:
        return f"{status}#{shard}"

    def board(self, board: Board) -> Page:
        """A page of the OPEN or DISPUTED quests, newest first: one query per shard, and where filters leave it short, a
        few more.
        """
        shown: list[Item] = []
        before = board.before
        for _ in range(_SCAN_FACTOR):
            batch, frontier = self._board_slice(board.status, before, board.limit)
            shown += [item for item in batch if board.shows(item)]
            before = frontier
            if len(shown) >= board.limit or frontier is None:
                break
        page = shown[: board.limit]
        more = len(shown) > board.limit or before is not None
        last = (page[-1][_BOARD.sort_key] if len(shown) > board.limit else before) if more else None
        return Page(page, last)

    def _board_slice(self, status: Status, before: str | None, limit: int) -> tuple[list[Item], str | None]:
        """Cards in order over all shards, and the position down to which every shard was read."""
        items: list[Item] = []
        frontier: str | None = None
        for shard in range(self._shards):
            answer = call(
                self._client.query,
                TableName=self._table,
                IndexName=_BOARD.name,
                KeyConditionExpression="lane = :lane" + (" AND laneAt < :before" if before else ""),
                ExpressionAttributeValues=encode_item({":lane": self._lane(status, shard), ":before": before}),
                ScanIndexForward=False,
                Limit=limit + 1,
            )
            items += [decode_item(item) for item in answer["Items"]]
            if end := answer.get("LastEvaluatedKey"):
                frontier = max(frontier or "", end[_BOARD.sort_key]["S"])
        items.sort(key=lambda item: str(item[_BOARD.sort_key]), reverse=True)
        return [item for item in items if frontier is None or item[_BOARD.sort_key] >= frontier], frontier

    def due(self, status: Status, now: datetime) -> Iterator[str]:
        """The ids of OPEN quests that have expired, or of CLAIMED ones that are overdue; the index may lag behind."""
        for shard in range(self._shards):
            found = pages(
                self._client.query,
                TableName=self._table,
                IndexName=_BOARD.name,
                KeyConditionExpression="lane = :lane AND laneAt < :now",
                ExpressionAttributeValues=encode_item({":lane": self._lane(status, shard), ":now": timestamp(now)}),
            )
            for page in found:
                yield from (item["questId"] for item in page)

    def of_member(
        self, user_id: str, role_index: Index, limit: int, after: Item | None
    ) -> tuple[list[Quest], Item | None]:
        """A page of the quests that a member posted or performed, newest first, and the key to continue after."""
        start: Any = {"ExclusiveStartKey": encode_item(after)} if after else {}
        answer = call(
            self._client.query,
            TableName=self._table,
            IndexName=role_index.name,
            KeyConditionExpression=f"{role_index.partition_key} = :user",
            ExpressionAttributeValues={":user": encode(user_id)},
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        keys = [{"questId": item["questId"]["S"]} for item in answer["Items"]]
        found = {item["questId"]: item for item in batch_get(self._client, self._table, keys, consistent=False)}
        quests = [Quest.model_validate(found[key["questId"]]) for key in keys if key["questId"] in found]
        last = answer.get("LastEvaluatedKey")
        return quests, decode_item(last) if last else None


def _lane_at(quest: Quest) -> datetime | None:
    """What orders a quest among those of its status in the board index; None for one that is not in it."""
    match quest.status:
        case Status.OPEN:
            return quest.expires_at
        case Status.CLAIMED:
            return release_due(quest)
        case Status.DISPUTED:
            return quest.dispute.raised_at if quest.dispute else None
    return None
