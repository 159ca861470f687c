"""The fixtures of the services' tests."""

from tests.unit.services import cloud as fixtures

cloud, api = fixtures.cloud, fixtures.api
