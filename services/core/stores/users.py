"""The users table: profiles, the cached totals, and the members' rate limits."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol

from pydantic import BaseModel
from pydantic.alias_generators import to_camel

from services.core.domain import ledger
from services.core.domain.users import (
    DELETION_GRACE,
    MAX_BLOCKED,
    NEW_MEMBER,
    OPEN_CLAIMS,
    PROFILE_TEXTS,
    SHOWN_TO_OTHERS,
    WELCOME_POINTS,
    MailPreference,
    MailStop,
    Profile,
    User,
    claim_record,
    former,
    is_suspended,
    newcomer,
    open_claims,
)
from services.core.domain.values import timestamp
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
from services.core.tables import USERS

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_DELETION_PARTITION = "DUE"
_SHOWN_TO_OTHERS = frozenset(map(to_camel, SHOWN_TO_OTHERS))
_ANYTHING = object()
_ATTEMPTS = 5
"""Attempts at a change of a list that others keep changing."""


class NoSuchUserError(Exception):
    """There is no row for this member (yet)."""


class InsufficientPointsError(Exception):
    """The member cannot pay for it."""


class RateLimitedError(Exception):
    """The member did this too often; `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"try again in {retry_after} s")
        self.retry_after = retry_after


class SuspendedError(Exception):
    """The member may start nothing before `until`."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"suspended until {until:%Y-%m-%d}")
        self.until = until


class BlockListFullError(Exception):
    """The member has blocked as many others as they may."""


class AddressTakenError(Exception):
    """Another account was registered with this address after it was read."""


class Allowance(StrEnum):
    """Allowances of a member per hour, by the attribute of the row that counts them."""

    CREATE = "createTat"
    CLAIM = "claimTat"
    EDIT = "editTat"
    MESSAGE = "messageTat"
    REPORT = "reportTat"


def _attributes(model: type[BaseModel]) -> set[str]:
    return {field.alias or name for name, field in model.model_fields.items()}


WITHDRAWALS: Final = ("withdrewAt", "withdrewBefore")
"""Attributes that keep the moments of a member's last two withdrawals."""
LASTING_LIMITS: Final = frozenset({*Allowance, *WITHDRAWALS, "suspendedUntil"})
"""Attributes of limits that hold for a new account of the same address too."""
NEWCOMER_ATTRIBUTES: Final = LASTING_LIMITS | frozenset(
    newcomer("", datetime.min.replace(tzinfo=UTC), address_digest="x").model_dump(by_alias=True, exclude_defaults=True)
)
"""Attributes of the row that a sign-up makes."""
INBOX_ATTRIBUTES: Final = frozenset({USERS.partition_key, "mail", "mailStopped", "readUpTo", "deleted"})
"""Attributes that reading the inbox, unsubscribing and an address that takes no mails change."""
PROFILE_ATTRIBUTES: Final = INBOX_ATTRIBUTES | {
    *("updatedAt", *_attributes(Profile), *USERS.index("deletion").key_attributes, "deleted")
}
"""Attributes that a member's profile and their leaving change."""
API_ATTRIBUTES: Final = (
    PROFILE_ATTRIBUTES
    | NEWCOMER_ATTRIBUTES
    | {*Allowance, *WITHDRAWALS, "claims", "suspendedUntil", "blocked", "moderator"}
)
"""Attributes that the api changes: no XP, no reputation, no count of completed quests."""
ERASED_ATTRIBUTES: Final = frozenset(_attributes(User)) - {
    *(USERS.partition_key, "createdAt", "deletionAt", "suspendedUntil", "addressDigest"),
    *("points", "xp", "reputation", "completed", "confirmedBy"),
}
"""Attributes that a deletion overwrites: all but the totals, which must match the ledger, and internal ones."""
HOUSEKEEPING_ATTRIBUTES: Final = PROFILE_ATTRIBUTES | ERASED_ATTRIBUTES | {"points", "addressDigest"}
"""Attributes that housekeeping changes: refunds, and what a deletion takes away."""


class ClaimsFullError(Exception):
    """The member's list of claims has no room; `claims` are what is in it."""

    def __init__(self, claims: list[str]) -> None:
        super().__init__(f"{len(claims)} claims")
        self.claims = claims


class Limit(Protocol):
    """A limit on how often a member does something, kept on their row."""

    def spend(self, now: datetime, *, used_lately: bool) -> Item:
        """The SET action, condition and values that use it once."""

    def check(self, row: Item, now: datetime) -> None:
        """Raises RateLimitedError if a use is refused by the row as it stands."""


class TwoPerPeriod(NamedTuple):
    """At most two uses within any period; the row keeps the moments of the last two, in milliseconds."""

    latest: str
    earlier: str
    period: timedelta

    def spend(self, now: datetime, *, used_lately: bool) -> Item:
        """See `Limit`."""
        del used_lately
        now_ms = int(now.timestamp() * 1000)
        return {
            "set": f"{self.earlier} = if_not_exists({self.latest}, :never), {self.latest} = :now",
            "condition": f"(attribute_not_exists({self.earlier}) OR {self.earlier} <= :since)",
            "values": {":never": 0, ":now": now_ms, ":since": now_ms - self._period_ms},
        }

    def check(self, row: Item, now: datetime) -> None:
        """See `Limit`."""
        excess = row.get(self.earlier, 0) + self._period_ms - int(now.timestamp() * 1000)
        if row.get(self.earlier) and excess > 0:
            raise RateLimitedError(-(-excess // 1000))

    @property
    def _period_ms(self) -> int:
        return int(self.period.total_seconds() * 1000)


def require_not_suspended(row: Item, now: datetime) -> None:
    """Raises SuspendedError for the row of a member who is suspended."""
    until = row.get("suspendedUntil")
    if until is not None and until > timestamp(now):
        raise SuspendedError(datetime.fromisoformat(until))


class Quota(NamedTuple):
    """A member's allowance by the generic cell rate algorithm (ITU-T I.371): its whole state is one moment, the
    theoretical arrival time, kept on the member's row in milliseconds. `starts` is True for an
    action that starts something new, which a suspended member may not.
    """

    attribute: Allowance | str
    per_hour: int
    starts: bool = False

    @property
    def interval(self) -> int:
        """Milliseconds that one use costs."""
        return 3_600_000 // self.per_hour

    def spend(self, now: datetime, *, used_lately: bool) -> Item:
        """The SET action, condition and values that use it once.

        The arrival time is `max(now, former) + interval`. An expression has no max, so there are two: for a member
        who was idle, and with `used_lately` for one whose former time is still ahead.
        """
        now_ms = int(now.timestamp() * 1000)
        if used_lately:
            start, condition = self.attribute, f"{self.attribute} > :now AND {self.attribute} <= :limit"
            values: Item = {":now": now_ms, ":limit": now_ms + 3_600_000 - self.interval, ":interval": self.interval}
        else:
            start, condition = ":now", f"(attribute_not_exists({self.attribute}) OR {self.attribute} <= :now)"
            values = {":now": now_ms, ":interval": self.interval}
        if self.starts:
            condition += " AND (attribute_not_exists(suspendedUntil) OR suspendedUntil <= :standing)"
            values |= {":standing": timestamp(now)}
        return {"set": f"{self.attribute} = {start} + :interval", "condition": condition, "values": values}

    def was_used_lately(self, row: Item, now: datetime) -> bool:
        """True if the arrival time on the row is still ahead."""
        return bool(row.get(self.attribute, 0) > int(now.timestamp() * 1000))

    def check(self, row: Item, now: datetime) -> None:
        """Raises SuspendedError or RateLimitedError if a use is refused by the row as it stands."""
        if self.starts:
            require_not_suspended(row, now)
        excess = row.get(self.attribute, 0) - (int(now.timestamp() * 1000) + 3_600_000 - self.interval)
        if excess > 0:
            raise RateLimitedError(-(-excess // 1000))


class NewRow(NamedTuple):
    """The values of a new member's row.

    Attributes:
        limits: LASTING_LIMITS of a former account with the same address.
        returning: there was such an account.
        address: digest of the e-mail address.
        put_address: the put that records this account as the last one of the address.
    """

    points: int = WELCOME_POINTS
    limits: Mapping[str, Any] = MappingProxyType({})
    returning: bool = False
    address: str | None = None
    put_address: Item | None = None


class UserStore:
    """Reads and writes users. Every method raises StoreUnavailableError when the tables do not answer."""

    def __init__(self, client: "DynamoDBClient", users_table: str, ledger_table: str) -> None:
        self._client, self._table, self._ledger = client, users_table, ledger_table

    def get(self, user_id: str) -> User | None:
        """The member as stored, or None."""
        answer = call(self._client.get_item, TableName=self._table, Key=self._key(user_id), ConsistentRead=True)
        return User.model_validate(decode_item(answer["Item"])) if "Item" in answer else None

    def get_many(self, user_ids: list[str]) -> list[User]:
        """Those of at most 100 members who exist."""
        keys = [{"userId": user_id} for user_id in user_ids]
        return [User.model_validate(item) for item in batch_get(self._client, self._table, keys, consistent=False)]

    def present(self, user_ids: list[str]) -> set[str]:
        """Those of at most 100 ids that have a row, whether it can be read or not."""
        keys = [{"userId": user_id} for user_id in user_ids]
        return {item["userId"] for item in batch_get(self._client, self._table, keys, consistent=False)}

    def carried_over(self, user_id: str) -> Item | None:
        """The points and LASTING_LIMITS that a new account of the same person takes over; None if there is no row."""
        answer = call(self._client.get_item, TableName=self._table, Key=self._key(user_id), ConsistentRead=True)
        if "Item" not in answer:
            return None
        row = decode_item(answer["Item"])
        return {name: row[name] for name in ("points", *sorted(LASTING_LIMITS)) if name in row}

    def ensure(self, user_id: str, now: datetime, new: NewRow | None = None) -> User:
        """The member, made with a welcome entry if there is no row. Raises AddressTakenError.

        See `services.core.sign_ups`, which knows what a member starts with.
        """
        new = new or NewRow()
        user = newcomer(user_id, now, new.points, new.address)
        # Without the zeros: IAM lets nobody but rewards write xp, reputation and completed, not even as 0.
        row = {"points": new.points, **new.limits}
        row |= user.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        try:
            call(
                self._client.transact_write_items,
                TransactItems=[
                    {
                        "Put": {
                            "TableName": self._table,
                            "Item": encode_item(row),
                            "ConditionExpression": "attribute_not_exists(userId)",
                            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                        }
                    },
                    {
                        "Put": {
                            "TableName": self._ledger,
                            "Item": encode_item(
                                dump(ledger.welcome(user_id, now, new.points, returning=new.returning))
                            ),
                            "ConditionExpression": "attribute_not_exists(entryId)",
                        }
                    },
                    *([{"Put": new.put_address}] if new.put_address else []),
                ],
            )
        except ConditionFailedError as failure:
            if not failure.items[0]:
                raise AddressTakenError(user_id) from None
            return User.model_validate(failure.items[0])
        return User.model_validate(row)

    def set_address(self, user_id: str, digest: str) -> None:
        """Records the digest of a member's address. Raises NoSuchUserError, also for a deleted member."""
        self._update(user_id, {}, {"addressDigest": digest}, "attribute_not_exists(deleted)")

    def edit(self, user_id: str, profile: Profile, now: datetime) -> User:
        """Changes the given fields of a profile. A suspended member changes none that others see.

        A preference for mails is also the member's word that their address takes mails again. Raises NoSuchUserError,
        also for a deleted member, and SuspendedError.
        """
        changes = profile.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
        before = {"mailStopped": ""} if "mail" in changes else {}
        condition, asked = "attribute_not_exists(deleted)", {}
        if changes.keys() & _SHOWN_TO_OTHERS:
            condition += " AND (attribute_not_exists(suspendedUntil) OR suspendedUntil <= :standing)"
            asked = {":standing": timestamp(now)}
        try:
            return self._update(user_id, before, {**changes, "updatedAt": timestamp(now)}, condition, asked)
        except NoSuchUserError:
            user = self.get(user_id)
            if user is not None and not user.deleted and is_suspended(user, now):
                assert user.suspended_until is not None, "a suspension has an end"
                raise SuspendedError(user.suspended_until) from None
            raise

    def read_inbox(self, user_id: str, item_id: str) -> None:
        """Records that the inbox was read up to an item; never goes back. Raises NoSuchUserError."""
        condition = "attribute_not_exists(deleted) AND (attribute_not_exists(readUpTo) OR readUpTo < :read)"
        try:
            self._update(user_id, {}, {"readUpTo": item_id}, condition, {":read": item_id})
        except NoSuchUserError:
            user = self.get(user_id)
            if user is None or user.deleted:
                raise

    def stop_mails(self, user_id: str, why: MailStop) -> None:
        """Sends no more mails to a member until they ask for some. Raises NoSuchUserError."""
        self._update(user_id, {}, {"mailStopped": why}, "attribute_not_exists(deleted)")

    def unsubscribe(self, user_id: str) -> None:
        """Turns the mails of a member's notices off. Raises NoSuchUserError."""
        self._update(user_id, {}, {"mail": MailPreference.NEVER}, "attribute_not_exists(deleted)")

    def add_claim(self, user_id: str, quest_id: str, quota: Quota, now: datetime) -> int:
        """Adds a claim to the member's list, if there is room, and uses the quota once. Returns the list's length.

        The claim itself comes after it, so that whatever a member holds is in the list; what is in the list besides
        is dropped by `keep_claims`. Raises ClaimsFullError, RateLimitedError, NoSuchUserError.
        """
        record = claim_record(quest_id, now)
        room, used_lately = OPEN_CLAIMS, False
        for _ in range(_ATTEMPTS):
            try:
                return self._add_claim(user_id, record, quota.spend(now, used_lately=used_lately), room)
            except ConditionFailedError as failure:
                row = failure.items[0] or {}
            if record in row.get("claims", []):
                return len(row["claims"])  # the answer to our own write was lost
            _raise_claim_error(row, quota, now)
            # The number of members who confirmed is read, not a condition: the api's role may not name it in a write.
            room, used_lately = open_claims(row.get("confirmedBy", 0)), quota.was_used_lately(row, now)
        raise StoreUnavailableError("the member's claims kept changing")

    def _add_claim(self, user_id: str, record: str, spend: Item, room: int) -> int:
        condition = (
            "attribute_exists(userId)",
            "attribute_not_exists(deleted)",
            spend["condition"],
            "(attribute_not_exists(claims) OR (size(claims) < :room AND NOT contains(claims, :record)))",
        )
        answer = call(
            self._client.update_item,
            TableName=self._table,
            Key=self._key(user_id),
            UpdateExpression=f"SET {spend['set']}, claims = list_append(if_not_exists(claims, :none), :records)",
            ConditionExpression=" AND ".join(condition),
            ExpressionAttributeValues=encode_item(
                {**spend["values"], ":none": [], ":record": record, ":records": [record], ":room": room}
            ),
            ReturnValues="UPDATED_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        return len(decode_item(answer["Attributes"])["claims"])

    def keep_claims(self, user_id: str, before: list[str], kept: list[str]) -> bool:
        """Shortens the member's list of claims; False if it is not as it was read any more."""
        try:
            call(
                self._client.update_item,
                TableName=self._table,
                Key=self._key(user_id),
                UpdateExpression="SET claims = :kept",
                ConditionExpression="claims = :before",
                ExpressionAttributeValues=encode_item({":kept": kept, ":before": before}),
            )
        except ConditionFailedError:
            return False
        return True

    def suspend(self, user_id: str, until: datetime | None, now: datetime) -> None:
        """Suspends a member, or with None ends that. Raises NoSuchUserError, also for a deleted member."""
        after = {"updatedAt": timestamp(now), "suspendedUntil": timestamp(until) if until else None}
        self._update(user_id, {"suspendedUntil": ""}, after, "attribute_not_exists(deleted)")

    def mark_moderator(self, user_id: str, *, moderates: bool) -> User:
        """Records that a member moderates, or no longer does. Raises NoSuchUserError, also for a deleted member."""
        mark = {"moderator": True}
        before, after = ({}, mark) if moderates else (mark, {})
        return self._update(user_id, before, after, "attribute_not_exists(deleted)")

    def rename(self, user_id: str, now: datetime) -> None:
        """Gives a member the name of a new one. Raises NoSuchUserError, also for a deleted member."""
        after = {"displayName": NEW_MEMBER, "updatedAt": timestamp(now)}
        self._update(user_id, {}, after, "attribute_not_exists(deleted)")

    def remove_texts(self, user_id: str, now: datetime) -> None:
        """Take the texts of a member's profile away. Raises NoSuchUserError, also for a deleted member."""
        before = dict.fromkeys(PROFILE_TEXTS, "")
        self._update(user_id, before, {"updatedAt": timestamp(now)}, "attribute_not_exists(deleted)")

    def block(self, user_id: str, other: str, now: datetime) -> User:
        """Adds a member to those whom another one has blocked. Raises BlockListFullError, NoSuchUserError."""

        def add(blocked: list[str]) -> list[str]:
            if other in blocked:
                return blocked
            if len(blocked) >= MAX_BLOCKED:
                raise BlockListFullError
            return [*blocked, other]

        return self._change_blocked(user_id, add, now)

    def unblock(self, user_id: str, other: str, now: datetime) -> User:
        """Takes a member from those whom another one has blocked. Raises NoSuchUserError."""
        return self._change_blocked(user_id, lambda blocked: [one for one in blocked if one != other], now)

    def _change_blocked(self, user_id: str, change: Callable[[list[str]], list[str]], now: datetime) -> User:
        for _ in range(_ATTEMPTS):
            user = self.get(user_id)
            if user is None or user.deleted:
                raise NoSuchUserError(user_id)
            blocked = change(user.blocked)
            if blocked == user.blocked:
                return user
            unchanged = "blocked = :read" if user.blocked else "attribute_not_exists(blocked)"
            asked = {":read": user.blocked} if user.blocked else {}
            before, after = {"blocked": ""}, {"blocked": blocked or None, "updatedAt": timestamp(now)}
            try:
                return self._update(user_id, before, after, f"attribute_not_exists(deleted) AND {unchanged}", asked)
            except NoSuchUserError:
                continue  # another device of theirs was faster
        raise StoreUnavailableError("the list of blocked members kept changing")

    def request_deletion(self, user_id: str, now: datetime, grace: timedelta = DELETION_GRACE) -> User:
        """Starts the grace period; a repeated request does not prolong it. Raises NoSuchUserError."""
        due = timestamp(now + grace)
        try:
            return self._update(
                user_id,
                {},
                {"deletion": _DELETION_PARTITION, "deletionAt": due},
                "attribute_not_exists(deletionAt) AND attribute_not_exists(deleted)",
            )
        except NoSuchUserError:
            user = self.get(user_id)
            if user is None or user.deleted:
                raise
            return user

    def cancel_deletion(self, user_id: str, now: datetime) -> User:
        """Ends the grace period. Raises NoSuchUserError, also once the member is deleted."""
        before = {"deletion": "", "deletionAt": ""}
        return self._update(user_id, before, {"updatedAt": timestamp(now)}, "attribute_not_exists(deleted)")

    def due_for_deletion(self, now: datetime) -> Iterator[str]:
        """The ids of members whose grace period is over, page by page; the index may lag behind."""
        index = USERS.index("deletion")
        found = pages(
            self._client.query,
            TableName=self._table,
            IndexName=index.name,
            KeyConditionExpression=f"{index.partition_key} = :lane AND {index.sort_key} <= :now",
            ExpressionAttributeValues=encode_item({":lane": _DELETION_PARTITION, ":now": timestamp(now)}),
        )
        for page in found:
            yield from (item["userId"] for item in page)

    def anonymise(self, user: User, now: datetime) -> None:
        """Leaves "Former member", the totals, and the attribute `deletion` until the deletion is finished.

        Raises NoSuchUserError if the member changed their mind meanwhile.
        """
        left = dump(former(user, now))
        after = {name: left.get(name) for name in ERASED_ATTRIBUTES}
        # Over whatever is there: what a member wrote since the row was read must go too.
        before = dict.fromkeys(ERASED_ATTRIBUTES, _ANYTHING)
        self._update(user.user_id, before, after, "deletionAt <= :now", {":now": timestamp(now)})

    def finish_deletion(self, user_id: str, now: datetime) -> None:
        """Removes `deletion` and the address's digest. Raises NoSuchUserError for a member who is not anonymous."""
        before = {"deletion": "", "deletionAt": "", "addressDigest": ""}
        self._update(user_id, before, {"updatedAt": timestamp(now)}, "attribute_exists(deleted)")

    def slice(self, number: int, slices: int, after: str = "") -> Iterator[str]:
        """The ids in one of the equal parts of all members, page by page, from behind the id `after` on."""
        begin: Item = {"ExclusiveStartKey": encode_item({"userId": after})} if after else {}
        found = pages(
            self._client.scan,
            TableName=self._table,
            Segment=number,
            TotalSegments=slices,
            ProjectionExpression="userId",
            ConsistentRead=True,
            **begin,
        )
        for page in found:
            yield from (item["userId"] for item in page)

    def _update(self, user_id: str, before: Item, after: Item, condition: str, asked: Item | None = None) -> User:
        """Sets what `after` has, and removes what `before` names and `after` has not, whatever its value was."""
        update = update_expression(before, after)
        update["ExpressionAttributeValues"] |= encode_item(asked or {})
        try:
            answer = call(
                self._client.update_item,
                TableName=self._table,
                Key=self._key(user_id),
                ConditionExpression=f"attribute_exists(userId) AND {condition}",
                ReturnValues="ALL_NEW",
                **_without_empty(update),
            )
        except ConditionFailedError:
            raise NoSuchUserError(user_id) from None
        return User.model_validate(decode_item(answer["Attributes"]))

    def _key(self, user_id: str) -> dict[str, Any]:
        return {"userId": {"S": user_id}}


def _raise_claim_error(row: Item, quota: Quota, now: datetime) -> None:
    """Maps a failed claim to a domain error; returns if the quota's other expression should be tried."""
    if not row or row.get("deleted"):
        raise NoSuchUserError
    quota.check(row, now)
    claims = [str(claim) for claim in row.get("claims", [])]
    if len(claims) >= open_claims(row.get("confirmedBy", 0)):
        raise ClaimsFullError(claims)


def _without_empty(expression: Item) -> Item:
    return {name: value for name, value in expression.items() if value}


def post_points(table: str, entry: ledger.Entry, spend: Item | None = None) -> Item:
    """The part of a transaction that adds a POSTED entry's points to its member's row.

    Its condition is that the row exists and the points never fall below 0; `spend` is a `Quota.spend`. A former member
    gets refunds but pays for nothing: a token outlives its account by up to an hour.
    """
    spend = spend or {}
    condition = ["attribute_exists(userId)", *([spend["condition"]] if spend else [])]
    values: Item = {":points": entry.points, ":at": timestamp(entry.created_at), **spend.get("values", {})}
    if entry.points < 0:
        condition += ["attribute_not_exists(deleted)", "points >= :cost"]
        values[":cost"] = -entry.points
    return _row_update(table, entry.user_id, ["updatedAt = :at"], spend, condition, values, "ADD points :points")


def spend_quota(table: str, user_id: str, spend: Item) -> Item:
    """The part of a transaction that uses a member's quota once; a former member has none."""
    condition = ["attribute_exists(userId)", "attribute_not_exists(deleted)", spend["condition"]]
    return _row_update(table, user_id, [], spend, condition, spend["values"])


def _row_update(
    table: str, user_id: str, sets: list[str], spend: Item, condition: list[str], values: Item, add: str = ""
) -> Item:
    sets = [*sets, *([spend["set"]] if spend else [])]
    return {
        "Update": {
            "TableName": table,
            "Key": {"userId": encode(user_id)},
            "UpdateExpression": f"SET {', '.join(sets)} {add}".strip(),
            "ConditionExpression": " AND ".join(condition),
            "ExpressionAttributeValues": {name: encode(value) for name, value in values.items()},
            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
        }
    }
