"""Rules of every history: over every change that was ever made, the tables at the end, and every answer given.

The invariants of quests and books are those of `tests.unit.services.invariants`; here is what needs a history.

A rule's id is a letter and a number: S states, V values, Q quotas, P people, N notices, E effects and the simulation
itself, A operators, H acknowledged answers, R refusals, L liveness, D dead letters, W published documents, C lists,
O outages.
"""

import json
import re
import traceback
from base64 import b64decode
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.policy import default
from functools import cache
from typing import Any, NamedTuple

from services.core.documents import HOME_CARDS, QuestDocument, html_key, is_on_board, is_public, quest_key
from services.core.domain import notices
from services.core.domain.devices import Device
from services.core.domain.ledger import UNPAID, Entry, State
from services.core.domain.messages import Audience, Message
from services.core.domain.notices import NoticeKind
from services.core.domain.quests import FINAL, Action, Denied, Quest, Status, allowed, former_of, has_moved, role_of
from services.core.domain.reports import FOR_EVER, Report
from services.core.domain.users import (
    FORMER_MEMBER,
    OPEN_CLAIMS,
    OPEN_CLAIMS_TRUSTED,
    TRUSTED_FROM,
    WELCOME_POINTS,
    User,
)
from services.core.metrics import LEDGER_DRIFT
from services.core.names import BOARD_PAGES_PREFIX, HOME_KEY, QUESTS_PREFIX, resource_name
from services.core.services import REWARDS, USER_CREATION
from services.core.stores.devices import PARTITION
from services.core.stores.dynamo import decode_item, encode_item
from services.core.stores.quests import quest_of
from services.core.stores.users import LASTING_LIMITS
from tests.simulation import operators, people
from tests.simulation.dynamodb import Item
from tests.simulation.people import (
    EVERYBODY,
    OPERATION_OF,
    POISONED,
    UNIQUE_TEXT_ENDINGS,
    Client,
    actor,
    as_quest,
)
from tests.simulation.world import (
    CLAIMS_PER_HOUR,
    SKEW,
    STAGE,
    Attempt,
    Call,
    Invocation,
    World,
    address_of,
    drift_of,
    has_signed_up_again,
    queue_url,
)
from tests.unit.services.boards import every_card, read_board
from tests.unit.services.invariants import (
    check_confirmers,
    check_ledger_matches_quests,
    check_quest,
    check_shares,
    check_step,
    check_turn,
    check_users,
)

_SLACK = 2 * SKEW + 0.5
"""Seconds by which two clocks may differ."""
_ACTION_OF = {operation: action for action, operation in OPERATION_OF.items()}
_DAY = timedelta(days=1)


KNOWN_FAULTS: dict[str, str] = {}
"""Faults of the platform that were found and wait to be mended, by the beginning of the rule that they break."""


class Violation(NamedTuple):
    """A rule that did not hold."""

    rule: str
    detail: str


class Findings(list[Violation]):
    """The violations of one history."""

    def expect(self, holds: object, rule: str, detail: object = "") -> None:
        """Notes a violation where the rule does not hold, unless the fault behind it is known."""
        if not holds and not rule.startswith(tuple(KNOWN_FAULTS)):
            self.append(Violation(rule, str(detail)))

    def check(self, rule: str, invariant: Callable[..., None], *arguments: Any, detail: object = "") -> None:
        """Notes a violation where an invariant's assertion fails, with the assertion's line."""
        try:
            invariant(*arguments)
        except AssertionError as error:
            line = traceback.extract_tb(error.__traceback__)[-1].line
            self.expect(False, f"{rule}: {line}", detail)

    @property
    def rules(self) -> set[str]:
        """The rules that did not hold, by their letters and number."""
        return {violation.rule for violation in self}


class _QuestChange(NamedTuple):
    """A change of a quest; `by` is None for what a test wrote itself."""

    place: int
    by: Invocation | None
    quest_id: str
    old: Quest | None
    new: Quest


