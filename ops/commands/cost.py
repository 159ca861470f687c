"""The cost of a stage: estimated from what it used, per completed quest, against its budget.

The figures are list prices of `infra.observability.prices` without any free tier, so the bill is lower.
"""

import calendar
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

from infra.observability import aws
from infra.observability.catalogue import api_series, lambda_series, log_series, table_series
from infra.observability.model import Platform, Series, own
from infra.observability.prices import PRICES, Prices
from ops.shared.budget import budget
from ops.shared.stage import Stage
from ops.shared.terminal import Terminal
from services.core import metrics
from services.core.metrics import NAMESPACE
from services.core.names import GATEWAY_STAGE
from services.core.parameters import API_ID, DISTRIBUTION_ID
from services.core.routes import GATEWAY_ROUTES
from services.core.services import SERVICES
from services.core.tables import TABLES

MILLION: Final = 1e6
METRICS_OF_A_ROUTE: Final = 5
"""Count, 4xx, 5xx, Latency, IntegrationLatency."""
_DAY: Final = 24 * 3600


def usage_series(platform: Platform) -> Iterator[tuple[str, str, Series]]:
    """The series of usage, as (service, unit, series)."""
    for service in SERVICES:
        yield "Lambda", "requests", lambda_series(platform, service, aws.LAMBDA_INVOCATIONS)
        yield "Lambda", f"milliseconds of {service}", lambda_series(platform, service, aws.LAMBDA_DURATION)
        yield "CloudWatch", "bytes", log_series(platform, service)
    yield "SES", "mails", own(metrics.NOTICES_SENT, platform)
    yield "API Gateway", "requests", api_series(platform, aws.API_COUNT)
    for table in TABLES:
        yield "DynamoDB", "reads", table_series(platform, table, aws.TABLE_READ_UNITS)
        yield "DynamoDB", "writes", table_series(platform, table, aws.TABLE_WRITE_UNITS)
        for index in table.indexes:
            yield "DynamoDB", "reads", table_series(platform, table, aws.INDEX_READ_UNITS, index)
            yield "DynamoDB", "writes", table_series(platform, table, aws.INDEX_WRITE_UNITS, index)


def price(unit: str, amount: float, memory_mb: dict[str, int], prices: Prices = PRICES) -> float:
    """Dollars for an amount of a unit of `usage_series`; not for `requests`, whose price depends on the service."""
    if unit.startswith("milliseconds of "):
        gigabytes = memory_mb[unit.removeprefix("milliseconds of ")] / 1024
        return amount / 1000 * gigabytes * prices.lambda_gb_second / MILLION
    each = {"mails": prices.mail, "bytes": prices.log_byte, "reads": prices.read_unit, "writes": prices.write_unit}
    return amount * each[unit] / MILLION


class FixedCosts(NamedTuple):
    """Costs that do not depend on use, in dollars a month."""

    alarms: float
    dashboards: float
    keys: float
    metrics: float
    route_metrics: float


def fixed_costs(stage: Stage) -> FixedCosts:
    """The fixed costs of a stage. A custom metric counts from its first value on."""
    prefix = stage.resource("")
    read = composites = 0
    for page in stage.cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    ):
        composites += len(page.get("CompositeAlarms", []))
        for alarm in page.get("MetricAlarms", []):
            reads = [query for query in alarm.get("Metrics", []) if "MetricStat" in query]
            read += len(reads) or 1
    boards = stage.cloudwatch.list_dashboards(DashboardNamePrefix=prefix).get("DashboardEntries", [])
    topics = [stage.sns.get_topic_attributes(TopicArn=topic)["Attributes"] for topic in _topics(stage, prefix)]
    keys = {topic["KmsMasterKeyId"] for topic in topics if topic.get("KmsMasterKeyId")}
    return FixedCosts(
        alarms=read * PRICES.alarm_metric + composites * PRICES.composite_alarm,
        dashboards=len(boards) * PRICES.dashboard,
        keys=len(keys) * PRICES.key,
        metrics=_custom_metrics(stage) * PRICES.custom_metric,
        route_metrics=_measured_routes(stage) * METRICS_OF_A_ROUTE * PRICES.custom_metric,
    )


def _topics(stage: Stage, prefix: str) -> list[str]:
    pages = stage.sns.get_paginator("list_topics").paginate()
    arns = [topic["TopicArn"] for page in pages for topic in page["Topics"]]
    return [arn for arn in arns if arn.rpartition(":")[2].startswith(prefix)]


def _custom_metrics(stage: Stage) -> int:
    """Our own metrics that had a value within the last two weeks."""
    pages = stage.cloudwatch.get_paginator("list_metrics").paginate(
        Namespace=NAMESPACE, Dimensions=[{"Name": "stage", "Value": stage.name}]
    )
    return sum(len(page["Metrics"]) for page in pages)


