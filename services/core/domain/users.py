"""Members: profile, totals and what a deletion leaves of them."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import Field

from services.core.domain.values import Bio, DisplayName, Input, Model, Tag, Timestamp

WELCOME_POINTS = 10
PASSWORD_MIN_LENGTH = 12  # length, not composition: NIST SP 800-63B
DELETION_GRACE = timedelta(days=14)
NEW_MEMBER = "New member"
FORMER_MEMBER = "Former member"

Interests = Annotated[list[Tag], Field(max_length=10)]


class User(Model):
    """A member. `points`, `xp`, `reputation` and `completed` are a cache of the ledger's POSTED entries."""

    user_id: str
    display_name: str = NEW_MEMBER
    bio: str = ""
    interests: list[str] = []
    points: int = 0
    xp: int = 0
    reputation: int = 0
    completed: int = 0
    created_at: Timestamp
    updated_at: Timestamp
    deletion_at: Timestamp | None = None
    deleted: Literal[True] | None = None


class Profile(Input):
    """The fields of a profile that its owner changes; absent ones stay."""

    display_name: DisplayName | None = None
    bio: Bio | None = None
    interests: Interests | None = None


def newcomer(user_id: str, now: datetime) -> User:
    """A member as the sign-up makes them, with the welcome points."""
    return User(user_id=user_id, points=WELCOME_POINTS, created_at=now, updated_at=now)


def former(user: User, now: datetime) -> User:
    """What a deletion leaves: the totals, which balance the ledger, and nothing that tells who it was."""
    return User(
        user_id=user.user_id,
        display_name=FORMER_MEMBER,
        points=user.points,
        xp=user.xp,
        reputation=user.reputation,
        completed=user.completed,
        created_at=user.created_at,
        updated_at=now,
        deleted=True,
    )
