"""Callers of the Lambdas: members with retrying clients, Cognito, streams, schedules; and histories made of them."""

import json
import os
import random
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from pydantic.alias_generators import to_camel

from services.api.operations import OPERATIONS
from services.core.domain.ledger import State
from services.core.domain.quests import FINAL, MODERATORS, Actor, Allowed, Outcome, Quest, allowed
from services.core.domain.values import timestamp
from services.core.flags import INTERNAL
from services.core.names import parameter_name, resource_name
from services.core.parameters import FLAGS, flag_parameter
from services.core.routes import TRANSITION_OPERATIONS
from services.core.services import NOTICES, PUBLISHER, QUEUES, REWARDS, SWEEPS, USER_CREATION
from services.core.stores.dynamo import decode_item, encode_item
from tests.simulation.operators import operator
from tests.simulation.world import (
    GONE,
    SKEW,
    STAGE,
    WRITES,
    Attempt,
    Call,
    Conditions,
    Fault,
    Outage,
    Trigger,
    World,
    address_of,
    gateway_event,
    has_signed_up_again,
    queue_url,
)

UNIQUE_TEXT_ENDINGS = ("-x", "I say")
"""Endings of the texts that one request alone has."""
DAY = 86_400.0
MEMBERS, MODERATOR, SECOND_MODERATOR = ("ann", "ben", "cyd"), "mod", "max"
EVERYBODY = (*MEMBERS, MODERATOR)
REWARDS_FLAG = parameter_name(STAGE, flag_parameter("rewards").key)
DESCRIPTION = "Twelve steps, one narrow turn, and a sofa."
REASON = "The second bag of leaves is still there."

OPERATION_OF: Mapping[str, str] = {
    **{action: operation for operation, action in TRANSITION_OPERATIONS.items()},
    "edit": "editQuest",
    "cancel": "cancelQuest",
}
"""The actions of a member on a quest, and the operation that does each."""

_SAMPLES: Mapping[str, Callable[[int], Any]] = {
    "submission": lambda n: f"Done, the sofa is upstairs ({n}).",
    "reason": lambda n: f"{REASON} {n}",
    "statement": lambda n: f"The sofa was too wide for the stairs {n}.",
    "decision": lambda n: f"The sofa is upstairs, as the pictures show {n}.",
    "outcome": lambda n: [*Outcome][n % len(Outcome)].value,
    "notes": lambda n: f"n{n}",
    "reward_xp": lambda n: 100 + n,
    "title": lambda n: f"Carry sofa {n}",
    "description": lambda n: f"{DESCRIPTION} {n}",
}
"""A valid value for each field of a body, by its name. A body of a new operation needs its required ones here."""

_WEIGHTS = {"attest": 8, "claim": 7, "submit": 6, "release": 1}
"""The weights of members' actions; anything else counts 1."""


# --- a member's client ---


class Client:
    """A device. It sends a request up to `tries` times while it gets 5xx or no answer, always the same."""

    def __init__(self, world: World, tries: int = 3) -> None:
        self._world, self._tries = world, tries

    def call(
        self,
        operation: str,
        who: str | None = None,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        **path: str,
    ) -> Attempt:
        """The last attempt, with its answer; 502 where the Lambda died."""
        world = self._world
        groups = (MODERATORS,) if who in (MODERATOR, SECOND_MODERATOR) else ()
        call = Call(len(world.requests), operation, who, body, path, groups)
        world.requests.append(call)
        log = world.db.tables["quests"].log
        for number in range(self._tries):
            if number:
                world.pause(world.rng.uniform(0.2, 8))
            attempt = Attempt(world.now, len(log))
            call.attempts.append(attempt)
            result = world.invoke("api", gateway_event(call, headers or {}, query or {}), call)
            world.pause(world.rng.uniform(0.001, 0.05))
            attempt.ended, attempt.log_end, attempt.faults = world.now, len(log), result.invocation.faults
            if result.kind == "error":
                world.errors.append(f"the api raised {result.answer!r}")
            attempt.status = result.answer["statusCode"] if result.kind == "ok" else 502
            attempt.body = json_of(result.answer["body"]) if result.kind == "ok" else {}
            if attempt.status is not None and attempt.status < 500:
                break
        return call.final


