"""Reports: what members report, and what moderators decide. All functions are pure."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Self

from pydantic import StringConstraints, model_validator

from services.core.domain.quests import MODERATORS, Actor
from services.core.domain.values import Input, Model, Reason, ReportText, Timestamp, timestamp

FOR_EVER = datetime.fromisoformat("9999-12-31T00:00:00.000+00:00")
"""The end of a ban."""


class SubjectKind(StrEnum):
    """The kind of thing that is reported."""

    QUEST = "quest"
    MESSAGE = "message"
    MEMBER = "member"


class ReportReason(StrEnum):
    """The reason for a report."""

    SPAM = "spam"
    UNSAFE = "unsafe"
    RUDE = "rude"
    FRAUD = "fraud"
    OTHER = "other"


class ReportState(StrEnum):
    """OPEN and OBJECTED wait for a moderator; CLOSED was decided twice."""

    OPEN = "OPEN"
    DECIDED = "DECIDED"
    OBJECTED = "OBJECTED"
    CLOSED = "CLOSED"


WAITING = frozenset({ReportState.OPEN, ReportState.OBJECTED})


class Measure(StrEnum):
    """Actions of a moderator on a report."""

    DISMISS = "dismiss"
    WARN = "warn"
    HIDE = "hide"
    UNHIDE = "unhide"
    REMOVE_TEXT = "remove-text"
    RENAME = "rename"
    SUSPEND = "suspend"
    REINSTATE = "reinstate"
    BAN = "ban"


MEASURES: Mapping[SubjectKind, frozenset[Measure]] = {
    SubjectKind.QUEST: frozenset(Measure) - {Measure.REMOVE_TEXT, Measure.RENAME},
    SubjectKind.MESSAGE: frozenset(Measure) - {Measure.HIDE, Measure.UNHIDE, Measure.RENAME},
    SubjectKind.MEMBER: frozenset(Measure) - {Measure.HIDE, Measure.UNHIDE},
}

_Id = Annotated[str, StringConstraints(min_length=1, max_length=64)]


class Subject(Model):
    """The thing that is reported."""

    kind: SubjectKind
    quest_id: str | None = None
    message_id: str | None = None
    user_id: str | None = None


class SubjectInput(Input):
    """The thing that a member reports: a quest, a message on a quest, or a member."""

    kind: SubjectKind
    quest_id: _Id | None = None
    message_id: _Id | None = None
    user_id: _Id | None = None

    @model_validator(mode="after")
    def _names_one_thing(self) -> Self:
        wanted = {
            SubjectKind.QUEST: {"quest_id"},
            SubjectKind.MESSAGE: {"quest_id", "message_id"},
            SubjectKind.MEMBER: {"user_id"},
        }[self.kind]
        given = {name for name in ("quest_id", "message_id", "user_id") if getattr(self, name) is not None}
        if given != wanted:
            raise ValueError(f"a {self.kind} is named by {' and '.join(sorted(wanted))} alone")
        return self


class ReportDraft(Input):
    """A report as a member writes it."""

    subject: SubjectInput
    reason: ReportReason
    words: ReportText = ""


class DecisionDraft(Input):
    """A moderator's decision. `until` is the end of a suspension; the words are for everybody whom it concerns."""

    measure: Measure
    words: Reason
    until: Timestamp | None = None

    @model_validator(mode="after")
    def _has_its_end(self) -> Self:
        if (self.until is not None) != (self.measure is Measure.SUSPEND):
            raise ValueError("a suspension has an end, and nothing else has")
        if self.until is not None and self.until.tzinfo is None:
            raise ValueError("must have a time zone")
        return self


class Decision(Model):
    """A moderator's decision, in words that those whom it concerns read."""

    measure: Measure
    words: str
    until: Timestamp | None = None
    decided_by: str
    decided_at: Timestamp


class Report(Model):
    """A report. `concerned_id` is the member who posted, wrote or is the subject. `evidence` is the text as it was when
    it was reported, and goes when its author leaves.
    """

    report_id: str
    subject: Subject
    concerned_id: str
    reporter_id: str
    reason: ReportReason
    words: str | None = None
    evidence: str | None = None
    state: ReportState = ReportState.OPEN
    decisions: list[Decision] = []
    objection: str | None = None
    objected_at: Timestamp | None = None
    created_at: Timestamp
    request_digest: str | None = None


class ReportDenial(StrEnum):
    """The reason for which a report is not taken or decided."""

    NOT_MODERATOR = "not_moderator"
    PARTY_CANNOT_JUDGE = "party_cannot_judge"
    NOT_CONCERNED = "not_concerned"
    OWN_THING = "own_thing"
    ALREADY_DECIDED = "already_decided"
    ALREADY_OBJECTED = "already_objected"
    NOT_DECIDED = "not_decided"
    WRONG_MEASURE = "wrong_measure"


