"""Says what a preview means, for the reviewer of a pull request: `python -m infra.review < preview.json`.

Reads what `pulumi preview --json` prints (or a report of the local engine, which names resources but no values) and
prints a comment in Markdown: first what would be lost or less safe, then who may newly do what, then the alarms, the
cost, and the rest; in each what is marked with ⚠ comes first. Exit code 0; 1 where the preview itself failed; 3 where
data would be lost and `--accept-data-loss` is not given.
"""

import argparse
import json
import math
import re
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from infra.observability.prices import PRICES
from services.core.names import audit_log_group, parameter_name, resource_name

COMMENT_LIMIT: Final = 65_536
"""Characters of a comment on GitHub. Counted here in bytes, which are never fewer, however GitHub counts."""
FAILED, DATA_LOSS = 1, 3

UNKNOWN: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What Pulumi writes for a value that only the deployment will know."""
_UNKNOWN: Final = re.compile(rf"{UNKNOWN}|output<\w+>")
_SECRET: Final = re.compile(r"\[secret\]")
_WILDCARD: Final = re.compile(r"[*?]")

HOLDS: Final = {
    "aws:dynamodb/table:Table": "its rows",
    "aws:cognito/userPool:UserPool": "the accounts of all members",
    "aws:s3/bucket:Bucket": "its files",
    "aws:sqs/queue:Queue": "the messages in it",
    "aws:kms/key:Key": "everything that it encrypted",
    "aws:ssm/parameter:Parameter": "the value that operators gave it",
    "aws:cloudwatch/logGroup:LogGroup": "the record of what operators did",
}
"""What is gone with a resource of these types; of the parameters and log groups, only some are data."""
LOSING: Final = {"delete": "deleted", "replace": "replaced", "delete-replaced": "deleted"}

OPERATIONS: Final = {"create": "created", "update": "updated", "replace": "replaced", "delete": "deleted"}
UNCHANGED: Final = {"same", "read", "read-replacement", "read-discard"}
# Pulumi reports a replacement as three steps; `replace` stands for them.
_PARTS_OF_REPLACE: Final = {"create-replacement", "delete-replaced", "discard-replaced"}

TRAFFIC: Final = {"quiet": 10_000, "a town": 300_000, "busy": 3_000_000}
"""Requests a month."""
REQUEST_SECONDS, REQUEST_READS, REQUEST_WRITES, REQUEST_LOG_BYTES = 0.03, 1.5, 0.5, 1_000
"""What a request takes on average: docs/performance.md measures the first three on the local cloud."""
KEY_PRICE: Final = 1.0
"""Of a KMS key, a month."""
ON_DEMAND: Final = "PAY_PER_REQUEST"
"""The billing mode of a table whose capacity is not provisioned."""


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
        return next((str(name) for name in names if name and not _hidden(name)), self.urn.split("::")[-1])

    @property
    def loses_data(self) -> bool:
        """Whether people's data would not be there afterwards."""
        if self.kind == "Parameter" and not (self.before.protect or self.old.get("type") == "SecureString"):
            return False
        # The local engine tells the audit log by its name in the program.
        if self.kind == "LogGroup" and self.name not in (audit_log_group(self.stage), "audit"):
            return False
        return self.operation in LOSING and self.type in HOLDS


def _hidden(value: object) -> bool:
    """Whether the preview does not tell a value or a part of it."""
    return bool(_UNKNOWN.search(str(value)) or _SECRET.search(str(value)))


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

    @property
    def losses(self) -> list[Step]:
        return [step for step in self.steps if step.loses_data]


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


# Data.


def _loss(step: Step) -> str:
    reasons = f" because of {', '.join(map(_code, step.reasons))}" if step.reasons else ""
    if step.before.protect:
        fate = "It is protected: Pulumi will refuse until it is unprotected."
    elif step.before.retain_on_delete:
        fate = f"AWS keeps the old one, but the stage no longer uses it, nor {HOLDS[step.type]}."
    else:
        fate = f"**{HOLDS[step.type].capitalize()} will be gone.**"
    return f"{step.kind} {_code(step.name)} is {LOSING[step.operation]}{reasons}. {fate}"


