"""The answers of the API. The public views are the same for everybody; `QuestView` is made for its viewer."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

from pydantic.alias_generators import to_camel
from pydantic_core import PydanticUndefined

from services.core import text
from services.core.domain import notices, quests, users
from services.core.domain.devices import Device
from services.core.domain.ledger import Entry, Kind, State
from services.core.domain.messages import Audience, Message, Removal
from services.core.domain.quests import (
    Action,
    Actor,
    Attestation,
    Category,
    ChangeRequest,
    Dispute,
    Former,
    Quest,
    Role,
    Status,
    Task,
    When,
)
from services.core.domain.reports import Decision, Measure, Report, ReportReason, ReportState, Subject
from services.core.domain.values import Model, Timestamp
from services.core.live import Breaker
from services.core.stores.quests import StoredQuest


class Health(Model):
    """`status` is ok, or what the open breaker leaves of it."""

    status: str
    stage: str
    release: str
    breaker: Breaker


class QuestCard(Model):
    """A quest in a list."""

    quest_id: str
    title: str
    category: Category
    tags: list[str]
    area: str
    when: When | None = None
    minutes: int = 60
    reward_xp: int
    reward_reputation: int
    requestor_id: str
    performer_id: str | None = None
    status: Status
    created_at: Timestamp
    expires_at: Timestamp
    claim_deadline: Timestamp | None = None
    submitted_at: Timestamp | None = None
    attested_by: list[Role] = []


class QuestPublic(QuestCard):
    """A quest as anybody may see it."""

    description: str
    description_html: str
    updated_at: Timestamp
    claimed_at: Timestamp | None = None
    completed_at: Timestamp | None = None
    cancelled_at: Timestamp | None = None
    expired_at: Timestamp | None = None
    version: int


class ActionVerdict(Model):
    """The viewer's permission for an action now; `code` says why not."""

    allowed: bool
    code: quests.Denial | None = None


class TurnView(Model):
    """The turn: members, subject, since when and until when; `yours` says that it is the viewer's."""

    task: Task
    since: Timestamp
    until: Timestamp | None = None
    members: list[str]
    moderators: bool
    yours: bool


class MyQuestCard(QuestCard):
    """A quest in a list of the viewer's own. `former` tells how their time as its performer ended."""

    role: Role | None = None
    turn: TurnView | None = None
    former: Former | None = None
    hidden_at: Timestamp | None = None


class QuestView(QuestPublic):
    """A quest as its viewer sees it.

    `former` are the former performers: all of them for the requestor and for moderators, for others their own entry.
    The meeting point is for the parties and, in a dispute, for moderators; what follows it is for the parties and for
    moderators. `rewardShare` is the percent of the reward that a COMPLETE quest paid, or would pay if it were completed
    now: members who complete several quests with each other within 30 days get less.
    """

    role: Role | None = None
    turn: TurnView | None = None
    reward_share: int | None = None
    former: list[Former] = []
    hidden_at: Timestamp | None = None
    hidden_reason: str | None = None
    meeting_point: str | None = None
    allowed_actions: dict[Action, ActionVerdict]
    submission: str | None = None
    submission_html: str | None = None
    attestations: list[Attestation] = []
    change_requests: list[ChangeRequest] = []
    dispute: Dispute | None = None


class QuestPage(Model):
    """A page of quests; without `nextCursor` it is the last."""

    items: list[QuestCard]
    next_cursor: str | None = None


class MyQuestPage(Model):
    """A page of the member's quests; without `nextCursor` it is the last."""

    items: list[MyQuestCard]
    next_cursor: str | None = None


class MyTurn(Model):
    """Every quest that waits for the member, the most urgent first."""

    items: list[MyQuestCard]


class Me(Model):
    """The member's own account. `unread` counts inbox items; 100 stands for 100 or more."""

    user_id: str
    display_name: str
    bio: str
    interests: list[str]
    points: int
    xp: int
    reputation: int
    completed: int
    confirmed_by: int
    created_at: Timestamp
    updated_at: Timestamp
    suspended_until: Timestamp | None = None
    blocked: list[str] = []
    deletion_at: Timestamp | None = None
    groups: list[str] = []
    language: users.Language
    mail: users.MailPreference
    mail_stopped: users.MailStop | None = None
    unread: int


class Thanks(Model):
    """A note with which a requestor confirmed a member's work, and wanted it to be shown."""

    user_id: str
    quest_id: str
    quest_title: str
    text: str
    at: Timestamp


class PublicProfile(Model):
    """A member as anybody may see them. `confirmedBy` is the number of different members who confirmed their work;
    `thanks` are the newest ones.
    """

    user_id: str
    display_name: str
    bio: str
    interests: list[str]
    xp: int
    reputation: int
    completed: int
    confirmed_by: int
    moderator: bool = False
    thanks: list[Thanks] = []
    created_at: Timestamp


