"""The member's inbox: what they were told, up to where they have read it, and the way out of the mails."""

from collections.abc import Mapping, Sequence

from services.api import requests, views
from services.api.operations.lists import next_cursor, position_of
from services.api.operations.operation import AnyOperation, NoBody, NoQuery, Operation, Platform, Request, errors
from services.api.problems import ProblemError, not_found
from services.core import cursors, live
from services.core.cursors import BadCursorError
from services.core.domain.notices import UNSUBSCRIBE, InboxItem
from services.core.domain.users import MailPreference
from services.core.parameters import MAIL_KEY


def list_my_inbox(platform: Platform, request: Request[NoBody, requests.PageQuery]) -> views.InboxPage:
    """List the member's inbox, newest first."""
    user_id = request.member.user_id
    query = f"inbox|{user_id}"
    after = position_of(platform, query, request.query.cursor)
    page = platform.inbox.page(user_id, request.query.limit, after)
    user = platform.users.get(user_id)
    read_up_to = user.read_up_to if user else None
    return views.InboxPage(
        items=shown(platform, page.items, read_up_to), next_cursor=next_cursor(platform, query, page.last)
    )


def shown(platform: Platform, items: Sequence[InboxItem], read_up_to: str | None) -> list[views.InboxItem]:
    """At most 100 items with the titles and names as they are now."""
    titles = platform.quests.titles(sorted({item.quest_id for item in items if item.quest_id}))
    actors = platform.users.get_many(sorted({item.actor_id for item in items if item.actor_id}))
    names = {user.user_id: user.display_name for user in actors}
    return [views.inbox_item(item, titles, names, read_up_to) for item in items]


def read_my_inbox(platform: Platform, request: Request[requests.ReadBody, NoQuery]) -> views.Unread:
    """Marks an item and all that are older as read; what was read stays read."""
    user_id, item_id = request.member.user_id, request.body.up_to
    if platform.inbox.get(user_id, item_id) is None:
        raise not_found("item")
    platform.users.read_inbox(user_id, item_id)
    user = platform.users.get(user_id)
    return views.Unread(unread=platform.inbox.unread(user_id, user.read_up_to if user else item_id))


def unsubscribe(platform: Platform, request: Request[NoBody, requests.TokenQuery]) -> views.Unsubscribed:
    """Turns the mails of the token's member off."""
    keys = live.signing_keys(platform.live, request.now, MAIL_KEY)
    try:
        user_id = str(cursors.read(keys, UNSUBSCRIBE, request.query.token))
    except BadCursorError:
        raise ProblemError(400, "bad_token", "This link is not valid any more. Settings turn the mails off.") from None
    platform.users.unsubscribe(user_id)
    return views.Unsubscribed(mail=MailPreference.NEVER)


INBOX: Mapping[str, AnyOperation] = {
    "listMyInbox": Operation(
        list_my_inbox, NoBody, requests.PageQuery, views.InboxPage, "Notices to the member, newest first"
    ),
    "readMyInbox": Operation(
        read_my_inbox, requests.ReadBody, NoQuery, views.Unread, "Mark an item and all older ones as read", errors(404)
    ),
    "unsubscribe": Operation(
        unsubscribe,
        NoBody,
        requests.TokenQuery,
        views.Unsubscribed,
        "Turn one's mails off by the link in one of them (RFC 8058)",
        errors(400, 404),
    ),
}
