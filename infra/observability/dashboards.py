"""The three dashboards of a stage: is it well, is it used, what does it cost."""

from infra.observability import aws
from infra.observability.catalogue import (
    Alarms,
    api_series,
    edge_series,
    lambda_series,
    log_series,
    table_series,
)
from infra.observability.model import Dashboard, Line, Math, Panel, Platform, Series, own
from infra.observability.objectives import AVAILABILITY, MAIL, OBJECTIVES, PAYMENT
from infra.observability.prices import PRICES
from services.core import metrics
from services.core.metrics import Metric, Statistic
from services.core.services import SERVICES
from services.core.tables import LEDGER, QUESTS, REPORTS, TABLES, USERS

HOUR = 3600
DAY = 24 * HOUR
COSTLY_TABLES = tuple(table for table in TABLES if table is not REPORTS)
"""Reports are few, and a dashboard of fifty metrics is free; `civicforge cost` counts them."""


def dashboards(platform: Platform, alarms: Alarms) -> tuple[Dashboard, ...]:
    """Service health, business and cost."""
    return (_health(platform, alarms), _business(platform, alarms), _cost(platform))


def _per_function(platform: Platform, metric: Metric, statistic: Statistic = "Sum") -> tuple[Line, ...]:
    return tuple(Line(label=service, watch=lambda_series(platform, service, metric, statistic)) for service in SERVICES)


def _health(platform: Platform, alarms: Alarms) -> Dashboard:
    def api(label: str, metric: Metric, statistic: Statistic = "Sum") -> Line:
        return Line(label=label, watch=api_series(platform, metric, statistic))

    return Dashboard(
        key="health",
        title="Service health",
        intro="Red lines are the thresholds of the alarms. Each alarm's message links to its section of the runbook.",
        alarms=True,
        panels=(
            Panel(title="Requests", shows=(api("requests", aws.API_COUNT), api("4xx", aws.API_4XX))),
            Panel(title="Availability: misses in 5 minutes", shows=(alarms.burn_minutes,)),
            Panel(title="Availability: misses in an hour", shows=(alarms.burn_hour,)),
            Panel(title="Availability: misses in 6 hours", shows=alarms.slow_burns[AVAILABILITY.key]),
            Panel(title="Unhandled errors, refusals of AWS", shows=(alarms.api_errors, alarms.aws_refusals)),
            Panel(title="A member's journey: failed steps", shows=(alarms.canary,)),
            Panel(title="A member's journey: time", shows=(alarms.canary_slow,)),
            Panel(title="A quest's life, certificate", shows=(alarms.canary_life, alarms.certificate)),
            Panel(title="Breaker opened by itself", shows=(alarms.breaker_itself,)),
            Panel(title="Sign-ins", shows=(alarms.sign_in_failures, alarms.sign_in_throttles)),
            Panel(
                title="Latency",
                shows=(
                    alarms.api_latency,
                    api("p50", aws.API_LATENCY, "p50"),
                    api("p99", aws.API_LATENCY, "p99"),
                    api("p95 of the api itself", aws.API_INTEGRATION_LATENCY, "p95"),
                ),
            ),
            Panel(title="Lambda: runs", shows=_per_function(platform, aws.LAMBDA_INVOCATIONS)),
            Panel(title="Lambda: failed runs of the api", shows=(alarms.function_errors["api"],)),
            Panel(
                title="Lambda: failed runs of the others",
                shows=tuple(alarm for service, alarm in alarms.function_errors.items() if service != "api"),
            ),
            Panel(
                title="Lambda: throttles, concurrency",
                shows=(
                    Line(label="throttles of the api", watch=lambda_series(platform, "api", aws.LAMBDA_THROTTLES)),
                    Line(
                        label="api at once",
                        watch=lambda_series(platform, "api", aws.LAMBDA_CONCURRENCY, "Maximum"),
                    ),
                ),
            ),
            Panel(title="Dead letters", shows=tuple(alarms.queue_depths.values())),
            Panel(title="Age of the oldest dead letter", shows=tuple(alarms.queue_ages.values())),
            Panel(
                title="Ledger stream: age (ms)",
                shows=(
                    Line(
                        label="rewards",
                        watch=lambda_series(platform, "rewards", aws.LAMBDA_ITERATOR_AGE, "Maximum"),
                    ),
                ),
            ),
            Panel(
                title="Edge: 5xx (%)",
                shows=(alarms.edge_5xx or Line(label="5xx", watch=edge_series(platform, aws.EDGE_5XX)),),
            ),
        ),
    )


