"""The Lambdas: one declaration of each, from which everything about it that is no code of its own derives.

Sizes, zips, environment, log group, alarms, panels, costs, sweeps, dead letter queues, breaker, permissions boundary
and import contracts are made by iterating `SERVICES`. To add one: docs/contributing/lambda.md.
"""

from dataclasses import dataclass
from typing import Final, Literal

from services.core.settings import (
    ApiSettings,
    CanarySettings,
    HousekeepingSettings,
    NotifierSettings,
    OnboardingSettings,
    PublisherSettings,
    RewardsSettings,
    Settings,
)

Caller = Literal[
    "gateway",
    "cognito",
    "schedule",
    "itself",
    "ledger-stream",
    "quests-stream",
    "messages-stream",
    "reports-stream",
    "mail-topic",
]
MINUTE: Final = 60
HOUR: Final = 60 * MINUTE
LONGEST_TIMEOUT: Final = 900
"""Seconds; Lambda's own limit."""


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """Period (seconds) in which the failed runs of a function are counted.

    With `runs`, the share of failed runs is alarmed if a period has at least so many; without it any failed run is.
    """

    period: int
    runs: int | None = None


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A dead letter queue, `civicforge-{stage}-{name}-dlq`.

    Attributes:
        keeps: the work that waits in it, in words.
        urgent: a message is alarmed as P1 instead of P2.
    """

    name: str
    keeps: str
    urgent: bool = False

    @property
    def base_name(self) -> str:
        """The resource name without project and stage."""
        return f"{self.name}-dlq"

    @property
    def output(self) -> str:
        """The name of the stack output that holds its URL."""
        return f"{self.name.replace('-', '_')}_dlq_url"


@dataclass(frozen=True, kw_only=True)
class Service:
    """A Lambda: package `services.<name>`, function `civicforge-{stage}-{name}`.

    Attributes:
        memory_mb, timeout_seconds, concurrency: its size where a stage sets no other (`lambdaSizes`); a concurrency
            of -1 shares the account's.
        longest_timeout: seconds after which the caller has given up.
        called_by: what may start it; "itself" where a sweep goes on in a run of its own (`services.core.sweeping`).
        sweep_minutes: minutes between the runs of its schedule, if it has one.
        stopped_by_breaker: the breaker's level `stopped` takes its concurrency away.
        queue: its own dead letter queue; what a schedule could not start is kept in `SCHEDULES`.
    """

    name: str
    summary: str
    settings: type[Settings]
    traffic: Traffic
    called_by: tuple[Caller, ...]
    timeout_seconds: int
    memory_mb: int = 512
    concurrency: int = -1
    longest_timeout: int = LONGEST_TIMEOUT
    sweep_minutes: int | None = None
    stopped_by_breaker: bool = True
    queue: Queue | None = None


USER_CREATION: Final = Queue(name="user-creation", keeps="Sign-ups that could not be stored", urgent=True)
REWARDS: Final = Queue(name="rewards", keeps="Ledger entries that could not be paid")
PUBLISHER: Final = Queue(name="publisher", keeps="Changes of quests that could not be published")
NOTICES: Final = Queue(name="notices", keeps="Mails that could not be sent and events that could not be told")
SCHEDULES: Final = Queue(name="schedules", keeps="Runs of a schedule that failed or could not start")

_DECLARED: Final = (
    Service(
        name="api",
        summary="Answers the API's requests.",
        settings=ApiSettings,
        traffic=Traffic(runs=100, period=5 * MINUTE),
        called_by=("gateway",),
        memory_mb=1024,
        timeout_seconds=10,
        longest_timeout=29,
    ),
    Service(
        name="onboarding",
        summary="Makes the row of a new member and writes the mails with codes; Cognito waits for it.",
        settings=OnboardingSettings,
        # One sign-up that fails is a member lost.
        traffic=Traffic(period=HOUR),
        called_by=("cognito",),
        timeout_seconds=5,
        longest_timeout=5,
        concurrency=5,
        stopped_by_breaker=False,
        queue=USER_CREATION,
    ),
    Service(
        name="rewards",
        summary="Pays what the ledger owes; the only one that may change XP and reputation.",
        settings=RewardsSettings,
        traffic=Traffic(period=HOUR),
        called_by=("ledger-stream", "schedule", "itself"),
        timeout_seconds=60,
        sweep_minutes=15,
        queue=REWARDS,
    ),
    Service(
        name="housekeeping",
        summary="Expires, releases and refunds what nobody looks after; ends accounts whose owners asked for it.",
        settings=HousekeepingSettings,
        traffic=Traffic(period=HOUR),
        called_by=("schedule", "itself"),
        timeout_seconds=300,
        sweep_minutes=15,
    ),
    Service(
        name="publisher",
        summary="Keeps what everybody may read as documents behind the edge, and compares all of them twice a day.",
        settings=PublisherSettings,
        traffic=Traffic(period=HOUR),
        called_by=("quests-stream", "schedule", "itself"),
        timeout_seconds=300,
        sweep_minutes=12 * 60,
        # What it publishes is read while the API is stopped.
        stopped_by_breaker=False,
        queue=PUBLISHER,
    ),
    Service(
        name="notifier",
        summary="Tells members what concerns them: inbox items, mails, reminders, the daily digest.",
        settings=NotifierSettings,
        traffic=Traffic(period=HOUR),
        called_by=(
            "quests-stream",
            "ledger-stream",
            "messages-stream",
            "reports-stream",
            "mail-topic",
            "schedule",
            "itself",
        ),
        timeout_seconds=300,
        sweep_minutes=15,
        queue=NOTICES,
    ),
    Service(
        name="canary",
        summary="Tries the platform as a member does, tells how it is, and opens the breaker when AWS refuses.",
        settings=CanarySettings,
        traffic=Traffic(period=HOUR),
        called_by=("schedule",),
        timeout_seconds=270,
        sweep_minutes=5,
        # It closes the breaker again, and says on the status page that the platform is stopped.
        stopped_by_breaker=False,
    ),
)

SERVICES: Final = {service.name: service for service in _DECLARED}
"""Every Lambda by its name."""
SWEEPS: Final = {name: service for name, service in SERVICES.items() if service.sweep_minutes}
"""The Lambdas that run on a schedule."""
QUEUES: Final = {queue.name: queue for queue in (*(s.queue for s in _DECLARED if s.queue), SCHEDULES)}
"""Every dead letter queue by its name."""