class Record:
    """A world's changes and tables as things of the domain."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._quests: dict[int, tuple[Item, Quest]] = {}
        tables = world.db.tables
        self.changes = [
            _QuestChange(place, change.by, change.key[0], self._quest(change.old), self._known(change.new))
            for place, change in enumerate(tables["quests"].log)
            if "#" not in change.key[0] and change.new is not None
        ]
        self.quests = {id_: self._known(item) for id_, item in people.quest_items(world).items()}
        self.users = {key[0]: User.model_validate(decode_item(item)) for key, item in tables["users"].items.items()}
        self.entries = [
            Entry.model_validate(decode_item(item))
            for key, item in tables["ledger"].items.items()
            if key[0] != POISONED
        ]

    def _quest(self, item: Item | None) -> Quest | None:
        return None if item is None else self._known(item)

    def _known(self, item: Item | None) -> Quest:
        assert item is not None
        known = self._quests.get(id(item))
        if known is None or known[0] is not item:
            known = self._quests[id(item)] = (item, as_quest(item))
        return known[1]

    def held_by(self, user: str) -> Iterator[int]:
        """The number of quests that a member had claimed, after each claim of theirs.

        A quest that was handed in and sent back counts no more: its performer did not ask for it.
        """
        held: set[str] = set()
        for _, _, quest_id, old, new in self.changes:
            if _claims(old, new, user):
                held |= {quest_id}
                yield len(held)
            elif new.status is not Status.CLAIMED or new.performer_id != user:
                held -= {quest_id}

    def was_trusted(self, user: str) -> bool:
        """True if as many members confirmed this one's work as it takes."""
        row = self.users.get(user)
        return row is not None and row.confirmed_by >= TRUSTED_FROM

    @property
    def now(self) -> datetime:
        """The world's moment."""
        return datetime.fromtimestamp(self.world.now, UTC)


# --- rules over what is stored ---


def check_changes(record: Record, found: Findings) -> None:
    """Every change of every quest is an edge, and every quest fits its status at every moment."""
    for change in record.world.db.tables["quests"].log:
        found.expect(change.new is not None or "#" in change.key[0], "S0 a quest was deleted", change.key)
    for _, _, quest_id, old, new in record.changes:
        detail = f"{quest_id[:6]} version {new.version}, {old.status if old else 'new'} to {new.status}"
        if old is None:
            found.expect((new.status, new.version) == (Status.OPEN, 1), "S1 a quest begins as OPEN", detail)
        else:
            found.check("S2 no edge of the states", check_step, old, new, detail=detail)
            stays = old.performer_id is None or new.performer_id is None or old.performer_id == new.performer_id
            found.expect(stays, "S4 the performer was swapped", detail)
        found.check("S3 a quest does not fit its status", check_quest, new, detail=detail)
    completed = [new for _, _, _, old, new in record.changes if old and not old.completed_at and new.completed_at]
    found.check("V12 a pair's reward is not what it is worth", check_shares, completed)


def check_ledger(record: Record, found: Findings) -> None:
    """Entries are appended, never rewritten; points never fall below 0, at no moment."""
    for _, _, key, old, new in record.world.db.tables["ledger"].log:
        if old is None:
            continue
        before, after = decode_item(old), decode_item(new or {})
        changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
        found.expect(changed <= {"state", "due", "attempts", "postedAt"}, "V0 an entry was rewritten", key)
        found.expect(before["state"] != State.POSTED, "V0 a POSTED entry changed", key)
    for change in record.world.db.tables["users"].log:
        points = decode_item(change.new or {}).get("points", 0)
        found.expect(points >= 0, "V9 points fell below 0", change.key)


def check_books(record: Record, found: Findings) -> None:
    """Books and totals agree with the quests, and nobody did anything more often than they may."""
    found.check("V2 the ledger does not match the quests", check_ledger_matches_quests, record.quests, record.entries)
    found.check("V11 a confirmer is not counted once", check_confirmers, record.entries)
    users = {entry.user_id for entry in record.entries} - record.users.keys()
    found.expect(not users, "P2 entries of nobody", users)
    if not users:
        found.check("V8 totals are not the sums of the ledger", check_users, record.users, record.entries)
    for entry in record.entries:
        item = record.world.db.tables["ledger"].items[entry.user_id, entry.entry_id]
        due = item.get("due", {}).get("S")
        found.expect(due == (entry.state if entry.state in UNPAID else None), "V7 the index of what is due", entry)
    for user in record.users:
        creates = [e.created_at for e in record.entries if e.user_id == user and e.kind == "create"]
        found.expect(_within(creates, record.world.creates_per_hour), "Q1 more quests than the quota", user)
        held = list(record.held_by(user))
        found.expect(max(held, default=0) <= OPEN_CLAIMS_TRUSTED, "Q3 more claims at once than anybody may have", user)
        found.expect(record.was_trusted(user) or max(held, default=0) <= OPEN_CLAIMS, "Q3 more claims at once", user)
        claims = [new.claimed_at for _, _, _, old, new in record.changes if _claims(old, new, user) and new.claimed_at]
        found.expect(_within(claims, CLAIMS_PER_HOUR), "Q2 more claims than the quota", user)
    stored = record.world.db.tables["quests"].items
    for quest_id in record.quests:
        found.expect((f"{quest_id}#description",) in stored, "S17 a quest without its description", quest_id[:6])
    texts = {quest_of(key[0]) for key in stored} - {None, *record.quests}
    found.expect(not texts, "S16 texts of no quest", texts)


