"""The alarms of a stage: every alarm with its threshold, every composite, every metric without an alarm and why.

This is the one place in which a threshold stands. The alarms, the lines on the dashboards and docs/monitoring.md are
made from it.
"""

from infra.observability import aws
from infra.observability.model import (
    SEVERITIES,
    Alarm,
    Composite,
    Math,
    Platform,
    Series,
    Severity,
    Topic,
    own,
    percentage,
)
from infra.observability.objectives import AVAILABILITY, FAST, LEAST_BAD, MAIL, PAYMENT, SLOW, Objective
from services.core import metrics
from services.core.collecting import collected
from services.core.metrics import Metric, Statistic
from services.core.names import GATEWAY_STAGE, log_group, resource_name
from services.core.services import QUEUES, SERVICES, Queue, Service
from services.core.tables import Index, Table

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
    name = resource_name(platform.stage, queue.base_name)
    return Series(metric=metric, statistic="Maximum", dimensions={"QueueName": name})


def table_series(platform: Platform, table: Table, metric: Metric, index: Index | None = None) -> Series:
    dimensions = {"TableName": resource_name(platform.stage, table.base_name)}
    if index:
        dimensions["GlobalSecondaryIndexName"] = index.name
    return Series(metric=metric, statistic="Sum", dimensions=dimensions)


def edge_series(platform: Platform, metric: Metric) -> Series:
    return Series(
        metric=metric,
        statistic=metric.statistics[0],
        dimensions={"DistributionId": platform.distribution_id, "Region": "Global"},
        region=None if platform.region == aws.GLOBAL_REGION else aws.GLOBAL_REGION,
    )


def pool_series(platform: Platform, metric: Metric, statistic: Statistic = "Sum") -> Series:
    dimensions = {"UserPool": platform.user_pool_id, "UserPoolClient": platform.user_pool_client_id}
    return Series(metric=metric, statistic=statistic, dimensions=dimensions)


def log_series(platform: Platform, service: str) -> Series:
    return Series(
        metric=aws.LOG_BYTES, statistic="Sum", dimensions={"LogGroupName": log_group(platform.stage, service)}
    )


def _function_errors(platform: Platform, service: Service) -> Alarm:
    name, traffic = service.name, service.traffic
    failed = lambda_series(platform, name, aws.LAMBDA_ERRORS)
    share = traffic.runs and percentage(
        failed, lambda_series(platform, name, aws.LAMBDA_INVOCATIONS), minimum=traffic.runs
    )
    return Alarm(
        key=f"lambda-{name}-errors",
        title=f"Failed runs of {name}" + (" (%)" if share else ""),
        meaning=f"Runs of {name} end in an exception, a timeout or a crash.",
        watch=share or failed,
        thresholds={"P2": 1 if share else 0},
        period=traffic.period,
        minimum=f"{traffic.runs} runs" if share else "",
        runbook="lambda-errors",
    )


def _burn(platform: Platform, objective: Objective, rate: float, hours: float, severity: Severity, name: str) -> Alarm:
    """The alarm of one window of a burn rate."""
    window = f"{hours:g} hours" if hours > 1 else "an hour" if hours == 1 else f"{hours * 60:g} minutes"
    watch = objective.share(platform, LEAST_BAD if hours >= 1 else 1)
    return Alarm(
        key=f"{objective.key}-burn-{name}",
        title=f"Misses of '{objective.title}' (%)",
        meaning=f"Over {window} the error budget of '{objective.title}' is spent {rate:g} times too fast.",
        watch=watch,
        thresholds={severity: objective.threshold(rate)},
        period=round(hours * HOUR),
        minimum=f"{LEAST_BAD} failures" if isinstance(watch, Math) and hours >= 1 else "",
        runbook=f"{objective.key}-burn",
    )


def _queue_depth(platform: Platform, queue: Queue) -> Alarm:
    return Alarm(
        key=f"{queue.name}-queue-depth",
        title=f"Messages in {queue.base_name}",
        meaning=f"Work that failed waits in {queue.base_name}. It is kept for 14 days.",
        watch=queue_series(platform, queue, aws.QUEUE_DEPTH),
        thresholds={"P1" if queue.urgent else "P2": 0},
        period=MINUTE,
        runbook=f"{queue.name}-queue",
    )


