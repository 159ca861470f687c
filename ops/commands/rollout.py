"""Rollouts: a flag goes from `internal` over 10 % and 50 % to 100 %, and back where an alarm goes off.

`advance` is meant for a schedule: it looks once at everything that is rolled out and takes at most one step. A step
is taken when the soak time is over, every watched alarm is OK and enough was seen; an alarm takes the flag back to the
last step that soaked without one, and tells the stage's `notify` topic. Members outside the percentage lose nothing:
their rewards are HELD, and paid by the sweep once the flag includes them. Who sets the flag by hand ends the rollout.
"""

import json
from datetime import UTC, datetime
from typing import Annotated, Final

import typer

from ops.shared.alarms import GONE, alarm_states
from ops.shared.flags import known, set_value, values
from ops.shared.rollouts import STEPS, Rollout, State, load, running, save
from ops.shared.stage import MISSING, OperatorError, Stage
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out, command
from services.core.domain.values import Model
from services.core.metrics import QUESTS_COMPLETED, REWARDS_PAID, Metric
from services.core.parameters import FLAGS, flag_parameter

SEEN: Final[dict[str, Metric]] = {"rewards": REWARDS_PAID}
"""Metrics that show that a flag was tried; other flags go by the quests that were completed."""

app = typer.Typer(no_args_is_help=True, help="Bring a flag to everybody, step by step, while the alarms are quiet.")


class Decision(Model):
    """A decision about a rollout."""

    action: str
    why: str


def decide(rollout: Rollout, alarms: dict[str, str], seen: float, now: datetime) -> Decision:
    """Decide the next step. `alarms` are the watched ones with their state; `seen` counts since the step began."""
    alarmed = sorted(name for name, state in alarms.items() if state == "ALARM")
    if alarmed:
        return Decision(action="fall back", why=f"{', '.join(alarmed)} went off")
    if now < rollout.soaked_at:
        return Decision(action="wait", why=f"{rollout.value} soaks until {rollout.soaked_at:%Y-%m-%d %H:%M} UTC")
    unknown = sorted(name for name, state in alarms.items() if state != "OK")
    if unknown or not alarms:
        return Decision(action="wait", why=f"not yet known to be OK: {', '.join(unknown) or 'no alarm is watched'}")
    if seen < rollout.at_least:
        return Decision(action="wait", why=f"seen {seen:g} of {rollout.at_least} since the step began")
    if rollout.step == len(STEPS) - 1:
        return Decision(action="finish", why="everybody has it")
    return Decision(action="advance", why=f"{rollout.value} soaked and every watched alarm is OK")


def judge(stage: Stage, rollout: Rollout, now: datetime) -> Decision:
    """Decide by the stage as it is. Whoever sets the flag by hand has the last word, not the schedule."""
    value = stage.live(flag_parameter(rollout.flag))
    # The step after this one is what an advance leaves that was interrupted.
    if value not in STEPS[rollout.step : rollout.step + 2]:
        return Decision(action="stop", why=f"somebody set the flag to {value}")
    seen = stage.count_of(SEEN.get(rollout.flag, QUESTS_COMPLETED), rollout.step_at, now)
    return decide(rollout, alarm_states(stage, rollout.watch), seen, now)


def begin(stage: Stage, rollout: Rollout) -> Json:
    """Takes the first step, then remembers the rollout: one that is remembered has begun."""
    set_value(stage, rollout.flag, rollout.value)
    save(stage, rollout)
    return rollout.model_dump(mode="json", by_alias=True)


def advance_one(stage: Stage, rollout: Rollout, now: datetime) -> tuple[Rollout, Decision]:
    """Does what the rules say now."""
    decision = judge(stage, rollout, now)
    match decision.action:
        case "advance":
            rollout = rollout.model_copy(update={"step": rollout.step + 1, "step_at": now, "why": decision.why})
            set_value(stage, rollout.flag, rollout.value)
        case "finish":
            rollout = rollout.model_copy(update={"state": State.DONE, "why": decision.why})
        case "fall back":
            set_value(stage, rollout.flag, rollout.last_good)
            return end(stage, rollout, State.FELL_BACK, decision.why), decision
        case "stop":
            return end(stage, rollout, State.ABORTED, decision.why), decision
        case _:
            return rollout, decision
    save(stage, rollout)
    return rollout, decision


def end(stage: Stage, rollout: Rollout, state: State, why: str) -> Rollout:
    """Record the end of the rollout and notify the operators."""
    ended, value = rollout.model_copy(update={"state": state, "why": why}), stage.live(flag_parameter(rollout.flag))
    save(stage, ended)
    stage.sns.publish(
        TopicArn=f"arn:aws:sns:{stage.region}:{stage.account}:{stage.resource('notify')}",
        Subject=f"{stage.name}: rollout of {rollout.flag} {state}",
        Message=f"The rollout of {rollout.flag} on {stage.name} {state} at {rollout.value}: {why}.\n"
        f"The flag is {value} now. `civicforge rollout status --stage {stage.name}` shows more.",
    )
    return ended


