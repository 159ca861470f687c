"""Moderation by hand: the queue of reports, decisions, and a member's standing.

The same decisions as in the app, for a stage without a moderator at hand. An operator decides as `operators`.
"""

import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out, command
from services.core.accounts import Accounts
from services.core.domain import reports
from services.core.domain.digests import digest
from services.core.domain.messages import Removal
from services.core.domain.quests import MODERATORS, Actor
from services.core.domain.reports import DecisionDraft, Measure, Report, ReportDeniedError, SubjectKind
from services.core.domain.values import timestamp
from services.core.stores.dynamo import dump
from services.core.stores.reports import CONCERNED, ReportMovedError
from services.core.stores.users import NoSuchUserError

app = typer.Typer(no_args_is_help=True, help="Decide reports; suspend, ban and reinstate members.")

OPERATORS = Actor("operators", frozenset({MODERATORS}))
STEPS = frozenset({Measure.HIDE, Measure.UNHIDE})
"""Measures that are steps of a quest. `civicforge quest cancel` takes a quest off the board for good."""

ReportId = Annotated[str, typer.Argument(help="The report's id.")]
UserId = Annotated[str, typer.Argument(help="The member's id.")]
Words = Annotated[str, typer.Option(help="The words that those whom it concerns read; 20 letters at least.")]
Days = Annotated[int, typer.Option(min=1, max=3650, help="Length of a suspension.")]


def _line(report: Report) -> str:
    decided = f", {report.decisions[-1].measure}" if report.decisions else ""
    text = report.evidence or "(no text)"
    about = f"{report.subject.kind} of {report.concerned_id}, {report.reason}: {text[:60]}"
    return f"{report.report_id}  {timestamp(report.created_at)[:10]}  {report.state}{decided}  {about}"


def _find(stage: Stage, report_id: str) -> Report:
    report = stage.reports.get(report_id)
    if report is None:
        raise OperatorError(f"There is no report {report_id} on {stage.name}.")
    return report


def _save(stage: Stage, report: Report, changed: Report) -> None:
    try:
        stage.reports.save(report, changed)
    except ReportMovedError:
        raise OperatorError("Somebody else changed it meanwhile; look again.") from None


@command(app, name="reports")
def list_reports(stage: Stage, terminal: Terminal) -> None:
    """List the reports that wait for a moderator, the longest waiting first."""
    found = stage.reports.queue(100, None).reports
    lines = [_line(report) for report in found] or ["No report waits for a moderator."]
    terminal.result({"reports": [dump(report) for report in found]}, *lines)


@command(app)
def show(stage: Stage, terminal: Terminal, report_id: ReportId) -> None:
    """Show a report, its decisions, and all that was reported of the same member."""
    report = _find(stage, report_id)
    history = stage.reports.of_member(CONCERNED, report.concerned_id, 100, None).reports
    lines = [f"{name:>16}  {value}" for name, value in dump(report).items()]
    lines += [f"{'before':>16}  {_line(other)}" for other in history if other.report_id != report_id]
    terminal.result({"report": dump(report), "history": [dump(other) for other in history]}, *lines)


@command(app, changes=True)
def decide(
    stage: Stage,
    terminal: Terminal,
    report_id: ReportId,
    measure: Annotated[Measure, typer.Argument(help="What is done.")],
    words: Words,
    days: Days = 7,
) -> None:
    """Decide a report and carry the decision out."""
    if measure in STEPS:
        raise OperatorError(f"{measure} is a step of a quest: a moderator takes it in the app.")
    report, now = _find(stage, report_id), datetime.now(UTC)
    until = now + timedelta(days=days) if measure is Measure.SUSPEND else None
    draft = DecisionDraft(measure=measure, words=words, until=until)
    try:
        decided = reports.decide(report, OPERATORS, draft, now, frozenset())
    except ReportDeniedError as denied:
        raise OperatorError(f"{report_id} cannot be decided so: {denied.code}.") from None
    plan = [f"{report_id}: {report.state} -> {decided.state}", f"{measure} of {report.concerned_id}: {words}"]

    def apply() -> Json:
        _save(stage, report, decided)
        with suppress(NoSuchUserError):  # a former member has no name, texts or standing left
            _carry_out(stage, decided, now)
        return dump(decided)

    if outcome := carry_out(stage, terminal, PlannedChange("moderation decide", report_id, plan, apply)):
        terminal.result(outcome, f"{report_id} is {decided.state}.")


