from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.core.domain import quests
from services.core.domain.quests import Actor, Category, Change, Edit, Quest, Status
from services.core.stores.dynamo import ConditionFailedError, StoreUnavailableError
from services.core.stores.quests import Board, QuestExistsError, QuestMovedError
from services.core.stores.users import InsufficientPointsError, NoSuchUserError, Quota, RateLimitedError
from services.core.tables import QUESTS
from tests.unit.services.cloud import (
    ANNA,
    BEN,
    CARA,
    CLAIM_PERIOD,
    DESCRIPTION,
    DRAFT,
    LIFETIME,
    NOW,
    REASON,
    SHARDS,
    Cloud,
    lost_answer,
)
from tests.unit.services.invariants import check_all

CREATES = Quota("createTat", 4)
LATER = NOW + timedelta(minutes=1)


def created(cloud: Cloud, quest_id: str = "q1", who: str = ANNA, **fields: Any) -> Quest:
    cloud.users.ensure(who, NOW)
    change = quests.create(DRAFT.model_copy(update=fields), who, quest_id, NOW, LIFETIME)
    cloud.quests.create(change)
    return change.quest


def step(cloud: Cloud, change: Change, before: Quest) -> Quest:
    cloud.quests.save(before, change)
    return change.quest


def submitted(cloud: Cloud) -> Quest:
    quest = created(cloud)
    cloud.users.ensure(BEN, NOW)
    quest = step(cloud, quests.claim(quest, Actor(BEN), NOW, CLAIM_PERIOD), quest)
    return step(cloud, quests.submit(quest, None, Actor(BEN), "The sofa is upstairs.", NOW), quest)


def check(cloud: Cloud) -> None:
    check_all(cloud.all_users(), cloud.all_quests(), cloud.all_entries())


def test_create_stores_quest_text_entry_and_cost(cloud: Cloud) -> None:
    quest = created(cloud)
    found = cloud.quests.get("q1")
    assert found is not None
    assert (found.quest, found.description, found.submission) == (quest, DESCRIPTION, None)
    assert cloud.all_users()[ANNA].points == 9
    check(cloud)


def test_get_knows_no_texts_as_quests(cloud: Cloud) -> None:
    created(cloud)
    assert cloud.quests.get("q1#description") is None
    assert cloud.quests.get("q2") is None


def test_the_texts_are_not_in_the_quest(cloud: Cloud) -> None:
    submitted(cloud)
    rows = {row["questId"]: row for row in cloud.rows(cloud.quests_table)}
    assert set(rows) == {"q1", "q1#description", "q1#submission"}
    assert not {"description", "submission"} & set(rows["q1"])


def test_an_id_is_used_once(cloud: Cloud) -> None:
    created(cloud)
    before = cloud.everything()
    with pytest.raises(QuestExistsError):
        created(cloud, who=BEN)
    before[0] = cloud.everything()[0]  # Ben's row is new
    assert cloud.everything()[1] == before[1]
    check(cloud)


def test_create_without_a_row(cloud: Cloud) -> None:
    with pytest.raises(NoSuchUserError):
        cloud.quests.create(quests.create(DRAFT, ANNA, "q1", NOW, LIFETIME))
    assert not any(cloud.everything())


def test_ten_quests_and_no_eleventh(cloud: Cloud) -> None:
    for number in range(10):
        created(cloud, f"q{number}")
    before = cloud.everything()
    with pytest.raises(InsufficientPointsError):
        created(cloud, "q10")
    assert cloud.everything() == before
    check(cloud)


def test_every_write_has_the_version_as_its_condition(cloud: Cloud) -> None:
    quest = created(cloud)
    for who in (BEN, CARA):
        cloud.users.ensure(who, NOW)
    claims = [quests.claim(quest, Actor(who), NOW, CLAIM_PERIOD) for who in (BEN, CARA)]
    edit = quests.edit(quest, DESCRIPTION, Actor(ANNA), Edit(title="Carry two sofas"), NOW)
    cloud.quests.save(quest, claims[0])
    before = cloud.everything()
    for late in (claims[1], edit, quests.cancel(quest, Actor(ANNA), NOW), quests.expire(quest, NOW + LIFETIME)):
        with pytest.raises(QuestMovedError) as moved:
            cloud.quests.save(quest, late)
        assert moved.value.current == claims[0].quest
        assert "q1" in str(moved.value)
        assert cloud.everything() == before
    check(cloud)


def test_the_same_status_is_not_enough(cloud: Cloud) -> None:
    quest = created(cloud)
    step(cloud, quests.edit(quest, DESCRIPTION, Actor(ANNA), Edit(reward_xp=500), NOW), quest)
    with pytest.raises(QuestMovedError):
        cloud.quests.save(quest, quests.claim(quest, Actor(BEN), NOW, CLAIM_PERIOD))


