# ruff: noqa: ARG002 - all handlers (and invokes) have one signature, whether or not one needs every argument
"""Lambda functions, versions, aliases, permissions and event sources."""

import json
import time
from typing import Any

from localcloud.provider.base import Cloud, Handler, Inputs, Outputs, changed, handles, not_found, without

_CODE = ("code", "s3Bucket", "s3Key", "s3ObjectVersion", "imageUri", "architectures")
_NOT_CONFIGURATION = (
    *_CODE,
    "tags",
    "publish",
    "reservedConcurrentExecutions",
    "sourceCodeHash",
    "packageType",
    "skipDestroy",
    "timeouts",
)
_RENAMES = {"name": "FunctionName", "kmsKeyArn": "KMSKeyArn"}


def invoke_arn(cloud: Cloud, function_arn: str) -> str:
    """The ARN by which API Gateway calls a function."""
    return cloud.arn("apigateway", f"lambda:path/2015-03-31/functions/{function_arn}/invocations").replace(
        f":{cloud.account}:lambda:path", ":lambda:path", 1
    )


@handles("aws:lambda/function:Function")
class Function(Handler):
    replace_on = frozenset({"name", "packageType"})
    volatile = frozenset({"version", "qualifiedArn", "qualifiedInvokeArn"})
    drift = frozenset({"timeout", "memorySize", "handler", "runtime", "environment"})
    taggable = True
    autoname = "name"

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["name"])

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        name = self.identify(cloud, inputs)
        cloud.call(
            "lambda",
            "create_function",
            without(inputs, *_NOT_CONFIGURATION),
            renames=_RENAMES,
            Code=_code(inputs),
            **({"Architectures": inputs["architectures"]} if inputs.get("architectures") else {}),
        )
        _wait_until_active(cloud, name)
        self._concurrency(cloud, name, inputs, {})
        if inputs.get("publish"):
            cloud.client("lambda").publish_version(FunctionName=name)
        return name

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        new_code = changed(old, inputs, _CODE)
        if new_code:
            cloud.client("lambda").update_function_code(
                FunctionName=id_,
                **_code(inputs),
                **({"Architectures": inputs["architectures"]} if inputs.get("architectures") else {}),
            )
            _wait_until_active(cloud, id_)
        new_configuration = without(inputs, *_NOT_CONFIGURATION) != without(old, *_NOT_CONFIGURATION)
        if new_configuration:
            emptied: dict[str, Any] = {key: {} for key in ("environment",) if old.get(key) and not inputs.get(key)}
            cloud.call(
                "lambda",
                "update_function_configuration",
                {**emptied, **without(inputs, *_NOT_CONFIGURATION)},
                renames=_RENAMES,
            )
            _wait_until_active(cloud, id_)
        self._concurrency(cloud, id_, inputs, old)
        if inputs.get("publish") and (new_code or new_configuration or not old.get("publish")):
            cloud.client("lambda").publish_version(FunctionName=id_)

    def _concurrency(self, cloud: Cloud, name: str, inputs: Inputs, old: Inputs) -> None:
        reserved = inputs.get("reservedConcurrentExecutions")
        if reserved is not None and int(reserved) >= 0:
            cloud.client("lambda").put_function_concurrency(
                FunctionName=name, ReservedConcurrentExecutions=int(reserved)
            )
        elif old.get("reservedConcurrentExecutions") is not None:
            cloud.client("lambda").delete_function_concurrency(FunctionName=name)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("lambda").delete_function(FunctionName=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        client = cloud.client("lambda")
        function = client.get_function(FunctionName=id_)["Configuration"]
        pages = client.get_paginator("list_versions_by_function").paginate(FunctionName=id_)
        numbers = [int(item["Version"]) for page in pages for item in page["Versions"] if item["Version"].isdigit()]
        version = str(max(numbers)) if numbers else "$LATEST"
        arn = function["FunctionArn"]
        return {
            "arn": arn,
            "name": function["FunctionName"],
            "version": version,
            "qualifiedArn": f"{arn}:{version}",
            "invokeArn": invoke_arn(cloud, arn),
            "qualifiedInvokeArn": invoke_arn(cloud, f"{arn}:{version}"),
            "lastModified": function.get("LastModified", ""),
            "codeSha256": function.get("CodeSha256", ""),
            "sourceCodeSize": function.get("CodeSize", 0),
            "timeout": function["Timeout"],
            "memorySize": function["MemorySize"],
            "handler": function.get("Handler", ""),
            "runtime": function.get("Runtime", ""),
            "environment": {"variables": function.get("Environment", {}).get("Variables", {})},
        }


def _code(inputs: Inputs) -> dict[str, Any]:
    if inputs.get("code") is not None:
        return {"ZipFile": inputs["code"].load()}
    return {"S3Bucket": inputs["s3Bucket"], "S3Key": inputs["s3Key"]}


def _wait_until_active(cloud: Cloud, name: str) -> None:
    """Lambda refuses the next change until the last one is through."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        state = cloud.client("lambda").get_function_configuration(FunctionName=name)
        if state.get("State", "Active") == "Active" and state.get("LastUpdateStatus") != "InProgress":
            return
        if "Failed" in (state.get("State"), state.get("LastUpdateStatus")):
            break
        time.sleep(0.05)
    raise RuntimeError(f"Lambda {name} did not become active: {state.get('StateReason') or state.get('State')}")


@handles("aws:lambda/alias:Alias")
class Alias(Handler):
    # The release moves it.
    not_compared = frozenset({"functionVersion", "routingConfig"})
    replace_on = frozenset({"name", "functionName"})

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        function = str(inputs["functionName"])
        arn = function if function.startswith("arn:") else cloud.arn("lambda", f"function:{function}")
        return f"{arn}:{inputs['name']}"

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(cloud.call("lambda", "create_alias", without(inputs))["AliasArn"])

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        routing: dict[str, Any] = (
            {} if inputs.get("routingConfig") else {"RoutingConfig": {"AdditionalVersionWeights": {}}}
        )
        cloud.call("lambda", "update_alias", without(inputs), **routing)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("lambda").delete_alias(FunctionName=inputs["functionName"], Name=inputs["name"])

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        function, _, name = id_.rpartition(":")
        alias = cloud.client("lambda").get_alias(FunctionName=function, Name=name)
        return {
            "arn": alias["AliasArn"],
            "invokeArn": invoke_arn(cloud, alias["AliasArn"]),
            "functionVersion": alias["FunctionVersion"],
        }


@handles("aws:lambda/permission:Permission")
class Permission(Handler):
    replace_on = frozenset(
        {"function", "action", "principal", "qualifier", "sourceArn", "sourceAccount", "statementId", "principalOrgId"}
    )
    autoname = "statementId"

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return str(inputs["statementId"])

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.call("lambda", "add_permission", without(inputs), renames={"function": "FunctionName"})
        return self.identify(cloud, inputs)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        qualifier = {"Qualifier": inputs["qualifier"]} if inputs.get("qualifier") else {}
        cloud.client("lambda").remove_permission(FunctionName=inputs["function"], StatementId=id_, **qualifier)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        qualifier = {"Qualifier": inputs["qualifier"]} if inputs.get("qualifier") else {}
        policy = cloud.client("lambda").get_policy(FunctionName=inputs["function"], **qualifier)["Policy"]
        if id_ not in {statement["Sid"] for statement in json.loads(policy)["Statement"]}:
            raise not_found("GetPolicy", f"permission {id_}")
        return {}


@handles("aws:lambda/eventSourceMapping:EventSourceMapping")
class EventSourceMapping(Handler):
    replace_on = frozenset({"eventSourceArn", "startingPosition", "startingPositionTimestamp"})
    drift = frozenset({"enabled"})
    defaults = {"enabled": True}
    taggable = True
    renames = {"destinationArn": "Destination"}

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        mapping = cloud.call(
            "lambda", "create_event_source_mapping", without(inputs, "tags", "timeouts"), renames=self.renames
        )
        return str(mapping["UUID"])

    def find(self, cloud: Cloud, inputs: Inputs) -> list[str]:
        pages = (
            cloud.client("lambda")
            .get_paginator("list_event_source_mappings")
            .paginate(EventSourceArn=inputs["eventSourceArn"], FunctionName=inputs["functionName"])
        )
        return [mapping["UUID"] for page in pages for mapping in page["EventSourceMappings"]]

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        cloud.call(
            "lambda",
            "update_event_source_mapping",
            {**self.defaults, **without(inputs, "tags", "timeouts", *self.replace_on)},
            renames=self.renames,
            UUID=id_,
        )

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("lambda").delete_event_source_mapping(UUID=id_)

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        mapping = cloud.client("lambda").get_event_source_mapping(UUID=id_)
        return {
            "arn": mapping.get("EventSourceMappingArn") or cloud.arn("lambda", f"event-source-mapping:{id_}"),
            "uuid": id_,
            "functionArn": mapping["FunctionArn"],
            "state": mapping["State"],
            "enabled": mapping["State"] not in ("Disabled", "Disabling"),
        }


@handles("aws:lambda/functionEventInvokeConfig:FunctionEventInvokeConfig")
class FunctionEventInvokeConfig(Handler):
    replace_on = frozenset({"functionName", "qualifier"})

    def identify(self, cloud: Cloud, inputs: Inputs) -> str:
        return ":".join(filter(None, [inputs["functionName"], inputs.get("qualifier")]))

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.call("lambda", "put_function_event_invoke_config", without(inputs))
        return self.identify(cloud, inputs)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.client("lambda").delete_function_event_invoke_config(**self._target(inputs))

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        cloud.client("lambda").get_function_event_invoke_config(**self._target(inputs))
        return {}

    def _target(self, inputs: Inputs) -> dict[str, str]:
        qualifier = {"Qualifier": inputs["qualifier"]} if inputs.get("qualifier") else {}
        return {"FunctionName": inputs["functionName"], **qualifier}
