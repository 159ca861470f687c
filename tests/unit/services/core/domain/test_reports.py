"""Reports: who may make, decide and object to them, in which state, and what each measure is for."""

import json
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from pydantic import ValidationError

from services.core.domain import reports
from services.core.domain.quests import MODERATORS, Actor
from services.core.domain.reports import (
    FOR_EVER,
    DecisionDraft,
    Measure,
    Report,
    ReportDenial,
    ReportDeniedError,
    ReportDraft,
    ReportReason,
    ReportState,
    SubjectInput,
    SubjectKind,
)
from services.core.domain.values import timestamp
from tests.unit.services.cloud import ANNA, BEN, CARA, MODERATOR, NOW, REASON

MONA, MAX = Actor(MODERATOR, frozenset({MODERATORS})), Actor("max-6", frozenset({MODERATORS}))
SUBJECTS = {
    SubjectKind.QUEST: SubjectInput(kind=SubjectKind.QUEST, quest_id="q1"),
    SubjectKind.MESSAGE: SubjectInput(kind=SubjectKind.MESSAGE, quest_id="q1", message_id="m1"),
    SubjectKind.MEMBER: SubjectInput(kind=SubjectKind.MEMBER, user_id=BEN),
}
WEEK = timedelta(days=7)


def report(kind: SubjectKind = SubjectKind.MESSAGE) -> Report:
    """Anna's report on something of Ben's."""
    draft = ReportDraft(subject=SUBJECTS[kind], reason=ReportReason.RUDE, words="Look at this.")
    return reports.make(draft, ANNA, BEN, "the words", NOW, "r1")


def decision(measure: Measure = Measure.WARN, words: str = REASON) -> DecisionDraft:
    return DecisionDraft(measure=measure, words=words, until=NOW + WEEK if measure is Measure.SUSPEND else None)


def decided(by: Actor = MONA, measure: Measure = Measure.WARN) -> Report:
    return reports.decide(report(), by, decision(measure), NOW, frozenset())


def test_nobody_reports_their_own() -> None:
    draft = ReportDraft(subject=SUBJECTS[SubjectKind.MEMBER], reason=ReportReason.OTHER)
    with pytest.raises(ReportDeniedError) as denied:
        reports.make(draft, BEN, BEN, "", NOW, "r1")
    assert denied.value.code is ReportDenial.OWN_THING


