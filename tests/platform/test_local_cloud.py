"""The local cloud: every gap of the emulator filled, data that survives, emulators side by side."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pulumi
import pulumi_aws as aws
import pytest
from botocore.exceptions import ClientError

from infra.paths import REPOSITORY
from localcloud.emulator.process import DATA_LOSS_SECONDS, Emulator, EmulatorError
from tests.platform.conftest import VENV, Platform

STAGE = "gaps"
CACHING_DISABLED = "4135ea2d-6df8-44a3-9df3-4b5a84be39ad"
"""AWS's own cache policy, the same in every account."""
MEGABYTE = 1024 * 1024

HANDLER = """
import importlib.util, json, time

def handler(event, context):
    if event.get("triggerSource"):
        if event["request"]["userAttributes"]["email"].startswith("refused"):
            raise ValueError("not you")
        print(json.dumps({"confirmed": event["userName"], "source": event["triggerSource"]}))
        return event
    if "Records" in event:
        keys = [record["dynamodb"]["Keys"]["id"]["S"] for record in event["Records"]]
        poison = "poison-" + context.function_name.removeprefix("gaps-")
        print(json.dumps({"batch": keys}))
        if "partial" in context.function_name:
            numbers = {r["dynamodb"]["SequenceNumber"]: r["dynamodb"]["Keys"]["id"]["S"] for r in event["Records"]}
            return {"batchItemFailures": [{"itemIdentifier": n} for n, key in numbers.items() if key == poison]}
        if poison in keys:
            raise ValueError("poison")
        return
    path = event.get("rawPath", "")
    if path == "/fail":
        raise ValueError("broken")
    if path == "/resolve":
        import socket
        return {"addresses": [socket.create_connection((name, int(event["rawQueryString"]))).getpeername()[0]
                              for name in ("dev.localhost", "localhost")]}
    if path == "/slow":
        time.sleep(0.3)
    if path == "/metric":
        print(json.dumps({
            "_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [
                {"Namespace": "Gaps", "Dimensions": [["service"]], "Metrics": [{"Name": "made", "Unit": "Count"}]}]},
            "service": "probe", "made": [1, 2]}))
    return {"packages": [name for name in ("boto3", "ministack") if importlib.util.find_spec(name)]}
"""


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    caller = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement, caller]})


def function(name: str, role: aws.iam.Role, code: str = HANDLER) -> aws.lambda_.Function:
    return aws.lambda_.Function(
        name,
        name=f"gaps-{name}",
        role=role.arn,
        runtime="python3.13",
        handler="index.handler",
        code=pulumi.AssetArchive({"index.py": pulumi.StringAsset(code)}),
        timeout=10,
        memory_size=256,
        publish=True,
    )


def mapping(
    name: str, table: aws.dynamodb.Table, consumer: aws.lambda_.Function, dead: aws.sqs.Queue, **rules: Any
) -> None:
    aws.lambda_.EventSourceMapping(
        name,
        event_source_arn=table.stream_arn,
        function_name=consumer.arn,
        starting_position="TRIM_HORIZON",
        batch_size=10,
        destination_config=aws.lambda_.EventSourceMappingDestinationConfigArgs(
            on_failure=aws.lambda_.EventSourceMappingDestinationConfigOnFailureArgs(destination_arn=dead.arn)
        ),
        **rules,
    )


