"""The stages' addresses at the front door."""

from pathlib import Path

import pytest

from localcloud.emulator.doors import Doors


@pytest.fixture
def doors(tmp_path: Path) -> Doors:
    return Doors(tmp_path / "doors")


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
def test_each_stage_answers_at_its_own_name(doors: Doors, host: str, domain: str | None) -> None:
    for stage in ("local", "dev", "prod"):
        doors.open(stage, f"d-{stage}")
    assert doors.domain(host) == domain


def test_the_only_stage_answers_without_a_name(doors: Doors) -> None:
    assert doors.domain("localhost:8080") is None
    doors.open("dev", "d-dev")
    assert doors.domain("localhost:8080") == "d-dev"
    doors.open("prod", "d-prod")
    assert doors.domain("localhost:8080") is None
    assert doors.stages == ["dev", "prod"]


def test_a_stage_that_is_gone_answers_no_more(doors: Doors) -> None:
    doors.open("dev", "d-dev")
    doors.close("dev")
    doors.close("dev")
    assert doors.domain("dev.localhost:8080") is None
