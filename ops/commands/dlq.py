"""Dead letter queues: list their messages, and retry the work in them.

Redriving takes the messages in the order in which they were sent, at a limited rate, and deletes each only when its
work is done. It is idempotent: work that was done meanwhile is found done.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from ops.shared.dead_letters import depths, url_of
from ops.shared.entries import pay_entry
from ops.shared.stage import MISSING, OperatorError, Stage
from ops.shared.terminal import Json, PlannedChange, Terminal, carry_out, command
from services.core.domain.ledger import State
from services.core.domain.values import timestamp
from services.core.events import (
    InvalidMessageError,
    NoticeFailed,
    QuestNotPublished,
    RewardFailed,
    Sweep,
    UserNotStored,
)
from services.core.services import QUEUES, SWEEPS
from services.core.sign_ups import address_of
from services.core.stores.users import NoSuchUserError

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

MOST: Final = 1000
"""Messages that are looked at in one go; a longer queue takes more than one redrive."""
MOST_ENTRIES: Final = 20
"""Ledger entries that are named for one message."""
_HOLD_SECONDS: Final = 900
"""Visibility timeout of a message while it is redriven."""
_WAIT_SECONDS: Final = 1
"""A call that waits asks all of the queue's servers, not some of them."""

app = typer.Typer(no_args_is_help=True, help="Look at dead letters and retry them.")

QueueName = Annotated[str, typer.Argument(help=f"{', '.join(QUEUES)}.")]


@dataclass(frozen=True)
class DeadLetter:
    """A message of a queue."""

    id: str
    receipt: str
    sent_at: datetime
    body: Any

    @property
    def summary(self) -> str:
        """The body on one line."""
        return self.body if isinstance(self.body, str) else json.dumps(self.body)


def _dead_letter(message: "MessageTypeDef") -> DeadLetter:
    try:
        body = json.loads(message["Body"])
    except ValueError:
        body = message["Body"]
    sent = int(message["Attributes"]["SentTimestamp"]) / 1000
    return DeadLetter(message["MessageId"], message["ReceiptHandle"], datetime.fromtimestamp(sent, UTC), body)


def receive(stage: Stage, queue: str) -> list[DeadLetter]:
    """Receive the queue's messages, oldest first; they are hidden from other consumers for 15 minutes."""
    url, letters = url_of(stage, queue), dict[str, DeadLetter]()
    while len(letters) < MOST:
        answer = stage.sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            VisibilityTimeout=_HOLD_SECONDS,
            WaitTimeSeconds=_WAIT_SECONDS,
            MessageSystemAttributeNames=["SentTimestamp"],
        )
        if not answer.get("Messages"):
            break
        letters |= {letter.id: letter for letter in map(_dead_letter, answer["Messages"])}
    return sorted(letters.values(), key=lambda letter: letter.sent_at)


def make_visible(stage: Stage, queue: str, letters: list[DeadLetter]) -> None:
    """Make the messages visible to other consumers again."""
    url = url_of(stage, queue)
    for letter in letters:
        stage.sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=letter.receipt, VisibilityTimeout=0)


def _redo_user(stage: Stage, letter: DeadLetter) -> str:
    user_id = UserNotStored.parse(letter.body).user_id
    pool = stage.api_settings.cognito_user_pool_id
    try:
        address = address_of(stage.cognito, pool, user_id)
    except NoSuchUserError:
        return "the account is gone; nothing to make"
    stage.sign_ups.ensure(user_id, address, datetime.now(UTC))
    return "the profile is there"


def _redo_reward(stage: Stage, letter: DeadLetter) -> str:
    if "DDBStreamBatchInfo" in letter.body:
        # Lambda's record of a batch of the stream that failed for good: its entries are still PENDING.
        stage.sweep("rewards")
        return "the sweep paid what was due"
    failed = RewardFailed.parse(letter.body)
    state = pay_entry(stage, failed.user_id, failed.entry_id)
    if state is State.FAILED:
        raise OperatorError("it failed again; `civicforge logs rewards --errors` says why")
    return {State.POSTED: "paid", State.HELD: "held until the flag includes the member"}.get(
        state or State.PENDING, "there is no such entry" if state is None else f"still {state}"
    )


