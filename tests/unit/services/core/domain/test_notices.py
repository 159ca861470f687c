"""Each event of docs/domain.md's "Who is told what" x each person, typed from there and not from the code."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

import pytest

from services.core.domain import ledger, notices, quests, reports
from services.core.domain.ledger import State
from services.core.domain.notices import NoticeKind
from services.core.domain.quests import Actor, Edit, Outcome, Quest
from services.core.domain.reports import (
    DecisionDraft,
    Measure,
    Report,
    ReportDraft,
    ReportReason,
    SubjectInput,
    SubjectKind,
)
from tests.unit.services.cloud import ANNA, BEN, CARA, CLAIM_PERIOD, DRAFT, LIFETIME, MODERATOR, NOW, REASON, SILENCE

JUDGE = Actor(MODERATOR, frozenset({"moderators"}))
REQUESTOR, PERFORMER = (Actor(user_id, features=frozenset({"disputes"})) for user_id in (ANNA, BEN))
LATER = NOW + timedelta(hours=1)
OVERDUE = NOW + CLAIM_PERIOD + timedelta(hours=1)
PERSONS = {"requestor": ANNA, "performer": BEN, "moderator": MODERATOR, "stranger": CARA}

OPEN = quests.create(DRAFT, ANNA, "q1", NOW, LIFETIME).quest
CLAIMED = quests.claim(OPEN, PERFORMER, NOW, CLAIM_PERIOD).quest
SUBMITTED = quests.submit(CLAIMED, None, PERFORMER, "All twelve steps.", NOW, SILENCE).quest
DISPUTED_BY_REQUESTOR = quests.dispute(SUBMITTED, REQUESTOR, REASON, NOW).quest
DISPUTED = quests.dispute(SUBMITTED, PERFORMER, REASON, NOW).quest
STATED = quests.state(DISPUTED, REQUESTOR, REASON, NOW).quest
STATED_BY_PERFORMER = quests.state(DISPUTED_BY_REQUESTOR, PERFORMER, REASON, NOW).quest
HIDDEN = quests.hide(CLAIMED, JUDGE, REASON, NOW).quest
ASKED = quests.ask(OPEN, NOW).quest
SENT_BACK = quests.resolve(STATED, JUDGE, Outcome.CLAIMED, REASON, NOW, CLAIM_PERIOD).quest


def decide(outcome: Outcome) -> Callable[[Quest], Quest]:
    return lambda quest: quests.resolve(quest, JUDGE, outcome, REASON, LATER, CLAIM_PERIOD).quest


def submit(quest: Quest) -> Quest:
    return quests.submit(quest, None, PERFORMER, "Now really all of them.", LATER, SILENCE).quest


class Step(NamedTuple):
    """Somebody's action, and the quest before it."""

    before: Quest
    act: Callable[[Quest], Quest]


# The step's name, its kind of notice, and who is told: r(equestor), p(erformer).
_TABLE = """
post                                -               -
edit                                -               -
cancel while open                   -               -
expire                              -               -
claim                               claimed         r
release by the performer            released        r
release by the requestor            released        p
release by housekeeping             released        rp
reopened by an operator             released        rp
withdrawn by an operator            withdrawn       rp
hand in                             handed_in       r
hand in again after a decision      handed_in       r
ask for changes                     changes_wanted  p
ask for changes after a decision    changes_wanted  p
attest by the requestor             confirmed       p
confirmed by silence                confirmed_by_silence  rp
withdrawn by the requestor          withdrawn       p
statement by the requestor          statement_given  p
statement by the performer          statement_given  r
hidden                              hidden          rp
shown again                         -               -
question                            -               -
answer                              -               -
dispute by the requestor            disputed        p
dispute by the performer            disputed        r
dispute a second time               disputed        r
decided to pay                      decided         rp
decided to send back                decided         rp
decided to cancel                   decided         rp
"""

