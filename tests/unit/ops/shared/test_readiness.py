"""AWS's quotas and defaults before a deployment, and the remedies that are told."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.config import StageConfig
from infra.paths import REPOSITORY
from infra.stack_config import load_config
from ops.commands import status
from ops.shared import readiness
from ops.shared import stage as stages
from ops.shared.hold import held
from ops.shared.readiness import UNRESERVED, Finding
from ops.shared.stage import OperatorError
from services.core.names import LIVE_ALIAS
from services.core.stages import ON_AWS
from services.core.tables import QUESTS
from tests.unit.infra.plan import run_recorded
from tests.unit.ops.commands.test_release import code
from tests.unit.ops.conftest import Cli, UnitStage

OWN = sum(readiness.reservations("dev").values())
EVERY = sum(sum(readiness.reservations(name).values()) for name in ON_AWS)


class Account:
    """Lambda's side of an account, with what other projects reserve."""

    class exceptions:  # noqa: N801 - boto3's name
        ResourceNotFoundException = ClientError

    def __init__(self, limit: int, *, others: int = 0, own: dict[str, int] | None = None) -> None:
        self.limit, self.others, self.own = limit, others, own or {}

    def get_account_settings(self) -> dict[str, Any]:
        unreserved = self.limit - self.others - sum(self.own.values())
        return {"AccountLimit": {"ConcurrentExecutions": self.limit, "UnreservedConcurrentExecutions": unreserved}}

    def get_function_configuration(self, **_: Any) -> Any:
        raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetFunctionConfiguration")

    def get_function_concurrency(self, FunctionName: str) -> dict[str, int]:  # noqa: N803 - boto3's name
        name = FunctionName.rsplit("-", 1)[1]
        if not self.own:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetFunctionConcurrency")
        return {"ReservedConcurrentExecutions": self.own[name]} if name in self.own else {}


class Dev(UnitStage):
    """A stage on AWS."""


@pytest.fixture
def dev(stage: UnitStage) -> UnitStage:
    return Dev("dev", stage.session)


def room(stage: UnitStage, account: Account) -> Finding:
    vars(stage)["lambda_"] = account
    (finding,) = readiness._room(stage)
    return finding


@pytest.mark.parametrize(
    ("account", "verdict"),
    [
        (Account(1000), "ok"),
        (Account(UNRESERVED + EVERY), "ok"),
        (Account(UNRESERVED + EVERY - 1), "optional"),
        (Account(UNRESERVED + OWN), "optional"),
        (Account(UNRESERVED + OWN - 1), "missing"),
        (Account(10), "missing"),
        (Account(1000, others=900), "missing"),
        (Account(1000, others=900 - OWN), "ok"),
        (Account(UNRESERVED + OWN, own={"onboarding": OWN}), "optional"),
        (Account(UNRESERVED + OWN, others=1, own={"onboarding": OWN}), "missing"),
    ],
)
def test_the_account_has_room_for_every_stage(dev: UnitStage, account: Account, verdict: str) -> None:
    finding = room(dev, account)
    assert finding.verdict == verdict, finding
    assert bool(finding.remedy) == (verdict != "ok")
    assert bool(finding.settings) == (verdict == "missing")


def accepted(stage: str, finding: Finding) -> StageConfig:
    """The stage's configuration with a remedy put into it. Raises where its rules refuse it."""
    loaded: list[StageConfig] = []
    values = load_config(stage, REPOSITORY, finding.settings).values
    run_recorded(lambda: loaded.append(StageConfig.load()), stage, values)
    return loaded[0]


@pytest.mark.parametrize("name", ON_AWS)
def test_every_setting_that_is_told_is_accepted(stage: UnitStage, name: str) -> None:
    """A remedy that the program refuses leaves the operator with nothing."""
    found = [room(Dev(name, stage.session), Account(10)), *readiness.settings(name)]
    remedies = [finding for finding in found if finding.settings]
    assert remedies
    for finding in remedies:
        config = accepted(name, finding)
        for key in finding.settings:
            assert key in finding.remedy
        assert config.stage == name
    sizes = json.loads(remedies[0].settings["lambdaSizes"])
    assert all(text in remedies[0].remedy for text in sizes)