def program() -> None:
    role = aws.iam.Role("role", name="gaps-role", assume_role_policy=trust("lambda.amazonaws.com"))
    probe, whole, partial = (function(name, role) for name in ("probe", "whole", "partial"))
    function("broken", role, "raise RuntimeError('boom at import')")
    table = aws.dynamodb.Table(
        "table",
        name="gaps-table",
        billing_mode="PAY_PER_REQUEST",
        hash_key="id",
        attributes=[aws.dynamodb.TableAttributeArgs(name="id", type="S")],
        stream_enabled=True,
        stream_view_type="NEW_IMAGE",
    )
    dead_whole, dead_partial = (
        aws.sqs.Queue(f"dead-{name}", name=f"gaps-dead-{name}") for name in ("whole", "partial")
    )
    mapping("whole", table, whole, dead_whole, maximum_retry_attempts=1, bisect_batch_on_function_error=True)
    mapping(
        "partial",
        table,
        partial,
        dead_partial,
        maximum_retry_attempts=1,
        function_response_types=["ReportBatchItemFailures"],
    )
    pool = aws.cognito.UserPool(
        "pool",
        name="gaps-pool",
        username_attributes=["email"],
        username_configuration=aws.cognito.UserPoolUsernameConfigurationArgs(case_sensitive=False),
        auto_verified_attributes=["email"],
        lambda_config=aws.cognito.UserPoolLambdaConfigArgs(post_confirmation=probe.arn),
    )
    client = aws.cognito.UserPoolClient(
        "client", name="gaps-client", user_pool_id=pool.id, explicit_auth_flows=["ALLOW_USER_PASSWORD_AUTH"]
    )
    rotating = aws.cognito.UserPoolClient(
        "rotating",
        name="gaps-rotating",
        user_pool_id=pool.id,
        explicit_auth_flows=["ALLOW_USER_PASSWORD_AUTH"],
        refresh_token_rotation=aws.cognito.UserPoolClientRefreshTokenRotationArgs(
            feature="ENABLED", retry_grace_period_seconds=0
        ),
    )
    api = aws.apigatewayv2.Api("api", name="gaps-api", protocol_type="HTTP")
    integration = aws.apigatewayv2.Integration(
        "integration",
        api_id=api.id,
        integration_type="AWS_PROXY",
        integration_uri=probe.invoke_arn,
        payload_format_version="2.0",
    )
    aws.apigatewayv2.Route(
        "route", api_id=api.id, route_key="$default", target=pulumi.Output.concat("integrations/", integration.id)
    )
    aws.apigatewayv2.Stage("stage", api_id=api.id, name="$default", auto_deploy=True)
    alarmed = aws.sqs.Queue("alarmed", name="gaps-alarmed")
    topic = aws.sns.Topic("topic", name="gaps-topic")
    paged = aws.sqs.Queue("paged", name="gaps-paged")
    aws.sns.TopicSubscription("subscription", topic=topic.arn, protocol="sqs", endpoint=paged.arn)
    aws.sqs.QueuePolicy(
        "paged",
        queue_url=paged.url,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "sns.amazonaws.com"},
                        "Action": "sqs:SendMessage",
                        "Resource": paged.arn,
                    },
                    {
                        "Effect": "Deny",
                        "Principal": "*",
                        "Action": "sqs:*",
                        "Resource": paged.arn,
                        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                    },
                ],
            }
        ),
    )
    aws.cloudwatch.MetricAlarm(
        "depth",
        name="gaps-depth",
        namespace="AWS/SQS",
        metric_name="ApproximateNumberOfMessagesVisible",
        dimensions={"QueueName": alarmed.name},
        statistic="Maximum",
        comparison_operator="GreaterThanThreshold",
        threshold=0,
        period=60,
        evaluation_periods=1,
        alarm_actions=[topic.arn],
    )
    narrow = aws.iam.Role("narrow", name="gaps-narrow", assume_role_policy=trust("lambda.amazonaws.com"))
    aws.iam.RolePolicy(
        "narrow",
        name="narrow",
        role=narrow.name,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Action": ["dynamodb:PutItem", "dynamodb:UpdateItem", "dynamodb:Query", "dynamodb:GetItem"],
                        "Resource": table.arn,
                        "Condition": {
                            "ForAllValues:StringEquals": {
                                "dynamodb:LeadingKeys": ["mine"],
                                "dynamodb:Attributes": ["id", "name", "state"],
                            },
                        },
                    }
                ],
            }
        ),
    )
    bucket = aws.s3.Bucket("site", bucket="gaps-site", force_destroy=True)
    aws.s3.BucketObjectv2(
        "index", bucket=bucket.id, key="index.html", content="<h1>home</h1>", content_type="text/html"
    )
    control = aws.cloudfront.OriginAccessControl(
        "site",
        name="gaps-site",
        origin_access_control_origin_type="s3",
        signing_behavior="always",
        signing_protocol="sigv4",
    )
    behaviour: dict[str, Any] = {
        "viewer_protocol_policy": "redirect-to-https",
        "allowed_methods": ["GET", "HEAD"],
        "cached_methods": ["GET", "HEAD"],
        "cache_policy_id": CACHING_DISABLED,
    }
    distribution = aws.cloudfront.Distribution(
        "site",
        enabled=True,
        default_root_object="index.html",
        origins=[
            aws.cloudfront.DistributionOriginArgs(
                origin_id="site", domain_name=bucket.bucket_regional_domain_name, origin_access_control_id=control.id
            ),
            aws.cloudfront.DistributionOriginArgs(
                origin_id="api",
                domain_name=api.api_endpoint.apply(lambda url: url.removeprefix("https://")),
                custom_origin_config=aws.cloudfront.DistributionOriginCustomOriginConfigArgs(
                    http_port=80, https_port=443, origin_protocol_policy="https-only", origin_ssl_protocols=["TLSv1.2"]
                ),
            ),
        ],
        default_cache_behavior=aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
            target_origin_id="site", **behaviour
        ),
        ordered_cache_behaviors=[
            aws.cloudfront.DistributionOrderedCacheBehaviorArgs(
                target_origin_id="api", path_pattern="/api/*", **behaviour
            )
        ],
        restrictions=aws.cloudfront.DistributionRestrictionsArgs(
            geo_restriction=aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(restriction_type="none")
        ),
        viewer_certificate=aws.cloudfront.DistributionViewerCertificateArgs(cloudfront_default_certificate=True),
    )
    aws.s3.BucketPolicy(
        "site",
        bucket=bucket.id,
        policy=pulumi.Output.json_dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {
                        "Effect": "Allow",
                        "Principal": {"Service": "cloudfront.amazonaws.com"},
                        "Action": "s3:GetObject",
                        "Resource": pulumi.Output.concat(bucket.arn, "/*"),
                        "Condition": {"StringEquals": {"AWS:SourceArn": distribution.arn}},
                    }
                ],
            }
        ),
    )
    for name, value in {
        "api": api.id,
        "client": client.id,
        "rotating": rotating.id,
        "pool": pool.id,
        "table": table.name,
        "alarmed": alarmed.url,
        "paged": paged.url,
        "dead_whole": dead_whole.url,
        "dead_partial": dead_partial.url,
        "narrow": narrow.arn,
        "domain": distribution.domain_name,
    }.items():
        pulumi.export(name, value)


