"""A state machine of quests and ledger, compared after every step with a model of a few lines.

It runs on values alone (`core/domain/test_lifecycle.py`) and on the stores (`core/stores/test_lifecycle.py`).
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from services.core.domain import ledger, quests
from services.core.domain.ledger import Entry, State
from services.core.domain.quests import Actor, Change, Edit, NotAllowedError, Outcome, Quest
from services.core.domain.users import User
from services.core.stores.users import InsufficientPointsError
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
from tests.unit.services.core.domain.permissions import ACTIONS, Circumstances, expected
from tests.unit.services.invariants import check_all, check_step

MEMBERS = (ANNA, BEN, CARA, MODERATOR)
SUBMISSION = "The sofa is upstairs."


class Books(Protocol):
    """Where quests, entries and members are kept."""

    def users(self) -> dict[str, User]: ...  # said by its name
    def quests(self) -> dict[str, Quest]: ...
    def entries(self) -> list[Entry]: ...
    def join(self, user_id: str, now: datetime) -> None: ...
    def create(self, change: Change) -> None: ...
    def save(self, before: Quest, change: Change) -> None: ...
    def pay(self, entry: Entry, now: datetime) -> bool: ...


@dataclass
class Model:
    """What DOMAIN.md says of one quest, in as few words as possible."""

    requestor: str
    expires: datetime
    status: str = "OPEN"
    performer: str | None = None
    attested: set[str] = field(default_factory=set)
    changes: int = 0
    deadline: datetime | None = None
    raiser: str | None = None
    released_by: str | None = None
    handed_in: bool = False
    decision: tuple[str, str] | None = None

    def person(self, who: str) -> str:
        """Who this member is to the quest."""
        role = {self.requestor: "requestor", self.performer: "performer"}.get(who)
        if who != MODERATOR:
            return role or "stranger"
        return f"moderating-{role}" if role else "moderator"

    def expected(self, action: str, who: str, now: datetime, *, feature: bool) -> str | None:
        """The denial's code, or None."""
        passed = self.deadline is not None and now >= self.deadline
        circumstances = Circumstances(who in self.attested, passed, now >= self.expires, self.changes, feature)
        return expected(action, self.person(who), self.status, circumstances)

    def repeats(self, action: str, who: str, outcome: str) -> bool:
        """Whether this member did just that, and it still stands."""
        return {
            "claim": who == self.performer,
            "cancel": self.status == "CANCELLED" and who == self.requestor and self.raiser is None,
            "release": self.status == "OPEN" and who == self.released_by,
            "submit": who == self.performer and self.handed_in and self.status != "CLAIMED",
            "request-changes": self.status == "CLAIMED" and who == self.requestor and self.changes > 0,
            "attest": who in self.attested and self.status in ("SUBMITTED", "COMPLETE"),
            "dispute": self.status == "DISPUTED" and who == self.raiser,
            "resolve": self.decision == (who, outcome),
        }.get(action, False)

    def reopen(self, released_by: str | None) -> None:
        """Nothing of the performer stays."""
        self.status, self.performer, self.deadline, self.released_by = "OPEN", None, None, released_by
        self.changes, self.raiser, self.decision, self.handed_in = 0, None, None, False
        self.attested = set()

    def follow(self, action: str, who: str, outcome: str, now: datetime) -> None:  # noqa: C901  # one case an action
        """What an allowed action makes of the quest."""
        match action:
            case "cancel":
                self.status = "CANCELLED"
            case "claim":
                self.status, self.performer, self.deadline = "CLAIMED", who, now + timedelta(days=14)
                self.released_by = None
            case "release":
                self.reopen(who)
            case "submit":
                self.status, self.handed_in, self.attested = "SUBMITTED", True, set()
            case "request-changes":
                assert self.deadline
                self.status, self.attested, self.changes = "CLAIMED", set(), self.changes + 1
                self.deadline = max(self.deadline, now + timedelta(days=7))
            case "attest":
                self.attested.add(who)
                self.status = "COMPLETE" if len(self.attested) == 2 else "SUBMITTED"
            case "dispute":
                self.status, self.raiser, self.decision = "DISPUTED", who, None
            case "resolve":
                self.status, self.decision = outcome, (who, outcome)
                if outcome == "CLAIMED":
                    self.attested, self.deadline = set(), now + timedelta(days=14)
                if outcome == "CANCELLED":
                    self.performer, self.released_by = None, self.performer


