"""Changes of prod, one at a time, and the words that the first ten lines of their comment must hold.

`tests/engine/test_changes.py` runs them by Pulumi's own engine; its previews are recorded in
`tests/fixtures/prod_changes.json` (only what changes; what stays is there once, as far as the cost needs it), and the
first ten lines of each comment are in `tests/fixtures/prod_changes.md`, for people to read.
"""

import json
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Final
from unittest.mock import patch

import pulumi
from pulumi.runtime.resource import register_resource

from infra.paths import REPOSITORY
from infra.review import comment, parse
from infra.review.steps import Preview

FIXTURES: Final = REPOSITORY / "tests" / "fixtures"
RECORDED: Final = FIXTURES / "prod_changes.json"
EXAMPLES: Final = FIXTURES / "prod_changes.md"
LINES: Final = 10
"""Lines of a comment that a reviewer sees without scrolling."""

Inputs = MutableMapping[str, Any]
Edit = Callable[[Inputs, pulumi.ResourceOptions], None]


@dataclass(frozen=True)
class Change:
    """A change of the program or of the stage's configuration."""

    says: tuple[str, ...]
    """Words of the comment's first ten lines."""
    resource: str = ""
    """The `Type:name` that is edited; the name `*` is all of the type."""
    edit: Edit | None = None
    """None removes the resource."""
    config: Mapping[str, str] = field(default_factory=dict)
    patched: Mapping[str, Any] = field(default_factory=dict)
    """The contents of a module of the program under a name, changed by a function."""
    code: int = 0
    """The exit code of the preview's job: 1 it failed, 3 data is lost."""
    known: bool = False
    """True if `findings/engine.md` names it."""

    @contextmanager
    def made(self) -> Iterator[None]:
        """Make it while a program runs in this process."""
        register = register_resource

        def registered(res: Any, type_: str, name: str, *more: Any) -> None:
            custom, remote, dependency, props, opts, *rest = more
            kind = type_.rsplit(":", 1)[-1]
            if custom and self.resource in (f"{kind}:{name}", f"{kind}:*"):
                if self.edit is None:
                    return
                props = dict(props)
                self.edit(props, opts)
            register(res, type_, name, custom, remote, dependency, props, opts, *rest)

        with ExitStack() as patches:
            patches.enter_context(patch("pulumi.resource.register_resource", registered))
            for name, change in self.patched.items():
                patches.enter_context(patch(name, change(pkgutil.resolve_name(name))))
            yield


def sets(**values: Any) -> Edit:
    """Give inputs other values; by their names in Python."""
    return lambda props, _: props.update(values)


def within(path: str, value: Any) -> Edit:
    """Give one value within an input another: `default_cache_behavior.viewer_protocol_policy`, `rules.0.status`."""

    def edit(props: Inputs, _: pulumi.ResourceOptions) -> None:
        found: Any = props
        *parents, last = path.split(".")
        for key in parents:
            found = found[int(key)] if key.isdigit() else found[key] if isinstance(found, dict) else getattr(found, key)
        if isinstance(found, dict):
            found[last] = value
        else:
            setattr(found, last, value)

    return edit


def policy(change: Callable[[dict[str, Any]], None], key: str = "policy") -> Edit:
    """Change a policy document."""

    def edit(props: Inputs, _: pulumi.ResourceOptions) -> None:
        def changed(text: str) -> str:
            document = json.loads(text)
            change(document)
            return json.dumps(document)

        props[key] = pulumi.Output.from_input(props[key]).apply(changed)

    return edit


def allows(action: str, resource: str, **more: Any) -> Callable[[dict[str, Any]], None]:
    """Add a statement that allows an action."""
    statement = {"Effect": "Allow", "Action": [action], "Resource": [resource], **more}
    return lambda document: document["Statement"].append(statement)


