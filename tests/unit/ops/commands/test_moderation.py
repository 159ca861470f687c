"""`civicforge moderation`: the queue, decisions and their effects, and a member's standing."""

from datetime import UTC, datetime, timedelta

from services.core.domain import reports
from services.core.domain.quests import MODERATORS, Actor
from services.core.domain.reports import (
    DecisionDraft,
    Measure,
    Report,
    ReportDraft,
    ReportReason,
    ReportState,
    SubjectInput,
    SubjectKind,
)
from services.core.stores.reports import CONCERNED
from services.core.stores.users import Allowance, Quota
from tests.unit.ops.conftest import PERFORMER, REQUESTOR, Cli, UnitStage

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
WORDS = "--words Please-stay-friendly-to-others --reason asked"


def reported(stage: UnitStage) -> Report:
    """The performer, reported by the requestor."""
    for user_id in (REQUESTOR, PERFORMER):
        stage.users.ensure(user_id, NOW)
    draft = ReportDraft(
        subject=SubjectInput(kind=SubjectKind.MEMBER, user_id=PERFORMER), reason=ReportReason.RUDE, words="Look."
    )
    report = reports.make(draft, REQUESTOR, PERFORMER, "Ben, you fools", NOW, "r" * 26)
    stage.reports.create(report, Quota(Allowance.REPORT, 10))
    return report


def test_the_queue(stage: UnitStage, cli: Cli) -> None:
    assert "No report waits" in cli("moderation reports").out
    report = reported(stage)
    for line in ("moderation reports", f"moderation show {report.report_id}"):
        assert "Ben, you fools" in cli(line).out
    assert "There is no report nothing" in cli("moderation show nothing").err


def test_a_decision_is_carried_out_and_in_the_audit_log(stage: UnitStage, cli: Cli) -> None:
    report = reported(stage)
    line = f"moderation decide {report.report_id} suspend --days 3 {WORDS}"
    assert cli(f"{line} --dry-run").code == 0
    assert stage.reports.get(report.report_id) == report
    assert cli(f"{line} --yes").code == 0
    decided = stage.reports.get(report.report_id)
    assert decided
    assert (decided.state, decided.decisions[0].decided_by) == (ReportState.DECIDED, "operators")
    user = stage.users.get(PERFORMER)
    assert user
    assert user.suspended_until == decided.decisions[0].until
    assert stage.audit()[-1]["action"] == "moderation decide"
    assert "already_decided" in cli(f"moderation decide {report.report_id} warn {WORDS} --yes").err


def test_a_decision_on_a_member_who_left_meanwhile_stands(stage: UnitStage, cli: Cli) -> None:
    report = reported(stage)
    stage.users.request_deletion(PERFORMER, NOW, grace=timedelta(0))
    gone = stage.users.get(PERFORMER)
    assert gone
    stage.users.anonymise(gone, NOW)
    assert cli(f"moderation decide {report.report_id} rename {WORDS} --yes").code == 0
    decided = stage.reports.get(report.report_id)
    assert decided
    assert decided.state is ReportState.DECIDED


def test_what_a_moderator_has_to_do_in_the_app(stage: UnitStage, cli: Cli) -> None:
    report = reported(stage)
    assert "in the app" in cli(f"moderation decide {report.report_id} hide {WORDS} --yes").err


def test_a_members_standing(stage: UnitStage, cli: Cli) -> None:
    reported(stage)
    for line, year in (("suspend", datetime.now(UTC).year), ("ban", 9999), ("reinstate", None)):
        assert cli(f"moderation {line} {PERFORMER} {WORDS} --yes").code == 0
        user = stage.users.get(PERFORMER)
        assert user
        until = user.suspended_until
        assert (until.year if until else None) in (year, year and year + 1)
    filed = stage.reports.of_member(CONCERNED, PERFORMER, 10, None).reports
    decided = {report.decisions[0].measure: report for report in filed if report.decisions}
    assert set(decided) == {"suspend", "ban", "reinstate"}
    assert {report.decisions[0].words for report in decided.values()} == {"Please-stay-friendly-to-others"}
    assert reports.object_to(decided[Measure.BAN], PERFORMER, "I did nothing of it.", NOW).state == "OBJECTED"
    assert "There is no member nobody" in cli(f"moderation ban nobody {WORDS} --yes").err


def test_a_ban_closes_the_account_and_reinstating_opens_it(stage: UnitStage, cli: Cli) -> None:
    pool = stage.api_settings.cognito_user_pool_id
    made = stage.cognito.admin_create_user(UserPoolId=pool, Username="zoe")["User"]
    stage.users.ensure("zoe", NOW)
    assert made["Enabled"]
    for line, enabled in (("ban", False), ("reinstate", True), ("ban", False), ("suspend", True)):
        assert cli(f"moderation {line} zoe {WORDS} --yes").code == 0
        assert stage.cognito.admin_get_user(UserPoolId=pool, Username="zoe")["Enabled"] is enabled


def test_who_is_banned_objects_by_mail(stage: UnitStage, cli: Cli) -> None:
    """They cannot sign in; an operator records what they answered, and another moderator decides for good."""
    pool = stage.api_settings.cognito_user_pool_id
    stage.cognito.admin_create_user(UserPoolId=pool, Username="zoe")
    stage.users.ensure("zoe", NOW)
    assert cli(f"moderation ban zoe {WORDS} --yes").code == 0
    (report,) = stage.reports.of_member(CONCERNED, "zoe", 10, None).reports
    answer = "--words I-was-not-there-that-day --reason answered"
    assert cli(f"moderation object {report.report_id} {answer} --yes").code == 0
    (waiting,) = stage.reports.queue(10, None).reports
    assert (waiting.report_id, waiting.objection) == (report.report_id, "I-was-not-there-that-day")
    refused = cli(f"moderation decide {report.report_id} reinstate {WORDS} --yes")
    assert "party_cannot_judge" in refused.err, "who decided does not decide again"
    again = cli(f"moderation object {report.report_id} --words Something-else-now --yes --reason again")
    assert "already_objected" in again.err
    mona = Actor("mona", frozenset({MODERATORS}))
    draft = DecisionDraft(measure=Measure.REINSTATE, words="They were not there, as others say.")
    stage.reports.save(waiting, reports.decide(waiting, mona, draft, NOW, frozenset()))
    assert "There is no report" in cli("moderation object nope --words Nothing-of-it --yes --reason x").err