def _claims(old: Quest | None, new: Quest, user: str) -> bool:
    return old is not None and (old.status, new.status) == (Status.OPEN, Status.CLAIMED) and new.performer_id == user


def _within(moments: Iterable[datetime], per_hour: int) -> bool:
    """The cell rate algorithm once more, over what was done."""
    arrival, interval = 0.0, 3600 / per_hour
    for at in sorted(moment.timestamp() for moment in moments):
        if arrival > at + 3600 - interval + _SLACK:
            return False
        arrival = max(arrival, at) + interval
    return True


def check_people(record: Record, found: Findings) -> None:
    """No sign-up is lost, nobody is forgotten against their will, and nothing of a former member stays."""
    world = record.world
    for trigger in world.triggers:
        safe = trigger.has_row_or_message or trigger.queue_failed or not trigger.ended
        found.expect(safe, "P9 the trigger lost a sign-up", trigger.user)
    for user in record.users.values():
        if user.deleted:
            silent = user.display_name == FORMER_MEMBER and not user.bio and not user.interests
            found.expect(silent, "P3 a former member's words stay", f"{user.user_id} {user.display_name} {user.bio}")
    for owner, device in _devices(world):
        known = record.users.get(owner)
        kept = known is not None and not (known.deleted and known.deletion_at is None)
        found.expect(kept, "P13 a former member's device stays", f"{owner} {device.endpoint}")
    for at, _, key, old, new in world.db.tables["users"].log:
        found.expect(old is None or new is not None, "P4 a row was deleted", key)
        if old is None or new is None:
            continue
        if "deleted" in new and "deleted" not in old:
            due = User.model_validate(decode_item(old)).deletion_at
            asked = due is not None and due.timestamp() <= at + _SLACK
            found.expect(asked, "P10 forgotten though it was not due", key)
        found.expect(old.get("createdAt") == new.get("createdAt"), "P5 a row was made anew", key)


def _devices(world: World) -> Iterator[tuple[str, Device]]:
    """Each member's id with a device of theirs."""
    for key, item in world.db.tables["inbox"].items.items():
        if key[0].startswith(PARTITION):
            for device in decode_item(item)["devices"]:
                yield key[0].removeprefix(PARTITION), Device.model_validate(device)


_SIGN_UP_SECONDS = 10.0
"""Seconds for which a sign-up may take, in which a former account's token may still spend."""


def check_returned(record: Record, found: Findings) -> None:
    """Whoever signs up again starts with the points and limits that their former account left."""
    log = record.world.db.tables["users"].log
    made: dict[str, str] = {}
    for at, _, key, old, new in log:
        if old is not None or new is None:
            continue
        row, address = decode_item(new), address_of(key[0])
        former, made[address] = made.get(address), key[0]
        if former is None:
            found.expect(row["points"] == WELCOME_POINTS, "V14 a newcomer without the welcome points", key)
            continue
        versions = [decode_item(change.new or {}) for change in log if change.key == (former,) and change.at <= at]
        times = [change.at for change in log if change.key == (former,) and change.at <= at]
        first = max((n for n, time in enumerate(times) if time < at - _SIGN_UP_SECONDS), default=0)
        left = versions[first:]
        points = {min(WELCOME_POINTS, version["points"]) for version in left}
        found.expect(row["points"] in points, "V15 who returns has other points", f"{key} {row['points']} {points}")
        for name in LASTING_LIMITS:
            kept = row.get(name) in {version.get(name) for version in left}
            found.expect(kept, "V13 who returns has another limit", f"{key} {name}")


_BY_TIME = {
    *(NoticeKind.DEADLINE_NEAR, NoticeKind.OVERDUE, NoticeKind.UNCONFIRMED, NoticeKind.EXPIRES_SOON),
    NoticeKind.MODERATION,
}


def _events(record: Record) -> Iterator[notices.Notice]:
    """The notices of all that happened, by the tables' own changes."""
    tables = record.world.db.tables
    for _, _, _, before, after in record.changes:
        if before is not None and after.version > before.version:
            yield from notices.of_step(before, after)
    for change in tables["ledger"].log:
        if change.old is not None and change.new is not None and change.new["kind"]["S"] == "reward":
            yield from notices.of_reward(Entry.model_validate(decode_item(change.new)))
    for change in tables["reports"].log:
        if change.new is not None:
            former, report = (Report.model_validate(decode_item(i)) if i else None for i in (change.old, change.new))
            yield from notices.of_report(former, report) if report else ()
    items = tables["messages"].items.values()
    written = [Message.model_validate(decode_item(item)) for item in items if "authorId" in item]
    for message in written:
        requestor = record.quests[message.quest_id].requestor_id
        older = [m for m in written if m.quest_id == message.quest_id and m.message_id < message.message_id]
        public = sorted((m for m in older if m.audience is Audience.PUBLIC), key=lambda m: m.message_id, reverse=True)
        yield from notices.of_message(message, requestor, notices.unanswered(public, requestor))


