"""Bugs that are sown into the real services, to prove the rules: each changes one thing, and is undone afterwards.

A bug is named after what it does wrong. Where random histories rarely meet it, it says which scenario does.
"""

import json
import uuid
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, NamedTuple
from unittest.mock import patch

from botocore.exceptions import BotoCoreError, ClientError

from services.api.operations import quests as quest_operations
from services.api.operations.operation import Platform
from services.core.documents import Board, quest_key
from services.core.domain import ledger, pairs, quests
from services.core.domain.ledger import State
from services.core.domain.quests import permissions, steps
from services.core.domain.users import former
from services.core.domain.values import timestamp
from services.core.stores import devices as device_store
from services.core.stores import documents as document_store
from services.core.stores import inbox as inbox_store
from services.core.stores import ledger as ledger_store
from services.core.stores import messages as message_store
from services.core.stores import quests as quest_store
from services.core.stores import repair as repair_store
from services.core.stores import users as user_store
from services.core.stores.dynamo import (
    ConditionFailedError,
    StoreUnavailableError,
    call,
    decode_item,
    dump,
    encode_item,
)
from services.housekeeping import chores
from services.notifier import notifying
from services.publisher import board, publication
from services.rewards import payment
from tests.simulation import people, rules, scenarios, world
from tests.simulation.rules import Findings
from tests.simulation.world import Fault

Sow = Callable[[], AbstractContextManager[Any]]
Look = Callable[[], Findings]
_EMPTY_BOARD = Board(published_at=datetime(2026, 1, 1, tzinfo=UTC), cards=[])
HISTORIES = 100
"""The number of random histories that are tried for a bug that nothing else is said to find."""


class Bug(NamedTuple):
    """A bug's sowing, and the check that is known to find it; `quick` is for the ones of every test run."""

    sow: Sow
    look: Look
    quick: bool


BUGS: dict[str, Bug] = {}


def _histories() -> Findings:
    """The violations of the first history that has any."""
    for seed in range(HISTORIES):
        if found := rules.check_history(people.history(seed)):
            return found
    return Findings()


def _backlog(name: str) -> Look:
    return lambda: scenarios.backlog(name, 2)


def _path(name: str, plan: Mapping[int, Fault]) -> Look:
    def look() -> Findings:
        path = scenarios.PATHS[name]
        return scenarios.run_path(path, plan, 1)[1]

    return look


def _chores() -> Findings:
    with patch.dict(rules.KNOWN_FAULTS, clear=True):
        return scenarios.chores(2, 0)


def _sow(name: str, sow: Sow, look: Look = _histories, *, quick: bool = True) -> None:
    BUGS[name] = Bug(sow, look, quick)


def bug(
    target: Any, name: str, look: Look = _histories, *, quick: bool = True
) -> Callable[[Callable[[Any], Any]], Callable[[Any], Any]]:
    """Replaces an attribute of the services by what the decorated function makes of it."""

    def take(make: Callable[[Any], Any]) -> Callable[[Any], Any]:
        _sow(make.__name__, lambda: patch.object(target, name, make(getattr(target, name))), look, quick=quick)
        return make

    return take


# --- conditions that are missing ---


@bug(quest_store.QuestStore, "_write")
def save_without_version(real: Any) -> Any:
    def write(self: Any, writes: list[Any]) -> Any:
        if update := writes[0].get("Update"):
            update["ConditionExpression"] = "#status = :status"
            update["ExpressionAttributeValues"].pop(":version", None)
            if "#version" not in update["UpdateExpression"]:
                update["ExpressionAttributeNames"].pop("#version", None)
        return real(self, writes)

    return write


@bug(quest_store.QuestStore, "_write")
def save_without_condition(real: Any) -> Any:
    def write(self: Any, writes: list[Any]) -> Any:
        if update := writes[0].get("Update"):
            update["ConditionExpression"] = "attribute_exists(questId)"
            for name in ("status", "version"):
                update["ExpressionAttributeValues"].pop(f":{name}", None)
                update["ExpressionAttributeNames"].pop(f"#{name}", None)
        return real(self, writes)

    return write


