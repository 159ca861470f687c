# ruff: noqa: SLF001 - MiniStack has no public hooks for what is replaced here; its version is pinned
"""Alarms of the emulator by CloudWatch's rules instead of MiniStack's.

MiniStack 1.5.33 looks at a metric's newest samples under any dimensions, and forgets an alarm's expression, its
suppressor and what missing data means. Here `infra.observability.evaluator` decides; MiniStack keeps the alarms, their
history and composites, and carries out their actions.

Report: alarm on a metric with dimensions, on a metric math expression, with `TreatMissingData=breaching`, with 2 of 3
datapoints, and a composite with an ActionsSuppressor: each takes another state than on AWS.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import cloudwatch  # type: ignore[import-not-found]  # in the emulator's environment

from infra.observability.evaluator import EXTRA_PERIODS, Data, Identity, acts, evaluate

Handler = Callable[..., Any]
_OF_ONE_METRIC = ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit")


def install() -> None:
    """Patch the emulator. Call once, before it serves."""
    cloudwatch._put_metric_alarm = _keeping(cloudwatch._put_metric_alarm, cloudwatch._alarms, "Metrics")
    cloudwatch._put_composite_alarm = _keeping(
        cloudwatch._put_composite_alarm, cloudwatch._composite_alarms, "ActionsSuppressor"
    )
    cloudwatch._dispatch_alarm_actions = _unless_suppressed(cloudwatch._dispatch_alarm_actions)
    cloudwatch._evaluate_alarm = decide


def _keeping(put: Handler, alarms: Any, key: str) -> Handler:
    """MiniStack's own put, after which the alarm also has what MiniStack would forget."""

    def put_and_keep(params: Any, request: Mapping[str, Any], *protocol: bool) -> Any:
        answer = put(params, request, *protocol)
        alarm = alarms.get(request.get("AlarmName", ""))
        if alarm is not None and request.get(key):
            alarm[key] = request[key]
            for name in _OF_ONE_METRIC if "Metrics" in alarm else ():
                alarm.pop(name, None)
        return answer

    return put_and_keep


def _unless_suppressed(dispatch: Handler) -> Handler:
    """Skip the actions of composite alarms whose suppressor is in ALARM."""

    def dispatch_if_allowed(alarm: Mapping[str, Any], *arguments: Any) -> None:
        states = {name: other["StateValue"] for name, other in cloudwatch._composite_alarms.items()}
        if acts(alarm, states):
            dispatch(alarm, *arguments)

    return dispatch_if_allowed


def decide(alarm: Mapping[str, Any]) -> None:
    """Move an alarm to the state that its data ask for, as SetAlarmState does: with history and actions."""
    alarm = {key: value for key, value in alarm.items() if value is not None}
    if "Metrics" not in alarm and not alarm.get("MetricName"):
        return
    if "ExtendedStatistic" in alarm:
        alarm.pop("Statistic", None)
    now = time.time()
    state = evaluate(alarm, _data(alarm, now), now, alarm["StateValue"])
    if state != alarm["StateValue"]:
        reason = f"Evaluated by the rules of CloudWatch; the threshold is {alarm['Threshold']:g}"
        change = {"AlarmName": alarm["AlarmName"], "StateValue": state, "StateReason": reason}
        cloudwatch._set_alarm_state({}, change, False, True)


def _data(alarm: Mapping[str, Any], now: float) -> Data:
    """The samples that the alarm can see."""
    watched = [query["MetricStat"] for query in alarm.get("Metrics", ()) if "MetricStat" in query]
    data = Data()
    for stat in watched or [{"Metric": alarm, "Period": alarm["Period"]}]:
        identity = Identity.of(stat["Metric"])
        since = now - (int(alarm["EvaluationPeriods"]) + EXTRA_PERIODS) * int(stat["Period"])
        key = (identity.namespace, identity.name, cloudwatch._dims_key(dict(identity.dimensions)))
        for point in cloudwatch._metrics.get(key) or ():
            if point["Timestamp"] >= since:
                data.put(identity, point["Timestamp"], [point["Value"]] * int(point.get("Count", 1)))
    return data
