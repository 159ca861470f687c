"""Says what a preview means, for the reviewer of a pull request: `python -m infra.review < preview.json`.

Reads what `pulumi preview --json` prints (or a report of the local engine, which names resources but no values) and
prints a comment in Markdown: first what would be lost, then who may newly do what, then the alarms, the cost, and the
rest. Exit code 0; 1 where the preview itself failed; 3 where data would be lost and `--accept-data-loss` is not given.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from infra.observability.prices import PRICES

COMMENT_LIMIT: Final = 65_536
"""Characters of a comment on GitHub."""
FAILED, DATA_LOSS = 1, 3

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What Pulumi writes for a value that only the deployment will know."""

HOLDS: Final = {
    "aws:dynamodb/table:Table": "its rows",
    "aws:cognito/userPool:UserPool": "the accounts of all members",
    "aws:s3/bucket:Bucket": "its files",
    "aws:sqs/queue:Queue": "the messages in it",
    "aws:kms/key:Key": "everything that it encrypted",
    "aws:ssm/parameter:Parameter": "the value that operators gave it",
}
"""What is gone with a resource of these types."""
LOSING: Final = {"delete": "deleted", "replace": "replaced"}

OPERATIONS: Final = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}
# The engine reports a replacement as three steps; `replace` stands for them.
_SAME_AS_REPLACE: Final = {"create-replacement", "delete-replaced", "discard-replaced"}

TRAFFIC: Final = {"quiet": 10_000, "a town": 300_000, "busy": 3_000_000}
"""Requests a month."""
REQUEST_SECONDS, REQUEST_READS, REQUEST_WRITES, REQUEST_LOG_BYTES = 0.03, 1.5, 0.5, 1_000
"""What a request takes on average: docs/performance.md measures the first three on the local cloud."""
KEY_PRICE: Final = 1.0
"""Of a KMS key, a month."""


@dataclass(frozen=True)
class Step:
    """What happens to one resource. `old` and `new` are its inputs, where the preview tells them."""

    operation: str
    urn: str
    old: Mapping[str, Any] = field(default_factory=dict)
    new: Mapping[str, Any] = field(default_factory=dict)
    reasons: tuple[str, ...] = ()
    protected: bool = False
    retained: bool = False

    @property
    def type(self) -> str:
        return self.urn.split("::")[2].split("$")[-1]

    @property
    def kind(self) -> str:
        return self.type.split(":")[-1]

    @property
    def name(self) -> str:
        """As AWS calls it, where it has a name of ours."""
        inputs = self.new or self.old
        return str(inputs.get("name") or inputs.get("bucket") or inputs.get("alarmName") or self.urn.split("::")[-1])

    @property
    def loses_data(self) -> bool:
        """Whether people's data would not be there afterwards."""
        if self.kind == "Parameter" and not (self.protected or self.old.get("type") == "SecureString"):
            return False
        return self.operation in LOSING and self.type in HOLDS


@dataclass(frozen=True)
class Preview:
    """A stage's preview."""

    stage: str
    steps: tuple[Step, ...]
    errors: tuple[str, ...] = ()

    @property
    def losses(self) -> list[Step]:
        return [step for step in self.steps if step.loses_data]


def parse(text: str, stage: str = "the stage") -> Preview:
    """Reads a preview of `stage`, if it does not say itself of which. What is no preview becomes one that failed."""
    try:
        document = json.loads(text)
    except ValueError:
        return Preview(stage, (), (text.strip()[-2000:] or "the preview printed nothing",))
    if "steps" in document or "diagnostics" in document:
        steps = tuple(_pulumi_steps(document.get("steps", [])))
        found = document.get("diagnostics", [])
        errors = tuple(item["message"].strip() for item in found if item.get("severity") == "error")
    elif "created" in document:
        steps, errors = tuple(_engine_steps(document)), ()
    else:
        steps, errors = (), (f"this is no preview: it has {', '.join(document) or 'nothing'}",)
    if not steps and not errors:
        errors = ("the preview has no steps, not even unchanged ones",)
    return Preview(steps[0].urn.split(":")[2] if steps else stage, steps, errors)


