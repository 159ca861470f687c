# ruff: noqa: ARG002 - all handlers (and invokes) have one signature, whether or not one needs every argument
"""SQS queues and SNS topics."""

from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.provider.base import Cloud, Handler, Inputs, Outputs, handles, not_found, without

_QUEUE_ATTRIBUTES = {
    "messageRetentionSeconds": "MessageRetentionPeriod",
    "visibilityTimeoutSeconds": "VisibilityTimeout",
    "receiveWaitTimeSeconds": "ReceiveMessageWaitTimeSeconds",
    "maxMessageSize": "MaximumMessageSize",
}


def _attributes(inputs: Inputs, renames: Mapping[str, str] = _QUEUE_ATTRIBUTES) -> dict[str, str]:
    """Attributes are text under PascalCase names."""
    return {
        renames.get(key, key[0].upper() + key[1:]): str(value).lower() if isinstance(value, bool) else str(value)
        for key, value in inputs.items()
    }


@handles("aws:sqs/queue:Queue")
class Queue(Handler):
    names = _QUEUE_ATTRIBUTES
    replace_on = frozenset({"name", "fifoQueue"})
    taggable = True
    autoname = "name"

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        made = cloud.client("sqs").create_queue(
            QueueName=inputs["name"], Attributes=_attributes(without(inputs, "name", "tags", "timeouts"))
        )
        return str(made["QueueUrl"])

    def find(self, cloud: Cloud, inputs: Inputs) -> list[str]:
        client = cloud.client("sqs")
        try:
            return [str(client.get_queue_url(QueueName=inputs["name"])["QueueUrl"])]
        except client.exceptions.QueueDoesNotExist:
            return []

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        gone = {
            key: "" for key in ("redrivePolicy", "redriveAllowPolicy", "policy") if key in old and key not in inputs
        }
        attributes = _attributes({**without(inputs, "name", "tags", "timeouts", "fifoQueue"), **gone})
        if attributes:
            cloud.client("sqs").set_queue_attributes(QueueUrl=id_, Attributes=attributes)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("sqs").delete_queue(QueueUrl=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        attributes = cloud.client("sqs").get_queue_attributes(QueueUrl=id_, AttributeNames=["All"])["Attributes"]
        return {"arn": attributes["QueueArn"], "url": id_, "name": attributes["QueueArn"].rsplit(":", 1)[-1]}


@handles("aws:sqs/queuePolicy:QueuePolicy")
class QueuePolicy(Handler):
    replace_on = frozenset({"queueUrl"})

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["queueUrl"])

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.client("sqs").set_queue_attributes(
            QueueUrl=inputs["queueUrl"], Attributes=_attributes(without(inputs, "queueUrl"))
        )
        return self.identify(cloud, inputs)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("sqs").set_queue_attributes(QueueUrl=id_, Attributes={"Policy": ""})

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        answer = cloud.client("sqs").get_queue_attributes(QueueUrl=id_, AttributeNames=["Policy"])
        if not answer.get("Attributes", {}).get("Policy"):
            raise not_found("GetQueueAttributes", f"the policy of {id_}")
        return {}


@handles("aws:sns/topic:Topic")
class Topic(Handler):
    replace_on = frozenset({"name", "fifoTopic"})
    taggable = True
    autoname = "name"

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return cloud.arn("sns", inputs["name"])

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        attributes = _attributes(without(inputs, "name", "tags"), {})
        return str(cloud.client("sns").create_topic(Name=inputs["name"], Attributes=attributes)["TopicArn"])

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        for name, value in _attributes(without(inputs, "name", "tags", "fifoTopic"), {}).items():
            cloud.client("sns").set_topic_attributes(TopicArn=id_, AttributeName=name, AttributeValue=value)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("sns").delete_topic(TopicArn=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        cloud.client("sns").get_topic_attributes(TopicArn=id_)
        return {"arn": id_, "name": id_.rsplit(":", 1)[-1], "owner": cloud.account}


@handles("aws:sns/topicPolicy:TopicPolicy")
class TopicPolicy(Handler):
    replace_on = frozenset({"arn"})

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["arn"])

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.client("sns").set_topic_attributes(
            TopicArn=inputs["arn"], AttributeName="Policy", AttributeValue=inputs["policy"]
        )
        return self.identify(cloud, inputs)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        """Back to the policy that every topic has from the start: its owner may use it."""
        default = (
            '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"sns:Publish",'
            f'"Resource":"{id_}","Condition":{{"StringEquals":{{"AWS:SourceOwner":"{cloud.account}"}}}}}}]}}'
        )
        cloud.client("sns").set_topic_attributes(TopicArn=id_, AttributeName="Policy", AttributeValue=default)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        cloud.client("sns").get_topic_attributes(TopicArn=id_)
        return {"owner": cloud.account}


@handles("aws:sns/topicSubscription:TopicSubscription")
class TopicSubscription(Handler):
    replace_on = frozenset({"topic", "protocol", "endpoint"})
    settings: ClassVar[tuple[str, ...]] = (
        "rawMessageDelivery",
        "filterPolicy",
        "filterPolicyScope",
        "redrivePolicy",
        "deliveryPolicy",
    )

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        made = cloud.client("sns").subscribe(
            TopicArn=inputs["topic"],
            Protocol=inputs["protocol"],
            Endpoint=inputs["endpoint"],
            Attributes=self._attributes(inputs),
            ReturnSubscriptionArn=True,
        )
        return str(made["SubscriptionArn"])

    def find(self, cloud: Cloud, inputs: Inputs) -> list[str]:
        pages = cloud.client("sns").get_paginator("list_subscriptions_by_topic").paginate(TopicArn=inputs["topic"])
        wanted = (inputs["protocol"], inputs["endpoint"])
        found = (item for page in pages for item in page["Subscriptions"])
        return [item["SubscriptionArn"] for item in found if (item["Protocol"], item["Endpoint"]) == wanted]

    def _attributes(self, inputs: Inputs) -> dict[str, str]:
        return _attributes({key: inputs[key] for key in self.settings if inputs.get(key) is not None}, {})

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        for name, value in self._attributes(inputs).items():
            cloud.client("sns").set_subscription_attributes(
                SubscriptionArn=id_, AttributeName=name, AttributeValue=value
            )

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("sns").unsubscribe(SubscriptionArn=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        attributes: dict[str, Any] = cloud.client("sns").get_subscription_attributes(SubscriptionArn=id_)["Attributes"]
        return {
            "arn": id_,
            "ownerId": cloud.account,
            "pendingConfirmation": attributes.get("PendingConfirmation") == "true",
        }