def json_of(text: str) -> Any:
    """The document of an answer; empty if it has none."""
    return json.loads(text) if text else {}


def body_of(world: World, operation: str) -> Any:
    """A valid body for an operation, at random; None if it takes none."""
    if not OPERATIONS[operation].takes_body:
        return None
    model = OPERATIONS[operation].body
    number = world.rng.randrange(1000)
    required = [name for name, field in model.model_fields.items() if field.is_required()]
    optional = [name for name in model.model_fields if name in _SAMPLES and name not in required]
    chosen = [world.rng.choice(optional)] if optional and not required and number % 3 else []
    if operation == "editQuest" and not chosen:
        chosen = ["reward_xp"]
    return {to_camel(name): _SAMPLES[name](number) for name in (*required, *chosen)}


def act(world: World, action: str, quest_id: str, who: str, body: Any = None, tries: int = 3) -> Attempt:
    """Somebody does something with a quest."""
    operation = OPERATION_OF[action]
    return Client(world, tries).call(
        operation, who, body if body is not None else body_of(world, operation), questId=quest_id
    )


def create(world: World, who: str, key: str, tries: int = 3, **fields: Any) -> Attempt:
    """Somebody posts a quest under an Idempotency-Key."""
    body = {"title": f"Carry {key}", "description": f"{DESCRIPTION} {key}", "category": "social", **fields}
    return Client(world, tries).call("createQuest", who, body, headers={"idempotency-key": key})


# --- Cognito, streams and schedules ---


def confirm(world: World, user: str, groups: tuple[str, ...] = ()) -> None:
    """A sign-up is confirmed whatever its trigger does; Cognito runs that up to three times."""
    world.pool[user] = frozenset(groups)
    world.signed_up.setdefault(user)
    for _ in range(3):
        event = {
            "triggerSource": "PostConfirmation_ConfirmSignUp",
            "request": {"userAttributes": {"sub": user, "email": address_of(user)}},
            "userName": user,
        }
        result = world.invoke("onboarding", event)
        queued = any(message["userId"] == user for message in world.queues.get(queue_url(USER_CREATION), []))
        there = (user,) in world.db.tables["users"].items or queued
        ended = result.kind == "ok"
        world.triggers.append(Trigger(user, ended, "sqs" in result.invocation.faulty_services, there))
        if ended:
            return


class StreamMapping(NamedTuple):
    """A Lambda that takes a table's stream: which records, and the queue of what is given up."""

    service: str
    table: str
    wanted: Callable[[Mapping[str, Any]], bool]
    queue: str
    batch: int = 10
    retries: int = 5

    @property
    def name(self) -> str:
        """Tells it from the others of its Lambda."""
        return f"{self.service}/{self.table}"

    @property
    def arn(self) -> str:
        """The stream's ARN, whose table the records name."""
        return f"arn:aws:dynamodb:sim:1:table/{resource_name(STAGE, self.table)}/stream/1"


def _owes(record: Mapping[str, Any]) -> bool:
    return record["eventName"] == "INSERT" and bool(record["dynamodb"]["NewImage"]["state"]["S"] == State.PENDING)


def _is_step(record: Mapping[str, Any]) -> bool:
    return record["eventName"] == "MODIFY" and "version" in record["dynamodb"].get("NewImage", {})


def _is_paid(record: Mapping[str, Any]) -> bool:
    image = record["dynamodb"].get("NewImage", {})
    settled = image.get("state", {}).get("S") in (State.POSTED, State.HELD)
    return record["eventName"] == "MODIFY" and settled and image["kind"]["S"] == "reward"


def _is_message(record: Mapping[str, Any]) -> bool:
    return record["eventName"] == "INSERT" and "authorId" in record["dynamodb"]["NewImage"]


def _is_decided(record: Mapping[str, Any]) -> bool:
    return record["dynamodb"].get("NewImage", {}).get("state", {}).get("S") in ("DECIDED", "CLOSED")


NOTIFIER = tuple(
    StreamMapping("notifier", table, wanted, queue_url(NOTICES), retries=1000)
    for table, wanted in (
        ("quests", _is_step),
        ("ledger", _is_paid),
        ("messages", _is_message),
        ("reports", _is_decided),
    )
)
MAPPINGS = (
    StreamMapping("rewards", "ledger", _owes, queue_url(REWARDS)),
    StreamMapping("publisher", "quests", lambda _: True, queue_url(PUBLISHER), batch=100),
)
"""Every mapping of the platform but the notifier's; `infra.components.delivery` makes them."""


