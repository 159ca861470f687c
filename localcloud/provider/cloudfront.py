# ruff: noqa: ARG002 - all handlers (and invokes) have one signature, whether or not one needs every argument
"""CloudFront distributions and what they refer to."""

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Final

from localcloud.provider.apigateway import local_origin
from localcloud.provider.base import Cloud, Handler, Inputs, Outputs, handles, without

HOSTED_ZONE: Final = "Z2FDTNDATAQYW2"
"""The one zone of all distributions, for alias records."""

_RENAMES = {
    "originId": "Id",
    "orderedCacheBehaviors": "CacheBehaviors",
    "loggingConfig": "Logging",
    "locations": "Items",
    "name": "HeaderName",
    "value": "HeaderValue",
}


class _Configured(Handler):
    """Created from and updated to a `<Kind>Config`; changed and removed under its current ETag."""

    kind: ClassVar[str]
    config_name: ClassVar[str]
    renames: ClassVar[Mapping[str, str]] = {}

    @property
    def _member(self) -> str:
        return "".join(part.capitalize() for part in self.kind.split("_"))

    def config(self, inputs: Inputs, reference: str) -> dict[str, Any]:
        return without(inputs, "tags")

    def _call(self, cloud: Cloud, operation: str, inputs: Inputs, reference: str, **extra: Any) -> dict[str, Any]:
        config = {self.config_name: self.config(inputs, reference)}
        return cloud.call("cloudfront", operation, config, renames=self.renames, **extra)

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        reference = hashlib.sha256(repr(sorted(inputs.items())).encode()).hexdigest()[:32]
        return str(self._call(cloud, f"create_{self.kind}", inputs, reference)[self._member]["Id"])

    def find(self, cloud: Cloud, inputs: Inputs) -> list[str]:
        """By name, or a distribution by its comment."""
        plural = f"{self.kind.removesuffix('y')}ies" if self.kind.endswith("y") else f"{self.kind}s"
        options = {"Type": "custom"} if self.kind.endswith("policy") else {}
        answer = getattr(cloud.client("cloudfront"), f"list_{plural}")(**options)
        (listed,) = (value for key, value in answer.items() if key.endswith("List"))
        items = (item.get(self._member, item) for item in listed.get("Items") or [])
        return [
            str(item["Id"]) for item in items if self._called(item) == (inputs.get("name") or inputs.get("comment"))
        ]

    def _called(self, item: Mapping[str, Any]) -> str | None:
        config: Mapping[str, Any] = next((value for key, value in item.items() if key.endswith("Config")), item)
        return config.get("Name") or config.get("Comment")

    def _current(self, cloud: Cloud, id_: str) -> dict[str, Any]:
        current: dict[str, Any] = getattr(cloud.client("cloudfront"), f"get_{self.kind}")(Id=id_)
        return current

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        current = self._current(cloud, id_)
        reference = current[self._member].get("DistributionConfig", {}).get("CallerReference", "")
        self._call(cloud, f"update_{self.kind}", inputs, reference, Id=id_, IfMatch=current["ETag"])

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        delete = getattr(cloud.client("cloudfront"), f"delete_{self.kind}")
        delete(Id=id_, IfMatch=self._current(cloud, id_)["ETag"])

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        resource = self.kind.replace("_", "-")
        return {
            "arn": cloud.arn("cloudfront", f"{resource}/{id_}", region=False),
            "etag": self._current(cloud, id_)["ETag"],
        }


