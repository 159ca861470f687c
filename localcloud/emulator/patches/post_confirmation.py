# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""The PostConfirmation trigger of a user pool.

MiniStack 1.5.33 never invokes it, and leaves the address of a confirmed sign-up unverified.

Report: a pool with a PostConfirmation Lambda; SignUp, ConfirmSignUp: the function does not run, and AdminGetUser says
`email_verified` false.
"""

from collections.abc import Mapping
from typing import Any, Final

from ministack.core.concurrency import run_reentrant  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.services import cognito, lambda_svc  # type: ignore[import-not-found]  # in the emulator's environment

CONFIRMATIONS: Final = {
    "ConfirmSignUp": "PostConfirmation_ConfirmSignUp",
    "AdminConfirmSignUp": "PostConfirmation_ConfirmSignUp",
    "ConfirmForgotPassword": "PostConfirmation_ConfirmForgotPassword",
}
"""Cognito operations after which the trigger runs, and the source that its event names."""


async def post_confirmation(operation: str, request: Mapping[str, Any]) -> str | None:
    """Run a pool's PostConfirmation trigger after a confirmation that went well, as Cognito does: synchronously.

    Returns:
        Cognito's message if the trigger failed (the user stays confirmed), else None.
    """
    pool, client_id = _pool(request)
    if pool is not None and operation == "ConfirmSignUp":
        _verify_address(pool, request)
    arn = ((pool or {}).get("LambdaConfig") or {}).get("PostConfirmation")
    if pool is None or not arn:
        return None
    user, _ = cognito._resolve_user(pool, request.get("Username"))
    attributes = {item["Name"]: item["Value"] for item in user.get("Attributes", [])}
    event = {
        "version": "1",
        "region": arn.split(":")[3],
        "userPoolId": pool["Id"],
        "userName": user["Username"],
        "callerContext": {"awsSdkVersion": "aws-sdk-unknown-unknown", "clientId": client_id},
        "triggerSource": CONFIRMATIONS[operation],
        "request": {
            "userAttributes": {**attributes, "cognito:user_status": user["UserStatus"]},
            **({"clientMetadata": request["ClientMetadata"]} if request.get("ClientMetadata") else {}),
        },
        "response": {},
    }
    record, config, _ = lambda_svc._get_func_record_for_ref(arn)
    if record is None:
        return f"PostConfirmation invocation failed: {arn} does not exist."
    executable = lambda_svc._execution_record_for_config(record, config)
    result = await run_reentrant(lambda_svc._execute_function_with_config_scope, executable, event)
    if result.get("error"):
        body = result.get("body")
        reason = body.get("errorMessage") if isinstance(body, dict) else body
        return f"PostConfirmation failed with error {reason}."
    return None


def _verify_address(pool: Mapping[str, Any], request: Mapping[str, Any]) -> None:
    """The code came by mail, so that the address is verified; MiniStack confirms the user and forgets that."""
    if "email" in pool.get("AutoVerifiedAttributes", []):
        user, _ = cognito._resolve_user(pool, request.get("Username"))
        others = [item for item in user["Attributes"] if item["Name"] != "email_verified"]
        user["Attributes"] = [*others, {"Name": "email_verified", "Value": "true"}]


def _pool(request: Mapping[str, Any]) -> tuple[dict[str, Any] | None, str]:
    if "UserPoolId" in request:
        return cognito._user_pools.get(request["UserPoolId"]), "CLIENT_ID_NOT_APPLICABLE"
    client_id = str(request.get("ClientId", ""))
    return next((pool for pool in cognito._user_pools.values() if client_id in pool["_clients"]), None), client_id
