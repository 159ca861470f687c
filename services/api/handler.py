"""The api Lambda's entry. Module-level objects are created once per process, in Lambda's init phase."""

from services.core import cold_start  # before the rest, which it is to pause the garbage collector for

# isort: split
import os
from typing import Any

from services.api.app import App, Clients
from services.core import aws
from services.core.settings import ApiSettings

clients = Clients(aws.dynamodb(), aws.ssm(), cloudwatch=lambda: aws.client("cloudwatch"), cognito=aws.cognito())
app = App(ApiSettings.load(os.environ), clients)
cold_start.finish()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Answers one request of the HTTP API."""
    return app(event)
