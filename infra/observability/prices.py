"""List prices of AWS in dollars, us-east-1, without any free tier, from the services' price pages.

Other regions differ by some per cent. What an alarm costs matters here: a stage's budget is a few dollars a month.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Prices:
    """Prices of AWS: of usage by the million, of what stands by the month."""

    lambda_gb_second: float = 13.3334
    """arm64."""
    lambda_request: float = 0.20
    api_request: float = 1.00
    read_unit: float = 0.125
    write_unit: float = 0.625
    provisioned_read_unit: float = 0.00013 * 730
    """Of a unit a second. AWS prices it by the hour, and a month has 730 hours."""
    provisioned_write_unit: float = 0.00065 * 730
    mail: float = 100.0
    """SES; its data and dedicated addresses are not counted."""
    log_byte: float = 0.50 * 1e6 / 1024**3
    alarm_metric: float = 0.10
    """Each metric that an alarm reads; those of an expression count one by one."""
    composite_alarm: float = 0.50
    dashboard: float = 3.00
    key: float = 1.00
    """A key of KMS; its use is not counted."""
    custom_metric: float = 0.30
    """Pro rata for the hours in which it has data."""


PRICES = Prices()