class EntryView(Model):
    """A change of the member's totals, or one that is still to come. `share` is the percent of its reward that a quest
    paid. `returning` marks the welcome of somebody whose former account had the same address.
    """

    entry_id: str
    quest_id: str | None = None
    quest_title: str | None = None
    kind: Kind
    points: int
    xp: int
    reputation: int
    share: int
    state: State
    created_at: Timestamp
    posted_at: Timestamp | None = None
    reason: str | None = None
    returning: Literal[True] | None = None


class LedgerPage(Model):
    """A page of entries, newest first."""

    items: list[EntryView]
    next_cursor: str | None = None


class InboxQuest(Model):
    """The quest that an inbox item is about."""

    quest_id: str
    title: str


class InboxActor(Model):
    """The member who caused an inbox item."""

    user_id: str
    display_name: str


class InboxItem(Model):
    """An inbox item; its words are the app's, by `kind`. `amounts` has `xp`, the `share` of a reward in
    percent, or the `count` of days."""

    item_id: str
    at: Timestamp
    kind: notices.NoticeKind
    amounts: dict[str, int] = {}
    quest: InboxQuest | None = None
    actor: InboxActor | None = None
    report_id: str | None = None
    unread: bool


class InboxPage(Model):
    """A page of the inbox, newest first."""

    items: list[InboxItem]
    next_cursor: str | None = None


class Unread(Model):
    """The number of unread inbox items; 100 stands for 100 or more."""

    unread: int


class DeviceView(Model):
    """A device that shows the member's notices; `service` is the host of its push service."""

    device_id: str
    service: str
    added_at: Timestamp


class Devices(Model):
    """The member's devices, the oldest first."""

    items: list[DeviceView]


class Unsubscribed(Model):
    """The member's mail preference."""

    mail: users.MailPreference


class MessageView(Model):
    """A message on a quest; `removed` says why it has no text any more. `performerId` is that of a private thread."""

    message_id: str
    author_id: str
    audience: Audience
    performer_id: str | None = None
    text: str | None = None
    removed: Removal | None = None
    created_at: Timestamp


class MessagePage(Model):
    """A page of messages, newest first."""

    items: list[MessageView]
    next_cursor: str | None = None


class MyMessagePage(MessagePage):
    """A page of the messages that the member may read, and for each audience whether they may write to it now."""

    may_write: dict[Audience, ActionVerdict]


class WrittenMessage(MessageView):
    """A message of the member's own, with the quest that it is on."""

    quest_id: str


class DecisionView(Model):
    """A decision as those whom it concerns see it: without the moderator's name."""

    measure: Measure
    words: str
    until: Timestamp | None = None
    decided_at: Timestamp


class ReportView(Model):
    """A report as its reporter, or the member whom it concerns, sees it; the latter does not learn who reported."""

    report_id: str
    subject: Subject
    state: ReportState
    reason: ReportReason
    words: str | None = None
    created_at: Timestamp
    decisions: list[DecisionView] = []
    objection: str | None = None
    may_object: bool


class ReportPage(Model):
    """A page of reports, newest first; it may be short though there is a next one."""

    items: list[ReportView]
    next_cursor: str | None = None


class Case(Model):
    """A report as a moderator sees it. `evidence` is the text as it was when it was reported."""

    report_id: str
    subject: Subject
    concerned_id: str
    reporter_id: str
    reason: ReportReason
    words: str | None = None
    evidence: str | None = None
    state: ReportState
    decisions: list[Decision] = []
    objection: str | None = None
    objected_at: Timestamp | None = None
    created_at: Timestamp


class CasePage(Model):
    """A page of the moderators' queue, the longest waiting first."""

    items: list[Case]
    next_cursor: str | None = None


class CaseHistory(Model):
    """A report, at most 100 others that concern the same member, newest first, and the conversation around a reported
    message, oldest first.
    """

    case: Case
    history: list[Case]
    context: list[MessageView] = []


class Export(Model):
    """A page of everything that the platform keeps of the member; without `nextCursor` it is the last."""

    profile: Me
    quests: list[QuestView] = []
    ledger: list[EntryView] = []
    inbox: list[InboxItem] = []
    messages: list[WrittenMessage] = []
    reports: list[ReportView] = []
    devices: list[DeviceView] = []
    next_cursor: str | None = None


class FeatureFlags(Model):
    """The feature flags of the member."""

    flags: dict[str, bool]


class Stats(Model):
    """The community's totals of the last `days` days."""

    days: int
    quests_created: int
    quests_completed: int
    attestations_submitted: int