GUARDS: Final = {
    ("Table", "pointInTimeRecovery.enabled"): "point-in-time recovery",
    ("Table", "deletionProtectionEnabled"): "deletion protection",
    ("UserPool", "deletionProtection"): "deletion protection",
    ("Bucket", "versioning.enabled"): "versions",
    ("BucketVersioning", "versioningConfiguration.status"): "versions",
}
"""What keeps data from being lost by mistake: kind of resource and input."""
ON: Final = (True, "ACTIVE", "Enabled")
DAYS_KEPT: Final = {"LogGroup": "retentionInDays", "Table": "pointInTimeRecovery.recoveryPeriodInDays"}


def _guards(kind: str, state: State) -> set[str]:
    found = {word for (of, path), word in GUARDS.items() if of == kind and _at(state.inputs, path) in ON}
    if kind == "Bucket" and not state.inputs.get("forceDestroy"):
        found.add("refusal to be deleted with files in it")
    if state.protect:
        found.add("protection by Pulumi")
    if state.retain_on_delete:
        found.add("retention when Pulumi deletes it")
    return found


def _at(inputs: Mapping[str, Any], path: str) -> object:
    value: object = inputs
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def risk_sentences(step: Step) -> Iterator[str]:
    """What does not lose data that must stay, but makes it easier to lose, or loses logs."""
    what = f"{step.kind} {_code(step.name)}"
    if step.loses_data:
        return
    if step.operation in LOSING and step.kind == "LogGroup" and not step.before.retain_on_delete:
        yield f"{what} is {LOSING[step.operation]}: what it logged will be gone"
    if step.operation == "delete" and step.kind != "BucketVersioning":
        return
    for guard in sorted(_guards(step.kind, step.before) - _guards(step.kind, step.after)):
        yield f"{what} loses its {guard}"
    if step.old and step.new and step.kind in DAYS_KEPT:
        before, after = (_days(inputs, DAYS_KEPT[step.kind]) for inputs in (step.old, step.new))
        if after < before:
            yield f"{what} keeps {after:g} days instead of {'all' if before == math.inf else f'{before:g}'}"


def _days(inputs: Mapping[str, Any], path: str) -> float:
    days = _at(inputs, path)
    return days if isinstance(days, int | float) and days else math.inf


# Permissions.

Grant = tuple[str, str, str, str, str]
"""Effect, principal, resource, conditions, action."""
POLICIES: Final = ("assumeRolePolicy", "policy", "inlinePolicies")
BUT: Final = "all but "
"""Before what a `NotAction`, `NotResource` or `NotPrincipal` excepts."""


def _grants(policy: object) -> set[Grant] | None:
    """The single permissions of a policy or a list of them; None where the preview does not tell them."""
    if not policy:
        return set()
    if _hidden(policy):
        return None
    try:
        if isinstance(policy, list):
            statements = [s for inline in policy for s in _statements(inline["policy"])]
        else:
            statements = _statements(policy)
        return {
            (s["Effect"], principal, resource, json.dumps(s.get("Condition") or {}, sort_keys=True), action)
            for s in statements
            for principal in _named(s, "Principal") or [""]
            for resource in _named(s, "Resource") or ["itself"]
            for action in _named(s, "Action")
        }
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def _statements(policy: Any) -> list[Any]:
    statements = (json.loads(policy) if isinstance(policy, str) else policy)["Statement"]
    return statements if isinstance(statements, list) else [statements]


def _named(statement: Mapping[str, Any], key: str) -> list[str]:
    excepted = _list(statement.get(f"Not{key}"))
    return [BUT + ", ".join(sorted(excepted))] if excepted else _list(statement.get(key))


