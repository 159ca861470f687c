"""The OpenAPI document, made from the routes, the operations and their models.

`python -m services.api.openapi` writes it, `--check` says whether the committed one is current.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from services.api import views
from services.api.operations import OPERATIONS
from services.api.operations.operation import AnyOperation, NoBody
from services.core import documents, names
from services.core.domain.ledger import PERFORMER_POINTS, XP_PER_POINT
from services.core.domain.reports import MEASURES, Measure, SubjectKind
from services.core.domain.users import (
    DELETION_GRACE,
    OPEN_CLAIMS,
    OPEN_CLAIMS_TRUSTED,
    PASSWORD_MIN_LENGTH,
    TRUSTED_FROM,
    WELCOME_POINTS,
)
from services.core.domain.values import Model
from services.core.routes import ROUTES, Route
from services.core.stores.inbox import RETENTION

PATH = Path(__file__).with_name("openapi.json")
CONSTANTS = {
    "passwordMinLength": PASSWORD_MIN_LENGTH,
    "welcomePoints": WELCOME_POINTS,
    "xpPerPoint": XP_PER_POINT,
    "performerPoints": PERFORMER_POINTS,
    "openClaims": OPEN_CLAIMS,
    "openClaimsTrusted": OPEN_CLAIMS_TRUSTED,
    "trustedFrom": TRUSTED_FROM,
    "deletionGraceDays": DELETION_GRACE.days,
    "inboxDays": RETENTION.days,
    "measures": {kind: [measure for measure in Measure if measure in MEASURES[kind]] for kind in SubjectKind},
    "boardPath": f"/{names.BOARD_KEY}",
    "boardPagePath": f"/{documents.board_page_key('{name}')}",
    "questPath": f"/{documents.quest_key('{questId}')}",
}
"""Numbers of the domain that the app shows and addresses of documents that it reads: the document's `x-constants`."""
_REF = "#/components/schemas/{model}"
_PROBLEMS = {
    400: "The request cannot be understood",
    401: "No token, or not one of ours",
    403: "Not allowed; `code` says why",
    404: "Unknown",
    409: "The quest has moved on; with its status and the allowed actions now",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "Invalid input; `errors` names the fields",
    429: "Too often; see Retry-After",
    503: "The breaker is open or the data cannot be reached; see Retry-After",
}

_BY_GATEWAY = frozenset({401, 429, 503})
"""Statuses that API Gateway answers by itself too, in its own form."""


def document() -> dict[str, Any]:
    """The API as OpenAPI 3.1."""
    inputs: set[type[Model]] = {operation.query for operation in OPERATIONS.values()}
    inputs |= {operation.body for operation in OPERATIONS.values()} - {NoBody}
    outputs: set[type[Model]] = {operation.answer for operation in OPERATIONS.values()} | {
        views.Problem,
        views.GatewayProblem,
        documents.Board,
        documents.CardPage,
        documents.WordPage,
        documents.QuestDocument,
    }
    _, schemas = models_json_schema(
        [
            *((model, "validation") for model in sorted(inputs, key=lambda m: m.__name__)),
            *((model, "serialization") for model in sorted(outputs, key=lambda m: m.__name__)),
        ],
        by_alias=True,
        ref_template=_REF,
    )
    components = schemas["$defs"]
    paths: dict[str, dict[str, Any]] = {}
    for route in ROUTES:
        operation = OPERATIONS[route.operation]
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, operation, components)
    for name in {operation.query.__name__ for operation in OPERATIONS.values()}:
        del components[name]
    return {
        "openapi": "3.1.0",
        "info": {"title": "CivicForge", "version": "1", "description": "Quests, attestations and rewards."},
        "servers": [{"url": "/"}],
        "x-constants": CONSTANTS,
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {"member": {"type": "http", "scheme": "bearer", "bearerFormat": "Cognito access token"}},
        },
    }


def _operation(route: Route, operation: AnyOperation, components: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": route.operation,
        "summary": operation.summary,
        "security": [] if route.public else [{"member": []}],
        "parameters": _parameters(route, operation, components),
        "responses": {
            str(operation.status): {
                "description": operation.summary,
                "content": {"application/json": _schema(operation.answer)},
            },
            **{str(status): _problem(status) for status in sorted(operation.errors(public=route.public))},
        },
    }
    if operation.takes_body:
        described["requestBody"] = {"required": True, "content": {"application/json": _schema(operation.body)}}
    return described


def _problem(status: int) -> dict[str, Any]:
    content = {"application/problem+json": _schema(views.Problem)}
    if status in _BY_GATEWAY:
        content["application/json"] = _schema(views.GatewayProblem)
    return {"description": _PROBLEMS[status], "content": content}


def _schema(model: type[Model]) -> dict[str, Any]:
    return {"schema": {"$ref": _REF.format(model=model.__name__)}}


def _parameters(route: Route, operation: AnyOperation, components: dict[str, Any]) -> list[dict[str, Any]]:
    parameters = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in re.findall(r"{(\w+)}", route.path)
    ]
    schema = components[operation.query.__name__]
    parameters += [
        {"name": name, "in": "query", "required": name in schema.get("required", []), "schema": field}
        for name, field in schema.get("properties", {}).items()
    ]
    if operation.idempotency_key:
        parameters.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": "^[!-~]+$"},
            }
        )
    if operation.if_match:
        parameters.append(
            {
                "name": "If-Match",
                "in": "header",
                "required": False,
                "description": "The version that the caller looked at; 409 names the fields that were edited since.",
                "schema": {"type": "string"},
            }
        )
    return parameters


def main(arguments: list[str]) -> int:
    """Writes the document, or with --check compares it; 0 is success."""
    text = json.dumps(document(), indent=1) + "\n"
    if arguments == ["--check"]:
        current = PATH.exists() and PATH.read_text() == text
        if not current:
            sys.stderr.write("services/api/openapi.json is stale: run `make generate` and commit it.\n")
        return 0 if current else 1
    PATH.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
