"""The CLI by hand in a fresh clone: the bootstrap, a state in S3 with secrets by KMS, and what is refused."""

import difflib
import json
import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Any

import boto3
import pytest

from infra.paths import REPOSITORY
from localcloud.provider import HANDLERS
from localcloud.pulumi_engine import command
from localcloud.pulumi_engine.server import serve
from ops.shared.interrupted import find_interrupted
from ops.shared.stage import Stage
from services.core.names import parameter_name
from services.core.parameters import API_KEY
from tests.engine.conftest import HOST_SETTINGS, Account

HOST = """#!{python}
import sys
sys.path.insert(0, {repository!r})
from localcloud.pulumi_engine.language_host import main
main()
"""
AWS = """#!{python}
import sys
import boto3
match sys.argv[1:]:
    case ["sts", "get-caller-identity", *_]:
        print(boto3.client("sts").get_caller_identity()["Account"])
    case ["s3api", "head-bucket", "--bucket", bucket]:
        found = [one["Name"] for one in boto3.client("s3").list_buckets()["Buckets"]]
        sys.exit(bucket not in found)
"""
CONFIGURED = [word for key, value in HOST_SETTINGS.items() for word in ("--config", f"{key}={value}")]
BUCKET = "civicforge-bootstrap-state-000000000000"


