"""The quests table: one conditional write for every change of a quest, and the lists of quests.

A quest is up to three items: the quest itself under its id, and its Markdown under `{id}#description` and
`{id}#submission`, so that a transition costs the same however long the texts are. Some quests also have *index items*,
which only carry the key of an index and are written in the same transaction as the step (decision 0018): `{id}#turn`
finds whose turn it is where the quest's own lane does not, `{id}#former#{user}` keeps a quest in the list of a former
performer, `{id}#judge#{user}` in that of the moderator who decided.

Beside the quests, `pair#{one}#{other}` is what two members completed together: a completion writes it on condition that
it is as it was read, so that of two quests of a pair that end at once only one is paid in full.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Any, NamedTuple

from services.core.domain.ledger import Kind, State
from services.core.domain.pairs import Pair
from services.core.domain.quests import (
    Category,
    Change,
    PairChange,
    Quest,
    Role,
    Status,
    former_of,
    has_attested,
    other_side,
)
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
from services.core.stores.users import InsufficientPointsError, Limit, NoSuchUserError, post_points, spend_quota
from services.core.tables import QUESTS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_BOARD = QUESTS.index("board2")
_PERFORMER = QUESTS.index("performer")
_UNDERWAY = "UNDERWAY"
_UNDERWAY_STATUSES = (Status.CLAIMED, Status.SUBMITTED)
_TEXTS = ("#description", "#submission")
_PAIR = "pair#"


def item_ids(quest_id: str) -> tuple[str, ...]:
    """The keys of the items that a quest may consist of."""
    return (quest_id, *(f"{quest_id}{part}" for part in _TEXTS))


BATCH = 100 // (1 + len(_TEXTS))
"""Quests with their texts that one call reads: DynamoDB gives 100 items."""
_SCAN_FACTOR = 5
"""Quests that a filtered page reads for each one that it may show, so that a rare filter is not a call per quest."""
_SEARCHED = 100
"""Quests that a page of a search looks at: each may take its description and its requestor's name to decide."""


class QuestConflictError(Exception):
    """Somebody else changed the quest since it was read; `current` is how it stands now."""

    def __init__(self, current: Quest) -> None:
        super().__init__(f"{current.quest_id} moved to version {current.version}")
        self.current = current


class PairConflictError(QuestConflictError):
    """The members completed another quest together since their pair was read."""


class QuestExistsError(Exception):
    """There is a quest of this id."""


@dataclass(frozen=True)
class StoredQuest:
    """A quest with the texts that were read with it."""

    quest: Quest
    description: str = ""
    submission: str | None = None


@dataclass(frozen=True)
class BoardQuery:
    """The filters of a listing of the board."""

    limit: int
    category: Category | None = None
    text: str = ""
    before: str | None = None
    status: Status = Status.OPEN

    def finds(self, quest: Item, *more: str) -> bool:
        """True if every word of the text begins one of the card's title, tags, area, category or of `more`, the quest's
        other texts.
        """
        if not self.text:
            return True
        texts = (quest["title"], *quest.get("tags", []), quest.get("area", ""), quest["category"], *more)
        return matches(words(self.text), " ".join(words(*texts)))


