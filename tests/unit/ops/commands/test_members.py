"""Members, found by what an operator knows of them."""

from datetime import UTC, datetime

import pytest

from ops.commands import members
from ops.commands.seed import PASSWORD, PEOPLE
from ops.shared.members import user_id_of
from ops.shared.stage import OperatorError
from ops.shared.terminal import Terminal
from services.core.domain.quests import SYNTHETIC
from services.core.domain.users import Profile
from services.core.names import SYNTHETIC_MEMBERS
from services.core.parameters import CANARY_PASSWORD
from services.core.telemetry import user_digest
from tests.unit.ops.conftest import PERFORMER, REQUESTOR, Cli, UnitStage


@pytest.fixture
def town(stage: UnitStage) -> UnitStage:
    """Two members with names, one of whom has an address."""
    for user_id, name in ((REQUESTOR, "Łucja Nowak"), (PERFORMER, "Paul [bold]")):
        stage.users.edit(user_id, Profile(display_name=name), datetime.now(UTC))
    stage.cognito.admin_create_user(
        UserPoolId=stage.api_settings.cognito_user_pool_id,
        Username="rita@example.org",
        UserAttributes=[{"Name": "email", "Value": "Rita@example.org"}, {"Name": "sub", "Value": REQUESTOR}],
    )
    return stage


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("nowak", [REQUESTOR]),
        ("łucja", [REQUESTOR]),
        (PERFORMER.upper(), [PERFORMER]),
        ("a", [PERFORMER, REQUESTOR]),
        ("[BOLD]", [PERFORMER]),
    ],
)
def test_by_a_part_of_name_or_id(town: UnitStage, cli: Cli, text: str, found: list[str]) -> None:
    ran = cli(f"member find {text} --json")
    assert (ran.code, [member["userId"] for member in ran.json["members"]]) == (0, found)
    assert all(user_id in cli(f"member find {text}").out for user_id in found)


def test_the_logs_call_them_by_the_digest_that_is_shown(town: UnitStage, cli: Cli) -> None:
    (member,) = cli("member find nowak --json").json["members"]
    assert member["inLogs"] == user_digest(REQUESTOR) != user_digest(PERFORMER)
    assert member["inLogs"] in cli("member find nowak").out


def test_nobody_is_told(town: UnitStage, cli: Cli) -> None:
    assert "Nobody is like 'zz'" in cli("member find zz").out
    assert cli("member find zz --json").code == 1
    with pytest.raises(OperatorError, match="Say a part"):
        members.find(town, Terminal(), "  ")


def test_an_empty_member_is_no_question_to_the_tables(town: UnitStage) -> None:
    with pytest.raises(OperatorError, match="member find"):
        user_id_of(town, " ")


def test_with_json_an_error_is_json_too(town: UnitStage, cli: Cli) -> None:
    ran = cli("logs nothing --json")
    assert ran.code == 1
    assert ran.json["kind"] == "OperatorError"
    assert ran.json["error"] == ran.err.strip()


def test_a_seeded_stage_has_the_canarys_members(stage: UnitStage, cli: Cli) -> None:
    """`make up` runs no smoke test, which makes them elsewhere; a stage that was seeded before gets them too."""
    pool = stage.api_settings.cognito_user_pool_id
    stage.cognito.create_group(UserPoolId=pool, GroupName=SYNTHETIC)
    stage.put_parameter(CANARY_PASSWORD.key, PASSWORD, secret=True)
    stage.cognito.admin_create_user(UserPoolId=pool, Username=PEOPLE[-1].address)
    for _ in range(2):
        assert cli("seed").code == 0
        found = stage.cognito.list_users_in_group(UserPoolId=pool, GroupName=SYNTHETIC)["Users"]
        assert len(found) == len(SYNTHETIC_MEMBERS)
