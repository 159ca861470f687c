"""A simulated AWS around the real Lambdas: one seed is one history.

Every AWS call of every Lambda passes botocore's one network seam, where a seeded scheduler decides who goes on and
which fault happens. Time is virtual. Nothing of `services` is replaced but time, random ids, request signing (which
nobody here verifies) and the output of the telemetry.
"""

import contextlib
import gc
import heapq
import importlib.util
import json
import logging
import os
import random
import time
import traceback
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType, SimpleNamespace
from typing import Any, NamedTuple
from unittest.mock import patch

import time_machine
import urllib3
from annotated_types import Ge
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.exceptions import BotoCoreError, ConnectionClosedError, ReadTimeoutError
from botocore.httpsession import URLLib3Session
from botocore.retries.quota import RetryQuota
from botocore.signers import RequestSigner
from greenlet import getcurrent, greenlet
from pydantic.fields import FieldInfo

from services.core import aws, aws_botocore, cold_start
from services.core.aws_json import HttpAnswer, JsonClient, Signer, read_seconds
from services.core.metrics import LEDGER_DRIFT, Metric
from services.core.names import parameter_name, resource_name
from services.core.parameters import ADDRESS_KEY, API_KEY, BREAKER, FLAGS, MAIL_KEY, PUSH_KEY, flag_parameter
from services.core.routes import ROUTES
from services.core.services import SERVICES, Queue
from services.core.tables import TABLES, Table
from services.core.telemetry import Log, Telemetry
from services.core.vapid import VapidKey, encoded
from services.housekeeping import chores
from services.notifier.push import pushing
from services.notifier.push.pushing import Pusher
from tests.simulation import s3
from tests.simulation.dynamodb import Database, RefusedError
from tests.unit.services.bucket import Bucket

STAGE, CLIENT_ID = "sim", "page"
OPERATORS = "operators"
"""Stands for a Lambda's name where a command of the CLI runs."""
_A_DAY = 86_400
LONG_BOARD = 2
"""Cards up to which the board is one document in histories of long boards."""
EPOCH = 1_800_000_000.0
"""The moment at which every history begins."""
CLAIMS_PER_HOUR = 10
SKEW = 3.0
"""Seconds by which a sandbox's clock may be off."""
ACCOUNTS = 60
"""Accounts in a page of Cognito's ListUsers."""
LAG = 5.0
"""Seconds by which a read that is not consistent may be behind."""

KNOWN_SETTINGS: Mapping[str, str | int] = {
    "stage": STAGE,
    "log_level": "INFO",
    "board_shards": 3,
    "quest_lifetime_days": 30,
    "claim_days": 14,
    "cognito_region": "eu-central-1",
    "cognito_app_client_id": CLIENT_ID,
    "claims_per_hour": CLAIMS_PER_HOUR,
    "parameter_ttl_seconds": 10,
    "aws_seconds": 2,
    "mail_from": "CivicForge <hello@sim>",
    "site_url": "https://sim",
    "push_loopback": "false",
}
"""Settings of which a value matters here; every other one gets a value that is valid for it."""


class Fault(StrEnum):
    """The faults that one AWS call may meet."""

    THROTTLE = "throttle"
    HTTP_500 = "http500"
    NOT_JSON_503 = "plain503"
    """A load balancer's answer, which is no JSON."""
    RESET = "reset"
    HANG = "hang"
    LOST = "lost"
    """It takes effect, and its answer never comes."""
    LOST_500 = "lost500"
    """It takes effect, and the answer says that it failed."""
    LATE = "late"
    """The caller gives up waiting, and it takes effect up to 6 s later."""
    CRASH_BEFORE = "crash_before"
    CRASH_AFTER = "crash_after"
    DELAY = "delay"
    CONFLICT = "conflict"
    """TransactionConflict, on any write."""
    TX_THROTTLE = "txthrottle"
    """A transaction that is cancelled by throttling of one of its items."""
    UNPROCESSED = "unprocessed"
    """A batch of which a part is left out."""


