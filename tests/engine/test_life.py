"""A stage's whole life by Pulumi's own engine on the emulated AWS."""

import shutil
import zipfile
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from infra.components.data import SCALED
from infra.paths import REPOSITORY
from localcloud.engine.deployment import EngineError, Report
from localcloud.pulumi_engine.automation import Engine
from services.core.names import parameter_name
from services.core.parameters import API_KEY, LIVE_PARAMETERS, SITE_URL
from tests.engine.conftest import BOOTSTRAP, HOST_SETTINGS, Account
from tests.unit.infra.prod_changes import Change, Inputs


def operations(report: Report) -> dict[str, int]:
    """The number of each operation; resources that stay are left out."""
    return dict(Counter(step.operation for step in report.steps if step.operation != "same"))


def kinds(report: Report) -> set[tuple[str, str]]:
    """The operation and the resource of each step; resources that stay are left out."""
    return {(step.operation, step.urn) for step in report.steps if step.operation != "same"}


@pytest.mark.parametrize("stage", ["local", "dev", "prod"])
def test_the_life_of_a_stage(stage: str, account: Account, tmp_path: Path) -> None:
    engine, ssm = account.engine, account.platform.client("ssm")
    made = operations(engine.up(stage, overrides=HOST_SETTINGS))
    assert set(made) == {"create"}, made
    assert operations(engine.up(stage, overrides=HOST_SETTINGS)) == {}
    assert operations(engine.refresh(stage, overrides=HOST_SETTINGS)) == {}

    # A setting: the preview tells exactly what `up` then does.
    setting = {**HOST_SETTINGS, "civicforge:throttleRate": "90"}
    told = kinds(engine.preview(stage, overrides=setting))
    assert {urn.rsplit("::", 1)[-1] for _, urn in told} == {"api"}
    assert kinds(engine.up(stage, overrides=setting)) == told

    # A tag goes on everything that has tags, and replaces nothing. What operators set stays, also where a description
    # is another one by then.
    live = _operators_set(ssm, stage)
    other_description = Change((), "Parameter:*", lambda props, _: _describe(props, live))
    tagged = {**setting, "aws:defaultTags": '{"tags": {"project": "civicforge", "new": "tag"}}'}
    with other_description.made():
        report = engine.up(stage, overrides=tagged)
    assert set(operations(report)) == {"update"}
    assert {step.inputs.get("name") for step in report.steps if step.operation == "update"} >= {*live}
    assert _values(ssm, live) == live

    # New code of one Lambda: the function, and what follows from its version.
    shutil.copytree(REPOSITORY / "dist" / "host", tmp_path / "host")
    with zipfile.ZipFile(tmp_path / "host" / "housekeeping.zip", "a") as archive:
        archive.writestr("new.txt", "new")
    coded = {**tagged, "civicforge:artifacts": str(tmp_path / "host")}
    told = kinds(engine.preview(stage, overrides=coded))
    assert kinds(engine.up(stage, overrides=coded)) == told
    assert {urn.rsplit("::", 1)[-1] for _, urn in told} == {"housekeeping"}

    # What was done by hand is seen and mended.
    site = parameter_name(stage, SITE_URL.key)
    was = ssm.get_parameter(Name=site)["Parameter"]["Value"]
    ssm.put_parameter(Name=site, Value="https://evil.example", Overwrite=True)
    seen = engine.preview(stage, overrides=coded, verify=True)
    assert {step.name for step in seen.steps if step.operation == "update"} == {SITE_URL.key}
    engine.up(stage, overrides=coded, verify=True)
    assert ssm.get_parameter(Name=site)["Parameter"]["Value"] == was
    assert _values(ssm, live) == live

    if stage == "prod":
        with pytest.raises(EngineError, match="cannot be deleted"):
            engine.preview_destroy(stage)
        _put_back_by_one_deployment(account, coded, made)
    gone = operations(engine.destroy(stage, force=True))
    assert set(gone) == {"delete"}
    assert gone["delete"] == made["create"]


def _operators_set(ssm: Any, stage: str) -> dict[str, str]:
    """Change the flags, the breaker and the key; returns their values by name."""
    keys = {parameter_name(stage, parameter.key): parameter for parameter in LIVE_PARAMETERS}
    live = dict.fromkeys(keys, "set by an operator")
    for name, value in live.items():
        ssm.put_parameter(Name=name, Value=value, Type=keys[name].kind, Overwrite=True)
    return live


