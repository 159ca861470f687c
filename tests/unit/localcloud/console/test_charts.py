"""Widgets as they are drawn: figures, curves, gaps, thresholds."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from localcloud.console import charts
from localcloud.console.charts import Line, Query, Window

NOW = 1_800_000_000.0


def widget(*rows: list[Any], **properties: Any) -> dict[str, Any]:
    return {"title": "T <b>", "view": "timeSeries", "period": 300, "metrics": list(rows), **properties}


def row(name: str, **options: Any) -> list[Any]:
    return ["N", name, "stage", "local", {"stat": "Sum", "label": name, **options}]


class Metrics:
    """Answers queries with a constant in every period, but for the periods that are missing."""

    def __init__(self, missing: int = 0, **values: float) -> None:
        self.missing, self.values, self.asked = missing, values, list[Query]()

    def __call__(self, queries: Sequence[Query], start: float, end: float) -> Mapping[str, Mapping[float, float]]:
        self.asked += queries
        found = {}
        for query in queries:
            stat = query["MetricStat"]
            times = range(int(start), int(end), stat["Period"])[self.missing :]
            value = self.values.get(stat["Metric"]["MetricName"])
            found[query["Id"]] = {} if value is None else {float(at): value for at in times}
        return found


def test_a_panel_with_a_threshold_keeps_its_alarms_period_and_another_takes_one_that_suits() -> None:
    watched = widget(annotations={"horizontal": []})
    assert Window.of(watched, NOW, 900) == Window(NOW - 600, 300, 3)
    assert Window.of(widget(), NOW, 900).period == 60
    assert Window.of(widget(period=86400), NOW, 28 * 86400).period == 40320
    assert Window.of(widget(period=86400, annotations={}), NOW, 900).count == 1


def test_a_query_has_the_widgets_metric_dimensions_and_statistic() -> None:
    metrics = Metrics(errors=2)
    charts.lines(widget(row("errors")), Window(0, 60, 2), metrics)
    (query,) = metrics.asked
    assert query == {
        "Id": "line_0",
        "MetricStat": {
            "Metric": {"Namespace": "N", "MetricName": "errors", "Dimensions": [{"Name": "stage", "Value": "local"}]},
            "Period": 60,
            "Stat": "Sum",
        },
    }


def test_expressions_are_calculated_and_their_series_hidden() -> None:
    rows = ([{"expression": "100 * e_0 / n_0", "label": "rate", "id": "r"}], row("e", id="e_0", visible=False))
    drawn = charts.lines(widget(*rows, row("n", id="n_0", visible=False)), Window(0, 60, 2), Metrics(e=1, n=4))
    assert drawn == [Line("rate", [25, 25])]


def test_a_figure_covers_the_whole_time_before_it_is_calculated() -> None:
    rows = ([{"expression": "a / b", "label": "each", "id": "r"}], row("a", id="a", visible=False))
    figure = widget(*rows, row("b", id="b", visible=False, stat="Maximum"), view="singleValue")
    assert charts.lines(figure, Window(0, 60, 10), Metrics(a=3, b=2)) == [Line("each", [15])]
    assert '<p class="figure">15</p>' in charts.panel(figure, 6, NOW, 600, Metrics(a=3, b=2))
    assert '<p class="figure">none</p>' in charts.panel(figure, 6, NOW, 600, Metrics())


def test_a_panel_escapes_its_title_and_names_curves_thresholds_and_period() -> None:
    annotations = {"horizontal": [{"label": "P1 above 10", "value": 10}]}
    drawn = charts.panel(widget(row("<i>"), annotations=annotations), 8, NOW, 3600, Metrics(**{"<i>": 4}))
    assert "T &lt;b&gt;" in drawn
    assert "&lt;i&gt;<b>4</b>" in drawn
    assert "P1 above 10" in drawn
    assert "per 5 min" in drawn
    assert 'class="threshold"' in drawn
    assert "no data" not in drawn


def test_without_data_it_says_so() -> None:
    assert "no data in this time" in charts.panel(widget(row("m")), 8, NOW, 3600, Metrics())


def test_a_gap_in_the_data_is_a_gap_in_the_curve() -> None:
    drawn = charts.chart([Line("m", [1, 2, None, 3, 4])], [], Window(0, 60, 5), 8)
    (path,) = re.findall(r'class="c0"><path d="([^"]+)"', drawn)
    assert re.findall("[ML]", path) == ["M", "L", "M", "L"]
    assert drawn.count("<circle") == 4


def test_higher_values_are_drawn_higher_and_thresholds_fit_in() -> None:
    drawn = charts.chart([Line("m", [1, 2])], [{"value": 50}], Window(0, 60, 2), 8)
    low, high = (float(y) for y in re.findall(r'cy="([\d.]+)"', drawn))
    (limit,) = (float(y) for y in re.findall(r'class="threshold" d="M54 ([\d.]+)H', drawn))
    assert charts.HEIGHT > low > high > limit > 0


def test_the_last_value_is_the_newest_that_there_is() -> None:
    assert Line("m", [1, 2, None]).last == 2
    assert Line("m", [None]).last is None


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (7, "7"), (12.34, "12.3"), (1234, "1234"), (12345, "12.3 k"), (2e6, "2 M"),
     (3.4e9, "3.4 G"), (0.25, "0.25"), (0.000123, "0.000123"), (0.0001, "0.0001")],
)  # fmt: skip
def test_numbers_are_short(value: float, text: str) -> None:
    assert charts.number(value) == text


@pytest.mark.parametrize(("value", "top"), [(0, 1), (0.9, 1), (1, 1), (1.1, 2), (3, 5), (7, 10), (450, 500)])
def test_axes_end_at_numbers_that_read_well(value: float, top: float) -> None:
    assert charts.nice(value) == pytest.approx(top)


def test_times_and_durations() -> None:
    assert [charts.duration(s) for s in (5, 60, 300, 5400, 172800)] == ["5 s", "1 min", "5 min", "1.5 h", "2 d"]
    assert charts.clock(0, Window(0, 60, 10)) == "00:00"
    assert charts.clock(0, Window(0, 86400, 28)) == "01 Jan"
