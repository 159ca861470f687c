"""The bootstrap stack: who is trusted, what each role may do, and the commands that it prints."""

import json
import os
import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pulumi
import pytest

from infra.bootstrap.github import AUDIENCE, DATA_LOSS_LABEL, ISSUER, RULESET
from infra.paths import REPOSITORY
from localcloud.authorization.policies import Request, allows
from localcloud.engine.language_host import NotFoundError
from services.core.stages import ON_AWS
from services.core.stages import STAGES as DECLARED
from tests.unit.infra.plan import ACCOUNT, Plan, Recorder, plan, run_program

SLUG = "town@12/civicforge@34"
STAGES = ON_AWS
ENVIRONMENTS = {
    **{f"{stage}-deploy": str(DECLARED[stage].environment) for stage in STAGES},
    **{f"{stage}-preview": f"preview-{stage}" for stage in STAGES},
    **{f"{stage}-rollout": f"rollout-{stage}" for stage in STAGES},
}
"""The GitHub environment of each role."""
INLINE_LIMIT = 6144
"""Characters of a managed policy, white space not counted."""

PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
OURS = {"project": "civicforge", "stage": "bootstrap"}


class Account(Recorder):
    """A recorder of an account that may have a provider for GitHub already."""

    provider: dict[str, Any] | None = None

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        if token != "aws:iam/getOpenIdConnectProvider:getOpenIdConnectProvider":
            return super().invoke(token, args)
        if self.provider is None:
            raise NotFoundError(args["url"])
        return self.provider


def bootstrapped(provider: dict[str, Any] | None = None, repository: str = SLUG, region: str = "us-east-1") -> Plan:
    """The plan of the bootstrap stack."""
    account = type("Account", (Account,), {"provider": provider})
    with patch("tests.unit.infra.plan.Recorder", account):
        return run_program("bootstrap", {"repository": repository, "aws:region": region})


def found(*audiences: str, **tags: str) -> dict[str, Any]:
    """The answer of the provider's lookup."""
    return {
        "arn": PROVIDER,
        "id": PROVIDER,
        "url": ISSUER,
        "clientIdLists": audiences,
        "thumbprintLists": [],
        "tags": tags,
    }


@pytest.fixture(scope="module")
def account() -> Plan:
    """An account that had nothing before."""
    return bootstrapped()


def policies(plan: Plan, role: str) -> dict[str, list[dict[str, Any]]]:
    """The statements of each policy that is attached to a role."""
    attached = [item for item in plan.of("RolePolicyAttachment") if item.inputs["role"].endswith(f"-{role}")]
    names = [item.inputs["policyArn"].rsplit("civicforge-bootstrap-", 1)[1] for item in attached]
    return {name: plan.one("Policy", name).policy() for name in names}


def statements(plan: Plan, role: str) -> list[dict[str, Any]]:
    """All statements that hold for a role."""
    return [statement for part in policies(plan, role).values() for statement in part]


def actions(found: list[dict[str, Any]]) -> set[str]:
    """The actions that statements name."""
    return {action for statement in found for action in statement["Action"]}


# Who is trusted.


@pytest.mark.parametrize(("role", "environment"), ENVIRONMENTS.items())
def test_a_role_trusts_the_jobs_of_one_environment(account: Plan, role: str, environment: str) -> None:
    """In both forms of a token; where only names stand in it, the repository's id is asked for."""
    claims = []
    for trust in account.one("Role", role).policy("assumeRolePolicy"):
        assert trust["Action"] == "sts:AssumeRoleWithWebIdentity"
        assert set(trust["Principal"]) == {"Federated"}
        assert set(trust["Condition"]) == {"StringEquals"}
        claims.append(trust["Condition"]["StringEquals"])
    assert claims == [
        {f"{ISSUER}:aud": AUDIENCE, f"{ISSUER}:sub": f"repo:town@12/civicforge@34:environment:{environment}"},
        {
            f"{ISSUER}:aud": AUDIENCE,
            f"{ISSUER}:sub": f"repo:town/civicforge:environment:{environment}",
            f"{ISSUER}:repository_id": "34",
        },
    ]


