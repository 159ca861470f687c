"""The AWS of the services' tests: moto, the tables as they are declared, and faults at the one seam to it."""

import contextlib
import io
import itertools
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
import time_machine
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import BotoCoreError, ConnectionClosedError
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse
from moto.core.models import botocore_stubber

from services.api.app import App, Clients
from services.core import aws
from services.core.aws_json import HttpAnswer, JsonClient
from services.core.domain.ledger import Entry
from services.core.domain.quests import Category, Draft, Quest
from services.core.domain.users import User
from services.core.names import parameter_name, resource_name
from services.core.parameters import ADDRESS_KEY, API_KEY, BREAKER, FLAGS, MAIL_KEY, PUSH_KEY, Parameter, flag_parameter
from services.core.routes import ROUTES
from services.core.services import SERVICES
from services.core.settings import ApiSettings, Settings
from services.core.stores.devices import DeviceStore
from services.core.stores.dynamo import Item, decode_item
from services.core.stores.inbox import InboxStore
from services.core.stores.ledger import LedgerStore
from services.core.stores.messages import MessageStore
from services.core.stores.quests import QuestStore
from services.core.stores.reports import ReportStore
from services.core.stores.users import UserStore
from services.core.tables import INBOX, LEDGER, MESSAGES, QUESTS, REPORTS, TABLES, USERS
from services.core.telemetry import Telemetry
from services.core.vapid import VapidKey
from tests.unit.moto_stage import quick_moto

STAGE = "unit"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
CLIENT_ID = "page-client"
SHARDS = 3
VAPID = VapidKey.new()
CREATES_PER_HOUR, CLAIMS_PER_HOUR, EDITS_PER_HOUR, MESSAGES_PER_HOUR = 20, 30, 40, 60
REPORTS_PER_HOUR = 20
PARAMETER_TTL = 10
"""Seconds."""
LIFETIME, CLAIM_PERIOD, SILENCE = timedelta(days=30), timedelta(days=14), timedelta(days=7)
DESCRIPTION = "Twelve steps, one narrow turn, and a sofa."
REASON = "The second bag of leaves is still there."
ANNA, BEN, CARA, MODERATOR = "anna-1", "ben-2", "cara-3", "mona-4"

CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)
"""The context of a run that has a minute."""

DRAFT = Draft(title="Carry a sofa", description=DESCRIPTION, category=Category.SOCIAL, tags=["sofa"], area="Old town")


class Clock:
    """The one clock of a test."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def monotonic(self) -> float:
        """Seconds, for the caches."""
        return self.now.timestamp()

    def advance(self, **delta: float) -> datetime:
        """Moves the time on and returns it."""
        self.now += timedelta(**delta)
        return self.now


Fault = Callable[[str, Callable[[], AWSResponse]], AWSResponse]
"""Gets the operation's name and what carries it out; answers, or raises."""


def lost_answer(_operation: str, carry_out: Callable[[], AWSResponse]) -> AWSResponse:
    """The call takes effect, and the connection breaks before the answer."""
    carry_out()
    raise ConnectionClosedError(endpoint_url="unit")


def lost_request(_operation: str, _carry_out: Callable[[], AWSResponse]) -> AWSResponse:
    """The connection breaks before anything happens."""
    raise ConnectionClosedError(endpoint_url="unit")


def refusal(code: str, status: int = 400, **document: Any) -> Fault:
    """AWS says no."""

    def refuse(_operation: str, _carry_out: Callable[[], AWSResponse]) -> AWSResponse:
        body = json.dumps({"__type": f"com.amazonaws#{code}", "message": code, **document})
        return AWSResponse("unit", status, {}, MockRawResponse(body))  # type: ignore[arg-type]  # moto's stand-in

    return refuse


def conflict(*codes: str) -> Fault:
    """A cancelled transaction, one reason for each of its writes."""
    return refusal("TransactionCanceledException", CancellationReasons=[{"Code": code} for code in codes])


class CrashError(BaseException):
    """The sandbox dies: no handler of ours may catch it."""


def crash_before(_operation: str, _carry_out: Callable[[], AWSResponse]) -> AWSResponse:
    """The sandbox dies before the call, which is as after the one before it."""
    raise CrashError


def crash_after(_operation: str, carry_out: Callable[[], AWSResponse]) -> AWSResponse:
    """The sandbox dies after the call took effect."""
    carry_out()
    raise CrashError