def stream(world: World, mapping: StreamMapping, duplicates: float = 0.2, shuffles: float = 0.1) -> None:
    """An event source mapping, until the run ends: batches in order, bisected, with partial failures and retries.

    `duplicates` is the share of batches after which former records come again, `shuffles` that of batches that come in
    another order.
    """
    records, done = world.db.tables[mapping.table].stream, []
    while True:
        batch = records[world.positions[mapping.name] :][: mapping.batch]
        if not batch:
            if world.closing:
                return
            world.pause(world.rng.uniform(0.1, 1))
            continue
        world.pause(world.rng.uniform(0.05, 1.5))
        wanted = [{**record, "eventSourceARN": mapping.arn} for record in batch if mapping.wanted(record)]
        if wanted:
            _deliver(world, mapping, wanted, shuffles)
        world.positions[mapping.name] += len(batch)
        done += wanted
        if done and world.rng.random() < duplicates:
            world.invoke(mapping.service, {"Records": world.rng.sample(done, min(len(done), 3))})


def _deliver(world: World, mapping: StreamMapping, records: list[dict[str, Any]], shuffles: float) -> None:
    waiting = [records]
    while waiting:
        batch, attempts = waiting.pop(0), 0
        while batch:
            order = batch if world.rng.random() >= shuffles else world.rng.sample(batch, len(batch))
            failed = _first_failure(world, mapping, order)
            if failed is None:
                break
            if failed:
                batch, attempts = order[failed:], 0
            elif len(batch) > 1:
                half = len(order) // 2
                waiting.insert(0, order[half:])
                batch = order[:half]
            elif attempts >= mapping.retries:
                world.given_up.append((mapping.service, batch[0]["dynamodb"]["Keys"]))
                number = batch[0]["dynamodb"]["SequenceNumber"]
                world.queues.setdefault(mapping.queue, []).append({"DDBStreamBatchInfo": {"sequence": number}})
                break
            else:
                attempts += 1
                world.pause(world.rng.uniform(0.5, 3))


def _first_failure(world: World, mapping: StreamMapping, batch: list[dict[str, Any]]) -> int | None:
    result = world.invoke(mapping.service, {"Records": batch})
    if result.kind != "ok":
        return 0
    failed = {failure["itemIdentifier"] for failure in result.answer.get("batchItemFailures", [])}
    places = [place for place, record in enumerate(batch) if record["dynamodb"]["SequenceNumber"] in failed]
    return min(places) if places else None


def schedule(world: World, service: str, retries: int = 2) -> bool:
    """A schedule's asynchronous invocation, which Lambda tries three times. Returns if one ended well."""
    for number in range(retries + 1):
        if number:
            world.pause(world.rng.uniform(1, 5))
        if world.invoke(service, {"schedule": service}).kind == "ok":
            return True
    world.queues.setdefault(queue_url(QUEUES["schedules"]), []).append({"schedule": service})
    return False


SCHEDULES = tuple(name for name in SWEEPS if name != "canary")
"""The Lambdas that run on a schedule, but for the canary, which looks from outside and writes no row."""


def scheduled(world: World, service: str) -> None:
    """A schedule, until the run ends."""
    while not world.closing:
        world.pause(world.rng.uniform(2, 18))  # far more often than it is, so that much meets
        if not world.closing:
            schedule(world, service)


def start_streams_and_schedules(world: World, duplicates: float = 0.2, shuffles: float = 0.1) -> None:
    """Starts every stream and schedule of the platform. The publisher, whose documents take most of the time, works
    along in a third of the histories, and catches up at the end of the others; the notifier in another third.
    """
    along = {"publisher": world.seed % 3 == 0, "notifier": has_notifier(world)}
    for mapping in (*MAPPINGS, *NOTIFIER):
        if along.get(mapping.service, True):
            world.spawn(stream, world, mapping, duplicates, shuffles, daemon=True)
    for service in SCHEDULES:
        if along.get(service, True):
            world.spawn(scheduled, world, service, daemon=True)


NOTIFIER_TOO = frozenset({1467, 1496})
"""Seeds that broke a rule once, with the notifier in them."""


