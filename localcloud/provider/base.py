# ruff: noqa: ARG002 - all handlers (and invokes) have one signature, whether or not one needs every argument
"""The base of every kind of resource: clients, the translation of Pulumi's inputs to AWS calls, tags, the registry.

Pulumi's inputs and AWS's parameters differ mostly in case, so a call is described by the botocore model itself:
`call` walks the operation's input shape and finds for each Pulumi key the member of that name. A key without a
member raises ValueError. If it were dropped, the tests would not cover it.
"""

import json
import re
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.model import ListShape, MapShape, Shape, StructureShape

from localcloud.authorization.gate import Gate
from localcloud.emulator.root_key import root_key_of

Inputs = Mapping[str, Any]
Outputs = dict[str, Any]

_NOT_FOUND = re.compile(r"NotFound|NonExistent|NoSuch|DoesNotExist|ResourceNotFound")
_EXISTS = re.compile(r"AlreadyExists|AlreadyOwned|EntityAlreadyExists|ResourceConflict|Duplicate|InUse")


@dataclass(frozen=True)
class Asset:
    """A file or archive of the program: what it is (for comparing) and how to get its bytes (for uploading)."""

    sha256: str
    load: Callable[[], bytes]


class NotFoundError(Exception):
    """A function of the provider found nothing. Unlike any other exception, a program may catch it and go on."""


def not_found(operation: str, what: str) -> ClientError:
    """The error of a service that has no call for one resource, and whose list lacks it."""
    return ClientError({"Error": {"Code": "ResourceNotFound", "Message": f"{what} does not exist"}}, operation)


def is_missing(error: Exception) -> bool:
    """True if AWS says that the thing does not exist."""
    if not isinstance(error, ClientError):
        return False
    answer = error.response
    code = str(answer.get("Error", {}).get("Code", ""))
    return bool(_NOT_FOUND.search(code)) or answer.get("ResponseMetadata", {}).get("HTTPStatusCode") == 404


def already_exists(error: Exception) -> bool:
    """True if AWS says that a thing of this name is already there."""
    return isinstance(error, ClientError) and bool(_EXISTS.search(str(error.response.get("Error", {}).get("Code", ""))))


class Cloud:
    """The emulated AWS: its clients (made once, usable from every thread), region and account.

    `gate` decides on every call; without one all are allowed.
    """

    partition: Final = "aws"

    def __init__(
        self,
        endpoint: str,
        region: str,
        session: boto3.Session | None = None,
        *,
        gate: Gate | None = None,
        attempts: int = 3,
    ) -> None:
        """`session`: whose credentials to use in place of the emulator's; then an empty endpoint is AWS itself.

        `attempts`: how often a call is made that AWS throttles or fails to answer.
        """
        self.endpoint = endpoint
        self.region = region
        self._attempts = attempts
        self._session = session or boto3.Session(*root_key_of(endpoint), region_name=region)
        if gate:
            gate.attach(self._session)
        self._clients: dict[str, Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str) -> Any:
        """The boto3 client of a service."""
        with self._lock:
            if service not in self._clients:
                self._clients[service] = self._session.client(
                    service,  # type: ignore[call-overload]  # the overloads want a literal
                    endpoint_url=self.endpoint or None,
                    config=Config(
                        retries={"mode": "standard", "max_attempts": self._attempts},
                        s3={"addressing_style": "path"},
                        max_pool_connections=16,
                        inject_host_prefix=False,
                    ),
                )
            return self._clients[service]

    def close(self) -> None:
        """Give the connections back."""
        with self._lock:
            while self._clients:
                self._clients.popitem()[1].close()

    @cached_property
    def account(self) -> str:
        """The account's 12 digits."""
        return str(self.client("sts").get_caller_identity()["Account"])

    def arn(self, service: str, resource: str, *, region: bool = True, account: bool = True) -> str:
        """An ARN in this account and region; leave out what the service's ARNs leave out."""
        return ":".join(
            [
                "arn",
                self.partition,
                service,
                self.region if region else "",
                self.account if account else "",
                resource,
            ]
        )

    def call(
        self, service: str, operation: str, inputs: Inputs, /, *, renames: Mapping[str, str] | None = None, **extra: Any
    ) -> dict[str, Any]:
        """Call an operation with Pulumi's inputs.

        Args:
            inputs: camelCase keys; translated by the operation's input shape.
            renames: Pulumi key to AWS member at any depth, where they differ in more than case or plural.
            extra: parameters passed as they are.

        Raises:
            ValueError: an input has no member in the operation.
            ClientError: AWS refused.
        """
        client = self.client(service)
        method = client.meta.method_to_api_mapping[operation]
        shape = client.meta.service_model.operation_model(method).input_shape
        known = inputs if shape is not None else {}
        parameters = translate(shape, known, renames or {}) if known else {}
        result: dict[str, Any] = getattr(client, operation)(**{**parameters, **extra})
        return result


