"""The requests that a browser may send to the local cloud: those of the app itself.

Every page that the same browser shows can send requests to this machine. By `Host` a name that was made to point here
is told (DNS rebinding), by `Origin` and `Sec-Fetch-Site` the page that sends. Programs send none of the latter two.
"""

import re
from collections.abc import Mapping
from typing import Final

COGNITO_TARGET: Final = "AWSCognitoIdentityProviderService."
_API: Final = "/_aws/execute-api/"
_LOCAL_HOSTS: Final = re.compile(r"(localhost|([a-z0-9-]+\.)+localhost|127\.0\.0\.1|\[::1\])(:\d+)?", re.IGNORECASE)
_OWN_SITES: Final = ("", "none", "same-origin")
"""`Sec-Fetch-Site` of programs, of what a person typed, and of a page's own origin."""


def refused_at_aws(path: str, headers: Mapping[str, str], front_port: int) -> str | None:
    """The reason to refuse a request to the AWS endpoint; None if it may pass.

    A browser has business there only with Cognito, from the app. What CloudFront passes on to an API carries the
    headers of its viewer, of which the front door has judged.

    Args:
        headers: by their lower-case names.
        front_port: the port that serves the app.
    """
    if not _LOCAL_HOSTS.fullmatch(headers.get("host", "")):
        return _foreign_host(headers)
    site = headers.get("sec-fetch-site", "")
    if path.startswith(_API) and site == "same-origin":
        return None
    if origin := headers.get("origin"):
        announced = "x-amz-target" in headers.get("access-control-request-headers", "").lower()
        cognito = announced or headers.get("x-amz-target", "").startswith(COGNITO_TARGET)
        business = path.startswith(_API) or (path == "/" and cognito)
        return None if business and _is_app(origin, front_port) else f"The page {origin} has no business here."
    if not path.startswith(_API) and site not in _OWN_SITES:
        return "Another page has no business here."
    return None


def refused_at_front_door(path: str, headers: Mapping[str, str], method: str = "GET") -> str | None:
    """The reason to refuse a request at the front door; None if it may pass.

    The app is open to links from everywhere, the console to windows of its own; what changes something at the console
    names the console's own origin. A forwarded port has another number in the browser, in `Host` and `Origin` alike. Of
    the emulator's own paths (`/_ministack/reset`), of which CloudFront knows none, nothing is served.
    """
    if not _LOCAL_HOSTS.fullmatch(headers.get("host", "")):
        return _foreign_host(headers)
    console = path == "/_local" or path.startswith("/_local/")
    if path.startswith("/_") and not console:
        return "There is no such address."
    origin = headers.get("origin")
    if origin and origin != f"http://{headers['host']}":
        return f"The page {origin} has no business here."
    if console and method not in ("GET", "HEAD") and not origin:
        return "The console changes nothing for a request that does not name its origin."
    window = (headers.get("sec-fetch-mode"), headers.get("sec-fetch-dest")) == ("navigate", "document")
    if console and not window and headers.get("sec-fetch-site", "") not in _OWN_SITES:
        return "Another page has no business here."
    return None


def _is_app(origin: str, front_port: int) -> bool:
    scheme, _, host = origin.partition("://")
    return scheme == "http" and bool(_LOCAL_HOSTS.fullmatch(host)) and host.endswith(f":{front_port}")


def _foreign_host(headers: Mapping[str, str]) -> str:
    return f"The local cloud does not answer for {headers.get('host') or 'a request without Host'}."
