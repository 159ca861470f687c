"""Reports by members, decisions by moderators, and the members that one has blocked."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from services.api import requests, views
from services.api.operations.conflicts import with_history
from services.api.operations.lists import next_cursor, position_of
from services.api.operations.members import own_account
from services.api.operations.operation import (
    AnyOperation,
    AnyRequest,
    NoBody,
    NoQuery,
    Operation,
    Platform,
    Request,
    errors,
    with_row,
)
from services.api.operations.quests import ATTEMPTS, hide_quest, idempotency_key, is_id, key_reused, unhide_quest
from services.api.problems import ProblemError, not_found
from services.core.accounts import Accounts
from services.core.domain import reports
from services.core.domain.digests import digest
from services.core.domain.messages import Removal, may_read
from services.core.domain.quests import MODERATORS, Denial, Quest, may_see, parties
from services.core.domain.reports import Decision, DecisionDraft, Measure, Report, ReportDraft, SubjectKind
from services.core.domain.users import shown_text
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.reports import CONCERNED, REPORTER, ReportExistsError, ReportMovedError
from services.core.stores.users import NoSuchUserError

CONTEXT = 10
"""Messages before a reported one, and after it, that moderators read."""


def make_report(platform: Platform, request: Request[ReportDraft, NoQuery]) -> views.ReportView:
    """Reports a quest, a message or a member; a call repeated with the same key answers with the first one's report."""
    draft, user_id = request.body, request.member.user_id
    concerned_id, evidence = _subject(platform, request)
    fingerprint = digest(draft.model_dump_json())
    report_id = digest("report", user_id, idempotency_key(request))
    report = reports.make(draft, user_id, concerned_id, evidence, request.now, report_id, fingerprint)
    try:
        with_row(platform, request, lambda: platform.reports.create(report, platform.reports_quota()))
    except ReportExistsError as error:
        if error.report.request_digest != fingerprint:
            raise key_reused("report") from None
        return views.report(error.report, request.member)
    if draft.subject.kind is SubjectKind.MESSAGE:
        assert draft.subject.quest_id is not None, "validated"
        assert draft.subject.message_id is not None, "validated"
        platform.messages.mark_reported(draft.subject.quest_id, draft.subject.message_id)
    return views.report(report, request.member)


def _subject(platform: Platform, request: Request[ReportDraft, NoQuery]) -> tuple[str, str]:
    """The member whom a report concerns, and the text that it is about. Raises ProblemError (404)."""
    subject = request.body.subject
    if subject.kind is SubjectKind.MEMBER:
        user = platform.users.get(subject.user_id or "")
        if user is None or user.deleted:
            raise not_found("user")
        return user.user_id, shown_text(user)
    stored = platform.quests.get(subject.quest_id or "") if is_id(subject.quest_id or "") else None
    if stored is None or not may_see(stored.quest, request.member):
        raise not_found("quest")
    if subject.kind is SubjectKind.QUEST:
        return stored.quest.requestor_id, f"{stored.quest.title}\n{stored.description}"
    message = platform.messages.get(stored.quest.quest_id, subject.message_id or "")
    if message is None or not may_read(message, stored.quest, request.member):
        raise not_found("message")
    return message.author_id, message.text or ""


def list_my_reports(platform: Platform, request: Request[NoBody, requests.MyReportsQuery]) -> views.ReportPage:
    """A page of the reports that the member made, or of those that concern them and were decided, newest first."""
    user_id, concerned = request.member.user_id, request.query.side is requests.Side.CONCERNED
    query = f"reports|{request.query.side}|{user_id}"
    after = position_of(platform, query, request.query.cursor)
    page = platform.reports.of_member(CONCERNED if concerned else REPORTER, user_id, request.query.limit, after)
    # Nobody learns of a report on them before it was decided, and of a dismissed one never.
    shown = [report for report in page.reports if not concerned or views.is_told(report)]
    return views.ReportPage(
        items=[views.report(report, request.member) for report in shown],
        next_cursor=next_cursor(platform, query, page.last),
    )


def object_to_decision(platform: Platform, request: Request[requests.ReasonBody, NoQuery]) -> views.ReportView:
    """Asks another moderator to look at a decision on the member."""
    for _ in range(ATTEMPTS):
        report = _report(platform, request)
        changed = reports.object_to(report, request.member.user_id, request.body.reason, request.now)
        if changed is report or _saved(platform, report, changed):
            return views.report(changed, request.member)
    raise StoreUnavailableError("the report kept changing")


def list_reports(platform: Platform, request: Request[NoBody, requests.PageQuery]) -> views.CasePage:
    """A page of the reports that wait for a moderator, the longest waiting first."""
    _require_moderator(request)
    after = position_of(platform, "moderation", request.query.cursor)
    page = platform.reports.queue(request.query.limit, after)
    cases = [views.case(report) for report in page.reports]
    return views.CasePage(items=cases, next_cursor=next_cursor(platform, "moderation", page.last))


def get_report(platform: Platform, request: Request[NoBody, NoQuery]) -> views.CaseHistory:
    """A report with all that was reported of the same member before."""
    _require_moderator(request)
    report = _report(platform, request)
    history = platform.reports.of_member(CONCERNED, report.concerned_id, 100, None)
    former = [views.case(other) for other in history.reports if other.report_id != report.report_id]
    return views.CaseHistory(case=views.case(report), history=former, context=_context(platform, report))


def _context(platform: Platform, report: Report) -> list[views.MessageView]:
    """The messages before and after a reported one in its conversation, and itself, oldest first."""
    quest_id, message_id = report.subject.quest_id, report.subject.message_id
    reported = platform.messages.get(quest_id, message_id) if quest_id and message_id else None
    if reported is None:
        return []
    conversation = platform.messages.around(reported, CONTEXT)
    return [views.message(one) for one in conversation]


