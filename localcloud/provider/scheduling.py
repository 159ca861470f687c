# ruff: noqa: ARG002 - all handlers (and invokes) have one signature, whether or not one needs every argument
"""EventBridge Scheduler."""

from localcloud.provider.base import Cloud, Handler, Inputs, Outputs, handles, without


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
    defaults = {"state": "ENABLED"}
    replace_on = frozenset({"name", "groupName"})
    autoname = "name"

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return f"{inputs.get('groupName') or 'default'}/{inputs['name']}"

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.call("scheduler", "create_schedule", without(inputs))
        return self.identify(cloud, inputs)

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        cloud.call("scheduler", "update_schedule", {**self.defaults, **without(inputs)})

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        group, _, name = id_.partition("/")
        cloud.client("scheduler").delete_schedule(GroupName=group, Name=name)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        group, _, name = id_.partition("/")
        return {"arn": cloud.client("scheduler").get_schedule(GroupName=group, Name=name)["Arn"]}
