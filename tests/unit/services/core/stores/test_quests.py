from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.core.documents import Party, card
from services.core.domain import quests
from services.core.domain.quests import Actor, Category, Change, Edit, Outcome, Quest, Status
from services.core.domain.users import Profile
from services.core.folding import matches, words
from services.core.stores.dynamo import ConditionFailedError, StoreUnavailableError
from services.core.stores.quests import BoardQuery, QuestConflictError, QuestExistsError, QuestList
from services.core.stores.users import InsufficientPointsError, NoSuchUserError, Quota, RateLimitedError, TwoPerPeriod
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
    SILENCE,
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
    return step(cloud, quests.submit(quest, None, Actor(BEN), "The sofa is upstairs.", NOW, SILENCE), quest)


def check(cloud: Cloud) -> None:
    check_all(cloud.all_users(), cloud.all_quests(), cloud.all_entries())


def test_create_stores_quest_text_entry_and_cost(cloud: Cloud) -> None:
    quest = created(cloud)
    found = cloud.quests.get("q1")
    assert found is not None
    assert (found.quest, found.description, found.submission) == (quest, DESCRIPTION, None)
    assert cloud.all_users()[ANNA].points == 9
    check(cloud)


def test_what_anybody_may_see_is_read_without_the_rest(cloud: Cloud) -> None:
    quest = submitted(cloud)
    cloud.faults.calls.clear()
    (found,) = cloud.quests.described(["q1"], consistent=False)
    assert (found.quest, found.description, found.submission) == (quest, DESCRIPTION, None)
    assert cloud.faults.calls == ["BatchGetItem"]
    assert cloud.quests.described(["q2"]) == []


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
    edit = quests.edit(quest, DESCRIPTION, Actor(ANNA), Edit(title="Carry two sofas"), NOW, LIFETIME)
    cloud.quests.save(quest, claims[0])
    before = cloud.everything()
    for late in (claims[1], edit, quests.cancel(quest, Actor(ANNA), NOW), quests.expire(quest, NOW + LIFETIME)):
        with pytest.raises(QuestConflictError) as moved:
            cloud.quests.save(quest, late)
        assert moved.value.current == claims[0].quest
        assert "q1" in str(moved.value)
        assert cloud.everything() == before
    check(cloud)


def test_the_same_status_is_not_enough(cloud: Cloud) -> None:
    quest = created(cloud)
    step(cloud, quests.edit(quest, DESCRIPTION, Actor(ANNA), Edit(reward_xp=500), NOW, LIFETIME), quest)
    with pytest.raises(QuestConflictError):
        cloud.quests.save(quest, quests.claim(quest, Actor(BEN), NOW, CLAIM_PERIOD))


def test_two_first_attestations_from_the_same_stale_read(cloud: Cloud) -> None:
    """Both believe to be the first, which only a quest of an earlier release has room for: the second one must not be
    lost, nor complete unseen.
    """
    handed_in = submitted(cloud)
    quest = handed_in.model_copy(update={"attestations": [], "version": handed_in.version + 1})
    step(cloud, Change(quest), handed_in)
    first = step(cloud, quests.attest(quest, Actor(ANNA), None, NOW), quest)
    with pytest.raises(QuestConflictError) as moved:
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
    quest = created(cloud)
    cloud.faults.calls.clear()
    step(cloud, quests.claim(quest, Actor(BEN), NOW, CLAIM_PERIOD), quest)
    assert cloud.faults.calls == ["UpdateItem"]


@pytest.mark.parametrize("action", ["claim", "edit", "cancel", "submit", "complete"])
def test_a_lost_answer_is_one_effect(cloud: Cloud, action: str) -> None:
    quest = created(cloud) if action in ("claim", "edit", "cancel") else submitted(cloud)
    if action == "submit":
        quest = step(cloud, quests.request_changes(quest, Actor(ANNA), REASON, NOW), quest)
    steps: dict[str, Callable[[], Change]] = {
        "claim": lambda: quests.claim(quest, Actor(BEN), NOW, CLAIM_PERIOD),
        "edit": lambda: quests.edit(quest, DESCRIPTION, Actor(ANNA), Edit(reward_xp=500), NOW, LIFETIME),
        "cancel": lambda: quests.cancel(quest, Actor(ANNA), NOW),
        "submit": lambda: quests.submit(quest, None, Actor(BEN), "Now both bags are gone.", NOW, SILENCE),
        "complete": lambda: quests.attest(quest, Actor(ANNA), None, NOW),
    }
    change = steps[action]()
    cloud.faults.at(0, lost_answer)
    try:
        cloud.quests.save(quest, change)
    except QuestConflictError as moved:  # a plain write is repeated without a token: it finds its own effect
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