def has_notifier(world: World) -> bool:
    """True for the third of the histories in which the notifier works along: its mails take much of the time.

    With the environment variable `NOTIFIER=always` it does in every history.
    """
    return world.seed % 3 == 1 or world.seed in NOTIFIER_TOO or os.environ.get("NOTIFIER") == "always"


def has_operators(world: World) -> bool:
    """True for the seventh of the histories in which operators work along, with the commands of the CLI."""
    return world.seed % 7 == 0


# --- what members do ---


def quest_items(world: World) -> dict[str, dict[str, Any]]:
    """The quests as they are stored, by id, without their texts."""
    return {key[0]: item for key, item in world.db.tables["quests"].items.items() if "#" not in key[0]}


def as_quest(item: Mapping[str, Any]) -> Quest:
    """A stored quest."""
    return Quest.model_validate(decode_item(item))


def actor(who: str) -> Actor:
    """Somebody, with every feature switched on."""
    return Actor(who, frozenset({MODERATORS} if who == MODERATOR else ()), frozenset(FLAGS))


def members(world: World) -> tuple[str, ...]:
    """The members, and the accounts with which they signed up again."""
    return (*MEMBERS, *(user for user in world.signed_up if has_signed_up_again(user)))


def come_back(world: World, who: str) -> None:
    """Signs a member up again whose account is gone, as the pool lets them; the address is the same."""
    earlier = [user for user in members(world) if address_of(user) == address_of(who)]
    if not any(user in world.pool for user in earlier):
        confirm(world, f"{who.partition('~')[0]}~{len(earlier) + 1}")


def possible(world: World, quest_id: str, among: Iterable[str] = ()) -> list[tuple[str, str]]:
    """The actions that these, or all, may take on a quest now, each with its actor; nobody moderates what has ended."""
    item = world.db.tables["quests"].items[quest_id,]
    if item["status"]["S"] in FINAL:
        return []
    among = among or (*members(world), MODERATOR)
    quest, now = as_quest(item), datetime.fromtimestamp(world.now, UTC)
    return [
        (action.value, who)
        for who in among
        for action, verdict in allowed(quest, actor(who), now).items()
        if isinstance(verdict, Allowed) and action in OPERATION_OF
    ]


def member(world: World, number: str, steps: int, tries: int) -> None:
    """A device that acts for anybody: mostly what is possible, at times what is not, and some of it twice at once."""
    for step in range(steps):
        world.pause(world.rng.uniform(0, 3))
        known = [*quest_items(world)]
        lively = [quest_id for quest_id in known if possible(world, quest_id)]
        dice = world.rng.random()
        if not known or dice < (0.05 if len(lively) > 1 else 0.35):
            who, key = world.rng.choice(members(world)), f"k{number}.{step}.{len(world.requests)}"
            for _ in range(2 if world.rng.random() < 0.2 else 1):
                create(world, who, key, tries)
        elif dice < 0.84:
            _move(world, known, lively, tries)
        else:
            _look_around(world, known, tries)


def _move(world: World, known: list[str], lively: list[str], tries: int) -> None:
    rng = world.rng
    quest_id = rng.choice(lively[-3:] if lively and rng.random() < 0.9 else known)
    choices = possible(world, quest_id)
    if choices and rng.random() < 0.9:
        action, who = rng.choices(choices, [_WEIGHTS.get(action, 1) for action, _ in choices])[0]
    else:
        action, who = rng.choice([*OPERATION_OF]), rng.choice((*members(world), MODERATOR))
    if rng.random() < 0.1:
        who = rng.choice((*members(world), MODERATOR))  # somebody whom it may not concern
    body = body_of(world, OPERATION_OF[action])
    if rng.random() < 0.15:
        world.spawn(act, world, action, quest_id, who, body, tries)  # a second device, or a double click
    act(world, action, quest_id, who, body, tries)


