import contextlib
from datetime import datetime
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from services.core.domain import quests
from services.core.domain.ledger import Entry, State
from services.core.domain.quests import Actor, Change, NotAllowedError, Quest
from services.core.domain.users import User
from services.core.stores.quests import QuestConflictError
from tests.unit.services.cloud import CLAIM_PERIOD, Cloud, moto_stage
from tests.unit.services.lifecycle import MEMBERS, Lifecycle


class Tables:
    """Books in DynamoDB, through the stores; read again after each write."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self._read: tuple[dict[str, User], dict[str, Quest], list[Entry]] | None = None

    def _now(self) -> tuple[dict[str, User], dict[str, Quest], list[Entry]]:
        if self._read is None:
            self._read = self.cloud.all_users(), self.cloud.all_quests(), self.cloud.all_entries()
        return self._read

    def users(self) -> dict[str, User]:
        return self._now()[0]

    def quests(self) -> dict[str, Quest]:
        return self._now()[1]

    def entries(self) -> list[Entry]:
        return self._now()[2]

    def join(self, user_id: str, now: datetime) -> None:
        self._read = None
        self.cloud.users.ensure(user_id, now)
        self.cloud.users.ensure(user_id, now)

    def create(self, change: Change) -> None:
        self._read = None
        self.cloud.quests.create(change)

    def save(self, before: Quest, change: Change) -> None:
        self._read = None
        self.cloud.quests.save(before, change)

    def pay(self, entry: Entry, now: datetime) -> bool:
        self._read = None
        return self.cloud.ledger.pay(entry, now)

    def set_aside_and_bring_back(self, entry: Entry, now: datetime) -> None:
        self._read = None
        ledger = self.cloud.ledger
        if entry.state is State.PENDING:
            assert ledger.mark_held(entry)
            assert ledger.fail(entry.user_id, entry.entry_id)
            assert not ledger.pay(entry, now)
            assert ledger.retry(entry.user_id, entry.entry_id)
        else:
            assert not ledger.retry(entry.user_id, entry.entry_id)


class OnTables(Lifecycle):
    def __init__(self) -> None:
        super().__init__()
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(patch("time.sleep"))
        self.books = self.tables = Tables(self._stack.enter_context(moto_stage()))

    def teardown(self) -> None:
        self._stack.close()

    @precondition(lambda self: any(model.status == "OPEN" for model in self.models.values()))
    @rule(who=st.permutations(MEMBERS))
    def race_for_a_claim(self, who: list[str]) -> None:
        """Two members claim what both read as open."""
        quest_id = next(key for key, model in self.models.items() if model.status == "OPEN")
        quest, model = self.books.quests()[quest_id], self.models[quest_id]
        won = False
        for member in who[:2]:
            try:
                self.books.save(quest, quests.claim(quest, Actor(member), self.now, CLAIM_PERIOD))
            except NotAllowedError:
                assert member == model.requestor or self.now >= model.expires
            except QuestConflictError:
                assert won
            else:
                assert not won
                won = True
                model.follow("claim", member, "", self.now)

    @rule()
    def set_aside_and_bring_back(self) -> None:
        """An entry that is held or given up is no less owed."""
        for entry in self.books.entries():
            self.tables.set_aside_and_bring_back(entry, self.now)


TestLifecycle = OnTables.TestCase
TestLifecycle.settings = settings(max_examples=6, stateful_step_count=20)