@bug(ledger_store.LedgerStore, "_change")
def pay_without_condition(real: Any) -> Any:
    def change(self: Any, user_id: str, entry_id: str, state: State, changes: Any, *others: Any) -> Any:
        made = real(self, user_id, entry_id, state, changes, *others)
        if state is State.POSTED:
            update = made["Update"]
            update["ConditionExpression"] = "attribute_exists(entryId)"
            for name in (":pending", ":held"):
                update["ExpressionAttributeValues"].pop(name, None)
        return made

    return change


@bug(ledger_store.LedgerStore, "mark_held", lambda: scenarios.flag_switched_during_sweep(range(20)))
def hold_without_condition(_real: Any) -> Any:
    def hold(self: Any, entry: ledger.Entry) -> bool:
        update = self._change(entry.user_id, entry.entry_id, State.HELD, {}, {})["Update"]
        update["ConditionExpression"] = "attribute_exists(entryId)"
        call(self._client.update_item, **update)
        return True

    return hold


def _in_two_writes(order: tuple[int, int]) -> Callable[[Any], Any]:
    """Payment that is no transaction."""

    def make(real: Any) -> Any:
        def pay(self: Any, entry: ledger.Entry, now: Any) -> bool:
            caught: list[Any] = []
            with patch.object(ledger_store, "call", lambda _, **arguments: caught.extend(arguments["TransactItems"])):
                real(self, entry, now)
            try:
                for place in order:
                    call(self._client.update_item, **caught[place]["Update"])
            except ConditionFailedError:
                return False
            return True

        return pay

    return make


def _sow_on(target: Any, name: str, make: Callable[[Any], Any]) -> Sow:
    return lambda: patch.object(target, name, make(getattr(target, name)))


_sow("posted_before_paying", _sow_on(ledger_store.LedgerStore, "pay", _in_two_writes((0, 1))))
_sow("paid_before_posting", _sow_on(ledger_store.LedgerStore, "pay", _in_two_writes((1, 0))))


@bug(user_store, "call")
def trigger_resets_the_row(real: Any) -> Any:
    def calls(operation: Any, **arguments: Any) -> Any:
        if "TransactItems" in arguments:
            put = arguments["TransactItems"][0]["Put"]
            del put["ConditionExpression"]
            put.pop("ReturnValuesOnConditionCheckFailure", None)
        return real(operation, **arguments)

    return calls


def _overdrawn(real: Any) -> Any:
    def post(table: str, entry: ledger.Entry, spend: Any = None) -> Any:
        made = real(table, entry, spend)
        if entry.points < 0:
            update = made["Update"]
            update["ConditionExpression"] = update["ConditionExpression"].replace(" AND points >= :cost", "")
            update["ExpressionAttributeValues"].pop(":cost")
        return made

    return post


_sow("may_overdraw", _sow_on(quest_store, "post_points", _overdrawn), scenarios.posts_beyond_the_points)


@bug(Platform, "creates")
def no_quota_on_create(_real: Any) -> Any:
    return lambda self: None


@bug(Platform, "claims", lambda: scenarios.repeated_claims())
def no_quota_on_claim(_real: Any) -> Any:
    return lambda self: user_store.Quota(user_store.Allowance.CLAIM, 1_000_000)


@bug(user_store, "open_claims", lambda: scenarios.concurrent_claims(range(10)))
def no_ceiling_of_claims(_real: Any) -> Any:
    return lambda _confirmed_by: 100


@bug(quest_operations, "request_may_still_run", lambda: scenarios.concurrent_claims(range(10)))
def claims_still_being_written_are_not_counted(_real: Any) -> Any:
    return lambda _record, _now: False


# --- books that do not balance ---


@bug(steps, "_closed")
def no_refund(real: Any) -> Any:
    return lambda *arguments, **changes: real(*arguments, **changes)._replace(entries=())