def _values(ssm: Any, live: Mapping[str, str]) -> dict[str, str]:
    return {name: ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"] for name in live}


def _describe(props: Inputs, live: Mapping[str, str]) -> None:
    if props["name"] in live:
        props["description"] = "Another description."


def test_capacity_that_was_scaled_stays(account: Account, tmp_path: Path) -> None:
    """The local cloud has no scaling, so that no stage on it is provisioned: one table, as a stage declares it."""
    (tmp_path / "Pulumi.yaml").write_text("name: scaled\nruntime: python\n")
    engine = Engine(account.engine.endpoint, tmp_path / "stacks", tmp_path, account.engine.environment)

    def program(version: int) -> None:
        aws.dynamodb.Table(
            "table",
            name="scaled",
            billing_mode="PROVISIONED",
            hash_key="id",
            attributes=[{"name": "id", "type": "S"}, {"name": "time", "type": "S"}],
            read_capacity=5 * version,
            write_capacity=5 * version,
            global_secondary_indexes=[
                aws.dynamodb.TableGlobalSecondaryIndexArgs(
                    name="by-time",
                    hash_key="time",
                    projection_type="KEYS_ONLY",
                    read_capacity=5 * version,
                    write_capacity=5 * version,
                )
            ],
            deletion_protection_enabled=version == 2,
            tags={"version": str(version)},
            opts=pulumi.ResourceOptions(ignore_changes=[*SCALED]),
        )

    client = account.platform.client("dynamodb")
    engine.up("scaled", partial(program, 1))
    units = {"ReadCapacityUnits": 9, "WriteCapacityUnits": 8}
    client.update_table(TableName="scaled", ProvisionedThroughput=units)
    update = {"Update": {"IndexName": "by-time", "ProvisionedThroughput": units}}
    client.update_table(TableName="scaled", GlobalSecondaryIndexUpdates=[update])
    for refresh in (False, True):
        for version in (2, 1):
            report = engine.up("scaled", partial(program, version), verify=refresh)
            assert operations(report) == {"update": 1}
            table = client.describe_table(TableName="scaled")["Table"]
            assert table["DeletionProtectionEnabled"] == (version == 2)
            for found in (table, *table["GlobalSecondaryIndexes"]):
                assert {key: found["ProvisionedThroughput"][key] for key in units} == units
    engine.destroy("scaled")


ADDRESSES = ("site_url", "distribution_id", "api_id", "api_url", "user_pool_id", "user_pool_client_id")


def _put_back_by_one_deployment(account: Account, overrides: Mapping[str, str], made: Mapping[str, int]) -> None:
    """`destroy --skip-preview` takes what is not protected; one deployment puts it back, with addresses and data."""
    engine, client = account.engine, account.platform.client
    before = engine.refresh("prod", overrides=overrides).outputs
    bucket, table = before["site_bucket"], before["users_table"]
    client("s3").put_object(Bucket=bucket, Key="index.html", Body=b"the app")
    client("dynamodb").put_item(TableName=table, Item={"userId": {"S": "rita"}})
    pool = before["user_pool_id"]
    client("cognito-idp").admin_create_user(UserPoolId=pool, Username="rita@example.org")
    key = parameter_name("prod", API_KEY.key)
    secret = client("ssm").get_parameter(Name=key, WithDecryption=True)["Parameter"]["Value"]

    with pytest.raises(EngineError, match="cannot be deleted"):
        engine.destroy("prod")
    again = operations(engine.up("prod", overrides=overrides))
    assert again["create"] > made["create"] / 2, "most of it was gone"
    assert "replace" not in again

    report = engine.up("prod", overrides=overrides)
    assert operations(report) == {}
    assert {name: report.outputs[name] for name in ADDRESSES} == {name: before[name] for name in ADDRESSES}
    assert client("s3").get_object(Bucket=bucket, Key="index.html")["Body"].read() == b"the app"
    assert "Item" in client("dynamodb").get_item(TableName=table, Key={"userId": {"S": "rita"}})
    assert client("cognito-idp").admin_get_user(UserPoolId=pool, Username="rita@example.org")["Enabled"]
    assert client("ssm").get_parameter(Name=key, WithDecryption=True)["Parameter"]["Value"] == secret


def test_the_life_of_the_bootstrap_stack(make_account: Callable[[], Account]) -> None:
    engine = make_account().engine
    assert set(operations(engine.up("bootstrap", overrides=BOOTSTRAP))) == {"create"}
    assert operations(engine.up("bootstrap", overrides=BOOTSTRAP)) == {}
    assert operations(engine.refresh("bootstrap", overrides=BOOTSTRAP)) == {}
    assert set(operations(engine.destroy("bootstrap", force=True, overrides=BOOTSTRAP))) == {"delete"}
