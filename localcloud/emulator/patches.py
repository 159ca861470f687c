# ruff: noqa: SLF001 - MiniStack has no public hooks for what is filled here; its version is pinned
"""Patches of MiniStack 1.5.33; they run in the emulator's process.

| gap | filled by |
|---|---|
| Lambda metrics only for direct invocations; EMF lines are not metrics | `_log_metrics` |
| alarms looked at only when a metric is put; queues and APIs publish no metrics | `heartbeat`, `record_api_call` |
| stream mappings retry for ever | `streams.Poller` |
| `dynamodb:LeadingKeys`, `dynamodb:Attributes` on writes | `conditions`, per item of a transaction |
| `ssm:GetParameters` is authorized on `*` | `_names_parameters`, `_per_item` |
| tags of a resource are evaluated for nine services, and not where a boundary asks | `_with_resource_tags` |
| a log stream is authorized by its group's ARN, which `log-group:name:*` does not cover | `_names_log_streams` |
| SES v2 authorizes a mail on `*`; AWS on the sender's identity | `_names_identity` |
| no identity is verified, as in a new account | `_verified`: every domain under `.example` (RFC 2606) is |
| a confirmed sign-up leaves its address unverified | `_verify_address` |
| PostConfirmation is never invoked | `post_confirmation` |
| weights of an alias are ignored | `_weighed`, `_log_metrics` |
| reserved concurrency does not hold for versions, which is what an alias stands for | `_of_the_function` |
| an API answers though its endpoint is disabled or its rate is 0 | `cut_off` |
| what the emulator does by itself (SNS to SQS) counts as plain HTTP, so that TLS-only policies refuse it | `install` |
| `test`, and every number of an account, is the key of a root | `_root_key` |
| a silent handler takes 50 ms longer | `install` |
| DynamoDB and CloudFront publish no metrics | `meters` |
| a distribution gets 403 for a missing object though it may list the bucket | `_missing_objects` |
| CloudFront knows no origin groups | `_with_origin_groups`, `_failing_over` |
| alarms know no dimensions, missing data, M of N, expressions, suppressors | `alarms` |
| state is written slowly, and what could not be written is logged only | `write_state` |
| Python Lambdas see the emulator's own packages | `install`: an interpreter with nothing installed |

Left as they are: throttling of an API's stage, USER_AUTH and EMAIL_OTP, Pre/PostAuthentication and
UserMigration triggers.
"""

import contextvars
import hmac
import json
import os
import random
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from email.utils import parseaddr
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from ministack import app as ministack  # type: ignore[import-not-found]  # its own environment
from ministack.core import iam_actions, iam_evaluator, lambda_runtime, persistence  # type: ignore[import-not-found]  # its
from ministack.core.concurrency import run_reentrant  # type: ignore[import-not-found]  # its own environment
from ministack.core.responses import request_scope  # type: ignore[import-not-found]  # its own environment
from ministack.services import (  # type: ignore[import-not-found]  # its own environment
    apigateway,
    cloudfront,
    cloudwatch,
    cloudwatch_logs,
    cognito,
    dynamodb,
    lambda_svc,
    s3,
    ses,
    sqs,
    sts,
    tagging,
)

from localcloud.emulator import alarms, meters
from localcloud.emulator.conditions import condition_keys, transaction_items
from localcloud.emulator.streams import Poller

HEARTBEAT_SECONDS: Final = 5.0
SILENT_HANDLER_WAIT_SECONDS: Final = 0.010
"""How long a worker waits for a log line after the answer; MiniStack's own is 0.050."""

CONFIRMATIONS: Final = {
    "ConfirmSignUp": "PostConfirmation_ConfirmSignUp",
    "AdminConfirmSignUp": "PostConfirmation_ConfirmSignUp",
    "ConfirmForgotPassword": "PostConfirmation_ConfirmForgotPassword",
}
"""Cognito operations after which the PostConfirmation trigger runs, and the source that it is told."""

