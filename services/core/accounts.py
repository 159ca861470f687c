"""Accounts of the user pool, as moderators and operators open and close them."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from services.core.aws_json import is_transient
from services.core.stores.dynamo import StoreUnavailableError

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient


@dataclass(frozen=True)
class Accounts:
    """The accounts of a pool. Raises StoreUnavailableError if Cognito does not answer."""

    cognito: "CognitoIdentityProviderClient"
    pool_id: str

    def set_access(self, user_id: str, *, allowed: bool) -> bool:
        """Lets a member sign in, or ends their sessions and lets them sign in no more. Safe to repeat.

        Returns False if there is no account. An access token that is out already is accepted for at most an hour.
        """
        try:
            if allowed:
                self.cognito.admin_enable_user(UserPoolId=self.pool_id, Username=user_id)
            else:
                self.cognito.admin_user_global_sign_out(UserPoolId=self.pool_id, Username=user_id)
                self.cognito.admin_disable_user(UserPoolId=self.pool_id, Username=user_id)
        except self.cognito.exceptions.UserNotFoundException:
            return False
        except Exception as error:
            if is_transient(error):
                raise StoreUnavailableError(str(error)) from error
            raise
        return True
