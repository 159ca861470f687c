"""Schemathesis (a tester that is not ours) reads the API's document and finds nothing that contradicts it.

Exceptions, each with its reason:

- `unsupported_method`: API Gateway answers 404 to a method without a route; the check wants 405.
- `positive_data_acceptance`: what fits the schema may still be refused with 400 (cursors are signed), 403 and 409 (the
  quest's state and the member's part in it decide), 404 (ids have to exist), 422 (rules of text that no pattern states;
  an Idempotency-Key used for another quest), 429.
"""

import time
from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.config import SchemathesisConfig
from schemathesis.generation.case import Case

from tests.contract.gateway import DOCUMENT_PATH, Gateway, claims
from tests.unit.services.cloud import ANNA, Api, moto_stage

CONFIG = SchemathesisConfig.from_dict(
    {
        "checks": {
            "unsupported_method": {"enabled": False},
            "positive_data_acceptance": {"expected-statuses": ["2xx", 400, 403, 404, 409, 422, 429]},
        },
        "generation": {"database": "none"},
        "auth": {"openapi": {"member": {"bearer": "anna"}}},
    }
)


GATEWAY = Gateway({"anna": claims(ANNA)})
SCHEMA = schemathesis.openapi.from_wsgi(DOCUMENT_PATH, GATEWAY, config=CONFIG)


@pytest.fixture(scope="module", autouse=True)
def _stage() -> Iterator[None]:
    with patch.object(time, "sleep"), moto_stage() as cloud:
        GATEWAY.api = Api(cloud, creates_per_hour=3600, claims_per_hour=3600)
        yield


@SCHEMA.parametrize()
@settings(max_examples=20, suppress_health_check=list(HealthCheck), deadline=None)
def test_the_document_is_true(case: Case[Any]) -> None:
    """Each answer's status, media type and form are documented; invalid input and a lack of token are refused."""
    case.call_and_validate()
