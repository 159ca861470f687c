# ruff: noqa: SLF001 - MiniStack has no public hooks for what is filled here; its version is pinned
"""Refresh tokens of a Cognito app client do not rotate.

With `RefreshTokenRotation` ENABLED, Cognito's `GetTokensFromRefreshToken` answers with a new refresh token. The one
that was sent stays good for `RetryGracePeriodSeconds`, then it is refused with RefreshTokenReuseException;
`REFRESH_TOKEN_AUTH` is refused at once (Amazon Cognito developer guide, "Refresh tokens"). MiniStack 1.5.33 drops the
setting and answers without a refresh token.

Report: create an app client with `RefreshTokenRotation={"Feature": "ENABLED", "RetryGracePeriodSeconds": 0}`, sign in,
call `GetTokensFromRefreshToken` twice with the same token. Expected: a new refresh token, then
RefreshTokenReuseException. Seen: twice an access token alone.
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from ministack.core.responses import error_response_json  # type: ignore[import-not-found]  # its own environment
from ministack.services import cognito  # type: ignore[import-not-found]  # its own environment

Answer = tuple[int, dict[str, str], bytes]


def install() -> None:
    """Patch the user pools."""
    cognito._create_user_pool_client = _keeping(cognito._create_user_pool_client)
    cognito._update_user_pool_client = _keeping(cognito._update_user_pool_client)
    cognito._initiate_auth = _refusing(cognito._initiate_auth)
    cognito._refresh_auth_result = _rotating(cognito._refresh_auth_result)


def _keeping(change: Callable[[Mapping[str, Any]], Answer]) -> Callable[[Mapping[str, Any]], Answer]:
    """Keeps what a client says of rotation."""

    def changed(data: Mapping[str, Any]) -> Answer:
        answer = change(data)
        client = json.loads(answer[2]).get("UserPoolClient")
        rotation = data.get("RefreshTokenRotation")
        if client is None or rotation is None:
            return answer
        stored = cognito._user_pools[client["UserPoolId"]]["_clients"][client["ClientId"]]
        stored["RefreshTokenRotation"] = dict(rotation)
        body = {"UserPoolClient": {**client, "RefreshTokenRotation": rotation}}
        return answer[0], answer[1], json.dumps(body).encode()

    return changed


def _grace_of(pool: Mapping[str, Any] | None, client_id: str) -> float | None:
    """Seconds for which a used token stays good; None for a client whose tokens do not rotate."""
    client = ((pool or {}).get("_clients") or {}).get(client_id) or {}
    rotation = client.get("RefreshTokenRotation") or {}
    return float(rotation.get("RetryGracePeriodSeconds") or 0) if rotation.get("Feature") == "ENABLED" else None


def _refusing(initiate: Callable[[Mapping[str, Any]], Answer]) -> Callable[[Mapping[str, Any]], Answer]:
    def initiated(data: Mapping[str, Any]) -> Answer:
        pool, _ = cognito._pool_for_client(data.get("ClientId"))
        refreshes = data.get("AuthFlow") in ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN")
        if refreshes and _grace_of(pool, str(data.get("ClientId"))) is not None:
            message = "REFRESH_TOKEN_AUTH flow not enabled for this client"
            refused: Answer = error_response_json("InvalidParameterException", message)
            return refused
        return initiate(data)

    return initiated


def _rotating(refresh: Callable[..., tuple[Any, Any]]) -> Callable[..., tuple[Any, Any]]:
    """Adds a new refresh token to the answer, and refuses one whose grace is over."""

    def refreshed(pool: Mapping[str, Any], pool_id: str, client_id: str, token: str) -> tuple[Any, Any]:
        result, error = refresh(pool, pool_id, client_id, token)
        grace = _grace_of(pool, client_id)
        if error or grace is None:
            return result, error
        user, claims = cognito._user_from_token(token, pool), cognito._token_claims(token)
        used = user.setdefault("_used_refresh_tokens", {})
        if time.time() > used.setdefault(claims["jti"], time.time()) + grace:
            message = "Refresh token has been used already."
            return None, error_response_json("RefreshTokenReuseException", message)
        fresh = cognito._fake_token(
            claims["sub"],
            pool_id,
            client_id,
            "refresh",
            origin_jti=claims.get("origin_jti", ""),
            scope=claims.get("scope"),
        )
        return {**result, "RefreshToken": fresh}, None

    return refreshed
