"""The breaker: its levels, and what each of them changes."""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from ops.shared.stage import Stage
from ops.shared.terminal import Json
from services.core.live import Breaker
from services.core.names import GATEWAY_STAGE
from services.core.parameters import API_ID, BREAKER, BREAKER_FORMER
from services.core.services import SERVICES, SWEEPS

STOPPED_SERVICES: Final = tuple(name for name, service in SERVICES.items() if service.stopped_by_breaker)


_SCHEDULE_KEYS: Final = frozenset(
    {
        *("Name", "GroupName", "ScheduleExpression", "ScheduleExpressionTimezone", "FlexibleTimeWindow", "Target"),
        *("Description", "StartDate", "EndDate", "KmsKeyArn", "ActionAfterCompletion"),
    }
)


class Level(StrEnum):
    """Levels of the breaker, in rising order."""

    READ_ONLY = "read-only"
    DOWN = "down"
    STOPPED = "stopped"
    CUT_OFF = "cut-off"

    @property
    def rank(self) -> int:
        """0 to 3."""
        return list(Level).index(self)


@dataclass(frozen=True)
class Switch(ABC):
    """One thing that an open breaker changes. A state is a JSON value."""

    stage: Stage
    from_level = Level.READ_ONLY

    @property
    @abstractmethod
    def name(self) -> str:
        """Key of its former state."""

    @abstractmethod
    def read(self) -> Any:
        """The state now."""

    @abstractmethod
    def write(self, state: Any) -> None:
        """Sets a state."""

    @abstractmethod
    def opened(self, level: Level) -> Any:
        """The state that a level wants."""


class Position(Switch):
    """The parameter that the api reads."""

    name = "position"

    def read(self) -> Any:
        return self.stage.find_parameter(BREAKER.key) or Breaker.CLOSED  # as the api takes it

    def write(self, state: Any) -> None:
        self.stage.put_parameter(BREAKER.key, state)

    def opened(self, level: Level) -> Any:
        return Breaker.READ_ONLY if level is Level.READ_ONLY else Breaker.DOWN


@dataclass(frozen=True)
class Concurrency(Switch):
    """A Lambda's reserved concurrency; None shares the account's."""

    service: str
    from_level = Level.STOPPED

    @property
    def name(self) -> str:
        return f"concurrency of {self.service}"

    def read(self) -> Any:
        answer = self.stage.lambda_.get_function_concurrency(FunctionName=self.stage.resource(self.service))
        return answer.get("ReservedConcurrentExecutions")

    def write(self, state: Any) -> None:
        function = self.stage.resource(self.service)
        if state is None:
            self.stage.lambda_.delete_function_concurrency(FunctionName=function)
        else:
            self.stage.lambda_.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=state)

    def opened(self, level: Level) -> Any:
        del level
        return 0


@dataclass(frozen=True)
class Schedule(Switch):
    """A Lambda's schedule, on or off.

    AWS hands what a schedule starts to the dead letter queue at once where the Lambda has no concurrency.
    """

    service: str
    from_level = Level.STOPPED

    @property
    def name(self) -> str:
        return f"schedule of {self.service}"

    def read(self) -> Any:
        return self._found().get("State", "ENABLED")

    def write(self, state: Any) -> None:
        # The call takes the whole schedule: what it leaves out is set back to its default.
        kept = {key: value for key, value in self._found().items() if key in _SCHEDULE_KEYS}
        self.stage.scheduler.update_schedule(**{**kept, "State": state})

    def opened(self, level: Level) -> Any:
        del level
        return "DISABLED"

    def _found(self) -> dict[str, Any]:
        name, group = self.stage.resource(f"{self.service}-sweep"), self.stage.resource("sweeps")
        return {**self.stage.scheduler.get_schedule(Name=name, GroupName=group)}


