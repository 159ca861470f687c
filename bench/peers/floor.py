"""The floor: a dict of routes and DynamoDB over a socket, signed by hand. No checks, no errors: what must be done."""

import hashlib
import hmac
import html
import http.client
import json
import os
import ssl
import time
import uuid
from collections.abc import Callable
from typing import Any

REGION = os.environ["AWS_REGION"]
HOST = f"dynamodb.{REGION}.amazonaws.com"
QUESTS, USERS = os.environ["QUESTS_TABLE"], os.environ["USERS_TABLE"]

Json = dict[str, Any]


def send(headers: dict[str, str], body: bytes) -> bytes:
    """One request on a connection that stays open; the probe puts its stub here."""
    connection = _connections.get(HOST)
    if connection is None:
        context = ssl.create_default_context()
        connection = _connections[HOST] = http.client.HTTPSConnection(HOST, context=context)
    connection.request("POST", "/", body, headers)
    return connection.getresponse().read()


_connections: dict[str, http.client.HTTPSConnection] = {}


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _signed(target: str, body: bytes) -> dict[str, str]:
    """Headers by Signature Version 4."""
    now = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    day, scope = now[:8], f"{now[:8]}/{REGION}/dynamodb/aws4_request"
    headers = {"content-type": "application/x-amz-json-1.0", "host": HOST, "x-amz-date": now, "x-amz-target": target}
    names = ";".join(headers)
    canonical = "".join(f"{name}:{value}\n" for name, value in headers.items())
    request = f"POST\n/\n\n{canonical}\n{names}\n{hashlib.sha256(body).hexdigest()}"
    key = f"AWS4{os.environ['AWS_SECRET_ACCESS_KEY']}".encode()
    for part in (day, REGION, "dynamodb", "aws4_request"):
        key = _hmac(key, part)
    text = f"AWS4-HMAC-SHA256\n{now}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
    credential = f"Credential={os.environ['AWS_ACCESS_KEY_ID']}/{scope}"
    signature = _hmac(key, text).hex()
    headers["authorization"] = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders={names}, Signature={signature}"
    return headers


def _call(operation: str, **arguments: Any) -> Json:
    body = json.dumps(arguments).encode()
    answer: Json = json.loads(send(_signed(f"DynamoDB_20120810.{operation}", body), body))
    return answer


def _plain(value: Json) -> Any:
    ((kind, content),) = value.items()
    if kind == "N":
        return int(content)
    return [_plain(part) for part in content] if kind == "L" else content


def _item(item: Json) -> Json:
    return {name: _plain(value) for name, value in item.items()}


def _user(event: Json) -> str:
    return str(event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"])


def _quest_id(event: Json) -> str:
    return str(event["pathParameters"]["questId"])


def _health(_: Json) -> Json:
    return {"status": "ok"}


def _list(_: Json) -> Json:
    page = _call("Query", TableName=QUESTS, IndexName="board2", ScanIndexForward=False, Limit=20)
    return {"items": [_item(item) for item in page["Items"]]}


def _get(event: Json) -> Json:
    return _item(_call("GetItem", TableName=QUESTS, Key={"questId": {"S": _quest_id(event)}})["Item"])


def _create(event: Json) -> Json:
    quest = json.loads(event["body"])
    quest |= {"questId": uuid.uuid4().hex, "requestorId": _user(event), "status": "OPEN"}
    quest["description"] = html.escape(quest["description"])
    item = {name: {"S": value} for name, value in quest.items() if isinstance(value, str)}
    _call("PutItem", TableName=QUESTS, Item=item)
    return dict(quest)


def _claim(event: Json) -> Json:
    values = {":user": {"S": _user(event)}}
    key = {"questId": {"S": _quest_id(event)}}
    answer = _call("UpdateItem", TableName=QUESTS, Key=key, ExpressionAttributeValues=values, ReturnValues="ALL_NEW")
    return _item(answer["Attributes"])


def _me(event: Json) -> Json:
    return _item(_call("GetItem", TableName=USERS, Key={"userId": {"S": _user(event)}})["Item"])


ROUTES: dict[str, Callable[[Json], Json]] = {
    "GET /api/health": _health,
    "GET /api/v1/quests": _list,
    "GET /api/v1/quests/{questId}": _get,
    "POST /api/v1/quests": _create,
    "POST /api/v1/quests/{questId}/claim": _claim,
    "GET /api/v1/me": _me,
}


def handler(event: Json, _context: object) -> Json:
    """Answers an event of payload format 2.0."""
    body = json.dumps(ROUTES[event["routeKey"]](event))
    return {"statusCode": 200, "headers": {"content-type": "application/json"}, "body": body}