def _pulumi_steps(steps: Sequence[Mapping[str, Any]]) -> Iterator[Step]:
    for step in steps:
        old, new = step.get("oldState") or {}, step.get("newState") or {}
        if step["op"] in _SAME_AS_REPLACE or not (old or new).get("custom", True):
            continue
        yield Step(
            step["op"],
            step["urn"],
            old.get("inputs") or {},
            new.get("inputs") or {},
            tuple(step.get("replaceReasons") or ()),
            protected=bool(old.get("protect")),
            retained=bool(old.get("retainOnDelete")),
        )


def _engine_steps(report: Mapping[str, Any]) -> Iterator[Step]:
    for operation, key in (*OPERATIONS.items(), ("same", "same")):
        yield from (Step(operation, urn) for urn in report[key])


# Data.


def _loss(step: Step) -> str:
    reasons = f" because of {', '.join(map(_code, step.reasons))}" if step.reasons else ""
    if step.protected:
        fate = "It is protected: Pulumi will refuse until it is unprotected."
    elif step.retained:
        fate = f"AWS keeps the old one, but the stage no longer uses it, nor {HOLDS[step.type]}."
    else:
        fate = f"**{HOLDS[step.type].capitalize()} will be gone.**"
    return f"{step.kind} {_code(step.name)} is {LOSING[step.operation]}{reasons}. {fate}"


# Permissions.

Grant = tuple[str, str, str, str, str]
"""Effect, principal, resource, conditions, action."""


def _grants(document: object) -> set[Grant] | None:
    """The single permissions of a policy; None where it is not known yet."""
    if not document:
        return set()
    if UNKNOWN in str(document):
        return None
    statements = json.loads(str(document)).get("Statement", [])
    return {
        (s["Effect"], principal, resource, json.dumps(s.get("Condition") or {}, sort_keys=True), action)
        for s in (statements if isinstance(statements, list) else [statements])
        for principal in _principals(s.get("Principal"))
        for resource in _list(s.get("Resource", "itself"))
        for action in _list(s.get("Action"))
    }


def _principals(principal: object) -> list[str]:
    if not isinstance(principal, Mapping):
        return [str(principal or "")]
    return [str(name) for names in principal.values() for name in _list(names)]


