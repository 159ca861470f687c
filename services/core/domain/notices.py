"""Notices: which members are told of which event. The table is in docs/domain.md, "Who is told what".

All functions are pure and give the same notices for the same event, so that a replay tells nobody twice.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import NamedTuple

from services.core.domain import ledger
from services.core.domain.ledger import Entry
from services.core.domain.messages import Audience, Message
from services.core.domain.quests import RELEASE_GRACE, Evidence, Quest, Status, Task, other_side, parties
from services.core.domain.quests import turn as turn_of
from services.core.domain.reports import Measure, Report, may_judge
from services.core.domain.values import Model, Timestamp, timestamp

EXPIRY_NOTICE = timedelta(days=2)
"""Time before an OPEN quest expires at which its requestor is reminded."""
DEADLINE_NOTICE = timedelta(days=1)
"""Time before a claim's deadline at which its performer is reminded."""
SILENCE_NOTICES = (timedelta(days=4), timedelta(days=1))
"""Times before silence confirms: days 3 and 6 after the hand-in."""
MODERATION_TIME = timedelta(hours=6, minutes=45)
"""Time of the day (UTC) from which moderators are told what waits; the daily digest, which may hold it, is later."""
MANY_WAITING = 5
"""Number of waiting reports and disputes above which moderators are told at once, once a day."""
_SWEEP_SECONDS = 900
UNSUBSCRIBE = "unsubscribe"
"""The purpose that the token of a mail's unsubscribe link is signed for (see `services.core.cursors`)."""


class NoticeKind(StrEnum):
    """The event that a member is told of."""

    CLAIMED = "claimed"
    RELEASED = "released"
    WITHDRAWN = "withdrawn"
    HANDED_IN = "handed_in"
    CHANGES_WANTED = "changes_wanted"
    CONFIRMED = "confirmed"
    CONFIRMED_BY_SILENCE = "confirmed_by_silence"
    DISPUTED = "disputed"
    STATEMENT_GIVEN = "statement_given"
    DECIDED = "decided"
    HIDDEN = "hidden"
    QUESTION = "question"
    ANSWER = "answer"
    MESSAGE = "message"
    DEADLINE_NEAR = "deadline_near"
    OVERDUE = "overdue"
    UNCONFIRMED = "unconfirmed"
    EXPIRES_SOON = "expires_soon"
    REWARD_PAID = "reward_paid"
    REWARD_HELD = "reward_held"
    REWARD_DIMINISHED = "reward_diminished"
    REPORT_DECIDED = "report_decided"
    WARNING = "warning"
    SUSPENSION = "suspension"
    OBJECTION_DECIDED = "objection_decided"
    MODERATION = "moderation"


FROM_MODERATORS = frozenset({NoticeKind.WARNING, NoticeKind.SUSPENSION, NoticeKind.OBJECTION_DECIDED})
"""Notices of moderators' decisions, which a suspended member gets too."""


class Notice(NamedTuple):
    """One event for one member.

    `actor_id` is the member who caused it, None if the platform did. `subject` is the quest's version, or the id of
    the message, ledger entry or report: with the kind and the quest it makes the item's id. `amounts` are the numbers
    in the notice's words: `xp`, the `share` of a reward in percent, `count` days, or the cases that wait.
    """

    kind: NoticeKind
    user_id: str
    at: datetime
    subject: str
    quest_id: str | None = None
    actor_id: str | None = None
    amounts: Mapping[str, int] = {}
    report_id: str | None = None

    @property
    def item_id(self) -> str:
        """The id in the member's inbox; sorts by time, and is the same whenever the same event is told again."""
        return "#".join((timestamp(self.at), self.quest_id or "", self.subject, self.kind))


class Mail(StrEnum):
    """The schedule of an inbox item's mail: at once, or with the next digest."""

    DUE = "due"
    DAILY = "daily"


class Unmailed(StrEnum):
    """Reasons why an inbox item will have no mail; the values are stored, and some are older than the names."""

    FLAG_OFF = "flag_off"
    NOT_WANTED = "not_wanted"
    ADDRESS_STOPPED = "address_stopped"
    NO_ADDRESS = "unconfirmed"
    MEMBER_LEFT = "gone"
    READ = "read"
    SAME_THREAD = "same_thread"
    NO_SENDER = "no_sender"
    SUSPENDED = "suspended"
    FAILED = "failed"


