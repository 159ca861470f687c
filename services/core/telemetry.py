"""What a Lambda says about itself: one JSON line per event, and metrics by definition.

Nothing that identifies a member goes into a line but `user`, a digest of their id.
"""

from hashlib import sha256

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from services.core.metrics import NAMESPACE, PARAMETER_READ_FAILURES, SERVICE, Metric


class Telemetry:
    """The logger and the metrics of one Lambda."""

    def __init__(self, service: str, stage: str, level: str) -> None:
        self.log = Logger(service=service, level=level, use_rfc3339=True)
        self.log.append_keys(stage=stage)
        self._metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
        self._metrics.set_default_dimensions(stage=stage)

    def count(self, metric: Metric, value: float = 1) -> None:
        """Records a value, in the metric's own unit, until the next `flush`."""
        self._metrics.add_metric(name=metric.name, unit=MetricUnit(metric.unit), value=value)

    def not_read(self, reason: str) -> None:
        """Says that flags, breaker and keys stay as they were, since SSM did not give them."""
        self.log.error("parameters not read", extra={"reason": reason})
        self.count(PARAMETER_READ_FAILURES)

    def flush(self) -> None:
        """Writes what was recorded as one line in CloudWatch's embedded metric format."""
        if self._metrics.metric_set:
            self._metrics.flush_metrics()


def user_digest(user_id: str) -> str:
    """Tells members apart in the logs without naming them."""
    return sha256(user_id.encode()).hexdigest()[:12]
