import pytest

from tests.unit.infra.plan import STAGES, Plan, plan


@pytest.fixture(params=STAGES)
def stage_plan(request: pytest.FixtureRequest) -> Plan:
    """The plan of each stage in turn."""
    return plan(str(request.param))