def trusts(statements: list[dict[str, Any]], **claims: str) -> bool:
    """STS's decision on a token."""
    context = {f"{ISSUER}:{name}": value for name, value in claims.items()}
    request = Request("sts:AssumeRoleWithWebIdentity", "*", context)
    return allows([{**statement, "Resource": "*"} for statement in statements], request)


def test_a_name_that_somebody_else_took_up_is_not_trusted(account: Plan) -> None:
    trust = account.one("Role", "prod-deploy").policy("assumeRolePolicy")
    named = {"aud": AUDIENCE, "sub": "repo:town/civicforge:environment:production"}
    assert trusts(trust, **named, repository_id="34")
    assert trusts(trust, aud=AUDIENCE, sub="repo:town@12/civicforge@34:environment:production")
    assert not trusts(trust, **named)
    assert not trusts(trust, **named, repository_id="35")
    assert not trusts(trust, aud=AUDIENCE, sub="repo:town@12/civicforge@35:environment:production", repository_id="34")


def test_there_are_no_other_roles(account: Plan) -> None:
    assert {role.name for role in account.of("Role")} == set(ENVIRONMENTS)


def test_the_provider_is_made_where_there_is_none(account: Plan) -> None:
    (provider,) = account.of("OpenIdConnectProvider")
    assert provider.inputs == {"url": f"https://{ISSUER}", "clientIdLists": [AUDIENCE]}
    assert provider.registration.protect


def test_the_provider_of_another_project_is_adopted() -> None:
    adopting = bootstrapped(found(AUDIENCE, "other", project="other"))
    assert not [r for r in adopting.resources if r.type.endswith("OpenIdConnectProvider")]
    assert adopting.exports.values["identity_provider"] == PROVIDER
    trust, _ = adopting.one("Role", "dev-deploy").policy("assumeRolePolicy")
    assert trust["Principal"] == {"Federated": PROVIDER}


def test_a_provider_of_our_own_stays_in_the_program() -> None:
    """Otherwise the second run would delete what the first one made."""
    assert bootstrapped(found(AUDIENCE, **OURS)).of("OpenIdConnectProvider")


def test_an_adopted_provider_without_our_audience_is_refused_with_the_remedy() -> None:
    with pytest.raises(pulumi.RunError, match="add-client-id-to-open-id-connect-provider --client-id sts"):
        bootstrapped(found("other"))


@pytest.mark.parametrize(
    "repository", ["", "civicforge", "town/*", "town/civicforge:ref", "town@1/civicforge", "a/b/c"]
)
def test_only_one_repository_can_be_named(repository: str) -> None:
    with pytest.raises(pulumi.RunError, match=r"Pulumi\.bootstrap\.yaml: repository"):
        bootstrapped(repository=repository)


# What is kept.


def test_state_and_key_are_kept(account: Plan) -> None:
    (bucket,) = account.of("Bucket")
    (key,) = account.of("Key")
    assert bucket.inputs["bucket"] == f"civicforge-bootstrap-state-{ACCOUNT}"
    assert not bucket.inputs["forceDestroy"]
    for kept in (bucket, key):
        assert kept.registration.protect
        assert kept.registration.retain_on_delete
    assert key.inputs["enableKeyRotation"]
    assert account.of("BucketVersioning")[0].inputs["versioningConfiguration"] == {"status": "Enabled"}
    assert account.of("BucketServerSideEncryptionConfiguration")
    block = account.of("BucketPublicAccessBlock")[0].inputs
    assert all(
        block[key] for key in ("blockPublicAcls", "blockPublicPolicy", "ignorePublicAcls", "restrictPublicBuckets")
    )
    (tls,) = account.of("BucketPolicy")[0].policy()
    assert (tls["Effect"], tls["Condition"]) == ("Deny", {"Bool": {"aws:SecureTransport": "false"}})


