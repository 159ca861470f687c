"""A stage by Pulumi's own engine: the interface of `localcloud.engine.deployment`, by the Automation API.

The program runs in this process, the provider is served to the CLI, the stack state is a file beside the embedded
engine's (`state_dir/pulumi`). The stage's file is copied, because the CLI rewrites it. What a killed run left is set
right by the next `up`.
"""

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

from pulumi import automation

from infra.stack_config import load_config
from localcloud.engine.deployment import EngineError, Progress, Report, locked
from localcloud.engine.language_host import Program, directory_program
from localcloud.engine.plan import Step, StepOperation
from localcloud.engine.state import Record
from localcloud.provider.base import Cloud
from localcloud.provider.provider import Difference, Provider
from localcloud.provider.values import parse_path
from localcloud.pulumi_engine import command, local_stack
from localcloud.pulumi_engine.local_stack import LocalStack
from localcloud.pulumi_engine.recovery import Finding, look_up, set_right
from localcloud.pulumi_engine.server import serve

_OPERATIONS: Final[Mapping[str, StepOperation]] = {
    "same": "same",
    "create": "create",
    "update": "update",
    "create-replacement": "replace",
    "delete": "delete",
    "delete-replaced": "delete-replaced",
    "discard": "discard",
    "discard-replaced": "discard",
    "remove-pending-replace": "discard",
    "read": "read",
    "read-replacement": "read",
}
"""Our operation for each of Pulumi's; its `replace` is left out, which only announces the steps that follow."""
_PASSPHRASE: Final = "local"  # noqa: S105 - no secret, see below
"""The state is in a folder of this machine, beside the embedded engine's, which is not encrypted either."""


@dataclass
class Engine:
    """Pulumi's engine for the stages of one emulator."""

    endpoint: str
    state_dir: Path
    root: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """Variables for the CLI, e.g. another backend."""

    def up(self, stage: str, program: Program | None = None, **options: Any) -> Report:
        """Provision a stage. Options as of `deployment.up`; `verify` is Pulumi's `--refresh`."""
        return self._run(stage, program, lambda stack, **how: stack.up(**how), **options)

    def preview(self, stage: str, program: Program | None = None, **options: Any) -> Report:
        """The steps of `up`; nothing is changed."""
        return self._run(stage, program, lambda stack, **how: stack.preview(**how), **options)

    def preview_document(
        self, stage: str, program: Program | None = None, *, overrides: Mapping[str, str] | None = None
    ) -> str:
        """The document of `pulumi preview --json --show-sames`, also where the preview fails."""
        lines: list[str] = []
        shown = {"PULUMI_OPTION_SHOW_SAMES": "true"}
        with (
            self._stack(stage, program, overrides or {}, shown) as stack,
            contextlib.suppress(automation.errors.CommandError),
        ):
            stack.preview(json=True, color="never", on_output=lines.append)
        return "\n".join(lines)

    def refresh(self, stage: str, **options: Any) -> Report:
        """Bring the state up to what is on AWS."""
        return self._run(stage, None, lambda stack, **how: stack.refresh(**_without(how, "refresh")), **options)

    def preview_destroy(self, stage: str) -> Report:
        """The steps of `destroy`; nothing is changed."""
        return self._run(stage, None, lambda stack, **how: stack.preview_destroy(**_without(how, "refresh")))

    def destroy(self, stage: str, *, force: bool = False, **options: Any) -> Report:
        """Delete what a stage has. `force`: also what is protected; what is retained stays on AWS."""

        def act(stack: automation.Stack, **how: Any) -> Any:
            if force:
                stack.workspace.pulumi_command.run(
                    ["state", "unprotect", "--all", "--yes", "--stack", stage],
                    stack.workspace.work_dir,
                    dict(stack.workspace.env_vars),
                )
            return stack.destroy(**_without(how, "refresh"))

        return self._run(stage, None, act, **options)

    def recover(self, stage: str, overrides: Mapping[str, str] | None = None) -> list[Finding]:
        """Take away a killed run's lock, adopt what it had made, forget what it had only begun. May be repeated.

        The state is to be compared with AWS after it. Raises `EngineError` where a run is under way.
        """
        config = load_config(stage, self.root, overrides)
        known = LocalStack(self.state_dir, config.project, stage)
        if holder := known.holder():
            raise EngineError(f"another run changes the stage {stage} now ({holder}); wait for its end.")
        with self._stack(stage, None, overrides or {}) as stack:

            def run(*arguments: str) -> str:
                done = stack.workspace.pulumi_command.run(
                    [*arguments, "--stack", stage], stack.workspace.work_dir, dict(stack.workspace.env_vars)
                )
                return done.stdout

            known.recovery_marker.touch()
            for lock in known.locks:
                lock.unlink(missing_ok=True)
            state = known.with_started_creations(json.loads(run("stack", "export")))
            with contextlib.closing(Cloud(self.endpoint, config.region)) as cloud:
                provider = Provider(cloud, {})
                findings = look_up(state, provider)
                right = set_right(state, findings, provider)
            if findings:
                file = Path(stack.workspace.work_dir) / "state.json"
                file.write_text(json.dumps(right), encoding="utf-8")
                run("stack", "import", "--file", str(file))
            shutil.rmtree(known.started_creations, ignore_errors=True)
        return findings

    def _run(
        self,
        stage: str,
        program: Program | None,
        act: Callable[..., Any],
        *,
        overrides: Mapping[str, str] | None = None,
        progress: Progress | None = None,
        verify: bool = False,
    ) -> Report:
        report = Report()

        def seen(event: automation.EngineEvent) -> None:
            step = _step(event)
            if step is not None:
                report.steps.append(step)
                (progress or (lambda _: None))(step)

        with self._stack(stage, program, overrides or {}) as stack:
            try:
                result = act(stack, on_event=seen, color="never", refresh=verify or None)
            except automation.errors.CommandError as error:
                raise EngineError(_reason(str(error))) from error
            outputs: Mapping[str, automation.OutputValue] = {}
            if isinstance(result, automation.UpResult):
                outputs = result.outputs
            elif isinstance(result, automation.RefreshResult):
                outputs = stack.outputs()
        report.outputs = {key: output.value for key, output in outputs.items()}
        report.secret_outputs = {key for key, output in outputs.items() if output.secret}
        return report

    @contextlib.contextmanager
    def _stack(
        self,
        stage: str,
        program: Program | None,
        overrides: Mapping[str, str],
        environment: Mapping[str, str] | None = None,
    ) -> Iterator[automation.Stack]:
        config = load_config(stage, self.root, overrides)
        state = self.state_dir.resolve() / local_stack.FOLDER
        state.mkdir(parents=True, exist_ok=True)
        known = LocalStack(self.state_dir, config.project, stage)
        with tempfile.TemporaryDirectory() as folder, serve(self.endpoint, known.started_creations) as port:
            work = Path(folder)
            (work / "infra").mkdir()  # `main` of the project must be there
            for name in ("Pulumi.yaml", f"Pulumi.{stage}.yaml"):
                if (self.root / name).exists():
                    shutil.copy(self.root / name, work / name)
            # One call of the CLI each; `create_or_select` tries the one and then the other.
            make = _Stack.select if known.file.exists() else _Stack.create_or_select
            stack = make(
                stage,
                automation.LocalWorkspace(
                    work_dir=folder,
                    program=program or directory_program(config.program),
                    pulumi_command=_cli(command.get()),
                    env_vars={
                        "PULUMI_BACKEND_URL": state.as_uri(),
                        "PULUMI_CONFIG_PASSPHRASE": _PASSPHRASE,
                        "PULUMI_DEBUG_PROVIDERS": f"aws:{port}",
                        "PULUMI_SKIP_UPDATE_CHECK": "true",
                        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
                        **self.environment,
                        **(environment or {}),
                    },
                ),
            )
            if overrides:
                names = {key: key if ":" in key else f"{config.project}:{key}" for key in overrides}
                stack.set_all_config({names[key]: automation.ConfigValue(value) for key, value in overrides.items()})
            yield stack


