# ruff: noqa: SLF001 - the SDK has no public way to run a program; its version is pinned
"""Runs a Pulumi program in this process and hands every registration to an engine.

The only file that knows Pulumi's internals (`pulumi` is pinned exactly for its sake): `run_in_stack`, `SETTINGS`,
`set_root_resource` and the monitor's protocol buffers. Without the reset in `_run` a second program in the same
process fails with "Only one root Pulumi Stack may be active at once", or hangs.
"""

import asyncio
import contextlib
import runpy
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pulumi
from pulumi.runtime import mocks, rpc, settings
from pulumi.runtime.proto import provider_pb2, resource_pb2
from pulumi.runtime.stack import Stack, run_in_stack
from pulumi.runtime.sync_await import _ensure_event_loop, _sync_await

UNKNOWN: str = rpc.UNKNOWN
_SIGNATURE = rpc._special_sig_key
_SECRET = rpc._special_secret_sig

Program = Callable[[], None]

# Pulumi's runtime settings are global to the process: one program at a time.
_one_program = threading.Lock()
_loops: set[asyncio.AbstractEventLoop] = set()


@dataclass(frozen=True)
class Registration:
    """What a program asks for: one resource with its inputs (camelCase, secrets marked) and its options."""

    urn: str
    type: str
    name: str
    inputs: dict[str, Any]
    custom: bool = True
    dependencies: tuple[str, ...] = ()
    provider: str = ""
    protect: bool = False
    retain_on_delete: bool = False
    ignore_changes: tuple[str, ...] = ()
    replace_on_changes: tuple[str, ...] = ()
    secret_outputs: tuple[str, ...] = ()
    delete_before_replace: bool = False


class NotFoundError(Exception):
    """A function of the provider found nothing. Unlike any other exception, a program may catch it and go on."""


class Engine(Protocol):
    """What the host needs from an engine. An exception from any of these fails the program with that exception."""

    def register(self, registration: Registration) -> tuple[str, dict[str, Any]]: ...

    def read(self, type_: str, name: str, id_: str, inputs: dict[str, Any]) -> dict[str, Any]: ...

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]: ...


@dataclass
class Exports:
    """A stack's outputs; `secret` names those whose value must not be shown."""

    values: dict[str, Any] = field(default_factory=dict)
    secret: set[str] = field(default_factory=set)


def secret(value: object) -> dict[str, Any]:
    """Mark a value as secret in the way that the SDK's wire format does."""
    return {_SIGNATURE: _SECRET, "value": value}


def unwrap_secrets(value: Any) -> tuple[Any, bool]:
    """The plain value, and whether anything in it was secret."""
    if isinstance(value, dict):
        if value.get(_SIGNATURE) == _SECRET:
            return unwrap_secrets(value["value"])[0], True
        plain = {key: unwrap_secrets(item) for key, item in value.items()}
        return {key: item for key, (item, _) in plain.items()}, any(hidden for _, hidden in plain.values())
    if isinstance(value, list):
        items = [unwrap_secrets(item) for item in value]
        return [item for item, _ in items], any(hidden for _, hidden in items)
    return value, False


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

    def RegisterResource(self, request: Any) -> Any:  # noqa: N802 - the name is the protocol's
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == "pulumi:pulumi:Stack":
            return resource_pb2.RegisterResourceResponse(urn=urn)
        inputs = _deserialized(request.object)
        id_, outputs = self._engine.register(
            Registration(
                urn=urn,
                type=request.type,
                name=request.name,
                inputs=inputs,
                custom=request.custom,
                dependencies=tuple(request.dependencies),
                provider=request.provider,
                protect=request.protect,
                retain_on_delete=request.retainOnDelete,
                ignore_changes=tuple(request.ignoreChanges),
                replace_on_changes=tuple(request.replaceOnChanges),
                secret_outputs=tuple(request.additionalSecretOutputs),
                delete_before_replace=request.deleteBeforeReplace,
            )
        )
        self.resources[urn] = mocks.MockMonitor.ResourceRegistration(urn, id_, outputs)
        return resource_pb2.RegisterResourceResponse(urn=urn, id=id_, object=_serialized(outputs))

    def ReadResource(self, request: Any) -> Any:  # noqa: N802 - the name is the protocol's
        urn = self.make_urn(request.parent, request.type, request.name)
        inputs = _deserialized(request.properties)
        outputs = self._engine.read(request.type, request.name, request.id, inputs)
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
    root = settings.get_root_resource()
    exports = Exports()
    for name, value in (root.outputs if isinstance(root, Stack) else {}).items():
        output = pulumi.Output.from_input(value)
        exports.values[name] = await output.future()
        if await output.is_secret():
            exports.secret.add(name)
    return exports


class _Unused(mocks.Mocks):
    """`set_mocks` wants one; the monitor above takes every call before it."""

    def call(self, args: mocks.MockCallArgs) -> Any:
        raise AssertionError(args.token)

    def new_resource(self, args: mocks.MockResourceArgs) -> Any:
        raise AssertionError(args.typ)
