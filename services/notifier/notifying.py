"""Notifying members: each event becomes one inbox item for each member whom it concerns, and its mail follows."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.core.domain import notices
from services.core.domain.ledger import Entry
from services.core.domain.messages import Audience, Message
from services.core.domain.notices import Mail, Notice, NoticeKind, Unmailed
from services.core.domain.quests import DISPUTES, SILENCE_FLAG, Quest, Status, confirms_by_silence
from services.core.domain.reports import Report
from services.core.domain.users import MailStop, User
from services.core.metrics import MAILS_REFUSED
from services.core.stores.dynamo import decode_item
from services.core.stores.inbox import InboxStore
from services.core.stores.messages import MessageStore
from services.core.stores.quests import BoardQuery, QuestStore
from services.core.stores.users import NoSuchUserError, UserStore
from services.core.sweeping import TimeSlice
from services.core.telemetry import Telemetry, user_digest
from services.notifier.mailing import Mailer
from services.notifier.push.pushing import Pusher

_MAX_CASES = 100
"""Maximum number of reports, and of disputes, that are read for a notice to moderators."""
Record = Mapping[str, Any]
_MAX_THREAD_ITEMS = 50
"""Newest inbox items in which an earlier mail about the same conversation is looked for."""


@dataclass(frozen=True)
class Notifier:
    """Puts notices into inboxes. Safe to repeat: an item has the id of its event."""

    inbox: InboxStore
    users: UserStore
    quests: QuestStore
    messages: MessageStore
    mailer: Mailer
    pusher: Pusher
    telemetry: Telemetry

    def notify(self, pending: Iterable[Notice], now: datetime) -> None:
        """Put each notice into its member's inbox and send its mail. Raises StoreUnavailableError."""
        for notice in pending:
            user = self.users.get(notice.user_id)
            if user is None or user.deleted:
                continue
            item = notices.item(notice, self._mail(notice, user, now))
            new = self.inbox.put(item)
            if self._has_left(notice.user_id):
                # A member who left between the two reads: the inbox was emptied, perhaps before this item was put.
                self.inbox.remove(item)
                continue
            if new:
                extra = {"user": user_digest(user.user_id), "kind": notice.kind, "quest_id": notice.quest_id}
                self.telemetry.log.info("told", extra=extra)
            self.mailer.send(item.user_id, item.item_id, now)
            if new:
                self.pusher.push(item, user, now)  # after the mail, which a slow push service would keep waiting

    def _has_left(self, user_id: str) -> bool:
        user = self.users.get(user_id)
        return user is None or user.deleted is True

    def step(self, record: Record) -> list[Notice]:
        """The notices of a record of the quests' stream. Raises ValueError for an invalid one."""
        change = record["dynamodb"]
        if "OldImage" not in change or "NewImage" not in change or "version" not in change["NewImage"]:
            return []  # a new quest, a text, or a row that an operator deleted
        before, after = (Quest.model_validate(decode_item(change[image])) for image in ("OldImage", "NewImage"))
        return notices.of_step(before, after) if after.version > before.version else []

    def reward(self, record: Record) -> list[Notice]:
        """The notices of a record of the ledger's stream. Raises ValueError for an invalid one."""
        change = record["dynamodb"]
        return notices.of_reward(Entry.model_validate(decode_item(change["NewImage"])))

    def report(self, record: Record) -> list[Notice]:
        """The notices of a record of the reports' stream. Raises ValueError for an invalid one."""
        change = record["dynamodb"]
        before, after = (
            Report.model_validate(decode_item(change[image])) if image in change else None
            for image in ("OldImage", "NewImage")
        )
        return notices.of_report(before, after) if after else []

    def message(self, record: Record) -> list[Notice]:
        """The notices of a record of the messages' stream. Raises ValueError for an invalid one."""
        item = decode_item(record["dynamodb"]["NewImage"])
        if "authorId" not in item:
            return []  # an Idempotency-Key
        message = Message.model_validate(item)
        stored = self.quests.get(message.quest_id)
        if stored is None:
            return []
        requestor = stored.quest.requestor_id
        asked: list[str] = []
        if message.audience is Audience.PUBLIC and message.author_id == requestor:
            earlier = self.messages.page(
                message.quest_id, 100, message.message_id, lambda found: found.audience is Audience.PUBLIC
            )
            asked = list(notices.unanswered(earlier.messages, requestor))
        return notices.of_message(message, requestor, asked)

    def tell_moderators(self, now: datetime, _: TimeSlice) -> int:
        """Tell moderators each morning, and at once where much waits, what waits for them. Returns how many notices.

        Raises StoreUnavailableError.
        """
        reports = self.mailer.reports.queue(_MAX_CASES, None).reports
        cards = self.quests.board(BoardQuery(_MAX_CASES, status=Status.DISPUTED)).quests
        disputed = self.quests.without_texts(card.quest_id for card in cards)
        if not reports and not disputed:
            return 0
        moderators = [*self.mailer.transport.moderators()]
        pending = notices.of_moderation(moderators, reports, disputed, now)
        pending = [n for n in pending if self.inbox.get(n.user_id, n.item_id) is None]
        many = notices.of_many_cases(moderators, reports, disputed, now)
        morning = {notice.user_id for notice in pending}
        pending += [n for n in many if n.user_id not in morning and self.inbox.begin_alert(n.user_id, now)]
        self.notify(pending, now)
        return len(pending)

    def remind(self, now: datetime, time_slice: TimeSlice) -> None:
        """Tell the reminders that are due and were not told. Raises StoreUnavailableError."""
        for status, ahead in notices.REMINDER_LEAD_TIMES.items():
            ids = list(self.quests.due(status, now + ahead))
            for start in time_slice.limit(range(0, len(ids), 100)):
                for quest in self.quests.without_texts(ids[start : start + 100]):
                    due = notices.reminders(quest, now) if self._is_reminded(quest) else []
                    self.notify([n for n in due if self.inbox.get(n.user_id, n.item_id) is None], now)

    def _is_reminded(self, quest: Quest) -> bool:
        """False if the reminder would say that silence confirms, and it does not."""
        if quest.status is not Status.SUBMITTED:
            return True
        return confirms_by_silence(self.mailer.features(quest.performer_id or "", (SILENCE_FLAG, DISPUTES)))

    def refused(self, report: Mapping[str, Any]) -> None:
        """Send no more mails to a member whose address does not take them. Raises StoreUnavailableError, ValueError."""
        why = _stop(report)
        members = report.get("mail", {}).get("tags", {}).get("member") or []
        if why is None or not members:
            return
        try:
            self.users.stop_mails(members[0], why)
        except NoSuchUserError:
            return
        self.telemetry.count(MAILS_REFUSED)
        self.telemetry.log.warning("mails stopped", extra={"user": user_digest(members[0]), "why": why})

    def _mail(self, notice: Notice, user: User, now: datetime) -> Mail | Unmailed:
        mail = self.mailer.mail_state(user, notice.kind, now)
        if mail is Mail.DUE and notice.kind is NoticeKind.MESSAGE and self._has_mail_of_thread(notice, user):
            return Unmailed.SAME_THREAD
        return mail

    def _has_mail_of_thread(self, notice: Notice, user: User) -> bool:
        """True if an earlier message of this conversation was mailed and has not been read."""
        return any(
            item.kind is NoticeKind.MESSAGE
            and item.quest_id == notice.quest_id
            and item.item_id < notice.item_id
            and (user.read_up_to is None or item.item_id > user.read_up_to)
            and (item.mailed_at is not None or item.mail is not None)
            for item in self.inbox.page(notice.user_id, _MAX_THREAD_ITEMS, None).items
        )


def _stop(report: Mapping[str, Any]) -> MailStop | None:
    """The reason for which SES's report ends the mails to an address; a bounce that may pass by itself gives none."""
    kind = report.get("eventType")
    if kind == "Bounce" and report["bounce"]["bounceType"] == "Permanent":
        return MailStop.BOUNCED
    return MailStop.COMPLAINED if kind == "Complaint" else None
