"""The simulation's tests run in a simulated AWS, with the environment of the unit tests."""

from collections.abc import Iterator

import pytest

from tests.simulation.world import simulated
from tests.unit import conftest as unit

pytest_runtest_setup = unit.pytest_runtest_setup


@pytest.fixture(autouse=True)
def aws() -> Iterator[None]:
    """AWS, time and ids are a World's."""
    with simulated():
        yield
