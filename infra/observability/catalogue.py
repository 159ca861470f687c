"""The alarms of a stage: every alarm with its threshold, every composite, every metric without an alarm and why.

This is the one place in which a threshold stands. The alarms, the lines on the dashboards and docs/monitoring.md are
made from it.
"""

from infra.observability import aws
from infra.observability.model import Alarm, Composite, Math, Platform, Series, Severity, Topic, own, percentage
from services.core import metrics
from services.core.collecting import collected
from services.core.metrics import Metric, Statistic
from services.core.names import GATEWAY_STAGE, log_group, resource_name
from services.core.services import QUEUES, SERVICES, Queue, Service
from services.core.tables import TABLES, Index, Table

MINUTE = 60
HOUR = 60 * MINUTE

API_MINIMUM = 20
"""Requests in a period below which a share or a percentile of them says nothing."""


def lambda_series(platform: Platform, service: str, metric: Metric, statistic: Statistic = "Sum") -> Series:
    """By FunctionName alone, which covers every version and the alias."""
    return Series(
        metric=metric, statistic=statistic, dimensions={"FunctionName": resource_name(platform.stage, service)}
    )


def api_series(platform: Platform, metric: Metric, statistic: Statistic = "Sum") -> Series:
    return Series(metric=metric, statistic=statistic, dimensions={"ApiId": platform.api_id, "Stage": GATEWAY_STAGE})


def queue_series(platform: Platform, queue: Queue, metric: Metric) -> Series:
    name = resource_name(platform.stage, queue.thing)
    return Series(metric=metric, statistic="Maximum", dimensions={"QueueName": name})


def table_series(platform: Platform, table: Table, metric: Metric, index: Index | None = None) -> Series:
    dimensions = {"TableName": resource_name(platform.stage, table.thing)}
    if index:
        dimensions["GlobalSecondaryIndexName"] = index.name
    return Series(metric=metric, statistic="Sum", dimensions=dimensions)


def edge_series(platform: Platform, metric: Metric) -> Series:
    return Series(
        metric=metric,
        statistic=metric.statistics[0],
        dimensions={"DistributionId": platform.distribution_id, "Region": "Global"},
        region=aws.GLOBAL_REGION,
    )


def log_series(platform: Platform, service: str) -> Series:
    return Series(
        metric=aws.LOG_BYTES, statistic="Sum", dimensions={"LogGroupName": log_group(platform.stage, service)}
    )


def _function_errors(platform: Platform, service: Service) -> Alarm:
    name, traffic = service.name, service.traffic
    return Alarm(
        key=f"lambda-{name}-errors",
        title=f"Failed runs of {name} (%)",
        meaning=f"Too many runs of {name} end in an exception, a timeout or a crash.",
        watch=percentage(
            lambda_series(platform, name, aws.LAMBDA_ERRORS),
            lambda_series(platform, name, aws.LAMBDA_INVOCATIONS),
            minimum=traffic.runs,
        ),
        thresholds={"P2": 1},
        period=traffic.period,
        minimum=f"{traffic.runs} runs",
        runbook="lambda-errors",
    )


def _throttles(platform: Platform, table: Table) -> Alarm:
    series = {
        "r": table_series(platform, table, aws.TABLE_READ_THROTTLES),
        "w": table_series(platform, table, aws.TABLE_WRITE_THROTTLES),
    }
    for number, index in enumerate(table.indexes):
        series[f"r{number}"] = table_series(platform, table, aws.INDEX_READ_THROTTLES, index)
        series[f"w{number}"] = table_series(platform, table, aws.INDEX_WRITE_THROTTLES, index)
    return Alarm(
        key=f"{table.thing}-throttles",
        title=f"Refused reads and writes of {table.thing} and its indexes",
        meaning=f"DynamoDB refuses reads or writes of table {table.thing} or one of its indexes.",
        # FILL, or the alarm would never end (see Alarm); 1 of 5, because the newest minute is late and hence filled.
        watch=Math(expression=f"SUM([{', '.join(f'FILL({name}, 0)' for name in series)}])", series=series),
        thresholds={"P2": 0},
        period=MINUTE,
        periods=5,
        missing="ignore",
        runbook="dynamodb-throttles",
    )


def _queue_depth(platform: Platform, queue: Queue) -> Alarm:
    return Alarm(
        key=f"{queue.name}-queue-depth",
        title=f"Messages in {queue.thing}",
        meaning=f"Work that failed waits in {queue.thing}. It is kept for 14 days.",
        watch=queue_series(platform, queue, aws.QUEUE_DEPTH),
        thresholds={"P1" if queue.urgent else "P2": 0},
        period=MINUTE,
        runbook=f"{queue.name}-queue",
    )


