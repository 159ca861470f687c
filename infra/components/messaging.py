"""Failure handling: dead letter queues, and the topics of alarms."""

import pulumi
import pulumi_aws as aws

from infra.components.component import Component, account_id
from infra.components.policies import Statement, document, tls_only
from infra.config import StageConfig
from services.core.names import bootstrap_role
from services.core.services import QUEUES, Queue

RETENTION_SECONDS = 14 * 24 * 3600
"""The most that SQS offers."""

PUBLISHERS = ("cloudwatch.amazonaws.com", "budgets.amazonaws.com")
"""Alarms and budgets."""


class DeadLetters(Component):
    """One queue for each asynchronous edge, by its declaration."""

    def __init__(self, stage: StageConfig) -> None:
        super().__init__(stage, "dead-letters")
        self.queues = {queue: self._queue(queue.base_name) for queue in QUEUES.values()}
        self.register_outputs({})

    def __getitem__(self, queue: Queue) -> aws.sqs.Queue:
        return self.queues[queue]

    def _queue(self, base_name: str) -> aws.sqs.Queue:
        queue = aws.sqs.Queue(
            base_name,
            name=self.stage.name(base_name),
            message_retention_seconds=RETENTION_SECONDS,
            sqs_managed_sse_enabled=True,
            opts=self.stateful,
        )
        aws.sqs.QueuePolicy(
            base_name,
            queue_url=queue.url,
            policy=document(tls_only(["sqs:*"], queue.arn)),
            opts=self.child,
        )
        return queue


class Alerts(Component):
    """The topics of alarms: `page` for P1, at any hour; `notify` for the rest."""

    def __init__(self, stage: StageConfig) -> None:
        super().__init__(stage, "alerts")
        self.key = self._key()
        self.page = self._topic("page")
        self.notify = self._topic("notify")
        self.register_outputs({})

    def _key(self) -> aws.kms.Key:
        account = account_id()
        return aws.kms.Key(
            "alerts",
            description=f"Encrypts the alert topics of {self.stage.name('alerts')}",
            enable_key_rotation=True,
            deletion_window_in_days=30,
            policy=document(
                Statement(
                    sid="Account",
                    principal={"AWS": pulumi.Output.concat("arn:aws:iam::", account, ":root")},
                    actions=["kms:*"],
                    resources=["*"],
                    wide_because="a key's policy means this key by *, and without its account nobody could manage it",
                ),
                # Alarms cannot publish through AWS's own key for SNS, whose policy nobody can change.
                Statement(
                    sid="Publishers",
                    principal={"Service": (*PUBLISHERS, "ses.amazonaws.com")},
                    actions=["kms:Decrypt", "kms:GenerateDataKey"],
                    resources=["*"],
                    conditions={"StringEquals": {"aws:SourceAccount": account}},
                    wide_because="a key's policy means this key by *",
                ),
                *self._deployer(account),
            ),
            opts=self.lasting,
        )

    def _deployer(self, account: pulumi.Output[str]) -> list[Statement]:
        """The role that makes the key goes on with it at once, while IAM may not know the key's tag for minutes."""
        if not self.stage.permissions_boundary:
            return []
        role = bootstrap_role(self.stage.stage, "deploy")
        return [
            Statement(
                sid="Deployer",
                # Not the role's ARN: AWS refuses a principal that is not there yet.
                principal={"AWS": "*"},
                actions=[
                    *("kms:DescribeKey", "kms:GetKeyPolicy", "kms:GetKeyRotationStatus", "kms:ListResourceTags"),
                    *("kms:EnableKeyRotation", "kms:PutKeyPolicy", "kms:UpdateKeyDescription"),
                ],
                resources=["*"],
                conditions={
                    "ArnEquals": {"aws:PrincipalArn": pulumi.Output.concat("arn:aws:iam::", account, ":role/", role)}
                },
                wide_because="a key's policy means this key by *, and the condition names one role",
            )
        ]

    def _topic(self, base_name: str) -> aws.sns.Topic:
        topic = aws.sns.Topic(
            base_name, name=self.stage.name(base_name), kms_master_key_id=self.key.arn, opts=self.child
        )
        aws.sns.TopicPolicy(
            base_name,
            arn=topic.arn,
            policy=document(
                Statement(
                    sid="Publishers",
                    principal={"Service": PUBLISHERS},
                    actions=["sns:Publish"],
                    resources=[topic.arn],
                    conditions={"StringEquals": {"aws:SourceAccount": account_id()}},
                ),
                tls_only(["sns:Publish"], topic.arn),
            ),
            opts=self.child,
        )
        for mail in self.stage.alert_mails:
            aws.sns.TopicSubscription(
                f"{base_name}-{mail}", topic=topic.arn, protocol="email", endpoint=mail, opts=self.child
            )
        for number, hook in enumerate(hook for hook in self.stage.alert_hooks if hook.topic == base_name):
            # The address has the key of the integration in it, which no preview needs to show.
            aws.sns.TopicSubscription(
                f"{base_name}-hook-{number}",
                topic=topic.arn,
                protocol="https",
                endpoint=pulumi.Output.secret(hook.address),
                endpoint_auto_confirms=True,
                opts=self.child,
            )
        return topic
