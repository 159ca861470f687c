import itertools
from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from services.api.views import QuestPublic
from services.core.domain import quests
from services.core.domain.ledger import Kind, State
from services.core.domain.quests import (
    Action,
    Actor,
    Allowed,
    Attestation,
    Change,
    ChangeRequest,
    Denied,
    Dispute,
    Draft,
    Edit,
    NotAllowedError,
    Outcome,
    Quest,
    RewardLoweredError,
    Role,
    Status,
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
)
from tests.unit.services.core.domain.permissions import ACTIONS, PEOPLE, STATUSES, Circumstances, expected
from tests.unit.services.invariants import WITH_PERFORMER, check_quest, check_step

LATER = NOW + timedelta(hours=1)
JUDGE = Actor(MODERATOR, frozenset({"moderators"}))
IDS = {"requestor": ANNA, "performer": BEN, "stranger": CARA, "moderator": MODERATOR}


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


def quest_in(status: str, attested: tuple[Role, ...] = (), changes: int = 0) -> Quest:
    performer = BEN if status in WITH_PERFORMER else None
    people = {Role.REQUESTOR: ANNA, Role.PERFORMER: BEN}
    return Quest(
        quest_id="q",
        title="Carry a sofa",
        category=quests.Category.SOCIAL,
        reward_xp=100,
        reward_reputation=10,
        requestor_id=ANNA,
        performer_id=performer,
        status=Status(status),
        attestations=[Attestation(user_id=people[role], role=role, attested_at=NOW) for role in attested],
        change_requests=[ChangeRequest(reason=f"{REASON} {n}", requested_at=NOW) for n in range(changes)],
        dispute=Dispute(raised_by=BEN, reason=REASON, raised_at=NOW) if status == "DISPUTED" else None,
        created_at=NOW,
        updated_at=NOW,
        expires_at=NOW + LIFETIME,
        claimed_at=NOW if performer else None,
        claim_deadline=NOW + CLAIM_PERIOD if performer else None,
        submitted_at=NOW if status in {"SUBMITTED", "DISPUTED", "COMPLETE"} else None,
        version=7,
    )


def act(action: str, quest: Quest, actor: Actor, now: datetime) -> Change:
    """The action, with something new to say."""
    calls: dict[str, Callable[[], Change]] = {
        "edit": lambda: quests.edit(quest, DESCRIPTION, actor, Edit(title="Carry two sofas"), now),
        "cancel": lambda: quests.cancel(quest, actor, now),
        "claim": lambda: quests.claim(quest, actor, now, CLAIM_PERIOD),
        "release": lambda: quests.release(quest, actor, now),
        "submit": lambda: quests.submit(quest, None, actor, "The sofa is upstairs.", now),
        "request-changes": lambda: quests.request_changes(quest, actor, REASON, now),
        "attest": lambda: quests.attest(quest, actor, "Well done", now),
        "dispute": lambda: quests.dispute(quest, actor, REASON, now),
        "resolve": lambda: quests.resolve(quest, actor, Outcome.COMPLETE, REASON, now, CLAIM_PERIOD),
    }
    return calls[action]()


def repeats(action: str, who: str, status: str, *, attested: bool) -> bool:
    """Whether the wish was granted before: then it is granted again, and nothing changes."""
    role = who.removeprefix("moderating-")
    return (action, role, status) in {
        ("cancel", "requestor", "CANCELLED"),
        ("claim", "performer", status if status in WITH_PERFORMER else ""),
        ("dispute", "performer", "DISPUTED"),
    } or (action == "attest" and attested and status in {"SUBMITTED", "COMPLETE"})


def test_the_table_knows_every_action_and_status() -> None:
    assert set(ACTIONS) == {action.value for action in Action}
    assert set(STATUSES) == {status.value for status in Status}


