"""The models of a quest and its parts, and of what members send to create or change one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from services.core.domain import ledger
from services.core.domain.pairs import Pair
from services.core.domain.values import (
    Area,
    Description,
    Input,
    MeetingPoint,
    Minutes,
    Model,
    Moment,
    RewardReputation,
    RewardXp,
    Tag,
    Timestamp,
    Title,
)

RELEASE_GRACE = timedelta(days=7)
"""Time from the claim deadline to the moment at which housekeeping releases a quest by itself."""
WHEN_GRACE = timedelta(days=2)
"""Time from the end of a quest's window to its claim deadline."""
WHEN_HORIZON = timedelta(days=366)
"""The latest end of a window, counted from now."""
SILENCE = timedelta(days=7)
"""Time from the hand-in to the confirmation by silence, for a quest that was handed in before it was kept."""
STATEMENT_PERIOD = timedelta(days=3)
"""Time that the other side of a dispute has for its statement before a moderator may decide without it."""
RECLAIM_PAUSE = timedelta(days=1)
"""Time for which a former performer cannot claim the quest again."""
WITHDRAWAL_PERIOD = timedelta(days=30)
"""Time within which a member may withdraw two claimed quests and no more."""
MAX_CHANGE_REQUESTS = 2
MAX_FORMER = 20
"""Former performers that a quest remembers."""
MAX_TAKEN = 8
"""Steps that a quest remembers by their request."""
MODERATORS = "moderators"
SYNTHETIC = "synthetic"
"""The group of the members as whom the platform tries itself; decision 0021."""
DISPUTES = "disputes"
SILENCE_FLAG = "silence"

Tags = Annotated[list[Tag], Field(max_length=5)]


class Category(StrEnum):
    """The subject of a quest."""

    CIVIC = "civic"
    ENVIRONMENT = "environment"
    SOCIAL = "social"
    EDUCATION = "education"
    TECHNICAL = "technical"
    OTHER = "other"


class Status(StrEnum):
    """The status of a quest; COMPLETE, CANCELLED and EXPIRED are final."""

    OPEN = "OPEN"
    CLAIMED = "CLAIMED"
    SUBMITTED = "SUBMITTED"
    DISPUTED = "DISPUTED"
    COMPLETE = "COMPLETE"
    CANCELLED = "CANCELLED"
    EXPIRED = "EXPIRED"


FINAL = frozenset({Status.COMPLETE, Status.CANCELLED, Status.EXPIRED})


class Action(StrEnum):
    """The actions of members and moderators on a quest, spelled as in the API."""

    EDIT = "edit"
    CANCEL = "cancel"
    CLAIM = "claim"
    RELEASE = "release"
    WITHDRAW = "withdraw"
    SUBMIT = "submit"
    REQUEST_CHANGES = "request-changes"
    ATTEST = "attest"
    DISPUTE = "dispute"
    STATE = "state"
    RESOLVE = "resolve"
    HIDE = "hide"
    UNHIDE = "unhide"


class Role(StrEnum):
    """A party of a quest."""

    REQUESTOR = "requestor"
    PERFORMER = "performer"


class Outcome(StrEnum):
    """The status that a moderator's decision gives to a disputed quest."""

    COMPLETE = "COMPLETE"
    CLAIMED = "CLAIMED"
    CANCELLED = "CANCELLED"


class Evidence(StrEnum):
    """The form of an attestation: explicit (`word`), by handing the work in, or by not reacting in time (`silence`)."""

    WORD = "word"
    HAND_IN = "hand-in"
    SILENCE = "silence"


class Ending(StrEnum):
    """The way in which a performer lost or left a quest."""

    RELEASED = "released"
    TAKEN_BACK = "taken-back"
    OVERDUE = "overdue"
    WITHDRAWN = "withdrawn"
    DECIDED = "decided"
    OPERATOR = "operator"


class When(Model):
    """The window in which the work is to be done."""

    start: Timestamp
    end: Timestamp


class WhenInput(Input):
    """A window as its requestor writes it."""

    start: Moment
    end: Moment

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.start >= self.end:
            raise ValueError("must start before it ends")
        return self


class Attestation(Model):
    """One party's confirmation that the work was done. `thanks`: the note may be shown on the other one's profile."""

    user_id: str
    role: Role
    attested_at: Timestamp
    notes: str | None = None
    thanks: Literal[True] | None = None
    by: Evidence = Evidence.WORD


