"""The trust in each role and its permissions: the bootstrap stack on the emulator's STS and IAM.

The emulator (with `AUTH=true`) evaluates issuer, audience and subject of a token against the role's trust, and the
role's policies and boundary on each request. It verifies neither signature nor expiry of a token, which is AWS's and
GitHub's own work. Of the keys that conditions ask for it fills in few, and not those of IAM and KMS: those statements
are evaluated by the same evaluator with the request's keys given, in `test_conditions_that_the_emulator_does_not_see`.
"""

import base64
import json
import os
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra.bootstrap.github import (
    AUDIENCE,
    DEPLOY_ENVIRONMENTS,
    ISSUER,
    preview_environment,
    rollout_environment,
)
from infra.paths import REPOSITORY
from localcloud.engine.deployment import Report
from ops.commands import rollout
from ops.shared.rollouts import Rollout
from ops.shared.stage import Stage
from services.core.parameters import flag_parameter, rollout_parameter
from tests.platform.conftest import VENV, Platform

ACCOUNT = "000000000000"
SLUG = "town@12/civicforge@34"
STAGES = tuple(DEPLOY_ENVIRONMENTS)
ENVIRONMENTS = [
    *DEPLOY_ENVIRONMENTS.values(),
    *map(preview_environment, STAGES),
    *map(rollout_environment, STAGES),
]
DENIED = {"AccessDenied", "AccessDeniedException", "AccessDeniedFault", "AuthorizationError", "403"}

STRANGERS = [
    f"repo:{SLUG}:ref:refs/heads/main",
    f"repo:{SLUG}:pull_request",
    f"repo:{SLUG}:environment:Production",
    f"repo:{SLUG}:environment:production2",
    f"repo:{SLUG}:environment:*",
    f"repo:{SLUG}-fork:environment:production",
    "repo:town/civicforge:environment:production",
    "repo:town@12/civicforge@35:environment:production",
    "repo:town@13/civicforge@34:environment:production",
    f"repo:x/{SLUG}:environment:production",
    f"repo:{SLUG}:environment:production:environment:development",
    "",
]
"""Subjects whom no role trusts: other events, other environments, namesakes, reused names."""


@dataclass(frozen=True)
class Account:
    """An account in which the bootstrap stack is up. `roles` is keyed by GitHub environment."""

    platform: Platform
    roles: dict[str, str]
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def assume(self, environment: str, subject: str, audience: str = AUDIENCE, issuer: str = ISSUER) -> dict[str, str]:
        """The credentials of an environment's role. Raises ClientError if it is not trusted."""
        answer = self.platform.client("sts").assume_role_with_web_identity(
            RoleArn=self.roles[environment],
            RoleSessionName="job",
            WebIdentityToken=token(sub=subject, aud=audience, iss=f"https://{issuer}"),
        )["Credentials"]
        return {
            "aws_access_key_id": answer["AccessKeyId"],
            "aws_secret_access_key": answer["SecretAccessKey"],
            "aws_session_token": answer["SessionToken"],
        }

    def client(self, environment: str, service: str) -> Any:
        """A client with the role of an environment."""
        if (environment, service) not in self._clients:
            credentials = self.assume(environment, f"repo:{SLUG}:environment:{environment}")
            self._clients[environment, service] = self.platform.client(service, **credentials)
        return self._clients[environment, service]


def token(**claims: str) -> str:
    """A token of GitHub's form, unsigned."""

    def part(value: object) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'RS256', 'typ': 'JWT'})}.{part(claims)}.c2lnbmF0dXJl"


def bootstrap(platform: Platform) -> Report:
    """Bring the bootstrap stack up."""
    return platform.up("bootstrap", root=REPOSITORY, overrides={"repository": SLUG})


@pytest.fixture(scope="module")
def account(make_platform: Callable[[], Platform]) -> Account:
    """An account of its own, in which each stage has its bucket."""
    platform = make_platform()
    for stage in STAGES:
        platform.client("s3").create_bucket(Bucket=f"civicforge-{stage}-site-{ACCOUNT}")
    return Account(platform, bootstrap(platform).outputs["roles"])