@pytest.mark.parametrize("who", PEOPLE)
@pytest.mark.parametrize("status", STATUSES)
def test_who_may_do_what(status: str, who: str) -> None:
    role = Role.REQUESTOR if who.endswith("requestor") else Role.PERFORMER
    is_party = who.endswith("requestor") or (who.endswith("performer") and status in WITH_PERFORMER)
    moments = {
        (False, False): NOW + timedelta(hours=1),
        (True, False): NOW + CLAIM_PERIOD,
        (True, True): NOW + LIFETIME,
    }
    bools = (False, True)
    for attested, (late_expired, now), changes, feature in itertools.product(bools, moments.items(), range(3), bools):
        if attested and not (is_party and status in WITH_PERFORMER):
            continue
        circumstances = Circumstances(attested, *late_expired, changes, feature)
        quest, actor = quest_in(status, (role,) if attested else (), changes), person(who, feature=feature)
        verdicts = allowed(quest, actor, now)
        assert set(verdicts) == set(Action)
        for action, verdict in verdicts.items():
            code = expected(action, who, status, circumstances)
            assert verdict == (Denied(quests.Denial(code)) if code else Allowed()), (action, circumstances)
            assert isinstance(verdict, Denied) == (code is not None)
            if code is None:
                after = act(action, quest, actor, now).quest
                assert after != quest
                check_step(quest, after)
                check_quest(after)
            elif repeats(action, who, status, attested=attested):
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
    assert written <= {*QuestPublic.model_fields}


def test_edit_changes_what_is_given_and_no_more() -> None:
    quest = quest_in("OPEN")
    change = quests.edit(quest, DESCRIPTION, member(ANNA), Edit(title="Carry two sofas", tags=["a"]), LATER)
    assert change == Change(
        quest.model_copy(update={"title": "Carry two sofas", "tags": ["a"], "version": 8, "updated_at": LATER})
    )


def test_edit_of_the_description_alone_is_a_new_version() -> None:
    change = quests.edit(quest_in("OPEN"), DESCRIPTION, member(ANNA), Edit(description=DESCRIPTION * 2), LATER)
    assert change.description == DESCRIPTION * 2
    assert change.quest.version == 8


@pytest.mark.parametrize(
    "edit", [Edit(), Edit(title="Carry a sofa"), Edit(title=None, area=None), Edit(description=DESCRIPTION)]
)
def test_an_edit_that_changes_nothing_is_no_version(edit: Edit) -> None:
    quest = quest_in("OPEN")
    change = quests.edit(quest, DESCRIPTION, member(ANNA), edit, LATER)
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
    with pytest.raises(RewardLoweredError) as lowered:
        quests.edit(quest_in("OPEN"), DESCRIPTION, member(ANNA), edit, LATER)
    assert lowered.value.field == field


def test_rewards_may_rise_or_stay() -> None:
    change = quests.edit(quest_in("OPEN"), DESCRIPTION, member(ANNA), Edit(reward_xp=101, reward_reputation=10), LATER)
    assert (change.quest.reward_xp, change.quest.reward_reputation) == (101, 10)


def test_cancel_refunds() -> None:
    change = quests.cancel(quest_in("OPEN"), member(ANNA), LATER)
    assert (change.quest.status, change.quest.cancelled_at, change.quest.updated_at) == ("CANCELLED", LATER, LATER)
    (entry,) = change.entries
    assert (entry.kind, entry.user_id, entry.points, entry.posted_at) == (Kind.REFUND, ANNA, 1, LATER)


def test_a_quest_that_a_decision_cancelled_is_not_cancelled_again() -> None:
    quest = quests.resolve(quest_in("DISPUTED"), JUDGE, Outcome.CANCELLED, REASON, NOW, CLAIM_PERIOD).quest
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
    released = quests.release(quest, member(BEN), LATER).quest
    fresh = quest_in("OPEN")
    assert released == fresh.model_copy(update={"released_by": BEN, "version": 8, "updated_at": LATER})
    assert quests.release(released, member(BEN), LATER) == Change(released)


def test_submit_keeps_the_text_apart_and_asks_for_new_attestations() -> None:
    quest = quest_in("CLAIMED", attested=(Role.REQUESTOR,))
    change = quests.submit(quest, None, member(BEN), "The sofa is upstairs.", LATER)
    assert (change.quest.status, change.quest.submitted_at) == ("SUBMITTED", LATER)
    assert (change.quest.attestations, change.submission) == ([], "The sofa is upstairs.")


def test_submit_twice() -> None:
    quest = quest_in("SUBMITTED")
    assert quests.submit(quest, "The sofa", member(BEN), "The sofa", LATER) == Change(quest)
    with pytest.raises(NotAllowedError):
        quests.submit(quest, "The sofa", member(BEN), "Another sofa", LATER)


def test_the_same_text_is_handed_in_again_after_changes_were_asked_for() -> None:
    change = quests.submit(quest_in("CLAIMED", changes=1), "The sofa", member(BEN), "The sofa", LATER)
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


