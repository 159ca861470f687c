"""The API: a request comes in, its operation is called, an answer goes out.

The gateway has routed the request and verified its token already; `routeKey` says which operation is meant.
"""

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from pydantic import ValidationError

from services.api import missing, problems
from services.api.operations import OPERATIONS
from services.api.operations.operation import AnyOperation, NoBody, Platform, Request
from services.api.problems import InvalidInputError, ProblemError
from services.api.views import Rendered
from services.core.aws_json import within
from services.core.domain.quests import Actor
from services.core.domain.values import Model
from services.core.flags import Flags
from services.core.live import Breaker, LiveParameters, breaker
from services.core.metrics import API_ERRORS, AWS_REFUSALS, FLAG_PARSE_ERRORS
from services.core.parameters import LIVE_PARAMETERS
from services.core.routes import ROUTES
from services.core.settings import ApiSettings
from services.core.stores.addresses import AddressStore
from services.core.stores.devices import DeviceStore
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.inbox import InboxStore
from services.core.stores.ledger import LedgerStore
from services.core.stores.messages import MessageStore
from services.core.stores.quests import QuestStore
from services.core.stores.reports import ReportStore
from services.core.stores.users import UserStore
from services.core.telemetry import Telemetry, user_digest

MAX_BODY = 32 * 1024
"""Bytes. Far above any valid body, and far below what would be expensive to look at."""

MAX_DEPTH = 8
"""Lists and objects within each other; no valid body has more than two."""

_OPERATION_OF = {route.key: route.operation for route in ROUTES}
_PUBLIC = frozenset(route.key for route in ROUTES if route.public)
_REQUEST_ID = re.compile(r"[A-Za-z0-9_=-]{8,64}")
_SAFE_METHODS = ("GET", "HEAD")

Event = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(frozen=True)
class Clients:
    """The AWS clients that the API talks through."""

    dynamodb: Any
    ssm: Any
    cloudwatch: Callable[[], Any]
    cognito: Any