def _refunding_twice(real: Any) -> Any:
    def cancel(quest: quests.Quest, actor: quests.Actor, now: Any) -> quests.Change:
        if quest.status is quests.Status.CANCELLED and actor.user_id == quest.requestor_id:
            return steps._closed(quest, quests.Status.CANCELLED, now)
        return real(quest, actor, now)  # type: ignore[no-any-return]  # the function that is replaced

    return cancel


_sow(
    "refund_twice",
    lambda: patch.multiple(quests, cancel=_refunding_twice(quests.cancel), already_taken=lambda *_: False),
    lambda: scenarios.cancelled_twice(),
)


def _unposted(real: Any) -> Any:
    def post(table: str, entry: ledger.Entry, spend: Any = None) -> Any:
        made = real(table, entry, spend)
        if entry.points > 0:
            made["Update"]["ExpressionAttributeValues"][":points"] = {"N": "0"}
        return made

    return post


_sow("refund_entry_without_points", _sow_on(quest_store, "post_points", _unposted))


@bug(ledger, "reward")
def wrong_payee(real: Any) -> Any:
    return lambda _user, *others, **named: real("ann", *others, **named)


@bug(ledger, "reward", quick=False)
def always_pays_the_default_xp(real: Any) -> Any:
    return lambda user, quest_id, asker, _xp, *others, **named: real(user, quest_id, asker, 100, *others, **named)


@bug(user_store, "call")
def no_welcome_entry(real: Any) -> Any:
    def calls(operation: Any, **arguments: Any) -> Any:
        if "TransactItems" in arguments:
            del arguments["TransactItems"][1]
        return real(operation, **arguments)

    return calls


@bug(quests, "attest")
def complete_without_entry(real: Any) -> Any:
    return lambda *arguments: real(*arguments)._replace(entries=())


@bug(quest_store.QuestStore, "_commit", quick=False)
def entries_written_afterwards(real: Any) -> Any:
    def commit(self: Any, write: Any, change: Any, *others: Any) -> None:
        pending = [entry for entry in change.entries if entry.state is not State.POSTED]
        posted = tuple(entry for entry in change.entries if entry.state is State.POSTED)
        real(self, write, change._replace(entries=posted), *others)
        for entry in pending:
            call(self._client.put_item, **ledger_store.put_entry(self._ledger, entry)["Put"])

    return commit


@bug(quest_store.QuestStore, "_commit", quick=False)
def text_written_afterwards(real: Any) -> Any:
    def commit(self: Any, writes: Any, change: Any, *others: Any) -> None:
        texts = self._text_writes(change)
        real(self, [write for write in writes if write not in texts], change, *others)
        for text in texts:
            call(self._client.put_item, **text["Put"])

    return commit


# --- rules of quests ---


def _rule(action: quests.Action, rule: Callable[..., Any]) -> Sow:
    return lambda: patch.dict(permissions._RULES, {action: rule})


def _anyone(quest: quests.Quest, actor: quests.Actor, now: Any) -> Any:
    if quest.status is quests.Status.SUBMITTED and quests.role_of(quest, actor.user_id) is None:
        return None
    return permissions._attest(quest, actor, now)


def _any_claimer(quest: quests.Quest, _actor: quests.Actor, _now: Any) -> Any:
    return None if quest.status is quests.Status.OPEN else quests.Denial.WRONG_STATUS


_sow("anyone_attests", _rule(quests.Action.ATTEST, _anyone))
_sow("own_quest_claimed", _rule(quests.Action.CLAIM, _any_claimer))


@bug(quests, "expire")
def expired_quest_stays_open(_real: Any) -> Any:
    return lambda quest, now: quests.Change(quest)


@bug(quests, "submit")
def one_attestation_completes(real: Any) -> Any:
    def submit(quest: quests.Quest, current: Any, actor: quests.Actor, text: str, now: Any, silence: Any) -> Any:
        change = real(quest, current, actor, text, now, silence)
        if change.quest is quest:
            return change
        words = change.quest.attestations
        return steps._completed(quest, now, steps.NEW_PAIR, attestations=words)._replace(submission=text)

    return submit