def test_withdrawals_are_two_in_thirty_days(cloud: Cloud) -> None:
    """Exactly: a third one comes thirty days after the first of the last two, whatever happened between."""
    limit = TwoPerPeriod("withdrewAt", "withdrewBefore", timedelta(days=30))

    def withdraw(number: int, days: float) -> None:
        now = NOW + timedelta(days=days)
        cloud.users.ensure(ANNA, NOW)
        quest = quests.create(DRAFT, ANNA, f"q{number}-{days}", now, LIFETIME).quest
        cloud.quests.create(quests.create(DRAFT, ANNA, f"q{number}-{days}", now, LIFETIME))
        quest = step(cloud, quests.claim(quest, Actor(BEN), now, CLAIM_PERIOD), quest)
        cloud.quests.save(quest, quests.withdraw(quest, Actor(ANNA), REASON, now), limit)

    withdraw(1, 0)
    withdraw(2, 10)
    for days, wait in ((10, 20), (20, 10), (29.5, 0.5)):
        before = len(cloud.all_entries())
        with pytest.raises(RateLimitedError) as limited:
            withdraw(3, days)
        assert limited.value.retry_after == wait * 86400
        assert len(cloud.all_entries()) == before + 1, "only the quest itself was posted"
    withdraw(4, 30)
    with pytest.raises(RateLimitedError) as limited:
        withdraw(5, 39)
    assert limited.value.retry_after == 86400
    withdraw(6, 40)
    check(cloud)


def test_an_edit_that_costs_more_than_there_is(cloud: Cloud) -> None:
    quest = created(cloud)
    for number in range(7):
        created(cloud, f"other-{number}")
    before = cloud.everything()
    with pytest.raises(InsufficientPointsError):
        cloud.quests.save(quest, quests.edit(quest, DESCRIPTION, Actor(ANNA), Edit(reward_xp=400), NOW, LIFETIME))
    assert cloud.everything() == before
    step(cloud, quests.edit(quest, DESCRIPTION, Actor(ANNA), Edit(reward_xp=300), NOW, LIFETIME), quest)
    assert cloud.all_users()[ANNA].points == 0
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
        texts = {"title": title, "description": "In the afternoon, in a few hours.", "tags": [], "area": ""}
        draft = DRAFT.model_copy(update={**texts, "category": kind})
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
        page = cloud.quests.board(BoardQuery(limit, category, text, before))
        assert len(page.quests) <= limit
        found += page.quests
        before = page.last
        if before is None:
            break
    assert [q.quest_id for q in found] == [
        q.quest_id for q in sorted(expected, key=lambda q: (q.created_at, q.quest_id), reverse=True)
    ]


def _item(cloud: Cloud, quest: Quest) -> Any:
    from services.core.stores.dynamo import encode_item

    return encode_item(cloud.quests._stored(quest))


def test_a_rare_filter_is_not_a_call_per_quest(cloud: Cloud) -> None:
    for number in range(14):
        created(cloud, f"q{number}", f"author{number}", title="Teach chess" if number == 0 else "Carry a sofa")
    cloud.faults.calls.clear()
    page = cloud.quests.board(BoardQuery(1, text="chess"))
    assert len(cloud.faults.calls) <= 3 * 5
    assert page.last is not None or [quest.title for quest in page.quests] == ["Teach chess"]


def test_search_looks_for_every_word_by_prefix(cloud: Cloud) -> None:
    created(cloud, tags=["straße"], area="Café, Old town")
    for text in ("SOFA", "STRASSE", "old TOWN", "town sofa", "twelve steps", "cafe", "soc stra"):
        assert len(cloud.quests.board(BoardQuery(5, text=text)).quests) == 1
    for text in ("ofa", "sofa piano", "elve steps"):
        assert cloud.quests.board(BoardQuery(5, text=text)).quests == []


@pytest.mark.parametrize("shards", [1, 4])
def test_a_search_looks_where_the_published_board_does(cloud: Cloud, shards: int) -> None:
    """Every text of a quest, in any order, and whatever of it the index does not project."""
    cloud.quests._shards = shards
    texts = {
        "q1": ("Up to the **third** floor, Hauptstraße 5.", "Zoë Ångström"),
        "q2": ("A piano, and somebody who is not afraid of it.", "Jonas Weber"),
    }
    published = {}
    for quest_id, (description, name) in texts.items():
        who = f"author-{quest_id}"
        quest = created(cloud, quest_id, who, description=description, tags=["möbel"], area="Łódź")
        cloud.users.edit(who, Profile(display_name=name), NOW)
        published[quest_id] = card(quest, description, {who: Party(name)})
    queries = [
        "third",
        "zoe",
        "angstrom hauptstrasse",
        "sofa zoe third",
        "PIANO weber",
        "afr",
        "lodz jon mobel",
        "zoe piano",
    ]
    for query in [*queries, *(one.words.split()[-1] for one in published.values())]:
        expected = {quest_id for quest_id, one in published.items() if matches(words(query), one.words)}
        assert {one.quest_id for one in cloud.quests.board(BoardQuery(5, text=query)).quests} == expected, query


