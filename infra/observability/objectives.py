"""The service level objectives, and the burn rates at which their error budgets are alarmed.

An objective's share is that of bad events in per cent. A burn rate of 1 spends the budget of 28 days in 28 days; 14.4
spends 2 % of it within an hour, 6 spends 5 % within six hours (the SRE workbook's figures for alerting on SLOs).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from infra.observability import aws
from infra.observability.model import Math, Platform, Series, Watch, own
from services.core import metrics
from services.core.collecting import collected
from services.core.names import GATEWAY_STAGE

DAYS: Final = 28
"""Days of an error budget."""
FAST: Final = 14.4
SLOW: Final = 6.0
LEAST_BAD: Final = 5
"""Failed requests below which their share says nothing: one of a small community's is above any burn rate."""


@dataclass(frozen=True, kw_only=True)
class Objective:
    """A promise to members.

    Attributes:
        percent: share of good events that is promised.
        share: the watched share of bad events in per cent; the second argument is the least number of them that counts.
    """

    key: str
    title: str
    percent: float
    share: Callable[[Platform, int], Watch]

    def threshold(self, rate: float) -> float:
        """Share of bad events, in per cent, of a burn rate."""
        return round(rate * (100 - self.percent), 4)

    def left(self, platform: Platform) -> Math:
        """The error budget that is left of the period shown, in per cent; below 0 it is overspent."""
        watch, budget = self.share(platform, 0), f"{100 - self.percent:g}"
        if isinstance(watch, Series):
            return Math(expression=f"100 - 100 * late / {budget}", series={"late": watch})
        return Math(expression=f"100 - 100 * ({watch.expression}) / {budget}", series=watch.series)


def _failed_requests(platform: Platform, least: int) -> Watch:
    """By the gateway, which counts also what never reached the api."""

    def one(metric: metrics.Metric) -> Series:
        return Series(metric=metric, statistic="Sum", dimensions={"ApiId": platform.api_id, "Stage": GATEWAY_STAGE})

    share = "100 * part / whole"
    return Math(
        expression=f"IF(part >= {least}, {share}, 0)" if least else share,
        series={"part": one(aws.API_5XX), "whole": one(aws.API_COUNT)},
    )


AVAILABILITY: Final = Objective(
    key="availability", title="Requests answered without a server error", percent=99.9, share=_failed_requests
)
PAYMENT: Final = Objective(
    key="payment",
    title="Rewards paid within 15 minutes",
    percent=99,
    share=lambda platform, _: own(metrics.REWARDS_LATE, platform, "Average"),
)
MAIL: Final = Objective(
    key="mail",
    title="Mails sent within 5 minutes",
    percent=95,
    share=lambda platform, _: own(metrics.MAILS_LATE, platform, "Average"),
)
OBJECTIVES: Final = collected(globals(), Objective)
"""Every objective above."""
