"""Sign-ups: the rows of new members. Whoever signs up again with the same address goes on with the points and limits
that their former account left, so that leaving is no way around them.
"""

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from services.core.aws_json import is_transient
from services.core.domain.users import WELCOME_POINTS, User
from services.core.stores.addresses import AddressStore
from services.core.stores.dynamo import StoreUnavailableError
from services.core.stores.users import AddressTakenError, NewRow, NoSuchUserError, UserStore

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

_ATTEMPTS = 3
"""Attempts to make a row while others sign up with the same address."""


def address_digest(key: bytes, address: str) -> str:
    """HMAC-SHA256 of an e-mail address in lower case, as the user pool compares them."""
    return hmac.new(key, address.strip().lower().encode(), hashlib.sha256).hexdigest()


def address_of(cognito: "CognitoIdentityProviderClient", pool_id: str, user_id: str) -> str:
    """The e-mail address of an account. Raises NoSuchUserError if there is none, StoreUnavailableError."""
    try:
        account = cognito.admin_get_user(UserPoolId=pool_id, Username=user_id)
    except cognito.exceptions.UserNotFoundException:
        raise NoSuchUserError(user_id) from None
    except Exception as error:
        if is_transient(error):
            raise StoreUnavailableError(str(error)) from error
        raise
    return next(a["Value"] for a in account["UserAttributes"] if a["Name"] == "email")


@dataclass(frozen=True)
class SignUps:
    """The sign-ups of a stage. `keys` returns the keys of the digests, the current one first.

    Every method raises StoreUnavailableError, and ParameterUnavailableError if the keys cannot be read.
    """

    users: UserStore
    addresses: AddressStore
    keys: Callable[[], list[bytes]]

    def ensure(self, user_id: str, address: str, now: datetime) -> User:
        """The member; creates the row if there is none."""
        digests = self._digests(address)
        for _ in range(_ATTEMPTS):
            try:
                return self.users.ensure(user_id, now, self._new_row(user_id, digests, now))
            except AddressTakenError:
                continue
        raise StoreUnavailableError("the address's last account kept changing")

    def _new_row(self, user_id: str, digests: list[str], now: datetime) -> NewRow:
        known = self.addresses.find(digests, now)
        former = self.users.carried_over(known.account) if known.account not in (None, user_id) else None
        put = self.addresses.put_of(digests[0], user_id, known.stored)
        if former is None:
            return NewRow(address=digests[0], put_address=put)
        points = min(WELCOME_POINTS, former.pop("points", 0))
        return NewRow(points, former, returning=True, address=digests[0], put_address=put)

    def update_digest(self, user: User, address: str, now: datetime) -> bool:
        """Updates the digest of a member's address; returns True if the address or the key has changed.

        The previous digest expires after `addresses.RETENTION`.
        """
        digest = self._digests(address)[0]
        if user.address_digest == digest or not self.addresses.assign(digest, user.user_id, now):
            return False
        if user.address_digest:
            self.addresses.expire(user.address_digest, user.user_id, now)
        self.users.set_address(user.user_id, digest)
        return True

    def expire_digest(self, user: User, now: datetime) -> None:
        """Lets the digest of a former member's address expire after `addresses.RETENTION`."""
        if user.address_digest:
            self.addresses.expire(user.address_digest, user.user_id, now)

    def _digests(self, address: str) -> list[str]:
        return [address_digest(key, address) for key in self.keys()]