def _redo_publication(stage: Stage, letter: DeadLetter) -> str:
    if "questId" not in letter.body:
        # Lambda's record of a batch of the stream that failed for good: it does not say which quests.
        stage.sweep("publisher")
        return "every document was compared with the tables"
    if stage.invoke("publisher", {"quests": [QuestNotPublished.parse(letter.body).quest_id]})["invalid"]:
        raise OperatorError("it is invalid still; `civicforge logs publisher --errors` says why")
    return "published"


def _redo_schedule(stage: Stage, letter: DeadLetter) -> str:
    # The scheduler leaves the event itself, Lambda's destination wraps it.
    event = letter.body.get("requestPayload", letter.body)
    if "Records" in event:
        stage.invoke("notifier", event)
        return "SES's feedback on a mail (bounce or complaint) was processed"
    service = Sweep.parse(event).sweep
    if service not in SWEEPS:
        raise OperatorError(f"{service!r} is no service with a schedule")
    stage.sweep(service)
    return f"{service} ran"


def _redo_notice(stage: Stage, letter: DeadLetter) -> str:
    if "userId" not in letter.body:
        raise OperatorError("nobody can be told of it any more; see docs/operations.md#notices-queue")
    failed = NoticeFailed.parse(letter.body)
    if not stage.inbox.requeue(failed.user_id, failed.item_id):
        return "the item is gone; nothing to send"
    return "the next sweep sends the mail"


_REDO: Final[dict[str, Callable[[Stage, DeadLetter], str]]] = {
    "user-creation": _redo_user,
    "rewards": _redo_reward,
    "publisher": _redo_publication,
    "notices": _redo_notice,
    "schedules": _redo_schedule,
}


def about(stage: Stage, queue: str, letter: DeadLetter) -> list[Json]:
    """The things that a message is about, by member, entry, quest and amount; none where it is no message of ours."""
    try:
        return _ABOUT[queue](stage, letter.body) if isinstance(letter.body, dict) else []
    except InvalidMessageError:
        return []


def _about_reward(stage: Stage, body: Json) -> list[Json]:
    if "DDBStreamBatchInfo" in body:
        # The note names places in a stream. What of them was not paid since is PENDING.
        waiting = islice(stage.ledger.unpaid(State.PENDING), MOST_ENTRIES)
        return [_about_entry(stage, user_id, entry_id, "not paid yet") for user_id, entry_id in waiting]
    failed = RewardFailed.parse(body)
    return [_about_entry(stage, failed.user_id, failed.entry_id, failed.reason)]


def _about_entry(stage: Stage, user_id: str, entry_id: str, reason: str) -> Json:
    found: Json = {"member": user_id, "entry": entry_id, "reason": reason}
    try:
        entry = stage.ledger.get(user_id, entry_id)
    except ValueError:
        return {**found, "state": "invalid"}
    if entry is None:
        return {**found, "state": "gone"}
    amounts = {"points": entry.points, "xp": entry.xp, "reputation": entry.reputation}
    return {**found, "kind": entry.kind, "quest": entry.quest_id, **amounts, "state": entry.state}


def _about_notice(stage: Stage, body: Json) -> list[Json]:
    if "userId" not in body:
        return []
    failed = NoticeFailed.parse(body)
    found = {"member": failed.user_id, "item": failed.item_id, "reason": failed.reason}
    item = stage.inbox.get(failed.user_id, failed.item_id)
    return [{**found, "kind": item.kind, "quest": item.quest_id} if item else {**found, "state": "gone"}]


def _about_publication(_: Stage, body: Json) -> list[Json]:
    return [{"quest": QuestNotPublished.parse(body).quest_id}] if "questId" in body else []


def _about_user(_: Stage, body: Json) -> list[Json]:
    missing = UserNotStored.parse(body)
    return [{"member": missing.user_id, "failedAt": missing.failed_at}]


_ABOUT: Final[dict[str, Callable[[Stage, Json], list[Json]]]] = {
    "user-creation": _about_user,
    "rewards": _about_reward,
    "publisher": _about_publication,
    "notices": _about_notice,
    "schedules": lambda _, body: [{"sweep": Sweep.parse(body.get("requestPayload", body)).sweep}],
}


def _as_lines(things: list[Json]) -> str:
    """The things in a line each: names and values, without what is empty."""
    return "\n".join(
        ", ".join(f"{name} {value}" for name, value in thing.items() if value not in (None, "", 0)) for thing in things
    )


