"""The HTTP API in front of the api Lambda, as a WSGI application: routes, tokens, query strings, base64 bodies."""

import base64
import json
import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, unquote

from services.api.openapi import document
from services.core.routes import ROUTES, Route
from tests.unit.services.cloud import CLIENT_ID, Api

DOCUMENT_PATH = "/openapi.json"
StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def _pattern(route: Route) -> re.Pattern[str]:
    return re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", route.path))


_ROUTES = [(route, _pattern(route)) for route in ROUTES]


class Gateway:
    """`tokens` maps each bearer token that is valid to its claims. The document is there before the api is."""

    def __init__(self, tokens: dict[str, dict[str, Any]]) -> None:
        self.api: Api | None = None
        self._tokens = tokens

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        """Answers one request by WSGI (PEP 3333)."""
        status, headers, body = self._answer(environ)
        start_response(f"{status} {HTTPStatus(status).phrase}", [*headers.items()])
        return [body.encode()]

    def _answer(self, environ: dict[str, Any]) -> tuple[int, dict[str, str], str]:
        path = environ["PATH_INFO"].encode("latin-1").decode(errors="replace")
        if path == DOCUMENT_PATH:
            return 200, {"content-type": "application/json"}, json.dumps(document())
        found = ((route, match) for route, pattern in _ROUTES if (match := pattern.fullmatch(path)))
        routes = {route.method: (route, match) for route, match in found}
        if environ["REQUEST_METHOD"] not in routes:
            return _refused(404, "Not Found")
        route, match = routes[environ["REQUEST_METHOD"]]
        claims = self._tokens.get(environ.get("HTTP_AUTHORIZATION", "").removeprefix("Bearer "))
        if not route.public and claims is None:
            return _refused(401, "Unauthorized")
        parameters = {name: unquote(value) for name, value in match.groupdict().items()}
        assert self.api, "no test has set the api"
        answer = self.api.app(_event(route, parameters, environ, None if route.public else claims))
        return answer["statusCode"], answer["headers"], answer["body"]


def _refused(status: int, message: str) -> tuple[int, dict[str, str], str]:
    return status, {"content-type": "application/json"}, json.dumps({"message": message})


def _event(
    route: Route, parameters: dict[str, str], environ: dict[str, Any], claims: dict[str, Any] | None
) -> dict[str, Any]:
    headers = {key[5:].replace("_", "-").lower(): value for key, value in environ.items() if key.startswith("HTTP_")}
    if environ.get("CONTENT_TYPE"):
        headers["content-type"] = environ["CONTENT_TYPE"]
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    query: dict[str, str] = {}
    for name, value in parse_qsl(environ.get("QUERY_STRING", ""), keep_blank_values=True):
        query[name] = f"{query[name]},{value}" if name in query else value
    context: dict[str, Any] = {"http": {"method": route.method}, "requestId": "gw-request-1"}
    if claims:
        context["authorizer"] = {"jwt": {"claims": claims}}
    return {
        "version": "2.0",
        "routeKey": route.key,
        "headers": headers,
        "requestContext": context,
        "pathParameters": parameters,
        "queryStringParameters": query,
        "body": base64.b64encode(body).decode() if body else None,
        "isBase64Encoded": bool(body),
    }


def claims(who: str, groups: str = "") -> dict[str, Any]:
    """The claims of a member's access token, as the gateway hands them on."""
    return {"sub": who, "token_use": "access", "client_id": CLIENT_ID, "cognito:groups": groups}