def test_everything_is_out_of_the_stages_reach(account: Plan) -> None:
    for resource in account.resources:
        name = resource.inputs.get("name") or resource.inputs.get("bucket")
        assert name is None or name.removeprefix("alias/").startswith("civicforge-bootstrap-"), resource.label


# What the roles may do.


def test_policies_fit_into_iam(account: Plan) -> None:
    for policy in account.of("Policy"):
        assert len(json.dumps(json.loads(policy.inputs["policy"]), separators=(",", ":"))) <= INLINE_LIMIT, policy.name
    for role in ENVIRONMENTS:
        assert 1 <= len(policies(account, role)) <= 10


@pytest.mark.parametrize("role", ENVIRONMENTS)
def test_no_statement_names_another_stage(account: Plan, role: str) -> None:
    stage = role.split("-")[0]
    for statement in statements(account, role):
        text = json.dumps({key: statement[key] for key in ("Resource", "Condition") if key in statement})
        for other in {*STAGES, "local"} - {stage}:
            assert f"civicforge-{other}-" not in text, statement["Sid"]
            assert f"civicforge/{other}/" not in text, statement["Sid"]
            assert f"civicforge-bootstrap-{other}" not in text, statement["Sid"]


@pytest.mark.parametrize("role", ENVIRONMENTS)
def test_what_has_no_name_of_ours_is_told_by_its_tag(account: Plan, role: str) -> None:
    stage = role.split("-")[0]
    named = (f"civicforge-{stage}-", f"/civicforge/{stage}/", "civicforge-bootstrap-")
    for statement in statements(account, role):
        wide = [arn for arn in statement["Resource"] if not any(name in arn for name in named)]
        asked = statement.get("Condition", {}).get("StringEquals", {})
        tagged = stage in (asked.get("aws:ResourceTag/stage"), asked.get("aws:RequestTag/stage"))
        assert not wide or tagged or statement["Sid"] in UNSCOPED, statement["Sid"]


# What AWS can restrict neither by name nor by tag; the reason of each stands beside it in permissions.py.
UNSCOPED = {
    "AccessLogs",
    "ApiParts",
    "ApiTags",
    "CompositeAlarms",
    "DecryptState",
    "EdgeFunction",
    "EdgeLog",
    "EdgePolicies",
    "EventSources",
    "ReadApiParts",
    "ReadCosts",
    "ReadMetadata",
    "SavedQueries",
    "ServiceRoles",
    "StageTags",
    "Subscriptions",
    "Watch",
}


@pytest.mark.parametrize("stage", STAGES)
def test_the_preview_role_only_reads(account: Plan, stage: str) -> None:
    reading = ("Get", "List", "Describe", "View", "GET", "Decrypt")
    for action in actions(statements(account, f"{stage}-preview")):
        assert action.split(":")[1].startswith(reading), action


@pytest.mark.parametrize("stage", STAGES)
def test_the_preview_role_reads_no_data(account: Plan, stage: str) -> None:
    data = {"dynamodb:GetItem", "dynamodb:Query", "dynamodb:Scan", "sqs:ReceiveMessage", "logs:GetLogEvents"}
    data |= {"cognito-idp:ListUsers", "cognito-idp:AdminGetUser", "logs:FilterLogEvents", "s3:GetObjectVersion"}
    for statement in statements(account, f"{stage}-preview"):
        for action in data:
            assert not any(fnmatchcase(action, pattern) for pattern in statement["Action"]), (action, statement["Sid"])
    objects = [s["Resource"] for s in statements(account, f"{stage}-preview") if "s3:GetObject" in s["Action"]]
    own = [f"arn:aws:s3:::civicforge-{stage}-{name}" for name in (f"site-{ACCOUNT}/*", f"releases-{ACCOUNT}/current")]
    (state,) = (resource for (resource,) in objects if resource not in own)
    assert state.endswith(f"/{stage}/*")


