"""The Lambdas' clock, moved on by the console: a quest expires, silence ends another, and nobody is signed out."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from infra import lambda_zips
from infra.paths import REPOSITORY
from services.core.names import resource_name
from tests.platform.community import Stage
from tests.platform.conftest import Platform


@pytest.fixture(scope="module")
def town(make_platform: Callable[[], Platform]) -> Iterator[Stage]:
    """A stage of its own: what is written here has later times than others expect."""
    lambda_zips.build("host", REPOSITORY / "dist" / "host")
    platform = make_platform()
    report = platform.up("local", root=REPOSITORY, overrides=platform.running.configuration("local"))
    platform.emulator.serve_at_front_door(report.outputs["distribution_domain"])
    stage = Stage(platform.endpoint, platform.running.front_url, report.outputs)
    yield stage
    stage.http.close()


def move(town: Stage, **form: str) -> str:
    answer = town.http.post("/_local/clock", data=form, headers={"Origin": town.front_url})
    assert answer.status_code == 200
    return str(answer.text)


def outcomes(text: str) -> dict[str, str]:
    """What became of each schedule."""
    return dict(re.findall(r"<tr><td>([\w-]+)<td>(.*?)</tr>", text))


def test_time_passes_for_the_lambdas(town: Stage) -> None:
    anna, ben = town.sign_up("anna"), town.sign_up("ben")
    nobody_came, silent = anna.create(), anna.create()
    ben.act(silent, "claim")
    ben.act(silent, "submit", {"submission": "It is done."})
    ben.act(silent, "attest")
    inbox = resource_name("local", "inbox")

    def notices() -> set[Any]:
        found = town.dynamodb.scan(TableName=inbox, ConsistentRead=True)["Items"]
        # What has no end stays: the address of an account that is there.
        return {(item["userId"]["S"], item["itemId"]["S"]) for item in found if "expiresAt" in item}

    moved = move(town, do="on", amount="45", unit="days")
    assert "45 days" in moved
    ran = outcomes(moved)
    assert set(ran.values()) == {"done"}, moved
    assert any("housekeeping" in name for name in ran)
    by_id = f"/me/quests/{nobody_came['questId']}"
    assert anna.get(by_id)["status"] == "EXPIRED", "the token is good still"
    assert anna.get(f"/me/quests/{silent['questId']}")["status"] == "COMPLETE", "silence confirmed it"
    ahead = anna.create()["createdAt"]
    before = notices()
    assert before
    gone = move(town, do="on", amount="300", unit="days")
    left = before & notices()
    assert not left, f"items past their TTL: {gone}"
    assert "at now" in move(town, do="back")
    # Another member: a quota counts what its member did in the meantime.
    now = ben.create()
    assert nobody_came["createdAt"] < now["createdAt"] < ahead


def test_what_it_refuses(town: Stage) -> None:
    for form in (
        {"amount": "401", "unit": "days"},
        {"amount": "0", "unit": "days"},
        {"amount": "-5", "unit": "days"},
        {"amount": "1", "unit": "years"},
        {"amount": "x", "unit": "days"},
        {},
    ):
        assert "Not moved" in move(town, do="on", **form)
    assert " ahead" not in move(town, do="nothing").split("What follows")[0]
