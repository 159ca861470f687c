import itertools
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from functools import partial

import pytest

from services.api.views import QuestPublic, QuestView
from services.core.domain import quests
from services.core.domain.digests import step_id_of
from services.core.domain.ledger import Kind, State
from services.core.domain.quests import (
    Action,
    Actor,
    Allowed,
    Attestation,
    Change,
    ChangeRequest,
    Denial,
    Denied,
    Dispute,
    Draft,
    Edit,
    Ending,
    Evidence,
    Former,
    InvalidFieldError,
    NotAllowedError,
    Outcome,
    Quest,
    Role,
    Status,
    WhenInput,
    allowed,
)
from tests.unit.services.cloud import (
    ANNA,
    BEN,
    CARA,
    CLAIM_PERIOD,
    DESCRIPTION,
    DRAFT,
    LIFETIME,
    MODERATOR,
    NOW,
    REASON,
    SILENCE,
)
from tests.unit.services.core.domain.permissions import ACTIONS, PEOPLE, STATUSES, Circumstances, expected
from tests.unit.services.invariants import (
    FINAL,
    WITH_PERFORMER,
    check_moments,
    check_quest,
    check_step,
    check_turn,
)

LATER = NOW + timedelta(hours=1)
STATEMENT = timedelta(days=3)
JUDGE = Actor(MODERATOR, frozenset({"moderators"}))
DORA = "dora-5"
IDS = {"requestor": ANNA, "performer": BEN, "stranger": CARA, "moderator": MODERATOR, "former": DORA}


def member(user_id: str, *, disputes: bool = True) -> Actor:
    return Actor(user_id, features=frozenset({"disputes"} if disputes else ()))


def person(name: str, *, feature: bool) -> Actor:
    moderates = name.startswith("moderat")
    features = frozenset({"disputes"} if feature else ())
    return Actor(
        IDS[name.removeprefix("moderating-")],
        frozenset({"moderators", "internal"} if moderates else {"internal"}),
        features,
    )


def quest_in(  # the circumstances of the permissions' table
    status: str,
    attested: tuple[Role, ...] = (),
    changes: int = 0,
    *,
    raised_by: str = BEN,
    stated: bool = False,
    hidden_at: datetime | None = None,
    former: tuple[Former, ...] = (),
) -> Quest:
    performer = BEN if status in WITH_PERFORMER else None
    people = {Role.REQUESTOR: ANNA, Role.PERFORMER: BEN}
    if status == "SUBMITTED":
        attested = (Role.PERFORMER, *(role for role in attested if role is not Role.PERFORMER))
    dispute = Dispute(
        raised_by=raised_by,
        reason=REASON,
        raised_at=NOW,
        statement=REASON if stated else None,
        stated_at=NOW if stated else None,
        statement_until=NOW + STATEMENT,
    )
    if status == "COMPLETE":  # by the decision of somebody who is not of the table, so that both may have been silent
        verdict = {"outcome": Outcome.COMPLETE, "decision": REASON, "decided_by": "mona-9", "decided_at": NOW}
        dispute = dispute.model_copy(update=verdict)
    return Quest(
        quest_id="q",
        title="Carry a sofa",
        category=quests.Category.SOCIAL,
        reward_xp=100,
        reward_reputation=10,
        requestor_id=ANNA,
        performer_id=performer,
        status=Status(status),
        attestations=[
            Attestation(
                user_id=people[role],
                role=role,
                attested_at=NOW,
                by=Evidence.HAND_IN if role is Role.PERFORMER else Evidence.WORD,
            )
            for role in attested
        ],
        change_requests=[ChangeRequest(reason=f"{REASON} {n}", requested_at=NOW) for n in range(changes)],
        dispute=dispute if status in {"DISPUTED", "COMPLETE"} else None,
        former=list(former),
        created_at=NOW,
        updated_at=NOW,
        expires_at=NOW + LIFETIME,
        claimed_at=NOW if performer else None,
        claim_deadline=NOW + CLAIM_PERIOD if performer else None,
        submitted_at=NOW if status in {"SUBMITTED", "DISPUTED", "COMPLETE"} else None,
        silence_at=NOW + SILENCE if status == "SUBMITTED" else None,
        completed_at=NOW if status == "COMPLETE" else None,
        cancelled_at=NOW if status == "CANCELLED" else None,
        expired_at=NOW if status == "EXPIRED" else None,
        hidden_at=hidden_at,
        hidden_reason=REASON if hidden_at else None,
        version=7,
    )


def act(action: str, quest: Quest, actor: Actor, now: datetime) -> Change:
    """The action, with something new to say."""
    calls: dict[str, Callable[[], Change]] = {
        "edit": lambda: quests.edit(quest, DESCRIPTION, actor, Edit(title="Carry two sofas"), now, LIFETIME),
        "cancel": lambda: quests.cancel(quest, actor, now),
        "claim": lambda: quests.claim(quest, actor, now, CLAIM_PERIOD),
        "release": lambda: quests.release(quest, actor, REASON, now),
        "withdraw": lambda: quests.withdraw(quest, actor, REASON, now),
        "submit": lambda: quests.submit(quest, None, actor, "The sofa is upstairs.", now, SILENCE),
        "request-changes": lambda: quests.request_changes(quest, actor, REASON, now),
        "attest": lambda: quests.attest(quest, actor, "Well done", now),
        "dispute": lambda: quests.dispute(quest, actor, REASON, now),
        "state": lambda: quests.state(quest, actor, f"{REASON} Really.", now),
        "resolve": lambda: quests.resolve(quest, actor, Outcome.COMPLETE, REASON, now, CLAIM_PERIOD),
        "hide": lambda: quests.hide(quest, actor, f"{REASON} Hidden.", now),
        "unhide": lambda: quests.unhide(quest, actor, now),
    }
    return calls[action]()