def options(**values: Any) -> Edit:
    """Set options of the resource."""

    def edit(_: Inputs, opts: pulumi.ResourceOptions) -> None:
        for key, value in values.items():
            setattr(opts, key, value)

    return edit


def trusts_account(document: dict[str, Any]) -> None:
    document["Statement"].append(
        {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "arn:aws:iam::999999999999:root"}}
    )


def without_conditions(document: dict[str, Any]) -> None:
    for statement in document["Statement"]:
        if statement["Effect"] == "Allow":
            statement.pop("Condition", None)


def without_denials(document: dict[str, Any]) -> None:
    document["Statement"] = [one for one in document["Statement"] if one["Effect"] != "Deny"]


def secret_value(props: Inputs, _: pulumi.ResourceOptions) -> None:
    props["value"] = pulumi.Output.secret("evil")


def without_claiming(routes: Iterable[Any]) -> tuple[Any, ...]:
    """The routes but one."""
    return tuple(route for route in routes if not route.key.endswith("/claim"))


def first_index(**values: Any) -> Edit:
    """Change the first index of a table."""

    def edit(props: Inputs, _: pulumi.ResourceOptions) -> None:
        for key, value in values.items():
            setattr(props["global_secondary_indexes"][0], key, value)

    return edit


def drop_index(props: Inputs, _: pulumi.ResourceOptions) -> None:
    props["global_secondary_indexes"] = props["global_secondary_indexes"][1:]


def variable(name: str, value: str) -> Edit:
    """Change an environment variable of a Lambda."""

    def edit(props: Inputs, _: pulumi.ResourceOptions) -> None:
        environment = props["environment"]
        variables = pulumi.Output.from_input(environment.variables)
        environment.variables = variables.apply(lambda found: {**found, name: value})

    return edit


OFF: Final = "is **off** from then on"
SOURCE: Final = "https://evil.example"

