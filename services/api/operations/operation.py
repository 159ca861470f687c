"""The parts of an API call: the platform it works with, the checked request, and the declaration of an operation."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeAlias, TypeVar

from services.api import views
from services.api.requests import Query
from services.api.views import Rendered
from services.core import live
from services.core.domain import quests
from services.core.domain.quests import WITHDRAWAL_PERIOD, Actor, Quest
from services.core.domain.users import User
from services.core.domain.values import Input, Model
from services.core.flags import Flags
from services.core.parameters import ADDRESS_KEY
from services.core.settings import ApiSettings
from services.core.sign_ups import SignUps, address_of
from services.core.stores.addresses import AddressStore
from services.core.stores.devices import DeviceStore
from services.core.stores.inbox import InboxStore
from services.core.stores.ledger import LedgerStore
from services.core.stores.messages import MessageStore
from services.core.stores.quests import QuestStore
from services.core.stores.reports import ReportStore
from services.core.stores.users import WITHDRAWALS, Allowance, NoSuchUserError, Quota, TwoPerPeriod, UserStore

T = TypeVar("T")
BodyT = TypeVar("BodyT", bound=Input)
QueryT = TypeVar("QueryT", bound=Query)


@dataclass(frozen=True)
class Platform:
    """Stores, live parameters, settings and metrics, shared by all operations."""

    settings: ApiSettings
    quests: QuestStore
    users: UserStore
    ledger: LedgerStore
    inbox: InboxStore
    devices: DeviceStore
    messages: MessageStore
    reports: ReportStore
    live: live.LiveParameters
    flags: Flags
    count: Callable[..., None]
    cloudwatch: Callable[[], Any]
    cognito: Any
    addresses: AddressStore

    def welcome(self, user_id: str, now: datetime) -> User:
        """The member's row, made where the sign-up's trigger could not. Raises NoSuchUserError if no account is."""
        sign_ups = SignUps(self.users, self.addresses, lambda: live.signing_keys(self.live, now, ADDRESS_KEY))
        return sign_ups.ensure(user_id, address_of(self.cognito, self.settings.cognito_user_pool_id, user_id), now)

    @property
    def claim_period(self) -> timedelta:
        """Time from a claim to its deadline."""
        return timedelta(days=self.settings.claim_days)

    @property
    def lifetime(self) -> timedelta:
        """Time from the posting of a quest to its expiry."""
        return timedelta(days=self.settings.quest_lifetime_days)

    @property
    def silence_period(self) -> timedelta:
        """Time from a hand-in to its confirmation by silence."""
        return timedelta(days=self.settings.silence_days)

    def viewer(self, actor: Actor, quest: Quest, now: datetime) -> views.Viewer:
        """The member who looks at a quest, with what the platform knows of it besides."""
        groups = actor.groups if actor.user_id == quest.performer_id else frozenset[str]()
        features = self.flags.features(quest.performer_id, groups) if quest.performer_id else frozenset[str]()
        return views.Viewer(actor, now, silence=quests.confirms_by_silence(features))

    def edits(self) -> Quota:
        """Edits of quests that a member may make in an hour."""
        return Quota(Allowance.EDIT, self.settings.edits_per_hour, starts=True)

    def withdrawals(self) -> TwoPerPeriod:
        """Claimed quests that a member may withdraw in thirty days: two."""
        return TwoPerPeriod(*WITHDRAWALS, WITHDRAWAL_PERIOD)

    def creates(self) -> Quota:
        """Quests that a member may post in an hour."""
        return Quota(Allowance.CREATE, self.settings.creates_per_hour, starts=True)

    def claims(self) -> Quota:
        """Quests that a member may claim in an hour."""
        return Quota(Allowance.CLAIM, self.settings.claims_per_hour, starts=True)

    def writes(self, *, starts: bool) -> Quota:
        """Messages that a member may write in an hour; `starts` for one that is not owed to anybody."""
        return Quota(Allowance.MESSAGE, self.settings.messages_per_hour, starts=starts)

    def reports_quota(self) -> Quota:
        """Reports that a member may make in an hour."""
        return Quota(Allowance.REPORT, self.settings.reports_per_hour)


class NoBody(Input):
    """The body of an operation that takes none; what is sent is not read."""


class NoQuery(Query):
    """The query string of an operation that takes none: any parameter is refused."""


@dataclass(frozen=True, kw_only=True)
class Request(Generic[BodyT, QueryT]):
    """A request whose body and query have been validated."""

    actor: Actor | None
    path: Mapping[str, str]
    headers: Mapping[str, str]
    query: QueryT
    body: BodyT
    request_id: str
    now: datetime

    @property
    def member(self) -> Actor:
        """The caller; a route that is not public always has one."""
        assert self.actor is not None
        return self.actor


AnyRequest: TypeAlias = Request[Any, Any]


@dataclass(frozen=True)
class AnyOperation:
    """An operation of the API, whatever its models: the function behind it and what the OpenAPI document says of it.

    `statuses` are the errors that the operation's own rules cause; those of its form (body, query, token, breaker) are
    added by `errors`. `max_age` is in seconds, for browsers; the edge keeps no answer longer than
    `infra.components.site` says. `always` means that an open breaker does not stop the operation.
    """

    handler: Callable[[Platform, Any], Model | Rendered]
    body: type[Input]
    query: type[Query]
    answer: type[Model]
    summary: str
    statuses: frozenset[int] = frozenset()
    status: int = 200
    max_age: int = 0
    always: bool = False
    idempotency_key: bool = False
    if_match: bool = False

    @property
    def takes_body(self) -> bool:
        """True if the body is read."""
        return self.body is not NoBody

    def errors(self, *, public: bool) -> set[int]:
        """Every status that the API may answer with instead of `status`."""
        statuses = {422, 429, *self.statuses}
        statuses |= set() if self.always else {503}
        statuses |= set() if public else {401}
        statuses |= {400, 413, 415} if self.takes_body else set()
        return statuses | ({400} if self.idempotency_key or "cursor" in self.query.model_fields else set())


@dataclass(frozen=True)
class Operation(AnyOperation, Generic[BodyT, QueryT]):
    """An operation whose body and query mypy compares with its function's request.

    `AnyOperation` is a class of its own for that: where `Operation[Any, Any]` is expected, mypy takes every body.
    """

    handler: Callable[[Platform, Request[BodyT, QueryT]], Model | Rendered]
    body: type[BodyT]
    query: type[QueryT]


def errors(*statuses: int) -> frozenset[int]:
    """The `statuses` of an operation."""
    return frozenset(statuses)


def with_row(platform: Platform, request: AnyRequest, write: Callable[[], T]) -> T:
    """Does a write that needs the member's row; makes the row first where the sign-up's trigger could not."""
    try:
        return write()
    except NoSuchUserError:
        platform.welcome(request.member.user_id, request.now)
        return write()