class QuestList(NamedTuple):
    """A page of a member's quests; `last` is where the next one starts, or None at the end."""

    quests: list[Quest]
    last: Any


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
        quests = (Quest.model_validate(items[id_]) for id_ in quest_ids if id_ in items and is_quest(id_))
        return [StoredQuest(quest, *self._texts(quest.quest_id, items)) for quest in quests]

    def titles(self, quest_ids: Sequence[str]) -> dict[str, str]:
        """The titles of those of at most 100 quests that exist."""
        keys = ({"questId": quest_id} for quest_id in quest_ids)
        items = batch_get(self._client, self._table, keys, consistent=False)
        return {item["questId"]: item["title"] for item in items}

    def described(self, quest_ids: Sequence[str], *, consistent: bool = True) -> list[StoredQuest]:
        """Those of at most 50 quests that exist, in order, with their descriptions alone, in one call: as of now, or
        else a moment old for half the read units.
        """
        keys = ({"questId": f"{quest_id}{part}"} for quest_id in quest_ids for part in ("", "#description"))
        items = {item["questId"]: item for item in batch_get(self._client, self._table, keys, consistent=consistent)}
        quests = (Quest.model_validate(items[id_]) for id_ in quest_ids if id_ in items and is_quest(id_))
        return [StoredQuest(quest, self._texts(quest.quest_id, items)[0]) for quest in quests]

    def pair(self, one: str, other: str) -> Pair:
        """The record of what two members completed together, as of now."""
        found = batch_get(self._client, self._table, [{"questId": _pair_key(one, other)}], consistent=True)
        return Pair.model_validate({k: v for k, v in found[0].items() if k != "questId"}) if found else Pair()

    def open_ids(self) -> Iterator[str]:
        """The ids of the OPEN quests; the index may lag behind by a moment."""
        yield from self.due(Status.OPEN, datetime.max.replace(tzinfo=UTC))

    def ids(self, after: str = "") -> Iterator[str]:
        """The id of every quest, in no order but always the same, from behind the id `after` on. Reads the table."""
        begin: Item = {"ExclusiveStartKey": encode_item({"questId": after})} if after else {}
        for page in pages(self._client.scan, TableName=self._table, ProjectionExpression="questId", **begin):
            yield from (item["questId"] for item in page if is_quest(item["questId"]))

    def without_texts(self, quest_ids: Iterable[str], *, consistent: bool = True) -> list[Quest]:
        """Those of the quests that exist, in order, without their texts: a call for each hundred."""
        wanted = list(dict.fromkeys(quest_ids))
        found: dict[str, Quest] = {}
        for start in range(0, len(wanted), 100):
            keys = [{"questId": quest_id} for quest_id in wanted[start : start + 100]]
            items = batch_get(self._client, self._table, keys, consistent=consistent)
            found |= {item["questId"]: Quest.model_validate(item) for item in items}
        return [found[quest_id] for quest_id in wanted if quest_id in found]

    def _texts(self, quest_id: str, items: Mapping[str, Item]) -> tuple[str, str | None]:
        description, submission = (items.get(f"{quest_id}{part}", {}).get("text") for part in _TEXTS)
        return description or "", submission

    def create(self, change: Change, quota: Limit | None = None) -> None:
        """Stores a new quest with its description and what it costs, all or nothing.

        Raises QuestExistsError, InsufficientPointsError, RateLimitedError, NoSuchUserError.
        """
        put = {
            "TableName": self._table,
            "Item": encode_item(self._stored(change.quest)),
            "ConditionExpression": "attribute_not_exists(questId)",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
        self._commit([{"Put": put}, *self._text_writes(change)], change, quota)

    def save(self, before: Quest, change: Change, quota: Limit | None = None) -> None:
        """Stores a quest's next state, its entries and texts, all or nothing, if it is still as it was read.

        `quota` is used once for the quest's requestor. Raises QuestConflictError, InsufficientPointsError,
        RateLimitedError, NoSuchUserError.
        """
        pair = [self._pair_write(before, change.pair)] if change.pair else []
        self._commit([*self.step(before, change.quest), *self._text_writes(change), *pair], change, quota)

    def step(self, before: Quest, after: Quest) -> list[Item]:
        """The writes of a quest that is still as it was read, as a part of a transaction; its own comes first."""
        update = update_expression(self._stored(before), self._stored(after))
        update["ExpressionAttributeNames"] |= {"#status": "status", "#version": "version"}
        update["ExpressionAttributeValues"] |= encode_item({":status": before.status, ":version": before.version})
        write = {
            "TableName": self._table,
            "Key": {"questId": encode(before.quest_id)},
            "ConditionExpression": "#status = :status AND #version = :version",
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
            **update,
        }
        return [{"Update": write}, *self._index_item_writes(before, after)]

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

    def _commit(self, writes: list[Item], change: Change, quota: Limit | None) -> None:
        entries = [put_entry(self._ledger, entry) for entry in change.entries]
        for used_lately in (False, True):
            rows = self._row_writes(change, quota, used_lately=used_lately)
            try:
                self._write([*writes, *entries, *rows])
            except ConditionFailedError as failure:
                self._raise_domain_error(failure, change, quota, len(rows))
            else:
                return
        raise StoreUnavailableError("the member's quota kept changing")

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

    def _pair_write(self, quest: Quest, pair: PairChange) -> Item:
        update = update_expression(dump(pair.before) if pair.before.revision else {}, dump(pair.after))
        known = pair.before.revision > 0
        return {
            "Update": {
                "TableName": self._table,
                "Key": {"questId": encode(_pair_key(quest.requestor_id, quest.performer_id or ""))},
                "ConditionExpression": "revision = :revision" if known else "attribute_not_exists(questId)",
                **update,
                "ExpressionAttributeValues": update["ExpressionAttributeValues"]
                | (encode_item({":revision": pair.before.revision}) if known else {}),
            }
        }

    def _index_item_writes(self, before: Quest, after: Quest) -> list[Item]:
        """The writes of the quest's index items (see the module) that a step changes."""
        items: dict[str, Item | None] = {}
        if (turn := _turn_item_owner(after)) != _turn_item_owner(before):
            items["turn"] = self._underway(turn, after.quest_id) if turn else None
        for former in after.former:
            if former not in before.former:
                items[f"former#{former.user_id}"] = _listed(former.user_id, former.at)
        if after.performer_id and after.performer_id != before.performer_id and former_of(after, after.performer_id):
            items[f"former#{after.performer_id}"] = None  # now the quest itself is in their list
        judge = after.dispute and after.dispute.decided_by
        if judge and after.dispute != before.dispute:
            items[f"judge#{judge}"] = _listed(_as_judge(judge), after.updated_at)
        return [self._index_item_write(f"{after.quest_id}#{name}", item) for name, item in items.items()]

    def _index_item_write(self, key: str, item: Item | None) -> Item:
        """Writes an item's index attributes, or removes them, so that no index holds it."""
        names = [name for index in (_BOARD, _PERFORMER) for name in (index.partition_key, index.sort_key)]
        return {"Update": {"TableName": self._table, "Key": {"questId": encode(key)}} | _present(names, item or {})}

    def _row_writes(self, change: Change, quota: Limit | None, *, used_lately: bool) -> list[Item]:
        spend = quota.spend(change.quest.updated_at, used_lately=used_lately) if quota else None
        posted = [entry for entry in change.entries if entry.state is State.POSTED]
        if not posted:
            return [spend_quota(self._users, change.quest.requestor_id, spend)] if spend else []
        return [post_points(self._users, entry, spend) for entry in posted]

    def _raise_domain_error(
        self, failure: ConditionFailedError, change: Change, quota: Limit | None, rows: int
    ) -> None:
        """Maps a failed condition to a domain error; returns if the quota's other expression should be tried."""
        quest = failure.items[0]
        if quest:
            if change.quest.version == 1:
                raise QuestExistsError(change.quest.quest_id)
            raise QuestConflictError(Quest.model_validate(quest))
        row = failure.items[-1] if rows else None
        if row is None:
            if change.pair:
                raise PairConflictError(change.quest)
            raise failure
        if not row or row.get("deleted"):
            raise NoSuchUserError
        cost = -sum(entry.points for entry in change.entries if entry.points < 0)
        if row.get("points", 0) < cost:
            raise InsufficientPointsError
        if quota:
            quota.check(row, change.quest.updated_at)

    def _stored(self, quest: Quest) -> Item:
        item = {**dump(quest), **(self._place(quest) or {})}
        if due_at := quest.due_at():
            item["dueAt"] = timestamp(due_at)
        return item

    def has_quests_in(self, shard: int) -> bool:
        """True if a partition of the board index has a quest in it."""
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

    def _place(self, quest: Quest) -> Item | None:
        """A quest's place in the board index; None for one that is not in it."""
        shard = self._shard(quest.quest_id)
        match quest.status:
            case Status.OPEN if not quest.hidden_at and not quest.synthetic:
                return _position(f"{quest.status}#{shard}", f"{timestamp(quest.created_at)}#{quest.quest_id}")
            case Status.CLAIMED | Status.SUBMITTED:
                return self._underway(quest.requestor_id, quest.quest_id)
            case Status.DISPUTED if quest.dispute:
                return _position(f"{quest.status}#{shard}", f"{timestamp(quest.dispute.raised_at)}#{quest.quest_id}")
        return None

    def _underway(self, user_id: str, quest_id: str) -> Item:
        return _position(f"{_UNDERWAY}#{self._shard(user_id)}", f"{user_id}#{quest_id}")

    def _shard(self, key: str) -> int:
        return sha256(key.encode()).digest()[0] % self._shards

    def _lane(self, status: Status, shard: int) -> str:
        return f"{_UNDERWAY if status in _UNDERWAY_STATUSES else status}#{shard}"

    def board(self, board: BoardQuery) -> Page:
        """A page of the OPEN or DISPUTED quests, newest first: one query per shard, and where the category leaves it
        short, a few more. A search takes two calls more, and looks at no more than _SEARCHED quests.
        """
        shown: list[Item] = []
        before = board.before
        rounds, at_once = (1, max(1, _SEARCHED // self._shards - 1)) if board.text else (_SCAN_FACTOR, board.limit)
        for _ in range(rounds):
            batch, frontier = self._board_slice(board.status, before, at_once)
            shown += self._shown(board, batch)
            before = frontier
            if len(shown) >= board.limit or frontier is None:
                break
        page = shown[: board.limit]
        more = len(shown) > board.limit or before is not None
        last = (page[-1][_BOARD.sort_key] if len(shown) > board.limit else before) if more else None
        return Page(page, last)

    def _shown(self, board: BoardQuery, batch: list[Item]) -> list[Item]:
        """The cards that pass the filters; descriptions and names are read where a card alone does not decide."""
        of_category = [item for item in batch if board.category in (None, item["category"])]
        unclear = [item for item in of_category if not board.finds(item)]
        if not unclear:
            return of_category
        described = self._by_key(self._table, "questId", (f"{item['questId']}#description" for item in unclear))
        members = self._by_key(self._users, "userId", (item["requestorId"] for item in unclear))
        missed = set()
        for item in unclear:
            description = described.get(f"{item['questId']}#description", {}).get("text", "")
            name = members.get(item["requestorId"], {}).get("displayName", "")
            if not board.finds(item, description, name):
                missed.add(item["questId"])
        return [item for item in of_category if item["questId"] not in missed]

    def _by_key(self, table: str, key: str, values: Iterable[str]) -> dict[str, Item]:
        """Those of at most 100 items that exist, by their key, a moment old."""
        keys = ({key: value} for value in dict.fromkeys(values))
        return {item[key]: item for item in batch_get(self._client, table, keys, consistent=False)}

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
        """The ids of quests of this status that change by themselves by now; the index may lag behind.

        Reads the whole lane: what is in it is what members have open now.
        """
        for shard in range(self._shards):
            found = pages(
                self._client.query,
                TableName=self._table,
                IndexName=_BOARD.name,
                KeyConditionExpression="lane = :lane",
                FilterExpression="#status = :status AND dueAt <= :now",
                ExpressionAttributeNames={"#status": "status"},
                ExpressionAttributeValues=encode_item(
                    {":lane": self._lane(status, shard), ":status": status, ":now": timestamp(now)}
                ),
            )
            for page in found:
                yield from (item["questId"] for item in page)

    def turn_candidates(self, user_id: str, claimed: Iterable[str]) -> list[Quest]:
        """Every quest that may wait for this member, as of now; `turn` decides which of them do.

        `claimed` are the quests of the member's own list of claims. One query and one read of what was found.
        """
        shard = self._shard(user_id)
        found = pages(
            self._client.query,
            TableName=self._table,
            IndexName=_BOARD.name,
            KeyConditionExpression="lane = :lane AND begins_with(laneAt, :member)",
            ExpressionAttributeValues=encode_item({":lane": f"{_UNDERWAY}#{shard}", ":member": f"{user_id}#"}),
        )
        ids = [_quest_id(item) for page in found for item in page]
        return self.without_texts([*ids, *claimed])

    def posted(self, user_id: str, limit: int, after: str | None, *, consistent: bool = False) -> QuestList:
        """A page of the quests that a member posted, newest first; the ledger has an entry of each."""
        ids: list[str] = []
        while True:
            start: Item = {"ExclusiveStartKey": encode_item({"userId": user_id, "entryId": after})} if after else {}
            answer = call(
                self._client.query,
                TableName=self._ledger,
                KeyConditionExpression="userId = :user",
                FilterExpression="kind = :create",
                ExpressionAttributeValues=encode_item({":user": user_id, ":create": Kind.CREATE}),
                ScanIndexForward=False,
                Limit=2 * limit,
                ConsistentRead=True,
                **start,
            )
            entries = [decode_item(item) for item in answer["Items"]]
            end = answer.get("LastEvaluatedKey")
            room = limit - len(ids)
            ids += [entry["questId"] for entry in entries[:room]]
            if len(entries) > room:
                after = entries[room - 1]["entryId"] if room else after
                break
            after = end["entryId"]["S"] if end else None
            if after is None or len(ids) == limit:
                break
        return QuestList(self.without_texts(ids, consistent=consistent), after)

    def performed(self, user_id: str, limit: int, after: Item | None, *, consistent: bool = False) -> QuestList:
        """A page of the quests that a member performs or performed, the latest claim or end of one first."""
        return self._listed_for(user_id, limit, after, consistent=consistent)

    def judged(self, user_id: str, limit: int, after: Item | None) -> QuestList:
        """A page of the quests whose dispute a moderator decided, the latest decision first."""
        return self._listed_for(_as_judge(user_id), limit, after, consistent=False)

    def of_member(
        self, user_id: str, role: Role, limit: int, after: Any = None, *, consistent: bool = False
    ) -> QuestList:
        """`posted` or `performed`."""
        find: Callable[..., QuestList] = self.posted if role is Role.REQUESTOR else self.performed
        return find(user_id, limit, after, consistent=consistent)

    def _listed_for(self, key: str, limit: int, after: Item | None, *, consistent: bool) -> QuestList:
        start: Any = {"ExclusiveStartKey": encode_item(after)} if after else {}
        answer = call(
            self._client.query,
            TableName=self._table,
            IndexName=_PERFORMER.name,
            KeyConditionExpression=f"{_PERFORMER.partition_key} = :key",
            ExpressionAttributeValues={":key": encode(key)},
            ScanIndexForward=False,
            Limit=limit,
            **start,
        )
        ids = [_quest_id(decode_item(item)) for item in answer["Items"]]
        last = answer.get("LastEvaluatedKey")
        return QuestList(self.without_texts(ids, consistent=consistent), decode_item(last) if last else None)


def _position(lane: str, lane_at: str) -> Item:
    return {_BOARD.partition_key: lane, _BOARD.sort_key: lane_at}


def _listed(key: str, at: datetime) -> Item:
    return {_PERFORMER.partition_key: key, _PERFORMER.sort_key: timestamp(at)}


def _pair_key(one: str, other: str) -> str:
    return _PAIR + "#".join(sorted((one, other)))


def quest_of(key: str) -> str | None:
    """The id of the quest that an item of the table is part of; None for a pair of members."""
    return None if key.startswith(_PAIR) else key.partition("#")[0]


def is_quest(key: str) -> bool:
    """True for the key of a quest itself, False for its texts and for a pair of members."""
    return quest_of(key) == key


def _as_judge(user_id: str) -> str:
    return f"judge#{user_id}"


def _quest_id(item: Item) -> str:
    return str(item["questId"]).partition("#")[0]


def _present(names: Iterable[str], attributes: Item) -> Item:
    """The part of an UpdateItem that leaves an item with these attributes among the named ones."""
    return {name: part for name, part in update_expression(dict.fromkeys(names, ""), attributes).items() if part}


def _turn_item_owner(quest: Quest) -> str | None:
    """The member for whom the quest needs an item `#turn`: neither its lane nor their list of claims finds it."""
    match quest.status:
        case Status.OPEN if quest.asked_at:
            return quest.requestor_id
        case Status.CLAIMED if quest.change_requests or quest.dispute:
            return quest.performer_id  # it came back to them, perhaps after their list had dropped it
        case Status.SUBMITTED if quest.performer_id and not has_attested(quest, quest.performer_id):
            return quest.performer_id
        case Status.DISPUTED if quest.dispute and quest.dispute.statement is None:
            return other_side(quest, quest.dispute.raised_by)
    return None
