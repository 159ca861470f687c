"""The comment that a reviewer gets. `tests/fixtures/previews` holds previews and their comments as examples.

The previews are in the form of `pulumi preview --json`, made of the program's own resources and a change to them.
"""

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest

from infra.config import ROOT
from infra.local.engine import Report
from infra.review import COMMENT_LIMIT, TRAFFIC, UNKNOWN, Preview, comment, exit_code, monthly_cost, parse

EXAMPLES = ROOT / "tests" / "fixtures" / "previews"
EXIT_CODES = {
    "alarms": 0,
    "create": 0,
    "failed": 1,
    "nothing": 0,
    "permissions": 0,
    "replace-on-dev": 3,
    "replace-table": 3,
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
    blocked = subprocess.run(command, input=text, cwd=ROOT, capture_output=True, text=True, check=False)
    accepted = subprocess.run(
        [*command, "--accept-data-loss"], input=text, cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (blocked.returncode, accepted.returncode) == (3, 0)
    assert "blocked until the label `data-loss-accepted` is set" in blocked.stdout
    assert "accepted by label" in accepted.stdout


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
    assert "Pulumi will refuse" in comment(preview(step("delete", table, {}, None, protect=True)))
    assert "no longer uses it, nor its rows" in comment(preview(step("delete", table, {}, None, retainOnDelete=True)))


def test_a_replacement_is_counted_once() -> None:
    steps = [
        step(op, "dynamodb/table:Table", {"a": 1}, {"a": 2})
        for op in ("delete-replaced", "replace", "create-replacement")
    ]
    assert "### Preview of prod: 1 replaced, 0 unchanged" in comment(preview(*steps))


# Failure.


@pytest.mark.parametrize("text", ["", "error: no stack named prod", "{}", '{"steps": []}', '{"diagnostics": []}', "[]"])
def test_what_is_no_preview_fails(text: str) -> None:
    found = parse(text, "prod")
    assert exit_code(found, accepted=True) == 1
    assert comment(found).startswith("### Preview of prod: it failed")


# Permissions, alarms, cost.


def policy(*statements: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "civicforge-prod-api",
        "policy": json.dumps({"Version": "2012-10-17", "Statement": list(statements)}),
    }


def permissions(old: dict[str, Any], new: dict[str, Any]) -> list[str]:
    text = comment(preview(step("update", "iam/rolePolicy:RolePolicy", old, new)))
    section = text.partition("**Permissions**\n")[2].partition("\n\n")[0]
    return section.splitlines()


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
        "- `civicforge-prod-api` may now `dynamodb:*` on `table/quests` ⚠ wide",
        '- `civicforge-prod-api` is now refused `s3:*` on `*`, if `{"Bool": {"aws:SecureTransport": "false"}}`',
        "- `civicforge-prod-api` may no longer `dynamodb:GetItem` on `table/quests`",
    ]
    (unknown,) = permissions(policy(get), {"name": "civicforge-prod-api", "policy": UNKNOWN})
    assert "only known after the deployment" in unknown


def test_a_trust_in_another_account_is_named() -> None:
    assert "- `arn:aws:iam::999999999999:root` may now become `civicforge-staging-rewards`" in comment(
        example("permissions")
    )


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


# Form.


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
    assert COMMENT_LIMIT / 2 < len(text) < COMMENT_LIMIT
    assert "the job's artifact has everything" in text
    plain = [
        step("update", "lambda/function:Function", {"name": "f", "a": 1}, {"name": "f" * 200, "a": n})
        for n in range(2, 3_000)
    ]
    text = comment(preview(*plain))
    assert len(text) < COMMENT_LIMIT
    assert "more; the job's artifact has everything" in text
    assert text.endswith("</details>\n")


def test_names_are_no_markdown() -> None:
    hostile = {"name": "x` <img src=x> @everyone [a](b) |\n# y"}
    line = comment(preview(step("create", "sqs/queue:Queue", None, hostile))).splitlines()[-2]
    assert line == "- create Queue `x' <img src=x> @everyone [a](b) \\| # y`"


def test_a_report_of_the_local_engine_is_read_too() -> None:
    report = Report(
        created=[urn("sqs/queue:Queue", "new")],
        replaced=[urn("dynamodb/table:Table", "quests")],
        same=[urn("iam/role:Role", "api")],
    )
    found = parse(json.dumps(asdict(report), default=list))
    assert exit_code(found, accepted=False) == 3
    text = comment(found)
    assert "### Preview of prod: 1 created, 1 replaced, 1 unchanged" in text
    assert "Table `quests` is replaced" in text


def test_examples_hold_no_secret_and_no_account() -> None:
    for path in sorted(Path(EXAMPLES).glob("*")):
        text = path.read_text(encoding="utf-8")
        assert "AKIA" not in text
        assert "SecureString" not in text
