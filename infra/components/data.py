"""The tables, as `services.core.tables` declares them."""

import pulumi_aws as aws

from infra.components.component import Component
from infra.config import StageConfig
from services.core.tables import LEDGER, QUESTS, TABLES, USERS, Table

PITR_DAYS = 35
"""The most that DynamoDB offers, on every stage: a drill on dev must not find another table than prod's."""


class Data(Component):
    """Users, quests and ledger. On demand, with ceilings: traffic is small and uneven, and a runaway loop is capped."""

    def __init__(self, stage: StageConfig) -> None:
        super().__init__(stage, "data")
        tables = {table.thing: self._table(table) for table in TABLES}
        self.users = tables[USERS.thing]
        self.quests = tables[QUESTS.thing]
        self.ledger = tables[LEDGER.thing]
        self.register_outputs({})

    def _table(self, table: Table) -> aws.dynamodb.Table:
        reads, writes = self.stage.max_read_units, self.stage.max_write_units
        return aws.dynamodb.Table(
            table.thing,
            name=self.stage.name(table.thing),
            billing_mode="PAY_PER_REQUEST",
            on_demand_throughput=aws.dynamodb.TableOnDemandThroughputArgs(
                max_read_request_units=reads, max_write_request_units=writes
            ),
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
                    on_demand_throughput=aws.dynamodb.TableGlobalSecondaryIndexOnDemandThroughputArgs(
                        max_read_request_units=reads, max_write_request_units=writes
                    ),
                )
                for index in table.indexes
            ],
            stream_enabled=table.stream,
            stream_view_type="NEW_IMAGE" if table.stream else None,
            point_in_time_recovery=aws.dynamodb.TablePointInTimeRecoveryArgs(
                enabled=True, recovery_period_in_days=PITR_DAYS
            ),
            # AWS's key for DynamoDB, whose use CloudTrail records; one of our own would cost a dollar a month.
            server_side_encryption=aws.dynamodb.TableServerSideEncryptionArgs(enabled=True),
            deletion_protection_enabled=self.stage.protect,
            opts=self.stateful,
        )
