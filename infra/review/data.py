"""Losses of data and of its protection."""

import math
from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.review.steps import ResourceVersion, Step
from infra.review.words import code
from services.core.names import audit_log_group

HOLDS: Final = {
    "aws:dynamodb/table:Table": "its rows",
    "aws:cognito/userPool:UserPool": "the accounts of all members",
    "aws:s3/bucket:Bucket": "its files",
    "aws:sqs/queue:Queue": "the messages in it",
    "aws:kms/key:Key": "everything that it encrypted",
    "aws:ssm/parameter:Parameter": "the value that operators gave it",
    "aws:cloudwatch/logGroup:LogGroup": "the record of what operators did",
}
"""The data that is lost with a resource of these types; of the parameters and log groups, only some are data."""
REMOVALS: Final = {"delete": "deleted", "replace": "replaced", "delete-replaced": "deleted"}


def loses_data(step: Step) -> bool:
    """True if members' data would not be there afterwards."""
    if step.kind == "Parameter" and not (step.before.protect or step.old.get("type") == "SecureString"):
        return False
    if step.kind == "LogGroup" and step.name != audit_log_group(step.stage):
        return False
    return step.operation in REMOVALS and step.type in HOLDS


def loss_sentence(step: Step) -> str:
    """The data that would be gone, and why."""
    reasons = f" because of {', '.join(map(code, step.reasons))}" if step.reasons else ""
    if step.before.protect:
        fate = (
            f"It is protected: Pulumi refuses. Where the loss of {HOLDS[step.type]} is meant: "
            f'{code(f"pulumi state unprotect {step.urn}")} and docs/operations.md, "A loss that is meant".'
        )
    elif step.before.retain_on_delete and step.operation == "replace" and _same_name(step):
        fate = "AWS keeps the old one, and with it the name: **the new one cannot be made**."
    elif step.before.retain_on_delete:
        fate = f"AWS keeps the old one, but the stage no longer uses it, nor {HOLDS[step.type]}."
    else:
        fate = f"**{HOLDS[step.type].capitalize()} will be gone.**"
    return f"{step.kind} {code(step.name)} is {REMOVALS[step.operation]}{reasons}. {fate}"


def _same_name(step: Step) -> bool:
    """True if the new resource would be called as the old one is."""
    names = [
        next((inputs[key] for key in ("name", "bucket") if inputs.get(key)), None) for inputs in (step.old, step.new)
    ]
    return names[0] == names[1]


GUARDS: Final = {
    ("Table", "pointInTimeRecovery.enabled"): "point-in-time recovery",
    ("Table", "deletionProtectionEnabled"): "deletion protection",
    ("UserPool", "deletionProtection"): "deletion protection",
    ("Bucket", "versioning.enabled"): "versions",
    ("BucketVersioning", "versioningConfiguration.status"): "versions",
}
"""Protections from losing data by mistake: kind of resource and input."""
ON: Final = (True, "ACTIVE", "Enabled")
DAYS_KEPT: Final = {"LogGroup": "retentionInDays", "Table": "pointInTimeRecovery.recoveryPeriodInDays"}


def _guards(kind: str, state: ResourceVersion) -> set[str]:
    found = {word for (of, path), word in GUARDS.items() if of == kind and at(state.inputs, path) in ON}
    if kind == "Bucket" and not state.inputs.get("forceDestroy"):
        found.add("refusal to be deleted with files in it")
    if state.protect:
        found.add("protection by Pulumi")
    if state.retain_on_delete:
        found.add("retention when Pulumi deletes it")
    return found


def at(inputs: Mapping[str, Any], path: str) -> object:
    """The value at a path of keys with dots; None where there is none."""
    value: object = inputs
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def risk_sentences(step: Step) -> Iterator[str]:
    """Changes that make data easier to lose, or lose logs."""
    what = f"{step.kind} {code(step.name)}"
    if loses_data(step):
        return
    if step.operation in REMOVALS and step.kind == "LogGroup" and not step.before.retain_on_delete:
        yield f"{what} is {REMOVALS[step.operation]}: what it logged will be gone"
    if step.operation == "delete" and step.kind != "BucketVersioning":
        return
    for guard in sorted(_guards(step.kind, step.before) - _guards(step.kind, step.after)):
        yield f"{what} loses its {guard}"
    if step.old and step.new and step.kind in DAYS_KEPT:
        before, after = (_days(inputs, DAYS_KEPT[step.kind]) for inputs in (step.old, step.new))
        if after < before:
            yield f"{what} keeps {after:g} days instead of {'all' if before == math.inf else f'{before:g}'}"


def _days(inputs: Mapping[str, Any], path: str) -> float:
    days = at(inputs, path)
    return days if isinstance(days, int | float) and days else math.inf
