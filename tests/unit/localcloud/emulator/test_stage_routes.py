"""The stages' addresses at the front door."""

from pathlib import Path

import pytest

from localcloud.emulator.stage_routes import StageRoutes


@pytest.fixture
def routes(tmp_path: Path) -> StageRoutes:
    return StageRoutes(tmp_path / "doors")


@pytest.mark.parametrize(
    ("host", "domain"),
    [
        ("localhost:8080", "d-local"),
        ("127.0.0.1:8080", "d-local"),
        ("[::1]:8080", "d-local"),
        ("localhost", "d-local"),
        ("dev.localhost:8080", "d-dev"),
        ("PROD.localhost:8080", "d-prod"),
        ("local.localhost:8080", "d-local"),
        ("staging.localhost:8080", None),
        ("..localhost:8080", None),
        ("a/../dev.localhost", None),
    ],
)
def test_each_stage_answers_at_its_own_name(routes: StageRoutes, host: str, domain: str | None) -> None:
    for stage in ("local", "dev", "prod"):
        routes.add(stage, f"d-{stage}")
    assert routes.domain(host) == domain


def test_the_only_stage_answers_without_a_name(routes: StageRoutes) -> None:
    assert routes.domain("localhost:8080") is None
    routes.add("dev", "d-dev")
    assert routes.domain("localhost:8080") == "d-dev"
    routes.add("prod", "d-prod")
    assert routes.domain("localhost:8080") is None
    assert routes.stages == ["dev", "prod"]


def test_a_stage_that_is_gone_answers_no_more(routes: StageRoutes) -> None:
    routes.add("dev", "d-dev")
    routes.remove("dev")
    routes.remove("dev")
    assert routes.domain("dev.localhost:8080") is None
