"""Scenarios beside the random histories: every path that writes, to meet single faults; backlogs, to be worked off.

`PATHS` are judged by their outcome too: where somebody comes back, it is that of the run without faults.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from services.core.domain.ledger import Kind, State
from services.core.domain.users import CLAIM_REQUEST_DURATION, OPEN_CLAIMS
from tests.simulation import people, rules
from tests.simulation.operators import books_and_takes_back, operate, spoils_and_repairs, tidy_up
from tests.simulation.people import (
    DAY,
    DESCRIPTION,
    MODERATOR,
    REASON,
    REWARDS_FLAG,
    Client,
    act,
    confirm,
    create,
    possible,
    schedule,
)
from tests.simulation.rules import Findings, Record
from tests.simulation.world import CLAIMS_PER_HOUR, WRITES, Conditions, Fault, World

Step = Callable[[World], Any]
Rival = Callable[[World], Any]
SUBMISSION = "The sofa is upstairs."
ANN_AGAIN = "ann~2"
"""Ann's second account."""


# --- the past that a scenario begins with ---


def rows(*users: str) -> Step:
    """These members have signed up."""

    def step(world: World) -> None:
        for user in users or ("ann", "ben"):
            confirm(world, user)

    return step


_STEPS_TO_STATUS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "OPEN": (),
    "CLAIMED": (("claim", "performer"),),
    "SUBMITTED": (("claim", "performer"), ("submit", "performer")),
    "HALF": (("claim", "performer"), ("submit", "performer"), ("attest", "performer")),
    "DISPUTED": (("claim", "performer"), ("submit", "performer"), ("dispute", "performer")),
    "COMPLETE": (("claim", "performer"), ("submit", "performer"), ("attest", "performer"), ("attest", "requestor")),
}
"""The steps of a quest to a status; HALF is SUBMITTED with the performer's word."""


def quest(world: World, upto: str = "OPEN", requestor: str = "ann", performer: str = "ben", key: str = "k") -> str:
    """A quest in this status. A step that its state does not ask for any more is left out."""
    quest_id = str(create(world, requestor, key).body["questId"])
    parties = {"requestor": requestor, "performer": performer}
    for action, role in _STEPS_TO_STATUS[upto]:
        who = parties[role]
        if action in ("claim", "submit", "dispute") or (action, who) in possible(world, quest_id, (who,)):
            answer = act(world, action, quest_id, who)
            assert answer.status == 200, (action, answer.status, answer.body)
    return quest_id


def only(world: World) -> str:
    """The one quest that there is, or the last one."""
    return [*people.quest_items(world)][-1]


def quests_of(count: int, upto: str = "COMPLETE") -> Step:
    """Members with some quests."""

    def step(world: World) -> None:
        rows()(world)
        for number in range(count):
            quest(world, upto, key=f"k{number}")

    return step


def later(step: Step, seconds: float) -> Step:
    """A past, and time that has gone since."""

    def past(world: World) -> None:
        step(world)
        world.now += seconds

    return past


def leaving_member(world: World) -> None:
    """A member whose grace period is over, with a quest in every status and role."""
    rows("ann", "ben", "cyd")(world)
    profile = {"displayName": "Cyd", "bio": "I was here", "interests": ["x"]}
    Client(world).call("editMe", "cyd", profile)
    quest(world, "OPEN", "cyd", key="a")
    quest(world, "SUBMITTED", "cyd", key="b")
    people.talk(world, "cyd", quest(world, "CLAIMED", "ann", "cyd", key="c"))
    quest(world, "SUBMITTED", "ann", "cyd", key="d")
    Client(world).call("deleteMe", "cyd")
    world.now += 14 * DAY + 60


def flag(value: str, count: int = 2) -> Step:
    """Rewards are owed, and their flag has this value; both parties are in the internal group."""

    def step(world: World) -> None:
        quests_of(count)(world)
        world.pool["ann"] = world.pool["ben"] = frozenset({"internal"})
        world.parameters[REWARDS_FLAG] = value

    return step


