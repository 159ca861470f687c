"""The chores of housekeeping: expire, release, confirm by silence, forget, audit."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from services.core.domain import quests
from services.core.domain.ledger import Totals, drift, sum_entries, totals_of
from services.core.domain.quests import Change, Quest, Role, Status
from services.core.domain.reports import FOR_EVER
from services.core.flags import Flags
from services.core.groups import InternalGroup
from services.core.live import Breaker, LiveParameters, breaker
from services.core.metrics import LEDGER_DRIFT, QUESTS_COMPLETED, SILENT_CONFIRMATIONS
from services.core.sign_ups import SignUps, address_of
from services.core.stores.devices import DeviceStore
from services.core.stores.inbox import InboxStore
from services.core.stores.ledger import LedgerStore
from services.core.stores.messages import MessageStore
from services.core.stores.quests import QuestConflictError, QuestStore
from services.core.stores.reports import ReportStore
from services.core.stores.users import NoSuchUserError, UserStore
from services.core.sweeping import Chore, TimeSlice
from services.core.telemetry import Telemetry, user_digest

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

AUDIT_SLICES = 96
"""Runs in a day: each member's totals are compared with the ledger once a day."""
_RUN_SECONDS = 900
_SETTLED = timedelta(days=1)
"""Age from which a row without an account is not just one that is being made."""


def _number_of(now: datetime) -> int:
    """The number of a run in its day, which is that of the slice of members that it looks at."""
    return int(now.timestamp()) // _RUN_SECONDS % AUDIT_SLICES


class _Accounts(NamedTuple):
    """A page of accounts; as text, Cognito's token for the next one."""

    ids: list[str]
    token: str

    def __str__(self) -> str:
        return self.token