class FieldError(Model):
    """An error of one field."""

    field: str
    message: str


class Problem(Model):
    """An error, by RFC 9457. `changed` are the fields of a quest that were edited since the caller looked."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    request_id: str
    errors: list[FieldError] | None = None
    quest_status: Status | None = None
    allowed_actions: dict[Action, ActionVerdict] | None = None
    changed: list[str] | None = None


class GatewayProblem(Model):
    """An error that API Gateway answers before the API is asked: no valid token, throttled, or no Lambda free."""

    message: str


@dataclass(frozen=True)
class Viewer:
    """The member who looks at a quest; `silence` says that silence will confirm what was handed in, `share` is the
    percent of its reward that it would pay now, where it concerns them.
    """

    actor: Actor
    now: datetime
    silence: bool
    share: int | None = None


def _public(quest: Quest) -> dict[str, Any]:
    roles = [attestation.role for attestation in quest.attestations]
    return {**quest.__dict__, "attested_by": roles}


def card(quest: Quest) -> QuestCard:
    """A quest in a list."""
    return QuestCard(**_of(QuestCard, _public(quest)))


class Rendered(NamedTuple):
    """An answer in the wire format already."""

    document: Mapping[str, Any]

    def to_json(self) -> str:
        """The text as a model's own would be."""
        return json.dumps(self.document, separators=(",", ":"), ensure_ascii=False)


_CARD = tuple(
    (to_camel(name), Quest.model_fields[name].default if name in Quest.model_fields else field.default)
    for name, field in QuestCard.model_fields.items()
)
"""The names of a card's fields on the wire, in order, with the values of those that an item does not have."""


def stored_card(item: Mapping[str, Any]) -> dict[str, Any]:
    """A quest in a list, straight from its stored item: that was validated when it was written, and doing it again took
    three quarters of a list's time.
    """
    found = ((name, item.get(name, default)) for name, default in _CARD)
    return {name: value for name, value in found if value is not None and value is not PydanticUndefined}


def public(stored: StoredQuest) -> QuestPublic:
    """A quest as anybody may see it."""
    return QuestPublic(**_of(QuestPublic, _shared(stored)))


def _shared(stored: StoredQuest) -> dict[str, Any]:
    html = text.render(stored.description)
    return {**_public(stored.quest), "description": stored.description, "description_html": html}


def verdict(denial: quests.Denial | None) -> ActionVerdict:
    """A denial, or none, in the API's form."""
    return ActionVerdict(allowed=denial is None, code=denial)


def verdicts(quest: Quest, actor: Actor, now: datetime) -> dict[Action, ActionVerdict]:
    """`allowed` in the API's form."""
    return {
        action: ActionVerdict(allowed=False, code=verdict.code)
        if isinstance(verdict, quests.Denied)
        else ActionVerdict(allowed=True)
        for action, verdict in quests.allowed(quest, actor, now).items()
    }


def _turn(quest: Quest, viewer: Viewer) -> TurnView | None:
    found = quests.turn(quest, viewer.now)
    if found is None:
        return None
    until = found.until if viewer.silence or found.task is not Task.CONFIRM else None
    moderates = found.moderators and quests.MODERATORS in viewer.actor.groups
    return TurnView(
        task=found.task,
        since=found.since,
        until=until,
        members=list(found.members),
        moderators=found.moderators,
        yours=moderates or viewer.actor.user_id in found.members,
    )


def _may_follow(quest: Quest, actor: Actor) -> bool:
    """True for those whom it concerns whose turn it is."""
    return quests.role_of(quest, actor.user_id) is not None or quests.MODERATORS in actor.groups


def my_card(quest: Quest, viewer: Viewer) -> MyQuestCard:
    """A quest in a list of the viewer's own."""
    actor = viewer.actor
    own = {
        "role": quests.role_of(quest, actor.user_id),
        "turn": _turn(quest, viewer) if _may_follow(quest, actor) else None,
        "former": quests.former_of(quest, actor.user_id),
    }
    return MyQuestCard(**_of(MyQuestCard, {**_public(quest), **own}))


def urgency(card: MyQuestCard) -> tuple[bool, datetime]:
    """Sorts what ends soonest first, and what has no end last, by its age."""
    assert card.turn is not None, "only a card on which somebody has to act is urgent"
    return card.turn.until is None, card.turn.until or card.turn.since


