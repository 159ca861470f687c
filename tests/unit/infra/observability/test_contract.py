"""Rules for every alarm, panel and metric of every stage; and definitions broken on purpose."""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from infra.observability import aws
from infra.observability.aws import AWS_METRICS
from infra.observability.catalogue import NO_ALARM, Alarms, api_series, lambda_series, queue_series, table_series
from infra.observability.dashboards import dashboards
from infra.observability.docs import DOCUMENTED, watching
from infra.observability.model import Alarm, Line, Math, Panel, Series, own, series_of
from infra.paths import REPOSITORY
from services.core import metrics
from services.core.metrics import DIMENSIONS, METRICS, NAMESPACE, Metric
from services.core.services import REWARDS
from services.core.tables import QUESTS
from tests.unit.infra.observability.deployed import metric_alarms, queries
from tests.unit.infra.plan import REGION, Resource, plan

ALARMS = Alarms(DOCUMENTED)
DASHBOARDS = dashboards(DOCUMENTED, ALARMS)
PANELS = [panel for dashboard in DASHBOARDS for panel in dashboard.panels]
CATALOGUE = {(m.namespace, m.name, frozenset(m.dimensions)): m for m in (*METRICS, *AWS_METRICS)}
FREE_METRICS_OF_A_DASHBOARD = 50
STAGES = ("staging", "prod", "local")


def deployed(stage: str) -> list[Resource]:
    return plan(stage).of("MetricAlarm", "CompositeAlarm")


# --- the catalogue ---


@pytest.mark.parametrize("metric", [*METRICS, *AWS_METRICS], ids=lambda m: f"{m.namespace} {m.name}")
def test_every_metric_has_an_alarm_or_a_reason_why_not(metric: Metric) -> None:
    assert bool(watching(ALARMS, metric)) != bool(NO_ALARM.get(metric))


@pytest.mark.parametrize("metric", [*METRICS, *AWS_METRICS], ids=lambda m: f"{m.namespace} {m.name}")
def test_every_metric_is_drawn(metric: Metric) -> None:
    assert any(s.metric == metric for panel in PANELS for show in panel.shows for s in series_of(show.watch))


def test_a_metric_is_declared_once() -> None:
    assert len(CATALOGUE) == len(METRICS) + len(AWS_METRICS)


def test_no_two_alarms_share_a_name() -> None:
    keys = [alarm.key for alarm in ALARMS.all] + [composite.key for composite in ALARMS.composites]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("alarm", ALARMS.all, ids=lambda alarm: alarm.key)
def test_every_alarm_stands_on_a_dashboard_with_its_thresholds(alarm: Alarm) -> None:
    assert [panel.title for panel in PANELS if alarm in panel.alarms]


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.key)
def test_a_dashboard_reads_no_more_metrics_than_are_free(dashboard: Any) -> None:
    shown = {
        (s.metric, tuple(s.dimensions.items()))
        for panel in dashboard.panels
        for show in panel.shows
        for s in series_of(show.watch)
    }
    assert len(shown) <= FREE_METRICS_OF_A_DASHBOARD


# --- what is deployed ---


@pytest.mark.parametrize("stage", STAGES)
def test_every_alarm_of_the_catalogue_is_deployed_once(stage: str) -> None:
    expected = {alarm.name(stage, severity) for alarm in ALARMS.all for severity in alarm.thresholds}
    expected |= {composite.name(stage) for composite in ALARMS.composites}
    names = [resource.inputs.get("name") or resource.inputs["alarmName"] for resource in deployed(stage)]
    assert sorted(names) == sorted(expected)


def test_a_stage_may_do_with_the_alarms_that_wake_somebody() -> None:
    names = [resource.inputs.get("name") or resource.inputs["alarmName"] for resource in deployed("dev")]
    assert names
    assert all(name.endswith("-p1") for name in names)
    assert not [r for r in plan("dev").resources if r.type.endswith(":Dashboard")]


def actions(resource: Resource) -> tuple[list[str], list[str]]:
    return resource.inputs.get("alarmActions", []), resource.inputs.get("okActions", [])


@pytest.mark.parametrize("stage", ["dev", *STAGES])
def test_every_alarm_has_an_action_and_an_ok_action(stage: str) -> None:
    topics = {f"civicforge-{stage}-page", f"civicforge-{stage}-notify"}
    for resource in deployed(stage):
        alarm, ok = actions(resource)
        assert alarm == ok, resource.name
        assert {topic.rsplit("/", 1)[-1] for topic in alarm} < topics, resource.name


@pytest.mark.parametrize("stage", STAGES)
def test_p1_pages_itself_or_through_a_composite_and_the_others_never_page(stage: str) -> None:
    rules = "".join(resource.inputs["alarmRule"] for resource in plan(stage).of("CompositeAlarm"))
    for resource in deployed(stage):
        name = resource.inputs.get("name") or resource.inputs["alarmName"]
        pages = actions(resource)[0][0].endswith("-page")
        assert pages == (name.endswith("-p1") and f'"{name}"' not in rules), name


