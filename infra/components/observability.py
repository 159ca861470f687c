"""The alarms and the dashboards of a stage, made from the definitions in `infra.observability`."""

from dataclasses import replace

import pulumi
import pulumi_aws as aws

from infra.components.api import Api
from infra.components.component import Component, account_id
from infra.components.messaging import Alerts
from infra.components.site import Site
from infra.config import StageConfig
from infra.observability.build import composite_alarm_args, dashboard_body, dashboard_name, metric_alarm_args
from infra.observability.catalogue import Alarms
from infra.observability.dashboards import dashboards
from infra.observability.model import SEVERITIES, Platform, Severity
from services.core.names import SERVICES


class Observability(Component):
    """P1 tells the topic `page`, P2 and P3 tell `notify`; so does a P1 whose composite pages in its place."""

    def __init__(self, stage: StageConfig, alerts: Alerts, gateway: Api, site: Site) -> None:
        super().__init__(stage, "observability")
        self.alerts = alerts
        self.wanted = SEVERITIES[: SEVERITIES.index(stage.alarms_from) + 1]
        platform = Platform(
            stage=stage.stage,
            region=stage.region,
            account=account_id(),
            api_id=gateway.api.id,
            distribution_id=site.distribution.id,
            memory_mb={service: stage.size(service).memory_mb for service in SERVICES},
            runbook=stage.runbook_url,
        )
        names = self._alarms(platform)
        if stage.dashboards:
            self._dashboards(platform, names)
        self.register_outputs({})

    def _topic(self, severity: Severity, *, paged_by_composite: bool = False) -> pulumi.Output[str]:
        return self.alerts.page.arn if severity == "P1" and not paged_by_composite else self.alerts.notify.arn

    def _alarms(self, platform: Platform) -> tuple[str, ...]:
        alarms = Alarms(platform)
        members = {member for composite in alarms.composites for member in composite.member_names(platform.stage)}
        made: dict[str, pulumi.Resource] = {}
        for alarm in alarms.all:
            for severity in alarm.thresholds.keys() & set(self.wanted):
                name = alarm.name(platform.stage, severity)
                topic = self._topic(severity, paged_by_composite=name in members)
                made[name] = aws.cloudwatch.MetricAlarm(
                    f"{alarm.key}-{severity.lower()}",
                    metric_alarm_args(alarm, severity, platform, topic),
                    opts=self.child,
                )
        for composite in alarms.composites:
            before = [made[name] for name in composite.member_names(platform.stage)]
            if composite.suppressor:
                before.append(made[composite.suppressor.name(platform.stage)])
            made[composite.name(platform.stage)] = aws.cloudwatch.CompositeAlarm(
                composite.key,
                composite_alarm_args(composite, platform, self._topic(composite.severity)),
                opts=pulumi.ResourceOptions.merge(self.child, pulumi.ResourceOptions(depends_on=before)),
            )
        return tuple(sorted(made))

    def _dashboards(self, platform: Platform, alarm_names: tuple[str, ...]) -> None:
        for dashboard in dashboards(platform, Alarms(platform)):
            aws.cloudwatch.Dashboard(
                dashboard.key,
                dashboard_name=dashboard_name(platform, dashboard),
                dashboard_body=self._body(dashboard.key, platform, alarm_names),
                opts=self.child,
            )

    def _body(self, key: str, platform: Platform, alarm_names: tuple[str, ...]) -> pulumi.Output[str]:
        def body(known: list[str]) -> str:
            account, api_id, distribution_id = known
            resolved = replace(platform, account=account, api_id=api_id, distribution_id=distribution_id)
            (dashboard,) = (d for d in dashboards(resolved, Alarms(resolved)) if d.key == key)
            return dashboard_body(dashboard, resolved, alarm_names)

        return pulumi.Output.all(platform.account, platform.api_id, platform.distribution_id).apply(body)