def view(stored: StoredQuest, viewer: Viewer) -> QuestView:
    """A quest as this viewer may see it."""
    quest, actor = stored.quest, viewer.actor
    shared = _shared(stored)
    if quests.may_read_all(quest, actor):
        # A quest that was released keeps the text of its former performer until the next one hands in.
        if stored.submission is not None and (quest.submitted_at or quest.change_requests or quest.dispute):
            shared |= {"submission": stored.submission, "submission_html": text.render(stored.submission)}
    else:
        for name in ("attestations", "change_requests", "dispute"):
            del shared[name]
    if not quests.may_see_meeting_point(quest, actor):
        del shared["meeting_point"]
    follows = _may_follow(quest, actor)
    if quests.role_of(quest, actor.user_id) is not Role.REQUESTOR and quests.MODERATORS not in actor.groups:
        own = quests.former_of(quest, actor.user_id)
        shared["former"] = [own] if own else []
    shared |= {
        "role": quests.role_of(quest, actor.user_id),
        "turn": _turn(quest, viewer) if follows else None,
        "reward_share": quest.reward_share if follows and quest.status is Status.COMPLETE else viewer.share,
        "allowed_actions": verdicts(quest, actor, viewer.now),
    }
    return QuestView(**_of(QuestView, shared))


def me(user: users.User, groups: frozenset[str], unread: int) -> Me:
    """The member's own account."""
    return Me(**_of(Me, {**user.__dict__, "groups": sorted(groups), "unread": unread}))


def profile(user: users.User, done: Sequence[Quest]) -> PublicProfile:
    """A member as anybody may see them; `done` are quests that they performed, the newest first."""
    thanks = [attestation for quest in done if (attestation := _thanks(quest, user.user_id))]
    shown = {**user.__dict__, "moderator": bool(user.moderator), "thanks": thanks[:MAX_THANKS]}
    return PublicProfile(**_of(PublicProfile, shown))


MAX_THANKS = 5


def _thanks(quest: Quest, performer_id: str) -> Thanks | None:
    if quest.status is not Status.COMPLETE or quest.hidden_at or quest.performer_id != performer_id:
        return None
    attestation = next((attestation for attestation in quest.attestations if attestation.role is Role.REQUESTOR), None)
    if attestation is None or attestation.notes is None or not attestation.thanks or attestation.user_id in quest.left:
        return None
    return Thanks(
        user_id=attestation.user_id,
        quest_id=quest.quest_id,
        quest_title=quest.title,
        text=attestation.notes,
        at=attestation.attested_at,
    )


def device(stored: Device) -> DeviceView:
    """A device without its keys, and without the address that notices are sent to."""
    return DeviceView(device_id=stored.device_id, service=stored.service, added_at=stored.added_at)


def inbox_item(
    item: notices.InboxItem, titles: Mapping[str, str], names: Mapping[str, str], read_up_to: str | None
) -> InboxItem:
    """An inbox item with the words that its ids stand for; a quest or member who is not there any more is left out."""
    quest, actor = item.quest_id or "", item.actor_id or ""
    return InboxItem(
        item_id=item.item_id,
        at=item.at,
        kind=item.kind,
        amounts=item.amounts,
        quest=InboxQuest(quest_id=quest, title=titles[quest]) if quest in titles else None,
        actor=InboxActor(user_id=actor, display_name=names[actor]) if actor in names else None,
        report_id=item.report_id,
        unread=read_up_to is None or item.item_id > read_up_to,
    )


def entry(stored: Entry, titles: Mapping[str, str]) -> EntryView:
    """An entry without what is the operators', with its quest's title from `titles` by id."""
    title = titles.get(stored.quest_id) if stored.quest_id else None
    return EntryView(**_of(EntryView, {**stored.__dict__, "quest_title": title}))


def message(stored: Message) -> MessageView:
    """A message without what is the platform's own."""
    return MessageView(**_of(MessageView, stored.__dict__))


def report(stored: Report, viewer: Actor) -> ReportView:
    """A report for its reporter, or for the member whom it concerns."""
    shown = {**stored.__dict__, "decisions": [DecisionView(**_of(DecisionView, d.__dict__)) for d in stored.decisions]}
    if viewer.user_id != stored.reporter_id:
        shown["words"] = None
    else:
        shown["objection"] = None
    may_object = viewer.user_id == stored.concerned_id and stored.state is ReportState.DECIDED
    return ReportView(**_of(ReportView, {**shown, "may_object": may_object and stored.objection is None}))


def is_told(stored: Report) -> bool:
    """True for a report that the member whom it concerns sees: something was decided on them."""
    return any(decision.measure is not Measure.DISMISS for decision in stored.decisions)


def case(stored: Report) -> Case:
    """A report for moderators."""
    return Case(**_of(Case, stored.__dict__))


def written(stored: Message) -> WrittenMessage:
    """A message for its author's export."""
    return WrittenMessage(**_of(WrittenMessage, stored.__dict__))


def _of(model: type[Model], values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name in model.model_fields}
