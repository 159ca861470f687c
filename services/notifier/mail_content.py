"""The mails of notices: one each, or an entry in a digest."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from services.core.domain.notices import InboxItem, NoticeKind
from services.core.domain.users import User
from services.core.mails import Link, MailContent
from services.core.words import Translator

_BUTTONS: Final[Mapping[NoticeKind, str]] = {
    NoticeKind.HANDED_IN: "work",
    NoticeKind.UNCONFIRMED: "work",
    NoticeKind.QUESTION: "answer",
    NoticeKind.ANSWER: "answer",
    NoticeKind.MESSAGE: "answer",
    NoticeKind.REWARD_PAID: "account",
    NoticeKind.REWARD_HELD: "account",
    NoticeKind.REWARD_DIMINISHED: "account",
    NoticeKind.REPORT_DECIDED: "inbox",
    NoticeKind.WARNING: "inbox",
    NoticeKind.SUSPENSION: "inbox",
    NoticeKind.OBJECTION_DECIDED: "inbox",
    NoticeKind.MODERATION: "moderation",
}
"""The button of a kind; any other leads to the quest."""
PLATFORM: Final = "CivicForge"
_PLACES: Final[Mapping[str, str]] = {"account": "/me", "inbox": "/inbox", "moderation": "/moderation"}


class Context(NamedTuple):
    """Data for the text of mails: titles by quest id, actors by user id, the reader's unsubscribe token, and the texts
    of moderators' decisions by report id.
    """

    site_url: str
    titles: Mapping[str, str]
    actors: Mapping[str, User]
    token: str
    decisions: Mapping[str, str] = {}


def notice_mail(items: Sequence[InboxItem], reader: User, context: Context) -> MailContent:
    """The mail of one notice. Its button leads to where the reader can act."""
    (item,) = items
    words = Translator(reader.language)
    line = _line(words, item, context)
    button = _BUTTONS.get(item.kind, "quest")
    mail = MailContent(
        words=words,
        subject=line,
        greeting=words.say("mail.greeting", name=reader.display_name),
        line=line,
        text=words.say(
            f"notices.{item.kind}.text", words=context.decisions.get(item.report_id or "", ""), **item.amounts
        ),
        button=Link(words.say(f"buttons.{button}"), _url(item, button, context)),
    )
    return _with_footer(mail, context)


def digest_mail(items: Sequence[InboxItem], reader: User, context: Context) -> MailContent:
    """The mail of several notices, oldest first; its button leads to the inbox."""
    words = Translator(reader.language)
    subject = words.say("digest.subject", count=len(items))
    mail = MailContent(
        words=words,
        subject=subject,
        greeting=words.say("mail.greeting", name=reader.display_name),
        line=subject,
        text=words.say("digest.text"),
        entries=tuple(
            Link(_line(words, item, context), _url(item, _BUTTONS.get(item.kind, "quest"), context)) for item in items
        ),
        button=Link(words.say("buttons.inbox"), f"{context.site_url}{_PLACES['inbox']}"),
    )
    return _with_footer(mail, context)


def notification(item: InboxItem, reader: User, context: Context) -> dict[str, str]:
    """A notice as a device shows it: the line of its mail, and the path where the reader can act.

    One about the same quest takes its place on the screen.
    """
    words = Translator(reader.language)
    button = _BUTTONS.get(item.kind, "quest")
    return {
        "title": PLATFORM,
        "body": _line(words, item, context),
        "path": _path(item, button),
        "tag": item.quest_id or item.kind,
        "lang": words.language,
        "dir": "rtl" if words.right_to_left else "ltr",
    }


def _with_footer(mail: MailContent, context: Context) -> MailContent:
    words = mail.words
    return replace(
        mail,
        hint=words.say("mail.hint"),
        why=words.say("mail.why"),
        links=(
            Link(words.say("mail.settings"), f"{context.site_url}/settings"),
            Link(words.say("mail.unsubscribe"), f"{context.site_url}/unsubscribe?token={context.token}"),
        ),
    )


def _line(words: Translator, item: InboxItem, context: Context) -> str:
    return words.say(
        f"notices.{item.kind}.line",
        title=context.titles.get(item.quest_id or "", ""),
        actor=_name(words, context.actors.get(item.actor_id or "")),
        **item.amounts,
    )


def _name(words: Translator, actor: User | None) -> str:
    """The actor's name; somebody who has left since has one in the reader's language."""
    return words.say("mail.former_member") if actor is None or actor.deleted else actor.display_name


def _url(item: InboxItem, button: str, context: Context) -> str:
    return f"{context.site_url}{_path(item, button)}"


def _path(item: InboxItem, button: str) -> str:
    return _PLACES.get(button) or f"/quests/{item.quest_id}"
