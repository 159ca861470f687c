"""Clients of AWS, made once per sandbox from botocore alone: the boto3 layer above it costs a cold start 20 ms."""

from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.handlers import BUILTIN_HANDLERS
from botocore.parsers import JSONParser
from botocore.session import Session

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

_CONFIG = Config(
    # Seconds. A Lambda waits for one dead connection at most twice within its caller's patience: Cognito gives a
    # trigger 5 s, API Gateway gives an integration 30 s.
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 2},
    # What botocore does for every call and nobody here needs: a fifth of a warm request's CPU.
    user_agent="civicforge",
    parameter_validation=False,
    disable_request_compression=True,
    account_id_endpoint_mode="disabled",
)


class _AsItCame(JSONParser):
    """Leaves an answer in DynamoDB's own JSON, which the stores decode: what they ask for holds no dates and no blobs.

    To walk it by the service's model first is a sixth of a warm read, and a third of a list's.
    """

    def _handle_json_body(self, raw_body: bytes, _shape: object) -> Any:
        return self._parse_body_as_json(raw_body)  # type: ignore[attr-defined]  # its stubs are incomplete


class _Parsers:
    """What an endpoint asks for the parser of its protocol."""

    def __init__(self) -> None:
        self._parser = _AsItCame()

    def create_parser(self, _protocol: str) -> JSONParser:
        return self._parser


@cache
def _session() -> Session:
    # The handlers whose event names no service are for all of them: 9 of 127, which cost a cold start 4 %.
    session = Session(include_builtin_handlers=False)
    for event, handler, *_ in BUILTIN_HANDLERS:
        if "." not in event:
            session.register(event, handler)
    return session


@cache
def client(service: str) -> Any:
    """A client of the named service, in the region and with the endpoint of the environment."""
    made: Any = _session().create_client(service, config=_CONFIG)
    # Its address is the one that it was made with; to work it out by rules for every call is a ninth of a warm request.
    made._ruleset_resolver = None  # noqa: SLF001  # botocore is pinned, and has no public way
    if service == "dynamodb":
        made._endpoint._response_parser_factory = _Parsers()  # noqa: SLF001  # as above
    return made


def dynamodb() -> "DynamoDBClient":
    """The tables' client."""
    return client("dynamodb")  # type: ignore[no-any-return]  # botocore's factory is untyped


def ssm() -> "SSMClient":
    """The parameters' client."""
    return client("ssm")  # type: ignore[no-any-return]  # botocore's factory is untyped


def sqs() -> "SQSClient":
    """The queues' client."""
    return client("sqs")  # type: ignore[no-any-return]  # botocore's factory is untyped


def cognito() -> "CognitoIdentityProviderClient":
    """The user pool's client."""
    return client("cognito-idp")  # type: ignore[no-any-return]  # botocore's factory is untyped


@cache
def s3() -> "S3Client":
    """The buckets' client, with all of botocore's handlers: S3's addresses depend on the bucket."""
    config = _CONFIG.merge(Config(read_timeout=10, request_checksum_calculation="when_required"))
    made: Any = Session().create_client("s3", config=config)
    return made  # type: ignore[no-any-return]  # as above