@bug(quests, "request_changes")
def attestations_survive_changes(real: Any) -> Any:
    def request_changes(quest: quests.Quest, *arguments: Any) -> Any:
        change = real(quest, *arguments)
        if change.quest is quest:
            return change
        return change._replace(quest=change.quest.model_copy(update={"attestations": quest.attestations}))

    return request_changes


@bug(steps, "_reopened")
def release_keeps_the_performer(real: Any) -> Any:
    def reopened(quest: quests.Quest, *arguments: Any, **named: Any) -> Any:
        return real(quest, *arguments, **named).model_copy(update={"performer_id": quest.performer_id})

    return reopened


@bug(quest_store.QuestStore, "_place")
def stays_on_the_board(real: Any) -> Any:
    def place(self: Any, quest: quests.Quest) -> Any:
        claimed = quest.status is quests.Status.CLAIMED
        return real(self, quest.model_copy(update={"status": quests.Status.OPEN}) if claimed else quest)

    return place


# --- reads and answers ---


@bug(quest_store, "batch_get")
def stale_reads_of_quests(real: Any) -> Any:
    return lambda client, table, keys, *, consistent: real(client, table, keys, consistent=False)


@bug(quest_store, "batch_get")
def unprocessed_keys_dropped(_real: Any) -> Any:
    def batch_get(client: Any, table: str, keys: Any, *, consistent: bool) -> Any:
        wanted = {table: {"Keys": [encode_item(key) for key in keys], "ConsistentRead": consistent}}
        answer = call(client.batch_get_item, RequestItems=wanted)
        return [decode_item(item) for item in answer["Responses"].get(table, [])]

    return batch_get


@bug(quest_operations, "digest")
def key_is_not_used(real: Any) -> Any:
    return lambda *parts: real(*parts, str(uuid.uuid4())) if parts[0] == "quest" else real(*parts)


def _conflict_is_success(real: Any) -> Any:
    def calls(operation: Any, **arguments: Any) -> Any:
        try:
            return operation(**arguments)
        except BotoCoreError as error:
            raise StoreUnavailableError(str(error)) from error
        except ClientError as error:
            return {} if "TransactionConflict" in str(error.response) else real(operation, **arguments)

    return calls


def _outage_is_success(real: Any) -> Any:
    def calls(operation: Any, **arguments: Any) -> Any:
        try:
            return real(operation, **arguments)
        except StoreUnavailableError:
            if "TransactItems" in arguments:
                return {}
            raise

    return calls


_sow("conflict_taken_for_success", _sow_on(quest_store, "call", _conflict_is_success))
_sow("outage_taken_for_success", _sow_on(quest_store, "call", _outage_is_success))


@bug(ledger_store.LedgerStore, "page")
def ledger_cursor_off_by_one(real: Any) -> Any:
    def page(self: Any, user_id: str, limit: int, after: str | None) -> Any:
        found = real(self, user_id, limit, after)
        skips = found.last and len(found.entries) > 1 and not after
        return found._replace(last=found.entries[-2].entry_id) if skips else found

    return page


@bug(quest_store.QuestStore, "board")
def board_cursor_off_by_one(real: Any) -> Any:
    def board(self: Any, asked: Any) -> Any:
        page = real(self, asked)
        return page if page.last is None or len(page.items) < 2 else page._replace(last=page.items[-2]["laneAt"])

    return board


# --- streams, schedules and queues ---


def _cold(service: str, change: Callable[[Any], None]) -> Callable[[Any], Any]:
    """A change of a service's handler module, at every cold start."""

    def make(real: Any) -> Any:
        def cold(name: str) -> Any:
            module = real(name)
            if name == service:
                change(module)
            return module

        return cold

    return make


def _forget_failures(module: Any) -> None:
    takes = module._failures
    module._failures = lambda records: takes(records)[:0]


def _keep_nothing(module: Any) -> None:
    module._keep = lambda *_: None