class InboxItem(Model):
    """A notice in a member's inbox. It names quest, actor and report by id alone: their words are looked up when it is
    shown.

    `mail` is there while a mail is owed, `mailed_at` once it left, `unmailed` where it never will. `attempts` counts
    how often a sending was begun, `failures` how often it is known that the mail did not leave.
    """

    user_id: str
    item_id: str
    kind: NoticeKind
    at: Timestamp
    quest_id: str | None = None
    actor_id: str | None = None
    report_id: str | None = None
    amounts: dict[str, int] = {}
    mail: Mail | None = None
    attempts: int = 0
    failures: int = 0
    mailed_at: Timestamp | None = None
    unmailed: Unmailed | None = None

    @property
    def may_have_left(self) -> bool:
        """True while a sending is begun if an earlier one ended without anybody knowing how: the process died."""
        return self.attempts - 1 > self.failures


def item(notice: Notice, mail: Mail | Unmailed) -> InboxItem:
    """A notice as it is put into its member's inbox."""
    return InboxItem(
        user_id=notice.user_id,
        item_id=notice.item_id,
        kind=notice.kind,
        at=notice.at,
        quest_id=notice.quest_id,
        actor_id=notice.actor_id,
        report_id=notice.report_id,
        amounts=dict(notice.amounts),
        mail=mail if isinstance(mail, Mail) else None,
        unmailed=mail if isinstance(mail, Unmailed) else None,
    )


class _Event(NamedTuple):
    kind: NoticeKind
    actor_id: str | None


def of_step(before: Quest, after: Quest) -> list[Notice]:
    """The notices of one step of a quest's life: every party but the one who took the step."""
    event = next((event for detect in _DETECTORS if (event := detect(before, after))), None)
    if event is None or after.synthetic:
        return []
    parties = (after.requestor_id, before.performer_id or after.performer_id)
    return [
        Notice(event.kind, user_id, after.updated_at, str(after.version), after.quest_id, event.actor_id)
        for user_id in parties
        if user_id is not None and user_id != event.actor_id
    ]


def of_reward(entry: Entry) -> list[Notice]:
    """The notices of a ledger entry's state: its performer learns when a reward is paid, in full or not, or held."""
    paid = NoticeKind.REWARD_PAID if entry.share == 100 else NoticeKind.REWARD_DIMINISHED
    kind = {ledger.State.POSTED: paid, ledger.State.HELD: NoticeKind.REWARD_HELD}.get(entry.state)
    if entry.kind is not ledger.Kind.REWARD or kind is None or entry.synthetic:
        return []
    at = entry.posted_at or entry.created_at
    amounts = {"xp": entry.xp} | ({"share": entry.share} if kind is NoticeKind.REWARD_DIMINISHED else {})
    return [Notice(kind, entry.user_id, at, entry.entry_id, entry.quest_id, amounts=amounts)]


def of_message(message: Message, requestor_id: str, asked: Iterable[str]) -> list[Notice]:
    """The notices of a message: a question tells the requestor, an answer those who `asked` and had none yet, a private
    message the other party.
    """
    answers = message.author_id == requestor_id
    if message.audience is Audience.PRIVATE:
        kind, recipients = NoticeKind.MESSAGE, [message.performer_id if answers else requestor_id]
    elif answers:
        kind, recipients = NoticeKind.ANSWER, list(dict.fromkeys(asked))
    else:
        kind, recipients = NoticeKind.QUESTION, [requestor_id]
    return [
        Notice(kind, user_id, message.created_at, message.message_id, message.quest_id, message.author_id)
        for user_id in recipients
        if user_id is not None and user_id != message.author_id
    ]


_NOTICE_OF_MEASURE: Mapping[Measure, NoticeKind] = {
    Measure.WARN: NoticeKind.WARNING,
    Measure.REMOVE_TEXT: NoticeKind.WARNING,
    Measure.RENAME: NoticeKind.WARNING,
    Measure.SUSPEND: NoticeKind.SUSPENSION,
    Measure.BAN: NoticeKind.SUSPENSION,
    Measure.REINSTATE: NoticeKind.OBJECTION_DECIDED,
}
"""The notice of a first decision to the member whom it concerns; for a hidden quest, `of_step` has the notice."""