def decide_report(platform: Platform, request: Request[DecisionDraft, NoQuery]) -> views.Case:
    """Decides a report and carries the decision out; repeated, it carries the same decision out once more."""
    for _ in range(ATTEMPTS):
        report = _report(platform, request)
        quest = _reported_quest(platform, report)
        sides = frozenset((report.concerned_id, report.reporter_id))
        judge = with_history(platform, request.member, sides, report.created_at)
        decided = reports.decide(report, judge, request.body, request.now, _involved(quest))
        if decided is report or _saved(platform, report, decided):
            with suppress(NoSuchUserError):  # a former member has no name, texts or standing left
                _carry_out(platform, request, decided, decided.decisions[-1])
            return views.case(decided)
    raise StoreUnavailableError("the report kept changing")


def _reported_quest(platform: Platform, report: Report) -> Quest | None:
    stored = platform.quests.get(report.subject.quest_id) if report.subject.quest_id else None
    return stored.quest if stored else None


def _involved(quest: Quest | None) -> frozenset[str]:
    """The members who have a part in a quest, or had one."""
    return frozenset((*parties(quest), *(former.user_id for former in quest.former))) if quest else frozenset()


def _carry_out(platform: Platform, request: AnyRequest, report: Report, decision: Decision) -> None:
    """Does what was decided. Each measure may be done twice."""
    subject, concerned = report.subject, report.concerned_id
    match decision.measure:
        case Measure.HIDE | Measure.UNHIDE:
            _show_or_hide(platform, request, report, decision)
        case Measure.REMOVE_TEXT if subject.kind is SubjectKind.MESSAGE:
            platform.messages.remove(subject.quest_id or "", subject.message_id or "", Removal.MODERATED)
        case Measure.REMOVE_TEXT:
            platform.users.remove_texts(concerned, request.now)
        case Measure.RENAME:
            platform.users.rename(concerned, request.now)
        case Measure.SUSPEND | Measure.BAN | Measure.REINSTATE:
            platform.users.suspend(concerned, decision.until, request.now)
            accounts = Accounts(platform.cognito, platform.settings.cognito_user_pool_id)
            accounts.set_access(concerned, allowed=decision.measure is not Measure.BAN)


def _show_or_hide(platform: Platform, request: AnyRequest, report: Report, decision: Decision) -> None:
    quest, hide = _reported_quest(platform, report), decision.measure is Measure.HIDE
    if quest is None or hide == bool(quest.hidden_at):
        return
    path = {"questId": quest.quest_id}
    if hide:
        hide_quest(platform, replace(request, path=path, body=requests.ReasonBody(reason=decision.words)))
    else:
        unhide_quest(platform, replace(request, path=path, body=NoBody()))


def _saved(platform: Platform, before: Report, after: Report) -> bool:
    try:
        platform.reports.save(before, after)
    except ReportMovedError:
        return False
    return True


def _report(platform: Platform, request: AnyRequest) -> Report:
    report_id = request.path["reportId"]
    report = platform.reports.get(report_id) if is_id(report_id) else None
    seen = report is not None and (
        MODERATORS in request.member.groups or request.member.user_id in (report.reporter_id, report.concerned_id)
    )
    if report is None or not seen:
        raise not_found("report")
    return report


def _require_moderator(request: AnyRequest) -> None:
    if MODERATORS not in request.member.groups:
        raise ProblemError(403, Denial.NOT_MODERATOR, "Only a moderator may do that.")


def block_member(platform: Platform, request: Request[NoBody, NoQuery]) -> views.Me:
    """Keeps a member from claiming one's quests and from writing to one."""
    other, user_id = request.path["userId"], request.member.user_id
    if other == user_id:
        raise ProblemError(403, "own_account", "You cannot block yourself.")
    if platform.users.get(other) is None:
        raise not_found("user")
    user = with_row(platform, request, lambda: platform.users.block(user_id, other, request.now))
    return own_account(platform, request, user)


def unblock_member(platform: Platform, request: Request[NoBody, NoQuery]) -> views.Me:
    """Takes the block of a member back."""
    other, user_id = request.path["userId"], request.member.user_id
    user = with_row(platform, request, lambda: platform.users.unblock(user_id, other, request.now))
    return own_account(platform, request, user)


MODERATION: Mapping[str, AnyOperation] = {
    "makeReport": Operation(
        make_report,
        ReportDraft,
        NoQuery,
        views.ReportView,
        "Report a quest, a message or a member",
        errors(403, 404),
        status=201,
        idempotency_key=True,
    ),
    "listMyReports": Operation(
        list_my_reports,
        NoBody,
        requests.MyReportsQuery,
        views.ReportPage,
        "Reports that the member made, or that were decided on them",
    ),
    "objectToDecision": Operation(
        object_to_decision,
        requests.ReasonBody,
        NoQuery,
        views.ReportView,
        "Ask another moderator to look at a decision",
        errors(403, 404, 409),
    ),
    "listReports": Operation(
        list_reports, NoBody, requests.PageQuery, views.CasePage, "Reports that wait for a moderator", errors(403)
    ),
    "getReport": Operation(
        get_report, NoBody, NoQuery, views.CaseHistory, "A report, and others on the member", errors(403, 404)
    ),
    "decideReport": Operation(
        decide_report, DecisionDraft, NoQuery, views.Case, "Decide a report", errors(403, 404, 409)
    ),
    "blockMember": Operation(block_member, NoBody, NoQuery, views.Me, "Block a member", errors(403, 404, 409)),
    "unblockMember": Operation(unblock_member, NoBody, NoQuery, views.Me, "Take a block back", errors(404)),
}