def repeats(action: str, who: str, status: str, now: Circumstances) -> bool:
    """True if the wish was granted before: then it is granted again, and nothing changes."""
    role = who.removeprefix("moderating-")
    return (action, role, status) in {
        ("cancel", "requestor", "CANCELLED"),
        ("claim", "performer", status if status in WITH_PERFORMER else ""),
        ("dispute", role if now.raised else "", "DISPUTED"),
    } or (action == "attest" and now.attested and status in {"SUBMITTED", "COMPLETE"})


def test_the_table_knows_every_action_and_status() -> None:
    assert set(ACTIONS) == {action.value for action in Action}
    assert set(STATUSES) == {status.value for status in Status}


def circumstances(status: str, who: str) -> Iterator[tuple[Circumstances, Quest, datetime]]:
    """Everything that the table's cells look at, in every combination that this status can have."""
    role = Role.REQUESTOR if who.endswith("requestor") else Role.PERFORMER
    is_party = who.endswith("requestor") or (who.endswith("performer") and status in WITH_PERFORMER)
    handed_in = status == "SUBMITTED" and role is Role.PERFORMER and is_party
    bools = (False, True)
    moments = {
        NOW + timedelta(hours=1): Circumstances(),
        NOW + STATEMENT: Circumstances(heard=True),
        NOW + CLAIM_PERIOD: Circumstances(heard=True, deadline_passed=True),
        NOW + LIFETIME: Circumstances(heard=True, deadline_passed=True, expired=True),
    }
    for attested, (now, late), changes, feature, hidden, raised, stated in itertools.product(
        (True,) if handed_in else bools, moments.items(), range(3), bools, bools, bools, bools
    ):
        if attested and not (is_party and status in WITH_PERFORMER - {"CLAIMED"}):
            continue
        if (raised or stated) and status != "DISPUTED":
            continue
        if hidden and status in FINAL:
            continue
        # The one who raised it is this person, or the other party; a stranger's never is.
        other = BEN if who.endswith("requestor") else ANNA
        raised_by = IDS[role.value] if raised and is_party else other
        # While the quest is hidden its clock stands where it was hidden, an hour after it was posted.
        hidden_at = NOW + timedelta(hours=1) if hidden else None
        clock = late._replace(deadline_passed=False, heard=False) if hidden else late
        recent = Former(user_id=DORA, at=now - timedelta(hours=23), how=Ending.RELEASED)
        long_ago = Former(user_id=BEN, at=now - timedelta(days=1), how=Ending.OVERDUE)
        former = {"former": (recent,), "performer": () if is_party else (long_ago,)}
        quest = quest_in(
            status,
            (role,) if attested else (),
            changes,
            raised_by=raised_by,
            stated=stated,
            hidden_at=hidden_at,
            former=former.get(who.removeprefix("moderating-"), ()),
        )
        # What happened before is over by now, also for the former performer.
        quest = quest.model_copy(update={"updated_at": now - timedelta(hours=1)})
        found = clock._replace(
            attested=attested,
            changes=changes,
            feature=feature,
            hidden=hidden,
            raised=raised and is_party,
            stated=stated,
        )
        yield found, quest, now


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("status", STATUSES)
def test_who_may_do_what(status: str, who: str) -> None:
    for now_is, quest, now in circumstances(status, who):
        actor = person(who, feature=now_is.feature)
        verdicts = allowed(quest, actor, now)
        assert set(verdicts) == set(Action)
        for action, verdict in verdicts.items():
            code = expected(action, who, status, now_is)
            assert verdict == (Denied(quests.Denial(code)) if code else Allowed()), (action, now_is)
            assert isinstance(verdict, Denied) == (code is not None)
            if code is None:
                after = act(action, quest, actor, now).quest
                assert after != quest
                check_step(quest, after)
                check_quest(after)
                check_turn(after, now)
            elif repeats(action, who, status, now_is):
                assert act(action, quest, actor, now) == Change(quest)
            else:
                with pytest.raises(NotAllowedError) as denied:
                    act(action, quest, actor, now)
                assert (denied.value.code, denied.value.action, denied.value.quest) == (code, action, quest)


def test_create() -> None:
    change = quests.create(DRAFT, ANNA, "q1", NOW, LIFETIME, "digest")
    quest = change.quest
    assert (quest.status, quest.version, quest.requestor_id, quest.performer_id) == (Status.OPEN, 1, ANNA, None)
    assert (quest.title, quest.category, quest.tags, quest.area) == ("Carry a sofa", "social", ["sofa"], "Old town")
    assert (quest.reward_xp, quest.reward_reputation) == (100, 10)
    assert (quest.created_at, quest.updated_at, quest.expires_at) == (NOW, NOW, NOW + LIFETIME)
    assert (quest.request_digest, change.description, change.submission) == ("digest", DESCRIPTION, None)
    (entry,) = change.entries
    assert (entry.kind, entry.user_id, entry.points, entry.state) == (Kind.CREATE, ANNA, -1, State.POSTED)


def test_nothing_that_a_requestor_writes_is_lost_on_the_way() -> None:
    """A field that is added to one of these and forgotten in another would be dropped without a word."""
    written = {*Draft.model_fields}
    assert {*Edit.model_fields} == written
    assert written - {*Quest.model_fields} == {"description"}, "the long text is kept apart"
    assert written - {*QuestPublic.model_fields} == {"meeting_point"}, "it is for the parties"
    assert "meeting_point" in QuestView.model_fields


