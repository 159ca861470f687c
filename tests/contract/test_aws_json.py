"""The client of AWS's JSON services: AWS's signature vectors, and botocore, which it must not differ from.

Each request and each answer is given to both, at the seam before the network.
"""

import json
import re
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore.loaders
import botocore.session
import pytest
import time_machine
from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.httpsession import URLLib3Session

from infra.paths import REPOSITORY
from services.core import aws_json
from services.core.aws_json import (
    ATTEMPTS,
    Connection,
    Credentials,
    HttpAnswer,
    JsonClient,
    NoAnswerError,
    RefusedError,
    Signer,
    is_transient,
    retried,
    seconds_left,
    within,
)

REGION = "eu-central-1"
NOW = "2026-11-27T12:00:00Z"
TABLE = "civicforge-unit-quests"


# --- Signature Version 4: vectors of AWS's aws-sig-v4-test-suite, those of POST requests without a query ---

SUITE_SECRET = "wJalrXUtnFEMI/K7MDENG" + "+bPxRfiCYEXAMPLEKEY"
SUITE_TOKEN = (
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwth"
    "Ax7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXA"
    "kiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)
FORM = "application/x-www-form-urlencoded"
VECTORS: list[tuple[str, dict[str, str], bytes, str]] = [
    ("post-vanilla", {}, b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    (
        "post-header-key-sort",
        {"my-header1": "value1"},
        b"",
        "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ),
    (
        "post-header-value-case",
        {"my-header1": "VALUE1"},
        b"",
        "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
    ),
    (
        "post-sts-header-before",
        {"x-amz-security-token": SUITE_TOKEN},
        b"",
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    ),
    (
        "post-x-www-form-urlencoded",
        {"content-type": FORM},
        b"Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    (
        "post-x-www-form-urlencoded-parameters",
        {"content-type": f"{FORM}; charset=utf8"},
        b"Param1=value1",
        "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
    ),
]


@pytest.mark.parametrize(("name", "headers", "body", "signature"), VECTORS, ids=[vector[0] for vector in VECTORS])
def test_the_published_vectors(name: str, headers: dict[str, str], body: bytes, signature: str) -> None:
    signed = {"host": "example.amazonaws.com", "x-amz-date": "20150830T123600Z", **headers}
    credentials = Credentials("AKIDEXAMPLE", SUITE_SECRET, "")
    assert Signer("us-east-1", "service").authorization(signed, body, credentials) == (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={';'.join(sorted(signed))}, Signature={signature}"
    )


# --- requests, beside botocore's ---


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A role's credentials, as Lambda gives them."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ASIAUNIT")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "unit-secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "unit/token==")


class _Raw:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self) -> Iterator[bytes]:
        yield self._content


Reply = Callable[[], HttpAnswer]


class Both:
    """botocore and our client side by side: what each sent, and what each made of the same answer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[tuple[str, dict[str, str], Any]] = []
        self.reply: Reply = lambda: HttpAnswer(200, {}, b"{}")

        def send_theirs(_session: URLLib3Session, request: AWSPreparedRequest) -> AWSResponse:
            headers = {
                name.lower(): value.decode() if isinstance(value, bytes) else str(value)
                for name, value in dict[str, Any](request.headers.items()).items()
            }
            self._note(headers["x-amz-target"], headers, request.body)
            answer = self.reply()
            return AWSResponse(request.url, answer.status, dict(answer.headers), _Raw(answer.body))  # type: ignore[arg-type]  # as much as botocore reads

        def send_ours(client: JsonClient, operation: str, headers: Mapping[str, str], body: bytes) -> HttpAnswer:
            self._note(headers["x-amz-target"], dict(headers), body)
            return self.reply()

        monkeypatch.setattr(URLLib3Session, "send", send_theirs)
        monkeypatch.setattr(JsonClient, "send", send_ours)

    def _note(self, target: str, headers: dict[str, str], body: Any) -> None:
        self.sent.append((target, headers, json.loads(body)))

    def call(self, service: str, operation: str, arguments: Mapping[str, Any]) -> list[Any]:
        """The answers or errors of botocore and of ours."""
        theirs = botocore.session.Session().create_client(
            service,
            region_name=REGION,
            config=Config(retries={"total_max_attempts": 1, "mode": "standard"}, parameter_validation=False),
        )
        outcomes: list[Any] = []
        with time_machine.travel(NOW, tick=False):
            for client in (theirs, JsonClient(service, REGION)):
                try:
                    outcomes.append(getattr(client, xform_name(operation))(**arguments))
                except (ClientError, RefusedError, NoAnswerError) as error:
                    outcomes.append(error)
        return outcomes


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> Both:
    """Both clients at their seams."""
    return Both(monkeypatch)


KEY = {"questId": {"S": "q1"}}
CONDITION = {
    "ConditionExpression": "#s = :s",
    "ExpressionAttributeNames": {"#s": "status"},
    "ExpressionAttributeValues": {":s": {"S": "OPEN"}},
    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
}
ARGUMENTS: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("dynamodb", "GetItem"): {"TableName": TABLE, "Key": KEY, "ConsistentRead": True},
    ("dynamodb", "BatchGetItem"): {"RequestItems": {TABLE: {"Keys": [KEY], "ConsistentRead": True}}},
    ("dynamodb", "Query"): {
        "TableName": TABLE,
        "IndexName": "board",
        "KeyConditionExpression": "lane = :lane",
        "ExpressionAttributeValues": {":lane": {"S": "OPEN#0"}},
        "ScanIndexForward": False,
        "Limit": 21,
    },
    ("dynamodb", "Scan"): {"TableName": TABLE, "Segment": 1, "TotalSegments": 96, "ProjectionExpression": "userId"},
    ("dynamodb", "PutItem"): {
        "TableName": TABLE,
        "Item": {
            **KEY,
            "title": {"S": 'Sofa & tëa "☕\u2028'},
            "n": {"N": "1"},
            "l": {"L": [{"BOOL": True}, {"NULL": True}]},
        },
        **CONDITION,
    },
    ("dynamodb", "UpdateItem"): {
        "TableName": TABLE,
        "Key": KEY,
        "UpdateExpression": "SET #s = :s",
        "ReturnValues": "ALL_NEW",
        **CONDITION,
    },
    ("dynamodb", "DeleteItem"): {"TableName": TABLE, "Key": KEY, **CONDITION},
    ("dynamodb", "TransactWriteItems"): {
        "ClientRequestToken": "0b4c2f9e-6f0a-4d7e-9d3c-2b1a0f9e8d7c",
        "TransactItems": [{"Put": {"TableName": TABLE, "Item": KEY, **CONDITION}}],
    },
    ("ssm", "GetParameter"): {"Name": "/civicforge/unit/breaker"},
    ("ssm", "PutParameter"): {
        "Name": "/civicforge/unit/breaker",
        "Value": "read-only",
        "Type": "String",
        "Overwrite": True,
    },
    ("ssm", "GetParameters"): {"Names": ["/civicforge/unit/breaker"], "WithDecryption": True},
    ("sqs", "SendMessage"): {"QueueUrl": "https://sqs.eu-central-1.amazonaws.com/1/dlq", "MessageBody": '{"a": "ë"}'},
}
"""Every operation that the services call through our client, with arguments as they give them."""


def test_every_operation_that_the_services_call_is_compared() -> None:
    sources = "\n".join(path.read_text() for path in (REPOSITORY / "services").rglob("*.py"))
    named = set(re.findall(r"\.([a-z]+(?:_[a-z]+)*)\b", sources))
    used = {
        (service, operation)
        for service in ("dynamodb", "ssm", "sqs")
        for operation in botocore.loaders.Loader().load_service_model(service, "service-2")["operations"]
        if xform_name(operation) in named
    }
    assert used == ARGUMENTS.keys()


@pytest.mark.parametrize(("service", "operation"), ARGUMENTS)
def test_requests_are_botocores(both: Both, service: str, operation: str) -> None:
    both.call(service, operation, ARGUMENTS[service, operation])
    (target, theirs, body), (our_target, ours, our_body) = both.sent
    assert (target, body) == (our_target, our_body)
    for name in ("content-type", "x-amz-date", "x-amz-security-token"):
        assert ours[name] == theirs[name], name
    scope = f"ASIAUNIT/20261127/{REGION}/{service}/aws4_request"
    for headers in (ours, theirs):
        assert f"Credential={scope}" in headers["authorization"]
    names = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
    assert f"SignedHeaders={names}" in ours["authorization"]
    # "host" is urllib3's to add, at the address that botocore worked out.
    client = botocore.session.Session().create_client(service, region_name=REGION)
    assert client.meta.endpoint_url == f"https://{ours['host']}"


# --- answers, beside botocore's ---

ITEM = {"questId": {"S": "q1"}, "version": {"N": "3"}}
ANSWERS: Mapping[tuple[str, str], dict[str, Any]] = {
    ("dynamodb", "GetItem"): {"Item": ITEM},
    ("dynamodb", "BatchGetItem"): {"Responses": {TABLE: [ITEM]}, "UnprocessedKeys": {TABLE: {"Keys": [KEY]}}},
    ("dynamodb", "Query"): {"Items": [ITEM], "Count": 1, "LastEvaluatedKey": KEY},
    ("dynamodb", "UpdateItem"): {"Attributes": ITEM},
    ("ssm", "GetParameters"): {"Parameters": [{"Name": "n", "Value": "v"}], "InvalidParameters": ["x"]},
    ("sqs", "SendMessage"): {"MessageId": "1"},
}


@pytest.mark.parametrize(("service", "operation"), ANSWERS)
def test_answers_are_read_as_botocore_reads_them(both: Both, service: str, operation: str) -> None:
    document = ANSWERS[service, operation]
    both.reply = lambda: HttpAnswer(200, {}, json.dumps(document).encode())
    theirs, ours = both.call(service, operation, ARGUMENTS[service, operation])
    del theirs["ResponseMetadata"]
    assert ours == theirs == document


def refused(code: str, status: int = 400, **fields: Any) -> HttpAnswer:
    """An error as DynamoDB writes it."""
    document = {"__type": f"com.amazonaws.dynamodb.v20120810#{code}", "message": f"about {code}", **fields}
    return HttpAnswer(status, {}, json.dumps(document).encode())


REASONS = [
    {"Code": "None"},
    {"Code": "ConditionalCheckFailed", "Message": "The conditional request failed", "Item": ITEM},
]
ERRORS = [
    *(
        refused(code)
        for code in (
            *("ConditionalCheckFailedException", "ProvisionedThroughputExceededException", "ThrottlingException"),
            *("TransactionConflictException", "TransactionInProgressException", "RequestLimitExceeded"),
            *("ValidationException", "AccessDeniedException", "ResourceNotFoundException", "LimitExceededException"),
            *(
                "UnrecognizedClientException",
                "ExpiredTokenException",
                "InvalidSignatureException",
                "SerializationException",
            ),
            *(
                "ItemCollectionSizeLimitExceededException",
                "IdempotentParameterMismatchException",
                "UnknownOperationException",
            ),
            *(
                "MissingAuthenticationTokenException",
                "IncompleteSignatureException",
                "ReplicatedWriteConflictException",
            ),
        )
    ),
    refused("ConditionalCheckFailedException", Item=ITEM),
    refused("TransactionCanceledException", CancellationReasons=REASONS),
    refused("TransactionCanceledException", CancellationReasons=[{"Code": "TransactionConflict"}, {"Code": "None"}]),
    refused("TransactionCanceledException", CancellationReasons=[{"Code": "ThrottlingError"}]),
    refused("InternalServerError", 500),
    refused("ServiceUnavailable", 503),
    refused("InternalFailure", 500),
    HttpAnswer(400, {}, b'{"__type": "NoNamespace", "Message": "with a capital"}'),
    HttpAnswer(502, {}, b"<html>Bad Gateway</html>"),
    HttpAnswer(503, {}, b"<html>Service Unavailable</html>"),
    HttpAnswer(504, {}, b""),
    HttpAnswer(403, {}, b"<html>Forbidden</html>"),
]


@pytest.mark.parametrize("answer", ERRORS, ids=lambda answer: f"{answer.status} {answer.body[:60].decode()}")
def test_errors_are_botocores(both: Both, answer: HttpAnswer) -> None:
    both.reply = lambda: answer
    theirs, ours = both.call("dynamodb", "TransactWriteItems", ARGUMENTS["dynamodb", "TransactWriteItems"])
    assert isinstance(theirs, ClientError)
    assert isinstance(ours, RefusedError)
    expected: Any = theirs.response
    assert ours.response["Error"]["Code"] == expected["Error"]["Code"]
    if answer.body.startswith(b"{"):
        assert ours.response["Error"]["Message"] == expected["Error"]["Message"]
    assert ours.response["ResponseMetadata"]["HTTPStatusCode"] == answer.status
    for name in ("CancellationReasons", "Item"):
        assert ours.response.get(name) == expected.get(name), name
    assert is_transient(ours) == is_transient(theirs)


def test_an_answer_that_was_damaged_is_none(both: Both) -> None:
    body = json.dumps({"Item": ITEM}).encode()
    good = str(zlib.crc32(body))
    both.reply = lambda: HttpAnswer(200, {"x-amz-crc32": good}, body)
    client = JsonClient("dynamodb", REGION)
    assert client.get_item(TableName=TABLE, Key=KEY) == {"Item": ITEM}
    for headers, content in (({"x-amz-crc32": good}, body[:-1] + b" "), ({}, body[:-3]), ({}, b"<html>")):
        both.reply = lambda headers=headers, content=content: HttpAnswer(200, headers, content)  # type: ignore[misc]  # bound now
        with pytest.raises(NoAnswerError):
            client.get_item(TableName=TABLE, Key=KEY)


# --- retries and deadlines ---


class Clock:
    """Time that passes only where the code waits."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        monkeypatch.setattr(time, "sleep", self.advance)

    def advance(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The tests' clock."""
    return Clock(monkeypatch)


def test_three_attempts_in_all_and_one_token_for_a_transaction(both: Both, clock: Clock) -> None:
    both.reply = lambda: refused("InternalServerError", 500)
    with pytest.raises(RefusedError):
        retried(JsonClient("dynamodb", REGION).transact_write_items, TransactItems=[{"Put": {}}])
    assert len(both.sent) == ATTEMPTS
    assert len({body["ClientRequestToken"] for *_, body in both.sent}) == 1


@pytest.mark.parametrize(
    "answer", [refused("ValidationException"), refused("ConditionalCheckFailedException"), ERRORS[21]]
)
def test_what_no_attempt_can_change_is_sent_once(both: Both, clock: Clock, answer: HttpAnswer) -> None:
    both.reply = lambda: answer
    with pytest.raises(RefusedError):
        retried(JsonClient("dynamodb", REGION).put_item, TableName=TABLE, Item=KEY)
    assert len(both.sent) == 1


def test_a_deadline_bounds_all_attempts_together(both: Both, clock: Clock) -> None:
    def hang() -> HttpAnswer:
        clock.advance(aws_json.read_seconds())
        raise TimeoutError

    both.reply = hang
    client, began = JsonClient("dynamodb", REGION), clock.now
    with within(1.5), pytest.raises(NoAnswerError):
        retried(client.get_item, TableName=TABLE, Key=KEY)
    assert 1 < clock.now - began <= 1.5
    assert len(both.sent) == ATTEMPTS
    assert seconds_left() == float("inf")


def test_nothing_is_sent_once_the_time_is_up(clock: Clock) -> None:
    connection = Connection("127.0.0.1", 9, tls=False)
    with within(1):
        clock.advance(1)
        with pytest.raises(TimeoutError):
            connection.exchange(b"POST / HTTP/1.1\r\n\r\n")


def test_an_inner_deadline_ends_no_later_than_the_outer_one(clock: Clock) -> None:
    with within(1):
        with within(5):
            assert seconds_left() == 1
        with within(0.3):
            assert seconds_left() == pytest.approx(0.3)
        clock.advance(2)
        assert seconds_left() == -1


# --- the connection, against a server of the test's own ---


class Server:
    """Answers each request on a connection with the next of `replies`; one that is None closes the connection."""

    def __init__(self, *replies: bytes | None) -> None:
        self.received: list[bytes] = []
        self.connections = 0
        self._replies = list(replies)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while self._replies:
            connection, _ = self._socket.accept()
            self.connections += 1
            with connection:
                while self._replies and (request := connection.recv(65_536)):
                    self.received.append(request)
                    reply = self._replies.pop(0)
                    if reply is None:
                        break
                    connection.sendall(reply)
                    if b"connection: close" in reply.lower():
                        break
        self._socket.close()

    def connect(self) -> Connection:
        """A client's connection to it."""
        return Connection("127.0.0.1", self.port, tls=False)


PLAIN = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Amz-Crc32: 7\r\n\r\n{}"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;x=y\r\n{\r\n1\r\n}\r\n0\r\nTrailer: a\r\n\r\n"
CLOSING = b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}"


@pytest.mark.enable_socket
def test_one_connection_is_kept_and_opened_again_where_it_was_closed() -> None:
    server = Server(PLAIN, CHUNKED, CLOSING, PLAIN)
    connection = server.connect()
    answers = [connection.exchange(b"POST / HTTP/1.1\r\n\r\n") for _ in range(4)]
    assert [(answer.status, answer.body) for answer in answers] == [
        (200, b"{}"),
        (200, b"{}"),
        (400, b"{}"),
        (200, b"{}"),
    ]
    assert answers[0].headers["x-amz-crc32"] == "7"
    assert server.connections == 2
    connection.close()


@pytest.mark.enable_socket
def test_an_idle_connection_that_the_server_closed_costs_no_attempt() -> None:
    server = Server(PLAIN, PLAIN)
    connection = server.connect()
    connection.exchange(b"POST / HTTP/1.1\r\n\r\n")
    idle = connection._socket
    idle.shutdown(socket.SHUT_RDWR)
    assert connection.exchange(b"POST / HTTP/1.1\r\n\r\n").status == 200
    assert connection._socket is not idle
    connection.close()


@pytest.mark.enable_socket
@pytest.mark.parametrize(
    "reply", [None, b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\nConnection: close\r\n\r\n{}", b"garbage\r\n\r\n"]
)
def test_an_answer_that_is_cut_off_is_an_error(reply: bytes | None) -> None:
    connection = Server(reply).connect()
    with pytest.raises((OSError, ValueError, LookupError)):
        connection.exchange(b"POST / HTTP/1.1\r\n\r\n")
    assert connection._socket is None


def test_the_roots_are_those_of_botocores_bundle() -> None:
    bundle = Path(botocore.__file__).with_name("cacert.pem").read_text()
    ours = aws_json.ROOTS.read_text()
    certificates = re.findall(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", ours, re.DOTALL)
    assert len(certificates) == 5
    assert all(certificate in bundle for certificate in certificates)
    assert set(re.findall(r"# Issuer: CN=(.+?) O=", ours)) == {
        *(f"Amazon Root CA {number}" for number in (1, 2, 3, 4)),
        "Starfield Services Root Certificate Authority - G2",
    }
