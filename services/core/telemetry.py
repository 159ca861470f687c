"""Logs and metrics of a Lambda: one JSON line per event, and metrics by definition.

Nothing that identifies a member goes into a line but `user`, a digest of their id. Powertools writes the metrics and
whatever went wrong; it is imported on first use, since most processes only answer reads.
"""

import json
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TextIO

from services.core.metrics import NAMESPACE, PARAMETER_READ_FAILURES, SERVICE, Metric

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.metrics import EphemeralMetrics


class Log:
    """A Lambda's log: lines of level INFO in the form of Powertools' Logger, and that Logger for the others."""

    def __init__(self, service: str, stage: str, level: str) -> None:
        self._service, self._stage, self._level = service, stage, level
        self.stream: TextIO | None = None
        """The stream for lines; None is the standard output of the moment."""

    @cached_property
    def logger(self) -> "Logger":
        """Powertools' Logger."""
        from aws_lambda_powertools import Logger

        logger = Logger(service=self._service, level=self._level, use_rfc3339=True)
        logger.append_keys(stage=self._stage)
        return logger

    def info(self, message: str, extra: Mapping[str, Any]) -> None:
        """Writes a line, unless the level is higher."""
        if self._level not in ("INFO", "DEBUG"):
            return
        line = {
            "level": "INFO",
            "message": message,
            "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds"),
            "service": self._service,
            "stage": self._stage,
            **extra,
        }
        print(json.dumps(line, default=str), file=self.stream or sys.stdout, flush=True)  # Lambda's log

    def warning(self, message: str, *, extra: Mapping[str, Any] | None = None, exc_info: bool = False) -> None:
        """Writes a line, with the traceback of the exception that is being handled if `exc_info`."""
        self.logger.warning(message, extra=extra, exc_info=exc_info, stacklevel=3)

    def error(self, message: str, *, extra: Mapping[str, Any] | None = None) -> None:
        """Writes a line."""
        self.logger.error(message, extra=extra, stacklevel=3)

    def exception(self, message: str, *, extra: Mapping[str, Any] | None = None) -> None:
        """Writes a line of level ERROR with the traceback of the exception that is being handled."""
        self.logger.exception(message, extra=extra, stacklevel=3)


class Telemetry:
    """The log and the metrics of one Lambda."""

    def __init__(self, service: str, stage: str, level: str) -> None:
        self.log = Log(service, stage, level)
        self._stage = stage
        self._recorded = False

    @cached_property
    def _metrics(self) -> "EphemeralMetrics":
        from aws_lambda_powertools.metrics import EphemeralMetrics

        metrics = EphemeralMetrics(namespace=NAMESPACE, service=SERVICE)
        metrics.set_default_dimensions(stage=self._stage)
        return metrics

    def count(self, metric: Metric, value: float = 1) -> None:
        """Records a value, in the metric's own unit, until the next `flush`."""
        from aws_lambda_powertools.metrics import MetricUnit

        self._metrics.add_metric(name=metric.name, unit=MetricUnit(metric.unit), value=value)
        self._recorded = True

    def parameter_read_failed(self, reason: str) -> None:
        """Logs and counts a failed read of SSM; what was read before stays in use."""
        self.log.error("parameters not read", extra={"reason": reason})
        self.count(PARAMETER_READ_FAILURES)

    def flush(self) -> None:
        """Writes what was recorded as one line in CloudWatch's embedded metric format."""
        if self._recorded:
            self._metrics.flush_metrics()
            self._recorded = False


def user_digest(user_id: str) -> str:
    """Tells members apart in the logs without naming them."""
    return sha256(user_id.encode()).hexdigest()[:12]