def translate(shape: Shape, value: Any, renames: Mapping[str, str]) -> Any:
    """Pulumi's value as the botocore shape wants it: names, number types, lists with a quantity, tags as pairs."""
    if isinstance(shape, StructureShape):
        return _structure(shape, value, renames)
    if isinstance(shape, ListShape):
        if isinstance(value, Mapping) and _is_pair(shape.member):
            key, item = _pair_members(shape.member)
            return [{key: name, item: text} for name, text in value.items()]
        items = value if isinstance(value, list) else [value]
        return [translate(shape.member, item, renames) for item in items]
    if isinstance(shape, MapShape):
        return {name: translate(shape.value, item, renames) for name, item in value.items()}
    if shape.type_name in {"integer", "long"}:
        return int(value)
    if shape.type_name in {"float", "double"}:
        return float(value)
    if shape.type_name == "boolean":
        return value if isinstance(value, bool) else str(value).lower() == "true"
    if shape.type_name == "blob":
        return value.encode() if isinstance(value, str) else value
    return _as_text(value) if shape.type_name == "string" else value


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, dict | list) else str(value)


def _structure(shape: StructureShape, value: Any, renames: Mapping[str, str]) -> dict[str, Any]:
    members = shape.members
    counted = "Items" in members and "Quantity" in members
    if isinstance(value, list):
        value = {"items": value} if counted else value[0]
    by_name = {name.lower(): name for name in members}
    result: dict[str, Any] = {}
    for key, item in value.items():
        if item is None:
            continue
        member = _member(by_name, key, renames)
        if member is None:
            raise ValueError(f"{shape.name} has no member for the input {key!r} (it has {', '.join(members)})")
        result[member] = translate(members[member], item, renames)
    if counted:
        result["Quantity"] = len(result.get("Items", []))
    return result


def _member(by_name: Mapping[str, str], key: str, renames: Mapping[str, str]) -> str | None:
    lowered = key.lower()
    singular = lowered.removesuffix("s")
    candidates = [renames.get(key, "").lower(), lowered, singular, f"{lowered}s", f"{lowered.removesuffix('y')}ies"]
    return next((by_name[name] for name in candidates if name in by_name), None)


def _is_pair(shape: Shape) -> bool:
    return isinstance(shape, StructureShape) and len(shape.members) == 2


def _pair_members(shape: Shape) -> tuple[str, str]:
    key, value = shape.members if isinstance(shape, StructureShape) else ("Key", "Value")
    return key, value


class Handler(ABC):
    """One kind of resource: how it is made, changed, looked at and removed. `read` changes nothing.

    Methods raise `ClientError` for what AWS refuses. `read` returns every output that a program may want beyond its
    inputs, and raises a "not found" when the thing is gone.
    """

    replace_on: ClassVar[frozenset[str]] = frozenset()
    """Inputs that AWS cannot change in place."""
    delete_first: ClassVar[bool] = False
    """True if a replacement cannot stand beside what it replaces, though `identify` does not show it."""
    volatile: ClassVar[frozenset[str]] = frozenset()
    """Outputs that any update may change, so that a preview cannot know them."""
    secret_outputs: ClassVar[frozenset[str]] = frozenset()
    drift: ClassVar[frozenset[str]] = frozenset()
    """Inputs whose live value `read` returns where AWS's answer has another form; see
    `localcloud.provider.drift_detection`.
    """
    names: ClassVar[Mapping[str, str]] = {}
    """Inputs to the members of AWS's answer, where they differ in more than case or plural."""
    defaults: ClassVar[Mapping[str, Any]] = {}
    """Values that AWS sets for inputs that the program leaves out, and that a person may change."""
    not_compared: ClassVar[frozenset[str]] = frozenset()
    """Inputs whose value at AWS may differ without anybody's hand."""
    taggable: ClassVar[bool] = False
    autoname: ClassVar[str] = ""
    """The input that gets a name made from the resource's own, where the program gives none."""

    def prepare(self, cloud: Cloud, inputs: Inputs) -> Inputs:
        """The inputs as they hold on the local cloud; what this changes counts as a change of the inputs.

        In a preview, inputs may hold unknown values."""
        return inputs

    def identify(self, cloud: Cloud, inputs: Inputs) -> str | None:
        """The id, where the inputs alone decide it: then creating before deleting cannot replace it."""
        return None

    def find(self, cloud: Cloud, inputs: Inputs) -> list[str] | None:
        """The ids of what is there as the inputs call it; None if it cannot be looked up.

        Only called where `identify` gives no id, and after an interruption.
        """
        return None

    @abstractmethod
    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        """Make it and return its id."""

    def update(self, cloud: Cloud, id_: str, inputs: Inputs, old: Inputs) -> None:
        """Bring it from `old` inputs to `inputs`. What AWS puts as a whole is simply put again."""
        self.create(cloud, inputs)

    @abstractmethod
    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        """Remove it."""

    @abstractmethod
    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        """The outputs that are not inputs, as they are now."""


HANDLERS: dict[str, Handler] = {}