STEPS = {
    "post": Step(OPEN, lambda quest: quest),
    "edit": Step(
        OPEN, lambda quest: quests.edit(quest, "", REQUESTOR, Edit(title="Carry two sofas"), LATER, LIFETIME).quest
    ),
    "cancel while open": Step(OPEN, lambda quest: quests.cancel(quest, REQUESTOR, LATER).quest),
    "expire": Step(OPEN, lambda quest: quests.expire(quest, NOW + LIFETIME).quest),
    "claim": Step(OPEN, lambda quest: quests.claim(quest, PERFORMER, LATER, CLAIM_PERIOD).quest),
    "release by the performer": Step(CLAIMED, lambda quest: quests.release(quest, PERFORMER, None, LATER).quest),
    "release by the requestor": Step(CLAIMED, lambda quest: quests.release(quest, REQUESTOR, REASON, OVERDUE).quest),
    "release by housekeeping": Step(
        CLAIMED, lambda quest: quests.release_overdue(quest, OVERDUE + quests.RELEASE_GRACE).quest
    ),
    "reopened by an operator": Step(SUBMITTED, lambda quest: quests.reopen(quest, LATER).quest),
    "withdrawn by an operator": Step(SUBMITTED, lambda quest: quests.call_off(quest, LATER).quest),
    "hand in": Step(CLAIMED, submit),
    "hand in again after a decision": Step(SENT_BACK, submit),
    "ask for changes": Step(SUBMITTED, lambda quest: quests.request_changes(quest, REQUESTOR, REASON, LATER).quest),
    "ask for changes after a decision": Step(
        submit(SENT_BACK), lambda quest: quests.request_changes(quest, REQUESTOR, REASON, LATER).quest
    ),
    "attest by the requestor": Step(SUBMITTED, lambda quest: quests.attest(quest, REQUESTOR, None, LATER).quest),
    "confirmed by silence": Step(SUBMITTED, lambda quest: quests.confirm_silence(quest, NOW + SILENCE).quest),
    "withdrawn by the requestor": Step(CLAIMED, lambda quest: quests.withdraw(quest, REQUESTOR, REASON, LATER).quest),
    "statement by the requestor": Step(DISPUTED, lambda quest: quests.state(quest, REQUESTOR, REASON, LATER).quest),
    "statement by the performer": Step(
        DISPUTED_BY_REQUESTOR, lambda quest: quests.state(quest, PERFORMER, REASON, LATER).quest
    ),
    "hidden": Step(CLAIMED, lambda quest: quests.hide(quest, JUDGE, REASON, LATER).quest),
    "shown again": Step(HIDDEN, lambda quest: quests.unhide(quest, JUDGE, LATER).quest),
    "question": Step(OPEN, lambda quest: quests.ask(quest, LATER).quest),
    "answer": Step(ASKED, lambda quest: quests.answer(quest, LATER).quest),
    "dispute by the requestor": Step(SUBMITTED, lambda quest: quests.dispute(quest, REQUESTOR, REASON, LATER).quest),
    "dispute by the performer": Step(SUBMITTED, lambda quest: quests.dispute(quest, PERFORMER, REASON, LATER).quest),
    "dispute a second time": Step(
        submit(SENT_BACK), lambda quest: quests.dispute(quest, PERFORMER, REASON, LATER).quest
    ),
    "decided to pay": Step(STATED_BY_PERFORMER, decide(Outcome.COMPLETE)),
    "decided to send back": Step(STATED, decide(Outcome.CLAIMED)),
    "decided to cancel": Step(STATED, decide(Outcome.CANCELLED)),
}
ROWS = {name.strip(): (kind, told) for *words, kind, told in map(str.split, _TABLE.strip().splitlines())
        for name in [" ".join(words)]}  # fmt: skip


def test_every_step_has_a_row() -> None:
    assert set(STEPS) == set(ROWS)


@pytest.mark.parametrize("name", STEPS)
@pytest.mark.parametrize("who", PERSONS)
def test_step_tells(name: str, who: str) -> None:
    before, act = STEPS[name]
    kind, told = ROWS[name]
    found = [notice for notice in notices.of_step(before, act(before)) if notice.user_id == PERSONS[who]]
    if who[0] not in told or who in ("stranger", "moderator"):
        assert found == []
        return
    (notice,) = found
    assert notice.kind == kind
    assert notice.actor_id != PERSONS[who]
    assert notice.quest_id == "q1"