def _queue_age(platform: Platform, queue: Queue) -> Alarm:
    return Alarm(
        key=f"{queue.name}-queue-age",
        title=f"Oldest message in {queue.thing} (s)",
        meaning=f"Work that failed waits in {queue.thing}, and nobody takes care of it.",
        watch=queue_series(platform, queue, aws.QUEUE_AGE),
        thresholds={"P1" if queue.urgent else "P2": HOUR},
        period=5 * MINUTE,
        runbook=f"{queue.name}-queue",
    )


class Alarms:
    """The alarms of a stage, by what they are about, so that dashboards and composites name them."""

    def __init__(self, platform: Platform) -> None:
        self.api_5xx = Alarm(
            key="api-5xx",
            title="Requests answered with 5xx",
            meaning="Members get server errors.",
            watch=api_series(platform, aws.API_5XX),
            thresholds={"P3": 0, "P1": 10},
            period=MINUTE,
        )
        self.api_error_rate = Alarm(
            key="api-error-rate",
            title="Requests answered with 5xx (%)",
            meaning="A large share of all requests fails on our side.",
            watch=percentage(
                api_series(platform, aws.API_5XX), api_series(platform, aws.API_COUNT), minimum=API_MINIMUM
            ),
            thresholds={"P1": 5},
            period=5 * MINUTE,
            minimum=f"{API_MINIMUM} requests",
        )
        self.api_errors = Alarm(
            key="api-errors",
            title="Unhandled errors of the api",
            meaning="Requests meet errors that the api does not know.",
            watch=own(metrics.API_ERRORS, platform),
            thresholds={"P2": 5},
            period=5 * MINUTE,
        )
        self.api_latency = Alarm(
            key="api-latency",
            title="p95 latency (ms)",
            meaning="Members wait: one request of twenty is slow.",
            watch=Math(
                expression=f"IF(requests >= {API_MINIMUM}, latency, 0)",
                series={
                    "latency": api_series(platform, aws.API_LATENCY, "p95"),
                    "requests": api_series(platform, aws.API_COUNT),
                },
            ),
            thresholds={"P2": 1000},
            period=5 * MINUTE,
            periods=5,
            datapoints=3,
            minimum=f"{API_MINIMUM} requests",
        )
        self.function_errors = {name: _function_errors(platform, service) for name, service in SERVICES.items()}
        self.throttles = tuple(_throttles(platform, table) for table in TABLES)
        self.queue_depths = {name: _queue_depth(platform, queue) for name, queue in QUEUES.items()}
        self.queue_ages = {name: _queue_age(platform, queue) for name, queue in QUEUES.items()}
        self.failed_rewards = Alarm(
            key="failed-rewards",
            title="Rewards that could not be paid",
            meaning="A reward could not be paid and went to the rewards queue.",
            watch=own(metrics.FAILED_REWARDS, platform),
            thresholds={"P3": 0, "P1": 1},
            period=5 * MINUTE,
        )
        self.unpaid_rewards = Alarm(
            key="unpaid-rewards",
            title="Oldest unpaid reward (s)",
            meaning="A reward has been due for long, or no sweep says anything.",
            watch=own(metrics.OLDEST_UNPAID_REWARD, platform, "Maximum"),
            thresholds={"P2": HOUR},
            period=HOUR // 2,
            missing="breaching",
        )
        self.failed_notices = Alarm(
            key="failed-notices",
            title="Failed attempts to notify a member",
            meaning="Mails do not leave, or an event could not be told.",
            watch=own(metrics.NOTICES_FAILED, platform),
            thresholds={"P2": 5},
            period=15 * MINUTE,
        )
        self.refused_mails = Alarm(
            key="refused-mails",
            title="Mails that bounced or that members complained about",
            meaning="So many addresses refuse our mails that SES may stop sending them.",
            watch=own(metrics.MAILS_REFUSED, platform),
            thresholds={"P2": 5},
            period=24 * HOUR,
        )
        self.ledger_drift = Alarm(
            key="ledger-drift",
            title="Users whose totals differ from their ledger",
            meaning="Somebody's totals are not what their ledger adds up to, or housekeeping does not compare them.",
            watch=own(metrics.LEDGER_DRIFT, platform, "Maximum"),
            thresholds={"P2": 0},
            # Housekeeping compares a slice of the members on each run, and all of them within a day.
            period=24 * HOUR,
            missing="breaching",
        )
        self.publication_lag = Alarm(
            key="publication-lag",
            title="Time until a change is public (s)",
            meaning="Visitors see quests as they were: changes are published late.",
            watch=own(metrics.PUBLICATION_LAG, platform, "Maximum"),
            thresholds={"P2": 60},
            period=5 * MINUTE,
        )
        self.document_drift = Alarm(
            key="document-drift",
            title="Quests whose documents lacked a change",
            meaning="Documents were not what the tables say and were written again, or nobody compares them.",
            watch=own(metrics.DOCUMENT_DRIFT, platform, "Maximum"),
            thresholds={"P2": 0},
            # They are compared twice a day.
            period=24 * HOUR,
            missing="breaching",
        )
        self.flag_errors = Alarm(
            key="flag-errors",
            title="Feature flags with an invalid value",
            meaning="A feature flag holds an invalid value; its last valid one is in force.",
            watch=own(metrics.FLAG_PARSE_ERRORS, platform),
            thresholds={"P3": 0},
            period=15 * MINUTE,
        )
        self.parameter_failures = Alarm(
            key="parameter-failures",
            title="Parameters that SSM did not give",
            meaning="Flags, breaker and keys cannot be read: what was read last is in force, and no change is seen.",
            watch=own(metrics.PARAMETER_READ_FAILURES, platform),
            thresholds={"P2": 0},
            period=15 * MINUTE,
        )
        self.all = collected(vars(self), Alarm)
        self.composites: tuple[Composite, ...] = self._composites()

    def _composites(self) -> tuple[Composite, ...]:
        outage = Composite(
            key="api-outage",
            meaning="The API fails for many members.",
            severity="P1",
            any_of=(self.api_5xx, self.api_error_rate),
        )
        return (
            outage,
            Composite(
                key="lost-work",
                meaning="Sign-ups or rewards could not be done and wait for somebody.",
                severity="P1",
                any_of=(self.failed_rewards, self.queue_depths["user-creation"], self.queue_ages["user-creation"]),
                suppressor=outage,
            ),
        )

    def topic(self, alarm: Alarm, severity: Severity) -> Topic:
        """The topic that an alarm tells: P1 pages, unless a composite pages in its place."""
        in_composite = any(alarm in c.any_of and severity == c.severity for c in self.composites)
        return "page" if severity == "P1" and not in_composite else "notify"