# --- paths that write ---


class Path(NamedTuple):
    """A path that writes: its past, and what runs into a fault. `comes_back` where somebody then tries again."""

    past: Step
    run: Callable[[World, int], Any]
    comes_back: bool = True


def _does(action: str, upto: str, who: str, body: Any = None) -> Path:
    def past(world: World) -> None:
        rows()(world)
        quest(world, upto)
        world.pool.setdefault(who, frozenset())

    return Path(past, lambda world, tries: act(world, action, only(world), who, body, tries))


def _asks(past: Step, operation: str, who: str, body: Any = None) -> Path:
    return Path(past, lambda world, tries: Client(world, tries).call(operation, who, body))


def _posts(past: Step) -> Path:
    return Path(past, lambda world, tries: create(world, "ann", "k", tries))


def _runs(service: str, past: Step, times: int = 1) -> Path:
    """A schedule, or several runs of it side by side."""

    def run(world: World, tries: int) -> None:
        for _ in range(times - 1):
            world.spawn(schedule, world, service, tries - 1)
        schedule(world, service, tries - 1)
        world.pause(120 if times > 1 else 0)

    return Path(past, run)


def _brings(past: Step) -> Path:
    def run(world: World, _tries: int) -> None:
        for mapping in people.MAPPINGS:
            world.spawn(people.stream, world, mapping, 0.0, 0.0, daemon=True)
        world.pause(2)

    return Path(past, run)


def _both_attest(world: World, tries: int) -> None:
    world.spawn(act, world, "attest", only(world), "ann", {}, tries)
    act(world, "attest", only(world), "ben", {}, tries)
    world.pause(60)


def _at_once(world: World, tries: int) -> None:
    world.spawn(schedule, world, "rewards", tries - 1)
    world.spawn(schedule, world, "rewards", tries - 1)
    _brings(rows()).run(world, tries)
    world.pause(60)


def _nobody(_: World) -> None:
    """No past."""


def _no_row(world: World) -> None:
    """Ann has an account, and her row was never made."""
    world.pool["ann"] = frozenset()


def _gone(world: World) -> None:
    """Ann posted, and ended her account by Cognito's own DeleteUser."""
    rows()(world)
    quest(world, "OPEN")
    world.now += 2 * DAY
    world.pool.pop("ann")


def _claiming_again(world: World) -> None:
    rows()(world)
    quest(world, "CLAIMED", key="z")
    quest(world)


def _leaving(world: World) -> None:
    rows()(world)
    Client(world).call("deleteMe", "ann")


def _posted_before(world: World) -> None:
    rows()(world)
    create(world, "ann", "z")


def _writes(upto: str, who: str, audience: str, *, asked: bool = False) -> Path:
    """A message under an Idempotency-Key."""

    def past(world: World) -> None:
        rows("ann", "ben", "cyd")(world)
        quest_id = quest(world, upto)
        if asked:
            people.talk(world, "cyd", quest_id)

    def run(world: World, tries: int) -> None:
        body, headers = {"text": "At nine?", "audience": audience}, {"idempotency-key": "m"}
        Client(world, tries).call("writeMessage", who, body, headers=headers, questId=only(world))

    return Path(past, run)


def _reports(world: World, tries: int) -> None:
    body = {"subject": {"kind": "member", "userId": "ben"}, "reason": "rude", "words": "Look."}
    Client(world, tries).call("makeReport", "ann", body, headers={"idempotency-key": "r"})


def _reported(world: World) -> None:
    quests_of(1, "CLAIMED")(world)
    _reports(world, 3)


def _report_id(world: World) -> str:
    return next(iter(world.db.tables["reports"].items))[0]


def _decides(measure: str) -> Callable[[World, int], Any]:
    until = {"until": "2027-06-01T00:00:00.000Z"} if measure == "suspend" else {}

    def run(world: World, tries: int) -> None:
        body = {"measure": measure, "words": REASON, **until}
        Client(world, tries).call("decideReport", MODERATOR, body, reportId=_report_id(world))

    return run


