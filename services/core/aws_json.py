"""A client of AWS's JSON services: signed requests over one connection that stays open, as botocore makes them.

botocore takes a third of a cold start and two thirds of a warm request; the Lambdas' hot path uses a few operations of
three services. It stays the reference: `tests/contract/test_aws_json.py` compares requests, errors and checksums.
Nothing is retried here but by `retried`, and no call waits longer than `within` leaves it.
"""

import hashlib
import hmac
import json
import os
import select
import socket
import sys
import time
import uuid
import zlib
from _thread import allocate_lock
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from math import inf
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")

ATTEMPTS = 3
"""Attempts of a request in all."""
CONNECT_SECONDS, READ_SECONDS = 0.5, 2.0
"""The longest waits for a connection and for an answer."""
_PAUSE = 0.05
"""Seconds; the longest pause before the second attempt. It doubles for the next one."""

TRANSIENT = frozenset(
    {
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
        "RequestThrottled",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "InternalServerError",
        "ServiceUnavailable",
    }
)
"""Error codes, also of a cancelled transaction's reasons, after which a later attempt may succeed."""


class _Service(NamedTuple):
    target: str
    content_type: str


_SERVICES: Mapping[str, _Service] = {
    "dynamodb": _Service("DynamoDB_20120810", "application/x-amz-json-1.0"),
    "sqs": _Service("AmazonSQS", "application/x-amz-json-1.0"),
    "ssm": _Service("AmazonSSM", "application/x-amz-json-1.1"),
}


class RefusedError(Exception):
    """AWS refused; `response` has the form that botocore gives its ClientError."""

    def __init__(self, operation: str, response: dict[str, Any]) -> None:
        error = response["Error"]
        super().__init__(f"{operation} was refused: {error['Code']}: {error['Message']}")
        self.response = response


class NoAnswerError(Exception):
    """AWS did not answer in time, or not with what can be read; the request may have taken effect."""


# --- the time that is left ---

_deadline: ContextVar[float] = ContextVar("deadline", default=inf)


def seconds_left() -> float:
    """Seconds that calls of AWS may still take; infinite outside `within`."""
    deadline = _deadline.get()
    return deadline - time.monotonic() if deadline != inf else inf


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Bounds the time that all calls inside take together, retries and pauses included."""
    token = _deadline.set(min(_deadline.get(), time.monotonic() + seconds))
    try:
        yield
    finally:
        _deadline.reset(token)


def read_seconds() -> float:
    """Seconds to wait for the next answer: half of what is left, so that another attempt fits behind it."""
    return min(READ_SECONDS, seconds_left() / 2) if _deadline.get() != inf else READ_SECONDS


# --- errors and retries, for this client and for botocore's ---


def refusal(error: BaseException) -> Mapping[str, Any] | None:
    """The answer of AWS in an error of this client or of botocore; None for any other error."""
    response = getattr(error, "response", None)
    return response if isinstance(response, dict) and "Error" in response else None


def is_unanswered(error: BaseException) -> bool:
    """True if AWS did not answer; also for botocore's own errors, where botocore is loaded at all."""
    botocore = sys.modules.get("botocore.exceptions")
    return isinstance(error, NoAnswerError) or (botocore is not None and isinstance(error, botocore.BotoCoreError))


def is_transient(error: BaseException) -> bool:
    """True if a later attempt may succeed. Any 5xx counts, as a load balancer's that has no code of AWS."""
    response = refusal(error)
    if response is None:
        return is_unanswered(error)
    code = response["Error"].get("Code")
    if code == "TransactionCanceledException":
        codes = {reason.get("Code") for reason in response.get("CancellationReasons", [])}
        return "ConditionalCheckFailed" not in codes and not codes.isdisjoint(TRANSIENT)
    return code in TRANSIENT or response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= 500


def retried(operation: Callable[..., T], **arguments: Any) -> T:
    """Calls AWS up to ATTEMPTS times while errors are transient and time is left; a transaction takes effect once.

    Raises the last error.
    """
    if "TransactItems" in arguments:
        arguments.setdefault("ClientRequestToken", str(uuid.uuid4()))
    for attempt in range(1, ATTEMPTS):
        try:
            return operation(**arguments)
        except Exception as error:
            pause = _jitter(_PAUSE * 2 ** (attempt - 1))
            if not is_transient(error) or pause >= seconds_left():
                raise
        time.sleep(pause)
    return operation(**arguments)