def test_a_second_run_changes_nothing(account: Account) -> None:
    again = bootstrap(account.platform)
    assert again.changed == 0
    assert again.outputs["roles"] == account.roles


# Who.


def trusted(account: Account, environment: str, subject: str, **token: str) -> bool:
    """True if the role of an environment trusts a subject."""
    try:
        account.assume(environment, subject, **token)
    except ClientError as error:
        if error.response["Error"]["Code"] != "AccessDenied":
            raise
        return False
    return True


def test_only_the_diagonal_of_the_matrix_passes(account: Account) -> None:
    subjects = [f"repo:{SLUG}:environment:{environment}" for environment in ENVIRONMENTS]
    cells = {
        (role, subject)
        for role in ENVIRONMENTS
        for subject in [*subjects, *STRANGERS]
        if trusted(account, role, subject)
    }
    assert cells == set(zip(ENVIRONMENTS, subjects, strict=True))


@pytest.mark.parametrize("environment", ENVIRONMENTS)
def test_another_audience_or_issuer_is_not_trusted(account: Account, environment: str) -> None:
    subject = f"repo:{SLUG}:environment:{environment}"
    assert not trusted(account, environment, subject, audience="https://github.com/town")
    assert not trusted(account, environment, subject, issuer="token.actions.githubusercontent.com.evil.example")
    assert not trusted(account, environment, subject, issuer="gitlab.com")


# What.


def allowed(client: Any, operation: str, **parameters: Any) -> bool:
    """True if IAM lets a call through; the service's own answer does not matter."""
    try:
        getattr(client, operation)(**parameters)
    except ClientError as error:
        return error.response["Error"]["Code"] not in DENIED
    return True