def _decided(world: World) -> None:
    _reported(world)
    _decides("warn")(world, 3)


def _objects(world: World, tries: int) -> None:
    Client(world, tries).call("objectToDecision", "ben", {"reason": REASON}, reportId=_report_id(world))


PATHS: Mapping[str, Path] = {
    "trigger": Path(_nobody, lambda world, _: confirm(world, "ann"), comes_back=False),
    "trigger, signing up again": Path(_gone, lambda world, _: confirm(world, ANN_AGAIN), comes_back=False),
    "create": _posts(rows()),
    "create without row": _posts(_no_row),
    "create, soon after another one": _posts(_posted_before),
    "edit": _does("edit", "OPEN", "ann", {"rewardXp": 300}),
    "edit text": _does("edit", "OPEN", "ann", {"description": f"{DESCRIPTION} And no lift at all."}),
    "cancel": _does("cancel", "OPEN", "ann"),
    "claim": _does("claim", "OPEN", "ben"),
    "claim without row": _does("claim", "OPEN", "cyd"),
    "claim, soon after another one": Path(
        _claiming_again, lambda world, tries: act(world, "claim", only(world), "ben", None, tries)
    ),
    "release": _does("release", "CLAIMED", "ben"),
    "submit": _does("submit", "CLAIMED", "ben", {"submission": SUBMISSION}),
    "request-changes": _does("request-changes", "SUBMITTED", "ann", {"reason": REASON}),
    "attest": _does("attest", "SUBMITTED", "ann", {}),
    "attest, second": _does("attest", "HALF", "ann", {}),
    "attest, both at once": Path(quests_of(1, "SUBMITTED"), _both_attest),
    "dispute": _does("dispute", "SUBMITTED", "ben", {"reason": REASON}),
    **{
        f"resolve {outcome}": _does(
            "resolve", "DISPUTED", MODERATOR, {"outcome": outcome, "decision": f"{SUBMISSION} The pictures show it."}
        )
        for outcome in ("COMPLETE", "CLAIMED", "CANCELLED")
    },
    "withdraw": _does("withdraw", "CLAIMED", "ann", {"reason": REASON}),
    "state": _does("state", "DISPUTED", "ann", {"statement": REASON}),
    "hide": _does("hide", "CLAIMED", MODERATOR, {"reason": REASON}),
    "question": _writes("OPEN", "cyd", "public"),
    "answer": _writes("OPEN", "ann", "public", asked=True),
    "message": _writes("CLAIMED", "ben", "private"),
    "report": Path(quests_of(1, "CLAIMED"), _reports),
    **{f"decide {measure}": Path(_reported, _decides(measure)) for measure in ("warn", "suspend", "ban", "rename")},
    "object": Path(_decided, _objects),
    "stream pays": _brings(quests_of(2)),
    "sweep pays": _runs("rewards", quests_of(2)),
    "two sweeps and the stream": Path(quests_of(2), _at_once),
    "stream holds": _brings(flag("off")),
    "sweep holds": _runs("rewards", flag("off")),
    "stream, internal": _brings(flag("internal")),
    "stream, poison": _brings(people.poison),
    "sweep, poison": _runs("rewards", people.poison),
    "expire": _runs("housekeeping", later(quests_of(2, "OPEN"), 31 * DAY)),
    "release overdue": _runs("housekeeping", later(quests_of(2, "CLAIMED"), 22 * DAY)),
    "two housekeepers": _runs("housekeeping", later(quests_of(2, "OPEN"), 31 * DAY), times=2),
    "forget": _runs("housekeeping", leaving_member),
    "edit me": _asks(rows(), "editMe", "ann", {"displayName": "Anna"}),
    "edit me without row": _asks(_no_row, "editMe", "ann", {"displayName": "Anna"}),
    "delete me": _asks(rows(), "deleteMe", "ann"),
    "restore me": _asks(_leaving, "restoreMe", "ann"),
    "get me without row": _asks(_no_row, "getMe", "ann"),
    "export": _asks(quests_of(2), "exportMe", "ann"),
}
"""Every path that writes. A new operation or chore gets a line here."""

