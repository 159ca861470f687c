# ruff: noqa: ARG002 - all handlers have one signature, whether or not one needs every argument
"""SES v2: configuration sets and where their events go."""

from typing import Any

from localcloud.provider.base import Cloud, Handler, Inputs, Outputs, handles, not_found, without


@handles("aws:sesv2/configurationSet:ConfigurationSet")
class ConfigurationSet(Handler):
    replace_on = frozenset({"configurationSetName"})
    taggable = True

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["configurationSetName"])

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.call("sesv2", "create_configuration_set", without(inputs, "tags"))
        return self.identify(cloud, inputs)

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        for group, operation in (
            ("deliveryOptions", "put_configuration_set_delivery_options"),
            ("reputationOptions", "put_configuration_set_reputation_options"),
            ("sendingOptions", "put_configuration_set_sending_options"),
            ("suppressionOptions", "put_configuration_set_suppression_options"),
        ):
            cloud.call("sesv2", operation, inputs.get(group) or {}, ConfigurationSetName=id_)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("sesv2").delete_configuration_set(ConfigurationSetName=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        cloud.client("sesv2").get_configuration_set(ConfigurationSetName=id_)
        return {"arn": f"arn:aws:ses:{cloud.region}:{cloud.account}:configuration-set/{id_}"}


@handles("aws:sesv2/configurationSetEventDestination:ConfigurationSetEventDestination")
class EventDestination(Handler):
    replace_on = frozenset({"configurationSetName", "eventDestinationName"})

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return f"{inputs['configurationSetName']}|{inputs['eventDestinationName']}"

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.call("sesv2", "create_configuration_set_event_destination", inputs)
        return self.identify(cloud, inputs)

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        cloud.call("sesv2", "update_configuration_set_event_destination", inputs)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        set_name, name = id_.split("|")
        cloud.client("sesv2").delete_configuration_set_event_destination(
            ConfigurationSetName=set_name, EventDestinationName=name
        )

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        set_name, name = id_.split("|")
        found: list[dict[str, Any]] = (
            cloud.client("sesv2")
            .get_configuration_set_event_destinations(ConfigurationSetName=set_name)
            .get("EventDestinations", [])
        )
        if name not in {destination["Name"] for destination in found}:
            raise not_found("GetConfigurationSetEventDestinations", id_)
        return {}