def test_edit_changes_what_is_given_and_no_more() -> None:
    quest = quest_in("OPEN")
    change = quests.edit(quest, DESCRIPTION, member(ANNA), Edit(title="Carry two sofas", tags=["a"]), LATER, LIFETIME)
    assert change == Change(
        quest.model_copy(
            update={
                "title": "Carry two sofas",
                "tags": ["a"],
                "version": 8,
                "updated_at": LATER,
                "edited": {"title": 8, "tags": 8},
            }
        )
    )


def test_edit_of_the_description_alone_is_a_new_version() -> None:
    change = quests.edit(
        quest_in("OPEN"), DESCRIPTION, member(ANNA), Edit(description=DESCRIPTION * 2), LATER, LIFETIME
    )
    assert change.description == DESCRIPTION * 2
    assert change.quest.version == 8


@pytest.mark.parametrize(
    "edit", [Edit(), Edit(title="Carry a sofa"), Edit(title=None, area=None), Edit(description=DESCRIPTION)]
)
def test_an_edit_that_changes_nothing_is_no_version(edit: Edit) -> None:
    quest = quest_in("OPEN")
    change = quests.edit(quest, DESCRIPTION, member(ANNA), edit, LATER, LIFETIME)
    assert change.quest is quest
    assert change.description is None


@pytest.mark.parametrize(
    ("edit", "field"),
    [
        (Edit(reward_xp=99), "rewardXp"),
        (Edit(reward_reputation=9), "rewardReputation"),
        (Edit(reward_xp=101, reward_reputation=9), "rewardReputation"),
    ],
)
def test_rewards_never_fall(edit: Edit, field: str) -> None:
    with pytest.raises(InvalidFieldError) as lowered:
        quests.edit(quest_in("OPEN"), DESCRIPTION, member(ANNA), edit, LATER, LIFETIME)
    assert lowered.value.field == field


def test_rewards_may_rise_or_stay() -> None:
    change = quests.edit(
        quest_in("OPEN"), DESCRIPTION, member(ANNA), Edit(reward_xp=101, reward_reputation=10), LATER, LIFETIME
    )
    assert (change.quest.reward_xp, change.quest.reward_reputation) == (101, 10)


def test_cancel_refunds() -> None:
    change = quests.cancel(quest_in("OPEN"), member(ANNA), LATER)
    assert (change.quest.status, change.quest.cancelled_at, change.quest.updated_at) == ("CANCELLED", LATER, LATER)
    (entry,) = change.entries
    assert (entry.kind, entry.user_id, entry.points, entry.posted_at) == (Kind.REFUND, ANNA, 1, LATER)


def test_a_quest_that_a_decision_cancelled_is_not_cancelled_again() -> None:
    quest = quests.resolve(disputed(), JUDGE, Outcome.CANCELLED, REASON, NOW, CLAIM_PERIOD).quest
    with pytest.raises(NotAllowedError):
        quests.cancel(quest, member(ANNA), LATER)


def test_claim() -> None:
    quest = quest_in("OPEN").model_copy(update={"released_by": BEN})
    change = quests.claim(quest, member(BEN), LATER, CLAIM_PERIOD)
    claimed = change.quest
    assert (claimed.status, claimed.performer_id, claimed.claimed_at) == ("CLAIMED", BEN, LATER)
    assert (claimed.claim_deadline, claimed.released_by, change.entries) == (LATER + CLAIM_PERIOD, None, ())


def test_release_leaves_nothing_of_the_performer() -> None:
    quest = quest_in("CLAIMED", changes=1)
    released = quests.release(quest, member(BEN), None, LATER).quest
    fresh = quest_in("OPEN")
    left = [Former(user_id=BEN, at=LATER, how=Ending.RELEASED)]
    assert released == fresh.model_copy(update={"released_by": BEN, "former": left, "version": 8, "updated_at": LATER})
    assert quests.release(released, member(BEN), None, LATER) == Change(released)


def test_handing_in_is_the_performers_word() -> None:
    change = quests.submit(quest_in("CLAIMED", changes=1), None, member(BEN), "The sofa is upstairs.", LATER, SILENCE)
    after = change.quest
    assert (after.status, after.submitted_at, after.silence_at) == ("SUBMITTED", LATER, LATER + SILENCE)
    assert after.attestations == [Attestation(user_id=BEN, role=Role.PERFORMER, attested_at=LATER, by=Evidence.HAND_IN)]
    assert change.submission == "The sofa is upstairs."
    assert quests.attest(after, member(BEN), None, LATER) == Change(after)


def test_submit_twice() -> None:
    quest = quest_in("SUBMITTED")
    assert quests.submit(quest, "The sofa", member(BEN), "The sofa", LATER, SILENCE) == Change(quest)
    with pytest.raises(NotAllowedError):
        quests.submit(quest, "The sofa", member(BEN), "Another sofa", LATER, SILENCE)


def test_the_same_text_is_handed_in_again_after_changes_were_asked_for() -> None:
    change = quests.submit(quest_in("CLAIMED", changes=1), "The sofa", member(BEN), "The sofa", LATER, SILENCE)
    assert change.quest.status is Status.SUBMITTED


def test_request_changes() -> None:
    quest = quest_in("SUBMITTED", attested=(Role.PERFORMER,), changes=1)
    after = quests.request_changes(quest, member(ANNA), REASON, LATER).quest
    assert (after.status, after.attestations, after.submitted_at) == ("CLAIMED", [], None)
    assert after.change_requests == [*quest.change_requests, ChangeRequest(reason=REASON, requested_at=LATER)]
    assert after.claim_deadline == NOW + CLAIM_PERIOD
    assert quests.request_changes(after, member(ANNA), REASON, LATER) == Change(after)


