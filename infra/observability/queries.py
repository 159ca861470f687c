"""The saved queries of a stage for CloudWatch Logs Insights: for more lines than `civicforge logs` should read.

The fields are the keys of our own lines and of Lambda's JSON records. A word in capitals is to be replaced.
"""

from dataclasses import dataclass

from services.core.names import audit_log_group, log_group, resource_name
from services.core.services import SERVICES

AUDIT = "audit"
"""The log of what operators changed, beside the services'."""
EVERY = tuple(SERVICES)


@dataclass(frozen=True, kw_only=True)
class Query:
    """A saved query. `logs` are services, or `AUDIT`; `runbook` are the sections that name it."""

    key: str
    meaning: str
    logs: tuple[str, ...]
    text: str
    runbook: tuple[str, ...]

    def name(self, stage: str) -> str:
        """Its name in CloudWatch."""
        return resource_name(stage, self.key)

    def log_groups(self, stage: str) -> list[str]:
        """The log groups that it reads."""
        return [audit_log_group(stage) if log == AUDIT else log_group(stage, log) for log in self.logs]


QUERIES = (
    Query(
        key="errors",
        meaning="Errors of all Lambdas, newest first, with Lambda's own records of exceptions and of failed runs.",
        logs=EVERY,
        text="""\
fields @timestamp, service, message, request_id, reason, cause, exception, errorType, errorMessage, record.errorType
| filter level in ["ERROR", "CRITICAL"] or ispresent(cause) or ispresent(errorType)
    or record.status in ["error", "failure", "timeout"]
| sort @timestamp desc
| limit 200""",
        runbook=("api-errors", "lambda-errors"),
    ),
    Query(
        key="request",
        meaning="All lines of one request, whose id is in its answer. Replace REQUEST.",
        logs=EVERY,
        text="""\
fields @timestamp, service, message, route, status, duration_ms, code, cause, user, quest_id, entry_id
| filter request_id = "REQUEST"
| sort @timestamp asc""",
        runbook=("api-errors", "unpaid-performer"),
    ),
    Query(
        key="member",
        meaning="Requests of one member and notices to them. Replace DIGEST; `member find` shows it under `in logs`.",
        logs=EVERY,
        text="""\
fields @timestamp, service, message, route, status, code, request_id, quest_id, kind
| filter user = "DIGEST"
| sort @timestamp desc
| limit 500""",
        runbook=("unpaid-performer",),
    ),
    Query(
        key="quest",
        meaning="Rewards and notices of one quest, and documents of it that could not be published. Replace QUEST.",
        logs=("rewards", "notifier", "publisher"),
        text="""\
fields @timestamp, service, message, entry_id, request_id, kind, exception
| filter quest_id = "QUEST"
| sort @timestamp asc""",
        runbook=("unpaid-performer", "stuck-quest"),
    ),
    Query(
        key="refused",
        meaning="Refused and failed requests by answer, reason and route, with the number of members concerned.",
        logs=("api",),
        text="""\
filter message = "request" and status >= 400
| stats count(*) as requests, count_distinct(user) as members by status, code, route, cause
| sort requests desc
| limit 100""",
        runbook=("availability-burn", "aws-refusals", "flood"),
    ),
    Query(
        key="slow-requests",
        meaning="The slowest requests of those over a second.",
        logs=("api",),
        text="""\
fields @timestamp, route, status, duration_ms, request_id, cause
| filter message = "request" and duration_ms > 1000
| sort duration_ms desc
| limit 100""",
        runbook=("api-latency",),
    ),
    Query(
        key="routes",
        meaning="Requests and their time in milliseconds, by route.",
        logs=("api",),
        text="""\
filter message = "request"
| stats count(*) as requests, pct(duration_ms, 50) as p50, pct(duration_ms, 95) as p95, max(duration_ms) as slowest
    by route
| sort requests desc""",
        runbook=("api-latency", "flood"),
    ),
    Query(
        key="cold-starts",
        meaning="Cold starts by hour and Lambda, their time in milliseconds, and the largest use of memory in MB.",
        logs=EVERY,
        text="""\
filter type = "platform.report"
| stats count(record.metrics.initDurationMs) as starts, pct(record.metrics.initDurationMs, 95) as p95,
    max(record.metrics.initDurationMs) as slowest, max(record.metrics.maxMemoryUsedMB) as memory
    by bin(1h), @log
| sort starts desc""",
        runbook=("api-latency", "lambda-errors"),
    ),
    Query(
        key="unpaid",
        meaning="Rewards that could not be paid, by entry and reason.",
        logs=("rewards",),
        text="""\
filter message in ["reward failed", "not settled"]
| stats count(*) as times, max(@timestamp) as last by entry_id, message, reason, exception_name
| sort times desc""",
        runbook=("failed-rewards", "unpaid-rewards"),
    ),
    Query(
        key="not-sent",
        meaning="Mails and notices to devices that did not leave, and members whose mails stopped, by reason.",
        logs=("notifier",),
        text="""\
filter message in ["mail not sent", "mails stopped", "push not taken", "not pushed", "not told"]
| stats count(*) as times, max(@timestamp) as last by message, reason, why
| sort times desc""",
        runbook=("failed-notices", "refused-mails"),
    ),
    Query(
        key="operators",
        meaning="Changes by operators, newest first.",
        logs=(AUDIT,),
        text="""\
fields @timestamp, actor, action, target, reason, outcome
| sort @timestamp desc
| limit 200""",
        runbook=("Drift",),
    ),
)
