"""One threshold, told once: the alarm, the line on the panel and the row in the docs follow it."""

import json
from copy import copy
from dataclasses import replace
from typing import Any

import pytest

from infra.observability.build import dashboard_body, metric_alarm_args, panel_properties, renamed
from infra.observability.catalogue import Alarms
from infra.observability.dashboards import dashboards
from infra.observability.docs import DOCUMENTED, alarm_row, monthly_alarm_cost, runbook
from infra.observability.model import Panel

ALARMS = Alarms(DOCUMENTED)
ALARM_BUDGET = 6.00
"""Dollars a month for all alarms of a stage, before the account's free ones."""


@pytest.mark.parametrize("alarm", ALARMS.all, ids=lambda alarm: alarm.key)
def test_changing_a_threshold_changes_alarm_message_panel_and_runbook(alarm: Any) -> None:
    severity = next(iter(alarm.thresholds))
    changed = replace(alarm, thresholds={**alarm.thresholds, severity: 123456})
    assert metric_alarm_args(alarm, severity, DOCUMENTED, "t").threshold == alarm.thresholds[severity]
    args = metric_alarm_args(changed, severity, DOCUMENTED, "t")
    assert args.threshold == 123456
    assert "> 123456 (" in str(args.alarm_description)
    lines = panel_properties(Panel(title="x", shows=(changed,)), DOCUMENTED)["annotations"]["horizontal"]
    assert 123456 in [line["value"] for line in lines]
    alarms = copy(ALARMS)
    alarms.all = tuple(changed if other is alarm else other for other in ALARMS.all)
    guide = f"### {alarm.anchor}\n\nWhat to do.\n"
    once = runbook(guide, ALARMS)
    assert "> 123456 (" not in once
    assert "> 123456 (" in runbook(once, alarms)
    assert runbook(runbook(once, alarms), ALARMS) == once != guide


def test_a_percentile_is_an_extended_statistic_whose_few_samples_count() -> None:
    latency = ALARMS.api_latency.watch.series["latency"]  # type: ignore[union-attr]  # it is an expression
    args = metric_alarm_args(replace(ALARMS.api_latency, watch=latency), "P2", DOCUMENTED, "t")
    assert args.extended_statistic == "p95"
    assert args.statistic is None
    assert args.evaluate_low_sample_count_percentiles == "evaluate"


def test_the_docs_say_what_without_data_means() -> None:
    assert alarm_row(ALARMS, ALARMS.unpaid_rewards, "P2")[3:5] == ("ALARM", "notify")
    assert alarm_row(ALARMS, ALARMS.api_latency, "P2")[2] == (
        "p95 latency (ms) > 1000 (p95 over 5 min, 3 of 5, from 20 requests on)"
    )


def test_the_price_counts_every_metric_of_an_expression() -> None:
    assert monthly_alarm_cost(ALARMS, "P1") == pytest.approx((2 + 2 + 1 + 1 + 1 + 1 + 1) * 0.10 + 2 * 0.50)
    assert monthly_alarm_cost(ALARMS, "P1") < monthly_alarm_cost(ALARMS, "P2") < monthly_alarm_cost(ALARMS, "P3")


def test_a_stages_alarms_stay_within_their_budget() -> None:
    cost = monthly_alarm_cost(ALARMS, "P3")
    assert round(cost, 2) <= ALARM_BUDGET, (
        f"the alarms of a stage cost ${cost:.2f} a month, more than the ${ALARM_BUDGET:.2f} of decision 0021. "
        "docs/contributing/lambda.md names the alarms that may give way (remove one in "
        "infra/observability/catalogue.py), or raise ALARM_BUDGET here and give the reason in a decision record"
    )


def widgets(key: str) -> list[dict[str, Any]]:
    (dashboard,) = (d for d in dashboards(DOCUMENTED, ALARMS) if d.key == key)
    body = dashboard_body(dashboard, DOCUMENTED, ("one", "two"))
    assert ", " not in body.replace(", ", "", body.count(", ")) or json.loads(body)
    assert body == json.dumps(json.loads(body), separators=(",", ":"))
    found: list[dict[str, Any]] = json.loads(body)["widgets"]
    return found


@pytest.mark.parametrize("key", ["health", "business", "cost"])
def test_widgets_fill_the_grid_without_overlap(key: str) -> None:
    cells = [
        (x, y)
        for w in widgets(key)
        for x in range(w["x"], w["x"] + w["width"])
        for y in range(w["y"], w["y"] + w["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


@pytest.mark.parametrize("key", ["health", "business", "cost"])
def test_ids_are_unique_in_a_panel_and_expressions_name_them(key: str) -> None:
    for widget in widgets(key):
        rows = widget["properties"].get("metrics", [])
        ids = [row[-1]["id"] for row in rows if "id" in row[-1]]
        assert len(ids) == len(set(ids))
        for row in rows:
            if "expression" in row[-1]:
                renamed(row[-1]["expression"], dict.fromkeys(ids, "x"))


def test_only_the_health_dashboard_shows_the_state_of_the_alarms() -> None:
    (states,) = (w for w in widgets("health") if w["type"] == "alarm")
    assert states["properties"]["alarms"] == [
        f"arn:aws:cloudwatch:us-east-1:<account>:alarm:{n}" for n in ("one", "two")
    ]
    assert not [w for w in widgets("cost") if w["type"] == "alarm"]


def test_curves_show_when_the_release_was_deployed() -> None:
    released = replace(DOCUMENTED, release="20261127T221530Z-ab12cd3")
    panel = Panel(title="x", shows=(ALARMS.api_errors,))
    shown = panel_properties(panel, released)["annotations"]
    assert shown["vertical"] == [{"label": "20261127T221530Z-ab12cd3", "value": "2026-11-27T22:15:30.000Z"}]
    assert shown["horizontal"] == panel_properties(panel, DOCUMENTED)["annotations"]["horizontal"]
    assert "vertical" not in panel_properties(panel, replace(DOCUMENTED, release="unreleased"))["annotations"]
    assert "annotations" not in panel_properties(Panel(title="x", shows=(), number=True), released)


def test_an_expression_keeps_its_functions_and_numbers_when_ids_change() -> None:
    assert renamed("IF(a >= 20, 100 * ab / a, 0)", {"a": "x", "ab": "y"}) == "IF(x >= 20, 100 * y / x, 0)"
