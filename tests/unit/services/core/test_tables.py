import pytest

from services.api.views import QuestCard
from services.core.names import log_group, parameter_name, resource_name
from services.core.tables import LEDGER, QUESTS, TABLES, USERS


def test_names() -> None:
    assert resource_name("prod", "quests") == "civicforge-prod-quests"
    assert parameter_name("prod", "feature-rewards") == "/civicforge/prod/feature-rewards"
    assert log_group("prod", "api") == "/aws/lambda/civicforge-prod-api"


def test_the_runbooks_keys() -> None:
    assert (USERS.partition_key, USERS.sort_key) == ("userId", None)
    assert (QUESTS.partition_key, QUESTS.sort_key) == ("questId", None)
    assert (LEDGER.partition_key, LEDGER.sort_key) == ("userId", "entryId")


def test_key_attributes_are_those_of_table_and_indexes() -> None:
    assert QUESTS.key_attributes == (
        "claimedAt", "lane", "laneAt", "performerId", "questId",
    )  # fmt: skip
    assert LEDGER.key_attributes == ("due", "entryId", "userId")


NOT_ON_THE_BOARD = {"performerId", "claimDeadline", "submittedAt", "attestedBy"}
"""The fields that no OPEN quest has; moderators open a DISPUTED one to see it."""


def test_the_board_has_what_its_cards_show() -> None:
    shown = {field.alias for field in QuestCard.model_fields.values()}
    assert shown - {*QUESTS.index("board2").projected} == NOT_ON_THE_BOARD | {QUESTS.partition_key}


def test_an_index_that_is_not_declared() -> None:
    with pytest.raises(KeyError):
        QUESTS.index("due")


def test_no_index_projects_its_keys_or_a_text() -> None:
    for table in TABLES:
        for index in table.indexes:
            keys = {table.partition_key, table.sort_key, index.partition_key, index.sort_key}
            assert not set(index.projected) & {*keys, "description", "submission", "notes", "dispute"}