@pytest.fixture(scope="module")
def outputs(platform: Platform) -> Iterator[dict[str, Any]]:
    report = platform.up(STAGE, program)
    platform.emulator.serve_at_front_door(report.outputs["domain"])
    yield report.outputs
    platform.destroy(STAGE)


def eventually(what: Callable[[], Any], seconds: float = 20) -> Any:
    """The first true answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = what()
        if answer or time.monotonic() > deadline:
            return answer
        time.sleep(0.1)


def call(platform: Platform, outputs: dict[str, Any], path: str) -> httpx.Response:
    return httpx.get(f"{platform.endpoint}/_aws/execute-api/{outputs['api']}/$default{path}", timeout=30)


def logged(platform: Platform, function_name: str) -> list[dict[str, Any]]:
    with suppress(ClientError):
        events = platform.client("logs").filter_log_events(logGroupName=f"/aws/lambda/gaps-{function_name}")["events"]
        return [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
    return []


def test_an_unhandled_error_is_one_record_as_lambda_writes_it(platform: Platform, outputs: dict[str, Any]) -> None:
    call(platform, outputs, "/fail")
    (record,) = [line for line in logged(platform, "probe") if line.get("errorMessage") == "broken"][-1:]
    assert (record["level"], record["errorType"]) == ("ERROR", "ValueError")
    assert 'raise ValueError("broken")' in record["stackTrace"][-1]


def test_a_lambda_that_does_not_start_says_so_in_its_log(platform: Platform, outputs: dict[str, Any]) -> None:
    platform.client("lambda").invoke(FunctionName="gaps-broken", Payload=b"{}")
    lines = logged(platform, "broken")
    assert [line["errorMessage"] for line in lines if line.get("level") == "ERROR"] == ["boom at import"]
    assert [line["record"]["status"] for line in lines if line.get("type") == "platform.initReport"] == ["error"]


def messages(platform: Platform, url: str) -> list[dict[str, Any]]:
    answer = platform.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [json.loads(message["Body"]) for message in answer.get("Messages", [])]


def sign_up(platform: Platform, outputs: dict[str, Any], email: str) -> str:
    platform.client("cognito-idp").sign_up(
        ClientId=outputs["client"],
        Username=email,
        Password="Correct-horse-1",
        UserAttributes=[{"Name": "email", "Value": email}],
    )
    mails = httpx.get(f"{platform.running.front_url}/_local/mailbox", params={"format": "json"}).json()
    return str(next(mail["code"] for mail in mails if mail["to"] == email))


# The front door.


def test_page_and_api_have_one_origin(platform: Platform, outputs: dict[str, Any]) -> None:
    page = httpx.get(platform.running.front_url)
    assert (page.status_code, page.text) == (200, "<h1>home</h1>")
    assert httpx.get(f"{platform.running.front_url}/api/anything").json() == {"packages": []}


def test_a_browser_comes_through_a_forwarded_port(platform: Platform, outputs: dict[str, Any]) -> None:
    forwarded = {"Host": "localhost:9", "Origin": "http://localhost:9", "Sec-Fetch-Site": "same-origin"}
    for path in ("", "/api/anything"):
        assert httpx.get(f"{platform.running.front_url}{path}", headers=forwarded).status_code == 200
        foreign = httpx.get(f"{platform.running.front_url}{path}", headers={"Origin": "http://localhost:9"})
        assert foreign.status_code == 403


def test_the_bucket_itself_is_closed(platform: Platform, outputs: dict[str, Any]) -> None:
    assert httpx.get(f"{platform.endpoint}/gaps-site/index.html").status_code == 403


def test_the_mailbox_is_also_a_page(platform: Platform, outputs: dict[str, Any]) -> None:
    sign_up(platform, outputs, "reader@example.org")
    page = httpx.get(f"{platform.running.front_url}/_local/mailbox")
    assert "reader@example.org" in page.text
    assert page.headers["content-type"].startswith("text/html")


def test_a_browser_may_call_cognito_across_origins(platform: Platform) -> None:
    origin = {"Origin": platform.running.front_url}
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "content-type,x-amz-target"}
    preflight = httpx.options(platform.endpoint, headers=origin | asked)
    assert (preflight.status_code, preflight.headers["access-control-allow-origin"]) == (200, "*")
    target = {
        "X-Amz-Target": "AWSCognitoIdentityProviderService.ConfirmSignUp",
        "Content-Type": "application/x-amz-json-1.1",
    }
    refused = httpx.post(
        platform.endpoint, headers=origin | target, json={"ClientId": "none", "Username": "x", "ConfirmationCode": "1"}
    )
    assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (400, "*")


# What the emulator lacks.


def test_post_confirmation_runs_before_the_answer(platform: Platform, outputs: dict[str, Any]) -> None:
    code = sign_up(platform, outputs, "ada@example.org")
    cognito = platform.client("cognito-idp")
    cognito.confirm_sign_up(ClientId=outputs["client"], Username="ada@example.org", ConfirmationCode=code)
    user = cognito.admin_get_user(UserPoolId=outputs["pool"], Username="ada@example.org")["Username"]
    assert {"confirmed": user, "source": "PostConfirmation_ConfirmSignUp"} in logged(platform, "probe")


def test_a_user_pool_takes_names_without_their_case(platform: Platform, outputs: dict[str, Any]) -> None:
    code = sign_up(platform, outputs, "case@example.org")
    cognito, client = platform.client("cognito-idp"), outputs["client"]
    for same in ("CASE@EXAMPLE.ORG", "Case@Example.org"):
        with pytest.raises(cognito.exceptions.UsernameExistsException):
            sign_up(platform, outputs, same)
    cognito.confirm_sign_up(ClientId=client, Username="CASE@example.org", ConfirmationCode=code)
    for name in ("case@example.org", "cAsE@example.ORG"):
        parameters = {"USERNAME": name, "PASSWORD": "Correct-horse-1"}
        answer = cognito.initiate_auth(ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=parameters)
        assert answer["AuthenticationResult"]["AccessToken"]
    found = cognito.admin_get_user(UserPoolId=outputs["pool"], Username="Case@example.org")
    assert {"Name": "email", "Value": "case@example.org"} in found["UserAttributes"]
    with pytest.raises(cognito.exceptions.UserNotFoundException):
        cognito.admin_get_user(UserPoolId=outputs["pool"], Username="other-case@example.org")


@pytest.mark.parametrize(
    "password", [" Correct-horse-1", "Correct-horse-1 ", "Correct-horse-1\t", "\u00a0Correct-horse-1"]
)
def test_a_password_has_no_space_at_its_ends(platform: Platform, outputs: dict[str, Any], password: str) -> None:
    cognito = platform.client("cognito-idp")
    address = f"space{password.encode().hex()}@example.org"
    with pytest.raises(cognito.exceptions.InvalidParameterException, match="Value at 'password'"):
        cognito.sign_up(ClientId=outputs["client"], Username=address, Password=password)
    cognito.sign_up(ClientId=outputs["client"], Username=address, Password="Correct horse 1-")


def test_refresh_tokens_rotate(platform: Platform, outputs: dict[str, Any]) -> None:
    code = sign_up(platform, outputs, "turn@example.org")
    cognito, client = platform.client("cognito-idp"), outputs["rotating"]
    cognito.confirm_sign_up(ClientId=outputs["client"], Username="turn@example.org", ConfirmationCode=code)
    described = cognito.describe_user_pool_client(UserPoolId=outputs["pool"], ClientId=client)["UserPoolClient"]
    assert described["RefreshTokenRotation"] == {"Feature": "ENABLED", "RetryGracePeriodSeconds": 0}
    first = cognito.initiate_auth(
        ClientId=client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "turn@example.org", "PASSWORD": "Correct-horse-1"},
    )["AuthenticationResult"]["RefreshToken"]

    def renew(token: str) -> dict[str, Any]:
        result: dict[str, Any] = cognito.get_tokens_from_refresh_token(ClientId=client, RefreshToken=token)[
            "AuthenticationResult"
        ]
        return result

    second = renew(first)["RefreshToken"]
    assert second != first
    with pytest.raises(cognito.exceptions.RefreshTokenReuseException):
        renew(first)
    third = renew(second)
    assert third["AccessToken"]
    with pytest.raises(cognito.exceptions.InvalidParameterException):
        cognito.initiate_auth(
            ClientId=client,
            AuthFlow="REFRESH_TOKEN_AUTH",
            AuthParameters={"REFRESH_TOKEN": third["RefreshToken"]},
        )
    cognito.revoke_token(ClientId=client, Token=third["RefreshToken"])
    with pytest.raises(cognito.exceptions.NotAuthorizedException):
        renew(third["RefreshToken"])


def test_a_failing_trigger_is_told_and_the_user_stays_confirmed(platform: Platform, outputs: dict[str, Any]) -> None:
    code = sign_up(platform, outputs, "refused@example.org")
    cognito = platform.client("cognito-idp")
    with pytest.raises(
        cognito.exceptions.UserLambdaValidationException, match="PostConfirmation failed with error not you"
    ):
        cognito.confirm_sign_up(ClientId=outputs["client"], Username="refused@example.org", ConfirmationCode=code)
    user = cognito.admin_get_user(UserPoolId=outputs["pool"], Username="refused@example.org")
    assert user["UserStatus"] == "CONFIRMED"


def test_an_administrator_s_confirmation_runs_it_too(platform: Platform, outputs: dict[str, Any]) -> None:
    sign_up(platform, outputs, "bob@example.org")
    cognito = platform.client("cognito-idp")
    cognito.admin_confirm_sign_up(UserPoolId=outputs["pool"], Username="bob@example.org")
    user = cognito.admin_get_user(UserPoolId=outputs["pool"], Username="bob@example.org")["Username"]
    assert any(line.get("confirmed") == user for line in logged(platform, "probe"))


def metric_sum(platform: Platform, namespace: str, name: str, dimensions: dict[str, str]) -> float:
    now = time.time()
    answer = platform.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - 600,
        EndTime=now + 60,
        Period=3600,
        Statistics=["Sum"],
    )
    return float(sum(point["Sum"] for point in answer["Datapoints"]))


def test_embedded_metrics_are_metrics(platform: Platform, outputs: dict[str, Any]) -> None:
    before = metric_sum(platform, "Gaps", "made", {"service": "probe"})
    call(platform, outputs, "/metric")
    assert metric_sum(platform, "Gaps", "made", {"service": "probe"}) - before == 3


def test_calls_through_the_api_are_counted(platform: Platform, outputs: dict[str, Any]) -> None:
    function_name, api = {"FunctionName": "gaps-probe"}, {"ApiId": outputs["api"], "Stage": "$default"}
    wanted = (
        ("AWS/Lambda", "Invocations", function_name),
        ("AWS/Lambda", "Errors", function_name),
        ("AWS/ApiGateway", "Count", api),
        ("AWS/ApiGateway", "5xx", api),
        ("AWS/ApiGateway", "4xx", api),
    )
    before = [metric_sum(platform, *metric) for metric in wanted]
    assert call(platform, outputs, "/ok").status_code == 200
    assert call(platform, outputs, "/fail").status_code >= 500
    after = [metric_sum(platform, *metric) for metric in wanted]
    assert [late - early for early, late in zip(before, after, strict=True)] == [2, 1, 2, 1, 0]


def test_an_alarm_goes_off_by_itself(platform: Platform, outputs: dict[str, Any]) -> None:
    platform.client("sqs").send_message(QueueUrl=outputs["alarmed"], MessageBody="stuck")
    received = eventually(lambda: messages(platform, outputs["paged"]), 30)
    assert json.loads(received[0]["Message"])["AlarmName"] == "gaps-depth"


@pytest.mark.parametrize("consumer", ["whole", "partial"])
def test_poison_goes_to_its_queue_and_the_rest_goes_on(
    platform: Platform, outputs: dict[str, Any], consumer: str
) -> None:
    table = platform.client("dynamodb")
    started = time.time()
    items = [f"{consumer}-{number}" for number in range(3)]
    for key in (*items[:2], f"poison-{consumer}", items[2]):
        table.put_item(TableName=outputs["table"], Item={"id": {"S": key}, "at": {"S": str(started)}})
    described = eventually(lambda: messages(platform, outputs[f"dead_{consumer}"]))
    assert described[0]["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert described[0]["DDBStreamBatchInfo"]["batchSize"] <= 2
    batches = eventually(
        lambda: (
            items[2] in {key for line in logged(platform, consumer) for key in line.get("batch", [])}
            and [line["batch"] for line in logged(platform, consumer) if "batch" in line]
        )
    )
    assert set(items) <= {key for batch in batches for key in batch}
    # One attempt and one retry of what holds nothing but the poison (and what came with it), not more.
    assert 2 <= sum(batch[0] == f"poison-{consumer}" for batch in batches) <= 4


def test_lambdas_have_nothing_but_their_zip(platform: Platform, outputs: dict[str, Any]) -> None:
    assert call(platform, outputs, "/x").json() == {"packages": []}


def workers(platform: Platform) -> list[int]:
    listed = subprocess.run(
        ["ps", "-o", "pid=,args=", "--ppid", str(platform.running.pid)], capture_output=True, text=True, check=False
    ).stdout.splitlines()
    return [int(line.split()[0]) for line in listed if "_worker.py" in line]


def test_lambdas_find_their_stage_by_its_name(platform: Platform, outputs: dict[str, Any]) -> None:
    found = call(platform, outputs, f"/resolve?{platform.running.front_port}").json()
    assert found == {"addresses": ["127.0.0.1", "127.0.0.1"]}


def test_a_burst_starts_four_workers_at_most(platform: Platform, outputs: dict[str, Any]) -> None:
    before = set(workers(platform))
    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(lambda _: call(platform, outputs, "/slow").status_code, range(24)))
    assert set(answers) == {200}
    assert len(set(workers(platform)) - before) <= 4


def test_a_silent_handler_is_not_punished(platform: Platform, outputs: dict[str, Any]) -> None:
    url = f"{platform.endpoint}/_aws/execute-api/{outputs['api']}/$default/silent"
    with httpx.Client() as client:
        client.get(url)
        times = []
        for _ in range(30):
            started = time.perf_counter()
            client.get(url)
            times.append(time.perf_counter() - started)
    assert min(times) < 0.045


def test_condition_keys_hold_on_writes(platform: Platform, outputs: dict[str, Any]) -> None:
    session = platform.client("sts").assume_role(RoleArn=outputs["narrow"], RoleSessionName="probe")["Credentials"]
    table = platform.client(
        "dynamodb",
        aws_access_key_id=session["AccessKeyId"],
        aws_secret_access_key=session["SecretAccessKey"],
        aws_session_token=session["SessionToken"],
    )
    name = outputs["table"]

    def put(key: str, **attributes: str) -> None:
        table.put_item(TableName=name, Item={"id": {"S": key}, **{k: {"S": v} for k, v in attributes.items()}})

    def update(attribute: str) -> None:
        table.update_item(
            TableName=name,
            Key={"id": {"S": "mine"}},
            UpdateExpression="SET #a = :v",
            ExpressionAttributeNames={"#a": attribute},
            ExpressionAttributeValues={":v": {"S": "x"}},
        )

    def transact(*items: tuple[str, str]) -> None:
        table.transact_write_items(
            TransactItems=[
                {"Put": {"TableName": name, "Item": {"id": {"S": key}, attribute: {"S": "x"}}}}
                for key, attribute in items
            ]
        )

    def query(key: str) -> None:
        table.query(
            TableName=name,
            KeyConditionExpression="id = :k",
            ExpressionAttributeValues={":k": {"S": key}},
            ProjectionExpression="id",
        )

    put("mine", name="x")
    update("state")
    transact(("mine", "name"))
    query("mine")
    refused: list[Callable[[], None]] = [
        lambda: put("theirs", name="x"),
        lambda: put("mine", xp="1000"),
        lambda: update("xp"),
        lambda: transact(("mine", "xp")),
        lambda: transact(("theirs", "name")),
        lambda: query("theirs"),
    ]
    for attempt in refused:
        with pytest.raises(ClientError, match="AccessDenied"):
            attempt()


def test_tls_only_policies_do_not_shut_out_the_local_cloud(platform: Platform, outputs: dict[str, Any]) -> None:
    assert platform.client("sqs").get_queue_attributes(QueueUrl=outputs["paged"], AttributeNames=["QueueArn"])[
        "Attributes"
    ]


def test_a_table_is_restored_as_it_was_at_the_moment_asked_for(make_platform: Callable[[], Platform]) -> None:
    platform = make_platform()
    db, name = platform.client("dynamodb"), "gaps-recovered"
    key = {"AttributeName": "id", "AttributeType": "S"}, {"AttributeName": "at", "AttributeType": "N"}
    db.create_table(
        TableName=name, BillingMode="PAY_PER_REQUEST", AttributeDefinitions=list(key),
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
    )  # fmt: skip

    def item(id_: str, value: str, at: int = 1) -> dict[str, Any]:
        return {"id": {"S": id_}, "at": {"N": str(at)}, "value": {"S": value}}

    def put(*items: dict[str, Any]) -> None:
        for one in items:
            db.put_item(TableName=name, Item=one)

    def restore(at: float, target: str) -> list[dict[str, Any]]:
        db.restore_table_to_point_in_time(SourceTableName=name, TargetTableName=target, RestoreDateTime=at)
        found = db.scan(TableName=target)["Items"]
        db.delete_table(TableName=target)
        return sorted(found, key=lambda one: (one["id"]["S"], one["at"]["N"]))

    with pytest.raises(ClientError, match="PointInTimeRecoveryUnavailable"):
        restore(time.time(), "gaps-without")
    put(item("old", "kept"))
    specification = {"PointInTimeRecoveryEnabled": True}
    db.update_continuous_backups(TableName=name, PointInTimeRecoverySpecification=specification)
    put(item("a", "first"), item("a", "other", at=2), item("b", "first"))
    then = sorted(db.scan(TableName=name)["Items"], key=lambda one: (one["id"]["S"], one["at"]["N"]))
    moment = int(time.time())
    time.sleep(1.05)
    # One of each way to write.
    put(item("a", "damaged"))
    of = {"id": {"S": "b"}, "at": {"N": "1"}}
    db.update_item(TableName=name, Key=of, UpdateExpression="REMOVE #v", ExpressionAttributeNames={"#v": "value"})
    db.delete_item(TableName=name, Key={"id": {"S": "a"}, "at": {"N": "2"}})
    gone = {"TableName": name, "Key": {"id": {"S": "old"}, "at": {"N": "1"}}}
    new = {"TableName": name, "Item": item("new", "x")}
    db.transact_write_items(TransactItems=[{"Put": new}, {"Delete": gone}])
    requests = [{"PutRequest": {"Item": item("newer", "x")}}, {"DeleteRequest": {"Key": of}}]
    db.batch_write_item(RequestItems={name: requests})
    assert restore(moment, "gaps-then") == then
    now = db.scan(TableName=name)["Items"]
    assert len(restore(time.time(), "gaps-now")) == len(now)
    described = db.describe_continuous_backups(TableName=name)["ContinuousBackupsDescription"]
    window = described["PointInTimeRecoveryDescription"]
    assert window["EarliestRestorableDateTime"].timestamp() <= moment + 1
    assert moment < window["LatestRestorableDateTime"].timestamp() <= time.time()
    for outside in (moment - 3600, time.time() + 3600):
        with pytest.raises(ClientError, match="InvalidRestoreTime"):
            restore(outside, "gaps-outside")
    # The history survives a kill, as the data does.
    platform.emulator.save()
    os.kill(platform.running.pid, signal.SIGKILL)
    assert eventually(lambda: platform.emulator.running() is None)
    platform.restart()
    db = platform.client("dynamodb")
    assert restore(moment, "gaps-again") == then


# Lasting and living side by side.


def test_a_killed_emulator_comes_back_with_its_data(make_platform: Callable[[], Platform]) -> None:
    platform = make_platform()
    platform.up("lasting", lasting)
    table = platform.client("dynamodb")
    table.put_item(TableName="lasting", Item={"id": {"S": "kept"}})
    time.sleep(DATA_LOSS_SECONDS)
    os.kill(platform.running.pid, signal.SIGKILL)
    ports = (platform.running.port, platform.running.front_port)
    assert eventually(lambda: platform.emulator.running() is None)
    running = platform.restart()
    assert running.crashed
    assert (running.port, running.front_port) == ports
    assert platform.client("dynamodb").get_item(TableName="lasting", Key={"id": {"S": "kept"}})["Item"]
    assert platform.client("s3").get_object(Bucket="lasting", Key="a")["Body"].read() == b"kept"
    assert len(platform.up("lasting", lasting, verify=True).same) == 3


def lasting() -> None:
    aws.dynamodb.Table(
        "table",
        name="lasting",
        billing_mode="PAY_PER_REQUEST",
        hash_key="id",
        attributes=[aws.dynamodb.TableAttributeArgs(name="id", type="S")],
    )
    bucket = aws.s3.Bucket("bucket", bucket="lasting", force_destroy=True)
    aws.s3.BucketObjectv2("object", bucket=bucket.id, key="a", content="kept")


def test_stopping_keeps_everything_and_reset_nothing(make_platform: Callable[[], Platform]) -> None:
    platform = make_platform()
    platform.client("ssm").put_parameter(Name="/kept", Value="1", Type="String")
    assert platform.emulator.stop()
    assert not platform.emulator.stop()
    assert not platform.restart().crashed
    assert platform.client("ssm").get_parameter(Name="/kept")["Parameter"]["Value"] == "1"
    platform.emulator.reset()
    platform.restart()
    with pytest.raises(ClientError, match="ParameterNotFound"):
        platform.client("ssm").get_parameter(Name="/kept")


def test_two_emulators_live_side_by_side(platform: Platform, make_platform: Callable[[], Platform]) -> None:
    other = make_platform()
    assert {other.running.port, other.running.front_port}.isdisjoint(
        {platform.running.port, platform.running.front_port}
    )
    other.client("ssm").put_parameter(Name="/side", Value="other", Type="String")
    with pytest.raises(ClientError, match="ParameterNotFound"):
        platform.client("ssm").get_parameter(Name="/side")
    assert other.emulator.start() == other.running


def test_a_stale_pid_is_not_believed(make_platform: Callable[[], Platform]) -> None:
    platform = make_platform()
    state = platform.emulator.directory / "state.json"
    platform.emulator.stop()
    sleeper = subprocess.Popen(["sleep", "60"])
    try:
        state.write_text(
            json.dumps({"pid": sleeper.pid, "port": platform.running.port, "front_port": platform.running.front_port})
        )
        assert platform.emulator.running() is None
        platform.restart()
        assert sleeper.poll() is None, "a process that is not ours was killed"
    finally:
        sleeper.kill()
        sleeper.wait()


def test_an_emulator_whose_state_file_is_lost_is_found_again(make_platform: Callable[[], Platform]) -> None:
    platform = make_platform()
    (platform.emulator.directory / "state.json").write_text('{"pid": 1')
    assert platform.emulator.running() == platform.running
    assert platform.restart().pid == platform.running.pid


def test_two_never_serve_the_same_data(make_platform: Callable[[], Platform], monkeypatch: pytest.MonkeyPatch) -> None:
    platform = make_platform()
    with monkeypatch.context() as patch:
        patch.setattr(Emulator, "_known", lambda _: None)
        with pytest.raises(EmulatorError, match="Another emulator serves the data"):
            platform.emulator.start()
    platform.emulator._remember(platform.running)
    assert platform.emulator.running() == platform.running


def test_an_interrupted_start_leaves_no_emulator(
    make_platform: Callable[[], Platform], monkeypatch: pytest.MonkeyPatch
) -> None:
    platform = make_platform()
    platform.emulator.stop()
    started: list[int] = []

    def interrupted(_: Emulator, process: "subprocess.Popen[bytes]", port: int) -> None:
        started.append(process.pid)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Emulator, "_wait", interrupted)
        with pytest.raises(KeyboardInterrupt):
            platform.emulator.start()
    assert not psutil.pid_exists(started[0])
    assert platform.emulator.running() is None
    assert not platform.restart().crashed


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_an_emulator_ends_with_the_run_that_it_is_for(tmp_path: Path, end: signal.Signals) -> None:
    program = """if True:
        import os, sys, time
        from pathlib import Path
        from localcloud.emulator.process import Emulator

        emulator = Emulator(Path(sys.argv[1]), venv=Path(sys.argv[2]), ports=(32000, 32050), owner=os.getpid())
        print(emulator.start().pid, flush=True)
        time.sleep(600)
    """
    command = [sys.executable, "-c", program, str(tmp_path), str(VENV)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as run:
        assert run.stdout
        pid = int(run.stdout.readline())
        assert psutil.pid_exists(pid)
        run.send_signal(end)
    assert eventually(lambda: not psutil.pid_exists(pid))


def test_an_ended_run_of_the_journeys_leaves_nothing_behind() -> None:
    """Playwright, and the browser that it starts in a session of its own."""
    program = """if True:
        import signal, sys
        from tests.e2e.__main__ import attended

        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        print("ready", flush=True)
        attended(["bash", "-c", "setsid sleep 611 & sleep 612; true"])
    """
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, cwd=REPOSITORY) as run:
        assert run.stdout
        assert run.stdout.readline() == "ready\n"
        process = psutil.Process(run.pid)

        def sleepers() -> list[psutil.Process]:
            found = [one for one in process.children(recursive=True) if "sleep" in one.name()]
            return found if len(found) == 2 else []

        started = eventually(sleepers)
        assert len(started) == 2
        run.send_signal(signal.SIGTERM)
        assert run.wait(timeout=30) == 143
    assert not [one for one in started if one.is_running()]


def in_the_way(platform: Platform) -> Callable[[], object]:
    """Keep the file of SSM's state from being written; returns what undoes it."""
    folder = platform.emulator.data / "state" / "ssm.tmp"
    folder.mkdir()
    return folder.rmdir


