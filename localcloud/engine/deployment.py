"""The embedded engine: runs a Pulumi program in this process and makes the emulated AWS what it declares.

    report = up("local", endpoint="http://127.0.0.1:4566", state_dir=Path(".local/stacks"), root=Path("."))
    report.created, report.updated, report.replaced, report.deleted, report.same    # URNs
    report.outputs, report.secret_outputs                                           # the stack's exports

`preview` tells what `up` would do; `destroy` removes a stage. `plan` decides, by the rules of Pulumi's own engine; this
module carries the steps out on the provider and keeps the stack state. An option that it does not honour is refused
(`language_host`). Beyond Pulumi's engine: what an interrupted run made without a record is taken over by its name, and
`destroy` deletes nothing if something is protected.
"""

import contextlib
import json
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NoReturn

import filelock
import pulumi

from infra.stack_config import StackConfig, load_config
from localcloud.authorization.gate import Gate
from localcloud.engine import language_host
from localcloud.engine.language_host import Program, Reading, Registration, UnsupportedError
from localcloud.engine.plan import Goal, Step, StepOperation, plan_deletions, plan_resource
from localcloud.engine.state import Operation, Record, State
from localcloud.provider.base import Cloud, Outputs, already_exists, not_found
from localcloud.provider.paper import PaperCloud, PaperProvider
from localcloud.provider.provider import InitializationError, Provider, ProviderError
from localcloud.provider.values import (
    UNKNOWN,
    AssetError,
    is_asset,
    keep_ignored,
    plain,
    secret,
    storable,
    texts,
    unwrap_secrets,
)

__all__ = ["EngineError", "Report", "Step", "destroy", "load_config", "preview", "up"]

_NONE_TEXT = re.compile(r"(^|[/:.@])None($|[/:.])")
_UNRESOLVED = "Calling __str__ on an Output"


class EngineError(Exception):
    """A program or a resource cannot be provisioned; the message names the resource and the reason."""


@dataclass
class Report:
    """The report of a run: its steps in order, and the stack's exports."""

    steps: list[Step] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    secret_outputs: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)
    """Of a preview: the reasons for which `up` would refuse."""
    orphans: list[str] = field(default_factory=list)
    """Resources that an interrupted run may have made and no state holds: type and id, or type and name."""

    def urns(self, *operations: StepOperation) -> list[str]:
        """The URNs of resources with these operations."""
        return [
            step.urn
            for step in self.steps
            if step.operation in operations and (step.old is None or step.old.custom or step.operation == "read")
        ]

    @property
    def created(self) -> list[str]:
        """URNs of what was made."""
        return self.urns("create")

    @property
    def updated(self) -> list[str]:
        """URNs of what was changed in place."""
        return self.urns("update")

    @property
    def replaced(self) -> list[str]:
        """URNs of what was made again."""
        return self.urns("replace")

    @property
    def deleted(self) -> list[str]:
        """URNs of what was deleted, also for a replacement."""
        return self.urns("delete", "delete-replaced")

    @property
    def same(self) -> list[str]:
        """URNs of what was left alone."""
        return self.urns("same")

    @property
    def changed(self) -> int:
        """The number of changes."""
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
    on_paper: bool = False,
    gate: Gate | None = None,
) -> Report:
    """Provision a stage.

    Args:
        stage: the stack's name.
        endpoint: URL of the emulated AWS.
        state_dir: where the state files are.
        root: the directory of `Pulumi.yaml`.
        overrides: configuration that wins over the files.
        progress: called after each step, from several threads.
        program: what to run instead of the project's own program.
        verify: look at every resource first, make again what is missing and put back what was changed by hand. A run
            after an interrupted one does this by itself.
        on_paper: make nothing but the state, of what the program declares; `endpoint` is not used.
        gate: decides on each call by the policies of a role.

    Raises:
        EngineError: a resource was refused, or another run is under way. What was done before it is remembered: fix
            and run again.
        ConfigError: the project's configuration cannot be used.
    """
    config = load_config(stage, root, overrides)
    path = _state_file(state_dir, stage)
    with locked(path), contextlib.closing(_cloud(endpoint, config.region, on_paper=on_paper, gate=gate)) as cloud:
        run = _Run(config, cloud, State(path), progress, verify=verify)
        return run.up(program or language_host.directory_program(config.program))


