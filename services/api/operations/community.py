"""The stage's health and the community's totals."""

from collections.abc import Mapping

from services.api import views
from services.api.operations.operation import (
    AnyOperation,
    NoBody,
    NoQuery,
    Operation,
    Platform,
    Request,
    errors,
)
from services.api.stats import community_stats
from services.core import live


def get_health(platform: Platform, _: Request[NoBody, NoQuery]) -> views.Health:
    """The state of the breaker, and the release that answers. Raises ParameterUnavailableError."""
    position = live.breaker(platform.live)
    status = "ok" if position is live.Breaker.CLOSED else "maintenance"
    settings = platform.settings
    return views.Health(status=status, stage=settings.stage, release=settings.release, breaker=position)


def get_stats(platform: Platform, request: Request[NoBody, NoQuery]) -> views.Stats:
    """Sums of the last 30 days."""
    return community_stats(platform.cloudwatch, platform.settings.stage, request.now)


COMMUNITY: Mapping[str, AnyOperation] = {
    "getHealth": Operation(
        get_health, NoBody, NoQuery, views.Health, "Health of the platform", errors(503), always=True
    ),
    "getStats": Operation(
        get_stats, NoBody, NoQuery, views.Stats, "Statistics of the community over 30 days", max_age=300
    ),
}
