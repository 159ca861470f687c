"""The cost of a stage: estimated from what it used, per completed quest, against its budget.

The figures are list prices of `infra.observability.prices` without any free tier, so the bill is lower.
"""

import calendar
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from infra.observability import aws
from infra.observability.catalogue import api_series, lambda_series, log_series, table_series
from infra.observability.model import Platform, Series, own
from infra.observability.prices import PRICES, Prices
from ops.shared.budget import budget
from ops.shared.stage import Stage
from ops.shared.terminal import Terminal
from services.core import metrics
from services.core.parameters import API_ID, DISTRIBUTION_ID
from services.core.services import SERVICES
from services.core.tables import TABLES

MILLION: Final = 1e6
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
    """Dollars for an amount of a unit of `usage_series`, Lambda's requests excepted by their service."""
    if unit.startswith("milliseconds of "):
        gigabytes = memory_mb[unit.removeprefix("milliseconds of ")] / 1024
        return amount / 1000 * gigabytes * prices.lambda_gb_second / MILLION
    each = {"mails": prices.mail, "bytes": prices.log_byte, "reads": prices.read_unit, "writes": prices.write_unit}
    return amount * each[unit] / MILLION


def standing(stage: Stage) -> float:
    """Dollars a month for what costs without being used: alarms and dashboards."""
    prefix = stage.resource("")
    alarms = composites = 0
    for page in stage.cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=prefix, AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    ):
        composites += len(page.get("CompositeAlarms", []))
        for alarm in page.get("MetricAlarms", []):
            reads = [query for query in alarm.get("Metrics", []) if "MetricStat" in query]
            alarms += len(reads) or 1
    boards = stage.cloudwatch.list_dashboards(DashboardNamePrefix=prefix).get("DashboardEntries", [])
    return alarms * PRICES.alarm_metric + composites * PRICES.composite_alarm + len(boards) * PRICES.dashboard


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


def estimate(stage: Stage, now: datetime) -> dict[str, Any]:
    """The month so far and projected to its end, by service, per completed quest, and the budget. In dollars."""
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
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
    amounts = sums(stage, [*(series for _, _, series in used), completed], start, now)
    by_service: dict[str, float] = {}
    for (service, unit, _), amount in zip(used, amounts, strict=False):
        each = {"Lambda": PRICES.lambda_request, "API Gateway": PRICES.api_request}
        dollars = amount * each[service] / MILLION if unit == "requests" else price(unit, amount, memory)
        by_service[service] = by_service.get(service, 0.0) + dollars
    days = calendar.monthrange(now.year, now.month)[1]
    share = max((now - start) / timedelta(days=days), 1 / (24 * days))
    fixed = standing(stage)
    by_service["Alarms and dashboards"] = fixed * share
    total = sum(by_service.values())
    quests = amounts[-1]
    limit = budget(stage)
    return {
        "month": f"{now:%Y-%m}",
        "byService": {service: round(dollars, 4) for service, dollars in sorted(by_service.items())},
        "soFar": round(total, 4),
        "monthProjected": round((total - fixed * share) / share + fixed, 2),
        "completedQuests": int(quests),
        "perCompletedQuest": round(total / quests, 4) if quests else None,
        "billed": limit[0] if limit else None,
        "budget": limit[1] if limit else None,
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
