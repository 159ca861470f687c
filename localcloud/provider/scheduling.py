# ruff: noqa: ARG002 - all handlers (and invokes) have one signature, whether or not one needs every argument
"""EventBridge rules with their targets, and the scheduler."""

from typing import Any

from localcloud.provider.base import Cloud, Handler, Inputs, Outputs, PutHandler, handles, not_found, without

_TARGET_RENAMES = {"inputPaths": "InputPathsMap", "sqsTarget": "SqsParameters"}


@handles("aws:cloudwatch/eventRule:EventRule")
class EventRule(PutHandler):
    service = "events"
    put, get, remove = "put_rule", "describe_rule", "delete_rule"
    skip = ("forceDestroy",)
    replace_on = frozenset({"name", "eventBusName"})
    taggable = True
    autoname = "name"

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        bus = inputs.get("eventBusName") or "default"
        return str(inputs["name"]) if bus == "default" else f"{bus}/{inputs['name']}"

    def key(self, id_: str, inputs: Inputs) -> dict[str, Any]:
        bus, _, name = id_.rpartition("/")
        return {"Name": name, "EventBusName": bus or "default"}

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        return {"arn": cloud.client("events").describe_rule(**self.key(id_, inputs))["Arn"]}


@handles("aws:cloudwatch/eventTarget:EventTarget")
class EventTarget(Handler):
    replace_on = frozenset({"rule", "eventBusName", "targetId"})
    autoname = "targetId"

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return f"{inputs['rule']}-{inputs['targetId']}"

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        target = without(inputs, "rule", "eventBusName", "forceDestroy", "targetId")
        answer = cloud.call(
            "events",
            "put_targets",
            {"rule": inputs["rule"], "targets": [{**target, "id": inputs["targetId"]}]},
            renames=_TARGET_RENAMES,
            EventBusName=inputs.get("eventBusName") or "default",
        )
        if answer.get("FailedEntryCount"):
            raise RuntimeError(f"target {inputs['targetId']} of rule {inputs['rule']}: {answer['FailedEntries']}")
        return self.identify(cloud, inputs)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        bus = inputs.get("eventBusName") or "default"
        cloud.client("events").remove_targets(Rule=inputs["rule"], EventBusName=bus, Ids=[inputs["targetId"]])

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        bus = inputs.get("eventBusName") or "default"
        targets = cloud.client("events").list_targets_by_rule(Rule=inputs["rule"], EventBusName=bus)["Targets"]
        if inputs["targetId"] not in {target["Id"] for target in targets}:
            raise not_found("ListTargetsByRule", f"target {inputs['targetId']}")
        return {}


@handles("aws:scheduler/scheduleGroup:ScheduleGroup")
class ScheduleGroup(Handler):
    replace_on = frozenset({"name"})
    taggable = True
    autoname = "name"

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["name"])

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.client("scheduler").create_schedule_group(Name=inputs["name"])
        return self.identify(cloud, inputs)

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        """Nothing but its tags can change."""

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("scheduler").delete_schedule_group(Name=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        group = cloud.client("scheduler").get_schedule_group(Name=id_)
        return {"arn": group["Arn"], "state": group["State"]}


@handles("aws:scheduler/schedule:Schedule")
class Schedule(Handler):
    replace_on = frozenset({"name", "groupName"})
    autoname = "name"

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return f"{inputs.get('groupName') or 'default'}/{inputs['name']}"

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.call("scheduler", "create_schedule", without(inputs))
        return self.identify(cloud, inputs)

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        cloud.call("scheduler", "update_schedule", without(inputs))

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        group, _, name = id_.partition("/")
        cloud.client("scheduler").delete_schedule(GroupName=group, Name=name)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        group, _, name = id_.partition("/")
        return {"arn": cloud.client("scheduler").get_schedule(GroupName=group, Name=name)["Arn"]}
