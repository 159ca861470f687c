"""The inventory: what of the stack's state is looked for, on AWS and on this machine."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from localcloud.emulator.process import Emulator
from localcloud.provider import HANDLERS
from ops.commands import status
from ops.shared import inventory
from ops.shared.inventory import Known
from ops.shared.stage import OperatorError
from tests.unit.ops.conftest import UnitStage

SECRET = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:x"}


def record(type_: str, name_: str, id_: str, /, **inputs: Any) -> dict[str, Any]:
    """A resource as Pulumi's state has it."""
    urn = f"urn:pulumi:dev::civicforge::civicforge:Part${type_}::{name_}"
    return {"urn": urn, "type": type_, "custom": True, "id": id_, "inputs": {"__defaults": [], **inputs}}


RECORDS = [
    {"urn": "urn:pulumi:dev::civicforge::pulumi:pulumi:Stack::civicforge-dev", "type": "pulumi:pulumi:Stack"},
    record("pulumi:providers:aws", "default", "1"),
    record("aws:sqs/queue:Queue", "letters", "https://sqs.us-east-1.amazonaws.com/123456789012/letters"),
    record("aws:iam/role:Role", "api", "api", name="api", assumeRolePolicy="{}"),
    record("aws:sns/topic:Topic", "page", "arn:aws:sns:us-east-1:123456789012:page", name="page"),
    record("aws:ssm/parameter:Parameter", "key", "/dev/key", name="/dev/key", value=SECRET),
    {**record("aws:s3/bucket:Bucket", "old", "old", bucket="old"), "delete": True},
    {**record("aws:s3/bucket:Bucket", "theirs", "theirs", bucket="theirs"), "external": True},
    record("aws:appautoscaling/target:Target", "warm", "warm"),
]


@pytest.fixture
def dev(stage: UnitStage) -> UnitStage:
    """A stage on AWS whose state lies in the account's bucket."""
    dev = replace(stage, name="dev", broken=set(), invalid=set())
    bucket = f"civicforge-bootstrap-state-{dev.account}"
    dev.s3.create_bucket(Bucket=bucket)
    body = json.dumps({"checkpoint": {"latest": {"resources": RECORDS}}}).encode()
    dev.s3.put_object(Bucket=bucket, Key="dev/.pulumi/stacks/civicforge/dev.json", Body=body)
    return dev


def test_what_the_state_of_aws_has_is_looked_for(dev: UnitStage) -> None:
    resources = inventory.known(dev)
    assert [one.name for one in resources] == ["letters", "api", "page", "key", "warm"]
    assert inventory.look(dev, resources).gone == tuple(resources[:4])
    dev.sqs.create_queue(QueueName="letters")
    dev.sns.create_topic(Name="page")
    dev.put_parameter("x", "y")
    dev.ssm.put_parameter(Name="/dev/key", Value="secret", Type="SecureString")
    seen = inventory.look(dev, resources)
    assert (seen.there, [str(one) for one in seen.gone]) == (3, ["Role api"])
    assert (seen.unseen, seen.unknown) == ((), ("aws:appautoscaling/target:Target",))


def test_status_tells_each_in_a_line_with_the_remedy(dev: UnitStage) -> None:
    fact = status._resources(dev, datetime.now(UTC))
    assert fact
    assert not fact.well
    first, *lines = status._lines(fact)
    assert first.startswith("LOOK  resources       4 missing, 0 there; `civicforge deploy --refresh --stage dev`")
    assert [line.strip() for line in lines][:4] == ["Queue letters", "Role api", "Topic page", "Parameter key"]


def test_what_cannot_be_seen_is_told_with_its_reason(dev: UnitStage, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not you"}}, "Look")

    monkeypatch.setattr(HANDLERS["aws:iam/role:Role"], "read", refuse)
    monkeypatch.setattr(HANDLERS["aws:sns/topic:Topic"], "read", refuse)
    seen = inventory.look(dev, inventory.known(dev))
    assert seen.unseen == ("AWS does not let this role do it: not you",)
    assert "api" not in {one.name for one in seen.gone}
    fact = status._resources(dev, datetime.now(UTC))
    assert fact
    assert "not seen: AWS does not let this role do it" in fact.text


def test_an_id_of_its_own_making_is_the_handlers(dev: UnitStage) -> None:
    """AWS's provider has numbered attachments; the role and the policy decide where one is."""
    iam = dev.session.client("iam")
    iam.create_role(RoleName="api", AssumeRolePolicyDocument="{}")
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}
    policy = iam.create_policy(PolicyName="reads", PolicyDocument=json.dumps(document))["Policy"]["Arn"]
    attachment = {"role": "api", "policyArn": policy}
    attached = Known("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "reads", "api-20261128", attachment)
    assert inventory.look(dev, [attached]).gone == (attached,)
    iam.attach_role_policy(RoleName="api", PolicyArn=policy)
    assert inventory.look(dev, [attached]).there == 1


def test_before_the_bootstrap_nothing_is_looked_for(stage: UnitStage) -> None:
    assert status._resources(stage, datetime.now(UTC)) is None


def test_a_state_that_cannot_be_read_is_a_sentence(stage: UnitStage, tmp_path: Path) -> None:
    here = replace(stage, emulator=Emulator(tmp_path), broken=set(), invalid=set())
    assert inventory.known(here) == []
    file = tmp_path / "stacks" / "local.json"
    file.parent.mkdir(exist_ok=True)
    file.write_text("{")
    with pytest.raises(OperatorError, match="make reset"):
        inventory.known(here)


def test_pulumis_own_engine_on_this_machine_is_known_too(stage: UnitStage, tmp_path: Path) -> None:
    here = replace(stage, emulator=Emulator(tmp_path), broken=set(), invalid=set())
    file = tmp_path / "stacks" / "pulumi" / ".pulumi" / "stacks" / "civicforge" / "local.json"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"checkpoint": {"latest": {"resources": RECORDS}}}))
    assert [one.name for one in inventory.known(here)] == ["letters", "api", "page", "key", "warm"]
