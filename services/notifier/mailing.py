"""Sends the pending mails of notices: each at most once, with a daily limit per member."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from botocore.exceptions import BotoCoreError, ClientError

from services.core import cursors
from services.core.domain.notices import FROM_MODERATORS, UNSUBSCRIBE, InboxItem, Mail, NoticeKind, Unmailed
from services.core.domain.quests import MODERATORS
from services.core.domain.users import MailPreference, User, is_suspended
from services.core.events import NoticeFailed
from services.core.flags import Flags
from services.core.groups import InternalGroup, members_of
from services.core.mails import MailContent
from services.core.mails.mime import mime
from services.core.metrics import MAIL_SENT_WITHIN, MAILS_LATE, NOTICES_FAILED, NOTICES_REPEATED, NOTICES_SENT
from services.core.routes import BASE_PATH
from services.core.stores.inbox import InboxStore
from services.core.stores.quests import QuestStore
from services.core.stores.reports import ReportStore
from services.core.stores.users import UserStore
from services.core.sweeping import TimeSlice
from services.core.telemetry import Telemetry, user_digest
from services.notifier.mail_content import Context, digest_mail, notice_mail

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient

NOTICES: Final = "notices"
"""The flag that decides who gets mails."""
DIGEST_HOUR: Final = 7
"""Hour of the day (UTC) from which the daily digest leaves."""
MAX_ATTEMPTS: Final = 8
"""Attempts, one a sweep, after which a mail is given to the operators."""
_DIGEST_PAGE: Final = 50
"""Items in one digest; those beyond it follow the next day."""
_PERMANENT_ERRORS: Final = frozenset({"MessageRejected", "BadRequestException"})
"""SES's errors that the same mail would meet again."""


Compose = Callable[[Sequence[InboxItem], User, Context], MailContent]


class NotSentError(Exception):
    """A mail was not sent.

    `final`: a retry would fail too. `known`: SES certainly refused it; after a lost answer it may have been sent.
    """

    def __init__(self, reason: str, *, final: bool = False, known: bool = True) -> None:
        super().__init__(reason)
        self.final, self.known = final, known


