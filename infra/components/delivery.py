"""What calls the functions without anybody waiting: the ledger's stream and the clock."""

import json

import pulumi
import pulumi_aws as aws

from infra.components.component import Component, account_id, permissions_boundary
from infra.components.data import Data
from infra.components.function import Function
from infra.components.messaging import DeadLetters
from infra.components.policies import Statement, document, trust
from infra.config import StageConfig

SWEEP_MINUTES = 15
RETRIES = 5

# Entries change their state later; only their birth as PENDING is news.
NEW_PENDING_ENTRY = {"eventName": ["INSERT"], "dynamodb": {"NewImage": {"state": {"S": ["PENDING"]}}}}


class Delivery(Component):
    """Ledger entries to `rewards`; sweeps of `rewards` and `housekeeping` four times an hour."""

    def __init__(
        self, stage: StageConfig, data: Data, dead_letters: DeadLetters, rewards: Function, housekeeping: Function
    ) -> None:
        super().__init__(stage, "delivery")
        self._stream(data, dead_letters, rewards)
        self._sweeps(dead_letters, {"rewards": rewards, "housekeeping": housekeeping})
        self.register_outputs({})

    def _stream(self, data: Data, dead_letters: DeadLetters, rewards: Function) -> None:
        aws.lambda_.EventSourceMapping(
            "ledger",
            event_source_arn=data.ledger.stream_arn,
            function_name=rewards.live.arn,
            # From the oldest record: what was booked before the mapping was there is paid too.
            starting_position="TRIM_HORIZON",
            batch_size=10,
            maximum_retry_attempts=RETRIES,
            bisect_batch_on_function_error=True,
            function_response_types=["ReportBatchItemFailures"],
            filter_criteria=aws.lambda_.EventSourceMappingFilterCriteriaArgs(
                filters=[aws.lambda_.EventSourceMappingFilterCriteriaFilterArgs(pattern=json.dumps(NEW_PENDING_ENTRY))]
            ),
            destination_config=aws.lambda_.EventSourceMappingDestinationConfigArgs(
                on_failure=aws.lambda_.EventSourceMappingDestinationConfigOnFailureArgs(
                    destination_arn=dead_letters.rewards.arn
                )
            ),
            opts=self.child,
        )

    def _sweeps(self, dead_letters: DeadLetters, functions: dict[str, Function]) -> None:
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
                Statement(sid="KeepUndelivered", actions=["sqs:SendMessage"], resources=[dead_letters.schedules.arn]),
            ),
            opts=self.child,
        )
        for service, function in functions.items():
            aws.scheduler.Schedule(
                service,
                name=self.stage.name(f"{service}-sweep"),
                group_name=group.name,
                schedule_expression=f"rate({SWEEP_MINUTES} minutes)",
                flexible_time_window=aws.scheduler.ScheduleFlexibleTimeWindowArgs(mode="OFF"),
                target=aws.scheduler.ScheduleTargetArgs(
                    arn=function.live.arn,
                    role_arn=role.arn,
                    input=json.dumps({"sweep": service}),
                    # After a quarter of an hour the next sweep does the work.
                    retry_policy=aws.scheduler.ScheduleTargetRetryPolicyArgs(
                        maximum_retry_attempts=RETRIES, maximum_event_age_in_seconds=SWEEP_MINUTES * 60
                    ),
                    dead_letter_config=aws.scheduler.ScheduleTargetDeadLetterConfigArgs(arn=dead_letters.schedules.arn),
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
                        destination=dead_letters.schedules.arn
                    )
                ),
                opts=self.child,
            )