def _list(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def permission_sentences(step: Step) -> Iterator[str]:
    """Who may newly do what, and no longer."""
    if step.type == "aws:lambda/permission:Permission":
        yield from _permission(step)
        return
    for key in ("assumeRolePolicy", "policy"):
        if step.old.get(key) == step.new.get(key):
            continue
        before, after = _grants(step.old.get(key)), _grants(step.new.get(key))
        if before is None or after is None:
            yield f"{_code(step.name)}: what it allows is only known after the deployment"
            continue
        yield from _sentences(step.name, after - before, "now")
        yield from _sentences(step.name, before - after, "no longer")
    boundary = "permissionsBoundary"
    if step.kind == "Role" and step.operation != "delete" and step.old.get(boundary) != step.new.get(boundary):
        bound = step.new.get(boundary)
        yield f"{_code(step.name)} is {f'bounded by {_short(bound)}' if bound else '**no longer bounded**'}"


def _sentences(name: str, grants: set[Grant], when: str) -> Iterator[str]:
    grouped: dict[tuple[str, str, str, str], list[str]] = {}
    for effect, principal, resource, conditions, action in sorted(grants):
        grouped.setdefault((effect, principal, resource, conditions), []).append(action)
    for (effect, principal, resource, conditions), actions in grouped.items():
        verb = f"may {when}" if effect == "Allow" else f"is {when} refused"
        who = f"{_code(principal or name)} {verb}"
        what = f"on {_short(resource)}" if resource != "itself" else f"become {_code(name)}"
        doing = "" if resource == "itself" else f" {', '.join(map(_code, actions))}"
        wide = (
            " ⚠ wide" if effect == "Allow" and ("*" in (resource, principal) or any("*" in a for a in actions)) else ""
        )
        only = f", if {_code(conditions)}" if conditions != "{}" else ""
        yield f"{who}{doing} {what}{only}{wide}"


def _permission(step: Step) -> Iterator[str]:
    for inputs, when in ((step.new, "now"), (step.old, "no longer")):
        if inputs and step.operation != "same" and step.old != step.new:
            source = f", from {_short(inputs['sourceArn'])}" if inputs.get("sourceArn") else " ⚠ wide: from anywhere"
            principal, action = _code(inputs.get("principal", "?")), _code(inputs.get("action", "?"))
            yield f"{principal} may {when} {action} on {_short(inputs.get('function', '?'))}{source}"


# Alarms.

ALARM_KEYS: Final = {
    "threshold": "threshold",
    "evaluationPeriods": "periods",
    "datapointsToAlarm": "data points",
    "period": "period",
    "statistic": "statistic",
    "extendedStatistic": "statistic",
    "comparisonOperator": "comparison",
    "treatMissingData": "missing data",
    "alarmActions": "whom it tells",
    "alarmRule": "rule",
    "metricQueries": "expression",
}


def alarm_sentences(step: Step) -> Iterator[str]:
    """What is watched differently."""
    if step.kind not in ("MetricAlarm", "CompositeAlarm"):
        return
    if step.operation == "delete":
        yield f"{_code(step.name)} is **no longer watched**"
    elif step.operation == "create":
        threshold = step.new.get("threshold")
        yield f"{_code(step.name)} is new{f', above {_number(threshold)}' if threshold is not None else ''}"
    else:
        for key, word in ALARM_KEYS.items():
            old, new = step.old.get(key), step.new.get(key)
            if old != new:
                yield f"{_code(step.name)}: {word} {_number(old)} → {_number(new)}"


def _number(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return _code(json.dumps(value)) if isinstance(value, dict | list) else f"**{value}**"


# Cost.


def monthly_cost(resources: Sequence[tuple[str, Mapping[str, Any]]], requests: int) -> float:
    """Dollars a month of what stands and of a number of requests, at list prices without any free tier."""
    kinds = Counter(kind for kind, _ in resources)
    metrics = sum(_alarm_metrics(inputs) for kind, inputs in resources if kind == "MetricAlarm")
    standing = (
        metrics * PRICES.alarm_metric
        + kinds["CompositeAlarm"] * PRICES.composite_alarm
        + kinds["Dashboard"] * PRICES.dashboard
        + kinds["Key"] * KEY_PRICE
    )
    memory = next((float(i.get("memorySize") or 128) for k, i in resources if k == "Function" and _is_api(i)), 0.0)
    gigabyte_seconds = REQUEST_SECONDS * memory / 1024
    per_million = (
        PRICES.api_request
        + PRICES.lambda_request
        + gigabyte_seconds * PRICES.lambda_gb_second
        + REQUEST_READS * PRICES.read_unit
        + REQUEST_WRITES * PRICES.write_unit
        + REQUEST_LOG_BYTES * PRICES.log_byte
    )
    return standing + requests / 1e6 * per_million


def _alarm_metrics(inputs: Mapping[str, Any]) -> int:
    return sum("metric" in query for query in inputs.get("metricQueries") or []) or 1


def _is_api(inputs: Mapping[str, Any]) -> bool:
    return str(inputs.get("name", "")).endswith("-api")


def _cost_lines(preview: Preview) -> Iterator[str]:
    before = [(step.kind, step.old) for step in preview.steps if step.operation != "create" and step.old]
    after = [(step.kind, step.new) for step in preview.steps if step.operation != "delete" and step.new]
    if not after and not before:
        return
    yield "| a month | now | then | |"
    yield "|---|--:|--:|--:|"
    for level, requests in TRAFFIC.items():
        old, new = monthly_cost(before, requests) if before else 0.0, monthly_cost(after, requests) if after else 0.0
        yield f"| {level}, {requests:,} requests | ${old:.2f} | ${new:.2f} | {new - old:+.2f} |"


# The comment.


def _code(text: object) -> str:
    """As code, so that nothing in it is Markdown; long values are cut."""
    plain = " ".join(str(text).replace("`", "'").replace("|", "\\|").split())
    return f"`{plain if len(plain) <= 300 else plain[:299] + '…'}`"


def _short(arn: object) -> str:
    return _code(str(arn).split(":", 5)[-1] if str(arn).startswith("arn:") else arn)


def _section(title: str, lines: Sequence[str]) -> str:
    return f"**{title}**\n" + "\n".join(f"- {line}" for line in lines) if lines else ""


def comment(preview: Preview, *, accepted: bool = False) -> str:
    """The comment, never longer than GitHub takes. `accepted`: somebody said that the loss of data is meant."""
    heading = f"### Preview of {preview.stage}"
    if preview.errors:
        listed = "\n".join(error.replace("```", "'''")[:4000] for error in preview.errors[:5])
        return f"{heading}: it failed\n```\n{listed}\n```\n"
    changed = [step for step in preview.steps if step.operation in OPERATIONS]
    if not changed:
        return f"{heading}: nothing changes\n{len(preview.steps)} resources stay as they are.\n"
    counts = Counter(step.operation for step in changed)
    summary = ", ".join(f"{counts[key]} {word}" for key, word in OPERATIONS.items() if counts[key])
    parts = [f"{heading}: {summary}, {len(preview.steps) - len(changed)} unchanged"]
    if preview.losses:
        verdict = "accepted by label" if accepted else "blocked until the label `data-loss-accepted` is set"
        parts.append(_section(f"⛔ Data will be lost ({verdict})", [_loss(step) for step in preview.losses]))
    parts.append(_section("Permissions", [line for step in changed for line in permission_sentences(step)]))
    parts.append(_section("Alarms", [line for step in changed for line in alarm_sentences(step)]))
    if cost := list(_cost_lines(preview)):
        parts.append("\n".join(cost))
    every = [f"{step.operation} {step.kind} {_code(step.name)}{_differing(step)}" for step in changed]
    return _fitted(parts, every)


def _differing(step: Step) -> str:
    keys = sorted(key for key in {*step.old, *step.new} if step.old.get(key) != step.new.get(key))
    return f": {', '.join(keys)}" if step.operation in ("update", "replace") and keys else ""


def _fitted(parts: Sequence[str], every: Sequence[str]) -> str:
    """The parts, and as many of the changes as there is room for."""
    room = COMMENT_LIMIT - 1_000
    head = "\n\n".join(part for part in parts if part)
    if len(head) > room:
        head = head[: head.rfind("\n", 0, room)] + "\n- … more than a comment holds; the job's artifact has everything"
    room -= len(head)
    shown: list[str] = []
    for line in every:
        room -= len(line) + 3
        if room < 0:
            break
        shown.append(f"- {line}")
    if len(shown) < len(every):
        shown.append(f"- … and {len(every) - len(shown)} more; the job's artifact has everything")
    return f"{head}\n\n<details><summary>Every change</summary>\n\n" + "\n".join(shown) + "\n</details>\n"


def exit_code(preview: Preview, *, accepted: bool) -> int:
    """What the job ends with."""
    if preview.errors:
        return FAILED
    return DATA_LOSS if preview.losses and not accepted else 0


def main() -> int:
    """Reads a preview from standard input and prints the comment."""
    parser = argparse.ArgumentParser(prog="python -m infra.review", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--accept-data-loss", action="store_true", help="the pull request has the label for it")
    accepted = parser.parse_args().accept_data_loss
    preview = parse(sys.stdin.read())
    sys.stdout.write(comment(preview, accepted=accepted))
    return exit_code(preview, accepted=accepted)


if __name__ == "__main__":
    sys.exit(main())
