"""The in-process engine: runs a Pulumi program and makes the emulated AWS what it declares.

    report = up("local", endpoint="http://127.0.0.1:4566", state_dir=Path(".local/stacks"), root=Path("."))
    report.created, report.updated, report.replaced, report.deleted, report.same    # URNs
    report.outputs, report.secret_outputs                                           # the stack's exports

`preview` tells what `up` would do; `destroy` removes a stage. The rules are those of Pulumi's own engine: unchanged
inputs are left alone, changed ones are updated in place or, where AWS forces it, replaced (first made anew, then the
old one deleted; the other way round where both would have the same name); what the program no longer declares is
deleted, dependents first. `ignoreChanges`, `protect`, `retainOnDelete`, `dependsOn`, `replaceOnChanges`,
`additionalSecretOutputs` and the provider's default tags are honoured; aliases are not.
"""

import base64
import contextlib
import hashlib
import io
import json
import re
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pulumi

from infra.stack_config import StackConfig, load_config
from localcloud.engine import language_host
from localcloud.engine.language_host import UNKNOWN, Program, Registration, secret, unwrap_secrets
from localcloud.engine.state import Record, State
from localcloud.provider import HANDLERS, INVOKES
from localcloud.provider.base import Asset, Cloud, Handler, Inputs, already_exists, is_missing, tag

__all__ = ["EngineError", "Report", "Step", "destroy", "load_config", "preview", "up"]

_NONE_TEXT = re.compile(r"(^|[/:.@])None($|[/:.])")
_UNRESOLVED = "Calling __str__ on an Output"


class EngineError(Exception):
    """A program or a resource cannot be provisioned; the message names the resource and the reason."""


@dataclass(frozen=True)
class Step:
    """One thing done, for the progress display: `action` is create, update, replace, delete or same."""

    action: str
    type: str
    name: str


@dataclass
class Report:
    """What a run did, as URNs in the order in which it was done, and the stack's exports."""

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    deleted: list[str] = field(default_factory=list)
    same: list[str] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    secret_outputs: set[str] = field(default_factory=set)

    @property
    def changed(self) -> int:
        """How many resources were not left alone."""
        return len(self.created) + len(self.updated) + len(self.replaced) + len(self.deleted)


Progress = Callable[[Step], None]


def up(
    stage: str,
    *,
    endpoint: str,
    state_dir: Path,
    root: Path,
    overrides: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    program: Program | None = None,
    verify: bool = False,
) -> Report:
    """Provision a stage.

    Args:
        stage: the stack's name.
        endpoint: URL of the emulated AWS.
        state_dir: where the state files are.
        root: the directory of `Pulumi.yaml`.
        overrides: configuration that wins over the files.
        progress: called after each resource, from several threads.
        program: what to run instead of the project's own program.
        verify: look whether even unchanged resources are there, and make again what is missing. A run after an
            interrupted one does this by itself.

    Raises:
        EngineError: a resource was refused. What was done before it is remembered: fix and run again.
        ConfigError: the project's configuration cannot be used.
    """
    config = load_config(stage, root, overrides)
    with contextlib.closing(Cloud(endpoint, config.region)) as cloud:
        run = _Run(config, cloud, State(_state_file(state_dir, stage)), progress, verify=verify)
        return run.up(program or language_host.directory_program(config.program))


def preview(
    stage: str,
    *,
    endpoint: str,
    state_dir: Path,
    root: Path,
    overrides: Mapping[str, str] | None = None,
    program: Program | None = None,
) -> Report:
    """What `up` would do. Nothing is changed; outputs that are not known yet are missing."""
    config = load_config(stage, root, overrides)
    state = State(_state_file(state_dir, stage))
    with contextlib.closing(Cloud(endpoint, config.region)) as cloud:
        run = _Run(config, cloud, state, None, previewing=True)
        return run.preview(program or language_host.directory_program(config.program))


