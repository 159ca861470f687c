"""The program as a whole: what every stage has, how things are called, what differs."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.paths import REPOSITORY
from localcloud.engine.language_host import UNKNOWN
from services.core.services import SERVICES
from tests.unit.infra.plan import ACCOUNT, STAGES, Plan, Resource, plan, run_program

# Where prod and staging may differ: numbers, addresses, and the stage's own name in whatever holds it.
MAY_DIFFER = {
    "retentionInDays",
    "maxReadRequestUnits",
    "maxWriteRequestUnits",
    "limitAmount",
    "days",
}

# The public half of a secret whose first value is random.
_PUSH_KEY = re.compile(r'(?<=pushKey\\": \\")[\w-]{87}')

NAME_KEYS = ("name", "bucket")
# These names live inside something that has the stage in its own name, or are fixed by AWS.
LOCAL_NAMES = {
    ("Alias", "live"),
    ("Stage", "$default"),
    ("UserGroup", "moderators"),
    ("UserGroup", "internal"),
    ("UserGroup", "synthetic"),
}


def differences(one: Any, other: Any, path: str = "") -> set[str]:
    """The keys under which two structures differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        keys = one.keys() | other.keys()
        return set().union(*(differences(one.get(key), other.get(key), key) for key in keys))
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return set().union(*(differences(a, b, path) for a, b in zip(one, other, strict=True)))
    return set() if one == other else {path}


def without_stage(resource: Resource) -> Any:
    """The inputs with the stage's name taken out, and JSON texts read."""
    stage = resource.registration.urn.split(":")[2]
    text = _PUSH_KEY.sub("PUSH KEY", json.dumps(resource.inputs, default=_asset_path))
    return json.loads(re.sub(rf"\b{stage}\b", "STAGE", text))


def _asset_path(asset: Any) -> str:
    return str(asset.path)


def kinds(ids: set[str]) -> set[str]:
    """The types of resources, by the last part of their tokens."""
    return {urn.split("::")[0].split(":")[-1] for urn in ids}


def test_staging_has_what_prod_has() -> None:
    """But for the dashboards: three in an account are free, and a fourth costs as much as the alarms."""
    assert plan("staging").ids <= plan("prod").ids
    assert kinds(plan("prod").ids - plan("staging").ids) == {"Dashboard"}


def test_staging_differs_from_prod_in_numbers_only() -> None:
    prod = {resource.registration.urn.split("::", 2)[2]: resource for resource in plan("prod").resources}
    for resource in plan("staging").resources:
        twin = prod[resource.registration.urn.split("::", 2)[2]]
        unexpected = differences(without_stage(resource), without_stage(twin)) - MAY_DIFFER
        # The first value of a secret is random.
        secret = resource.inputs.get("type") == "SecureString"
        assert unexpected <= ({"value"} if secret else set()), resource.label
        assert resource.registration.protect == twin.registration.protect, resource.label
        assert resource.registration.retain_on_delete == twin.registration.retain_on_delete, resource.label


def test_dev_lacks_only_alarms_subscriptions_and_dashboards() -> None:
    assert plan("dev").ids < plan("prod").ids
    assert kinds(plan("prod").ids - plan("dev").ids) <= {
        "TopicSubscription",
        "MetricAlarm",
        "CompositeAlarm",
        "Dashboard",
    }


def test_names_carry_project_and_stage(stage_plan: Plan) -> None:
    pattern = re.compile(
        rf"^(/aws/lambda/)?civicforge-{stage_plan.stage}-[a-z0-9-]+$|^/civicforge/{stage_plan.stage}/[a-z-]+$"
    )
    for resource in stage_plan.resources:
        for key in NAME_KEYS:
            name = resource.inputs.get(key)
            if name is not None and (resource.type.split(":")[-1], name) not in LOCAL_NAMES:
                assert pattern.match(name), f"{resource.label}: {name}"


def test_two_stages_share_no_name() -> None:
    def names(stage: str) -> set[tuple[str, str]]:
        return {
            (resource.type, str(resource.inputs["name"]))
            for resource in plan(stage).resources
            if "name" in resource.inputs and (resource.type.split(":")[-1], resource.inputs["name"]) not in LOCAL_NAMES
        }

    for stage in STAGES:
        for other in STAGES:
            assert stage == other or not names(stage) & names(other)


def test_every_name_is_given_not_generated(stage_plan: Plan) -> None:
    named = ("Table", "Queue", "Topic", "Role", "RolePolicy", "Function", "LogGroup", "Api", "UserPool", "Schedule")
    for resource in stage_plan.of(*named):
        assert resource.inputs.get("name"), resource.label
        assert "namePrefix" not in resource.inputs, resource.label


def test_nothing_is_left_open(stage_plan: Plan) -> None:
    for resource in stage_plan.resources:
        text = json.dumps(resource.inputs, default=_asset_path)
        assert UNKNOWN not in text, resource.label
        assert "None" not in text, resource.label


# Everything that holds what people made or sent, by type.
STATEFUL = ("Table", "UserPool", "Bucket", "Queue")


