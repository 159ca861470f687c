"""A canary: a new api answers a share of all calls for a while, before everybody gets the release.

On a stage that wants one, `up` publishes versions and leaves the alias `live` where it is; the release moves it. The
new version is first called by itself, then gets a share of the calls of the alias, and is watched. It goes back where
an alarm of severity P1 or P2 goes off that was quiet before, where Lambda counts an error of that very version, or
where the api meets more unhandled errors than in the same time before.
"""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from infra.paths import REPOSITORY
from infra.stack_config import load_config
from ops.shared.alarms import alarm_states
from ops.shared.stage import Stage
from services.core.metrics import API_ERRORS
from services.core.names import LIVE_ALIAS
from services.core.routes import HEALTH_PATH
from services.core.services import SERVICES

SERVICE: Final = "api"
"""The Lambda that gets a canary; the others work off queues and schedules, and follow once it passed."""
_CHECK_SECONDS: Final = 15.0


@dataclass(frozen=True)
class Canary:
    """The trial of a release: `percent` of the api's calls, for `minutes`. With 0 percent it is not."""

    percent: int
    minutes: float

    @classmethod
    def of(cls, stage: Stage) -> "Canary":
        """The canary that the stage's file asks for."""
        values = load_config(stage.name, REPOSITORY).values
        return cls(int(values["civicforge:canaryPercent"]), float(values["civicforge:canaryMinutes"]))


def published(stage: Stage) -> dict[str, str]:
    """The newest version of each Lambda."""
    found = {}
    for service in SERVICES:
        pages = stage.lambda_.get_paginator("list_versions_by_function").paginate(FunctionName=stage.resource(service))
        versions = [version["Version"] for page in pages for version in page["Versions"]]
        found[service] = str(max(int(version) for version in versions if version != "$LATEST"))
    return found


def point(stage: Stage, versions: Mapping[str, str], weights: Mapping[str, float] | None = None) -> None:
    """Moves the aliases `live` to these versions, with further versions that get a share of the calls, or none."""
    for service, version in versions.items():
        stage.lambda_.update_alias(
            FunctionName=stage.resource(service),
            Name=LIVE_ALIAS,
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": dict(weights or {})},
        )


def weights(stage: Stage) -> dict[str, float]:
    """The versions of the api, beside the live one, that get a share of its calls, with the shares (0 to 1)."""
    alias = stage.lambda_.get_alias(FunctionName=stage.resource(SERVICE), Name=LIVE_ALIAS)
    return dict(alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}))


def run(
    stage: Stage,
    canary: Canary,
    before: str,
    after: str,
    say: Callable[[str], None],
    still_held: Callable[[], None] = lambda: None,
) -> str | None:
    """Tries the api's version `after` beside `before`; returns why it must not go live, or None.

    The alias is back at `before` alone where it must not, also where somebody interrupts. `still_held` raises where
    somebody else has taken the stage over: the alias is theirs then.
    """
    if why := _alone(stage, after):
        return why
    started, passed = datetime.now(UTC), False
    on_before = _alarms_on(stage)
    errors_before = stage.count_of(API_ERRORS, started - timedelta(minutes=canary.minutes), started)
    try:
        point(stage, {SERVICE: before}, {after: canary.percent / 100})
        until = started + timedelta(minutes=canary.minutes)
        while (now := datetime.now(UTC)) < until:
            time.sleep(min(_CHECK_SECONDS, (until - now).total_seconds()))
            still_held()
            if why := _worse(stage, after, started, on_before, errors_before):
                return why
            say(f"    {(until - datetime.now(UTC)).total_seconds() / 60:.1f} minutes to go, nothing is worse")
        passed = True
    finally:
        if not passed:
            still_held()
            point(stage, {SERVICE: before})
    return None


def _alone(stage: Stage, version: str) -> str | None:
    """Calls the version by itself, before any member meets it."""
    request = {
        "version": "2.0",
        "routeKey": f"GET {HEALTH_PATH}",
        "rawPath": HEALTH_PATH,
        "headers": {},
        "requestContext": {"http": {"method": "GET", "path": HEALTH_PATH}, "requestId": "canary-first-call"},
        "isBase64Encoded": False,
    }
    answer = stage.lambda_.invoke(
        FunctionName=stage.resource(SERVICE), Qualifier=version, Payload=json.dumps(request).encode()
    )
    payload: Any = json.loads(answer["Payload"].read() or b"null")
    if answer.get("FunctionError"):
        return f"version {version} of the api cannot be called: {payload.get('errorMessage', 'no message')}"
    if not isinstance(payload, dict) or payload.get("statusCode") != 200:
        return f"version {version} of the api answers its first call with {payload}"
    return None


def _worse(stage: Stage, version: str, started: datetime, on_before: set[str], errors_before: float) -> str | None:
    if alarmed := _alarms_on(stage) - on_before:
        return f"{', '.join(sorted(alarmed))} went off"
    now = datetime.now(UTC)
    name = stage.resource(SERVICE)
    failed = stage.sum_of(
        "AWS/Lambda",
        "Errors",
        {"FunctionName": name, "Resource": f"{name}:{LIVE_ALIAS}", "ExecutedVersion": version},
        started,
        now,
    )
    if failed:
        return f"version {version} of the api failed {failed:g} times"
    errors = stage.count_of(API_ERRORS, started, now)
    if errors > errors_before:
        return f"the api met {errors:g} unhandled errors, {errors_before:g} in the same time before"
    return None


def _alarms_on(stage: Stage) -> set[str]:
    return {name for name, state in alarm_states(stage, []).items() if state == "ALARM"}