def redrive_all(
    stage: Stage, queue: str, letters: list[DeadLetter], per_second: float, sleep: Callable[[float], None] = time.sleep
) -> Json:
    """Retry each message's work and delete the message; one that fails goes back to the queue.

    Messages of the same content are done once.
    """
    url = url_of(stage, queue)
    done: dict[str, str] = {}
    results, failed = [], []
    for letter in letters:
        try:
            if not isinstance(letter.body, dict):
                raise OperatorError("it is no message of ours")
            if letter.summary not in done:
                if done:
                    sleep(1 / per_second)
                done[letter.summary] = _REDO[queue](stage, letter)
        except Exception as error:
            failed.append(letter)
            results.append({"message": letter.id, "done": False, "what": f"{error or type(error).__name__}"})
        else:
            stage.sqs.delete_message(QueueUrl=url, ReceiptHandle=letter.receipt)
            results.append({"message": letter.id, "done": True, "what": done[letter.summary]})
    make_visible(stage, queue, failed)
    return {"queue": queue, "redriven": len(letters) - len(failed), "failed": len(failed), "messages": results}


@command(app, "list")
def list_(stage: Stage, terminal: Terminal) -> None:
    """Show how many messages wait in each queue."""
    found = depths(stage)
    rows = [(queue, MISSING if depth is None else depth) for queue, depth in found.items()]
    terminal.table({"queues": found}, ("queue", "messages"), rows, empty="There are no queues.")


@command(app)
def show(stage: Stage, terminal: Terminal, queue: QueueName) -> None:
    """Show the messages of a queue, oldest first, and leave them there."""
    letters = receive(stage, queue)
    make_visible(stage, queue, letters)
    found = [(letter, about(stage, queue, letter)) for letter in letters]
    data = {
        "messages": [
            {"id": letter.id, "sentAt": timestamp(letter.sent_at), "about": what, "body": letter.body}
            for letter, what in found
        ]
    }
    rows = [(timestamp(letter.sent_at), letter.id, _as_lines(what) or letter.summary) for letter, what in found]
    terminal.table(data, ("sent", "message", "about"), rows, empty=f"{queue} is empty.")


def _chosen(stage: Stage, queue: str, letters: list[DeadLetter], ids: list[str]) -> list[DeadLetter]:
    """The messages whose id begins with one of `ids`, all if there are none; the others are given back.

    Raises OperatorError if one of `ids` is no message's, or several messages'.
    """
    chosen = [letter for letter in letters if letter.id.startswith(tuple(ids or [""]))]
    for id_ in ids:
        count = sum(letter.id.startswith(id_) for letter in letters)
        if count != 1 or not id_:
            make_visible(stage, queue, letters)
            raise OperatorError(
                f"{count or 'No'} messages of {queue} have an id that begins with {id_!r}; "
                f"`civicforge dlq show {queue}` has the ids."
            )
    make_visible(stage, queue, [letter for letter in letters if letter not in chosen])
    return chosen


@command(app, changes=True)
def redrive(
    stage: Stage,
    terminal: Terminal,
    queue: QueueName,
    rate: Annotated[float, typer.Option(min=0.1, max=50, help="Messages a second at most.")] = 5,
    message: Annotated[list[str] | None, typer.Option(help="Id of a message, or its beginning; others stay.")] = None,
) -> None:
    """Do the work of every message again, or of those that are chosen, oldest first; safe to repeat."""
    letters = _chosen(stage, queue, receive(stage, queue), message or [])
    outcome: Json | None = None
    try:
        plan = [
            f"{timestamp(letter.sent_at)}  {_as_lines(about(stage, queue, letter)) or letter.summary}"
            for letter in letters
        ]
        change = PlannedChange(
            "dlq redrive",
            queue,
            plan,
            lambda: redrive_all(stage, queue, letters, rate),
            verdict=lambda done: f"{done['failed']} of {len(letters)} failed" if done["failed"] else "done",
        )
        outcome = carry_out(stage, terminal, change)
    finally:
        if outcome is None:
            make_visible(stage, queue, letters)
    if outcome is None:
        return
    lines = [f"  {'done' if m['done'] else 'FAILED'}: {m['what']}" for m in outcome["messages"]]
    terminal.result(outcome, *lines, f"{outcome['redriven']} redriven, {outcome['failed']} stay in {queue}.")
    if outcome["failed"]:
        raise typer.Exit(1)