def _business(platform: Platform, alarms: Alarms) -> Dashboard:
    def line(metric: Metric) -> Line:
        return Line(label=metric.name, watch=own(metric, platform))

    created, completed = own(metrics.QUESTS_CREATED, platform), own(metrics.QUESTS_COMPLETED, platform)
    completion = Line(
        label="completed per 100 created",
        watch=Math(expression="100 * completed / created", series={"completed": completed, "created": created}),
    )
    return Dashboard(
        key="business",
        title="Business",
        intro="What the community does. Figures cover the time shown, curves a day each.",
        start="-P28D",
        panels=(
            *(
                Panel(title=title, shows=(line(metric),), number=True, width=6)
                for title, metric in (
                    ("Quests posted", metrics.QUESTS_CREATED),
                    ("Attestations", metrics.ATTESTATIONS_SUBMITTED),
                    ("Quests completed", metrics.QUESTS_COMPLETED),
                    ("Rewards paid", metrics.REWARDS_PAID),
                )
            ),
            Panel(
                title="Quests posted, completed, and completed by silence",
                shows=(
                    line(metrics.QUESTS_CREATED),
                    line(metrics.QUESTS_COMPLETED),
                    line(metrics.SILENT_CONFIRMATIONS),
                ),
                period=DAY,
                width=12,
            ),
            Panel(title="Completed per 100 posted", shows=(completion,), period=7 * DAY, width=12),
            Panel(
                title="Attestations and conflicts",
                shows=(
                    line(metrics.ATTESTATIONS_SUBMITTED),
                    line(metrics.CONCURRENT_ATTESTATION_CONFLICTS),
                ),
                period=DAY,
            ),
            Panel(
                title="Mails of notices", shows=(line(metrics.NOTICES_SENT), line(metrics.NOTICES_REPEATED)), period=DAY
            ),
            Panel(
                title="Notices to devices", shows=(line(metrics.PUSHES_SENT), line(metrics.PUSHES_FAILED)), period=DAY
            ),
            *(
                Panel(
                    title=f"Error budget left (%): {objective.title}",
                    shows=(Line(label="left", watch=objective.left(platform)),),
                    number=True,
                )
                for objective in OBJECTIVES
            ),
            *(
                Panel(title=f"{objective.title}: misses in {window}", shows=(alarm,))
                for objective in (PAYMENT, MAIL)
                for alarm, window in zip(alarms.slow_burns[objective.key], ("an hour", "6 hours"), strict=True)
            ),
            Panel(title="Notices that failed", shows=(alarms.failed_notices,)),
            Panel(title="Mails that were refused", shows=(alarms.refused_mails,)),
            Panel(title="Rewards that failed", shows=(alarms.failed_rewards,)),
            Panel(title="Oldest unpaid reward", shows=(alarms.unpaid_rewards,)),
            Panel(
                title="Rewards paid, over time",
                shows=(line(metrics.REWARDS_PAID), line(metrics.REWARDS_DIMINISHED)),
                period=DAY,
            ),
            Panel(
                title="Claims held",
                shows=(Line(label="most of a member", watch=own(metrics.CLAIMS_HELD, platform, "Maximum")),),
                period=DAY,
            ),
            Panel(title="Ledger drift", shows=(alarms.ledger_drift,)),
            Panel(title="Publication lag", shows=(alarms.publication_lag,)),
            Panel(title="Document drift", shows=(alarms.document_drift,)),
            Panel(title="Feature flags", shows=(alarms.flag_errors, alarms.parameter_failures)),
            Panel(
                title="Account's bill this month (dollars)",
                shows=(Line(label="bill", watch=_bill()),),
                period=6 * HOUR,
            ),
            # AWS gives fifty metrics to a dashboard for free, which decides where the bill, edge and tables stand.
            Panel(
                title="DynamoDB: throttles of tables",
                shows=_throttles(platform, aws.TABLE_READ_THROTTLES, aws.TABLE_WRITE_THROTTLES),
                period=HOUR,
            ),
            Panel(
                title="DynamoDB: throttles of the board's indexes",
                shows=_index_throttles(platform),
                period=HOUR,
            ),
            Panel(
                title="Edge: requests",
                shows=(Line(label="requests", watch=edge_series(platform, aws.EDGE_REQUESTS)),),
                period=HOUR,
            ),
            Panel(
                title="Edge: bytes",
                shows=(Line(label="bytes", watch=edge_series(platform, aws.EDGE_BYTES)),),
                period=HOUR,
            ),
            Panel(
                title="Two wanted the same thing: failed conditions, conflicts",
                shows=tuple(
                    Line(label=f"{table.base_name}: {label}", watch=table_series(platform, table, metric))
                    for table in (QUESTS, USERS, LEDGER)
                    for label, metric in (
                        ("conditions", aws.TABLE_CONDITIONS_FAILED),
                        ("conflicts", aws.TABLE_CONFLICTS),
                    )
                ),
                period=DAY,
            ),
        ),
    )


