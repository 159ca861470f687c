"""The Lambdas' clock, moved on by the console: a quest expires, silence ends another, the morning brings its digests,
and nobody is signed out.
"""

import re
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest

from infra import lambda_zips
from infra.paths import REPOSITORY
from services.core.domain.quests import MODERATORS
from services.core.domain.users import Language
from services.core.names import parameter_name, resource_name
from services.core.parameters import flag_parameter
from services.core.words import Translator
from services.notifier.mailing import DIGEST_HOUR, NOTICES
from tests.platform.community import Stage, wait_for
from tests.platform.conftest import Platform


@pytest.fixture(scope="module")
def town(make_platform: Callable[[], Platform]) -> Iterator[Stage]:
    """A stage of its own: what is written here has later times than others expect."""
    lambda_zips.build("host", REPOSITORY / "dist" / "host")
    platform = make_platform()
    report = platform.up("local", root=REPOSITORY, overrides=platform.running.configuration("local"))
    platform.emulator.serve_at_front_door(report.outputs["distribution_domain"])
    stage = Stage(platform.endpoint, platform.running.front_url, report.outputs)
    name = parameter_name("local", flag_parameter(NOTICES).key)
    stage.client("ssm").put_parameter(Name=name, Value="on", Overwrite=True)
    yield stage
    stage.http.close()


def move(town: Stage, **form: str) -> str:
    # Every schedule runs before the answer.
    answer = town.http.post("/_local/clock", data=form, headers={"Origin": town.front_url}, timeout=120)
    assert answer.status_code == 200
    return str(answer.text)


def outcomes(text: str) -> dict[str, str]:
    """The outcome of each schedule."""
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


def test_the_morning_brings_the_digest_and_the_moderators_theirs(town: Stage) -> None:
    move(town, do="back")
    anna, ben, mo = town.sign_up("anna"), town.sign_up("ben"), town.sign_up("mo", group=MODERATORS)
    anna.request("PATCH", "/me", json={"displayName": "Anna", "language": "de", "mail": "daily"})
    ben.request("PATCH", "/me", json={"displayName": "Ben"})
    quest = anna.create()
    ben.act(quest, "claim")
    ben.act(quest, "submit", {"submission": "All twelve steps."})
    wait_for(lambda: len(anna.get("/me/inbox")["items"]) == 2, 30, "both notices")
    subject = {"kind": "member", "userId": ben.user_id}
    anna.post("/reports", {"subject": subject, "reason": "rude"}, 201, headers={"Idempotency-Key": uuid.uuid4().hex})
    assert (anna.mails(), mo.mails()) == ([], []), "nothing before the morning"

    now = datetime.now(UTC)
    morning = datetime.combine(now.date() + timedelta(days=1), time(DIGEST_HOUR, 5), UTC)
    ran = move(town, do="on", amount=str((morning - now) // timedelta(minutes=1)), unit="minutes")
    assert set(outcomes(ran).values()) == {"done"}, ran
    wait_for(lambda: anna.mails() and mo.mails(), 30, "both digests")
    (digest,), (cases,) = anna.mails(), mo.mails()
    words = Translator(Language.DE)
    assert digest["subject"] == words.say("digest.subject", count=2)
    for kind in ("claimed", "handed_in"):
        line = words.say(f"notices.{kind}.line", actor="Ben", title="Carry a sofa up the stairs")
        assert line in digest["body"]
        assert line in digest["html"]
    assert digest["body"].index("übernimmt") < digest["body"].index("eingereicht"), "oldest first"
    assert cases["subject"] == Translator(Language.EN).say("notices.moderation.line", count=1)
    assert "/moderation" in cases["body"]
    # The same morning once more.
    ran = move(town, do="run")
    assert set(outcomes(ran).values()) == {"done"}, ran
    assert (len(anna.mails()), len(mo.mails()), ben.mails()) == (1, 1, [])
    move(town, do="back")


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
