"""The states of a stage's alarms."""

from collections.abc import Sequence
from typing import Final

from ops.shared.stage import Stage

GONE: Final = "gone"
"""The state of an alarm that is watched and not there."""


def alarm_states(stage: Stage, watch: Sequence[str] = ()) -> dict[str, str]:
    """The states of the watched alarms: those named, or every P1 and P2 of the stage. One that is gone is unknown.

    An alarm that ignores missing data, and never had any, is OK: nothing was ever throttled, say.
    """
    pages = stage.cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=stage.resource(""), AlarmTypes=["MetricAlarm"]
    )
    quiet = ("INSUFFICIENT_DATA", "ignore")
    states = {
        alarm["AlarmName"]: "OK"
        if (alarm["StateValue"], alarm.get("TreatMissingData")) == quiet
        else alarm["StateValue"]
        for page in pages
        for alarm in page["MetricAlarms"]
    }
    if watch:
        return {name: str(states.get(name, GONE)) for name in watch}
    return {name: str(state) for name, state in states.items() if name.endswith(("-p1", "-p2"))}
