# ruff: noqa: SLF001 - MiniStack has no public hooks for what is filled here; its version is pinned
"""User names and e-mail addresses of a user pool are compared with their case.

Where `UsernameConfiguration` has `CaseSensitive` false, Cognito takes names and aliases that differ in case alone for
the same user (Amazon Cognito developer guide, "User pool case sensitivity"). MiniStack 1.5.33 keeps the setting and
compares exactly.

Report: create a pool with `UsernameAttributes=["email"]` and `UsernameConfiguration={"CaseSensitive": False}`, sign up
as "a@example.org", then as "A@EXAMPLE.ORG". Expected: UsernameExistsException. Seen: a second user.
"""

from collections.abc import Callable, Mapping
from typing import Any

from ministack.services import cognito  # type: ignore[import-not-found]  # its own environment

Resolve = Callable[[Mapping[str, Any], str], tuple[Any, Any]]


def install() -> None:
    """Patch the user pools."""
    cognito._resolve_user = _ignoring_case(cognito._resolve_user)


def _ignoring_case(resolve: Resolve) -> Resolve:
    def resolved(pool: Mapping[str, Any], username: str) -> tuple[Any, Any]:
        user, error = resolve(pool, username)
        if user or (pool.get("UsernameConfiguration") or {}).get("CaseSensitive") is not False:
            return user, error
        return resolve(pool, _as_stored(pool, username))

    return resolved


def _as_stored(pool: Mapping[str, Any], username: str) -> str:
    """The name or alias of the user whom this one names but for its case; else the name itself."""
    aliases = {*(pool.get("UsernameAttributes") or ()), *(pool.get("AliasAttributes") or ())}
    for name, user in pool["_users"].items():
        attributes = cognito._attr_list_to_dict(user.get("Attributes", []))
        for known in (name, *(attributes[alias] for alias in aliases if alias in attributes)):
            if str(known).casefold() == str(username).casefold():
                return str(known)
    return username