def check_notifications(record: Record, found: Findings) -> None:
    """Each event reached each person once; nobody got a mail twice, except where a Lambda met a fault."""
    world = record.world
    items = {key: decode_item(item) for key, item in world.db.tables["inbox"].items.items() if "#" not in key[0]}
    expected = {(notice.user_id, notice.item_id): notice for notice in _events(record)}
    # Whose leaving is not finished is looked at again by the next run of housekeeping.
    forgotten = {user.user_id for user in record.users.values() if user.deleted and user.deletion_at is None}
    for key, notice in expected.items():
        user = record.users.get(notice.user_id)
        reachable = user is not None and not user.deleted and user.created_at < notice.at
        found.expect(not reachable or key in items, "N1 somebody was not told", f"{notice.user_id} {notice.kind}")
    for place, item in items.items():
        key = (place[0], place[-1])
        happened = key in expected or item["kind"] in _BY_TIME
        found.expect(happened, "N2 told of what did not happen", f"{key} {item['kind']}")
        found.expect(key[0] in record.users and key[0] not in forgotten, "N3 an inbox of a former member", key)
        found.expect(item.get("mail") != "due", "N4 a mail is owed for ever", f"{key} {item['kind']}")
    for user_id, row in record.users.items():
        clean = sum(mail.member == user_id and not (mail.by and mail.by.faults) for mail in world.mails)
        mailed = sum(item["userId"] == user_id and "mailedAt" in item for item in items.values())
        once = bool(row.deleted) or clean <= mailed
        found.expect(once, "N5 told twice by mail", f"{user_id}: {clean} mails, {mailed} items")
    _check_pushes(record, found)


_UNDER_WAY = 60.0
"""Seconds in which what the notifier has read may be out of date."""


def _check_pushes(record: Record, found: Findings) -> None:
    """Each device was sent each notice once at most, and nothing after it was removed or its member had left."""
    world = record.world
    put = Counter(c.key[0] for c in world.db.tables["inbox"].log if c.old is None and "kind" in (c.new or {}))
    left = {change.key[0]: change.at for change in world.db.tables["users"].log if "deleted" in (change.new or {})}
    removed: dict[str, float] = {}
    told: Counter[str] = Counter()
    for at, endpoint, payload in sorted([*world.pushes, *_changed_devices(world)]):
        if payload in ("added", "removed"):
            removed.pop(endpoint, None)
            if payload == "removed":
                removed[endpoint] = at
            continue
        owner = endpoint.rpartition("/")[2].rpartition("-")[0]
        told[endpoint] += 1
        found.expect(told[endpoint] <= put[owner], "N6 a device was told twice", f"{endpoint} {payload}")
        found.expect(at < left.get(owner, at) + _UNDER_WAY, "N7 a former member's device was told", endpoint)
        found.expect(at < removed.get(endpoint, at) + _UNDER_WAY, "N8 a removed device was told", endpoint)


def _changed_devices(world: World) -> Iterator[tuple[float, str, str]]:
    """The moments at which a device was added or removed, with its address."""
    for change in world.db.tables["inbox"].log:
        if change.key[0].startswith(PARTITION):
            before, after = (
                {device["endpoint"] for device in decode_item(image or {}).get("devices", [])}
                for image in (change.old, change.new)
            )
            yield from ((change.at, endpoint, "added") for endpoint in sorted(after - before))
            yield from ((change.at, endpoint, "removed") for endpoint in sorted(before - after))


_BY_KEY_ALONE = (f"DeleteItem {resource_name(STAGE, 'inbox')}", f"DeleteObject {BOARD_PAGES_PREFIX}")
"""The removals that need no condition: nothing is written again under the same key."""


def check_conditions(record: Record, found: Findings) -> None:
    """Every write of a Lambda is conditional on what is there, whoever else writes meanwhile."""
    for service, operation, where in record.world.unconditional:
        by_key = f"{operation} {where}".startswith(_BY_KEY_ALONE)
        found.expect(by_key, "E2 a write without a condition", f"{operation} of {service} to {where}")


