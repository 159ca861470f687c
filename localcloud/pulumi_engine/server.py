# ruff: noqa: N802, ARG002 - the names and signatures are the protocol's
"""The local cloud's AWS provider over gRPC, for Pulumi's own engine.

with serve(endpoint) as port: ...    # PULUMI_DEBUG_PROVIDERS=aws:PORT
"""

import contextlib
import hashlib
import importlib
import json
import logging
import re
import shutil
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any, Final, NoReturn

import grpc
from google.protobuf import any_pb2, empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from localcloud.engine.language_host import NotFoundError
from localcloud.provider.base import Cloud
from localcloud.provider.provider import InitializationError, Provider, ProviderError
from localcloud.provider.values import UNKNOWN
from localcloud.pulumi_engine.wire import merged, secret_keys, to_plain, to_struct, to_value

VERSION: Final = metadata.version("pulumi-aws")
_LIMIT: Final = 400 << 20
_IMPORTING: Final = threading.Lock()
_log = logging.getLogger(__name__)


@contextlib.contextmanager
def serve(endpoint: str, begun: Path | None = None) -> Iterator[int]:
    """Serve the provider on a free port of this machine for as long as the context is open.

    Args:
        endpoint: the emulated AWS.
        begun: a folder with a file for each resource that is made, until the context ends; it stays where that is by
            an interruption or a kill, after which the CLI may take for failed what was made.
    """
    server = grpc.server(
        ThreadPoolExecutor(16, thread_name_prefix="provider"),
        options=[("grpc.max_receive_message_length", _LIMIT), ("grpc.max_send_message_length", _LIMIT)],
    )
    servicer = _Servicer(endpoint, begun)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    told = False
    try:
        yield port
        told = True
    except Exception:
        told = True
        raise
    finally:
        server.stop(grace=1).wait()
        servicer.close()
        if begun is not None and told:
            shutil.rmtree(begun, ignore_errors=True)


@cache
def _output_names(token: str) -> tuple[str, ...]:
    """The outputs of a type, as the SDK declares them: what a preview does not know yet."""
    module, type_ = token.split(":")[1].split("/")[0], token.split(":")[2]
    with _IMPORTING:
        package = importlib.import_module(f"pulumi_aws.{'lambda_' if module == 'lambda' else module}")
    names = (name for name, value in vars(getattr(package, type_)).items() if isinstance(value, property))
    return tuple(re.sub(r"_([a-z0-9])", lambda found: found[1].upper(), name) for name in names)


