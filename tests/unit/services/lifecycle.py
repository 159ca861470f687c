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
    SILENCE,
)
from tests.unit.services.core.domain.permissions import ACTIONS, Circumstances, expected
from tests.unit.services.invariants import check_all, check_step, check_turn

MEMBERS = (ANNA, BEN, CARA, MODERATOR)
SUBMISSION = "The sofa is upstairs."


class Books(Protocol):
    """The store of quests, entries and members."""

    def users(self) -> dict[str, User]: ...  # said by its name
    def quests(self) -> dict[str, Quest]: ...
    def entries(self) -> list[Entry]: ...
    def join(self, user_id: str, now: datetime) -> None: ...
    def create(self, change: Change) -> None: ...
    def save(self, before: Quest, change: Change) -> None: ...
    def pay(self, entry: Entry, now: datetime) -> bool: ...


@dataclass
class Model:
    """One quest by docs/domain.md, in as few words as possible."""

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
    former: dict[str, datetime] = field(default_factory=dict)
    stated: bool = False
    heard: datetime | None = None
    silence: datetime | None = None
    hidden: datetime | None = None
    withdrawn: bool = False

    def clock(self, now: datetime) -> datetime:
        """The time that counts."""
        return self.hidden or now

    def person(self, who: str, now: datetime) -> str:
        """The part of this member in the quest."""
        role = {self.requestor: "requestor", self.performer: "performer"}.get(who)
        recently = who in self.former and now < self.former[who] + timedelta(days=1)
        if role is None and who in self.former and (recently or who == MODERATOR):
            role = "former"
        if who != MODERATOR:
            return role or "stranger"
        return f"moderating-{role}" if role else "moderator"

    def expected(self, action: str, who: str, now: datetime, *, feature: bool) -> str | None:
        """The denial's code, or None."""
        clock = self.clock(now)
        circumstances = Circumstances(
            attested=who in self.attested,
            deadline_passed=self.deadline is not None and clock >= self.deadline,
            expired=now >= self.expires,
            changes=self.changes,
            feature=feature,
            hidden=self.hidden is not None,
            raised=who == self.raiser,
            stated=self.stated,
            heard=self.heard is not None and clock >= self.heard,
        )
        person = self.person(who, now)
        if person == "moderating-former" and action not in ("resolve", "hide", "unhide"):
            person = "former" if now < self.former[who] + timedelta(days=1) else "stranger"
        return expected(action, person, self.status, circumstances)

    def repeats(self, action: str, who: str, outcome: str) -> bool:
        """True if this member did just that, and it still stands."""
        return {
            "claim": who == self.performer,
            "cancel": self.status == "CANCELLED" and who == self.requestor and self.released_by is None,
            "withdraw": self.status == "CANCELLED" and who == self.requestor and self.withdrawn,
            "release": self.status == "OPEN" and who == self.released_by,
            "submit": who == self.performer and self.handed_in and self.status != "CLAIMED",
            "request-changes": self.status == "CLAIMED" and who == self.requestor and self.changes > 0,
            "attest": who in self.attested and self.status in ("SUBMITTED", "COMPLETE"),
            "dispute": self.status == "DISPUTED" and who == self.raiser,
            "state": self.stated and who != self.raiser and who in (self.requestor, self.performer),
            "resolve": self.decision == (who, outcome),
            "hide": self.hidden is not None
            and who == MODERATOR
            and who not in (self.requestor, self.performer, *self.former),
        }.get(action, False)

    def leave(self, now: datetime) -> None:
        """The performer is one no more."""
        assert self.performer
        self.former[self.performer] = now
        self.performer = None

    def reopen(self, released_by: str | None, now: datetime) -> None:
        """Nothing of the performer stays but that they were one."""
        self.leave(now)
        self.status, self.deadline, self.released_by, self.silence = "OPEN", None, released_by, None
        self.changes, self.raiser, self.decision, self.handed_in, self.stated = 0, None, None, False, False
        self.attested = set()

    def complete(self) -> None:
        """Nothing is to come but the reward."""
        self.status, self.silence = "COMPLETE", None

    def cancel_under(self, now: datetime) -> None:
        """The performer loses the quest, and may read why."""
        self.status, self.released_by, self.silence = "CANCELLED", self.performer, None
        self.leave(now)

    def follow(self, action: str, who: str, outcome: str, now: datetime) -> None:  # noqa: C901  # one case an action
        """Applies an allowed action to the quest."""
        match action:
            case "cancel":
                self.status, self.released_by = "CANCELLED", None
            case "claim":
                self.status, self.performer, self.deadline = "CLAIMED", who, now + timedelta(days=14)
                self.released_by = None
            case "release":
                self.reopen(who, now)
            case "withdraw":
                self.cancel_under(now)
                self.withdrawn = True
            case "submit":
                self.status, self.handed_in, self.attested = "SUBMITTED", True, {who}
                self.silence = now + timedelta(days=7)
            case "request-changes":
                assert self.deadline
                self.status, self.attested, self.changes, self.silence = "CLAIMED", set(), self.changes + 1, None
                self.deadline = max(self.deadline, now + timedelta(days=7))
            case "attest":
                self.attested.add(who)
                self.complete()
            case "dispute":
                self.status, self.raiser, self.decision, self.stated = "DISPUTED", who, None, False
                self.heard, self.silence = self.clock(now) + timedelta(days=3), None
            case "state":
                self.stated = True
            case "resolve":
                self.decision = (who, outcome)
                if outcome == "COMPLETE":
                    self.complete()
                if outcome == "CLAIMED":
                    self.status, self.attested, self.deadline = "CLAIMED", set(), self.clock(now) + timedelta(days=14)
                if outcome == "CANCELLED":
                    self.cancel_under(now)
            case "hide":
                self.hidden = now
            case "unhide":
                assert self.hidden
                stood, self.hidden = now - self.hidden, None
                if self.status in ("COMPLETE", "CANCELLED", "EXPIRED"):
                    return
                self.expires += stood
                for name in ("deadline", "silence", "heard"):
                    moment = getattr(self, name)
                    setattr(self, name, moment + stood if moment else None)


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
            "edit": lambda: quests.edit(
                quest, DESCRIPTION, actor, Edit(reward_reputation=quest.reward_reputation + 1), now, LIFETIME
            ),
            "cancel": lambda: quests.cancel(quest, actor, now),
            "claim": lambda: quests.claim(quest, actor, now, CLAIM_PERIOD),
            "release": lambda: quests.release(quest, actor, REASON, now),
            "withdraw": lambda: quests.withdraw(quest, actor, REASON, now),
            "submit": lambda: quests.submit(quest, current, actor, SUBMISSION, now, SILENCE),
            "request-changes": lambda: quests.request_changes(quest, actor, REASON, now),
            "attest": lambda: quests.attest(quest, actor, None, now),
            "dispute": lambda: quests.dispute(quest, actor, REASON, now),
            "state": lambda: quests.state(quest, actor, REASON, now),
            "hide": lambda: quests.hide(quest, actor, REASON, now),
            "unhide": lambda: quests.unhide(quest, actor, now),
            "resolve": lambda: quests.resolve(quest, actor, outcome, REASON, now, CLAIM_PERIOD),
        }
        change: Change = steps[action]()
        return change

    @rule(days=st.sampled_from((1, 7, 15)))
    def wait(self, days: int) -> None:
        self.now += timedelta(days=days)

    @rule()
    def keep_house(self) -> None:
        chores = {"OPEN": quests.expire, "CLAIMED": quests.release_overdue, "SUBMITTED": quests.confirm_silence}
        for quest_id, quest in self.books.quests().items():
            model = self.models[quest_id]
            due = {
                "OPEN": model.expires,
                "CLAIMED": model.deadline and model.deadline + timedelta(days=7),
                "SUBMITTED": model.silence,
            }.get(model.status)
            passed = due is not None and self.now >= due and not model.hidden
            changes = {status: chore(quest, self.now) for status, chore in chores.items()}
            for status, change in changes.items():
                assert (change.quest is not quest) == (passed and status == model.status)
            if not passed:
                continue
            self.books.save(quest, changes[model.status])
            if model.status == "OPEN":
                model.status = "EXPIRED"
            elif model.status == "CLAIMED":
                model.reopen(None, self.now)
            else:
                model.attested.add(model.requestor)
                model.complete()

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
            assert (quest.silence_at, quest.hidden_at, quest.expires_at) == (model.silence, model.hidden, model.expires)
            assert {former.user_id: former.at for former in quest.former} == model.former
            if model.status != "DISPUTED":
                assert {a.user_id for a in quest.attestations} == model.attested

    @invariant()
    def invariants_hold(self) -> None:
        found = self.books.quests()
        for quest_id, quest in found.items():
            check_turn(quest, self.now)
            if quest_id in self.seen:
                check_step(self.seen[quest_id], quest)
        self.seen = found
        if self.books.users():
            check_all(self.books.users(), found, self.books.entries())


def folded(user_id: str, entries: list[Entry], now: datetime) -> User:
    """The member's row as the ledger has it."""
    totals = ledger.sum_entries(entry for entry in entries if entry.user_id == user_id)
    return User(user_id=user_id, **totals._asdict(), created_at=now, updated_at=now)