@pytest.mark.parametrize("stage", STAGES)
def test_log_groups_are_found_with_what_iam_wants_behind_their_name(account: Plan, stage: str) -> None:
    for group in (f"/civicforge/{stage}/audit", f"/aws/lambda/civicforge-{stage}-api"):
        arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"
        for action in ("logs:CreateLogGroup", "logs:PutRetentionPolicy"):
            assert allows(statements(account, f"{stage}-deploy"), Request(action, f"{arn}:*"))
        deleting = Request("logs:DeleteLogGroup", f"{arn}:*")
        assert allows(statements(account, f"{stage}-deploy"), deleting) == (stage == "dev")


def test_the_roles_of_a_far_stage_find_its_log_deliveries() -> None:
    elsewhere = {
        item.type.split(":")[-1]: item.inputs["region"] for item in plan("dev").resources if "region" in item.inputs
    }
    assert elsewhere == dict.fromkeys(("LogDeliverySource", "LogDeliveryDestination", "LogDelivery"), "us-east-1")
    account = bootstrapped(region="eu-central-1")
    for role in ("dev-preview", "dev-deploy"):
        for statement in statements(account, role):
            for arn in statement["Resource"]:
                if arn.startswith("arn:aws:logs:"):
                    expected = "us-east-1" if ":delivery" in arn else "eu-central-1"
                    assert arn.split(":")[3] == expected, arn


@pytest.mark.parametrize("stage", STAGES)
def test_state_and_secrets_of_a_stage_are_its_own(account: Plan, stage: str) -> None:
    for role in (f"{stage}-preview", f"{stage}-deploy"):
        found = {statement["Sid"]: statement for statement in statements(account, role)}
        assert found["DecryptState"]["Condition"] == {"StringEquals": {"kms:EncryptionContext:stage": stage}}
        assert found["ListState"]["Condition"] == {"StringLike": {"s3:prefix": [f"{stage}/*"]}}
        assert all(arn.endswith(f"/{stage}/*") for arn in found["ReadState"]["Resource"])