def _throttles(platform: Platform, *metrics_: Metric) -> tuple[Line, ...]:
    return tuple(
        Line(label=f"{table.base_name}: {metric.name}", watch=table_series(platform, table, metric))
        for table in TABLES
        for metric in metrics_
    )


def _index_throttles(platform: Platform) -> tuple[Line, ...]:
    return tuple(
        Line(label=f"{index.name}: {metric.name}", watch=table_series(platform, QUESTS, metric, index))
        for index in QUESTS.indexes
        for metric in (aws.INDEX_READ_THROTTLES, aws.INDEX_WRITE_THROTTLES)
    )


def _cost(platform: Platform) -> Dashboard:
    parts = _cost_parts(platform)
    return Dashboard(
        key="cost",
        title="Cost",
        intro="Estimated from use at list prices, without free tiers and fixed costs; see docs/monitoring.md. "
        "The account's bill is AWS's own figure.",
        start="-P28D",
        panels=(
            Panel(
                title="Dollars per completed quest",
                shows=(Line(label="per completed quest", watch=_per_quest(platform, parts)),),
                period=DAY,
                number=True,
                width=6,
            ),
            Panel(title="Use (dollars)", shows=(Line(label="use", watch=_total(parts)),), number=True, width=6),
            Panel(
                title="Quests completed",
                shows=(Line(label="completed", watch=own(metrics.QUESTS_COMPLETED, platform)),),
                number=True,
                width=6,
            ),
            Panel(
                title="Dollars by service",
                shows=tuple(Line(label=label, watch=part) for label, part in parts.items()),
                period=DAY,
                width=12,
            ),
            Panel(
                title="Dollars per completed quest, over time",
                shows=(Line(label="per completed quest", watch=_per_quest(platform, parts)),),
                period=7 * DAY,
                width=12,
            ),
            Panel(
                title="DynamoDB: write units",
                shows=_units(platform, aws.TABLE_WRITE_UNITS, aws.INDEX_WRITE_UNITS),
                period=HOUR,
            ),
            Panel(
                title="DynamoDB: read units",
                shows=_units(platform, aws.TABLE_READ_UNITS, aws.INDEX_READ_UNITS),
                period=HOUR,
            ),
            Panel(
                title="Lambda: time (ms)",
                shows=_per_function(platform, aws.LAMBDA_DURATION),
                period=HOUR,
            ),
            # Here, where the metrics are paid for already: a dashboard has fifty for free.
            Panel(
                title="Lambda: p95 duration (ms)",
                shows=_per_function(platform, aws.LAMBDA_DURATION, "p95"),
                period=HOUR,
            ),
            Panel(
                title="Logs (bytes)",
                shows=tuple(Line(label=service, watch=log_series(platform, service)) for service in SERVICES),
                period=HOUR,
            ),
        ),
    )


