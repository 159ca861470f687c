"""The requests of a browser that the local cloud serves."""

import pytest

from localcloud.emulator.browsers import refused_at_aws, refused_at_front_door

FRONT = 8085
APP = f"http://localhost:{FRONT}"
COGNITO = {"x-amz-target": "AWSCognitoIdentityProviderService.InitiateAuth"}
PREFLIGHT = {"access-control-request-headers": "content-type,X-Amz-Target"}


def aws(path: str = "/", host: str = "127.0.0.1:4571", **headers: str) -> bool:
    """True if the AWS endpoint serves it; names are written with `_` for `-`."""
    return refused_at_aws(path, {"host": host, **{k.replace("_", "-"): v for k, v in headers.items()}}, FRONT) is None


def front(path: str = "/", host: str = f"localhost:{FRONT}", **headers: str) -> bool:
    """True if the front door serves it."""
    named = {"host": host, **{k.replace("_", "-"): v for k, v in headers.items()}}
    return refused_at_front_door(path, named) is None


@pytest.mark.parametrize("serve", [aws, front])
@pytest.mark.parametrize(
    ("host", "served"),
    [
        ("localhost:8085", True),
        ("127.0.0.1:4571", True),
        ("dev.localhost:8085", True),
        ("LOCALHOST", True),
        ("rebound.evil.example:8085", False),
        ("localhost.evil.example", False),
        ("evil-localhost:8085", False),
        ("127.0.0.1.evil.example", False),
        ("10.0.0.7:8085", False),
        ("", False),
    ],
)
def test_only_names_of_this_machine_are_answered(serve: type, host: str, *, served: bool) -> None:
    assert serve(host=host) is served


def test_programs_pass() -> None:
    assert all(aws(path) for path in ("/", "/_ministack/reset", "/_local/save", "/2015-03-31/functions"))
    assert all(front(path) for path in ("/", "/api/health", "/_local/", "/_local/mailbox"))


@pytest.mark.parametrize("origin", [APP, f"http://127.0.0.1:{FRONT}", f"http://prod.localhost:{FRONT}"])
def test_the_app_talks_to_cognito_and_to_nothing_else(origin: str) -> None:
    assert aws(origin=origin, sec_fetch_site="same-site", x_amz_target=COGNITO["x-amz-target"])
    assert aws(origin=origin, **{k.replace("-", "_"): v for k, v in PREFLIGHT.items()})
    assert not aws(origin=origin)
    assert not aws(origin=origin, x_amz_target="DynamoDB_20120810.Scan")
    assert not aws("/_local/mailbox", origin=origin)
    assert not aws("/2015-03-31/functions", origin=origin, x_amz_target=COGNITO["x-amz-target"])


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://localhost:9999",
        "http://localhost",
        "https://localhost:8085",
        "http://[",
        "x",
    ],
)
def test_another_page_s_requests_are_refused(origin: str) -> None:
    cognito = {"x_amz_target": COGNITO["x-amz-target"]}
    assert not aws(origin=origin, **cognito)
    assert not aws("/_aws/execute-api/abc/$default/api/health", origin=origin)
    assert not any(front(path, origin=origin) for path in ("/", "/api/v1/quests", "/_local/mailbox", "/_local/"))


def test_the_app_of_one_stage_is_a_stranger_to_the_others() -> None:
    assert not front("/api/v1/me", host=f"prod.localhost:{FRONT}", origin=f"http://dev.localhost:{FRONT}")
    assert front("/api/v1/me", host=f"dev.localhost:{FRONT}", origin=f"http://dev.localhost:{FRONT}")


@pytest.mark.parametrize("host", ["localhost:9000", "127.0.0.1:1", "dev.localhost:49152", "localhost"])
def test_a_forwarded_port_has_another_number_in_the_browser(host: str) -> None:
    forwarded = {"origin": f"http://{host}", "sec_fetch_site": "same-origin"}
    assert all(front(path, host=host, **forwarded) for path in ("/app.js", "/api/v1/me", "/_local/"))
    assert aws("/_aws/execute-api/abc/$default/api/v1/me", **forwarded)
    assert not front("/app.js", origin=f"http://{host}"), "its page is a stranger to the port itself"
    assert not front("/app.js", host=host, origin=f"https://{host}")
    assert not aws("/_ministack/reset", **forwarded)
    for site in ("same-site", "cross-site", ""):
        assert not aws("/_aws/execute-api/abc/$default/api/v1/me", origin=f"http://{host}", sec_fetch_site=site)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_what_other_pages_embed_or_fetch_without_an_origin(site: str) -> None:
    assert not aws("/?Action=CreateQueue", sec_fetch_site=site)
    assert not front("/_local/mailbox", sec_fetch_site=site, sec_fetch_mode="no-cors", sec_fetch_dest="image")
    assert not front("/_local/mailbox", sec_fetch_site=site, sec_fetch_mode="navigate", sec_fetch_dest="iframe")
    assert front("/_local/mailbox", sec_fetch_site=site, sec_fetch_mode="navigate", sec_fetch_dest="document")
    assert front("/quests/X", sec_fetch_site=site, sec_fetch_mode="navigate", sec_fetch_dest="document")


def test_what_came_through_the_front_door_reaches_the_api() -> None:
    api = "/_aws/execute-api/abc/$default/api/v1/quests"
    assert aws(api, origin=APP, sec_fetch_site="same-origin")
    assert aws(api, sec_fetch_site="cross-site"), "a link from elsewhere to something public"


@pytest.mark.parametrize("path", ["/_ministack/reset", "/_ministack/ses/messages", "/_aws/x", "/_localstack/health"])
def test_the_emulator_s_own_addresses_are_not_behind_the_front_door(path: str) -> None:
    assert not front(path)


@pytest.mark.parametrize("path", ["/_local/clock", "/_local/letters", "/_local/api", "/_local"])
def test_the_console_changes_something_for_itself_alone(path: str) -> None:
    def posted(**headers: str) -> bool:
        named = {"host": f"localhost:{FRONT}", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return refused_at_front_door(path, named, "POST") is None

    window = {"sec_fetch_mode": "navigate", "sec_fetch_dest": "document"}
    assert posted(origin=APP, sec_fetch_site="same-origin", **window)
    assert posted(origin=APP), "a program that names the origin"
    assert not posted()
    assert not posted(**window)
    assert not posted(origin=APP, sec_fetch_site="cross-site")
    for origin in ("null", "https://evil.example", f"http://dev.localhost:{FRONT}", "http://localhost:1"):
        assert not posted(origin=origin, **window)