def check_operated(record: Record, found: Findings) -> None:
    """Every change of an operator is in the audit log, or they were told that it is not; their repairs are whole."""
    world = record.world
    recorded = {id(run) for run, _ in world.audit}
    changed = {id(c.by) for table in world.db.tables.values() for c in table.log if c.by is not None}
    for run in world.operated:
        found.expect(id(run) not in changed or id(run) in recorded, "A1 a change that no log tells of", run)
    for booked in operators.wrongly_adjusted(world):
        found.expect(False, "A2 a mistake was not taken back once", booked)
    for table, then, damaged in world.spoilt:
        item = world.db.tables[table.base_name].items[world.db.tables[table.base_name].key_of(encode_item(then))]
        found.expect(decode_item(item).get("text", "") != damaged.get("text"), "A3 damage stays", then)


_SPOKEN = frozenset({"editMe", "writeMessage", "makeReport", "objectToDecision"})


def check_erasure(record: Record, found: Findings, *, published: bool = True) -> None:
    """No word of a former member is in a table, a document if they are `published`, or a mail that was sent
    afterwards.
    """
    world = record.world
    gone = {change.key[0]: change.at for change in world.db.tables["users"].log if "deleted" in (change.new or {})}
    finished = {user for user in gone if (row := record.users.get(user)) and row.deletion_at is None}
    if not finished:
        return
    stored = json.dumps([[*table.items.values()] for table in world.db.tables.values()])
    if published:
        people.compare_documents(world)  # names in documents follow with the next comparison, within twelve hours
        stored += "".join(body.decode(errors="replace") for body in world.bucket.objects.values())
    spoken = [call for call in world.requests if call.operation in _SPOKEN]
    others = {word for call in spoken if call.who not in finished for word in _words_of(call)}
    for call in spoken:
        if call.who not in finished:
            continue
        late = [mail for mail in world.mails if mail.at > gone[call.who] + 60]
        for word in _words_of(call) - others:
            found.expect(word not in stored, "P11 a word of a former member stays", f"{_said(call)} {word}")
            sent = any(word in _text_of(mail.message) for mail in late)
            found.expect(not sent, "P12 a word of a former member was mailed", f"{_said(call)} {word}")


def _words_of(call: Call) -> set[str]:
    """The words in a request that nobody else says, unless at the same moment."""
    return {value for value in call.body.values() if isinstance(value, str) and value.endswith(UNIQUE_TEXT_ENDINGS)}


@cache
def _text_of(message: str) -> str:
    parsed = message_from_bytes(b64decode(message), policy=default)
    bodies = (part.get_content() for part in parsed.walk() if part.get_content_maintype() == "text")
    return "\n".join([str(parsed["Subject"]), *bodies])


# --- rules over answers ---


def check_answers(record: Record, found: Findings) -> None:
    """Acknowledged effects are there, refusals are true, 5xx has a cause, and one request has one effect."""
    effects: defaultdict[int, list[_QuestChange]] = defaultdict(list)
    for change in record.changes:
        if change.by is not None and change.by.call is not None:
            effects[change.by.call.number].append(change)
    created: defaultdict[tuple[str | None, str], set[str]] = defaultdict(set)
    for call in record.world.requests:
        if not call.attempts or call.final.status is None:
            continue
        mine = effects[call.number]
        found.expect(
            len(mine) <= 1, "E1 one request took effect twice", f"{_said(call)} {[c.new.status for c in mine]}"
        )
        for attempt in call.attempts:
            _check_attempt(record, found, call, attempt)
        _check_refusal(record, found, call, mine)
        if call.operation == "createQuest" and call.final.status == 201:
            created[call.who, call.body["title"]].add(call.final.body["questId"])
        if call.operation == "editMe" and call.final.status == 200:
            found.expect(_profile_stored(record, call), "H8 an acknowledged profile is lost", _said(call))
    for (who, title), ids in created.items():
        found.expect(len(ids) == 1, "H9 one Idempotency-Key, two quests", f"{who} {title}")


def _said(call: Call) -> str:
    final = call.final
    return f"request {call.number}, {call.operation} by {call.who}: {final.status} {final.body.get('code', '')}"