def of_report(before: Report | None, after: Report) -> list[Notice]:
    """The notices of a report's new decision: the reporter is told that there is one, and the member concerned
    which, if a notice is defined for it. The moderator is named to neither.
    """
    if not after.decisions or (before is not None and len(before.decisions) == len(after.decisions)):
        return []
    number, decision = len(after.decisions), after.decisions[-1]
    subject, at = f"{after.report_id}+{number}", decision.decided_at
    recipients = [(NoticeKind.REPORT_DECIDED, after.reporter_id)]
    kind = _NOTICE_OF_MEASURE.get(decision.measure) if number == 1 else NoticeKind.OBJECTION_DECIDED
    if kind is not None:
        recipients.append((kind, after.concerned_id))
    return [Notice(kind, user_id, at, subject, report_id=after.report_id) for kind, user_id in recipients]


def of_moderation(
    moderators: Iterable[str], reports: Sequence[Report], disputed: Sequence[Quest], now: datetime
) -> list[Notice]:
    """The notices of a morning: each moderator learns how many reports and disputes wait for them since the day before.

    Nobody is told of a case in which they have a part, nor where none waits.
    """
    morning = datetime.combine(now.date(), time(), UTC) + MODERATION_TIME
    due = (_moderation(moderator, reports, disputed, now, morning) for moderator in moderators)
    return [notice for notice, since in filter(None, due) if since <= morning <= now]


def of_many_cases(
    moderators: Iterable[str], reports: Sequence[Report], disputed: Sequence[Quest], now: datetime
) -> list[Notice]:
    """The notices to moderators for whom more than MANY_WAITING reports and disputes wait now."""
    due = (_moderation(moderator, reports, disputed, now, now) for moderator in moderators)
    return [notice for notice, _ in filter(None, due) if notice.amounts["count"] > MANY_WAITING]


def _moderation(
    moderator: str, reports: Iterable[Report], disputed: Iterable[Quest], now: datetime, at: datetime
) -> tuple[Notice, datetime] | None:
    """The notice to a moderator of what they may decide now, and since when the oldest of it waits."""
    mine = [report for report in reports if may_judge(report, moderator)]
    turns = [turn_of(quest, now) for quest in disputed if moderator not in parties(quest)]
    decidable = [turn for turn in turns if turn and turn.moderators]
    since = [*(report.objected_at or report.created_at for report in mine), *(turn.since for turn in decidable)]
    if not since:
        return None
    amounts = {"count": len(since), "reports": len(mine), "disputes": len(decidable)}
    return Notice(NoticeKind.MODERATION, moderator, at, "moderation", amounts=amounts), min(since)


def unanswered(public: Iterable[Message], requestor_id: str) -> Iterator[str]:
    """The authors of the public messages, newest first, down to the requestor's last one."""
    for message in public:
        if message.author_id == requestor_id:
            return
        yield message.author_id


REMINDER_LEAD_TIMES: Mapping[Status, timedelta] = {
    Status.OPEN: EXPIRY_NOTICE,
    Status.CLAIMED: DEADLINE_NOTICE + RELEASE_GRACE,
    Status.SUBMITTED: SILENCE_NOTICES[0],
}
"""Time before a quest changes by itself (`due_at`) from which `reminders` may return something, by status."""


def reminders(quest: Quest, now: datetime) -> list[Notice]:
    """The reminders that are due, for whoever's turn it is: each has one id, however often they are asked for.

    A quest that is hidden reminds nobody: its clock stands still. Nor does a time that was shorter than its reminder.
    """
    if quest.hidden_at or quest.synthetic:
        return []
    match quest.status:
        case Status.OPEN:
            due = _Reminder(
                NoticeKind.EXPIRES_SOON, quest.expires_at - EXPIRY_NOTICE, quest.created_at, quest.expires_at
            )
            return _remind(quest, due, (quest.requestor_id,), now)
        case Status.CLAIMED:
            return _remind_performer(quest, now)
        case Status.SUBMITTED:
            return _remind_of_silence(quest, now)
    return []


class _Reminder(NamedTuple):
    """A reminder of `kind` from `at` on, about time that runs from `since` to `until`."""

    kind: NoticeKind
    at: datetime
    since: datetime
    until: datetime