class _Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """Each call in plain values to a `Provider`. The engine calls from several threads."""

    def __init__(self, endpoint: str, begun: Path | None) -> None:
        self._endpoint = endpoint
        self._begun = begun
        self._provider: Provider | None = None
        self._clouds: list[Cloud] = []

    def close(self) -> None:
        """Give the connections back."""
        for cloud in self._clouds:
            cloud.close()

    @property
    def provider(self) -> Provider:
        """The configured provider."""
        assert self._provider is not None, "Configure comes first"
        return self._provider

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        return plugin_pb2.PluginInfo(version=VERSION)

    def Attach(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        return empty_pb2.Empty()

    def GetSchema(self, request: Any, context: Any) -> Any:
        return provider_pb2.GetSchemaResponse(schema=json.dumps({"name": "aws", "version": VERSION}))

    def CheckConfig(self, request: Any, context: Any) -> Any:
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        old, new = to_plain(request.olds), to_plain(request.news)
        changed = sorted(key for key in {*old, *new} if old.get(key) != new.get(key) and key != "version")
        return provider_pb2.DiffResponse(changes=_changes(changed), diffs=changed)

    def Configure(self, request: Any, context: Any) -> Any:
        values = to_plain(request.args)
        tags = values.get("defaultTags")
        tags = json.loads(tags) if isinstance(tags, str) else tags
        cloud = Cloud(self._endpoint, str(values.get("region") or "us-east-1"))
        self._clouds.append(cloud)
        self._provider = Provider(cloud, (tags or {}).get("tags") or {})
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True, acceptResources=True)

    def Check(self, request: Any, context: Any) -> Any:
        news, olds = to_plain(request.news), to_plain(request.olds)
        type_, name = _of(request.urn)
        seed = request.urn.encode() + request.randomSeed
        try:
            checked = self.provider.check(type_, name, news, olds or None, seed=seed)
        except ProviderError as error:
            return provider_pb2.CheckResponse(
                inputs=request.news, failures=[provider_pb2.CheckFailure(reason=str(error))]
            )
        return provider_pb2.CheckResponse(inputs=merged(request.news, checked))

    def Diff(self, request: Any, context: Any) -> Any:
        type_, name = _of(request.urn)
        old, new = to_plain(request.old_inputs), to_plain(request.news)
        found = self.provider.diff(type_, name, old, new)
        details = {}
        for path, text in zip(found.paths, found.detailed, strict=True):
            key = str(path[0])
            kind = "ADD" if key not in old else "DELETE" if key not in new else "UPDATE"
            kind += "_REPLACE" if key in found.replaces else ""
            details[text] = provider_pb2.PropertyDiff(kind=provider_pb2.PropertyDiff.Kind.Value(kind), inputDiff=True)
        return provider_pb2.DiffResponse(
            changes=_changes(found),
            diffs=found.keys,
            replaces=sorted(found.replaces),
            deleteBeforeReplace=bool(found.replaces) and found.delete_before_replace,
            detailedDiff=details,
            hasDetailedDiff=True,
        )

    def Create(self, request: Any, context: Any) -> Any:
        type_, name = _of(request.urn)
        inputs = to_plain(request.properties)
        if request.preview:
            unknown = {key: UNKNOWN for key in _output_names(type_) if key not in inputs}
            return provider_pb2.CreateResponse(properties=merged(request.properties, unknown))
        with (
            self._answering(context, "create", request.urn, request.properties),
            self._noted(request.urn, inputs),
        ):
            id_, outputs = self.provider.create(type_, name, inputs)
            return provider_pb2.CreateResponse(id=id_, properties=self._state(type_, request.properties, outputs))

    def Update(self, request: Any, context: Any) -> Any:
        type_, name = _of(request.urn)
        if request.preview:
            result = struct_pb2.Struct()
            result.CopyFrom(request.olds)
            for key, value in request.news.fields.items():
                result.fields[key].CopyFrom(value)
            for key in self.provider.handler(type_).volatile:
                result.fields[key].string_value = UNKNOWN
            return provider_pb2.UpdateResponse(properties=result)
        with self._answering(context, "update", request.urn, request.news):
            new, old = to_plain(request.news), to_plain(request.old_inputs)
            outputs = self.provider.update(type_, name, request.id, new, old)
            return provider_pb2.UpdateResponse(properties=self._state(type_, request.news, outputs))

    def Delete(self, request: Any, context: Any) -> Any:
        type_, name = _of(request.urn)
        with self._answering(context, "delete", request.urn, request.old_inputs):
            self.provider.delete(type_, name, request.id, to_plain(request.old_inputs))
        return empty_pb2.Empty()

    def Read(self, request: Any, context: Any) -> Any:
        type_, name = _of(request.urn)
        known = request.inputs if request.inputs.fields else request.properties
        with self._answering(context, "read", request.urn, known):
            found = self.provider.read(type_, name, request.id, to_plain(known))
            if found is None:
                return provider_pb2.ReadResponse()
            inputs, outputs = found
            return provider_pb2.ReadResponse(
                id=request.id,
                properties=self._state(type_, request.properties, outputs),
                inputs=merged(request.inputs, inputs),
            )

    def Invoke(self, request: Any, context: Any) -> Any:
        try:
            found = self.provider.invoke(request.tok, to_plain(request.args))
        except NotFoundError as error:
            return provider_pb2.InvokeResponse(failures=[provider_pb2.CheckFailure(reason=str(error))])
        except Exception as error:
            _fail(context, f"{request.tok}: {type(error).__name__}: {error}")
        answer: Any = {"return": to_struct(found)}  # a word of Python's
        return provider_pb2.InvokeResponse(**answer)

    @contextlib.contextmanager
    def _noted(self, urn: str, inputs: Mapping[str, Any]) -> Iterator[None]:
        """Note that something is made, unless that fails."""
        if self._begun is None:
            yield
            return
        self._begun.mkdir(parents=True, exist_ok=True)
        file = self._begun / f"{hashlib.sha256(urn.encode()).hexdigest()[:16]}.json"
        noted = {"urn": urn, "type": _of(urn)[0], "custom": True, "inputs": inputs}
        part = file.with_suffix(".part")
        part.write_text(json.dumps(noted, default=lambda _: None), encoding="utf-8")
        part.rename(file)
        try:
            yield
        except Exception:
            file.unlink(missing_ok=True)
            raise

    def _state(self, type_: str, properties: Any, outputs: Mapping[str, Any]) -> struct_pb2.Struct:
        """The properties that the engine keeps: those that came, with the outputs."""
        result = struct_pb2.Struct()
        result.CopyFrom(properties)
        hidden = secret_keys(properties) | self.provider.handler(type_).secret_outputs
        for key, value in outputs.items():
            result.fields[key].CopyFrom(to_value(value, hidden=key in hidden))
        result.fields.pop("__defaults", None)
        return result

    @contextlib.contextmanager
    def _answering(self, context: Any, what: str, urn: str, inputs: struct_pb2.Struct) -> Iterator[None]:
        """An exception ends the call with a status; what exists but is not complete is told with its id."""
        type_, name = _of(urn)
        try:
            yield
        except InitializationError as error:
            text = f"{what} {type_} {name}: {error}"
            partial = provider_pb2.ErrorResourceInitFailed(
                id=error.id, properties=self._state(type_, inputs, error.outputs), reasons=[text], inputs=inputs
            )
            packed = any_pb2.Any()
            packed.Pack(partial)
            status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=text, details=[packed])
            context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
            _fail(context, text)
        except Exception as error:
            _log.debug("%s %s", what, urn, exc_info=True)
            _fail(context, f"{what} {type_} {name}: {type(error).__name__}: {error}")


def _fail(context: Any, text: str) -> NoReturn:
    context.abort(grpc.StatusCode.UNKNOWN, text)
    raise AssertionError("abort raises")


def _changes(found: object) -> Any:
    changes = provider_pb2.DiffResponse
    return changes.DIFF_SOME if found else changes.DIFF_NONE


def _of(urn: str) -> tuple[str, str]:
    """The type and the name of a resource."""
    return urn.split("::")[2].split("$")[-1], urn.split("::")[3]
