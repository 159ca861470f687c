import base64
import json

import pytest

from infra.components import parameters as component
from infra.components.parameters import NOT_DEPLOYED_AGAIN
from services.core.parameters import INITIALISED_PARAMETERS, PUSH_KEY, STACK_PARAMETERS, Parameter
from services.core.vapid import VapidKey
from tests.unit.infra.plan import Plan, plan, run_program


def test_every_declared_parameter_is_made(stage_plan: Plan) -> None:
    made = {parameter.inputs["name"]: parameter for parameter in stage_plan.of("Parameter")}
    declared = {f"/civicforge/{stage_plan.stage}/{p.key}": p for p in (*INITIALISED_PARAMETERS, *STACK_PARAMETERS)}
    assert made.keys() == declared.keys()
    for name, parameter in declared.items():
        assert made[name].inputs["type"] == parameter.kind, name
        assert made[name].inputs["description"] == parameter.description, name


def test_live_values_are_never_overwritten(stage_plan: Plan) -> None:
    for parameter in INITIALISED_PARAMETERS:
        ignored = stage_plan.one("Parameter", parameter.key).registration.ignore_changes
        # All of it: Pulumi writes the state's value back when any other input changes.
        assert set(ignored) == set(NOT_DEPLOYED_AGAIN), parameter.key
        assert {"value", "description"} <= set(ignored), parameter.key
    for parameter in STACK_PARAMETERS:
        assert stage_plan.one("Parameter", parameter.key).registration.ignore_changes == (), parameter.key


def test_flags_start_off_and_the_breaker_closed(stage_plan: Plan) -> None:
    for flag in ("feature-rewards", "feature-disputes"):
        assert stage_plan.one("Parameter", flag).inputs["value"] == "off"
    assert stage_plan.one("Parameter", "breaker").inputs["value"] == "closed"


def test_the_cursor_key_is_random_and_of_256_bits() -> None:
    keys = [json.loads(plan(stage).one("Parameter", "api-key").inputs["value"]) for stage in ("dev", "prod")]
    assert all(key["previous"] is None and key["previousUntil"] is None for key in keys)
    assert keys[0]["current"] != keys[1]["current"]
    assert all(len(base64.urlsafe_b64decode(key["current"] + "=")) == 32 for key in keys)


def test_the_app_has_the_public_half_of_each_stages_key_pair() -> None:
    pairs = []
    for stage in ("dev", "prod"):
        planned = plan(stage)
        key = planned.one("Parameter", PUSH_KEY.key)
        pairs.append(VapidKey.parse(key.inputs["value"]))
        assert "value" in key.secret_inputs
        content = planned.one("BucketObjectv2", "config.json").inputs["content"]
        assert json.loads(content)["pushKey"] == pairs[-1].public
        assert pairs[-1].private not in content
    assert pairs[0] != pairs[1]


def test_what_the_stack_writes_is_what_it_exports(stage_plan: Plan) -> None:
    for key in ("user-pool-id", "user-pool-client-id", "site-url", "site-bucket", "distribution-id", "api-id"):
        exported = stage_plan.exports.values[key.replace("-", "_")]
        assert stage_plan.one("Parameter", key).inputs["value"] == exported


def test_a_live_parameter_needs_a_first_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        component, "INITIALISED_PARAMETERS", (Parameter(key="new", description="None yet.", live=True),)
    )
    with pytest.raises(ValueError, match="Parameter new has no first value"):
        run_program("dev")