@dataclass
class Clone:
    """A fresh clone, on a machine with the CLI and an account."""

    folder: Path
    environment: dict[str, str]
    account: Account
    said: str = field(default="")

    def run(self, *arguments: str, **variables: str) -> int:
        """Run a command; what it says is in `said`."""
        done = subprocess.run(
            arguments,
            cwd=self.folder,
            env={**self.environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        self.said = done.stdout + done.stderr
        return done.returncode

    def pulumi(self, *arguments: str) -> int:
        """Run Pulumi for prod."""
        wanted = [*arguments, "--stack", "prod", "--non-interactive", "--color", "never"]
        return self.run("pulumi", *wanted, *(CONFIGURED if arguments[0] in ("up", "preview") else []))


def script(path: Path, text: str) -> None:
    path.write_text(text.format(python=sys.executable, repository=str(REPOSITORY)))
    path.chmod(0o755)


@pytest.fixture(scope="module")
def clone(make_account: Callable[[], Account], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clone]:
    account = make_account()
    folder, bin_ = tmp_path_factory.mktemp("clone"), tmp_path_factory.mktemp("bin")
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (REPOSITORY / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, folder / name)
    (folder / ".venv").symlink_to(Path(sys.prefix))
    if shutil.which("pulumi-language-python") is None:  # the release's tarball has it
        script(bin_ / "pulumi-language-python", HOST)
    script(bin_ / "aws", AWS)
    key, secret = account.platform.emulator.root_key
    with serve(account.platform.endpoint) as port:
        environment = {
            "PATH": f"{bin_}:{command.get() / 'bin'}:{os.environ['PATH']}",
            "HOME": str(bin_),
            "AWS_ENDPOINT_URL": account.platform.endpoint,
            "AWS_ACCESS_KEY_ID": key,
            "AWS_SECRET_ACCESS_KEY": secret,
            "PULUMI_DEBUG_PROVIDERS": f"aws:{port}",
            "PULUMI_SKIP_CONFIRMATIONS": "true",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        yield Clone(folder, environment, account)


def test_the_bootstrap_comes_first(clone: Clone) -> None:
    """Without it, a stage is refused before anything is made."""
    shutil.copytree(REPOSITORY / "dist" / "host", clone.folder / "dist" / "host")
    state = clone.folder / "elsewhere"
    state.mkdir()
    elsewhere = {"PULUMI_BACKEND_URL": state.as_uri(), "PULUMI_CONFIG_PASSPHRASE": "x"}
    before = (clone.folder / "Pulumi.prod.yaml").read_text()
    clone.environment |= elsewhere
    try:
        assert clone.pulumi("stack", "init") == 0, clone.said
        assert clone.pulumi("up", "--yes", "--skip-preview") != 0
    finally:
        for key in elsewhere:
            del clone.environment[key]
        (clone.folder / "Pulumi.prod.yaml").write_text(before)
    assert "policy/civicforge-bootstrap-prod-boundary" in clone.said
    assert "scripts/setup-oidc.sh" in clone.said
    assert "Traceback" not in clone.said
    assert clone.account.platform.client("dynamodb").list_tables()["TableNames"] == []
    assert clone.account.platform.client("iam").list_roles()["Roles"] == []


def test_the_bootstrap_moves_into_the_bucket_that_it_makes(clone: Clone) -> None:
    assert clone.run("scripts/setup-oidc.sh", "town/platform") == 0, clone.said
    assert "gh variable set AWS_ROLE_TO_ASSUME" in clone.said
    assert not (clone.folder / ".local" / "bootstrap").exists()
    s3 = clone.account.platform.client("s3")
    state = json.loads(
        s3.get_object(Bucket=BUCKET, Key="bootstrap/.pulumi/stacks/civicforge/bootstrap.json")["Body"].read()
    )
    assert len(state["checkpoint"]["latest"]["resources"]) > 40
    assert clone.run("scripts/setup-oidc.sh", "town/platform") == 0, clone.said
    assert "unchanged" in clone.said
    assert " created" not in clone.said


def test_a_stage_in_the_bucket_with_its_secrets_by_kms(clone: Clone) -> None:
    """By the commands that the script printed."""
    assert clone.run("scripts/setup-oidc.sh", "town/platform") == 0, clone.said
    select = next(line for line in clone.said.splitlines() if "pulumi stack select prod" in line)
    url = f"s3://{BUCKET}/prod?region=us-east-1"
    assert f"PULUMI_BACKEND_URL={url}" in select
    before = (clone.folder / "Pulumi.prod.yaml").read_text().splitlines()
    assert clone.run(*shlex.split(select)) == 0, clone.said
    after = (clone.folder / "Pulumi.prod.yaml").read_text().splitlines()
    changed = [line for line in difflib.ndiff(before, after) if line[0] in "+-"]
    assert sorted(line.split(":")[0] for line in changed) == ["+ encryptedkey", "+ secretsprovider"]

    clone.environment["PULUMI_BACKEND_URL"] = url
    zips = clone.folder / "dist" / "host"
    zips.rename(zips.with_name("aside"))
    assert clone.pulumi("preview") != 0
    assert "api.zip" in clone.said
    assert "`make zips` builds them" in clone.said
    assert "Traceback" not in clone.said
    zips.with_name("aside").rename(zips)

    file = clone.folder / "Pulumi.prod.yaml"
    right = file.read_text()
    assert clone.pulumi("preview", "--config", "civicforge:throttelRate=1") != 0  # which the CLI writes into the file
    assert "there is no key 'throttelRate', is 'throttleRate' meant?" in clone.said
    file.write_text(right)

    assert clone.pulumi("up", "--yes", "--skip-preview") == 0, clone.said[-3000:]
    name = parameter_name("prod", API_KEY.key)
    secret = clone.account.platform.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    stored = clone.account.platform.client("s3").get_object(
        Bucket=BUCKET, Key="prod/.pulumi/stacks/civicforge/prod.json"
    )
    text = stored["Body"].read().decode()
    assert json.loads(secret)["current"] not in text
    assert "ciphertext" in text
    assert clone.pulumi("preview", "--expect-no-changes") == 0, clone.said[-3000:]


@contextmanager
def blocked(type_: str, operation: str) -> Iterator[Event]:
    """Block an operation of the provider until the end of the `with`; the event is set when it begins."""
    handler = HANDLERS[type_]
    original: Callable[..., Any] = getattr(handler, operation)
    begun, ended = Event(), Event()

    def patched(*arguments: Any) -> Any:
        begun.set()
        ended.wait(600)
        return original(*arguments)

    setattr(handler, operation, patched)
    try:
        yield begun
    finally:
        ended.set()
        setattr(handler, operation, original)


def test_a_killed_deployment_of_prod_is_recovered_by_the_runbooks_command(clone: Clone) -> None:
    """Lock and pending operations are read from the bucket, without the CLI; `recover` finds the backend by itself."""
    session = boto3.Session(*clone.account.platform.emulator.root_key, region_name="us-east-1")
    stage = Stage("prod", session, clone.account.platform.endpoint)
    assert not find_interrupted(stage)
    with (
        blocked("aws:apigatewayv2/stage:Stage", "update") as begun,
        subprocess.Popen(
            ["pulumi", "up", "--yes", "--skip-preview", "--stack", "prod", *CONFIGURED,
             "--config", "civicforge:throttleRate=77"],
            cwd=clone.folder, env=clone.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as running,
    ):  # fmt: skip
        assert begun.wait(300), "the deployment did not come to the API's stage"
        running.kill()
    left = find_interrupted(stage)
    assert " at " in left.locked_by
    assert " since 20" in left.locked_by
    assert left.pending == ("updating api",)
    assert clone.pulumi("up", "--yes", "--skip-preview") != 0
    assert "locked" in clone.said
    backend = clone.environment.pop("PULUMI_BACKEND_URL")
    recover = ("./civicforge", "recover", "--stage", "prod", "--yes", "--reason", "killed")
    assert clone.run(*recover) == 0, clone.said[-3000:]
    assert "updating" in clone.said
    assert "Now `civicforge deploy --stage prod`" in clone.said
    assert not find_interrupted(stage)
    (backup,) = (clone.folder / ".local" / "recover").iterdir()
    assert json.loads(backup.read_text())["deployment"]["pending_operations"]
    assert clone.run(*recover) == 0, clone.said[-3000:]
    clone.environment["PULUMI_BACKEND_URL"] = backend
    assert clone.pulumi("up", "--yes", "--skip-preview") == 0, clone.said[-3000:]
    assert clone.pulumi("preview", "--refresh", "--expect-no-changes") == 0, clone.said[-3000:]
