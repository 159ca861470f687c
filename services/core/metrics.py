"""The metrics that the platform emits, as data. The emitter (`services.core.telemetry`), the alarms, the dashboards
and the documentation are all made from these definitions. AWS's own metrics are described in the same terms by
`infra.observability.aws`, which no Lambda carries.
"""

from dataclasses import dataclass
from typing import Literal

from services.core.collecting import collected

NAMESPACE = "CivicForge"
SERVICE = "civicforge"
"""The value of Powertools' `service` dimension; it adds that dimension to all that it emits."""
DIMENSIONS = ("service", "stage")
"""The one dimension set of the emitter, the alarms and the panels."""

Unit = Literal["Count", "Milliseconds", "Seconds", "Bytes", "Percent", "None"]
Statistic = Literal["Sum", "Average", "Minimum", "Maximum", "SampleCount", "p50", "p95", "p99"]


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric's identity on CloudWatch; by default one of our own.

    `dimensions` are the keys of the one dimension set under which it is asked for. `statistics` are those that mean
    something for it: the average of a latency, for one, hides what the slowest members see.
    """

    name: str
    unit: Unit
    description: str
    namespace: str = NAMESPACE
    dimensions: tuple[str, ...] = DIMENSIONS
    statistics: tuple[Statistic, ...] = ("Sum",)


QUESTS_CREATED = Metric(name="quests_created", unit="Count", description="Quests that were posted.")
ATTESTATIONS_SUBMITTED = Metric(
    name="attestations_submitted", unit="Count", description="Attestations that a requestor or performer gave."
)
QUESTS_COMPLETED = Metric(
    name="quests_completed",
    unit="Count",
    description="Quests that reached COMPLETE, by attestation, decision or silence.",
)
SILENT_CONFIRMATIONS = Metric(
    name="silent_confirmations",
    unit="Count",
    description="Quests that were confirmed because the other side let its time pass without a word.",
)
FAILED_REWARDS = Metric(
    name="failed_rewards", unit="Count", description="Rewards that could not be paid and went to the rewards queue."
)
CONCURRENT_ATTESTATION_CONFLICTS = Metric(
    name="concurrent_attestation_conflicts",
    unit="Count",
    description="Attestations that met another one and were tried again.",
)
API_ERRORS = Metric(name="api_errors", unit="Count", description="Requests that ended in an unhandled error (5xx).")
FLAG_PARSE_ERRORS = Metric(
    name="flag_parse_errors", unit="Count", description="Reads of a feature flag whose value was invalid."
)
PARAMETER_READ_FAILURES = Metric(
    name="parameter_read_failures",
    unit="Count",
    description="Reads of flags, breaker and keys that SSM refused, or answered without one of them.",
)
REWARDS_PAID = Metric(name="rewards_paid", unit="Count", description="Ledger entries that went to POSTED as a reward.")
REWARDS_DIMINISHED = Metric(
    name="rewards_diminished",
    unit="Count",
    description="Those of the paid rewards that were smaller since the two members had helped each other before.",
)
CLAIMS_HELD = Metric(
    name="claims_held",
    unit="Count",
    description="Claims on a member's list once they claimed a quest; some of them may have ended.",
    statistics=("Maximum",),
)
OLDEST_UNPAID_REWARD = Metric(
    name="oldest_unpaid_reward_seconds",
    unit="Seconds",
    description="Age of the oldest PENDING reward, at each sweep; 0 where none waits, so that silence means no sweep.",
    statistics=("Maximum",),
)
PUBLICATION_LAG = Metric(
    name="publication_lag_seconds",
    unit="Seconds",
    description="Time from a change of a quest to its documents, for the oldest change of a batch.",
    statistics=("Maximum",),
)
DOCUMENT_DRIFT = Metric(
    name="document_drift",
    unit="Count",
    description="Quests whose documents lacked a change when all were compared.",
    statistics=("Maximum",),
)
NOTICES_SENT = Metric(name="notices_sent", unit="Count", description="Mails of notices and digests that SES took.")
NOTICES_FAILED = Metric(
    name="notices_failed", unit="Count", description="Failed attempts to notify a member: mails and invalid records."
)
NOTICES_REPEATED = Metric(
    name="notices_repeated",
    unit="Count",
    description="Mails that were begun before and may have left twice: the process died before it marked them.",
)
MAILS_REFUSED = Metric(
    name="mails_refused", unit="Count", description="Bounces and complaints, after which an address gets no mails."
)
LEDGER_DRIFT = Metric(
    name="ledger_drift",
    unit="Count",
    description="Users whose totals differ from the fold of their ledger entries.",
    statistics=("Maximum",),
)

METRICS = collected(globals(), Metric)
"""Every metric above."""
