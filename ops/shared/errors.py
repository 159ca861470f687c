"""Foreseen errors, in words."""

from typing import Final

import httpx
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError, TokenRetrievalError
from pydantic import ValidationError

from infra.stack_config import ConfigError
from localcloud.emulator.process import EmulatorError
from ops.shared.stage import OperatorError
from ops.shared.stored_items import invalid_fields
from services.core.settings import SettingsError
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.users import NoSuchUserError

EXPECTED: Final = (
    OperatorError,
    EmulatorError,
    ConfigError,
    SettingsError,
    StoreUnavailableError,
    NoSuchUserError,
    ValidationError,
    ClientError,
    BotoCoreError,
    httpx.HTTPError,
)
_MISSING: Final = ("NotFound", "NoSuch", "DoesNotExist", "NonExistent", "NotExist", "UnknownResource")


def explain(error: Exception) -> str:
    """The explanation of an error: what happened and what to do, in a sentence or two."""
    match error:
        case NoCredentialsError() | TokenRetrievalError():
            return "There are no AWS credentials here. Sign in (`aws sso login`) or set AWS_PROFILE."
        case ClientError():
            answer = error.response["Error"]
            code = answer.get("Code", "")
            if "AccessDenied" in code or "UnauthorizedOperation" in code:
                return f"AWS does not let this role do it: {answer.get('Message', error)}"
            if "ExpiredToken" in code or "InvalidClientTokenId" in code:
                return "The AWS credentials have expired. Sign in again."
            return f"AWS refused {error.operation_name}: {answer.get('Message') or code}"
        case BotoCoreError() | httpx.HTTPError():
            return f"AWS or the stage cannot be reached: {error}"
        case NoSuchUserError():
            return f"There is no such member: {error}"
        case ValidationError():
            return (
                f"Something that is stored is invalid: {error.title}, {invalid_fields(error)}. "
                "`civicforge ledger check` names it; `civicforge restore` brings back what it was."
            )
        case StoreUnavailableError():
            return f"The tables do not answer: {error}. Try again."
    return str(error)


def is_missing(error: Exception) -> bool:
    """True if AWS says that something is not there."""
    return isinstance(error, ClientError) and any(word in error.response["Error"]["Code"] for word in _MISSING)
