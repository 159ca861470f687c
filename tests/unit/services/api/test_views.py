"""Answers that are made without models are those that the models would make."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api import views
from services.core.domain.quests import Category, Quest
from tests.unit.services.cloud import ANNA, BEN, Api, Cloud

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=40)


def by_model(quest: Quest) -> str:
    return views.QuestPage(items=[views.card(quest)], next_cursor="c").model_dump_json(by_alias=True, exclude_none=True)


@given(
    title=TEXT.map(lambda text: f"Sofa {text}"),
    area=TEXT | st.just(""),
    tags=st.lists(TEXT, max_size=5),
    category=st.sampled_from(Category),
    performer=st.none() | st.just(BEN),
)
def test_a_stored_card_is_the_models(
    title: str, area: str, tags: list[str], category: Category, performer: str | None
) -> None:
    moment = "2026-03-01T12:00:00.000Z"
    item = {
        "questId": "q" * 26, "title": title, "category": category.value, "tags": tags, "area": area, "rewardXp": 100,
        "rewardReputation": 10, "requestorId": ANNA, "status": "OPEN", "createdAt": moment, "updatedAt": moment,
        "expiresAt": moment, "version": 3, "lane": "OPEN#0", "laneAt": moment,
        **({"performerId": performer, "claimDeadline": moment} if performer else {}),
    }  # fmt: skip
    rendered = views.Rendered({"items": [views.stored_card(item)], "nextCursor": "c"})
    assert rendered.to_json() == by_model(Quest.model_validate(item))


@pytest.mark.parametrize("missing", ["tags", "area"])
def test_a_card_that_an_older_release_wrote_has_the_defaults(missing: str) -> None:
    moment = "2026-03-01T12:00:00.000Z"
    item = {
        "questId": "q", "title": "Sofa", "category": "social", "tags": ["a"], "area": "b", "rewardXp": 100,
        "rewardReputation": 10, "requestorId": ANNA, "status": "OPEN", "createdAt": moment, "updatedAt": moment,
        "expiresAt": moment,
    }  # fmt: skip
    del item[missing]
    rendered = views.Rendered({"items": [views.stored_card(item)], "nextCursor": "c"})
    assert rendered.to_json() == by_model(Quest.model_validate(item))


def test_the_board_is_listed_as_the_models_would(cloud: Cloud, api: Api) -> None:
    for number in range(3):
        api.create(title=f"Sofa {number} & <b>", tags=["ë"])
    answer = api.call("listQuests", query={"limit": "2"})
    page = views.QuestPage.model_validate(answer.json)
    assert answer.text == page.model_dump_json(by_alias=True, exclude_none=True)
    assert len(page.items) == 2