_parameter_arns: contextvars.ContextVar[tuple[str, ...]] = contextvars.ContextVar("parameter_arns", default=())
_item_contexts: contextvars.ContextVar[deque[dict[str, list[str]]] | None] = contextvars.ContextVar(
    "item_contexts", default=None
)


def install() -> None:
    """Patch the emulator. Call once, before it serves."""
    alarms.install()
    meters.install()
    iam_evaluator.is_root_access_key = sts.is_root_access_key = _root_key
    lambda_runtime.Worker._drain_stderr_bounded.__defaults__ = (SILENT_HANDLER_WAIT_SECONDS, 0.005, 0.250)
    lambda_runtime._detect_runtime_binary = _own_interpreter(lambda_runtime._detect_runtime_binary)
    lambda_svc._get_func_record_for_ref_in_scope = _weighed(lambda_svc._get_func_record_for_ref_in_scope)
    lambda_svc._reserved_concurrency = _of_the_function(lambda_svc._reserved_concurrency)
    lambda_svc._emit_lambda_logs = _log_metrics(lambda_svc._emit_lambda_logs)
    lambda_svc._emit_lambda_metrics = _throttles_only(lambda_svc._emit_lambda_metrics)
    lambda_svc._poll_dynamodb_streams = Poller(lambda_svc, dynamodb, request_scope)
    iam_actions.dynamodb_service_context = _with_condition_keys(iam_actions.dynamodb_service_context)
    iam_actions.extract_resource_arn = _names_identity(
        _names_log_streams(_names_parameters(iam_actions.extract_resource_arn))
    )
    ses._identity_verified = _verified(ses._identity_verified)
    iam_evaluator._request_origin = contextvars.ContextVar("request_origin", default=("127.0.0.1", True))
    iam_evaluator.enforce = _with_resource_tags(_per_item(iam_evaluator.enforce))
    cloudfront.parse_distribution_dataplane_config = _with_origin_groups(cloudfront.parse_distribution_dataplane_config)
    s3.serve_cloudfront_origin_fetch = _missing_objects(s3.serve_cloudfront_origin_fetch)
    cloudfront._fetch_from_origin = _failing_over(cloudfront._fetch_from_origin)


def _root_key(access_key_id: str) -> bool:
    """True for the key of this data folder, and for what carries none: an unsigned request is refused elsewhere."""
    return not access_key_id or hmac.compare_digest(access_key_id, os.environ["AWS_ACCESS_KEY_ID"])


def _own_interpreter(detect: Callable[[str], tuple[str, str]]) -> Callable[[str], tuple[str, str]]:
    def detect_own(runtime: str) -> tuple[str, str]:
        binary, script = detect(runtime)
        return (os.environ["LAMBDA_PYTHON"], script) if runtime.startswith("python") else (binary, script)

    return detect_own


# State.


def write_state() -> dict[str, str]:
    """Write all state to disk, in a copy of the process; returns why a service's could not be written, by service.

    What is written is not copied first, as MiniStack does: in a copy of the process nobody changes it.
    """
    failed: dict[str, str] = {}

    def save_state(service: str, data: Mapping[str, Any]) -> None:
        path = Path(persistence.STATE_DIR) / f"{service}.json"
        temporary = path.with_suffix(".tmp")
        wrapped = {"__ministack_format__": persistence._state_format_version(service), "payload": data}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # In one go: the encoder that writes piece by piece is ten times slower.
            temporary.write_text(json.dumps(wrapped, default=persistence._json_default), encoding="utf-8")
            temporary.replace(path)
        except (OSError, TypeError, ValueError) as error:
            failed[service] = getattr(error, "strerror", None) or str(error)
            with suppress(OSError):
                temporary.unlink()

    persistence.save_state = save_state
    for large in (cloudwatch, cloudwatch_logs, dynamodb, sqs):
        large.copy = SimpleNamespace(deepcopy=lambda state: state)
    persistence.save_all(ministack._build_persistence_save_dict())
    return failed


# Metrics.


