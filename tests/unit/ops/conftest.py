"""The stage of the CLI's tests: moto, and Lambdas that run here."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, cached_property
from typing import Any

import boto3
import pytest

from ops import __main__
from ops.commands import dlq
from ops.shared import terminal as console
from ops.shared.stage import OperatorError, Stage
from services.core.domain import quests
from services.core.domain.ledger import Entry
from services.core.domain.quests import Actor, Category, Draft, Quest
from services.core.domain.users import PASSWORD_MIN_LENGTH, User
from services.core.names import audit_log_group, log_group, parameter_name, resource_name
from services.core.parameters import CANARY_PASSWORD, LIVE_PARAMETERS, PUSH_KEY, STACK_PARAMETERS
from services.core.services import QUEUES, SERVICES
from services.core.settings import ApiSettings
from services.core.stores.dynamo import decode_item
from services.core.stores.users import NoSuchUserError
from services.core.tables import TABLES
from tests.unit.moto_stage import quick_moto

NAME = "local"
REGION = "us-east-1"
REQUESTOR, PERFORMER = "rita-1", "paul-2"


@dataclass(frozen=True)
class UnitStage(Stage):
    """A stage on moto, which cannot run Lambdas: `rewards` pays here, `broken` ones fail, `invalid` quests stay
    unpublished.
    """

    broken: set[str] = field(default_factory=set)
    invalid: set[str] = field(default_factory=set)
    invoked: list[tuple[str, Any]] = field(default_factory=list)

    @cached_property
    def api_settings(self) -> ApiSettings:
        return ApiSettings(
            stage=self.name, release="r1", log_level="INFO", board_shards=1, quest_lifetime_days=30, claim_days=14,
            users_table=self.resource("users"), quests_table=self.resource("quests"),
            ledger_table=self.resource("ledger"), inbox_table=self.resource("inbox"),
            cognito_region=REGION, cognito_app_client_id="client",
            cognito_user_pool_id=self.find_parameter("user-pool-id") or "", creates_per_hour=10, claims_per_hour=20,
            messages_table=self.resource("messages"), messages_per_hour=30, parameter_ttl_seconds=10, aws_seconds=2,
            reports_table=self.resource("reports"), reports_per_hour=30, edits_per_hour=60, silence_days=7,
            push_loopback=False,
        )  # fmt: skip

    def invoke(self, service: str, event: Any) -> Any:
        self.invoked.append((service, event))
        if service in self.broken:
            raise OperatorError(f"The Lambda {service} failed: out of order.")
        if "quests" in event:
            return {"invalid": [quest_id for quest_id in event["quests"] if quest_id in self.invalid]}
        for record in event.get("Records", []):
            try:
                self.ledger.pay(Entry.model_validate(decode_item(record["dynamodb"]["NewImage"])), datetime.now(UTC))
            except NoSuchUserError:
                keys = decode_item(record["dynamodb"]["Keys"])
                self.ledger.fail(keys["userId"], keys["entryId"])
        return {"batchItemFailures": []}

    def audit(self) -> list[dict[str, Any]]:
        """The entries of the audit log, oldest first."""
        events = self.logs.filter_log_events(logGroupName=audit_log_group(self.name))["events"]
        return [json.loads(event["message"]) for event in events]

    def member(self, user_id: str) -> User:
        """A new member with welcome points."""
        return self.users.ensure(user_id, datetime.now(UTC))

    def post(self, quest_id: str = "q" * 26, *, now: datetime | None = None) -> Quest:
        """A new OPEN quest of the requestor."""
        draft = Draft(title="Carry a sofa", description="It is a heavy sofa, mind.", category=Category.SOCIAL)
        now = now or datetime.now(UTC)
        self.quests.create(quests.create(draft, REQUESTOR, quest_id, now, timedelta(days=30)))
        return self.reread(quest_id)

    def reread(self, quest_id: str) -> Quest:
        """The quest as it is stored."""
        stored = self.quests.get(quest_id)
        assert stored
        return stored.quest

    def act(self, quest: Quest, step: Callable[[Quest], quests.Change]) -> Quest:
        """Stores the next state of a quest."""
        self.quests.save(quest, step(quest))
        return self.reread(quest.quest_id)

    def submitted(self, quest_id: str = "q" * 26) -> Quest:
        """A quest that the performer has handed in."""
        now, actor = datetime.now(UTC), Actor(PERFORMER)
        quest = self.act(self.post(quest_id), lambda q: quests.claim(q, actor, now, timedelta(days=14)))
        week = timedelta(days=7)
        return self.act(quest, lambda q: quests.submit(q, None, actor, "It is upstairs now.", now, week))

    def completed(self, quest_id: str = "q" * 26) -> Quest:
        """A quest that both have attested, its reward PENDING."""
        quest = self.submitted(quest_id)
        return self.act(quest, lambda q: quests.attest(q, Actor(REQUESTOR), None, datetime.now(UTC)))


class Session(boto3.Session):
    """The one session of all tests: a client takes 40 ms to make, most of it for reading its service's model."""

    client = cache(boto3.Session.client)


SESSION = Session(region_name=REGION)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[UnitStage]:
    """A stage with tables, parameters, queues and two members."""
    with quick_moto():
        stage = UnitStage(NAME, SESSION)
        for table in TABLES:
            stage.dynamodb.create_table(**table.create_request(stage.table(table)))
        # As the stage has it: length, and nothing else.
        kinds = ("RequireLowercase", "RequireNumbers", "RequireSymbols", "RequireUppercase")
        policy: Any = {"MinimumLength": PASSWORD_MIN_LENGTH, **dict.fromkeys(kinds, False)}
        made = stage.cognito.create_user_pool(PoolName="users", Policies={"PasswordPolicy": policy})
        pool = made["UserPool"]["Id"]
        values = {
            "user-pool-id": pool,
            "api-id": "none",
            "distribution-id": "none",
            "site-bucket": stage.resource("site"),
        }
        for parameter in (*STACK_PARAMETERS, *LIVE_PARAMETERS, PUSH_KEY, CANARY_PASSWORD):
            key = json.dumps({"current": "first", "previous": None, "previousUntil": None})
            value = key if parameter.previous_valid_for else values.get(parameter.key, parameter.initial or "something")
            stage.put_parameter(parameter.key, value, secret=parameter.kind == "SecureString")
        for queue in QUEUES:
            stage.sqs.create_queue(QueueName=stage.resource(f"{queue}-dlq"))
        for group in (audit_log_group(NAME), *(log_group(NAME, service) for service in SERVICES)):
            stage.logs.create_log_group(logGroupName=group)
        stage.sns.create_topic(Name=resource_name(NAME, "notify"))
        for user in (REQUESTOR, PERFORMER):
            stage.member(user)
        monkeypatch.setattr(console, "open_stage", lambda _: stage)
        monkeypatch.setattr(dlq, "_WAIT_SECONDS", 0)
        yield stage


@dataclass
class Ran:
    """The outcome of a command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The result that `--json` printed."""
        return json.loads(self.out)


Cli = Callable[..., Ran]


@pytest.fixture
def cli(stage: UnitStage, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """Runs a command line; `answers` is what somebody types."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(line: str, answers: str = "") -> Ran:
        capsys.readouterr()
        monkeypatch.setattr("sys.stdin", io.StringIO(answers))
        code = __main__.main(line.split())
        said = capsys.readouterr()
        return Ran(code, said.out, said.err)

    return run


def parameter(stage: Stage, key: str) -> str:
    """A parameter's value."""
    return str(stage.ssm.get_parameter(Name=parameter_name(stage.name, key), WithDecryption=True)["Parameter"]["Value"])
