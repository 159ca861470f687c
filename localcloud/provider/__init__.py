# ruff: noqa: ARG002 - all handlers have one signature, whether or not one needs every argument
"""The kinds of resources that the engine can provision: `HANDLERS`, by Pulumi type token.

`STATE_ONLY` are those that the emulator lacks: they are remembered, and nothing is called.
"""

from collections.abc import Mapping
from typing import Final

from localcloud.provider import (
    apigateway,
    cloudfront,
    cognito,
    dynamodb,
    iam,
    lambda_,
    messaging,
    monitoring,
    s3,
    scheduling,
    ses,
    settings,
)
from localcloud.provider.base import HANDLERS, Cloud, Handler, Inputs, Outputs, handles
from localcloud.provider.invokes import INVOKES

STATE_ONLY: Final[Mapping[str, str]] = {
    "aws:costexplorer/costAllocationTag:CostAllocationTag": "MiniStack has no Cost Explorer",
}

__all__ = [
    "HANDLERS",
    "INVOKES",
    "STATE_ONLY",
    "Cloud",
    "Handler",
    "apigateway",
    "cloudfront",
    "cognito",
    "dynamodb",
    "iam",
    "lambda_",
    "messaging",
    "monitoring",
    "s3",
    "scheduling",
    "ses",
    "settings",
]


@handles(*STATE_ONLY)
class _StateOnly(Handler):
    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        return ":".join(str(value) for value in inputs.values())

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        """There is nothing to delete."""

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        return {}