def _log_metrics(emit: Callable[..., None]) -> Callable[..., None]:
    """Every invocation logs once: there it is counted, and the metrics in its EMF lines are recorded."""

    def emit_and_record(
        func: Mapping[str, Any], request_id: str, log_text: str, error: bool, duration_ms: int, **rest: Any
    ) -> None:
        emit(func, request_id, log_text, error, duration_ms, **rest)
        config = func.get("config") or func
        name = config.get("FunctionName", "")
        dimensions = {"FunctionName": name}
        cloudwatch.record_metric("AWS/Lambda", "Invocations", 1, "Count", dimensions)
        cloudwatch.record_metric("AWS/Lambda", "Errors", int(error), "Count", dimensions)
        cloudwatch.record_metric("AWS/Lambda", "Duration", duration_ms, "Milliseconds", dimensions)
        for alias in _aliases(name):
            if _weights(name, alias):
                by_version = {**dimensions, "Resource": f"{name}:{alias}", "ExecutedVersion": config.get("Version", "")}
                cloudwatch.record_metric("AWS/Lambda", "Errors", int(error), "Count", by_version)
        group = {"LogGroupName": f"/aws/lambda/{name}"}
        cloudwatch.record_metric("AWS/Logs", "IncomingBytes", len(log_text.encode()), "Bytes", group)
        for namespace, metric, value, unit, dimensions in embedded_metrics(log_text):
            cloudwatch.record_metric(namespace, metric, value, unit, dimensions)

    return emit_and_record


# What takes a stage out of service.


def _of_the_function(reserved: Callable[..., int | None]) -> Callable[..., int | None]:
    def of_the_function(func: Mapping[str, Any], config: Mapping[str, Any]) -> int | None:
        return reserved(lambda_svc._functions.get(config.get("FunctionName", "")) or func, config)

    return of_the_function


def cut_off(api_id: str, stage: str) -> tuple[int, str] | None:
    """Status and message with which the gateway turns a call away that the stage does not want at all."""
    for (account, region, key), api in list(apigateway._apis._data.items()):
        if key == api_id:
            with request_scope(account, region):
                settings = apigateway._stages.get(api_id, {}).get(stage, {}).get("defaultRouteSettings") or {}
            if api.get("disableExecuteApiEndpoint"):
                return 404, "Not Found"
            if settings.get("throttlingRateLimit") == 0:
                return 429, "Too Many Requests"
    return None


# Weighted aliases.


def _aliases(name: str) -> dict[str, dict[str, Any]]:
    function = lambda_svc._functions.get(name)
    return function["aliases"] if function else {}


def _weights(name: str, alias: str | None) -> dict[str, float]:
    """The further versions of an alias, with their share of its calls."""
    routing = _aliases(name).get(alias or "", {}).get("RoutingConfig") or {}
    weights: dict[str, float] = routing.get("AdditionalVersionWeights") or {}
    return weights


def _weighed(find: Callable[..., Any]) -> Callable[..., Any]:
    """Draws the version that a weighted alias stands for this time."""

    def find_drawn(function_ref: str, **scope: Any) -> Any:
        name, alias = lambda_svc._resolve_name_and_qualifier(function_ref)
        if weights := _weights(name, alias):
            (drawn,) = random.choices([alias, *weights], [1 - sum(weights.values()), *weights.values()])  # noqa: S311 - a draw, not a secret
            function_ref = f"{function_ref.removesuffix(f':{alias}')}:{drawn}"
        return find(function_ref, **scope)

    return find_drawn


def _throttles_only(emit: Callable[..., None]) -> Callable[..., None]:
    """MiniStack counts direct invocations itself; `_log_metrics` does so for all that ran."""

    def emit_throttle(function_name: str, duration_ms: float, error: bool, throttle: bool) -> None:
        if throttle:
            emit(function_name, duration_ms=duration_ms, error=error, throttle=throttle)

    return emit_throttle


