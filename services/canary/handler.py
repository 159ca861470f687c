"""The canary Lambda: every five minutes it tries the platform as a member does, and once an hour a quest's whole life.

It opens the breaker where DynamoDB refuses for long, ends silences of alarms, and publishes the status page.
"""

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from services.canary.guard import WINDOW, WINDOWS, GuardState, Observation, decide
from services.canary.journey import Journey, Outcome
from services.canary.status import capability_states, page
from services.core import aws
from services.core.aws_json import refusal, retried, within
from services.core.live import Breaker
from services.core.metrics import (
    AWS_REFUSALS,
    BREAKER_OPENED_ITSELF,
    CANARY_DURATION,
    CANARY_FAILURES,
    CANARY_LIFE_FAILURES,
    CERTIFICATE_SHORTAGE,
    DIMENSIONS,
    NAMESPACE,
    SERVICE,
)
from services.core.names import STATUS_KEY, parameter_name
from services.core.parameters import BREAKER, BREAKER_BY_CANARY, CANARY_PASSWORD, SILENCES, Parameter
from services.core.settings import CanarySettings
from services.core.silences import Silences
from services.core.stores.documents import DocumentStore
from services.core.stores.probe import takes_writes
from services.core.telemetry import Telemetry

LIFE_MINUTES: Final = 5
"""Minutes at the start of an hour in which a run also lives through a quest: the schedule has one run in them."""
CERTIFICATE_DAYS: Final = 21
PROBE_SECONDS: Final = 3.0

settings = CanarySettings.load(os.environ)
telemetry = Telemetry("canary", settings.stage, settings.log_level)
ssm = aws.ssm()


def handler(event: dict[str, Any], _context: object) -> dict[str, Any]:
    """Run once; `{"life": true}` asks for a quest's life whatever the hour. Returns what failed.

    A step that fails is counted, not raised: the alarms tell of it. Trouble with a duty is raised after the others.
    """
    run, trouble = Run(datetime.now(UTC), life=bool(event.get("life"))), None
    try:
        for duty in (run.read_breaker, run.try_platform, run.guard, run.publish, run.end_silences):
            try:
                duty()
            except Exception as error:
                telemetry.log.exception("duty not done", extra={"duty": duty.__name__})
                trouble = trouble or error
        if trouble:
            raise trouble
    finally:
        telemetry.flush()
    return {"failed": [outcome.step for outcome in run.outcomes if outcome.problem], "breaker": run.position}


def _parameter(parameter: Parameter) -> tuple[str | None, int]:
    """A parameter's value and version; (None, 0) if there is none."""
    try:
        name = parameter_name(settings.stage, parameter.key)
        found = retried(ssm.get_parameter, Name=name, WithDecryption=True)["Parameter"]
    except Exception as error:
        if (refusal(error) or {}).get("Error", {}).get("Code") == "ParameterNotFound":
            return None, 0
        raise
    return found["Value"], found["Version"]


def _put(parameter: Parameter, value: str) -> int:
    """Store a value; returns its version."""
    name = parameter_name(settings.stage, parameter.key)
    return int(retried(ssm.put_parameter, Name=name, Value=value, Type="String", Overwrite=True)["Version"])