def preview(
    stage: str,
    *,
    endpoint: str,
    state_dir: Path,
    root: Path,
    overrides: Mapping[str, str] | None = None,
    program: Program | None = None,
    verify: bool = False,
    on_paper: bool = False,
    gate: Gate | None = None,
) -> Report:
    """The steps of `up`, and in `errors` what it would refuse. Nothing is changed; unknown outputs are missing."""
    config = load_config(stage, root, overrides)
    with contextlib.closing(_cloud(endpoint, config.region, on_paper=on_paper, gate=gate)) as cloud:
        run = _Run(config, cloud, State(_state_file(state_dir, stage)), None, previewing=True, verify=verify)
        return run.preview(program or language_host.directory_program(config.program))


def destroy(
    stage: str,
    *,
    endpoint: str,
    state_dir: Path,
    region: str = "us-east-1",
    force: bool = False,
    progress: Progress | None = None,
    gate: Gate | None = None,
) -> Report:
    """Delete everything that a stage has, in reverse order. Needs no program.

    Args:
        force: delete what is protected and what is to be retained too.

    Raises:
        EngineError: something is protected and `force` is not given (nothing is deleted then), or AWS refused.
    """
    path = _state_file(state_dir, stage)
    with locked(path), contextlib.closing(Cloud(endpoint, region, gate=gate)) as cloud:
        state = State(path)
        run = _Run(StackConfig("", stage, {"aws:region": region}, Path()), cloud, state, progress)

        def refuse(reason: str) -> NoReturn:
            raise EngineError(f"{reason}, so nothing was deleted. Use force to delete them too.")

        run.delete(plan_deletions([*state.records.values()], state.pending, refuse, force=force))
        state.remove()
    return run.report


def _cloud(endpoint: str, region: str, *, on_paper: bool, gate: Gate | None = None) -> Cloud:
    return PaperCloud(region) if on_paper else Cloud(endpoint, region, gate=gate)


