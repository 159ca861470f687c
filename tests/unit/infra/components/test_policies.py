"""The permissions of the Lambdas' roles."""

import json
from datetime import UTC, datetime
from typing import Any

import pulumi
import pytest

from infra.components.policies import Statement, document
from services.core.domain.users import Profile, newcomer
from services.core.services import SCHEDULES, SERVICES
from services.core.stages import ON_AWS
from services.core.stores.users import Allowance
from tests.unit.infra.plan import ACCOUNT, Plan, plan, run_recorded

# Every action or resource with a * in a role's policy, with the reason; nothing else may be wide.
EXPLAINED = {
    ("WriteOwnLogs", "logs:CreateLogStream"): "Lambda names the streams",
    ("WriteOwnLogs", "logs:PutLogEvents"): "Lambda names the streams",
    **{("WriteDocuments", f"s3:{verb}Object"): "a document for every quest" for verb in ("Get", "Put", "Delete")},
    ("ReadCommunityTotals", "cloudwatch:GetMetricData"): "no permission on single metrics",
    ("ReadRefusalsAndAlarms", "cloudwatch:GetMetricData"): "no permission on single metrics",
    ("ReadRefusalsAndAlarms", "cloudwatch:DescribeAlarms"): "no permission on composite alarms",
    ("EndSilences", "cloudwatch:EnableAlarmActions"): "whatever was silenced",
}


def service_statements(stage: str, service: str) -> list[dict[str, Any]]:
    return plan(stage).one("RolePolicy", service).policy()


def allowed(stage: str, service: str) -> dict[str, set[str]]:
    """The actions of a service's role, by the last part of the resource they are allowed on."""
    actions: dict[str, set[str]] = {}
    for statement in service_statements(stage, service):
        for resource in statement["Resource"]:
            actions.setdefault(resource.split("/", 1)[-1], set()).update(statement["Action"])
    return actions


def test_a_role_is_wide_only_with_a_reason(stage_plan: Plan) -> None:
    for policy in stage_plan.of("RolePolicy"):
        for statement in policy.policy():
            for action in statement["Action"]:
                assert "*" not in action, f"{policy.label}: {action}"
                if any("*" in resource for resource in statement["Resource"]):
                    assert (statement["Sid"], action) in EXPLAINED, f"{policy.label}: {action} on {statement}"


def test_a_role_reaches_its_own_stage_only(stage_plan: Plan) -> None:
    for policy in stage_plan.of("RolePolicy"):
        for statement in policy.policy():
            for resource in statement["Resource"]:
                own = f"civicforge-{stage_plan.stage}-" in resource or f"/civicforge/{stage_plan.stage}/" in resource
                # The sender's identity is the account's.
                shared = {
                    "ReadCommunityTotals": resource == "*",
                    "ReadRefusalsAndAlarms": resource == "*",
                    "SendMails": ":identity/" in resource or resource.endswith("/mails"),
                }
                assert own or shared.get(statement["Sid"]), f"{policy.label}: {resource}"


def test_one_role_for_each_function(stage_plan: Plan) -> None:
    roles = {resource.inputs["role"] for resource in stage_plan.of("Function") if "lambda" in resource.type}
    assert len(roles) == len(SERVICES)
    schedulers = 1
    assert len(stage_plan.of("RolePolicy")) == len(stage_plan.of("Role")) == len(SERVICES) + schedulers


def test_roles_trust_one_service(stage_plan: Plan) -> None:
    for role in stage_plan.of("Role"):
        (statement,) = role.policy("assumeRolePolicy")
        service = "scheduler" if role.name == "sweeps" else "lambda"
        assert statement["Principal"] == {"Service": f"{service}.amazonaws.com"}, role.label
        assert statement["Action"] == "sts:AssumeRole"
    sweeps = stage_plan.one("Role", "sweeps").policy("assumeRolePolicy")[0]["Condition"]["StringEquals"]
    assert sweeps["aws:SourceAccount"] == ACCOUNT
    assert sweeps["aws:SourceArn"].endswith(f"civicforge-{stage_plan.stage}-sweeps")


