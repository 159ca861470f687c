"""Changes of alarms and of who hears them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.review.data import REMOVALS
from infra.review.steps import Step
from infra.review.words import code, short

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
_TELLING: Final = ("actionsEnabled", "alarmActions", "okActions")
"""Of these, what is taken away is told in words of its own."""
_PATIENCE: Final = ("evaluationPeriods", "datapointsToAlarm", "period")
"""The smaller, the earlier an alarm goes off."""


def is_alarm_or_subscription(step: Step) -> bool:
    """True if a resource is an alarm, or somebody who hears of them."""
    return step.kind in ("TopicSubscription", "MetricAlarm", "CompositeAlarm")


def alarm_sentences(step: Step) -> Iterator[str]:
    """Changes of alarms and of who hears them; a warning unless an alarm is known to go off earlier."""
    if step.kind == "TopicSubscription":
        yield from _hearing(step)
    elif is_alarm_or_subscription(step):
        yield from _watching(step)


def _hearing(step: Step) -> Iterator[str]:
    if step.operation == "update":
        yield from _differences(step)
        return
    if step.operation in REMOVALS:
        yield f"{_hearer(step, step.old)} **no longer hears** of {_topic(step.old)} ⚠"
    if step.operation not in ("delete", "delete-replaced"):
        yield f"{_hearer(step, step.new)} now hears of {_topic(step.new)}"


def _hearer(step: Step, inputs: Mapping[str, Any]) -> str:
    return code(inputs.get("endpoint") or step.name)


def _topic(inputs: Mapping[str, Any]) -> str:
    return short(inputs["topic"]) if inputs.get("topic") else "alarms"


def _watching(step: Step) -> Iterator[str]:
    if step.operation in ("update", "replace"):
        yield from _differences(step)
    elif step.operation in REMOVALS:
        yield f"{code(step.name)} is **no longer watched** ⚠"
    else:
        threshold = step.new.get("threshold")
        yield f"{code(step.name)} is new{f', above {value(threshold)}' if threshold is not None else ''}"


def _differences(step: Step) -> Iterator[str]:
    for key in (*ALARM_KEYS, *sorted({*step.old, *step.new} - {*ALARM_KEYS} - _IDLE_KEYS)):
        old, new = step.old.get(key), step.new.get(key)
        if old == new:
            continue
        if (key == "actionsEnabled" and new is False) or (key == "alarmActions" and not new):
            yield f"{code(step.name)} **tells nobody any more** ⚠"
        elif key in ("alarmActions", "okActions") and set(old or ()) - set(new or ()):
            gone = ", ".join(short(one) for one in sorted(set(old or ()) - set(new or ())))
            yield f"{code(step.name)} **no longer tells** {gone} ⚠"
        else:
            warned = "" if key in _TELLING or _is_earlier(step, key, old, new) else " ⚠"
            yield f"{code(step.name)}: {ALARM_KEYS.get(key, key)} {value(old)} → {value(new)}{warned}"


def _is_earlier(step: Step, key: str, old: Any, new: Any) -> bool:
    if not (isinstance(old, int | float) and isinstance(new, int | float)):
        return False
    if key == "threshold":
        below = str(step.new.get("comparisonOperator", "")).startswith("LessThan")
        return new > old if below else new < old
    return key in _PATIENCE and new < old


def value(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if value is None or isinstance(value, bool | int | float):
        return f"**{'none' if value is None else value}**"
    return code(value if isinstance(value, str) else json.dumps(value))
