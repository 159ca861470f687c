"""The rehearsal's own rules: each step is told, what was denied is gathered, and what was made is destroyed."""

import contextlib
import json
import os
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from ops import __main__, rehearsal
from ops.rehearsal import AwsTarget, Rehearsal, Target
from services.core.names import bootstrap_role

DENIAL = "User: arn:aws:iam::1:role/r is not authorized to perform: kms:GetKeyPolicy on resource: arn:aws:kms:r:1:key/k"


class Paper(Target):
    """A target on which `broken` steps fail."""

    def __init__(self, broken: str = "") -> None:
        self.broken, self.done, self.role = broken, [""], ""

    def _do(self, name: str) -> None:
        self.done.append(f"{name} as {self.role}" if self.role else name)
        if name == self.broken:
            raise RuntimeError(DENIAL)

    def bootstrap(self) -> None:
        self._do("bootstrap")

    @contextlib.contextmanager
    def acting_as(self, kind: str) -> Iterator[None]:
        self.role = kind
        yield
        self.role = ""

    def retag(self) -> None:
        self._do("retag")

    def preview(self, *, drift: bool) -> None:
        self._do("drift" if drift else "preview")

    def destroy(self) -> None:
        self._do("destroy")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The command lines that are typed; `deploy` fails where somebody sets `broken`."""
    typed: list[str] = []

    def main(arguments: list[str]) -> int:
        typed.append(" ".join(arguments))
        return 0

    monkeypatch.setattr(__main__, "main", main)
    monkeypatch.setattr(rehearsal, "newest_restore", lambda: "20261127t120000")
    return typed


def test_the_steps_are_those_of_a_first_hour(lines: list[str]) -> None:
    target, said = Paper(), list[str]()
    assert Rehearsal(target, said.append).run()
    assert target.done[1:] == [
        "bootstrap",
        "retag as deploy",
        "preview as preview",
        "drift as preview",
        "destroy as deploy",
    ]
    verbs = [line.split(" --")[0] for line in lines]
    assert verbs[:4] == ["deploy", "deploy", "rollback", "smoke"]
    assert [verb.split(" 2")[0] for verb in verbs[4:]] == [
        "restore start", "restore complete", "restore drop", "breaker open", "breaker close", "cost",
    ]  # fmt: skip
    assert all("--stage dev" in line for line in lines)
    assert len(said) == len(target.done) - 1 + len(lines), "a line each"


@pytest.mark.parametrize("broken", ["retag", "preview", "drift"])
def test_a_step_that_fails_keeps_nobody_from_the_others(lines: list[str], broken: str) -> None:
    target, said = Paper(broken), list[str]()
    found = Rehearsal(target, said.append)
    assert not found.run()
    assert target.done[-1].startswith("destroy"), "what was made is deleted"
    (failed,) = (ran for ran in found.ran if not ran.passed)
    assert failed.denied == ("kms:GetKeyPolicy on arn:aws:kms:r:1:key/k",)
    assert any(line.strip() == f"denied: {failed.denied[0]}" for line in said)


def test_nothing_is_done_where_the_account_is_not_there(lines: list[str]) -> None:
    target = Paper("bootstrap")
    assert not Rehearsal(target, lambda _: None).run()
    assert (target.done[1:], lines) == (["bootstrap"], [])


def test_a_deployment_that_fails_is_cleaned_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(__main__, "main", lambda _: 1)
    target = Paper()
    assert not Rehearsal(target, lambda _: None).run()
    assert target.done[1:] == ["bootstrap", "destroy as deploy"]


def test_a_role_is_lent_and_given_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """On AWS the role trusts the account only as long as it is acted as."""
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://somewhere")
    with mock_aws():
        iam = boto3.client("iam", "us-east-1")
        service = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
        trust: dict[str, Any] = {"Version": "2012-10-17", "Statement": [service]}
        name = bootstrap_role("dev", "deploy")
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trust))
        before = os.environ["AWS_ACCESS_KEY_ID"]
        with AwsTarget().acting_as("deploy"):
            now: Any = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
            _, lent = now["Statement"]
            assert lent["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
            assert os.environ["AWS_ACCESS_KEY_ID"] != before
        assert os.environ["AWS_ACCESS_KEY_ID"] == before
        assert iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"] == trust