class Throttles(Switch):
    """The gateway's limits: those of all routes, and those of routes that have their own."""

    name = "throttles"
    from_level = Level.CUT_OFF

    def read(self) -> Any:
        found = self.stage.apigateway.get_stage(ApiId=self.stage.parameter(API_ID), StageName=GATEWAY_STAGE)
        return {"all": found.get("DefaultRouteSettings", {}), "routes": found.get("RouteSettings", {})}

    def write(self, state: Any) -> None:
        self.stage.apigateway.update_stage(
            ApiId=self.stage.parameter(API_ID),
            StageName=GATEWAY_STAGE,
            DefaultRouteSettings=state["all"],
            RouteSettings=state["routes"],
        )

    def opened(self, level: Level) -> Any:
        del level
        nothing = {"ThrottlingRateLimit": 0.0, "ThrottlingBurstLimit": 0}
        now = self.read()
        return {
            "all": {**now["all"], **nothing},
            "routes": {route: {**settings, **nothing} for route, settings in now["routes"].items()},
        }


class Endpoint(Switch):
    """The switch that disables the gateway's own endpoint, through which CloudFront reaches it."""

    name = "endpoint disabled"
    from_level = Level.CUT_OFF

    def read(self) -> Any:
        return self.stage.apigateway.get_api(ApiId=self.stage.parameter(API_ID)).get("DisableExecuteApiEndpoint", False)

    def write(self, state: Any) -> None:
        self.stage.apigateway.update_api(ApiId=self.stage.parameter(API_ID), DisableExecuteApiEndpoint=state)

    def opened(self, level: Level) -> Any:
        del level
        return True


def switches(stage: Stage) -> list[Switch]:
    """Every switch, the gentlest first."""
    return [
        Position(stage),
        *(Schedule(stage, service) for service in STOPPED_SERVICES if service in SWEEPS),
        *(Concurrency(stage, service) for service in STOPPED_SERVICES),
        Throttles(stage),
        Endpoint(stage),
    ]


def states_before_opening(stage: Stage) -> Json:
    """The states before the breaker was opened, by switch; empty while it is closed."""
    found: Json = json.loads(stage.find_parameter(BREAKER_FORMER.key) or "{}")
    return found


def is_stopped(stage: Stage) -> bool:
    """True while the breaker is at `stopped` or beyond: the Lambdas that write run no more."""
    return "concurrency of api" in states_before_opening(stage)


def steps(stage: Stage, level: Level | None) -> list[tuple[Switch, Any, bool]]:
    """The switches to set for a level, None being closed: each with its new state, and whether that opens it."""
    remembered = states_before_opening(stage)
    found: list[tuple[Switch, Any, bool]] = []
    for switch in switches(stage):
        opens = level is not None and level.rank >= switch.from_level.rank
        if opens and level is not None:
            wanted = switch.opened(level)
        elif switch.name in remembered:
            wanted = remembered[switch.name]
        else:
            continue
        if switch.read() != wanted or (not opens and switch.name in remembered):
            found.append((switch, wanted, opens))
    return found


def move(stage: Stage, level: Level | None) -> Json:
    """Moves the breaker to a level; None closes it. Safe to repeat after a failure in the middle."""
    remembered = states_before_opening(stage)
    wanted = steps(stage, level)
    for switch, _, opens in wanted:
        if opens:
            remembered.setdefault(switch.name, switch.read())
    if remembered:
        stage.put_parameter(BREAKER_FORMER.key, json.dumps(remembered))
    # Members are told first and let in last, so that nobody meets a stage that is half back.
    for switch, state, opens in wanted if level else reversed(wanted):
        switch.write(state)
        if not opens:
            remembered.pop(switch.name)
    if remembered:
        stage.put_parameter(BREAKER_FORMER.key, json.dumps(remembered))
    else:
        stage.delete_parameter(BREAKER_FORMER.key)
    return {"level": level or "closed", "changed": {switch.name: state for switch, state, _ in wanted}}


def status_of(stage: Stage) -> Json:
    """The position that the api obeys, and what else is out of service."""
    remembered = states_before_opening(stage)
    return {
        "position": stage.live(BREAKER),
        "open": stage.live(BREAKER) != Breaker.CLOSED or bool(remembered),
        "former": remembered,
    }