@pytest.mark.parametrize("stage", STAGES)
def test_the_rollout_role_moves_flags_tells_notify_and_no_more(account: Plan, stage: str) -> None:
    parameters = f"arn:aws:ssm:us-east-1:{ACCOUNT}:parameter/civicforge/{stage}"
    notify = f"arn:aws:sns:us-east-1:{ACCOUNT}:civicforge-{stage}-notify"
    audit = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:/civicforge/{stage}/audit:*"
    found = {
        (action, resource)
        for statement in statements(account, f"{stage}-rollout")
        for action in statement["Action"]
        for resource in statement["Resource"]
    }
    assert found == {
        ("ssm:GetParameter", f"{parameters}/rollout-*"),
        ("ssm:GetParameter", f"{parameters}/feature-*"),
        ("ssm:PutParameter", f"{parameters}/rollout-*"),
        ("ssm:PutParameter", f"{parameters}/feature-*"),
        ("cloudwatch:DescribeAlarms", "*"),
        ("cloudwatch:GetMetricStatistics", "*"),
        ("sns:Publish", notify),
        ("kms:Decrypt", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/*"),
        ("kms:GenerateDataKey", f"arn:aws:kms:us-east-1:{ACCOUNT}:key/*"),
        ("logs:CreateLogStream", audit),
        ("logs:PutLogEvents", audit),
    }
    (encrypting,) = (s for s in statements(account, f"{stage}-rollout") if "kms:Decrypt" in s["Action"])
    assert encrypting["Condition"] == {
        "StringEquals": {
            "aws:ResourceTag/stage": stage,
            "kms:EncryptionContext:aws:sns:topicArn": notify,
            "kms:ViaService": "sns.us-east-1.amazonaws.com",
        }
    }


def test_the_topic_that_a_rollout_tells_is_encrypted_as_its_role_expects() -> None:
    """With another key, or a name of its own, the message would be refused on AWS alone."""
    for stage in STAGES:
        (topic,) = (t for t in plan(stage).of("Topic") if t.inputs["name"] == f"civicforge-{stage}-notify")
        assert topic.inputs["kmsMasterKeyId"] == f"arn:aws:kms:us-east-1:{ACCOUNT}:key/alerts"


DELETING_DATA = {
    "dynamodb:DeleteTable",
    "s3:DeleteBucket",
    "s3:DeleteObjectVersion",
    "cognito-idp:DeleteUserPool",
    "sqs:DeleteQueue",
    "kms:ScheduleKeyDeletion",
    "logs:DeleteLogGroup",
}


def test_only_dev_may_lose_its_data(account: Plan) -> None:
    assert actions(statements(account, "dev-deploy")) >= DELETING_DATA
    for stage in ("staging", "prod"):
        for statement in statements(account, f"{stage}-deploy"):
            for action in DELETING_DATA:
                assert not any(fnmatchcase(action, pattern) for pattern in statement["Action"]), statement["Sid"]


@pytest.mark.parametrize("stage", STAGES)
def test_roles_are_made_bounded_and_passed_to_two_services(account: Plan, stage: str) -> None:
    found = {statement["Sid"]: statement for statement in statements(account, f"{stage}-deploy")}
    boundary = f"arn:aws:iam::{ACCOUNT}:policy/civicforge-bootstrap-{stage}-boundary"
    bounded, passing = found["BoundedRoles"], found["PassRoles"]
    assert bounded["Condition"] == {"StringEquals": {"iam:PermissionsBoundary": boundary}}
    assert passing["Condition"] == {
        "StringEquals": {"iam:PassedToService": ["lambda.amazonaws.com", "scheduler.amazonaws.com"]}
    }
    granting = {"iam:CreateRole", "iam:PutRolePolicy", "iam:AttachRolePolicy", "iam:PutRolePermissionsBoundary"}
    granting |= {
        "iam:DeleteRolePermissionsBoundary",
        "iam:CreatePolicyVersion",
        "iam:CreateUser",
        "iam:CreateAccessKey",
    }
    for statement in found.values():
        if statement is not bounded:
            assert not granting & set(statement["Action"]), statement["Sid"]
    assert set(bounded["Action"]) < granting
    assert not {"iam:*", "*"} & actions(list(found.values()))


@pytest.mark.parametrize("stage", STAGES)
def test_the_stages_roles_carry_the_boundary_and_stay_within(account: Plan, stage: str) -> None:
    """A Lambda's grant beyond its boundary would fail on AWS alone."""
    allowed = actions(account.one("Policy", f"{stage}-boundary").policy())
    for role in plan(stage).of("Role"):
        assert role.inputs["permissionsBoundary"].endswith(f":policy/civicforge-bootstrap-{stage}-boundary"), role.label
    for policy in plan(stage).of("RolePolicy"):
        assert actions(policy.policy()) <= allowed, policy.label


def test_a_repository_without_ids_is_trusted_by_its_name_alone() -> None:
    (trust,) = bootstrapped(repository="town/civicforge").one("Role", "dev-deploy").policy("assumeRolePolicy")
    assert trust["Condition"]["StringEquals"][f"{ISSUER}:sub"] == "repo:town/civicforge:environment:development"


# What is left to do.

GITHUB = r"""#!/usr/bin/env bash
# GitHub and git, as far as they refuse to do a thing twice. What exists is a file below $STATE.
echo "${0##*/} $* @${PULUMI_BACKEND_URL-}" >> "$LOG"
made() { [[ -e "$STATE/$1" ]]; }
once() { if made "$1"; then echo "$1 exists already (HTTP 422)" >&2; exit 1; fi; touch "$STATE/$1"; }
case "${0##*/} $*" in
  "gh api repos/town/civicforge/rulesets --jq"*) ! made ruleset || echo 7 ;;
  "gh api --silent --method POST repos/town/civicforge/rulesets --input"*) once ruleset ;;
  "gh api --silent --method PUT repos/town/civicforge/rulesets/7 --input"*) made ruleset ;;
  "gh api repos/"*"/deployment-branch-policies --jq"*) ! made "policy-${2//\//-}" || echo main ;;
  "gh api --silent --method POST repos/"*"/deployment-branch-policies -f name=main") once "policy-${5//\//-}" ;;
  "git diff --quiet HEAD -- Pulumi.bootstrap.yaml "*) made commit ;;
  "git commit -m "*) once commit ;;
  "pulumi stack init"*) once "stack-$4" ;;
  "gh api user --jq .id") echo 12 ;;
