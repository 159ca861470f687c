"""Every kind of resource that the engine knows: made, left alone, looked at, changed, and removed without a trace."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest

from localcloud.engine.deployment import EngineError, Report
from localcloud.engine.state import State
from localcloud.provider import HANDLERS
from tests.platform.conftest import Platform

STAGE = "kinds"
NOT_DESCRIBED = {
    "BucketObjectv2.content",  # what is inside is not described, as a Lambda's code
    "BucketObjectv2.source",
    "Function.code",
    "CompositeAlarm.actionsSuppressor",  # the answer has it flat, the program nested
    "Function.reservedConcurrentExecutions",  # one version of the program says nothing of these three
    "Role.permissionsBoundary",
    "Table.serverSideEncryption",
    "Table.pointInTimeRecovery",  # the days, which MiniStack does not tell
    "UserPool.schemas",  # Cognito lists its own attributes beside the program's
}
"""Inputs whose change by hand is not seen."""
HANDLER = "def handler(event, context):\n    return {number}\n"


def document(action: str, resource: Any, **more: Any) -> pulumi.Output[str]:
    statement = {"Effect": "Allow", "Action": action, "Resource": resource, **more}
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(service: str) -> str:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def program(version: int) -> None:
    """All kinds; what `version` is used in can change in place."""
    tags = {"version": str(version)}
    identity(version, tags)
    dead, topic = messages(version, tags)
    function, alias, table = compute(version, tags, dead)
    pool, client = members(version, tags, alias)
    gateway = http(version, tags, function, alias, pool, client)
    site(version, tags, gateway)
    watching(version, tags, topic, dead, alias)
    settings(version, tags, topic, table)
    mails(version, tags, topic)


def identity(version: int, tags: dict[str, str]) -> None:
    boundary = aws.iam.Policy("policy", name="kinds", policy=document(f"sqs:Receive{version}", "*"), tags=tags)
    role = aws.iam.Role(
        "role",
        name="kinds",
        assume_role_policy=trust("lambda.amazonaws.com"),
        description=f"v{version}",
        max_session_duration=3600 * version,
        permissions_boundary=boundary.arn if version > 1 else None,
        tags=tags,
    )
    aws.iam.RolePolicy("inline", role=role.name, policy=document(f"sqs:Send{version}", "*"))
    aws.iam.RolePolicyAttachment("attachment", role=role.name, policy_arn=boundary.arn)
    aws.iam.OpenIdConnectProvider(
        "provider",
        url="https://token.example.org",
        client_id_lists=[f"client-{version}"],
    )


def messages(version: int, tags: dict[str, str]) -> tuple[aws.sqs.Queue, aws.sns.Topic]:
    dead = aws.sqs.Queue("dead", name="kinds-dead", message_retention_seconds=60 * version, tags=tags)
    queue = aws.sqs.Queue("queue", name="kinds", visibility_timeout_seconds=version)
    aws.sqs.QueuePolicy(
        "queue",
        queue_url=queue.url,
        policy=document(f"sqs:Send{version}", queue.arn, Principal={"AWS": "000000000000"}),
    )
    topic = aws.sns.Topic("topic", name="kinds", display_name=f"v{version}", tags=tags)
    aws.sns.TopicPolicy(
        "topic", arn=topic.arn, policy=document(f"sns:Publish{version}", topic.arn, Principal={"AWS": "000000000000"})
    )
    aws.sns.TopicSubscription(
        "topic", topic=topic.arn, protocol="sqs", endpoint=queue.arn, raw_message_delivery=version > 1
    )
    return dead, topic


def compute(
    version: int, tags: dict[str, str], dead: aws.sqs.Queue
) -> tuple[aws.lambda_.Function, aws.lambda_.Alias, aws.dynamodb.Table]:
    index: dict[str, Any] = {
        "name": f"by-{version}",
        "hash_key": "b",
        "projection_type": "INCLUDE",
        "non_key_attributes": ["c"],
    }
    table = aws.dynamodb.Table(
        "table",
        name="kinds",
        billing_mode="PAY_PER_REQUEST",
        hash_key="a",
        range_key="b",
        attributes=[aws.dynamodb.TableAttributeArgs(name=name, type="S") for name in "ab"],
        global_secondary_indexes=[aws.dynamodb.TableGlobalSecondaryIndexArgs(**index)],
        stream_enabled=True,
        stream_view_type="NEW_IMAGE" if version == 1 else "NEW_AND_OLD_IMAGES",
        ttl=aws.dynamodb.TableTtlArgs(attribute_name="gone", enabled=version == 1),
        point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(
            enabled=True, recovery_period_in_days=30 + version
        ),
        server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(enabled=version > 1),
        on_demand_throughput=aws.dynamodb.TableOnDemandThroughputArgs(max_read_request_units=100 * version),
        deletion_protection_enabled=False,
        tags=tags,
    )
    role = aws.iam.Role("runs", name="kinds-runs", assume_role_policy=trust("lambda.amazonaws.com"))
    group = aws.cloudwatch.LogGroup(
        "logs", name="/aws/lambda/kinds", retention_in_days=7 if version == 1 else 30, tags=tags
    )
    function = aws.lambda_.Function(
        "function",
        name="kinds",
        role=role.arn,
        runtime="python3.13",
        handler="index.handler",
        code=pulumi.AssetArchive({"index.py": pulumi.StringAsset(HANDLER.format(number=version))}),
        timeout=version,
        publish=True,
        reserved_concurrent_executions=version if version < 3 else None,
        environment=aws.lambda_.FunctionEnvironmentArgs(variables={"VERSION": str(version)}),
        logging_config=aws.lambda_.FunctionLoggingConfigArgs(log_format="JSON", log_group=group.name),
        tags=tags,
    )
    alias = aws.lambda_.Alias(
        "alias", name="live", function_name=function.name, function_version=function.version, description=f"v{version}"
    )
    aws.lambda_.Permission(
        "permission", action="lambda:InvokeFunction", function=function.name, principal="events.amazonaws.com"
    )
    failure = aws.lambda_.FunctionEventInvokeConfigDestinationConfigOnFailureArgs(destination=dead.arn)
    aws.lambda_.FunctionEventInvokeConfig(
        "invocation",
        function_name=function.name,
        qualifier=alias.name,
        maximum_retry_attempts=version - 1,
        destination_config=aws.lambda_.FunctionEventInvokeConfigDestinationConfigArgs(on_failure=failure),
    )
    aws.lambda_.EventSourceMapping(
        "mapping",
        event_source_arn=dead.arn,
        function_name=alias.arn,
        batch_size=version,
        scaling_config=aws.lambda_.EventSourceMappingScalingConfigArgs(maximum_concurrency=1 + version),
        tags=tags,
    )
    pulumi.export("version", function.version)
    return function, alias, table


def members(
    version: int, tags: dict[str, str], alias: aws.lambda_.Alias
) -> tuple[aws.cognito.UserPool, aws.cognito.UserPoolClient]:
    constraints = aws.cognito.UserPoolSchemaStringAttributeConstraintsArgs(min_length="0", max_length="2048")
    names = ["first"] if version == 1 else ["first", "second"]
    pool = aws.cognito.UserPool(
        "pool",
        name="kinds",
        username_attributes=["email"],
        auto_verified_attributes=["email"],
        password_policy=aws.cognito.UserPoolPasswordPolicyArgs(minimum_length=11 + version),
        lambda_config=aws.cognito.UserPoolLambdaConfigArgs(post_confirmation=alias.arn),
        mfa_configuration="OPTIONAL",
        software_token_mfa_configuration=aws.cognito.UserPoolSoftwareTokenMfaConfigurationArgs(enabled=True),
        schemas=[
            aws.cognito.UserPoolSchemaArgs(
                name=name, attribute_data_type="String", mutable=True, string_attribute_constraints=constraints
            )
            for name in names
        ],
        tags=tags,
    )
    client = aws.cognito.UserPoolClient(
        "client", name="kinds", user_pool_id=pool.id, generate_secret=True, access_token_validity=version
    )
    aws.cognito.UserGroup("group", name="kinds", user_pool_id=pool.id, description=f"v{version}")
    pulumi.export("client_secret", client.client_secret)
    return pool, client


def http(
    version: int,
    tags: dict[str, str],
    function: aws.lambda_.Function,
    alias: aws.lambda_.Alias,
    pool: aws.cognito.UserPool,
    client: aws.cognito.UserPoolClient,
) -> aws.apigatewayv2.Api:
    api = aws.apigatewayv2.Api("api", name="kinds", protocol_type="HTTP", description=f"v{version}", tags=tags)
    integration = aws.apigatewayv2.Integration(
        "integration",
        api_id=api.id,
        integration_type="AWS_PROXY",
        integration_uri=alias.invoke_arn,
        payload_format_version="2.0",
        timeout_milliseconds=1000 * version,
    )
    jwt = aws.apigatewayv2.AuthorizerJwtConfigurationArgs(
        audiences=[client.id], issuer=pulumi.Output.concat("https://", pool.endpoint)
    )
    authorizer = aws.apigatewayv2.Authorizer(
        "authorizer",
        api_id=api.id,
        name=f"jwt-{version}",
        authorizer_type="JWT",
        identity_sources=["$request.header.Authorization"],
        jwt_configuration=jwt,
    )
    aws.apigatewayv2.Route(
        "route",
        api_id=api.id,
        route_key=f"GET /{version}",
        target=pulumi.Output.concat("integrations/", integration.id),
        authorization_type="JWT",
        authorizer_id=authorizer.id,
    )
    access = aws.cloudwatch.LogGroup("access", name="/kinds/access")
    limits = aws.apigatewayv2.StageRouteSettingArgs(
        route_key=f"GET /{version}", throttling_rate_limit=version, throttling_burst_limit=version
    )
    aws.apigatewayv2.Stage(
        "stage",
        api_id=api.id,
        name="$default",
        auto_deploy=True,
        description=f"v{version}",
        route_settings=[limits],
        access_log_settings=aws.apigatewayv2.StageAccessLogSettingsArgs(
            destination_arn=access.arn, format="$context.requestId"
        ),
        tags=tags,
    )
    return api


def site(version: int, tags: dict[str, str], api: aws.apigatewayv2.Api) -> None:
    bucket = aws.s3.Bucket("site", bucket="kinds-site", force_destroy=True, tags=tags)
    aws.s3.BucketPublicAccessBlock("site", bucket=bucket.id, block_public_acls=True, block_public_policy=version > 1)
    aws.s3.BucketOwnershipControls(
        "site",
        bucket=bucket.id,
        rule=aws.s3.BucketOwnershipControlsRuleArgs(
            object_ownership="BucketOwnerPreferred" if version == 1 else "BucketOwnerEnforced"
        ),
    )
    aws.s3.BucketVersioning(
        "site",
        bucket=bucket.id,
        versioning_configuration=aws.s3.BucketVersioningVersioningConfigurationArgs(status="Enabled"),
    )
    encryption = aws.s3.BucketServerSideEncryptionConfigurationRuleApplyServerSideEncryptionByDefaultArgs(
        sse_algorithm="AES256"
    )
    aws.s3.BucketServerSideEncryptionConfiguration(
        "site",
        bucket=bucket.id,
        rules=[
            aws.s3.BucketServerSideEncryptionConfigurationRuleArgs(
                apply_server_side_encryption_by_default=encryption, bucket_key_enabled=version > 1
            )
        ],
    )
    expiry = aws.s3.BucketLifecycleConfigurationRuleNoncurrentVersionExpirationArgs(noncurrent_days=version)
    aws.s3.BucketLifecycleConfiguration(
        "site",
        bucket=bucket.id,
        rules=[
            aws.s3.BucketLifecycleConfigurationRuleArgs(
                id="old", status="Enabled", noncurrent_version_expiration=expiry
            )
        ],
    )
    aws.s3.BucketObjectv2("page", bucket=bucket.id, key="index.html", content=f"v{version}", content_type="text/html")
    aws.s3.BucketObjectv2("file", bucket=bucket.id, key="file.bin", source=pulumi.StringAsset(f"v{version}"))
    control = aws.cloudfront.OriginAccessControl(
        "site",
        name="kinds",
        description=f"v{version}",
        origin_access_control_origin_type="s3",
        signing_behavior="always",
        signing_protocol="sigv4",
    )
    rewrite = aws.cloudfront.Function(
        "rewrite",
        name="kinds",
        runtime="cloudfront-js-2.0",
        code=f"function handler(event) {{ return event.request; /* {version} */ }}",
    )
    contents = aws.cloudfront.ResponseHeadersPolicyCustomHeadersConfigItemArgs(
        header="X-V", value=str(version), override=True
    )
    headers = aws.cloudfront.ResponseHeadersPolicy(
        "headers",
        name="kinds",
        custom_headers_config=aws.cloudfront.ResponseHeadersPolicyCustomHeadersConfigArgs(items=[contents]),
    )
    none: dict[str, Any] = {"cookie_behavior": "none"}
    cached = aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginArgs(
        cookies_config=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginCookiesConfigArgs(**none),
        headers_config=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginHeadersConfigArgs(
            header_behavior="none"
        ),
        query_strings_config=aws.cloudfront.CachePolicyParametersInCacheKeyAndForwardedToOriginQueryStringsConfigArgs(
            query_string_behavior="all"
        ),
    )
    caching = aws.cloudfront.CachePolicy(
        "caching", name="kinds", default_ttl=version, parameters_in_cache_key_and_forwarded_to_origin=cached
    )
    association = aws.cloudfront.DistributionDefaultCacheBehaviorFunctionAssociationArgs(
        event_type="viewer-request", function_arn=rewrite.arn
    )
    custom = aws.cloudfront.DistributionOriginCustomOriginConfigArgs(
        http_port=80, https_port=443, origin_protocol_policy="https-only", origin_ssl_protocols=["TLSv1.2"]
    )
    host = api.api_endpoint.apply(lambda url: url.removeprefix("https://"))
    distribution = aws.cloudfront.Distribution(
        "site",
        enabled=True,
        comment=f"v{version}",
        origins=[
            aws.cloudfront.DistributionOriginArgs(
                origin_id="site", domain_name=bucket.bucket_regional_domain_name, origin_access_control_id=control.id
            ),
            aws.cloudfront.DistributionOriginArgs(origin_id="api", domain_name=host, custom_origin_config=custom),
        ],
        default_cache_behavior=aws.cloudfront.DistributionDefaultCacheBehaviorArgs(
            target_origin_id="site",
            viewer_protocol_policy="redirect-to-https",
            allowed_methods=["GET", "HEAD"],
            cached_methods=["GET", "HEAD"],
            cache_policy_id=caching.id,
            response_headers_policy_id=headers.id,
            function_associations=[association],
        ),
        logging_config=aws.cloudfront.DistributionLoggingConfigArgs(bucket=bucket.bucket_domain_name),
        restrictions=aws.cloudfront.DistributionRestrictionsArgs(
            geo_restriction=aws.cloudfront.DistributionRestrictionsGeoRestrictionArgs(restriction_type="none")
        ),
        viewer_certificate=aws.cloudfront.DistributionViewerCertificateArgs(cloudfront_default_certificate=True),
        tags=tags,
    )
    readers = {"Principal": {"Service": "cloudfront.amazonaws.com"}}
    aws.s3.BucketPolicy(
        "site",
        bucket=bucket.id,
        policy=document(
            "s3:GetObject" if version == 1 else "s3:GetObject*", pulumi.Output.concat(bucket.arn, "/*"), **readers
        ),
    )
    delivery(version, tags, distribution, bucket)


def delivery(
    version: int, tags: dict[str, str], distribution: aws.cloudfront.Distribution, bucket: aws.s3.Bucket
) -> None:
    source = aws.cloudwatch.LogDeliverySource(
        "source", name="kinds", log_type="ACCESS_LOGS", resource_arn=distribution.arn, tags=tags
    )
    destination = aws.cloudwatch.LogDeliveryDestination(
        "destination",
        name="kinds",
        output_format="json",
        delivery_destination_configuration=aws.cloudwatch.LogDeliveryDestinationDeliveryDestinationConfigurationArgs(
            destination_resource_arn=bucket.arn
        ),
        tags=tags,
    )
    aws.cloudwatch.LogDelivery(
        "delivery",
        delivery_source_name=source.name,
        delivery_destination_arn=destination.arn,
        record_fields=["date", "time", "x-edge-location"][:version],
        tags=tags,
    )


def watching(
    version: int, tags: dict[str, str], topic: aws.sns.Topic, dead: aws.sqs.Queue, alias: aws.lambda_.Alias
) -> None:
    alarm = aws.cloudwatch.MetricAlarm(
        "alarm",
        name="kinds",
        namespace="Kinds",
        metric_name="made",
        extended_statistic="p95",
        comparison_operator="GreaterThanThreshold",
        threshold=version,
        period=60,
        evaluation_periods=1,
        alarm_actions=[topic.arn],
        tags=tags,
    )
    metric = aws.cloudwatch.MetricAlarmMetricQueryMetricArgs(
        namespace="Kinds", metric_name="made", stat="Sum", period=60, dimensions={"a": "b"}
    )
    suppressor = aws.cloudwatch.MetricAlarm(
        "expression",
        name="kinds-expression",
        comparison_operator="GreaterThanThreshold",
        threshold=version,
        evaluation_periods=1,
        metric_queries=[
            aws.cloudwatch.MetricAlarmMetricQueryArgs(id="rate", expression=f"made * {version}", return_data=True),
            aws.cloudwatch.MetricAlarmMetricQueryArgs(id="made", metric=metric),
        ],
    )
    quiet = aws.cloudwatch.CompositeAlarmActionsSuppressorArgs(
        alarm=suppressor.name, extension_period=60, wait_period=60 * version
    )
    aws.cloudwatch.CompositeAlarm(
        "composite",
        alarm_name="kinds-composite",
        alarm_rule=alarm.name.apply(lambda name: f'ALARM("{name}")'),
        actions_suppressor=quiet,
        tags=tags,
    )
    text = {"type": "text", "x": 0, "y": 0, "width": 6, "height": 3, "properties": {"markdown": f"v{version}"}}
    aws.cloudwatch.Dashboard("board", dashboard_name="kinds", dashboard_body=json.dumps({"widgets": [text]}))
    aws.cloudwatch.QueryDefinition(
        "query",
        name=f"kinds-{version}",
        query_string=f"fields @message | limit {version}",
        log_group_names=["/kinds/access"][: version - 1],
    )
    group_of_schedules = aws.scheduler.ScheduleGroup("schedules", name="kinds", tags=tags)
    caller = aws.iam.Role("schedules", name="kinds-schedules", assume_role_policy=trust("scheduler.amazonaws.com"))
    aws.scheduler.Schedule(
        "schedule",
        name="kinds",
        group_name=group_of_schedules.name,
        schedule_expression=f"rate({1 + version} days)",
        flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
        target=aws.scheduler.ScheduleTargetArgs(arn=alias.arn, role_arn=caller.arn),
    )


def settings(version: int, tags: dict[str, str], topic: aws.sns.Topic, table: aws.dynamodb.Table) -> None:
    aws.ssm.Parameter("parameter", name="/kinds/parameter", type="String", value=f"v{version}", tags=tags)
    key = aws.kms.Key("key", description=f"v{version}", enable_key_rotation=version > 1, tags=tags)
    aws.kms.Alias("key", name="alias/kinds", target_key_id=key.key_id)
    warning = aws.budgets.BudgetNotificationArgs(
        comparison_operator="GREATER_THAN",
        threshold=80,
        threshold_type="PERCENTAGE",
        notification_type="FORECASTED",
        subscriber_email_addresses=["ops@example.org"],
        subscriber_sns_topic_arns=[topic.arn],
    )
    aws.budgets.Budget(
        "budget",
        name="kinds",
        budget_type="COST",
        limit_amount=str(5 * version),
        limit_unit="USD",
        time_unit="MONTHLY",
        cost_filters=[aws.budgets.BudgetCostFilterArgs(name="TagKeyValue", values=["user:stage$kinds"])],
        notifications=[warning],
        tags=tags,
    )
    pulumi.export("table", table.name)


def mails(version: int, tags: dict[str, str], topic: aws.sns.Topic) -> None:
    reports = ["BOUNCE", "COMPLAINT"]
    mails = aws.sesv2.ConfigurationSet(
        "mails",
        configuration_set_name="kinds",
        delivery_options=aws.sesv2.ConfigurationSetDeliveryOptionsArgs(
            tls_policy="REQUIRE" if version > 1 else "OPTIONAL"
        ),
        reputation_options=aws.sesv2.ConfigurationSetReputationOptionsArgs(reputation_metrics_enabled=version > 1),
        sending_options=aws.sesv2.ConfigurationSetSendingOptionsArgs(sending_enabled=version > 1),
        suppression_options=aws.sesv2.ConfigurationSetSuppressionOptionsArgs(suppressed_reasons=reports[:version]),
        tags=tags,
    )
    aws.sesv2.ConfigurationSetEventDestination(
        "mails",
        configuration_set_name=mails.configuration_set_name,
        event_destination_name="reports",
        event_destination=aws.sesv2.ConfigurationSetEventDestinationEventDestinationArgs(
            enabled=True,
            matching_event_types=reports[:version],
            sns_destination=aws.sesv2.ConfigurationSetEventDestinationEventDestinationSnsDestinationArgs(
                topic_arn=topic.arn
            ),
        ),
    )


@pytest.fixture(scope="module")
def made(platform: Platform) -> Iterator[Platform]:
    platform.up(STAGE, lambda: program(1))
    yield platform
    platform.destroy(STAGE)


def test_every_kind_is_made_here(made: Platform) -> None:
    kinds = {record.type for record in State(made.emulator.stacks / f"{STAGE}.json").records.values()}
    assert set(HANDLERS) == kinds


def test_every_kind_is_left_alone_changed_and_removed(platform: Platform) -> None:
    """One test, because each step starts where the last one ended."""
    platform.destroy(STAGE)
    count = len(platform.up(STAGE, lambda: program(1)).created)
    again = platform.up(STAGE, lambda: program(1), verify=True)
    assert (again.updated, len(again.same)) == ([], count)
    state = platform.emulator.stacks / f"{STAGE}.json"
    for version in (2, 3):
        before = state.read_text()
        report = platform.up(STAGE, lambda version=version: program(version))  # type: ignore[misc]  # of the loop's now
        assert not report.created
        assert {urn.rsplit("::", 1)[-1] for urn in report.replaced} == {"delivery", "provider"}
        assert report.outputs["version"] == str(version)
        assert_described(platform, report, state, before, version)
        assert len(platform.up(STAGE, lambda version=version: program(version), verify=True).same) == count  # type: ignore[misc]  # likewise
    live(platform)
    assert len(platform.destroy(STAGE).deleted) == count
    gone(platform)


def assert_described(platform: Platform, report: Report, state: Path, before: str, version: int) -> None:
    """Asserts that a change is drift for an engine that knows nothing of it: as if a person had done it by hand."""
    after = state.read_text()
    state.write_text(before)
    found = platform.preview(STAGE, lambda: program(version - 1), verify=True)
    state.write_text(after)
    assert not found.errors
    inputs = [{r["urn"]: r["inputs"] for r in json.loads(text)["resources"]} for text in (before, after)]
    changed = {
        (urn, key)
        for urn in report.updated
        for key in inputs[0][urn].keys() | inputs[1][urn].keys()
        if inputs[0][urn].get(key) != inputs[1][urn].get(key) and key not in ("tags", "tagsAll")
    }
    seen = {(step.urn, key) for step in found.steps if step.operation == "update" for key in step.difference.keys}
    unseen = {f"{urn.split('::')[2].rpartition(':')[2]}.{key}" for urn, key in changed - seen}
    assert unseen <= NOT_DESCRIBED


def live(platform: Platform) -> None:
    """A sample of what the third version must have become."""
    table = platform.client("dynamodb").describe_table(TableName="kinds")["Table"]
    assert [index["IndexName"] for index in table["GlobalSecondaryIndexes"]] == ["by-3"]
    assert table["StreamSpecification"]["StreamViewType"] == "NEW_AND_OLD_IMAGES"
    function = platform.client("lambda").invoke(FunctionName="kinds:live")
    assert function["Payload"].read() == b"3"
    alarm = platform.client("cloudwatch").describe_alarms(AlarmNames=["kinds"])["MetricAlarms"][0]
    assert (alarm["Threshold"], alarm["ExtendedStatistic"]) == (3.0, "p95")
    role = platform.client("iam").get_role(RoleName="kinds")["Role"]
    assert (role["Description"], role["Tags"]) == ("v3", [{"Key": "version", "Value": "3"}])
    page = platform.client("s3").get_object(Bucket="kinds-site", Key="index.html")
    assert (page["Body"].read(), page["ContentType"]) == (b"v3", "text/html")
    logs = platform.client("logs").describe_log_groups(logGroupNamePrefix="/aws/lambda/kinds")["logGroups"]
    assert logs[0]["retentionInDays"] == 30


def gone(platform: Platform) -> None:
    """Nothing of it is left on the emulator."""
    assert "kinds" not in platform.client("dynamodb").list_tables()["TableNames"]
    assert not [item for item in platform.client("iam").list_roles()["Roles"] if item["RoleName"].startswith("kinds")]
    assert not platform.client("sqs").list_queues(QueueNamePrefix="kinds").get("QueueUrls")
    assert not platform.client("cloudwatch").describe_alarms(AlarmNamePrefix="kinds")["MetricAlarms"]
    assert not platform.client("logs").describe_log_groups(logGroupNamePrefix="/kinds")["logGroups"]
    assert "kinds-site" not in [bucket["Name"] for bucket in platform.client("s3").list_buckets()["Buckets"]]


def test_what_a_handler_refuses_names_the_resource(platform: Platform) -> None:
    def wrong() -> None:
        aws.s3.Bucket("wrong", bucket="kinds-wrong", acceleration_status="Enabled")

    with pytest.raises(EngineError, match=r"'wrong': ValueError: .*'accelerationStatus'"):
        platform.up("wrong", wrong)
    platform.destroy("wrong")