_ON_WRITES = (Fault.CONFLICT, Fault.TX_THROTTLE)
WRITES = frozenset({"PutItem", "UpdateItem", "DeleteItem", "TransactWriteItems"})
_THROTTLES = {
    "dynamodb": "ProvisionedThroughputExceededException",
    "ssm": "ThrottlingException",
    "sqs": "RequestThrottled",
    "cognito": "TooManyRequestsException",
    "s3": "SlowDown",
    "ses": "TooManyRequestsException",
    "logs": "ThrottlingException",
    "push": "TooManyRequests",
}
_SERVICES = {
    "DynamoDB_20120810": "dynamodb",
    "AmazonSSM": "ssm",
    "AmazonSQS": "sqs",
    "AWSCognitoIdentityProviderService": "cognito",
    "Logs_20140328": "logs",
}


class Outage(NamedTuple):
    """A fault that every call of some services meets for a while; no operations means all of them. Virtual seconds."""

    start: float
    end: float
    services: tuple[str, ...]
    operations: frozenset[str]
    fault: Fault


class CrashError(BaseException):
    """The sandbox died: nothing after this call runs, no `except Exception` either."""


class Sandbox(NamedTuple):
    """A Lambda's process with its own modules, caches and clock."""

    module: ModuleType
    offset: float


@dataclass
class Attempt:
    """One request of a client and its answer; `log_begin` and `log_end` are places in the log of the quests table."""

    started: float
    log_begin: int
    ended: float = 0.0
    log_end: int = 0
    status: int | None = None
    body: dict[str, Any] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)


@dataclass
class Call:
    """A member's request to the API, with every attempt at it."""

    number: int
    operation: str
    who: str | None
    body: Any
    path: Mapping[str, str]
    groups: tuple[str, ...]
    attempts: list[Attempt] = field(default_factory=list)

    @property
    def final(self) -> Attempt:
        """The last attempt."""
        return self.attempts[-1]


@dataclass
class Invocation:
    """One run of a Lambda; `call` is what it serves, if a member asked."""

    service: str
    offset: float
    started: float
    call: Call | None
    dead: bool = False
    faults: list[str] = field(default_factory=list)
    faulty_services: set[str] = field(default_factory=set)


@dataclass
class Result:
    """The end of an invocation: "ok" with the handler's return value, "error" or "crash"."""

    kind: str
    answer: Any
    invocation: Invocation


class Trigger(NamedTuple):
    """A run of Cognito's trigger: whether it ended well, whether its queue failed, and whether the
    member has a row or waits in the queue."""

    user: str
    ended: bool
    queue_failed: bool
    has_row_or_message: bool