@dataclass(frozen=True)
class Housekeeper:
    """Does the chores. Each is safe to repeat and to stop halfway."""

    quests: QuestStore
    users: UserStore
    sign_ups: SignUps
    ledger: LedgerStore
    inbox: InboxStore
    devices: DeviceStore
    messages: MessageStore
    reports: ReportStore
    live: LiveParameters
    flags: Flags
    internal: InternalGroup
    cognito: "CognitoIdentityProviderClient"
    pool_id: str
    telemetry: Telemetry

    def is_paused(self) -> bool:
        """True while the breaker is `down`: members cannot act, so no deadline may pass over them."""
        closed = breaker(self.live) is Breaker.DOWN
        if closed:
            self.telemetry.log.warning("nothing done: the breaker is down")
        return closed

    def chores(self) -> tuple[Chore, ...]:
        """Every chore; what members wait for first."""
        return (
            *(self.expire, self.release_overdue, self.confirm_silence),
            *(self.reconcile, self.forget, self.welcome, self.audit),
        )

    def expire(self, now: datetime, time_slice: TimeSlice) -> int:
        """Closes the OPEN quests whose time has passed and refunds their point. Returns how many."""
        return self._change_all(Status.OPEN, lambda quest: quests.expire(quest, now), now, time_slice)

    def release_overdue(self, now: datetime, time_slice: TimeSlice) -> int:
        """Opens the CLAIMED quests again whose performer never came back. Returns how many."""
        return self._change_all(Status.CLAIMED, lambda quest: quests.release_overdue(quest, now), now, time_slice)

    def confirm_silence(self, now: datetime, time_slice: TimeSlice) -> int:
        """Completes the SUBMITTED quests whose other side let their time pass without a word. Returns how many."""

        def step(quest: Quest) -> Change:
            gone = quest.requestor_id in quest.left
            ends = gone or quests.confirms_by_silence(self._flags_of(quest.performer_id or ""))
            if quest.synthetic or not ends:
                return Change(quest)
            return quests.confirm_silence(quest, now, self.quests.pair(quest.requestor_id, quest.performer_id or ""))

        confirmed = self._change_all(Status.SUBMITTED, step, now, time_slice)
        if confirmed:
            self.telemetry.count(SILENT_CONFIRMATIONS, confirmed)
            self.telemetry.count(QUESTS_COMPLETED, confirmed)
        return confirmed

    def _flags_of(self, user_id: str) -> frozenset[str]:
        """The flags that include a performer, of those that decide how a hand-in ends."""
        flags = (quests.SILENCE_FLAG, quests.DISPUTES)
        rolled_out = any(self.flags.value(flag) not in ("off", "on") for flag in flags)
        groups = self.internal.groups_of(user_id) if rolled_out else frozenset[str]()
        return frozenset(flag for flag in flags if self.flags.enabled(flag, user_id, groups))

    def forget(self, now: datetime, time_slice: TimeSlice) -> int:
        """Anonymises the members whose grace period is over. Returns how many."""
        due = time_slice.limit(self.users.due_for_deletion(now))
        return self._run_for_each(due, lambda user_id: self._erase_member(user_id, now), user_digest)

    def reconcile(self, now: datetime, time_slice: TimeSlice) -> int:
        """Compares rows with the user pool, each once a day: a row without an account is a deletion that is due.

        A banned member's part in quests ends, so that nobody waits for them. The digests of addresses follow changes of
        the address and of their key. Returns how many did not fit.

        Members may end their account by Cognito's own DeleteUser, which tells nobody.
        """
        return self._run_for_each(
            self._members_of(time_slice), lambda user_id: self._reconcile_row(user_id, now), user_digest
        )

    def welcome(self, now: datetime, time_slice: TimeSlice) -> int:
        """Makes the rows of accounts that have none, once a day. Returns how many."""
        if _number_of(time_slice.now):
            return 0
        ids = (
            user_id
            for page in time_slice.limit(self._accounts(time_slice.after))
            for user_id in self._without_row(page.ids)
        )
        return self._run_for_each(ids, lambda user_id: self._welcome(user_id, now), user_digest)

    def _members_of(self, time_slice: TimeSlice) -> Iterator[str]:
        return time_slice.limit(self.users.slice(_number_of(time_slice.now), AUDIT_SLICES, time_slice.after))

    def _reconcile_row(self, user_id: str, now: datetime) -> bool:
        """Request the deletion of a member whose account is gone; end the quests of a banned one. True if it changed
        something.
        """
        try:
            user = self.users.get(user_id)
        except ValueError:
            return False  # a row that cannot be read is the audit's to tell
        if user is None or user.deleted or user.deletion_at:
            return False
        stranding = user.suspended_until == FOR_EVER and not self._leave_quests(user_id, now)
        if now - user.created_at < _SETTLED:
            return stranding
        try:
            address = address_of(self.cognito, self.pool_id, user_id)
        except NoSuchUserError:
            self.users.request_deletion(user_id, now, grace=timedelta(0))
            return True
        return self.sign_ups.update_digest(user, address, now) or stranding

    def _accounts(self, token: str) -> Iterator["_Accounts"]:
        """The confirmed accounts, page by page, from the page on that Cognito's token names; "" is the first."""
        more: Any = {"PaginationToken": token} if token else {}
        while True:
            page = self.cognito.list_users(UserPoolId=self.pool_id, **more)
            confirmed = (user for user in page["Users"] if user["UserStatus"] == "CONFIRMED")
            ids = [a["Value"] for user in confirmed for a in user["Attributes"] if a["Name"] == "sub"]
            token = page.get("PaginationToken", "")
            yield _Accounts(ids, token)
            if not token:
                return
            more = {"PaginationToken": token}

    def _without_row(self, ids: list[str]) -> list[str]:
        known = self.users.present(ids) if ids else set()
        return [user_id for user_id in ids if user_id not in known]

    def _welcome(self, user_id: str, now: datetime) -> bool:
        try:
            self.sign_ups.ensure(user_id, address_of(self.cognito, self.pool_id, user_id), now)
        except NoSuchUserError:
            return False  # the account ended a moment ago
        return True

    def audit(self, _now: datetime, time_slice: TimeSlice) -> int:
        """Compares the totals of a slice of the members with the sums of their entries. Returns how many differ."""
        drifted = self._run_for_each(self._members_of(time_slice), self._drifts, user_digest)
        self.telemetry.count(LEDGER_DRIFT, drifted)
        return drifted

    def _drifts(self, user_id: str) -> bool:
        """True if a member's totals differ from the ledger, or cannot be told; the log says by how much."""
        user = user_digest(user_id)
        try:
            # A payment between the two reads looks like drift once, not twice.
            difference = self._difference(user_id) and self._difference(user_id)
        except ValueError:
            self.telemetry.log.exception("the ledger is invalid", extra={"user": user})
            return True
        if difference:
            self.telemetry.log.error("totals differ", extra={"user": user, "by": difference._asdict()})
        return difference is not None

    def _difference(self, user_id: str) -> Totals | None:
        user = self.users.get(user_id)
        return drift(totals_of(user), sum_entries(self.ledger.all_of(user_id))) if user else None

    def _change_all(self, status: Status, step: Callable[[Quest], Change], now: datetime, time_slice: TimeSlice) -> int:
        def change(quest_id: str) -> bool:
            stored = self.quests.get(quest_id)
            return stored is not None and self._save(stored.quest, step(stored.quest))

        return self._run_for_each(time_slice.limit(self.quests.due(status, now)), change)

    def _run_for_each(self, ids: Iterable[str], step: Callable[[str], bool], label: Callable[[str], str] = str) -> int:
        """Run `step` on each id; return how many changed. An exception is logged with `label` of the id, and the first
        one is raised at the end.
        """
        done = 0
        first: Exception | None = None
        for id_ in ids:
            try:
                done += step(id_)
            except Exception as error:
                self.telemetry.log.warning("left for the next run", extra={"id": label(id_)}, exc_info=True)
                first = first or error
        if first:
            raise first
        return done

    def _save(self, quest: Quest, change: Change) -> bool:
        if change.quest is quest:
            return False
        try:
            self.quests.save(quest, change)
        except QuestConflictError:
            return False  # a member was faster; the next run looks again
        return True

    def _erase_member(self, user_id: str, now: datetime) -> bool:
        """Erases a member's personal data and account.

        The deletion's flag is removed once none of their quests is under way; until then each run looks again. It is
        removed last, so that the next run completes one that was interrupted.
        """
        user = self.users.get(user_id)
        if user is None or user.deletion_at is None:
            return False  # the index lags behind
        if not user.deleted:
            try:
                self.users.anonymise(user, now)
            except NoSuchUserError:
                return False  # they changed their mind a moment ago
        self.sign_ups.expire_digest(user, now)
        finished = self._leave_quests(user_id, now)
        self._end_account(user_id)
        self.inbox.forget(user_id)
        self.devices.forget(user_id)
        self.messages.erase(user_id)
        self.reports.erase(user_id)
        if finished:
            self.users.finish_deletion(user_id, now)
        return finished

    def _end_account(self, user_id: str) -> None:
        try:
            self.cognito.admin_user_global_sign_out(UserPoolId=self.pool_id, Username=user_id)
            self.cognito.admin_delete_user(UserPoolId=self.pool_id, Username=user_id)
        except self.cognito.exceptions.UserNotFoundException:
            pass  # an earlier run came this far, or they did it themselves

    def _leave_quests(self, user_id: str, now: datetime) -> bool:
        """Ends the member's part in their quests. Returns whether none of these is under way any more."""
        finished = True
        for quest in self._under_way(user_id):
            change = quests.leave(quest, user_id, now)
            ended = change.quest.status in quests.FINAL or quests.role_of(change.quest, user_id) is None
            finished &= self._save(quest, change) and ended
        return finished

    def _under_way(self, user_id: str) -> Iterator[Quest]:
        for role in Role:
            after: Any = None
            while True:
                page, after = self.quests.of_member(user_id, role, 100, after, consistent=True)
                mine = (quest for quest in page if quests.role_of(quest, user_id))
                yield from (quest for quest in mine if quest.status not in quests.FINAL)
                if after is None:
                    break