def handles(*types: str) -> Callable[[type[Handler]], type[Handler]]:
    """Register the class for Pulumi type tokens."""

    def register(handler: type[Handler]) -> type[Handler]:
        HANDLERS.update(dict.fromkeys(types, handler()))
        return handler

    return register


def without(inputs: Inputs, *keys: str) -> dict[str, Any]:
    """The inputs but for `keys` (and `region`, which is the client's), and for what is not set."""
    return {key: value for key, value in inputs.items() if key not in keys and key != "region" and value is not None}


def changed(old: Inputs, new: Inputs, keys: Iterable[str]) -> bool:
    """True if any of `keys` differs."""
    return any(old.get(key) != new.get(key) for key in keys)


class PutHandler(Handler):
    """A resource that one call puts as a whole, whether it is there or not."""

    service: ClassVar[str]
    put: ClassVar[str]
    remove: ClassVar[str]
    get: ClassVar[str]
    renames: ClassVar[Mapping[str, str]] = {}
    skip: ClassVar[tuple[str, ...]] = ()

    @abstractmethod
    def key(self, id_: str, inputs: Inputs) -> dict[str, Any]:
        """The parameters by which AWS finds it."""

    @abstractmethod
    def identify(self, cloud: Cloud, inputs: Inputs) -> str: ...

    def create(self, cloud: Cloud, inputs: Inputs) -> str:
        cloud.call(self.service, self.put, without(inputs, "tags", *self.skip), renames=self.renames)
        return self.identify(cloud, inputs)

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        cloud.call(self.service, self.remove, {}, **self.key(id_, inputs))

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> Outputs:
        cloud.call(self.service, self.get, {}, **self.key(id_, inputs))
        return {}


_TAGGING: Final[Mapping[str, tuple[str, str, str, str]]] = {
    # service of the ARN: (client, name of the ARN's parameter, of the tags' parameter, "map" or "pairs")
    "lambda": ("lambda", "Resource", "Tags", "map"),
    "logs": ("logs", "resourceArn", "tags", "map"),
    "cloudwatch": ("cloudwatch", "ResourceARN", "Tags", "pairs"),
    "apigateway": ("apigatewayv2", "ResourceArn", "Tags", "map"),
    "budgets": ("budgets", "ResourceARN", "ResourceTags", "pairs"),
    "ses": ("sesv2", "ResourceArn", "Tags", "pairs"),
}
_IAM_TAGGING: Final[Mapping[str, tuple[str, str]]] = {
    "role": ("role", "RoleName"),
    "policy": ("policy", "PolicyArn"),
}


def tag(cloud: Cloud, arn: str, new: Mapping[str, str], old: Mapping[str, str]) -> None:
    """Give a resource exactly the tags `new`, where it has `old` now. Every service has its own call for it."""
    stale = sorted(set(old) - set(new))
    service = arn.split(":")[2]
    pairs = [{"Key": key, "Value": value} for key, value in new.items()]
    if service == "iam":
        kind = arn.split(":")[5].split("/")[0]
        if kind == "oidc-provider":
            return  # The emulator has no call for it; creation set them.
        suffix, parameter = _IAM_TAGGING[kind]
        target = {parameter: arn.rsplit("/", 1)[-1] if kind == "role" else arn}
        _tag_calls(cloud.client("iam"), f"tag_{suffix}", f"untag_{suffix}", target, {"Tags": pairs}, stale)
    elif service == "ssm":
        target = {"ResourceType": "Parameter", "ResourceId": "/" + arn.split(":parameter/", 1)[1]}
        _tag_calls(
            cloud.client("ssm"), "add_tags_to_resource", "remove_tags_from_resource", target, {"Tags": pairs}, stale
        )
    elif service in _TAGGING:
        client, arn_name, tags_name, form = _TAGGING[service]
        tags = {tags_name: dict(new) if form == "map" else pairs}
        keys = {"budgets": "ResourceTagKeys", "logs": "tagKeys"}.get(service, "TagKeys")
        _tag_calls(cloud.client(client), "tag_resource", "untag_resource", {arn_name: arn}, tags, stale, keys)
    else:
        # One call for all the rest. It reports what it could not do in its answer.
        target_list = {"ResourceARNList": [arn]}
        tagging = cloud.client("resourcegroupstaggingapi")
        _raise_failed(tagging.tag_resources(**target_list, Tags=dict(new)) if new else {})
        _raise_failed(tagging.untag_resources(**target_list, TagKeys=stale) if stale else {})


def _tag_calls(
    client: Any,
    add: str,
    remove: str,
    target: dict[str, Any],
    tags: dict[str, Any],
    stale: list[str],
    keys: str = "TagKeys",
) -> None:
    if any(tags.values()):
        getattr(client, add)(**target, **tags)
    if stale:
        getattr(client, remove)(**target, **{keys: stale})


def _raise_failed(answer: Mapping[str, Any]) -> None:
    for arn, failure in answer.get("FailedResourcesMap", {}).items():
        raise RuntimeError(f"{arn} could not be tagged: {failure.get('ErrorMessage', failure)}")