class _Body:
    """The body of an answer, as botocore reads it."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        """The body in one piece."""
        yield self._content

    def read(self, _amount: int | None = None) -> bytes:
        """The body, of an answer that is streamed."""
        content, self._content = self._content, b""
        return content


class Conditions(NamedTuple):
    """The behaviour of a world.

    `rate` is the share of calls that meet a fault, `plan` (instead) the faults of single calls by number; `stale` is
    the share of keys that a read that is not consistent sees as they were; `skew` is in seconds; `page` in items.
    """

    rate: float = 0.0
    plan: Mapping[int, Fault] | None = None
    stale: float = 0.3
    skew: float = SKEW
    page: int = 1000


class Mailed(NamedTuple):
    """A mail that SES took: when, for whom, the whole message in base64, and the run of the Lambda that sent it."""

    at: float
    member: str
    message: str
    by: Invocation | None


GONE = "gone"
"""Ends the address of a subscription that is no more."""


class Pushed(NamedTuple):
    """A message that a push service took: when, for which subscription, and what it says."""

    at: float
    endpoint: str
    payload: str


class World:
    """A stage with its tables, parameters, queues, accounts and sandboxes, and the schedule of all that happens."""

    current: "World | None" = None

    def __init__(self, seed: int, shape: Conditions | None = None) -> None:
        shape = shape or Conditions()
        self.seed, self.rng, self.ids = seed, random.Random(seed), random.Random(f"ids{seed}")
        self.rate, self.plan, self.stale, self.skew = shape.rate, shape.plan, shape.stale, shape.skew
        self.now = EPOCH
        self.calls = 0
        self.closing = False
        self.outages: list[Outage] = []
        self.met: list[tuple[int, str, str, Fault]] = []
        """Every fault that was met: number of the call, Lambda, operation, fault."""
        self.tape: list[tuple[str, dict[str, Any]]] | None = None
        """The requests to DynamoDB, where a test wants them."""
        self.requests: list[Call] = []
        self.metrics: list[tuple[str, float]] = []
        self.errors: list[str] = []
        self.db = Database(TABLES, lambda: self.now, lambda: getattr(getcurrent(), "invocation", None))
        self.db.page_size, self.db.lag = shape.page, self._lag
        self.parameters = {
            parameter_name(STAGE, API_KEY.key): json.dumps({"current": "k", "previous": None, "previousUntil": None}),
            parameter_name(STAGE, BREAKER.key): "closed",
            parameter_name(STAGE, MAIL_KEY.key): json.dumps({"current": "m", "previous": None, "previousUntil": None}),
            parameter_name(STAGE, ADDRESS_KEY.key): json.dumps(
                {"current": "a", "previous": None, "previousUntil": None}
            ),
            parameter_name(STAGE, PUSH_KEY.key): VapidKey(encoded(bytes(32)), encoded(bytes(65))).to_json(),
            **{parameter_name(STAGE, flag_parameter(flag).key): "on" for flag in FLAGS},
        }
        self.bucket = Bucket()
        self.queues: dict[str, list[dict[str, Any]]] = {}
        self.pool: dict[str, frozenset[str]] = {}
        """The accounts, each with its groups."""
        self.disabled: set[str] = set()
        """The accounts that may not sign in."""
        self.mails: list[Mailed] = []
        """Every mail that SES took."""
        self.pushes: list[Pushed] = []
        """Every message that a push service took."""
        self.deleted_accounts: list[str] = []
        self.triggers: list[Trigger] = []
        self.signed_up: dict[str, None] = {}
        self.unconditional: list[tuple[str, str, str]] = []
        """Every write that nothing was asked of: the Lambda, the operation, and what it wrote to."""
        self.operated: list[Invocation] = []
        """The runs of operators' commands that ended well."""
        self.audit: list[tuple[Invocation | None, str]] = []
        """The operators' records, with the run that made each."""
        self.wrong_bookings: list[tuple[str, str]] = []
        """The member and quest of every entry that somebody booked by mistake."""
        self.spoilt: list[tuple[Table, dict[str, Any], dict[str, Any]]] = []
        """Every item that was overwritten behind the platform's back: its table, what it was, what it became."""
        self.positions: Counter[str] = Counter()
        """The position of each stream's mapping, by its name."""
        self.given_up: list[tuple[str, dict[str, Any]]] = []
        """The Lambda and the keys of every record that its mapping gave up."""
        self.idle: dict[str, list[Sandbox]] = {service: [] for service in SERVICES}
        self.timeouts = {name: service.timeout_seconds for name, service in SERVICES.items()} | {OPERATORS: _A_DAY}
        self.before_invoking: Callable[[str], None] = lambda _: None
        self.creates_per_hour = 8 if seed % 2 else 14  # below the points that everybody starts with, and above
        self._queue: list[tuple[float, float, int, Any]] = []
        self._alive = self._spawned = 0
        self._main = getcurrent()
        World.current = self
        random.seed(seed)
        os.environ["CREATES_PER_HOUR"] = str(self.creates_per_hour)
        self._set_clock(0.0)

    def _lag(self) -> float:
        return self.rng.uniform(0, LAG) if self.stale and self.rng.random() < self.stale else 0.0

    # --- the schedule ---

    def spawn(
        self,
        function: Callable[..., Any],
        *arguments: Any,
        delay: float = 0.0,
        daemon: bool = False,
        invocation: Invocation | None = None,
    ) -> None:
        """Starts something side by side, after `delay` seconds. A run ends when all but the daemons have."""
        thread = greenlet(lambda: self._body(function, arguments, daemon=daemon), parent=self._main)
        thread.invocation = invocation  # type: ignore[attr-defined]  # greenlets take attributes
        self._alive += not daemon
        self._wake(thread, delay)

    def _body(self, function: Callable[..., Any], arguments: tuple[Any, ...], *, daemon: bool) -> None:
        try:
            function(*arguments)
        except CrashError:
            pass
        except Exception:
            self.errors.append(traceback.format_exc())
        finally:
            self._alive -= not daemon

    def _wake(self, thread: Any, delay: float) -> None:
        self._spawned += 1
        heapq.heappush(self._queue, (self.now + delay, self.rng.random(), self._spawned, thread))

    def pause(self, seconds: float = 0.0) -> None:
        """Lets others go on meanwhile."""
        thread: Any = getcurrent()
        if thread is self._main:
            self.now += seconds
            return
        self._wake(thread, seconds)
        self._main.switch()

    def run(self, *first: Callable[["World"], Any], limit: int = 200_000) -> None:
        """Starts these, and goes on until nothing is left to do. Raises AssertionError if that never comes."""
        for function in first:
            self.spawn(function, self)
        self._main, self.closing = getcurrent(), False
        while self._queue and limit:
            self.closing = not self._alive
            at, _, _, thread = heapq.heappop(self._queue)
            self.now, limit = max(self.now, at), limit - 1
            if not thread.dead:
                invocation = getattr(thread, "invocation", None)
                self._set_clock(invocation.offset if invocation else 0.0)
                thread.switch()
        self._set_clock(0.0)
        if not limit:
            raise AssertionError(f"seed {self.seed}: it never ends")

    def _set_clock(self, offset: float) -> None:
        _clock().move_to(self.now + offset)

    def monotonic(self) -> float:
        """The running sandbox's clock, in seconds."""
        invocation = getattr(getcurrent(), "invocation", None)
        return self.now + (invocation.offset if invocation else 0.0)

    def heal(self) -> None:
        """No more faults, and no read lags."""
        self.rate, self.plan, self.outages, self.stale = 0.0, None, [], 0.0

    def outage(self, services: tuple[str, ...], seconds: float, fault: Fault = Fault.RESET, *operations: str) -> None:
        """An outage from now on."""
        self.outages.append(Outage(self.now, self.now + seconds, services, frozenset(operations), fault))

    # --- Lambda ---

    def _cold_module(self, service: str) -> Any:
        """The service's module; in half of the histories a board of three quests is a long one."""
        module: Any = cold_module(service)
        if service == "publisher" and self.seed % 2 == 0:
            module.publisher = replace(module.publisher, max_cards=LONG_BOARD)
        return module

    def invoke(self, service: str, event: Mapping[str, Any], call: Call | None = None) -> Result:
        """Runs a Lambda in a warm sandbox or a cold one."""
        idle = self.idle[service]
        if idle and self.rng.random() < (0.85 if self.skew else 1):
            sandbox = idle.pop(self.rng.randrange(len(idle)))
        else:
            sandbox = Sandbox(self._cold_module(service), self.rng.uniform(-self.skew, self.skew))
        self.before_invoking(service)
        invocation = Invocation(service, sandbox.offset, self.now, call)
        kind, answer = "crash", None
        with self.running(invocation):
            try:
                context = SimpleNamespace(
                    aws_request_id="lambda-request",
                    get_remaining_time_in_millis=lambda: self._remaining_ms(invocation),
                )
                kind, answer = "ok", sandbox.module.handler(event, context)
            except CrashError:
                pass
            except Exception as error:
                kind, answer = "error", error
        if invocation.dead:
            kind, answer = "crash", None
        elif len(idle) < 3:
            idle.append(sandbox)
        return Result(kind, answer, invocation)

    @contextlib.contextmanager
    def running(self, invocation: Invocation) -> Iterator[None]:
        """Counts the current thread's work meanwhile as the run's: its calls of AWS, and its clock."""
        thread: Any = getcurrent()
        before = getattr(thread, "invocation", None)
        thread.invocation = invocation
        self._set_clock(invocation.offset)
        try:
            yield
        finally:
            thread.invocation = before
            self._set_clock(before.offset if before else 0.0)

    def _remaining_ms(self, invocation: Invocation) -> int:
        return round((self.timeouts[invocation.service] - (self.now - invocation.started)) * 1000)

    # --- one AWS call ---

    def send(self, service: str, operation: str, content: bytes) -> tuple[int, bytes]:
        """Status and body of AWS's answer. Raises botocore's errors if there is none."""
        invocation = getattr(getcurrent(), "invocation", None)
        assert isinstance(invocation, Invocation), "only Lambdas and operators call AWS"
        if invocation.dead:
            raise CrashError
        self.pause(self.rng.uniform(0.002, 0.03))
        if self._remaining_ms(invocation) < 0:
            invocation.faults.append("timeout")
            self._die(invocation)
        self.calls += 1
        fault = self._fault(service, operation)
        if fault is None:
            return self._carry_out(service, operation, content)
        self.met.append((self.calls, invocation.service, operation, fault))
        invocation.faults.append(fault.value)
        invocation.faulty_services.add(service)
        return self._faulty(fault, invocation, (service, operation, content))

    def _faulty(self, fault: Fault, invocation: Invocation, request: tuple[str, str, bytes]) -> tuple[int, bytes]:  # noqa: C901  # one case a fault
        match fault:
            case Fault.CRASH_BEFORE:
                self._die(invocation)
            case Fault.RESET:
                raise ConnectionClosedError(endpoint_url="sim")
            case Fault.HANG:
                self._never_answer()
            case Fault.LATE:
                self.spawn(self._carry_out, *request, delay=self.rng.uniform(0, 6), invocation=invocation)
                self._never_answer()
            case Fault.THROTTLE:
                return _error(_THROTTLES[request[0]])
            case Fault.HTTP_500:
                return _error("InternalServerError", 500)
            case Fault.NOT_JSON_503:
                return 503, b"<html>Service Unavailable</html>"
            case Fault.CONFLICT | Fault.TX_THROTTLE:
                return self._cancelled(fault, json.loads(request[2]))
            case Fault.DELAY:
                self.pause(self.rng.uniform(0.1, 1.9))
            case Fault.UNPROCESSED:
                self.db.unprocessed = lambda count: self.rng.randint(1, count)
        answer = self._carry_out(*request)
        match fault:
            case Fault.CRASH_AFTER:
                self._die(invocation)
            case Fault.LOST:
                self._never_answer()
            case Fault.LOST_500:
                return _error("InternalServerError", 500)
            case Fault.UNPROCESSED:
                self.db.unprocessed = lambda _: 0
        return answer

    def _never_answer(self) -> None:
        self.pause(max(0.0, read_seconds()))
        raise ReadTimeoutError(endpoint_url="sim")

    def _die(self, invocation: Invocation) -> None:
        invocation.dead = True
        raise CrashError

    def _cancelled(self, fault: Fault, body: Mapping[str, Any]) -> tuple[int, bytes]:
        code = "TransactionConflict" if fault is Fault.CONFLICT else "ThrottlingError"
        if not (items := body.get("TransactItems")):
            return _error("TransactionConflictException")
        at = self.rng.randrange(len(items))
        reasons = [{"Code": code if number == at else "None"} for number in range(len(items))]
        return _error("TransactionCanceledException", CancellationReasons=reasons)

    def _fault(self, service: str, operation: str) -> Fault | None:
        """The fault that the next call meets. One that does not fit the operation becomes one that does."""
        if self.plan is not None:
            fault = self.plan.get(self.calls)
            fits = (fault not in _ON_WRITES or operation in WRITES) and (
                fault is not Fault.UNPROCESSED or operation == "BatchGetItem"
            )
            return fault if fits else None
        fault = next((o.fault for o in self.outages if _concerns(o, self.now, service, operation)), None)
        if fault is None and self.rate and self.rng.random() < self.rate:
            fault = self.rng.choice([*Fault])
        if fault in _ON_WRITES and operation not in WRITES:
            return Fault.THROTTLE
        return Fault.HTTP_500 if fault is Fault.UNPROCESSED and operation != "BatchGetItem" else fault

    def _carry_out(self, service: str, operation: str, content: bytes) -> tuple[int, bytes]:
        body = json.loads(content)
        for where in _unconditional(operation, body):
            self.unconditional.append((self._runs(), operation, where))
        if service == "ses":
            sender = getattr(getcurrent(), "invocation", None)
            self.mails.append(Mailed(self.now, body["EmailTags"][0]["Value"], body["Content"]["Raw"]["Data"], sender))
            return 200, b'{"MessageId": "m"}'
        if service == "push":
            if body["endpoint"].endswith(GONE):
                return 410, b""
            self.pushes.append(Pushed(self.now, body["endpoint"], body["payload"]))
            return 201, b""
        if service == "s3":
            return s3.carry_out(self.bucket, operation, body)
        if service == "dynamodb" and self.tape is not None:
            self.tape.append((operation, body))
        try:
            answer = self.db.call(operation, body) if service == "dynamodb" else getattr(self, f"_{operation}")(body)
        except RefusedError as refused:
            return _error(refused.code, refused.status, **refused.fields)
        return 200, json.dumps(answer).encode()

    def _runs(self) -> str:
        invocation = getattr(getcurrent(), "invocation", None)
        return invocation.service if isinstance(invocation, Invocation) else "the past"

    def _PutParameter(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802  # AWS's name, as all below
        self.parameters[body["Name"]] = body["Value"]
        return {"Version": 1}

    def _CreateLogStream(self, _body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        return {}

    def _PutLogEvents(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        recorded = (event["message"] for event in body["logEvents"])
        self.audit += [(getattr(getcurrent(), "invocation", None), message) for message in recorded]
        return {}

    def _GetParameters(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        known = [name for name in body["Names"] if name in self.parameters]
        return {
            "Parameters": [{"Name": name, "Value": self.parameters[name], "Type": "String"} for name in known],
            "InvalidParameters": [name for name in body["Names"] if name not in self.parameters],
        }

    def _GetParameter(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        if body["Name"] not in self.parameters:
            raise RefusedError("ParameterNotFound")
        return {"Parameter": {"Name": body["Name"], "Value": self.parameters[body["Name"]], "Type": "String"}}

    def _SendMessage(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        self.queues.setdefault(body["QueueUrl"], []).append(json.loads(body["MessageBody"]))
        return {"MessageId": "m", "MD5OfMessageBody": "x"}

    def _ListUsersInGroup(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        """One account to a page."""
        members = sorted(user for user, groups in self.pool.items() if body["GroupName"] in groups)
        at = int(body.get("NextToken", 0))
        attributes = [
            [{"Name": "email", "Value": "x"}, {"Name": "sub", "Value": user}] for user in members[at : at + 1]
        ]
        more = {"NextToken": str(at + 1)} if at + 1 < len(members) else {}
        return {"Users": [{"Username": a[1]["Value"], "Attributes": a} for a in attributes], **more}

    def _AdminGetUser(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        if body["Username"] not in self.pool:
            raise RefusedError("UserNotFoundException")
        attributes = [
            {"Name": "email", "Value": address_of(body["Username"])},
            {"Name": "email_verified", "Value": "true"},
        ]
        enabled = body["Username"] not in self.disabled
        return {
            "Username": body["Username"], "UserStatus": "CONFIRMED", "UserAttributes": attributes, "Enabled": enabled
        }  # fmt: skip

    def _ListUsers(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        after = body.get("PaginationToken", "")
        page = sorted(user for user in self.pool if user > after)[: ACCOUNTS + 1]
        more = {"PaginationToken": page[-2]} if len(page) > ACCOUNTS else {}
        return {
            "Users": [
                {"Username": user, "UserStatus": "CONFIRMED", "Attributes": [{"Name": "sub", "Value": user}]}
                for user in page[:ACCOUNTS]
            ],
            **more,
        }

    def _AdminUserGlobalSignOut(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        if body["Username"] not in self.pool:
            raise RefusedError("UserNotFoundException")
        return {}

    def _AdminDisableUser(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        if body["Username"] not in self.pool:
            raise RefusedError("UserNotFoundException")
        self.disabled.add(body["Username"])
        return {}

    def _AdminEnableUser(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        if body["Username"] not in self.pool:
            raise RefusedError("UserNotFoundException")
        self.disabled.discard(body["Username"])
        return {}

    def _AdminDeleteUser(self, body: dict[str, Any]) -> dict[str, Any]:  # noqa: N802
        if self.pool.pop(body["Username"], None) is None:
            raise RefusedError("UserNotFoundException")
        self.deleted_accounts.append(body["Username"])
        return {}


def _concerns(outage: Outage, now: float, service: str, operation: str) -> bool:
    named = not outage.operations or operation in outage.operations
    return outage.start <= now < outage.end and service in outage.services and named


def _error(code: str, status: int = 400, **fields: Any) -> tuple[int, bytes]:
    return status, json.dumps({"__type": f"com.amazonaws#{code}", "message": code, **fields}).encode()


def _unconditional(operation: str, body: Mapping[str, Any]) -> Iterator[str]:
    """The tables and documents that a request writes to whatever is there."""
    match operation:
        case "PutObject" | "DeleteObject":
            if not body.keys() & {"IfMatch", "IfNoneMatch"}:
                yield body["Key"]
        case "BatchWriteItem":
            yield from body["RequestItems"]
        case "TransactWriteItems":
            writes = [write for item in body["TransactItems"] for write in item.values()]
            if not any("ConditionExpression" in write for write in writes):
                yield from (write["TableName"] for write in writes)
        case "PutItem" | "UpdateItem" | "DeleteItem":
            if "ConditionExpression" not in body:
                yield body["TableName"]


# --- sandboxes ---


@cache
def _code_of(service: str) -> tuple[str, CodeType]:
    found = importlib.util.find_spec(f"services.{service}.handler")
    assert found is not None
    assert found.origin is not None
    return found.origin, compile(Path(found.origin).read_bytes(), found.origin, "exec")


def cold_module(service: str) -> ModuleType:
    """The service's handler module, executed afresh as a cold start does."""
    module = ModuleType(f"services.{service}.handler")
    module.__file__, code = _code_of(service)
    exec(code, module.__dict__)  # the module under test
    return module


def has_signed_up_again(user: str) -> bool:
    """True for a later account of an address: `ann~2` is the second one of ann's."""
    return "~" in user


def address_of(user: str) -> str:
    """The e-mail address of an account, which later accounts of the same person share."""
    return f"{user.partition('~')[0]}@sim"


def queue_url(queue: Queue) -> str:
    """The address of a dead letter queue."""
    return f"https://sqs.sim/{queue.output}"


def _value_of(name: str, field_: FieldInfo) -> str:
    """A value that is valid for a setting."""
    if name in KNOWN_SETTINGS:
        return str(KNOWN_SETTINGS[name])
    if name.endswith("_table"):
        return resource_name(STAGE, name.removesuffix("_table"))
    if name.endswith("_url"):
        return f"https://sqs.sim/{name}"
    least = [bound.ge for bound in field_.metadata if isinstance(bound, Ge)]
    return str(least[0]) if least else f"{STAGE}-{name}"


def environment() -> dict[str, str]:
    """The environment variables of every Lambda, by the settings' own models, and those that Lambda sets."""
    models = (service.settings for service in SERVICES.values())
    fields = {name: field for model in models for name, field in model.model_fields.items()}
    return {
        "AWS_ACCESS_KEY_ID": "simulated",
        "AWS_SECRET_ACCESS_KEY": "simulated",
        "AWS_SESSION_TOKEN": "simulated",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "POWERTOOLS_TRACE_DISABLED": "true",
        **{name.upper(): _value_of(name, field) for name, field in fields.items()},
    }


# --- what is replaced ---

_traveller: list[time_machine.Traveller] = []


def _clock() -> time_machine.Traveller:
    return _traveller[-1]


def _world() -> World:
    assert World.current is not None
    return World.current


def _inside() -> bool:
    return World.current is not None and getattr(getcurrent(), "invocation", None) is not None


def _target(request: AWSPreparedRequest) -> tuple[str, str]:
    target = request.headers["X-Amz-Target"]
    prefix, _, operation = (target.decode() if isinstance(target, bytes) else str(target)).partition(".")
    return _SERVICES[prefix], operation


def _send(_session: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
    if "/v2/email/" in str(request.url):
        return _send_mail(request)
    if "X-Amz-Target" not in request.headers:
        return _send_to_s3(request)
    body = request.body
    status, content = _world().send(*_target(request), body if isinstance(body, bytes) else str(body).encode())
    return AWSResponse("https://sim", status, {"content-type": "application/x-amz-json-1.0"}, _Body(content))  # type: ignore[arg-type]  # as much of urllib3's response as botocore uses


def _send_mail(request: AWSPreparedRequest) -> AWSResponse:
    body: Any = request.body
    status, content = _world().send("ses", "SendEmail", body if isinstance(body, bytes) else str(body).encode())
    return AWSResponse("https://sim", status, {"content-type": "application/json"}, _Body(content))  # type: ignore[arg-type]  # as above


def _send_to_s3(request: AWSPreparedRequest) -> AWSResponse:
    body: Any = request.body or b""
    if not isinstance(body, bytes | bytearray):
        body.seek(0)  # a retry sends it again
        body = body.read()
    operation, asked = s3.parse(str(request.method), str(request.url), dict(request.headers), bytes(body))
    status, content = _world().send("s3", operation, json.dumps(asked).encode())
    headers, content = s3.answer(operation, status, content)
    return AWSResponse("https://sim", status, headers, _Body(content))  # type: ignore[arg-type]  # as above


def _send_json(client: JsonClient, operation: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
    service = _SERVICES[headers["x-amz-target"].partition(".")[0]]
    try:
        status, content = _world().send(service, operation, body)
    except BotoCoreError as error:
        raise ConnectionResetError(str(error)) from None
    return HttpAnswer(status, {}, content)


def _push(_pusher: Pusher, endpoint: str, body: bytes, _headers: Mapping[str, str], _seconds: float) -> int:
    try:
        status, _ = _world().send("push", "Push", json.dumps({"endpoint": endpoint, "payload": body.decode()}).encode())
    except BotoCoreError as error:
        raise urllib3.exceptions.ProtocolError(str(error)) from None
    return status


def _counted(_telemetry: Telemetry, metric: Metric, value: float = 1) -> None:
    _world().metrics.append((metric.name, value))


_real_monotonic, _real_sleep, _real_uuid4 = time.monotonic, time.sleep, uuid.uuid4


def _monotonic() -> float:
    return _world().monotonic() if _inside() else _real_monotonic()


def _sleep(seconds: float) -> None:
    if _inside():
        _world().pause(seconds)
    else:
        _real_sleep(seconds)


def _uuid4() -> uuid.UUID:
    return uuid.UUID(int=_world().ids.getrandbits(128), version=4) if _inside() else _real_uuid4()


class _Functions:
    """Lambda, as far as a run may start another one."""

    def invoke(self, **asked: Any) -> None:
        """Starts a run of its own, a moment later."""
        service = asked["FunctionName"].removeprefix(resource_name(STAGE, ""))
        _world().spawn(_world().invoke, service, json.loads(asked["Payload"]), delay=_world().rng.uniform(0.05, 2))


def _forget_clients() -> None:
    for made in (aws.client, aws._json_client, aws_botocore.client):
        made.cache_clear()


@contextlib.contextmanager
def simulated() -> Iterator[None]:
    """AWS, time and ids are a World's meanwhile."""
    level = logging.root.manager.disable
    _forget_clients()
    gc.enable()  # the import of `cold_start` has paused it, and `finish` does nothing here
    with (
        patch.dict(os.environ, environment()),
        patch.object(JsonClient, "send", _send_json),
        patch.object(Signer, "authorization", lambda *_: ""),
        patch.object(URLLib3Session, "send", _send),
        patch.object(RequestSigner, "sign", lambda *_, **__: None),
        patch.object(RetryQuota, "acquire", lambda *_: True),  # the sandboxes share botocore's clients, not their quota
        patch.object(aws, "functions", _Functions),
        patch.object(Pusher, "_post", _push),
        patch.object(pushing, "_encrypted", lambda payload, _device: payload),
        patch.object(pushing, "authorization", lambda *_: ""),
        patch.object(chores, "AUDIT_SLICES", 1),
        patch.object(cold_start, "finish", lambda: None),
        patch.object(Telemetry, "count", _counted),
        patch.object(Telemetry, "flush", lambda _: None),
        patch.object(Log, "info", lambda *_, **__: None),
        patch.object(time, "monotonic", _monotonic),
        patch.object(time, "sleep", _sleep),
        patch.object(uuid, "uuid4", _uuid4),
        time_machine.travel(EPOCH, tick=False) as traveller,
    ):
        _traveller.append(traveller)
        logging.disable(logging.CRITICAL)
        try:
            yield
        finally:
            logging.disable(level)
            _traveller.pop()
            World.current = None
            _forget_clients()


# --- the gateway ---

_ROUTES = {route.operation: route for route in ROUTES}


def gateway_event(call: Call, headers: Mapping[str, str], query: Mapping[str, str]) -> dict[str, Any]:
    """The event that API Gateway makes of a request."""
    route = _ROUTES[call.operation]
    context: dict[str, Any] = {"http": {"method": route.method}, "requestId": "gw-request-1"}
    if call.who and not route.public:
        groups = f"[{' '.join(call.groups)}]"
        claims = {"sub": call.who, "token_use": "access", "client_id": CLIENT_ID, "cognito:groups": groups}
        context["authorizer"] = {"jwt": {"claims": claims}}
    return {
        "version": "2.0",
        "routeKey": route.key,
        "headers": {"content-type": "application/json", **headers},
        "requestContext": context,
        "isBase64Encoded": False,
        **({"pathParameters": dict(call.path)} if call.path else {}),
        **({"queryStringParameters": dict(query)} if query else {}),
        **({"body": json.dumps(call.body)} if call.body is not None else {}),
    }


def drift_of(world: World) -> float:
    """The drift that the last audit reported; 0 where none did."""
    reported = [value for name, value in world.metrics if name == LEDGER_DRIFT.name]
    return reported[-1] if reported else 0.0