class Faults:
    """Stands between botocore and moto: counts the calls, and carries a fault out at those that are named.

    Like DynamoDB, and unlike moto, it answers a repeated transaction of the same client token with the first answer.
    """

    def __init__(self) -> None:
        self.calls: list[str] = []
        self._plan: dict[int, Fault] = {}
        self._always: list[tuple[str, Fault]] = []
        self._answered: dict[str, tuple[int, dict[str, str], bytes]] = {}

    def at(self, index: int, fault: Fault) -> None:
        """The call of this number from now on, counted from 0, meets the fault."""
        self._plan[len(self.calls) + index] = fault

    def on(self, operation: str, fault: Fault, *, times: int = 1) -> None:
        """The next calls of an operation meet the fault; "" is any."""
        self._always += [(operation, fault)] * times

    def heal(self) -> None:
        """No more faults."""
        self._plan.clear()
        self._always.clear()

    @contextlib.contextmanager
    def outage(self, operation: str = "", fault: Fault = lost_request) -> Iterator[None]:
        """Every call of the operation fails meanwhile."""
        self.on(operation, fault, times=1000)
        try:
            yield
        finally:
            self.heal()

    def counted(self) -> dict[str, int]:
        """The number of calls of each operation."""
        return {name: self.calls.count(name) for name in set(self.calls)}

    def send(self, event_name: str, request: AWSPreparedRequest, moto: Callable[[], AWSResponse]) -> AWSResponse:
        """Carries a call out, or its fault."""
        operation = event_name.rpartition(".")[2]
        fault = self._plan.pop(len(self.calls), None)
        self.calls.append(operation)
        if fault is None:
            position = next((i for i, (name, _) in enumerate(self._always) if name in ("", operation)), None)
            fault = self._always.pop(position)[1] if position is not None else None

        def carry_out() -> AWSResponse:
            return self._once(request, moto) if operation == "TransactWriteItems" else moto()

        return fault(operation, carry_out) if fault else carry_out()

    def _once(self, request: AWSPreparedRequest, moto: Callable[[], AWSResponse]) -> AWSResponse:
        body = request.body
        assert isinstance(body, bytes)
        token = json.loads(body)["ClientRequestToken"]
        if token not in self._answered:
            answer = moto()
            if answer.status_code != 200:
                return answer
            self._answered[token] = answer.status_code, dict(answer.headers), answer.content
        status, headers, content = self._answered[token]
        return AWSResponse("unit", status, headers, MockRawResponse(content))  # type: ignore[arg-type]  # moto's stand-in