def _list(value: object) -> list[str]:
    if isinstance(value, Mapping):
        return [name for names in value.values() for name in _list(names)]
    if isinstance(value, list):
        return [str(item) for item in value]
    return [] if value is None else [str(value)]


def permission_sentences(step: Step) -> Iterator[str]:
    """Who may newly do what, and no longer."""
    if step.type == "aws:lambda/permission:Permission":
        yield from _permission(step)
        return
    if step.kind in ("Route", "FunctionUrl"):
        yield from _access(step)
    for key in POLICIES:
        yield from _policy(step, key)
    yield from _attachments(step)
    if step.kind == "Role" and step.operation != "delete":
        yield from _boundary(step)


def _policy(step: Step, key: str) -> Iterator[str]:
    old, new = step.old.get(key), step.new.get(key)
    # Two secrets look alike.
    if old == new and not _hidden(new):
        return
    before, after = _grants(old), _grants(new)
    if before is None or after is None:
        later = _UNKNOWN.search(f"{old} {new}")
        hidden = "only known after the deployment" if later else "not readable in the preview ⚠"
        yield f"{_code(step.name)}: what it allows is {hidden}"
        return
    yield from _sentences(step, after - before, "now")
    yield from _sentences(step, before - after, "no longer")


def _sentences(step: Step, grants: set[Grant], when: str) -> Iterator[str]:
    grouped: dict[tuple[str, str, str, str], list[str]] = {}
    for effect, principal, resource, conditions, action in sorted(grants):
        grouped.setdefault((effect, principal, resource, conditions), []).append(action)
    for (effect, principal, resource, conditions), actions in grouped.items():
        allowed = effect == "Allow"
        if step.kind == "Key" and resource == "*":
            resource = step.name  # what a key's policy means by it
        who = f"{_code(principal or step.name)} {f'may {when}' if allowed else f'is {when} refused'}"
        what = f"{', '.join(map(_code, actions))} on {_short(resource)}"
        if resource == "itself":
            what = f"{'' if allowed else 'to '}become {_code(step.name)}"
        only = f", if {_code(conditions)}" if conditions != "{}" else ""
        warning = ""
        if allowed and when == "now":
            warning = _outsider(principal) or _wide(step.stage, resource, actions)
        elif not allowed and when == "no longer":
            warning = " ⚠"
        yield f"{who} {what}{only}{warning}"


def _outsider(principal: str) -> str:
    if principal == "*" or principal.startswith(BUT):
        return " ⚠ wide: anybody"
    if re.fullmatch(r"\d{12}|arn:[^:]*:iam::[^:]*:root", principal):
        return " ⚠ wide: a whole account"
    return " ⚠ no service of AWS" if principal and not principal.endswith(".amazonaws.com") else ""


def _wide(stage: str, resource: str, actions: Sequence[str]) -> str:
    fixed, *rest = _WILDCARD.split(resource)
    widening = resource.startswith(BUT) or (rest and not _is_of(stage, fixed))
    return " ⚠ wide" if widening or any(a.startswith(BUT) or _WILDCARD.search(a) for a in actions) else ""


def _is_of(stage: str, arn: str) -> bool:
    """Whether an ARN names something of the stage."""
    return resource_name(stage, "") in arn or parameter_name(stage, "") in arn


def _permission(step: Step) -> Iterator[str]:
    for inputs, when in ((step.new, "now"), (step.old, "no longer")):
        if inputs and step.old != step.new:
            principal, action = str(inputs.get("principal", "?")), _code(inputs.get("action", "?"))
            source = str(inputs.get("sourceArn") or "")
            warning = ""
            if when == "now":
                warning = _outsider(principal) or _from_anywhere(source)
            origin = f", from {_short(source)}" if source else ""
            yield f"{_code(principal)} may {when} {action} on {_short(inputs.get('function', '?'))}{origin}{warning}"


def _from_anywhere(source: str) -> str:
    fixed, *rest = _WILDCARD.split(source)
    return " ⚠ wide: from anywhere" if not source or (rest and re.fullmatch(r"([^:]*:){0,4}[^:]*|.*:", fixed)) else ""


