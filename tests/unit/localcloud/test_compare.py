"""A preview against a commit, without AWS: a small repository with a program of one queue and one table."""

import json
import subprocess
from pathlib import Path

import pytest

from infra import review
from infra.paths import REPOSITORY
from localcloud import compare
from localcloud.provider.values import UNKNOWN

PROGRAM = """
import pulumi, pulumi_aws as aws
aws.sqs.Queue("queue", name="q", message_retention_seconds={seconds})
table = aws.dynamodb.Table(
    "table", name="t", hash_key="{key}", billing_mode="PAY_PER_REQUEST",
    attributes=[aws.dynamodb.TableAttributeArgs(name="{key}", type="S")], opts=pulumi.ResourceOptions(protect=True),
)
aws.lambda_.Function(
    "api", name="api", role=table.arn, code=pulumi.FileArchive(pulumi.Config().require("artifacts") + "/api.zip"),
    runtime="python3.13", handler="x",
)
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "repository"
    for folder in ("infra", "services/core", "services/api", "requirements"):
        (root / folder).mkdir(parents=True)
    (root / "Pulumi.yaml").write_text("name: probe\nruntime: python\nmain: infra\n")
    (root / "Pulumi.prod.yaml").write_text("config: {}\n")
    (root / "requirements" / "lambda.txt").write_text("")
    (root / "services" / "api" / "handler.py").write_text("1")
    for name in ("__init__.py", "stack_config.py", "paths.py"):
        (root / "infra" / name).write_text((REPOSITORY / "infra" / name).read_text())
    write(root)
    for command in (
        ["init", "-q"],
        ["add", "-A"],
        ["-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "x"],
    ):
        subprocess.run(["git", *command], cwd=root, check=True)
    monkeypatch.setattr(compare, "REPOSITORY", root)
    (root / "localcloud").symlink_to(REPOSITORY / "localcloud")
    return root


def write(root: Path, seconds: int = 60, key: str = "a") -> None:
    (root / "infra" / "__main__.py").write_text(PROGRAM.format(seconds=seconds, key=key))


def told(stage: str = "prod") -> str:
    return review.comment(review.parse(json.dumps(compare.preview_document_against("HEAD", stage))))


def test_what_did_not_change_is_unchanged(repository: Path) -> None:
    assert told() == "### Preview of prod: nothing changes\n3 resources stay as they are.\n"


def test_a_change_is_told_with_its_values(repository: Path) -> None:
    write(repository, seconds=30)
    assert "- Queue `q`: `messageRetentionSeconds` **60** → **30** ⚠" in told()


def test_a_loss_is_told_with_what_refuses_it(repository: Path) -> None:
    write(repository, key="b")
    document = compare.preview_document_against("HEAD", "prod")
    found = review.parse(json.dumps(document))
    text = review.comment(found)
    assert review.exit_code(found, accepted=False) == 3
    assert text.startswith("### Preview of prod: it failed\n")
    assert "'table' is protected, and this change would replace it (hashKey)" in text
    assert "Table `t` is replaced because of `hashKey`" in text
    assert document["changeSummary"]["replace"] == 1


def test_new_code_is_told(repository: Path) -> None:
    (repository / "services" / "api" / "handler.py").write_text("2")
    assert "- update Function `api`: `code` `content" in told()


def test_a_stage_that_the_commit_lacks_is_new(repository: Path) -> None:
    (repository / "Pulumi.fair.yaml").write_text("config: {}\n")
    text = told("fair")
    assert text.startswith("### Preview of fair: 3 created, 0 unchanged\n")
    role = next(
        step["newState"]["inputs"]["role"]
        for step in compare.preview_document_against("HEAD", "fair")["steps"]
        if step["newState"]["type"].endswith(":Function")
    )
    assert role == UNKNOWN, "known after the deployment"


@pytest.mark.filterwarnings("ignore:coroutine:RuntimeWarning")
def test_what_cannot_be_compared_is_said(repository: Path) -> None:
    with pytest.raises(compare.ComparisonError, match="There is no commit nothing"):
        compare.preview_document_against("nothing", "prod")
    subprocess.run(
        ["git", "-c", "user.name=a", "-c", "user.email=a@x", "commit", "-qam", "x"], cwd=repository, check=False
    )
    (repository / "infra" / "__main__.py").write_text(
        "import pulumi_aws as aws\naws.sqs.Queue('q', region='eu-west-9')\n"
    )
    with pytest.raises(compare.ComparisonError, match=r"This tree's program fails: .*region eu-west-9"):
        told()