STATE = f"civicforge-bootstrap-state-{ACCOUNT}"
TABLE = {
    "AttributeDefinitions": [{"AttributeName": "questId", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "questId", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


def writes(stage: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Calls that change something of a stage: service, operation, parameters."""
    name = f"civicforge-{stage}"
    return [
        ("dynamodb", "create_table", {"TableName": f"{name}-quests", **TABLE}),
        ("dynamodb", "delete_item", {"TableName": f"{name}-quests", "Key": {"questId": {"S": "1"}}}),
        ("ssm", "put_parameter", {"Name": f"/civicforge/{stage}/breaker", "Value": "down", "Type": "String"}),
        ("sqs", "create_queue", {"QueueName": f"{name}-rewards-dlq"}),
        ("sns", "create_topic", {"Name": f"{name}-page"}),
        ("logs", "create_log_group", {"logGroupName": f"/aws/lambda/{name}-api"}),
        ("lambda", "update_function_code", {"FunctionName": f"{name}-api", "ZipFile": b"zip"}),
        ("lambda", "update_function_configuration", {"FunctionName": f"{name}-api", "Timeout": 3}),
        ("s3", "create_bucket", {"Bucket": f"{name}-site-{ACCOUNT}"}),
        ("s3", "put_object", {"Bucket": f"{name}-site-{ACCOUNT}", "Key": "index.html", "Body": b""}),
        ("s3", "put_object", {"Bucket": STATE, "Key": f"{stage}/.pulumi/x", "Body": b""}),
        ("iam", "update_assume_role_policy", {"RoleName": f"{name}-api", "PolicyDocument": TRUST}),
        ("scheduler", "create_schedule_group", {"Name": f"{name}-sweeps"}),
    ]  # fmt: skip


def reads(stage: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Calls that a preview makes."""
    name = f"civicforge-{stage}"
    return [
        ("dynamodb", "describe_table", {"TableName": f"{name}-quests"}),
        ("ssm", "get_parameter", {"Name": f"/civicforge/{stage}/breaker"}),
        ("lambda", "get_function", {"FunctionName": f"{name}-api"}),
        ("iam", "get_role", {"RoleName": f"{name}-api"}),
        ("s3", "get_object", {"Bucket": STATE, "Key": f"{stage}/.pulumi/x"}),
        ("s3", "get_bucket_policy", {"Bucket": f"{name}-site-{ACCOUNT}"}),
    ]


def permitted(account: Account, environment: str, calls: list[tuple[str, str, dict[str, Any]]]) -> set[str]:
    """The calls that the role of an environment may make."""
    return {
        f"{service}.{operation}"
        for service, operation, parameters in calls
        if allowed(account.client(environment, service), operation, **parameters)
    }


def names(calls: list[tuple[str, str, dict[str, Any]]]) -> set[str]:
    return {f"{service}.{operation}" for service, operation, _ in calls}


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("other", STAGES)
def test_a_deploy_role_writes_its_own_stage_only(account: Account, stage: str, other: str) -> None:
    expected = names(writes(other)) if other == stage else set()
    assert permitted(account, DEPLOY_ENVIRONMENTS[stage], writes(other)) == expected
    expected = names(reads(other)) if other == stage else set()
    assert permitted(account, DEPLOY_ENVIRONMENTS[stage], reads(other)) == expected


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("other", STAGES)
def test_a_preview_role_reads_its_own_stage_and_writes_nothing(account: Account, stage: str, other: str) -> None:
    environment = preview_environment(stage)
    assert permitted(account, environment, writes(other)) == set()
    expected = names(reads(other)) if other == stage else set()
    assert permitted(account, environment, reads(other)) == expected


def rollouts(stage: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Calls that `rollout advance` makes and that concern one stage."""
    flag, record = f"/civicforge/{stage}/feature-none", f"/civicforge/{stage}/rollout-none"
    audit = {"logGroupName": f"/civicforge/{stage}/audit", "logStreamName": "2026/03/01/1"}
    topic = f"arn:aws:sns:us-east-1:{ACCOUNT}:civicforge-{stage}-notify"
    return [
        ("ssm", "get_parameter", {"Name": record, "WithDecryption": True}),
        ("ssm", "put_parameter", {"Name": record, "Value": "{}", "Type": "String", "Overwrite": True}),
        ("ssm", "put_parameter", {"Name": flag, "Value": "off", "Type": "String", "Overwrite": True}),
        ("sns", "publish", {"TopicArn": topic, "Message": "fell back"}),
        ("logs", "create_log_stream", audit),
        ("logs", "put_log_events", {**audit, "logEvents": [{"timestamp": 1, "message": "{}"}]}),
    ]


@pytest.mark.parametrize("stage", STAGES)
@pytest.mark.parametrize("other", STAGES)
def test_a_rollout_role_moves_its_own_stages_flags_and_nothing_else(account: Account, stage: str, other: str) -> None:
    environment = rollout_environment(stage)
    assert permitted(account, environment, writes(other)) == set()
    assert permitted(account, environment, reads(other)) == set()
    for call in rollouts(other):
        assert permitted(account, environment, [call]) == (names([call]) if other == stage else set()), call


def test_no_role_reads_what_members_wrote(account: Account) -> None:
    for environment in (*map(preview_environment, STAGES), *map(rollout_environment, STAGES)):
        client = account.client(environment, "dynamodb")
        for other in STAGES:
            table = f"civicforge-{other}-quests"
            assert not allowed(client, "scan", TableName=table)
            assert not allowed(client, "get_item", TableName=table, Key={"questId": {"S": "1"}})


def test_no_role_widens_itself(account: Account) -> None:
    everything = json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
    )
    for environment in ENVIRONMENTS:
        iam = account.client(environment, "iam")
        for role in account.roles.values():
            name = role.rsplit("/", 1)[1]
            assert not allowed(iam, "put_role_policy", RoleName=name, PolicyName="all", PolicyDocument=everything)
            assert not allowed(iam, "update_assume_role_policy", RoleName=name, PolicyDocument=TRUST)
        for stage in STAGES:
            policy = f"arn:aws:iam::{ACCOUNT}:policy/civicforge-bootstrap-{stage}-boundary"
            assert not allowed(
                iam, "create_policy_version", PolicyArn=policy, PolicyDocument=everything, SetAsDefault=True
            )
            role = f"civicforge-{stage}-unbounded"
            assert not allowed(iam, "create_role", RoleName=role, AssumeRolePolicyDocument=TRUST)
        assert not allowed(iam, "create_user", UserName=f"civicforge-{environment}")


def test_only_dev_can_delete_a_table(account: Account) -> None:
    for stage, environment in DEPLOY_ENVIRONMENTS.items():
        client = account.client(environment, "dynamodb")
        assert allowed(client, "delete_table", TableName=f"civicforge-{stage}-none") == (stage == "dev")


# A rollout, as its workflow runs it.


@dataclass(frozen=True)
class RolledOut:
    """A stage with as much of it as a rollout touches."""

    stage: Stage
    alarm: str
    inbox: str

    @property
    def flag(self) -> str:
        return self.stage.parameter(flag_parameter("rewards"))

    def audited(self) -> list[dict[str, Any]]:
        """The entries of the audit log."""
        group = f"/civicforge/{self.stage.name}/audit"
        found = self.stage.logs.filter_log_events(logGroupName=group)["events"]
        return [json.loads(event["message"]) for event in found]


def rolled_out(account: Account, name: str) -> RolledOut:
    """A stage whose operator has begun to roll `rewards` out."""
    session = boto3.Session(*account.platform.emulator.root_key, region_name="us-east-1")
    stage = Stage(name, session, account.platform.endpoint)
    alarm = stage.resource("availability-burn-hour-p1")
    stage.cloudwatch.put_metric_alarm(
        AlarmName=alarm, Namespace="Drill", MetricName="drill", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
    )  # fmt: skip
    stage.logs.create_log_group(logGroupName=f"/civicforge/{name}/audit")
    topic = stage.sns.create_topic(Name=stage.resource("notify"))["TopicArn"]
    inbox = stage.sqs.create_queue(QueueName=stage.resource("inbox"))["QueueUrl"]
    arn = stage.sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    delivery = {
        "Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn,
    }  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [delivery]})
    stage.sqs.set_queue_attributes(QueueUrl=inbox, Attributes={"Policy": policy})
    stage.sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    now = datetime.now(UTC)
    rollout.begin(
        stage,
        Rollout(flag="rewards", before="off", step_at=now, started_at=now, soak_minutes=0, at_least=0),
    )
    return RolledOut(stage, alarm, inbox)


def run_workflow(account: Account, environment: str, stage: str) -> tuple[int, str]:
    """The step of rollout.yml, with the role of an environment: its exit code and what it says."""
    role = account.assume(environment, f"repo:{SLUG}:environment:{environment}")
    done = subprocess.run(
        ["make", "rollout"],
        cwd=REPOSITORY,
        env={
            "PATH": os.environ["PATH"],
            "GITHUB_ACTOR": "anna",
            "STAGE": stage,
            "REASON": "the schedule",
            "AWS_ENDPOINT_URL": account.platform.endpoint,
            **{name.upper(): value for name, value in role.items()},
        },
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_the_hourly_workflow_takes_a_flag_on_and_back_and_touches_no_other_stage(account: Account) -> None:
    prod, staging = rolled_out(account, "prod"), rolled_out(account, "staging")
    environment = rollout_environment("prod")

    code, said = run_workflow(account, environment, "prod")
    assert (code, prod.flag) == (0, "10%"), said
    prod.stage.cloudwatch.set_alarm_state(AlarmName=prod.alarm, StateValue="ALARM", StateReason="a drill")
    code, said = run_workflow(account, environment, "prod")
    assert code != 0
    assert "fell back" in said
    assert prod.flag == "internal"
    (message,) = prod.stage.sqs.receive_message(QueueUrl=prod.inbox, WaitTimeSeconds=10)["Messages"]
    assert "civicforge-prod-availability-burn-hour-p1 went off" in message["Body"]
    assert [(entry["outcome"], entry["reason"]) for entry in prod.audited()] == [("done", "the schedule")] * 2
    assert all("/civicforge-bootstrap-prod-rollout/job (anna)" in entry["actor"] for entry in prod.audited())

    code, said = run_workflow(account, environment, "staging")
    assert code != 0
    assert "does not let this role" in said
    assert staging.flag == "internal"
    assert json.loads(staging.stage.find_parameter(rollout_parameter("rewards").key) or "")["step"] == 0
    assert staging.audited() == []


# Conditions.

EVALUATE = """
import json, sys
from ministack.core.iam_evaluator import EvalContext, evaluate, parse_policy_document
given = json.load(sys.stdin)
policies = [parse_policy_document(document) for document in given["policies"]]
for action, resource, keys in given["requests"]:
    context = EvalContext(
        principal_arn="arn:aws:sts::000000000000:assumed-role/role/job", principal_type="AssumedRole",
        principal_account="000000000000", action=action, resource_arn=resource, region="us-east-1",
        service_context={key.lower(): value for key, value in keys.items()},
    )
    print(evaluate(context, policies).decision)
"""

Request = tuple[str, str, dict[str, str]]


def decisions(account: Account, environment: str, requests: list[Request]) -> list[bool]:
    """The emulator's verdicts on requests with these condition keys, by the role's policies as deployed."""
    iam = account.platform.client("iam")
    role = account.roles[environment].rsplit("/", 1)[1]
    documents = []
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)["PolicyVersion"]["Document"]
        documents.append(found)
    answer = subprocess.run(
        [VENV / "bin" / "python", "-c", EVALUATE],
        input=json.dumps({"policies": documents, "requests": requests}),
        capture_output=True,
        text=True,
        check=True,
    )
    return [line == "Allow" for line in answer.stdout.split()]


def iam_arn(resource: str) -> str:
    return f"arn:aws:iam::{ACCOUNT}:{resource}"


def conditional(stage: str, other: str, key: str) -> dict[str, tuple[Request, bool]]:
    """Requests that a stage's deploy role makes, and whether they are its to make."""
    role = iam_arn(f"role/civicforge-{stage}-api")
    boundary = iam_arn(f"policy/civicforge-bootstrap-{stage}-boundary")
    foreign = iam_arn(f"policy/civicforge-bootstrap-{other}-boundary")
    distribution = "arn:aws:cloudfront::000000000000:distribution/E1"
    pool = "arn:aws:cognito-idp:us-east-1:000000000000:userpool/us-east-1_1"
    route = "arn:aws:apigateway:us-east-1::/apis/abc/routes/1"
    own, others = {"aws:ResourceTag/stage": stage}, {"aws:ResourceTag/stage": other}
    function = "arn:aws:lambda:us-east-1:000000000000:function:civicforge-{}-rewards:live"
    return {
        "bounded role": (("iam:CreateRole", role, {"iam:PermissionsBoundary": boundary}), True),
        "unbounded role": (("iam:CreateRole", role, {}), False),
        "role bounded by another stage": (("iam:CreateRole", role, {"iam:PermissionsBoundary": foreign}), False),
        "another stage's role": (
            ("iam:CreateRole", iam_arn(f"role/civicforge-{other}-api"), {"iam:PermissionsBoundary": boundary}),
            False,
        ),
        "policy of a bounded role": (("iam:PutRolePolicy", role, {"iam:PermissionsBoundary": boundary}), True),
        "policy of an unbounded role": (("iam:PutRolePolicy", role, {}), False),
        "unbinding a role": (("iam:DeleteRolePermissionsBoundary", role, {"iam:PermissionsBoundary": boundary}), False),
        "role for Lambda": (("iam:PassRole", role, {"iam:PassedToService": "lambda.amazonaws.com"}), True),
        "role for EC2": (("iam:PassRole", role, {"iam:PassedToService": "ec2.amazonaws.com"}), False),
        "another stage's role for Lambda": (
            ("iam:PassRole", iam_arn(f"role/civicforge-{other}-api"), {"iam:PassedToService": "lambda.amazonaws.com"}),
            False,
        ),
        "own secrets": (("kms:Decrypt", key, {"kms:EncryptionContext:stage": stage}), True),
        "another stage's secrets": (("kms:Decrypt", key, {"kms:EncryptionContext:stage": other}), False),
        "secrets of nobody": (("kms:Decrypt", key, {}), False),
        "own distribution": (("cloudfront:UpdateDistribution", distribution, own), True),
        "another stage's distribution": (("cloudfront:UpdateDistribution", distribution, others), False),
        "distribution of nobody": (("cloudfront:UpdateDistribution", distribution, {}), False),
        "own pool": (("cognito-idp:UpdateUserPool", pool, own), True),
        "another stage's pool": (("cognito-idp:UpdateUserPool", pool, others), False),
        "own route": (("apigateway:DELETE", route, own), True),
        "another stage's route": (("apigateway:DELETE", route, others), False),
        "a pool of its own": (("cognito-idp:CreateUserPool", "*", {"aws:RequestTag/stage": stage}), True),
        "a pool for another stage": (("cognito-idp:CreateUserPool", "*", {"aws:RequestTag/stage": other}), False),
        "an untagged pool": (("cognito-idp:CreateUserPool", "*", {}), False),
        "taking another stage's pool by its tag": (
            ("cognito-idp:TagResource", pool, {"aws:RequestTag/stage": stage, **others}),
            False,
        ),
        "own mapping": (
            ("lambda:UpdateEventSourceMapping", "*", {"lambda:FunctionArn": function.format(stage)}),
            True,
        ),
        "another stage's mapping": (
            ("lambda:UpdateEventSourceMapping", "*", {"lambda:FunctionArn": function.format(other)}),
            False,
        ),
        "own pool deleted": (("cognito-idp:DeleteUserPool", pool, own), stage == "dev"),
    }


@pytest.mark.parametrize("stage", STAGES)
def test_conditions_that_the_emulator_does_not_see(account: Account, stage: str) -> None:
    key = account.platform.client("kms").describe_key(KeyId="alias/civicforge-bootstrap-secrets")["KeyMetadata"]["Arn"]
    for other in set(STAGES) - {stage}:
        cases = conditional(stage, other, key)
        found = decisions(account, DEPLOY_ENVIRONMENTS[stage], [request for request, _ in cases.values()])
        assert dict(zip(cases, found, strict=True)) == {case: expected for case, (_, expected) in cases.items()}
        preview = decisions(account, preview_environment(stage), [request for request, _ in cases.values()])
        assert {case for case, passes in zip(cases, preview, strict=True) if passes} == {"own secrets"}


@pytest.mark.parametrize("stage", STAGES)
def test_a_rollout_role_may_use_the_alerts_key_for_its_message_alone(account: Account, stage: str) -> None:
    """The emulator encrypts no topic: on AWS, SNS asks for the key with the rights of whoever publishes."""
    key = f"arn:aws:kms:us-east-1:{ACCOUNT}:key/1"
    (other, *_) = set(STAGES) - {stage}
    message = {
        "aws:ResourceTag/stage": stage,
        "kms:EncryptionContext:aws:sns:topicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:civicforge-{stage}-notify",
        "kms:ViaService": "sns.us-east-1.amazonaws.com",
    }
    elsewhere = {
        "aws:ResourceTag/stage": other,
        "kms:EncryptionContext:aws:sns:topicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:civicforge-{stage}-page",
        "kms:ViaService": "ssm.us-east-1.amazonaws.com",
    }
    uses = [message, *({**message, name: value} for name, value in elsewhere.items())]
    uses += [{name: value for name, value in message.items() if name != left_out} for left_out in message]
    for action in ("kms:Decrypt", "kms:GenerateDataKey"):
        found = decisions(account, rollout_environment(stage), [(action, key, use) for use in uses])
        assert found == [True] + [False] * (len(uses) - 1)
    deploying = conditional(stage, other, key)
    found = decisions(account, rollout_environment(stage), [request for request, _ in deploying.values()])
    assert not any(found)


# A provider that was there before.


def test_a_provider_of_another_project_is_adopted_and_left_behind(make_platform: Callable[[], Platform]) -> None:
    platform = make_platform()
    iam = platform.client("iam")
    made = iam.create_open_id_connect_provider(
        Url=f"https://{ISSUER}", ClientIDList=[AUDIENCE], Tags=[{"Key": "project", "Value": "other"}]
    )["OpenIDConnectProviderArn"]
    for _ in range(2):
        report = bootstrap(platform)
        assert report.outputs["identity_provider"] == made
        assert not any("OpenIdConnectProvider" in urn for urn in [*report.created, *report.same])
    assert trusted(Account(platform, report.outputs["roles"]), "development", f"repo:{SLUG}:environment:development")
    platform.destroy("bootstrap", force=True)
    assert made in {item["Arn"] for item in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]}