def _access(step: Step) -> Iterator[str]:
    before, after = (inputs.get("authorizationType", "NONE") if inputs else None for inputs in (step.old, step.new))
    if after == "NONE" != before:
        yield f"{_code(step.name)} {'becomes' if before else 'is new and'} **public**: it asks for no token ⚠"
    elif before == "NONE" and after not in ("NONE", None):
        yield f"{_code(step.name)} is no longer public: it asks for a token"


def _attachments(step: Step) -> Iterator[str]:
    before, after = _attached(step, step.old), _attached(step, step.new)
    for holder, policy in sorted(after - before):
        warning = "" if _is_of(step.stage, policy) else " ⚠ not written by this stage"
        yield f"{_code(holder)} gets the policy {_short(policy)}{warning}"
    for holder, policy in sorted(before - after):
        yield f"{_code(holder)} loses the policy {_short(policy)}"


def _attached(step: Step, inputs: Mapping[str, Any]) -> set[tuple[str, str]]:
    """Who holds which managed policy: a role, or what an attachment names."""
    keys = ("role", "roles", "user", "users", "group", "groups")
    holders = [holder for key in keys for holder in _list(inputs.get(key))] or [step.name]
    policies = [*_list(inputs.get("policyArn")), *_list(inputs.get("managedPolicyArns"))]
    return {(holder, policy) for holder in holders for policy in policies}


def _boundary(step: Step) -> Iterator[str]:
    old, new = step.old.get("permissionsBoundary"), step.new.get("permissionsBoundary")
    if old == new:
        return
    if not new:
        yield f"{_code(step.name)} is **no longer bounded** ⚠"
    else:
        yield f"{_code(step.name)} is bounded by {_short(new)}{f' instead of {_short(old)} ⚠' if old else ''}"


# Alarms.

ALARM_KEYS: Final = {
    "actionsEnabled": "acts",
    "threshold": "threshold",
    "evaluationPeriods": "periods",
    "datapointsToAlarm": "data points",
    "period": "period",
    "statistic": "statistic",
    "extendedStatistic": "statistic",
    "comparisonOperator": "comparison",
    "treatMissingData": "missing data",
    "metricName": "metric",
    "metricQueries": "expression",
    "alarmRule": "rule",
    "alarmActions": "whom it tells",
    "okActions": "whom it tells of the end",
    "actionsSuppressor": "silenced by",
}
"""Words for an alarm's inputs; others are told by their own names."""
_IDLE_KEYS: Final = {"alarmDescription", "tags", "tagsAll", "__defaults"}


def alarm_sentences(step: Step) -> Iterator[str]:
    """What is watched differently, and who hears of it."""
    if step.kind == "TopicSubscription":
        yield from _hearing(step)
    elif step.kind in ("MetricAlarm", "CompositeAlarm"):
        yield from _watching(step)


def _hearing(step: Step) -> Iterator[str]:
    if step.operation == "update":
        yield from _differences(step)
        return
    if step.operation in LOSING:
        yield f"{_hearer(step, step.old)} **no longer hears** of {_topic(step.old)} ⚠"
    if step.operation not in ("delete", "delete-replaced"):
        yield f"{_hearer(step, step.new)} now hears of {_topic(step.new)}"


def _hearer(step: Step, inputs: Mapping[str, Any]) -> str:
    return _code(inputs.get("endpoint") or step.name)


def _topic(inputs: Mapping[str, Any]) -> str:
    return _short(inputs["topic"]) if inputs.get("topic") else "alarms"


def _watching(step: Step) -> Iterator[str]:
    if step.operation in ("update", "replace"):
        yield from _differences(step)
    elif step.operation in LOSING:
        yield f"{_code(step.name)} is **no longer watched** ⚠"
    else:
        threshold = step.new.get("threshold")
        yield f"{_code(step.name)} is new{f', above {_value(threshold)}' if threshold is not None else ''}"


