"""Metric definitions, and that what is emitted is what is declared."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from infra.observability.evaluator import Identity
from services.core import metrics
from services.core.metrics import DIMENSIONS, METRICS, NAMESPACE, SERVICE, Metric
from services.core.services import SERVICES
from services.core.telemetry import Telemetry


def test_the_business_metrics_that_were_asked_for_are_there() -> None:
    assert {
        "quests_created",
        "attestations_submitted",
        "quests_completed",
        "failed_rewards",
        "concurrent_attestation_conflicts",
    } <= {metric.name for metric in METRICS}


def test_every_metric_of_the_module_is_in_the_catalogue_once() -> None:
    declared = [value for value in vars(metrics).values() if isinstance(value, Metric)]
    assert sorted(m.name for m in declared) == sorted(m.name for m in METRICS)
    assert len({m.name for m in METRICS}) == len(METRICS)


def emitted(lines: str) -> Iterator[tuple[Identity, str, float]]:
    """Each metric of each line in the embedded metric format: its identity, unit and value."""
    for line in lines.splitlines():
        blob: Mapping[str, Any] = json.loads(line)
        for directive in blob["_aws"]["CloudWatchMetrics"]:
            for keys in directive["Dimensions"]:
                dimensions = frozenset((key, str(blob[key])) for key in keys)
                for definition in directive["Metrics"]:
                    identity = Identity(directive["Namespace"], definition["Name"], dimensions)
                    for value in blob[definition["Name"]]:
                        yield identity, definition["Unit"], value


def expected(metric: Metric) -> Identity:
    values = dict(zip(DIMENSIONS, (SERVICE, "dev"), strict=True))
    return Identity(NAMESPACE, metric.name, frozenset(values.items()))


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
@pytest.mark.parametrize("service", SERVICES)
def test_the_emitter_publishes_a_metric_under_its_declared_identity_and_unit(
    metric: Metric, service: str, capsys: pytest.CaptureFixture[str]
) -> None:
    telemetry = Telemetry(f"metrics-of-{service}", "dev", "INFO")
    telemetry.count(metric, 3)
    telemetry.flush()
    assert list(emitted(capsys.readouterr().out)) == [(expected(metric), metric.unit, 3)]


def test_a_second_request_of_the_same_lambda_keeps_the_dimensions(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("metrics-of-api", "dev", "INFO")
    for _ in range(2):
        telemetry.count(metrics.QUESTS_CREATED)
        telemetry.flush()
        telemetry.flush()
    assert list(emitted(capsys.readouterr().out)) == [(expected(metrics.QUESTS_CREATED), "Count", 1)] * 2


def test_an_emitter_with_names_of_its_own_would_be_noticed(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = Telemetry("metrics-of-api", "dev", "INFO")
    telemetry.count(replace(metrics.API_ERRORS, name="apiErrors", unit="None"))
    telemetry.flush()
    ((identity, unit, _),) = emitted(capsys.readouterr().out)
    assert identity != expected(metrics.API_ERRORS)
    assert unit != metrics.API_ERRORS.unit