def _look_around(world: World, known: list[str], tries: int) -> None:
    rng, client = world.rng, Client(world, tries)
    who = rng.choice(members(world))
    match rng.choice(
        (*("profile", "leave", "quest", "list", "me", "export"), *("moderate", "talk", "report", "judge"))
    ):
        case "profile":
            name = {"displayName": f"Name-{len(world.requests)}-x"}
            client.call("editMe", who, name if rng.random() < 0.5 else {"bio": f"bio-{len(world.requests)}-x"})
        case "leave":
            _leave(world, client, who)
        case "quest":
            client.call("getMyQuest", who, questId=rng.choice(known))
        case "list":
            client.call("listMyQuests", who, query={"role": rng.choice(("requestor", "performer")), "limit": "3"})
        case "talk":
            talk(world, who, rng.choice(known), tries)
        case "report":
            quest, other = (
                {"kind": "quest", "questId": rng.choice(known)},
                {"kind": "member", "userId": rng.choice(members(world))},
            )
            words = f"words-{len(world.requests)}-x"
            client.call("makeReport", who, {"subject": rng.choice((quest, other)), "reason": "rude", "words": words})
        case "judge":
            _judge(world, client)
        case "moderate":
            act(world, rng.choice(("hide", "unhide")), rng.choice(known), MODERATOR, None, tries)
        case "me":
            client.call("getMe", who)
        case _:
            client.call("exportMe", who)


def subscription(who: str, number: int) -> dict[str, str]:
    """The body of a browser's subscription; one in three is gone by the time something is sent."""
    name = f"{who}-{number}{GONE if number % 3 == 2 else ''}"
    return {
        "endpoint": f"https://fcm.googleapis.com/fcm/send/{name}",
        "publicKey": "B" + "A" * 86,
        "auth": "A" * 22,
    }


def devices(world: World, who: str, tries: int) -> None:
    """A member lets browsers show their notices, and some of them no more."""
    client, rng = Client(world, tries), world.rng
    for number in range(3):
        world.pause(rng.uniform(0, 15))
        client.call("addMyDevice", who, subscription(who, number))
    world.pause(rng.uniform(0, 30))
    known = client.call("listMyDevices", who)
    if known.status == 200 and known.body["items"]:
        client.call("removeMyDevice", who, deviceId=rng.choice(known.body["items"])["deviceId"])


def _leave(world: World, client: Client, who: str) -> None:
    """Somebody wants to leave or to stay, or ends their account by DeleteUser and comes back, at once or later."""
    wish = world.rng.choice(("deleteMe", "deleteMe", "restoreMe", "", ""))
    if wish:
        client.call(wish, world.rng.choice(("cyd", "cyd", who)))
        return
    world.pool.pop(who, None)
    world.pause(world.rng.choice((0.0, 5.0)))
    come_back(world, who)


def talk(world: World, who: str, quest_id: str, tries: int = 3) -> Attempt:
    """Somebody writes a message, to whom the quest's status suggests."""
    quest = as_quest(quest_items(world)[quest_id])
    audience = "public" if quest.performer_id is None else "private"
    body = {"text": f"text-{len(world.requests)}-x", "audience": audience}
    return Client(world, tries).call("writeMessage", who, body, questId=quest_id)


_MEASURES = {
    "quest": ("dismiss", "warn", "hide", "unhide", "suspend"),
    "member": ("dismiss", "warn", "remove-text", "rename", "suspend", "ban", "reinstate"),
}


def _judge(world: World, client: Client) -> None:
    """A moderator decides the next report, or a member objects to a decision; at times an account ends behind our back,
    by Cognito's own DeleteUser.
    """
    rng, rows = world.rng, world.db.tables["reports"].items
    waiting = [row for row in rows.values() if "queue" in row]
    if rng.random() < 0.1:
        world.pool.pop(rng.choice(members(world)), None)
    elif waiting and rng.random() < 0.8:
        row = decode_item(rng.choice(waiting))
        measure = rng.choice(_MEASURES[row["subject"]["kind"]])
        until = {"until": timestamp(datetime.fromtimestamp(world.now, UTC) + timedelta(days=3))}
        body = {
            "measure": measure,
            "words": f"{REASON} {len(world.requests)}",
            **(until if measure == "suspend" else {}),
        }
        client.call("decideReport", rng.choice((MODERATOR, SECOND_MODERATOR)), body, reportId=row["reportId"])
    elif rows:
        row = decode_item(rng.choice([*rows.values()]))
        reason = {"reason": f"objection-{len(world.requests)}-x is what I say"}
        client.call("objectToDecision", row["concernedId"], reason, reportId=row["reportId"])