@dataclass
class Cloud:
    """A stage on moto: tables, parameters, and what the tests ask of them."""

    clock: Clock = field(default_factory=Clock)
    faults: Faults = field(default_factory=Faults)

    def __post_init__(self) -> None:
        services = ("dynamodb", "ssm", "sqs", "cognito-idp")
        self.dynamodb, self.ssm, self.sqs, self.cognito = (aws.client(service) for service in services)
        for table in TABLES:
            request = table.create_request(resource_name(STAGE, table.base_name))
            # Without streams: nobody reads them here, and moto copies all their records for each transaction.
            self.dynamodb.create_table(**{**request, "StreamSpecification": {"StreamEnabled": False}})
        self.set_parameter(API_KEY, json.dumps({"current": "key-1", "previous": None, "previousUntil": None}))
        self.set_parameter(MAIL_KEY, json.dumps({"current": "mail-1", "previous": None, "previousUntil": None}))
        self.set_parameter(ADDRESS_KEY, json.dumps({"current": "address-1", "previous": None, "previousUntil": None}))
        self.set_parameter(PUSH_KEY, VAPID.to_json())
        self.set_parameter(BREAKER, "closed")
        for flag in FLAGS:
            self.set_flag(flag, "on")
        names = [resource_name(STAGE, table.base_name) for table in (USERS, QUESTS, LEDGER, INBOX, MESSAGES, REPORTS)]
        self.users_table, self.quests_table, self.ledger_table, *others = names
        self.inbox_table, self.messages_table, self.reports_table = others
        tables = aws.dynamodb()
        self.users = UserStore(tables, self.users_table, self.ledger_table)
        self.ledger = LedgerStore(tables, self.ledger_table, self.users_table)
        self.quests = QuestStore(tables, self.quests_table, self.users_table, self.ledger_table, shards=SHARDS)
        self.inbox = InboxStore(tables, self.inbox_table)
        self.devices = DeviceStore(tables, self.inbox_table, self.users_table)
        self.messages_store = MessageStore(tables, self.messages_table, self.users_table, self.quests)
        self.reports = ReportStore(tables, self.reports_table, self.users_table)
        self.faults.calls.clear()

    def set_parameter(self, parameter: Parameter, value: str) -> None:
        """Writes a parameter as an operator does."""
        self.ssm.put_parameter(
            Name=parameter_name(STAGE, parameter.key), Value=value, Type=parameter.kind, Overwrite=True
        )

    def set_flag(self, flag: str, value: str) -> None:
        """Turns a feature flag."""
        self.set_parameter(flag_parameter(flag), value)

    def settings(self, **changes: Any) -> ApiSettings:
        """The api's settings in this stage."""
        common = {
            "stage": STAGE,
            "release": "r1",
            "log_level": "INFO",
            "users_table": self.users_table,
            "ledger_table": self.ledger_table,
            "quests_table": self.quests_table,
            "inbox_table": self.inbox_table,
            "messages_table": self.messages_table,
            "reports_table": self.reports_table,
            "board_shards": SHARDS,
            "quest_lifetime_days": LIFETIME.days,
            "claim_days": CLAIM_PERIOD.days,
            "cognito_region": "eu-central-1",
            "cognito_user_pool_id": "pool",
            "cognito_app_client_id": CLIENT_ID,
            "creates_per_hour": CREATES_PER_HOUR,
            "claims_per_hour": CLAIMS_PER_HOUR,
            "messages_per_hour": MESSAGES_PER_HOUR,
            "reports_per_hour": REPORTS_PER_HOUR,
            "edits_per_hour": EDITS_PER_HOUR,
            "silence_days": SILENCE.days,
            "parameter_ttl_seconds": PARAMETER_TTL,
            "aws_seconds": 2,
            "push_loopback": False,
        }
        return ApiSettings(**{**common, **changes})

    def rows(self, table: str) -> list[Item]:
        """Every item of a table."""
        pages = self.dynamodb.get_paginator("scan").paginate(TableName=table)
        return [decode_item(item) for page in pages for item in page["Items"]]

    def all_users(self) -> dict[str, User]:
        """Every member by id."""
        return {row["userId"]: User.model_validate(row) for row in self.rows(self.users_table)}

    def all_quests(self) -> dict[str, Quest]:
        """Every quest by id."""
        rows = self.rows(self.quests_table)
        return {row["questId"]: Quest.model_validate(row) for row in rows if "#" not in row["questId"]}

    def all_entries(self) -> list[Entry]:
        """The whole ledger."""
        return [Entry.model_validate(row) for row in self.rows(self.ledger_table)]

    def everything(self) -> list[list[Item]]:
        """All that is stored, to compare before and after."""
        names = (resource_name(STAGE, table.base_name) for table in TABLES)
        return [sorted(self.rows(name), key=lambda row: json.dumps(row, sort_keys=True)) for name in names]

    def stream(self, *states: str) -> dict[str, Any]:
        """The ledger's entries as their stream brings them to the rewards Lambda."""
        items = self.dynamodb.scan(TableName=self.ledger_table)["Items"]
        return stream_event([item for item in items if item["state"]["S"] in (states or ("PENDING",))])

    def messages(self, queue_url: str) -> list[dict[str, Any]]:
        """Takes every message of a queue, at the test's time: a message is not kept for ever."""
        taken: list[dict[str, Any]] = []
        with time_machine.travel(self.clock.now, tick=False):
            while found := self.sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
                for message in found:
                    taken.append(json.loads(message["Body"]))
                    self.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return taken

    def queue(self, thing: str) -> str:
        """Makes a queue and returns its address."""
        return str(self.sqs.create_queue(QueueName=resource_name(STAGE, thing))["QueueUrl"])

    def pool(self, *internal: str) -> str:
        """Makes a user pool with the group `internal` and these members in it, and returns its id."""
        pool = self.cognito.create_user_pool(PoolName="members", UsernameAttributes=["email"])
        pool_id = str(pool["UserPool"]["Id"])
        self.cognito.create_group(UserPoolId=pool_id, GroupName="internal")
        for name in internal:
            member = self.sign_up(pool_id, name)
            self.cognito.admin_add_user_to_group(UserPoolId=pool_id, Username=member, GroupName="internal")
        return pool_id

    def sign_up(self, pool_id: str, name: str) -> str:
        """Makes a user and returns their sub, which is their user name too where people sign in by mail."""
        mail = f"{name}@example.org"
        made = self.cognito.admin_create_user(
            UserPoolId=pool_id, Username=mail, UserAttributes=[{"Name": "email", "Value": mail}]
        )
        user = made["User"]
        return str(next(a["Value"] for a in user["Attributes"] if a["Name"] == "sub"))

    def handler(self, service: str, monkeypatch: pytest.MonkeyPatch, **settings: str) -> ModuleType:
        """A service's handler module, imported afresh in its environment, as a cold start does."""
        known = {**self.settings().model_dump(), **settings}
        model: type[Settings] = SERVICES[service].settings
        for name, value in model(**{k: v for k, v in known.items() if k in model.model_fields}).environment().items():
            monkeypatch.setenv(name, value)
        name = f"services.{service}.handler"
        monkeypatch.delitem(sys.modules, name, raising=False)
        return import_module(name)