def embedded_metrics(log_text: str) -> Iterator[tuple[str, str, float, str, dict[str, str]]]:
    """The metrics in a log, by the embedded metric format: namespace, name, value, unit, dimensions."""
    for line in log_text.splitlines():
        if '"_aws"' not in line:
            continue
        try:
            blob = json.loads(line)
        except ValueError:
            continue
        for directive in blob.get("_aws", {}).get("CloudWatchMetrics", []):
            for names in directive.get("Dimensions") or [[]]:
                dimensions = {name: str(blob[name]) for name in names if name in blob}
                for metric in directive.get("Metrics", []):
                    values = blob.get(metric["Name"], [])
                    for value in values if isinstance(values, list) else [values]:
                        yield directive["Namespace"], metric["Name"], value, metric.get("Unit", "None"), dimensions


def record_api_call(api_id: str, stage: str, status: int, seconds: float) -> None:
    """The metrics that an HTTP API publishes for a call."""
    for dimensions in ({"ApiId": api_id}, {"ApiId": api_id, "Stage": stage}):
        cloudwatch.record_metric("AWS/ApiGateway", "Count", 1, "Count", dimensions)
        cloudwatch.record_metric("AWS/ApiGateway", "4xx", int(400 <= status < 500), "Count", dimensions)
        cloudwatch.record_metric("AWS/ApiGateway", "5xx", int(status >= 500), "Count", dimensions)
        for metric in ("Latency", "IntegrationLatency"):
            cloudwatch.record_metric("AWS/ApiGateway", metric, seconds * 1000, "Milliseconds", dimensions)


def heartbeat() -> None:
    """Publish what queues would, and look at every alarm."""
    now = time.time()
    for account, region, name in list(sqs._queues._data):
        with request_scope(account, region):
            queue = sqs._queues.get(name)
            visible = [message for message in (queue or {}).get("messages", []) if message["visible_at"] <= now]
            age = now - min((message["sent_at"] for message in visible), default=now)
            dimensions = {"QueueName": str(name).rsplit("/", 1)[-1]}
            cloudwatch.record_metric("AWS/SQS", "ApproximateNumberOfMessagesVisible", len(visible), "Count", dimensions)
            cloudwatch.record_metric("AWS/SQS", "ApproximateAgeOfOldestMessage", age, "Seconds", dimensions)
    for account, region in {(account, region) for account, region, _ in list(cloudwatch._alarms._data)}:
        with request_scope(account, region):
            cloudwatch._evaluate_all_alarms()


# Condition keys.


def _hash_key(table: str) -> str | None:
    record = dynamodb._tables.get(table.rsplit("/", 1)[-1]) or {}
    return next((key["AttributeName"] for key in record.get("KeySchema", []) if key["KeyType"] == "HASH"), None)


def _with_condition_keys(service_context: Callable[[bytes], dict[str, Any]]) -> Callable[[bytes], dict[str, Any]]:
    def with_keys(body: bytes) -> dict[str, Any]:
        context = service_context(body)
        try:
            request = json.loads(body or b"{}")
        except ValueError:
            return context
        if not isinstance(request, dict):
            return context
        items = transaction_items(request)
        _item_contexts.set(deque(condition_keys(item, _hash_key) for item in items))
        return context if items else {**context, **condition_keys(request, _hash_key)}

    return with_keys