def test_changes_that_are_asked_for_late_leave_a_week_to_make_them() -> None:
    late = NOW + CLAIM_PERIOD - timedelta(days=1)
    after = quests.request_changes(quest_in("SUBMITTED"), member(ANNA), REASON, late).quest
    assert after.claim_deadline == late + timedelta(days=7)


def test_another_reason_is_no_repetition() -> None:
    with pytest.raises(NotAllowedError):
        quests.request_changes(quest_in("CLAIMED", changes=1), member(ANNA), REASON, LATER)


def test_the_requestors_word_completes_and_books_the_reward() -> None:
    quest = quest_in("SUBMITTED")
    change = quests.attest(quest, member(ANNA), "Thanks", LATER)
    assert (change.quest.status, change.quest.completed_at, change.quest.silence_at) == ("COMPLETE", LATER, None)
    assert [(a.user_id, a.role, a.notes, a.by) for a in change.quest.attestations] == [
        (BEN, "performer", None, "hand-in"),
        (ANNA, "requestor", "Thanks", "word"),
    ]
    (entry,) = change.entries
    assert (entry.kind, entry.state, entry.user_id, entry.quest_id) == (Kind.REWARD, State.PENDING, BEN, "q")
    assert (entry.points, entry.xp, entry.reputation, entry.posted_at) == (2, 100, 10, None)
    assert (entry.requestor_id, entry.confirmed) == (ANNA, True)
    for who in (ANNA, BEN):
        assert quests.attest(change.quest, member(who), None, LATER) == Change(change.quest)


@pytest.mark.parametrize(("first", "second"), [(ANNA, BEN), (BEN, ANNA)])
def test_what_was_handed_in_to_an_earlier_release_wants_both_words(first: str, second: str) -> None:
    quest = quest_in("SUBMITTED").model_copy(update={"attestations": [], "silence_at": None})
    one = quests.attest(quest, member(first), "", LATER)
    assert (one.quest.status, one.entries) == ("SUBMITTED", ())
    assert quests.attest(one.quest, member(second), None, LATER).quest.status == "COMPLETE"


def test_dispute() -> None:
    after = quests.dispute(quest_in("SUBMITTED", attested=(Role.PERFORMER,)), member(ANNA), REASON, LATER).quest
    assert after.status is Status.DISPUTED
    assert after.dispute == Dispute(raised_by=ANNA, reason=REASON, raised_at=LATER, statement_until=LATER + STATEMENT)
    assert after.silence_at is None
    assert quests.dispute(after, member(ANNA), REASON, LATER) == Change(after)
    with pytest.raises(NotAllowedError):
        quests.dispute(after, member(BEN), REASON, LATER)


def disputed() -> Quest:
    """A dispute that may be decided."""
    return quest_in("DISPUTED", attested=(Role.PERFORMER,), stated=True)


def test_resolve_to_complete_books_the_reward() -> None:
    change = quests.resolve(disputed(), JUDGE, Outcome.COMPLETE, REASON, LATER, CLAIM_PERIOD)
    assert (change.quest.status, change.quest.completed_at, change.quest.performer_id) == ("COMPLETE", LATER, BEN)
    assert [(entry.kind, entry.user_id, entry.confirmed) for entry in change.entries] == [(Kind.REWARD, BEN, False)]
    assert change.quest.dispute == Dispute(
        raised_by=BEN,
        reason=REASON,
        raised_at=NOW,
        statement=REASON,
        stated_at=NOW,
        statement_until=NOW + STATEMENT,
        outcome=Outcome.COMPLETE,
        decision=REASON,
        decided_by=MODERATOR,
        decided_at=LATER,
    )


def test_resolve_to_cancelled_refunds_the_requestor_and_lets_the_performer_read_why() -> None:
    change = quests.resolve(disputed(), JUDGE, Outcome.CANCELLED, REASON, LATER, CLAIM_PERIOD)
    assert (change.quest.status, change.quest.cancelled_at, change.quest.performer_id) == ("CANCELLED", LATER, None)
    assert [(entry.kind, entry.user_id) for entry in change.entries] == [(Kind.REFUND, ANNA)]
    readers = [user for user in (ANNA, BEN, CARA) if quests.may_read_all(change.quest, Actor(user))]
    assert readers == [ANNA, BEN]


def test_resolve_to_claimed_gives_the_performer_another_period() -> None:
    change = quests.resolve(disputed(), JUDGE, Outcome.CLAIMED, REASON, LATER, CLAIM_PERIOD)
    after = change.quest
    assert (after.status, after.performer_id, after.claim_deadline) == ("CLAIMED", BEN, LATER + CLAIM_PERIOD)
    assert (after.attestations, after.submitted_at, change.entries) == ([], None, ())


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_decision_is_repeated_by_its_judge_only_and_word_by_word(outcome: Outcome) -> None:
    after = quests.resolve(disputed(), JUDGE, outcome, REASON, NOW, CLAIM_PERIOD).quest
    assert quests.resolve(after, JUDGE, outcome, REASON, LATER, CLAIM_PERIOD) == Change(after)
    another = next(other for other in Outcome if other is not outcome)
    for judge, said, decision in [
        (Actor(CARA, JUDGE.groups), outcome, REASON),
        (JUDGE, another, REASON),
        (JUDGE, outcome, REASON + "!"),
    ]:
        with pytest.raises(NotAllowedError):
            quests.resolve(after, judge, said, decision, LATER, CLAIM_PERIOD)


