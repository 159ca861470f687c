"""The same few requests for every stack, and what DynamoDB and SSM answer to them."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import Mock

from pydantic.alias_generators import to_camel

from infra.paths import REPOSITORY
from infra.stack_config import load_config
from services.core.domain import quests
from services.core.domain.digests import digest
from services.core.domain.quests import Draft
from services.core.names import parameter_name, resource_name
from services.core.parameters import LIVE_PARAMETERS
from services.core.settings import ApiSettings
from services.core.stores.quests import QuestStore
from services.core.tables import QUESTS
from services.core.tables import TABLES as DECLARED

STAGE = "bench"
LISTED = 20
USER_ID = "5f0c0f0e-6f0a-4d7e-9d3c-2b1a0f9e8d7c"
ISSUER_CLIENT = "bench-client"
TABLES = {table.base_name: resource_name(STAGE, table.base_name) for table in DECLARED}

_OWN = {
    "stage": STAGE,
    "release": "bench",
    "log_level": "INFO",
    "cognito_region": "eu-central-1",
    "cognito_user_pool_id": "eu-central-1_bench",
    "cognito_app_client_id": ISSUER_CLIENT,
    "push_loopback": False,
    **{f"{base_name}_table": name for base_name, name in TABLES.items()},
}


def _settings() -> ApiSettings:
    """Settings of the bench; others are as in prod: `claims_per_hour` is `claimsPerHour` of its stage's file."""
    prod = load_config("prod", REPOSITORY).values
    of_prod = {name: prod[f"civicforge:{to_camel(name)}"] for name in ApiSettings.model_fields if name not in _OWN}
    return ApiSettings.model_validate({**_OWN, **of_prod})


SETTINGS = _settings()

NUMBER = "00000000"
"""Stands in the texts that are posted; each request has its own number, so that no cache knows its text."""

SENTENCE = "We meet at the old mill at nine, carry two sofas and a table down the stairs, and have soup afterwards. "
TYPICAL = (SENTENCE * 5).strip()
PLAIN = f"{(SENTENCE * 20)[:1990].strip()} {NUMBER}"
MARKUP = ('<p>We meet at <b onclick="x()">nine</b>, <a href="https://example.org/?a=1&b=2">here</a>.</p>\n' * 25)[
    :1990
] + NUMBER

Json = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """Events by operation, and answers by the name of the AWS operation."""

    events: Json
    answers: Json


def quest_body(description: str) -> str:
    """The body of a request that creates a quest."""
    quest = {"title": "Help me carry a sofa & a table", "category": "social", "tags": ["moving"], "area": "Old town"}
    return json.dumps({**quest, "description": description})


def _stored(number: int) -> list[Json]:
    """The items of a quest as our own store writes them."""
    client = Mock()
    store = QuestStore(client, TABLES["quests"], TABLES["users"], TABLES["ledger"], SETTINGS.board_shards)
    now = datetime(2026, 11, 1, 12, tzinfo=UTC) + timedelta(minutes=number)
    quest_id = digest("bench", str(number))
    draft = Draft.model_validate_json(quest_body(TYPICAL))
    store.create(quests.create(draft, USER_ID, quest_id, now, timedelta(days=30)))
    writes = client.transact_write_items.call_args.kwargs["TransactItems"]
    puts = [write["Put"] for write in writes if "Put" in write]
    return [put["Item"] for put in puts if put["TableName"] == TABLES["quests"]]


def event(
    method: str, path: str, *, route: str | None = None, user_id: str = USER_ID, token: str = "", **more: Any
) -> Json:
    """A request as the gateway sends it: HTTP API, payload format 2.0."""
    key = f"{method} {route or path}"
    claims = {"sub": user_id, "token_use": "access", "client_id": ISSUER_CLIENT}
    return {
        "version": "2.0",
        "routeKey": key,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "application/json",
            "authorization": f"Bearer {token}",
            "content-type": "application/json",
            "host": "example.org",
            "x-forwarded-for": "192.0.2.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "000000000000",
            "apiId": "bench",
            "authorizer": {"jwt": {"claims": claims, "scopes": None}},
            "domainName": "example.org",
            "http": {
                "method": method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "bench",
            },
            "requestId": "c6af9ac6-7b61-11e6-9a41-93e8deadbeef",
            "routeKey": key,
            "stage": "$default",
            "time": "01/Nov/2026:12:00:00 +0000",
            "timeEpoch": 1793534400000,
        },
        "isBase64Encoded": False,
        **more,
    }


def events(token: str) -> Json:
    """One event of each measured operation."""
    quest_id = digest("bench", "0")
    base = "/api/v1/quests"

    def post(description: str) -> Json:
        return event("POST", base, token=token, body=quest_body(description))

    return {
        "get": event(
            "GET",
            f"{base}/{quest_id}",
            token=token,
            route=f"{base}/{{questId}}",
            pathParameters={"questId": quest_id},
        ),
        "list": event("GET", base, token=token),
        "post-plain": post(PLAIN),
        "post-markup": post(MARKUP),
    }


def civicforge() -> Scenario:
    """Our items: a quest beside its description, cards in the index."""
    stored = [_stored(number) for number in range(LISTED)]
    projected = {"questId", "lane", "laneAt", *QUESTS.index("board2").projected}
    cards = [{name: value for name, value in items[0].items() if name in projected} for items in stored]
    key = '{"current": "bench", "previous": null, "previousUntil": null}'
    values = {parameter.key: parameter.initial or key for parameter in LIVE_PARAMETERS}
    parameters = [{"Name": parameter_name(STAGE, key), "Value": value} for key, value in values.items()]
    answers = {
        "BatchGetItem": {"Responses": {TABLES["quests"]: stored[0]}, "UnprocessedKeys": {}},
        "Query": {"Items": cards, "Count": LISTED},
        "TransactWriteItems": {},
        "GetParameters": {"Parameters": parameters, "InvalidParameters": []},
    }
    return Scenario(events(""), answers)


def flat(token: str) -> Scenario:
    """The peers' items: one per quest, with its description, in the index too."""
    attributes = ("questId", "title", "category", "tags", "rewardXp", "rewardReputation", "requestorId", "status")
    items = []
    for number in range(LISTED):
        quest, text = _stored(number)
        kept = {name: quest[name] for name in (*attributes, "createdAt", "expiresAt", "version")}
        items.append({**kept, "description": text["text"]})
    return Scenario(
        events(token), {"GetItem": {"Item": items[0]}, "Query": {"Items": items, "Count": LISTED}, "PutItem": {}}
    )
