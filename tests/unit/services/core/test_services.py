"""The declarations of the Lambdas and of the stages, and what is collected from them."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from infra.observability.catalogue import Alarms
from infra.observability.docs import DOCUMENTED
from infra.observability.model import Alarm
from infra.paths import REPOSITORY
from services.core.collecting import collected
from services.core.services import QUEUES, SERVICES, SWEEPS


@dataclass(frozen=True)
class Thing:
    """Something that is declared."""

    name: str


def test_things_are_collected_wherever_they_stand() -> None:
    a, b, c, d = (Thing(name) for name in "abcd")
    namespace = {"a": a, "again": a, "many": (b, [c]), "named": {"d": d}, "_hidden": Thing("e"), "other": 5}
    assert collected(namespace, Thing) == (a, b, c, d)


def test_a_second_alarm_on_a_metric_is_deployed_where_it_is_declared() -> None:
    class More(Alarms):
        def __init__(self) -> None:
            super().__init__(DOCUMENTED)
            self.another = Alarm(
                key="another", title="x", meaning="x", watch=self.api_errors.watch, thresholds={"P3": 7}, period=60
            )

    more = More()
    assert more.another in collected(vars(more), Alarm)


def test_every_package_of_services_is_declared() -> None:
    packages = {path.parent.name for path in (REPOSITORY / "services").glob("*/handler.py")}
    assert packages == SERVICES.keys()


@pytest.mark.parametrize("name", SERVICES)
def test_a_declaration_is_whole(name: str) -> None:
    service = SERVICES[name]
    assert service.name == name
    assert service.summary
    assert service.timeout_seconds <= service.longest_timeout
    assert ("schedule" in service.called_by) == (name in SWEEPS)
    assert service.queue is None or QUEUES[service.queue.name] is service.queue


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_has_its_alarm_its_tests_and_its_row_in_the_docs(name: str) -> None:
    assert name in Alarms(DOCUMENTED).function_errors
    assert any((REPOSITORY / "tests/unit/services" / name).glob("test_*.py")), f"tests/unit/services/{name} is missing"
    monitoring = Path(REPOSITORY / "docs/monitoring.md").read_text(encoding="utf-8")
    assert f"lambda-{name}-errors" in monitoring


@pytest.mark.parametrize("queue", QUEUES)
def test_every_queue_has_a_section_in_the_runbook(queue: str) -> None:
    assert f"### {queue}-queue" in (REPOSITORY / "docs/operations.md").read_text(encoding="utf-8")
