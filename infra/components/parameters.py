"""The SSM parameters, as `services.core.parameters` declares them."""

import json
import secrets
from typing import Final

import pulumi
import pulumi_aws as aws

from infra.components.component import Component
from infra.config import StageConfig
from services.core.names import parameter_name
from services.core.parameters import (
    ADDRESS_KEY,
    BREAKER,
    CANARY_PASSWORD,
    INITIALISED_PARAMETERS,
    LIVE_PARAMETERS,
    MAIL_KEY,
    PUSH_KEY,
    STACK_PARAMETERS,
    Parameter,
    flag_parameter,
)
from services.core.vapid import VapidKey

SIGNING_KEY_BYTES = 32
NOT_DEPLOYED_AGAIN: Final = (
    "allowedPattern",
    "dataType",
    "description",
    "insecureValue",
    "keyId",
    "tier",
    "type",
    "value",
)
"""Inputs of a live parameter that hold only when it is made.

An update puts the whole parameter with the value that the stack state knows, which is the first one: so nothing that
leads to an update may change, not even a description. Tags may: they have a call of their own.
"""


class LiveParameters(Component):
    """Flags, breaker and secrets: made once, then changed by operators at run time and never overwritten from here."""

    def __init__(self, stage: StageConfig) -> None:
        super().__init__(stage, "live-parameters")
        made = {declared.key: self._parameter(declared) for declared in INITIALISED_PARAMETERS}
        self.all = [made[declared.key] for declared in LIVE_PARAMETERS]
        self.canary_password = made[CANARY_PASSWORD.key]
        push_key = made[PUSH_KEY.key]
        self.push_public_key = pulumi.Output.unsecret(push_key.value.apply(lambda value: VapidKey.parse(value).public))
        self.breaker = made[BREAKER.key]
        self.rewards_flag = made[flag_parameter("rewards").key]
        self.address_key = made[ADDRESS_KEY.key]
        self.for_notifier = [
            made[MAIL_KEY.key],
            push_key,
            *(made[flag_parameter(flag).key] for flag in ("notices", "silence", "disputes")),
        ]
        self.for_housekeeping = [
            made[BREAKER.key],
            self.address_key,
            *(made[flag_parameter(flag).key] for flag in ("silence", "disputes")),
        ]
        self.register_outputs({})

    def _parameter(self, declared: Parameter) -> aws.ssm.Parameter:
        return aws.ssm.Parameter(
            declared.key,
            name=parameter_name(self.stage.stage, declared.key),
            description=declared.description,
            type=declared.kind,
            value=_first_value(declared),
            opts=pulumi.ResourceOptions.merge(
                self.stateful, pulumi.ResourceOptions(ignore_changes=[*NOT_DEPLOYED_AGAIN])
            ),
        )


def _first_value(declared: Parameter) -> pulumi.Input[str]:
    """Raises ValueError for a live parameter that neither declares its first value nor is known here."""
    key = secrets.token_urlsafe(SIGNING_KEY_BYTES)
    if declared is CANARY_PASSWORD:
        return pulumi.Output.secret(key)
    if declared is PUSH_KEY:
        return pulumi.Output.secret(VapidKey.new().to_json())
    if declared.previous_valid_for:
        return pulumi.Output.secret(json.dumps({"current": key, "previous": None, "previousUntil": None}))
    if declared.initial is None:
        raise ValueError(f"Parameter {declared.key} has no first value")
    return declared.initial


class StackParameters(Component):
    """The ids and addresses of a stage that operators' commands look up, by the keys of STACK_PARAMETERS."""

    def __init__(self, stage: StageConfig, values: dict[Parameter, pulumi.Input[str]]) -> None:
        super().__init__(stage, "stack-parameters")
        for declared in STACK_PARAMETERS:
            aws.ssm.Parameter(
                declared.key,
                name=parameter_name(stage.stage, declared.key),
                description=declared.description,
                type=declared.kind,
                value=values[declared],
                opts=self.child,
            )
        self.register_outputs({})