def full(platform: Platform) -> Callable[[], object]:
    """Let no file of the emulator grow, as on a full disk; returns what undoes it."""
    process = psutil.Process(platform.running.pid)
    former = process.rlimit(psutil.RLIMIT_FSIZE)
    process.rlimit(psutil.RLIMIT_FSIZE, (0, former[1]))
    return lambda: process.rlimit(psutil.RLIMIT_FSIZE, former)


@pytest.mark.parametrize("fault", [in_the_way, full])
def test_a_save_that_fails_is_heard_and_nothing_is_lost(
    make_platform: Callable[[], Platform], fault: Callable[[Platform], Callable[[], object]]
) -> None:
    platform = make_platform()
    platform.client("ssm").put_parameter(Name="/first", Value="1", Type="String")
    platform.emulator.save()
    mend = fault(platform)
    platform.client("ssm").put_parameter(Name="/second", Value="1", Type="String")
    with pytest.raises(EmulatorError, match=r"could not save its data \(.*ssm: .*MB are free"):
        platform.emulator.save()
    with pytest.raises(EmulatorError, match="could not save"):
        platform.emulator.stop()
    assert platform.emulator.running() == platform.running
    assert "ssm" in platform.emulator.failure()
    mend()
    assert eventually(lambda: not platform.emulator.failure()), "it tries again by itself"
    assert platform.emulator.stop()
    platform.restart()
    names = [found["Name"] for found in platform.client("ssm").describe_parameters()["Parameters"]]
    assert names == ["/first", "/second"]


