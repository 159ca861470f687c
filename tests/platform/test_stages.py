"""Three stages in one account, stood up by the same program: no clash, no reach across, no change the second time."""

import time
from collections.abc import Callable

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from infra import lambda_zips
from infra.paths import REPOSITORY
from localcloud.engine.deployment import Report
from ops.shared import inventory
from ops.shared.inventory import Seen
from ops.shared.stage import Stage
from services.core.names import parameter_name, resource_name
from services.core.parameters import API_KEY, SITE_URL
from services.core.stages import ON_AWS
from tests.platform.conftest import Platform

STAGES = ON_AWS
# Lambda artifacts for this machine (x86-64) instead of AWS's arm64.
HOST_SETTINGS = {"civicforge:artifacts": "dist/host", "civicforge:architecture": "x86_64"}


@pytest.fixture(scope="module")
def account(make_platform: Callable[[], Platform]) -> Platform:
    lambda_zips.build("host", REPOSITORY / "dist" / "host")
    return make_platform()


@pytest.fixture(scope="module")
def reports(account: Platform) -> dict[str, Report]:
    account.up("bootstrap", root=REPOSITORY, overrides={"civicforge:repository": "civicforge/platform"})
    return {stage: deploy(account, stage) for stage in STAGES}


def deploy(account: Platform, stage: str) -> Report:
    """Stand a stage up, behind its address."""
    made = account.up(stage, root=REPOSITORY, overrides={**account.running.configuration(stage), **HOST_SETTINGS})
    account.emulator.serve_at_front_door(made.outputs["distribution_domain"], stage)
    return made


def test_the_stages_share_nothing(account: Platform, reports: dict[str, Report]) -> None:
    tables = {reports[stage].outputs["quests_table"] for stage in STAGES}
    assert tables == {resource_name(stage, "quests") for stage in STAGES}
    for output in ("user_pool_id", "site_bucket", "api_id", "distribution_id", "page_topic_arn"):
        assert len({reports[stage].outputs[output] for stage in STAGES}) == len(STAGES), output


@pytest.mark.parametrize("stage", STAGES)
def test_each_stage_answers_at_an_address_of_its_own(account: Platform, reports: dict[str, Report], stage: str) -> None:
    """For a browser, and for status, smoke, seed and rollback, which all ask `Stage.http`."""
    del reports
    session = boto3.Session(*account.emulator.root_key, region_name="us-east-1")
    town = Stage(stage, session, account.endpoint, account.emulator)
    with town.http() as http:
        assert http.get("/api/health").json()["stage"] == stage
    assert town.parameter(SITE_URL) == f"http://{stage}.localhost:{account.running.front_port}"
    with Stage(stage, session, account.endpoint).http() as http:
        assert http.get("/api/health").json()["stage"] == stage
    shown = httpx.get(f"{account.running.front_url}/_local/", params={"stage": stage}).text
    assert f"aria-current=page>{stage}</a>" in shown
    assert "rewards-dlq" in shown


def test_a_stage_that_is_not_there_is_told(account: Platform, reports: dict[str, Report]) -> None:
    del reports
    host = {"Host": f"elsewhere.localhost:{account.running.front_port}"}
    answer = httpx.get(account.running.front_url, headers=host)
    assert (answer.status_code, "make stages" in answer.text) == (503, True)


def test_the_role_of_one_stage_cannot_read_the_parameters_of_another(
    account: Platform, reports: dict[str, Report]
) -> None:
    del reports
    role = account.client("iam").get_role(RoleName=resource_name("staging", "api"))["Role"]["Arn"]
    found = account.client("sts").assume_role(RoleArn=role, RoleSessionName="platform-test")["Credentials"]
    ssm = account.client(
        "ssm",
        aws_access_key_id=found["AccessKeyId"],
        aws_secret_access_key=found["SecretAccessKey"],
        aws_session_token=found["SessionToken"],
    )
    assert ssm.get_parameters(Names=[parameter_name("staging", API_KEY.key)], WithDecryption=True)["Parameters"]
    for names in ([parameter_name("prod", API_KEY.key)], [parameter_name(s, API_KEY.key) for s in ("staging", "prod")]):
        with pytest.raises(ClientError, match="not authorized"):
            ssm.get_parameters(Names=names, WithDecryption=True)


def test_a_second_up_changes_nothing_and_keeps_live_values(account: Platform, reports: dict[str, Report]) -> None:
    flag = parameter_name("staging", "feature-rewards")
    assert account.client("ssm").get_parameter(Name=flag)["Parameter"]["Value"] == "off"
    account.client("ssm").put_parameter(Name=flag, Value="10%", Overwrite=True)
    started = time.monotonic()
    again = account.up(
        "staging", root=REPOSITORY, overrides={**account.running.configuration("staging"), **HOST_SETTINGS}
    )
    assert time.monotonic() - started < 10
    assert not again.changed
    assert sorted(again.same) == sorted(reports["staging"].created)
    assert account.client("ssm").get_parameter(Name=flag)["Parameter"]["Value"] == "10%"


def test_destroying_dev_leaves_nothing_of_it_and_all_of_the_others(
    account: Platform, reports: dict[str, Report]
) -> None:
    dynamodb, functions = account.client("dynamodb"), account.client("lambda")

    def remaining(stage: str) -> list[str]:
        names = dynamodb.list_tables()["TableNames"]
        names += [function["FunctionName"] for function in functions.list_functions()["Functions"]]
        names += [role["RoleName"] for role in account.client("iam").list_roles()["Roles"]]
        names += [group["logGroupName"] for group in account.client("logs").describe_log_groups()["logGroups"]]
        return [name for name in names if f"civicforge-{stage}-" in name]

    others = {stage: sorted(remaining(stage)) for stage in ("staging", "prod")}
    dev = Stage(
        "dev", boto3.Session(*account.emulator.root_key, region_name="us-east-1"), account.endpoint, account.emulator
    )
    resources = inventory.known(dev)
    before = inventory.look(dev, resources)
    account.destroy("dev")
    # `status` sees of every type that it is there, and that it is not.
    assert before == Seen(there=len(resources), gone=(), unseen=(), unknown=())
    assert inventory.look(dev, resources) == Seen(there=0, gone=tuple(resources), unseen=(), unknown=())
    assert remaining("dev") == []
    assert {stage: sorted(remaining(stage)) for stage in others} == others
    reports["dev"] = deploy(account, "dev")


def test_prod_is_not_destroyed_by_a_slip(account: Platform, reports: dict[str, Report]) -> None:
    table = reports["prod"].outputs["quests_table"]
    with pytest.raises(Exception, match="protect"):
        account.destroy("prod")
    described = account.client("dynamodb").describe_table(TableName=table)["Table"]
    assert described["TableStatus"] == "ACTIVE"
    with pytest.raises(ClientError, match=r"[Dd]eletion ?[Pp]rotection"):
        account.client("dynamodb").delete_table(TableName=table)
