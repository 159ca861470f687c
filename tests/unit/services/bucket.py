"""A model of an S3 bucket with conditional writes; tests/platform holds the emulator to the same answers."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError

PAGE = 3
"""Keys in one page of a listing."""


def refused(operation: str, code: str, status: int) -> ClientError:
    """S3's refusal."""
    response: Any = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(response, operation)


@dataclass
class Bucket:
    """The calls of a client. `before` is told of each one, and may do something else first or raise."""

    objects: dict[str, bytes] = field(default_factory=dict)
    before: Callable[[str, str], None] = lambda _operation, _key: None
    history: list[tuple[str, bytes | None]] = field(default_factory=list)
    """Every change: a key and its new content, None for a deletion."""

    def etag(self, key: str) -> str:
        """S3's ETag of an object that was put as a whole."""
        return f'"{hashlib.md5(self.objects[key], usedforsecurity=False).hexdigest()}"'

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self.before("GetObject", Key)
        if Key not in self.objects:
            raise refused("GetObject", "NoSuchKey", 404)
        return {"Body": io.BytesIO(self.objects[Key]), "ETag": self.etag(Key)}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, **rest: Any) -> dict[str, Any]:  # noqa: N803
        self.before("PutObject", Key)
        self._check("PutObject", Key, rest)
        if rest.get("IfNoneMatch") == "*" and Key in self.objects:
            raise refused("PutObject", "PreconditionFailed", 412)
        self.objects[Key] = Body
        self.history.append((Key, Body))
        return {"ETag": self.etag(Key)}

    def delete_object(self, *, Bucket: str, Key: str, **rest: Any) -> dict[str, Any]:  # noqa: N803
        self.before("DeleteObject", Key)
        if Key in self.objects:
            self._check("DeleteObject", Key, rest)
            del self.objects[Key]
            self.history.append((Key, None))
        return {}

    def list_objects_v2(self, *, Bucket: str, Prefix: str, **rest: str) -> dict[str, Any]:  # noqa: N803
        self.before("ListObjectsV2", Prefix)
        after = rest.get("ContinuationToken") or rest.get("StartAfter", "")
        keys = sorted(key for key in self.objects if key.startswith(Prefix) and key > after)
        page = keys[:PAGE]
        more = {"IsTruncated": True, "NextContinuationToken": page[-1]} if len(keys) > PAGE else {"IsTruncated": False}
        return {"Contents": [{"Key": key, "ETag": self.etag(key)} for key in page], **more}

    def _check(self, operation: str, key: str, rest: dict[str, Any]) -> None:
        if (wanted := rest.get("IfMatch")) is None:
            return
        if key not in self.objects:
            raise refused(operation, "NoSuchKey", 404)
        if wanted != self.etag(key):
            raise refused(operation, "PreconditionFailed", 412)