CHANGES: Final[Mapping[str, Change]] = {
    # What the findings name.
    "nothing": Change(("nothing changes", "resources stay as they are"), known=True),
    "a key that is misspelt": Change(
        ("it failed", "throttelRate", "throttleRate"), config={"civicforge:throttelRate": "1"}, code=1, known=True
    ),
    "rewards' mapping off": Change(
        ("EventSourceMapping", OFF), "EventSourceMapping:ledger", sets(enabled=False), known=True
    ),
    "rewards' schedule off": Change((OFF, "DISABLED"), "Schedule:rewards", sets(state="DISABLED"), known=True),
    "quests expire": Change(
        ("Data", "ttl", "expiresAt"),
        "Table:quests",
        sets(ttl={"attributeName": "expiresAt", "enabled": True}),
        known=True,
    ),
    "the ledger's stream off": Change(
        ("`civicforge-prod-ledger`: its stream is **off**",),
        "Table:ledger",
        sets(stream_enabled=False, stream_view_type=None),
        known=True,
    ),
    "a foreign issuer": Change(
        ("Security", f"→ `{SOURCE}` ⚠"), "Authorizer:users", within("jwt_configuration.issuer", SOURCE), known=True
    ),
    "a foreign audience": Change(
        ("Security", "jwtConfiguration.audiences", "evil"),
        "Authorizer:users",
        within("jwt_configuration.audiences", ["evil"]),
        known=True,
    ),
    "CORS for everybody": Change(
        ("Security", "corsConfiguration", '"allowOrigins": ["*"]'),
        "Api:api",
        sets(cors_configuration={"allowOrigins": ["*"]}),
        known=True,
    ),
    "a route removed": Change(
        ("Stops meanwhile", "POST /api/v1/quests/{questId}/claim", "404"),
        patched={"infra.components.api.GATEWAY_ROUTES": without_claiming},
        known=True,
    ),
    "a route made public": Change(
        ("`POST /api/v1/quests` becomes **public**",),
        "Route:createQuest",
        sets(authorization_type="NONE", authorizer_id=None),
        known=True,
    ),
    "the api without concurrency": Change(
        (OFF, "every call of it fails", "**-1** → **0** ⚠"),
        "Function:api",
        sets(reserved_concurrent_executions=0),
        known=True,
    ),
    "a timeout of one second": Change(
        ("Availability", "`timeout` **10** → **1** ⚠"), "Function:api", sets(timeout=1), known=True
    ),
    "public access to the app's files": Change(
        ("Security", "`blockPublicPolicy` **True** → **False** ⚠"),
        "BucketPublicAccessBlock:site",
        sets(block_public_policy=False),
        known=True,
    ),
    "the app's files expire": Change(
        ("Data", "expiration", "days", "⚠"),
        "BucketLifecycleConfiguration:site",
        within("rules.0.expiration", {"days": 1}),
        known=True,
    ),
    "no content security policy": Change(
        ("Security", "contentSecurityPolicy", "→ **none** ⚠"),
        "ResponseHeadersPolicy:site",
        within("security_headers_config.content_security_policy", None),
        known=True,
    ),
    "no HSTS": Change(
        ("Security", "strictTransportSecurity", "→ **none** ⚠"),
        "ResponseHeadersPolicy:site",
        within("security_headers_config.strict_transport_security", None),
        known=True,
    ),
    "a cache that ignores the token": Change(
        ("Security", "parametersInCacheKeyAndForwardedToOrigin.headersConfig", "⚠"),
        "CachePolicy:api",
        within("parameters_in_cache_key_and_forwarded_to_origin.headers_config", {"headerBehavior": "none"}),
        known=True,
    ),
    "the distribution off": Change(
        (f"{OFF}: the app is unreachable\n",), "Distribution:site", sets(enabled=False), known=True
    ),
    "a budget a hundred times": Change(
        ("it failed", "budgetUsd"), config={"civicforge:budgetUsd": "1500"}, code=1, known=True
    ),
    "passwords of six": Change(
        ("Security", "`passwordPolicy.minimumLength` **12** → **6** ⚠"),
        "UserPool:users",
        within("password_policy.minimum_length", 6),
        known=True,
    ),
    "passwords over the wire": Change(
        ("Security", "ALLOW_USER_PASSWORD_AUTH"),
        "UserPoolClient:page",
        sets(explicit_auth_flows=["ALLOW_USER_PASSWORD_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]),
        known=True,
    ),
    "a tag": Change(
        ("updated", "Other inputs: `tags` of "),
        config={"aws:defaultTags": '{"tags": {"project": "civicforge", "stage": "prod", "owner": "nobody"}}'},
        known=True,
    ),
    "a table's key": Change(
        ("it failed", "⛔ Data will be lost", "because of", "It is protected: Pulumi refuses", "its rows"),
        "Table:reports",
        sets(
            hash_key="other",
            attributes=[
                {"name": name, "type": "S"} for name in ("other", "queue", "waitingSince", "target", "createdAt")
            ],
            global_secondary_indexes=None,
        ),
        code=3,
        known=True,
    ),
    "a table's key, unprotected": Change(
        ("⚠ Data will be less safe", "protection by Pulumi"),
        "Table:reports",
        options(protect=False),
        known=True,
    ),
    "the api's key overwritten": Change(("nothing changes",), "Parameter:api-key", secret_value, known=True),
    "no alarm tells anybody": Change(
        ("Alarms", "**tells nobody any more** ⚠"), "MetricAlarm:*", sets(alarm_actions=[]), known=True
    ),
    "a tenth of the throttle": Change(
        ("Availability", "`defaultRouteSettings.throttlingRateLimit` **100** → **10** ⚠"),
        config={"civicforge:throttleRate": "10"},
        known=True,
    ),
    "another address for the app": Change(
        ("Security", "`https://evil.example`"), "Parameter:site-url", sets(value=SOURCE), known=True
    ),
    "a user pool replaced": Change(
        ("it failed", "⛔ Data will be lost", "the accounts of all members"),
        "UserPool:users",
        sets(username_configuration={"caseSensitive": True}),
        code=3,
        known=True,
    ),
    # What they do not name.
    "backups of a week": Change(
        ("keeps 7 days instead of 35",),
        "Table:ledger",
        within("point_in_time_recovery.recovery_period_in_days", 7),
    ),
    "no backups": Change(
        ("loses its point-in-time recovery",), "Table:users", within("point_in_time_recovery.enabled", False)
    ),
    "deletion protection off": Change(
        ("loses its deletion protection",), "Table:users", sets(deletion_protection_enabled=False)
    ),
    "an index dropped": Change(
        ("Stops meanwhile", "is dropped; what reads it answers 503"), "Table:quests", drop_index
    ),
    "an index's projection": Change(
        ("Stops meanwhile", "is dropped and filled again"),
        "Table:quests",
        first_index(projection_type="KEYS_ONLY", non_key_attributes=None),
    ),
    "a table's ceiling": Change(
        ("Money", "`onDemandThroughput.maxReadRequestUnits` **4000** → **1**"),
        "Table:quests",
        within("on_demand_throughput.max_read_request_units", 1),
    ),
    "the record of operators removed": Change(
        ("⛔ Data will be lost", "the record of what operators did", "It is protected"), "LogGroup:audit", code=3
    ),
    "sessions of ten years": Change(
        ("Security", "`refreshTokenValidity` **30** → **3650** ⚠"),
        "UserPoolClient:page",
        sets(refresh_token_validity=3650),
    ),
    "sessions that cannot be ended": Change(
        ("Security", "`enableTokenRevocation` **True** → **False** ⚠"),
        "UserPoolClient:page",
        sets(enable_token_revocation=False),
    ),
    "strangers learn who is a member": Change(
        ("Security", "`preventUserExistenceErrors` `ENABLED` → `LEGACY` ⚠"),
        "UserPoolClient:page",
        sets(prevent_user_existence_errors="LEGACY"),
    ),
    "mail addresses change unverified": Change(
        ("Security", "userAttributeUpdateSettings", "⚠"), "UserPool:users", sets(user_attribute_update_settings=None)
    ),
    "sign-ups that do nothing": Change(
        ("Availability", "lambdaConfig", "→ **none** ⚠"), "UserPool:users", sets(lambda_config=None)
    ),
    "failed rewards kept a minute": Change(
        ("Data", "`messageRetentionSeconds` **1209600** → **60** ⚠"),
        "Queue:rewards-dlq",
        sets(message_retention_seconds=60),
    ),
    "a queue not encrypted": Change(
        ("Security", "`sqsManagedSseEnabled` **True** → **False** ⚠"),
        "Queue:rewards-dlq",
        sets(sqs_managed_sse_enabled=False),
    ),
    "a queue renamed": Change(
        ("it failed", "⛔ Data will be lost", "the messages in it"),
        "Queue:notices-dlq",
        sets(name="civicforge-prod-other-dlq"),
        code=3,
    ),
    "failed rewards go nowhere": Change(
        ("Data", "destinationConfig", "→ **none** ⚠"), "EventSourceMapping:ledger", sets(destination_config=None)
    ),
    "rewards for other entries": Change(
        ("Data", "filterCriteria", "⚠"),
        "EventSourceMapping:ledger",
        sets(filter_criteria={"filters": [{"pattern": '{"eventName": ["REMOVE"]}'}]}),
    ),
    "rewards are tried once": Change(
        ("Data", "`maximumRetryAttempts` **5** → **0** ⚠"), "EventSourceMapping:ledger", sets(maximum_retry_attempts=0)
    ),
    "another account may be the api": Change(
        ("Permissions", "999999999999", "⚠ wide: a whole account"),
        "Role:api",
        policy(trusts_account, "assume_role_policy"),
    ),
    "a role without its boundary": Change(
        ("Permissions", "**no longer bounded** ⚠"), "Role:api", sets(permissions_boundary=None)
    ),
    "the api may do everything to tables": Change(
        ("Permissions", "`dynamodb:*`", "⚠ wide"), "RolePolicy:api", policy(allows("dynamodb:*", "*"))
    ),
    "the app's files are anybody's": Change(
        ("Permissions", "⚠ wide: anybody"),
        "BucketPolicy:site",
        policy(
            allows("s3:GetObject", "arn:aws:s3:::civicforge-prod-site-000000000000/*", Principal="*"),
        ),
    ),
    "any distribution may read the app's files": Change(
        ("may now `s3:GetObject`", "⚠ without the condition it had"), "BucketPolicy:site", policy(without_conditions)
    ),
    "a bucket without TLS": Change(
        ("Permissions", "no longer refused", "⚠"), "BucketPolicy:releases", policy(without_denials)
    ),
    "everybody may call a Lambda": Change(
        ("Permissions", "`*` may now", "⚠ wide: anybody"), "Permission:onboarding", sets(principal="*", source_arn=None)
    ),
    "former versions not kept": Change(
        ("loses its versions",), "BucketVersioning:releases", sets(versioning_configuration={"status": "Suspended"})
    ),
    "a bucket deleted with its files": Change(
        ("loses its refusal to be deleted with files in it",), "Bucket:releases", sets(force_destroy=True)
    ),
    "an old Python": Change(
        ("Availability", "`runtime` `python3.13` → `python3.9` ⚠"), "Function:rewards", sets(runtime="python3.9")
    ),
    "another table for the api": Change(
        ("Security", "`environment.variables.USERS_TABLE`", "`other` ⚠"),
        "Function:api",
        variable("USERS_TABLE", "other"),
    ),
    "half the memory": Change(
        ("Availability", "`memorySize` **1024** → **512** ⚠"), "Function:api", sets(memory_size=512)
    ),
    "another role for a Lambda": Change(
        ("Security", "`role`", "other"), "Function:rewards", sets(role="arn:aws:iam::000000000000:role/other")
    ),
    "mails without TLS": Change(
        ("Availability", "`deliveryOptions.tlsPolicy` `REQUIRE` → `OPTIONAL` ⚠"),
        "ConfigurationSet:mails",
        sets(delivery_options={"tlsPolicy": "OPTIONAL"}),
    ),
    "no mails": Change(
        (f"{OFF}: no mail is sent", "`sendingOptions.sendingEnabled` **True** → **False** ⚠"),
        "ConfigurationSet:mails",
        sets(sending_options={"sendingEnabled": False}),
    ),
    "an operator hears no more": Change(
        ("Alarms", "**no longer hears** of"), "TopicSubscription:page-operators@civicforge.example"
    ),
    "an alarm that never goes off": Change(
        ("Alarms", "threshold **5** → **1000000** ⚠"), "MetricAlarm:api-errors-p2", sets(threshold=1_000_000)
    ),
    "an alarm removed": Change(("Alarms", "is **no longer watched** ⚠"), "MetricAlarm:edge-5xx-p2"),
    "an outage of less": Change(
        ("Alarms", "rule", "⚠"),
        "CompositeAlarm:availability-burn",
        sets(alarm_rule='ALARM("civicforge-prod-availability-burn-hour-p1")'),
    ),
    "the app without TLS": Change(
        ("Security", "`defaultCacheBehavior.viewerProtocolPolicy` `redirect-to-https` → `allow-all` ⚠"),
        "Distribution:site",
        within("default_cache_behavior.viewer_protocol_policy", "allow-all"),
    ),
    "the api without TLS": Change(
        ("Security", "orderedCacheBehaviors[/api/*].viewerProtocolPolicy` `redirect-to-https` → `allow-all` ⚠"),
        "Distribution:site",
        within("ordered_cache_behaviors.0.viewer_protocol_policy", "allow-all"),
    ),
    "the app's origin unsigned": Change(
        ("Security", "`signingBehavior` `always` → `never` ⚠"),
        "OriginAccessControl:site",
        sets(signing_behavior="never"),
    ),
    "another function at the edge": Change(
        ("Security", "`code`", "⚠"),
        "Function:spa-routing",
        sets(code="function handler(event) { return event.request; }"),
    ),
    "no record of requests": Change(
        ("Security", "accessLogSettings", "⚠"), "Stage:api", sets(access_log_settings=None)
    ),
    "the token from elsewhere": Change(
        ("Security", "identitySources", "querystring"),
        "Authorizer:users",
        sets(identity_sources=["$request.querystring.token"]),
    ),
    "a day between two sweeps": Change(
        ("Availability", "`scheduleExpression` `rate(15 minutes)` → `rate(1 day)` ⚠"),
        "Schedule:rewards",
        sets(schedule_expression="rate(1 day)"),
    ),
    "the record of operators renamed": Change(
        ("it failed", "⛔ Data will be lost", "the record of what operators did"),
        "LogGroup:audit",
        sets(name="/civicforge/prod/other"),
        code=3,
    ),
    "logs of a week": Change(
        ("it failed", "logRetentionDays is 7, prod keeps its logs 90 days"),
        config={"civicforge:logRetentionDays": "7"},
        code=1,
    ),
    "a key in plain text": Change(("nothing changes",), "Parameter:mail-key", sets(type="String")),
    "a budget that tells nobody": Change(("Money", "notifications", "⚠"), "Budget:monthly", sets(notifications=None)),
    "a dashboard less": Change(("Dashboard `cost` is deleted",), "Dashboard:cost"),
    "a limit where there was none": Change(
        ("Availability", "`reservedConcurrentExecutions` **-1** → **5** ⚠"),
        "Function:api",
        sets(reserved_concurrent_executions=5),
    ),
    "an alarm of an hour later": Change(
        ("Alarms", "periods", "⚠"), "MetricAlarm:api-errors-p2", sets(evaluation_periods=60, datapoints_to_alarm=60)
    ),
    "an alarm of earlier": Change(
        ("Alarms: 1\n", "threshold **5** → **1**\n"), "MetricAlarm:api-errors-p2", sets(threshold=1)
    ),
    "files are kept for ever": Change(
        ("BucketLifecycleConfiguration", "is deleted"), "BucketLifecycleConfiguration:site"
    ),
    "other words": Change(
        ("1 updated", "Other inputs: `description` of 1"), "Function:api", sets(description="Other.")
    ),
}


def preview_of(name: str, recorded: Mapping[str, Any]) -> Preview:
    """The preview that Pulumi made of a change. Where it failed, what stays is only counted."""
    found = recorded["changes"][name]
    changed = {step["urn"] for step in found["steps"]}
    same = [] if found["diagnostics"] else [step for step in recorded["same"] if step["urn"] not in changed]
    return parse(json.dumps({**found, "steps": [*found["steps"], *same]}), "prod")


def first_lines(preview: Preview) -> list[str]:
    """The lines that a reviewer sees without scrolling."""
    return comment(preview).splitlines()[:LINES]


def as_examples(recorded: Mapping[str, Any]) -> str:
    """All changes with the first lines of their comments, for people to read."""
    parts = ["# Changes of prod, and what a reviewer reads first\n", "Written by `make engine-answers`.\n"]
    for name in CHANGES:
        quoted = "\n".join(f"> {line}" for line in first_lines(preview_of(name, recorded)))
        parts.append(f"## {name.capitalize()}\n\n{quoted}\n")
    return "\n".join(parts)


if __name__ == "__main__":
    EXAMPLES.write_text(as_examples(json.loads(RECORDED.read_text(encoding="utf-8"))), encoding="utf-8")
