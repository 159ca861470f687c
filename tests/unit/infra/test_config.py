"""The configuration files, and the rules that a stage must keep."""

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
from services.core.names import SERVICES
from tests.unit.infra.plan import STAGES, run_recorded

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
        ({"apiTimeoutSeconds": "30"}, "apiTimeoutSeconds"),
        ({"onboardingTimeoutSeconds": "6"}, "onboardingTimeoutSeconds"),
        ({"onboardingConcurrency": "-1"}, "onboardingConcurrency"),
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
    with pytest.raises(pulumi.RunError, match="stage: Input should be 'dev', 'staging', 'prod' or 'local'"):
        load("qa")


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(pulumi.RunError, match=r"protect is false.*alertMails is empty"):
        load("prod", {"protect": "false", "alertMails": []})


def test_a_route_throttle_is_read() -> None:
    (throttle,) = load("dev", {"routeThrottles": ["GET /api/v1/quests/{questId} 3 4"]}).route_throttles
    assert (throttle.route, throttle.rate, throttle.burst) == ("GET /api/v1/quests/{questId}", 3, 4)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_has_a_size_and_an_artifact(service: str) -> None:
    config = load("dev", {f"{service}MemoryMb": "256"})
    assert config.size(service).memory_mb == 256
    assert config.artifact(service) == str(REPOSITORY / "dist" / "aws" / f"{service}.zip")