def _check_attempt(record: Record, found: Findings, call: Call, attempt: Attempt) -> None:
    detail = f"{_said(call)}, attempt: {attempt.status} {attempt.faults}"
    status, body = attempt.status or 0, attempt.body
    found.expect(status < 500 or attempt.faults, "R1 5xx without a fault", detail)
    found.expect(status != 500, "R2 500 where 503 is due", detail)
    if status not in (200, 201) or "version" not in body or "questId" not in body:
        return
    versions = {change.new.version: change.new for change in record.changes if change.quest_id == body["questId"]}
    there = versions.get(body["version"])
    same = there is not None and (there.status, there.performer_id, len(there.attestations)) == (
        body["status"], body.get("performerId"), len(body.get("attestedBy", []))
    )  # fmt: skip
    found.expect(same, "H1 the acknowledged state never was", detail)
    now = record.quests.get(body["questId"])
    found.expect(now is not None and now.version >= body["version"], "H2 the acknowledged state is gone", detail)
    if call.operation == "getMyQuest":
        before = [
            c.new.version for c in record.changes if c.quest_id == body["questId"] and c.place < attempt.log_begin
        ]
        found.expect(body["version"] >= max(before, default=0), "H3 a read of a quest was stale", detail)
    if call.operation == "attestQuest" and there is not None:
        given = any(attestation.user_id == call.who for attestation in there.attestations)
        found.expect(given, "H5 an acknowledged attestation is not there", detail)


def _check_refusal(record: Record, found: Findings, call: Call, mine: list[_QuestChange]) -> None:
    final, detail = call.final, f"{_said(call)} {call.final.faults}"
    code = final.body.get("code", "")
    found.expect(code != "feature_off", "R3 refused as switched off though it is on", detail)
    quest_id = call.path.get("questId", "")
    changes = [change for change in record.changes if change.quest_id == quest_id]
    if final.status == 404 and code == "quest_not_found":
        shown = [c for c in changes if c.place < final.log_end and not c.new.hidden_at]
        hidden = [c for c in changes if c.place < final.log_end and c.new.hidden_at]
        there = any(c.place < final.log_begin for c in shown) and not hidden
        found.expect(not there, "H10 404 of a quest that is there", detail)
    if final.status != 409 or call.operation not in _ACTION_OF:
        return
    before = [change.new for change in changes if change.place < final.log_begin][-1:]
    during = [change.new for change in changes if final.log_begin <= change.place < final.log_end]
    true = any(_denied(call, quest, at) for quest in before + during for at in (final.started, final.ended))
    found.expect(true, "H6 409 where nothing had moved", detail)
    if mine:  # the last change is its own, and yet it is refused
        last = [change for change in changes if change.place < final.log_end][-1]
        found.expect(last.place != mine[-1].place, "H7 refused though its own effect stands", detail)


def _denied(call: Call, quest: Quest, at: float) -> bool:
    """True if the domain denies it for reasons of state, by a clock that may be off."""
    action, who = Action(_ACTION_OF[call.operation]), actor(str(call.who))
    moments = (datetime.fromtimestamp(at + off, UTC) for off in (-_SLACK, 0, _SLACK))
    verdicts = [allowed(quest, who, moment)[action] for moment in moments]
    return any(isinstance(verdict, Denied) and has_moved(quest, who, verdict.code) for verdict in verdicts)


def _profile_stored(record: Record, call: Call) -> bool:
    log = record.world.db.tables["users"].log
    rows = [decode_item(change.new) for change in log if change.key == (call.who,) and change.new]
    return any(all(row.get(name) == value for name, value in call.body.items()) for row in rows)


# --- rules over what happens once the faults end ---


def check_stream_lost_nothing(record: Record, found: Findings) -> None:
    """Before any sweep: what the stream did not settle is in a queue, or HELD."""
    given_up = {
        (keys["userId"]["S"], keys["entryId"]["S"]) for service, keys in record.world.given_up if service == "rewards"
    }
    for entry in record.entries:
        settled = entry.state is not State.PENDING or (entry.user_id, entry.entry_id) in given_up
        found.expect(settled, "L0 the stream passed an entry over", entry.entry_id)


def check_paid(record: Record, found: Findings) -> None:
    """Two sweeps later, with nobody coming back, every owed reward is paid, and poison is the operators'."""
    for entry in record.entries:
        found.expect(entry.state is State.POSTED, "L1 not paid after two sweeps", f"{entry.entry_id} {entry.state}")
    messages = record.world.queues.get(queue_url(REWARDS), [])
    told = {(message["userId"], message["entryId"]) for message in messages if "entryId" in message}
    for key, item in record.world.db.tables["ledger"].items.items():
        state = item["state"]["S"]
        found.expect(key[0] != POISONED or state == State.FAILED, "L1 poison is not given up", key)
        found.expect(state != State.FAILED or key in told, "D1 FAILED without a message", key)


def check_published(record: Record, found: Findings) -> None:
    """Before any comparison: the documents lack only what the stream's mapping gave up."""
    given_up = {keys["questId"]["S"].split("#")[0] for service, keys in record.world.given_up if service == "publisher"}
    _compare_documents(record, found, "W1 the stream passed a change over", given_up)