@command(app, name="object", changes=True)
def record_objection(
    stage: Stage,
    terminal: Terminal,
    report_id: ReportId,
    words: Annotated[str, typer.Option(help="The member's own words, as they stand in their mail.")],
) -> None:
    """Record the objection of a member who cannot sign in and answered the mail; another moderator then decides."""
    report = _find(stage, report_id)
    try:
        objected = reports.object_to(report, report.concerned_id, words, datetime.now(UTC))
    except ReportDeniedError as denied:
        raise OperatorError(f"Nobody can object to {report_id} now: {denied.code}.") from None
    plan = [f"{report_id}: {report.state} -> {objected.state}", f"{report.concerned_id} says: {words}"]

    def apply() -> Json:
        _save(stage, report, objected)
        return dump(objected)

    if outcome := carry_out(stage, terminal, PlannedChange("moderation object", report_id, plan, apply)):
        terminal.result(outcome, f"{report_id} waits for another moderator.")


def _carry_out(stage: Stage, report: Report, now: datetime) -> None:
    decision, concerned, subject = report.decisions[-1], report.concerned_id, report.subject
    match decision.measure:
        case Measure.REMOVE_TEXT if subject.kind is SubjectKind.MESSAGE:
            stage.messages.remove(subject.quest_id or "", subject.message_id or "", Removal.MODERATED)
        case Measure.REMOVE_TEXT:
            stage.users.remove_texts(concerned, now)
        case Measure.RENAME:
            stage.users.rename(concerned, now)
        case Measure.SUSPEND | Measure.BAN | Measure.REINSTATE:
            stage.users.suspend(concerned, decision.until, now)
            accounts = Accounts(stage.cognito, stage.api_settings.cognito_user_pool_id)
            accounts.set_access(concerned, allowed=decision.measure is not Measure.BAN)


@command(app, changes=True)
def suspend(stage: Stage, terminal: Terminal, user_id: UserId, words: Words, days: Days = 7) -> None:
    """Suspend a member without a report: they finish what they owe and start nothing new."""
    now = datetime.now(UTC)
    draft = DecisionDraft(measure=Measure.SUSPEND, words=words, until=now + timedelta(days=days))
    _decide_standing(stage, terminal, user_id, draft, now)


@command(app, changes=True)
def ban(stage: Stage, terminal: Terminal, user_id: UserId, words: Words) -> None:
    """Suspend a member for ever, end their sessions and let them sign in no more."""
    _decide_standing(stage, terminal, user_id, DecisionDraft(measure=Measure.BAN, words=words), datetime.now(UTC))


@command(app, changes=True)
def reinstate(stage: Stage, terminal: Terminal, user_id: UserId, words: Words) -> None:
    """End a member's suspension or ban, and let them sign in again."""
    _decide_standing(stage, terminal, user_id, DecisionDraft(measure=Measure.REINSTATE, words=words), datetime.now(UTC))


def _decide_standing(stage: Stage, terminal: Terminal, user_id: str, draft: DecisionDraft, now: datetime) -> None:
    """Carries a decision on a member's standing out, and files it as a report, of which they are told."""
    user = stage.users.get(user_id)
    if user is None or user.deleted:
        raise OperatorError(f"There is no member {user_id} on {stage.name}.")
    report_id = digest("report", OPERATORS.user_id, str(uuid.uuid4()))
    report = reports.of_operators(user_id, draft, OPERATORS.user_id, now, report_id)
    before, until = user.suspended_until, report.decisions[-1].until
    plan = [
        f"suspendedUntil: {timestamp(before) if before else 'none'} -> {timestamp(until) if until else 'none'}",
        f"they are told: {draft.words}",
    ]

    def apply() -> Json:
        try:
            _carry_out(stage, report, now)
        except NoSuchUserError:
            raise OperatorError(f"{user_id} left meanwhile.") from None
        stage.reports.file(report)
        return {"userId": user_id, "suspendedUntil": timestamp(until) if until else None, "reportId": report_id}

    if outcome := carry_out(stage, terminal, PlannedChange(f"moderation {draft.measure}", user_id, plan, apply)):
        effect = f"suspended until {timestamp(until)}" if until else "reinstated"
        terminal.result(outcome, f"{user_id} is {effect}.")