@command(app, changes=True)
def start(
    stage: Stage,
    terminal: Terminal,
    flag: Annotated[str, typer.Argument(help="rewards or disputes.")],
    soak: Annotated[float, typer.Option(min=0, help="Minutes that each step has to last.")] = 1440,
    at_least: Annotated[int, typer.Option(min=0, help="How much has to be seen in each step.")] = 1,
    watch: Annotated[list[str] | None, typer.Option(help="Alarm to watch instead of every P1 and P2.")] = None,
) -> None:
    """Begin with `internal`; `rollout advance` does the rest."""
    former = load(stage, known(flag))
    if former and former.state is State.RUNNING:
        raise OperatorError(f"{flag} is being rolled out already, at {former.value}. `rollout abort` ends that.")
    alarms = alarm_states(stage, watch or [])
    if gone := sorted(name for name, state in alarms.items() if state == GONE):
        raise OperatorError(f"There is no alarm {', '.join(gone)} on {stage.name}; docs/monitoring.md lists them.")
    alarmed = sorted(name for name, state in alarms.items() if state == "ALARM")
    if alarmed:
        raise OperatorError(f"{', '.join(alarmed)} is on. Mend that first, or name the alarms to --watch.")
    now, before = datetime.now(UTC), values(stage)[flag]
    rollout = Rollout(
        flag=flag, before=before if before in ("off", *STEPS[:1]) else "off", step_at=now, started_at=now,
        soak_minutes=soak, at_least=at_least, watch=watch or [],
    )  # fmt: skip
    narrower = f"this TAKES {flag} from everybody outside {rollout.value} who has it at {before} now"
    plan = [
        f"{flag}: {before} -> {rollout.value}, then {', '.join(STEPS[1:])}",
        *([narrower] if before not in ("off", *STEPS[:1], MISSING) else []),
        f"each step lasts {soak:g} minutes at least, and until {at_least} was seen",
        f"back to the step before if one of {len(alarms)} alarms goes off, to {rollout.before} from the first one",
    ]
    if outcome := carry_out(stage, terminal, PlannedChange("rollout start", flag, plan, lambda: begin(stage, rollout))):
        terminal.result(outcome, f"{flag} is {rollout.value}. `civicforge rollout advance` goes on when it may.")


@command(app, changes=True)
def advance(stage: Stage, terminal: Terminal) -> None:
    """Look once at every rollout, and take the step that is due; for a schedule."""
    rollouts, now = running(stage), datetime.now(UTC)
    decisions = {rollout.flag: judge(stage, rollout, now) for rollout in rollouts}
    plan = [f"{flag}: {d.action}, since {d.why}" for flag, d in decisions.items() if d.action != "wait"]
    waiting = [f"{flag}: waiting, since {d.why}" for flag, d in decisions.items() if d.action == "wait"]

    def apply() -> Json:
        return {
            rollout.flag: advance_one(stage, rollout, now)[0].model_dump(mode="json", by_alias=True)
            for rollout in rollouts
        }

    if plan:
        outcome = carry_out(stage, terminal, PlannedChange("rollout advance", ", ".join(decisions), plan, apply))
        if outcome is not None:
            terminal.result({"rollouts": outcome}, *waiting)
    else:
        terminal.result({"rollouts": {}}, *(waiting or ["Nothing is being rolled out."]))
    if any(decision.action == "fall back" for decision in decisions.values()) and not terminal.dry_run:
        raise OperatorError("A rollout fell back; `civicforge rollout status` says why.")


@command(app, changes=True)
def abort(stage: Stage, terminal: Terminal, flag: Annotated[str, typer.Argument(help="rewards or disputes.")]) -> None:
    """Take the flag back to the last good step."""
    rollout = load(stage, known(flag))
    if rollout is None or rollout.state is not State.RUNNING:
        raise OperatorError(f"{flag} is not being rolled out. `civicforge flags set` changes it at once.")
    plan = [f"{flag}: {stage.live(flag_parameter(flag))} -> {rollout.last_good}"]

    def apply() -> Json:
        set_value(stage, flag, rollout.last_good)
        return end(stage, rollout, State.ABORTED, terminal.reason or "an operator ended it").model_dump(
            mode="json", by_alias=True
        )

    if outcome := carry_out(stage, terminal, PlannedChange("rollout abort", flag, plan, apply)):
        terminal.result(outcome, f"{flag} is {rollout.last_good}.")


@command(app)
def status(stage: Stage, terminal: Terminal) -> None:
    """Show every rollout and what it waits for."""
    now, data = datetime.now(UTC), {}
    rows: list[tuple[object, ...]] = []
    for rollout in filter(None, (load(stage, flag) for flag in FLAGS)):
        why = rollout.why
        if rollout.state is State.RUNNING:
            why = judge(stage, rollout, now).why
        rows.append((rollout.flag, rollout.state, rollout.value, why))
        data[rollout.flag] = {**json.loads(rollout.model_dump_json(by_alias=True)), "now": why}
    terminal.table({"rollouts": data}, ("flag", "state", "step", "why"), rows, empty="Nothing was ever rolled out.")
