"""From the last release's program to this tree's and back, by Pulumi's own engine, with data in it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from infra.paths import REPOSITORY
from infra.review.data import HOLDS
from localcloud.pulumi_engine import command
from services.core.services import SERVICES
from tests.engine.conftest import BOOTSTRAP, HOST_SETTINGS, Account
from tests.engine.test_life import ADDRESSES

UP = """
import json, sys
from pathlib import Path
from localcloud.engine.deployment import EngineError
from localcloud.pulumi_engine.automation import Engine
stage, endpoint, state, root, overrides = sys.argv[1:]
engine = Engine(endpoint, Path(state), Path(root))
try:
    report = engine.up(stage, overrides=json.loads(overrides))
except EngineError as error:
    print(json.dumps({"error": str(error)}))
else:
    steps = [[step.operation, step.type, step.name] for step in report.steps if step.operation != "same"]
    print(json.dumps({"steps": steps, "outputs": report.outputs}, default=str))
"""
HOLD_AN_ADDRESS = {
    "aws:apigatewayv2/api:Api",
    "aws:cloudfront/distribution:Distribution",
    "aws:cognito/userPoolClient:UserPoolClient",
}


def git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stderr} The last release is in the history: `git fetch --unshallow`."
    return done.stdout.strip()


def last_release() -> str:
    """The commit before the one that gave pyproject.toml its version."""
    commit = git("log", "-1", "--format=%H", "-G^version = ", "--", "pyproject.toml")
    assert commit, "the history does not reach the last release: `git fetch --unshallow`"
    return f"{commit}^"


@pytest.fixture(scope="module")
def former(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The last release's program beside this tree's engine and provider."""
    folder = tmp_path_factory.mktemp("former")
    archive = folder / "former.tar"
    git("archive", "-o", str(archive), last_release())
    shutil.unpack_archive(archive, folder, filter="data")
    shutil.rmtree(folder / "localcloud", ignore_errors=True)
    (folder / "localcloud").symlink_to(REPOSITORY / "localcloud")
    zips = folder / "zips"
    zips.mkdir()
    for package in (folder / "services").iterdir():
        name = package.name if package.name in SERVICES else "api"  # a Lambda that is no more runs nothing here
        shutil.copy(REPOSITORY / "dist" / "host" / f"{name}.zip", zips / f"{package.name}.zip")
    return folder


def up(account: Account, tree: Path, overrides: Mapping[str, str]) -> dict[str, Any]:
    """Deploy prod by a tree's program, in a process of its own."""
    done = subprocess.run(
        [
            *(sys.executable, "-c", UP, "prod", account.platform.endpoint, str(account.engine.state_dir), str(tree)),
            json.dumps(overrides),
        ],
        cwd=tree,
        env={"PYTHONPATH": str(tree), "PATH": f"{command.get() / 'bin'}:/usr/bin:/bin", "HOME": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def lost(steps: list[list[str]]) -> list[list[str]]:
    """The steps that take away what holds data or an address."""
    return [step for step in steps if step[0] in ("replace", "delete") and step[1] in {*HOLDS, *HOLD_AN_ADDRESS}]


def test_an_upgrade_and_the_way_back_keep_data_and_addresses(former: Path, make_account: Any) -> None:
    account: Account = make_account()
    account.engine.up("bootstrap", overrides=BOOTSTRAP)
    old, new = {**HOST_SETTINGS, "civicforge:artifacts": str(former / "zips")}, HOST_SETTINGS
    first = up(account, former, old)
    assert first["steps"]
    dynamodb, ssm = account.platform.client("dynamodb"), account.platform.client("ssm")
    key = {"userId": {"S": "rita"}}
    dynamodb.put_item(TableName=first["outputs"]["users_table"], Item=key)
    ssm.put_parameter(Name="/civicforge/prod/breaker", Value="read-only", Overwrite=True)

    def kept(outputs: Mapping[str, Any]) -> None:
        assert {name: outputs[name] for name in ADDRESSES} == {name: first["outputs"][name] for name in ADDRESSES}
        assert "Item" in dynamodb.get_item(TableName=outputs["users_table"], Key=key)
        assert ssm.get_parameter(Name="/civicforge/prod/breaker")["Parameter"]["Value"] == "read-only"

    second = up(account, REPOSITORY, new)
    assert lost(second["steps"]) == []
    kept(second["outputs"])
    assert up(account, REPOSITORY, new)["steps"] == []

    # What this tree protects and the former one does not declare keeps the way back from taking it.
    back = up(account, former, old)
    if "error" in back:
        assert "cannot be deleted" in back["error"]
    else:
        assert lost(back["steps"]) == []
    kept(second["outputs"])
    third = up(account, REPOSITORY, new)
    assert lost(third["steps"]) == []
    kept(third["outputs"])
    assert up(account, REPOSITORY, new)["steps"] == []
