"""Alarms, panels and dashboards as data. Nothing here knows Pulumi or boto3.

Every alarm goes off above its threshold: what is watched is always "how much of something bad".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from services.core.metrics import NAMESPACE, SERVICE, Metric, Statistic
from services.core.names import resource_name

if TYPE_CHECKING:
    from pulumi import Input

Severity = Literal["P1", "P2", "P3"]
SEVERITIES: tuple[Severity, ...] = ("P1", "P2", "P3")
"""P1 wakes somebody, P2 is looked at the same day, P3 when there is time."""
Topic = Literal["page", "notify"]
MissingData = Literal["notBreaching", "breaching", "ignore"]

ALARM_METRICS_LIMIT = 10
"""CloudWatch's limit of metrics in the expression of one alarm."""


@dataclass(frozen=True, kw_only=True)
class Series:
    """One metric of one thing, as one statistic. Raises ValueError if the metric knows no such series."""

    metric: Metric
    statistic: Statistic
    dimensions: "Mapping[str, Input[str]]"
    region: str | None = None
    """The metric's region, if it is not the stage's. Alarms cannot reach there, panels can."""

    def __post_init__(self) -> None:
        if set(self.dimensions) != set(self.metric.dimensions):
            raise ValueError(
                f"{self.metric.name} is published by {', '.join(self.metric.dimensions)}; "
                f"a series by {', '.join(self.dimensions)} would never have data"
            )
        if self.statistic not in self.metric.statistics:
            raise ValueError(
                f"{self.statistic} of {self.metric.name} means nothing; use {', '.join(self.metric.statistics)}"
            )


@dataclass(frozen=True, kw_only=True)
class Math:
    """A CloudWatch metric math expression over series, whose ids are the mapping's keys."""

    expression: str
    series: Mapping[str, Series]


Watch = Series | Math


def series_of(watch: Watch) -> tuple[Series, ...]:
    """The series that a watch reads."""
    return tuple(watch.series.values()) if isinstance(watch, Math) else (watch,)


def percentage(part: Series, whole: Series, *, minimum: int) -> Math:
    """`part` in per cent of `whole`, or 0 if `whole` is below `minimum`: one failure of two says nothing.

    CloudWatch's arithmetic takes a missing `part` as 0 and drops the data point where `whole` is missing too.
    """
    return Math(expression=f"IF(whole >= {minimum}, 100 * part / whole, 0)", series={"part": part, "whole": whole})


@dataclass(frozen=True, kw_only=True)
class Alarm:
    """One thing that is watched. Each severity in `thresholds` becomes an alarm of its own on CloudWatch."""

    key: str
    title: str
    """Names the watched value and its unit; heads its line on the panel."""
    meaning: str
    """One sentence for the person who gets the message, without a figure: `condition` names those."""
    watch: Watch
    thresholds: Mapping[Severity, float]
    period: int
    """Seconds."""
    datapoints: int = 1
    """The number of the last `periods` that have to be above the threshold."""
    periods: int = 1
    missing: MissingData = "notBreaching"
    minimum: str = ""
    """The minimum of traffic in words, if there is one."""
    runbook: str = ""
    """Anchor in docs/operations.md; the key, where several alarms do not share a section."""

    def __post_init__(self) -> None:
        if self.period % 60 or not 1 <= self.datapoints <= self.periods:
            raise ValueError(f"{self.key}: whole minutes, and 1 <= datapoints <= periods")
        if self.period * self.periods > 24 * 60 * 60:
            raise ValueError(f"{self.key}: CloudWatch evaluates at most one day")
        series = series_of(self.watch)
        if len(series) > ALARM_METRICS_LIMIT:
            raise ValueError(f"{self.key}: an alarm reads at most {ALARM_METRICS_LIMIT} metrics")
        if any(s.region for s in series):
            raise ValueError(f"{self.key}: an alarm cannot read another region's metrics")
        dynamodb = any(s.metric.namespace == "AWS/DynamoDB" for s in series)
        if dynamodb and (self.missing != "ignore" or "FILL" not in getattr(self.watch, "expression", "")):
            raise ValueError(
                f"{self.key}: CloudWatch ignores missing data of DynamoDB whatever an alarm says, "
                'so that it would never end: say "ignore" and FILL the gaps'
            )

    @property
    def anchor(self) -> str:
        """The address of its section in the runbook."""
        return self.runbook or self.key

    def name(self, stage: str, severity: Severity) -> str:
        """`civicforge-{stage}-{key}-{severity}`."""
        return resource_name(stage, f"{self.key}-{severity.lower()}")

    def condition(self, severity: Severity) -> str:
        """The condition in words."""
        statistics = {s.statistic for s in series_of(self.watch)}
        how = next((s for s in sorted(statistics) if s.startswith("p")), "") or " and ".join(sorted(statistics))
        span = f"{self.period // 3600} h" if self.period % 3600 == 0 else f"{self.period // 60} min"
        text = f"{self.title} > {self.thresholds[severity]:g} ({how} over {span}"
        if self.periods > 1:
            text += f", {self.datapoints} of {self.periods}"
        if self.missing == "breaching":
            text += ", or nothing heard"
        return text + (f", from {self.minimum} on)" if self.minimum else ")")