@pytest.mark.parametrize("status", STATUSES)
def test_expire(status: str) -> None:
    quest = quest_in(status)
    assert quests.expire(quest, quest.expires_at - timedelta(milliseconds=1)) == Change(quest)
    change = quests.expire(quest, quest.expires_at)
    if status != "OPEN":
        assert change == Change(quest)
        return
    assert (change.quest.status, change.quest.expired_at) == ("EXPIRED", quest.expires_at)
    assert [(entry.kind, entry.user_id) for entry in change.entries] == [(Kind.REFUND, ANNA)]


@pytest.mark.parametrize("status", STATUSES)
def test_release_overdue(status: str) -> None:
    quest = quest_in(status)
    due = NOW + CLAIM_PERIOD + timedelta(days=7)
    assert quests.release_overdue(quest, due - timedelta(milliseconds=1)) == Change(quest)
    change = quests.release_overdue(quest, due)
    if status != "CLAIMED":
        assert change == Change(quest)
        return
    assert (change.quest.status, change.quest.performer_id, change.quest.released_by) == ("OPEN", None, None)


@pytest.mark.parametrize("status", STATUSES)
def test_an_operator_reopens_what_is_stuck(status: str) -> None:
    quest = quest_in(status, attested=(Role.REQUESTOR,) if status == "SUBMITTED" else ())
    change = quests.reopen(quest, LATER)
    if status in {"CLAIMED", "SUBMITTED", "DISPUTED"}:
        left = [Former(user_id=BEN, at=LATER, how=Ending.OPERATOR)]
        fresh = quest_in("OPEN").model_copy(
            update={"released_by": BEN, "former": left, "version": 8, "updated_at": LATER}
        )
        assert change == Change(fresh)
    else:
        assert change == Change(quest)


@pytest.mark.parametrize("status", STATUSES)
def test_an_operator_withdraws_what_is_not_final(status: str) -> None:
    quest = quest_in(status)
    change = quests.call_off(quest, LATER)
    if status in {"COMPLETE", "CANCELLED", "EXPIRED"}:
        assert change == Change(quest)
        return
    after = change.quest
    assert (after.status, after.cancelled_at, after.performer_id) == ("CANCELLED", LATER, None)
    assert after.released_by == quest.performer_id
    assert [(entry.kind, entry.user_id, entry.points) for entry in change.entries] == [(Kind.REFUND, ANNA, 1)]


@pytest.mark.parametrize("status", STATUSES)
def test_who_reads_the_submission(status: str) -> None:
    quest = quest_in(status)
    readers = {name for name in PEOPLE if quests.may_read_all(quest, person(name, feature=False))}
    moderators = {name for name in PEOPLE if name.startswith("moderat")}
    assert readers == moderators | {"requestor"} | ({"performer"} if status in WITH_PERFORMER else set())


def test_who_gave_a_quest_back_does_not_read_on() -> None:
    quest = quest_in("OPEN").model_copy(update={"released_by": BEN})
    assert not quests.may_read_all(quest, member(BEN))


# --- since 2 ---


def window(start: timedelta, end: timedelta) -> WhenInput:
    return WhenInput(start=NOW + start, end=NOW + end)


HOURS, DAYS = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("when", "expires"),
    [
        (None, NOW + LIFETIME),
        (window(DAYS, 2 * DAYS), NOW + 2 * DAYS),
        (window(-DAYS, HOURS), NOW + HOURS),
        (window(DAYS, LIFETIME), NOW + LIFETIME),
        (window(40 * DAYS, 41 * DAYS), NOW + LIFETIME),
    ],
)
def test_a_quest_expires_with_its_window(when: WhenInput | None, expires: datetime) -> None:
    quest = quests.create(DRAFT.model_copy(update={"when": when}), ANNA, "q1", NOW, LIFETIME).quest
    assert quest.expires_at == expires
    assert (quest.when and (quest.when.start, quest.when.end)) == (when and (when.start, when.end))
    check_quest(quest)


@pytest.mark.parametrize(
    ("when", "field"),
    [
        (window(-HOURS, timedelta(0)), "when.end"),
        (window(-2 * DAYS, -DAYS), "when.end"),
        (window(-DAYS - timedelta(seconds=1), DAYS), "when.start"),
        (window(DAYS, 366 * DAYS + timedelta(seconds=1)), "when.end"),
    ],
)
def test_a_window_that_nobody_can_keep(when: WhenInput, field: str) -> None:
    with pytest.raises(InvalidFieldError) as refused:
        quests.create(DRAFT.model_copy(update={"when": when}), ANNA, "q1", NOW, LIFETIME)
    assert refused.value.field == field
    with pytest.raises(InvalidFieldError) as refused:
        quests.edit(quest_in("OPEN"), DESCRIPTION, member(ANNA), Edit(when=when), NOW, LIFETIME)
    assert refused.value.field == field


def edited(quest: Quest, now: datetime = NOW, **fields: object) -> Change:
    return quests.edit(quest, DESCRIPTION, member(ANNA), Edit.model_validate(fields), now, LIFETIME)


def test_a_window_is_edited_and_taken_away() -> None:
    quest = edited(quest_in("OPEN"), when=window(DAYS, 2 * DAYS)).quest
    assert quest.expires_at == NOW + 2 * DAYS
    moved = edited(quest, when=window(3 * DAYS, 4 * DAYS)).quest
    assert (moved.expires_at, moved.edited) == (NOW + 4 * DAYS, {"when": 9})
    anytime = edited(moved, when=None).quest
    assert (anytime.when, anytime.expires_at) == (None, NOW + LIFETIME)
    check_step(moved, anytime)
    assert edited(anytime, when=None) == Change(anytime)


