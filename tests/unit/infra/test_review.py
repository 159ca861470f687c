"""The comment that a reviewer gets. `tests/fixtures/previews` holds previews and their comments as examples.

The previews are in the form of `pulumi preview --json`, made of the program's own resources and a change to them.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.paths import REPOSITORY
from infra.review import comment, exit_code, parse
from infra.review.categories import KINDS, Category, category_of, is_safer, undeclared
from infra.review.cost import TRAFFIC, monthly_cost
from infra.review.steps import UNKNOWN, Preview
from tests.unit.infra.plan import STAGES, Plan, plan, run_program

EXAMPLES = REPOSITORY / "tests" / "fixtures" / "previews"
EXIT_CODES = {
    "alarms": 0,
    "create": 0,
    "failed": 1,
    "nothing": 0,
    "permissions": 0,
    "replace-on-dev": 3,
    "replace-table": 3,
    "weakened": 3,
    # As the CLI printed them, 3.274.1, without `--show-sames`.
    "real-api-key-value-overwritten": 0,
    "real-component-renamed": 0,
    "real-cors-star": 0,
    "real-esm-disabled": 0,
    "real-nothing-changes": 0,
    "real-route-public": 0,
    "real-table-key-changed": 3,
    "real-table-key-unprotected": 3,
    "real-unknown-key": 0,
}


def example(name: str) -> Preview:
    return parse((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:prod::civicforge::civicforge:platform:Part$aws:{kind}::{name}"


def step(op: str, kind: str, old: dict[str, Any] | None, new: dict[str, Any] | None, **state: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"op": op, "urn": urn(kind, "x")}
    for key, inputs in (("oldState", old), ("newState", new)):
        if inputs is not None:
            found[key] = {"custom": True, "inputs": inputs, **state}
    return found


def preview(*steps: dict[str, Any]) -> Preview:
    return parse(json.dumps({"steps": list(steps)}))


def test_every_example_has_its_comment() -> None:
    assert {path.stem for path in EXAMPLES.glob("*.json")} == set(EXIT_CODES)
    assert {path.stem for path in EXAMPLES.glob("*.md")} == set(EXIT_CODES)


@pytest.mark.parametrize(("name", "code"), EXIT_CODES.items())
def test_examples(name: str, code: int) -> None:
    found = example(name)
    assert comment(found) == (EXAMPLES / f"{name}.md").read_text(encoding="utf-8")
    assert exit_code(found, accepted=False) == code


def test_the_command_reads_and_answers() -> None:
    command = [sys.executable, "-m", "infra.review"]
    text = (EXAMPLES / "replace-on-dev.json").read_text(encoding="utf-8")
    blocked = subprocess.run(command, input=text, cwd=REPOSITORY, capture_output=True, text=True, check=False)
    accepted = subprocess.run(
        [*command, "--accept-data-loss"], input=text, cwd=REPOSITORY, capture_output=True, text=True, check=False
    )
    assert (blocked.returncode, accepted.returncode) == (3, 0)
    assert "blocked until the label `data-loss-accepted` is set" in blocked.stdout
    assert "accepted by label" in accepted.stdout


def section(title: str, *steps: dict[str, Any]) -> list[str]:
    """The lines below a title of the comment."""
    found = comment(preview(*steps)).partition(f"**{title}**\n")[2].partition("\n\n")[0]
    return [line.removeprefix("- ") for line in found.splitlines()]


# Loss.


@pytest.mark.parametrize(
    ("kind", "inputs"),
    [
        ("dynamodb/table:Table", {}),
        ("cognito/userPool:UserPool", {}),
        ("s3/bucket:Bucket", {}),
        ("sqs/queue:Queue", {}),
        ("kms/key:Key", {}),
        ("ssm/parameter:Parameter", {"type": "SecureString"}),
        ("cloudwatch/logGroup:LogGroup", {"name": "/civicforge/prod/audit"}),
    ],
)
@pytest.mark.parametrize("operation", ["delete", "replace"])
def test_losing_what_holds_data_blocks(kind: str, inputs: dict[str, Any], operation: str) -> None:
    found = preview(step(operation, kind, inputs, inputs if operation == "replace" else None))
    assert exit_code(found, accepted=False) == 3
    assert exit_code(found, accepted=True) == 0
    text = comment(found)
    assert "will be gone" in text
    assert text.index("Data will be lost") < text.index("Every change")


@pytest.mark.parametrize("operation", ["create", "update", "same"])
def test_what_keeps_its_data_does_not_block(operation: str) -> None:
    found = preview(step(operation, "dynamodb/table:Table", {"name": "a"}, {"name": "a", "hashKey": "b"}))
    assert exit_code(found, accepted=False) == 0
    assert "lost" not in comment(found)


def test_a_parameter_that_the_stack_writes_again_is_no_loss() -> None:
    assert exit_code(preview(step("delete", "ssm/parameter:Parameter", {"type": "String"}, None)), accepted=False) == 0


def test_what_happens_to_the_old_one_is_said() -> None:
    table = "dynamodb/table:Table"
    text = comment(preview(step("delete", table, {}, None, protect=True)))
    assert "Pulumi refuses" in text
    assert "pulumi state unprotect urn:pulumi:prod::" in text
    assert "no longer uses it, nor its rows" in comment(preview(step("delete", table, {}, None, retainOnDelete=True)))


def test_the_old_name_is_the_one_that_is_lost() -> None:
    (line,) = section(
        "⛔ Data will be lost (blocked until the label `data-loss-accepted` is set)",
        step("replace", "dynamodb/table:Table", {"name": "ledger"}, {"name": "ledger-2"}, replaceReasons=["name"]),
    )
    assert line.startswith("Table `ledger` is replaced")


def test_a_leftover_of_an_interrupted_replacement_is_lost_too() -> None:
    found = preview(step("delete-replaced", "dynamodb/table:Table", {"name": "ledger"}, None))
    assert exit_code(found, accepted=False) == 3
    assert "Table `ledger` is deleted. **Its rows will be gone.**" in comment(found)


def test_a_replacement_is_counted_once() -> None:
    steps = [
        step(op, "dynamodb/table:Table", {"a": 1}, {"a": 2})
        for op in ("delete-replaced", "replace", "create-replacement")
    ]
    assert "### Preview of prod: 1 replaced, 0 unchanged" in comment(preview(*steps))


# Less safety.

LESS_SAFE = "⚠ Data will be less safe"


@pytest.mark.parametrize(
    ("kind", "old", "new", "lost"),
    [
        (
            "dynamodb/table:Table",
            {"pointInTimeRecovery": {"enabled": True}},
            {"pointInTimeRecovery": {"enabled": False}},
            "point-in-time recovery",
        ),
        ("dynamodb/table:Table", {"pointInTimeRecovery": {"enabled": True}}, {}, "point-in-time recovery"),
        (
            "dynamodb/table:Table",
            {"deletionProtectionEnabled": True},
            {"deletionProtectionEnabled": False},
            "deletion protection",
        ),
        (
            "cognito/userPool:UserPool",
            {"deletionProtection": "ACTIVE"},
            {"deletionProtection": "INACTIVE"},
            "deletion protection",
        ),
        ("s3/bucket:Bucket", {"versioning": {"enabled": True}}, {"versioning": {"enabled": False}}, "versions"),
        ("s3/bucket:Bucket", {"forceDestroy": False}, {"forceDestroy": True}, "refusal to be deleted with files in it"),
        (
            "s3/bucketVersioning:BucketVersioning",
            {"versioningConfiguration": {"status": "Enabled"}},
            {"versioningConfiguration": {"status": "Suspended"}},
            "versions",
        ),
    ],
)
def test_a_guard_that_is_taken_away_is_said_and_does_not_block(
    kind: str, old: dict[str, Any], new: dict[str, Any], lost: str
) -> None:
    off = step("update", kind, {"name": "a", **old}, {"name": "a", **new})
    on = step("update", kind, {"name": "a", **new}, {"name": "a", **old})
    assert section(LESS_SAFE, off) == [f"{kind.split(':')[1]} `a` loses its {lost}"]
    assert exit_code(preview(off), accepted=False) == 0
    assert section(LESS_SAFE, on) == []


def test_versions_end_when_their_resource_is_deleted() -> None:
    inputs = {"bucket": "a", "versioningConfiguration": {"status": "Enabled"}}
    assert section(LESS_SAFE, step("delete", "s3/bucketVersioning:BucketVersioning", inputs, None)) == [
        "BucketVersioning `a` loses its versions"
    ]


def test_unprotecting_is_said_although_pulumi_calls_it_the_same() -> None:
    found = step("same", "dynamodb/table:Table", {"name": "ledger"}, {"name": "ledger"})
    found["oldState"] |= {"protect": True, "retainOnDelete": True}
    assert section(LESS_SAFE, found) == [
        "Table `ledger` loses its protection by Pulumi",
        "Table `ledger` loses its retention when Pulumi deletes it",
    ]
    assert comment(preview(found)).startswith("### Preview of prod: 1 unchanged\n")


def test_deleted_logs_are_said_and_do_not_block() -> None:
    gone = step("delete", "cloudwatch/logGroup:LogGroup", {"name": "/aws/lambda/civicforge-prod-api"}, None)
    assert section(LESS_SAFE, gone) == [
        "LogGroup `/aws/lambda/civicforge-prod-api` is deleted: what it logged will be gone"
    ]
    assert exit_code(preview(gone), accepted=False) == 0
    gone["oldState"]["retainOnDelete"] = True
    assert section(LESS_SAFE, gone) == []


@pytest.mark.parametrize(
    ("kind", "old", "new", "said"),
    [
        ("cloudwatch/logGroup:LogGroup", {"retentionInDays": 400.0}, {"retentionInDays": 7.0}, "7 days instead of 400"),
        ("cloudwatch/logGroup:LogGroup", {}, {"retentionInDays": 7.0}, "7 days instead of all"),
        (
            "dynamodb/table:Table",
            {"pointInTimeRecovery": {"enabled": True, "recoveryPeriodInDays": 35.0}},
            {"pointInTimeRecovery": {"enabled": True, "recoveryPeriodInDays": 1.0}},
            "1 days instead of 35",
        ),
    ],
)
def test_a_shorter_memory_is_said(kind: str, old: dict[str, Any], new: dict[str, Any], said: str) -> None:
    (line,) = section(LESS_SAFE, step("update", kind, {"name": "a", **old}, {"name": "a", **new}))
    assert line.endswith(f"`a` keeps {said}")
    assert section(LESS_SAFE, step("update", kind, {"name": "a", **new}, {"name": "a", **old})) == []
    assert section(LESS_SAFE, step("create", kind, None, {"name": "a", **new})) == []


# Every operation.


def test_an_import_is_a_change() -> None:
    text = comment(preview(step("import", "s3/bucket:Bucket", None, {"bucket": "found"})))
    assert text.startswith("### Preview of prod: 1 import, 0 unchanged\n")
    assert "- import Bucket `found`" in text


def test_what_is_only_read_is_no_change() -> None:
    assert "nothing changes" in comment(preview(step("read", "s3/bucket:Bucket", None, {"bucket": "found"})))


# Failure.


@pytest.mark.parametrize(
    "text",
    [
        "",
        "error: no stack named prod",
        "{}",
        '{"steps": []}',
        '{"steps": null}',
        '{"steps": null, "diagnostics": null}',
        '{"steps": [null]}',
        '{"steps": [{"op": "same", "urn": "x"}]}',
        '{"created": null}',
        '{"diagnostics": []}',
        "[]",
        "null",
        "7",
    ],
)
def test_what_is_no_preview_fails(text: str) -> None:
    found = parse(text, "prod")
    assert exit_code(found, accepted=True) == 1
    assert comment(found).startswith("### Preview of prod: it failed")


HIDDEN: list[object] = ["[secret]", UNKNOWN, "output<string>", None, 7, [None], {}]
FULL_INPUTS = {
    "name": "civicforge-prod-api",
    "memorySize": 512,
    "metricQueries": [{"metric": {}}],
    "globalSecondaryIndexes": [{"readCapacity": 1}],
    "pointInTimeRecovery": {"enabled": True, "recoveryPeriodInDays": 35},
    "policy": {"Statement": [{"Effect": "Allow", "Action": ["a:b"], "Resource": ["c"], "Principal": {"AWS": "1"}}]},
    "inlinePolicies": [{"policy": '{"Statement": {"Effect": "Deny", "Action": "a:b"}}'}],
    "managedPolicyArns": ["arn"],
    "topic": "arn",
}


def each_replaced(value: Any, by: object) -> Iterator[Any]:
    """The value, once with each of its parts replaced."""
    yield by
    if isinstance(value, dict):
        yield from ({**value, key: other} for key, inner in value.items() for other in each_replaced(inner, by))
    if isinstance(value, list):
        for number, inner in enumerate(value):
            yield from ([*value[:number], other, *value[number + 1 :]] for other in each_replaced(inner, by))


@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize(
    "kind",
    [
        "lambda/function:Function",
        "cloudwatch/metricAlarm:MetricAlarm",
        "dynamodb/table:Table",
        "iam/role:Role",
        "lambda/permission:Permission",
        "sns/topicSubscription:TopicSubscription",
    ],
)
def test_what_the_preview_does_not_tell_is_never_a_traceback(kind: str, hidden: object) -> None:
    for document in each_replaced({"steps": [step("update", kind, FULL_INPUTS, FULL_INPUTS)]}, hidden):
        assert comment(parse(json.dumps(document))).startswith("### Preview of ")


# Permissions, alarms, cost.


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "civicforge-prod-api",
        "policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
    }


def permissions(
    old: dict[str, Any] | None, new: dict[str, Any] | None, kind: str = "iam/rolePolicy:RolePolicy"
) -> list[str]:
    operation = "create" if old is None else "delete" if new is None else "update"
    return section("Permissions", step(operation, kind, old, new))


def allowed(**statement: Any) -> str:
    """The line on one statement that is new."""
    (line,) = permissions(policy(), policy({"Effect": "Allow", **statement}))
    return line


def test_moving_a_permission_between_statements_says_nothing() -> None:
    get, put = ({"Effect": "Allow", "Action": [a], "Resource": ["t"]} for a in ("dynamodb:GetItem", "dynamodb:PutItem"))
    both = {"Effect": "Allow", "Action": ["dynamodb:PutItem", "dynamodb:GetItem"], "Resource": "t", "Sid": "Both"}
    assert permissions(policy(get, put), policy(both)) == []


def test_permissions_are_sentences() -> None:
    get = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "arn:aws:dynamodb:us-east-1:1:table/quests"}
    wide = {"Effect": "Allow", "Action": ["dynamodb:*"], "Resource": "arn:aws:dynamodb:us-east-1:1:table/quests"}
    deny = {
        "Effect": "Deny",
        "Action": "s3:*",
        "Resource": "*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    assert permissions(policy(get), policy(wide, deny)) == [
        "`civicforge-prod-api` may now `dynamodb:*` on `table/quests` ⚠ wide",
        '`civicforge-prod-api` is now refused `s3:*` on `*`, if `{"Bool": {"aws:SecureTransport": "false"}}`',
        "`civicforge-prod-api` may no longer `dynamodb:GetItem` on `table/quests`",
    ]
    (unknown,) = permissions(policy(get), {"name": "civicforge-prod-api", "policy": UNKNOWN})
    assert "only known after the deployment" in unknown


def test_a_trust_in_another_account_is_named_first() -> None:
    assert (
        "**Permissions**\n- `arn:aws:iam::999999999999:root` may now become `civicforge-staging-rewards` "
        "⚠ wide: a whole account\n"
    ) in comment(example("permissions"))


@pytest.mark.parametrize(
    ("principal", "said"),
    [
        ("*", "`*` may now become `civicforge-prod-api` ⚠ wide: anybody"),
        ({"AWS": "*"}, "`*` may now become `civicforge-prod-api` ⚠ wide: anybody"),
        ({"AWS": "999999999999"}, "`999999999999` may now become `civicforge-prod-api` ⚠ wide: a whole account"),
        (
            {"AWS": "arn:aws:iam::9:user/x"},
            "`arn:aws:iam::9:user/x` may now become `civicforge-prod-api` ⚠ no service of AWS",
        ),
        ({"Service": "lambda.amazonaws.com"}, "`lambda.amazonaws.com` may now become `civicforge-prod-api`"),
    ],
)
def test_who_is_no_service_of_aws_is_marked(principal: object, said: str) -> None:
    assert allowed(Action="sts:AssumeRole", Principal=principal) == said


def test_exceptions_are_said_as_such() -> None:
    quests = "arn:aws:dynamodb:us-east-1:1:table/civicforge-prod-quests"
    assert (
        allowed(NotAction=["iam:*", "a:b"], Resource=quests)
        == "`civicforge-prod-api` may now `all but a:b, iam:*` on `table/civicforge-prod-quests` ⚠ wide"
    )
    assert (
        allowed(Action="dynamodb:GetItem", NotResource=[quests])
        == f"`civicforge-prod-api` may now `dynamodb:GetItem` on `all but {quests}` ⚠ wide"
    )
    assert (
        allowed(Action="sts:AssumeRole", NotPrincipal={"AWS": "1"})
        == "`all but 1` may now become `civicforge-prod-api` ⚠ wide: anybody"
    )


@pytest.mark.parametrize(
    ("resource", "said"),
    [
        ("*", "`*` ⚠ wide"),
        ("arn:aws:dynamodb:*:*:table/*", "`arn:aws:dynamodb:*:*:table/*` ⚠ wide"),
        (
            "arn:aws:dynamodb:*:1:table/civicforge-prod-users",
            "`arn:aws:dynamodb:*:1:table/civicforge-prod-users` ⚠ wide",
        ),
        ("arn:aws:dynamodb:us-east-1:1:table/*", "`table/*` ⚠ wide"),
        ("arn:aws:dynamodb:us-east-1:1:table/civicforge-*", "`table/civicforge-*` ⚠ wide"),
        ("arn:aws:dynamodb:us-east-1:1:table/???", "`table/???` ⚠ wide"),
        ("arn:aws:dynamodb:us-east-1:1:table/civicforge-prod-*", "`table/civicforge-prod-*`"),
        ("arn:aws:ssm:us-east-1:1:parameter/civicforge/prod/*", "`parameter/civicforge/prod/*`"),
        ("arn:aws:s3:::civicforge-prod-site-1/*", "`civicforge-prod-site-1/*`"),
        (
            "arn:aws:logs:us-east-1:1:log-group:/aws/lambda/civicforge-prod-api:*",
            "`log-group:/aws/lambda/civicforge-prod-api:*`",
        ),
    ],
)
def test_a_wildcard_is_wide_unless_the_stages_name_is_before_it(resource: str, said: str) -> None:
    assert allowed(Action="a:b", Resource=resource) == f"`civicforge-prod-api` may now `a:b` on {said}"


def test_a_permission_without_its_condition_is_marked() -> None:
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "civicforge-prod-site/*"}
    only = {**statement, "Condition": {"StringEquals": {"aws:SourceArn": "a"}}}
    free, former = permissions(policy(only), policy(statement))
    assert free.endswith("⚠ without the condition it had")
    assert former.endswith('if `{"StringEquals": {"aws:SourceArn": "a"}}`')
    assert "⚠" not in "".join(permissions(policy(statement), policy(only)))


def test_a_keys_policy_means_the_key_by_everything() -> None:
    publish = {"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*", "Principal": {"Service": "x.amazonaws.com"}}
    assert permissions(None, {"policy": policy(publish)["policy"]}, "kms/key:Key") == [
        "`x.amazonaws.com` may now `kms:Decrypt` on `x`"
    ]


def test_a_refusal_that_ends_is_marked() -> None:
    deny = {"Effect": "Deny", "Action": "s3:*", "Resource": "civicforge-prod-site", "Principal": "*"}
    assert permissions(policy(deny), policy()) == ["`*` is no longer refused `s3:*` on `civicforge-prod-site` ⚠"]


def test_attached_policies_are_sentences() -> None:
    kind, role = "iam/rolePolicyAttachment:RolePolicyAttachment", "civicforge-prod-api"
    admin = {"role": role, "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}
    own = {"role": role, "policyArn": "arn:aws:iam::1:policy/civicforge-prod-read"}
    gets = f"`{role}` gets the policy `policy/AdministratorAccess` ⚠ not written by this stage"
    assert permissions(None, admin, kind) == [gets]
    assert permissions(admin, None, kind) == [f"`{role}` loses the policy `policy/AdministratorAccess`"]
    assert permissions(None, own, kind) == [f"`{role}` gets the policy `policy/civicforge-prod-read`"]
    old, new = ({"name": role, "managedPolicyArns": [each["policyArn"]]} for each in (own, admin))
    assert permissions(old, new, "iam/role:Role") == [
        gets,
        f"`{role}` loses the policy `policy/civicforge-prod-read`",
    ]


def test_policies_written_into_a_role_are_sentences() -> None:
    inline = policy({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})
    old, new = {"name": "role"}, {"name": "role", "inlinePolicies": [{"name": "a", "policy": inline["policy"]}]}
    assert permissions(old, new, "iam/role:Role") == ["`role` may now `s3:*` on `*` ⚠ wide"]
    assert permissions(new, old, "iam/role:Role") == ["`role` may no longer `s3:*` on `*`"]


def test_a_changed_boundary_is_marked() -> None:
    old, new = ({"name": "role", "permissionsBoundary": f"arn:aws:iam::1:policy/{name}"} for name in "ab")
    assert permissions(old, new, "iam/role:Role") == ["`role` is bounded by `policy/b` instead of `policy/a` ⚠"]
    assert permissions(old, {"name": "role"}, "iam/role:Role") == ["`role` is **no longer bounded** ⚠"]


@pytest.mark.parametrize(
    ("inputs", "said"),
    [
        ({"principal": "*", "sourceArn": "arn:aws:s3:::a"}, "`*` may now `i` on `f`, from `a` ⚠ wide: anybody"),
        ({"principal": "999999999999", "sourceArn": "arn:aws:s3:::a"}, "from `a` ⚠ wide: a whole account"),
        ({"principal": "s3.amazonaws.com"}, "on `f` ⚠ wide: from anywhere"),
        (
            {"principal": "apigateway.amazonaws.com", "sourceArn": "arn:aws:execute-api:*:*:*"},
            "from `arn:aws:execute-api:*:*:*` ⚠ wide: from anywhere",
        ),
        (
            {"principal": "apigateway.amazonaws.com", "sourceArn": "arn:aws:execute-api:us-east-1:1:*/x"},
            "from `*/x` ⚠ wide: from anywhere",
        ),
        (
            {"principal": "apigateway.amazonaws.com", "sourceArn": "arn:aws:execute-api:us-east-1:1:a1/*"},
            "`apigateway.amazonaws.com` may now `i` on `f`, from `a1/*`",
        ),
    ],
)
def test_who_may_invoke_from_where(inputs: dict[str, Any], said: str) -> None:
    (line,) = permissions(None, {"action": "i", "function": "f", **inputs}, "lambda/permission:Permission")
    assert line.endswith(said)


def test_a_route_that_becomes_public_is_marked() -> None:
    kind = "apigatewayv2/route:Route"
    safe, public = ({"routeKey": "GET /me", "authorizationType": which} for which in ("JWT", "NONE"))
    assert permissions(safe, public, kind) == ["`GET /me` becomes **public**: it asks for no token ⚠"]
    assert permissions(safe, {"routeKey": "GET /me"}, kind) == permissions(safe, public, kind)
    assert permissions(None, public, kind) == ["`GET /me` is new and **public**: it asks for no token ⚠"]
    assert permissions(public, safe, kind) == ["`GET /me` is no longer public: it asks for a token"]
    assert permissions(None, safe, kind) == permissions(public, None, kind) == permissions(safe, None, kind) == []


def test_a_secret_policy_is_not_passed_over() -> None:
    secret = {"name": "civicforge-prod-api", "policy": "[secret]"}
    said = "`civicforge-prod-api`: what it allows is not readable in the preview ⚠"
    assert permissions(secret, secret) == permissions(None, secret) == [said]
    (later,) = permissions(None, {"name": "civicforge-prod-api", "policy": "output<string>"})
    assert "only known after the deployment" in later


def alarms(old: dict[str, Any] | None, new: dict[str, Any] | None, kind: str = "MetricAlarm") -> list[str]:
    operation = "create" if old is None else "delete" if new is None else "update"
    return section("Alarms", step(operation, f"cloudwatch/x:{kind}", old, new))


@pytest.mark.parametrize(
    ("key", "old", "new", "said"),
    [
        ("actionsEnabled", True, False, "`a` **tells nobody any more** ⚠"),
        ("actionsEnabled", False, True, "`a`: acts **False** → **True**"),
        ("alarmActions", ["page"], [], "`a` **tells nobody any more** ⚠"),
        ("alarmActions", ["page", "notify"], ["notify"], "`a` **no longer tells** `page` ⚠"),
        ("alarmActions", ["page"], ["page", "notify"], '`a`: whom it tells `["page"]` → `["page", "notify"]`'),
        ("okActions", ["page"], None, "`a` **no longer tells** `page` ⚠"),
        ("metricName", "Errors", "Duration", "`a`: metric `Errors` → `Duration` ⚠"),
        ("dimensions", {"F": "a"}, {"F": "b"}, '`a`: dimensions `{"F": "a"}` → `{"F": "b"}` ⚠'),
        ("alarmRule", "ALARM(a)", "FALSE", "`a`: rule `ALARM(a)` → `FALSE` ⚠"),
        ("actionsSuppressor", None, {"alarm": "b"}, '`a`: silenced by **none** → `{"alarm": "b"}` ⚠'),
        ("threshold", 5.0, 6.0, "`a`: threshold **5** → **6** ⚠"),
        ("threshold", 5.0, 4.0, "`a`: threshold **5** → **4**"),
        ("evaluationPeriods", 1, 60, "`a`: periods **1** → **60** ⚠"),
        ("datapointsToAlarm", 3, 2, "`a`: data points **3** → **2**"),
        ("treatMissingData", "breaching", "ignore", "`a`: missing data `breaching` → `ignore` ⚠"),
    ],
)
def test_a_changed_alarm_is_a_sentence(key: str, old: object, new: object, said: str) -> None:
    before, after = ({"name": "a", "threshold": 1.0, "tags": {}, key: value} for value in (old, new))
    assert alarms(before, after) == [said]
    assert alarms(before, after, "CompositeAlarm") == [said]


def test_new_words_for_an_alarm_are_no_line() -> None:
    assert alarms({"name": "a", "alarmDescription": "x"}, {"name": "a", "alarmDescription": "y", "tags": {}}) == []


def test_who_hears_of_alarms_is_said() -> None:
    kind = "TopicSubscription"
    amy, bob = ({"topic": "arn:aws:sns:us-east-1:1:page", "endpoint": f"{name}@example.org"} for name in ("amy", "bob"))
    assert alarms(amy, None, kind) == ["`amy@example.org` **no longer hears** of `page` ⚠"]
    assert alarms(None, bob, kind) == ["`bob@example.org` now hears of `page`"]
    assert section("Alarms", step("replace", f"sns/x:{kind}", amy, bob)) == [
        *alarms(amy, None, kind),
        *alarms(None, bob, kind),
    ]
    assert alarms(amy, {**amy, "filterPolicy": "{}"}, kind) == ["`x`: filterPolicy **none** → `{}` ⚠"]


def test_an_alarm_of_too_little_is_earlier_with_a_higher_threshold() -> None:
    of = {"name": "a", "comparisonOperator": "LessThanThreshold"}
    assert alarms({**of, "threshold": 1}, {**of, "threshold": 2}) == ["`a`: threshold **1** → **2**"]
    assert alarms({**of, "threshold": 2}, {**of, "threshold": 1}) == ["`a`: threshold **2** → **1** ⚠"]


def test_cost_grows_with_traffic_and_with_what_stands() -> None:
    api = ("Function", {"name": "civicforge-prod-api", "memorySize": 1024})
    alarm = ("MetricAlarm", {"metricQueries": [{"id": "result"}, {"metric": {}}, {"metric": {}}]})
    levels = [monthly_cost([api], requests) for requests in TRAFFIC.values()]
    assert levels == sorted(levels)
    assert monthly_cost([api], 0) == 0
    # 1 + 0.20 + 0.03 GB-s x 13.3334 + 1.5 x 0.125 + 0.5 x 0.625 + 1000 bytes of log, from the price list by hand.
    assert monthly_cost([api], 1_000_000) == pytest.approx(2.5657, abs=0.001)
    assert monthly_cost([alarm], 0) == pytest.approx(0.20)
    assert monthly_cost(
        [("MetricAlarm", {}), ("CompositeAlarm", {}), ("Key", {}), ("Dashboard", {})], 0
    ) == pytest.approx(4.6)


PROVISIONED = {"billingMode": "PROVISIONED", "readCapacity": 1000.0, "writeCapacity": 1000.0}


def test_provisioned_capacity_costs_by_the_month_and_not_by_the_request() -> None:
    # 1000 units x 730 hours x ($0.00013 to read + $0.00065 to write), from the price list by hand.
    assert monthly_cost([("Table", PROVISIONED)], 0) == pytest.approx(569.4)
    index = {"globalSecondaryIndexes": [{"readCapacity": 500.0, "writeCapacity": 0.0}]}
    assert monthly_cost([("Table", PROVISIONED | index)], 0) == pytest.approx(569.4 + 47.45)
    on_demand = {"billingMode": "PAY_PER_REQUEST"}
    assert monthly_cost([("Table", on_demand)], 0) == 0
    saved = monthly_cost([("Table", on_demand)], 1_000_000) + 569.4 - monthly_cost([("Table", PROVISIONED)], 1_000_000)
    assert saved == pytest.approx(1.5 * 0.125 + 0.5 * 0.625)
    text = comment(preview(step("update", "dynamodb/table:Table", on_demand, PROVISIONED)))
    assert "| quiet, 10,000 requests | $0.02 | $569.42 |" in text


def test_the_least_of_a_scaling_target_is_paid_although_the_table_stays() -> None:
    table = ("Table", {**PROVISIONED, "readCapacity": 1.0, "writeCapacity": 1.0})
    targets = [
        ("Target", {"scalableDimension": f"dynamodb:table:{direction}CapacityUnits", "minCapacity": 1000.0})
        for direction in ("Read", "Write")
    ]
    assert monthly_cost([table, *targets], 0) == pytest.approx(569.4)


@pytest.mark.parametrize("hidden", ["[secret]", "output<number>", UNKNOWN])
def test_a_cost_that_depends_on_what_is_hidden_is_not_made_up(hidden: str) -> None:
    api = {"name": "civicforge-prod-api", "memorySize": 1024.0}
    text = comment(preview(step("update", "lambda/function:Function", api, api | {"memorySize": hidden})))
    assert "| quiet, 10,000 requests | $0.03 | not known yet | not known yet |" in text


# Form.


@pytest.mark.parametrize("letter", ["n", "é", "€", "🦄"])
def test_the_limit_holds_however_characters_are_counted(letter: str) -> None:
    steps = [
        step("create", "cloudwatch/metricAlarm:MetricAlarm", None, {"name": f"{number}{letter * 290}"})
        for number in range(400)
    ]
    changes = [step("update", "sqs/queue:Queue", {"name": letter * 290}, {"name": letter * 289}) for _ in range(400)]
    failed = json.dumps({"diagnostics": [{"severity": "error", "message": letter * 70_000}] * 9})
    for text in (comment(preview(*steps)), comment(preview(*changes)), comment(parse(failed))):
        assert len(text.encode()) < 65_536
        assert text.endswith(("</details>\n", "```\n"))


def test_a_comment_never_exceeds_githubs_limit() -> None:
    long = {
        "name": "n" * 5_000,
        "policy": json.dumps({"Statement": [{"Effect": "Allow", "Action": "a:b", "Resource": "r"}]}),
    }
    steps = [
        step("create", "iam/rolePolicy:RolePolicy", None, {**long, "name": f"{number}{long['name']}"})
        for number in range(2_000)
    ]
    text = comment(preview(*steps))
    assert 65_536 / 2 < len(text) < 65_536
    assert "the job's artifact has everything" in text
    plain = [
        step("update", "lambda/function:Function", {"name": "f", "a": 1}, {"name": "f" * 200, "a": n})
        for n in range(2, 3_000)
    ]
    text = comment(preview(*plain))
    assert 65_536 / 2 < len(text) < 65_536
    assert "more; the job's artifact has everything" in text
    assert text.endswith("</details>\n")


def test_names_are_no_markdown() -> None:
    hostile = {"name": "x` <img src=x> @everyone [a](b) |\n# y"}
    line = comment(preview(step("create", "sqs/queue:Queue", None, hostile))).splitlines()[-2]
    assert line == "- create Queue `x' <img src=x> @everyone [a](b) \\| # y`"


def test_examples_hold_no_secret_and_no_account() -> None:
    for path in sorted(Path(EXAMPLES).glob("*")):
        text = path.read_text(encoding="utf-8")
        assert "AKIA" not in text
        for step in json.loads(text).get("steps") or [] if path.suffix == ".json" else []:
            for inputs in ((step.get(state) or {}).get("inputs") or {} for state in ("oldState", "newState")):
                assert inputs.get("type") != "SecureString" or inputs["value"] == "[secret]"


# Every input has a category, and no change of one is silent.


def plans() -> list[Plan]:
    return [*map(plan, STAGES), run_program("prod", {"civicforge:capacity": "provisioned"})]


def test_every_input_of_every_type_in_our_plans_has_a_category() -> None:
    missing = {
        f"{resource.type} {key}"
        for made in plans()
        for resource in made.resources
        for key in undeclared(resource.type, resource.inputs)
    }
    assert not missing, f"declare them in infra/review/categories.py: {sorted(missing)}"


def test_every_declared_safer_input_has_a_category() -> None:
    for type_, kind in KINDS.items():
        for path in kind.safer:
            assert category_of(type_, path.split(".")[0]) not in (Category.UNCLASSIFIED, Category.HARMLESS), (
                type_,
                path,
            )


def changed(value: Any) -> Any:
    """Another value of the same form."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return json.dumps({"Version": "2012-10-17", "Statement": []}) if value.startswith("{") else f"{value}-other"
    if isinstance(value, list):
        return [*value[:-1], changed(value[-1])] if value else ["other"]
    if isinstance(value, dict):
        first = min(value) if value else "other"
        return {**value, first: changed(value.get(first, "x"))}
    return "other"


def test_no_change_of_any_input_of_prod_is_silent() -> None:
    """Each input of each resource, one at a time: under the title of its category, or in a sentence of its own."""
    for resource in plan("prod").resources:
        inputs = json.loads(json.dumps(resource.inputs, default=lambda asset: f"content {asset.path}"))
        for key in inputs:
            told = {
                "op": "update",
                "urn": resource.registration.urn,
                "oldState": {"inputs": inputs},
                "newState": {"inputs": {**inputs, key: changed(inputs[key])}},
                "diffReasons": [key],
            }
            text = comment(parse(json.dumps({"steps": [told]})))
            where = f"{resource.label} {key}: {text[:600]}"
            assert "1 updated" in text, where
            about = category_of(resource.type, key)
            if about in (Category.PERMISSION, Category.ALARM):
                assert f"**{about.capitalize()}**" in text, where
            elif about is Category.HARMLESS:
                assert f"`{key}" in text.partition("Every change")[2], where
            else:
                assert f"**{about}**" in text, where
                assert f"`{key}" in text.partition(f"**{about}**")[2], where


def first_lines(kind: str, old: dict[str, Any], new: dict[str, Any], **more: Any) -> str:
    """The part of a comment that a reviewer sees without scrolling."""
    told = {**step("update", kind, {"name": "n", **old}, {"name": "n", **new}), **more}
    return "\n".join(comment(preview(told)).splitlines()[:10])


@pytest.mark.parametrize(
    ("kind", "old", "new", "said"),
    [
        ("apigatewayv2/api:Api", {}, {"corsConfiguration": {"allowOrigins": ["*"]}}, '"allowOrigins": ["*"]'),
        (
            "apigatewayv2/authorizer:Authorizer",
            {"jwtConfiguration": {"issuer": "https://a", "audiences": ["x"]}},
            {"jwtConfiguration": {"issuer": "https://evil", "audiences": ["x"]}},
            "`jwtConfiguration.issuer` `https://a` → `https://evil` ⚠",
        ),
        (
            "apigatewayv2/stage:Stage",
            {"defaultRouteSettings": {"throttlingRateLimit": 100}},
            {"defaultRouteSettings": {"throttlingRateLimit": 1}},
            "`defaultRouteSettings.throttlingRateLimit` **100** → **1** ⚠",
        ),
        ("budgets/budget:Budget", {"limitAmount": "25"}, {"limitAmount": "2500"}, "`limitAmount` `25` → `2500` ⚠"),
        (
            "cloudfront/distribution:Distribution",
            {"enabled": True},
            {"enabled": False},
            "is **off** from then on: the app is unreachable\n",
        ),
        (
            "cloudfront/responseHeadersPolicy:ResponseHeadersPolicy",
            {"securityHeadersConfig": {"contentSecurityPolicy": {"contentSecurityPolicy": "default-src 'self'"}}},
            {"securityHeadersConfig": {}},
            "`securityHeadersConfig.contentSecurityPolicy`",
        ),
        (
            "cognito/userPool:UserPool",
            {"passwordPolicy": {"minimumLength": 12}},
            {"passwordPolicy": {"minimumLength": 6}},
            "`passwordPolicy.minimumLength` **12** → **6** ⚠",
        ),
        (
            "cognito/userPoolClient:UserPoolClient",
            {"explicitAuthFlows": ["ALLOW_USER_SRP_AUTH"]},
            {"explicitAuthFlows": ["ALLOW_USER_SRP_AUTH", "ALLOW_USER_PASSWORD_AUTH"]},
            "ALLOW_USER_PASSWORD_AUTH",
        ),
        (
            "dynamodb/table:Table",
            {"streamEnabled": True},
            {"streamEnabled": False},
            "its stream is **off** from then",
        ),
        ("dynamodb/table:Table", {}, {"ttl": {"enabled": True}}, '`ttl` **none** → `{"enabled": true}` ⚠'),
        ("kms/key:Key", {"enableKeyRotation": True}, {"enableKeyRotation": False}, "**True** → **False** ⚠"),
        ("lambda/eventSourceMapping:EventSourceMapping", {}, {"enabled": False}, "is **off** from then on"),
        (
            "lambda/function:Function",
            {"reservedConcurrentExecutions": 10},
            {"reservedConcurrentExecutions": 0},
            "is **off** from then on: every call of it fails",
        ),
        (
            "lambda/function:Function",
            {"reservedConcurrentExecutions": -1},
            {"reservedConcurrentExecutions": 5},
            "`reservedConcurrentExecutions` **-1** → **5** ⚠",
        ),
        (
            "sesv2/configurationSet:ConfigurationSet",
            {"sendingOptions": {"sendingEnabled": True}},
            {"sendingOptions": {"sendingEnabled": False}},
            "is **off** from then on: no mail is sent",
        ),
        ("lambda/function:Function", {"description": "a"}, {"description": "b"}, "Other inputs: `description` of 1"),
        ("lambda/function:Function", {"timeout": 10}, {"timeout": 1}, "`timeout` **10** → **1** ⚠"),
        (
            "lambda/function:Function",
            {"environment": {"variables": {"A": "1", "B": "1"}}},
            {"environment": {"variables": {"A": "2", "B": "1"}}},
            "`environment.variables.A` `1` → `2` ⚠",
        ),
        (
            "s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
            {"blockPublicAcls": True},
            {"blockPublicAcls": False},
            "`blockPublicAcls` **True** → **False** ⚠",
        ),
        (
            "s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
            {"rules": [{"id": "old", "expiration": {"days": 90}}]},
            {"rules": [{"id": "old", "expiration": {"days": 1}}]},
            "`rules[old].expiration.days` **90** → **1** ⚠",
        ),
        ("scheduler/schedule:Schedule", {}, {"state": "DISABLED"}, "is **off** from then on: it does not run"),
        ("sqs/queue:Queue", {"messageRetentionSeconds": 1209600}, {"messageRetentionSeconds": 60}, "→ **60** ⚠"),
        ("ssm/parameter:Parameter", {"value": "https://a"}, {"value": "https://b"}, "`https://a` → `https://b` ⚠"),
        ("sns/topic:Topic", {"kmsMasterKeyId": "k"}, {}, "`kmsMasterKeyId` `k` → **none** ⚠"),
        ("dynamodb/table:Table", {"newThing": 1}, {"newThing": 2}, "Not classified"),
        ("elasticache/cluster:Cluster", {"port": 1}, {"port": 2}, "Not classified"),
    ],
)
def test_a_weakening_is_in_the_first_lines_with_its_values(
    kind: str, old: dict[str, Any], new: dict[str, Any], said: str
) -> None:
    assert said in first_lines(kind, old, new)


def test_a_changed_secret_is_told_by_its_key() -> None:
    secret = {"value": "[secret]", "description": "[secret]"}
    told = first_lines("ssm/parameter:Parameter", secret, secret, diffReasons=["value"])
    assert "`value` changes (secret) ⚠" in told
    assert "description" not in told
    assert "`description` changes" in comment(preview(step("update", "ssm/parameter:Parameter", secret, secret)))


def test_what_gets_safer_is_told_without_a_warning() -> None:
    pool = "aws:cognito/userPool:UserPool"
    assert is_safer(pool, "passwordPolicy.minimumLength", 8, 12)
    assert not is_safer(pool, "passwordPolicy.minimumLength", 12, 8)
    assert is_safer(pool, "passwordPolicy.temporaryPasswordValidityDays", 7, 1)
    assert is_safer("aws:kms/key:Key", "enableKeyRotation", False, True)
    assert is_safer("aws:lambda/function:Function", "reservedConcurrentExecutions", 5, -1)
    assert not is_safer("aws:kms/key:Key", "keyUsage", "a", "b")
    assert not is_safer("aws:x/y:Z", "a", 1, 2)


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        ("cloudwatch/dashboard:Dashboard", "Dashboard `n` is deleted"),
        ("elasticache/cluster:Cluster", "Cluster `n` is deleted"),
        ("scheduler/schedule:Schedule", "Schedule `n` is deleted: from then on, it does not run"),
        ("cloudwatch/metricAlarm:MetricAlarm", "`n` is **no longer watched** ⚠"),
    ],
)
def test_no_deletion_is_silent_and_none_is_told_twice(kind: str, told: str) -> None:
    text = comment(preview(step("delete", kind, {"name": "n"}, None))).partition("<details>")[0]
    assert f"- {told}\n" in text
    assert text.count("`n`") == 1