@dataclass(frozen=True, kw_only=True)
class Composite:
    """One incident, told once: it pages for alarms which then only notify.

    While `suppressor` is in ALARM it keeps silent, since the greater incident has already paged.
    """

    key: str
    meaning: str
    severity: Severity
    alarms: tuple[Alarm, ...]
    suppressor: "Composite | None" = None
    needs_all: bool = False
    """It takes all of the alarms: the windows of a burn rate, of which one alone says too little."""

    @property
    def anchor(self) -> str:
        """The address of its section in the runbook."""
        return self.key

    def name(self, stage: str) -> str:
        """`civicforge-{stage}-{key}-{severity}`."""
        return resource_name(stage, f"{self.key}-{self.severity.lower()}")

    @property
    def topic(self) -> Topic:
        """The topic that it tells."""
        return "page" if self.severity == "P1" else "notify"

    def member_names(self, stage: str) -> tuple[str, ...]:
        """The names of the alarms of the composite's own severity."""
        return tuple(alarm.name(stage, self.severity) for alarm in self.alarms)


@dataclass(frozen=True, kw_only=True)
class Line:
    """Something that a panel draws and no alarm watches."""

    label: str
    watch: Watch


@dataclass(frozen=True, kw_only=True)
class Panel:
    """`shows` holds lines and alarms; an alarm brings its line, its period and its thresholds with it."""

    title: str
    shows: tuple[Line | Alarm, ...]
    period: int = 300
    """Seconds; an alarm's own goes first, since its threshold means nothing at another."""
    number: bool = False
    """One figure over the whole time shown instead of a curve."""
    width: int = 8
    """Of 24 columns."""

    def __post_init__(self) -> None:
        periods = {alarm.period for alarm in self.alarms}
        if len(periods) > 1:
            raise ValueError(f"{self.title}: alarms of different periods cannot share a panel")
        if periods:
            object.__setattr__(self, "period", periods.pop())

    @property
    def alarms(self) -> tuple[Alarm, ...]:
        """The alarms that stand on this panel."""
        return tuple(show for show in self.shows if isinstance(show, Alarm))


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    """`key` is the last part of its name on CloudWatch."""

    key: str
    title: str
    intro: str
    panels: tuple[Panel, ...]
    alarms: bool = False
    """True if the state of every alarm stands on top."""
    start: str = "-PT3H"
    """ISO 8601 duration that is shown at first."""


@dataclass(frozen=True, kw_only=True)
class Platform:
    """Facts of a deployed stage that the definitions use."""

    stage: str
    region: str
    account: "Input[str]"
    api_id: "Input[str]"
    distribution_id: "Input[str]"
    user_pool_id: "Input[str]" = "<user-pool>"
    user_pool_client_id: "Input[str]" = "<client>"
    memory_mb: Mapping[str, int] = field(default_factory=dict)
    """Of each service's Lambda; the cost panels need it."""
    release: str = ""
    """The release that is deployed; one of `civicforge deploy` begins with its time."""
    runbook: str = "docs/operations.md"
    """Address of the runbook; on AWS one that a phone can open."""


def own(metric: Metric, platform: Platform, statistic: Statistic = "Sum") -> Series:
    """A series of a metric of our own, under the dimensions that the emitter adds."""
    if metric.namespace != NAMESPACE:
        raise ValueError(f"{metric.name} is no metric of our own")
    return Series(metric=metric, statistic=statistic, dimensions={"service": SERVICE, "stage": platform.stage})
