# ruff: noqa: ARG002 - all handlers (and invokes) have one signature, whether or not one needs every argument
"""DynamoDB tables."""

from collections.abc import Mapping
from typing import Any, Final

from localcloud.provider.base import Cloud, Handler, Inputs, Outputs, changed, handles

_CAPACITY: Final = ("billingMode", "readCapacity", "writeCapacity")
_SETTINGS: Final = (*_CAPACITY, "onDemandThroughput", "deletionProtectionEnabled", "tableClass")


@handles("aws:dynamodb/table:Table")
class Table(Handler):
    names = {"name": "IndexName"}
    drift = frozenset({"ttl", "pointInTimeRecovery"})
    replace_on = frozenset({"name", "hashKey", "rangeKey", "localSecondaryIndexes"})
    taggable = True

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["name"])

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        name = self.identify(cloud, inputs)
        optional = {"GlobalSecondaryIndexes": [_index(index) for index in inputs.get("globalSecondaryIndexes") or []]}
        cloud.client("dynamodb").create_table(
            TableName=name,
            AttributeDefinitions=_attributes(inputs),
            KeySchema=_keys(inputs),
            **_settings(inputs),
            **_stream(inputs),
            **_encryption(inputs),
            **{key: value for key, value in optional.items() if value},
        )
        self._apply(cloud, name, inputs, {})
        return name

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        client = cloud.client("dynamodb")
        if changed(old, inputs, _SETTINGS):
            settings = _settings(inputs)
            if not changed(old, inputs, _CAPACITY):  # which may be another one by now: AWS scales it
                del settings["BillingMode"]
                settings.pop("ProvisionedThroughput", None)
            client.update_table(TableName=id_, **settings)
        if changed(old, inputs, ("streamEnabled", "streamViewType")):
            if old.get("streamEnabled"):
                client.update_table(TableName=id_, StreamSpecification={"StreamEnabled": False})
            if inputs.get("streamEnabled"):
                client.update_table(TableName=id_, **_stream(inputs))
        if changed(old, inputs, ("serverSideEncryption",)):
            client.update_table(TableName=id_, **_encryption(inputs))
        self._change_indexes(client, id_, inputs, old)
        self._apply(cloud, id_, inputs, old)

    def _change_indexes(self, client: Any, table: str, inputs: Inputs, old: Inputs) -> None:
        """One index at a time, as DynamoDB demands; a changed index is dropped and made again."""
        before = {index["name"]: index for index in old.get("globalSecondaryIndexes") or []}
        after = {index["name"]: index for index in inputs.get("globalSecondaryIndexes") or []}
        changes: list[dict[str, Any]] = [
            {"Delete": {"IndexName": name}} for name, index in before.items() if after.get(name) != index
        ] + [{"Create": _index(index)} for name, index in after.items() if before.get(name) != index]
        for change in changes:
            client.update_table(
                TableName=table, AttributeDefinitions=_attributes(inputs), GlobalSecondaryIndexUpdates=[change]
            )

    def _apply(self, cloud: Cloud, table: str, inputs: Inputs, old: Inputs) -> None:
        client = cloud.client("dynamodb")
        if changed(old, inputs, ("ttl",)):
            ttl = inputs.get("ttl") or {**old["ttl"], "enabled": False}
            client.update_time_to_live(
                TableName=table,
                TimeToLiveSpecification={
                    "AttributeName": ttl["attributeName"],
                    "Enabled": ttl.get("enabled", False),
                },
            )
        if changed(old, inputs, ("pointInTimeRecovery",)):
            recovery = inputs.get("pointInTimeRecovery") or {"enabled": False}
            specification = {"PointInTimeRecoveryEnabled": recovery["enabled"]}
            if recovery.get("recoveryPeriodInDays"):
                specification["RecoveryPeriodInDays"] = int(recovery["recoveryPeriodInDays"])
            client.update_continuous_backups(TableName=table, PointInTimeRecoverySpecification=specification)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("dynamodb").delete_table(TableName=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        client = cloud.client("dynamodb")
        table = client.describe_table(TableName=id_)["Table"]
        expiry = client.describe_time_to_live(TableName=id_)["TimeToLiveDescription"]
        backups = client.describe_continuous_backups(TableName=id_)["ContinuousBackupsDescription"]
        recovery = backups.get("PointInTimeRecoveryDescription", {})
        live = {
            "ttl": {
                "attributeName": expiry.get("AttributeName"),
                "enabled": expiry.get("TimeToLiveStatus") in ("ENABLED", "ENABLING"),
            },
            "pointInTimeRecovery": {
                "enabled": recovery.get("PointInTimeRecoveryStatus") == "ENABLED",
                "recoveryPeriodInDays": recovery.get("RecoveryPeriodInDays"),
            },
        }
        return {
            **{key: _described(inputs[key], live[key]) for key in live if inputs.get(key)},
            "arn": table["TableArn"],
            "name": table["TableName"],
            "streamArn": table.get("LatestStreamArn", ""),
            "streamLabel": table.get("LatestStreamLabel", ""),
        }


def _described(declared: Mapping[str, Any], live: Mapping[str, Any]) -> dict[str, Any]:
    """The live values of what is declared; what AWS does not tell is as declared."""
    return {name: value if live.get(name) is None else live[name] for name, value in declared.items()}


def _attributes(inputs: Inputs) -> list[dict[str, str]]:
    return [{"AttributeName": item["name"], "AttributeType": item["type"]} for item in inputs["attributes"]]


def _keys(item: Mapping[str, Any]) -> list[dict[str, str]]:
    if item.get("keySchemas"):
        return [{"AttributeName": key["attributeName"], "KeyType": key["keyType"]} for key in item["keySchemas"]]
    keys = [{"AttributeName": item["hashKey"], "KeyType": "HASH"}]
    return [*keys, {"AttributeName": item["rangeKey"], "KeyType": "RANGE"}] if item.get("rangeKey") else keys


def _index(index: Mapping[str, Any]) -> dict[str, Any]:
    projection: dict[str, Any] = {"ProjectionType": index["projectionType"]}
    if index.get("nonKeyAttributes"):
        projection["NonKeyAttributes"] = index["nonKeyAttributes"]
    result = {"IndexName": index["name"], "KeySchema": _keys(index), "Projection": projection}
    if index.get("readCapacity"):
        result["ProvisionedThroughput"] = {
            "ReadCapacityUnits": int(index["readCapacity"]),
            "WriteCapacityUnits": int(index["writeCapacity"]),
        }
    return result


def _settings(inputs: Inputs) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "BillingMode": inputs.get("billingMode", "PROVISIONED"),
        "DeletionProtectionEnabled": bool(inputs.get("deletionProtectionEnabled", False)),
    }
    if settings["BillingMode"] == "PROVISIONED":
        settings["ProvisionedThroughput"] = {
            "ReadCapacityUnits": int(inputs.get("readCapacity", 1)),
            "WriteCapacityUnits": int(inputs.get("writeCapacity", 1)),
        }
    if limits := inputs.get("onDemandThroughput"):
        settings["OnDemandThroughput"] = {key[0].upper() + key[1:]: int(value) for key, value in limits.items()}
    if inputs.get("tableClass"):
        settings["TableClass"] = inputs["tableClass"]
    return settings


def _stream(inputs: Inputs) -> dict[str, Any]:
    if not inputs.get("streamEnabled"):
        return {}
    return {"StreamSpecification": {"StreamEnabled": True, "StreamViewType": inputs["streamViewType"]}}


def _encryption(inputs: Inputs) -> dict[str, Any]:
    encryption = inputs.get("serverSideEncryption")
    if not encryption:
        return {}
    specification: dict[str, Any] = {"Enabled": encryption["enabled"]}
    if encryption.get("kmsKeyArn"):
        specification |= {"SSEType": "KMS", "KMSMasterKeyId": encryption["kmsKeyArn"]}
    return {"SSESpecification": specification}