def test_two_first_attestations_from_the_same_stale_read(cloud: Cloud) -> None:
    """Both believe to be the first; the second one must not be lost, nor complete unseen."""
    quest = submitted(cloud)
    first = step(cloud, quests.attest(quest, Actor(ANNA), None, NOW), quest)
    with pytest.raises(QuestMovedError) as moved:
        cloud.quests.save(quest, quests.attest(quest, Actor(BEN), None, NOW))
    assert moved.value.current == first
    complete = step(cloud, quests.attest(moved.value.current, Actor(BEN), None, NOW), first)
    assert complete.status is Status.COMPLETE
    check(cloud)


def test_a_quest_that_is_gone_is_not_written(cloud: Cloud) -> None:
    quest = created(cloud)
    cloud.dynamodb.delete_item(TableName=cloud.quests_table, Key={"questId": {"S": "q1"}})
    with pytest.raises(ConditionFailedError):
        cloud.quests.save(quest, quests.claim(quest, Actor(BEN), NOW, CLAIM_PERIOD))
    assert cloud.all_quests() == {}


def test_a_transition_is_one_write_when_nothing_is_booked(cloud: Cloud) -> None:
    quest = submitted(cloud)
    cloud.faults.calls.clear()
    step(cloud, quests.attest(quest, Actor(ANNA), None, NOW), quest)
    assert cloud.faults.calls == ["UpdateItem"]


@pytest.mark.parametrize("action", ["claim", "edit", "cancel", "submit", "complete"])
def test_a_lost_answer_is_one_effect(cloud: Cloud, action: str) -> None:
    quest = created(cloud) if action in ("claim", "edit", "cancel") else submitted(cloud)
    if action == "submit":
        quest = step(cloud, quests.request_changes(quest, Actor(ANNA), REASON, NOW), quest)
    if action == "complete":
        quest = step(cloud, quests.attest(quest, Actor(ANNA), None, NOW), quest)
    steps: dict[str, Callable[[], Change]] = {
        "claim": lambda: quests.claim(quest, Actor(BEN), NOW, CLAIM_PERIOD),
        "edit": lambda: quests.edit(quest, DESCRIPTION, Actor(ANNA), Edit(reward_xp=500), NOW),
        "cancel": lambda: quests.cancel(quest, Actor(ANNA), NOW),
        "submit": lambda: quests.submit(quest, None, Actor(BEN), "Now both bags are gone.", NOW),
        "complete": lambda: quests.attest(quest, Actor(BEN), None, NOW),
    }
    change = steps[action]()
    cloud.faults.at(0, lost_answer)
    try:
        cloud.quests.save(quest, change)
    except QuestMovedError as moved:  # a plain write is repeated without a token: it finds its own effect
        assert moved.current == change.quest  # noqa: PT017  # both outcomes are legal here
    assert cloud.all_quests()["q1"] == change.quest
    check(cloud)


def test_quota_burst_refill_and_the_wait_to_the_second(cloud: Cloud) -> None:
    cloud.users.ensure(ANNA, NOW)

    def create(quest_id: str, seconds: float) -> None:
        now = NOW + timedelta(seconds=seconds)
        cloud.quests.create(quests.create(DRAFT, ANNA, quest_id, now, LIFETIME), CREATES)

    for number in range(4):
        create(f"q{number}", 0)
    before = cloud.everything()
    for seconds, wait in [(0, 900), (0.5, 900), (1, 899), (899.001, 1)]:
        with pytest.raises(RateLimitedError) as limited:
            create("q9", seconds)
        assert limited.value.retry_after == wait
    assert cloud.everything() == before
    create("q4", 900)
    with pytest.raises(RateLimitedError) as limited:
        create("q9", 901)
    assert limited.value.retry_after == 899
    for number in range(5, 9):
        create(f"q{number}", 900 + 4500)
    with pytest.raises(RateLimitedError):
        create("q9", 900 + 4500)
    check(cloud)


