"""Runs a Pulumi program in this process and hands every registration to an engine.

The only file that knows Pulumi's internals (`pulumi` is pinned exactly for its sake): `run_in_stack`, `SETTINGS`,
`set_root_resource` and the monitor's protocol buffers. Without the reset in `_run` a second program in the same
process fails with "Only one root Pulumi Stack may be active at once", or hangs.
"""

import asyncio
import contextlib
import runpy
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol

import pulumi
from google.protobuf import empty_pb2
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.proto import provider_pb2, resource_pb2
from pulumi.runtime.stack import Stack, run_in_stack, wait_for_rpcs
from pulumi.runtime.sync_await import _ensure_event_loop, _sync_await

from localcloud.provider.base import NotFoundError
from localcloud.provider.values import UNKNOWN, has_unknown, secret, unwrap_secrets

__all__ = [
    "UNKNOWN",
    "Engine",
    "Exports",
    "NotFoundError",
    "Program",
    "Reading",
    "Registration",
    "UnsupportedError",
    "directory_program",
    "run",
    "secret",
    "unwrap_secrets",
]

_STACK: Final = "pulumi:pulumi:Stack"

Program = Callable[[], None]

# Pulumi's runtime settings are global to the process: one program at a time.
_one_program = threading.Lock()
_loops: set[asyncio.AbstractEventLoop] = set()


@dataclass(frozen=True)
class Registration:
    """A registration of a program: one resource with its inputs (camelCase, secrets marked) and its options."""

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    custom: bool = True
    parent: str = ""
    aliases: tuple[str, ...] = ()
    """URNs under which it may be known so far."""
    dependencies: tuple[str, ...] = ()
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Of each input, the resources whose outputs it is made of."""
    provider: str = ""
    protect: bool = False
    retain_on_delete: bool = False
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    secret_outputs: tuple[str, ...] = ()
    delete_before_replace: bool | None = None
    """None if the provider decides."""


@dataclass(frozen=True)
class Reading:
    """A resource that the program only looks up, by its id (`Type.get`)."""

    urn: str
    type: str
    name: str
    id: str
    inputs: dict[str, Any]
    parent: str = ""
    dependencies: tuple[str, ...] = ()


class UnsupportedError(Exception):
    """The program uses what the embedded engine does not honour; the message names it and the resource."""

    def __init__(self, name: str, what: str) -> None:
        super().__init__(
            f"{name!r} uses {what}, which the embedded engine does not honour. "
            "Pulumi's own engine does: `make up ENGINE=pulumi`."
        )


class Engine(Protocol):
    """The interface of an engine to the host. An exception from any of these fails the program with that exception."""

    def register(self, registration: Registration) -> tuple[str, dict[str, Any]]: ...

    def read(self, reading: Reading) -> dict[str, Any]: ...

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]: ...


@dataclass
class Exports:
    """A stack's outputs; `secret` names those whose value must not be shown."""

    values: dict[str, Any] = field(default_factory=dict)
    secret: set[str] = field(default_factory=set)


def directory_program(directory: Path) -> Program:
    """The program in a directory, run as the Python language host runs it: `__main__.py`, from that directory."""

    def program() -> None:
        with contextlib.chdir(directory):
            runpy.run_path(str(directory), run_name="__main__")

    return program


