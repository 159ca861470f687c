"""A stage is refused, before anything is made, where its zips or the account's bootstrap stack are missing."""

from pathlib import Path
from typing import Any

import pulumi
import pytest

from infra.paths import REPOSITORY
from infra.stack_config import load_config
from localcloud.engine.language_host import NotFoundError, directory_program
from services.core.services import SERVICES
from tests.unit.infra.plan import Recorder, run_recorded


class Account(Recorder):
    """An account whose answer about the boundary is `answer`."""

    def __init__(self, answer: Exception | None = None) -> None:
        super().__init__()
        self.answer = answer

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        if token == "aws:iam/getPolicy:getPolicy" and self.answer:
            raise self.answer
        return super().invoke(token, args)


def run(stage: str, artifacts: Path, account: Account) -> int:
    """Run the program; returns how many resources it wanted."""
    config = load_config(stage, REPOSITORY, {"artifacts": str(artifacts)})
    run_recorded(directory_program(config.program), stage, config.values, account)
    return len(account.registrations)


@pytest.fixture
def zips(tmp_path: Path) -> Path:
    for service in SERVICES:
        (tmp_path / f"{service}.zip").touch()
    return tmp_path


def test_a_missing_zip_is_named_with_how_to_get_it(zips: Path) -> None:
    (zips / "rewards.zip").unlink()
    account = Account()
    with pytest.raises(pulumi.RunError, match=r"lacks rewards\.zip: `make zips` builds them"):
        run("prod", zips, account)
    assert account.registrations == []


@pytest.mark.parametrize(
    "answer", ["there is no arn:x", "NoSuchEntity: Policy was not found", "reading IAM Policy: couldn't find resource"]
)
@pytest.mark.parametrize("stage", ["dev", "prod"])
def test_a_missing_bootstrap_is_named_with_how_to_get_it(stage: str, answer: str, zips: Path) -> None:
    account = Account(NotFoundError(answer))
    with pytest.raises(pulumi.RunError, match=r"policy/civicforge-bootstrap-.*-boundary: .* scripts/setup-oidc\.sh"):
        run(stage, zips, account)
    assert account.registrations == []


def test_whoever_may_not_look_is_not_kept_from_going_on(zips: Path) -> None:
    assert run("prod", zips, Account(NotFoundError("AccessDenied: not authorized to perform iam:GetPolicy"))) > 100


def test_the_local_stage_needs_no_bootstrap(zips: Path) -> None:
    assert run("local", zips, Account(NotFoundError("there is no arn:x"))) > 100
