"""Requests as a browser makes them, with the time that each took."""

import json
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any, Final
from urllib.parse import urlsplit

from services.core.aws_json import ROOTS

SECONDS: Final = 10
"""Time after which a request has failed; people do not wait as long."""


class UnexpectedError(Exception):
    """Something did not answer, or not as it should."""


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes

    def json(self) -> Any:
        """The document. Raises UnexpectedError for what is no JSON."""
        try:
            return json.loads(self.body)
        except ValueError:
            raise UnexpectedError("the answer is no JSON") from None


class Web:
    """A client of one address. It keeps no connection: each request tries the whole way."""

    def __init__(self, address: str) -> None:
        self._scheme, self._host, self._path, *_ = urlsplit(address.rstrip("/"))
        self.valid_until: datetime | None = None
        """End of the certificate that the last request met; None if there is none."""

    def ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """The answer of whatever status below 400. Raises UnexpectedError."""
        sent = json.dumps(body).encode() if body is not None else None
        typed = {"Content-Type": "application/json"} if body is not None else {}
        connection = self._connection()
        try:
            connection.request(method, self._path + path, sent, {**typed, **(headers or {})})
            self._note_certificate(connection)
            found = connection.getresponse()
            answer = Answer(found.status, found.read())
        except (OSError, HTTPException) as error:
            raise UnexpectedError(f"{method} {path}: {type(error).__name__}: {error}") from error
        finally:
            connection.close()
        if answer.status >= 400:
            raise UnexpectedError(
                f"{method} {path} answers {answer.status}: {answer.body[:200].decode(errors='replace')}"
            )
        return answer

    def _connection(self) -> HTTPConnection:
        if self._scheme == "http":
            return HTTPConnection(self._host, timeout=SECONDS)
        # What CloudFront and Cognito show is signed by Amazon; another signature is somebody else's.
        return HTTPSConnection(self._host, timeout=SECONDS, context=ssl.create_default_context(cafile=ROOTS))

    def _note_certificate(self, connection: HTTPConnection) -> None:
        if isinstance(connection.sock, ssl.SSLSocket):
            ends = (connection.sock.getpeercert() or {}).get("notAfter")
            self.valid_until = datetime.fromtimestamp(ssl.cert_time_to_seconds(str(ends)), UTC) if ends else None


def milliseconds_since(started: float) -> float:
    """Time since a reading of `time.perf_counter`."""
    return round((time.perf_counter() - started) * 1000, 1)