def _names_parameters(extract: Callable[..., str]) -> Callable[..., str]:
    """MiniStack asks for leave on `*` where several parameters are read; AWS asks for each."""

    def with_parameters(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        _parameter_arns.set(())
        if service == "ssm" and str(headers.get("x-amz-target", "")).endswith(".GetParameters"):
            names = json.loads(body or b"{}").get("Names") or []
            ones = (json.dumps({"Name": name}).encode() for name in names)
            _parameter_arns.set(tuple(extract(service, method, path, headers, one, *rest) for one in ones))
        return extract(service, method, path, headers, body, *rest)

    return with_parameters


def _names_log_streams(extract: Callable[..., str]) -> Callable[..., str]:
    """Authorize the calls for one stream on that stream."""

    def with_log_stream(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        arn = extract(service, method, path, headers, body, *rest)
        if service == "logs" and (stream := iam_actions._safe_json_field(body, "logStreamName")):
            return f"{arn}:log-stream:{stream}"
        return arn

    return with_log_stream


def _names_identity(extract: Callable[..., str]) -> Callable[..., str]:
    """A mail is authorized on the identity of its sender's domain."""

    def with_identity(service: str, method: str, path: str, headers: Any, body: bytes, *rest: Any) -> str:
        if service == "ses" and path.rstrip("/") == "/v2/email/outbound-emails":
            _, address = parseaddr(iam_actions._safe_json_field(body, "FromEmailAddress") or "")
            arn = extract(service, "GET", "/v2/email/identities/x", headers, b"", *rest)
            return f"{arn.removesuffix('x')}{address.rpartition('@')[2]}"
        return extract(service, method, path, headers, body, *rest)

    return with_identity


def _verified(verified: Callable[..., bool]) -> Callable[..., bool]:
    """The domains that nobody can own stand for those that an operator has verified before deploying."""

    def with_example(address: str, **kwargs: Any) -> bool:
        return parseaddr(address)[1].lower().endswith(".example") or verified(address, **kwargs)

    return with_example


def _per_item(enforce: Callable[..., Any]) -> Callable[..., Any]:
    """MiniStack authorizes a transaction item by item, but with one context: give each its own. And parameters that
    are read together one by one.
    """

    def enforce_item(access_key: Any, action: str, *args: Any, **kwargs: Any) -> Any:
        if action == "ssm:GetParameters" and (arns := _parameter_arns.get()):
            denials = (enforce(access_key, action, *args, **{**kwargs, "resource_arn": arn}) for arn in arns)
            return next(filter(None, denials), None)
        context = kwargs.get("service_context") or {}
        contexts = _item_contexts.get()
        if contexts and "dynamodb:EnclosingOperation" in context:
            kwargs["service_context"] = {**context, **contexts.popleft()}
        return enforce(access_key, action, *args, **kwargs)

    return enforce_item


def _with_resource_tags(enforce: Callable[..., Any]) -> Callable[..., Any]:
    """Give every decision the tags of what AWS names; a stage's own names carry none of the conditions."""

    def enforce_tagged(access_key: Any, action: str, *args: Any, **kwargs: Any) -> Any:
        tags = _resource_tags(str(kwargs.get("resource_arn") or "*"))
        if tags:
            carried = {f"aws:ResourceTag/{key}": value for key, value in tags.items()}
            kwargs["service_context"] = {**carried, **(kwargs.get("service_context") or {})}
        return enforce(access_key, action, *args, **kwargs)

    return enforce_tagged


def _resource_tags(arn: str) -> Mapping[str, str]:
    match arn.split(":")[2] if arn.startswith("arn:") else "":
        case "cognito-idp":
            return (cognito._user_pools.get(arn.rpartition("/")[2]) or {}).get("UserPoolTags") or {}
        case "apigateway":
            return apigateway._api_tags.get(arn) or {}
        case "cloudfront":
            return {tag["Key"]: tag["Value"] for tag in cloudfront._tags.get(arn) or []}
        case "kms" | "lambda":
            return tagging.resource_tags(arn) or {}
    return {}


# PostConfirmation.


async def post_confirmation(operation: str, request: Mapping[str, Any]) -> str | None:
    """Run a pool's PostConfirmation trigger after a confirmation that went well, as Cognito does: synchronously.

    Returns:
        Cognito's message if the trigger failed (the user stays confirmed), else None.
    """
    pool, client_id = _pool(request)
    if pool is not None and operation == "ConfirmSignUp":
        _verify_address(pool, request)
    arn = ((pool or {}).get("LambdaConfig") or {}).get("PostConfirmation")
    if pool is None or not arn:
        return None
    user, _ = cognito._resolve_user(pool, request.get("Username"))
    attributes = {item["Name"]: item["Value"] for item in user.get("Attributes", [])}
    event = {
        "version": "1",
        "region": arn.split(":")[3],
        "userPoolId": pool["Id"],
        "userName": user["Username"],
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": client_id},
        "triggerSource": CONFIRMATIONS[operation],
        "request": {
            "userAttributes": {**attributes, "cognito:user_status": user["UserStatus"]},
            **({"clientMetadata": request["ClientMetadata"]} if request.get("ClientMetadata") else {}),
        },
        "response": {},
    }
    record, config, _ = lambda_svc._get_func_record_for_ref(arn)
    if record is None:
        return f"PostConfirmation invocation failed: {arn} does not exist."
    executable = lambda_svc._execution_record_for_config(record, config)
    result = await run_reentrant(lambda_svc._execute_function_with_config_scope, executable, event)
    if result.get("error"):
        body = result.get("body")
        reason = body.get("errorMessage") if isinstance(body, dict) else body
        return f"PostConfirmation failed with error {reason}."
    return None


def _verify_address(pool: Mapping[str, Any], request: Mapping[str, Any]) -> None:
    """The code came by mail, so that the address is verified; MiniStack confirms the user and forgets that."""
    if "email" in pool.get("AutoVerifiedAttributes", []):
        user, _ = cognito._resolve_user(pool, request.get("Username"))
        others = [item for item in user["Attributes"] if item["Name"] != "email_verified"]
        user["Attributes"] = [*others, {"Name": "email_verified", "Value": "true"}]


def _pool(request: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    if "UserPoolId" in request:
        return cognito._user_pools.get(request["UserPoolId"]), "CLIENT_ID_NOT_APPLICABLE"
    client_id = str(request.get("ClientId", ""))
    return next((pool for pool in cognito._user_pools.values() if client_id in pool["_clients"]), None), client_id


# CloudFront.


def _missing_objects(fetch: Callable[..., tuple[Any, ...]]) -> Callable[..., tuple[Any, ...]]:
    """S3 says that an object is missing to those who may list the bucket."""

    def fetch_or_404(bucket: str, key: str, method: str, headers: Any, source_arn: str = "", **rest: str) -> Any:
        answer = fetch(bucket, key, method, headers, source_arn=source_arn, **rest)
        record = s3._ensure_bucket(bucket)
        if answer[0] != 403 or record is None or key in record["objects"]:
            return answer
        policy = s3._bucket_policies.get_scoped(s3._bucket_owner_account(bucket), None, bucket)
        context = iam_evaluator.EvalContext(
            principal_arn="*",
            principal_type="Service",
            principal_account="",
            action="s3:ListBucket",
            resource_arn=f"arn:aws:s3:::{bucket}",
            region="us-east-1",
            service_context={"aws:sourcearn": source_arn},
        )
        service = "cloudfront.amazonaws.com"
        if not policy or iam_evaluator.evaluate_resource_policy(policy, context, service=service).decision != "Allow":
            return answer
        return s3._error("NoSuchKey", "The specified key does not exist.", 404, f"/{bucket}/{key}")

    return fetch_or_404


def _with_origin_groups(parse: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """An origin group becomes its first member, which knows the second one and the statuses that lead there."""

    def parse_with_groups(distribution: dict[str, Any]) -> dict[str, Any]:
        parsed = parse(distribution)
        for group in cloudfront._dist_config_el(distribution).iter():
            if cloudfront._local_tag_name(group) == "OriginGroup":
                texts = [(cloudfront._local_tag_name(part), part.text) for part in group.iter()]
                first, second = (parsed["origins"][text] for tag, text in texts if tag == "OriginId")
                statuses = frozenset(int(text) for tag, text in texts if tag == "StatusCode")
                parsed["origins"][cloudfront._text(group, "Id")] = {**first, "failover": (statuses, second)}
        return parsed

    return parse_with_groups


def _failing_over(fetch: Callable[..., Awaitable[tuple[Any, ...]]]) -> Callable[..., Awaitable[tuple[Any, ...]]]:
    async def fetch_or_fail_over(origin: Mapping[str, Any], method: str, *rest: Any) -> tuple[Any, ...]:
        answer = await fetch(origin, method, *rest)
        statuses, second = origin.get("failover", (frozenset(), None))
        return await fetch(second, method, *rest) if answer[0] in statuses else answer

    return fetch_or_fail_over