def check_documents(record: Record, found: Findings) -> None:
    """The documents are what the tables say, and never went back or brought back what had been taken away."""
    _compare_documents(record, found, "W2 a document differs from the table", frozenset())
    versions: dict[str, int] = {}
    for key, body in record.world.bucket.history:
        if not key.startswith(QUESTS_PREFIX) or not key.endswith(".json") or (body and not body.startswith(b"{")):
            continue
        quest_id = key.removeprefix(QUESTS_PREFIX).removesuffix(".json")
        version = json.loads(body)["version"] if body else versions.get(quest_id, 0) + 1
        found.expect(version >= versions.get(quest_id, 0), "W3 a document went back", f"{quest_id[:6]} to {version}")
        versions[quest_id] = version


def _compare_documents(record: Record, found: Findings, rule: str, except_ids: Collection[str]) -> None:
    objects = record.world.bucket.objects
    board = read_board(objects)
    try:
        cards = {card.quest_id: card.version for card in every_card(objects)}
    except (AssertionError, KeyError) as error:
        found.expect(False, "W4 the lists of a long board differ", repr(error))
        return
    quests = {id_: quest for id_, quest in record.quests.items() if id_ not in except_ids}
    expected = {id_: quest.version for id_, quest in quests.items() if is_on_board(quest)}
    shown = {id_: version for id_, version in cards.items() if id_ not in except_ids}
    found.expect(shown == expected, rule, f"board: {shown} for {expected}")
    # The home page follows the board. It may lack what was given up between them, and have the rest that many places
    # further up or down.
    linked = set(re.findall(r"/quests/([\w-]+)", objects.get(HOME_KEY, b"").decode()))
    newest = [card.quest_id for card in board.cards] if board else []
    missing = set(newest[: max(HOME_CARDS - len(except_ids), 0)]) - linked - set(except_ids)
    found.expect(not missing, rule, f"home lacks {missing}")
    foreign = linked - set(newest[: HOME_CARDS + len(except_ids)]) - set(except_ids)
    found.expect(not foreign, rule, f"home has {foreign}")
    for id_, quest in quests.items():
        body = objects.get(quest_key(id_))
        version = QuestDocument.model_validate_json(body).version if body and body.startswith(b"{") else None
        found.expect(version == (quest.version if is_public(quest) else None), rule, f"{id_[:6]}: {version}")
        page = objects.get(html_key(id_), b"").startswith(b"<!doctype html>")
        found.expect(page is is_public(quest), rule, f"{id_[:6]}: page {page}")


def check_worked_off(record: Record, found: Findings) -> None:
    """A single run of housekeeping without a fault leaves nothing that was due before it, however much it was. What the
    run itself opened again may be due for the next one.
    """
    begun = record.now - timedelta(minutes=15)
    for quest in record.quests.values():
        due = quest.due_at()
        left = due is not None and due <= begun and quest.updated_at <= begun
        found.expect(not left, "L8 a run left something over", f"{quest.quest_id[:6]} {quest.status}")


def check_nothing_is_stuck(record: Record, found: Findings) -> None:
    """Months later nothing is held for ever, nobody waits for somebody who left, and the audit reports no drift."""
    now, world = record.now, record.world
    for quest in record.quests.values():
        name, status = quest.quest_id[:6], quest.status
        due = quest.due_at()
        found.expect(due is None or due > now - _DAY, f"L2 {status} for ever", name)
        found.check("L3 nobody's turn, and no end", check_turn, quest, now, detail=name)
        if status is Status.SUBMITTED and not quest.hidden_at:  # what is hidden waits for moderators
            silent = {quest.requestor_id, quest.performer_id} - {a.user_id for a in quest.attestations}
            gone = [user for user in silent if user in record.users and record.users[user].deleted]
            found.expect(not gone, "L4 waits for a former member for ever", f"{name} for {gone}")
    for user in record.users.values():
        # Their leaving goes on while a quest of theirs does, as one that no moderator decides; they are nobody by then.
        late = user.deletion_at is not None and user.deletion_at <= now - _DAY
        theirs = [q for q in record.quests.values() if q.status not in FINAL and role_of(q, user.user_id)]
        found.expect(not late or (bool(user.deleted) and bool(theirs)), "L5 never forgotten", user.user_id)
        if user.deleted and user.deletion_at is None:
            found.expect(user.user_id not in world.pool, "P6 forgotten, and the account is there", user.user_id)
        if not user.deleted:
            found.expect(user.user_id not in world.deleted_accounts, "P7 the account of a member is gone", user.user_id)
            found.expect(user.user_id in world.pool, "P14 a row whose account is gone", user.user_id)
        if user.suspended_until == FOR_EVER:
            begun = [q for q in theirs if q.status in (Status.OPEN, Status.CLAIMED) and user.user_id not in q.left]
            found.expect(not begun, "L9 somebody waits for a banned member", f"{user.user_id} {begun[:1]}")
    found.expect(drift_of(world) == 0, "L6 the audit reports drift", f"{LEDGER_DRIFT.name} {drift_of(world)}")