def _queue_age(platform: Platform, queue: Queue) -> Alarm:
    return Alarm(
        key=f"{queue.name}-queue-age",
        title=f"Oldest message in {queue.base_name} (s)",
        meaning=f"Work that failed waits in {queue.base_name}, and nobody takes care of it.",
        watch=queue_series(platform, queue, aws.QUEUE_AGE),
        thresholds={"P1" if queue.urgent else "P2": HOUR},
        period=5 * MINUTE,
        runbook=f"{queue.name}-queue",
    )


class Alarms:
    """The alarms of a stage, by what they are about, so that dashboards and composites name them."""

    def __init__(self, platform: Platform) -> None:
        self.burn_minutes = _burn(platform, AVAILABILITY, FAST, 1 / 12, "P1", "minutes")
        self.burn_hour = _burn(platform, AVAILABILITY, FAST, 1, "P1", "hour")
        self.slow_burns = {
            AVAILABILITY.key: (_burn(platform, AVAILABILITY, SLOW, 6, "P2", "slow"),),
            # So few are owed in a small community's five minutes that an hour is the short window.
            **{
                objective.key: (
                    _burn(platform, objective, FAST, 1, "P2", "hour"),
                    _burn(platform, objective, SLOW, 6, "P2", "slow"),
                )
                for objective in (PAYMENT, MAIL)
            },
        }
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
        self.aws_refusals = Alarm(
            key="aws-refusals",
            title="Requests that AWS refused",
            meaning="Requests fail since DynamoDB throttles or fails; the breaker opens itself if it lasts.",
            watch=own(metrics.AWS_REFUSALS, platform),
            thresholds={"P2": 5},
            period=5 * MINUTE,
        )
        self.breaker_itself = Alarm(
            key="breaker-itself",
            title="Breaker opened by itself",
            meaning="DynamoDB has refused for ten minutes: the breaker opened itself to read-only.",
            watch=own(metrics.BREAKER_OPENED_ITSELF, platform, "Maximum"),
            thresholds={"P1": 0},
            period=5 * MINUTE,
        )
        self.canary = Alarm(
            key="canary",
            title="Steps of a member's journey that failed",
            meaning="Page, board, API, sign-in or a member's reads fail from outside, or the canary is silent.",
            watch=own(metrics.CANARY_FAILURES, platform),
            thresholds={"P1": 0},
            period=5 * MINUTE,
            periods=3,
            datapoints=3,
            missing="breaching",
        )
        self.canary_slow = Alarm(
            key="canary-slow",
            title="Time of a member's journey (ms)",
            meaning="Page, board, API, sign-in and a member's reads together take too long from outside.",
            watch=own(metrics.CANARY_DURATION, platform, "Maximum"),
            thresholds={"P2": 8000},
            period=5 * MINUTE,
            periods=3,
            datapoints=3,
        )
        self.canary_life = Alarm(
            key="canary-life",
            title="Lives of a quest that failed",
            meaning="The canary's hourly quest did not go from its post to the paid reward.",
            watch=own(metrics.CANARY_LIFE_FAILURES, platform),
            thresholds={"P2": 0},
            period=HOUR,
        )
        self.certificate = Alarm(
            key="certificate",
            title="Days that the site's certificate lacks of three weeks",
            meaning="The site's certificate ends soon, and was not renewed by itself.",
            watch=own(metrics.CERTIFICATE_SHORTAGE, platform, "Maximum"),
            thresholds={"P2": 0},
            period=HOUR,
        )
        self.sign_in_failures = Alarm(
            key="sign-in-failures",
            title="Sign-ins that failed (%)",
            meaning="Nearly all sign-ins fail: members cannot get in, or somebody tries passwords.",
            watch=Math(
                expression="100 - 100 * success", series={"success": pool_series(platform, aws.SIGN_INS, "Average")}
            ),
            thresholds={"P2": 80},
            period=15 * MINUTE,
            periods=2,
            datapoints=2,
        )
        self.sign_in_throttles = Alarm(
            key="sign-in-throttles",
            title="Sign-ins that Cognito refused for their number",
            meaning="More members sign in than the user pool's quota allows.",
            watch=pool_series(platform, aws.SIGN_IN_THROTTLES),
            thresholds={"P2": 0},
            period=15 * MINUTE,
        )
        self.edge_5xx = self._edge_alarm(platform)
        self.all = collected(vars(self), Alarm)
        self.composites: tuple[Composite, ...] = self._composites()

    def _composites(self) -> tuple[Composite, ...]:
        outage = Composite(
            key="availability-burn",
            meaning="The API fails for so many that its error budget of the month is gone within two days.",
            severity="P1",
            alarms=(self.burn_hour, self.burn_minutes),
            needs_all=True,
        )
        return (
            outage,
            Composite(
                key="lost-work",
                meaning="Sign-ups or rewards could not be done and wait for somebody.",
                severity="P1",
                alarms=(self.failed_rewards, self.queue_depths["user-creation"], self.queue_ages["user-creation"]),
                suppressor=outage,
            ),
        )

    def _edge_alarm(self, platform: Platform) -> Alarm | None:
        """None outside us-east-1, where alone CloudFront publishes: there the canary tells of the edge."""
        if platform.region != aws.GLOBAL_REGION:
            return None
        return Alarm(
            key="edge-5xx",
            title="Requests that the edge answered with 5xx (%)",
            meaning="The edge fails, or cannot reach app and API behind it.",
            watch=edge_series(platform, aws.EDGE_5XX),
            thresholds={"P2": 5},
            period=5 * MINUTE,
            periods=3,
            datapoints=3,
        )

    def topic(self, alarm: Alarm, severity: Severity) -> Topic:
        """The topic that an alarm tells: P1 pages, unless a composite pages in its place."""
        in_composite = any(alarm in c.alarms and severity == c.severity for c in self.composites)
        return "page" if severity == "P1" and not in_composite else "notify"


