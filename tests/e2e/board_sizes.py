"""Comparison of the app's lists with a full scan, on long boards: `python -m tests.e2e.board_sizes [COUNT ...]`.

Fills the local stage that `make up` started up to each count of open quests, waits until the publisher has followed the
stream, and asks the app in a browser for the ten first of every order and for 50 searches. Each answer is compared with
a full scan of the tables.
"""

import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

from ops.shared.stage import LOCAL, Stage, open_stage
from ops.shared.stored_items import scan
from services.core.documents import Board, is_on_board
from services.core.domain import quests
from services.core.domain.quests import Category, Draft, Quest, WhenInput
from services.core.domain.values import timestamp
from services.core.folding import matches, words
from services.core.names import BOARD_KEY
from services.core.stores.dynamo import decode_item, encode_item
from services.core.tables import QUESTS, USERS

HERE: Final = Path(__file__).parent
SIZES: Final = (306, 5_000, 5_100)
"""The last is above the bound of a board in one document."""
SEARCHES: Final = 50
FIRST: Final = 10
PER_REQUEST: Final = 12
"""Quests in a batch of 25 items; each has one with its description."""
PUBLISHED_SECONDS: Final = 3_600
LIFETIME: Final = timedelta(days=30)
WORDS: Final = (
    "sofa",
    "Möbel",
    "garden",
    "Garten",
    "Café",
    "piano",
    "Łódź",
    "roses",
    "fence",
    "eye",
    "doctor",
    "Straße",
)
TYPED: Final = ("SOFA", "mobel", "gard", "gARTEN", "cafe", "pian", "lodz", "rose", "fenc", "ey", "doct", "strasse")
AREAS: Final = ("", "Old Town", "São Pedro", "Mill Lane", "Hill")
ORDERS: Final[Mapping[str, Callable[[Quest], Any]]] = {
    "newest": lambda quest: 0,
    "ending": lambda quest: timestamp(quest.expires_at),
    "reward": lambda quest: -quest.reward_xp,
    "when": lambda quest: timestamp(quest.when.start) if quest.when else "~",
}


class Listed(NamedTuple):
    """An open quest with the words that a search looks at."""

    quest: Quest
    words: str


def fill(stage: Stage, start: int, count: int, requestors: Sequence[str]) -> None:
    """Posts the quests from number `start` up to `count`."""
    numbers = range(start, count)
    for first in numbers[::PER_REQUEST]:
        part = range(first, min(first + PER_REQUEST, count))
        items = [item for number in part for item in items_of(stage, number, requestors)]
        left: dict[str, Any] = {stage.table(QUESTS): [{"PutRequest": {"Item": encode_item(item)}} for item in items]}
        while left:
            left = stage.dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"]


def items_of(stage: Stage, number: int, requestors: Sequence[str]) -> list[dict[str, Any]]:
    """The items of a quest; the same number is the same quest in every run, but for its moments."""
    rng = random.Random(number)
    now = datetime.now(UTC)
    start = now + timedelta(days=rng.randrange(1, 25), minutes=15 * rng.randrange(90))
    draft = Draft(
        title=f"{rng.choice(WORDS)} {rng.choice(WORDS)} number {number}",
        description=f"The {rng.choice(WORDS)} of w{rng.randrange(1_000)}, an hour of work.",
        category=rng.choice(list(Category)),
        tags=[rng.choice(WORDS)],
        area=rng.choice(AREAS),
        when=WhenInput(start=start, end=start + timedelta(hours=1)) if rng.random() < 0.5 else None,
        reward_xp=10 * rng.randrange(1, 100),
    )
    posted = now - timedelta(seconds=rng.randrange(20 * 86_400))
    made = quests.create(draft, rng.choice(requestors), f"board{number:021}", posted, LIFETIME)
    text = {"questId": f"{made.quest.quest_id}#description", "text": draft.description}
    return [text, stage.quests._stored(made.quest)]


def members(stage: Stage) -> Iterator[tuple[str, str]]:
    """The members who have a name, with it."""
    for row in map(decode_item, scan(stage, USERS)):
        if name := row.get("displayName"):
            yield row["userId"], name


def open_quests(stage: Stage) -> list[Listed]:
    """Every quest of the tables that belongs on the board, newest first."""
    names = dict(members(stage))
    items = {item["questId"]: item for item in map(decode_item, scan(stage, QUESTS))}
    found = []
    for quest_id, item in items.items():
        if "status" not in item or not is_on_board(quest := Quest.model_validate(item)):
            continue
        text = items[f"{quest_id}#description"]["text"]
        name = names.get(quest.requestor_id, "")
        found.append(Listed(quest, " ".join(words(quest.title, text, *quest.tags, quest.area, quest.category, name))))
    return sorted(found, key=lambda one: (one.quest.created_at, one.quest.quest_id), reverse=True)


def answers(listed: Sequence[Listed]) -> list[dict[str, Any]]:
    """The questions, each with what a full scan answers: the number of quests, and the first of them."""
    rng = random.Random(len(listed))
    asked = [("", order) for order in ORDERS]
    for number in range(SEARCHES):
        one, other = rng.choice(TYPED), rng.choice(TYPED)
        rare = f"w{rng.randrange(1_000)}"
        q = (rare, f"{rare} {one}", f"number {rng.randrange(len(listed))}", f"{one} {other}", f"{one} no{rare}")[
            number % 5
        ]
        asked.append((q, list(ORDERS)[number % len(ORDERS)]))
    found = []
    for q, order in asked:
        fitting = [quest for quest, text in listed if matches(words(q), text)]
        ids = [quest.quest_id for quest in sorted(fitting, key=ORDERS[order])]
        found.append({"q": q, "sort": order, "total": len(ids), "first": ids[:FIRST]})
    return found


def wait_until_published(stage: Stage, count: int) -> float:
    """The seconds until the board has so many quests."""
    started = time.monotonic()
    with stage.http() as http:
        while time.monotonic() < started + PUBLISHED_SECONDS:
            shown = Board.model_validate_json(http.get(f"/{BOARD_KEY}").content).count
            if shown == count:
                return time.monotonic() - started
            time.sleep(2)
    sys.exit(f"the board has {shown} of {count} quests after {PUBLISHED_SECONDS} s")


def main(sizes: Sequence[int]) -> int:
    """Tries each size; the exit code is 1 where an answer differs."""
    stage, node = open_stage(LOCAL), shutil.which("node")
    assert node, "`make setup` brings a Node"
    requestors = [user_id for user_id, _ in members(stage)]
    failed = 0
    for size in sizes:
        have = open_quests(stage)
        own = sum(one.quest.quest_id.startswith("board0") for one in have)
        fill(stage, own, own + size - len(have), requestors)
        listed = open_quests(stage)
        took = wait_until_published(stage, len(listed))
        with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
            json.dump(answers(listed), file)
            file.flush()
            with stage.http() as http:
                address = str(http.base_url)
            command = [node, str(HERE / "board-sizes.mjs"), address, file.name]
            done = subprocess.run(command, check=False, capture_output=True, text=True)
        sys.stdout.write(f"{len(listed)} open quests, {took:.0f} s waited for: {done.stdout}{done.stderr}")
        failed |= done.returncode
    return failed


if __name__ == "__main__":
    sys.exit(main([int(size) for size in sys.argv[1:]] or SIZES))
