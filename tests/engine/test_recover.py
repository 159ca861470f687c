"""Killed by Pulumi's own engine at different places, recovered, deployed: nothing twice, nothing lost."""

import json
import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import psutil
import pulumi
import pulumi_aws as aws
import pytest

from localcloud.engine.deployment import EngineError, Report
from localcloud.provider import HANDLERS
from localcloud.provider.base import Cloud, Handler
from localcloud.pulumi_engine import automation, command
from localcloud.pulumi_engine.automation import Engine
from localcloud.pulumi_engine.local_stack import LocalStack
from localcloud.pulumi_engine.recovery import look_up, set_right
from localcloud.pulumi_engine.server import serve
from ops.commands.recover import provider_of
from ops.shared.pulumi_cli import PulumiCli
from ops.shared.stage import Stage
from tests.engine.conftest import Account

STAGE = "killed"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
)


def program(version: int) -> None:
    """Each after the other, so that it is known what comes when.

    The next version replaces the role, its policy and the log group, and updates the others.
    """
    queue = aws.sqs.Queue("queue", name="killed-queue", message_retention_seconds=60 * version)
    after = pulumi.ResourceOptions(depends_on=[queue])
    parameter = aws.ssm.Parameter("parameter", name="/killed/p", type="String", value=f"v{version}", opts=after)
    after = pulumi.ResourceOptions(depends_on=[parameter])
    role = aws.iam.Role("role", name=f"killed-{version}", assume_role_policy=TRUST, opts=after)
    policy = aws.iam.RolePolicy("policy", name="killed", role=role.name, policy=POLICY)
    after = pulumi.ResourceOptions(depends_on=[policy])
    group = aws.cloudwatch.LogGroup("group", name=f"/killed/{version}", opts=after)
    after = pulumi.ResourceOptions(depends_on=[group])
    tags = {"of": "killed"}
    key = aws.kms.Key("key", description="killed", enable_key_rotation=version > 1, tags=tags, opts=after)
    pool = aws.cognito.UserPool(
        "pool",
        name="killed",
        password_policy=aws.cognito.UserPoolPasswordPolicyArgs(minimum_length=8 + version),
        opts=pulumi.ResourceOptions(depends_on=[key]),
    )
    aws.cognito.UserPoolClient("client", name="killed", user_pool_id=pool.id, refresh_token_validity=version)


POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*"}]}
)
TYPES = {
    "queue": "aws:sqs/queue:Queue",
    "parameter": "aws:ssm/parameter:Parameter",
    "role": "aws:iam/role:Role",
    "policy": "aws:iam/rolePolicy:RolePolicy",
    "group": "aws:cloudwatch/logGroup:LogGroup",
    "key": "aws:kms/key:Key",
    "pool": "aws:cognito/userPool:UserPool",
    "client": "aws:cognito/userPoolClient:UserPoolClient",
}


@pytest.fixture
def engine(account: Account) -> Iterator[Engine]:
    root = account.platform.root / "killed"
    root.mkdir(exist_ok=True)
    (root / "Pulumi.yaml").write_text("name: killed\nruntime: python\n")
    engine = Engine(account.platform.endpoint, root / "stacks", root)
    yield engine
    shutil.rmtree(engine.state_dir / "pulumi" / ".pulumi" / "locks", ignore_errors=True)
    engine.destroy(STAGE, force=True)


def kill_at(engine: Engine, version: int, thing: str, operation: str, *, before: bool, orphaned: bool = False) -> None:
    """Run `up` in a process of its own and kill the CLI before or after an operation on one resource.

    `orphaned`: kill the program and the provider alone, so that the CLI finds out by itself.
    """
    process = multiprocessing.get_context("fork").Process(
        target=_run_to, args=(engine, version, TYPES[thing], operation, before, orphaned)
    )
    process.start()
    process.join(300)
    assert process.exitcode == 7, "it was not killed there"


def _run_to(engine: Engine, version: int, type_: str, operation: str, before: bool, orphaned: bool) -> None:
    handler = HANDLERS[type_]
    _patch(handler, operation, before=before, orphaned=orphaned)
    engine.up(STAGE, lambda: program(version))
    os._exit(0)


def _patch(handler: Handler, operation: str, *, before: bool, orphaned: bool) -> None:
    original: Callable[..., Any] = getattr(handler, operation)

    def patched(cloud: Cloud, *arguments: Any) -> Any:
        if not before:
            original(cloud, *arguments)
        for process in psutil.Process().children(recursive=True):
            if process.name() == "pulumi" and not orphaned:
                process.kill()
        os._exit(7)

    setattr(handler, operation, patched)


def recover(engine: Engine, account: Account) -> list[str]:
    """As `civicforge recover` does it; returns what it says."""
    session = boto3.Session(*account.platform.emulator.root_key, region_name="us-east-1")
    provider = provider_of(Stage(STAGE, session, account.platform.endpoint))
    with serve(engine.endpoint) as port:
        environment = {
            "PATH": f"{command.get() / 'bin'}:{os.environ['PATH']}",
            "PULUMI_BACKEND_URL": (engine.state_dir.resolve() / "pulumi").as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "local",
            "PULUMI_DEBUG_PROVIDERS": f"aws:{port}",
        }
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("PATH", environment["PATH"])
            cli = PulumiCli(STAGE, environment, engine.root)
            cli.run("cancel", "--yes")
            state = cli.export()
            findings = look_up(state, provider)
            if findings:
                cli.run("stack", "import", text=json.dumps(set_right(state, findings, provider)))
            cli.run("refresh", "--yes", "--skip-preview")
            assert not cli.pending()
            assert not look_up(cli.export(), provider)
    return [finding.sentence for finding in findings]


