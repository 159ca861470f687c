"""The types of resources that the provider makes (`HANDLERS`) and the functions that it answers (`INVOKES`), by token.

They are those that the program of `infra` uses; a test names what it uses no more.
"""

from localcloud.provider import (
    apigateway,
    cloudfront,
    cognito,
    dynamodb,
    iam,
    lambda_,
    messaging,
    monitoring,
    s3,
    scheduling,
    ses,
    settings,
)
from localcloud.provider.base import HANDLERS, Cloud, Handler
from localcloud.provider.invokes import INVOKES

__all__ = [
    "HANDLERS",
    "INVOKES",
    "Cloud",
    "Handler",
    "apigateway",
    "cloudfront",
    "cognito",
    "dynamodb",
    "iam",
    "lambda_",
    "messaging",
    "monitoring",
    "s3",
    "scheduling",
    "ses",
    "settings",
]
