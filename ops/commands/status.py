"""The stage on one screen, and an exit code that says whether it is well."""

import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, NamedTuple

import httpx
import typer
from botocore.exceptions import ClientError

from infra.observability.catalogue import Alarms
from infra.observability.docs import DOCUMENTED
from ops.shared import dead_letters, flags, hold, inventory, rollouts
from ops.shared.breaker import status_of
from ops.shared.budget import budget
from ops.shared.canary import weights as canary_weights
from ops.shared.entries import oldest_pending
from ops.shared.errors import EXPECTED, explain, is_missing
from ops.shared.interrupted import find_interrupted, remedy
from ops.shared.objectives import budgets_left
from ops.shared.releases import Releases
from ops.shared.stage import MISSING, Stage
from ops.shared.terminal import Json, Terminal
from services.core import metrics
from services.core.domain.notices import Mail
from services.core.domain.values import timestamp
from services.core.flags import is_valid
from services.core.names import LIVE_ALIAS, parameter_name
from services.core.parameters import INITIALISED_PARAMETERS, SECRETS, STACK_PARAMETERS
from services.core.routes import HEALTH_PATH
from services.core.services import SERVICES

UNPAID_LIMIT: Final = Alarms(DOCUMENTED).unpaid_rewards.thresholds["P2"]
"""Seconds that a reward may be due before the stage is not well: the alarm's threshold."""

DEPLOY: Final = "`civicforge deploy --refresh --stage {}` makes again what is missing."
WATCH_SECONDS: Final = 5.0
CLEAR: Final = "\x1b[2J\x1b[H"
"""Empties a terminal's screen."""
REQUIRED_PARAMETERS: Final = (*STACK_PARAMETERS, *INITIALISED_PARAMETERS)


class Fact(NamedTuple):
    """A line of the screen."""

    name: str
    value: Any
    text: str
    """Lines after the first are shown below it."""
    well: bool = True


def _release(stage: Stage, _: datetime) -> Fact:
    try:
        with stage.http() as http:
            answer = http.get(HEALTH_PATH)
        found = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        return Fact("api", None, f"does not answer: {error}", well=False)
    current = _current(stage)
    text = f"release {found.get('release', '?')}" + ("" if current else ", not released by `civicforge deploy`")
    if current and found.get("release") != current:
        return Fact("api", found, f"{text}, but {current} was released", well=False)
    if found.get("stage", stage.name) != stage.name:
        return Fact("api", found, f"the address answers for the stage {found['stage']}", well=False)
    return Fact("api", found, text, well=answer.is_success)


def _tried(stage: Stage, _: datetime) -> Fact | None:
    """Of the live release, that its smoke test passed; None before the first release."""
    current = _current(stage)
    live = next((release for release in Releases(stage).list() if release.id == current), None) if current else None
    if live is None:
        return None
    text = "passed" if live.smoke == "passed" else f"{live.smoke}: `civicforge smoke` tries it, `rollback` goes back"
    return Fact("smoke test", live.smoke, text, well=live.smoke == "passed")


def _current(stage: Stage) -> str | None:
    try:
        return Releases(stage).current()
    except stage.s3.exceptions.NoSuchBucket:
        return None


def _alarms(stage: Stage, _: datetime) -> Fact:
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
    if not states:
        text = f"there are none; {DEPLOY.format(stage.name)}"
    return Fact("alarms", {"on": on, "all": len(states), "unknown": unknown}, text, well=bool(states) and not on)


def _objectives(stage: Stage, now: datetime) -> Fact:
    """The error budgets of 28 days, as far as they are not used up."""
    left = budgets_left(stage, now)
    text = ", ".join(f"{key} {'no events' if share is None else f'{share:g} %'}" for key, share in left.items())
    return Fact("error budgets", left, f"left: {text}", well=all(share is None or share > 0 for share in left.values()))


def _mails(stage: Stage, now: datetime) -> Fact:
    """The mails of the last day, and those that did not leave."""
    since = now - timedelta(days=1)
    counted = {
        metric.name: round(stage.count_of(metric, since, now))
        for metric in (metrics.NOTICES_SENT, metrics.NOTICES_FAILED, metrics.MAILS_REFUSED)
    }
    stuck = sum(1 for _ in stage.inbox.unsent(Mail.DUE))
    sent, failed, refused = counted.values()
    text = f"{sent} sent, {failed} failed, {refused} refused in 24 h, {stuck} waiting"
    return Fact("mails", {**counted, "waiting": stuck}, text, not failed)


