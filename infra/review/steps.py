"""What a preview says: the JSON of `pulumi preview`, or a report of the local engine, as steps."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What Pulumi writes for a value that only the deployment will know."""
UNTOLD: Final = re.compile(rf"{UNKNOWN}|output<\w+>")
_SECRET: Final = re.compile(r"\[secret\]")

OPERATIONS: Final = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}
UNCHANGED: Final = {"same", "read", "read-replacement", "read-discard"}
# Pulumi reports a replacement as three steps; `replace` stands for them.
_PARTS_OF_REPLACE: Final = {"create-replacement", "delete-replaced", "discard-replaced"}


# What Pulumi has nothing to say of, it leaves out or writes as null.
_Filled: Final = BeforeValidator(lambda value: value or {})


class State(BaseModel):
    """A resource, before or after."""

    model_config = ConfigDict(frozen=True, alias_generator=to_camel)

    custom: bool = True
    inputs: Annotated[dict[str, Any], _Filled] = {}
    protect: bool = False
    retain_on_delete: bool = False


class Step(BaseModel):
    """What happens to one resource."""

    model_config = ConfigDict(frozen=True)

    operation: str = Field(alias="op")
    urn: str = Field(pattern=r"^urn:pulumi:[^:]+::[^:]+::.+::")
    before: Annotated[State, _Filled] = Field(State(), alias="oldState")
    after: Annotated[State, _Filled] = Field(State(), alias="newState")
    reasons: list[str] | None = Field(None, alias="replaceReasons")

    @property
    def old(self) -> dict[str, Any]:
        """Its inputs before, where the preview tells them."""
        return self.before.inputs

    @property
    def new(self) -> dict[str, Any]:
        """Its inputs afterwards, where the preview tells them."""
        return self.after.inputs

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
        """As AWS calls it, where it has a name of ours."""
        names = ((self.old or self.new).get(key) for key in ("name", "bucket", "alarmName", "routeKey"))
        return next((str(name) for name in names if name and not hidden(name)), self.urn.split("::")[-1])


def hidden(value: object) -> bool:
    """Whether the preview does not tell a value or a part of it."""
    return bool(UNTOLD.search(str(value)) or _SECRET.search(str(value)))


class Diagnostic(BaseModel):
    """What Pulumi or the program had to say."""

    severity: str = ""
    message: str = ""


class PulumiPreview(BaseModel):
    """What `pulumi preview --json` prints."""

    steps: list[Step] | None = None
    diagnostics: list[Diagnostic] | None = None


class EngineReport(BaseModel):
    """What the local engine reports: URNs."""

    created: list[str]
    updated: list[str] = []
    replaced: list[str] = []
    deleted: list[str] = []
    same: list[str] = []


@dataclass(frozen=True)
class Preview:
    """A stage's preview."""

    stage: str
    steps: tuple[Step, ...]
    errors: tuple[str, ...] = ()


def parse(text: str, stage: str = "the stage") -> Preview:
    """Reads a preview of `stage`, if it does not say itself of which. What is no preview becomes one that failed."""
    try:
        document = json.loads(text)
    except ValueError:
        return Preview(stage, (), (text.strip()[-2000:] or "the preview printed nothing",))
    try:
        steps, errors = _read(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "all of it"
        return Preview(stage, (), (f"this is no preview: {where}: {first['msg']}",))
    if not steps and not errors:
        errors = ("the preview has no steps, not even unchanged ones",)
    return Preview(steps[0].stage if steps else stage, steps, errors)


def _read(document: object) -> tuple[tuple[Step, ...], tuple[str, ...]]:
    """The steps and errors; raises a `ValidationError` where it is no preview."""
    if isinstance(document, Mapping) and "created" in document:
        return tuple(_engine_steps(EngineReport.model_validate(document))), ()
    preview = PulumiPreview.model_validate(document)
    errors = (said.message.strip() for said in preview.diagnostics or () if said.severity == "error")
    return tuple(_pulumi_steps(preview.steps or ())), tuple(errors)


def _pulumi_steps(steps: Sequence[Step]) -> Iterator[Step]:
    replaced = {step.urn for step in steps if step.operation == "replace"}
    for step in steps:
        told = step.operation in _PARTS_OF_REPLACE and step.urn in replaced
        if step.before.custom and step.after.custom and not told:
            yield step


def _engine_steps(report: EngineReport) -> Iterator[Step]:
    for operation, word in (*OPERATIONS.items(), ("same", "same")):
        yield from (Step.model_validate({"op": operation, "urn": urn}) for urn in getattr(report, word))