@dataclass(frozen=True)
class MailTransport:
    """SES, and the members' addresses, which Cognito alone keeps."""

    ses: "SESV2Client"
    cognito: "CognitoIdentityProviderClient"
    pool_id: str
    sender: str
    configuration_set: str

    def address_of(self, user_id: str, *, disabled: bool = False) -> str | None:
        """A member's confirmed address, or None, also for a `disabled` account where it is asked for.

        Raises NotSentError.
        """
        try:
            account = self.cognito.admin_get_user(UserPoolId=self.pool_id, Username=user_id)
        except self.cognito.exceptions.UserNotFoundException:
            return None
        except (ClientError, BotoCoreError) as error:
            raise NotSentError(f"Cognito: {type(error).__name__}") from error
        attributes = {attribute["Name"]: attribute.get("Value", "") for attribute in account["UserAttributes"]}
        confirmed = account["UserStatus"] == "CONFIRMED" and attributes.get("email_verified") == "true"
        return attributes.get("email") if confirmed and (account["Enabled"] or disabled) else None

    def moderators(self) -> Iterator[str]:
        """The user ids of the moderators. Raises botocore's errors."""
        return members_of(self.cognito, self.pool_id, MODERATORS)

    def send(self, user_id: str, message: bytes, address: str) -> None:
        """Hand a message to SES. Raises NotSentError."""
        try:
            self.ses.send_email(
                FromEmailAddress=self.sender,
                Destination={"ToAddresses": [address]},
                Content={"Raw": {"Data": message}},
                ConfigurationSetName=self.configuration_set,
                # A bounce comes back with it, so that nobody has to look for the address.
                EmailTags=[{"Name": "member", "Value": user_id}],
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise NotSentError(f"SES: {code}", final=code in _PERMANENT_ERRORS) from error
        except BotoCoreError as error:
            raise NotSentError(f"SES: {type(error).__name__}", known=False) from error


@dataclass(frozen=True)
class Mailer:
    """Sends the mails of inbox items. An outage of the tables is raised; one of SES leaves the mail to the sweep."""

    inbox: InboxStore
    users: UserStore
    quests: QuestStore
    transport: MailTransport
    flags: Flags
    internal: InternalGroup
    mail_keys: Callable[[], list[bytes]]
    sqs: "SQSClient"
    queue_url: str
    site_url: str
    telemetry: Telemetry
    reports: ReportStore

    def mail_state(self, user: User, kind: NoticeKind, now: datetime) -> Mail | Unmailed:
        """The time at which a notice's mail is sent to a member (`Mail`), or the reason why it is not (`Unmailed`)."""
        if not self.transport.sender:
            return Unmailed.NO_SENDER
        if not self.features(user.user_id, (NOTICES,)):
            return Unmailed.FLAG_OFF
        if is_suspended(user, now) and kind not in FROM_MODERATORS:
            return Unmailed.SUSPENDED
        if user.mail is MailPreference.NEVER:
            return Unmailed.NOT_WANTED
        if user.mail_stopped:
            return Unmailed.ADDRESS_STOPPED
        return Mail.DAILY if user.mail is MailPreference.DAILY else Mail.DUE

    def features(self, user_id: str, flags: Sequence[str]) -> frozenset[str]:
        """Those of the flags that include a member."""
        rolled_out = any(self.flags.value(flag) not in ("off", "on") for flag in flags)
        groups = self.internal.groups_of(user_id) if rolled_out else frozenset[str]()
        return frozenset(flag for flag in flags if self.flags.enabled(flag, user_id, groups))

    def send(self, user_id: str, item_id: str, now: datetime) -> None:
        """Send one item's mail, if it is owed and nobody else is sending it. Raises StoreUnavailableError."""
        item = self.inbox.lease(user_id, item_id, Mail.DUE, now)
        if item is None:
            return
        user = self._reader(user_id, [item])
        if user is None or not self._still_wanted(item, user, now):
            return
        if not self.inbox.count_mail(user_id, now):
            self.inbox.postpone(item)
            return
        self._send(user, [item], now, notice_mail)

    def sweep(self, now: datetime, time_slice: TimeSlice) -> None:
        """Send every mail that is owed and did not leave. Raises StoreUnavailableError."""
        for user_id, item_id in time_slice.limit(list(self.inbox.unsent(Mail.DUE))):
            self.send(user_id, item_id, now)

    def send_digests(self, now: datetime, time_slice: TimeSlice) -> None:
        """Send the digest of the day to each member who waits for one, from DIGEST_HOUR on.

        Raises StoreUnavailableError.
        """
        if now.hour < DIGEST_HOUR:
            return
        owed: dict[str, list[str]] = {}
        for user_id, item_id in sorted(self.inbox.unsent(Mail.DAILY)):
            owed.setdefault(user_id, []).append(item_id)
        for user_id in time_slice.limit(owed):
            item_ids = owed[user_id][:_DIGEST_PAGE]
            if not (self.inbox.begin_digest(user_id, now) and self.inbox.count_mail(user_id, now)):
                continue
            leased = [item for item_id in item_ids if (item := self.inbox.lease(user_id, item_id, Mail.DAILY, now))]
            user = self._reader(user_id, leased)
            wanted = [item for item in leased if user and self._still_wanted(item, user, now)]
            if user and wanted:
                self._send(user, wanted, now, digest_mail)

    def _reader(self, user_id: str, items: Iterable[InboxItem]) -> User | None:
        user = self.users.get(user_id)
        if user is None or user.deleted:
            for item in items:
                self.inbox.mark_unmailed(item, Unmailed.MEMBER_LEFT)
            return None
        return user

    def _still_wanted(self, item: InboxItem, user: User, now: datetime) -> bool:
        """True if a leased item's mail is still to be sent; mark one that is not."""
        state = self.mail_state(user, item.kind, now)
        if user.read_up_to and item.item_id <= user.read_up_to:
            state = Unmailed.READ
        if isinstance(state, Unmailed):
            self.inbox.mark_unmailed(item, state)
            return False
        return True

    def _send(self, user: User, items: Sequence[InboxItem], now: datetime, compose: Compose) -> None:
        repeated = sum(item.may_have_left for item in items)
        try:
            of_moderators = all(item.kind in FROM_MODERATORS for item in items)
            address = self.transport.address_of(user.user_id, disabled=of_moderators)
            if address is None:
                for item in items:
                    self.inbox.mark_unmailed(item, Unmailed.NO_ADDRESS)
                return
            context = self.context(user, items)
            content = compose(items, user, context)
            unsubscribe = f"{self.site_url}{BASE_PATH}/unsubscribe?token={context.token}"
            self.transport.send(user.user_id, mime(content, self.transport.sender, address, unsubscribe), address)
        except NotSentError as error:
            self._failed(items, error)
            return
        for item in items:
            self.inbox.mark_sent(item, now)
        self.telemetry.count(NOTICES_SENT)
        self._count_late(items, now)
        if repeated:
            self.telemetry.count(NOTICES_REPEATED, repeated)
        kinds = sorted({item.kind.value for item in items})
        self.telemetry.log.info("mail sent", extra={"user": user_digest(user.user_id), "kinds": kinds})

    def _failed(self, items: Sequence[InboxItem], error: NotSentError) -> None:
        """Leave a mail to the sweep, or give it to the operators: to the queue first, so that it is nowhere lost."""
        self.telemetry.count(NOTICES_FAILED)
        self.telemetry.log.error("mail not sent", extra={"reason": str(error), "items": len(items)})
        for item in items:
            if error.known:
                self.inbox.mark_failed(item)
            if error.final or item.attempts >= MAX_ATTEMPTS:
                failed = NoticeFailed(item.user_id, item.item_id, str(error))
                self.sqs.send_message(QueueUrl=self.queue_url, MessageBody=failed.to_json())
                self.inbox.mark_unmailed(item, Unmailed.FAILED)
                self._count_late([item], None)

    def _count_late(self, items: Sequence[InboxItem], sent_at: datetime | None) -> None:
        """Count the share of mails that left late; digests do not count."""
        for item in items:
            if item.mail is Mail.DUE:
                late = sent_at is None or sent_at - item.at > MAIL_SENT_WITHIN
                self.telemetry.count(MAILS_LATE, 100 * late)

    def context(self, user: User, items: Sequence[InboxItem]) -> Context:
        """The words that the items' ids stand for. Raises StoreUnavailableError."""
        titles = self.quests.titles(sorted({item.quest_id for item in items if item.quest_id}))
        actors = self.users.get_many(sorted({item.actor_id for item in items if item.actor_id}))
        decided = map(self.reports.get, sorted({item.report_id for item in items if item.report_id}))
        return Context(
            site_url=self.site_url,
            titles=titles,
            actors={actor.user_id: actor for actor in actors},
            decisions={report.report_id: report.decisions[-1].words for report in decided if report},
            token=cursors.sign(self.mail_keys(), UNSUBSCRIBE, user.user_id),
        )
