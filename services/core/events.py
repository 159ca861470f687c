"""Messages between the Lambdas, and those that wait in dead letter queues: each a type with one form in JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self


class InvalidMessageError(ValueError):
    """The body is not the message that was expected."""


@dataclass(frozen=True)
class QueueMessage:
    """A flat message whose fields are text. In JSON its names are in camel case."""

    def to_json(self) -> str:
        """The message as it is sent."""
        return json.dumps({_camel(name): value for name, value in asdict(self).items()})

    @classmethod
    def parse(cls, body: Mapping[str, Any]) -> Self:
        """Read a message. Raises InvalidMessageError if a field is missing or no text."""
        names = cls.__dataclass_fields__
        fields = {name: body.get(_camel(name)) for name in names}
        wrong = sorted(_camel(name) for name, value in fields.items() if not isinstance(value, str))
        if wrong:
            raise InvalidMessageError(f"{cls.__name__}: {', '.join(wrong)} is missing or no text")
        return cls(**fields)


@dataclass(frozen=True)
class Sweep(QueueMessage):
    """A run of a service's schedule."""

    sweep: str


@dataclass(frozen=True)
class Continuation(QueueMessage):
    """A run that does what the one before it left.

    Attributes:
        sweep: the service.
        began: when the first of these runs began, a timestamp.
        run: its number, from 2 on.
        chores: a JSON object with the id after which each chore goes on.
    """

    sweep: str
    began: str
    run: str
    chores: str


@dataclass(frozen=True)
class UserNotStored(QueueMessage):
    """A sign-up whose row could not be made."""

    user_id: str
    request_id: str
    failed_at: str


@dataclass(frozen=True)
class RewardFailed(QueueMessage):
    """A ledger entry that could not be paid."""

    user_id: str
    entry_id: str
    reason: str


@dataclass(frozen=True)
class QuestNotPublished(QueueMessage):
    """A quest that is invalid in the table."""

    quest_id: str


@dataclass(frozen=True)
class NoticeFailed(QueueMessage):
    """An inbox item whose mail could not be sent."""

    user_id: str
    item_id: str
    reason: str


@dataclass(frozen=True)
class InvalidEvent(QueueMessage):
    """A record of a stream, or a report of SES, that is invalid and so gave no notice."""

    source: str
    key: str
    reason: str


def entry_record(item: Mapping[str, Any]) -> dict[str, Any]:
    """A record of the ledger's stream that brings a stored entry (in DynamoDB's format) once more."""
    key = {name: item[name] for name in ("userId", "entryId")}
    return {"eventName": "INSERT", "dynamodb": {"Keys": key, "NewImage": item, "SequenceNumber": "1"}}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.title() for part in rest)
