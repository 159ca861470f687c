from datetime import datetime

from hypothesis import settings

from services.core.domain import ledger
from services.core.domain.ledger import Entry, State
from services.core.domain.quests import Change, Quest
from services.core.domain.users import User
from services.core.stores.users import InsufficientPointsError
from tests.unit.services.cloud import NOW
from tests.unit.services.lifecycle import Lifecycle, folded


class Memory:
    """Books without a table."""

    def __init__(self) -> None:
        self._members: list[str] = []
        self._quests: dict[str, Quest] = {}
        self._entries: dict[tuple[str, str], Entry] = {}

    def users(self) -> dict[str, User]:
        return {member: folded(member, self.entries(), NOW) for member in self._members}

    def quests(self) -> dict[str, Quest]:
        return dict(self._quests)

    def entries(self) -> list[Entry]:
        return list(self._entries.values())

    def join(self, user_id: str, now: datetime) -> None:
        self._members.append(user_id)
        self._book(ledger.welcome(user_id, now))

    def create(self, change: Change) -> None:
        if self.users()[change.quest.requestor_id].points < 1:
            raise InsufficientPointsError
        self._put(change)

    def save(self, before: Quest, change: Change) -> None:
        assert self._quests[before.quest_id] == before
        self._put(change)

    def pay(self, entry: Entry, now: datetime) -> bool:
        stored = self._entries[entry.user_id, entry.entry_id]
        if stored.state not in ledger.UNPAID:
            return False
        self._entries[entry.user_id, entry.entry_id] = stored.model_copy(
            update={"state": State.POSTED, "posted_at": now}
        )
        return True

    def _put(self, change: Change) -> None:
        self._quests[change.quest.quest_id] = change.quest
        for entry in change.entries:
            self._book(entry)

    def _book(self, entry: Entry) -> None:
        assert (entry.user_id, entry.entry_id) not in self._entries
        self._entries[entry.user_id, entry.entry_id] = entry


class OnValues(Lifecycle):
    def __init__(self) -> None:
        super().__init__()
        self.books = Memory()


TestLifecycle = OnValues.TestCase
TestLifecycle.settings = settings(max_examples=60, stateful_step_count=40)