KINDS: tuple[Fault, ...] = tuple(fault for fault in Fault if fault is not Fault.HANG)
REPEATED = (Fault.THROTTLE, Fault.HTTP_500, Fault.RESET, Fault.LOST, Fault.CONFLICT)

Outcome = dict[str, list[Any]]


# --- races ---


ROUNDS = 50


def race(upto: str, first: Rival, second: Rival, past: float = 0.0) -> Iterator[tuple[World, Findings]]:
    """Two things at once to one quest in this status, `past` seconds later, in ROUNDS orders; then a day of quiet."""
    for seed in range(ROUNDS):

        def begin(world: World) -> None:
            rows("ann", "ben", "cyd")(world)
            quest(world, upto)

        world = prepared(later(begin, past) if past else begin, seed)

        def both(world: World) -> None:
            world.spawn(first, world, delay=world.rng.uniform(0, 0.6))
            world.spawn(second, world, delay=world.rng.uniform(0, 0.6))

        world.run(both)
        people.recover_and_drain(world)
        people.sweep(world)
        found = Findings()
        record = Record(world)
        for check in (
            rules.check_books,
            rules.check_changes,
            rules.check_ledger,
            rules.check_answers,
            rules.check_paid,
        ):
            check(record, found)
        yield world, found


def acting(action: str, who: str, body: Any = None) -> Rival:
    """A member's step."""
    return lambda world: act(world, action, only(world), who, body, 1)


def keeping(world: World) -> None:
    """Housekeeping's run."""
    schedule(world, "housekeeping", 0)


def asking(world: World) -> None:
    """A question of somebody else."""
    body = {"text": "At nine?", "audience": "public"}
    Client(world, 1).call("writeMessage", "ben", body, questId=only(world))


def outcome(world: World) -> Outcome:
    """All that matters of the tables, without moments and versions."""
    record = Record(world)
    texts = world.db.tables["quests"].items
    return {
        "quests": sorted(
            (q.quest_id, q.status, q.performer_id or "", q.reward_xp, sorted(a.role for a in q.attestations))
            for q in record.quests.values()
        ),
        "texts": sorted((key[0], item["text"]["S"]) for key, item in texts.items() if "#" in key[0] and "text" in item),
        "users": sorted(
            (u.user_id, u.points, u.xp, u.completed, u.display_name, bool(u.deleted), u.deletion_at is not None)
            for u in record.users.values()
        ),
        "ledger": sorted((e.user_id, e.kind, e.quest_id or "", e.state) for e in record.entries),
        "accounts": sorted(world.pool),
        "closed": sorted(world.disabled),
        "standing": sorted((u.user_id, str(u.suspended_until)) for u in record.users.values() if u.suspended_until),
        "messages": sorted(
            (item["authorId"]["S"], item.get("text", {}).get("S", ""))
            for item in world.db.tables["messages"].items.values()
            if "authorId" in item
        ),
        "reports": sorted(
            (item["state"]["S"], len(item["decisions"]["L"])) for item in world.db.tables["reports"].items.values()
        ),
    }


def prepared(past: Step, seed: int = 1, page: int = 1000) -> World:
    """A world in which all is well, and the past has happened; every sandbox is cold."""
    world = World(seed, Conditions(plan={}, skew=0, stale=0, page=page))
    world.run(past)
    for mapping in people.MAPPINGS:
        world.positions[mapping.name] = 0
    for idle in world.idle.values():
        idle.clear()
    world.now += 11
    return world