@pytest.mark.parametrize("stage", ["staging", "prod"])
def test_what_holds_data_is_protected_and_retained(stage: str) -> None:
    parameters = [resource for resource in plan(stage).of("Parameter") if resource.registration.ignore_changes]
    for resource in [*plan(stage).of(*STATEFUL), *parameters]:
        assert resource.registration.protect, resource.label
        assert resource.registration.retain_on_delete, resource.label
    assert all(table.inputs["deletionProtectionEnabled"] for table in plan(stage).of("Table"))
    assert all(pool.inputs["deletionProtection"] == "ACTIVE" for pool in plan(stage).of("UserPool"))
    assert not any(bucket.inputs["forceDestroy"] for bucket in plan(stage).of("Bucket"))


LASTING = ("Distribution", "Api", "UserPoolClient", "LogGroup", "Key")


@pytest.mark.parametrize("stage", ["staging", "prod"])
def test_what_has_an_address_or_a_record_is_protected_and_not_retained(stage: str) -> None:
    for resource in plan(stage).of(*LASTING):
        assert resource.registration.protect, resource.label
        assert not resource.registration.retain_on_delete, resource.label


@pytest.mark.parametrize("stage", ["dev", "local"])
def test_a_stage_for_trying_out_can_be_destroyed(stage: str) -> None:
    for resource in plan(stage).resources:
        assert not resource.registration.protect, resource.label
        assert not resource.registration.retain_on_delete, resource.label
    assert not any(table.inputs["deletionProtectionEnabled"] for table in plan(stage).of("Table"))
    assert all(pool.inputs["deletionProtection"] == "INACTIVE" for pool in plan(stage).of("UserPool"))
    assert all(bucket.inputs["forceDestroy"] for bucket in plan(stage).of("Bucket"))


def test_exports(stage_plan: Plan) -> None:
    stage, values = stage_plan.stage, stage_plan.exports.values
    assert values["stage"] == stage
    assert values["region"] == "us-east-1"
    assert values["site_bucket"] == f"civicforge-{stage}-site-{ACCOUNT}"
    assert values["quests_table"] == f"civicforge-{stage}-quests"
    assert values["rewards_dlq_url"].endswith(f"/civicforge-{stage}-rewards-dlq")
    assert {key for key in values if key.startswith("function_")} == {f"function_{service}" for service in SERVICES}
    assert all(isinstance(value, str) and value for value in values.values())
    assert stage_plan.exports.secret == set()


def test_secrets_are_marked(stage_plan: Plan) -> None:
    for resource in stage_plan.of("Parameter"):
        if resource.inputs["type"] == "SecureString":
            assert "value" in resource.secret_inputs, resource.label


def test_a_domain_changes_address_and_certificate() -> None:
    certificate = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/one"
    prod = run_program("prod", {"domain": "quests.example", "certificateArn": certificate})
    (distribution,) = prod.of("Distribution")
    assert prod.exports.values["site_url"] == "https://quests.example"
    assert prod.one("Parameter", "site-url").inputs["value"] == "https://quests.example"
    assert distribution.inputs["aliases"] == ["quests.example"]
    assert distribution.inputs["viewerCertificate"] == {
        "acmCertificateArn": certificate,
        "minimumProtocolVersion": "TLSv1.2_2021",
        "sslSupportMethod": "sni-only",
    }


@pytest.mark.parametrize(
    ("folder", "argument"), [(REPOSITORY, "infra"), (REPOSITORY / "infra", "."), (REPOSITORY / "tests", "../infra")]
)
def test_the_program_finds_the_repository_by_itself(folder: Path, argument: str) -> None:
    """The language host runs it from its own folder, with nothing of ours on the path."""
    code = (
        "import runpy, sys\n"
        f"try: runpy.run_path({argument!r}, run_name='__main__')\n"
        "except Exception as error: print(type(error).__name__, error)"
    )
    result = subprocess.run([sys.executable, "-I", "-c", code], cwd=folder, capture_output=True, text=True, check=True)
    # Every import worked, and without an engine there is no configuration.
    assert "aws:region" in result.stdout, result.stdout + result.stderr


def test_tests_that_are_named_after_resources_are_the_same_in_every_process() -> None:
    """Pulumi registers from many threads, and sets are ordered by a seed: xdist compares what its workers collected."""
    names = [resource.registration.urn for resource in plan("prod").resources]
    assert names == sorted(names)


PLAN_OF_PROD = """
import json
from tests.unit.infra.plan import plan
shown = [
    [one.registration.urn, {key: value for key, value in one.inputs.items() if key not in one.secret_inputs}]
    for one in plan("prod").resources
]
print(json.dumps(shown, sort_keys=True, default=lambda value: getattr(value, "path", type(value).__name__)))
"""


def test_the_program_makes_the_same_under_every_order_of_sets() -> None:
    """A policy or a dashboard that is written from a set would change with every preview."""
    running = [
        subprocess.Popen(
            [sys.executable, "-c", PLAN_OF_PROD],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONHASHSEED": seed},
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in ("1", "2")
    ]
    one, other = (_PUSH_KEY.sub("PUSH KEY", process.communicate(timeout=300)[0]) for process in running)
    assert "RolePolicy" in one
    assert one == other