def destroy(
    stage: str,
    *,
    endpoint: str,
    state_dir: Path,
    region: str = "us-east-1",
    force: bool = False,
    progress: Progress | None = None,
) -> Report:
    """Delete everything that a stage has, in reverse order. Needs no program.

    Raises:
        EngineError: something is protected and `force` is not given (nothing is deleted then), or AWS refused.
    """
    state = State(_state_file(state_dir, stage))
    protected = sorted(record.name for record in state.records.values() if record.protect)
    if protected and not force:
        raise EngineError(f"protected, so nothing was deleted: {', '.join(protected)}. Use force to delete them too.")
    config = StackConfig("", stage, {"aws:region": region}, Path())
    with contextlib.closing(Cloud(endpoint, region)) as cloud:
        run = _Run(config, cloud, state, progress, force=True)
        run.delete([*state.pending, *state.records.values()])
    state.remove()
    return run.report


def _state_file(state_dir: Path, stage: str) -> Path:
    return state_dir / f"{stage}.json"


class _Run:
    """One run over one stage. The host calls `register` from several threads."""

    def __init__(
        self,
        config: StackConfig,
        cloud: Cloud,
        state: State,
        progress: Progress | None,
        *,
        previewing: bool = False,
        verify: bool = False,
        force: bool = False,
    ) -> None:
        self._config = config
        self._cloud = cloud
        self._state = state
        self._progress = progress or (lambda _: None)
        self._previewing = previewing
        self._interrupted = not state.settled
        self._verify = verify or self._interrupted
        self._force = force
        self._seen: set[str] = set()
        self._provider_tags: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()
        self.report = Report()

    def up(self, program: Program) -> Report:
        self._state.mark(settled=False)
        self._run(program)
        gone = [record for urn, record in self._state.records.items() if urn not in self._seen]
        self.delete([*self._state.pending, *gone])
        self._state.mark(settled=True)
        return self.report

    def preview(self, program: Program) -> Report:
        self._run(program)
        gone = [record for urn, record in self._state.records.items() if urn not in self._seen]
        self.report.deleted = [record.urn for record in self._state.deletion_order(gone)]
        return self.report

    def _run(self, program: Program) -> None:
        exports = language_host.run(
            program,
            self,
            project=self._config.project,
            stage=self._config.stage,
            config=self._config.values,
            preview=self._previewing,
        )
        self.report.outputs = exports.values
        self.report.secret_outputs = exports.secret

    # What the language host calls.

    def register(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        urn = registration.urn
        with self._lock:
            if urn in self._seen:
                raise EngineError(
                    f"{registration.type} {registration.name!r} is declared twice: the names must differ."
                )
            self._seen.add(urn)
        if registration.type.startswith("pulumi:providers:"):
            self._provider_tags[urn] = _provider_tags(registration.inputs)
            return registration.name, {}
        if not registration.custom:
            return "", {}
        handler = self._handler(registration.type, registration.name)
        inputs, was_secret = self._prepared(registration, handler)
        with self._explained(registration):
            record = self._provision(registration, handler, inputs)
        hidden = was_secret | handler.secret_outputs | set(registration.secret_outputs)
        outputs = {key: secret(value) if key in hidden else value for key, value in record.outputs.items()}
        return record.id, outputs

    def read(self, type_: str, name: str, id_: str, inputs: dict[str, Any]) -> dict[str, Any]:
        handler = self._handler(type_, name)
        plain = _plain(inputs)[0]
        try:
            outputs = {**plain, **handler.read(self._cloud, id_, plain)}
        except Exception as error:
            raise EngineError(f"{type_} {name!r} (id {id_}) cannot be read: {error}") from error
        return {key: secret(value) if key in handler.secret_outputs else value for key, value in outputs.items()}

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        function = INVOKES.get(token)
        if function is None:
            raise EngineError(f"the local cloud has no function {token}; add it to localcloud/provider/invokes.py")
        return function(self._cloud, unwrap_secrets(args)[0])

    # One resource.

    def _handler(self, type_: str, name: str) -> Handler:
        handler = HANDLERS.get(type_)
        if handler is None:
            raise EngineError(
                f"{name!r} is of type {type_}, which the local cloud does not know; add it to localcloud/provider"
            )
        return handler

    def _prepared(self, registration: Registration, handler: Handler) -> tuple[dict[str, Any], set[str]]:
        inputs, hidden = _plain(registration.inputs)
        inputs = {key: value for key, value in inputs.items() if key != "__defaults" and value is not None}
        if handler.autoname and not inputs.get(handler.autoname):
            digest = hashlib.sha256(registration.urn.encode()).hexdigest()[:7]
            inputs[handler.autoname] = f"{registration.name}-{digest}"
        if handler.taggable:
            provider = self._provider_tags.get(registration.provider.rpartition("::")[0])
            defaults = self._config.default_tags if provider is None else provider
            inputs["tags"] = {**defaults, **(inputs.get("tags") or {})}
        if not self._previewing:
            self._refuse_unresolved(registration, inputs)
            inputs = dict(handler.prepare(self._cloud, inputs))
        return inputs, hidden

    def _refuse_unresolved(self, registration: Registration, inputs: Mapping[str, Any]) -> None:
        for path, text in _texts(inputs):
            if UNKNOWN in text or _NONE_TEXT.search(text) or _UNRESOLVED in text:
                raise EngineError(
                    f"{registration.type} {registration.name!r}: input {path} is unresolved ({text[:120]!r}). "
                    "An output that it is made of has no value, or was put into text without apply or format."
                )

    def _provision(self, registration: Registration, handler: Handler, inputs: dict[str, Any]) -> Record:
        old = self._state.records.get(registration.urn)
        if old is None:
            return self._create(registration, handler, inputs)
        inputs = self._keep_ignored(registration, handler, inputs, old)
        stored = _storable(inputs)
        differing = {key for key in {*stored, *old.inputs} if stored.get(key) != old.inputs.get(key)}
        if not differing:
            return self._same(registration, handler, inputs, old)
        forced = handler.replace_on | {path.split(".")[0].split("[")[0] for path in registration.replace_on_changes}
        if differing & forced:
            return self._replace(registration, handler, inputs, old)
        return self._update(registration, handler, inputs, old)

    def _keep_ignored(
        self, registration: Registration, handler: Handler, inputs: dict[str, Any], old: Record
    ) -> dict[str, Any]:
        """Ignored inputs keep their old value, or on an update the live one, which others may have set."""
        if not registration.ignore_changes:
            return inputs
        kept = _with_ignored(inputs, old.inputs, registration.ignore_changes)
        if _storable(kept) == old.inputs or self._previewing:
            return kept
        live = handler.read(self._cloud, old.id, old.inputs)
        return _with_ignored(kept, {**old.inputs, **live}, registration.ignore_changes)

    def _create(self, registration: Registration, handler: Handler, inputs: dict[str, Any]) -> Record:
        if self._previewing:
            self._done("create", registration)
            return Record(registration.urn, registration.type, "", {}, inputs)
        try:
            id_ = handler.create(self._cloud, inputs)
        except Exception as error:
            # Only after an interrupted run can a thing of ours be there without a record.
            known = handler.identify(self._cloud, inputs)
            if not (self._interrupted and known and already_exists(error)):
                raise
            handler.update(self._cloud, known, inputs, inputs)
            id_ = known
        record = self._remember(registration, handler, inputs, id_, {})
        self._done("create", registration)
        return record

    def _update(self, registration: Registration, handler: Handler, inputs: dict[str, Any], old: Record) -> Record:
        if self._previewing:
            self._done("update", registration)
            known = {key: value for key, value in old.outputs.items() if key not in handler.volatile}
            return Record(registration.urn, registration.type, old.id, {}, {**known, **inputs})
        try:
            if {key: value for key, value in _storable(inputs).items() if key != "tags"} != {
                key: value for key, value in old.inputs.items() if key != "tags"
            }:
                handler.update(self._cloud, old.id, inputs, _comparable(old.inputs, inputs))
        except Exception as error:
            if not (self._verify and is_missing(error)):
                raise
            return self._create(registration, handler, inputs)
        record = self._remember(registration, handler, inputs, old.id, old.inputs.get("tags") or {})
        self._done("update", registration)
        return record

    def _same(self, registration: Registration, handler: Handler, inputs: dict[str, Any], old: Record) -> Record:
        outputs = old.outputs
        if self._verify:
            try:
                outputs = {**outputs, **handler.read(self._cloud, old.id, inputs)}
            except Exception as error:
                if not is_missing(error):
                    raise
                return self._create(registration, handler, inputs)
        record = replace(
            old,
            outputs=outputs,
            dependencies=list(registration.dependencies),
            protect=registration.protect,
            retain_on_delete=registration.retain_on_delete,
        )
        if record != old and not self._previewing:
            self._state.put(record)
        self._done("same", registration)
        return record

    def _replace(self, registration: Registration, handler: Handler, inputs: dict[str, Any], old: Record) -> Record:
        if old.protect:
            raise EngineError(
                f"{registration.type} {registration.name!r} is protected, and this change would replace it."
            )
        if self._previewing:
            self._done("replace", registration)
            return Record(registration.urn, registration.type, "", {}, inputs)
        same_name = handler.identify(self._cloud, inputs) == handler.identify(self._cloud, old.inputs) is not None
        if registration.retain_on_delete:
            pass
        elif same_name or handler.delete_first or registration.delete_before_replace:
            self._delete_one(old)
        else:
            self._state.replaced(old)
        record = self._remember(registration, handler, inputs, handler.create(self._cloud, inputs), {})
        self._done("replace", registration)
        return record

    def _remember(
        self,
        registration: Registration,
        handler: Handler,
        inputs: dict[str, Any],
        id_: str,
        old_tags: Mapping[str, str],
    ) -> Record:
        stored = _storable(inputs)
        outputs = {key: value for key, value in stored.items() if not _is_asset(value)}
        record = Record(
            registration.urn,
            registration.type,
            id_,
            {**stored, "tags": dict(old_tags)} if handler.taggable else stored,
            outputs,
            list(registration.dependencies),
            registration.protect,
            registration.retain_on_delete,
        )
        # It is there, so it is remembered before anything else can fail: the next run goes on from here.
        self._state.put(record)
        record = replace(record, inputs=stored, outputs={**outputs, **handler.read(self._cloud, id_, inputs)})
        if handler.taggable:
            record.outputs["tagsAll"] = inputs["tags"]
            if inputs["tags"] != old_tags:
                tag(self._cloud, str(record.outputs["arn"]), inputs["tags"], old_tags)
        self._state.put(record)
        return record

    def _done(self, action: str, registration: Registration) -> None:
        lists = {
            "create": self.report.created,
            "update": self.report.updated,
            "replace": self.report.replaced,
            "same": self.report.same,
        }
        with self._lock:
            lists[action].append(registration.urn)
        self._progress(Step(action, registration.type, registration.name))

    # Removing.

    def delete(self, records: list[Record]) -> None:
        """Delete records, dependents first; `pending` ones may share their URN with a successor that stays."""
        pending = [record for record in records if record in self._state.pending]
        current = [record for record in records if record not in pending]
        protected = sorted(record.name for record in current if record.protect)
        if protected and not self._force:
            raise EngineError(
                f"no longer declared but protected: {', '.join(protected)}. Unprotect them in a run of their own first."
            )
        for record in [*reversed(pending), *self._state.deletion_order(current)]:
            self._delete_one(record)
            self.report.deleted.append(record.urn)
            self._progress(Step("delete", record.type, record.name))

    def _delete_one(self, record: Record) -> None:
        if not record.retain_on_delete or self._force:
            try:
                self._handler(record.type, record.name).delete(self._cloud, record.id, record.inputs)
            except EngineError:
                raise
            except Exception as error:
                if not is_missing(error):
                    raise EngineError(
                        f"{record.type} {record.name!r} ({record.id}) cannot be deleted: {error}"
                    ) from error
        self._state.forget(record)

    @contextlib.contextmanager
    def _explained(self, registration: Registration) -> Iterator[None]:
        try:
            yield
        except EngineError:
            raise
        except Exception as error:
            raise EngineError(f"{registration.type} {registration.name!r}: {type(error).__name__}: {error}") from error


# Inputs: from the wire to what handlers take and what the state file keeps.


def _plain(inputs: Mapping[str, Any]) -> tuple[dict[str, Any], set[str]]:
    """Without secret marks, whole numbers as int, assets with their hash; and which top-level inputs were secret."""
    plain: dict[str, Any] = {}
    hidden: set[str] = set()
    for key, value in inputs.items():
        unwrapped, was_secret = unwrap_secrets(value)
        plain[key] = _value(unwrapped)
        if was_secret:
            hidden.add(key)
    return plain, hidden


def _value(value: Any) -> Any:
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, dict):
        return {key: _value(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [_value(item) for item in value]
    if isinstance(value, pulumi.Asset | pulumi.Archive):
        content = _bytes(value)
        return Asset(hashlib.sha256(content).hexdigest(), lambda: content)
    return value


def _bytes(asset: pulumi.Asset | pulumi.Archive) -> bytes:
    if isinstance(asset, pulumi.FileAsset | pulumi.FileArchive):
        path = Path(asset.path)
        return _zipped(_files(path)) if path.is_dir() else path.read_bytes()
    if isinstance(asset, pulumi.StringAsset):
        return asset.text.encode()
    if isinstance(asset, pulumi.AssetArchive):
        files: dict[str, bytes] = {}
        for name, item in asset.assets.items():
            if isinstance(item, pulumi.FileArchive) and Path(item.path).is_dir():
                files |= {f"{name}/{inner}": content for inner, content in _files(Path(item.path)).items()}
            elif isinstance(item, pulumi.Asset | pulumi.Archive):
                files[name] = _bytes(item)
        return _zipped(files)
    raise EngineError(f"{type(asset).__name__} is not an asset that the local cloud can read")


def _files(directory: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(directory)): path.read_bytes() for path in sorted(directory.rglob("*")) if path.is_file()
    }


def _zipped(files: Mapping[str, bytes]) -> bytes:
    """A zip that depends on nothing but names and contents."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))
            info.external_attr = 0o644 << 16
            archive.writestr(info, files[name], zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def _storable(value: Any) -> Any:
    """As the state file keeps it: JSON, an asset by its hash."""
    if isinstance(value, Asset):
        return {"$asset": value.sha256}
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, dict):
        return {key: _storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return value


def _comparable(old: Mapping[str, Any], new: Inputs) -> dict[str, Any]:
    """The old inputs, with the new one's live asset where it is the same, so that handlers can compare."""
    return {key: new[key] if _storable(new.get(key)) == value and key in new else value for key, value in old.items()}


def _is_asset(value: Any) -> bool:
    return isinstance(value, dict) and "$asset" in value


def _texts(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from _texts(item, f"{path}.{key}".lstrip("."))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _texts(item, f"{path}[{number}]")


def _with_ignored(inputs: Mapping[str, Any], source: Mapping[str, Any], paths: tuple[str, ...]) -> dict[str, Any]:
    """`inputs` with the values at `paths` ("value", "tags.owner", "*") taken from `source`."""
    if "*" in paths:
        return {**inputs, **{key: source[key] for key in inputs if key in source}}
    result = dict(inputs)
    for path in paths:
        _copy(result, source, re.findall(r"[^.\[\]\"]+", path))
    return result


def _copy(target: dict[str, Any], source: Any, keys: list[str]) -> None:
    head, rest = keys[0], keys[1:]
    if rest and isinstance(target.get(head), dict) and isinstance(source.get(head), Mapping):
        target[head] = dict(target[head])
        _copy(target[head], source[head], rest)
    elif head in source:
        target[head] = source[head]
    else:
        target.pop(head, None)


def _provider_tags(inputs: Mapping[str, Any]) -> dict[str, str]:
    """Of an explicit provider, whose inputs are JSON text."""
    declared = unwrap_secrets(inputs.get("defaultTags"))[0]
    tags = json.loads(declared) if isinstance(declared, str) else declared
    return dict((tags or {}).get("tags") or {})
