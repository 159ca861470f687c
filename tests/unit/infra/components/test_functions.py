import json
from dataclasses import replace
from pathlib import Path

import pytest

from infra.paths import REPOSITORY
from services.core import settings as core_settings
from services.core.services import SERVICES
from services.core.settings import Settings
from services.core.stages import STAGES
from tests.unit.infra.plan import Plan, Resource, plan, run_program

SECRET_WORDS = ("SECRET", "PASSWORD", "TOKEN", "API_KEY", "PRIVATE")


def functions(of: Plan) -> list[Resource]:
    return [resource for resource in of.of("Function") if resource.type.startswith("aws:lambda")]


def test_each_service_is_a_function(stage_plan: Plan) -> None:
    assert {function.name for function in functions(stage_plan)} == set(SERVICES)
    for function in functions(stage_plan):
        assert function.inputs["handler"] == f"services.{function.name}.handler.handler"
        assert function.inputs["runtime"] == "python3.13"
        folder = "host" if stage_plan.stage == "local" else "aws"
        assert Path(function.inputs["code"].path) == REPOSITORY / "dist" / folder / f"{function.name}.zip"


def test_the_environment_is_what_the_settings_ask_for(stage_plan: Plan) -> None:
    for function in functions(stage_plan):
        variables = function.inputs["environment"]["variables"]
        assert tuple(sorted(variables)) == SERVICES[function.name].settings.variables(), function.label
        loaded = SERVICES[function.name].settings.load(variables)
        assert loaded.stage == stage_plan.stage
        assert loaded.users_table == f"civicforge-{stage_plan.stage}-users"
    api = core_settings.ApiSettings.load(stage_plan.one_function("api").inputs["environment"]["variables"])
    assert api.cognito_user_pool_id == stage_plan.exports.values["user_pool_id"]
    assert api.cognito_app_client_id == stage_plan.exports.values["user_pool_client_id"]
    assert api.cognito_region == "us-east-1"
    assert (api.quest_lifetime_days, api.claim_days) == (30, 14)


def test_no_secret_is_in_an_environment(stage_plan: Plan) -> None:
    secrets = [
        parameter.inputs["value"]
        for parameter in stage_plan.of("Parameter")
        if parameter.inputs["type"] == "SecureString"
    ]
    assert secrets
    for function in functions(stage_plan):
        variables = function.inputs["environment"]["variables"]
        text = json.dumps(variables)
        assert "environment" not in function.secret_inputs, function.label
        assert not any(word in name for name in variables for word in SECRET_WORDS), function.label
        assert not any(_content(secret) in text for secret in secrets), function.label


def _content(secret: str) -> str:
    """The part that must not be told: a signing key's current one, a pair's private one, all of a password."""
    parts = json.loads(secret) if secret.startswith("{") else {}
    return str(parts.get("current") or parts.get("private") or secret)


def test_a_setting_without_a_value_fails_here(monkeypatch: pytest.MonkeyPatch) -> None:
    class Wanting(Settings):
        unheard_of: str

    monkeypatch.setitem(SERVICES, "rewards", replace(SERVICES["rewards"], settings=Wanting))
    with pytest.raises(KeyError, match="unheard_of"):
        run_program("dev")


def test_a_setting_of_the_wrong_kind_fails_here(monkeypatch: pytest.MonkeyPatch) -> None:
    class Strict(Settings):
        board_shards: bytes
        claim_days: list[str]

    monkeypatch.setitem(SERVICES, "rewards", replace(SERVICES["rewards"], settings=Strict))
    with pytest.raises(ValueError, match="claim_days"):
        run_program("dev")


def test_versions_behind_the_alias(stage_plan: Plan) -> None:
    assert all(function.inputs["publish"] is True for function in functions(stage_plan))
    aliases = stage_plan.of("Alias")
    assert {alias.inputs["functionName"] for alias in aliases} == {f.inputs["name"] for f in functions(stage_plan)}
    assert all(alias.inputs["name"] == "live" for alias in aliases)