@pytest.mark.parametrize("limit", [1, 20, 100])
def test_a_search_reads_no_more_than_a_bounded_number_of_texts(cloud: Cloud, limit: int) -> None:
    for number in range(130):
        quest = quests.create(
            DRAFT, f"author{number}", f"q{number:03}", NOW + timedelta(minutes=number), LIFETIME
        ).quest
        cloud.quests._write([{"Put": {"TableName": cloud.quests_table, "Item": _item(cloud, quest)}}])
    cloud.faults.calls.clear()
    page = cloud.quests.board(BoardQuery(limit, text="nowhere"))
    assert page.quests == []
    assert page.last is not None, "the rest of the board is another request's"
    assert cloud.faults.calls == [*["Query"] * SHARDS, "BatchGetItem", "BatchGetItem"]


def test_only_open_quests_are_on_the_board(cloud: Cloud) -> None:
    quest = submitted(cloud)
    assert cloud.quests.board(BoardQuery(5)).quests == []
    row = next(row for row in cloud.rows(cloud.quests_table) if row["questId"] == quest.quest_id)
    assert row["lane"].startswith("UNDERWAY#")
    done = step(cloud, quests.attest(quest, Actor(ANNA), None, NOW), quest)
    row = next(row for row in cloud.rows(cloud.quests_table) if row["questId"] == done.quest_id)
    assert not {"lane", "laneAt", "dueAt"} & set(row)


def test_a_hidden_quest_is_not_on_the_board(cloud: Cloud) -> None:
    quest, judge = created(cloud), Actor("mona", frozenset({"moderators"}))
    hidden = step(cloud, quests.hide(quest, judge, REASON, NOW), quest)
    assert cloud.quests.board(BoardQuery(5)).quests == []
    assert list(cloud.quests.due(Status.OPEN, NOW + LIFETIME)) == []
    step(cloud, quests.unhide(hidden, judge, NOW + timedelta(days=1)), hidden)
    assert [shown.quest_id for shown in cloud.quests.board(BoardQuery(5)).quests] == ["q1"]


