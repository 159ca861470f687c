"""The stage on one screen, and an exit code that says whether it is well."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, NamedTuple

import httpx
import typer
from botocore.exceptions import ClientError

from infra.observability.catalogue import Alarms
from infra.observability.docs import DOCS
from ops.shared import dead_letters, flags, hold, rollouts
from ops.shared.breaker import status_of
from ops.shared.budget import budget
from ops.shared.canary import weights as canary_weights
from ops.shared.entries import oldest_pending
from ops.shared.releases import Releases
from ops.shared.remains import remains, remedy
from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Json, Terminal
from services.core import metrics
from services.core.domain.notices import Mail
from services.core.domain.values import timestamp
from services.core.flags import is_valid
from services.core.routes import HEALTH_PATH

UNPAID_LIMIT: Final = Alarms(DOCS).unpaid_rewards.thresholds["P2"]
"""Seconds that a reward may be due before the stage is not well: the alarm's threshold."""


class Fact(NamedTuple):
    """A line of the screen."""

    name: str
    value: Any
    text: str
    well: bool = True


def _release(stage: Stage) -> Fact:
    try:
        with stage.http() as http:
            answer = http.get(HEALTH_PATH)
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        return Fact("api", None, f"does not answer: {error}", well=False)
    current = Releases(stage).current()
    text = f"release {found.get('release', '?')}" + ("" if current else ", not released by `civicforge deploy`")
    if current and found.get("release") != current:
        return Fact("api", found, f"{text}, but {current} was released", well=False)
    return Fact("api", found, text, well=answer.is_success)


def _tried(stage: Stage) -> Fact | None:
    """Of the live release, that its smoke test passed; None before the first release."""
    releases = Releases(stage)
    try:
        current = releases.current()
    except stage.s3.exceptions.NoSuchBucket:
        return None
    live = next((release for release in releases.list() if release.id == current), None)
    if live is None:
        return None
    said = "passed" if live.smoke == "passed" else f"{live.smoke}: `civicforge smoke` tries it, `rollback` goes back"
    return Fact("smoke test", live.smoke, said, well=live.smoke == "passed")


def _alarms(stage: Stage) -> Fact:
    pages = stage.cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=stage.resource(""), AlarmTypes=["MetricAlarm", "CompositeAlarm"]
    )
    states: dict[str, str] = {}
    for page in pages:
        for alarm in (*page.get("MetricAlarms", []), *page.get("CompositeAlarms", [])):
            states[str(alarm["AlarmName"])] = str(alarm["StateValue"])
    on = sorted(name for name, state in states.items() if state == "ALARM")
    unknown = sum(state == "INSUFFICIENT_DATA" for state in states.values())
    text = ", ".join(on) or f"none of {len(states)}{f', {unknown} without data' if unknown else ''}"
    return Fact("alarms", {"on": on, "all": len(states), "unknown": unknown}, text, well=not on)


def _mails(stage: Stage, now: datetime) -> Fact:
    """The mails of the last day, and those that did not leave."""
    since = now - timedelta(days=1)
    counted = {
        metric.name: round(stage.count_of(metric, since, now))
        for metric in (metrics.NOTICES_SENT, metrics.NOTICES_FAILED, metrics.MAILS_REFUSED)
    }
    stuck = sum(1 for _ in stage.inbox.owed(Mail.DUE))
    sent, failed, refused = counted.values()
    text = f"{sent} sent, {failed} failed, {refused} refused in 24 h, {stuck} waiting"
    return Fact("mails", {**counted, "waiting": stuck}, text, not failed)


def _deployment(stage: Stage) -> Fact | None:
    """The deployment that runs, or what a killed one left; None where no stack state is to be looked at."""
    if stage.emulator:
        return None
    holder = hold.holding(stage)
    try:
        left = remains(stage)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return None if code == "NoSuchBucket" else Fact("deployment", None, f"the state cannot be read: {code}")
    value = {"holder": holder and holder.owner, "locked": left.locked_by, "pending": list(left.pending)}
    if holder:
        said = f"{holder.what}, by {holder.owner}, until {holder.until:%H:%M} UTC at most"
        return Fact("deployment", value, f"{said}{f'; {left.told}' if left else ''}")
    if left:
        return Fact("deployment", value, f"{left.told}; {remedy(stage)}", well=False)
    return Fact("deployment", value, "none runs, none is left half done")


def facts(stage: Stage, now: datetime) -> Iterator[Fact]:
    """Every line, in order."""
    yield _release(stage)
    if tried := _tried(stage):
        yield tried
    if deployment := _deployment(stage):
        yield deployment
    values = flags.values(stage)
    well = all(is_valid(value) for value in values.values())
    yield Fact("flags", values, ", ".join(f"{flag}={value}" for flag, value in values.items()), well)
    if weights := canary_weights(stage):
        shares = ", ".join(f"version {version} gets {share:.0%}" for version, share in weights.items())
        yield Fact("canary", weights, f"{shares} of the api's calls")
    try:
        running = {r.flag: r.value for r in rollouts.running(stage)}
    except OperatorError as error:
        yield Fact("rollouts", None, str(error), well=False)
    else:
        if running:
            yield Fact("rollouts", running, ", ".join(f"{flag} at {value}" for flag, value in running.items()))
    breaker = status_of(stage)
    extra = [name for name in breaker["former"] if name != "position"]
    yield Fact("breaker", breaker["position"], ", ".join([breaker["position"], *extra]), not breaker["open"])
    yield _alarms(stage)
    depths = dead_letters.depths(stage)
    text = ", ".join(f"{queue} {depth}" for queue, depth in depths.items())
    yield Fact("dead letters", depths, text, not any(depths.values()))
    age = oldest_pending(stage, now)
    yield Fact("unpaid rewards", age, f"oldest {age:.0f} s" if age else "none is due", age <= UNPAID_LIMIT)
    yield _mails(stage, now)
    spent = budget(stage)
    if spent:
        yield Fact("budget", spent, f"${spent[0]:.2f} of ${spent[1]:.2f} this month", spent[0] < spent[1])
    else:
        yield Fact("budget", None, "there is none", well=False)


def status(stage: Stage, terminal: Terminal) -> None:
    """Show the stage on one screen; fails where something is not well."""
    now = datetime.now(UTC)
    found = list(facts(stage, now))
    wrong = [fact.name for fact in found if not fact.well]
    data: Json = {
        "stage": stage.name,
        "at": timestamp(now),
        "well": not wrong,
        "wrong": wrong,
        **{fact.name: fact.value for fact in found},
    }
    lines = [f"{'well' if fact.well else 'LOOK':<6}{fact.name:<16}{fact.text}" for fact in found]
    terminal.result(data, f"{stage.where}, {now:%Y-%m-%d %H:%M} UTC", *lines)
    if wrong:
        raise typer.Exit(1)