def _remind(
    quest: Quest, due: _Reminder, members: Iterable[str], now: datetime, amounts: Mapping[str, int] | None = None
) -> list[Notice]:
    if now < due.at or due.at <= due.since:
        return []
    # Rounded up to the sweep that creates it: an item is read if it is older than the newest that was read.
    at = datetime.fromtimestamp(-(-due.at.timestamp() // _SWEEP_SECONDS) * _SWEEP_SECONDS, UTC)
    subject = "+".join((timestamp(due.until), timestamp(due.at)))
    return [Notice(due.kind, user_id, at, subject, quest.quest_id, None, amounts or {}) for user_id in members]


def _remind_performer(quest: Quest, now: datetime) -> list[Notice]:
    deadline, turn = quest.claim_deadline, turn_of(quest, now)
    assert deadline is not None, "a CLAIMED quest has a deadline"
    assert turn is not None, "a CLAIMED quest is somebody's turn"
    if turn.task is Task.OVERDUE:
        return _remind(
            quest,
            _Reminder(NoticeKind.OVERDUE, deadline, quest.claimed_at or quest.created_at, deadline),
            turn.members,
            now,
        )
    due = _Reminder(NoticeKind.DEADLINE_NEAR, deadline - DEADLINE_NOTICE, turn.since, deadline)
    return _remind(quest, due, turn.members, now)


def _remind_of_silence(quest: Quest, now: datetime) -> list[Notice]:
    turn = turn_of(quest, now)
    assert turn is not None, "a SUBMITTED quest is somebody's turn"
    until = quest.silence_due
    found: list[Notice] = []
    for left in SILENCE_NOTICES:
        due = _Reminder(NoticeKind.UNCONFIRMED, until - left, turn.since, until)
        found += _remind(quest, due, turn.members, now, {"count": left.days})
    return found[-1:] if found else []


def _decided(before: Quest, after: Quest) -> _Event | None:
    now, then = after.dispute, before.dispute
    if now is None or now.decided_at is None or (then is not None and then.decided_at == now.decided_at):
        return None
    return _Event(NoticeKind.DECIDED, now.decided_by)


def _claimed(before: Quest, after: Quest) -> _Event | None:
    claimed = (before.status, after.status) == (Status.OPEN, Status.CLAIMED)
    return _Event(NoticeKind.CLAIMED, after.performer_id) if claimed else None


def _released(before: Quest, after: Quest) -> _Event | None:
    """Back on the board: by a party, by housekeeping, or by an operator, who acts for neither."""
    if before.performer_id is None or after.status is not Status.OPEN:
        return None
    return _Event(NoticeKind.RELEASED, after.released_by if before.status is Status.CLAIMED else None)


def _withdrawn(before: Quest, after: Quest) -> _Event | None:
    """Cancelled although somebody is on it: by the requestor, or later than CLAIMED by an operator."""
    if before.performer_id is None or after.status is not Status.CANCELLED:
        return None
    return _Event(NoticeKind.WITHDRAWN, after.requestor_id if before.status is Status.CLAIMED else None)


def _handed_in(before: Quest, after: Quest) -> _Event | None:
    handed_in = (before.status, after.status) == (Status.CLAIMED, Status.SUBMITTED)
    return _Event(NoticeKind.HANDED_IN, after.performer_id) if handed_in else None


def _changes_wanted(before: Quest, after: Quest) -> _Event | None:
    wanted = (before.status, after.status) == (Status.SUBMITTED, Status.CLAIMED)
    return _Event(NoticeKind.CHANGES_WANTED, after.requestor_id) if wanted else None


def _confirmed(before: Quest, after: Quest) -> _Event | None:
    attested = [attestation for attestation in after.attestations if attestation not in before.attestations]
    if not attested:
        return None
    if attested[-1].by is Evidence.SILENCE:
        return _Event(NoticeKind.CONFIRMED_BY_SILENCE, None)
    return _Event(NoticeKind.CONFIRMED, attested[-1].user_id)


def _disputed(before: Quest, after: Quest) -> _Event | None:
    if before.status is Status.DISPUTED or after.status is not Status.DISPUTED or after.dispute is None:
        return None
    return _Event(NoticeKind.DISPUTED, after.dispute.raised_by)


def _stated(before: Quest, after: Quest) -> _Event | None:
    then, now = before.dispute, after.dispute
    if then is None or now is None or now.stated_at in (None, then.stated_at):
        return None
    return _Event(NoticeKind.STATEMENT_GIVEN, other_side(after, now.raised_by))


def _hidden(before: Quest, after: Quest) -> _Event | None:
    """By a moderator, who is no party: both are told."""
    return _Event(NoticeKind.HIDDEN, None) if after.hidden_at and not before.hidden_at else None


_DETECTORS: tuple[Callable[[Quest, Quest], _Event | None], ...] = (
    # The first match wins: a decision changes the status too, and a hand-in attests.
    _decided,
    _claimed,
    _released,
    _withdrawn,
    _handed_in,
    _changes_wanted,
    _confirmed,
    _disputed,
    _stated,
    _hidden,
)
