"""The turn in a quest, as docs/domain.md has it: a table of statuses, circumstances and moments, written by hand."""

from datetime import datetime, timedelta

import pytest

from services.core.domain import quests
from services.core.domain.quests import Action, Actor, Allowed, ChangeRequest, Quest, allowed, turn
from tests.unit.services.cloud import ANNA, BEN, CLAIM_PERIOD, LIFETIME, NOW, REASON, SILENCE
from tests.unit.services.core.domain.test_quests import JUDGE, STATEMENT, member, quest_in
from tests.unit.services.invariants import FINAL, check_turn

DAY = timedelta(days=1)
DEADLINE = NOW + CLAIM_PERIOD
MOMENTS = {
    "at once": NOW,
    "before the statement's end": NOW + STATEMENT - timedelta(milliseconds=1),
    "at the statement's end": NOW + STATEMENT,
    "before silence": NOW + SILENCE - timedelta(milliseconds=1),
    "at silence": NOW + SILENCE,
    "before the deadline": DEADLINE - timedelta(milliseconds=1),
    "at the deadline": DEADLINE,
    "after the grace": DEADLINE + 8 * DAY,
    "after its life": NOW + LIFETIME + DAY,
}

# Status and circumstances: who must act on what, since when, until when; at any moment, or before and from one on.
Expected = tuple[str, tuple[str, ...], datetime, datetime | None] | None
MODS = ("moderators",)
OPEN_TURN: dict[str, tuple[Quest, Expected]] = {
    "nobody has asked": (quest_in("OPEN"), None),
    "a question waits": (
        quest_in("OPEN").model_copy(update={"asked_at": NOW}),
        ("answer", (ANNA,), NOW, NOW + LIFETIME),
    ),
    "hidden": (quest_in("OPEN", hidden_at=NOW), ("review", MODS, NOW, None)),
    "hidden with a question": (
        quest_in("OPEN", hidden_at=NOW).model_copy(update={"asked_at": NOW}),
        ("review", MODS, NOW, None),
    ),
}
OTHERS: dict[str, tuple[Quest, datetime | None, Expected, Expected]] = {
    "claimed": (
        quest_in("CLAIMED"),
        DEADLINE,
        ("hand-in", (BEN,), NOW, DEADLINE),
        ("overdue", (ANNA, BEN), DEADLINE, DEADLINE + 7 * DAY),
    ),
    "changes wanted": (
        quest_in("CLAIMED").model_copy(
            update={"claimed_at": NOW - DAY, "change_requests": [ChangeRequest(reason=REASON, requested_at=NOW)]}
        ),
        DEADLINE,
        ("hand-in", (BEN,), NOW, DEADLINE),
        ("overdue", (ANNA, BEN), DEADLINE, DEADLINE + 7 * DAY),
    ),
    "claimed and hidden": (quest_in("CLAIMED", hidden_at=NOW), None, ("review", MODS, NOW, None), None),
    "handed in": (quest_in("SUBMITTED"), None, ("confirm", (ANNA,), NOW, NOW + SILENCE), None),
    "handed in and hidden": (quest_in("SUBMITTED", hidden_at=NOW), None, ("review", MODS, NOW, None), None),
    "handed in to an earlier release": (
        quest_in("SUBMITTED").model_copy(update={"attestations": [], "silence_at": None}),
        None,
        ("confirm", (ANNA, BEN), NOW, NOW + timedelta(days=7)),
        None,
    ),
    "disputed by the performer": (
        quest_in("DISPUTED", raised_by=BEN),
        NOW + STATEMENT,
        ("state", (ANNA,), NOW, NOW + STATEMENT),
        ("decide", MODS, NOW + STATEMENT, None),
    ),
    "disputed by the requestor": (
        quest_in("DISPUTED", raised_by=ANNA),
        NOW + STATEMENT,
        ("state", (BEN,), NOW, NOW + STATEMENT),
        ("decide", MODS, NOW + STATEMENT, None),
    ),
    "both have spoken": (quest_in("DISPUTED", stated=True), None, ("decide", MODS, NOW, None), None),
    "disputed and hidden": (quest_in("DISPUTED", hidden_at=NOW), None, ("review", MODS, NOW, None), None),
    **{status: (quest_in(status), None, None, None) for status in sorted(FINAL)},
}


def as_told(quest: Quest, now: datetime) -> Expected:
    found = turn(quest, now)
    if found is None:
        return None
    return found.task.value, found.members or (MODS if found.moderators else ()), found.since, found.until


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", OPEN_TURN)
def test_whose_turn_it_is_while_open(name: str, moment: str) -> None:
    quest, expected = OPEN_TURN[name]
    assert as_told(quest, MOMENTS[moment]) == expected
    check_turn(quest, MOMENTS[moment])


@pytest.mark.parametrize("moment", MOMENTS)
@pytest.mark.parametrize("name", OTHERS)
def test_whose_turn_it_is(name: str, moment: str) -> None:
    quest, changes, before, after = OTHERS[name]
    now = MOMENTS[moment]
    assert as_told(quest, now) == (before if changes is None or now < changes else after)
    check_turn(quest, now)


def test_the_performer_has_new_work_from_a_decision_on() -> None:
    decided = quest_in("DISPUTED", stated=True).dispute
    assert decided
    quest = quest_in("CLAIMED").model_copy(
        update={"dispute": decided.model_copy(update={"decided_at": NOW + DAY, "outcome": "CLAIMED"})}
    )
    assert as_told(quest, NOW + 2 * DAY) == ("hand-in", (BEN,), NOW + DAY, DEADLINE)


DOES = {
    "answer": Action.EDIT,  # an answer is a message, which the requestor of an OPEN quest may write as they may edit it
    "hand-in": Action.SUBMIT,
    "overdue": Action.RELEASE,
    "confirm": Action.ATTEST,
    "state": Action.STATE,
    "decide": Action.RESOLVE,
    "review": Action.UNHIDE,
}
ALL = {name: row[0] for table in (OPEN_TURN, OTHERS) for name, row in table.items()}


def may(quest: Quest, actor: Actor, action: Action, now: datetime) -> bool:
    return allowed(quest, actor, now)[action] == Allowed()


@pytest.mark.parametrize("name", ALL)
def test_silence_ends_every_quest_or_leaves_somebody_who_can_act(name: str) -> None:
    """A day at a time, with housekeeping's steps as they come and not a word from anybody, beyond every deadline."""
    quest = ALL[name]
    for days in range(LIFETIME.days + 2):
        now = NOW + days * DAY
        for chore in (quests.release_overdue, quests.confirm_silence, quests.expire):
            quest = chore(quest, now).quest
        if quest.status.value in FINAL:
            return
        found = turn(quest, now)
        if found is None:
            assert may(quest, member("anybody"), Action.CLAIM, now)
            continue
        judges = [JUDGE] if found.moderators else []
        actors = [*map(member, found.members), *judges]
        assert actors
        assert all(may(quest, actor, DOES[found.task], now) for actor in actors), (days, found)
    assert quest.status.value == "DISPUTED" or quest.hidden_at, "only what waits for moderators stays that long"