NO_ALARM: dict[Metric, str] = {
    metrics.NOTICES_SENT: "a quiet day in a small town is no fault; what does not leave is alarmed (failed-notices)",
    metrics.NOTICES_REPEATED: "a second mail is a nuisance to one member; what makes processes die is alarmed",
    metrics.QUESTS_CREATED: "a quiet day in a small town is no fault",
    metrics.ATTESTATIONS_SUBMITTED: "a quiet day in a small town is no fault",
    metrics.QUESTS_COMPLETED: "a quiet day in a small town is no fault",
    metrics.SILENT_CONFIRMATIONS: "members who stay silent are a matter for the community, not for a pager",
    metrics.CONCURRENT_ATTESTATION_CONFLICTS: "the second of two simultaneous attestations is tried again and succeeds",
    metrics.REWARDS_PAID: "what is not paid is alarmed instead (failed-rewards, unpaid-rewards)",
    metrics.REWARDS_DIMINISHED: "what a ring repeats pays nothing; `civicforge fairness` says who it is",
    metrics.CLAIMS_HELD: "the ceiling is a condition of the claim's own write, so that nobody can pass it",
    aws.LAMBDA_THROTTLES: "the api's become 5xx, which are alarmed; the others are tried again and end in a queue, "
    "which is alarmed; with the breaker at level 2 they are wanted",
    aws.LAMBDA_DURATION: "members feel the latency of the API, which is alarmed; a timeout counts as an error",
    aws.LAMBDA_CONCURRENCY: "a limit that is reached shows as 5xx or in a queue",
    aws.LAMBDA_ITERATOR_AGE: "a stream that is stuck leaves rewards unpaid, which is alarmed and swept up",
    aws.API_4XX: "somebody's typing error, expired token or too many requests is no fault of ours",
    aws.API_INTEGRATION_LATENCY: "part of the latency, which is alarmed",
    aws.TABLE_READ_UNITS: "on-demand with a ceiling; at the ceiling throttles are alarmed, the money by the budget",
    aws.TABLE_WRITE_UNITS: "on-demand with a ceiling; at the ceiling throttles are alarmed, the money by the budget",
    aws.INDEX_READ_UNITS: "on-demand with a ceiling; at the ceiling throttles are alarmed, the money by the budget",
    aws.INDEX_WRITE_UNITS: "on-demand with a ceiling; at the ceiling throttles are alarmed, the money by the budget",
    aws.TABLE_CONDITIONS_FAILED: "two members wanted the same quest: the rule did its work",
    aws.TABLE_CONFLICTS: "tried again; what still fails is a 5xx or a failed reward",
    aws.EDGE_REQUESTS: "a quiet day in a small town is no fault",
    aws.EDGE_BYTES: "the money is the budget's to watch",
    aws.EDGE_5XX: "published in us-east-1 only, where a stage elsewhere cannot have an alarm; the API's own 5xx are "
    "alarmed, and the page comes from a bucket",
    aws.LOG_BYTES: "the money is the budget's to watch",
    aws.ACCOUNT_CHARGES: "AWS Budgets tells about actual and forecast spend",
}
"""Every metric of the catalogue that no alarm watches."""