def test_the_same_window_may_stay_though_it_has_begun() -> None:
    quest = edited(quest_in("OPEN"), when=window(DAYS, 5 * DAYS)).quest
    late = NOW + 3 * DAYS
    assert edited(quest, late, when=window(DAYS, 5 * DAYS)) == Change(quest)
    assert edited(quest, late, when=window(DAYS, 5 * DAYS), title="Carry two sofas").quest.when == quest.when


def test_what_else_is_edited() -> None:
    quest = edited(quest_in("OPEN"), minutes=5, meeting_point="The blue door").quest
    assert (quest.minutes, quest.meeting_point) == (5, "The blue door")
    assert quest.edited == {"minutes": 8, "meetingPoint": 8}
    assert edited(quest, meeting_point="").quest.meeting_point is None
    assert edited(quest, minutes=None, meeting_point=None) == Change(quest)


@pytest.mark.parametrize(("xp", "points"), [(10, 1), (100, 1), (101, 2), (200, 2), (201, 3), (999, 10), (1000, 10)])
def test_what_a_quest_costs(xp: int, points: int) -> None:
    change = quests.create(DRAFT.model_copy(update={"reward_xp": xp}), ANNA, "q1", NOW, LIFETIME)
    assert change.quest.cost == points
    assert [entry.points for entry in change.entries] == [-points]
    refund = quests.cancel(change.quest, member(ANNA), LATER).entries
    assert [(entry.kind, entry.points) for entry in refund] == [(Kind.REFUND, points)]


def test_a_raised_reward_costs_the_difference() -> None:
    change = edited(quest_in("OPEN"), reward_xp=350)
    assert [(entry.kind, entry.user_id, entry.points, entry.state) for entry in change.entries] == [
        (Kind.RAISE, ANNA, -3, State.POSTED)
    ]
    assert change.quest.cost == 4
    assert edited(change.quest, reward_xp=400).entries == ()
    assert quests.expire(change.quest, NOW + LIFETIME).entries[0].points == 4


def test_the_deadline_follows_the_window() -> None:
    quest = edited(quest_in("OPEN"), when=window(DAYS, 20 * DAYS)).quest
    assert quests.claim(quest, member(BEN), LATER, CLAIM_PERIOD).quest.claim_deadline == NOW + 22 * DAYS


def test_a_claim_of_what_was_seen() -> None:
    quest = edited(edited(quest_in("OPEN"), title="Carry two sofas").quest, reward_xp=120).quest
    for seen in (None, 9, 10):
        assert quests.claim(quest, member(BEN), LATER, CLAIM_PERIOD, seen).quest.performer_id == BEN
    for seen, changed in ((8, ("rewardXp",)), (7, ("title", "rewardXp")), (1, ("title", "rewardXp"))):
        with pytest.raises(NotAllowedError) as denied:
            quests.claim(quest, member(BEN), LATER, CLAIM_PERIOD, seen)
        assert (denied.value.code, denied.value.changed) == ("terms_changed", changed)


def test_what_is_no_edit_does_not_spoil_a_claim() -> None:
    quest = quests.ask(quest_in("OPEN"), LATER).quest
    assert quests.claim(quest, member(BEN), LATER, CLAIM_PERIOD, seen=7).quest.performer_id == BEN


def test_the_requestor_says_why_they_take_a_quest_back() -> None:
    late = NOW + CLAIM_PERIOD
    with pytest.raises(InvalidFieldError):
        quests.release(quest_in("CLAIMED"), member(ANNA), None, late)
    after = quests.release(quest_in("CLAIMED"), member(ANNA), REASON, late).quest
    assert after.former == [Former(user_id=BEN, at=late, how=Ending.TAKEN_BACK, reason=REASON)]
    assert quests.release(after, member(ANNA), REASON, late) == Change(after)


@pytest.mark.parametrize(
    ("how", "claims_again"),
    [(how, how is Ending.OPERATOR) for how in Ending],
)
def test_a_former_performer_waits_a_day(how: Ending, claims_again: bool) -> None:
    quest = quest_in("OPEN", former=(Former(user_id=BEN, at=NOW, how=how),))
    for now, verdict in [
        (NOW + DAYS - timedelta(milliseconds=1), Allowed() if claims_again else Denied(Denial.RELEASED_RECENTLY)),
        (NOW + DAYS, Allowed()),
    ]:
        assert allowed(quest, member(BEN), now)[Action.CLAIM] == verdict
    assert allowed(quest, member(CARA), NOW)[Action.CLAIM] == Allowed()


def test_a_quest_remembers_its_last_twenty_performers_once_each() -> None:
    quest = quest_in("OPEN")
    for number in range(25):
        who, now = member(f"helper-{number % 23}"), NOW + number * 2 * DAYS
        quest = quest.model_copy(update={"expires_at": now + DAYS})
        quest = quests.claim(quest, who, now, CLAIM_PERIOD).quest
        quest = quests.release(quest, who, None, now).quest
    assert [former.user_id for former in quest.former] == [
        *(f"helper-{number}" for number in range(5, 23)), "helper-0", "helper-1",
    ]  # fmt: skip


def test_withdraw() -> None:
    change = quests.withdraw(quest_in("CLAIMED"), member(ANNA), REASON, LATER)
    after = change.quest
    assert (after.status, after.cancelled_at, after.performer_id, after.released_by) == ("CANCELLED", LATER, None, BEN)
    assert after.former == [Former(user_id=BEN, at=LATER, how=Ending.WITHDRAWN, reason=REASON)]
    assert [(entry.kind, entry.user_id, entry.points) for entry in change.entries] == [(Kind.REFUND, ANNA, 1)]
    assert quests.withdraw(after, member(ANNA), REASON, LATER) == Change(after)
    with pytest.raises(NotAllowedError):
        quests.withdraw(after, member(ANNA), REASON + " Really.", LATER)
    assert quests.may_read_all(after, member(BEN))


