"""The publisher: whatever is brought, how often and in which order, documents say what the tables say."""

import io
import json
import time
from collections.abc import Mapping
from contextlib import redirect_stdout
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import time_machine

from services.core import aws, board_index
from services.core.board_index import ORDERS, page_names
from services.core.documents import Board, QuestDocument, board_page_key, html_key, quest_key
from services.core.domain.users import Profile
from services.core.names import BOARD_KEY, HOME_KEY
from services.core.stores.dynamo import encode_item
from services.core.sweeping import RESERVE
from services.publisher.publication import DRIFT_GRACE
from tests.unit.services.boards import every_card, left_behind
from tests.unit.services.bucket import Bucket, refused
from tests.unit.services.cloud import ANNA, BEN, CONTEXT, DESCRIPTION, Api, Cloud, CrashError, lost_request

URL = "https://quests.example"


class Publisher:
    """The handler after a cold start, beside an API that makes quests."""

    def __init__(self, cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
        self.cloud, self.api, self.bucket, self.context = cloud, Api(cloud), Bucket(), CONTEXT
        self.queue = cloud.queue("publisher-dlq")
        monkeypatch.setattr(aws, "s3", lambda: self.bucket)
        self.module = cloud.handler(
            "publisher",
            monkeypatch,
            site_bucket="site",
            site_url=URL,
            publisher_workers="1",
            publisher_dlq_url=self.queue,
        )
        for member in (ANNA, BEN):
            cloud.users.ensure(member, cloud.clock.now)
        cloud.users.edit(ANNA, Profile(display_name="Anna Müller"), cloud.clock.now)

    def __call__(self, event: Mapping[str, Any]) -> tuple[Any, dict[str, float]]:
        """The handler's answer, and the metrics."""
        out = io.StringIO()
        with redirect_stdout(out), time_machine.travel(self.cloud.clock.now, tick=False):
            answer = self.module.handler(event, self.context)
        lines = [json.loads(line) for line in out.getvalue().splitlines()]
        measured = [line for line in lines if "_aws" in line]
        names = [m["Name"] for line in measured for m in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]]
        return answer, {name: max(line[name][0] for line in measured if name in line) for name in names}

    def stream(self, *quest_ids: str, age: float = 1.0) -> tuple[Any, dict[str, float]]:
        """A batch of the stream that brings changes of these items."""
        records = [
            {
                "eventName": "MODIFY",
                "dynamodb": {
                    "SequenceNumber": str(number),
                    "Keys": encode_item({"questId": quest_id}),
                    "ApproximateCreationDateTime": self.cloud.clock.now.timestamp() - age,
                },
            }
            for number, quest_id in enumerate(quest_ids, start=1)
        ]
        return self({"Records": records})

    @property
    def board(self) -> Board:
        """The published board."""
        return Board.model_validate_json(self.bucket.objects[BOARD_KEY])

    @property
    def on_board(self) -> list[str]:
        """The quests on the published board."""
        return [card.quest_id for card in self.board.cards]

    def quest(self, quest_id: str) -> QuestDocument:
        """A quest's published document."""
        return QuestDocument.model_validate_json(self.bucket.objects[quest_key(quest_id)])

    def cancel(self, quest_id: str) -> None:
        """Withdraws a quest."""
        assert self.api.call("cancelQuest", ANNA, questId=quest_id).status == 200