def _deployment(stage: Stage, _: datetime) -> Fact | None:
    """The deployment that runs, or what a killed one left; None if no stack state is to be looked at."""
    if stage.emulator:
        return None
    holder = hold.holding(stage)
    try:
        left = find_interrupted(stage)
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return None if code == "NoSuchBucket" else Fact("deployment", None, f"the state cannot be read: {code}")
    value = {"holder": holder and holder.owner, "locked": left.locked_by, "pending": list(left.pending)}
    if holder:
        text = f"{holder.what}, by {holder.owner}, until {holder.until:%H:%M} UTC at most"
        return Fact("deployment", value, f"{text}{f'; {left.summary}' if left else ''}")
    if left:
        return Fact("deployment", value, f"{left.summary}; {remedy(stage)}", well=False)
    return Fact("deployment", value, "none runs, none is left half done")


def _keys(stage: Stage, _: datetime) -> Fact | None:
    """The parameters that are not there, though the code reads them."""
    pages = stage.ssm.get_paginator("get_parameters_by_path").paginate(Path=parameter_name(stage.name, ""))
    there = {parameter["Name"] for page in pages for parameter in page["Parameters"]}
    names = {parameter.key: parameter_name(stage.name, parameter.key) for parameter in REQUIRED_PARAMETERS}
    missing = [key for key, name in names.items() if name not in there]
    if not missing:
        return None
    remedies = [_remedy(stage, key) for key in missing]
    text = ", ".join(f"{key} is missing" for key in missing)
    return Fact("parameters", missing, f"{text}: {', '.join(dict.fromkeys(remedies))}", well=False)


def _remedy(stage: Stage, key: str) -> str:
    if key in {secret.key for secret in SECRETS}:
        return f"`civicforge secrets rotate {key} --stage {stage.name}`"
    return f"`civicforge deploy --refresh --stage {stage.name}`"


def _resources(stage: Stage, _: datetime) -> Fact | None:
    """The resources of the stack's state that are gone; None if no state is to be looked at."""
    try:
        resources = inventory.known(stage)
    except stage.s3.exceptions.NoSuchBucket:
        return None
    if not resources:
        return None
    # Those that the code reads have a line and remedies of their own.
    told = {parameter_name(stage.name, parameter.key) for parameter in REQUIRED_PARAMETERS}
    seen = inventory.look(stage, [one for one in resources if one.id not in told])
    value = {
        "there": seen.there,
        "missing": [str(one) for one in seen.gone],
        "unseen": [*seen.unseen],
        "not looked at": [*seen.unknown],
    }
    text = [f"{seen.there} are there"]
    if seen.gone:
        text = [f"{len(seen.gone)} missing, {seen.there} there; {DEPLOY.format(stage.name)}", *map(str, seen.gone)]
    text += [f"not seen: {reason}" for reason in seen.unseen]
    if seen.unknown:
        text.append(f"not looked at: {', '.join(seen.unknown)}")
    return Fact("resources", value, "\n".join(text), well=not seen.gone and not seen.unseen)


def _flags(stage: Stage, _: datetime) -> Fact:
    values = flags.values(stage)
    well = all(is_valid(value) for value in values.values())
    return Fact("flags", values, ", ".join(f"{flag}={value}" for flag, value in values.items()), well)


def _lambdas(stage: Stage, _: datetime) -> Fact | None:
    missing = [service for service in SERVICES if not _is_live(stage, service)]
    text = f"without a live version: {', '.join(missing)}; {DEPLOY.format(stage.name)}"
    return Fact("lambdas", missing, text, well=False) if missing else None


def _is_live(stage: Stage, service: str) -> bool:
    try:
        stage.lambda_.get_alias(FunctionName=stage.resource(service), Name=LIVE_ALIAS)
    except ClientError as error:
        if is_missing(error):
            return False
        raise
    return True