def test_due_brings_expired_and_overdue_quests_over_pages(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moto.dynamodb.models.table.RESULT_SIZE_LIMIT", 1300)
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
    overdue = NOW + CLAIM_PERIOD + timedelta(days=8)  # it was posted a day later
    assert list(cloud.quests.due(Status.CLAIMED, overdue)) == ["fresh"]
    assert list(cloud.quests.due(Status.SUBMITTED, overdue)) == []
    claimed = cloud.all_quests()["fresh"]
    step(cloud, quests.submit(claimed, None, Actor(BEN), "The sofa is upstairs.", NOW, SILENCE), claimed)
    assert list(cloud.quests.due(Status.CLAIMED, overdue)) == []
    assert list(cloud.quests.due(Status.SUBMITTED, NOW + SILENCE + timedelta(hours=23))) == []
    assert list(cloud.quests.due(Status.SUBMITTED, NOW + SILENCE + timedelta(days=1))) == ["fresh"]


def listed(find: Callable[..., QuestList], user: str, limit: int = 2) -> list[str]:
    """The ids of a member's list, page by page."""
    found: list[Quest] = []
    after: Any = None
    for _ in range(100):
        page, after = find(user, limit, after)
        assert len(page) <= limit
        found += page
        if after is None:
            return [quest.quest_id for quest in found]
    raise AssertionError("the list has no end")


@pytest.mark.parametrize("limit", [1, 2, 3, 5, 100])
def test_the_quests_of_a_member(cloud: Cloud, limit: int) -> None:
    for number in range(5):
        cloud.users.ensure(ANNA, NOW)
        now = NOW + timedelta(minutes=number)
        quest = quests.create(DRAFT, ANNA, f"q{number}", now, LIFETIME)
        cloud.quests.create(quest)
        if number < 3:
            cloud.quests.save(quest.quest, quests.claim(quest.quest, Actor(BEN), now, CLAIM_PERIOD))
        else:  # other entries of the ledger lie between the quests
            step(cloud, quests.cancel(quest.quest, Actor(ANNA), now), quest.quest)
    created(cloud, "other", CARA)
    assert listed(cloud.quests.posted, ANNA, limit) == ["q4", "q3", "q2", "q1", "q0"]
    assert listed(cloud.quests.posted, CARA, limit) == ["other"]
    assert listed(cloud.quests.posted, BEN, limit) == []
    assert listed(cloud.quests.performed, BEN, limit) == ["q2", "q1", "q0"]
    assert listed(cloud.quests.performed, CARA, limit) == []


def test_what_went_against_a_performer_stays_in_their_list(cloud: Cloud) -> None:
    judge = Actor("mona", frozenset({"moderators"}))
    late = NOW + CLAIM_PERIOD
    claimed, disputed = created(cloud, "claimed"), submitted(cloud)
    endings: list[Callable[[Quest], Change]] = [
        lambda q: quests.release(q, Actor(BEN), None, LATER),
        lambda q: quests.release(q, Actor(ANNA), REASON, late),
        lambda q: quests.withdraw(q, Actor(ANNA), REASON, LATER),
        lambda q: quests.release_overdue(q, late + timedelta(days=8)),
        lambda q: quests.call_off(q, LATER),
    ]
    for number, ending in enumerate(endings):
        quest = created(cloud, f"q{number}-ended")
        quest = step(cloud, quests.claim(quest, Actor(BEN), NOW, CLAIM_PERIOD), quest)
        quest = step(cloud, ending(quest), quest)
        assert quest.performer_id is None
        assert quest.quest_id in listed(cloud.quests.performed, BEN)
    step(cloud, quests.claim(claimed, Actor(BEN), NOW, CLAIM_PERIOD), claimed)
    disputed = step(
        cloud, quests.dispute(disputed, Actor(ANNA, features=frozenset({"disputes"})), REASON, NOW), disputed
    )
    disputed = step(cloud, quests.state(disputed, Actor(BEN), REASON, NOW), disputed)
    step(cloud, quests.resolve(disputed, judge, Outcome.CANCELLED, REASON, LATER, CLAIM_PERIOD), disputed)
    found = listed(cloud.quests.performed, BEN)
    assert sorted(found) == sorted(["claimed", "q1", *(f"q{number}-ended" for number in range(5))])
    assert listed(cloud.quests.judged, "mona") == ["q1"]
    assert listed(cloud.quests.performed, "mona") == []
    check(cloud)


def test_who_claims_again_has_the_quest_once_in_their_list(cloud: Cloud) -> None:
    quest, now = created(cloud), NOW
    for _ in range(2):
        quest = step(cloud, quests.claim(quest, Actor(BEN), now, CLAIM_PERIOD), quest)
        assert listed(cloud.quests.performed, BEN) == ["q1"]
        quest = step(cloud, quests.release(quest, Actor(BEN), None, now), quest)
        assert listed(cloud.quests.performed, BEN) == ["q1"]
        now += timedelta(days=1)


FEATURES = frozenset({"disputes"})
TURNS: dict[str, tuple[str, Callable[[Quest], Change]]] = {
    "claimed": (BEN, lambda q: quests.claim(q, Actor(BEN), NOW, CLAIM_PERIOD)),
    "handed in": (ANNA, lambda q: quests.submit(q, None, Actor(BEN), "The sofa is upstairs.", NOW, SILENCE)),
    "changes wanted": (BEN, lambda q: quests.request_changes(q, Actor(ANNA), REASON, NOW)),
    "handed in again": (ANNA, lambda q: quests.submit(q, None, Actor(BEN), "Now it really is.", NOW, SILENCE)),
    "disputed": (ANNA, lambda q: quests.dispute(q, Actor(BEN, features=FEATURES), REASON, NOW)),
    "stated": ("", lambda q: quests.state(q, Actor(ANNA), REASON, NOW)),
    "sent back": (
        BEN,
        lambda q: quests.resolve(
            q, Actor("mona", frozenset({"moderators"})), Outcome.CLAIMED, REASON, NOW, CLAIM_PERIOD
        ),
    ),
    "handed in for good": (ANNA, lambda q: quests.submit(q, None, Actor(BEN), "It is there.", NOW, SILENCE)),
    "disputed again": (BEN, lambda q: quests.dispute(q, Actor(ANNA, features=FEATURES), REASON, NOW)),
}


def waiting(cloud: Cloud, user: str, now: datetime = NOW) -> set[str]:
    """The quests that wait for a member, by the lists and `turn` together."""
    row = cloud.users.get(user)
    found = cloud.quests.turn_candidates(user, [mark.partition("@")[0] for mark in row.claims] if row else [])
    turns = {quest.quest_id: quests.turn(quest, now) for quest in found}
    return {quest_id for quest_id, found in turns.items() if found and user in found.members}


def test_every_turn_is_found_whatever_happened_before(cloud: Cloud) -> None:
    """By one query, and one read of what it found, from the state and not from what the index says."""
    quest = created(cloud)
    for who in (ANNA, BEN):
        cloud.users.ensure(who, NOW)
    cloud.users.add_claim(BEN, "q1", Quota("claimTat", 20), NOW)
    for name, (whose, action) in TURNS.items():
        if name == "changes wanted":  # the member's own list may have dropped it meanwhile
            cloud.users.keep_claims(BEN, cloud.all_users()[BEN].claims, [])
        quest = step(cloud, action(quest), quest)
        assert {who for who in (ANNA, BEN) if waiting(cloud, who)} == ({whose} if whose else set()), name
        found = quests.turn(quest, NOW)
        assert found
        assert set(found.members) == ({whose} if whose else set()), name
    assert waiting(cloud, BEN, NOW + timedelta(days=3)) == set()


def test_an_overdue_claim_waits_for_both_at_the_very_moment(cloud: Cloud) -> None:
    quest, now = created(cloud), NOW + CLAIM_PERIOD
    cloud.users.ensure(BEN, NOW)
    cloud.users.add_claim(BEN, "q1", Quota("claimTat", 20), NOW)
    step(cloud, quests.claim(quest, Actor(BEN), NOW, CLAIM_PERIOD), quest)
    for moment, wanted in ((now - timedelta(milliseconds=1), {BEN}), (now, {ANNA, BEN})):
        assert {who for who in (ANNA, BEN) if waiting(cloud, who, moment)} == wanted


def test_a_question_waits_for_the_requestor(cloud: Cloud) -> None:
    quest = created(cloud)
    assert waiting(cloud, ANNA) == set()
    asked = step(cloud, quests.ask(quest, NOW), quest)
    assert waiting(cloud, ANNA) == {"q1"}
    answered = step(cloud, quests.answer(asked, NOW), asked)
    assert waiting(cloud, ANNA) == set()
    asked = step(cloud, quests.ask(answered, NOW), answered)
    step(cloud, quests.claim(asked, Actor(BEN), NOW, CLAIM_PERIOD), asked)
    marks = [row for row in cloud.rows(cloud.quests_table) if row["questId"] == "q1#turn"]
    assert marks == [{"questId": "q1#turn"}]


def test_the_turns_of_a_member_with_many_quests_are_one_query(cloud: Cloud) -> None:
    cloud.users.ensure(ANNA, NOW)
    for number in range(150):
        quest = quests.create(DRAFT, ANNA, f"q{number:03}", NOW, LIFETIME).quest
        if number % 2:
            quest = quests.claim(quest, Actor(f"helper-{number}"), NOW, CLAIM_PERIOD).quest
            quest = quests.submit(quest, None, Actor(f"helper-{number}"), "It is there.", NOW, SILENCE).quest
        cloud.quests._write([{"Put": {"TableName": cloud.quests_table, "Item": _item(cloud, quest)}}] * 1)
    cloud.faults.calls.clear()
    assert len(waiting(cloud, ANNA)) == 75
    assert cloud.faults.calls == ["GetItem", "Query", "BatchGetItem"]


def test_a_stale_index_shows_nothing_that_is_gone(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    """The index still names a quest whose item cannot be read (any more)."""
    created(cloud)
    monkeypatch.setattr("services.core.stores.quests.batch_get", lambda *_args, **_named: [])
    assert cloud.quests.posted(ANNA, 5, None) == ([], None)


def test_an_outage_is_told_by_every_method(cloud: Cloud) -> None:
    quest = created(cloud)
    with cloud.faults.outage():
        for attempt in (
            lambda: cloud.quests.get("q1"),
            lambda: cloud.quests.create(quests.create(DRAFT, ANNA, "q2", NOW, LIFETIME)),
            lambda: cloud.quests.save(quest, quests.cancel(quest, Actor(ANNA), NOW)),
            lambda: cloud.quests.board(BoardQuery(5)),
            lambda: list(cloud.quests.due(Status.OPEN, NOW)),
            lambda: cloud.quests.posted(ANNA, 5, None),
            lambda: cloud.quests.performed(ANNA, 5, None),
            lambda: cloud.quests.judged(ANNA, 5, None),
            lambda: cloud.quests.turn_candidates(ANNA, []),
            lambda: cloud.quests.described(["q1"]),
        ):
            with pytest.raises(StoreUnavailableError):
                attempt()