class _Monitor(mocks.MockMonitor):
    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.resources = {}
        self._stack_transforms = []
        self._stack_invoke_transforms = []
        self._inherited: dict[str, tuple[bool, bool]] = {}
        self._aliases: dict[str, list[str]] = {}
        self.exports: list[dict[str, Any]] = []

    def make_urn(self, parent: str, type_: str, name: str) -> str:
        """With the types of all parents but the stack, as Pulumi's engine makes it."""
        parents = parent.split("::")[2] if parent else _STACK
        qualified = type_ if parents == _STACK else f"{parents}${type_}"
        return f"urn:pulumi:{pulumi.get_stack()}::{pulumi.get_project()}::{qualified}::{name}"

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the name is the protocol's
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == _STACK:
            return resource_pb2.RegisterResourceResponse(urn=urn)
        for option in _not_honoured(request):
            raise UnsupportedError(request.name, option)
        protect, retain = self._inherited.get(request.parent, (False, False))
        protect = request.protect if request.HasField("protect") else protect
        retain = request.retainOnDelete if request.HasField("retainOnDelete") else retain
        self._inherited[urn] = (protect, retain)
        inputs = _deserialized(request.object)
        id_, outputs = self._engine.register(
            Registration(
                urn=urn,
                type=request.type,
                name=request.name,
                inputs=inputs,
                custom=request.custom,
                parent=request.parent,
                aliases=tuple(self._former_urns(urn, request)),
                dependencies=tuple(request.dependencies),
                property_dependencies={key: tuple(item.urns) for key, item in request.propertyDependencies.items()},
                provider=request.provider,
                protect=protect,
                retain_on_delete=retain,
                ignore_changes=tuple(request.ignoreChanges),
                replace_on_changes=tuple(request.replaceOnChanges),
                secret_outputs=tuple(request.additionalSecretOutputs),
                delete_before_replace=request.deleteBeforeReplace if request.deleteBeforeReplaceDefined else None,
            )
        )
        self.resources[urn] = mocks.MockMonitor.ResourceRegistration(urn, id_, outputs)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id_, object=_serialized(outputs))

    def _former_urns(self, urn: str, request: Any) -> list[str]:
        """The URNs by which a resource may be known: its aliases, and what follows from those of its parent."""
        own = [self._alias(request, alias) for alias in request.aliases]
        parent_name = request.parent.rsplit("::", 1)[-1]
        inherited = []
        for parent in self._aliases.get(request.parent, []):
            # A child is by convention called after its parent.
            follows = request.parent and request.name.startswith(parent_name)
            name = parent.rsplit("::", 1)[-1] + request.name.removeprefix(parent_name) if follows else request.name
            inherited.append(self.make_urn(parent, request.type, name))
            for alias in own:
                type_, alias_name = alias.split("::")[2].split("$")[-1], alias.rsplit("::", 1)[-1]
                inherited.append(self.make_urn(parent, type_, alias_name))
        self._aliases[urn] = [*own, *inherited]
        return self._aliases[urn]

    def _alias(self, request: Any, alias: Any) -> str:
        if alias.WhichOneof("alias") == "urn":
            return str(alias.urn)
        spec = alias.spec
        parent = "" if spec.noParent else spec.parentUrn or request.parent
        made = self.make_urn(parent, spec.type or request.type, spec.name or request.name)
        _, _, rest = made.partition("::")
        stack, project = spec.stack or pulumi.get_stack(), spec.project or pulumi.get_project()
        return f"urn:pulumi:{stack}::{project}::{rest.partition('::')[2]}"

    def RegisterResourceOutputs(self, request: Any) -> Any:  # noqa: N802 - the name is the protocol's
        if request.urn.split("::")[2] == _STACK:
            self.exports.append(_deserialized(request.outputs))
        return empty_pb2.Empty()

    def RegisterStackTransform(self, request: Any) -> Any:  # noqa: N802, ARG002 - the protocol's
        raise UnsupportedError("the stack", "a transform")

    def RegisterStackInvokeTransform(self, request: Any) -> Any:  # noqa: N802, ARG002 - the protocol's
        raise UnsupportedError("the stack", "an invoke transform")

    def RegisterResourceHook(self, request: Any) -> Any:  # noqa: N802 - the name is the protocol's
        raise UnsupportedError(request.name, "a hook")

    def RegisterErrorHook(self, request: Any) -> Any:  # noqa: N802 - the name is the protocol's
        raise UnsupportedError(request.name, "an error hook")

    def ReadResource(self, request: Any) -> Any:  # noqa: N802 - the name is the protocol's
        if request.type == "pulumi:pulumi:StackReference":
            raise UnsupportedError(request.name, "a reference to another stack")
        urn = self.make_urn(request.parent, request.type, request.name)
        outputs = self._engine.read(
            Reading(
                urn,
                request.type,
                request.name,
                request.id,
                _deserialized(request.properties),
                request.parent,
                tuple(request.dependencies),
            )
        )
        self.resources[urn] = mocks.MockMonitor.ResourceRegistration(urn, request.id, outputs)
        return resource_pb2.ReadResourceResponse(urn=urn, properties=_serialized(outputs))

    def Invoke(self, request: Any) -> Any:  # noqa: N802 - the name is the protocol's
        if request.tok == "pulumi:pulumi:getResource":
            return super().Invoke(request)  # type: ignore[no-untyped-call]  # Pulumi leaves it untyped
        try:
            result = self._engine.invoke(request.tok, _deserialized(request.args))
        except NotFoundError as error:
            return resource_pb2.ResourceInvokeResponse(failures=[provider_pb2.CheckFailure(reason=str(error))])
        return resource_pb2.ResourceInvokeResponse(**{"return": _serialized(result)})


