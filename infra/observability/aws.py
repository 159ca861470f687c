"""The metrics that AWS publishes about what a stage consists of, in the terms of `services.core.metrics`.

Names, dimension sets, units and statistics are those of each service's "metrics and dimensions" page. An HTTP API (v2)
publishes `4xx` and `5xx` by ApiId; `4XXError` by ApiName belongs to REST APIs and would never have data here.
"""

from typing import Final

from services.core.collecting import collected
from services.core.metrics import Metric, Statistic, Unit

GLOBAL_REGION: Final = "us-east-1"
"""The region of what belongs to no region: CloudFront's metrics and log deliveries, the account's charges."""

_LATENCY: tuple[Statistic, ...] = ("p50", "p95", "p99", "Maximum")
"""No average: the slow requests are what is asked about."""


def _lambda(name: str, description: str, unit: Unit = "Count", statistics: tuple[Statistic, ...] = ("Sum",)) -> Metric:
    return Metric(
        namespace="AWS/Lambda",
        name=name,
        description=description,
        unit=unit,
        dimensions=("FunctionName",),
        statistics=statistics,
    )


LAMBDA_INVOCATIONS = _lambda("Invocations", "Runs of a function, failed ones included.")
LAMBDA_ERRORS = _lambda("Errors", "Runs that ended in an exception, a timeout or a crash.")
LAMBDA_THROTTLES = _lambda("Throttles", "Runs refused for want of concurrency.")
LAMBDA_DURATION = _lambda("Duration", "Time that a run took.", "Milliseconds", (*_LATENCY, "Sum"))
LAMBDA_CONCURRENCY = _lambda("ConcurrentExecutions", "Runs at the same moment.", statistics=("Maximum",))
LAMBDA_ITERATOR_AGE = _lambda("IteratorAge", "Age of the last stream record of a batch.", "Milliseconds", ("Maximum",))


def _http_api(
    name: str, description: str, unit: Unit = "Count", statistics: tuple[Statistic, ...] = ("Sum",)
) -> Metric:
    return Metric(
        namespace="AWS/ApiGateway",
        name=name,
        description=description,
        unit=unit,
        dimensions=("ApiId", "Stage"),
        statistics=statistics,
    )


API_COUNT = _http_api("Count", "Requests that reached the HTTP API.")
API_4XX = _http_api("4xx", "Requests answered with 4xx, throttled ones (429) included.")
API_5XX = _http_api("5xx", "Requests answered with 5xx, by the gateway itself or the api.")
API_LATENCY = _http_api("Latency", "From the request's arrival to its answer.", "Milliseconds", _LATENCY)
API_INTEGRATION_LATENCY = _http_api("IntegrationLatency", "The api's share of it.", "Milliseconds", _LATENCY)


def _dynamodb(name: str, description: str, *, index: bool = False) -> Metric:
    """With `index`, the figures of one index; without, those of the table alone, its indexes left out."""
    return Metric(
        namespace="AWS/DynamoDB",
        name=name,
        description=description,
        unit="Count",
        dimensions=("TableName", "GlobalSecondaryIndexName") if index else ("TableName",),
    )


TABLE_READ_THROTTLES = _dynamodb("ReadThrottleEvents", "Reads of a table that were refused.")
TABLE_WRITE_THROTTLES = _dynamodb("WriteThrottleEvents", "Writes to a table that were refused.")
INDEX_READ_THROTTLES = _dynamodb("ReadThrottleEvents", "Reads of an index that were refused.", index=True)
INDEX_WRITE_THROTTLES = _dynamodb(
    "WriteThrottleEvents",
    "Writes to an index that were refused; the write to its table is refused with them.",
    index=True,
)
TABLE_READ_UNITS = _dynamodb("ConsumedReadCapacityUnits", "Read units that a table used.")
TABLE_WRITE_UNITS = _dynamodb("ConsumedWriteCapacityUnits", "Write units that a table used.")
INDEX_READ_UNITS = _dynamodb("ConsumedReadCapacityUnits", "Read units that an index used.", index=True)
INDEX_WRITE_UNITS = _dynamodb("ConsumedWriteCapacityUnits", "Write units that an index used.", index=True)
TABLE_CONDITIONS_FAILED = _dynamodb(
    "ConditionalCheckFailedRequests", "Writes whose condition did not hold: two people wanted the same thing."
)
TABLE_CONFLICTS = _dynamodb("TransactionConflict", "Items that two transactions wanted at the same moment.")


def _sqs(name: str, unit: Unit, description: str) -> Metric:
    return Metric(
        namespace="AWS/SQS",
        name=name,
        description=description,
        unit=unit,
        dimensions=("QueueName",),
        statistics=("Maximum",),
    )


QUEUE_DEPTH = _sqs("ApproximateNumberOfMessagesVisible", "Count", "Messages that wait in a queue.")
QUEUE_AGE = _sqs("ApproximateAgeOfOldestMessage", "Seconds", "Age of a queue's oldest message.")


def _cloudfront(name: str, unit: Unit, statistic: Statistic, description: str) -> Metric:
    return Metric(
        namespace="AWS/CloudFront",
        name=name,
        description=description,
        unit=unit,
        dimensions=("DistributionId", "Region"),
        statistics=(statistic,),
    )


EDGE_REQUESTS = _cloudfront("Requests", "None", "Sum", "Requests of app and API at the edge.")
EDGE_BYTES = _cloudfront("BytesDownloaded", "None", "Sum", "Bytes sent to members.")
EDGE_5XX = _cloudfront("5xxErrorRate", "Percent", "Average", "Share of requests that the edge answered with 5xx.")


def _cognito(name: str, description: str, statistics: tuple[Statistic, ...]) -> Metric:
    return Metric(
        namespace="AWS/Cognito",
        name=name,
        description=description,
        unit="Count",
        dimensions=("UserPool", "UserPoolClient"),
        statistics=statistics,
    )


SIGN_INS = _cognito("SignInSuccesses", "Sign-ins: 1 for one that succeeds, 0 for one that fails.", ("Average", "Sum"))
SIGN_IN_THROTTLES = _cognito("SignInThrottles", "Sign-ins that Cognito refused for their number.", ("Sum",))

LOG_BYTES = Metric(
    namespace="AWS/Logs",
    name="IncomingBytes",
    description="Bytes that a function logged.",
    unit="Bytes",
    dimensions=("LogGroupName",),
)
ACCOUNT_CHARGES = Metric(
    namespace="AWS/Billing",
    name="EstimatedCharges",
    description="Bill of the whole account since the month began, in dollars; written a few times a day.",
    unit="None",
    dimensions=("Currency",),
    statistics=("Maximum",),
)

AWS_METRICS = collected(globals(), Metric)
"""Every metric above."""