def test_an_index_that_is_filled_again_stops_its_readers() -> None:
    index = {"name": "board", "hashKey": "a", "projectionType": "ALL"}
    kind = "dynamodb/table:Table"
    other = {**index, "projectionType": "KEYS_ONLY"}
    assert "the index `board` is dropped and filled again" in first_lines(
        kind, {"globalSecondaryIndexes": [index]}, {"globalSecondaryIndexes": [other]}
    )
    assert "the index `board` is dropped; what reads it answers 503" in first_lines(
        kind, {"globalSecondaryIndexes": [index]}, {"globalSecondaryIndexes": []}
    )
    more = {**index, "onDemandThroughput": {"maxReadRequestUnits": 1}}
    assert "dropped" not in first_lines(kind, {"globalSecondaryIndexes": [index]}, {"globalSecondaryIndexes": [more]})


def test_a_zip_that_has_only_moved_is_no_change() -> None:
    def archive(path: str, content: str) -> dict[str, str]:
        mark = {"4dabf18193072939515e22adb298388d": "0def7320c3a5731c473e5ecbe6d01bc7"}
        return {**mark, "path": path, "hash": content}

    here, there = ({"code": archive(path, "abc")} for path in ("/a/api.zip", "/b/api.zip"))
    assert "nothing changes" in comment(preview(step("update", "lambda/function:Function", here, there)))
    other = {"code": archive("/a/api.zip", "def")}
    assert "`code` `content abc` → `content def`" in comment(
        preview(step("update", "lambda/function:Function", here, other))
    )


