"""AWS clients, created once per process: DynamoDB, SSM and SQS without botocore, the others with it on first use."""

import os
from functools import cache
from typing import TYPE_CHECKING, Any

from services.core.aws_json import JsonClient

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_ssm import SSMClient


class _LazyClient:
    """A client of botocore that is created on first use: most Lambdas never use it, and creating it costs 150 ms."""

    def __init__(self, service: str) -> None:
        self._service = service

    def __getattr__(self, name: str) -> Any:
        return getattr(client(self._service), name)


@cache
def client(service: str) -> Any:
    """botocore's client of the named service, in the region and with the endpoint of the environment."""
    from services.core import aws_botocore

    return aws_botocore.client(service)


@cache
def _json_client(service: str) -> Any:
    environ = os.environ
    endpoint = environ.get(f"AWS_ENDPOINT_URL_{service.upper()}") or environ.get("AWS_ENDPOINT_URL")
    return JsonClient(service, environ.get("AWS_REGION") or environ["AWS_DEFAULT_REGION"], endpoint)


def dynamodb() -> "DynamoDBClient":
    """The tables' client."""
    return _json_client("dynamodb")  # type: ignore[no-any-return]  # called as botocore's is


def ssm() -> "SSMClient":
    """The parameters' client."""
    return _json_client("ssm")  # type: ignore[no-any-return]  # called as botocore's is


def sqs() -> "SQSClient":
    """The queues' client."""
    return _json_client("sqs")  # type: ignore[no-any-return]  # called as botocore's is


def sesv2() -> "SESV2Client":
    """The mails' client."""
    return _LazyClient("sesv2")  # type: ignore[return-value]  # stands for botocore's


def cognito() -> "CognitoIdentityProviderClient":
    """The user pool's client."""
    return _LazyClient("cognito-idp")  # type: ignore[return-value]  # stands for botocore's


def functions() -> "LambdaClient":
    """The Lambdas' client."""
    return _LazyClient("lambda")  # type: ignore[return-value]  # stands for botocore's


def s3() -> "S3Client":
    """The buckets' client."""
    return client("s3")  # type: ignore[no-any-return]  # botocore's factory is untyped