esac
"""


def run_remaining(commands: str, folder: Path) -> list[str]:
    """The calls that the printed commands make, in a shell that stops at the first failure."""
    tools, state = folder / "tools", folder / "state"
    for made in (tools, state):
        made.mkdir(exist_ok=True)
    for name in ("gh", "git", "pulumi", "aws"):
        (tools / name).write_text(GITHUB)
        (tools / name).chmod(0o755)
    log = folder / "log"
    log.write_text("")
    environment = {"PATH": f"{tools}:{os.environ['PATH']}", "LOG": str(log), "STATE": str(state)}
    command = ["bash", "-euo", "pipefail", "-c", commands]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return log.read_text().splitlines()


@pytest.fixture
def calls(account: Plan, tmp_path: Path) -> list[str]:
    """The calls that the printed commands make the first time."""
    return run_remaining(account.exports.values["next_steps"], tmp_path)


def test_the_commands_that_remain(account: Plan, calls: list[str]) -> None:
    roles = account.exports.values["roles"]
    for environment in ENVIRONMENTS.values():
        at = f"--repo town/civicforge --env {environment} --body"
        assert f"gh variable set AWS_ROLE_TO_ASSUME {at} {roles[environment]} @" in calls
        assert f"gh variable set AWS_REGION {at} us-east-1 @" in calls
        backends = [call for call in calls if call.startswith(f"gh variable set PULUMI_BACKEND_URL {at}")]
        assert len(backends) == (0 if environment.startswith("rollout-") else 1), "a rollout reads no state"
    assert roles["production"].endswith("role/civicforge-bootstrap-prod-deploy")
    assert roles["preview-prod"].endswith("role/civicforge-bootstrap-prod-preview")
    assert roles["rollout-prod"].endswith("role/civicforge-bootstrap-prod-rollout")
    for stage in STAGES:
        url = f"s3://civicforge-bootstrap-state-{ACCOUNT}/{stage}?region=us-east-1"
        key = f"awskms://alias/civicforge-bootstrap-secrets?region=us-east-1&context_stage={stage}"
        assert f"pulumi stack select {stage} --create --secrets-provider {key} @{url}" in calls
    assert any(call.startswith(f"gh label create {DATA_LOSS_LABEL}") for call in calls)
    pushed, ruled = (next(n for n, c in enumerate(calls) if part in c) for part in ("git push", f"--input {RULESET}"))
    assert pushed < ruled, "from then on main takes pull requests only"
    (approval,) = (call for call in calls if "reviewers[][type]=User" in call)
    assert "repos/town/civicforge/environments/production " in approval
    assert "deployment_branch_policy[custom_branch_policies]=true" in approval
    assert "reviewers[][id]=12" in approval


def test_what_the_setup_writes_is_committed(calls: list[str]) -> None:
    """`setup-oidc.sh` and the stacks write into these files; a dirty tree is not deployed to prod."""
    (commit,) = (call for call in calls if call.startswith("git commit"))
    for stack in ("bootstrap", *STAGES):
        assert f" Pulumi.{stack}.yaml" in commit


def test_the_commands_can_be_run_again(account: Plan, tmp_path: Path) -> None:
    commands = account.exports.values["next_steps"]
    first, second = run_remaining(commands, tmp_path), run_remaining(commands, tmp_path)
    assert any("--method POST repos/town/civicforge/rulesets" in call for call in first)
    assert any("--method PUT repos/town/civicforge/rulesets/7" in call for call in second)
    assert not any("--method POST" in call or call.startswith(("git commit", "git push")) for call in second)


def test_any_branch_may_deploy_dev_and_nothing_else(calls: list[str]) -> None:
    made = [call.split() for call in calls if "--method PUT repos/town/civicforge/environments/" in call]
    kept_to_main = {words[5].rsplit("/", 1)[1] for words in made if len(words) > 7}
    assert {words[5].rsplit("/", 1)[1] for words in made} == set(ENVIRONMENTS.values())
    previews = {f"preview-{stage}" for stage in STAGES}
    assert kept_to_main == set(ENVIRONMENTS.values()) - previews - {"development"}
    for name in kept_to_main:
        path = f"repos/town/civicforge/environments/{name}/deployment-branch-policies"
        assert f"gh api --silent --method POST {path} -f name=main @" in calls


# The script.

STANDIN = """#!/usr/bin/env bash
echo "${0##*/} $* @${PULUMI_BACKEND_URL-}" >> "$LOG"
case "${0##*/} $*" in
  "aws sts get-caller-identity"*) echo 123456789012 ;;
  "aws s3api head-bucket"*) exit "$BUCKET_MISSING" ;;
  "gh repo view"*) echo town/civicforge ;;
  "gh api repos/town/civicforge"*) echo town@12/civicforge@34 ;;
  "pulumi stack output next_steps"*) echo "gh do this" ;;