def status_alarms(stage: str, least: Severity) -> dict[str, str]:
    """The alarms that the status page shows, down to a severity: name to capability (`services.canary.status`)."""
    alarms = Alarms(Platform(stage=stage, region="", account="", api_id="", distribution_id=""))
    by_capability = {
        "sign-in": (alarms.queue_depths["user-creation"], alarms.sign_in_throttles),
        "rewards": (alarms.unpaid_rewards, alarms.failed_rewards, *alarms.slow_burns[PAYMENT.key]),
        "mails": (alarms.failed_notices, *alarms.slow_burns[MAIL.key]),
    }
    wanted = SEVERITIES[: SEVERITIES.index(least) + 1]
    names = {
        alarm.name(stage, severity): capability
        for capability, shown in by_capability.items()
        for alarm in shown
        for severity in alarm.thresholds
        if severity in wanted and severity != "P3"
    }
    outage = next(composite for composite in alarms.composites if composite.needs_all)
    return {outage.name(stage): "quests", **names}


NO_ALARM: dict[Metric, str] = {
    metrics.NOTICES_SENT: "a quiet day in a small community is no fault; mails that fail are alarmed (failed-notices)",
    metrics.PUSHES_SENT: "a quiet day in a small community is no fault",
    metrics.PUSHES_FAILED: "the notice is in the inbox, and its mail leaves all the same",
    metrics.NOTICES_REPEATED: "a second mail is a nuisance to one member; what makes processes die is alarmed",
    metrics.QUESTS_CREATED: "a quiet day in a small community is no fault",
    metrics.ATTESTATIONS_SUBMITTED: "a quiet day in a small community is no fault",
    metrics.QUESTS_COMPLETED: "a quiet day in a small community is no fault",
    metrics.SILENT_CONFIRMATIONS: "members who stay silent are a matter for the community, not for a pager",
    metrics.CONCURRENT_ATTESTATION_CONFLICTS: "the second of two simultaneous attestations is tried again and succeeds",
    metrics.REWARDS_PAID: "what is not paid is alarmed instead (failed-rewards, unpaid-rewards)",
    metrics.REWARDS_DIMINISHED: "what a ring repeats pays nothing; `civicforge fairness` says who it is",
    metrics.CLAIMS_HELD: "the ceiling is a condition of the claim's own write, so that nobody can pass it",
    **dict.fromkeys(
        (aws.TABLE_READ_THROTTLES, aws.TABLE_WRITE_THROTTLES, aws.INDEX_READ_THROTTLES, aws.INDEX_WRITE_THROTTLES),
        "one that is tried again hurts nobody; requests that fail of them are alarmed (aws-refusals)",
    ),
    aws.LAMBDA_THROTTLES: "the api's become 5xx, which are alarmed; the others are tried again and end in a queue, "
    "which is alarmed; with the breaker at `stopped` they are wanted",
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
    aws.EDGE_REQUESTS: "a quiet day in a small community is no fault",
    aws.EDGE_BYTES: "the money is the budget's to watch",
    aws.LOG_BYTES: "the money is the budget's to watch",
    aws.ACCOUNT_CHARGES: "AWS Budgets tells about actual and forecast spend",
}
"""Every metric of the catalogue that no alarm watches."""