_sow(
    "partial_failures_ignored",
    _sow_on(world, "cold_module", _cold("rewards", _forget_failures)),
    _backlog("dynamodb refused writes"),
)
_sow(
    "sign_up_not_queued",
    _sow_on(world, "cold_module", _cold("onboarding", _keep_nothing)),
    _path("trigger", dict.fromkeys(range(1, 41), Fault.RESET)),
)


def _first_page(real: Any) -> Any:
    def pages(operation: Any, **arguments: Any) -> Any:
        yield next(real(operation, **arguments))

    return pages


_sow("sweep_reads_one_page", _sow_on(ledger_store, "pages", _first_page), _backlog("the stream brought nothing"))
_sow("housekeeping_reads_one_page", _sow_on(quest_store, "pages", _first_page))


@bug(payment, "UNPAID")
def sweep_passes_held_over(_real: Any) -> Any:
    return (State.PENDING,)


@bug(payment.Payer, "process", _backlog("the stream brought nothing"))
def sweep_pays_one(real: Any) -> Any:
    def settle(self: Any, entry: ledger.Entry, now: Any) -> None:
        last = getattr(world.World.current, "last_settled", None)
        if last != now:
            real(self, entry, now)
            world.World.current.last_settled = now  # type: ignore[union-attr]  # kept for the bug alone

    return settle


@bug(payment.Payer, "give_up", _path("stream, poison", {}))
def no_message_for_poison(_real: Any) -> Any:
    return lambda self, user_id, entry_id, reason: self.ledger.fail(user_id, entry_id)


@bug(payment.Payer, "give_up", _backlog("poison, sqs down"))
def failed_before_the_message(_real: Any) -> Any:
    def give_up(self: Any, user_id: str, entry_id: str, reason: str) -> None:
        self.ledger.fail(user_id, entry_id)
        message = json.dumps({"userId": user_id, "entryId": entry_id})
        self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=message)

    return give_up


# --- leaving ---


@bug(chores.Housekeeper, "_erase_member", _chores)
def row_is_finished_first(_real: Any) -> Any:
    def forget(self: Any, user_id: str, now: Any) -> bool:
        user = self.users.get(user_id)
        if user is None or user.deletion_at is None:
            return False
        self.users.anonymise(user, now)
        self.users.finish_deletion(user_id, now)
        return True

    return forget


@bug(chores.Housekeeper, "_under_way", _path("forget", {}))
def quests_of_the_leaver_stay(_real: Any) -> Any:
    return lambda self, user_id: iter(())


@bug(message_store.MessageStore, "erase", _path("forget", {}))
def messages_of_the_leaver_stay(_real: Any) -> Any:
    return lambda self, user_id: None


@bug(inbox_store.InboxStore, "forget", quick=False)
def inbox_of_the_leaver_stays(_real: Any) -> Any:
    return lambda self, user_id: 0


@bug(user_store.UserStore, "anonymise", _path("forget", {}))
def name_stays(_real: Any) -> Any:
    def anonymise(self: Any, user: Any, now: Any) -> None:
        self._update(user.user_id, {}, {"deleted": True}, "deletionAt <= :now", {":now": timestamp(now)})

    return anonymise


@bug(user_store.UserStore, "anonymise", lambda: scenarios.races("editMe", {"bio": "bio-1-x"}, range(60)))
def only_what_was_read_is_written_over(_real: Any) -> Any:
    def anonymise(self: Any, user: Any, now: Any) -> None:
        before = dump(user)
        after = {**dump(former(user, now)), "deletionAt": before["deletionAt"]}
        self._update(user.user_id, before, after, "deletionAt <= :now", {":now": timestamp(now)})

    return anonymise


@bug(user_store.UserStore, "anonymise", lambda: scenarios.races("restoreMe", None, range(200)), quick=False)
def forgets_who_came_back(_real: Any) -> Any:
    def anonymise(self: Any, user: Any, now: Any) -> None:
        before = dump(user)
        after = {**dump(former(user, now)), "deletionAt": before["deletionAt"]}
        self._update(user.user_id, before, after, "attribute_exists(userId)")

    return anonymise