@pytest.mark.parametrize(
    "subject",
    [
        {"kind": "quest"},
        {"kind": "quest", "questId": "q1", "userId": BEN},
        {"kind": "message", "questId": "q1"},
        {"kind": "message", "messageId": "m1"},
        {"kind": "member", "questId": "q1"},
        {"kind": "member", "userId": ""},
        {"kind": "member", "userId": "x" * 65},
    ],
)
def test_a_report_names_one_thing(subject: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        SubjectInput.model_validate_json(json.dumps(subject))


FITTING = {
    SubjectKind.QUEST: {"dismiss", "warn", "hide", "unhide", "suspend", "reinstate", "ban"},
    SubjectKind.MESSAGE: {"dismiss", "warn", "remove-text", "suspend", "reinstate", "ban"},
    SubjectKind.MEMBER: {"dismiss", "warn", "remove-text", "rename", "suspend", "reinstate", "ban"},
}


@pytest.mark.parametrize(("kind", "measure"), list(product(SubjectKind, Measure)))
def test_which_measure_fits_what(kind: SubjectKind, measure: Measure) -> None:
    """Written out again: every kind of thing with every measure."""
    if measure in FITTING[kind]:
        after = reports.decide(report(kind), MONA, decision(measure), NOW, frozenset())
        assert (after.state, after.decisions[0].measure) == (ReportState.DECIDED, measure)
    else:
        with pytest.raises(ReportDeniedError) as denied:
            reports.decide(report(kind), MONA, decision(measure), NOW, frozenset())
        assert denied.value.code is ReportDenial.WRONG_MEASURE


@pytest.mark.parametrize(
    ("actor", "involved", "code"),
    [
        (Actor(CARA), (), ReportDenial.NOT_MODERATOR),
        (Actor(ANNA, frozenset({MODERATORS})), (), ReportDenial.PARTY_CANNOT_JUDGE),
        (Actor(BEN, frozenset({MODERATORS})), (), ReportDenial.PARTY_CANNOT_JUDGE),
        (MONA, (MONA.user_id,), ReportDenial.PARTY_CANNOT_JUDGE),
    ],
)
def test_who_may_not_decide(actor: Actor, involved: tuple[str, ...], code: ReportDenial) -> None:
    with pytest.raises(ReportDeniedError) as denied:
        reports.decide(report(), actor, decision(), NOW, frozenset(involved))
    assert denied.value.code is code


def test_a_decision_is_made_once_and_may_be_repeated() -> None:
    once = decided()
    assert reports.decide(once, MONA, decision(), NOW + WEEK, frozenset()) is once
    for actor, draft in ((MONA, decision(Measure.BAN)), (MAX, decision()), (MONA, decision(words=REASON + "!"))):
        with pytest.raises(ReportDeniedError) as denied:
            reports.decide(once, actor, draft, NOW, frozenset())
        assert denied.value.code is ReportDenial.ALREADY_DECIDED


def test_an_objection_goes_to_another_moderator_and_no_further() -> None:
    objected = reports.object_to(decided(), BEN, REASON, NOW + WEEK)
    assert objected.state is ReportState.OBJECTED
    assert reports.object_to(objected, BEN, REASON, NOW) is objected
    with pytest.raises(ReportDeniedError) as denied:
        reports.decide(objected, MONA, decision(Measure.DISMISS), NOW, frozenset())
    assert denied.value.code is ReportDenial.PARTY_CANNOT_JUDGE
    closed = reports.decide(objected, MAX, decision(Measure.REINSTATE), NOW, frozenset())
    assert (closed.state, [d.decided_by for d in closed.decisions]) == (ReportState.CLOSED, [MODERATOR, MAX.user_id])
    with pytest.raises(ReportDeniedError) as denied:
        reports.object_to(closed, BEN, "Another twenty letters.", NOW)
    assert denied.value.code is ReportDenial.ALREADY_OBJECTED


@pytest.mark.parametrize(
    ("given", "who", "code"),
    [
        (report(), BEN, ReportDenial.NOT_DECIDED),
        (decided(), ANNA, ReportDenial.NOT_CONCERNED),
        (decided(), CARA, ReportDenial.NOT_CONCERNED),
    ],
)
def test_who_may_not_object(given: Report, who: str, code: ReportDenial) -> None:
    with pytest.raises(ReportDeniedError) as denied:
        reports.object_to(given, who, REASON, NOW)
    assert denied.value.code is code


def test_a_ban_has_no_end_and_a_suspension_has_one() -> None:
    assert decided(measure=Measure.BAN).decisions[0].until == FOR_EVER
    assert decided(measure=Measure.SUSPEND).decisions[0].until == NOW + WEEK
    for measure, until in ((Measure.SUSPEND, None), (Measure.BAN, NOW), (Measure.WARN, NOW)):
        with pytest.raises(ValidationError):
            DecisionDraft(measure=measure, words=REASON, until=until)
    with pytest.raises(ValidationError, match="time zone"):
        DecisionDraft(measure=Measure.SUSPEND, words=REASON, until=datetime(2026, 5, 1))  # noqa: DTZ001
    assert timestamp(datetime(2026, 5, 1, tzinfo=UTC)) < timestamp(FOR_EVER)


def test_what_waits_for_a_moderator_since_when() -> None:
    assert reports.waiting_since(report()) == timestamp(NOW)
    assert reports.waiting_since(decided()) is None
    assert reports.waiting_since(reports.object_to(decided(), BEN, REASON, NOW + WEEK)) == timestamp(NOW + WEEK)
