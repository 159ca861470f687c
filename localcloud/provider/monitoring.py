# ruff: noqa: ARG002 - all handlers (and invokes) have one signature, whether or not one needs every argument
"""CloudWatch: alarms, dashboards and logs."""

from collections.abc import Mapping
from typing import Any

from localcloud.provider.base import Cloud, Handler, Inputs, Outputs, PutHandler, handles, not_found, without


class _Alarm(Handler):
    """Both kinds are put as a whole, described together and deleted by name."""

    taggable = True

    def _name(self, inputs: Inputs) -> str:
        return str(inputs["name"])

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return self._name(inputs)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("cloudwatch").delete_alarms(AlarmNames=[id_])

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        found = cloud.client("cloudwatch").describe_alarms(
            AlarmNames=[id_], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        alarms = [*found.get("MetricAlarms", []), *found.get("CompositeAlarms", [])]
        if not alarms:
            raise not_found("DescribeAlarms", f"alarm {id_}")
        return {"arn": alarms[0]["AlarmArn"]}


@handles("aws:cloudwatch/metricAlarm:MetricAlarm")
class MetricAlarm(_Alarm):
    names = {"metricQueries": "Metrics"}
    replace_on = frozenset({"name"})
    autoname = "name"

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        prepared = without(inputs, "tags", "metricQueries")
        if inputs.get("metricQueries"):
            prepared["metrics"] = [_query(query) for query in inputs["metricQueries"]]
        cloud.call("cloudwatch", "put_metric_alarm", prepared, renames={"name": "AlarmName"})
        return self._name(inputs)


def _query(query: Mapping[str, Any]) -> dict[str, Any]:
    """AWS nests what Pulumi keeps flat: the metric's name inside its statistic."""
    result = without(query, "metric")
    if query.get("metric"):
        metric = query["metric"]
        result["metricStat"] = {
            "metric": {key: metric[key] for key in ("namespace", "metricName", "dimensions") if metric.get(key)},
            **{key: metric[key] for key in ("period", "stat", "unit") if metric.get(key)},
        }
    return result


@handles("aws:cloudwatch/compositeAlarm:CompositeAlarm")
class CompositeAlarm(_Alarm):
    replace_on = frozenset({"alarmName"})

    def _name(self, inputs: Inputs) -> str:
        return str(inputs["alarmName"])

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        prepared = without(inputs, "tags", "actionsSuppressor")
        if suppressor := inputs.get("actionsSuppressor"):
            prepared["actionsSuppressor"] = suppressor["alarm"]
            prepared["actionsSuppressorExtensionPeriod"] = suppressor["extensionPeriod"]
            prepared["actionsSuppressorWaitPeriod"] = suppressor["waitPeriod"]
        cloud.call("cloudwatch", "put_composite_alarm", prepared)
        return self._name(inputs)


@handles("aws:cloudwatch/dashboard:Dashboard")
class Dashboard(PutHandler):
    service = "cloudwatch"
    put, get, remove = "put_dashboard", "get_dashboard", "delete_dashboards"
    replace_on = frozenset({"dashboardName"})

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["dashboardName"])

    def key(self, id_: str, inputs: Inputs) -> dict[str, Any]:
        return {"DashboardName": id_}

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("cloudwatch").delete_dashboards(DashboardNames=[id_])

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        super().read(cloud, id_, inputs)
        return {"dashboardArn": cloud.arn("cloudwatch", f"dashboard/{id_}", region=False)}