class _Stack(automation.Stack):
    """A stack whose runs are not looked up in its history, which takes a call of the CLI and tells nothing new."""

    def info(self, show_secrets: bool = True) -> automation.UpdateSummary:  # noqa: ARG002 - theirs
        return automation.UpdateSummary("update", datetime.now(UTC), "", {}, {}, "succeeded")


@cache
def _cli(folder: Path) -> automation.PulumiCommand:
    """The CLI, which is asked for its version once."""
    return automation.PulumiCommand(root=str(folder))


def up(stage: str, *, endpoint: str, state_dir: Path, root: Path, **options: Any) -> Report:
    """`deployment.up`, by Pulumi's own engine. Raises `EngineError`, `ConfigError` and `CommandError`.

    What a killed run left is set right first, and the state then compared with AWS.
    """
    engine = Engine(endpoint, state_dir, root)
    stack = LocalStack(state_dir, load_config(stage, root).project, stage)
    with locked(state_dir / f"{stage}.json"):
        if not stack.interrupted:
            return engine.up(stage, **options)
        findings = engine.recover(stage, options.get("overrides"))
        report = engine.up(stage, **{**options, "verify": True})
        stack.recovery_marker.unlink(missing_ok=True)
    report.orphans += [finding.sentence for finding in findings if finding.fate == "orphan"]
    return report


def _without(options: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in options.items() if name != key}


def _step(event: automation.EngineEvent) -> Step | None:
    """The custom resource of ours that an event speaks of."""
    done = event.res_outputs_event
    if done is None:
        return None
    metadata = done.metadata
    type_ = metadata.urn.split("::")[2].split("$")[-1]
    operation = _OPERATIONS.get(metadata.op)
    if operation is None or type_.startswith("pulumi:"):
        return None
    old, new = metadata.old, metadata.new
    shown = new or old
    if shown is None or not shown.custom:
        return None
    paths = tuple(parse_path(text) for text in metadata.detailed_diff or {})
    return Step(
        operation,
        metadata.urn,
        type_,
        Record(metadata.urn, type_, old.id or "", dict(old.inputs or {}), dict(old.outputs or {})) if old else None,
        dict(new.inputs or {}) if new else {},
        difference=Difference(paths, frozenset(metadata.keys or ())),
        protect=bool(shown.protect),
    )


def _reason(text: str) -> str:
    """The errors in the CLI's output, without what was done."""
    lines = [line.strip() for line in text.splitlines()]
    errors = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    errors = [line for line in errors if line not in ("update failed", "preview failed", "destroy failed")]
    return "\n".join(dict.fromkeys(errors)) or text.strip()[-2000:]
