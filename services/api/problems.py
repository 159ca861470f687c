"""Every error that the API answers with, mapped once to `application/problem+json` (RFC 9457)."""

from datetime import datetime
from typing import NamedTuple

from pydantic import ValidationError

from services.api import views
from services.core.cursors import BadCursorError
from services.core.domain.messages import MessageDeniedError
from services.core.domain.quests import Actor, InvalidFieldError, NotAllowedError
from services.core.domain.reports import REPORT_STATE_DENIALS, ReportDenial, ReportDeniedError
from services.core.live import Breaker, ParameterUnavailableError
from services.core.stores.dynamo import IndexNotReadyError, StoreUnavailableError
from services.core.stores.users import (
    BlockListFullError,
    InsufficientPointsError,
    NoSuchUserError,
    RateLimitedError,
    SuspendedError,
)


class ProblemError(Exception):
    """An error with its answer."""

    def __init__(self, status: int, code: str, detail: str, retry_after: int | None = None) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.retry_after = status, code, detail, retry_after


class InvalidInputError(Exception):
    """The request does not fit its model. A stored item that does not fit is no mistake of the caller's."""

    def __init__(self, cause: ValidationError) -> None:
        super().__init__(str(cause))
        self.cause = cause


def not_found(thing: str) -> ProblemError:
    """There is no such quest or member."""
    return ProblemError(404, f"{thing}_not_found", f"There is no such {thing}.")


class Context(NamedTuple):
    """Facts of the request that an error's answer shows."""

    request_id: str
    actor: Actor | None
    now: datetime


INDEX_RETRY = 60
"""Seconds after which a list is asked for again whose index is being built."""

_TITLES = {
    400: "Bad request",
    401: "Not signed in",
    403: "Not allowed",
    404: "Not found",
    409: "The quest has moved on",
    413: "Too large",
    415: "Not JSON",
    422: "Invalid input",
    429: "Too often",
    500: "Our mistake",
    503: "Not available now",
}

DENIALS = {
    "not_requestor": "Only the member who posted this quest may do that.",
    "not_performer": "Only the member who claimed this quest may do that.",
    "not_party": "Only the members who take part in this quest may do that.",
    "not_moderator": "Only a moderator may do that.",
    "own_quest": "You posted this quest, so somebody else has to claim it.",
    "party_cannot_judge": "You have a part in this or a history with one of the people, so another moderator decides.",
    "wrong_status": "The quest is not in a state that allows it; it may have moved on since you looked.",
    "hidden": "Moderators have hidden this quest.",
    "not_hidden": "This quest is not hidden.",
    "quest_expired": "The quest has expired.",
    "released_recently": "You had this quest until a short while ago; others get a day before you can claim it again.",
    "terms_changed": "The quest was edited since you looked at it. Read it again before you claim it.",
    "too_many_claims": "You have as many claimed quests as you may have at once. Hand one in or release one first.",
    "deadline_not_passed": "You can take the quest back once the performer's deadline has passed.",
    "already_attested": "You have attested this already.",
    "already_stated": "Your side has spoken already; a moderator decides now.",
    "not_heard": "The other side has three days to speak. Decide once it has, or when they are over.",
    "changes_exhausted": "Changes can be asked for twice; now attest or dispute.",
    "not_concerned": "This decision does not concern you.",
    "own_thing": "This is your own.",
    "already_decided": "Another moderator has decided this meanwhile.",
    "already_objected": "You have objected already; another moderator decides.",
    "not_decided": "There is no decision to object to now.",
    "wrong_measure": "This measure does not fit what was reported.",
    "has_left": "This account has been deleted.",
    "suspended": "You are suspended, and may start nothing new for now.",
    "blocked": "This member does not want to hear from you.",
    "feature_off": "This feature is not switched on for you yet.",
}


def breaker_open(position: Breaker) -> ProblemError:
    """The operators have closed the platform, or its writing half."""
    kind = "reading only" if position is Breaker.READ_ONLY else "closed for maintenance"
    return ProblemError(503, "breaker_open", f"The platform is {kind} for now. Nothing is lost; try again soon.", 30)


def as_problem(error: Exception) -> ProblemError | None:
    """The answer to an error that a request may cause; None for one that only a bug or an outage causes."""
    match error:
        case ProblemError():
            return error
        case NotAllowedError() | MessageDeniedError():
            return ProblemError(409 if error.moved else 403, error.code, DENIALS[error.code])
        case ReportDeniedError() | SuspendedError() | BlockListFullError():
            return _among_strangers(error)
        case InvalidInputError() | InvalidFieldError():
            return ProblemError(422, "invalid_input", "Some fields do not fit; each is named under `errors`.")
        case BadCursorError():
            return ProblemError(400, "bad_cursor", "This cursor is not of this list. Start again without one.")
        case InsufficientPointsError():
            return ProblemError(
                403, "insufficient_points", "A quest costs 1 point per started 100 XP; you have too few."
            )
        case RateLimitedError():
            wait = error.retry_after
            return ProblemError(429, "rate_limited", f"You did this very often. Try again in {wait} s.", wait)
        case NoSuchUserError():
            return not_found("user")
        case StoreUnavailableError() | ParameterUnavailableError():
            return _unavailable(error)
    return None


def _unavailable(error: Exception) -> ProblemError:
    if isinstance(error, IndexNotReadyError):
        return ProblemError(503, "store_unavailable", "This list is being rebuilt. Nothing is lost.", INDEX_RETRY)
    return ProblemError(503, "store_unavailable", "We cannot reach our data right now. Try again soon.", 5)


def _among_strangers(error: ReportDeniedError | SuspendedError | BlockListFullError) -> ProblemError:
    match error:
        case ReportDeniedError():
            state = error.code in REPORT_STATE_DENIALS
            status = 409 if state else 422 if error.code is ReportDenial.WRONG_MEASURE else 403
            return ProblemError(status, error.code, DENIALS[error.code])
        case SuspendedError():
            return ProblemError(403, "suspended", f"You may start nothing new until {error.until:%d %B %Y}.")
        case BlockListFullError():
            return ProblemError(409, "too_many_blocked", "You have blocked 100 members; take a block back first.")


INTERNAL = ProblemError(500, "internal_error", "Something broke on our side. If it stays, send us the request id.")


def body(problem: ProblemError, cause: Exception, context: Context) -> views.Problem:
    """The problem's document, with the fields or the quest's state that explain it."""
    document = views.Problem(
        type=f"urn:civicforge:problem:{problem.code}",
        title=_TITLES[problem.status],
        status=problem.status,
        code=problem.code,
        detail=problem.detail,
        request_id=context.request_id,
        errors=_field_errors(cause),
    )
    if isinstance(cause, NotAllowedError | MessageDeniedError) and context.actor:
        verdicts = views.verdicts(cause.quest, context.actor, context.now)
        changed = list(cause.changed) or None if isinstance(cause, NotAllowedError) else None
        return document.model_copy(
            update={"quest_status": cause.quest.status, "allowed_actions": verdicts, "changed": changed}
        )
    return document


def _field_errors(cause: Exception) -> list[views.FieldError] | None:
    if isinstance(cause, InvalidFieldError):
        return [views.FieldError(field=cause.field, message=cause.message)]
    if not isinstance(cause, InvalidInputError):
        return None
    return [
        views.FieldError(field=".".join(map(str, error["loc"])) or "body", message=error["msg"])
        for error in cause.cause.errors(include_url=False, include_context=False, include_input=False)
    ]
