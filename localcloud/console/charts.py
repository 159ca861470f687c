"""CloudWatch's metric widgets drawn as SVG: what the local console shows of a dashboard."""

import html
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from infra.observability.evaluator import Points, calculate

HEIGHT: Final = 170
COLUMN_WIDTH: Final = 50
"""In the drawing's own units, which are about a pixel."""
LEFT, RIGHT, TOP, BOTTOM = 54, 12, 10, 22
COLOURS: Final = 8
MOST_POINTS: Final = 60

Query = Mapping[str, Any]
Fetch = Callable[[Sequence[Query], float, float], Mapping[str, Mapping[float, float]]]
"""Gets metric data: queries, start and end (seconds) to values by time, by the query's id."""


@dataclass(frozen=True)
class Line:
    """One curve: a value per period."""

    label: str
    points: Points

    @property
    def last(self) -> float | None:
        """The newest value."""
        return next((point for point in reversed(self.points) if point is not None), None)


@dataclass(frozen=True)
class Window:
    """The time that is shown: `count` periods (seconds) up to now."""

    start: float
    period: int
    count: int

    @classmethod
    def of(cls, widget: Mapping[str, Any], now: float, span: int) -> "Window":
        """A threshold means something at its alarm's period only; other panels take one that suits the span."""
        period = int(widget["period"])
        if "annotations" not in widget:
            period = min(period, max(60, span // MOST_POINTS // 60 * 60))
        count = max(1, math.ceil(span / period))
        end = math.floor(now / period) * period + period
        return cls(end - count * period, period, count)

    def times(self) -> Iterator[float]:
        """The beginnings of the periods."""
        return (self.start + index * self.period for index in range(self.count))


def queries(widget: Mapping[str, Any], period: int) -> Iterator[tuple[str, Query]]:
    """A query of a widget to CloudWatch: an id of the widget's own, and the query without its id."""
    for number, row in enumerate(widget["metrics"]):
        if isinstance(row[0], str):
            namespace, name, *rest, options = row
            dimensions = [{"Name": k, "Value": v} for k, v in zip(rest[::2], rest[1::2], strict=True)]
            metric = {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}
            identity = options.get("id", f"line_{number}")
            yield identity, {"MetricStat": {"Metric": metric, "Period": period, "Stat": options["stat"]}}


def lines(widget: Mapping[str, Any], window: Window, fetch: Fetch) -> list[Line]:
    """The curves of a widget, expressions calculated."""
    asked = dict(queries(widget, window.period))
    end = window.start + window.count * window.period
    found = fetch([{"Id": identity, **query} for identity, query in asked.items()], window.start, end)
    series = {identity: [found[identity].get(time) for time in window.times()] for identity in asked}
    if widget["view"] == "singleValue":
        series = {
            identity: [_whole(asked[identity]["MetricStat"]["Stat"], points)] for identity, points in series.items()
        }
    return list(_visible(widget, series))


def _visible(widget: Mapping[str, Any], series: Mapping[str, Points]) -> Iterator[Line]:
    for number, row in enumerate(widget["metrics"]):
        options = row[-1]
        if "expression" in options:
            yield Line(options["label"], calculate(options["expression"], series))
        elif options.get("visible", True):
            yield Line(options["label"], series[options.get("id", f"line_{number}")])


def _whole(statistic: str, points: Points) -> float | None:
    """One value for the whole time, where a widget shows a figure."""
    present = [point for point in points if point is not None]
    if not present:
        return None
    return sum(present) if statistic == "Sum" else max(present)


def panel(widget: Mapping[str, Any], columns: int, now: float, span: int, fetch: Fetch) -> str:
    """The widget as HTML: its title, and a figure or a chart with its legend."""
    window = Window.of(widget, now, span)
    drawn = lines(widget, window, fetch)
    title = f"<h3>{html.escape(widget['title'])}</h3>"
    if widget["view"] == "singleValue":
        value = drawn[0].last
        return f'{title}<p class="figure">{"none" if value is None else number(value)}</p>'
    thresholds = widget.get("annotations", {}).get("horizontal", [])
    note = f'<span class="period">per {duration(window.period)}</span>'
    return title + note + chart(drawn, thresholds, window, columns) + legend(drawn, thresholds)


def chart(drawn: Sequence[Line], thresholds: Sequence[Mapping[str, Any]], window: Window, columns: int) -> str:
    """The curves with axes and thresholds."""
    width = columns * COLUMN_WIDTH
    values = [point for line in drawn for point in line.points if point is not None]
    top = nice(max([*values, *(t["value"] for t in thresholds), 0]) * 1.1)

    def x(index: float) -> float:
        return LEFT + (width - LEFT - RIGHT) * (index + 0.5) / window.count

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * value / top

    parts = [f'<svg viewBox="0 0 {width} {HEIGHT}" role="img">']
    for share in (0, 0.5, 1):
        at = y(top * share)
        parts.append(f'<path class="grid" d="M{LEFT} {at:.1f}H{width - RIGHT}"/>')
        parts.append(f'<text class="tick" x="{LEFT - 6}" y="{at + 3.5:.1f}">{number(top * share)}</text>')
    for index, anchor in {0: "start", window.count // 2: "middle", window.count - 1: "end"}.items():
        time = clock(window.start + index * window.period, window)
        parts.append(f'<text class="time {anchor}" x="{x(index):.1f}" y="{HEIGHT - 6}">{time}</text>')
    parts += (_curve(line.points, number % COLOURS, x, y) for number, line in enumerate(drawn))
    for threshold in thresholds:
        parts.append(f'<path class="threshold" d="M{LEFT} {y(threshold["value"]):.1f}H{width - RIGHT}"/>')
    if not values:
        parts.append(f'<text class="empty" x="{(LEFT + width) / 2}" y="{HEIGHT / 2 - 14}">no data in this time</text>')
    return "".join([*parts, "</svg>"])


def _curve(points: Points, colour: int, x: Callable[[float], float], y: Callable[[float], float]) -> str:
    """Neighbours are joined; a gap stays a gap."""
    path, dots, joined = "", "", False
    for index, point in enumerate(points):
        if point is not None:
            path += f"{'L' if joined else 'M'}{x(index):.1f} {y(point):.1f}"
            dots += f'<circle cx="{x(index):.1f}" cy="{y(point):.1f}" r="2.5"/>'
        joined = point is not None
    return f'<g class="c{colour}"><path d="{path}"/>{dots}</g>'


def legend(drawn: Sequence[Line], thresholds: Sequence[Mapping[str, Any]]) -> str:
    """Names and newest values of the curves, names of the thresholds."""
    items = [
        f'<li class="c{index % COLOURS}"><i></i>{html.escape(line.label)}'
        f"<b>{'' if line.last is None else number(line.last)}</b></li>"
        for index, line in enumerate(drawn)
    ]
    items += [f'<li class="limit"><i></i>{html.escape(threshold["label"])}</li>' for threshold in thresholds]
    return f"<ul>{''.join(items)}</ul>"


def nice(value: float) -> float:
    """The next number above that reads well on an axis: 1, 2, 5 or ten times so."""
    if value <= 0:
        return 1
    scale: float = 10.0 ** math.floor(math.log10(value))
    return next(step * scale for step in (1, 2, 5, 10) if step * scale >= value)


def number(value: float) -> str:
    """Short, with three digits that count."""
    for size, divisor, unit in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= size:
            return f"{value / divisor:.3g} {unit}"
    if 0 < abs(value) < 0.01:
        return f"{value:.{2 - math.floor(math.log10(abs(value)))}f}".rstrip("0")
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def duration(seconds: float) -> str:
    """In the largest unit that fits, e.g. 5 min."""
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{seconds / size:.3g} {unit}"
    return f"{seconds:.0f} s"


def clock(at: float, window: Window) -> str:
    """The time of day, or the day where days are shown. UTC, as CloudWatch has it."""
    form = "%d %b" if window.count * window.period > 2 * 86400 else "%H:%M"
    return datetime.fromtimestamp(at, UTC).strftime(form)