_OPTIONS: Final = {
    "aliasURNs": "aliases of an older SDK",
    "customTimeouts": "custom timeouts",
    "deletedWith": "deletedWith",
    "envVarMappings": "environment variables of a provider",
    "hooks": "hooks",
    "importId": "import",
    "pluginChecksums": "a plugin's checksum",
    "pluginDownloadURL": "a plugin's address",
    "remote": "a component of another language",
    "replace_with": "replaceWith",
    "replacement_trigger": "a replacement trigger",
    "snippetId": "a snippet",
    "state_migrations": "a migration of its state",
    "transforms": "a transform",
}
_HONOURED: Final = {
    "type", "name", "parent", "custom", "object", "protect", "dependencies", "provider", "propertyDependencies",
    "deleteBeforeReplace", "deleteBeforeReplaceDefined", "version", "ignoreChanges", "additionalSecretOutputs",
    "aliases", "providers", "replaceOnChanges", "retainOnDelete", "hideDiffs",
    # What the SDK says of itself.
    "acceptSecrets", "acceptResources", "accepts_byte_string", "supportsPartialValues", "supportsResultReporting",
    "sourcePosition", "stackTrace", "parentStackTraceHandle", "packageRef",
}  # fmt: skip


def _not_honoured(request: Any) -> Iterator[str]:
    """The options of a registration that have an effect which the embedded engine does not have."""
    for field_, value in request.ListFields():
        if field_.name in _HONOURED:
            continue
        empty = field_.message_type is not None and not field_.is_repeated and not value.ListFields()
        if not (empty or (field_.name == "replacement_trigger" and value.WhichOneof("kind") == "null_value")):
            yield _OPTIONS.get(field_.name, f"the option {field_.name}")


def _deserialized(properties: Any) -> dict[str, Any]:
    """Runs in one of the executor's threads, where the SDK wants an event loop of the thread's own."""
    _ensure_event_loop()  # type: ignore[no-untyped-call]  # Pulumi leaves it untyped
    _loops.add(asyncio.get_event_loop())
    inputs: dict[str, Any] = rpc.deserialize_properties(properties, True)
    return inputs


def _serialized(value: Mapping[str, Any]) -> Any:
    return _sync_await(rpc.serialize_properties(dict(value), {}))


def run(
    program: Program, engine: Engine, *, project: str, stage: str, config: Mapping[str, str], preview: bool = False
) -> Exports:
    """Run `program` against `engine` and return what it exports. Raises what the program or the engine raises."""
    with _one_program:
        try:
            return asyncio.run(_run(program, engine, project, stage, config, preview))
        finally:
            while _loops:
                _loops.pop().close()


async def _run(
    program: Program, engine: Engine, project: str, stage: str, config: Mapping[str, str], preview: bool
) -> Exports:
    # One failure fails every output that depends on it; the first one is raised, the rest would only be noise.
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    monitor = _Monitor(engine)
    pulumi.runtime.set_all_config(dict(config), [])
    mocks.set_mocks(
        _Unused(), project=project, stack=stage, preview=preview, monitor=monitor, organization="organization"
    )
    settings.set_root_resource(None)  # type: ignore[arg-type]  # None is how it is cleared
    settings.SETTINGS.rpc_manager.clear()
    settings.SETTINGS.outputs.clear()
    await run_in_stack(program)
    exports = Exports()
    for name, value in (await _registered(monitor)).items():
        if isinstance(value, pulumi.Asset | pulumi.Archive):
            raise UnsupportedError(name, "an asset as an output of the stack")
        plain, was_secret = unwrap_secrets(value)
        if not has_unknown(plain):
            exports.values[name] = _whole(plain)
            if was_secret:
                exports.secret.add(name)
    return exports


async def _registered(monitor: _Monitor) -> dict[str, Any]:
    """The outputs of the stack. The SDK registers none at first and then all, leaves the wait to Pulumi's engine, and
    the two arrive in either order.
    """
    root = settings.get_root_resource()
    expected = 2 if isinstance(root, Stack) and root.outputs else 1
    for _ in range(5000):
        if len(monitor.exports) >= expected or any(monitor.exports):
            return next(filter(None, monitor.exports), {})
        await wait_for_rpcs()
        await asyncio.sleep(0.002)
    raise TimeoutError("the program registered no outputs of its stack")


def _whole(value: Any) -> Any:
    """Whole numbers as int: on the wire, all are floats."""
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _whole(item) for key, item in value.items()}
    return [_whole(item) for item in value] if isinstance(value, list) else value


class _Unused(mocks.Mocks):
    """`set_mocks` wants one; the monitor above takes every call before it."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(args.token)

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise AssertionError(args.typ)