class Lifecycle(RuleBasedStateMachine):
    """Members do what they like, allowed or not; housekeeping and payment come when they like."""

    books: Books

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.models: dict[str, Model] = {}
        self.seen: dict[str, Quest] = {}

    @initialize()
    def join(self) -> None:
        for user_id in MEMBERS:
            self.books.join(user_id, self.now)

    @rule(who=st.sampled_from(MEMBERS[:2]))
    def create(self, who: str) -> None:
        quest_id = f"q{len(self.models)}"
        points = self.books.users()[who].points
        change = quests.create(DRAFT, who, quest_id, self.now, LIFETIME)
        try:
            self.books.create(change)
        except InsufficientPointsError:
            assert points == 0
        else:
            assert points >= 1
            self.models[quest_id] = Model(who, self.now + timedelta(days=30))

    @precondition(lambda self: self.models)
    @rule(
        number=st.integers(min_value=0),
        who=st.sampled_from(MEMBERS),
        action=st.sampled_from(ACTIONS),
        outcome=st.sampled_from(Outcome),
        feature=st.sampled_from((True, True, False)),
    )
    def wish(self, number: int, who: str, action: str, outcome: Outcome, feature: bool) -> None:
        self._act(number, who, action, outcome, feature=feature)

    @precondition(lambda self: self.models)
    @rule(number=st.integers(min_value=0), choice=st.integers(min_value=0), outcome=st.sampled_from(Outcome))
    def allowed_wish(self, number: int, choice: int, outcome: Outcome) -> None:
        """Leads deeper than wishes at random do."""
        model = list(self.models.values())[number % len(self.models)]
        possible = [
            (action, who)
            for action in ACTIONS
            for who in MEMBERS
            if action not in ("cancel", "edit") and model.expected(action, who, self.now, feature=True) is None
        ]
        if possible:
            action, who = possible[choice % len(possible)]
            self._act(number, who, action, outcome, feature=True)

    def _act(self, number: int, who: str, action: str, outcome: Outcome, *, feature: bool) -> None:
        quest_id = list(self.models)[number % len(self.models)]
        model, quest = self.models[quest_id], self.books.quests()[quest_id]
        groups = frozenset({"moderators"} if who == MODERATOR else ())
        actor = Actor(who, groups, frozenset({"disputes"} if feature else ()))
        denial = model.expected(action, who, self.now, feature=feature)
        if model.repeats(action, who, outcome):
            assert self._step(action, quest, actor, outcome) == Change(quest)
        elif denial:
            with pytest.raises(NotAllowedError) as denied:
                self._step(action, quest, actor, outcome)
            assert denied.value.code == denial
        else:
            self.books.save(quest, self._step(action, quest, actor, outcome))
            if action == "edit":
                model.status = "OPEN"
            model.follow(action, who, outcome, self.now)

    def _step(self, action: str, quest: Quest, actor: Actor, outcome: Outcome) -> Change:
        now, current = self.now, SUBMISSION if self.models[quest.quest_id].handed_in else None
        steps: dict[str, Any] = {
            "edit": lambda: quests.edit(quest, DESCRIPTION, actor, Edit(reward_xp=quest.reward_xp + 1), now),
            "cancel": lambda: quests.cancel(quest, actor, now),
            "claim": lambda: quests.claim(quest, actor, now, CLAIM_PERIOD),
            "release": lambda: quests.release(quest, actor, now),
            "submit": lambda: quests.submit(quest, current, actor, SUBMISSION, now),
            "request-changes": lambda: quests.request_changes(quest, actor, REASON, now),
            "attest": lambda: quests.attest(quest, actor, None, now),
            "dispute": lambda: quests.dispute(quest, actor, REASON, now),
            "resolve": lambda: quests.resolve(quest, actor, outcome, REASON, now, CLAIM_PERIOD),
        }
        change: Change = steps[action]()
        return change

    @rule(days=st.sampled_from((1, 7, 15)))
    def wait(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule()
    def keep_house(self) -> None:
        for quest_id, quest in self.books.quests().items():
            model = self.models[quest_id]
            expired = quests.expire(quest, self.now)
            overdue = quests.release_overdue(quest, self.now)
            if model.status == "OPEN" and self.now >= model.expires:
                model.status = "EXPIRED"
                self.books.save(quest, expired)
                assert overdue.quest is quest
            elif model.status == "CLAIMED" and model.deadline and self.now >= model.deadline + timedelta(days=7):
                model.reopen(None)
                self.books.save(quest, overdue)
                assert expired.quest is quest
            else:
                assert expired.quest is quest
                assert overdue.quest is quest

    @rule()
    def pay(self) -> None:
        for entry in self.books.entries():
            assert self.books.pay(entry, self.now) == (entry.state is not State.POSTED)
            assert not self.books.pay(entry, self.now)

    @invariant()
    def follows_the_model(self) -> None:
        found = self.books.quests()
        assert set(found) == set(self.models)
        for quest_id, model in self.models.items():
            quest = found[quest_id]
            assert (quest.status, quest.performer_id, quest.claim_deadline) == (
                model.status,
                model.performer,
                model.deadline if model.status != "OPEN" else None,
            )
            if model.status != "DISPUTED":
                assert {a.user_id for a in quest.attestations} == model.attested

    @invariant()
    def invariants_hold(self) -> None:
        found = self.books.quests()
        for quest_id, quest in found.items():
            if quest_id in self.seen:
                check_step(self.seen[quest_id], quest)
        self.seen = found
        if self.books.users():
            check_all(self.books.users(), found, self.books.entries())


def folded(user_id: str, entries: list[Entry], now: datetime) -> User:
    """The member's row as the ledger has it."""
    totals = ledger.fold(entry for entry in entries if entry.user_id == user_id)
    return User(user_id=user_id, **totals._asdict(), created_at=now, updated_at=now)