REPORT_STATE_DENIALS = frozenset(
    {ReportDenial.ALREADY_DECIDED, ReportDenial.ALREADY_OBJECTED, ReportDenial.NOT_DECIDED}
)
"""Denials that the report's state causes, not the person."""


class ReportDeniedError(Exception):
    """A report was made, decided or objected to by somebody who may not, or when it cannot be."""

    def __init__(self, code: ReportDenial) -> None:
        super().__init__(f"denied: {code}")
        self.code = code


def make(
    draft: ReportDraft,
    reporter_id: str,
    concerned_id: str,
    evidence: str,
    now: datetime,
    report_id: str,
    request_digest: str | None = None,
) -> Report:
    """A new report. Raises ReportDeniedError for one of the reporter's own things."""
    if reporter_id == concerned_id:
        raise ReportDeniedError(ReportDenial.OWN_THING)
    return Report(
        report_id=report_id,
        subject=Subject.model_validate(draft.subject.model_dump()),
        concerned_id=concerned_id,
        reporter_id=reporter_id,
        reason=draft.reason,
        words=draft.words or None,
        evidence=evidence or None,
        created_at=now,
        request_digest=request_digest,
    )


def may_judge(report: Report, moderator: str) -> bool:
    """True for a waiting report that a moderator may decide, as far as the report alone tells."""
    decided_by = {decision.decided_by for decision in report.decisions}
    return report.state in WAITING and moderator not in {report.concerned_id, report.reporter_id, *decided_by}


def decide(report: Report, actor: Actor, draft: DecisionDraft, now: datetime, involved: frozenset[str]) -> Report:
    """The report with a decision. `involved` are the members who have or had a part in the reported quest; the
    actor's standing says whom of the two sides they have a history with.

    Repeated by the same moderator it changes nothing. After an objection another moderator decides, for good. Raises
    ReportDeniedError.
    """
    if MODERATORS not in actor.groups:
        raise ReportDeniedError(ReportDenial.NOT_MODERATOR)
    sides = {report.concerned_id, report.reporter_id}
    if actor.user_id in sides | involved or actor.standing.knows & sides:
        raise ReportDeniedError(ReportDenial.PARTY_CANNOT_JUDGE)
    if draft.measure not in MEASURES[report.subject.kind]:
        raise ReportDeniedError(ReportDenial.WRONG_MEASURE)
    until = FOR_EVER if draft.measure is Measure.BAN else draft.until
    last = report.decisions[-1] if report.decisions else None
    if report.state not in WAITING:
        repeated = last and (last.measure, last.words, last.decided_by) == (draft.measure, draft.words, actor.user_id)
        if repeated:
            return report
        raise ReportDeniedError(ReportDenial.ALREADY_DECIDED)
    if last and last.decided_by == actor.user_id:
        raise ReportDeniedError(ReportDenial.PARTY_CANNOT_JUDGE)
    decision = Decision(measure=draft.measure, words=draft.words, until=until, decided_by=actor.user_id, decided_at=now)
    state = ReportState.CLOSED if report.state is ReportState.OBJECTED else ReportState.DECIDED
    return report.model_copy(update={"decisions": [*report.decisions, decision], "state": state})


def of_operators(concerned_id: str, draft: DecisionDraft, operator: str, now: datetime, report_id: str) -> Report:
    """A decision that operators take without a report, in the form of one, so that its words reach the member and they
    can object to it.
    """
    until = FOR_EVER if draft.measure is Measure.BAN else draft.until
    decision = Decision(measure=draft.measure, words=draft.words, until=until, decided_by=operator, decided_at=now)
    return Report(
        report_id=report_id,
        subject=Subject(kind=SubjectKind.MEMBER, user_id=concerned_id),
        concerned_id=concerned_id,
        reporter_id=operator,
        reason=ReportReason.OTHER,
        state=ReportState.DECIDED,
        decisions=[decision],
        created_at=now,
    )


def object_to(report: Report, user_id: str, words: str, now: datetime) -> Report:
    """The report with the objection of the member whom it concerns. Raises ReportDeniedError."""
    if user_id != report.concerned_id:
        raise ReportDeniedError(ReportDenial.NOT_CONCERNED)
    if report.objection is not None:
        if report.objection == words:
            return report
        raise ReportDeniedError(ReportDenial.ALREADY_OBJECTED)
    if report.state is not ReportState.DECIDED:
        raise ReportDeniedError(ReportDenial.NOT_DECIDED)
    return report.model_copy(update={"objection": words, "objected_at": now, "state": ReportState.OBJECTED})


def waiting_since(report: Report) -> str | None:
    """The moment since which a moderator is waited for, sortable; None for a report that waits for nobody."""
    if report.state not in WAITING:
        return None
    return timestamp(report.objected_at or report.created_at)