def run_path(path: Path, plan: Mapping[int, Fault], tries: int) -> tuple[World, Findings, int]:
    """Runs a path into faults (by number of the call, from 1), then lets the platform come to rest by itself.

    Returns the world, what was violated, and how many calls the path made.
    """
    world = prepared(path.past)
    begin = world.calls
    world.plan = {begin + number: fault for number, fault in plan.items()}
    world.run(lambda world: path.run(world, tries))
    used = world.calls - begin
    found = Findings()
    rules.check_books(Record(world), found)
    people.recover_and_drain(world)
    rules.check_stream_lost_nothing(Record(world), found)
    people.sweep(world)
    record = Record(world)
    rules.check_paid(record, found)
    rules.check_people(record, found)
    for _ in range(2):
        world.now += 900
        world.run(lambda world: schedule(world, "housekeeping", 0))
    record = Record(world)
    checks = (
        rules.check_books,
        rules.check_changes,
        rules.check_ledger,
        rules.check_answers,
        rules.check_nothing_is_stuck,
    )
    for check in (*checks, rules.check_leavers, rules.check_conditions):
        check(record, found)
    rules.check_erasure(record, found, published=False)
    found.extend(rules.Violation("E0 the simulation itself", error) for error in world.errors)
    return world, found, used


def single_faults(used: int, kinds: Iterable[Fault] = KINDS) -> Iterator[dict[int, Fault]]:
    """Every fault at every call of a path, and just behind them."""
    for number in range(1, used + 3):
        yield from ({number: fault} for fault in kinds)


def runs_of_faults(used: int, lengths: Iterable[int] = (2, 5, 12, 40)) -> Iterator[dict[int, Fault]]:
    """Runs of equal faults from every call on."""
    for number in range(1, used + 3):
        for fault in REPEATED:
            yield from ({number + more: fault for more in range(length)} for length in lengths)


def pairs_of_faults(used: int) -> Iterator[dict[int, Fault]]:
    """Any two faults that lie at most six calls apart."""
    for first in range(1, used + 1):
        for second in range(first + 1, min(first + 7, used + 4)):
            yield from ({first: a, second: b} for a in KINDS for b in KINDS)


def run_under_faults(
    name: str, plans: Callable[[int], Iterable[Mapping[int, Fault]]], tries: Iterable[int] = (3,)
) -> list[str]:
    """The violations on a path, under each of the plans that are made for its number of calls."""
    path = PATHS[name]
    clean, found, used = run_path(path, {}, 3)
    if found:
        return [f"{name} without a fault: {found}"]
    want, wrong = outcome(clean), []
    for plan in plans(used):
        for attempts in tries:
            world, found, _ = run_path(path, plan, attempts)
            if found:
                wrong.append(f"{name} under {plan}, {attempts} tries: {found[0]}")
            elif path.comes_back and attempts > 1 and len(plan) <= 2 and outcome(world) != want:
                wrong.append(f"{name} under {plan}: another outcome than without the fault: {outcome(world)}")
    return wrong


# --- backlogs ---


def _down(services: tuple[str, ...], fault: Fault = Fault.RESET, *operations: str) -> Step:
    """The stream and two sweeps run into an outage."""

    def past(world: World) -> None:
        world.outage(services, 4000, fault, *operations)
        _bring_and_sweep(world)
        world.outages.clear()

    return past


def _bring_and_sweep(world: World) -> None:
    for mapping in people.MAPPINGS:
        world.spawn(people.stream, world, mapping, daemon=True)

    def sweeps(world: World) -> None:
        for _ in range(2):
            schedule(world, "rewards")
            world.pause(900)

    world.run(sweeps)


def _turned(value: str) -> Step:
    def past(world: World) -> None:
        world.parameters[REWARDS_FLAG] = value
        world.now += 60
        _bring_and_sweep(world)

    return past


def _stream_lost(world: World) -> None:
    for mapping in people.MAPPINGS:
        world.positions[mapping.name] = len(world.db.tables[mapping.table].stream)


def _both(*steps: Step) -> Step:
    def past(world: World) -> None:
        for step in steps:
            step(world)

    return past


