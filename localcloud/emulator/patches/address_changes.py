# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""A new address that has to be verified first: the code goes there, and the old address stays until it is typed.

MiniStack 1.5.33 stores the new address at once, sends no code, and does not know VerifyUserAttribute.

Report: a pool whose AttributesRequireVerificationBeforeUpdate has `email`; UpdateUserAttributes of `email`: GetUser
has the new address, no mail was sent. VerifyUserAttribute: Unknown Cognito IDP action.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from ministack.core.concurrency import run_reentrant  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.core.responses import error_response_json, json_response  # type: ignore[import-not-found]  # likewise
from ministack.services import cognito  # type: ignore[import-not-found]  # in the emulator's environment

Request = dict[str, Any]
Answer = tuple[int, dict[str, str], Any]

_CODE: Final = "456789"
_PENDING: Final = "_new_email"


def install() -> None:
    """Replace MiniStack's functions."""
    cognito._UNSIGNED_IDP_ACTIONS.add("VerifyUserAttribute")
    cognito._update_user_attributes = _verifying(cognito._update_user_attributes)
    cognito._dispatch_idp = _with_verification(cognito._dispatch_idp)


def _refused(code: str, message: str) -> Answer:
    answer: Answer = error_response_json(code, message, 400)
    return answer


def _is_of_another(pool: Mapping[str, Any], address: str, user: Mapping[str, Any]) -> bool:
    owner, _ = cognito._resolve_user(pool, address)
    return owner is not None and owner is not user


def _verifying(update: Callable[[Request], Answer]) -> Callable[[Request], Answer]:
    def update_verified(request: Request) -> Answer:
        user, pool = cognito._user_pool_for_access_token(request.get("AccessToken", ""))
        settings = (pool or {}).get("UserAttributeUpdateSettings") or {}
        wanted = cognito._attr_list_to_dict(request.get("UserAttributes", []))
        if user is None or "email" not in settings.get("AttributesRequireVerificationBeforeUpdate", ()):
            return update(request)
        address = wanted.pop("email", None)
        if address is None:
            return update(request)
        if _is_of_another(pool, address, user):
            return _refused("AliasExistsException", "An account with the given email already exists.")
        answer = update({**request, "UserAttributes": cognito._dict_to_attr_list(wanted)})
        user[_PENDING] = address
        attributes = cognito._attr_list_to_dict(user["Attributes"]) | {"email": address}
        cognito._send_verification_email(pool, user["Username"], attributes, _CODE)
        details = {"Destination": address, "DeliveryMedium": "EMAIL", "AttributeName": "email"}
        return json_response({"CodeDeliveryDetailsList": [details]}) if answer[0] == 200 else answer

    return update_verified


def _with_verification(dispatch: Callable[..., Awaitable[Answer]]) -> Callable[..., Awaitable[Answer]]:
    async def dispatch_with(action: str, data: Request) -> Answer:
        if action != "VerifyUserAttribute":
            return await dispatch(action, data)
        answer: Answer = await run_reentrant(cognito._run_idp_handler, _verify, action, data)
        return answer

    return dispatch_with


def _verify(request: Request) -> Answer:
    user, pool = cognito._user_pool_for_access_token(request.get("AccessToken", ""))
    if user is None:
        return _refused("NotAuthorizedException", "Invalid access token.")
    address = user.get(_PENDING)
    if address is None:
        return _refused("ExpiredCodeException", "Invalid code provided, please request a code again.")
    if request.get("Code") != _CODE:
        return _refused("CodeMismatchException", "Invalid verification code provided, please try again.")
    if _is_of_another(pool, address, user):
        return _refused("AliasExistsException", "An account with the given email already exists.")
    del user[_PENDING]
    verified = cognito._dict_to_attr_list({"email": address, "email_verified": "true"})
    user["Attributes"] = cognito._merge_attributes(user["Attributes"], verified)
    answer: Answer = json_response({})
    return answer
