"""The tables, as `services.core.tables` declares them."""

from typing import Any, Final

import pulumi
import pulumi_aws as aws

from infra.components.component import Component
from infra.config import StageConfig
from services.core.tables import INBOX, LEDGER, MESSAGES, QUESTS, REPORTS, TABLES, USERS, Table

PITR_DAYS = 35
"""The most that DynamoDB offers, on every stage: a drill on dev must not find another table than prod's."""

TARGET_UTILIZATION = 70.0
"""Percent of the provisioned capacity at which scaling aims."""

_UNITS: Final = ("readCapacity", "writeCapacity")
SCALED: Final = (*_UNITS, *(f"globalSecondaryIndexes[*].{unit}" for unit in _UNITS))
"""Inputs of a provisioned table that scaling changes and `up` must not change back."""


class Data(Component):
    """The tables: on demand with ceilings, or provisioned with scaling (decision 0008)."""

    def __init__(self, stage: StageConfig) -> None:
        super().__init__(stage, "data")
        tables = {table.base_name: self._table(table) for table in TABLES}
        self.users = tables[USERS.base_name]
        self.quests = tables[QUESTS.base_name]
        self.ledger = tables[LEDGER.base_name]
        self.inbox = tables[INBOX.base_name]
        self.messages = tables[MESSAGES.base_name]
        self.reports = tables[REPORTS.base_name]
        if stage.capacity == "provisioned":
            for table in TABLES:
                self._scale(tables[table.base_name], table)
        self.register_outputs({})

    def _table(self, table: Table) -> aws.dynamodb.Table:
        return aws.dynamodb.Table(
            table.base_name,
            name=self.stage.name(table.base_name),
            billing_mode="PAY_PER_REQUEST" if self.stage.capacity == "on-demand" else "PROVISIONED",
            attributes=[aws.dynamodb.TableAttributeArgs(name=key, type="S") for key in table.key_attributes],
            hash_key=table.partition_key,
            range_key=table.sort_key,
            global_secondary_indexes=[
                aws.dynamodb.TableGlobalSecondaryIndexArgs(
                    name=index.name,
                    key_schemas=[
                        aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs(
                            attribute_name=index.partition_key, key_type="HASH"
                        ),
                        aws.dynamodb.TableGlobalSecondaryIndexKeySchemaArgs(
                            attribute_name=index.sort_key, key_type="RANGE"
                        ),
                    ],
                    projection_type="INCLUDE" if index.projected else "KEYS_ONLY",
                    non_key_attributes=list(index.projected) or None,
                    **self._capacity(aws.dynamodb.TableGlobalSecondaryIndexOnDemandThroughputArgs),
                )
                for index in table.indexes
            ],
            stream_enabled=table.stream is not None,
            stream_view_type=table.stream,
            ttl=aws.dynamodb.TableTtlArgs(attribute_name=table.ttl, enabled=True) if table.ttl else None,
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(
                enabled=True, recovery_period_in_days=PITR_DAYS
            ),
            # AWS's key for DynamoDB, whose use CloudTrail records; one of our own would cost a dollar a month.
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(enabled=True),
            deletion_protection_enabled=self.stage.protect,
            opts=pulumi.ResourceOptions.merge(
                self.stateful,
                pulumi.ResourceOptions(ignore_changes=[*SCALED] if self.stage.capacity == "provisioned" else None),
            ),
            **self._capacity(aws.dynamodb.TableOnDemandThroughputArgs),
        )

    def _capacity(self, ceilings: type[Any]) -> dict[str, Any]:
        """Read and write units per second of a table or an index."""
        stage = self.stage
        if stage.capacity == "provisioned":
            return {"read_capacity": stage.min_read_units, "write_capacity": stage.min_write_units}
        return {
            "on_demand_throughput": ceilings(
                max_read_request_units=stage.max_read_units, max_write_request_units=stage.max_write_units
            )
        }

    def _scale(self, made: aws.dynamodb.Table, table: Table) -> None:
        """Follows the load of the table and of each index between the stage's least and most units."""
        stage = self.stage
        bounds = {
            "Read": (stage.min_read_units, stage.max_read_units),
            "Write": (stage.min_write_units, stage.max_write_units),
        }
        for index in (None, *table.indexes):
            kind, path = ("index", f"/index/{index.name}") if index else ("table", "")
            for direction, (least, most) in bounds.items():
                base_name = "-".join((table.base_name, *([index.name] if index else []), direction.lower()))
                target = aws.appautoscaling.Target(
                    base_name,
                    service_namespace="dynamodb",
                    resource_id=pulumi.Output.concat("table/", made.name, path),
                    scalable_dimension=f"dynamodb:{kind}:{direction}CapacityUnits",
                    min_capacity=least,
                    max_capacity=most,
                    opts=self.child,
                )
                aws.appautoscaling.Policy(
                    base_name,
                    name=stage.name(base_name),
                    policy_type="TargetTrackingScaling",
                    service_namespace=target.service_namespace,
                    resource_id=target.resource_id,
                    scalable_dimension=target.scalable_dimension,
                    target_tracking_scaling_policy_configuration=_tracking(direction),
                    opts=self.child,
                )


def _tracking(direction: str) -> aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs:
    metric = aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationPredefinedMetricSpecificationArgs(
        predefined_metric_type=f"DynamoDB{direction}CapacityUtilization"
    )
    return aws.appautoscaling.PolicyTargetTrackingScalingPolicyConfigurationArgs(
        target_value=TARGET_UTILIZATION, predefined_metric_specification=metric
    )
