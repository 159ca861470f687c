"""Two publishers at once, quests that come and go, any order of the calls: what is withdrawn stays withdrawn."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from services.core import board_index
from services.core.documents import BOARD_CARDS, QuestDocument, html_key, is_public, quest_key
from services.core.domain.quests import Category, Quest, Status
from services.core.names import HOME_KEY
from services.core.stores.documents import DocumentStore
from services.core.stores.quests import StoredQuest
from services.core.sweeping import TimeSlice
from services.core.telemetry import Telemetry
from services.publisher.comparison import Comparison
from services.publisher.publication import Publisher
from tests.unit.services.boards import board_texts, every_card, left_behind
from tests.unit.services.bucket import Bucket

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
IDS = ("a", "b")
OTHERS = ("c", "d", "e")
"""Quests that stay open, so that with a bound of 4 the board is long with both of IDS and short without."""


class Table:
    """The quests as they stand; each change makes a new version."""

    def __init__(self) -> None:
        self.rows = {quest_id: self._row(quest_id, Status.OPEN, 1) for quest_id in (*IDS, *OTHERS)}

    def _row(self, quest_id: str, status: Status, version: int) -> StoredQuest:
        quest = Quest(
            quest_id=quest_id, title=f"Quest {quest_id}", category=Category.SOCIAL, reward_xp=100, reward_reputation=10,
            requestor_id="r", status=status, version=version, created_at=NOW, updated_at=NOW,
            expires_at=NOW + timedelta(days=30),
        )  # fmt: skip
        return StoredQuest(quest, "A description that is long enough.")

    def change(self, quest_id: str) -> None:
        """Withdraw the quest, or bring it back as a moderator or a restore does."""
        quest = self.rows[quest_id].quest
        status = Status.CANCELLED if is_public(quest) else Status.OPEN
        self.rows[quest_id] = self._row(quest_id, status, quest.version + 1)

    def described(self, quest_ids: Sequence[str]) -> list[StoredQuest]:
        return [self.rows[quest_id] for quest_id in quest_ids]

    def open_ids(self) -> Iterator[str]:
        yield from (quest_id for quest_id, row in self.rows.items() if row.quest.status is Status.OPEN)

    def ids(self, _after: str = "") -> Iterator[str]:
        yield from self.rows

    def get_many(self, _user_ids: Iterable[str]) -> list[Any]:
        return []


class Race:
    """A publisher in whose calls others come: a change of a quest, or a whole run of a second publisher."""

    def __init__(self, plan: dict[int, list[tuple[str, str]]], max_cards: int) -> None:
        self.table, self.bucket, self.plan = Table(), Bucket(), plan
        self.calls, self.inside, self.now = 0, False, NOW
        self.gone: set[str] = set()
        """Quests whose withdrawal was published and that nobody brought back."""
        self.shown_again: list[str] = []
        self.bucket.before = self._before
        table: Any = self.table
        client: Any = self.bucket
        store = DocumentStore(client, "site", sleep=lambda _: None)
        log = Telemetry("race", "unit", "CRITICAL").log
        self.publisher = Publisher(table, table, store, "https://quests.example", log, workers=1, max_cards=max_cards)

    def _before(self, operation: str, key: str) -> None:
        if not self.inside:
            self.calls += 1
            for what, quest_id in self.plan.get(self.calls, []):
                self._do(what, quest_id)
        self._watch()
        del operation, key

    def _do(self, what: str, quest_id: str) -> None:
        if what == "change":
            self.table.change(quest_id)
            if is_public(self.table.rows[quest_id].quest):
                self.gone.discard(quest_id)
            return
        self.inside = True
        self.publish([quest_id])
        self.inside = False

    def publish(self, quest_ids: Sequence[str]) -> None:
        """A run; a withdrawal that it began after is published when it ends."""
        began_with = {quest_id: self.table.rows[quest_id].quest for quest_id in quest_ids}
        self.now += timedelta(milliseconds=1)
        self.publisher.publish(quest_ids, self.now)
        stayed = {id_ for id_, quest in began_with.items() if quest is self.table.rows[id_].quest}
        self.gone |= {quest_id for quest_id in stayed if not is_public(began_with[quest_id])}
        self._watch()

    def _watch(self) -> None:
        objects = self.bucket.objects
        for quest_id in self.gone:
            texts = [objects.get(key(quest_id), b"") for key in (quest_key, html_key)]
            texts += [*board_texts(objects), objects.get(HOME_KEY, b"")]
            if any(f"Quest {quest_id}".encode() in text for text in texts):
                self.shown_again.append(quest_id)


BOUNDS = st.sampled_from((4, BOARD_CARDS))
Steps = st.lists(st.tuples(st.sampled_from(("change", "publish")), st.sampled_from(IDS)), min_size=1, max_size=4)


@settings(max_examples=300, deadline=None)
@given(plan=st.dictionaries(st.integers(1, 60), Steps, max_size=12), runs=st.integers(1, 3), max_cards=BOUNDS)
def test_whatever_meets_documents_equal_the_table_and_nothing_withdrawn_is_shown_again(
    plan: dict[int, list[tuple[str, str]]], runs: int, max_cards: int
) -> None:
    with patch.multiple(board_index, CARDS=1, POSTINGS=4):
        _play(Race(plan, max_cards), runs)


def _play(race: Race, runs: int) -> None:
    for _ in range(runs):
        race.publish(IDS)
    race.plan = {}
    race.publish(IDS)  # the events of the last changes
    assert race.shown_again == []
    public = {id_: row.quest.version for id_, row in race.table.rows.items() if is_public(row.quest)}
    for chore in Comparison(race.publisher).chores():
        chore(race.now, TimeSlice(race.now))
    assert {card.quest_id: card.version for card in every_card(race.bucket.objects)} == public
    assert left_behind(race.bucket.objects) == set()
    for quest_id in IDS:
        body = race.bucket.objects.get(quest_key(quest_id))
        assert (QuestDocument.model_validate_json(body).version if body else None) == public.get(quest_id)
        assert (html_key(quest_id) in race.bucket.objects) is (quest_id in public)