def stream_event(images: list[Item]) -> dict[str, Any]:
    """An event of the ledger's stream that brings these images."""
    return {
        "Records": [
            {
                "eventName": "INSERT",
                "dynamodb": {
                    "SequenceNumber": str(number),
                    "Keys": {name: image[name] for name in ("userId", "entryId")},
                    "NewImage": image,
                },
            }
            for number, image in enumerate(images, start=1)
        ]
    }


@dataclass
class Answer:
    """The API's answer."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def json(self) -> Any:
        """The document."""
        return json.loads(self.text)


_ROUTES = {route.operation: route for route in ROUTES}


class Accounts:
    """The user pool of members who are only named: each has an account. Of those who signed up moto answers."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}
        self.gone: set[str] = set()

    def admin_get_user(self, *, UserPoolId: str, Username: str) -> Any:  # noqa: N803  # AWS's names
        """See AWS."""
        if Username in self.gone:
            raise self.exceptions.UserNotFoundException({"Error": {}}, "AdminGetUser")
        if UserPoolId != "pool":
            with contextlib.suppress(self.exceptions.UserNotFoundException):
                return aws.cognito().admin_get_user(UserPoolId=UserPoolId, Username=Username)
        address = self.addresses.get(Username, f"{Username}@example.org")
        return {"Username": Username, "UserAttributes": [{"Name": "email", "Value": address}]}

    def __getattr__(self, name: str) -> Any:
        return getattr(aws.cognito(), name)


