"""The bodies and query strings of the API's calls."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from services.core.domain.quests import Category, Outcome, Status
from services.core.domain.values import Input, Model, Notes, Reason, Search, Submission


class SubmitBody(Input):
    """The work, handed in."""

    submission: Submission


class ReasonBody(Input):
    """The reason of a step that goes against somebody."""

    reason: Reason


class ReleaseBody(Input):
    """The reason of a release, which the requestor has to give."""

    reason: Reason | None = None


class StatementBody(Input):
    """The statement of a dispute's other side."""

    statement: Reason


class AttestBody(Input):
    """A party's attestation, with an optional note; with `thanks` it may be shown on the other one's profile."""

    notes: Notes | None = None
    thanks: bool = False


class ResolveBody(Input):
    """A moderator's decision."""

    outcome: Outcome
    decision: Reason


class ReadBody(Input):
    """The newest inbox item that was read."""

    up_to: Annotated[str, Field(min_length=1, max_length=300, pattern=r"^[\x21-\x7e]+$")]


class Query(Model):
    """A query string: unknown names are refused, numbers arrive as text."""

    model_config = ConfigDict(extra="forbid")


Limit = Annotated[int, Field(ge=1, le=100)]
Cursor = Annotated[str, Field(min_length=1, max_length=1000, pattern=r"^[A-Za-z0-9_-]+$")]


class PageQuery(Query):
    """A page of a list; `cursor` is the `nextCursor` of the page before."""

    limit: Limit = 20
    cursor: Cursor | None = None


class ExportQuery(Query):
    """A page of the export."""

    cursor: Cursor | None = None


class TokenQuery(Query):
    """The signed token of a link in a mail."""

    token: Cursor


class MessageQuery(PageQuery):
    """A page of a quest's messages."""

    limit: Limit = 50


class Side(StrEnum):
    """The member's part in a report."""

    REPORTER = "reporter"
    CONCERNED = "concerned"


class MyReportsQuery(PageQuery):
    """Reports that the member made, or that concern them."""

    side: Side = Side.REPORTER


class BoardQuery(PageQuery):
    """Filters of the open quests."""

    status: Literal[Status.OPEN] = Status.OPEN
    category: Category | None = None
    q: Search = ""


class Involvement(StrEnum):
    """A member's part in a quest: a party now or before, a moderator of its open dispute, or who decided one."""

    REQUESTOR = "requestor"
    PERFORMER = "performer"
    MODERATOR = "moderator"
    JUDGE = "judge"


class MyQuestsQuery(PageQuery):
    """The member's own quests, as the one who posted or does them, or the disputes that a moderator may decide."""

    role: Involvement
