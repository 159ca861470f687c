"""Every call of the API: method, path and who may make it.

Infra makes a route of the gateway from each (public ones without the authorizer), the api Lambda binds a function
to each operation, and the OpenAPI document is generated from both. Paths are written as API Gateway wants them.
"""

from dataclasses import dataclass
from typing import Literal

from services.core.names import HOME_KEY, QUESTS_PREFIX

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

BASE_PATH = "/api/v1"
HEALTH_PATH = "/api/health"


@dataclass(frozen=True, kw_only=True)
class Route:
    """`operation` is the OpenAPI operationId. A public route carries no identity at all."""

    operation: str
    method: Method
    path: str
    public: bool = False

    @property
    def key(self) -> str:
        """API Gateway's route key, e.g. `GET /api/v1/quests`."""
        return f"{self.method} {self.path}"


def _route(operation: str, method: Method, path: str, *, public: bool = False) -> Route:
    return Route(operation=operation, method=method, path=BASE_PATH + path, public=public)


EDGE_QUERY = ("category", "cursor", "limit", "q", "role", "side", "status")
"""Names in the query strings of reads: the edge tells requests apart by them alone. CloudFront takes ten at most."""

TRANSITION_OPERATIONS = {
    "claimQuest": "claim",
    "releaseQuest": "release",
    "withdrawQuest": "withdraw",
    "submitQuest": "submit",
    "requestChanges": "request-changes",
    "attestQuest": "attest",
    "disputeQuest": "dispute",
    "stateQuest": "state",
    "resolveDispute": "resolve",
    "hideQuest": "hide",
    "unhideQuest": "unhide",
}

ROUTES = (
    Route(operation="getHealth", method="GET", path=HEALTH_PATH, public=True),
    _route("listQuests", "GET", "/quests", public=True),
    _route("createQuest", "POST", "/quests"),
    _route("getQuest", "GET", "/quests/{questId}", public=True),
    _route("editQuest", "PATCH", "/quests/{questId}"),
    _route("cancelQuest", "DELETE", "/quests/{questId}"),
    *(_route(name, "POST", f"/quests/{{questId}}/{action}") for name, action in TRANSITION_OPERATIONS.items()),
    _route("listMessages", "GET", "/quests/{questId}/messages", public=True),
    _route("writeMessage", "POST", "/quests/{questId}/messages"),
    _route("getMe", "GET", "/me"),
    _route("editMe", "PATCH", "/me"),
    _route("deleteMe", "DELETE", "/me"),
    _route("restoreMe", "POST", "/me/restore"),
    _route("exportMe", "GET", "/me/export"),
    _route("listMyQuests", "GET", "/me/quests"),
    _route("listMyTurn", "GET", "/me/turn"),
    _route("getMyQuest", "GET", "/me/quests/{questId}"),
    _route("listMyMessages", "GET", "/me/quests/{questId}/messages"),
    _route("listMyLedger", "GET", "/me/ledger"),
    _route("listMyInbox", "GET", "/me/inbox"),
    _route("readMyInbox", "POST", "/me/inbox/read"),
    _route("listMyDevices", "GET", "/me/devices"),
    _route("addMyDevice", "POST", "/me/devices"),
    _route("removeMyDevice", "DELETE", "/me/devices/{deviceId}"),
    _route("unsubscribe", "POST", "/unsubscribe", public=True),
    _route("blockMember", "PUT", "/me/blocked/{userId}"),
    _route("unblockMember", "DELETE", "/me/blocked/{userId}"),
    _route("makeReport", "POST", "/reports"),
    _route("listMyReports", "GET", "/me/reports"),
    _route("objectToDecision", "POST", "/me/reports/{reportId}/objection"),
    _route("listReports", "GET", "/moderation/reports"),
    _route("getReport", "GET", "/moderation/reports/{reportId}"),
    _route("decideReport", "POST", "/moderation/reports/{reportId}/decide"),
    _route("getUser", "GET", "/users/{userId}", public=True),
    _route("listFeatureFlags", "GET", "/feature-flags"),
    _route("getStats", "GET", "/stats", public=True),
)

MISSING_DOCUMENTS = (
    Route(operation="missingHome", method="GET", path=f"/{HOME_KEY}", public=True),
    Route(operation="missingQuest", method="GET", path=f"/{QUESTS_PREFIX}{{document}}", public=True),
)
"""The documents' own addresses, which the edge asks for where the bucket lacks one. They are no part of the API."""
GATEWAY_ROUTES = (*ROUTES, *MISSING_DOCUMENTS)
"""Every route of the gateway."""
