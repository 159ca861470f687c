"""The configuration files, and the rules that a stage must keep."""

import contextlib
import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest
import yaml
from pydantic.alias_generators import to_camel

from infra.config import StageConfig
from infra.paths import REPOSITORY
from infra.stack_config import load_config
from services.core.services import SERVICES
from services.core.stages import STAGES, DeclaredStage
from tests.unit.infra.plan import run_recorded

CONFIG_KEYS = {to_camel(field) for field in StageConfig.model_fields} - {"stage", "region"}


def load(stage: str, overrides: Mapping[str, Any] | None = None, without: str = "") -> StageConfig:
    """The configuration of a stage, read inside a Pulumi program. Raises what the program raises."""
    texts = {key: value if isinstance(value, str) else json.dumps(value) for key, value in (overrides or {}).items()}
    values = load_config(stage, REPOSITORY, texts).values
    kept = {key: value for key, value in values.items() if key != f"civicforge:{without}"}
    loaded: list[StageConfig] = []
    run_recorded(lambda: loaded.append(StageConfig.load()), stage, kept)
    return loaded[0]


def yaml_file(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((REPOSITORY / name).read_text())
    return content


def test_the_project_declares_every_key_with_type_and_default() -> None:
    declared = yaml_file("Pulumi.yaml")["config"]
    own = {key: item for key, item in declared.items() if ":" not in key}
    assert own.keys() == CONFIG_KEYS
    python_types = {"string": str, "integer": int, "boolean": bool, "array": list}
    for key, item in own.items():
        assert type(item["default"]) is python_types[item["type"]], key


@pytest.mark.parametrize("stage", STAGES)
def test_a_stage_says_only_what_differs(stage: str) -> None:
    defaults = yaml_file("Pulumi.yaml")["config"]
    for key, value in yaml_file(f"Pulumi.{stage}.yaml")["config"].items():
        namespace, _, name = key.partition(":")
        if namespace == "civicforge":
            assert name in CONFIG_KEYS, f"{key} is not a key of the configuration"
            assert value != defaults[name]["default"], f"{key} repeats the default"
        else:
            assert namespace == "aws", key


@pytest.mark.parametrize("stage", [*STAGES, "bootstrap"])
def test_a_stage_s_file_is_in_the_form_that_the_cli_writes(stage: str) -> None:
    """`pulumi stack init` adds two lines to it and moves nothing; `make engine` asks the CLI itself."""
    for key, value in yaml_file(f"Pulumi.{stage}.yaml")["config"].items():
        assert isinstance(value, str | list | dict), f"{key}: quote {value}, as the CLI does"


@pytest.mark.parametrize("stage", STAGES)
def test_every_stage_tags_what_it_makes(stage: str) -> None:
    tags = load_config(stage, REPOSITORY).default_tags
    assert tags.keys() == {"project", "stage", "owner", "cost-center"}
    assert tags["project"] == "civicforge"
    assert tags["stage"] == stage
    assert all(tags.values())


@pytest.mark.parametrize(
    ("stage", "retention", "budget", "rate", "burst"),
    [("dev", 7, 5, 20, 40), ("staging", 30, 5, 100, 200), ("prod", 90, 15, 100, 200), ("local", 7, 5, 100, 200)],
)
def test_the_numbers_of_the_operations_guide(stage: str, retention: int, budget: int, rate: int, burst: int) -> None:
    config = load(stage)
    assert (config.log_retention_days, config.budget_usd) == (retention, budget)
    assert (config.throttle_rate, config.throttle_burst) == (rate, burst)
    assert (config.quest_lifetime_days, config.claim_days) == (30, 14)


@pytest.mark.parametrize("stage", ["staging", "prod"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"protect": "false"}, "protect is false"),
        ({"logLevel": "DEBUG"}, "logLevel is DEBUG"),
        ({"alertMails": []}, "alertMails is empty"),
        ({"mailbox": "/_local/mailbox"}, "mailbox is set"),
        ({"logRetentionDays": "7"}, "logRetentionDays is 7"),
        ({"domain": "civicforge.example"}, "domain and certificateArn go together"),
        ({"certificateArn": "arn:aws:acm:us-east-1:1:certificate/1"}, "domain and certificateArn go together"),
        ({"mailFrom": "hello@civicforge.example"}, "mailFrom and mailIdentityArn go together"),
    ],
)
def test_what_staging_and_prod_refuse(stage: str, change: Mapping[str, Any], message: str) -> None:
    with pytest.raises(pulumi.RunError, match=rf"^Pulumi\.{stage}\.yaml: .*{message}"):
        load(stage, change)


