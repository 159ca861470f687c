"""Contracts are checked in the services' test stage."""

from tests.unit import conftest as unit
from tests.unit.services import cloud as fixtures

cloud, api, slept = fixtures.cloud, fixtures.api, unit.slept
pytest_runtest_setup = unit.pytest_runtest_setup