def check_leavers(record: Record, found: Findings) -> None:
    """A member whose leaving is finished has no part in a quest under way, be it due or not."""
    for user in record.users.values():
        if user.deleted and user.deletion_at is None:
            theirs = [q for q in record.quests.values() if q.status not in FINAL and role_of(q, user.user_id)]
            found.expect(not theirs, "L7 a former member's quest goes on", user.user_id)


def _performed(record: Record, who: str) -> Iterator[tuple[datetime, str]]:
    """The quests that a member performs or performed, each with the moment that it has in their list."""
    for quest in record.quests.values():
        if quest.performer_id == who and quest.claimed_at:
            yield quest.claimed_at, quest.quest_id
        elif former := former_of(quest, who):
            yield former.at, quest.quest_id


def check_lists(record: Record, found: Findings, seen: Mapping[str, list[str]]) -> None:
    """Every list, read to its end, is complete and in order."""
    items = people.quest_items(record.world)

    def ordered(wanted: Callable[[Mapping[str, Any]], bool], *by: str) -> list[str]:
        rows = sorted(
            (decode_item(item) for item in items.values()), key=lambda row: [row.get(name, "") for name in by]
        )
        return [row["questId"] for row in reversed(rows) if wanted(row)]

    want = {
        "board": ordered(lambda row: row["status"] == Status.OPEN and "hiddenAt" not in row, "laneAt"),
        "disputes": ordered(lambda row: row["status"] == Status.DISPUTED, "laneAt"),
    }
    for who in EVERYBODY:
        want[f"{who} requestor"] = ordered(lambda row: row["requestorId"] == who, "createdAt", "questId")  # noqa: B023  # called at once
        want[f"{who} performer"] = [quest_id for _, quest_id in sorted(_performed(record, who), reverse=True)]
        want[f"{who} ledger"] = sorted((e.entry_id for e in record.entries if e.user_id == who), reverse=True)
    for name, ids in want.items():
        found.expect(seen[name] == ids, "C1 a list is not complete and in order", f"{name}: {seen[name]} for {ids}")


def check_first_calls(world: World, found: Findings) -> None:
    """Whoever has neither a row nor a message in the queue gets the row by their first call, with all points."""
    rows = world.db.tables["users"].items
    queued = {message["userId"] for message in world.queues.get(queue_url(USER_CREATION), [])}
    lost = [user for user in world.pool if (user,) not in rows and user not in queued]

    def call(world: World) -> None:
        for user in lost:
            answer = Client(world, 1).call("getMe", user)
            whole = answer.status == 200 and answer.body["points"] in (
                range(11) if has_signed_up_again(user) else (10,)
            )
            found.expect(whole, "P8 the first call makes the row", f"{user} {answer.status}")

    world.run(call)


def check_history(world: World) -> Findings:
    """Ends a history: its faults stop, the streams drain, two sweeps, months of quiet; and all rules are checked."""
    found = Findings()
    if world.wrong_bookings or world.spoilt:
        world.heal()
        world.run(operators.tidy_up)
    check_books(Record(world), found)
    people.recover_and_drain(world)
    check_stream_lost_nothing(Record(world), found)
    check_published(Record(world), found)
    people.sweep(world)
    people.compare_documents(world)
    if people.has_notifier(world):
        people.mail(world)
        check_notifications(Record(world), found)
    record = Record(world)
    check_documents(record, found)
    check_paid(record, found)
    check_books(record, found)
    check_people(record, found)
    check_first_calls(world, found)
    if world.seed % 3 == 0:
        seen = people.lists(world)
        check_lists(Record(world), found, seen)
    for _ in people.quiet(world):
        check_worked_off(Record(world), found)
    record = Record(world)
    for check in (
        *(
            check_books,
            check_nothing_is_stuck,
            check_people,
            check_returned,
            check_changes,
            check_ledger,
            check_answers,
        ),
        *(check_conditions, check_operated),
    ):
        check(record, found)
    check_erasure(record, found)
    found.extend(Violation("E0 the simulation itself", error) for error in world.errors)
    return found