def test_a_quota_that_others_use_up_between_two_tries_is_kept(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    cloud.users.ensure(ANNA, NOW)
    cloud.quests.create(quests.create(DRAFT, ANNA, "q0", NOW, LIFETIME), CREATES)
    original = cloud.quests._write

    def write(writes: list[Any]) -> None:
        monkeypatch.setattr(cloud.quests, "_write", original)
        try:
            original(writes)
        finally:
            for number in range(1, 4):
                cloud.quests.create(quests.create(DRAFT, ANNA, f"q{number}", NOW, LIFETIME), CREATES)

    monkeypatch.setattr(cloud.quests, "_write", write)
    with pytest.raises(RateLimitedError):
        cloud.quests.create(quests.create(DRAFT, ANNA, "q9", NOW, LIFETIME), CREATES)
    assert set(cloud.all_quests()) == {"q0", "q1", "q2", "q3"}
    check(cloud)


def test_the_quota_of_a_claim_is_the_performers(cloud: Cloud) -> None:
    claims = Quota("claimTat", 1)
    first, second = created(cloud, "q1"), created(cloud, "q2")
    cloud.users.ensure(BEN, NOW)
    cloud.quests.save(first, quests.claim(first, Actor(BEN), NOW, CLAIM_PERIOD), claims)
    with pytest.raises(RateLimitedError) as limited:
        cloud.quests.save(second, quests.claim(second, Actor(BEN), LATER, CLAIM_PERIOD), claims)
    assert limited.value.retry_after == 3540
    assert cloud.all_quests()["q2"].status is Status.OPEN
    with pytest.raises(NoSuchUserError):
        cloud.quests.save(second, quests.claim(second, Actor(CARA), LATER, CLAIM_PERIOD), claims)
    check(cloud)


def test_a_quota_that_is_taken_away_between_two_tries_stores_nothing_silently(
    cloud: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both conditions of the rate limit fail, though no row explains it: that must not look like success."""
    cloud.users.ensure(ANNA, NOW)
    cloud.quests.create(quests.create(DRAFT, ANNA, "q1", NOW, LIFETIME), CREATES)
    original, tries = cloud.quests._write, 0

    def write(writes: list[Any]) -> None:
        nonlocal tries
        tries += 1
        if tries == 2:
            cloud.dynamodb.update_item(
                TableName=cloud.users_table, Key={"userId": {"S": ANNA}}, UpdateExpression="REMOVE createTat"
            )
        original(writes)

    monkeypatch.setattr(cloud.quests, "_write", write)
    with pytest.raises(StoreUnavailableError):
        cloud.quests.create(quests.create(DRAFT, ANNA, "q2", NOW, LIFETIME), CREATES)
    assert set(cloud.all_quests()) == {"q1"}


KINDS = (Category.SOCIAL, Category.CIVIC)
TITLES = ("Carry a sofa", "Mow the lawn", "Teach chess")


@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    made=st.lists(
        st.tuples(
            st.sampled_from(TITLES),
            st.sampled_from((Category.SOCIAL, Category.CIVIC)),
            st.integers(0, 3),
            st.booleans(),
        ),
        max_size=9,
    ),
    limit=st.integers(1, 6),
    category=st.sampled_from((None, Category.SOCIAL, Category.CIVIC)),
    text=st.sampled_from(("", "SOFA", "chess", "nowhere")),
)
def test_pages_partition_the_board(
    cloud: Cloud, made: list[tuple[str, Category, int, bool]], limit: int, category: Category | None, text: str
) -> None:
    """Newest first, nothing twice, nothing left out, whatever the limit, the shards and the filters."""
    for row in cloud.rows(cloud.quests_table):
        cloud.dynamodb.delete_item(TableName=cloud.quests_table, Key={"questId": {"S": row["questId"]}})
    expected: list[Quest] = []
    for number, (title, kind, minute, is_open) in enumerate(made):
        author = f"author{number}"
        cloud.users.ensure(author, NOW)
        draft = DRAFT.model_copy(update={"title": title, "category": kind, "tags": [], "area": ""})
        change = quests.create(draft, author, f"q{number}", NOW + timedelta(minutes=minute), LIFETIME)
        try:
            cloud.quests.create(change)
        except ConditionFailedError:  # an earlier example's entry of the same id and moment
            cloud.quests._write([{"Put": {"TableName": cloud.quests_table, "Item": _item(cloud, change.quest)}}])
        if not is_open:
            cancelled = quests.cancel(change.quest, Actor(author), NOW + timedelta(hours=1))._replace(entries=())
            cloud.quests.save(change.quest, cancelled)
        elif (category in (None, kind)) and text.casefold() in title.casefold():
            expected.append(change.quest)
    found: list[Quest] = []
    before: str | None = None
    for _ in range(100):
        page = cloud.quests.board(Board(limit, category, text, before))
        assert len(page.quests) <= limit
        found += page.quests
        before = page.last
        if before is None:
            break
    assert [q.quest_id for q in found] == [
        q.quest_id for q in sorted(expected, key=lambda q: (q.expires_at, q.quest_id), reverse=True)
    ]


def _item(cloud: Cloud, quest: Quest) -> Any:
    from services.core.stores.dynamo import encode_item

    return encode_item(cloud.quests._stored(quest))


def test_a_rare_filter_is_not_a_call_per_quest(cloud: Cloud) -> None:
    for number in range(14):
        created(cloud, f"q{number}", f"author{number}", title="Teach chess" if number == 0 else "Carry a sofa")
    cloud.faults.calls.clear()
    page = cloud.quests.board(Board(1, text="chess"))
    assert len(cloud.faults.calls) <= 3 * 5
    assert page.last is not None or [quest.title for quest in page.quests] == ["Teach chess"]


def test_search_looks_for_every_word_by_prefix_in_title_tags_area_and_category(cloud: Cloud) -> None:
    created(cloud, tags=["straße"], area="Café, Old town")
    for text in ("SOFA", "STRASSE", "old TOWN", "town sofa", "cafe", "soc stra"):
        assert len(cloud.quests.board(Board(5, text=text)).quests) == 1
    for text in ("twelve steps", "ofa", "sofa piano"):
        assert cloud.quests.board(Board(5, text=text)).quests == []


def test_only_open_quests_are_on_the_board(cloud: Cloud) -> None:
    quest = submitted(cloud)
    assert cloud.quests.board(Board(5)).quests == []
    row = next(row for row in cloud.rows(cloud.quests_table) if row["questId"] == quest.quest_id)
    assert not {"lane", "laneAt"} & set(row)


def test_due_brings_expired_and_overdue_quests_over_pages(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moto.dynamodb.models.table.RESULT_SIZE_LIMIT", 500)
    for number in range(10):
        created(cloud, f"q{number}", f"author{number}")
    fresh = quests.create(DRAFT, ANNA, "fresh", NOW + timedelta(days=1), LIFETIME)
    cloud.users.ensure(ANNA, NOW)
    cloud.quests.create(fresh)
    assert list(cloud.quests.due(Status.OPEN, NOW + LIFETIME - timedelta(seconds=1))) == []
    due = cloud.quests.due(Status.OPEN, NOW + LIFETIME + timedelta(seconds=1))
    assert sorted(due) == sorted(f"q{number}" for number in range(10))
    assert cloud.faults.counted()["Query"] > 2 * SHARDS
    cloud.users.ensure(BEN, NOW)
    step(cloud, quests.claim(fresh.quest, Actor(BEN), NOW, CLAIM_PERIOD), fresh.quest)
    overdue = NOW + CLAIM_PERIOD + timedelta(days=7, seconds=1)
    assert list(cloud.quests.due(Status.CLAIMED, overdue)) == ["fresh"]


def test_the_quests_of_a_member(cloud: Cloud) -> None:
    for number in range(5):
        quest = created(cloud, f"q{number}")
        claimed = quests.claim(quest, Actor(BEN), NOW + timedelta(minutes=number), CLAIM_PERIOD)
        if number < 3:
            cloud.quests.save(quest, claimed)
    created(cloud, "other", CARA)
    for index, user, expected in [
        ("requestor", ANNA, {f"q{n}" for n in range(5)}),
        ("performer", BEN, {"q0", "q1", "q2"}),
        ("performer", CARA, set[str]()),
    ]:
        found: list[Quest] = []
        after: dict[str, Any] | None = None
        while True:
            page, after = cloud.quests.of_member(user, QUESTS.index(index), 2, after)
            found += page
            if after is None:
                break
        assert {quest.quest_id for quest in found} == expected
        assert len(found) == len(expected)
        if index == "performer":
            assert [quest.quest_id for quest in found] == sorted(expected, reverse=True)


def test_a_stale_index_shows_nothing_that_is_gone(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index still names a quest whose item cannot be read (any more)."""
    created(cloud)
    monkeypatch.setattr("services.core.stores.quests.batch_get", lambda *_args, **_named: [])
    assert cloud.quests.of_member(ANNA, QUESTS.index("requestor"), 5, None) == ([], None)


def test_an_outage_is_told_by_every_method(cloud: Cloud) -> None:
    quest = created(cloud)
    with cloud.faults.outage():
        for attempt in (
            lambda: cloud.quests.get("q1"),
            lambda: cloud.quests.create(quests.create(DRAFT, ANNA, "q2", NOW, LIFETIME)),
            lambda: cloud.quests.save(quest, quests.cancel(quest, Actor(ANNA), NOW)),
            lambda: cloud.quests.board(Board(5)),
            lambda: list(cloud.quests.due(Status.OPEN, NOW)),
            lambda: cloud.quests.of_member(ANNA, QUESTS.index("requestor"), 5, None),
        ):
            with pytest.raises(StoreUnavailableError):
                attempt()
