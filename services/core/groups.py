"""The members of Cognito groups, for Lambdas whose events carry no token."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from services.core.flags import INTERNAL

if TYPE_CHECKING:
    from mypy_boto3_cognito_idp import CognitoIdentityProviderClient

_GROUP_TTL = 60.0


class InternalGroup:
    """The members of the Cognito group `internal`, at most a minute old: an event carries no token to tell."""

    def __init__(
        self,
        client: "CognitoIdentityProviderClient",
        pool_id: str,
        clock: Callable[[], float] = lambda: time.monotonic(),
    ) -> None:
        self._client, self._pool_id, self._clock = client, pool_id, clock
        self._members: frozenset[str] = frozenset()
        self._read_at = float("-inf")

    def groups_of(self, user_id: str) -> frozenset[str]:
        """`{internal}` for its members. Raises botocore's errors."""
        if self._clock() - self._read_at >= _GROUP_TTL:
            self._members = frozenset(self._read())
            self._read_at = self._clock()
        return frozenset({INTERNAL}) if user_id in self._members else frozenset()

    def _read(self) -> Iterable[str]:
        return members_of(self._client, self._pool_id, INTERNAL)


def members_of(client: "CognitoIdentityProviderClient", pool_id: str, group: str) -> Iterator[str]:
    """The user ids of a group's members. Raises botocore's errors."""
    for page in client.get_paginator("list_users_in_group").paginate(UserPoolId=pool_id, GroupName=group):
        for user in page["Users"]:
            yield next(a["Value"] for a in user["Attributes"] if a["Name"] == "sub")