def test_cancelling_what_was_released_before_is_repeated_too() -> None:
    """A former performer of an open quest that is cancelled later reads no more than before."""
    released = quests.release(quest_in("CLAIMED"), member(BEN), None, LATER).quest
    cancelled = quests.cancel(released, member(ANNA), LATER).quest
    assert quests.cancel(cancelled, member(ANNA), LATER) == Change(cancelled)
    assert not quests.may_read_all(cancelled, member(BEN))


def test_the_other_side_speaks_once() -> None:
    quest = quest_in("DISPUTED")
    after = quests.state(quest, member(ANNA), REASON, LATER).quest
    assert after.dispute
    assert (after.dispute.statement, after.dispute.stated_at) == (REASON, LATER)
    assert quests.state(after, member(ANNA), REASON, LATER) == Change(after)
    for who, words in ((ANNA, REASON + " And more."), (BEN, REASON)):
        with pytest.raises(NotAllowedError) as denied:
            quests.state(after, member(who), words, LATER)
        assert denied.value.code == "already_stated"


def test_a_former_performer_does_not_judge_their_successor() -> None:
    quest = quest_in("DISPUTED", stated=True, former=(Former(user_id=MODERATOR, at=NOW, how=Ending.RELEASED),))
    with pytest.raises(NotAllowedError) as denied:
        quests.resolve(quest, JUDGE, Outcome.COMPLETE, REASON, LATER, CLAIM_PERIOD)
    assert denied.value.code == "party_cannot_judge"


@pytest.mark.parametrize("status", STATUSES)
def test_silence(status: str) -> None:
    quest = quest_in(status)
    due = NOW + SILENCE
    assert quests.confirm_silence(quest, due - timedelta(milliseconds=1)) == Change(quest)
    change = quests.confirm_silence(quest, due)
    if status != "SUBMITTED":
        assert change == Change(quest)
        return
    assert (change.quest.status, change.quest.completed_at) == ("COMPLETE", due)
    assert [(a.user_id, a.by) for a in change.quest.attestations] == [(BEN, "hand-in"), (ANNA, "silence")]
    assert [(entry.user_id, entry.confirmed) for entry in change.entries] == [(BEN, False)]
    check_quest(change.quest)


@pytest.mark.parametrize("attested", [(), (Role.REQUESTOR,), (Role.PERFORMER,)])
def test_silence_ends_what_an_earlier_release_kept(attested: tuple[Role, ...]) -> None:
    people = {Role.REQUESTOR: ANNA, Role.PERFORMER: BEN}
    words = [Attestation(user_id=people[role], role=role, attested_at=NOW) for role in attested]
    quest = quest_in("SUBMITTED").model_copy(update={"attestations": words, "silence_at": None})
    after = quests.confirm_silence(quest, NOW + timedelta(days=7)).quest
    assert after.status == "COMPLETE"
    check_quest(after)


@pytest.mark.parametrize("status", STATUSES)
def test_a_hidden_quest_waits(status: str) -> None:
    """Nothing happens by itself while it is hidden, and afterwards everybody has the time that they had before."""
    if status in FINAL:
        return
    quest = quest_in(status)
    hidden = quests.hide(quest, JUDGE, REASON, LATER).quest
    assert (hidden.hidden_at, hidden.hidden_reason) == (LATER, REASON)
    assert quests.hide(hidden, JUDGE, REASON, LATER) == Change(hidden)
    for chore in (quests.expire, quests.release_overdue, quests.confirm_silence):
        assert chore(hidden, NOW + timedelta(days=365)) == Change(hidden)
    stood = 10 * DAYS
    shown = quests.unhide(hidden, JUDGE, LATER + stood).quest
    assert (shown.hidden_at, shown.hidden_reason, shown.stood_still) == (None, None, 10 * 86400)
    for name in ("expires_at", "claim_deadline", "silence_at"):
        before = getattr(quest, name)
        assert getattr(shown, name) == (before and before + stood)
    if quest.dispute and shown.dispute:
        assert shown.dispute.decidable_from == quest.dispute.decidable_from + stood
    assert edited(shown, LATER + stood, when=None) == Change(shown) if status == "OPEN" else True


def test_a_window_does_not_wait_for_moderators() -> None:
    for ends, expires in ((2 * DAYS, 2 * DAYS), (35 * DAYS, 35 * DAYS), (60 * DAYS, LIFETIME + 10 * DAYS)):
        quest = quests.hide(edited(quest_in("OPEN"), when=window(DAYS, ends)).quest, JUDGE, REASON, NOW).quest
        shown = quests.unhide(quest, JUDGE, NOW + 10 * DAYS).quest
        assert shown.expires_at == NOW + expires
        check_quest(shown)
        if expires != 2 * DAYS:
            assert edited(shown, NOW + 10 * DAYS, when=None).quest.expires_at == NOW + LIFETIME + 10 * DAYS


@pytest.mark.parametrize("status", STATUSES)
def test_who_sees_a_hidden_quest(status: str) -> None:
    if status in FINAL:
        return
    quest = quest_in(status, hidden_at=NOW, former=(Former(user_id=DORA, at=NOW, how=Ending.RELEASED),))
    seen = {name for name in PEOPLE if quests.may_see(quest, person(name, feature=False))}
    moderators = {name for name in PEOPLE if name.startswith("moderat")}
    assert seen == moderators | {"requestor", "former"} | ({"performer"} if status in WITH_PERFORMER else set())
    assert all(quests.may_see(quest_in(status), person(name, feature=False)) for name in PEOPLE)


