"""A stage's life as GitHub would lead it: every call decided by the policies of its roles, on an emptied account.

The bootstrap stack makes the roles; from then on nothing is done as the emulator's root. The gate refuses what AWS
would refuse, so that each of these runs is the rehearsal of a deployment.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from infra import lambda_zips
from infra.paths import REPOSITORY
from infra.stack_config import load_config
from localcloud.authorization.gate import Gate
from localcloud.engine.deployment import EngineError, Report, preview
from ops import __main__ as cli
from ops.commands import release
from ops.shared import documents, terminal
from ops.shared.releases import Release, Releases
from ops.shared.stage import Stage
from services.core.names import bootstrap_role
from services.core.stages import ON_AWS, STAGES
from tests.platform.conftest import Platform

LOCAL = {"civicforge:artifacts": "dist/host", "civicforge:architecture": "x86_64"}


@pytest.fixture(scope="module")
def account(make_platform: Callable[[], Platform]) -> Platform:
    """An account in which the bootstrap stack was just made."""
    lambda_zips.build("host", REPOSITORY / "dist" / "host")
    platform = make_platform()
    made = platform.up("bootstrap", root=REPOSITORY, overrides={"repository": "town@12/civicforge@34"})
    assert made.created
    return platform


def gate(account: Platform, stage: str, kind: str) -> Gate:
    """The gate of one of a stage's roles."""
    config = load_config(stage, REPOSITORY)
    return Gate(account.endpoint, config.region, bootstrap_role(stage, kind), config.default_tags)


def up(account: Platform, stage: str, role: Gate, **overrides: str) -> Report:
    """Deploy as a role."""
    site = {"civicforge:siteUrl": account.running.url_of(stage)}
    return account.up(stage, root=REPOSITORY, overrides={**LOCAL, **site, **overrides}, gate=role)


def with_owner(stage: str, owner: str) -> str:
    """The stage's default tags with another owner."""
    return json.dumps({"tags": {**load_config(stage, REPOSITORY).default_tags, "owner": owner}})


@pytest.mark.parametrize("stage", ON_AWS)
def test_a_stage_lives_as_its_roles(account: Platform, stage: str) -> None:
    """Deployed, deployed again, retagged, previewed, compared, destroyed: nothing is denied that is not meant to be."""
    if STAGES[stage].disposable:  # the other tests here deploy it too, and may have come first
        account.destroy(stage, gate=gate(account, stage, "deploy"))
    deploy = gate(account, stage, "deploy")
    assert up(account, stage, deploy).created
    assert deploy.decisions > 300, "every call was decided"
    assert up(account, stage, deploy).changed == 0
    retagged = {"aws:defaultTags": with_owner(stage, "town")}
    assert len(up(account, stage, deploy, **retagged).updated) > 50
    for verify in (False, True):
        reading = gate(account, stage, "preview")
        config = {**LOCAL, "civicforge:siteUrl": account.running.url_of(stage), **retagged}
        found = preview(
            stage,
            endpoint=account.endpoint,
            state_dir=account.emulator.stacks,
            root=REPOSITORY,
            overrides=config,
            verify=verify,
            gate=reading,
        )
        assert (found.changed, found.errors) == (0, [])
        assert reading.decisions > 100 or not verify, "a drift looks at everything"
    leaving = gate(account, stage, "deploy")
    if STAGES[stage].disposable:
        account.destroy(stage, gate=leaving)
    else:
        with pytest.raises(EngineError, match="nothing was deleted"):
            account.destroy(stage, gate=leaving)
        assert leaving.decisions == 0, "what members made is for a person to delete"


