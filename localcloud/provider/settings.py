# ruff: noqa: ARG002 - all handlers (and invokes) have one signature, whether or not one needs every argument
"""SSM parameters, KMS keys and budgets."""

from collections.abc import Mapping
from typing import Any

from localcloud.provider.base import Cloud, Handler, Inputs, Outputs, handles, not_found, without


@handles("aws:ssm/parameter:Parameter")
class Parameter(Handler):
    replace_on = frozenset({"name", "dataType"})
    secret_outputs = frozenset({"value"})
    drift = frozenset({"value"})
    taggable = True

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["name"])

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        self._put(cloud, inputs, overwrite=bool(inputs.get("overwrite", False)))
        return self.identify(cloud, inputs)

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        self._put(cloud, inputs, overwrite=True)

    def _put(self, cloud: Cloud, inputs: Inputs, *, overwrite: bool) -> None:
        cloud.call(
            "ssm",
            "put_parameter",
            without(inputs, "tags", "overwrite", "arn"),
            renames={"insecureValue": "Value"},
            Overwrite=overwrite,
        )

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("ssm").delete_parameter(Name=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        parameter = cloud.client("ssm").get_parameter(Name=id_, WithDecryption=True)["Parameter"]
        return {
            "arn": parameter["ARN"],
            "name": id_,
            "type": parameter["Type"],
            "value": parameter["Value"],
            "version": parameter["Version"],
        }


@handles("aws:kms/key:Key")
class Key(Handler):
    names = {"enableKeyRotation": "KeyRotationEnabled"}
    replace_on = frozenset({"keyUsage", "customerMasterKeySpec", "multiRegion"})
    taggable = True

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        # With its tags in the same call: by them it is found after an interruption.
        tags = [{"TagKey": key, "TagValue": value} for key, value in (inputs.get("tags") or {}).items()]
        made = cloud.call(
            "kms",
            "create_key",
            {
                key: inputs.get(key)
                for key in ("description", "keyUsage", "policy", "multiRegion", "customerMasterKeySpec")
            },
            renames={"customerMasterKeySpec": "KeySpec"},
            Tags=tags,
        )
        key_id = str(made["KeyMetadata"]["KeyId"])
        self._rotate(cloud, key_id, inputs)
        return key_id

    def find(self, cloud: Cloud, inputs: Inputs) -> list[str]:
        """By description and tags, which together are a stage's own."""
        client = cloud.client("kms")
        keys = (key["KeyId"] for page in client.get_paginator("list_keys").paginate() for key in page["Keys"])
        return [key for key in keys if self._is_called(client, key, inputs)]

    def _is_called(self, client: Any, key: str, inputs: Inputs) -> bool:
        about = client.describe_key(KeyId=key)["KeyMetadata"]
        if about["KeyState"] != "Enabled" or about.get("Description", "") != (inputs.get("description") or ""):
            return False
        tags = {tag["TagKey"]: tag["TagValue"] for tag in client.list_resource_tags(KeyId=key)["Tags"]}
        return {**tags, **(inputs.get("tags") or {})} == tags

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        client = cloud.client("kms")
        client.update_key_description(KeyId=id_, Description=inputs.get("description") or "")
        if inputs.get("policy"):
            client.put_key_policy(KeyId=id_, PolicyName="default", Policy=inputs["policy"])
        self._rotate(cloud, id_, inputs)

    def _rotate(self, cloud: Cloud, key_id: str, inputs: Inputs) -> None:
        client = cloud.client("kms")
        if inputs.get("enableKeyRotation"):
            period = inputs.get("rotationPeriodInDays")
            client.enable_key_rotation(KeyId=key_id, **({"RotationPeriodInDays": int(period)} if period else {}))
        else:
            client.disable_key_rotation(KeyId=key_id)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        days = int(inputs.get("deletionWindowInDays") or 30)
        cloud.client("kms").schedule_key_deletion(KeyId=id_, PendingWindowInDays=days)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        key = cloud.client("kms").describe_key(KeyId=id_)["KeyMetadata"]
        if key.get("KeyState") == "PendingDeletion":
            raise not_found("DescribeKey", f"key {id_} is about to be deleted and")
        if inputs.get("enableKeyRotation") is not None:
            cloud.client("kms").get_key_rotation_status(KeyId=id_)
        return {"arn": key["Arn"], "keyId": key["KeyId"]}


@handles("aws:kms/alias:Alias")
class Alias(Handler):
    replace_on = frozenset({"name"})

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["name"])

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.client("kms").create_alias(AliasName=inputs["name"], TargetKeyId=inputs["targetKeyId"])
        return self.identify(cloud, inputs)

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        cloud.client("kms").update_alias(AliasName=id_, TargetKeyId=inputs["targetKeyId"])

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("kms").delete_alias(AliasName=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        key = cloud.client("kms").describe_key(KeyId=id_)["KeyMetadata"]
        return {"arn": cloud.arn("kms", id_), "targetKeyArn": key["Arn"]}


@handles("aws:budgets/budget:Budget")
class Budget(Handler):
    names = {"limitAmount": "Amount", "limitUnit": "Unit"}
    replace_on = frozenset({"name", "accountId"})
    taggable = True
    autoname = "name"

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return f"{inputs.get('accountId') or cloud.account}:{inputs['name']}"

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        account = inputs.get("accountId") or cloud.account
        budget: dict[str, Any] = {
            "BudgetName": inputs["name"],
            "BudgetType": inputs["budgetType"],
            "TimeUnit": inputs["timeUnit"],
            "BudgetLimit": {"Amount": str(inputs["limitAmount"]), "Unit": inputs["limitUnit"]},
        }
        if inputs.get("costFilters"):
            budget["CostFilters"] = {item["name"]: item["values"] for item in inputs["costFilters"]}
        cloud.client("budgets").create_budget(
            AccountId=account,
            Budget=budget,
            NotificationsWithSubscribers=[_notification(item) for item in inputs.get("notifications") or []],
        )
        return self.identify(cloud, inputs)

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        """A budget holds no data of its own, and its notifications have no update that fits."""
        self.delete(cloud, id_, old)
        self.create(cloud, inputs)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        account, _, name = id_.partition(":")
        cloud.client("budgets").delete_budget(AccountId=account, BudgetName=name)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        account, _, name = id_.partition(":")
        cloud.client("budgets").describe_budget(AccountId=account, BudgetName=name)
        return {"arn": cloud.arn("budgets", f"budget/{name}", region=False)}


def _notification(item: Mapping[str, Any]) -> dict[str, Any]:
    emails = [
        {"SubscriptionType": "EMAIL", "Address": address} for address in item.get("subscriberEmailAddresses") or []
    ]
    topics = [{"SubscriptionType": "SNS", "Address": arn} for arn in item.get("subscriberSnsTopicArns") or []]
    return {
        "Notification": {
            "NotificationType": item["notificationType"],
            "ComparisonOperator": item["comparisonOperator"],
            "Threshold": float(item["threshold"]),
            "ThresholdType": item["thresholdType"],
        },
        "Subscribers": [*emails, *topics],
    }