def greedy(world: World, number: int, tries: int) -> None:
    """Somebody who tries the quotas."""
    who, created = world.rng.choice(members(world)), []
    for step in range(12):
        world.pause(world.rng.uniform(0, 0.3))
        answer = create(world, who, f"g{number}.{step}.{len(world.requests)}", tries)
        if answer.status == 201:
            created.append(answer.body["questId"])
        if world.rng.random() < 0.3:
            world.spawn(create, world, who, f"h{number}.{step}.{len(world.requests)}", tries)
    claimer = world.rng.choice([other for other in members(world) if other != who])
    for quest_id in created * 2:
        act(world, "claim", quest_id, claimer, None, tries)
        act(world, "release", quest_id, claimer, None, tries)


POISONED = "nobody"


def owe(world: World, user: str, number: int, kind: str = "reward") -> None:
    """Books an entry that no quest is behind."""
    moment = "2027-01-01T00:00:00.000Z"
    entry = {
        "userId": user,
        "entryId": f"2027-01-01T00:00:00.{number:03}Z#reward#{user}",
        "kind": kind,
        "state": "PENDING",
        "due": "PENDING",
        "createdAt": moment,
        **dict.fromkeys(("points", "xp", "reputation", "attempts"), 1),
    }
    world.db.write("ledger", encode_item(entry))


def poison(world: World) -> None:
    """Entries that can never be paid: of nobody, or of an unknown kind."""
    begin = len(world.db.tables["ledger"].items)
    for number in range(begin, begin + world.rng.choice((1, 1, 3))):
        owe(world, POISONED, number, world.rng.choice(("reward", "nonsense")))


def _cross_deletion(world: World, service: str) -> None:
    """Members who are due to be forgotten change their mind, or their profile, while housekeeping comes for them."""
    wishes = [
        ("restoreMe", None),
        ("editMe", {"bio": f"bio-{len(world.requests)}-x"}),
        ("editMe", {"displayName": f"Name-{len(world.requests)}-x"}),
    ]
    for (user,), row in world.db.tables["users"].items.items():
        if service == "housekeeping" and "deletionAt" in row and world.rng.random() < 0.3:
            operation, body = world.rng.choice(wishes)
            world.spawn(Client(world, 1).call, operation, user, body, delay=world.rng.uniform(0, 0.4))


# --- histories ---


def history(seed: int, prepare: Callable[[World], None] = lambda _: None) -> World:
    """A random history with everything in it, up to the moment at which its faults end."""
    shape = random.Random(f"shape{seed}")
    world = World(
        seed,
        Conditions(
            rate=shape.choice((0, 0.02, 0.08, 0.08, 0.2)),
            page=shape.choice((2, 5, 1000)),
            stale=shape.choice((0.3, 0.3, 0)),
            skew=shape.choice((SKEW, SKEW, 0.0)),
        ),
    )
    prepare(world)
    tries = shape.choice((1, 3, 3, 6))
    _arrive(world, shape)
    world.before_invoking = lambda service: _cross_deletion(world, service)
    for epoch in range(shape.randint(1, 2)):
        _trouble(world, shape)
        for number in range(3):
            world.spawn(member, world, f"{epoch}{number}", shape.randint(3, 9), tries, delay=shape.uniform(0, 2))
        if has_notifier(world):
            for who in MEMBERS:
                world.spawn(devices, world, who, tries)
        if shape.random() < 0.07:
            world.spawn(greedy, world, epoch, tries)
        if shape.random() < 0.07:
            poison(world)
        start_streams_and_schedules(world)
        if has_operators(world):
            world.spawn(operator, world, f"operator{seed}.{epoch}", 5)
        if shape.random() < 0.3:
            world.spawn(scheduled, world, "rewards", daemon=True)  # two sweeps at once
        world.run()
        world.now += shape.choice((900, 900, 15 * DAY, 22 * DAY, 31 * DAY))
        world.outages.clear()
        if shape.random() < 0.8:
            world.parameters[REWARDS_FLAG] = "on"
    return world


def _arrive(world: World, shape: random.Random) -> None:
    for user in EVERYBODY:
        groups = (MODERATORS,) if user == MODERATOR else ()
        if shape.random() < 0.85:
            world.spawn(confirm, world, user, groups, delay=shape.random())
        else:
            world.pool[user] = frozenset(groups)  # the trigger never came
        if shape.random() < 0.2:
            world.spawn(confirm, world, user, groups, delay=shape.uniform(0, 60))  # a password reset confirms again