def test_a_release_goes_out_and_back_as_the_deploy_role(
    account: Platform, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Uploaded, and rolled back by the command, which has two synthetic members try it."""
    report = up(account, "dev", gate(account, "dev", "deploy"))
    account.emulator.serve_at_front_door(report.outputs["distribution_domain"], "dev")
    session = boto3.Session(*account.emulator.root_key, region_name="us-east-1")
    stage = Stage("dev", session, account.endpoint, account.emulator).as_role("deploy")
    first, second = (a_release(stage, tmp_path, number) for number in (1, 2))
    assert Releases(stage).current() == second.id
    documents.rebuild(stage)
    monkeypatch.setattr(terminal, "open_stage", lambda _: stage)
    code = cli.main(["rollback", "--stage", "dev", "--yes", "--reason", "a rehearsal"])
    assert code == 0, capsys.readouterr()
    assert Releases(stage).current() == first.id
    assert stage.gate is not None
    assert stage.gate.denials == {}


def test_a_lambda_reads_the_groups_of_its_own_stages_pool_alone(account: Platform) -> None:
    """Its boundary knows the pool by its tags, without which nothing is paid at `internal` and no account deleted."""
    report = up(account, "dev", gate(account, "dev", "deploy"))
    pool = report.outputs["user_pool_id"]
    cognito = account.client("cognito-idp")
    other = cognito.create_user_pool(PoolName="other", UserPoolTags={"stage": "prod"})["UserPool"]["Id"]
    cognito.create_group(UserPoolId=other, GroupName="internal")
    rewards, housekeeping = (as_lambda(account, service) for service in ("rewards", "housekeeping"))
    assert rewards.list_users_in_group(UserPoolId=pool, GroupName="internal")["Users"] == []
    with pytest.raises(ClientError, match="not authorized"):
        rewards.list_users_in_group(UserPoolId=other, GroupName="internal")
    for of in (pool, other):
        cognito.admin_create_user(UserPoolId=of, Username="ida@example.org")
    housekeeping.admin_delete_user(UserPoolId=pool, Username="ida@example.org")
    with pytest.raises(ClientError, match="not authorized"):
        housekeeping.admin_delete_user(UserPoolId=other, Username="ida@example.org")
    with pytest.raises(ClientError, match="not authorized"):
        rewards.admin_delete_user(UserPoolId=pool, Username="ida@example.org")


def as_lambda(account: Platform, service: str) -> Any:
    """Cognito as one of dev's Lambdas reaches it."""
    role = f"arn:aws:iam::000000000000:role/civicforge-dev-{service}"
    keys = account.client("sts").assume_role(RoleArn=role, RoleSessionName=service)["Credentials"]
    return account.client(
        "cognito-idp",
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def a_release(stage: Stage, folder: Path, number: int) -> Release:
    """Publish a page and make it live."""
    dist = folder / str(number)
    (dist / "assets").mkdir(parents=True)
    (dist / "assets" / "app.js").write_text("1")
    (dist / "index.html").write_text(f'<script type="module" src="/assets/app.js"></script>{number}')
    for name in ("app.js", "sw.js"):
        (dist / name).write_text(str(number))
    assets, entries, invalidation = release.upload(stage, f"2026030{number}T120000Z-abc", dist)
    found = Release.model_validate(
        {
            "id": f"2026030{number}T120000Z-abc",
            "commit": "a",
            "at": "2026-03-01T12:00:00Z",
            "actor": stage.actor,
            "reason": "r",
            "versions": release.live_versions(stage),
            "assets": assets,
            "entries": entries,
            "flags": {},
            "invalidation": invalidation,
            "smoke": "passed",
        }
    )
    Releases(stage).put(found)
    Releases(stage).make_current(found)
    return found


def test_a_permission_that_is_taken_away_stops_the_deployment(make_platform: Callable[[], Platform]) -> None:
    """As the first deployment of every stage once would have been stopped on AWS."""
    account = make_platform()
    account.up("bootstrap", root=REPOSITORY, overrides={"repository": "town@12/civicforge@34"})
    iam = account.client("iam")
    arn = "arn:aws:iam::000000000000:policy/civicforge-bootstrap-dev-write-tagged"
    version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    document = iam.get_policy_version(PolicyArn=arn, VersionId=version)["PolicyVersion"]["Document"]
    document = json.loads(document) if isinstance(document, str) else document
    kept = [statement for statement in document["Statement"] if statement["Sid"] != "StageTags"]
    assert len(kept) == len(document["Statement"]) - 1
    changed = json.dumps({**document, "Statement": kept})
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=changed, SetAsDefault=True)
    role = gate(account, "dev", "deploy")
    with pytest.raises(EngineError, match="not authorized to perform: apigateway:TagResource"):
        up(account, "dev", role)
    assert {denial.action for denial in role.denials} == {"apigateway:TagResource"}