def _canary(stage: Stage, _: datetime) -> Fact | None:
    weights = canary_weights(stage)
    shares = ", ".join(f"version {version} gets {share:.0%}" for version, share in weights.items())
    return Fact("canary", weights, f"{shares} of the api's calls") if weights else None


def _rollouts(stage: Stage, _: datetime) -> Fact | None:
    running = {rollout.flag: rollout.value for rollout in rollouts.running(stage)}
    text = ", ".join(f"{flag} at {value}" for flag, value in running.items())
    return Fact("rollouts", running, text) if running else None


def _breaker(stage: Stage, _: datetime) -> Fact:
    breaker = status_of(stage)
    extra = [name for name in breaker["former"] if name != "position"]
    return Fact("breaker", breaker["position"], ", ".join([breaker["position"], *extra]), not breaker["open"])


def _dead_letters(stage: Stage, _: datetime) -> Fact:
    depths = dead_letters.depths(stage)
    text = ", ".join(f"{queue} {MISSING if depth is None else depth}" for queue, depth in depths.items())
    if None in depths.values():
        text += f"; {DEPLOY.format(stage.name)}"
    return Fact("dead letters", depths, text, well=all(depth == 0 for depth in depths.values()))


def _unpaid(stage: Stage, now: datetime) -> Fact:
    age = oldest_pending(stage, now)
    return Fact("unpaid rewards", age, f"oldest {age:.0f} s" if age else "none is due", age <= UNPAID_LIMIT)


def _budget(stage: Stage, _: datetime) -> Fact:
    spent = budget(stage)
    if not spent:
        return Fact("budget", None, "there is none", well=False)
    return Fact("budget", spent, f"${spent[0]:.2f} of ${spent[1]:.2f} this month", spent[0] < spent[1])


def _saved(stage: Stage, _: datetime) -> Fact | None:
    failure = stage.emulator.failure() if stage.emulator else ""
    return Fact("local cloud", failure, failure, well=False) if failure else None


CHECKS: Final[dict[str, Callable[[Stage, datetime], Fact | None]]] = {
    "api": _release,
    "smoke test": _tried,
    "deployment": _deployment,
    "lambdas": _lambdas,
    "parameters": _keys,
    "resources": _resources,
    "flags": _flags,
    "canary": _canary,
    "rollouts": _rollouts,
    "breaker": _breaker,
    "alarms": _alarms,
    "error budgets": _objectives,
    "dead letters": _dead_letters,
    "unpaid rewards": _unpaid,
    "mails": _mails,
    "budget": _budget,
    "local cloud": _saved,
}
"""The facts by name, in order. Each is looked at by itself: what one of them cannot see hides no other."""


def facts(stage: Stage, now: datetime) -> Iterator[Fact]:
    """Every line, in order; what cannot be looked at is a line that is not well, with the reason."""
    for name, look in CHECKS.items():
        try:
            fact = look(stage, now)
        except EXPECTED as error:
            remedy = f" {DEPLOY.format(stage.name)}" if is_missing(error) else ""
            fact = Fact(name, None, f"not seen: {explain(error)}{remedy}", well=False)
        if fact is not None:
            yield fact


def status(
    stage: Stage,
    terminal: Terminal,
    watch: Annotated[bool, typer.Option("--watch", help="Look again every few seconds until interrupted.")] = False,
) -> None:
    """Show the stage on one screen; fails where something is not well."""
    try:
        well = _show(stage, terminal)
        while watch:
            time.sleep(WATCH_SECONDS)
            if sys.stdout.isatty():
                typer.echo(CLEAR, nl=False)
            well = _show(stage, terminal)
    except KeyboardInterrupt:
        return
    if not well:
        raise typer.Exit(1)


def _show(stage: Stage, terminal: Terminal) -> bool:
    """Print every fact; return if all are well."""
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
    lines = [line for fact in found for line in _lines(fact)]
    terminal.result(data, f"{stage.where}, {now:%Y-%m-%d %H:%M:%S} UTC", *lines)
    return not wrong


def _lines(fact: Fact) -> list[str]:
    first, *more = fact.text.splitlines() or [""]
    return [f"{'well' if fact.well else 'LOOK':<6}{fact.name:<16}{first}", *(f"{'':<22}{line}" for line in more)]
