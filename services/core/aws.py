"""Clients of AWS, made once per sandbox from botocore alone: the boto3 layer above it costs a cold start 20 ms."""

from functools import cache
from typing import TYPE_CHECKING, Any

import botocore.session
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient

# Seconds. A Lambda waits for one dead connection at most twice within its caller's patience: Cognito gives a trigger
# 5 s, API Gateway gives an integration 30 s.
_PATIENCE = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})


@cache
def _session() -> botocore.session.Session:
    return botocore.session.get_session()


@cache
def client(service: str) -> Any:
    """A client of the named service, in the region and with the endpoint of the environment."""
    return _session().create_client(service, config=_PATIENCE)


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