def _differences(step: Step) -> Iterator[str]:
    for key in (*ALARM_KEYS, *sorted({*step.old, *step.new} - {*ALARM_KEYS} - _IDLE_KEYS)):
        old, new = step.old.get(key), step.new.get(key)
        if old == new:
            continue
        if key == "actionsEnabled" and new is False:
            yield f"{_code(step.name)} **tells nobody any more** ⚠"
        else:
            yield f"{_code(step.name)}: {ALARM_KEYS.get(key, key)} {_value(old)} → {_value(new)}"


def _value(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or isinstance(value, bool | int | float):
        return f"**{'none' if value is None else value}**"
    return _code(value if isinstance(value, str) else json.dumps(value))


# Cost.


def monthly_cost(resources: Sequence[tuple[str, Mapping[str, Any]]], requests: int) -> float:
    """Dollars a month of what stands and of a number of requests, at list prices without any free tier.

    Not a number where it depends on what the preview does not tell.
    """
    kinds = Counter(kind for kind, _ in resources)
    tables = [inputs for kind, inputs in resources if kind == "Table"]
    on_demand = not tables or any(inputs.get("billingMode") == ON_DEMAND for inputs in tables)
    metrics = sum(_alarm_metrics(inputs) for kind, inputs in resources if kind == "MetricAlarm")
    standing = (
        metrics * PRICES.alarm_metric
        + kinds["CompositeAlarm"] * PRICES.composite_alarm
        + kinds["Dashboard"] * PRICES.dashboard
        + kinds["Key"] * KEY_PRICE
        + max(sum(map(_provisioned, tables)), sum(_scaled(inputs) for kind, inputs in resources if kind == "Target"))
    )
    memory = next((_figure(i.get("memorySize") or 128) for k, i in resources if k == "Function" and _is_api(i)), 0.0)
    gigabyte_seconds = REQUEST_SECONDS * memory / 1024
    per_million = (
        PRICES.api_request
        + PRICES.lambda_request
        + gigabyte_seconds * PRICES.lambda_gb_second
        + on_demand * (REQUEST_READS * PRICES.read_unit + REQUEST_WRITES * PRICES.write_unit)
        + REQUEST_LOG_BYTES * PRICES.log_byte
    )
    return standing + requests / 1e6 * per_million


def _figure(value: object) -> float:
    return value if isinstance(value, int | float) else math.nan


def _provisioned(table: Mapping[str, Any]) -> float:
    if table.get("billingMode") == ON_DEMAND:
        return 0.0
    indexes = _objects(table.get("globalSecondaryIndexes"))
    if indexes is None:
        return math.nan
    return sum(
        _figure(each.get("readCapacity", 0)) * PRICES.provisioned_read_unit
        + _figure(each.get("writeCapacity", 0)) * PRICES.provisioned_write_unit
        for each in (table, *indexes)
    )


def _scaled(target: Mapping[str, Any]) -> float:
    """What the least of a scaling target costs, which `up` changes without changing the table."""
    dimension = str(target.get("scalableDimension"))
    prices = {"Read": PRICES.provisioned_read_unit, "Write": PRICES.provisioned_write_unit}
    price = next((price for word, price in prices.items() if dimension.endswith(f"{word}CapacityUnits")), 0.0)
    return _figure(target.get("minCapacity", 0)) * price


def _alarm_metrics(inputs: Mapping[str, Any]) -> float:
    queries = _objects(inputs.get("metricQueries"))
    return math.nan if queries is None else sum("metric" in query for query in queries) or 1


def _objects(value: object) -> list[Mapping[str, Any]] | None:
    """A list of objects, which may be left out; None where the preview does not tell it."""
    found = value or []
    return found if isinstance(found, list) and all(isinstance(item, Mapping) for item in found) else None


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
        cells = _dollars(old, "${:.2f}"), _dollars(new, "${:.2f}"), _dollars(new - old, "{:+.2f}")
        yield f"| {level}, {requests:,} requests | {' | '.join(cells)} |"


def _dollars(amount: float, form: str) -> str:
    return "not known yet" if math.isnan(amount) else form.format(amount)


# The comment.


def _code(text: object) -> str:
    """As code, so that nothing in it is Markdown; long values are cut."""
    told = _UNKNOWN.sub("known after the deployment", str(text))
    plain = " ".join(told.replace("`", "'").replace("|", "\\|").split())
    return f"`{plain if len(plain) <= 300 else plain[:299] + '…'}`"


def _short(arn: object) -> str:
    """Without service, region and account, unless there is a wildcard among them."""
    *head, tail = str(arn).split(":", 5)
    return _code(tail if head[:1] == ["arn"] and not _WILDCARD.search(":".join(head)) else arn)


def _section(title: str, lines: Sequence[str]) -> str:
    ordered = sorted(lines, key=lambda line: "⚠" not in line)
    return f"**{title}**\n" + "\n".join(f"- {line}" for line in ordered) if lines else ""


def comment(preview: Preview, *, accepted: bool = False) -> str:
    """The comment, never longer than GitHub takes. `accepted`: somebody said that the loss of data is meant."""
    heading = f"### Preview of {preview.stage}"
    if preview.errors:
        listed = "\n".join(error.replace("```", "'''")[:3000] for error in preview.errors[:5])
        return f"{heading}: it failed\n```\n{listed}\n```\n"
    changed = [step for step in preview.steps if step.operation not in UNCHANGED]
    risks = [line for step in preview.steps for line in risk_sentences(step)]
    if not changed and not risks:
        return f"{heading}: nothing changes\n{len(preview.steps)} resources stay as they are.\n"
    counts = Counter(step.operation for step in changed)
    summary = [f"{counts[key]} {OPERATIONS.get(key, key)}" for key in _ordered(counts)]
    parts = [f"{heading}: {', '.join([*summary, f'{len(preview.steps) - len(changed)} unchanged'])}"]
    if preview.losses:
        verdict = "accepted by label" if accepted else "blocked until the label `data-loss-accepted` is set"
        parts.append(_section(f"⛔ Data will be lost ({verdict})", [_loss(step) for step in preview.losses]))
    parts.append(_section("⚠ Data will be less safe", risks))
    parts.append(_section("Permissions", [line for step in changed for line in permission_sentences(step)]))
    parts.append(_section("Alarms", [line for step in changed for line in alarm_sentences(step)]))
    if cost := list(_cost_lines(preview)):
        parts.append("\n".join(cost))
    every = [f"- {step.operation} {step.kind} {_code(step.name)}{_differing(step)}" for step in changed]
    return _fitted(parts, every)


def _ordered(operations: Counter[str]) -> list[str]:
    return [*(key for key in OPERATIONS if key in operations), *sorted({*operations} - {*OPERATIONS})]


def _differing(step: Step) -> str:
    keys = sorted(key for key in {*step.old, *step.new} if step.old.get(key) != step.new.get(key))
    return f": {', '.join(keys)}" if step.operation in ("update", "replace") and keys else ""


def _fitted(parts: Sequence[str], every: Sequence[str]) -> str:
    """The parts, and as many of the changes as there is room for."""
    room = COMMENT_LIMIT - 1_000
    head = "\n".join(_fitting("\n\n".join(part for part in parts if part).split("\n"), room))
    if not every:
        return f"{head}\n"
    shown = "\n".join(_fitting(every, room - _bytes(head)))
    return f"{head}\n\n<details><summary>Every change</summary>\n\n{shown}\n</details>\n"


def _fitting(lines: Sequence[str], room: int) -> Iterator[str]:
    for number, line in enumerate(lines):
        room -= _bytes(line) + 1
        if room < 0:
            yield f"- … and {len(lines) - number} more; the job's artifact has everything"
            return
        yield line


def _bytes(text: str) -> int:
    return len(text.encode())


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