@pytest.mark.parametrize("status", STATUSES)
def test_who_sees_the_meeting_point(status: str) -> None:
    quest = quest_in(status)
    seen = {name for name in PEOPLE if quests.may_see_meeting_point(quest, person(name, feature=False))}
    wanted = {"requestor", "moderating-requestor"}
    if status in WITH_PERFORMER:
        wanted |= {"performer", "moderating-performer"}
    if status == "DISPUTED":
        wanted |= {name for name in PEOPLE if name.startswith("moderat")}
    assert seen == wanted


def test_questions_wait_for_an_answer() -> None:
    quest = quest_in("OPEN")
    asked = quests.ask(quest, LATER).quest
    assert (asked.asked_at, asked.version) == (LATER, 8)
    assert quests.ask(asked, LATER + HOURS) == Change(asked)
    answered = quests.answer(asked, LATER + HOURS).quest
    assert (answered.asked_at, answered.version) == (None, 9)
    assert quests.answer(answered, LATER + HOURS) == Change(answered)
    for status in set(STATUSES) - {"OPEN"}:
        closed = quest_in(status)
        assert quests.ask(closed, LATER) == Change(closed)


@pytest.mark.parametrize(("silence", "disputes", "ends"), [(0, 0, True), (0, 1, False), (1, 0, True), (1, 1, True)])
def test_nobody_is_without_a_way_out(silence: int, disputes: int, ends: bool) -> None:
    features = frozenset(flag for flag, on in (("silence", silence), ("disputes", disputes)) if on)
    assert quests.confirms_by_silence(features) is ends
    assert ends or allowed(quest_in("SUBMITTED"), Actor(BEN, features=features), LATER)[Action.DISPUTE] == Allowed()


def _acted(action: str, who: str, quest: Quest, now: datetime) -> Change:
    return act(action, quest, JUDGE if who == MODERATOR else member(who), now)


STEPS: dict[str, tuple[str, Callable[[Quest, datetime], Change]]] = {
    **{
        f"{action}-{who}-{status}": (status, partial(_acted, action, who))
        for action, who, status in (
            ("edit", ANNA, "OPEN"),
            ("cancel", ANNA, "OPEN"),
            ("claim", BEN, "OPEN"),
            ("release", BEN, "CLAIMED"),
            ("withdraw", ANNA, "CLAIMED"),
            ("submit", BEN, "CLAIMED"),
            ("request-changes", ANNA, "SUBMITTED"),
            ("attest", ANNA, "SUBMITTED"),
            ("dispute", ANNA, "SUBMITTED"),
            ("state", ANNA, "DISPUTED"),
            ("resolve", MODERATOR, "DISPUTED"),
            ("hide", MODERATOR, "OPEN"),
            ("unhide", MODERATOR, "OPEN"),
        )
    },
    "ask": ("OPEN", quests.ask),
    "answer": ("OPEN", quests.answer),
    "expire": ("OPEN", quests.expire),
    "release_overdue": ("CLAIMED", quests.release_overdue),
    "confirm_silence": ("SUBMITTED", quests.confirm_silence),
    "reopen": ("CLAIMED", quests.reopen),
    "call_off": ("CLAIMED", quests.call_off),
}


@pytest.mark.parametrize("name", STEPS)
def test_time_never_runs_back_within_a_quest(name: str) -> None:
    """A step of a process whose clock is behind happens at the last change, not before it."""
    status, step = STEPS[name]
    last = NOW + timedelta(days=60) if name in {"expire", "release_overdue", "confirm_silence"} else LATER
    quest = quest_in(status, stated=name.startswith("resolve")).model_copy(update={"updated_at": last})
    if name.startswith(("unhide", "answer")):
        quest = quest.model_copy(update={"hidden_at": NOW if "unhide" in name else None, "asked_at": NOW})
    after = step(quest, NOW - timedelta(seconds=3)).quest
    assert (after.updated_at, after.version) == (last, 8)
    check_moments(quest, after)


def test_a_step_is_remembered_by_its_request() -> None:
    quest = quest_in("SUBMITTED")
    first, other = step_id_of(ANNA, "attest", "r-1"), step_id_of(ANNA, "attest", "r-2")
    assert len({first, other, step_id_of(BEN, "attest", "r-1"), step_id_of(ANNA, "x", "r-1")}) == 4
    change = quests.with_step(quests.attest(quest, member(ANNA), None, LATER), first)
    assert quests.already_taken(change.quest, first)
    assert not quests.already_taken(change.quest, other)
    assert change.quest.version == 8
    for number in range(8):
        assert quests.already_taken(change.quest, first)
        change = quests.with_step(change, str(number))
    assert len(change.quest.taken) == 8
    assert not quests.already_taken(change.quest, first)


@pytest.mark.parametrize(
    ("code", "former", "moved"),
    [
        *((code, False, code in quests.STATE_DENIALS) for code in Denial),
        (Denial.NOT_PERFORMER, True, True),
        (Denial.NOT_PARTY, True, True),
        (Denial.NOT_REQUESTOR, True, False),
        (Denial.NOT_MODERATOR, True, False),
        (Denial.PARTY_CANNOT_JUDGE, True, False),
    ],
)
def test_a_refusal_of_a_former_party_says_that_the_quest_moved(code: Denial, former: bool, moved: bool) -> None:
    left = (Former(user_id=BEN, at=NOW, how=Ending.TAKEN_BACK),) if former else ()
    assert NotAllowedError(quest_in("OPEN", former=left), member(BEN), Action.SUBMIT, code).moved is moved