def test_an_account_of_ten_is_deployed_to_with_the_remedy(dev: UnitStage, monkeypatch: pytest.MonkeyPatch) -> None:
    remedy = room(dev, Account(10)).settings
    before = readiness._setting
    monkeypatch.setattr(readiness, "_setting", lambda name, key: remedy.get(key) or before(name, key))
    assert room(dev, Account(10)).verdict != "missing"


def test_deploy_asks_what_doctor_asks(stage: UnitStage, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    object.__setattr__(stage, "name", "dev")
    vars(stage)["lambda_"] = Account(10)
    ran = cli("deploy --stage dev --canary 0 --yes --reason first")
    assert ran.code == 1
    assert "AWS would refuse the deployment; nothing was changed" in ran.err
    assert "onboarding concurrency -1" in ran.err
    with pytest.raises(OperatorError, match="10 in the account"):
        readiness.require(stage)


def test_what_may_not_be_asked_keeps_nobody_from_deploying(dev: UnitStage) -> None:
    class Refusing:
        def get_account_settings(self) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetAccountSettings")

        class exceptions:  # noqa: N801 - boto3's name
            class ResourceNotFoundException(ClientError):  # noqa: N818 - likewise
                pass

        def get_function_configuration(self, **_: Any) -> Any:
            raise ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetFunctionConfiguration")

    vars(dev)["lambda_"] = Refusing()
    dev.s3.create_bucket(Bucket=f"civicforge-bootstrap-state-{dev.account}")
    found = [(finding.verdict, finding.what) for finding in readiness.account(dev)]
    assert found == [("optional", "GetAccountSettings"), ("optional", "GetFunctionConfiguration")]
    readiness.require(dev)


@pytest.mark.parametrize(
    ("name", "access", "verdict"), [("prod", True, "ok"), ("prod", False, "missing"), ("dev", False, "optional")]
)
def test_the_sandbox_of_ses_is_told(
    stage: UnitStage, monkeypatch: pytest.MonkeyPatch, name: str, access: bool, verdict: str
) -> None:
    """Mails to members are taken and never arrive."""

    class Ses:
        def get_account(self) -> dict[str, bool]:
            return {"ProductionAccessEnabled": access}

    named = Dev(name, stage.session)
    vars(named)["sesv2"] = Ses()
    assert list(readiness._mails(named)) == [], "Cognito's own mailer has no sandbox"
    monkeypatch.setattr(readiness, "_setting", lambda _, key: "hello@town.org" if key == "mailFrom" else "")
    (finding,) = readiness._mails(named)
    assert finding.verdict == verdict


class Edge:
    """CloudFront's answer."""

    def get_distribution(self, Id: str) -> Any:  # noqa: N803 - boto3's name
        return {"Distribution": {"DomainName": "d111111abcdef8.cloudfront.net"}}


def test_a_domain_that_leads_nowhere_is_told_with_its_record(dev: UnitStage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The distribution's name is known only after the first deployment, which asks the distribution itself."""
    vars(dev)["cloudfront"] = Edge()
    known = {"site-url": "https://quests.town.org", "distribution-id": "E1"}
    for key, value in known.items():
        dev.put_parameter(key, value)
    monkeypatch.setattr(readiness, "_setting", lambda _, key: "quests.town.org" if key == "domain" else "")
    monkeypatch.setattr(stages, "_resolves", lambda _: False)
    (finding,) = readiness._domain(dev)
    assert "quests.town.org. CNAME d111111abcdef8.cloudfront.net." in finding.remedy
    assert str(dev.http().base_url) == "https://d111111abcdef8.cloudfront.net"
    monkeypatch.setattr(stages, "_resolves", lambda _: True)
    (finding,) = readiness._domain(dev)
    assert finding.verdict == "ok"
    assert str(dev.http().base_url) == "https://quests.town.org"


def test_what_an_interrupted_deployment_left_behind_is_told(dev: UnitStage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://a-place-of-my-own")
    assert list(readiness._state(dev)) == []
    monkeypatch.delenv("PULUMI_BACKEND_URL")
    (finding,) = readiness._state(dev)
    assert (finding.verdict, "setup-oidc.sh" in finding.remedy) == ("missing", True)
    bucket = f"civicforge-bootstrap-state-{dev.account}"
    dev.s3.create_bucket(Bucket=bucket)
    assert list(readiness._state(dev)) == []

    def put(key: str, value: object) -> None:
        dev.s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(value).encode())

    latest: dict[str, Any] = {"latest": {"resources": []}}
    put("dev/.pulumi/stacks/civicforge/dev.json", {"checkpoint": latest})
    put("prod/.pulumi/locks/organization/civicforge/prod/1.json", {})
    assert list(readiness._state(dev)) == [], "another stage's lock is not in the way"
    urn = "urn:pulumi:dev::civicforge::aws:dynamodb/table:Table::quests"
    latest["latest"]["pending_operations"] = [{"resource": {"urn": urn}, "type": "creating"}]
    put("dev/.pulumi/stacks/civicforge/dev.json", {"checkpoint": latest})
    lock = {"username": "anna", "hostname": "laptop", "timestamp": "2026-11-27T20:15:59.1Z"}
    put("dev/.pulumi/locks/organization/civicforge/dev/1.json", lock)
    (left,) = readiness._state(dev)
    assert left.found == ("locked by anna at laptop since 2026-11-27 20:15; outcome unknown: creating quests")
    assert "`civicforge recover --stage dev`" in left.remedy


def test_status_knows_a_deployment_that_runs_from_one_that_was_killed(dev: UnitStage) -> None:
    def told() -> tuple[str, bool]:
        fact = status._deployment(dev, datetime.now(UTC))
        assert fact
        return fact.text, fact.well

    assert status._deployment(dev, datetime.now(UTC)) is None, "there is no state before the bootstrap"
    bucket = f"civicforge-bootstrap-state-{dev.account}"
    dev.s3.create_bucket(Bucket=bucket)
    dev.s3.create_bucket(Bucket=dev.resource(f"releases-{dev.account}"))
    assert told() == ("none runs, none is left half done", True)
    with held(dev, "deploy of commit abc"):
        dev.s3.put_object(Bucket=bucket, Key="dev/.pulumi/locks/organization/civicforge/dev/1.json", Body=b"{}")
        text, well = told()
        assert "deploy of commit abc, by " in text
        assert "; locked by somebody" in text
        assert well
    text, well = told()
    assert text.startswith("locked by somebody at an unknown machine")
    assert "`civicforge recover --stage dev`" in text
    assert not well


def test_alarms_that_nobody_hears_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [*readiness.settings("dev")] == []
    alerts, mails = readiness.settings("prod")
    assert (alerts.verdict, mails.verdict) == ("missing", "optional")
    assert "alertMails in Pulumi.prod.yaml" in alerts.remedy
    own = {"alertMails": '["anna@town.org"]', "mailFrom": "hello@town.org"}
    monkeypatch.setattr(readiness, "_setting", lambda _, key: own[key])
    assert [finding.verdict for finding in readiness.settings("prod")] == ["ok", "ok"]


def _reads(stage: UnitStage, shards: int) -> None:
    """The stage's api reads this many partitions of the board."""
    role = stage.session.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")["Role"]["Arn"]
    name = stage.resource("api")
    stage.lambda_.create_function(
        FunctionName=name, Runtime="python3.13", Role=role, Handler="h.h", Code={"ZipFile": code("first")},
        Environment={"Variables": {"BOARD_SHARDS": str(shards)}},
    )  # fmt: skip
    stage.lambda_.create_alias(FunctionName=name, Name=LIVE_ALIAS, FunctionVersion="$LATEST")


def _put_quest(stage: UnitStage, lane: str) -> None:
    item = {"questId": {"S": f"quest in {lane}"}, "lane": {"S": lane}, "laneAt": {"S": "2026"}}
    stage.dynamodb.put_item(TableName=stage.table(QUESTS), Item=item)


@pytest.mark.parametrize("lane", ["OPEN#2", "UNDERWAY#2", "DISPUTED#2"])
def test_a_partition_of_the_board_that_holds_quests_is_not_given_up(stage: UnitStage, lane: str) -> None:
    _reads(stage, 4)
    _put_quest(stage, lane)
    (finding,) = readiness._board(stage)
    assert (finding.verdict, finding.settings) == ("missing", {"boardShards": "3"})


def test_partitions_of_the_board_that_are_empty_or_still_read_are_no_finding(stage: UnitStage) -> None:
    assert list(readiness._board(stage)) == [], "nothing is deployed yet"
    _reads(stage, 4)
    _put_quest(stage, "OPEN#0")
    assert list(readiness._board(stage)) == []