def test_only_a_stage_with_a_canary_leaves_the_alias_to_the_release(stage_plan: Plan) -> None:
    ignored = {alias.registration.ignore_changes for alias in stage_plan.of("Alias")}
    assert ignored == {("functionVersion", "routingConfig") if stage_plan.stage == "prod" else ()}


def test_every_caller_uses_the_alias(stage_plan: Plan) -> None:
    aliases = {alias.name: alias for alias in stage_plan.of("Alias")}
    triggers = stage_plan.one("UserPool", "users").inputs["lambdaConfig"]
    assert triggers.keys() == {"postConfirmation", "customMessage"}
    assert all(arn.endswith(":live") for arn in triggers.values())
    assert ":live/invocations" in stage_plan.one("Integration", "api").inputs["integrationUri"]
    assert stage_plan.one("EventSourceMapping", "ledger").inputs["functionName"].endswith(":live")
    for schedule in stage_plan.of("Schedule"):
        assert schedule.inputs["target"]["arn"].endswith(":live")
    for called in stage_plan.of("Permission", "FunctionEventInvokeConfig"):
        assert called.inputs["qualifier"] == "live", called.label
        assert called.inputs.get("function", called.inputs.get("functionName")) in {
            alias.inputs["functionName"] for alias in aliases.values()
        }


def test_permissions_name_their_caller(stage_plan: Plan) -> None:
    for permission in stage_plan.of("Permission"):
        assert permission.inputs["action"] == "lambda:InvokeFunction"
        assert ":123456789012:" in permission.inputs["sourceArn"], permission.label
    assert stage_plan.one("Permission", "onboarding").inputs["sourceAccount"] == "123456789012"


def test_logs_are_explicit_and_kept_as_long_as_the_stage_says(stage_plan: Plan) -> None:
    days = STAGES[stage_plan.stage].log_retention_days
    groups = {group.inputs["name"]: group for group in stage_plan.of("LogGroup")}
    audit = groups.pop(f"/civicforge/{stage_plan.stage}/audit")
    assert audit.inputs["retentionInDays"] == 365
    assert all(group.inputs["retentionInDays"] == days for group in groups.values())
    for function in functions(stage_plan):
        name = f"/aws/lambda/civicforge-{stage_plan.stage}-{function.name}"
        assert name in groups
        level = "DEBUG" if STAGES[stage_plan.stage].disposable else "INFO"
        assert function.inputs["loggingConfig"] == {
            "logFormat": "JSON",
            "logGroup": name,
            "applicationLogLevel": level,
        }
        assert function.inputs["environment"]["variables"]["LOG_LEVEL"] == level


@pytest.mark.parametrize("level", ["INFO", "WARNING", "ERROR"])
def test_no_log_level_silences_the_metrics(level: str) -> None:
    """EMF lines carry no level; Lambda takes them for INFO and drops what is below its own."""
    for function in functions(run_program("staging", {"logLevel": level})):
        assert function.inputs["loggingConfig"]["applicationLogLevel"] == "INFO"
        assert function.inputs["environment"]["variables"]["LOG_LEVEL"] == level


def test_sizes(stage_plan: Plan) -> None:
    for function in functions(stage_plan):
        assert function.inputs["memorySize"] >= 256
        assert function.inputs["timeout"] <= 300
    onboarding = stage_plan.one_function("onboarding").inputs
    assert onboarding["reservedConcurrentExecutions"] > 0
    assert onboarding["timeout"] <= 5
    assert stage_plan.one_function("api").inputs["timeout"] < 30


def test_the_architecture_is_that_of_the_artifacts() -> None:
    assert {tuple(f.inputs["architectures"]) for f in functions(plan("prod"))} == {("arm64",)}
    assert {tuple(f.inputs["architectures"]) for f in functions(plan("local"))} == {("x86_64",)}


def test_a_version_waits_for_its_policy(stage_plan: Plan) -> None:
    for function in functions(stage_plan):
        policy = stage_plan.one("RolePolicy", function.name).registration.urn
        assert policy in function.registration.dependencies, function.label