@handles("aws:cloudwatch/queryDefinition:QueryDefinition")
class QueryDefinition(Handler):
    """A saved query of Logs Insights, whose id AWS makes up: a second of the same name is no error."""

    drift = frozenset({"name", "queryString", "logGroupNames"})
    autoname = "name"

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(cloud.call("logs", "put_query_definition", without(inputs))["queryDefinitionId"])

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        cloud.call("logs", "put_query_definition", without(inputs), queryDefinitionId=id_)

    def find(self, cloud: Cloud, inputs: Inputs) -> list[str]:
        return [one["queryDefinitionId"] for one in self._all(cloud) if one["name"] == inputs["name"]]

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("logs").delete_query_definition(queryDefinitionId=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        query = next((one for one in self._all(cloud) if one["queryDefinitionId"] == id_), None)
        if query is None:
            raise not_found("DescribeQueryDefinitions", f"query definition {id_}")
        return {"queryDefinitionId": id_, **{key: query.get(key, []) for key in self.drift}}

    def _all(self, cloud: Cloud) -> list[Mapping[str, Any]]:
        """Every saved query of the account and region, of which AWS keeps a thousand."""
        found: list[Mapping[str, Any]] = cloud.client("logs").describe_query_definitions(maxResults=1000)[
            "queryDefinitions"
        ]
        return found


@handles("aws:cloudwatch/logGroup:LogGroup")
class LogGroup(Handler):
    drift = frozenset({"retentionInDays"})
    replace_on = frozenset({"name", "logGroupClass"})
    taggable = True
    autoname = "name"

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["name"])

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        name = self.identify(cloud, inputs)
        settings = without(inputs, "tags", "retentionInDays", "skipDestroy")
        cloud.call("logs", "create_log_group", settings, renames={"name": "logGroupName"})
        self._retain(cloud, name, inputs)
        return name

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        self._retain(cloud, id_, inputs)
        if inputs.get("kmsKeyId"):
            cloud.client("logs").associate_kms_key(logGroupName=id_, kmsKeyId=inputs["kmsKeyId"])
        elif old.get("kmsKeyId"):
            cloud.client("logs").disassociate_kms_key(logGroupName=id_)

    def _retain(self, cloud: Cloud, name: str, inputs: Inputs) -> None:
        days = int(inputs.get("retentionInDays") or 0)
        if days:
            cloud.client("logs").put_retention_policy(logGroupName=name, retentionInDays=days)
        else:
            cloud.client("logs").delete_retention_policy(logGroupName=name)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        if not inputs.get("skipDestroy"):
            cloud.client("logs").delete_log_group(logGroupName=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        groups = cloud.client("logs").describe_log_groups(logGroupNamePrefix=id_)["logGroups"]
        group = next((group for group in groups if group["logGroupName"] == id_), None)
        if group is None:
            raise not_found("DescribeLogGroups", f"log group {id_}")
        # A group that a Lambda made again for its lines keeps them for ever, and has no such member.
        retention = group.get("retentionInDays", 0)
        return {"arn": str(group["arn"]).removesuffix(":*"), "name": id_, "retentionInDays": retention}


@handles("aws:cloudwatch/logDeliverySource:LogDeliverySource")
class LogDeliverySource(PutHandler):
    service = "logs"
    put, get, remove = "put_delivery_source", "get_delivery_source", "delete_delivery_source"
    replace_on = frozenset({"name", "resourceArn"})
    taggable = True

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["name"])

    def key(self, id_: str, inputs: Inputs) -> dict[str, Any]:
        return {"name": id_}

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        source = cloud.client("logs").get_delivery_source(name=id_)["deliverySource"]
        return {"arn": source["arn"], "service": source.get("service", "")}


@handles("aws:cloudwatch/logDeliveryDestination:LogDeliveryDestination")
class LogDeliveryDestination(PutHandler):
    service = "logs"
    put, get, remove = "put_delivery_destination", "get_delivery_destination", "delete_delivery_destination"
    replace_on = frozenset({"name"})
    taggable = True

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["name"])

    def key(self, id_: str, inputs: Inputs) -> dict[str, Any]:
        return {"name": id_}

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        return {"arn": cloud.client("logs").get_delivery_destination(name=id_)["deliveryDestination"]["arn"]}


@handles("aws:cloudwatch/logDelivery:LogDelivery")
class LogDelivery(Handler):
    delete_first = True
    # MiniStack has no UpdateDeliveryConfiguration: the last three could change in place on AWS.
    replace_on = frozenset(
        {"deliverySourceName", "deliveryDestinationArn", "recordFields", "fieldDelimiter", "s3DeliveryConfigurations"}
    )
    taggable = True

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        made = cloud.call(
            "logs",
            "create_delivery",
            without(inputs, "tags"),
        )
        return str(made["delivery"]["id"])

    def find(self, cloud: Cloud, inputs: Inputs) -> list[str]:
        found = (
            one
            for page in cloud.client("logs").get_paginator("describe_deliveries").paginate()
            for one in page["deliveries"]
        )
        return [one["id"] for one in found if one["deliverySourceName"] == inputs["deliverySourceName"]]

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("logs").delete_delivery(id=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        return {"arn": cloud.client("logs").get_delivery(id=id_)["delivery"]["arn"]}
