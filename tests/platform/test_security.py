"""The deployed stage's refusals: roles that reach too far, secrets in the open, ways around the distribution."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from services.core.names import resource_name
from services.core.services import SERVICES
from tests.platform.community import Stage


def role_client(stage: Stage, name: str, service: str) -> Any:
    """A client with the credentials of a Lambda's role."""
    role = stage.client("iam").get_role(RoleName=resource_name("local", name))["Role"]["Arn"]
    found = stage.client("sts").assume_role(RoleArn=role, RoleSessionName="platform-test")["Credentials"]
    return stage.client(service, found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


def row_key(user_id: str) -> dict[str, Any]:
    return {"userId": {"S": user_id}}


def refused(error: pytest.ExceptionInfo[ClientError]) -> bool:
    return error.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")


@pytest.mark.parametrize("attribute", ["xp", "reputation", "completed"])
def test_only_rewards_may_raise_xp_and_reputation(stage: Stage, attribute: str) -> None:
    member = stage.sign_up("saver")
    update = {
        "TableName": stage.outputs["users_table"],
        "Key": row_key(member.user_id),
        "UpdateExpression": f"SET {attribute} = :much",
        "ExpressionAttributeValues": {":much": {"N": "1000000"}},
    }
    for name in ("api", "housekeeping"):
        client = role_client(stage, name, "dynamodb")
        with pytest.raises(ClientError) as alone:
            client.update_item(**update)
        with pytest.raises(ClientError) as in_transaction:
            client.transact_write_items(TransactItems=[{"Update": update}])
        with pytest.raises(ClientError) as put:
            client.put_item(
                TableName=update["TableName"], Item={**row_key(member.user_id), attribute: {"N": "1000000"}}
            )
        assert all(map(refused, (alone, in_transaction, put)))
    assert member.get("/me")[attribute] == 0
    role_client(stage, "rewards", "dynamodb").update_item(
        **{**update, "ExpressionAttributeValues": {":much": {"N": "1"}}}
    )
    assert member.get("/me")[attribute] == 1


def test_the_api_changes_what_is_its_own(stage: Stage) -> None:
    member = stage.sign_up("editor")
    assert member.request("PATCH", "/me", json={"displayName": "Edith"}).json()["displayName"] == "Edith"


def test_no_secret_is_in_an_environment(stage: Stage) -> None:
    ssm, functions = stage.client("ssm"), stage.client("lambda")
    names = [
        parameter["Name"]
        for page in ssm.get_paginator("describe_parameters").paginate()
        for parameter in page["Parameters"]
        if parameter["Type"] == "SecureString"
    ]
    assert names, "there is a SecureString"
    secrets = {
        text
        for name in names
        for value in [ssm.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]]
        for text in [value, *(filter(None, json.loads(value).values()) if value.startswith("{") else ())]
    }
    for service in SERVICES:
        name = resource_name("local", service)
        variables = functions.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        assert not [key for key, value in variables.items() if any(secret in value for secret in secrets)]


def test_the_bucket_answers_the_distribution_only(stage: Stage) -> None:
    bucket = stage.outputs["site_bucket"]
    stage.client("s3").put_object(Bucket=bucket, Key="index.html", Body=b"<!doctype html>here", ContentType="text/html")
    direct = stage.http.get(f"{stage.endpoint}/{bucket}/index.html")
    assert direct.status_code == 403
    through = stage.http.get("/profile")
    assert through.status_code == 200
    assert "here" in through.text
    assert "default-src 'none'" in through.headers["content-security-policy"]
    assert stage.http.get("/quests/new").text == through.text
    assert stage.http.get("/assets/missing.js").status_code in (403, 404)
    assert "here" not in stage.http.get("/assets/missing.js").text


def test_config_json_says_where_the_app_finds_its_stage(stage: Stage) -> None:
    answer = stage.http.get("/config.json")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.json()["userPoolClientId"] == stage.outputs["user_pool_client_id"]