def test_saving_much_holds_no_request_up(make_platform: Callable[[], Platform]) -> None:
    platform = make_platform()
    platform.up("lasting", lasting)
    table = platform.client("dynamodb")
    for number in range(90):
        item = {"id": {"S": str(number)}, "text": {"S": str(number % 10) * 380_000}}
        table.put_item(TableName="lasting", Item=item)
    platform.emulator.save()
    saved = platform.emulator.data / "state" / "dynamodb.json"
    assert saved.stat().st_size > 30 * MEGABYTE
    health = httpx.get(f"{platform.endpoint}/_local/health").json()
    assert health["held_ms"] < 50
    os.kill(platform.running.pid, signal.SIGKILL)
    assert eventually(lambda: platform.emulator.running() is None)
    platform.restart()
    assert platform.client("dynamodb").describe_table(TableName="lasting")["Table"]["ItemCount"] == 90


def resident(pid: int) -> int:
    """Bytes of memory that a process and its children hold."""
    status = Path(f"/proc/{pid}/status")
    own = next((int(line.split()[1]) * 1024 for line in status.read_text().splitlines() if line.startswith("VmRSS")), 0)
    children = subprocess.run(
        ["ps", "-o", "pid=", "--ppid", str(pid)], capture_output=True, text=True, check=False
    ).stdout.split()
    return own + sum(resident(int(child)) for child in children if Path(f"/proc/{child}/status").exists())


