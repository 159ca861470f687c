"""The alarms, the dashboards and the saved queries of a stage, made from the definitions in `infra.observability`."""

from dataclasses import replace
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.components.api import Api
from infra.components.component import Component, account_id
from infra.components.identity import Identity
from infra.components.messaging import Alerts
from infra.components.site import Site
from infra.config import StageConfig
from infra.observability.build import composite_alarm_args, dashboard_body, dashboard_name, metric_alarm_args
from infra.observability.catalogue import Alarms
from infra.observability.dashboards import dashboards
from infra.observability.model import SEVERITIES, Platform, Topic
from infra.observability.queries import QUERIES
from services.core.services import SERVICES


class Observability(Component):
    """Every alarm and composite tells one topic when it goes off and when it is over."""

    def __init__(self, stage: StageConfig, alerts: Alerts, gateway: Api, site: Site, identity: Identity) -> None:
        super().__init__(stage, "observability")
        self.topics: dict[Topic, pulumi.Output[str]] = {"page": alerts.page.arn, "notify": alerts.notify.arn}
        self.wanted = SEVERITIES[: SEVERITIES.index(stage.alarms_from) + 1]
        platform = Platform(
            stage=stage.stage,
            region=stage.region,
            account=account_id(),
            api_id=gateway.api.id,
            distribution_id=site.distribution.id,
            user_pool_id=identity.pool.id,
            user_pool_client_id=identity.client.id,
            memory_mb={service: stage.size(service).memory_mb for service in SERVICES},
            release=stage.release,
            runbook=stage.runbook_url,
        )
        names = self._alarms(platform)
        if stage.dashboards:
            self._dashboards(platform, names)
        for query in QUERIES:
            aws.cloudwatch.QueryDefinition(
                query.key,
                name=query.name(stage.stage),
                query_string=query.text,
                log_group_names=query.log_groups(stage.stage),
                opts=self.child,
            )
        self.register_outputs({})

    def _alarms(self, platform: Platform) -> tuple[str, ...]:
        alarms = Alarms(platform)
        made: dict[str, pulumi.Resource] = {}
        for alarm in alarms.all:
            for severity in (severity for severity in self.wanted if severity in alarm.thresholds):
                name = alarm.name(platform.stage, severity)
                topic = self.topics[alarms.topic(alarm, severity)]
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
                composite_alarm_args(composite, platform, self.topics[composite.topic]),
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
        outputs = ("account", "api_id", "distribution_id", "user_pool_id", "user_pool_client_id")

        def body(known: list[str]) -> str:
            changes: dict[str, Any] = dict(zip(outputs, known, strict=True))
            resolved = replace(platform, **changes)
            (dashboard,) = (d for d in dashboards(resolved, Alarms(resolved)) if d.key == key)
            return dashboard_body(dashboard, resolved, alarm_names)

        return pulumi.Output.all(*(getattr(platform, name) for name in outputs)).apply(body)
