"""A Lambda with what belongs to it: role, log group, environment, alias."""

from collections.abc import Mapping, Sequence
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.components.component import Component, account_id, permissions_boundary
from infra.components.policies import Statement, document, trust
from infra.config import StageConfig
from services.core.names import LIVE_ALIAS, log_group
from services.core.services import SERVICES

RUNTIME = "python3.13"


class Function(Component):
    """The Lambda of a service. Its environment is what the service's settings model says, no more and no less.

    Attributes:
        live: the alias that every caller uses; a rollback moves it to a former version.
    """

    def __init__(
        self,
        stage: StageConfig,
        service: str,
        *,
        settings: Mapping[str, pulumi.Input[Any]],
        statements: Sequence[Statement],
    ) -> None:
        super().__init__(stage, service)
        self.service = service
        name, size = stage.name(service), stage.size(service)
        self.log_group = aws.cloudwatch.LogGroup(
            service, name=log_group(stage.stage, service), retention_in_days=stage.log_retention_days, opts=self.lasting
        )
        self.role = aws.iam.Role(
            service,
            name=name,
            assume_role_policy=trust("lambda"),
            permissions_boundary=permissions_boundary(stage),
            opts=self.child,
        )
        write_logs = Statement(
            sid="WriteOwnLogs",
            actions=["logs:CreateLogStream", "logs:PutLogEvents"],
            resources=[pulumi.Output.concat(self.log_group.arn, ":*")],
            wide_because="Lambda names the streams of the group",
        )
        policy = aws.iam.RolePolicy(
            service,
            name=name,
            role=self.role.id,
            policy=document(write_logs, *self._go_on(), *statements),
            opts=self.child,
        )
        self.function = aws.lambda_.Function(
            service,
            name=name,
            role=self.role.arn,
            runtime=RUNTIME,
            architectures=[stage.architecture],
            handler=f"services.{service}.handler.handler",
            code=pulumi.FileArchive(stage.artifact(service)),
            memory_size=size.memory_mb,
            timeout=size.timeout_seconds,
            reserved_concurrent_executions=size.concurrency,
            environment=aws.lambda_.FunctionEnvironmentArgs(variables=_environment(service, settings)),
            logging_config=aws.lambda_.FunctionLoggingConfigArgs(
                log_format="JSON",
                log_group=self.log_group.name,
                # Lambda drops lines below this level, and metrics among them, whose lines carry none and count as
                # INFO. The service's own logger keeps to the stage's level.
                application_log_level="DEBUG" if stage.log_level == "DEBUG" else "INFO",
            ),
            publish=True,
            # A version must not be called before its role may do its work.
            opts=pulumi.ResourceOptions.merge(self.child, pulumi.ResourceOptions(depends_on=[policy])),
        )
        self.live = aws.lambda_.Alias(
            service,
            name=LIVE_ALIAS,
            function_name=self.function.name,
            function_version=self.function.version,
            opts=self._alias_options(),
        )
        self.register_outputs({})

    def _go_on(self) -> list[Statement]:
        """The permission to start itself, by its name: the function is made after its role."""
        if "itself" not in SERVICES[self.service].called_by:
            return []
        name = f"function:{self.stage.name(self.service)}:{LIVE_ALIAS}"
        own = account_id().apply(lambda account: f"arn:aws:lambda:{self.stage.region}:{account}:{name}")
        return [Statement(sid="GoOn", actions=["lambda:InvokeFunction"], resources=[own])]

    def _alias_options(self) -> pulumi.ResourceOptions:
        """With a canary, `up` only publishes a version; the release makes it live (see `ops.shared.canary`)."""
        moved = ["functionVersion", "routingConfig"] if self.stage.canary_percent else None
        return pulumi.ResourceOptions.merge(self.child, pulumi.ResourceOptions(ignore_changes=moved))


def _environment(service: str, settings: Mapping[str, pulumi.Input[Any]]) -> pulumi.Output[dict[str, str]]:
    """Raises KeyError for a field of the settings that has no value."""
    model = SERVICES[service].settings
    values = {field: settings[field] for field in model.model_fields}
    return pulumi.Output.all(**values).apply(lambda resolved: model.model_validate(resolved).environment())
