"""The site's bucket: S3's answers to what the publisher asks, over the model of the unit tests."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.exceptions import ClientError

from services.core.names import PUBLISHED
from tests.unit.services.bucket import Bucket

Request = dict[str, Any]
_OPERATIONS = {"GET": "GetObject", "PUT": "PutObject", "DELETE": "DeleteObject"}


def parse(method: str, url: str, headers: Mapping[str, Any], body: bytes) -> tuple[str, Request]:
    """The operation and its parameters, of a request to `https://{bucket}.s3...` or `https://s3.../{bucket}`."""
    parts, text = urlsplit(url), {name.lower(): _text(value) for name, value in headers.items()}
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    if "list-type" in query:
        places = {"ContinuationToken": "continuation-token", "StartAfter": "start-after"}
        place = {name: query[key] for name, key in places.items() if key in query}
        return "ListObjectsV2", {"Prefix": query["prefix"], **place}
    conditions = {"IfMatch": text.get("if-match"), "IfNoneMatch": text.get("if-none-match")}
    path = unquote(parts.path)  # with the bucket or without, as botocore likes
    request = {"Key": path[path.index(PUBLISHED) :], **{name: value for name, value in conditions.items() if value}}
    return _OPERATIONS[method], {**request, **({"Body": body.decode()} if method == "PUT" else {})}


def _text(value: object) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def carry_out(bucket: Bucket, operation: str, request: Request) -> tuple[int, bytes]:
    """Status and, as JSON, what `answer` writes."""
    if "Body" in request:
        request = {**request, "Body": request["Body"].encode()}
    try:
        match operation:
            case "GetObject":
                found = bucket.get_object(Bucket="", **request)
                return 200, json.dumps({"ETag": found["ETag"], "Body": found["Body"].read().decode()}).encode()
            case "PutObject":
                return 200, json.dumps(bucket.put_object(Bucket="", **request)).encode()
            case "DeleteObject":
                bucket.delete_object(Bucket="", **request)
                return 204, b"{}"
            case _:
                return 200, json.dumps(bucket.list_objects_v2(Bucket="", **request)).encode()
    except ClientError as error:
        code = error.response["Error"]["Code"]
        return error.response["ResponseMetadata"]["HTTPStatusCode"], json.dumps({"message": code}).encode()


def answer(operation: str, status: int, content: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and body as S3 writes them; what is no JSON goes through as it is."""
    try:
        document = json.loads(content)
    except ValueError:
        return {"content-type": "text/html"}, content
    if status >= 300:
        code = escape({"InternalServerError": "InternalError"}.get(document["message"], document["message"]))
        return {"content-type": "application/xml"}, f"<Error><Code>{code}</Code></Error>".encode()
    if operation == "ListObjectsV2":
        return {"content-type": "application/xml"}, _listing(document)
    headers = {"etag": document["ETag"]} if "ETag" in document else {}
    return headers, document.get("Body", "").encode()


def _listing(document: Mapping[str, Any]) -> bytes:
    items = "".join(
        f"<Contents><Key>{escape(item['Key'])}</Key><ETag>{escape(item['ETag'])}</ETag></Contents>"
        for item in document["Contents"]
    )
    more = document.get("NextContinuationToken", "")
    token = f"<NextContinuationToken>{escape(more)}</NextContinuationToken>" if more else ""
    truncated = str(document["IsTruncated"]).lower()
    return f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{token}{items}</ListBucketResult>".encode()
