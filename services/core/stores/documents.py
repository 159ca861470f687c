"""The published documents in the site's bucket: every write is conditional on what the writer had read.

S3 has no transactions over objects, and several publishers may work at once. A document is therefore written in this
order: its ETag is read, then the tables, then it is written if it still has that ETag. Whoever read the tables before
a change cannot overwrite what was published after it, and begins again. A document that does not exist yet gets a
placeholder first, so that one that is taken away meanwhile cannot be put back by a writer who does not know of it.
"""

import random
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from services.core.documents import CACHE_CONTROL
from services.core.stores.dynamo import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

Body = bytes | None
"""A document's content; None for one that is not there or is not to be."""

_ATTEMPTS: Final = 10
_CONFLICTS: Final = frozenset({"PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey", "404", "409", "412"})
"""Refusals of a conditional write: the object was changed or deleted meanwhile."""
_MISSING: Final = frozenset({"NoSuchKey", "404"})
_TRANSIENT: Final = frozenset({"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "500", "503"})
_PLACEHOLDER: Final = b"<!-- not published yet: "
"""Start of a placeholder. A random id follows, which makes its ETag unique, and markup that reloads the page."""
_PLACEHOLDER_END: Final = b' --><meta http-equiv="refresh" content="1">'
_TYPES: Final = {"json": "application/json", "html": "text/html; charset=utf-8"}


class ConcurrentWriteError(Exception):
    """Another publisher was faster."""


class DocumentStore:
    """Reads and writes documents. Every method raises StoreUnavailableError when S3 does not answer."""

    def __init__(self, client: "S3Client", bucket: str, sleep: Callable[[float], None] = time.sleep) -> None:
        self._client, self._bucket, self._sleep = client, bucket, sleep

    def read(self, key: str) -> Body:
        """The content of a document."""
        body, _ = self._get(key)
        return body

    def etags(self, prefix: str, after: str = "") -> Iterator[tuple[str, str]]:
        """The key of every document, in order from behind `after` on, and its ETag: the MD5 of its content, in
        hexadecimal digits.
        """
        more: Any = {"StartAfter": after} if after else {}
        while True:
            answer = self._call(self._client.list_objects_v2, Bucket=self._bucket, Prefix=prefix, **more)
            for item in answer.get("Contents", []):
                yield item["Key"], item["ETag"].strip('"')
            if not answer.get("IsTruncated"):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    def rewrite(self, key: str, make: Callable[[Body], Body]) -> bool:
        """Bring a document up to date.

        Args:
            make: gets the current content and returns the one that there should be. It must read what it decides by
                when it is called, not before; it may be called several times, and raises ConcurrentWriteError to be
                called again.

        Returns:
            Whether anything changed.
        """
        for attempt in range(_ATTEMPTS):
            try:
                return self._rewrite(key, make)
            except ConcurrentWriteError:
                self._sleep(random.uniform(0, 0.05 * 2 ** min(attempt, 6)))  # noqa: S311  # jitter, not a secret
        raise StoreUnavailableError(f"{key} was rewritten by others {_ATTEMPTS} times")

    def create(self, key: str, body: bytes) -> None:
        """Write a document that is not there yet. Raises ConcurrentWriteError if it is."""
        self._put(key, body, IfNoneMatch="*")

    def delete(self, key: str) -> None:
        """Delete a document that nothing names any more, if it is there."""
        _, etag = self._get(key)
        if etag is not None:
            with suppress(ConcurrentWriteError):  # somebody else deleted it
                self._write(self._client.delete_object, Bucket=self._bucket, Key=key, IfMatch=etag)

    def _rewrite(self, key: str, make: Callable[[Body], Body]) -> bool:
        before, etag = self._get(key)
        if etag is None:
            if make(None) is None:
                return False
            placeholder = _PLACEHOLDER + uuid.uuid4().hex.encode() + _PLACEHOLDER_END
            etag = self._put(key, placeholder, IfNoneMatch="*", CacheControl="no-store")
        after = make(before)
        if after is None:
            self._write(self._client.delete_object, Bucket=self._bucket, Key=key, IfMatch=etag)
        elif after == before:
            return False
        else:
            self._put(key, after, IfMatch=etag)
        return True

    def _get(self, key: str) -> tuple[Body, str | None]:
        try:
            answer = self._call(self._client.get_object, Bucket=self._bucket, Key=key)
            body = answer["Body"].read()
            return None if body.startswith(_PLACEHOLDER) else body, answer["ETag"]
        except ClientError as error:
            if error.response["Error"]["Code"] in _MISSING:
                return None, None
            raise
        except BotoCoreError as error:
            raise StoreUnavailableError(str(error)) from error

    def _put(self, key: str, body: bytes, **options: Any) -> str:
        answer = self._write(
            self._client.put_object,
            Bucket=self._bucket,
            Key=key,
            Body=body,
            ContentType=_TYPES[key.rpartition(".")[2]],
            **{"CacheControl": CACHE_CONTROL, **options},
        )
        return str(answer["ETag"])

    def _write(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        try:
            return self._call(operation, **arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] in _CONFLICTS:
                raise ConcurrentWriteError from error
            raise

    def _call(self, operation: Callable[..., Any], **arguments: Any) -> Any:
        """Raises ClientError for what an answer says, and StoreUnavailableError if there is none."""
        try:
            return operation(**arguments)
        except ClientError as error:
            if error.response["Error"]["Code"] in _TRANSIENT:
                raise StoreUnavailableError(str(error)) from error
            raise
        except BotoCoreError as error:
            raise StoreUnavailableError(str(error)) from error
