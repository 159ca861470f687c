"""Asynchronous callers of the functions: the streams of the tables, and the clock."""

import json
from collections.abc import Mapping
from typing import Any

import pulumi
import pulumi_aws as aws

from infra.components.component import Component, account_id, permissions_boundary
from infra.components.data import Data
from infra.components.function import Function
from infra.components.messaging import DeadLetters
from infra.components.policies import Statement, document, trust
from infra.config import StageConfig
from services.core.events import Sweep
from services.core.services import NOTICES, PUBLISHER, REWARDS, SCHEDULES, SWEEPS

RETRIES = 5
UNTIL_THE_STREAM_ENDS = 10_000
"""Lambda's most: a record is kept for 24 hours, in which fewer attempts fit."""

# Entries change their state later; only their birth as PENDING is news.
STEP_OF_A_QUEST = {
    "eventName": ["MODIFY"],
    "dynamodb": {"NewImage": {"version": {"N": [{"exists": True}]}}},
}
REWARD_ON_ITS_WAY = {
    "eventName": ["MODIFY"],
    "dynamodb": {"NewImage": {"kind": {"S": ["reward"]}, "state": {"S": ["POSTED", "HELD"]}}},
}
NEW_MESSAGE = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"authorId": {"S": [{"exists": True}]}}}}
DECIDED_REPORT = {
    "eventName": ["INSERT", "MODIFY"],
    "dynamodb": {"NewImage": {"state": {"S": ["DECIDED", "CLOSED"]}}},
}
NEW_PENDING_ENTRY = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"state": {"S": ["PENDING"]}}}}


class Delivery(Component):
    """Ledger entries to `rewards`, changes of quests to `publisher`, events to `notifier`, and the declared sweeps."""

    def __init__(
        self, stage: StageConfig, data: Data, dead_letters: DeadLetters, functions: Mapping[str, Function]
    ) -> None:
        super().__init__(stage, "delivery")
        self._stream(
            "ledger", data.ledger, functions["rewards"], dead_letters[REWARDS], wanted=NEW_PENDING_ENTRY, batch_size=10
        )
        # Every change: the publisher looks at the quest itself, so that a longer batch is less work, not more.
        self._stream("quests-publisher", data.quests, functions["publisher"], dead_letters[PUBLISHER], batch_size=100)
        for base_name, table, wanted in (
            ("quests-notifier", data.quests, STEP_OF_A_QUEST),
            ("ledger-notifier", data.ledger, REWARD_ON_ITS_WAY),
            ("messages-notifier", data.messages, NEW_MESSAGE),
            ("reports-notifier", data.reports, DECIDED_REPORT),
        ):
            # No sweep finds events without a notice, so records are retried for as long as the stream keeps them.
            self._stream(
                base_name,
                table,
                functions["notifier"],
                dead_letters[NOTICES],
                wanted=wanted,
                batch_size=10,
                attempts=UNTIL_THE_STREAM_ENDS,
            )
        self._sweeps(dead_letters, {name: functions[name] for name in SWEEPS})
        self.register_outputs({})

    def _stream(
        self,
        base_name: str,
        table: aws.dynamodb.Table,
        function: Function,
        dead_letters: aws.sqs.Queue,
        *,
        batch_size: int,
        wanted: Mapping[str, Any] | None = None,
        attempts: int = RETRIES,
    ) -> None:
        """Bring a table's changes to a function, those that `wanted` describes or all of them."""
        aws.lambda_.EventSourceMapping(
            base_name,
            event_source_arn=table.stream_arn,
            function_name=function.live.arn,
            # From the oldest record: what was written before the mapping was there is done too.
            starting_position="TRIM_HORIZON",
            batch_size=batch_size,
            maximum_retry_attempts=attempts,
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            filter_criteria=aws.lambda_.EventSourceMappingFilterCriteriaArgs(
                filters=[aws.lambda_.EventSourceMappingFilterCriteriaFilterArgs(pattern=json.dumps(wanted))]
            )
            if wanted
            else None,
            destination_config=aws.lambda_.EventSourceMappingDestinationConfigArgs(
                on_failure=aws.lambda_.EventSourceMappingDestinationConfigOnFailureArgs(
                    destination_arn=dead_letters.arn
                )
            ),
            opts=self.child,
        )

    def _sweeps(self, dead_letters: DeadLetters, functions: Mapping[str, Function]) -> None:
        group = aws.scheduler.ScheduleGroup("sweeps", name=self.stage.name("sweeps"), opts=self.child)
        role = aws.iam.Role(
            "sweeps",
            name=self.stage.name("sweeps"),
            assume_role_policy=trust(
                "scheduler",
                conditions={"StringEquals": {"aws:SourceAccount": account_id(), "aws:SourceArn": group.arn}},
            ),
            permissions_boundary=permissions_boundary(self.stage),
            opts=self.child,
        )
        policy = aws.iam.RolePolicy(
            "sweeps",
            name=self.stage.name("sweeps"),
            role=role.id,
            policy=document(
                Statement(
                    sid="Sweep",
                    actions=["lambda:InvokeFunction"],
                    resources=[function.live.arn for function in functions.values()],
                ),
                Statement(sid="KeepUndelivered", actions=["sqs:SendMessage"], resources=[dead_letters[SCHEDULES].arn]),
            ),
            opts=self.child,
        )
        for service, function in functions.items():
            minutes = SWEEPS[service].sweep_minutes
            assert minutes is not None, "a sweep has a period"
            aws.scheduler.Schedule(
                service,
                name=self.stage.name(f"{service}-sweep"),
                group_name=group.name,
                schedule_expression=f"rate({minutes} minutes)",
                flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
                target=aws.scheduler.ScheduleTargetArgs(
                    arn=function.live.arn,
                    role_arn=role.arn,
                    input=Sweep(service).to_json(),
                    # The next sweep does the work of one that could not start.
                    retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                        maximum_retry_attempts=RETRIES, maximum_event_age_in_seconds=minutes * 60
                    ),
                    dead_letter_config=aws.scheduler.ScheduleTargetDeadLetterConfigArgs(
                        arn=dead_letters[SCHEDULES].arn
                    ),
                ),
                opts=pulumi.ResourceOptions.merge(self.child, pulumi.ResourceOptions(depends_on=[policy])),
            )
            # The scheduler's own queue keeps what did not reach Lambda; this, what Lambda took and could not do.
            aws.lambda_.FunctionEventInvokeConfig(
                service,
                function_name=function.function.name,
                qualifier=function.live.name,
                maximum_retry_attempts=2,
                destination_config=aws.lambda_.FunctionEventInvokeConfigDestinationConfigArgs(
                    on_failure=aws.lambda_.FunctionEventInvokeConfigDestinationConfigOnFailureArgs(
                        destination=dead_letters[SCHEDULES].arn
                    )
                ),
                opts=self.child,
            )
