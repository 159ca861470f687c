import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import typer
from botocore.exceptions import ClientError, NoCredentialsError

from infra.paths import REPOSITORY
from ops.__main__ import app
from ops.shared import errors
from ops.shared.stage import OperatorError, open_stage
from ops.shared.terminal import Terminal
from services.core.names import audit_log_group
from services.core.services import QUEUES
from services.core.stages import STAGES
from tests.unit.ops.conftest import NAME, REQUESTOR, Cli, UnitStage, parameter


def test_a_change_is_shown_asked_for_done_and_audited(stage: UnitStage, cli: Cli) -> None:
    ran = cli("flags set rewards 10%", "a small start\ny\n")
    assert ran.code == 0
    assert "rewards: off -> 10%" in ran.out
    (entry,) = stage.audit()
    assert entry["action"] == "flags set"
    assert entry["reason"] == "a small start"
    assert entry["outcome"] == "done"
    assert entry["plan"] == ["rewards: off -> 10%"]
    assert "arn:aws:" in entry["actor"]
    assert parameter(stage, "feature-rewards") == "10%"


@pytest.mark.parametrize("answers", ["", "why\n", "why\nn\n", "\n"])
def test_without_a_clear_yes_nothing_is_changed(stage: UnitStage, cli: Cli, answers: str) -> None:
    ran = cli("flags set rewards on", answers)
    assert ran.code == 1
    assert "othing was changed" in ran.err
    assert parameter(stage, "feature-rewards") == "off"
    assert stage.audit() == []


def test_scripts_say_yes_but_owe_a_reason(stage: UnitStage, cli: Cli) -> None:
    assert cli("flags set rewards on --yes").code == 1
    assert parameter(stage, "feature-rewards") == "off"
    assert cli("flags set rewards on --yes --reason tested").code == 0
    assert parameter(stage, "feature-rewards") == "on"


def test_a_dry_run_changes_and_records_nothing(stage: UnitStage, cli: Cli) -> None:
    ran = cli("flags set rewards on --dry-run")
    assert ran.code == 0
    assert "off -> on" in ran.out
    assert parameter(stage, "feature-rewards") == "off"
    assert stage.audit() == []


def test_a_plan_of_any_length_has_a_record_that_cloudwatch_takes(stage: UnitStage) -> None:
    plan = [f"quests/{number}: title is ä, was ö" for number in range(20_000)]
    with stage.audited("restore cut-over", "20260301t120000", "lost", plan):
        pass
    (entry,) = stage.audit()
    *lines, rest = entry["plan"]
    assert lines == plan[: len(lines)]
    assert rest == f"and {20_000 - len(lines)} more"
    assert 90_000 < len(json.dumps(entry)) < 256_000