ONCE = {"queue": 1, "role": 1, "group": 1, "key": 1, "pool": 1, "client": 1}


def there(account: Account) -> dict[str, int]:
    """The number of existing resources of each kind, by the names that the program gives."""
    client = account.platform.client
    roles = client("iam").list_roles()["Roles"]
    keys = [client("kms").describe_key(KeyId=one["KeyId"])["KeyMetadata"] for one in client("kms").list_keys()["Keys"]]
    cognito = client("cognito-idp")
    pools = [one["Id"] for one in cognito.list_user_pools(MaxResults=60)["UserPools"] if one["Name"] == "killed"]
    clients = [cognito.list_user_pool_clients(UserPoolId=pool, MaxResults=60)["UserPoolClients"] for pool in pools]
    return {
        "queue": len(client("sqs").list_queues(QueueNamePrefix="killed-").get("QueueUrls", [])),
        "role": sum(role["RoleName"].startswith("killed-") for role in roles),
        "group": len(client("logs").describe_log_groups(logGroupNamePrefix="/killed/")["logGroups"]),
        "key": sum(key.get("Description") == "killed" and key["KeyState"] == "Enabled" for key in keys),
        "pool": len(pools),
        "client": sum(map(len, clients)),
    }


def deployed_again(engine: Engine, account: Account, version: int) -> None:
    """Deploy after a recovery: green, nothing twice, nothing lost, and AWS has what the program says."""
    engine.up(STAGE, lambda: program(version))
    assert there(account) == ONCE
    value = account.platform.client("ssm").get_parameter(Name="/killed/p")["Parameter"]["Value"]
    assert value == f"v{version}"
    again = engine.up(STAGE, lambda: program(version), verify=True)
    assert {step.operation for step in again.steps} == {"same"}


@pytest.mark.parametrize("thing", TYPES)
def test_a_first_up_that_was_killed(thing: str, engine: Engine, account: Account) -> None:
    kill_at(engine, 1, thing, "create", before=False)
    with pytest.raises(EngineError, match="locked"):
        engine.up(STAGE, lambda: program(1))
    (said,) = recover(engine, account)
    assert "belongs to the stack from now on" in said
    assert recover(engine, account) == []
    deployed_again(engine, account, 1)


@pytest.mark.parametrize("thing", ["parameter", "policy", "pool"])
def test_a_first_up_that_was_killed_before_it_made_a_thing(thing: str, engine: Engine, account: Account) -> None:
    kill_at(engine, 1, thing, "create", before=True)
    (said,) = recover(engine, account)
    assert "nothing is there" in said
    deployed_again(engine, account, 1)


def killed_on_a_stage_that_stands(
    engine: Engine, account: Account, thing: str, operation: str, *, before: bool
) -> None:
    engine.up(STAGE, lambda: program(1))
    kill_at(engine, 2, thing, operation, before=before)
    assert recover(engine, account)
    assert recover(engine, account) == []
    deployed_again(engine, account, 2)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("thing", ["queue", "parameter", "key", "pool", "client"])
def test_an_update_that_was_killed(thing: str, before: bool, engine: Engine, account: Account) -> None:
    killed_on_a_stage_that_stands(engine, account, thing, "update", before=before)


@pytest.mark.parametrize("before", [True, False])
@pytest.mark.parametrize("operation", ["create", "delete"])
@pytest.mark.parametrize("thing", ["role", "policy", "group"])
def test_a_replacement_that_was_killed(
    thing: str, operation: str, before: bool, engine: Engine, account: Account
) -> None:
    killed_on_a_stage_that_stands(engine, account, thing, operation, before=before)


@pytest.mark.parametrize(
    ("version", "thing", "operation", "orphaned"),
    [
        (1, "pool", "create", False),
        (1, "key", "create", True),
        (2, "parameter", "update", True),
        (2, "role", "create", False),
    ],
)
def test_the_next_up_on_this_machine_leads_out_of_it(
    version: int, thing: str, operation: str, orphaned: bool, engine: Engine, account: Account
) -> None:
    """As `make up ENGINE=pulumi` runs it; nothing that was there is lost."""
    stack = LocalStack(engine.state_dir, "killed", STAGE)

    def up(wanted: int) -> Report:
        return automation.up(
            STAGE,
            endpoint=engine.endpoint,
            state_dir=engine.state_dir,
            root=engine.root,
            program=lambda: program(wanted),
        )

    ids: set[str] = set()
    if version > 1:
        up(1)
        ids = {step.old.id for step in up(1).steps if step.old}
    kill_at(engine, version, thing, operation, before=False, orphaned=orphaned)
    locked = stack.interrupted
    assert locked
    report = up(version)
    assert there(account) == ONCE
    assert report.orphans == []
    assert not stack.interrupted
    again = up(version)
    assert {step.operation for step in again.steps} == {"same"}
    assert stack.resources == len(again.steps)
    kept = {step.old.id for step in again.steps if step.old}
    assert ids - kept <= {"killed-1", "killed-1:killed", "/killed/1"}, "what is replaced, and nothing else"