BACKLOGS: Mapping[str, Step] = {
    "the stream brought nothing": _stream_lost,
    "dynamodb refused writes": _down(("dynamodb",), Fault.RESET, *WRITES),
    "dynamodb down": _down(("dynamodb",)),
    "throttled": _down(("dynamodb",), Fault.THROTTLE),
    "answers lost": _down(("dynamodb",), Fault.LOST),
    "ssm down": _down(("ssm",)),
    "flag off": _turned("off"),
    "flag nonsense": _turned("banana"),
    "flag 50%": _turned("50%"),
    "internal, cognito down": _both(_turned("internal"), _down(("cognito",))),
    "poison, sqs down": _both(people.poison, _down(("sqs",))),
    "crashes before": _down(("dynamodb",), Fault.CRASH_BEFORE, "TransactWriteItems"),
    "crashes after": _down(("dynamodb",), Fault.CRASH_AFTER, "TransactWriteItems"),
    "stream lost, flag off": _both(_turned("off"), _stream_lost),
}
"""The reasons for rewards that are owed and nobody paid."""

OWED = 14


def _owed(world: World, count: int = OWED) -> None:
    for number in range(count):
        rows(f"m{number}", f"p{number}")(world)
        quest(world, "COMPLETE", f"m{number}", f"p{number}", key=f"m{number}")


def backlog(name: str, page: int) -> Findings:
    """Rewards that pile up; then the trouble ends, nobody comes back, and two sweeps have paid them all."""
    world = World(7, Conditions(stale=0, page=page))
    world.run(_owed)
    BACKLOGS[name](world)
    found = Findings()
    rules.check_books(Record(world), found)
    if "stream" not in name:
        rules.check_stream_lost_nothing(Record(world), found)
    people.recover_and_drain(world)
    people.sweep(world)
    record = Record(world)
    for check in (rules.check_paid, rules.check_books, rules.check_ledger):
        check(record, found)
    found.extend(rules.Violation("E0 the simulation itself", error) for error in world.errors)
    return found


OUTAGE_SECONDS, IN_OUTAGE = 60, 20
ANSWERED_WITHIN = 3.0
"""Seconds in which a member hears something, whatever AWS does: the 2 that the api allows AWS (`aws_seconds`), and
its own work.
"""


def outage(services: tuple[str, ...], fault: Fault, seed: int) -> Findings:
    """A minute in which AWS fails, with rewards owed and members who post; then nobody comes back.

    Every answer comes in time. What was said to be posted is there, what was not said may be, and each has cost its
    points. Two sweeps later every reward is paid.
    """
    world = World(seed, Conditions(stale=0))
    world.run(lambda world: _owed(world, IN_OUTAGE))
    for number in range(IN_OUTAGE):
        rows(f"c{number}")(world)
    before = len(world.requests)
    world.outage(services, OUTAGE_SECONDS, fault)
    for number in range(IN_OUTAGE):
        delay = OUTAGE_SECONDS * number / IN_OUTAGE
        world.spawn(create, world, f"c{number}", f"c{number}", 1, delay=delay)
    people.start_streams_and_schedules(world)
    world.run(lambda world: world.pause(OUTAGE_SECONDS))
    found = Findings()
    asked = world.requests[before:]
    found.expect(len(asked) == IN_OUTAGE, "O0 somebody did not ask", len(asked))
    for call in asked:
        took = call.final.ended - call.final.started
        found.expect(took <= ANSWERED_WITHIN, "O1 an answer was late", f"{call.who} waited {took:.1f} s")
        found.expect(call.final.status in (200, 201, 503), "O2 an answer that says nothing", call.final.status)
        posted = call.final.status in (200, 201)
        there = call.final.body.get("questId") in people.quest_items(world)
        found.expect(there or not posted, "O3 a quest that was posted is lost", call.who)
    people.recover_and_drain(world)
    people.sweep(world)
    record = Record(world)
    paid = sum(1 for entry in record.entries if entry.kind is Kind.REWARD and entry.state is State.POSTED)
    found.expect(paid == IN_OUTAGE, "O4 rewards are missing", paid)
    for check in (rules.check_paid, rules.check_books, rules.check_ledger, rules.check_stream_lost_nothing):
        check(record, found)
    found.extend(rules.Violation("E0 the simulation itself", error) for error in world.errors)
    return found