class App:
    """One Lambda's worth of API."""

    def __init__(
        self, settings: ApiSettings, clients: Clients, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._settings, self._clients, self._clock = settings, clients, clock
        self.telemetry = Telemetry("api", settings.stage, settings.log_level)
        self.live = LiveParameters(
            clients.ssm,
            settings.stage,
            LIVE_PARAMETERS,
            settings.parameter_ttl_seconds,
            self.telemetry.parameter_read_failed,
        )
        self.flags = Flags(self.live, on_invalid=lambda _: self.telemetry.count(FLAG_PARSE_ERRORS))

    @cached_property
    def platform(self) -> Platform:
        """Clients and stores of the operations."""
        settings, dynamodb = self._settings, self._clients.dynamodb
        tables = (settings.quests_table, settings.users_table, settings.ledger_table)
        quests = QuestStore(dynamodb, *tables, shards=settings.board_shards)
        return Platform(
            settings=settings,
            quests=quests,
            reports=ReportStore(dynamodb, settings.reports_table, settings.users_table),
            messages=MessageStore(dynamodb, settings.messages_table, settings.users_table, quests),
            users=UserStore(dynamodb, settings.users_table, settings.ledger_table),
            ledger=LedgerStore(dynamodb, settings.ledger_table, settings.users_table),
            inbox=InboxStore(dynamodb, settings.inbox_table),
            devices=DeviceStore(dynamodb, settings.inbox_table, settings.users_table),
            live=self.live,
            flags=self.flags,
            count=self.telemetry.count,
            cloudwatch=self._clients.cloudwatch,
            cognito=self._clients.cognito,
            addresses=AddressStore(dynamodb, settings.inbox_table),
        )

    def __call__(self, event: Event) -> Answer:
        """Answers an HTTP API event of payload format 2.0; never raises."""
        started = time.perf_counter()
        route, request_id = event["routeKey"], _request_id(event)
        if route in missing.ROUTE_KEYS:
            status, page = missing.answer(route)
            return _answer(status, "text/html; charset=utf-8", page, {"cache-control": "no-store"})
        actor: Actor | None = None
        code = ""
        cause = ""
        try:
            with within(self._settings.aws_seconds):
                actor = None if route in _PUBLIC else self._actor(event)
                operation = OPERATIONS[_OPERATION_OF[route]]
                self._refuse_if_open(operation, event)
                request = Request(
                    actor=actor, path=event.get("pathParameters") or {}, request_id=request_id, now=self._clock(),
                    headers=event.get("headers") or {}, body=_parse_body(operation, event),
                    query=_parse_query(operation, event),
                )  # fmt: skip
                answer = _ok(operation, operation.handler(self.platform, request), request_id)
        except Exception as error:
            problem = problems.as_problem(error) or problems.INTERNAL
            code = problem.code
            cause = f"{type(error).__name__}: {error}" if problem.status >= 500 else ""
            if problem is problems.INTERNAL:
                self.telemetry.log.exception("unhandled", extra={"request_id": request_id, "route": route})
            if problem.status >= 500 and problem.code != "breaker_open":
                self.telemetry.count(API_ERRORS)
            if isinstance(error, StoreUnavailableError) and error.__cause__ is not None:  # not only members' contention
                self.telemetry.count(AWS_REFUSALS)
            answer = _problem(problem, error, problems.Context(request_id, actor, self._clock()))
        self.telemetry.log.info(
            "request",
            extra={
                "request_id": request_id,
                "route": route,
                "status": answer["statusCode"],
                "duration_ms": round((time.perf_counter() - started) * 1000, 1),
                **({"user": user_digest(actor.user_id)} if actor else {}),
                **({"code": code} if code else {}),
                **({"cause": cause} if cause else {}),
            },
        )
        self.telemetry.flush()
        return answer

    def _actor(self, event: Event) -> Actor:
        """The member of the verified token. The gateway accepts ID tokens too, which are not meant for us."""
        claims = event["requestContext"].get("authorizer", {}).get("jwt", {}).get("claims", {})
        if claims.get("token_use") != "access" or claims.get("client_id") != self._settings.cognito_app_client_id:
            raise ProblemError(401, "wrong_token", "This needs an access token of this stage's app. Sign in again.")
        groups = frozenset(_groups(claims.get("cognito:groups")))
        return Actor(claims["sub"], groups, self.flags.features(claims["sub"], groups))

    def _refuse_if_open(self, operation: AnyOperation, event: Event) -> None:
        position = breaker(self.live)
        writes = event["requestContext"]["http"]["method"] not in _SAFE_METHODS
        if not operation.always and (position is Breaker.DOWN or (position is Breaker.READ_ONLY and writes)):
            raise problems.breaker_open(position)


def _request_id(event: Event) -> str:
    """The caller's id if it has the form of one, so that its report and our log lines can be matched; else the
    gateway's, as for every public answer, which CloudFront may serve to others too.
    """
    given = (event.get("headers") or {}).get("x-request-id", "")
    own = _REQUEST_ID.fullmatch(given) and event["routeKey"] not in _PUBLIC
    return given if own else str(event["requestContext"]["requestId"])


def _groups(claim: object) -> list[str]:
    """The gateway flattens a token's list to the text `[a b]`."""
    if isinstance(claim, str):
        return claim.strip("[]").replace(",", " ").split()
    return [str(group) for group in claim] if isinstance(claim, list) else []


def _parse_query(operation: AnyOperation, event: Event) -> Any:
    return _checked(operation.query.model_validate, event.get("queryStringParameters") or {})


def _checked(validate: Callable[[Any], Model], sent: object) -> Model:
    try:
        return validate(sent)
    except ValidationError as error:
        raise InvalidInputError(error) from None


def _parse_body(operation: AnyOperation, event: Event) -> Any:
    if not operation.takes_body:
        return NoBody()
    if not event.get("body"):
        raise ProblemError(400, "no_body", "Send a body, if only `{}`.")
    content_type = (
        (event.get("headers") or {}).get("content-type", "application/json").partition(";")[0].strip().lower()
    )
    if content_type != "application/json":
        raise ProblemError(415, "not_json", "Send the body as application/json.")
    raw, too_deep = _raw_body(event), ProblemError(400, "bad_json", "The body is nested too deeply.")
    try:
        document = json.loads(raw, object_pairs_hook=_unique, parse_constant=_no_constant)
    except ValueError as error:
        raise ProblemError(400, "bad_json", f"The body is not valid JSON: {error}.") from None
    except RecursionError:
        raise too_deep from None
    if not _is_flat(document, MAX_DEPTH):
        raise too_deep
    return _checked(operation.body.model_validate_json, raw)


def _raw_body(event: Event) -> str:
    body, is_base64 = str(event["body"]).encode(errors="surrogatepass"), event.get("isBase64Encoded")
    if (len(body) * 3 // 4 if is_base64 else len(body)) > MAX_BODY:
        raise ProblemError(413, "body_too_large", f"The body is longer than {MAX_BODY} bytes.")
    try:
        return (base64.b64decode(body) if is_base64 else body).decode()
    except ValueError:
        raise ProblemError(400, "bad_json", "The body is not UTF-8 text.") from None


def _is_flat(value: object, depth: int) -> bool:
    """True if nothing in the value is nested deeper; how much json itself bears differs from Python to Python."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return depth >= 0 and all(_is_flat(part, depth - 1) for part in parts)


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object has the same name twice")
    return found


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not a number")


def _ok(operation: AnyOperation, document: Model | Rendered, request_id: str) -> Answer:
    cache = f"public, max-age={operation.max_age}" if operation.max_age else "no-store"
    if isinstance(document, Rendered):
        body = document.to_json()
    else:
        body = document.model_dump_json(by_alias=True, exclude_none=True)
    return _answer(operation.status, "application/json", body, {"cache-control": cache, "x-request-id": request_id})


def _problem(problem: ProblemError, cause: Exception, context: problems.Context) -> Answer:
    document = problems.body(problem, cause, context).model_dump_json(by_alias=True, exclude_none=True)
    headers = {"cache-control": "no-store", "x-request-id": context.request_id}
    if problem.retry_after is not None:
        headers["retry-after"] = str(problem.retry_after)
    return _answer(problem.status, "application/problem+json", document, headers)


def _answer(status: int, content_type: str, body: str, headers: dict[str, str]) -> Answer:
    return {"statusCode": status, "headers": {"content-type": content_type, **headers}, "body": body}