class ChangeRequest(Model):
    """The requestor's wish for changes before attesting."""

    reason: str
    requested_at: Timestamp


class Former(Model):
    """A former performer: how and when it ended, and the reason that somebody else gave for it."""

    user_id: str
    at: Timestamp
    how: Ending
    reason: str | None = None


class Dispute(Model):
    """A disagreement, the statement of the other side and, once a moderator has spoken, the decision."""

    raised_by: str
    reason: str
    raised_at: Timestamp
    statement: str | None = None
    stated_at: Timestamp | None = None
    statement_until: Timestamp | None = None
    outcome: Outcome | None = None
    decision: str | None = None
    decided_by: str | None = None
    decided_at: Timestamp | None = None

    @property
    def decidable_from(self) -> datetime:
        """The moment from which a moderator may decide without the other side's statement."""
        return self.statement_until or self.raised_at + STATEMENT_PERIOD


class Quest(Model):
    """A task that one member posts and another does. The long texts are in `Texts`.

    The limits of what members write are in `Draft`, `Edit` and the requests, not here: a limit that is tightened later
    must not make a stored quest unreadable. Attributes with a default may be absent in a stored quest, which an earlier
    release wrote. `cost` is in points. `edited` has the version of each field's last edit, by its name on the wire.
    `left` are the parties who have left the platform.
    `asked_at` is the moment of the oldest question without an answer. `stood_still` are the seconds for
    which the quest was hidden before. `reward_share` is the percent of its reward that a COMPLETE quest paid. `taken`
    are the ids of the last steps (`digests.step_id_of`). `synthetic` ones are made by the canary: nobody else sees
    them, and nothing counts them.
    """

    quest_id: str
    title: str
    category: Category
    tags: list[str] = []
    area: str = ""
    when: When | None = None
    minutes: int = 60
    meeting_point: str | None = None
    reward_xp: int
    reward_reputation: int
    cost: int = 1
    requestor_id: str
    performer_id: str | None = None
    status: Status = Status.OPEN
    attestations: list[Attestation] = []
    change_requests: list[ChangeRequest] = []
    dispute: Dispute | None = None
    former: list[Former] = []
    left: list[str] = []
    released_by: str | None = None
    created_at: Timestamp
    updated_at: Timestamp
    expires_at: Timestamp
    claimed_at: Timestamp | None = None
    claim_deadline: Timestamp | None = None
    submitted_at: Timestamp | None = None
    silence_at: Timestamp | None = None
    completed_at: Timestamp | None = None
    cancelled_at: Timestamp | None = None
    expired_at: Timestamp | None = None
    asked_at: Timestamp | None = None
    hidden_at: Timestamp | None = None
    hidden_reason: str | None = None
    stood_still: int = 0
    reward_share: int = 100
    request_digest: str | None = None
    edited: dict[str, int] = {}
    taken: list[str] = []
    synthetic: Literal[True] | None = None
    version: int = 1

    def clock(self, now: datetime) -> datetime:
        """The time that counts for this quest: it stands still while the quest is hidden."""
        return self.hidden_at or now

    @property
    def release_due(self) -> datetime:
        """The moment at which housekeeping takes a CLAIMED quest from its performer."""
        assert self.claim_deadline is not None, "a CLAIMED quest has a deadline"
        return self.claim_deadline + RELEASE_GRACE

    @property
    def silence_due(self) -> datetime:
        """The moment at which silence confirms a SUBMITTED quest."""
        assert self.submitted_at is not None, "a SUBMITTED quest was handed in"
        return self.silence_at or self.submitted_at + SILENCE

    def due_at(self) -> datetime | None:
        """The moment at which the quest changes by itself; None if it does not, or its clock stands still."""
        if self.hidden_at:
            return None
        match self.status:
            case Status.OPEN:
                return self.expires_at
            case Status.CLAIMED:
                return self.release_due
            case Status.SUBMITTED:
                return self.silence_due
        return None


class Texts(Model):
    """A quest's Markdown, kept apart so that the cost of a transition does not grow with it."""

    description: str
    submission: str | None = None


class Draft(Input):
    """The fields of a quest that its requestor writes to post it."""

    title: Title
    description: Description
    category: Category
    tags: Tags = []
    area: Area = ""
    when: WhenInput | None = None
    minutes: Minutes = 60
    meeting_point: MeetingPoint = ""
    reward_xp: RewardXp = 100
    reward_reputation: RewardReputation = 10