@pytest.mark.parametrize("stage", STAGES)
def test_composites_name_alarms_that_exist_and_are_made_after_them(stage: str) -> None:
    by_name = {r.inputs.get("name") or r.inputs["alarmName"]: r for r in deployed(stage)}
    for composite in plan(stage).of("CompositeAlarm"):
        named = re.findall(r'ALARM\("([^"]+)"\)', composite.inputs["alarmRule"])
        if suppressor := composite.inputs.get("actionsSuppressor"):
            named.append(suppressor["alarm"])
        assert len(named) > 1
        assert {by_name[name].registration.urn for name in named} <= set(composite.registration.dependencies)


HEADINGS = re.findall(r"^### (.+)$", (REPOSITORY / "docs/operations.md").read_text(encoding="utf-8"), re.MULTILINE)


@pytest.mark.parametrize("stage", ["dev", *STAGES])
def test_every_message_says_how_bad_it_is_and_links_to_a_section_that_exists(stage: str) -> None:
    for resource in deployed(stage):
        name = resource.inputs.get("name") or resource.inputs["alarmName"]
        description = resource.inputs["alarmDescription"]
        severity, anchor = re.fullmatch(r"(P[123]): .+ Runbook: \S+#(\S+)", description).groups()  # type: ignore[union-attr]  # no match is a failure
        assert name.endswith(severity.lower())
        assert anchor in HEADINGS, name
        assert len(description) <= 1024