@pytest.mark.parametrize(("first", "second"), [(ANNA, BEN), (BEN, ANNA)])
def test_two_attestations_complete_and_book_the_reward(first: str, second: str) -> None:
    one = quests.attest(quest_in("SUBMITTED"), member(first), "", NOW)
    assert (one.quest.status, one.quest.version, one.entries) == ("SUBMITTED", 8, ())
    assert [(a.user_id, a.notes) for a in one.quest.attestations] == [(first, None)]
    assert quests.attest(one.quest, member(first), "Again", LATER) == Change(one.quest)
    two = quests.attest(one.quest, member(second), "Thanks", LATER)
    assert (two.quest.status, two.quest.completed_at) == ("COMPLETE", LATER)
    assert [(a.user_id, a.role, a.notes) for a in two.quest.attestations] == [
        (first, "requestor" if first == ANNA else "performer", None),
        (second, "requestor" if second == ANNA else "performer", "Thanks"),
    ]
    (entry,) = two.entries
    assert (entry.kind, entry.state, entry.user_id, entry.quest_id) == (Kind.REWARD, State.PENDING, BEN, "q")
    assert (entry.points, entry.xp, entry.reputation, entry.posted_at) == (2, 100, 10, None)
    for who in (first, second):
        assert quests.attest(two.quest, member(who), None, LATER) == Change(two.quest)


def test_dispute() -> None:
    after = quests.dispute(quest_in("SUBMITTED", attested=(Role.PERFORMER,)), member(ANNA), REASON, LATER).quest
    assert after.status is Status.DISPUTED
    assert after.dispute == Dispute(raised_by=ANNA, reason=REASON, raised_at=LATER)
    assert quests.dispute(after, member(ANNA), REASON, LATER) == Change(after)
    with pytest.raises(NotAllowedError):
        quests.dispute(after, member(BEN), REASON, LATER)


def test_resolve_to_complete_books_the_reward() -> None:
    change = quests.resolve(quest_in("DISPUTED"), JUDGE, Outcome.COMPLETE, REASON, LATER, CLAIM_PERIOD)
    assert (change.quest.status, change.quest.completed_at, change.quest.performer_id) == ("COMPLETE", LATER, BEN)
    assert [(entry.kind, entry.user_id) for entry in change.entries] == [(Kind.REWARD, BEN)]
    assert change.quest.dispute == Dispute(
        raised_by=BEN,
        reason=REASON,
        raised_at=NOW,
        outcome=Outcome.COMPLETE,
        decision=REASON,
        decided_by=MODERATOR,
        decided_at=LATER,
    )


def test_resolve_to_cancelled_refunds_the_requestor_and_lets_the_performer_read_why() -> None:
    change = quests.resolve(quest_in("DISPUTED"), JUDGE, Outcome.CANCELLED, REASON, LATER, CLAIM_PERIOD)
    assert (change.quest.status, change.quest.cancelled_at, change.quest.performer_id) == ("CANCELLED", LATER, None)
    assert [(entry.kind, entry.user_id) for entry in change.entries] == [(Kind.REFUND, ANNA)]
    readers = [user for user in (ANNA, BEN, CARA) if quests.may_read_all(change.quest, Actor(user))]
    assert readers == [ANNA, BEN]


def test_resolve_to_claimed_gives_the_performer_another_period() -> None:
    quest = quest_in("DISPUTED", attested=(Role.PERFORMER,))
    change = quests.resolve(quest, JUDGE, Outcome.CLAIMED, REASON, LATER, CLAIM_PERIOD)
    after = change.quest
    assert (after.status, after.performer_id, after.claim_deadline) == ("CLAIMED", BEN, LATER + CLAIM_PERIOD)
    assert (after.attestations, after.submitted_at, change.entries) == ([], None, ())


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_decision_is_repeated_by_its_judge_only_and_word_by_word(outcome: Outcome) -> None:
    after = quests.resolve(quest_in("DISPUTED"), JUDGE, outcome, REASON, NOW, CLAIM_PERIOD).quest
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
        fresh = quest_in("OPEN").model_copy(update={"released_by": BEN, "version": 8, "updated_at": LATER})
        assert change == Change(fresh)
    else:
        assert change == Change(quest)


@pytest.mark.parametrize("status", STATUSES)
def test_an_operator_withdraws_what_is_not_final(status: str) -> None:
    quest = quest_in(status)
    change = quests.withdraw(quest, LATER)
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