class Api:
    """Calls the api Lambda as the gateway does."""

    def __init__(self, cloud: Cloud, **settings: Any) -> None:
        self.cloud = cloud
        self.accounts = Accounts()
        self.app = App(
            cloud.settings(**settings),
            Clients(aws.dynamodb(), aws.ssm(), cloudwatch=lambda: aws.client("cloudwatch"), cognito=self.accounts),
            clock=cloud.clock,
        )
        self.app.live._clock = cloud.clock.monotonic
        self._calls = itertools.count(1)
        self.log = log_of(self.app.telemetry)

    def call(
        self,
        operation: str,
        who: str | None = None,
        body: Any = None,
        *,
        groups: object = "",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        raw: str | None = None,
        event: Mapping[str, Any] | None = None,
        claims: Mapping[str, Any] | None = None,
        path: Mapping[str, str] | None = None,
        **names: str,
    ) -> Answer:
        """Calls an operation; `path` or the further names fill its path. `raw` is a body that
        is sent as it is, `event` what differs from the gateway's form.
        """
        route = _ROUTES[operation]
        context: dict[str, Any] = {"http": {"method": route.method}, "requestId": f"gw-request-{next(self._calls)}"}
        if who is not None:
            token = {"sub": who, "token_use": "access", "client_id": CLIENT_ID, "cognito:groups": groups}
            context["authorizer"] = {"jwt": {"claims": {**token, **(claims or {})}}}
        made: dict[str, Any] = {
            "version": "2.0",
            "routeKey": route.key,
            "headers": {"content-type": "application/json", **(headers or {})},
            "requestContext": context,
            "isBase64Encoded": False,
        }
        if path or names:
            made["pathParameters"] = {**(path or {}), **names}
        if query:
            made["queryStringParameters"] = query
        if raw is not None or body is not None:
            made["body"] = raw if raw is not None else json.dumps(body)
        answer = self.app({**made, **(event or {})})
        return Answer(answer["statusCode"], answer["headers"], answer["body"])

    def create(self, who: str = ANNA, key: str | None = None, **fields: Any) -> str:
        """Posts a quest and returns its id."""
        body = {"title": "Carry a sofa", "description": DESCRIPTION, "category": "social", **fields}
        answer = self.call("createQuest", who, body, headers={"idempotency-key": key} if key else {})
        assert answer.status == 201, answer.text
        return str(answer.json["questId"])

    def quest(self, status: str = "OPEN", performer: str = BEN) -> str:
        """A quest of Anna's in this state."""
        quest_id = self.create()
        steps: list[tuple[str, str, Any]] = [
            ("claimQuest", performer, None),
            ("submitQuest", performer, {"submission": "Done, the sofa is upstairs."}),
        ]
        further = {
            "OPEN": 0,
            "CANCELLED": 0,
            "CLAIMED": 1,
            "SUBMITTED": 2,
            "DISPUTED": 2,
            "COMPLETE": 2,
        }[status]
        last: dict[str, list[tuple[str, str, Any]]] = {
            "CANCELLED": [("cancelQuest", ANNA, None)],
            "DISPUTED": [("disputeQuest", performer, {"reason": REASON})],
            "COMPLETE": [("attestQuest", ANNA, {})],
        }
        for operation, who, body in steps[:further] + last.get(status, []):
            answer = self.call(operation, who, body, questId=quest_id)
            assert answer.status == 200, answer.text
        return quest_id

    def lines(self) -> list[dict[str, Any]]:
        """The lines of the log."""
        return lines(self.log)


def log_of(telemetry: Telemetry) -> io.StringIO:
    """Captures a Lambda's log from now on."""
    stream = io.StringIO()
    telemetry.log.stream = stream
    handler = telemetry.log.logger.registered_handler
    assert hasattr(handler, "setStream")
    handler.setStream(stream)
    return stream


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    """A log's lines."""
    return [json.loads(line) for line in log.getvalue().splitlines()]


@contextlib.contextmanager
def moto_stage() -> Iterator[Cloud]:
    """A stage on moto, with the faults between it and botocore."""
    faults, original = Faults(), BotocoreStubber.__call__

    def send(stub: BotocoreStubber, event_name: str, request: AWSPreparedRequest, **kwargs: Any) -> AWSResponse:
        def moto() -> AWSResponse:
            answer = original(stub, event_name, request, **kwargs)
            assert answer is not None, f"moto does not know {request.url}"
            return answer

        return faults.send(event_name, request, moto)

    def send_json(client: JsonClient, operation: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        """Carries a request of our own client out, as moto does botocore's."""
        service = {"DynamoDB_20120810": "dynamodb", "AmazonSSM": "ssm", "AmazonSQS": "sqs"}[
            headers["x-amz-target"].partition(".")[0]
        ]
        url = f"https://{headers['host']}/"
        request = AWSPreparedRequest("POST", url, HTTPHeaders.from_dict(dict(headers)), body, stream_output=False)
        try:
            answer = send(botocore_stubber, f"before-send.{service}.{operation}", request)
        except BotoCoreError as error:
            raise ConnectionResetError(str(error)) from None
        found = {name.lower(): value for name, value in answer.headers.items()}
        return HttpAnswer(answer.status_code, found, answer.content)

    with (
        quick_moto(frozenset({"dynamodb", "ssm", "sqs", "cognitoidp", "cloudwatch", "sesv2"})),
        patch.object(BotocoreStubber, "__call__", send),
        patch.object(JsonClient, "send", send_json),
    ):
        yield Cloud(faults=faults)


@pytest.fixture
def cloud(slept: list[float]) -> Iterator[Cloud]:
    """A stage of its own for each test."""
    with moto_stage() as stage:
        yield stage


@pytest.fixture
def api(cloud: Cloud) -> Api:
    """The api Lambda in that stage."""
    return Api(cloud)
