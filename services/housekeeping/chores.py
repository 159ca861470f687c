"""The chores of housekeeping: expire, release, forget, audit."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from services.core.domain import quests
from services.core.domain.ledger import Totals, drift, fold, totals_of
from services.core.domain.quests import Actor, Change, Quest, Role, Status
from services.core.domain.users import User
from services.core.metrics import LEDGER_DRIFT
from services.core.stores.inbox import InboxStore
from services.core.stores.ledger import LedgerStore
from services.core.stores.messages import MessageStore
from services.core.stores.quests import QuestMovedError, QuestStore
from services.core.stores.users import NoSuchUserError, UserStore
from services.core.tables import QUESTS
from services.core.telemetry import Telemetry, user_digest

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

AUDIT_SLICES = 96
"""Runs in a day: each member's totals are compared with the ledger once a day."""
_RUN_SECONDS = 900

LEFT = "This member has left and can no longer confirm. A moderator has to decide."
"""Why housekeeping hands a submitted quest of a former member to the moderators."""


@dataclass(frozen=True)
class Housekeeper:
    """Does the chores. Each is safe to repeat and to stop halfway."""

    quests: QuestStore
    users: UserStore
    ledger: LedgerStore
    inbox: InboxStore
    messages: MessageStore
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
        return self._each(self.users.due_for_deletion(now), lambda user_id: self._forget(user_id, now), user_digest)

    def audit(self, now: datetime) -> int:
        """Compares a slice of the members' totals with the fold of their entries. Returns how many differ."""
        number = int(now.timestamp()) // _RUN_SECONDS % AUDIT_SLICES
        drifted = self._each(self.users.slice(number, AUDIT_SLICES), self._drifts, user_digest)
        self.telemetry.count(LEDGER_DRIFT, drifted)
        return drifted

    def _drifts(self, user_id: str) -> bool:
        """Whether a member's totals differ from the ledger, or cannot be told; the log says by how much."""
        user = user_digest(user_id)
        try:
            # A payment between the two reads looks like drift once, not twice.
            difference = self._difference(user_id) and self._difference(user_id)
        except ValueError:
            self.telemetry.log.exception("the ledger makes no sense", extra={"user": user})
            return True
        if difference:
            self.telemetry.log.error("totals differ", extra={"user": user, "by": difference._asdict()})
        return difference is not None

    def _difference(self, user_id: str) -> Totals | None:
        user = self.users.get(user_id)
        return drift(totals_of(user), fold(self.ledger.all_of(user_id))) if user else None

    def _change_all(self, status: Status, step: Callable[[Quest], Change], now: datetime) -> int:
        def change(quest_id: str) -> bool:
            stored = self.quests.get(quest_id)
            return stored is not None and self._save(stored.quest, step(stored.quest))

        return self._each(self.quests.due(status, now), change)

    def _each(self, ids: Iterable[str], step: Callable[[str], bool], told: Callable[[str], str] = str) -> int:
        """Counts where the step did something. One thing's trouble does not keep the others waiting: it is logged under
        what `told` makes of the id, and the first one is raised after the last thing.
        """
        done = 0
        trouble: Exception | None = None
        for id_ in ids:
            try:
                done += step(id_)
            except Exception as error:
                self.telemetry.log.warning("left for the next run", extra={"id": told(id_)}, exc_info=True)
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

    def _forget(self, user_id: str, now: datetime) -> bool:
        """Takes a member's name, ends their quests and their account; the mark goes last, so that a run that dies or is
        overtaken is made good by the next one.
        """
        user = self.users.get(user_id)
        if user is None or user.deletion_at is None:
            return False  # the index lags behind
        try:
            self.users.anonymise(user, now)
        except NoSuchUserError:
            return False  # they changed their mind a moment ago
        if not all(self._save(quest, change) for quest, change in self._endings(user, now)):
            return False
        self.inbox.forget(user_id)
        try:
            self.cognito.admin_user_global_sign_out(UserPoolId=self.pool_id, Username=user_id)
            self.cognito.admin_delete_user(UserPoolId=self.pool_id, Username=user_id)
        except self.cognito.exceptions.UserNotFoundException:
            pass  # an earlier run came this far
        self.messages.erase(user_id)
        self.users.finish_deletion(user_id, now)
        return True

    def _endings(self, user: User, now: datetime) -> Iterator[tuple[Quest, Change]]:
        """What becomes of a former member's quests: nobody is left waiting for them."""
        actor = Actor(user.user_id, features=frozenset({quests.DISPUTES}))
        for quest in self._quests_of(user, Role.REQUESTOR, Status.OPEN):
            yield quest, quests.cancel(quest, actor, now)
        for quest in self._quests_of(user, Role.PERFORMER, Status.CLAIMED):
            yield quest, quests.release(quest, actor, now)
        for role in Role:
            for quest in self._quests_of(user, role, Status.SUBMITTED):
                if not quests.has_attested(quest, user.user_id):
                    yield quest, quests.dispute(quest, actor, LEFT, now)

    def _quests_of(self, user: User, role: Role, status: Status) -> list[Quest]:
        found: list[Quest] = []
        after: dict[str, Any] | None = None
        while True:
            page, after = self.quests.of_member(user.user_id, QUESTS.index(role), 100, after)
            found += [quest for quest in page if quest.status is status]
            if after is None:
                return found