@pytest.mark.parametrize("stage", ["dev", "local"])
def test_a_stage_for_trying_out_need_not_keep_everything(stage: str) -> None:
    config = load(stage, {"protect": "false", "logLevel": "DEBUG", "alertMails": [], "mailbox": "/mails"})
    assert not config.protect
    assert config.mailbox == "/mails"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"throttleRate": "0"}, "throttleRate"),
        ({"throttleRate": "many"}, "throttleRate"),
        ({"lambdaSizes": ["api timeoutSeconds 30"]}, "its caller gives up after 29 seconds"),
        ({"lambdaSizes": ["onboarding timeoutSeconds 6"]}, "its caller gives up after 5 seconds"),
        ({"lambdaSizes": ["onboarding concurrency -2"]}, "greater than or equal to -1"),
        ({"lambdaSizes": ["rewards memoryMb 64"]}, "greater than or equal to 128"),
        ({"lambdaSizes": ["rewrads memoryMb 256"]}, "there is no service 'rewrads'"),
        ({"lambdaSizes": ["rewards memory 256"]}, "not of the form 'service memoryMb"),
        ({"lambdaSizes": ["api concurrency 0"]}, "api concurrency is 0, which stops it; if it is meant"),
        ({"lambdaSizes": ["housekeeping timeoutSeconds 1"]}, "housekeeping has less than 3 seconds"),
        ({"budgetUsd": "501"}, "warns nobody of a runaway bill"),
        ({"accept": ["budgetUsd because we like it"]}, "accept: budgetUsd needs no acceptance"),
        ({"accept": ["budgetUsd because so"], "budgetUsd": "501"}, "with a reason of a few words"),
        ({"accept": ["budgetUsd"], "budgetUsd": "501"}, "not of the form 'key because reason'"),
        ({"architecture": "sparc"}, "architecture"),
        ({"alertMails": ["nobody"]}, "alertMails.0"),
        ({"release": ""}, "release"),
        ({"routeThrottles": ["POST /api/v1/quests 20"]}, "not of the form 'METHOD path rate burst'|there is no route"),
        ({"routeThrottles": ["quests"]}, "not of the form 'METHOD path rate burst'"),
        ({"routeThrottles": ["GET /api/v1/nowhere 1 2"]}, "there is no route 'GET /api/v1/nowhere'"),
        ({"routeThrottles": ["POST /api/v1/quests 0 2"]}, "greater than or equal to 1"),
    ],
)
def test_what_no_stage_accepts(change: Mapping[str, Any], message: str) -> None:
    with pytest.raises(pulumi.RunError, match=message):
        load("dev", change)


def test_a_missing_key_is_named() -> None:
    with pytest.raises(pulumi.RunError, match="boardShards: Field required"):
        load("dev", without="boardShards")


def test_an_unknown_stage_is_refused() -> None:
    with pytest.raises(
        pulumi.RunError, match=rf"'qa' is not declared in services/core/stages.py; there are {', '.join(STAGES)}"
    ):
        load("qa")


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(pulumi.RunError, match=r"protect is false.*alertMails is empty"):
        load("prod", {"protect": "false", "alertMails": []})


def test_a_route_throttle_is_read() -> None:
    (throttle,) = load("dev", {"routeThrottles": ["GET /api/v1/quests/{questId} 3 4"]}).route_throttles
    assert (throttle.route, throttle.rate, throttle.burst) == ("GET /api/v1/quests/{questId}", 3, 4)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_size_and_an_artifact(service: str) -> None:
    config = load("dev", {"lambdaSizes": [f"{service} memoryMb 256"]})
    declared = SERVICES[service]
    assert config.size(service).memory_mb == 256
    assert config.size(service).timeout_seconds == declared.timeout_seconds
    assert config.artifact(service) == str(REPOSITORY / "dist" / "aws" / f"{service}.zip")


def test_a_harmful_value_is_taken_with_a_reason() -> None:
    change = {"lambdaSizes": ["api concurrency 0"], "accept": ["api.concurrency because the town is on holiday"]}
    assert load("prod", change).size("api").concurrency == 0
    assert load("staging", {"budgetUsd": "900", "accept": ["budgetUsd because of the load test"]}).budget_usd == 900


def test_prod_tries_a_release_before_everybody_gets_it() -> None:
    with pytest.raises(pulumi.RunError, match="canaryPercent is 0, so that everybody on prod gets a release untried"):
        load("prod", {"canaryPercent": "0"})


@pytest.mark.parametrize(
    ("key", "meant"),
    [("canaryPercnt", "canaryPercent"), ("alertMail", "alertMails"), ("logRetention", "logRetentionDays")],
)
def test_a_misspelt_key_is_refused_by_name(key: str, meant: str) -> None:
    with pytest.raises(pulumi.RunError, match=rf"Pulumi\.prod\.yaml: there is no key '{key}', is '{meant}' meant\?"):
        load("prod", {key: "1"})


def test_an_encrypted_key_is_refused_by_name() -> None:
    def program() -> None:
        pulumi.runtime.set_all_config(values, secret_keys=["civicforge:domain"])
        StageConfig.load()

    values = dict(load_config("dev", REPOSITORY).values)
    with pytest.raises(pulumi.RunError, match="domain is a secret, which belongs into SSM"):
        run_recorded(program, "dev", values)


def _load() -> None:
    StageConfig.load()


def test_a_stage_is_strict_unless_it_is_declared_disposable(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {key: value for key, value in load_config("dev", REPOSITORY).values.items() if "logRetention" not in key}
    for disposable in (True, False):
        fifth = DeclaredStage(name="fair", environment="fair", log_retention_days=30, disposable=disposable)
        monkeypatch.setitem(STAGES, "fair", fifth)
        given = {**values, "civicforge:logRetentionDays": "30"}
        told = (
            contextlib.nullcontext()
            if disposable
            else pytest.raises(pulumi.RunError, match="protect is false, fair must")
        )
        with told:
            run_recorded(_load, "fair", given)