def _trouble(world: World, shape: random.Random) -> None:
    if world.rate and shape.random() < 0.3:
        services = shape.choice(
            (("dynamodb",), ("dynamodb",), ("sqs",), ("ssm",), ("cognito",), ("dynamodb", "sqs", "ssm", "cognito"))
        )
        operations = shape.choice((frozenset(), WRITES)) if services == ("dynamodb",) else frozenset()
        fault = shape.choice((Fault.THROTTLE, Fault.HTTP_500, Fault.NOT_JSON_503, Fault.RESET, Fault.HANG, Fault.LOST))
        start = world.now + shape.uniform(0, 20)
        world.outages.append(Outage(start, start + shape.uniform(5, 60), services, operations, fault))
    if shape.random() < 0.3:
        world.parameters[REWARDS_FLAG] = shape.choice(("off", "50%", "internal", "banana"))
    if shape.random() < 0.2:  # every sandbox starts cold, and SSM is down
        world.outage(("ssm",), 15)
        for idle in world.idle.values():
            idle.clear()
    if shape.random() < 0.3 and "ben" in world.pool:
        world.pool["ben"] = frozenset({INTERNAL})


def recover_and_drain(world: World) -> None:
    """The faults are over and nobody comes back: the streams bring what they have."""
    world.heal()
    world.before_invoking = lambda _: None
    world.parameters[REWARDS_FLAG] = "on"
    world.now += 60
    for mapping in (*MAPPINGS, *(NOTIFIER if has_notifier(world) else ())):
        world.spawn(stream, world, mapping, 0.0, 0.0, daemon=True)
    world.run(lambda world: world.pause(1))


def sweep(world: World, times: int = 2) -> None:
    """The next runs of the rewards schedule."""
    for _ in range(times):
        world.now += 900
        world.run(lambda world: schedule(world, "rewards", 0))


def mail(world: World) -> None:
    """Runs the notifier on the rest of its streams and by its schedule: after the minutes for
    which a process that died had reserved its mails, and with the digest of the next day.
    """
    for mapping in NOTIFIER:
        world.spawn(stream, world, mapping, 0.0, 0.0, daemon=True)
    world.run(lambda world: world.pause(1))
    for seconds in (900, DAY):
        world.now += seconds
        world.run(lambda world: schedule(world, "notifier", 0))


def compare_documents(world: World) -> None:
    """The next run of the publisher's schedule, which compares every document with the tables."""
    world.now += 900
    world.run(lambda world: schedule(world, "publisher", 0))


def quiet(world: World) -> Iterator[None]:
    """Months without anybody: what housekeeping releases, then expires, also what its last run for months released.
    Yields after each of its runs.
    """
    for days in (0, 22, 31, 0):
        world.now += days * DAY + 900
        world.run(lambda world: schedule(world, "housekeeping", 0))
        yield


def lists(world: World) -> dict[str, list[str]]:
    """The ids of every list, read page by page with two to a page."""
    seen: dict[str, list[str]] = {}

    def read(world: World) -> None:
        seen["board"] = [*_paged(world, "listQuests", None, {}, "questId")]
        seen["disputes"] = [*_paged(world, "listMyQuests", MODERATOR, {"role": "moderator"}, "questId")]
        for who in EVERYBODY:
            for role in ("requestor", "performer"):
                seen[f"{who} {role}"] = [*_paged(world, "listMyQuests", who, {"role": role}, "questId")]
            seen[f"{who} ledger"] = [*_paged(world, "listMyLedger", who, {}, "entryId")]

    world.run(read)
    return seen


def _paged(world: World, operation: str, who: str | None, query: Mapping[str, str], name: str) -> Iterator[str]:
    cursor: Mapping[str, str] = {}
    for _ in range(200):
        page = Client(world, 1).call(operation, who, query={**query, "limit": "2", **cursor})
        if page.status != 200:
            yield f"answered {page.status}"
            return
        yield from (item[name] for item in page.body["items"])
        if "nextCursor" not in page.body:
            return
        cursor = {"cursor": page.body["nextCursor"]}
