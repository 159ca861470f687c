"""Members: profile, totals and what a deletion leaves of them."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Final, Literal

from pydantic import Field

from services.core.domain.values import Bio, DisplayName, Input, Model, Tag, Timestamp

WELCOME_POINTS = 10
PASSWORD_MIN_LENGTH = 12  # length, not composition: NIST SP 800-63B
DELETION_GRACE = timedelta(days=14)
NEW_MEMBER = "New member"
FORMER_MEMBER = "Former member"
MAX_BLOCKED = 100
"""Members whom one member may block."""

OPEN_CLAIMS = 3
"""Quests that a new member may have claimed at the same time."""
OPEN_CLAIMS_TRUSTED = 10
"""The same, once `TRUSTED_FROM` different members have confirmed the member's work."""
TRUSTED_FROM = 3
CLAIM_REQUEST_DURATION = timedelta(minutes=1)
"""Upper bound of the time that a claim's request runs: the api's Lambda ends sooner."""

Interests = Annotated[list[Tag], Field(max_length=10)]


class Language(StrEnum):
    """A language that the platform speaks to its members."""

    EN = "en"
    DE = "de"
    ES = "es"
    FR = "fr"
    AR = "ar"


class MailPreference(StrEnum):
    """Mail preferences."""

    AT_ONCE = "at_once"
    DAILY = "daily"
    NEVER = "never"


class MailStop(StrEnum):
    """Reasons why no mail goes to a member's address until they ask for mails again."""

    BOUNCED = "bounced"
    COMPLAINED = "complained"


class User(Model):
    """A member. `points`, `xp`, `reputation` and `completed` are a cache of the ledger's POSTED entries.

    `read_up_to` is the newest item of the inbox that the member has read. `confirmed_by` is the number of different
    members who explicitly confirmed this one's work. `claims` has what they claimed and may still hold, each as
    `claim_record` writes it.
    `blocked` are the members who may neither claim this one's quests nor write to them. `moderator` follows the user
    pool's group, which alone gives the right; it is shown beside the name. `address_digest` is a keyed digest of the
    e-mail address (`services.core.sign_ups`), which nobody is shown.
    """

    user_id: str
    display_name: str = NEW_MEMBER
    bio: str = ""
    interests: list[str] = []
    points: int = 0
    xp: int = 0
    reputation: int = 0
    completed: int = 0
    language: Language = Language.EN
    mail: MailPreference = MailPreference.AT_ONCE
    mail_stopped: MailStop | None = None
    read_up_to: str | None = None
    confirmed_by: int = 0
    claims: list[str] = []
    created_at: Timestamp
    updated_at: Timestamp
    suspended_until: Timestamp | None = None
    blocked: list[str] = []
    moderator: Literal[True] | None = None
    deletion_at: Timestamp | None = None
    address_digest: str | None = None
    deleted: Literal[True] | None = None


class Profile(Input):
    """The fields of a profile that its owner changes; absent ones stay."""

    display_name: DisplayName | None = None
    bio: Bio | None = None
    interests: Interests | None = None
    language: Language | None = None
    mail: MailPreference | None = None


PROFILE_TEXTS: Final = ("bio", "interests")
"""Texts of a profile that moderators take away; the name is replaced instead."""
SHOWN_TO_OTHERS: Final = ("display_name", *PROFILE_TEXTS)
"""The fields that others read: a suspended member may not change them, and a report of a member carries them."""


def newcomer(user_id: str, now: datetime, points: int = WELCOME_POINTS, address_digest: str | None = None) -> User:
    """A member as the sign-up makes them."""
    return User(user_id=user_id, points=points, address_digest=address_digest, created_at=now, updated_at=now)


def former(user: User, now: datetime) -> User:
    """The row that a deletion leaves: the totals, which balance the ledger, and nothing that tells who it was."""
    return User(
        user_id=user.user_id,
        display_name=FORMER_MEMBER,
        points=user.points,
        xp=user.xp,
        reputation=user.reputation,
        completed=user.completed,
        confirmed_by=user.confirmed_by,
        created_at=user.created_at,
        updated_at=now,
        deleted=True,
    )


def shown_text(user: User) -> str:
    """The text that others read in a member's profile, a line for each field that has something."""
    values = (getattr(user, field) for field in SHOWN_TO_OTHERS)
    return "\n".join(filter(None, (value if isinstance(value, str) else ", ".join(value) for value in values)))


def open_claims(confirmed_by: int) -> int:
    """The number of quests that a member may have claimed at the same time."""
    return OPEN_CLAIMS_TRUSTED if confirmed_by >= TRUSTED_FROM else OPEN_CLAIMS


def is_suspended(user: User, now: datetime) -> bool:
    """True for a member who may start nothing now."""
    return user.suspended_until is not None and user.suspended_until > now


def claim_record(quest_id: str, now: datetime) -> str:
    """A claim as a member's list of claims keeps it: the quest's id, `@`, and the time in milliseconds."""
    return f"{quest_id}@{int(now.timestamp() * 1000)}"


def claimed_quest(record: str) -> str:
    """The id of the quest in a claim record."""
    return record.partition("@")[0]


def request_may_still_run(record: str, now: datetime) -> bool:
    """True for a claim whose request may still run: the quest is written after the member's list."""
    return now.timestamp() * 1000 - int(record.partition("@")[2]) < CLAIM_REQUEST_DURATION.total_seconds() * 1000