def _state_file(state_dir: Path, stage: str) -> Path:
    return state_dir / f"{stage}.json"


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """One run at a time. Raises `EngineError` where another is under way."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = filelock.FileLock(path.with_suffix(".lock"), timeout=0)
    try:
        with lock:
            yield
    except filelock.Timeout as error:
        raise EngineError(f"another run changes the stage {path.stem} now; wait for its end.") from error


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
    ) -> None:
        self._config = config
        self._cloud = cloud
        self._state = state
        self._progress = progress or (lambda _: None)
        self._previewing = previewing
        # What was begun and never ended: only then may a thing of ours be there without a record.
        self._unfinished = list(state.operations)
        self._unknown = not state.records
        self._verify = verify or not state.settled
        self._seen: set[str] = set()
        self._deleted_early: set[str] = set()
        self._superseded: list[Record] = []
        self._make_provider = PaperProvider if isinstance(cloud, PaperCloud) else Provider
        self._providers = {"": self._make_provider(cloud, config.default_tags)}
        self._lock = threading.RLock()
        self._failure: Exception | None = None
        self.report = Report()

    def up(self, program: Program) -> Report:
        self._state.mark(settled=False)
        self._run(program)
        self.delete(self._deletions(self._state.pending))
        self.report.orphans = self._orphans()
        self._state.mark(settled=True)
        return self.report

    def preview(self, program: Program) -> Report:
        self._run(program)
        for step in self._deletions([*self._state.pending, *self._superseded]):
            self._done(step)
        return self.report

    def _run(self, program: Program) -> None:
        try:
            exports = language_host.run(
                program,
                self,
                project=self._config.project,
                stage=self._config.stage,
                config=self._config.values,
                preview=self._previewing,
            )
        except Exception as error:
            # Other errors follow from the first one.
            failure = self._failure or error
            if isinstance(failure, UnsupportedError | pulumi.RunError):
                raise EngineError(str(failure)) from failure
            raise failure from None
        if self._failure:
            raise self._failure
        self.report.outputs = exports.values
        self.report.secret_outputs = exports.secret

    def _deletions(self, superseded: list[Record]) -> list[Step]:
        # In a preview, resources that would be deleted before their replacement are still in the state.
        seen = {*self._seen, *(self._deleted_early if self._previewing else ())}
        gone = [record for record in self._state.every() if record.urn not in seen]
        return plan_deletions(
            gone,
            superseded,
            lambda reason: self._refuse(
                f"no longer declared but {reason}. Unprotect them in a run of their own first."
            ),
        )

    def _refuse(self, reason: str) -> None:
        """A preview tells and goes on, as with Pulumi's engine."""
        if not self._previewing:
            raise EngineError(reason)
        self.report.errors.append(reason)

    # What the language host calls.

    def register(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        with self._explained(registration.type, registration.name):
            self._see(registration.urn, registration.type, registration.name, registration.aliases)
            if registration.type.startswith("pulumi:providers:"):
                self._provide(registration)
                return registration.name, {}
            if not registration.custom:
                self._component(registration)
                return "", {}
            return self._resource(registration)

    def read(self, reading: Reading) -> dict[str, Any]:
        with self._explained(reading.type, f"{reading.name} (id {reading.id})"):
            self._see(reading.urn, reading.type, reading.name, ())
            inputs = plain(reading.inputs)[0]
            provider = self._providers[""]
            found = provider.read(reading.type, reading.name, reading.id, inputs)
            if found is None:
                raise not_found("Read", f"{reading.type} {reading.id}")
            outputs = found[1]
            old = self._state.records.get(reading.urn)
            record = Record(
                reading.urn, reading.type, reading.id, storable(inputs), storable(outputs),
                [*reading.dependencies], parent=reading.parent, external=True,
            )  # fmt: skip
            if old is not None and old.deletable and old.id != reading.id:
                self._supersede(old)
            if not self._previewing:
                self._state.put(record)
            self._done(Step("read", reading.urn, reading.type, old, inputs))
            hidden = provider.handler(reading.type).secret_outputs
            return {key: secret(value) if key in hidden else value for key, value in outputs.items()}

    def invoke(self, token: str, args: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._providers[""].invoke(token, unwrap_secrets(args)[0])
        except ProviderError as error:
            raise EngineError(str(error)) from error

    def _see(self, urn: str, type_: str, name: str, aliases: tuple[str, ...]) -> None:
        with self._lock:
            if self._failure:
                raise self._failure
            if urn in self._seen:
                raise EngineError(f"{type_} {name!r} is declared twice: the names must differ.")
            self._seen.add(urn)
            known = self._state.records
            former = next((alias for alias in aliases if alias in known and alias not in self._seen), None)
            if urn not in known and former is not None:
                self._state.rename(former, urn, durably=not self._previewing)

    def _provide(self, registration: Registration) -> None:
        """An explicit provider, whose inputs are JSON text."""
        inputs = unwrap_secrets(registration.inputs)[0]
        region = inputs.get("region") or self._cloud.region
        if region != self._cloud.region:
            raise UnsupportedError(registration.name, f"a provider of another region ({region})")
        declared = inputs.get("defaultTags")
        tags = json.loads(declared) if isinstance(declared, str) else declared
        self._providers[registration.urn] = self._make_provider(self._cloud, (tags or {}).get("tags") or {})

    def _component(self, registration: Registration) -> None:
        old = self._state.records.get(registration.urn)
        record = Record(
            registration.urn, registration.type, "", {}, {}, [*registration.dependencies], registration.protect,
            registration.retain_on_delete, registration.parent, custom=False,
        )  # fmt: skip
        if record != old and not self._previewing:
            self._state.put(record)

    # One resource.

    def _resource(self, registration: Registration) -> tuple[str, dict[str, Any]]:
        provider = self._providers.get(registration.provider.rpartition("::")[0], self._providers[""])
        old = self._refreshed(provider, self._state.records.get(registration.urn))
        goal = self._goal(provider, registration, old)
        with self._lock:
            known = [record for record in self._state.every() if record.urn not in self._seen]
            *deletions, step = plan_resource(goal, old, known, provider, self._deleted_early, self._refuse)
            self._deleted_early |= {one.urn for one in deletions}
        for one in deletions:
            self._delete(one, returning=True)
        record = self._planned(provider, step) if self._previewing else self._execute(provider, goal, step)
        self._done(step)
        handler = provider.handler(registration.type)
        hidden = goal.secret_inputs | handler.secret_outputs | set(registration.secret_outputs)
        return record.id, {key: secret(value) if key in hidden else value for key, value in record.outputs.items()}

    def _refreshed(self, provider: Provider, old: Record | None) -> Record | None:
        """The record as AWS has it, where this run verifies; None if it is gone."""
        if old is None or not self._verify or not old.deletable:
            return old
        found = provider.read(old.type, old.name, old.id, old.inputs)
        if found is None:
            if not self._previewing:
                self._state.forget(old)
            return None
        inputs, outputs = found
        seen = replace(old, inputs=storable(inputs), outputs={**old.outputs, **storable(outputs)})
        if seen != old and not self._previewing:
            self._state.put(seen)
            return seen
        return seen if self._previewing else old

    def _goal(self, provider: Provider, registration: Registration, old: Record | None) -> Goal:
        inputs, hidden = plain(registration.inputs)
        if not self._previewing:
            self._refuse_unresolved(registration, inputs)
        if old is not None and registration.ignore_changes:
            inputs = keep_ignored(inputs, old.inputs, registration.ignore_changes)
        type_, name, seed = registration.type, registration.name, registration.urn.encode()
        new_seed = seed + json.dumps(old.inputs if old else {}, sort_keys=True).encode()
        return Goal(
            registration,
            provider.check(type_, name, inputs, old.inputs if old else None, seed=seed),
            provider.check(type_, name, inputs, None, seed=new_seed),
            hidden,
        )

    def _refuse_unresolved(self, registration: Registration, inputs: Mapping[str, Any]) -> None:
        for path, text in texts(inputs):
            if UNKNOWN in text or _NONE_TEXT.search(text) or _UNRESOLVED in text:
                raise EngineError(
                    f"{registration.type} {registration.name!r}: input {path} is unresolved ({text[:120]!r}). "
                    "An output that it is made of has no value, or was put into text without apply or format."
                )

    def _planned(self, provider: Provider, step: Step) -> Record:
        """The outputs of a resource that a preview knows."""
        inputs = {key: value for key, value in step.inputs.items() if not is_asset(value)}
        old = step.old
        if step.operation in ("create", "replace") or old is None:
            if old is not None and old.deletable and step.urn not in self._deleted_early:
                self._superseded.append(old)
            return Record(step.urn, step.type, "", {}, inputs)
        volatile = provider.handler(step.type).volatile if step.operation == "update" else ()
        known = {key: value for key, value in old.outputs.items() if key not in volatile}
        return Record(step.urn, step.type, old.id, {}, {**known, **inputs})

    def _execute(self, provider: Provider, goal: Goal, step: Step) -> Record:
        if step.operation == "same":
            return self._same(goal, step)
        if step.operation == "update":
            return self._update(provider, goal, step)
        return self._create(provider, goal, step)

    def _same(self, goal: Goal, step: Step) -> Record:
        assert step.old is not None
        record = self._record(goal, step, step.old.id, step.old.outputs)
        if record != self._state.records.get(step.urn):
            self._state.put(record)
        return record

    def _update(self, provider: Provider, goal: Goal, step: Step) -> Record:
        old = step.old
        assert old is not None
        try:
            outputs = provider.update(step.type, step.name, old.id, step.inputs, old.inputs)
        except InitializationError as error:
            self._incomplete(goal, step, error, old.inputs.get("tags") or {})
            raise
        record = self._record(goal, step, old.id, outputs)
        self._state.put(record)
        return record

    def _create(self, provider: Provider, goal: Goal, step: Step) -> Record:
        handler = provider.handler(step.type)
        operation = Operation(step.urn, step.type, provider.identify(handler, step.inputs), storable(step.inputs))
        self._state.begin(operation)
        try:
            id_, outputs = self._made(provider, step, operation)
        except InitializationError as error:
            self._incomplete(goal, step, error, {})
            raise
        except Exception:
            self._state.end(operation)
            raise
        record = self._record(goal, step, id_, outputs)
        self._state.put(record, self._replaced_by(step))
        return record

    def _made(self, provider: Provider, step: Step, operation: Operation) -> tuple[str, Outputs]:
        try:
            return provider.create(step.type, step.name, step.inputs)
        except InitializationError:
            raise
        except Exception as error:
            if not (already_exists(error) and self._is_ours(operation)):
                raise
            adopted = provider.adopt(step.type, step.name, step.inputs)
            if adopted is None:
                raise
            return adopted

    def _is_ours(self, operation: Operation) -> bool:
        """True if an interrupted run began to make this very thing, and no record has it."""
        if operation.id is None:
            return False
        begun = {(one.type, one.id) for one in self._unfinished}
        owned = {(record.type, record.id) for record in [*self._state.every(), *self._state.pending]}
        return (operation.type, operation.id) in begun - owned

    def _replaced_by(self, step: Step) -> Record | None:
        """The records that a step's resource replaces and that are still there."""
        old = step.old
        return old if old is not None and old.deletable and self._state.records.get(step.urn) is old else None

    def _incomplete(self, goal: Goal, step: Step, error: InitializationError, tags: Mapping[str, str]) -> None:
        """It is there, so it is remembered: the next run goes on from here."""
        record = self._record(goal, step, error.id, error.outputs)
        inputs = {**record.inputs, "tags": dict(tags)} if "tags" in record.inputs else record.inputs
        superseding = self._replaced_by(step) if step.operation == "replace" else None
        self._state.put(replace(record, inputs=inputs, incomplete=True), superseding)

    def _record(self, goal: Goal, step: Step, id_: str, outputs: Outputs) -> Record:
        of = goal.registration
        return Record(
            urn=step.urn,
            type=step.type,
            id=id_,
            inputs=storable(step.inputs),
            outputs=storable(outputs),
            dependencies=list(of.dependencies),
            protect=of.protect,
            retain_on_delete=of.retain_on_delete,
            parent=of.parent,
            property_dependencies={key: list(urns) for key, urns in of.property_dependencies.items() if urns},
            replace_on_changes=list(of.replace_on_changes),
            secret_inputs=sorted(goal.secret_inputs),
        )

    def _supersede(self, old: Record) -> None:
        if self._previewing:
            self._superseded.append(old)
        else:
            self._state.supersede(old)

    def _done(self, step: Step) -> None:
        with self._lock:
            self.report.steps.append(step)
        self._progress(step)

    # Removing.

    def delete(self, steps: list[Step]) -> None:
        """Carry out deletions, in this order."""
        for step in steps:
            with self._explained(step.type, step.name):
                self._delete(step)

    def _delete(self, step: Step, *, returning: bool = False) -> None:
        """`returning`: it is deleted first, to be made again by this run or, should it fail, by a later one."""
        record = step.old
        assert record is not None
        if not self._previewing:
            if step.operation != "discard" and not step.kept:
                self._providers[""].delete(record.type, record.name, record.id, record.inputs)
            if returning:
                self._state.put(replace(record, pending_replacement=True))
            else:
                self._state.forget(record)
        self._done(step)

    def _orphans(self) -> list[str]:
        """Remains of interrupted operations."""
        owned = {(record.type, record.id) for record in self._state.every()}
        created = {*self.report.urns("create", "replace", "update")}
        found = []
        for operation in self._unfinished:
            if operation.id is None:
                if operation.urn in created:
                    found.append(f"{operation.type} {operation.urn.rsplit('::', 1)[-1]} (perhaps)")
            elif (operation.type, operation.id) not in owned:
                name = operation.urn.rsplit("::", 1)[-1]
                if self._providers[""].read(operation.type, name, operation.id, operation.inputs) is not None:
                    found.append(f"{operation.type} {operation.id}")
        return found

    @contextlib.contextmanager
    def _explained(self, type_: str, name: str) -> Iterator[None]:
        """Errors name the resource; after the first one, nothing more is begun."""
        try:
            yield
        except EngineError as error:
            self._failure = self._failure or error
            raise
        except Exception as error:
            known = UnsupportedError | ProviderError | AssetError
            text = str(error) if isinstance(error, known) else f"{type_} {name!r}: {type(error).__name__}: {error}"
            if isinstance(error, InitializationError):
                text = f"{type_} {name!r}: {error}"
            if self._unknown and already_exists(error):
                text += (
                    " The emulator has it, but nothing here knows of the stage: put a copy of "
                    f"stacks/{self._config.stage}.json back, or begin afresh with `make reset`."
                )
            failure = EngineError(text)
            self._failure = self._failure or failure
            raise failure from error