esac
"""


def run_script(folder: Path, *arguments: str, bucket_exists: bool) -> tuple[list[str], str]:
    """The commands that scripts/setup-oidc.sh runs in a copy of the repository, and what it prints."""
    tools = folder / "tools"
    (folder / "scripts").mkdir(parents=True)
    tools.mkdir()
    for tool in ("aws", "gh", "make", "pulumi"):
        (tools / tool).write_text(STANDIN)
        (tools / tool).chmod(0o755)
    shutil.copy(REPOSITORY / "scripts" / "setup-oidc.sh", folder / "scripts")
    shutil.copy(REPOSITORY / "Pulumi.yaml", folder)
    environment = {
        "PATH": f"{tools}:{os.environ['PATH']}",
        "LOG": str(folder / "log"),
        "BUCKET_MISSING": "0" if bucket_exists else "1",
    }
    command = [str(folder / "scripts" / "setup-oidc.sh"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    return (folder / "log").read_text().splitlines(), done.stdout


REMOTE = "@s3://civicforge-bootstrap-state-123456789012/bootstrap?region=us-east-1"


def test_the_first_run_moves_its_state_into_the_bucket(tmp_path: Path) -> None:
    log, printed = run_script(tmp_path, bucket_exists=False)
    local = f"@file://{tmp_path}/.local/bootstrap"
    assert [line for line in log if line.startswith("pulumi")] == [
        f"pulumi stack select bootstrap --create --secrets-provider passphrase {local}",
        f"pulumi config set repository town@12/civicforge@34 {local}",
        f"pulumi up {local}",
        f"pulumi stack export --file .local/bootstrap/state.json {local}",
        f"pulumi stack select bootstrap --create --secrets-provider passphrase {REMOTE}",
        f"pulumi stack import --file .local/bootstrap/state.json {REMOTE}",
        f"pulumi stack output next_steps {REMOTE}",
    ]
    assert printed.endswith("Now run:\ngh do this\n")
    assert not (tmp_path / ".local" / "bootstrap").exists()


def test_a_first_run_that_was_interrupted_goes_on_from_its_own_state(tmp_path: Path) -> None:
    (tmp_path / ".local" / "bootstrap").mkdir(parents=True)
    log, _ = run_script(tmp_path, bucket_exists=True)
    assert f"pulumi up @file://{tmp_path}/.local/bootstrap" in log
    assert f"pulumi stack import --file .local/bootstrap/state.json {REMOTE}" in log
    assert not (tmp_path / ".local" / "bootstrap").exists()


def test_later_runs_use_the_bucket(tmp_path: Path) -> None:
    log, _ = run_script(tmp_path, "town/civicforge", bucket_exists=True)
    assert [line for line in log if line.startswith(("pulumi", "gh"))] == [
        f"pulumi stack select bootstrap --create --secrets-provider passphrase {REMOTE}",
        f"pulumi config set repository town/civicforge {REMOTE}",
        f"pulumi up {REMOTE}",
        f"pulumi stack output next_steps {REMOTE}",
    ]
