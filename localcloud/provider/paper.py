# ruff: noqa: ARG002 - the signatures are those of `Provider`
"""An AWS provider that makes nothing: for a preview without an AWS account and without an emulator.

It checks and compares as the local cloud's does; ids and outputs are made up from the inputs.
"""

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Final

import boto3

from localcloud.provider.base import Cloud, Handler, Inputs, Outputs
from localcloud.provider.provider import Provider, ProviderError
from localcloud.provider.values import is_asset, storable

ACCOUNT: Final = "123456789012"
_ENDPOINT: Final = "http://localhost"


class _Unknown(Handler):
    """A resource type without a handler; its replacement rules are unknown."""

    replace_on: ClassVar[frozenset[str]] = frozenset()

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        raise NotImplementedError

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        raise NotImplementedError

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        raise NotImplementedError


class PaperCloud(Cloud):
    """An account and a region without an endpoint; every call fails."""

    account = ACCOUNT

    def __init__(self, region: str) -> None:
        # With a session of its own, so that no emulator is asked for its key.
        super().__init__(_ENDPOINT, region, boto3.Session(region_name=region))

    def client(self, service: str) -> Any:
        raise ProviderError(f"a preview on paper calls nobody, not even {service}")


class PaperProvider(Provider):
    """See the module."""

    def handler(self, type_: str, name: str = "") -> Handler:
        try:
            return super().handler(type_, name)
        except ProviderError:
            return _Unknown()

    def create(self, type_: str, name: str, inputs: Inputs) -> tuple[str, Outputs]:
        handler = self.handler(type_, name)
        id_ = self.identify(handler, inputs) or f"{name}-{hashlib.sha256(f'{type_} {name}'.encode()).hexdigest()[:8]}"
        return id_, self._made_up(type_, id_, inputs)

    def update(self, type_: str, name: str, id_: str, new: Inputs, old: Inputs) -> Outputs:
        return self._made_up(type_, id_, new)

    def read(self, type_: str, name: str, id_: str, inputs: Inputs) -> tuple[dict[str, Any], Outputs] | None:
        return dict(inputs), self._made_up(type_, id_, inputs)

    def delete(self, type_: str, name: str, id_: str, inputs: Inputs) -> None:
        """Nothing is there."""

    def invoke(self, token: str, args: Mapping[str, Any]) -> dict[str, Any]:
        if token == "aws:index/getCallerIdentity:getCallerIdentity":  # noqa: S105 - a function's name
            arn = f"arn:aws:iam::{ACCOUNT}:root"
            return {"accountId": ACCOUNT, "arn": arn, "id": ACCOUNT, "userId": ACCOUNT}
        if token == "aws:iam/getPolicy:getPolicy":  # noqa: S105 - a function's name
            return {"arn": args["arn"], "id": args["arn"]}
        return super().invoke(token, args)

    def _made_up(self, type_: str, id_: str, inputs: Inputs) -> Outputs:
        service, kind = type_.split(":")[1].split("/")[0], type_.rsplit(":", 1)[-1].lower()
        called = str(inputs.get("name") or inputs.get("bucket") or id_).removeprefix("/")
        arn = self.cloud.arn(service, f"{kind}/{called}")
        made_up = {
            "arn": arn,
            "apiEndpoint": f"https://{id_}.execute-api.{self.cloud.region}.amazonaws.com",
            "bucketRegionalDomainName": f"{called}.s3.{self.cloud.region}.amazonaws.com",
            "domainName": f"{id_}.cloudfront.net",
            "endpoint": f"cognito-idp.{self.cloud.region}.amazonaws.com/{id_}",
            "executionArn": self.cloud.arn("execute-api", id_),
            "invokeArn": f"{arn}/invocations",
            "keyId": id_,
            "name": called,
            "streamArn": f"{arn}/stream/1",
            "url": f"https://{service}.{self.cloud.region}.amazonaws.com/{ACCOUNT}/{called}",
            "version": "1",
        }
        return made_up | {key: storable(value) for key, value in inputs.items() if not is_asset(value)}
