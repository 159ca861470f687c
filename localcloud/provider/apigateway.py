# ruff: noqa: ARG002 - all handlers (and invokes) have one signature, whether or not one needs every argument
"""HTTP APIs: the API, its stages, routes, integrations and authorizers."""

from collections.abc import Mapping
from typing import Any, ClassVar

from localcloud.provider.base import Cloud, Handler, Inputs, Outputs, handles, without

_RENAMES = {"identitySources": "IdentitySource", "audiences": "Audience", "timeoutMilliseconds": "TimeoutInMillis"}


class _ApiPart(Handler):
    """A part of an API: found by the API's id and its own; all calls are named after `kind`."""

    kind: ClassVar[str]
    id_member: ClassVar[str]
    names = _RENAMES
    replace_on = frozenset({"apiId"})

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        made = cloud.call("apigatewayv2", f"create_{self.kind}", self.prepared(inputs), renames=_RENAMES)
        return str(made[self.id_member])

    def find(self, cloud: Cloud, inputs: Inputs) -> list[str]:
        inside = {} if self.kind == "api" else {"ApiId": inputs["apiId"]}
        plural = f"{self.kind.removesuffix('y')}ies" if self.kind.endswith("y") else f"{self.kind}s"
        pages = cloud.client("apigatewayv2").get_paginator(f"get_{plural}").paginate(**inside)
        items = (item for page in pages for item in page["Items"])
        return [str(item[self.id_member]) for item in items if self.is_called(item, inputs)]

    def is_called(self, item: Mapping[str, Any], inputs: Inputs) -> bool:
        """True if AWS's item is what the inputs call for."""
        keys = {"integrationUri": "IntegrationUri", "routeKey": "RouteKey"}
        member = next((key for key in keys if key in inputs), "name")
        return bool(item.get(keys.get(member, "Name")) == inputs.get(member))

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        cloud.call(
            "apigatewayv2",
            f"update_{self.kind}",
            self.prepared(without(inputs, "apiId", "name" if self.kind == "stage" else "")),
            renames=_RENAMES,
            **self.key(id_, inputs),
        )

    def prepared(self, inputs: Inputs) -> dict[str, Any]:
        """The inputs as the call's shape can translate them."""
        return without(inputs, "tags")

    def key(self, id_: str, inputs: Inputs) -> dict[str, Any]:
        return {"ApiId": inputs["apiId"], self.id_member: id_}

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.call("apigatewayv2", f"delete_{self.kind}", {}, **self.key(id_, inputs))

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        cloud.call("apigatewayv2", f"get_{self.kind}", {}, **self.key(id_, inputs))
        return {}


@handles("aws:apigatewayv2/api:Api")
class Api(_ApiPart):
    kind = "api"
    id_member = "ApiId"
    replace_on = frozenset({"protocolType"})
    taggable = True

    def key(self, id_: str, inputs: Inputs) -> dict[str, Any]:
        return {"ApiId": id_}

    def prepared(self, inputs: Inputs) -> dict[str, Any]:
        return without(inputs, "tags", "failOnWarnings")

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        cloud.call("apigatewayv2", "update_api", without(self.prepared(inputs), "protocolType"), ApiId=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        cloud.client("apigatewayv2").get_api(ApiId=id_)
        return {
            "arn": cloud.arn("apigateway", f"/apis/{id_}", account=False),
            "apiEndpoint": f"https://{id_}.execute-api.{cloud.region}.amazonaws.com",
            "executionArn": cloud.arn("execute-api", id_),
        }


@handles("aws:apigatewayv2/stage:Stage")
class Stage(_ApiPart):
    kind = "stage"
    id_member = "StageName"
    replace_on = frozenset({"apiId", "name"})
    taggable = True

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["name"])

    def prepared(self, inputs: Inputs) -> dict[str, Any]:
        result = without(inputs, "tags", "name")
        if "name" in inputs:
            result["stageName"] = inputs["name"]
        if "routeSettings" in inputs:
            result["routeSettings"] = {
                settings["routeKey"]: without(settings, "routeKey") for settings in inputs["routeSettings"]
            }
        return result

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        super().read(cloud, id_, inputs)
        api, path = inputs["apiId"], "" if id_ == "$default" else id_
        return {
            "arn": cloud.arn("apigateway", f"/apis/{api}/stages/{id_}", account=False),
            "executionArn": cloud.arn("execute-api", f"{api}/{id_}"),
            "invokeUrl": f"https://{api}.execute-api.{cloud.region}.amazonaws.com/{path}",
        }


@handles("aws:apigatewayv2/route:Route")
class Route(_ApiPart):
    kind = "route"
    id_member = "RouteId"


@handles("aws:apigatewayv2/integration:Integration")
class Integration(_ApiPart):
    kind = "integration"
    id_member = "IntegrationId"
    replace_on = frozenset({"apiId", "integrationType"})


@handles("aws:apigatewayv2/authorizer:Authorizer")
class Authorizer(_ApiPart):
    kind = "authorizer"
    id_member = "AuthorizerId"


def local_origin(cloud: Cloud, origin: Mapping[str, Any]) -> dict[str, Any]:
    """A CloudFront origin as the emulator can reach it: an execute-api host becomes a path of the emulator itself."""
    domain = str(origin["domainName"])
    if f".execute-api.{cloud.region}.amazonaws.com" not in domain:
        return dict(origin)
    api = domain.split(".", 1)[0]
    host, _, port = cloud.endpoint.removeprefix("http://").partition(":")
    return {
        **origin,
        "domainName": "127.0.0.1" if host == "localhost" else host,
        "originPath": f"/_aws/execute-api/{api}/$default{origin.get('originPath') or ''}",
        "customOriginConfig": {
            **(origin.get("customOriginConfig") or {}),
            "httpPort": int(port or 80),
            "originProtocolPolicy": "http-only",
        },
    }
