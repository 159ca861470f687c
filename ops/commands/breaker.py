"""The circuit breaker: takes a stage, or its writes, out of service, and puts back exactly what was there before.

Four positions, each of which includes the ones before it:

    read-only   level 1  the api refuses writes with 503 and Retry-After; the page says so
    down        level 1  the api refuses everything but /api/health
    stopped     level 2  the Lambdas that write get no concurrency, sign-ups excepted: Cognito would refuse them
    cut-off     level 3  the gateway lets nothing through and its endpoint is disabled

What an opening changes is first written to the parameter `breaker-former`; closing restores it from there.
"""

import json
from abc import ABC, abstractmethod
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final

import typer

from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Change, Json, Terminal, carry_out, command
from services.core.live import Breaker
from services.core.parameters import API_ID, BREAKER
from services.core.services import SERVICES

FORMER: Final = "breaker-former"
STOPPED_SERVICES: Final = tuple(name for name, service in SERVICES.items() if service.stopped_by_breaker)

app = typer.Typer(no_args_is_help=True, help="Take a stage out of service and back.")


class Level(StrEnum):
    """How far the breaker is open, in rising order."""

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


class Throttles(Switch):
    """The gateway's limits: those of all routes, and those of routes that have their own."""

    name = "throttles"
    from_level = Level.CUT_OFF
    _STAGE: Final = "$default"

    def read(self) -> Any:
        found = self.stage.apigateway.get_stage(ApiId=self.stage.parameter(API_ID), StageName=self._STAGE)
        return {"all": found.get("DefaultRouteSettings", {}), "routes": found.get("RouteSettings", {})}

    def write(self, state: Any) -> None:
        self.stage.apigateway.update_stage(
            ApiId=self.stage.parameter(API_ID),
            StageName=self._STAGE,
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
    """Whether the gateway's own endpoint, through which CloudFront reaches it, is disabled."""

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
        *(Concurrency(stage, service) for service in STOPPED_SERVICES),
        Throttles(stage),
        Endpoint(stage),
    ]


def former(stage: Stage) -> Json:
    """The states before the breaker was opened, by switch; empty while it is closed."""
    found: Json = json.loads(stage.find_parameter(FORMER) or "{}")
    return found


def steps(stage: Stage, level: Level | None) -> list[tuple[Switch, Any, bool]]:
    """What has to be set for a level, None being closed: the switch, its new state, and whether that opens it."""
    remembered = former(stage)
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
    remembered = former(stage)
    wanted = steps(stage, level)
    for switch, _, opens in wanted:
        if opens:
            remembered.setdefault(switch.name, switch.read())
    if remembered:
        stage.put_parameter(FORMER, json.dumps(remembered))
    # Members are told first and let in last, so that nobody meets a stage that is half back.
    for switch, state, opens in wanted if level else reversed(wanted):
        switch.write(state)
        if not opens:
            remembered.pop(switch.name)
    if remembered:
        stage.put_parameter(FORMER, json.dumps(remembered))
    else:
        stage.delete_parameter(FORMER)
    return {"level": level or "closed", "changed": {switch.name: state for switch, state, _ in wanted}}


def status_of(stage: Stage) -> Json:
    """The position that the api obeys, and what else is out of service."""
    remembered = former(stage)
    return {
        "position": stage.live(BREAKER),
        "open": stage.live(BREAKER) != Breaker.CLOSED or bool(remembered),
        "former": remembered,
    }


def _change(stage: Stage, terminal: Terminal, action: str, level: Level | None) -> None:
    plan = [f"{switch.name}: {_short(switch.read())} -> {_short(state)}" for switch, state, _ in steps(stage, level)]
    outcome = carry_out(stage, terminal, Change(action, level or "", plan, lambda: move(stage, level)))
    if outcome is not None:
        terminal.result(outcome, f"{action}: done. The api obeys within 10 s, the page shows it within 30 s.")


def _short(state: Any) -> str:
    if isinstance(state, dict) and "all" in state:
        limits = [state["all"], *state["routes"].values()]
        return ", ".join(f"{limit.get('ThrottlingRateLimit', 0):g}/s" for limit in limits)
    return "none" if state is None else str(state)


@command(app, "open", changes=True)
def open_(
    stage: Stage,
    terminal: Terminal,
    level: Annotated[Level, typer.Option(help="How far; each includes the ones before it.")] = Level.READ_ONLY,
) -> None:
    """Take writes (read-only), everything (down), the Lambdas (stopped) or the gateway (cut-off) out of service."""
    _change(stage, terminal, "breaker open", level)


@command(app, changes=True)
def close(stage: Stage, terminal: Terminal) -> None:
    """Put everything back exactly as it was before the breaker was opened."""
    if not former(stage) and stage.live(BREAKER) != Breaker.CLOSED:
        # Somebody set the parameter by hand: there is nothing else to restore.
        plan = [f"position: {stage.live(BREAKER)} -> closed"]
        change = Change("breaker close", "", plan, lambda: _close_by_hand(stage))
        if outcome := carry_out(stage, terminal, change):
            terminal.result(outcome, "breaker close: done.")
        return
    _change(stage, terminal, "breaker close", None)


def _close_by_hand(stage: Stage) -> Json:
    stage.put_parameter(BREAKER.key, Breaker.CLOSED)
    return {"level": "closed", "changed": {"position": Breaker.CLOSED}}


@command(app)
def status(stage: Stage, terminal: Terminal) -> None:
    """Show the position, and what was changed from what."""
    found = status_of(stage)
    lines = [f"breaker: {found['position']}{'' if found['open'] else ', nothing is out of service'}"]
    lines += [f"  {name}: was {_short(state)}" for name, state in found["former"].items()]
    terminal.result(found, *lines)
    if found["position"] not in set(Breaker):
        raise OperatorError(f"{found['position']!r} means nothing to the api; `civicforge breaker close` mends it.")
