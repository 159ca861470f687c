"""The API explorer: a form for each operation of `openapi.json`, sent through the front door as a member."""

import http.client
import json
import time
import urllib.parse
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from localcloud.console.data_sources import StageView, pretty
from services.core.parameters import USER_POOL_CLIENT_ID, USER_POOL_ID

DOCUMENT: Final = Path(__file__).resolve().parents[2] / "services" / "api" / "openapi.json"
SECONDS: Final = 30
MOST_MEMBERS: Final = 60
_METHODS: Final = ("get", "post", "put", "patch", "delete")
_DEPTH: Final = 4

Query = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Parameter:
    """A parameter of an operation; `place` is path, query or header."""

    name: str
    place: str
    required: bool


@dataclass(frozen=True)
class Operation:
    """An operation of the API; `body` is one to begin with, None if it takes none."""

    id: str
    method: str
    path: str
    summary: str
    parameters: tuple[Parameter, ...]
    body: str | None


@dataclass(frozen=True)
class Answer:
    """The API's answer to a request."""

    status: int
    milliseconds: float
    request_id: str
    headers: str
    body: str


@cache
def operations() -> tuple[Operation, ...]:
    """All operations, in the document's order."""
    return tuple(_operations(json.loads(DOCUMENT.read_text(encoding="utf-8"))))


def _operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        for method in (method for method in _METHODS if method in item):
            declared = item[method]
            parameters = [*item.get("parameters", []), *declared.get("parameters", [])]
            content = declared.get("requestBody", {}).get("content", {})
            schema = next((kind["schema"] for kind in content.values()), None)
            yield Operation(
                declared["operationId"],
                method.upper(),
                path,
                declared.get("summary", ""),
                tuple(Parameter(one["name"], one["in"], bool(one.get("required"))) for one in parameters),
                None if schema is None else pretty(_example(schema, document, _DEPTH)),
            )


def _example(schema: Mapping[str, Any], document: Mapping[str, Any], depth: int) -> Any:
    """A value of the schema's form: what is needed, with examples and defaults where it has them."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    for key in ("example", "const", "default"):
        if key in schema:
            return schema[key]
    for key in ("examples", "enum"):
        if schema.get(key):
            return schema[key][0]
    options = schema.get("anyOf") or schema.get("oneOf")
    if options:
        return _example(options[0], document, depth)
    kind = schema.get("type")
    if kind == "object":
        needed = schema.get("required", [])
        known = schema.get("properties", {})
        return {name: _example(known[name], document, depth - 1) for name in needed if name in known and depth}
    return {"array": [], "boolean": False, "integer": schema.get("minimum", 1), "string": ""}.get(str(kind))


def page(stage: StageView, query: Query) -> dict[str, Any]:
    """The values of the page: the chosen operation, who may be signed in, nothing sent yet."""
    wanted = query.get("operation", [""])[0]
    chosen = next((one for one in operations() if one.id == wanted), operations()[0])
    members = list(_members(stage))
    member = query.get("member", [""])[0]
    return {
        "operations": operations(), "operation": chosen, "members": members, "answer": None,
        "member": member if member in members else "", "given": {name: values[0] for name, values in query.items()},
    }  # fmt: skip


def sent(stage: StageView, form: Query) -> dict[str, Any]:
    """The values of the page after the form's request was sent."""
    values = page(stage, form)
    return {**values, "answer": _send(stage, values["operation"], values["member"], values["given"])}


def _members(stage: StageView) -> Iterator[str]:
    """The addresses of confirmed members, oldest first: seeded ones come first."""
    pool = stage.parameter(USER_POOL_ID.key)
    found = stage.client("cognito-idp").list_users(UserPoolId=pool, Limit=MOST_MEMBERS)["Users"]
    for user in sorted(found, key=lambda user: user["UserCreateDate"]):
        address = {one["Name"]: one["Value"] for one in user["Attributes"]}.get("email")
        if address and user["UserStatus"] == "CONFIRMED":
            yield address


def _send(stage: StageView, operation: Operation, member: str, given: Mapping[str, str]) -> Answer:
    values = {(one.place, one.name): given.get(f"{one.place}:{one.name}", "") for one in operation.parameters}
    path = operation.path
    for (place, name), value in values.items():
        if place == "path":
            path = path.replace(f"{{{name}}}", urllib.parse.quote(value, safe=""))
    query = {name: value for (place, name), value in values.items() if place == "query" and value}
    headers = {name: value for (place, name), value in values.items() if place == "header" and value}
    headers |= {"Host": stage.host, "X-Request-Id": str(uuid.uuid4()), "Accept": "application/json"}
    if any(one.name == "Idempotency-Key" for one in operation.parameters):
        headers.setdefault("Idempotency-Key", uuid.uuid4().hex)
    if member:
        ids = stage.parameter(USER_POOL_ID.key), stage.parameter(USER_POOL_CLIENT_ID.key)
        headers["Authorization"] = f"Bearer {stage.emulator.access_token(*ids, member)}"
    body = None if operation.body is None else given.get("body", "").encode()
    if body is not None:
        headers["Content-Type"] = "application/json"
    started = time.monotonic()
    connection = http.client.HTTPConnection("127.0.0.1", stage.emulator.front_port, timeout=SECONDS)
    try:
        address = f"{path}?{urllib.parse.urlencode(query)}" if query else path
        connection.request(operation.method, address, body, headers)
        response = connection.getresponse()
        text = response.read().decode("utf-8", "replace")
    except (OSError, ValueError, http.client.HTTPException) as error:
        return Answer(599, 0, headers["X-Request-Id"], "", f"Not sent: {error}")
    finally:
        connection.close()
    request_id = response.getheader("x-request-id") or headers["X-Request-Id"]
    milliseconds = (time.monotonic() - started) * 1000
    all_headers = "\n".join(f"{name}: {value}" for name, value in response.getheaders())
    return Answer(response.status, milliseconds, request_id, all_headers, _pretty(text))


def _pretty(text: str) -> str:
    try:
        return pretty(json.loads(text))
    except ValueError:
        return text