@handles("aws:cloudfront/distribution:Distribution")
class Distribution(_Configured):
    kind = "distribution"
    config_name = "distributionConfig"
    renames = _RENAMES
    taggable = True

    def prepare(self, cloud: Cloud, inputs: Inputs) -> Inputs:
        return {**inputs, "origins": [local_origin(cloud, origin) for origin in inputs["origins"]]}

    def config(self, inputs: Inputs, reference: str) -> dict[str, Any]:
        config = without(inputs, "tags", "waitForDeployment", "retainOnDelete")
        config["callerReference"] = reference
        config.setdefault("comment", "")
        config["origins"] = [_origin(origin) for origin in inputs["origins"]]
        config["defaultCacheBehavior"] = _behavior(inputs["defaultCacheBehavior"])
        config["orderedCacheBehaviors"] = [_behavior(item) for item in inputs.get("orderedCacheBehaviors") or []]
        if inputs.get("loggingConfig"):
            config["loggingConfig"] = {
                "enabled": True,
                "prefix": "",
                "includeCookies": False,
                **inputs["loggingConfig"],
            }
        return config

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        """CloudFront deletes only what is disabled."""
        client = cloud.client("cloudfront")
        current = client.get_distribution_config(Id=id_)
        disabled = {**current["DistributionConfig"], "Enabled": False}
        client.update_distribution(Id=id_, IfMatch=current["ETag"], DistributionConfig=disabled)
        super().delete(cloud, id_, inputs)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        current = self._current(cloud, id_)
        distribution = current["Distribution"]
        return {
            "arn": distribution["ARN"],
            "domainName": distribution["DomainName"],
            "etag": current["ETag"],
            "hostedZoneId": HOSTED_ZONE,
            "status": distribution["Status"],
            "callerReference": distribution["DistributionConfig"]["CallerReference"],
        }


def _origin(origin: Mapping[str, Any]) -> dict[str, Any]:
    custom = origin.get("customOriginConfig")
    if custom:
        ports = {"httpPort": 80, "httpsPort": 443, "originSslProtocols": ["TLSv1.2"]}
        return {**origin, "customOriginConfig": {**ports, **without(custom)}}
    return {"s3OriginConfig": {"originAccessIdentity": ""}, **origin}


def _behavior(behavior: Mapping[str, Any]) -> dict[str, Any]:
    """AWS keeps the cached methods inside the allowed ones."""
    result = without(behavior, "allowedMethods", "cachedMethods")
    result["allowedMethods"] = {
        "items": behavior.get("allowedMethods") or ["GET", "HEAD"],
        "cachedMethods": behavior.get("cachedMethods") or ["GET", "HEAD"],
    }
    return result


@handles("aws:cloudfront/originAccessControl:OriginAccessControl")
class OriginAccessControl(_Configured):
    kind = "origin_access_control"
    config_name = "originAccessControlConfig"


@handles("aws:cloudfront/responseHeadersPolicy:ResponseHeadersPolicy")
class ResponseHeadersPolicy(_Configured):
    kind = "response_headers_policy"
    config_name = "responseHeadersPolicyConfig"


@handles("aws:cloudfront/cachePolicy:CachePolicy")
class CachePolicy(_Configured):
    kind = "cache_policy"
    config_name = "cachePolicyConfig"

    def config(self, inputs: Inputs, reference: str) -> dict[str, Any]:
        key = "parametersInCacheKeyAndForwardedToOrigin"
        return {"minTtl": 0, **without(inputs), key: {"enableAcceptEncodingGzip": False, **inputs[key]}}


@handles("aws:cloudfront/function:Function")
class Function(Handler):
    replace_on = frozenset({"name"})
    autoname = "name"

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["name"])

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        name = self.identify(cloud, inputs)
        cloud.client("cloudfront").create_function(Name=name, **_function(inputs))
        self._publish(cloud, name, inputs)
        return name

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        cloud.client("cloudfront").update_function(Name=id_, IfMatch=self._etag(cloud, id_), **_function(inputs))
        self._publish(cloud, id_, inputs)

    def _publish(self, cloud: Cloud, name: str, inputs: Inputs) -> None:
        if inputs.get("publish", True):
            cloud.client("cloudfront").publish_function(Name=name, IfMatch=self._etag(cloud, name))

    def _etag(self, cloud: Cloud, name: str) -> str:
        return str(cloud.client("cloudfront").describe_function(Name=name, Stage="DEVELOPMENT")["ETag"])

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("cloudfront").delete_function(Name=id_, IfMatch=self._etag(cloud, id_))

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        function = cloud.client("cloudfront").describe_function(Name=id_, Stage="DEVELOPMENT")
        summary = function["FunctionSummary"]
        return {
            "arn": summary["FunctionMetadata"]["FunctionARN"],
            "etag": function["ETag"],
            "status": summary.get("Status", ""),
        }


def _function(inputs: Inputs) -> dict[str, Any]:
    return {
        "FunctionConfig": {"Comment": inputs.get("comment") or "", "Runtime": inputs["runtime"]},
        "FunctionCode": str(inputs["code"]).encode(),
    }
