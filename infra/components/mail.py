"""Mails to members: the SES configuration set, and the path by which bounces and complaints reach the notifier."""

import pulumi
import pulumi_aws as aws

from infra.components.component import Component, account_id
from infra.components.function import Function
from infra.components.messaging import Alerts
from infra.components.policies import Statement, document, tls_only
from infra.config import StageConfig

REPORTED = ("BOUNCE", "COMPLAINT")
SES = "ses.amazonaws.com"


class Mail(Component):
    """The configuration set that every mail of a stage is sent with."""

    def __init__(self, stage: StageConfig) -> None:
        super().__init__(stage, "mail")
        self.configuration_set = aws.sesv2.ConfigurationSet(
            "mails",
            configuration_set_name=stage.name("mails"),
            delivery_options=aws.sesv2.ConfigurationSetDeliveryOptionsArgs(tls_policy="REQUIRE"),
            reputation_options=aws.sesv2.ConfigurationSetReputationOptionsArgs(reputation_metrics_enabled=True),
            sending_options=aws.sesv2.ConfigurationSetSendingOptionsArgs(sending_enabled=True),
            # SES itself drops what would bounce or annoy again, also mails of other senders in the account.
            suppression_options=aws.sesv2.ConfigurationSetSuppressionOptionsArgs(suppressed_reasons=list(REPORTED)),
            opts=self.child,
        )
        self.register_outputs({})


class MailFeedback(Component):
    """Bounces and complaints: from SES by a topic to the notifier, which sends no more mails to that member."""

    def __init__(self, stage: StageConfig, mail: Mail, alerts: Alerts, notifier: Function) -> None:
        super().__init__(stage, "mail-feedback")
        topic = aws.sns.Topic(
            "mail-feedback", name=stage.name("mail-feedback"), kms_master_key_id=alerts.key.arn, opts=self.child
        )
        policy = aws.sns.TopicPolicy(
            "mail-feedback",
            arn=topic.arn,
            policy=document(
                Statement(
                    sid="ReportsOfTheConfigurationSet",
                    principal={"Service": SES},
                    actions=["sns:Publish"],
                    resources=[topic.arn],
                    conditions={
                        "StringEquals": {
                            "aws:SourceAccount": account_id(),
                            "aws:SourceArn": mail.configuration_set.arn,
                        }
                    },
                ),
                tls_only(["sns:Publish"], topic.arn),
            ),
            opts=self.child,
        )
        aws.sesv2.ConfigurationSetEventDestination(
            "mail-feedback",
            configuration_set_name=mail.configuration_set.configuration_set_name,
            event_destination_name="feedback",
            event_destination=aws.sesv2.ConfigurationSetEventDestinationEventDestinationArgs(
                enabled=True,
                matching_event_types=list(REPORTED),
                sns_destination=aws.sesv2.ConfigurationSetEventDestinationEventDestinationSnsDestinationArgs(
                    topic_arn=topic.arn
                ),
            ),
            # SES tries the topic when it is named.
            opts=pulumi.ResourceOptions.merge(self.child, pulumi.ResourceOptions(depends_on=[policy])),
        )
        aws.lambda_.Permission(
            "mail-feedback",
            statement_id="MailFeedback",
            action="lambda:InvokeFunction",
            function=notifier.function.name,
            qualifier=notifier.live.name,
            principal="sns.amazonaws.com",
            source_arn=topic.arn,
            opts=self.child,
        )
        aws.sns.TopicSubscription(
            "mail-feedback", topic=topic.arn, protocol="lambda", endpoint=notifier.live.arn, opts=self.child
        )
        self.register_outputs({})