@pytest.fixture
def publisher(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Publisher:
    return Publisher(cloud, monkeypatch)


def test_a_new_quest_is_on_the_board_on_its_page_and_at_home(publisher: Publisher) -> None:
    quest_id = publisher.api.create(title="Carry <b>sofas</b>")
    publisher.stream(quest_id, f"{quest_id}#description")
    (card,) = publisher.board.cards
    assert (card.quest_id, card.requestor_name, card.version) == (quest_id, "Anna Müller", 1)
    assert publisher.quest(quest_id).description == DESCRIPTION
    for key in (HOME_KEY, html_key(quest_id)):
        page = publisher.bucket.objects[key].decode()
        assert "Carry &lt;b&gt;sofas&lt;/b&gt;" in page
        assert "<b>" not in page


def test_a_step_is_published_and_leaves_the_board(publisher: Publisher) -> None:
    quest_id = publisher.api.create()
    publisher.stream(quest_id)
    assert publisher.api.call("claimQuest", BEN, questId=quest_id).status == 200
    publisher.stream(quest_id)
    assert publisher.on_board == []
    document = publisher.quest(quest_id)
    assert (document.status, document.performer_id, document.version) == ("CLAIMED", BEN, 2)
    assert "0 quests are open" in publisher.bucket.objects[HOME_KEY].decode()


def test_a_cancelled_quest_leaves_every_document(publisher: Publisher) -> None:
    stays, goes = publisher.api.create(), publisher.api.create()
    publisher.stream(stays, goes)
    publisher.cancel(goes)
    publisher.stream(goes)
    assert publisher.on_board == [stays]
    assert quest_key(goes) not in publisher.bucket.objects
    assert html_key(goes) not in publisher.bucket.objects
    assert not [key for key, body in publisher.bucket.objects.items() if goes in key or goes.encode() in body]


def test_events_again_and_out_of_order_change_nothing(publisher: Publisher) -> None:
    first, second = publisher.api.create(), publisher.api.create()
    publisher.cancel(first)
    publisher.stream(second, first)
    before, cards = dict(publisher.bucket.objects), publisher.board.cards
    for batch in ((first,), (second, second), (second, first), (first, f"{first}#description")):
        publisher.stream(*batch)
    assert publisher.board.cards == cards
    unstamped = {key for key in before if key not in (BOARD_KEY, HOME_KEY)}
    assert {key: publisher.bucket.objects[key] for key in unstamped} == {key: before[key] for key in unstamped}
    assert publisher.bucket.objects.keys() == before.keys()


def test_the_lag_is_that_of_the_oldest_change(publisher: Publisher) -> None:
    _, metrics = publisher.stream(publisher.api.create(), age=42.0)
    assert metrics["publication_lag_seconds"] == pytest.approx(42.0)


def test_in_an_outage_of_s3_the_batch_is_retried_whole(publisher: Publisher) -> None:
    quest_id = publisher.api.create()

    def slow_down(operation: str, _: str) -> None:
        raise refused(operation, "SlowDown", 503)

    publisher.bucket.before = slow_down
    answer, metrics = publisher.stream(quest_id, quest_id)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert "publication_lag_seconds" not in metrics
    publisher.bucket.before = lambda *_: None
    assert publisher.stream(quest_id, quest_id)[0] == {"batchItemFailures": []}
    assert publisher.on_board == [quest_id]


def test_in_an_outage_of_the_tables_the_batch_is_retried_whole(publisher: Publisher) -> None:
    quest_id = publisher.api.create()
    publisher.cloud.faults.on("BatchGetItem", lost_request, times=10)
    assert publisher.stream(quest_id)[0] == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert not publisher.bucket.objects


def test_an_invalid_quest_is_kept_for_the_operators_and_delays_nobody(publisher: Publisher) -> None:
    good, bad = publisher.api.create(), publisher.api.create()
    publisher.stream(good, bad)
    document = publisher.bucket.objects[quest_key(bad)]
    _spoil(publisher.cloud, bad)
    assert publisher.api.call("claimQuest", BEN, questId=good).status == 200
    assert publisher.stream(bad, good)[0] == {"batchItemFailures": []}
    assert publisher.cloud.messages(publisher.queue) == [{"questId": bad}]
    assert publisher.quest(good).status == "CLAIMED"
    assert publisher.bucket.objects[quest_key(bad)] == document, "what cannot be read stays as it was published"


def _spoil(cloud: Cloud, quest_id: str) -> None:
    cloud.dynamodb.update_item(
        TableName=cloud.quests_table,
        Key=encode_item({"questId": quest_id}),
        UpdateExpression="SET rewardXp = :many",
        ExpressionAttributeValues=encode_item({":many": "many"}),
    )


def test_a_missing_board_is_made_of_every_open_quest(publisher: Publisher) -> None:
    """Whoever reads it must not take a part of the quests for all of them."""
    ids = [publisher.api.create() for _ in range(3)]
    publisher.stream(ids[1])
    assert sorted(publisher.on_board) == sorted(ids)


def test_a_board_that_is_no_board_is_made_anew(publisher: Publisher) -> None:
    ids = [publisher.api.create() for _ in range(3)]
    publisher.stream(*ids)
    publisher.bucket.objects[BOARD_KEY] = b"{]"
    publisher.stream(ids[0])
    assert sorted(publisher.on_board) == sorted(ids)


def test_an_operator_publishes_single_quests(publisher: Publisher) -> None:
    good, bad = publisher.api.create(), publisher.api.create()
    _spoil(publisher.cloud, bad)
    assert publisher({"quests": [good, bad, "unknown"]})[0] == {"invalid": [bad]}
    assert quest_key(good) in publisher.bucket.objects


# --- the comparison ---


def sweep(publisher: Publisher) -> tuple[Any, dict[str, float]]:
    """The schedule's run, long after the last change."""
    publisher.cloud.clock.advance(seconds=DRIFT_GRACE.total_seconds() + 1)
    return publisher({"sweep": "publisher"})


def test_what_was_never_published_is_published_and_has_not_drifted(publisher: Publisher) -> None:
    ids = [publisher.api.create() for _ in range(3)]
    publisher.cancel(ids[0])
    answer, metrics = sweep(publisher)
    assert answer == {"quests": 3, "rewritten": 2, "drifted": 0, "finished": True}
    assert metrics["document_drift"] == 0
    assert sorted(publisher.on_board) == sorted(ids[1:])


def test_a_stage_without_quests_has_a_board_and_a_home(publisher: Publisher) -> None:
    sweep(publisher)
    assert publisher.on_board == []
    assert "0 quests are open" in publisher.bucket.objects[HOME_KEY].decode()


def test_where_all_is_as_it_should_be_nothing_is_written(publisher: Publisher) -> None:
    ids = [publisher.api.create() for _ in range(5)]
    publisher.cancel(ids[0])
    publisher.stream(*ids)
    writes = len(publisher.bucket.history)
    answer, metrics = sweep(publisher)
    assert (answer["rewritten"], metrics["document_drift"]) == (0, 0)
    assert len(publisher.bucket.history) == writes


def test_lost_changes_are_found_counted_and_made_good(publisher: Publisher) -> None:
    claimed, cancelled, fine = (publisher.api.create() for _ in range(3))
    publisher.stream(claimed, cancelled, fine)
    publisher.api.call("claimQuest", BEN, questId=claimed)
    publisher.cancel(cancelled)
    created = publisher.api.create()
    answer, metrics = sweep(publisher)
    assert (answer["rewritten"], metrics["document_drift"]) == (3, 3)
    assert sorted(publisher.on_board) == sorted([fine, created])
    assert publisher.quest(claimed).status == "CLAIMED"
    assert quest_key(cancelled) not in publisher.bucket.objects
    assert sweep(publisher)[1]["document_drift"] == 0


def test_a_change_of_this_moment_is_no_drift(publisher: Publisher) -> None:
    quest_id = publisher.api.create()
    publisher.stream(quest_id)
    publisher.cloud.clock.advance(hours=1)
    publisher.api.call("claimQuest", BEN, questId=quest_id)
    _, metrics = publisher({"sweep": "publisher"})
    assert metrics["document_drift"] == 0
    assert publisher.quest(quest_id).status == "CLAIMED"


def test_a_new_name_is_published_and_no_drift(publisher: Publisher) -> None:
    quest_id = publisher.api.create()
    publisher.stream(quest_id)
    publisher.cloud.users.edit(ANNA, Profile(display_name="Anna Schmidt"), publisher.cloud.clock.now)
    answer, metrics = sweep(publisher)
    assert (answer["rewritten"], metrics["document_drift"]) == (1, 0)
    assert publisher.quest(quest_id).requestor_name == publisher.board.cards[0].requestor_name == "Anna Schmidt"


def test_a_new_moderator_is_marked_and_no_drift(publisher: Publisher) -> None:
    quest_id = publisher.api.create()
    publisher.stream(quest_id)
    publisher.cloud.users.mark_moderator(ANNA, moderates=True)
    answer, metrics = sweep(publisher)
    assert (answer["rewritten"], metrics["document_drift"]) == (1, 0)
    assert publisher.quest(quest_id).requestor_moderator
    assert publisher.board.cards[0].requestor_moderator
    publisher.cloud.users.mark_moderator(ANNA, moderates=False)
    assert sweep(publisher)[0]["rewritten"] == 1
    assert publisher.quest(quest_id).requestor_moderator is None


@pytest.mark.parametrize("body", [b"", b"[]", b"{", None])
def test_a_quests_json_is_compared_by_what_it_says(publisher: Publisher, body: bytes | None) -> None:
    quest_id, fine = publisher.api.create(), publisher.api.create()
    publisher.stream(quest_id, fine)
    key = quest_key(quest_id)
    published = publisher.quest(quest_id)
    spoilt = published.model_copy(update={"title": "Mine"})
    publisher.bucket.objects[key] = spoilt.model_dump_json(by_alias=True).encode() if body is None else body
    answer, _ = sweep(publisher)
    assert answer["rewritten"] == 1
    assert publisher.quest(quest_id).title == published.title


def test_somebodys_hand_in_the_bucket_is_found(publisher: Publisher) -> None:
    quest_id = publisher.api.create()
    publisher.stream(quest_id)
    published = dict(publisher.bucket.objects)
    publisher.bucket.objects[html_key(quest_id)] = b"<h1>mine</h1>"
    publisher.bucket.objects[quest_key("nobodys")] = b"{}"
    publisher.bucket.objects[html_key("nobodys")] = b"<h1>mine</h1>"
    answer, _ = sweep(publisher)
    assert answer["rewritten"] == 2
    assert publisher.on_board == [quest_id]
    stamped = {BOARD_KEY, HOME_KEY}
    found = {key: body for key, body in publisher.bucket.objects.items() if key not in stamped}
    assert found == {key: body for key, body in published.items() if key not in stamped}


def test_an_invalid_quest_does_not_keep_the_others_from_being_compared(publisher: Publisher) -> None:
    ids = [publisher.api.create() for _ in range(4)]
    publisher.stream(*ids)
    _spoil(publisher.cloud, ids[1])
    publisher.cancel(ids[2])
    _, metrics = sweep(publisher)
    assert sorted(publisher.on_board) == sorted({*ids} - {ids[2]})
    assert metrics["document_drift"] == 2, "the invalid one, and the one that was lost"


def test_more_quests_than_are_read_at_once(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.publisher.publication.BATCH", 2)
    ids = [publisher.api.create() for _ in range(7)]
    sweep(publisher)
    assert sorted(publisher.on_board) == sorted(ids)


# --- in slices ---


class Slices:
    """A Lambda whose runs have time for one batch of each chore, and which starts the next ones."""

    def __init__(self, publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("services.publisher.publication.BATCH", 2)
        monkeypatch.setattr(aws, "functions", lambda: self)
        self.publisher, self.started = publisher, list[Any]()
        publisher.context = SimpleNamespace(get_remaining_time_in_millis=lambda: round(RESERVE * 1000))

    def invoke(self, **asked: Any) -> None:
        assert asked["FunctionName"] == "civicforge-unit-publisher"
        self.started.append(json.loads(asked["Payload"]))

    def compare(self) -> tuple[int, dict[str, int], list[float]]:
        """The number of runs, the sums of what they answered, and the drift that each of them counted."""
        answer, metrics = sweep(self.publisher)
        runs, drift = [answer], [metrics["document_drift"]]
        while self.started:
            assert not runs[-1]["finished"]
            answer, metrics = self.publisher(self.started.pop())
            runs.append(answer)
            drift.append(metrics["document_drift"])
        assert runs[-1]["finished"]
        return len(runs), {name: sum(run[name] for run in runs) for name in ("quests", "rewritten", "drifted")}, drift


@pytest.fixture
def slices(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> Slices:
    return Slices(publisher, monkeypatch)


def test_a_comparison_goes_on_in_runs_of_its_own(publisher: Publisher, slices: Slices) -> None:
    ids = [publisher.api.create() for _ in range(7)]
    runs, sums, drift = slices.compare()
    assert runs == 4
    assert sums == {"quests": 7, "rewritten": 7, "drifted": 0}
    assert {*drift} == {0}, "a stage without a board has not drifted, in whichever run"
    assert sorted(publisher.on_board) == sorted(ids)
    writes = len(publisher.bucket.history)
    runs, sums, drift = slices.compare()
    assert (runs, sums, {*drift}) == (4, {"quests": 7, "rewritten": 0, "drifted": 0}, {0})
    assert len(publisher.bucket.history) == writes


def test_every_kind_of_drift_is_found_in_whichever_slice_it_is(publisher: Publisher, slices: Slices) -> None:
    ids = sorted(publisher.api.create() for _ in range(9))
    publisher.stream(*ids)
    board = publisher.bucket.objects[BOARD_KEY]
    lost, hand, gone, claimed, cancelled = ids[0], ids[2], ids[4], ids[6], ids[8]
    for key in (quest_key(lost), html_key(lost)):
        del publisher.bucket.objects[key]
    publisher.bucket.objects[html_key(hand)] = b"<h1>mine</h1>"
    publisher.bucket.objects[html_key("nobodys")] = b"<h1>mine</h1>"
    publisher.cloud.dynamodb.delete_item(TableName=publisher.cloud.quests_table, Key=encode_item({"questId": gone}))
    publisher.api.call("claimQuest", BEN, questId=claimed)
    publisher.cancel(cancelled)
    created = publisher.api.create()
    _, sums, drift = slices.compare()
    # Of `hand` and `nobodys` the JSON is as it should be.
    assert (sums["rewritten"], sums["drifted"], sum(drift)) == (7, 5, 5)
    assert sums["quests"] >= 11, "one that got its documents is compared again where these are"
    assert sorted(publisher.on_board) == sorted({*ids, created} - {gone, claimed, cancelled})
    assert html_key("nobodys") not in publisher.bucket.objects
    assert slices.compare()[1]["rewritten"] == 0
    # A card that is on the board alone: neither the table nor a document has the quest.
    publisher.bucket.objects[BOARD_KEY] = board
    for key in (quest_key(gone), html_key(gone)):
        publisher.bucket.objects.pop(key, None)
    assert slices.compare()[1]["rewritten"] == 4
    assert sorted(publisher.on_board) == sorted({*ids, created} - {gone, claimed, cancelled})


# --- dying ---


def test_dying_at_any_call_loses_nothing(publisher: Publisher) -> None:
    """The batch comes again after the sandbox died, and the documents are those of an undisturbed run."""
    stays, goes = publisher.api.create(), publisher.api.create()
    publisher.stream(stays, goes)
    undisturbed = dict(publisher.bucket.objects)
    calls = 0
    while True:
        publisher.bucket.objects.clear()
        if _dies(publisher, calls, stays, goes):
            publisher.stream(stays, goes)
        else:
            break
        assert publisher.bucket.objects.keys() == undisturbed.keys()
        assert publisher.bucket.objects[quest_key(stays)] == undisturbed[quest_key(stays)]
        assert sorted(publisher.on_board) == sorted([stays, goes])
        calls += 1
    assert calls > 10


def _dies(publisher: Publisher, after: int, *quest_ids: str) -> bool:
    left = [after]

    def die(_: str, __: str) -> None:
        if not left[0]:
            raise CrashError
        left[0] -= 1

    publisher.bucket.before = die
    try:
        publisher.stream(*quest_ids)
    except CrashError:
        return True
    finally:
        publisher.bucket.before = lambda *_: None
    return False


# --- a board that is too long for one document ---


@pytest.fixture
def long(publisher: Publisher, monkeypatch: pytest.MonkeyPatch) -> Publisher:
    """A publisher for which a board of six quests is a long one, in small pages."""
    monkeypatch.setattr(board_index, "CARDS", 2)
    monkeypatch.setattr(board_index, "POSTINGS", 10)
    object.__setattr__(publisher.module.publisher, "max_cards", 5)
    return publisher


def _shown(publisher: Publisher) -> set[str]:
    return {card.quest_id for card in every_card(publisher.bucket.objects)}


def test_the_sixth_quest_makes_a_long_board_and_five_are_still_one(long: Publisher) -> None:
    """A bound is passed in both directions, and a while below it the board is one document again."""
    ids = []
    for number in range(9):
        ids.append(long.api.create(title=f"Carry a sofa, {number}"))
        long.stream(ids[-1])
        assert _shown(long) == set(ids)
        assert (long.board.index is not None) is (len(ids) > 5)
        assert f"{len(ids)} quest" in long.bucket.objects[HOME_KEY].decode()
    while ids:
        gone = ids.pop(len(ids) // 2)
        long.cancel(gone)
        long.stream(gone)
        assert _shown(long) == set(ids)
        assert (long.board.index is not None) is (len(ids) > 4)
        assert left_behind(long.bucket.objects) == set()
        assert not [body for body in long.bucket.objects.values() if gone.encode() in body]


def test_a_batch_makes_a_long_board_at_once(long: Publisher) -> None:
    ids = [long.api.create() for _ in range(9)]
    long.stream(*ids)
    assert _shown(long) == set(ids)
    for one in ids[:8]:
        long.cancel(one)
    long.stream(*ids[:8])
    assert (_shown(long), long.board.index) == ({ids[8]}, None)


def test_a_change_of_a_long_board_is_in_every_list(long: Publisher) -> None:
    ids = [long.api.create(title=f"Carry a sofa, {number}", rewardXp=10 + number) for number in range(9)]
    long.stream(*ids)
    writes = len(long.bucket.history)
    long.stream(*ids)
    assert len(long.bucket.history) == writes, "nothing is different"
    edit = {"title": "Prune the roses", "rewardXp": 90}
    assert long.api.call("editQuest", ANNA, edit, questId=ids[4]).status == 200
    long.stream(ids[4])
    (card,) = (one for one in every_card(long.bucket.objects) if one.quest_id == ids[4])
    assert (card.title, card.reward_xp, card.version) == ("Prune the roses", 90, 2)


def test_a_long_board_is_compared_and_made_good(long: Publisher) -> None:
    ids = [long.api.create() for _ in range(9)]
    long.stream(*ids)
    long.cancel(ids[0])
    created = long.api.create()
    answer, metrics = sweep(long)
    assert (answer["rewritten"], metrics["document_drift"]) == (2, 2)
    assert _shown(long) == {*ids[1:], created}
    writes = len(long.bucket.history)
    assert sweep(long)[0]["rewritten"] == 0
    assert len(long.bucket.history) == writes


@pytest.mark.parametrize("part", ["newest", "ending", "words"])
def test_a_page_that_somebody_deleted_is_written_again(long: Publisher, part: str) -> None:
    ids = [long.api.create() for _ in range(9)]
    long.stream(*ids)
    pages = getattr(long.board.index, part).names
    del long.bucket.objects[board_page_key(pages[1])]
    _, metrics = sweep(long)
    assert metrics["document_drift"] == 1
    assert _shown(long) == set(ids)
    del long.bucket.objects[board_page_key(getattr(long.board.index, part).names[0])]
    long.cancel(ids[8])
    long.stream(*ids)
    sweep(long)
    assert _shown(long) == set(ids[:8])


def test_a_quest_that_is_not_in_the_table_leaves_a_long_board(long: Publisher) -> None:
    """A restore may have taken it away, and nothing says on which page it is."""
    ids = [long.api.create() for _ in range(9)]
    long.stream(*ids)
    long.cloud.dynamodb.delete_item(TableName=long.cloud.quests_table, Key=encode_item({"questId": ids[3]}))
    long.stream(ids[3])
    assert _shown(long) == set(ids) - {ids[3]}


def test_pages_of_a_publisher_that_died_go_with_a_comparison(long: Publisher) -> None:
    """Dying at any call leaves a board that is one state of all its lists, and is made good."""
    ids = [long.api.create() for _ in range(9)]
    long.stream(*ids)
    extra = long.api.create()
    start, calls = dict(long.bucket.objects), 0
    while True:
        long.bucket.objects.clear()
        long.bucket.objects.update(start)
        died = _dies(long, calls, extra)
        assert _shown(long) in ({*ids}, {*ids, extra})
        if not died:
            break
        long.stream(extra)
        assert _shown(long) == {*ids, extra}
        calls += 3
    assert calls > 40
    long.bucket.objects[board_page_key(f"{int(long.cloud.clock.now.timestamp()):x}-0")] = b"{}"
    sweep(long)
    assert left_behind(long.bucket.objects), "whoever wrote it may be about to name it"
    long.cloud.clock.advance(hours=2)
    sweep(long)
    assert left_behind(long.bucket.objects) == set()


def test_a_list_with_many_small_pages_is_written_anew(long: Publisher, monkeypatch: pytest.MonkeyPatch) -> None:
    ids = [long.api.create() for _ in range(9)]
    for one in ids:
        long.stream(one)
    before = long.board
    monkeypatch.setattr(board_index, "_REWRITE_FACTOR", 0.5)
    sweep(long)
    after = long.board
    assert before.index
    assert after.index
    assert page_names(before.index).isdisjoint(page_names(after.index))
    assert [len(getattr(after.index, order).names) for order in ORDERS] == [5, 5, 5, 5]
    assert _shown(long) == set(ids)
    assert left_behind(long.bucket.objects) == set()


def test_several_quests_are_written_at_once_and_the_tables_read_by_one_thread_at_a_time(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The tables' client is for one thread."""
    object.__setattr__(publisher.module.publisher, "workers", 4)
    ids = [publisher.api.create() for _ in range(6)]
    quests, reading, together = publisher.module.publisher.quests, [0], []
    described = quests.described

    def noting(quest_ids: Any) -> Any:
        reading[0] += 1
        together.append(reading[0])
        time.sleep(0.005)
        found = described(quest_ids)
        reading[0] -= 1
        return found

    monkeypatch.setattr(quests, "described", noting)
    publisher.stream(*ids)
    assert set(together) == {1}
    assert sorted(publisher.on_board) == sorted(ids)
    assert all(quest_key(quest_id) in publisher.bucket.objects for quest_id in ids)


def test_settled_is_longer_than_the_stream_needs() -> None:
    assert timedelta(seconds=30) <= DRIFT_GRACE
