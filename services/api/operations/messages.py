"""Messages on a quest: public questions and answers, and the private thread of its parties."""

from collections.abc import Mapping

from services.api import requests, views
from services.api.operations.lists import next_cursor, position_of
from services.api.operations.operation import (
    AnyOperation,
    AnyRequest,
    NoBody,
    NoQuery,
    Operation,
    Platform,
    Request,
    errors,
    with_row,
)
from services.api.operations.quests import (
    ATTEMPTS,
    idempotency_key,
    key_reused,
    public_quest,
    refuse_blocked,
    standing_denial,
    stored_quest,
)
from services.core.domain import messages
from services.core.domain.digests import digest
from services.core.domain.messages import Audience, Message, MessageDraft
from services.core.domain.quests import Denial, Quest, parties
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.messages import MessageExistsError
from services.core.stores.quests import QuestConflictError


def list_messages(platform: Platform, request: Request[NoBody, requests.MessageQuery]) -> views.MessagePage:
    """A page of a quest's public messages, newest first."""
    quest = public_quest(platform, request).quest
    query = f"messages|{quest.quest_id}"
    before = position_of(platform, query, request.query.cursor)
    page = platform.messages.page(
        quest.quest_id, request.query.limit, before, lambda message: message.audience is Audience.PUBLIC
    )
    return views.MessagePage(
        items=[views.message(message) for message in page.messages],
        next_cursor=next_cursor(platform, query, page.last),
    )


def list_my_messages(platform: Platform, request: Request[NoBody, requests.MessageQuery]) -> views.MyMessagePage:
    """A page of all that the member may read of a quest's messages, newest first, and where they may write."""
    quest, actor = stored_quest(platform, request).quest, request.member
    query = f"my-messages|{quest.quest_id}|{actor.user_id}"
    before = position_of(platform, query, request.query.cursor)
    page = platform.messages.page(
        quest.quest_id, request.query.limit, before, lambda message: messages.may_read(message, quest, actor)
    )
    return views.MyMessagePage(
        items=[views.message(message) for message in page.messages],
        next_cursor=next_cursor(platform, query, page.last),
        may_write={audience: views.verdict(_denial(platform, request, quest, audience)) for audience in Audience},
    )


def _denial(platform: Platform, request: AnyRequest, quest: Quest, audience: Audience) -> Denial | None:
    actor = request.member
    if denial := messages.denial(quest, actor, audience):
        return denial
    rows = platform.users.get_many(sorted({actor.user_id, *parties(quest)}))
    return standing_denial(request, rows, starts=actor.user_id not in parties(quest))


def write_message(platform: Platform, request: Request[MessageDraft, NoQuery]) -> views.MessageView:
    """Writes a message; a call repeated with the same key answers with the message that the first one wrote."""
    draft, actor = request.body, request.member
    key = digest("message", actor.user_id, idempotency_key(request))
    fingerprint = digest(draft.model_dump_json())
    id_ = messages.message_id(request.now, key)
    for _ in range(ATTEMPTS):
        quest = stored_quest(platform, request).quest
        message = messages.compose(quest, actor, draft, request.now, id_, fingerprint)
        try:
            _write(platform, request, message, key, quest)
        except QuestConflictError:
            continue
        except MessageExistsError as error:
            if error.message.request_digest != fingerprint:
                raise key_reused("message") from None
            return views.message(error.message)
        return views.message(message)
    raise StoreUnavailableError("the quest kept changing")


def _write(
    platform: Platform, request: Request[MessageDraft, NoQuery], message: Message, key: str, quest: Quest
) -> None:
    after, owed = messages.after(quest, message), message.author_id in parties(quest)
    quota = platform.writes(starts=not owed)
    for other in parties(quest):
        if other != message.author_id:
            refuse_blocked(platform, request, other)
    with_row(platform, request, lambda: platform.messages.write(message, key, quest, after, quota))


MESSAGE_OPERATIONS: Mapping[str, AnyOperation] = {
    "listMessages": Operation(
        list_messages,
        NoBody,
        requests.MessageQuery,
        views.MessagePage,
        "Public questions and answers of a quest, newest first",
        errors(404),
        max_age=5,
    ),
    "listMyMessages": Operation(
        list_my_messages,
        NoBody,
        requests.MessageQuery,
        views.MyMessagePage,
        "All messages of a quest that the member may read, newest first",
        errors(404),
    ),
    "writeMessage": Operation(
        write_message,
        MessageDraft,
        NoQuery,
        views.MessageView,
        "Ask or answer in public, or write to the other party",
        errors(403, 404, 409),
        status=201,
        idempotency_key=True,
    ),
}
