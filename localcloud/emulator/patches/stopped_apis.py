# ruff: noqa: SLF001 - MiniStack has no public hooks for what is patched here; its version is pinned
"""APIs that are taken out of service.

MiniStack 1.5.33 answers on an API whose endpoint is disabled (AWS: 404) or whose stage has a rate of 0 (AWS: 429).

Report: UpdateStage with `DefaultRouteSettings.ThrottlingRateLimit=0`, call a route: 200.
"""

from ministack.core.responses import request_scope  # type: ignore[import-not-found]  # in the emulator's environment
from ministack.services import apigateway  # type: ignore[import-not-found]  # in the emulator's environment


def cut_off(api_id: str, stage: str) -> tuple[int, str] | None:
    """Status and message with which the gateway turns a call away that the stage does not want at all."""
    for (account, region, key), api in list(apigateway._apis._data.items()):
        if key == api_id:
            with request_scope(account, region):
                settings = apigateway._stages.get(api_id, {}).get(stage, {}).get("defaultRouteSettings") or {}
            if api.get("disableExecuteApiEndpoint"):
                return 404, "Not Found"
            if settings.get("throttlingRateLimit") == 0:
                return 429, "Too Many Requests"
    return None
