"""The metrics that the platform emits, as data. The emitter (`services.core.telemetry`), the alarms, the dashboards
and the documentation are all made from these definitions. AWS's own metrics are described in the same terms by
`infra.observability.aws`, which no Lambda carries.
"""

from dataclasses import dataclass
from datetime import timedelta
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

    `dimensions` are the keys of its one dimension set. `statistics` are those that are meaningful for it: an average
    latency, for one, hides what the slowest members see.
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
    description="Quests that were confirmed because the other party did not react in time.",
)
FAILED_REWARDS = Metric(
    name="failed_rewards", unit="Count", description="Rewards that could not be paid and went to the rewards queue."
)
CONCURRENT_ATTESTATION_CONFLICTS = Metric(
    name="concurrent_attestation_conflicts",
    unit="Count",
    description="Attestations that conflicted with a concurrent one and were retried.",
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
    description="Paid rewards that were reduced because the two members had helped each other before.",
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
    description="Age of the oldest PENDING reward, at each sweep; 0 if none waits. No data means that no sweep runs.",
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
NOTICES_SENT = Metric(name="notices_sent", unit="Count", description="Mails of notices and digests that SES accepted.")
NOTICES_FAILED = Metric(
    name="notices_failed", unit="Count", description="Failed attempts to notify a member: mails and invalid records."
)
NOTICES_REPEATED = Metric(
    name="notices_repeated",
    unit="Count",
    description="Mails that may have been sent twice: a process died after it began to send them.",
)
MAILS_REFUSED = Metric(
    name="mails_refused", unit="Count", description="Bounces and complaints, after which an address gets no mails."
)
PUSHES_SENT = Metric(
    name="pushes_sent", unit="Count", description="Notices that a push service accepted for a member's device."
)
PUSHES_FAILED = Metric(
    name="pushes_failed",
    unit="Count",
    description="Notices that a push service did not accept; devices that no longer exist do not count.",
)
REWARD_PAID_WITHIN = timedelta(minutes=15)
"""Time within which a reward is paid."""
MAIL_SENT_WITHIN = timedelta(minutes=5)
"""Time within which the mail of a notice leaves."""
REWARDS_LATE = Metric(
    name="rewards_late",
    unit="Percent",
    description="Share of rewards that were paid later than 15 minutes after they were owed: 100 or 0 for each.",
    statistics=("Average",),
)
MAILS_LATE = Metric(
    name="mails_late",
    unit="Percent",
    description="Share of mails that left later than 5 minutes after their event, or never: 100 or 0 for each.",
    statistics=("Average",),
)
AWS_REFUSALS = Metric(
    name="aws_refusals",
    unit="Count",
    description="Requests that failed because AWS refused a call or did not answer in time.",
)
CANARY_FAILURES = Metric(
    name="canary_failures",
    unit="Count",
    description="Steps of the canary's journey that failed; 0 if none did. No data means that the canary is down.",
)
CANARY_LIFE_FAILURES = Metric(
    name="canary_life_failures",
    unit="Count",
    description="Hourly runs of a whole quest, from post to payment, that failed.",
)
CANARY_DURATION = Metric(
    name="canary_milliseconds",
    unit="Milliseconds",
    description="Time that the canary's journey took.",
    statistics=("Maximum",),
)
CERTIFICATE_SHORTAGE = Metric(
    name="certificate_days_short",
    unit="Count",
    description="Days by which the remaining validity of the site's certificate is below three weeks.",
    statistics=("Maximum",),
)
BREAKER_OPENED_ITSELF = Metric(
    name="breaker_opened_itself",
    unit="Count",
    description="1 while the breaker is open because AWS refused, 0 otherwise.",
    statistics=("Maximum",),
)
LEDGER_DRIFT = Metric(
    name="ledger_drift",
    unit="Count",
    description="Members whose totals differ from the sums of their ledger entries.",
    statistics=("Maximum",),
)

METRICS = collected(globals(), Metric)
"""Every metric above."""