def test_what_failed_is_told_with_what_it_would_have_done() -> None:
    text = example("real-table-key-changed")
    told = comment(text).splitlines()
    assert told[0] == "### Preview of prod: it failed"
    assert "Data will be lost" in told[2]
    assert exit_code(text, accepted=False) == 3
    assert exit_code(text, accepted=True) == 1


def test_a_loss_that_pulumi_refuses_before_it_lists_it_is_told_all_the_same() -> None:
    """A protected resource whose dependents are protected too: the preview has errors and no step for it."""
    pool, page = (urn(f"cognito/{kind}", "x") for kind in ("userPool:UserPool", "userPoolClient:UserPoolClient"))
    why = "as it is currently marked for protection"
    errors = [
        f'error: unable to replace resource "{pool}"\n{why}',
        f'error: unable to replace resource "{page}" as part of replacing "{pool}" {why}',
        "error: preview failed\n",
    ]
    told = parse(json.dumps({"diagnostics": [{"severity": "error", "message": text} for text in errors]}), "prod")
    first = comment(told).splitlines()[:6]
    assert first[0] == "### Preview of prod: it failed"
    assert "**⛔ Data will be lost (blocked until the label `data-loss-accepted` is set)**" in first
    assert first[5].startswith("- UserPool `x` is replaced. It is protected: Pulumi refuses.")
    assert "nobody can sign in or sign up" in comment(told)
    assert "preview failed" not in comment(told)
    assert exit_code(told, accepted=False) == 3
    assert exit_code(told, accepted=True) == 1


def test_a_failed_preview_has_no_cost() -> None:
    """Pulumi lists what it came to: the sum of that is no stage's cost."""
    steps = [step("same", "cloudwatch/dashboard:Dashboard", {"dashboardName": "a"}, {"dashboardName": "a"})]
    document: dict[str, Any] = {"steps": [*steps, step("create", "sqs/queue:Queue", None, {"name": "q"})]}
    assert "a month" in comment(parse(json.dumps(document)))
    document["diagnostics"] = [{"severity": "error", "message": "error: out of order"}]
    assert "a month" not in comment(parse(json.dumps(document)))


def test_unchanged_resources_that_are_not_listed_are_counted_and_cost_is_not_made_up() -> None:
    assert comment(example("real-nothing-changes")) == (
        "### Preview of prod: nothing changes\n169 resources stay as they are.\n"
    )
    assert "Cost: not told" in comment(example("real-cors-star"))