@pytest.mark.parametrize("name", STEPS)
def test_the_same_step_makes_the_same_items_and_another_version_others(name: str) -> None:
    before, act = STEPS[name]
    after = act(before)
    told = notices.of_step(before, after)
    assert [notice.item_id for notice in told] == [notice.item_id for notice in notices.of_step(before, after)]
    later = notices.of_step(before, after.model_copy(update={"version": after.version + 1}))
    assert not {notice.item_id for notice in told} & {notice.item_id for notice in later}


def test_items_sort_by_time() -> None:
    (first,) = notices.of_step(OPEN, CLAIMED)
    (second,) = notices.of_step(CLAIMED, submit(CLAIMED))
    assert first.item_id < second.item_id


@pytest.mark.parametrize(
    ("state", "kind"),
    [
        (State.POSTED, NoticeKind.REWARD_PAID),
        (State.HELD, NoticeKind.REWARD_HELD),
        (State.PENDING, None),
        (State.FAILED, None),
    ],
)
def test_a_reward_tells_its_performer(state: State, kind: NoticeKind | None) -> None:
    entry = ledger.reward(BEN, "q1", ANNA, 100, 10, NOW, confirmed=True).model_copy(update={"state": state})
    assert [(n.kind, n.user_id, n.actor_id) for n in notices.of_reward(entry)] == ([(kind, BEN, None)] if kind else [])


@pytest.mark.parametrize(("share", "xp"), [(50, 50), (0, 0)])
def test_a_diminished_reward_tells_its_performer_by_how_much(share: int, xp: int) -> None:
    entry = ledger.reward(BEN, "q1", ANNA, 100, 10, NOW, confirmed=True, share=share)
    (notice,) = notices.of_reward(entry.model_copy(update={"state": State.POSTED}))
    assert (notice.kind, notice.user_id) == (NoticeKind.REWARD_DIMINISHED, BEN)
    assert notice.amounts == {"xp": xp, "share": share}


@pytest.mark.parametrize(
    "entry", [ledger.welcome(BEN, NOW), ledger.cost(BEN, "q1", 1, NOW), ledger.refund(BEN, "q1", 1, NOW)]
)
def test_other_entries_tell_nobody(entry: ledger.Entry) -> None:
    assert notices.of_reward(entry) == []


DAY = timedelta(days=1)


# The quest, the moments at which it is looked at, and by then: each reminder's kind, who, and the number of days.
REMINDERS: dict[str, tuple[Quest, list[datetime], list[tuple[str, str, int | None]]]] = {
    "open, long before": (OPEN, [OPEN.expires_at - 3 * DAY], []),
    "open, two days before": (OPEN, [OPEN.expires_at - 2 * DAY], [("expires_soon", ANNA, None)]),
    "claimed, long before": (CLAIMED, [NOW + DAY], []),
    "claimed, a day before": (CLAIMED, [NOW + CLAIM_PERIOD - DAY], [("deadline_near", BEN, None)]),
    "overdue": (
        CLAIMED,
        [NOW + CLAIM_PERIOD - DAY, NOW + CLAIM_PERIOD],
        [("deadline_near", BEN, None), ("overdue", ANNA, None), ("overdue", BEN, None)],
    ),
    "handed in": (SUBMITTED, [NOW + 2 * DAY], []),
    "day 3": (SUBMITTED, [NOW + 3 * DAY], [("unconfirmed", ANNA, 4)]),
    "day 3 and 6": (SUBMITTED, [NOW + 3 * DAY, NOW + 6 * DAY], [("unconfirmed", ANNA, 4), ("unconfirmed", ANNA, 1)]),
    "disputed": (DISPUTED, [NOW + 30 * DAY], []),
}