def _measured_routes(stage: Stage) -> int:
    """Routes whose own metrics are on."""
    try:
        found = stage.apigateway.get_stage(ApiId=stage.parameter(API_ID), StageName=GATEWAY_STAGE)
    except stage.apigateway.exceptions.NotFoundException:
        return 0
    own: dict[str, Any] = {**found.get("RouteSettings", {})}
    every = found.get("DefaultRouteSettings", {}).get("DetailedMetricsEnabled", False)
    if every:
        off = [route for route, settings in own.items() if settings.get("DetailedMetricsEnabled") is False]
        return len(GATEWAY_ROUTES) - len(off)
    return sum(1 for settings in own.values() if settings.get("DetailedMetricsEnabled"))


def sums(stage: Stage, series: list[Series], start: datetime, end: datetime) -> list[float]:
    """The sum of each series over the time."""
    found: list[float] = [0.0] * len(series)
    for first in range(0, len(series), 500):
        queries: Any = [
            {
                "Id": f"m{first + number}",
                "MetricStat": {
                    "Metric": {
                        "Namespace": one.metric.namespace,
                        "MetricName": one.metric.name,
                        "Dimensions": [{"Name": name, "Value": value} for name, value in one.dimensions.items()],
                    },
                    "Period": _DAY,
                    "Stat": "Sum",
                },
            }
            for number, one in enumerate(series[first : first + 500])
        ]
        pages = stage.cloudwatch.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=start, EndTime=end
        )
        for page in pages:
            for result in page["MetricDataResults"]:
                found[int(result["Id"][1:])] += sum(result["Values"])
    return found


def first_deployed_at(stage: Stage) -> datetime:
    """The time of the stage's first deployment, by its oldest table. Before, the stage costs nothing."""
    tables = (stage.dynamodb.describe_table(TableName=stage.table(table))["Table"] for table in TABLES)
    return min(table["CreationDateTime"] for table in tables).astimezone(UTC)


def estimate(stage: Stage, now: datetime) -> dict[str, Any]:
    """The month so far and projected to its end, by service, per completed quest, and the budget. In dollars."""
    first = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    days = calendar.monthrange(now.year, now.month)[1]
    start = max(first, first_deployed_at(stage))
    platform = Platform(
        stage=stage.name,
        region=stage.region,
        account=stage.account,
        api_id=stage.parameter(API_ID),
        distribution_id=stage.parameter(DISTRIBUTION_ID),
    )
    memory = {
        service: stage.lambda_.get_function_configuration(FunctionName=stage.resource(service))["MemorySize"]
        for service in SERVICES
    }
    used = list(usage_series(platform))
    completed = own(metrics.QUESTS_COMPLETED, platform)
    amounts = sums(stage, [*(series for _, _, series in used), completed], first, now)
    by_service: dict[str, float] = {}
    for (service, unit, _), amount in zip(used, amounts, strict=False):
        each = {"Lambda": PRICES.lambda_request, "API Gateway": PRICES.api_request}
        dollars = amount * each[service] / MILLION if unit == "requests" else price(unit, amount, memory)
        by_service[service] = by_service.get(service, 0.0) + dollars
    month = timedelta(days=days)
    share = max((now - start) / month, 1 / (24 * days))
    whole = max((first + month - start) / month, share)
    fixed_part = fixed_costs(stage)
    fixed = sum(fixed_part)
    by_service |= {
        f"{name.replace('_', ' ').capitalize()}": cost * share for name, cost in fixed_part._asdict().items()
    }
    total = sum(by_service.values())
    quests = amounts[-1]
    limit = budget(stage)
    return {
        "month": f"{now:%Y-%m}",
        "byService": {service: round(dollars, 4) for service, dollars in sorted(by_service.items())},
        "soFar": round(total, 4),
        "monthProjected": round((total - fixed * share) * whole / share + fixed * whole, 2),
        "completedQuests": int(quests),
        "perCompletedQuest": round(total / quests, 4) if quests else None,
        "billed": limit[0] if limit else None,
        "budget": limit[1] if limit else None,
        "aMonthWithoutUse": {name: round(cost, 2) for name, cost in fixed_part._asdict().items()},
    }


def cost(stage: Stage, terminal: Terminal) -> None:
    """Estimate what the stage costs this month, by service and per completed quest, against its budget."""
    found = estimate(stage, datetime.now(UTC))
    each = found["perCompletedQuest"]
    budgeted = f"${found['billed']:.2f} of ${found['budget']:.2f}" if found["budget"] else "there is no budget"
    lines = [f"{service:<24}${dollars:>9.4f}" for service, dollars in found["byService"].items()]
    lines += [
        f"{'so far':<24}${found['soFar']:>9.4f}",
        f"{'projected to the end':<24}${found['monthProjected']:>9.2f}",
        f"{'per completed quest':<24}"
        + (f"${each:>9.4f} ({found['completedQuests']} completed)" if each else "none yet"),
        f"{'billed, of the budget':<24}{budgeted}",
    ]
    terminal.result(found, *lines, "At list prices, without what AWS gives for free: the bill is lower.")
