"""The chores of housekeeping: expire, release, forget, audit."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from services.core.domain import quests
from services.core.domain.ledger import drift, fold, totals_of
from services.core.domain.quests import Actor, Change, Quest, Role, Status
from services.core.domain.users import User
from services.core.metrics import LEDGER_DRIFT
from services.core.stores.ledger import LedgerStore
from services.core.stores.quests import QuestMovedError, QuestStore
from services.core.stores.users import NoSuchUserError, UserStore
from services.core.tables import QUESTS
from services.core.telemetry import Telemetry

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

T = TypeVar("T")

AUDIT_SLICES = 96
"""Runs in a day: each member's totals are compared with the ledger once a day."""
_RUN_SECONDS = 900


@dataclass(frozen=True)
class Housekeeper:
    """Does the chores. Each is safe to repeat and to stop halfway."""

    quests: QuestStore
    users: UserStore
    ledger: LedgerStore
    cognito: "CognitoIdentityProviderClient"
    pool_id: str
    telemetry: Telemetry

    def run(self, now: datetime) -> None:
        """Does every chore; the trouble of one is raised after the others are done."""
        trouble: Exception | None = None
        for chore in (self.expire, self.release_overdue, self.forget, self.audit):
            try:
                done = chore(now)
                self.telemetry.log.info("chore", extra={"chore": chore.__name__, "done": done})
            except Exception as error:
                self.telemetry.log.exception("chore failed", extra={"chore": chore.__name__})
                trouble = trouble or error
        if trouble:
            raise trouble

    def expire(self, now: datetime) -> int:
        """Closes the OPEN quests whose time has passed and refunds their point. Returns how many."""
        return self._change_all(Status.OPEN, lambda quest: quests.expire(quest, now), now)

    def release_overdue(self, now: datetime) -> int:
        """Opens the CLAIMED quests again whose performer never came back. Returns how many."""
        return self._change_all(Status.CLAIMED, lambda quest: quests.release_overdue(quest, now), now)

    def forget(self, now: datetime) -> int:
        """Anonymises the members whose grace period is over. Returns how many."""
        return self._each(self.users.due_for_deletion(now), lambda user: self._forget(user, now))

    def audit(self, now: datetime) -> int:
        """Compares a slice of the members' totals with the fold of their entries. Returns how many differ."""
        number = int(now.timestamp()) // _RUN_SECONDS % AUDIT_SLICES
        drifted = self._each(self.users.slice(number, AUDIT_SLICES), self._drifts)
        self.telemetry.count(LEDGER_DRIFT, drifted)
        return drifted

    def _drifts(self, user: User) -> bool:
        current: User | None = user
        for _ in range(2):  # a payment between the two reads looks like drift once, not twice
            if current is None or not drift(totals_of(current), fold(self.ledger.all_of(user.user_id))):
                return False
            current = self.users.get(user.user_id)
        return True

    def _change_all(self, status: Status, step: Callable[[Quest], Change], now: datetime) -> int:
        def change(quest_id: str) -> bool:
            stored = self.quests.get(quest_id)
            return stored is not None and self._save(stored.quest, step(stored.quest))

        return self._each(self.quests.due(status, now), change)

    def _each(self, things: Iterable[T], step: Callable[[T], bool]) -> int:
        """Counts where the step did something. One thing's trouble does not keep the others waiting: the first one is
        raised after the last thing.
        """
        done = 0
        trouble: Exception | None = None
        for thing in things:
            try:
                done += step(thing)
            except Exception as error:
                self.telemetry.log.warning("left for the next run", exc_info=True)
                trouble = trouble or error
        if trouble:
            raise trouble
        return done

    def _save(self, quest: Quest, change: Change) -> bool:
        if change.quest is quest:
            return False
        try:
            self.quests.save(quest, change)
        except QuestMovedError:
            return False  # a member was faster; the next run looks again
        return True

    def _forget(self, user: User, now: datetime) -> bool:
        try:
            self.users.anonymise(user, now)
        except NoSuchUserError:
            return False  # they changed their mind a moment ago
        actor = Actor(user.user_id)
        for quest in self._quests_of(user, Role.REQUESTOR, Status.OPEN):
            self._save(quest, quests.cancel(quest, actor, now))
        for quest in self._quests_of(user, Role.PERFORMER, Status.CLAIMED):
            self._save(quest, quests.release(quest, actor, now))
        try:
            self.cognito.admin_user_global_sign_out(UserPoolId=self.pool_id, Username=user.user_id)
            self.cognito.admin_delete_user(UserPoolId=self.pool_id, Username=user.user_id)
        except self.cognito.exceptions.UserNotFoundException:
            pass  # an earlier run came this far
        self.users.finish_deletion(user.user_id, now)
        return True

    def _quests_of(self, user: User, role: Role, status: Status) -> list[Quest]:
        found: list[Quest] = []
        after: dict[str, Any] | None = None
        while True:
            page, after = self.quests.of_member(user.user_id, QUESTS.index(role), 100, after)
            found += [quest for quest in page if quest.status is status]
            if after is None:
                return found
