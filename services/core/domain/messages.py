"""Messages: public questions and answers on an OPEN quest, and the private thread of a quest's two parties.

All functions are pure. A private message belongs to the requestor and one performer; a later one reads none of it.
"""

from datetime import datetime
from enum import StrEnum

from services.core.domain.quests import (
    MODERATORS,
    Actor,
    Denial,
    Quest,
    Role,
    Status,
    answer,
    ask,
    has_moved,
    role_of,
)
from services.core.domain.values import Input, MessageText, Model, Timestamp, timestamp

MESSAGES = "messages"
"""The feature flag."""
_TALKING = frozenset({Status.CLAIMED, Status.SUBMITTED, Status.DISPUTED})


class Audience(StrEnum):
    """The readers of a message: anybody, or the two parties."""

    PUBLIC = "public"
    PRIVATE = "private"


class Removal(StrEnum):
    """The reason for which a message has lost its text."""

    LEFT = "left"
    MODERATED = "moderated"


class Message(Model):
    """A message on a quest. `performer_id` is the performer of its private thread; a removed message has no text.

    `request_digest` tells a repeated call from another one with the same key.
    """

    quest_id: str
    message_id: str
    author_id: str
    audience: Audience
    performer_id: str | None = None
    text: str | None = None
    removed: Removal | None = None
    reported: bool = False
    created_at: Timestamp
    request_digest: str | None = None


class MessageDraft(Input):
    """A message as its author writes it. `audience` is the one that they saw: a quest may be claimed meanwhile."""

    text: MessageText
    audience: Audience


class MessageDeniedError(Exception):
    """A message was written that the quest's state, or the member's part in it, does not admit."""

    def __init__(self, quest: Quest, actor: Actor, code: Denial) -> None:
        super().__init__(f"message denied: {code}")
        self.quest, self.actor, self.code = quest, actor, code

    @property
    def moved(self) -> bool:
        """True if the quest's state is the cause, also for a former performer: the quest moved on since."""
        return has_moved(self.quest, self.actor, self.code)


def message_id(now: datetime, unique: str) -> str:
    """Sorts by time within a quest; `unique` tells messages of one moment apart."""
    return f"{timestamp(now)}#{unique}"


def denial(quest: Quest, actor: Actor, audience: Audience) -> Denial | None:
    """The reason for which this actor may not write to this audience now, or None if they may."""
    if actor.user_id in quest.left:
        return Denial.HAS_LEFT
    if MESSAGES not in actor.features:
        return Denial.FEATURE_OFF
    if audience is Audience.PUBLIC:
        return None if quest.status is Status.OPEN else Denial.WRONG_STATUS
    if role_of(quest, actor.user_id) is None:
        return Denial.NOT_PARTY
    return None if quest.status in _TALKING else Denial.WRONG_STATUS


def compose(
    quest: Quest, actor: Actor, draft: MessageDraft, now: datetime, id_: str, request_digest: str | None = None
) -> Message:
    """The message that an actor writes. Raises MessageDeniedError."""
    if code := denial(quest, actor, draft.audience):
        raise MessageDeniedError(quest, actor, code)
    return Message(
        quest_id=quest.quest_id,
        message_id=id_,
        author_id=actor.user_id,
        audience=draft.audience,
        performer_id=quest.performer_id if draft.audience is Audience.PRIVATE else None,
        text=draft.text,
        created_at=now,
        request_digest=request_digest,
    )


def after(quest: Quest, message: Message) -> Quest:
    """The quest as a message leaves it: a question makes it the requestor's turn, their answer ends that."""
    if message.audience is Audience.PRIVATE:
        return quest
    step = answer if message.author_id == quest.requestor_id else ask
    return step(quest, message.created_at).quest


def may_read(message: Message, quest: Quest, actor: Actor) -> bool:
    """True for public messages, and for the two members of a private thread. A moderator reads what was reported,
    and the thread of a quest that is or was disputed with its performer of that time.
    """
    if message.audience is Audience.PUBLIC:
        return True
    if role_of(quest, actor.user_id) is Role.REQUESTOR or message.performer_id == actor.user_id:
        return True
    disputed = quest.dispute is not None and message.performer_id in (quest.performer_id, quest.released_by)
    return (disputed or message.reported) and MODERATORS in actor.groups