def _jitter(most: float) -> float:
    import random  # here, since most processes never retry

    return random.uniform(0, most)  # noqa: S311  # no secret


# --- Signature Version 4 ---


class Credentials(NamedTuple):
    """A role's keys; `token` is empty for keys that do not expire."""

    key_id: str
    secret: str
    token: str

    @classmethod
    def of_environment(cls) -> "Credentials":
        """Those that Lambda gives a function."""
        environ = os.environ
        return cls(environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], environ.get("AWS_SESSION_TOKEN", ""))


class Signer:
    """Signs POST requests of the path `/` for one service of a region (AWS Signature Version 4)."""

    def __init__(self, region: str, service: str) -> None:
        self._region, self._service = region, service
        self._key_of: tuple[str, str] = "", ""
        self._key = b""

    def authorization(self, headers: Mapping[str, str], body: bytes, credentials: Credentials) -> str:
        """The Authorization header; the names of `headers` are in lower case, and `x-amz-date` is among them."""
        moment = headers["x-amz-date"]
        names = sorted(headers)
        signed = ";".join(names)
        canonical = "".join([f"{name}:{headers[name]}\n" for name in names])
        request = f"POST\n/\n\n{canonical}\n{signed}\n{hashlib.sha256(body).hexdigest()}"
        scope = f"{moment[:8]}/{self._region}/{self._service}/aws4_request"
        text = f"AWS4-HMAC-SHA256\n{moment}\n{scope}\n{hashlib.sha256(request.encode()).hexdigest()}"
        signature = hmac.digest(self._signing_key(moment[:8], credentials.secret), text.encode(), "sha256").hex()
        return (
            f"AWS4-HMAC-SHA256 Credential={credentials.key_id}/{scope}, SignedHeaders={signed}, Signature={signature}"
        )

    def _signing_key(self, day: str, secret: str) -> bytes:
        if self._key_of != (day, secret):
            key = f"AWS4{secret}".encode()
            for part in (day, self._region, self._service, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._key_of, self._key = (day, secret), key
        return self._key


# --- HTTP ---


class HttpAnswer(NamedTuple):
    """An answer; the names of `headers` are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


ROOTS = Path(__file__).with_name("amazon_roots.pem")
"""The certificates of Amazon Trust Services; loading the usual 120 costs a cold start 20 ms."""


class Connection:
    """One HTTP/1.1 connection, opened with the first request and again where the other side has closed it."""

    def __init__(self, host: str, port: int, *, tls: bool) -> None:
        self._host, self._port, self._tls = host, port, tls
        self._context: Any = None
        self._socket: Any = None
        self._file: Any = None

    def exchange(self, request: bytes) -> HttpAnswer:
        """Sends a request and reads its answer. Raises OSError and ValueError; the connection is closed then."""
        try:
            if self._socket is None or self._is_closed_by_peer():
                self._open()
            self._socket.settimeout(_positive(read_seconds()))
            self._socket.sendall(request)
            return self._read()
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._socket is not None:
            self._file.close()
            self._socket.close()
        self._socket = self._file = None

    def _is_closed_by_peer(self) -> bool:
        """True if an idle connection has something to read, which can only be its end."""
        return bool(select.select([self._socket], [], [], 0)[0])

    def _open(self) -> None:
        self.close()
        made: Any = socket.create_connection((self._host, self._port), _positive(min(CONNECT_SECONDS, seconds_left())))
        try:
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._tls:
                made = self._tls_context().wrap_socket(made, server_hostname=self._host)
        except BaseException:
            made.close()
            raise
        self._socket, self._file = made, made.makefile("rb")

    def _tls_context(self) -> Any:
        if self._context is None:
            import ssl  # here, since the local cloud speaks plain HTTP

            self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            self._context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._context.load_verify_locations(os.environ.get("AWS_CA_BUNDLE") or ROOTS)
        return self._context

    def _read(self) -> HttpAnswer:
        line = self._line()
        if not line:
            raise ConnectionResetError("closed before an answer")
        status, headers = int(line.split(b" ", 2)[1]), {}
        while line := self._line():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        if headers.get("transfer-encoding", "").lower() == "chunked":
            body = b"".join(self._chunks())
        else:
            body = self._exactly(int(headers["content-length"]))
        if headers.get("connection", "").lower() == "close":
            self.close()
        return HttpAnswer(status, headers, body)

    def _line(self) -> bytes:
        """A line without its end. Raises ValueError for one that is too long or cut off."""
        line: bytes = self._file.readline(65_536)
        if line and not line.endswith(b"\n"):
            raise ValueError("a line of the answer does not end")
        return line.rstrip(b"\r\n")

    def _exactly(self, size: int) -> bytes:
        body: bytes = self._file.read(size)
        if len(body) != size:
            raise ConnectionResetError("closed within an answer")
        return body

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self._line().split(b";")[0], 16):
            yield self._exactly(size)
            self._line()
        while self._line():
            pass  # trailers


def _positive(seconds: float) -> float:
    """The seconds. Raises TimeoutError if none are left."""
    if seconds <= 0:
        raise TimeoutError("the request's time for AWS is used up")
    return seconds


# --- the client ---


class JsonClient:
    """A client of one service. Its operations are called as botocore's are: `client.get_item(TableName=...)`.

    Every operation raises RefusedError and NoAnswerError. Threads share its connection and take turns.
    """

    def __init__(self, service: str, region: str, endpoint: str | None = None) -> None:
        self._service = _SERVICES[service]
        scheme, _, address = (endpoint or f"https://{service}.{region}.amazonaws.com").partition("://")
        self._host = address.rstrip("/")
        host, _, port = self._host.partition(":")
        tls = scheme == "https"
        self._connection = Connection(host, int(port or (443 if tls else 80)), tls=tls)
        self._signer = Signer(region, service)
        self._lock = allocate_lock()

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("_"):
            raise AttributeError(name)
        operation = "".join(part.capitalize() for part in name.split("_"))

        def call(**arguments: Any) -> Any:
            return self.call(operation, arguments)

        setattr(self, name, call)
        return call

    def call(self, operation: str, arguments: Mapping[str, Any]) -> Any:
        """Calls an operation once, and returns the document that it answers with."""
        body = json.dumps(arguments, separators=(",", ":")).encode()
        try:
            answer = self.send(operation, self._headers(operation, body), body)
            document = _document(answer)
        except (OSError, ValueError, LookupError) as error:
            raise NoAnswerError(f"{operation} got no answer: {type(error).__name__}: {error}") from error
        if answer.status != 200:
            raise RefusedError(operation, _error(answer, document))
        return document

    def send(self, operation: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
        """Send a request over the network; `operation` is for tests that replace this method."""
        del operation
        head = "".join([f"{name}: {value}\r\n" for name, value in headers.items()])
        with self._lock:
            return self._connection.exchange(f"POST / HTTP/1.1\r\n{head}\r\n".encode() + body)

    def _headers(self, operation: str, body: bytes) -> dict[str, str]:
        credentials = Credentials.of_environment()
        headers = {
            "content-type": self._service.content_type,
            "host": self._host,
            "x-amz-date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
            "x-amz-target": f"{self._service.target}.{operation}",
        }
        if credentials.token:
            headers["x-amz-security-token"] = credentials.token
        headers["authorization"] = self._signer.authorization(headers, body, credentials)
        headers["content-length"] = str(len(body))
        return headers


def _document(answer: HttpAnswer) -> Any:
    """The body's document; empty for an error that is no JSON, as a load balancer's. Raises ValueError."""
    checksum = answer.headers.get("x-amz-crc32")  # DynamoDB sends it
    if checksum is not None and zlib.crc32(answer.body) != int(checksum):
        raise ValueError("the checksum differs")
    try:
        return json.loads(answer.body) if answer.body else {}
    except ValueError:
        if answer.status == 200:
            raise
        return {}


def _error(answer: HttpAnswer, document: Any) -> dict[str, Any]:
    fields = document if isinstance(document, dict) else {}
    code = str(fields.get("__type", "")).rpartition("#")[2] or str(answer.status)
    message = fields.get("message", fields.get("Message", ""))
    rest = {name: value for name, value in fields.items() if name not in ("__type", "message", "Message")}
    return {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": answer.status},
        **rest,
    }