@dataclass
class Run:
    """One run of the canary; its duties in order."""

    now: datetime
    life: bool
    position: Breaker = Breaker.CLOSED
    version: int | None = None
    """SSM's version of the breaker's parameter; None while it could not be read."""
    outcomes: list[Outcome] = field(default_factory=list)

    def read_breaker(self) -> None:
        """Learn the breaker's position; an invalid one counts as closed, as the api takes it."""
        value, self.version = _parameter(BREAKER)
        if value in set(Breaker):
            self.position = Breaker(value)

    def try_platform(self) -> None:
        """Take the journey, and once an hour a quest's life."""
        journey = Journey(settings, lambda: _parameter(CANARY_PASSWORD)[0] or "", telemetry.log)
        self.outcomes = journey.look(self.position)
        telemetry.count(CANARY_FAILURES, sum(1 for outcome in self.outcomes if outcome.problem))
        telemetry.count(CANARY_DURATION, sum(outcome.milliseconds for outcome in self.outcomes))
        if journey.site.valid_until:
            days = (journey.site.valid_until - self.now) / timedelta(days=1)
            telemetry.count(CERTIFICATE_SHORTAGE, max(0, round(CERTIFICATE_DAYS - days)))
        if self.position is Breaker.CLOSED and (self.life or self.now.minute < LIFE_MINUTES):
            self.outcomes.append(journey.play_quest())
        telemetry.count(CANARY_LIFE_FAILURES, sum(1 for one in self.outcomes if one.step == "life" and one.problem))
        took = {outcome.step: outcome.milliseconds for outcome in self.outcomes}
        telemetry.log.info("tried", extra={"milliseconds": took})

    def guard(self) -> None:
        """Open or close the breaker if that is asked for."""
        if self.version is None:
            return
        state = GuardState.parse(_parameter(BREAKER_BY_CANARY)[0])
        with within(PROBE_SECONDS):
            passed = takes_writes(aws.dynamodb(), settings.quests_table)
        action, after = decide(state, Observation(self.position, self.version, _refusals(self.now), passed), self.now)
        if action:
            self.position = Breaker.READ_ONLY if action == "open" else Breaker.CLOSED
            set_as = _put(BREAKER, self.position)
            after = after.model_copy(update={"version": set_as if action == "open" else None})
            telemetry.log.error("breaker set", extra={"position": self.position, "version": set_as})
        if after != state:
            _put(BREAKER_BY_CANARY, after.model_dump_json(by_alias=True, exclude_none=True))
        telemetry.count(BREAKER_OPENED_ITSELF, after.version is not None)

    def publish(self) -> None:
        """Publish the status page."""
        entries = (entry.partition("=") for entry in settings.status_alarms.split(","))
        alarms = {name: capability for capability, _, name in entries}
        answer = aws.client("cloudwatch").describe_alarms(
            AlarmNames=list(alarms), AlarmTypes=["MetricAlarm", "CompositeAlarm"], StateValue="ALARM"
        )
        in_alarm = [
            alarm["AlarmName"] for kind in ("MetricAlarms", "CompositeAlarms") for alarm in answer.get(kind, [])
        ]
        document = page(capability_states(self.outcomes, self.position, alarms, in_alarm), self.now)
        DocumentStore(aws.s3(), settings.site_bucket).rewrite(STATUS_KEY, lambda _: document)

    def end_silences(self) -> None:
        """Enable the actions of alarms whose silence is over."""
        over, left = Silences.parse(_parameter(SILENCES)[0]).ended(self.now)
        if over:
            aws.client("cloudwatch").enable_alarm_actions(AlarmNames=over)
            _put(SILENCES, left.to_json())
            telemetry.log.info("silences ended", extra={"alarms": over})


def _refusals(now: datetime) -> tuple[float, ...]:
    """Requests that AWS refused in each of the last windows, over all Lambdas."""
    end = now.replace(second=0, microsecond=0)
    values = dict(zip(DIMENSIONS, (SERVICE, settings.stage), strict=True))
    metric = {
        "Namespace": NAMESPACE,
        "MetricName": AWS_REFUSALS.name,
        "Dimensions": [{"Name": name, "Value": value} for name, value in values.items()],
    }
    answer = aws.client("cloudwatch").get_metric_data(
        StartTime=end - WINDOWS * WINDOW,
        EndTime=end,
        MetricDataQueries=[{"Id": "refusals", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Sum"}}],
    )
    found = answer["MetricDataResults"][0]
    by_window = [0.0] * WINDOWS
    for moment, value in zip(found["Timestamps"], found["Values"], strict=True):
        age = int((end - moment) / WINDOW)
        by_window[min(age, WINDOWS - 1)] += value
    return tuple(by_window)