def test_an_emulator_of_another_state_of_the_code_is_started_again(
    make_platform: Callable[[], Platform], monkeypatch: pytest.MonkeyPatch
) -> None:
    own = make_platform()
    assert own.restart().pid == own.running.pid
    former = own.running
    monkeypatch.setattr("localcloud.emulator.process._code", lambda: "another")
    again = own.restart()
    assert (again.pid != former.pid, again.port, again.crashed) == (True, former.port, False)


def test_the_platform_stays_small(platform: Platform, outputs: dict[str, Any]) -> None:
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda _: call(platform, outputs, "/slow"), range(24)))
    assert resident(platform.running.pid) < 600 * MEGABYTE


def test_nothing_deployed_is_said(make_platform: Callable[[], Platform]) -> None:
    platform = make_platform()
    answer = httpx.get(platform.running.front_url)
    assert (answer.status_code, "make up" in answer.text) == (503, True)
    with urllib.request.urlopen(f"{platform.endpoint}/_local/health") as response:
        assert json.load(response)["pid"] == platform.running.pid
    assert httpx.get(f"{platform.endpoint}/_local/nothing").status_code == 404


def test_several_starts_at_once_start_one(make_platform: Callable[[], Platform]) -> None:
    platform = make_platform()
    platform.emulator.stop()
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(platform.emulator.start().pid)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == 1