class Edit(Input):
    """The fields of a quest that its requestor changes; absent ones stay, and so do those that are null, except that
    a `when` of null means "any time".
    """

    title: Title | None = None
    description: Description | None = None
    category: Category | None = None
    tags: Tags | None = None
    area: Area | None = None
    when: WhenInput | None = None
    minutes: Minutes | None = None
    meeting_point: MeetingPoint | None = None
    reward_xp: RewardXp | None = None
    reward_reputation: RewardReputation | None = None


class Standing(NamedTuple):
    """The facts about a member that may keep them from claiming a quest, or from judging one.

    Attributes:
        suspended: they may start nothing new.
        claims_full: they hold as many claims as they may.
        blocked_by: ids of the members who blocked them.
        knows: of a moderator, ids of members whose cases they may not judge (`services.api.operations.conflicts`).
    """

    suspended: bool = False
    claims_full: bool = False
    blocked_by: frozenset[str] = frozenset()
    knows: frozenset[str] = frozenset()


_NOTHING_AGAINST = Standing()


@dataclass(frozen=True)
class Actor:
    """A caller: `groups` come from the token, `features` are the flags that include this member. The standing is known
    where it was read; a claim's own writes enforce it, and a judge's history is read before each decision.
    """

    user_id: str
    groups: frozenset[str] = field(default_factory=frozenset)
    features: frozenset[str] = field(default_factory=frozenset)
    standing: Standing = _NOTHING_AGAINST


class InvalidFieldError(ValueError):
    """A field has a value that the quest does not admit now. `field` is its name on the wire."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field, self.message = field, message


class PairChange(NamedTuple):
    """A pair as it was read, and as a completed quest makes it."""

    before: Pair
    after: Pair


class Change(NamedTuple):
    """A quest's next state. `entries` are booked, and pair and texts are stored, in the same transaction."""

    quest: Quest
    entries: tuple[ledger.Entry, ...] = ()
    submission: str | None = None
    description: str | None = None
    pair: PairChange | None = None


def role_of(quest: Quest, user_id: str) -> Role | None:
    """The part that a member plays in a quest."""
    if user_id == quest.requestor_id:
        return Role.REQUESTOR
    return Role.PERFORMER if user_id == quest.performer_id else None


def former_of(quest: Quest, user_id: str) -> Former | None:
    """The end of a member's last time as the performer, or None if they never were one."""
    return next((former for former in reversed(quest.former) if former.user_id == user_id), None)


def other_side(quest: Quest, user_id: str) -> str | None:
    """The other party."""
    return quest.performer_id if user_id == quest.requestor_id else quest.requestor_id


def has_attested(quest: Quest, user_id: str) -> bool:
    """True if this member has attested the current submission."""
    return any(attestation.user_id == user_id for attestation in quest.attestations)


def parties(quest: Quest) -> Iterator[str]:
    """The requestor, and the performer if there is one."""
    yield quest.requestor_id
    if quest.performer_id:
        yield quest.performer_id


def may_read_all(quest: Quest, actor: Actor) -> bool:
    """True if submission, notes and dispute are shown: to the parties, to moderators, and to the performer of a
    quest that was cancelled under them.
    """
    was_performer = quest.status is Status.CANCELLED and quest.released_by == actor.user_id
    return role_of(quest, actor.user_id) is not None or was_performer or MODERATORS in actor.groups


def may_see(quest: Quest, actor: Actor | None) -> bool:
    """False for a hidden quest, which is shown to its parties, former ones too, and to moderators; and where one of
    quest and actor is synthetic and the other is not.
    """
    if bool(quest.synthetic) != (actor is not None and SYNTHETIC in actor.groups):
        return False
    if quest.hidden_at is None or actor is None:
        return quest.hidden_at is None
    involved = role_of(quest, actor.user_id) is not None or former_of(quest, actor.user_id) is not None
    return involved or MODERATORS in actor.groups


def may_see_meeting_point(quest: Quest, actor: Actor) -> bool:
    """True for the parties and, in a dispute, for moderators."""
    judges = quest.status is Status.DISPUTED and MODERATORS in actor.groups
    return role_of(quest, actor.user_id) is not None or judges


def confirms_by_silence(features: frozenset[str]) -> bool:
    """True if silence ends what a member with these features has handed in: the flag is on for them, or they have no
    dispute as another way out.
    """
    return SILENCE_FLAG in features or DISPUTES not in features
