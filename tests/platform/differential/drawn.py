# mypy: disable-error-code="no-untyped-call, no-any-return"
"""Programs of kinds that nobody thought of: drawn by Hypothesis, kept as data with the answers of Pulumi's own engine.

A program is a list of steps, a step the resources that it declares, in order, with what happens to the engine
meanwhile: `kill` it after an operation, or let one operation `fail`. `drawn.json` holds them, so that `make test` runs
the same ones whatever the version of Hypothesis; `python -m tests.platform.differential drawn` draws and records again.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import pulumi
import pulumi_aws as aws
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from localcloud.provider import HANDLERS
from localcloud.provider.base import Cloud
from tests.platform.differential.programs import TRUST, Comp, make_queue, make_table
from tests.platform.differential.runner import label

Spec = dict[str, Any]
DRAWN: Final = Path(__file__).with_name("drawn.json")
COUNT: Final = 63

TYPES: Final = {
    "queue": "aws:sqs/queue:Queue",
    "parameter": "aws:ssm/parameter:Parameter",
    "role": "aws:iam/role:Role",
    "table": "aws:dynamodb/table:Table",
    "topic": "aws:sns/topic:Topic",
    "group": "aws:cloudwatch/logGroup:LogGroup",
}
REPLACED: Final = ("role", "table")
"""Replaced under its own name where its value changes; the others are updated."""
OPTIONS: Final = ("protect", "retain", "first", "ignore", "replace", "inside")
"""protect, retainOnDelete, deleteBeforeReplace, ignoreChanges, replaceOnChanges, within a component."""


# --- drawing ---


@st.composite
def specs(draw: st.DrawFn, trouble: str) -> Spec:
    """Two to five steps over two to four resources, with options in pairs; `trouble` is kill, fail or nothing."""
    resources = [draw(_resource(number)) for number in range(draw(st.integers(2, 4)))]
    if trouble == "fail":  # one after the other, so that it is known what comes before
        for before, after in pairwise(resources):
            after["after"] = before["name"]
    steps: list[Spec] = [{"resources": resources}]
    for _ in range(draw(st.integers(1, 2))):
        resources = _mutated(draw, resources)
        steps.append({"resources": resources})
    if trouble:
        number, target = draw(st.sampled_from([*_operations(steps)]))
        steps.insert(number + 1, {**steps[number]})
        steps[number] = {**steps[number], trouble: target}
    if draw(st.booleans()):
        steps.append({"destroy": True})
    return {"steps": steps}


def _operations(steps: list[Spec]) -> Iterator[tuple[int, list[str]]]:
    """The operations of each step: what can be killed or fail."""
    before: dict[str, Spec] = {}
    for number, step in enumerate(steps):
        now = {one["name"]: one for one in step["resources"]}
        for name in sorted({*before, *now}):
            old, new = before.get(name), now.get(name)
            moved = old and new and (old["id"] != new["id"])
            remade = old and new and old["value"] != new["value"] and new["kind"] in REPLACED
            if new and (not old or moved or remade):
                yield number, ["create", new["kind"], new["id"]]
            if old and (not new or moved or remade):
                yield number, ["delete", old["kind"], old["id"]]
            if old and new and not moved and not remade and old["value"] != new["value"]:
                yield number, ["update", new["kind"], new["id"]]
        before = now


@st.composite
def _resource(draw: st.DrawFn, number: int) -> Spec:
    kind = draw(st.sampled_from(sorted(TYPES)))
    options = draw(st.lists(st.sampled_from(OPTIONS), max_size=2, unique=True))
    made = {"name": f"n{number}", "id": f"i{number}", "kind": kind, "value": 1, "options": sorted(options)}
    if number and draw(st.booleans()):
        made["of"] = f"n{draw(st.integers(0, number - 1))}"
    return made


def _mutated(draw: st.DrawFn, resources: list[Spec]) -> list[Spec]:
    """Each resource as it was, or with another value, name or set of options, or left out."""
    found: list[Spec] = []
    for one in resources:
        what = draw(st.sampled_from(["same", "value", "value", "id", "options", "gone"]))
        if what == "gone":
            continue
        more: Spec = {
            "value": {"value": one["value"] + 1},
            "id": {"id": f"{one['id']}x"},
            "options": {"options": sorted(draw(st.lists(st.sampled_from(OPTIONS[:5]), max_size=2, unique=True)))},
        }.get(what, {})
        if what == "options" and "inside" in one["options"]:
            more["options"] = sorted({*more["options"], "inside"})
        found.append({**one, **more})
    names = {one["name"] for one in found}
    for one in found:
        for key in ("of", "after"):
            if one.get(key) not in names:
                one.pop(key, None)
    return found


def draw_all() -> list[Spec]:
    """`COUNT` programs, each of a seed of its own."""
    return [_drawn(number, ("", "kill", "fail")[number % 3]) for number in range(COUNT)]


def _drawn(number: int, trouble: str) -> Spec:
    found: list[Spec] = []

    @seed(number)
    @settings(max_examples=9, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
    @given(specs(trouble))
    def collect(spec: Spec) -> None:
        found.append(spec)

    collect()
    return found[-1]


# --- running ---


def program_of(step: Spec) -> Any:
    """The program of a step, as `PROGRAMS` has them."""

    def program(prefix: str) -> None:
        made: dict[str, Any] = {}
        component: pulumi.Resource | None = None
        for one in step["resources"]:
            options = pulumi.ResourceOptions(
                protect="protect" in one["options"] or None,
                retain_on_delete="retain" in one["options"] or None,
                delete_before_replace="first" in one["options"] or None,
                ignore_changes=[_KEY[one["kind"]]] if "ignore" in one["options"] else None,
                replace_on_changes=[_KEY[one["kind"]]] if "replace" in one["options"] else None,
                depends_on=[made[one["after"]]] if one.get("after") else None,
            )
            if "inside" in one["options"]:
                component = component or Comp("c", lambda *_: None)
                options.parent = component
            of = made[one["of"]].id if one.get("of") else ""
            made[one["name"]] = _make(prefix, one, of, options)

    return program


_KEY: Final = {
    "queue": "messageRetentionSeconds",
    "parameter": "value",
    "role": "path",
    "table": "hashKey",
    "topic": "displayName",
    "group": "retentionInDays",
}
"""The input that a value is put into."""


def _make(prefix: str, one: Spec, of: Any, options: pulumi.ResourceOptions) -> pulumi.Resource:
    name, value = f"{prefix}-{one['id']}", one["value"]
    tags = {"of": pulumi.Output.concat("", of).apply(lambda text: text.rsplit("/", 1)[-1] or "none")} if of else None
    match one["kind"]:
        case "queue":
            return make_queue(one["name"], name, options, message_retention_seconds=60 + value, tags=tags)
        case "parameter":
            return aws.ssm.Parameter(
                one["name"],
                name=f"/{prefix}/{one['id']}",
                type="String",
                value=str(value),
                opts=options,
                tags=tags,
            )
        case "role":
            return aws.iam.Role(
                one["name"], name=name, path=f"/v{value}/", assume_role_policy=TRUST, opts=options, tags=tags
            )
        case "table":
            return make_table(one["name"], name, f"k{value}", options, tags=tags)
        case "topic":
            return aws.sns.Topic(one["name"], name=name, display_name=f"v{value}", opts=options, tags=tags)
    return aws.cloudwatch.LogGroup(
        one["name"], name=f"/{prefix}/{one['id']}", retention_in_days=(1, 3, 5, 7, 14)[value], opts=options, tags=tags
    )


def steps_of(spec: Spec, *, killed: bool) -> list[dict[str, Any]]:
    """The steps for `run_steps`; without the kill, what must be there in the end is the same."""
    return [_step(step, killed=killed) for step in spec["steps"]]


def _step(step: Spec, *, killed: bool) -> dict[str, Any]:
    if step.get("destroy"):
        return {"destroy": True}
    found: dict[str, Any] = {"program": program_of(step)}
    if killed and step.get("kill"):
        operation, kind, id_ = step["kill"]
        found["kill"] = f"{operation}={_named(kind, id_)}"
    if step.get("fail"):
        found["around"] = lambda prefix: _failing(step["fail"], prefix)
    return found


def _named(kind: str, id_: str) -> str:
    return f"/{{prefix}}/{id_}" if kind in ("parameter", "group") else f"{{prefix}}-{id_}"


@contextmanager
def _failing(target: list[str], prefix: str) -> Iterator[None]:
    """Let one operation on one resource fail."""
    operation, kind, id_ = target
    handler, name = HANDLERS[TYPES[kind]], _named(kind, id_).format(prefix=prefix)
    original = getattr(handler, operation)

    def failed(cloud: Cloud, *arguments: Any) -> Any:
        if label(arguments[0]) == name:
            raise RuntimeError("out of order")
        return original(cloud, *arguments)

    setattr(handler, operation, failed)
    try:
        yield
    finally:
        setattr(handler, operation, original)


def read() -> list[dict[str, Any]]:
    """The recorded programs with the answers of Pulumi's own engine."""
    found: list[dict[str, Any]] = json.loads(DRAWN.read_text(encoding="utf-8")) if DRAWN.exists() else []
    return found