@pytest.mark.parametrize("service", sorted(SERVICES.keys() - {"rewards"}))
@pytest.mark.parametrize("stage", ON_AWS)
def test_only_rewards_may_raise_xp_and_reputation(stage: str, service: str) -> None:
    for statement in service_statements(stage, service):
        users = any(resource.endswith(f"civicforge-{stage}-users") for resource in statement["Resource"])
        if users and {"dynamodb:UpdateItem", "dynamodb:PutItem"} & set(statement["Action"]):
            attributes = statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"]
            assert "userId" in attributes
            assert not {"xp", "reputation", "completed"} & set(attributes)
            assert len(statement["Action"]) == 1
        if {"dynamodb:DeleteItem", "dynamodb:BatchWriteItem"} & set(statement["Action"]):
            assert statement["Resource"] == [f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/civicforge-{stage}-inbox"]


def _writable(service: str, operation: str) -> set[str]:
    """The attributes of a user that a service may write by this operation on prod."""
    return {
        attribute
        for statement in service_statements("prod", service)
        if statement["Sid"] == f"{operation}OfUsers"
        for attribute in statement["Condition"]["ForAllValues:StringEquals"]["dynamodb:Attributes"]
    }


@pytest.mark.parametrize("field", [field.alias or name for name, field in Profile.model_fields.items()])
def test_a_field_of_the_profile_may_be_stored_and_taken_away(field: str) -> None:
    assert field in _writable("api", "UpdateItem")
    assert field in _writable("housekeeping", "UpdateItem")


@pytest.mark.parametrize("allowance", Allowance)
def test_an_allowance_may_be_counted(allowance: Allowance) -> None:
    assert allowance in _writable("api", "UpdateItem")


@pytest.mark.parametrize("service", ["api", "onboarding"])
def test_the_row_of_a_newcomer_may_be_made(service: str) -> None:
    row = newcomer("u", datetime.now(UTC)).model_dump(by_alias=True, exclude_defaults=True)
    assert row.keys() <= _writable(service, "PutItem")


def test_rewards_may_change_users_and_onboarding_may_only_make_them() -> None:
    assert "dynamodb:UpdateItem" in allowed("prod", "rewards")["civicforge-prod-users"]
    assert "dynamodb:PutItem" not in allowed("prod", "rewards")["civicforge-prod-users"]
    assert allowed("prod", "onboarding")["civicforge-prod-users"] == {"dynamodb:GetItem", "dynamodb:PutItem"}
    assert "civicforge-prod-quests" not in allowed("prod", "onboarding")
    assert "civicforge-prod-quests" not in allowed("prod", "rewards")


def test_secrets_are_read_by_the_api_alone() -> None:
    readers = {service for service in SERVICES if any("api-key" in resource for resource in allowed("prod", service))}
    assert readers == {"api"}
    readers = {name for name in SERVICES if any("address-key" in resource for resource in allowed("prod", name))}
    assert readers == {"api", "onboarding", "housekeeping"}


@pytest.mark.parametrize("service", ["onboarding", "api", "housekeeping"])
def test_inboxes_are_not_written_by_who_writes_digests_of_addresses(service: str) -> None:
    found = [s for s in service_statements("prod", service) if s["Sid"] == "Addresses"]
    assert [s["Condition"] for s in found] == [{"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["address#*"]}}]
    inbox = [s for s in service_statements("prod", service) if any("prod-inbox" in str(r) for r in s["Resource"])]
    written = {action for s in inbox if "Condition" not in s for action in s["Action"]}
    assert not written & {"dynamodb:PutItem", "dynamodb:UpdateItem"}


def test_every_queue_a_function_sends_to_is_one_it_may_send_to() -> None:
    for name, service in SERVICES.items():
        queues = [queue for queue in (service.queue, SCHEDULES if service.sweep_minutes else None) if queue]
        sent = {key for key, actions in allowed("prod", name).items() if "sqs:SendMessage" in actions}
        assert sent == {f"civicforge-prod-{queue.base_name}" for queue in queues}, name


def render(statement: Statement) -> dict[str, Any]:
    _, exports = run_recorded(lambda: pulumi.export("policy", document(statement)), "dev", {})
    rendered: dict[str, Any] = json.loads(exports.values["policy"])["Statement"][0]
    return rendered


@pytest.mark.parametrize(
    ("actions", "resources"), [(["s3:*"], ["arn:one"]), (["s3:GetObject"], ["arn:one", "arn:two/*"])]
)
def test_a_wildcard_without_a_reason_is_refused(actions: list[str], resources: list[str]) -> None:
    with pytest.raises(ValueError, match="Statement Wide is wide without a reason: "):
        render(Statement(sid="Wide", actions=actions, resources=resources))


def test_a_wildcard_that_only_shows_later_is_refused_too() -> None:
    def wide() -> None:
        resources = [pulumi.Output.from_input("arn:one").apply(lambda arn: f"{arn}/*")]
        pulumi.export("policy", document(Statement(sid="Wide", actions=["s3:GetObject"], resources=resources)))

    with pytest.raises(ValueError, match="wide without a reason: arn:one"):
        run_recorded(wide, "dev", {})


def test_the_canary_writes_no_row_and_sets_nothing_but_the_breaker_and_its_own_notes(stage_plan: Plan) -> None:
    statements = {statement["Sid"]: statement for statement in stage_plan.one("RolePolicy", "canary").policy()}
    writes = [s for s in statements.values() if any(action.startswith("dynamodb:") for action in s["Action"])]
    assert writes == [statements["Probe"]]
    assert writes[0]["Condition"] == {"ForAllValues:StringEquals": {"dynamodb:LeadingKeys": ["canary-probe"]}}
    put = [s["Resource"] for s in statements.values() if "ssm:PutParameter" in s["Action"]]
    names = {arn.rpartition("/")[2] for (resources) in put for arn in resources}
    assert names == {"breaker", "breaker-self", "alarm-silences"}
    setters = {p.name for p in stage_plan.of("RolePolicy") for s in p.policy() if "ssm:PutParameter" in s["Action"]}
    assert setters == {"canary"}
    assert statements["WriteStatusPage"]["Resource"][0].endswith("/published/status.html")