def _chores_due(world: World) -> None:
    for number in range(6):
        rows(f"m{number}", f"p{number}")(world)
        for upto in ("OPEN", "CLAIMED", "SUBMITTED"):
            quest(world, upto, f"m{number}", f"p{number}", key=f"{upto}{number}")
        Client(world).call("deleteMe", f"m{number}")
    world.now += 32 * DAY


def chores(page: int, stale: float) -> Findings:
    """A backlog of expiries, releases and deletions, two housekeepers at once, and indexes that lag; then quiet."""
    world = World(8, Conditions(stale=0, page=page))
    world.run(_chores_due)
    world.stale = stale
    for _ in range(2):
        world.spawn(schedule, world, "housekeeping", 0)
    world.run()
    world.heal()
    world.now += 900
    for _ in range(2):
        world.run(lambda world: schedule(world, "housekeeping", 0))
        world.now += 900
    found, record = Findings(), Record(world)
    for check in (
        rules.check_nothing_is_stuck,
        rules.check_leavers,
        rules.check_books,
        rules.check_changes,
        rules.check_people,
    ):
        check(record, found)
    found.extend(rules.Violation("E0 the simulation itself", error) for error in world.errors)
    return found


def posts_beyond_the_points() -> Findings:
    """A member whose quota allows more quests than they have points for posts them all at once."""
    world = prepared(rows(), seed=2)

    def story(world: World) -> None:
        for number in range(world.creates_per_hour):
            world.spawn(create, world, "ann", f"k{number}", 1)

    world.run(story)
    found, record = Findings(), Record(world)
    for check in (rules.check_books, rules.check_ledger, rules.check_answers):
        check(record, found)
    refused = [call for call in world.requests if call.final.status == 403]
    found.expect(refused, "V9 nobody ran out of points")
    return found


def concurrent_claims(seeds: Iterable[int]) -> Findings:
    """A member claims more quests than they may have, from many devices at once."""
    found = Findings()
    for seed in seeds:
        world = prepared(quests_of(OPEN_CLAIMS + 3, "OPEN"), seed)

        def story(world: World) -> None:
            for quest_id in [*people.quest_items(world)]:
                world.spawn(act, world, "claim", quest_id, "ben", None, 3)
                world.pause(world.rng.uniform(0, 0.01))

        world.run(story)
        record = Record(world)
        checks = (
            rules.check_books,
            rules.check_changes,
            rules.check_ledger,
            rules.check_answers,
            rules.check_paid,
        )
        for check in checks:
            check(record, found)
        refused = [call for call in world.requests if call.final.body.get("code") == "too_many_claims"]
        found.expect(refused, "Q3 nobody was refused a claim")
        found.extend(rules.Violation("E0 the simulation itself", error) for error in world.errors)
    return found


def repeated_claims() -> Findings:
    """A member claims one quest after another, and gives each back."""

    def past(world: World) -> None:
        rows("ann", "ben", "cyd")(world)
        for number in range(CLAIMS_PER_HOUR + 4):
            quest(world, requestor=("ann", "cyd")[number % 2], key=f"k{number}")

    world = prepared(past)

    def story(world: World) -> None:
        for quest_id in [*people.quest_items(world)]:
            act(world, "claim", quest_id, "ben", None, 1)
            act(world, "release", quest_id, "ben", None, 1)
            world.pause(CLAIM_REQUEST_DURATION.total_seconds())  # so long its request may run, and it counts

    world.run(story)
    found, record = Findings(), Record(world)
    for check in (rules.check_books, rules.check_answers):
        check(record, found)
    found.expect([call for call in world.requests if call.final.status == 429], "Q2 nobody was refused a claim")
    return found


