"""The circuit breaker: takes a stage, or its writes, out of service, and puts back exactly what was there before.

Four positions, each of which includes the ones before it:

    read-only   level 1  the api refuses writes with 503 and Retry-After; the app says so
    down        level 1  the api refuses everything but /api/health
    stopped     level 2  the Lambdas that write get no concurrency, sign-ups excepted: Cognito would refuse them
    cut-off     level 3  the gateway lets nothing through and its endpoint is disabled

What an opening changes is first written to the parameter `breaker-former`; closing restores it from there.
"""

from typing import Annotated, Any

import typer

from ops.shared.breaker import (
    Level,
    move,
    states_before_opening,
    status_of,
    steps,
)
from ops.shared.stage import OperatorError, Stage
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out, command
from services.core.live import Breaker
from services.core.parameters import BREAKER

app = typer.Typer(no_args_is_help=True, help="Take a stage out of service and back.")


def _change(stage: Stage, terminal: Terminal, action: str, level: Level | None) -> None:
    plan = [f"{switch.name}: {_short(switch.read())} -> {_short(state)}" for switch, state, _ in steps(stage, level)]
    outcome = carry_out(stage, terminal, PlannedChange(action, level or "", plan, lambda: move(stage, level)))
    if outcome is not None:
        terminal.result(outcome, f"{action}: done. The api obeys within 10 s, the app shows it within 30 s.")


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
    if not states_before_opening(stage) and stage.live(BREAKER) != Breaker.CLOSED:
        # Somebody set the parameter by hand: there is nothing else to restore.
        plan = [f"position: {stage.live(BREAKER)} -> closed"]
        change = PlannedChange("breaker close", "", plan, lambda: _close_by_hand(stage))
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