def test_the_runbook_explains_every_alarm_and_none_that_is_gone() -> None:
    alarms = re.split(r"^## ", (REPOSITORY / "docs/operations.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    (section,) = (part for part in alarms if part.startswith("Alarms\n"))
    explained = set(re.findall(r"^### (.+)$", section, re.MULTILINE))
    assert explained == {alarm.anchor for alarm in ALARMS.all} | {alarm.anchor for alarm in ALARMS.composites}


# --- identity: what an alarm or panel asks for is what somebody publishes ---


def panel_metrics(stage: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for dashboard in plan(stage).of("Dashboard"):
        for widget in json.loads(dashboard.inputs["dashboardBody"])["widgets"]:
            for row in widget["properties"].get("metrics", []):
                namespace, name, *rest = row[:-1] if isinstance(row[0], str) else [None, None]
                if namespace:
                    dimensions = [{"Name": k, "Value": v} for k, v in zip(rest[::2], rest[1::2], strict=True)]
                    asked = {"Namespace": namespace, "MetricName": name, "Dimensions": dimensions}
                    yield dashboard.name, asked | {"Stat": row[-1]["stat"]}


def asked(stage: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name, alarm in metric_alarms(stage).items():
        yield from ((name, query) for query in queries(alarm))
    yield from panel_metrics(stage)


def known(query: Mapping[str, Any]) -> Metric | None:
    keys = frozenset(dimension["Name"] for dimension in query["Dimensions"])
    return CATALOGUE.get((query["Namespace"], query["MetricName"], keys))


@pytest.mark.parametrize("stage", ["prod", "local"])
def test_every_alarm_and_panel_asks_for_a_declared_metric_by_its_dimensions_and_a_meaningful_statistic(
    stage: str,
) -> None:
    for who, query in asked(stage):
        metric = known(query)
        assert metric, (who, query)
        assert query["Stat"] in metric.statistics, (who, query)


@pytest.mark.parametrize("stage", ["prod", "local"])
def test_every_dimension_names_a_thing_of_the_stage(stage: str) -> None:
    resources = plan(stage).resources
    names = {resource.inputs.get("name") for resource in resources} | {"Global", "USD", "civicforge", stage}
    names |= {index["name"] for table in plan(stage).of("Table") for index in table.inputs["globalSecondaryIndexes"]}
    names |= {f"{stage}-{resource.name}-id" for resource in plan(stage).of("Distribution")}
    for who, query in asked(stage):
        for dimension in query["Dimensions"]:
            assert dimension["Value"] in names, (who, dimension)


@pytest.mark.parametrize("stage", ["prod", "local"])
def test_our_own_metrics_are_asked_for_under_the_emitters_dimensions(stage: str) -> None:
    expected = {"service": metrics.SERVICE, "stage": stage}
    for who, query in asked(stage):
        if query["Namespace"] == NAMESPACE:
            assert {d["Name"]: d["Value"] for d in query["Dimensions"]} == expected, who
    assert set(expected) == set(DIMENSIONS)


def test_metrics_of_another_region_are_drawn_from_there() -> None:
    for dashboard in plan("prod").of("Dashboard"):
        for widget in json.loads(dashboard.inputs["dashboardBody"])["widgets"]:
            for row in widget["properties"].get("metrics", []):
                if row[0] in ("AWS/CloudFront", "AWS/Billing"):
                    assert widget["properties"]["region"] == "us-east-1"
                elif isinstance(row[0], str):
                    assert widget["properties"]["region"] == REGION


# --- broken on purpose ---


def latency(statistic: str = "p95", **dimensions: str) -> Series:
    right = {"ApiId": "a", "Stage": "$default"}
    return Series(metric=aws.API_LATENCY, statistic=statistic, dimensions=dimensions or right)  # type: ignore[arg-type]  # wrong ones are the point


def test_a_wrong_dimension_is_refused() -> None:
    with pytest.raises(ValueError, match="would never have data"):
        latency(ApiName="a", Stage="$default")


def test_a_missing_dimension_is_refused() -> None:
    with pytest.raises(ValueError, match="would never have data"):
        Series(metric=metrics.API_ERRORS, statistic="Sum", dimensions={"stage": "prod"})


def test_an_average_for_p95_is_refused() -> None:
    with pytest.raises(ValueError, match="Average of Latency means nothing"):
        latency("Average")


def test_a_foreign_metric_is_not_emitted_by_us() -> None:
    with pytest.raises(ValueError, match="no metric of our own"):
        own(aws.API_COUNT, DOCUMENTED)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"period": 90}, "whole minutes"),
        ({"datapoints": 2}, "datapoints <= periods"),
        ({"datapoints": 0}, "1 <= datapoints"),
        ({"period": 3600, "periods": 25}, "at most one day"),
    ],
)
def test_periods_that_cloudwatch_refuses_are_refused(change: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        replace(ALARMS.api_errors, **change)


def test_an_alarm_on_another_regions_metric_is_refused() -> None:
    far = replace(api_series(DOCUMENTED, aws.API_5XX), region="us-east-1")
    with pytest.raises(ValueError, match="another region"):
        replace(ALARMS.api_errors, watch=far)


def test_an_alarm_of_more_metrics_than_cloudwatch_reads_is_refused() -> None:
    series = {f"m{n}": lambda_series(DOCUMENTED, "api", aws.LAMBDA_ERRORS) for n in range(11)}
    with pytest.raises(ValueError, match="at most 10"):
        replace(ALARMS.api_errors, watch=Math(expression="SUM([m0])", series=series))


@pytest.mark.parametrize("missing", ["notBreaching", "ignore"])
def test_an_alarm_on_dynamodb_that_would_never_end_is_refused(missing: Any) -> None:
    refused = {"r": table_series(DOCUMENTED, QUESTS, aws.TABLE_READ_THROTTLES)}
    filled = Math(expression="SUM([FILL(r, 0)])", series=refused)
    assert replace(ALARMS.api_errors, missing="ignore", watch=filled).watch is filled
    with pytest.raises(ValueError, match="would never end"):
        replace(ALARMS.api_errors, missing=missing, watch=replace(filled, expression="SUM([r])"))


def test_alarms_of_different_periods_on_one_panel_are_refused() -> None:
    with pytest.raises(ValueError, match="different periods"):
        Panel(title="x", shows=(ALARMS.burn_hour, ALARMS.api_errors))


def test_a_panel_takes_the_period_of_its_alarm() -> None:
    line = Line(label="depth", watch=queue_series(DOCUMENTED, REWARDS, aws.QUEUE_DEPTH))
    assert Panel(title="x", shows=(line, ALARMS.api_errors), period=3600).period == ALARMS.api_errors.period
    assert Panel(title="x", shows=(line,), period=3600).period == 3600


def without(key: str) -> list[Resource]:
    first, *rest = deployed("prod")
    return [replace(first, inputs={k: v for k, v in first.inputs.items() if k != key}), *rest]


@pytest.mark.parametrize("key", ["alarmActions", "okActions"])
def test_an_alarm_without_action_is_caught(key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    broken = without(key)
    monkeypatch.setattr(f"{__name__}.deployed", lambda _: broken)
    with pytest.raises(AssertionError):
        test_every_alarm_has_an_action_and_an_ok_action("prod")


def test_the_docs_are_current() -> None:
    from infra.observability.__main__ import main

    assert main(["docs", "--check"]) == 0


def test_stale_docs_are_noticed_and_mended(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from infra.observability.__main__ import main

    guide = tmp_path / "operations.md"
    guide.write_text("### flag-errors\n\nSet it again.\n", encoding="utf-8")
    assert main(["docs", "--check"], tmp_path) == 1
    (tmp_path / "monitoring.md").write_text("old", encoding="utf-8")
    assert main(["docs", "--check"], tmp_path) == 1
    assert {"monitoring.md", "operations.md"} == {line.split()[0] for line in capsys.readouterr().err.splitlines()}
    assert main(["docs"], tmp_path) == 0
    assert main(["docs", "--check"], tmp_path) == 0
    assert "> - `flag-errors-p3`: " in guide.read_text(encoding="utf-8")
