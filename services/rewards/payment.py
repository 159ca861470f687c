"""Paying rewards: PENDING entries become POSTED once, wait as HELD for the flag, or go to the operators as FAILED."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from services.core.aws_json import retried
from services.core.domain.ledger import UNPAID, Entry, State
from services.core.events import RewardFailed
from services.core.flags import Flags
from services.core.groups import InternalGroup
from services.core.metrics import (
    FAILED_REWARDS,
    OLDEST_UNPAID_REWARD,
    REWARD_PAID_WITHIN,
    REWARDS_DIMINISHED,
    REWARDS_LATE,
    REWARDS_PAID,
)
from services.core.stores.ledger import LedgerStore
from services.core.stores.users import NoSuchUserError
from services.core.sweeping import Chore, TimeSlice
from services.core.telemetry import Telemetry

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

REWARDS = "rewards"
"""The flag that decides who is paid now."""


@dataclass(frozen=True)
class Payer:
    """Pays entries. An outage is raised, so that the stream or the schedule retries; it makes no entry FAILED."""

    ledger: LedgerStore
    flags: Flags
    internal: InternalGroup
    sqs: "SQSClient"
    queue_url: str
    telemetry: Telemetry

    def process(self, entry: Entry, now: datetime) -> None:
        """Pays the entry, or makes it HELD while the flag excludes its member.

        Raises StoreUnavailableError, and ParameterUnavailableError where nothing is known of the flag yet.
        """
        if not entry.synthetic and not self._included(entry.user_id):
            if entry.state is State.PENDING and self.ledger.mark_held(entry):
                self._say("reward held", entry)
            return
        try:
            paid = self.ledger.pay(entry, now)
        except NoSuchUserError:
            self.give_up(entry.user_id, entry.entry_id, "there is no such member")
            return
        if paid:
            self._say("reward paid", entry)
        if paid and not entry.synthetic:
            self.telemetry.count(REWARDS_PAID)
            if entry.share < 100:
                self.telemetry.count(REWARDS_DIMINISHED)
            if entry.state is State.PENDING:  # an entry that a rollout held does not count as late
                self.telemetry.count(REWARDS_LATE, 100 * (now - entry.created_at > REWARD_PAID_WITHIN))

    def give_up(self, user_id: str, entry_id: str, reason: str) -> None:
        """Makes an entry FAILED, after a message to the rewards queue, so that operators see it.

        Raises StoreUnavailableError.
        """
        message = RewardFailed(user_id, entry_id, reason).to_json()
        retried(self.sqs.send_message, QueueUrl=self.queue_url, MessageBody=message)
        self.ledger.fail(user_id, entry_id)
        self.telemetry.count(FAILED_REWARDS)
        self.telemetry.log.error("reward failed", extra={"entry_id": entry_id, "reason": reason})

    def chores(self) -> tuple[Chore, ...]:
        """The work of the schedule."""
        return (self.pay_pending, self.pay_held)

    def pay_pending(self, now: datetime, time_slice: TimeSlice) -> None:
        """Settles what is PENDING and reports the age of the oldest. Raises ParameterUnavailableError at once."""
        oldest = now

        def process(entry: Entry) -> None:
            nonlocal oldest
            if entry.state is State.PENDING:
                oldest = min(oldest, entry.created_at)
            self.process(entry, now)

        try:
            self._run_for_each(self.ledger.unpaid(State.PENDING), process, time_slice)
        finally:
            self.telemetry.count(OLDEST_UNPAID_REWARD, (now - oldest).total_seconds())

    def pay_held(self, now: datetime, time_slice: TimeSlice) -> None:
        """Settles what a rollout holds. Raises ParameterUnavailableError at once.

        An entry is not read again while the flag excludes its member: there may be more of them than a run can read.
        """
        included = (key for key in self.ledger.unpaid(State.HELD) if self._included(key[0]))
        self._run_for_each(included, lambda entry: self.process(entry, now), time_slice)

    def _run_for_each(
        self, keys: Iterable[tuple[str, str]], process: Callable[[Entry], None], time_slice: TimeSlice
    ) -> None:
        """Settles unpaid entries. One's failure does not stop the others: the first is raised after the last entry."""
        self.flags.value(REWARDS)
        trouble: Exception | None = None
        for user_id, entry_id in time_slice.limit(keys):
            try:
                entry = self._readable(user_id, entry_id)
                if entry and entry.state in UNPAID:
                    process(entry)
            except Exception as error:
                self.telemetry.log.warning("not settled", extra={"entry_id": entry_id}, exc_info=True)
                trouble = trouble or error
        if trouble:
            raise trouble

    def _readable(self, user_id: str, entry_id: str) -> Entry | None:
        """The entry as it stands; the operators get one that is invalid."""
        try:
            return self.ledger.get(user_id, entry_id)
        except ValueError as error:
            self.give_up(user_id, entry_id, f"the entry is invalid: {type(error).__name__}")
            return None

    def _included(self, user_id: str) -> bool:
        value = self.flags.value(REWARDS)
        groups = self.internal.groups_of(user_id) if value not in ("off", "on") else frozenset()
        return self.flags.enabled(REWARDS, user_id, groups)

    def _say(self, what: str, entry: Entry) -> None:
        self.telemetry.log.info(
            what, extra={"entry_id": entry.entry_id, "quest_id": entry.quest_id, "request_id": entry.request_id}
        )
