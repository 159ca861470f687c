"""The DynamoDB tables: keys and indexes, declared once.

Infra creates the tables from these definitions, the stores read keys and index names from them, and the tests
build theirs from them too. Every key attribute is a string.
"""

from dataclasses import dataclass
from typing import Any, Literal

StreamView = Literal["NEW_IMAGE", "NEW_AND_OLD_IMAGES"]


@dataclass(frozen=True, kw_only=True)
class Index:
    """A global secondary index. `projected` lists non-key attributes; empty means KEYS_ONLY."""

    name: str
    partition_key: str
    sort_key: str
    projected: tuple[str, ...] = ()

    @property
    def key_attributes(self) -> tuple[str, str]:
        """The attributes that are its key."""
        return self.partition_key, self.sort_key

    @property
    def create_request(self) -> dict[str, Any]:
        """Its part of CreateTable's request."""
        projection: dict[str, Any] = {"ProjectionType": "KEYS_ONLY"}
        if self.projected:
            projection = {"ProjectionType": "INCLUDE", "NonKeyAttributes": list(self.projected)}
        return {
            "IndexName": self.name,
            "KeySchema": _key_schema(self.partition_key, self.sort_key),
            "Projection": projection,
        }


def _key_schema(partition_key: str, sort_key: str | None) -> list[dict[str, str]]:
    keys = [{"AttributeName": partition_key, "KeyType": "HASH"}]
    return [*keys, {"AttributeName": sort_key, "KeyType": "RANGE"}] if sort_key else keys


@dataclass(frozen=True, kw_only=True)
class Table:
    """`base_name` is the name without project and stage: `civicforge-{stage}-{base_name}`.

    `ttl` is the attribute with the second of the epoch after which DynamoDB deletes an item.
    """

    base_name: str
    partition_key: str
    sort_key: str | None = None
    indexes: tuple[Index, ...] = ()
    stream: StreamView | None = None
    ttl: str | None = None

    def index(self, name: str) -> Index:
        """Raises KeyError for an index that is not declared."""
        return {index.name: index for index in self.indexes}[name]

    @property
    def key_attributes(self) -> tuple[str, ...]:
        """Every attribute that is a key of the table or of an index, sorted and once each."""
        keys = {self.partition_key, *(i.partition_key for i in self.indexes), *(i.sort_key for i in self.indexes)}
        return tuple(sorted(keys | ({self.sort_key} if self.sort_key else set())))

    def create_request(self, name: str) -> dict[str, Any]:
        """The request of DynamoDB's CreateTable that makes it on demand, under a name."""
        request: dict[str, Any] = {
            "TableName": name,
            "BillingMode": "PAY_PER_REQUEST",
            "KeySchema": _key_schema(self.partition_key, self.sort_key),
            "AttributeDefinitions": [{"AttributeName": key, "AttributeType": "S"} for key in self.key_attributes],
        }
        if self.indexes:
            request["GlobalSecondaryIndexes"] = [index.create_request for index in self.indexes]
        if self.stream:
            request["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": self.stream}
        return request


USERS = Table(
    base_name="users",
    partition_key="userId",
    indexes=(
        # Sparse: only accounts whose owner asked for deletion.
        Index(name="deletion", partition_key="deletion", sort_key="deletionAt"),
    ),
)

QUESTS = Table(
    base_name="quests",
    partition_key="questId",
    stream="NEW_AND_OLD_IMAGES",
    indexes=(
        # Sparse: OPEN quests (lane OPEN#shard, by creation), what somebody works on (UNDERWAY#shard, by requestor,
        # so that one query finds a member's), DISPUTED ones (for moderators) and index items (`#turn`). See
        # decisions 0003 and 0018.
        Index(
            name="board2",
            partition_key="lane",
            sort_key="laneAt",
            projected=(
                "title",
                "category",
                "tags",
                "area",
                "when",
                "minutes",
                "rewardXp",
                "rewardReputation",
                "requestorId",
                "status",
                "createdAt",
                "expiresAt",
                "dueAt",
                "version",
            ),
        ),
        # Quests by their performer, former ones too, and by the moderator who decided their dispute.
        Index(name="performer", partition_key="performerId", sort_key="claimedAt"),
    ),
)

LEDGER = Table(
    base_name="ledger",
    partition_key="userId",
    sort_key="entryId",
    stream="NEW_IMAGE",
    indexes=(
        # Sparse: entries in state PENDING or HELD; what the retry sweep works off.
        Index(name="due", partition_key="due", sort_key="entryId"),
    ),
)

INBOX = Table(
    base_name="inbox",
    partition_key="userId",
    sort_key="itemId",
    ttl="expiresAt",
    indexes=(
        # Sparse: items whose mail has not left: at once (partition `due`), or with the next digest (`daily`).
        Index(name="mail", partition_key="mail", sort_key="itemId"),
    ),
)

MESSAGES = Table(
    base_name="messages",
    partition_key="questId",
    sort_key="messageId",
    stream="NEW_IMAGE",
    indexes=(
        # What a member wrote: for their export, and to take their words when they leave.
        Index(name="author", partition_key="authorId", sort_key="messageId"),
    ),
)

REPORTS = Table(
    base_name="reports",
    partition_key="reportId",
    stream="NEW_AND_OLD_IMAGES",
    indexes=(
        # Sparse: reports that wait for a moderator, by the moment since which they do.
        Index(name="queue", partition_key="queue", sort_key="waitingSince"),
        Index(name="concerned", partition_key="concernedId", sort_key="createdAt"),
        Index(name="reporter", partition_key="reporterId", sort_key="createdAt"),
    ),
)

TABLES = (USERS, QUESTS, LEDGER, INBOX, MESSAGES, REPORTS)