def cancelled_twice() -> Findings:
    """A member whose first answer was lost cancels once more."""
    world = prepared(quests_of(1, "OPEN"))

    def story(world: World) -> None:
        for _ in range(2):
            act(world, "cancel", only(world), "ann", None, 1)
            world.pause(1)

    world.run(story)
    found, record = Findings(), Record(world)
    for check in (rules.check_books, rules.check_changes, rules.check_ledger, rules.check_answers):
        check(record, found)
    return found


def publishing(seeds: Iterable[int]) -> Findings:
    """Quests move quickly while several publishers are at work, each on what another part of the stream says."""
    found = Findings()
    for seed in seeds:
        world = prepared(quests_of(2, "OPEN"), seed)

        def publish(world: World) -> None:
            for _ in range(6):
                world.invoke("publisher", {"quests": [*people.quest_items(world)]})
                world.pause(world.rng.uniform(0, 0.2))

        def story(world: World) -> None:
            for _ in range(3):
                world.spawn(publish, world)
            for quest_id in [*people.quest_items(world)]:
                act(world, "claim", quest_id, "ben", None, 1)
                act(world, "withdraw", quest_id, "ann", {"reason": REASON}, 1)

        world.run(story)
        people.recover_and_drain(world)
        record = Record(world)
        rules.check_published(record, found)
        rules.check_documents(record, found)
        found.extend(rules.Violation("E0 the simulation itself", error) for error in world.errors)
    return found


def operators_repairing(seeds: Iterable[int]) -> Findings:
    """Operators take a wrong booking back, and repair a text, while the quest that it is about ends."""
    found = Findings()
    for seed in seeds:
        world = prepared(quests_of(1, "HALF"), seed)

        def story(world: World) -> None:
            world.spawn(act, world, "attest", only(world), "ann", {}, 1, delay=world.rng.uniform(0, 0.2))
            for _ in range(6):
                for command in (books_and_takes_back, spoils_and_repairs):
                    world.spawn(operate, world, command(world.rng, world))
                world.pause(world.rng.uniform(0, 0.2))
                world.spawn(schedule, world, "rewards", 0)

        world.run(story)
        world.run(tidy_up)
        people.recover_and_drain(world)
        people.sweep(world)
        record = Record(world)
        for check in (rules.check_books, rules.check_ledger, rules.check_paid, rules.check_operated):
            check(record, found)
        found.extend(rules.Violation("E0 the simulation itself", error) for error in world.errors)
    return found


def flag_switched_during_sweep(seeds: Iterable[int]) -> Findings:
    """The rewards flag is switched on while a sweep holds what it excluded, and another sandbox pays already."""
    found = Findings()
    for seed in seeds:
        world = prepared(flag("off"), seed)

        def story(world: World) -> None:
            world.spawn(schedule, world, "rewards", 0)
            world.pause(world.rng.uniform(0, 0.03))
            world.parameters[REWARDS_FLAG] = "on"
            schedule(world, "rewards", 0)

        world.run(story)
        people.sweep(world)
        record = Record(world)
        for check in (rules.check_paid, rules.check_books, rules.check_ledger):
            check(record, found)
        found.extend(rules.Violation("E0 the simulation itself", error) for error in world.errors)
    return found


def races(operation: str, body: Any, seeds: Iterable[int]) -> Findings:
    """A member who is due to be forgotten does something while housekeeping comes for them, at many moments."""
    found = Findings()
    for seed in seeds:
        world = World(seed, Conditions(skew=0, stale=0))

        def story(world: World) -> None:
            rows("ann")(world)
            Client(world).call("editMe", "ann", {"displayName": "Ann"})
            Client(world).call("deleteMe", "ann")
            world.now += 14 * DAY + 60
            world.spawn(schedule, world, "housekeeping", 0)
            world.pause(world.rng.uniform(0.02, 0.3))
            Client(world, 1).call(operation, "ann", body)

        world.run(story)
        world.now += DAY
        world.run(lambda world: schedule(world, "housekeeping", 0))
        rules.check_people(Record(world), found)
        found.extend(rules.Violation("E0 the simulation itself", error) for error in world.errors)
    return found