def _bill() -> Series:
    return Series(
        metric=aws.ACCOUNT_CHARGES, statistic="Maximum", dimensions={"Currency": "USD"}, region=aws.GLOBAL_REGION
    )


def _units(platform: Platform, of_table: Metric, of_index: Metric) -> tuple[Line, ...]:
    return tuple(
        line
        for table in COSTLY_TABLES
        for line in (
            Line(label=table.base_name, watch=table_series(platform, table, of_table)),
            *(
                Line(label=f"{table.base_name}/{index.name}", watch=table_series(platform, table, of_index, index))
                for index in table.indexes
            ),
        )
    )


def _cost_parts(platform: Platform) -> dict[str, Math]:
    """Dollars of each service in a period, from its use."""
    series: dict[str, dict[str, Series]] = {"Lambda": {}, "HTTP API": {}, "DynamoDB": {}, "Logs": {}}
    terms: dict[str, list[str]] = {part: [] for part in series}

    def add(part: str, name: str, one: Series, per_million: float) -> None:
        series[part][name] = one
        terms[part].append(f"{per_million:.6f}".rstrip("0").rstrip(".") + f" * {name}")

    for service in SERVICES:
        gb_per_ms = platform.memory_mb[service] / 1024 / 1000
        add(
            "Lambda",
            f"ms_{service}",
            lambda_series(platform, service, aws.LAMBDA_DURATION),
            gb_per_ms * PRICES.lambda_gb_second,
        )
        add(
            "Lambda",
            f"runs_{service}",
            lambda_series(platform, service, aws.LAMBDA_INVOCATIONS),
            PRICES.lambda_request,
        )
        add("Logs", f"logs_{service}", log_series(platform, service), PRICES.log_byte)
    add("HTTP API", "requests", api_series(platform, aws.API_COUNT), PRICES.api_request)
    for table in COSTLY_TABLES:
        add("DynamoDB", f"r_{table.base_name}", table_series(platform, table, aws.TABLE_READ_UNITS), PRICES.read_unit)
        add("DynamoDB", f"w_{table.base_name}", table_series(platform, table, aws.TABLE_WRITE_UNITS), PRICES.write_unit)
        for index in table.indexes:
            add(
                "DynamoDB",
                f"r_{table.base_name}_{index.name}",
                table_series(platform, table, aws.INDEX_READ_UNITS, index),
                PRICES.read_unit,
            )
            add(
                "DynamoDB",
                f"w_{table.base_name}_{index.name}",
                table_series(platform, table, aws.INDEX_WRITE_UNITS, index),
                PRICES.write_unit,
            )
    return {part: Math(expression=f"({' + '.join(terms[part])}) / 1000000", series=series[part]) for part in series}


def _total(parts: dict[str, Math]) -> Math:
    return Math(
        expression=" + ".join(part.expression for part in parts.values()),
        series={name: one for part in parts.values() for name, one in part.series.items()},
    )


def _per_quest(platform: Platform, parts: dict[str, Math]) -> Math:
    """CloudWatch drops the data point of a period in which no quest was completed."""
    total = _total(parts)
    return Math(
        expression=f"({total.expression}) / completed",
        series={**total.series, "completed": own(metrics.QUESTS_COMPLETED, platform)},
    )