@pytest.mark.parametrize("name", REMINDERS)
def test_reminders_go_to_whoevers_turn_it_is_once(name: str) -> None:
    quest, moments, expected = REMINDERS[name]
    told: dict[tuple[str, str], notices.Notice] = {}
    for moment in moments:
        for later in (timedelta(0), timedelta(minutes=15), timedelta(hours=5)):
            told |= {(n.item_id, n.user_id): n for n in notices.reminders(quest, moment + later)}
    found = [(n.kind.value, n.user_id, n.amounts.get("count")) for n in told.values()]
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_a_hidden_quest_reminds_nobody() -> None:
    for quest in (OPEN, CLAIMED, SUBMITTED):
        hidden = quest.model_copy(update={"hidden_at": NOW})
        assert notices.reminders(hidden, NOW + 60 * DAY) == []


def test_a_time_shorter_than_its_reminder_reminds_nobody() -> None:
    hurried = OPEN.model_copy(update={"expires_at": NOW + DAY})
    assert notices.reminders(hurried, NOW + timedelta(hours=1)) == []


MORNING = datetime(2026, 3, 2, 6, 45, tzinfo=NOW.tzinfo)


def a_report(number: int, reporter: str = ANNA, concerned: str = BEN, at: datetime = NOW) -> Report:
    draft = ReportDraft(subject=SubjectInput(kind=SubjectKind.MEMBER, user_id=concerned), reason=ReportReason.RUDE)
    return reports.make(draft, reporter, concerned, "", at, f"r{number}")


def test_moderators_learn_in_the_morning_what_waits_for_them() -> None:
    (notice,) = notices.of_moderation([MODERATOR], [a_report(1)], [STATED], MORNING)
    assert (notice.kind, notice.user_id, notice.at) == (NoticeKind.MODERATION, MODERATOR, MORNING)
    assert notice.amounts == {"count": 2, "reports": 1, "disputes": 1}
    later = notices.of_moderation([MODERATOR], [a_report(1), a_report(2)], [], MORNING + timedelta(hours=12))
    assert [told.item_id for told in later] == [notice.item_id], "one a day"
    (next_day,) = notices.of_moderation([MODERATOR], [a_report(1)], [], MORNING + DAY)
    assert next_day.item_id != notice.item_id


@pytest.mark.parametrize(
    ("waiting", "disputed", "now"),
    [
        ([], [], MORNING),
        ([a_report(1)], [], MORNING - timedelta(seconds=1)),
        ([a_report(1, at=MORNING + timedelta(minutes=5))], [], MORNING + timedelta(hours=1)),
        ([a_report(1, reporter=MODERATOR)], [], MORNING),
        ([a_report(1, concerned=MODERATOR)], [], MORNING),
        ([], [DISPUTED], MORNING),
        ([], [STATED.model_copy(update={"requestor_id": MODERATOR})], MORNING),
    ],
    ids=["nothing", "not yet morning", "came later", "their own", "on them", "not heard", "a party"],
)
def test_a_moderator_is_not_told(waiting: list[Report], disputed: list[Quest], now: datetime) -> None:
    assert notices.of_moderation([MODERATOR], waiting, disputed, now) == []


def test_a_dispute_waits_for_moderators_once_three_days_have_passed() -> None:
    (notice,) = notices.of_moderation([MODERATOR], [], [DISPUTED], MORNING + 3 * DAY)
    assert notice.amounts["disputes"] == 1


def test_an_objection_waits_for_another_moderator() -> None:
    judge = Actor("other", frozenset({"moderators"}))
    draft = DecisionDraft(measure=Measure.WARN, words=REASON)
    decided = reports.decide(a_report(1), judge, draft, NOW, frozenset())
    objected = reports.object_to(decided, BEN, REASON, NOW)
    told = notices.of_moderation(["other", MODERATOR], [decided, objected], [], MORNING)
    assert [(notice.user_id, notice.amounts["count"]) for notice in told] == [(MODERATOR, 1)]


@pytest.mark.parametrize(("number", "told"), [(5, 0), (6, 1)])
def test_above_five_they_are_told_at_once(number: int, told: int) -> None:
    waiting = [a_report(each) for each in range(number)]
    assert len(notices.of_many_cases([MODERATOR], waiting, [], NOW)) == told
    assert notices.of_moderation([MODERATOR], waiting, [], NOW - timedelta(hours=6)) == []
