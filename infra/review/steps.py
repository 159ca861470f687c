"""A preview as steps: the JSON of `pulumi preview --show-sames`, or the same of the embedded engine, as steps."""

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""Pulumi's placeholder for a value that only the deployment will know."""
KNOWN_LATER: Final = re.compile(rf"{UNKNOWN}|output<\w+>")
_SECRET: Final = re.compile(r"\[secret\]")

OPERATIONS: Final = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}
UNCHANGED: Final = {"same", "read", "read-replacement", "read-discard"}
# Pulumi reports a replacement as three steps; `replace` stands for them.
_PARTS_OF_REPLACE: Final = {"create-replacement", "delete-replaced", "discard-replaced"}


_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_ASSETS: Final = ("c44067f5952c0a294b673a41bacd8c17", "0def7320c3a5731c473e5ecbe6d01bc7")
"""Marks of Pulumi for files and archives among the inputs."""

# What Pulumi has nothing to say of, it leaves out or writes as null.
_Filled: Final = BeforeValidator(lambda value: value or {})


def _plain(value: Any) -> Any:
    """Removes Pulumi's internal keys, and replaces a file or archive by its hash."""
    if isinstance(value, dict):
        if value.get(_SIGNATURE) in _ASSETS:
            return f"content {str(value.get('hash') or value.get('text'))[:12]}"
        if "$asset" in value:
            return f"content {str(value['$asset'])[:12]}"
        return {key: _plain(item) for key, item in value.items() if key != "__defaults" and item is not None}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str) and value.startswith(("{", "[")):
        try:
            return json.dumps(json.loads(value), sort_keys=True)
        except ValueError:
            return value
    return value


_Inputs: Final = BeforeValidator(lambda value: _plain(value or {}))


class ResourceVersion(BaseModel):
    """A resource before or after the step."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel)

    custom: bool = True
    inputs: Annotated[dict[str, Any], _Inputs] = {}
    protect: bool = False
    retain_on_delete: bool = False


class Step(BaseModel):
    """The step of one resource."""

    model_config = ConfigDict(frozen=True)

    operation: str = Field(alias="op")
    urn: str = Field(pattern=r"^urn:pulumi:[^:]+::[^:]+::.+::")
    before: Annotated[ResourceVersion, _Filled] = Field(ResourceVersion(), alias="oldState")
    after: Annotated[ResourceVersion, _Filled] = Field(ResourceVersion(), alias="newState")
    reasons: list[str] | None = Field(None, alias="replaceReasons")
    differing: list[str] | None = Field(None, alias="diffReasons")
    """The inputs that the engine says to differ; of secrets, only it can."""

    @property
    def old(self) -> dict[str, Any]:
        """Its inputs before, where the preview tells them."""
        return self.before.inputs

    @property
    def new(self) -> dict[str, Any]:
        """Its inputs afterwards, where the preview tells them."""
        return self.after.inputs

    @property
    def changed_keys(self) -> tuple[str, ...]:
        """The inputs that differ, as far as the preview tells them, and the secret ones of which it says so."""
        if not (self.before.inputs and self.after.inputs):
            return ()
        changed = {key for key in {*self.old, *self.new} if self.old.get(key) != self.new.get(key)}
        return tuple(sorted(changed | self.hidden_changes))

    @property
    def hidden_changes(self) -> frozenset[str]:
        """The inputs that change behind `[secret]`: those of which the engine says so, or all if it says nothing."""
        secret = frozenset(
            key for key, value in self.new.items() if value == self.old.get(key) and _SECRET.search(str(value))
        )
        if self.differing is None:
            return secret if self.operation in ("update", "replace") else frozenset()
        return secret & {path.split(".")[0].split("[")[0] for path in self.differing}

    @property
    def is_change(self) -> bool:
        """True if anything differs: Pulumi updates also for a zip that has only moved."""
        if self.operation in UNCHANGED:
            return False
        known = self.operation == "update" and self.before.inputs and self.after.inputs
        return not known or bool(self.changed_keys)

    @property
    def stage(self) -> str:
        return self.urn.split(":")[2]

    @property
    def type(self) -> str:
        return self.urn.split("::")[2].split("$")[-1]

    @property
    def kind(self) -> str:
        return self.type.split(":")[-1]

    @property
    def name(self) -> str:
        """The name among its inputs, or else the last part of its URN."""
        names = ((self.old or self.new).get(key) for key in ("name", "bucket", "alarmName", "routeKey"))
        return next((str(name) for name in names if name and not hidden(name)), self.urn.split("::")[-1])


def hidden(value: object) -> bool:
    """True if the preview does not tell a value or a part of it."""
    return bool(KNOWN_LATER.search(str(value)) or _SECRET.search(str(value)))


class Diagnostic(BaseModel):
    """A diagnostic of Pulumi or the program."""

    severity: str = ""
    message: str = ""


class PulumiPreview(BaseModel):
    """The document of `pulumi preview --json`."""

    steps: list[Step] | None = None
    diagnostics: list[Diagnostic] | None = None
    summary: Annotated[dict[str, int], _Filled] = Field({}, alias="changeSummary")


@dataclass(frozen=True)
class Preview:
    """A stage's preview."""

    stage: str
    steps: tuple[Step, ...]
    errors: tuple[str, ...] = ()
    unlisted: int = 0
    """Unchanged resources that the preview counts and does not list: what depends on them cannot be told."""


def parse(text: str, stage: str = "the stage") -> Preview:
    """Read a preview. `stage` is used if the document names none; text that is no preview becomes one with an error."""
    try:
        document = json.loads(text)
    except ValueError:
        return Preview(stage, (), (text.strip()[-2000:] or "the preview printed nothing",))
    try:
        preview = PulumiPreview.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "all of it"
        return Preview(stage, (), (f"this is no preview: {where}: {first['msg']}",))
    listed = preview.steps or []
    errors = tuple(dict.fromkeys(_errors(preview.diagnostics or ())))
    if not listed and not errors and not preview.summary:
        errors = ("the preview has no steps, not even unchanged ones",)
    unlisted = max(preview.summary.get("same", 0) - sum(step.operation == "same" for step in listed), 0)
    of = listed[0].stage if listed else stage
    return Preview(of, (*_pulumi_steps(listed), *_refused(errors, listed)), errors, unlisted)


_REFUSED: Final = re.compile(r'unable to (replace|delete) resource "(urn:pulumi:[^"]+)"')
_NOISE: Final = ("preview failed", "update failed")
"""Errors that only say that there are errors."""


def _errors(diagnostics: Sequence[Diagnostic]) -> Iterator[str]:
    for diagnostic in diagnostics:
        text = diagnostic.message.strip().removeprefix("error: ").removeprefix("an unhandled error occurred: ")
        if diagnostic.severity == "error" and text not in _NOISE:
            yield text


def _refused(errors: Sequence[str], listed: Sequence[Step]) -> Iterator[Step]:
    """Replacements and deletions that Pulumi refuses before it lists them: their resources are protected."""
    known = {step.urn for step in listed if step.operation not in UNCHANGED}
    for operation, urn in dict.fromkeys(found for error in errors for found in _REFUSED.findall(error)):
        if urn not in known:
            yield Step.model_validate({"op": operation, "urn": urn, "oldState": {"protect": True}})


def _pulumi_steps(steps: Sequence[Step]) -> Iterator[Step]:
    replaced = {step.urn for step in steps if step.operation == "replace"}
    for step in steps:
        in_replacement = step.operation in _PARTS_OF_REPLACE and step.urn in replaced
        if step.before.custom and step.after.custom and not in_replacement and not step.type.startswith("pulumi:"):
            yield step
