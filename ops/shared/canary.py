"""Canary releases: the new version of the api gets a share of the calls for some time before the release goes live.

On a stage with `canaryPercent`, `up` publishes versions and does not move the alias `live`; the release does. The new
version is first invoked directly, then gets a share of the alias's calls. The release is rolled back if an alarm of
severity P1 or P2 goes off that was OK before, if Lambda counts an error of the new version, or if the api logs more
unhandled errors than in a period of the same length before.
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
"""The Lambda with a canary. The others are called by streams and schedules; they go live after it passed."""
_CHECK_SECONDS: Final = 15.0


@dataclass(frozen=True)
class Canary:
    """The settings of a canary: `percent` of the api's calls (0: no canary), for `minutes`."""

    percent: int
    minutes: float

    @classmethod
    def of(cls, stage: Stage) -> "Canary":
        """Read the settings from the stage's file."""
        values = load_config(stage.name, REPOSITORY).values
        return cls(int(values["civicforge:canaryPercent"]), float(values["civicforge:canaryMinutes"]))


def newest_versions(stage: Stage) -> dict[str, str]:
    """The newest published version of each Lambda."""
    found = {}
    for service in SERVICES:
        pages = stage.lambda_.get_paginator("list_versions_by_function").paginate(FunctionName=stage.resource(service))
        versions = [version["Version"] for page in pages for version in page["Versions"]]
        found[service] = str(max(int(version) for version in versions if version != "$LATEST"))
    return found


def set_aliases(stage: Stage, versions: Mapping[str, str], weights: Mapping[str, float] | None = None) -> None:
    """Set the aliases `live` to these versions. `weights`: share of the calls (0 to 1) for each further version."""
    for service, version in versions.items():
        stage.lambda_.update_alias(
            FunctionName=stage.resource(service),
            Name=LIVE_ALIAS,
            FunctionVersion=version,
            RoutingConfig={"AdditionalVersionWeights": dict(weights or {})},
        )


def weights(stage: Stage) -> dict[str, float]:
    """The share of the calls (0 to 1) for each version of the api that runs beside the live one."""
    alias = stage.lambda_.get_alias(FunctionName=stage.resource(SERVICE), Name=LIVE_ALIAS)
    return dict(alias.get("RoutingConfig", {}).get("AdditionalVersionWeights", {}))


def run(
    stage: Stage,
    canary: Canary,
    before: str,
    after: str,
    say: Callable[[str], None],
    check_hold: Callable[[], None] = lambda: None,
) -> str | None:
    """Run a canary of the api's version `after` beside `before`. Returns why it failed, or None.

    If it fails or is interrupted, the alias is set back to `before`, unless another operator has taken the stage over:
    `check_hold` raises then.
    """
    if why := _first_call_failure(stage, after):
        return why
    started, passed = datetime.now(UTC), False
    alarms_before = _active_alarms(stage)
    errors_before = stage.count_of(API_ERRORS, started - timedelta(minutes=canary.minutes), started)
    try:
        set_aliases(stage, {SERVICE: before}, {after: canary.percent / 100})
        until = started + timedelta(minutes=canary.minutes)
        while (now := datetime.now(UTC)) < until:
            time.sleep(min(_CHECK_SECONDS, (until - now).total_seconds()))
            check_hold()
            if why := _live_failure(stage, after, started, alarms_before, errors_before):
                return why
            say(f"    {(until - datetime.now(UTC)).total_seconds() / 60:.1f} minutes to go, nothing is worse")
        passed = True
    finally:
        if not passed:
            check_hold()
            set_aliases(stage, {SERVICE: before})
    return None


def _first_call_failure(stage: Stage, version: str) -> str | None:
    """Invoke the version directly. Returns why it failed, or None."""
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


def _live_failure(
    stage: Stage, version: str, started: datetime, alarms_before: set[str], errors_before: float
) -> str | None:
    if alarmed := _active_alarms(stage) - alarms_before:
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


def _active_alarms(stage: Stage) -> set[str]:
    return {name for name, state in alarm_states(stage).items() if state == "ALARM"}