# --- people ---


@bug(notifying.Notifier, "step")
def half_of_the_steps_tell_nobody(real: Any) -> Any:
    return lambda self, record: real(self, record)[:1]


@bug(inbox_store.InboxStore, "put")
def what_was_told_is_new(real: Any) -> Any:
    return lambda self, item: real(self, item) or True


@bug(
    device_store.DeviceStore, "_write", lambda: scenarios.races("addMyDevice", people.subscription("ann", 0), range(60))
)
def devices_of_former_members(_real: Any) -> Any:
    def write(self: Any, user_id: str, kept: Any, version: int) -> None:
        row = encode_item({"devices": [dump(device) for device in kept], "version": version + 1})
        condition = "version = :version" if version else "attribute_not_exists(version)"
        asked = {"ExpressionAttributeValues": encode_item({":version": version})} if version else {}
        item = {**self._key(user_id), **row}
        call(self._client.put_item, TableName=self._table, Item=item, ConditionExpression=condition, **asked)

    return write


@bug(ledger, "reward")
def every_confirmation_counts(real: Any) -> Any:
    return lambda *arguments, **named: real(*arguments, **{**named, "new_confirmer": named["confirmed"]})


@bug(pairs, "share")
def a_pair_is_paid_in_full_for_ever(_real: Any) -> Any:
    return lambda _pair, _now: 100


# --- operators ---


@bug(quest_store.QuestStore, "unchanged", lambda: scenarios.operators_repairing(range(20)))
def operators_book_for_a_quest_that_moved(real: Any) -> Any:
    def unchanged(self: Any, quest: quests.Quest) -> Any:
        check = real(self, quest)
        check["ConditionExpression"] = "#version >= :version"
        return check

    return unchanged


@bug(repair_store.RepairStore, "totals", lambda: scenarios.operators_repairing(range(20)))
def operators_write_totals_that_moved(real: Any) -> Any:
    def totals(self: Any, *arguments: Any) -> Any:
        write = real(self, *arguments)
        values = write["Update"]["ExpressionAttributeValues"]
        write["Update"]["ConditionExpression"] = "attribute_exists(userId)"
        for name in [name for name in values if name.startswith(":old_")]:
            del values[name]
        return write

    return totals


# --- the documents ---


def _unconditional_writes(real: Any) -> Any:
    def write(self: Any, operation: Any, **arguments: Any) -> Any:
        rest = {name: value for name, value in arguments.items() if name not in ("IfMatch", "IfNoneMatch")}
        return real(self, operation, **rest)

    return write


_sow(
    "writes_without_a_condition",
    _sow_on(document_store.DocumentStore, "_write", _unconditional_writes),
    lambda: scenarios.publishing(range(20)),
)


@bug(publication.Publisher, "_changed")
def trusts_the_batch_for_the_whole_board(real: Any) -> Any:
    return lambda self, _board, files, quest_ids: real(self, _EMPTY_BOARD, files, quest_ids)


@bug(board.BoardFiles, "_edited")
def leaves_the_reward_order_of_a_large_board_stale(real: Any) -> Any:
    return lambda self, index, *changes: real(self, index, *changes).model_copy(update={"reward": index.reward})


@bug(publication, "is_public")
def publishes_what_was_cancelled(_real: Any) -> Any:
    return lambda _quest: True


@bug(publication.Publisher, "_home")
def forgets_the_home_page(_real: Any) -> Any:
    return lambda self, before: before or b"<!doctype html>"


@bug(publication.Publisher, "_publish_quest")
def skips_a_document_that_is_there(real: Any) -> Any:
    def publish(self: Any, quest_id: str) -> None:
        if self.documents.read(quest_key(quest_id)) is None:
            real(self, quest_id)

    return publish


def look(name: str) -> Findings:
    """The violations that are found with the bug in place."""
    with BUGS[name].sow():
        return BUGS[name].look()