@pytest.mark.parametrize("rows", [[], ["one"], ["one: [x] :smile:", "two"]])
def test_a_listing_is_the_same_in_words_and_in_json(rows: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (False, True):
        pairs = (({"row": row}, row) for row in rows)
        number = Terminal(as_json=as_json).listing("rows", pairs, lambda n: f"{n} rows." if n else "", changed=3)
        assert number == len(rows)
    said = capsys.readouterr().out
    words, _, found = said.partition("{")
    assert json.loads("{" + found) == {"rows": [{"row": row} for row in rows], "changed": 3}
    assert len(words.splitlines()) == len(rows) + bool(rows)


def test_json_is_all_that_goes_to_standard_output(cli: Cli) -> None:
    ran = cli("flags set rewards on --yes --reason tested --json")
    assert ran.json == {"flag": "rewards", "value": "on", "before": "off"}
    assert "off -> on" in ran.err


@pytest.mark.parametrize(("value", "plan"), [("on", ["rewards: off -> on"]), ("off", [])])
def test_what_is_not_done_is_said_in_json_too(cli: Cli, value: str, plan: list[str]) -> None:
    assert cli(f"flags set rewards {value} --dry-run --json").json == {"done": False, "plan": plan}


@pytest.mark.parametrize("window", [{}, {"FORCE_COLOR": "1"}], ids=["a pipe", "a narrow window"])
def test_a_table_is_never_cut_off(
    stage: UnitStage, cli: Cli, monkeypatch: pytest.MonkeyPatch, window: dict[str, str]
) -> None:
    quest = stage.completed()
    for name, value in {"COLUMNS": "60", **window}.items():
        monkeypatch.setenv(name, value)
    said = cli(f"ledger explain {REQUESTOR}").out
    assert quest.quest_id in said
    assert "…" not in said


@pytest.fixture
def leaver(stage: UnitStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """An account that goes while somebody reads the plan."""

    def gone(**_: Any) -> None:
        answer: Any = {"Error": {"Code": "UserNotFoundException", "Message": ""}}
        raise stage.cognito.exceptions.UserNotFoundException(answer, "AdminUserGlobalSignOut")

    stage.cognito.admin_create_user(UserPoolId=stage.api_settings.cognito_user_pool_id, Username="nobody")
    monkeypatch.setattr(stage.cognito, "admin_user_global_sign_out", gone)


@pytest.mark.usefixtures("leaver")
def test_a_failed_change_is_audited_as_failed(stage: UnitStage, cli: Cli) -> None:
    ran = cli("secrets revoke nobody --yes --reason leaked")
    assert ran.code == 1
    assert "Nobody on local has the id nobody" in ran.err
    (entry,) = stage.audit()
    assert entry["outcome"].startswith("failed: OperatorError")


def test_a_change_that_cannot_be_recorded_says_so_and_keeps_the_record(stage: UnitStage, cli: Cli) -> None:
    stage.logs.delete_log_group(logGroupName=audit_log_group(NAME))
    ran = cli("flags set rewards on --yes --reason tested")
    assert ran.code == 1
    assert '"reason": "tested"' in ran.err
    assert parameter(stage, "feature-rewards") == "on"


@pytest.mark.usefixtures("leaver")
def test_what_failed_is_said_even_where_it_cannot_be_recorded(stage: UnitStage, cli: Cli) -> None:
    stage.logs.delete_log_group(logGroupName=audit_log_group(NAME))
    ran = cli("secrets revoke nobody --yes --reason leaked")
    assert ran.code == 1
    assert ran.err.index("Nobody on local has the id nobody") < ran.err.index("keep it yourself")


def test_what_is_wrong_is_said_in_a_sentence(stage: UnitStage, cli: Cli) -> None:
    for line, said in {
        "flags set nothing on": "choose one of rewards, disputes",
        "flags set rewards maybe": "say off, internal, on or a percentage",
        "dlq show nothing": f"choose one of {', '.join(QUEUES)}.",
        "quest show nothing": "There is no quest nothing",
        "ledger explain nobody@example.org": "Nobody on local has the address",
        "ledger explain nobody": "There is no row for nobody",
        "secrets rotate nothing": "choose one of api-key",
        "logs nothing": "choose one of api",
        "logs api --since soon": "say 15m, 2h or 7d",
        "rollout abort rewards": "is not being rolled out",
        "restore diff yesterday": "is no restore",
        "restore start --at yesterday": "is no moment",
    }.items():
        ran = cli(line)
        assert ran.code == 1, line
        assert said in ran.err, line
        assert "Traceback" not in ran.err


BY_MAKE = {"publish", "seed"}
"""Commands that only `make` types."""


def commands(group: Any, name: str = "") -> Iterator[str]:
    """The full names of the commands below one of click's groups."""
    for part, command in group.commands.items():
        full = f"{name} {part}".strip()
        yield from commands(command, full) if hasattr(command, "commands") else [full]


def test_the_guide_shows_every_command() -> None:
    guide = (REPOSITORY / "docs" / "operations.md").read_text(encoding="utf-8")
    known = {*commands(typer.main.get_command(app))}
    assert {"status", "quest refund"} < known
    assert {name for name in known if not re.search(rf"\./civicforge {name}\b", guide)} == BY_MAKE


def test_a_stage_that_was_never_stood_up(stage: UnitStage, cli: Cli) -> None:
    for name in ("feature-rewards", "site-url"):
        stage.delete_parameter(name)
    ran = cli("flags list")
    assert ran.code == 1
    assert "Stand it up with `civicforge deploy --stage local`" in ran.err


def test_an_unknown_stage_is_told_the_declared_ones() -> None:
    with pytest.raises(OperatorError, match=", ".join(STAGES)):
        open_stage("production")


def _refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "the message"}}, "UpdateAlias")


def test_the_errors_of_aws_say_what_to_do() -> None:
    assert "Sign in" in errors.explain(NoCredentialsError())
    assert "does not let this role" in errors.explain(_refusal("AccessDeniedException"))
    assert "expired" in errors.explain(_refusal("ExpiredTokenException"))
    assert errors.explain(_refusal("Odd")) == "AWS refused UpdateAlias: the message"


def test_the_audit_log_is_readable(stage: UnitStage, cli: Cli) -> None:
    cli("flags set rewards on --yes --reason tested")
    ran = cli("logs audit --json --since 1h")
    (event,) = ran.json["events"]
    assert event["message"]["action"] == "flags set"
    assert event["message"]["result"]["value"] == "on"
    assert "flags set rewards (rewards: off -> on): done, by " in cli("logs audit").out
