import itertools
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from services.core.domain.users import Profile
from services.core.names import parameter_name
from services.core.parameters import ADDRESS_KEY
from tests.unit.services.cloud import (
    ANNA,
    NOW,
    STAGE,
    Api,
    Cloud,
    CrashError,
    crash_after,
    crash_before,
    lines,
    log_of,
    lost_answer,
)
from tests.unit.services.invariants import check_all

CONTEXT = SimpleNamespace(aws_request_id="lambda-request-1")


def event(trigger: str = "PostConfirmation_ConfirmSignUp") -> dict[str, Any]:
    return {
        "triggerSource": trigger,
        "userName": ANNA,
        "request": {"userAttributes": {"sub": ANNA, "email": "canary@example.org"}},
        "response": {},
    }


def event_of(user_id: str) -> dict[str, Any]:
    """The event of another sign-up."""
    return {**event(), "request": {"userAttributes": {"sub": user_id, "email": f"{user_id}@example.org"}}}


@pytest.fixture
def queue(cloud: Cloud) -> str:
    """The user-creation queue's address."""
    return cloud.queue("user-creation-dlq")


@pytest.fixture
def onboarding(cloud: Cloud, queue: str, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The handler after a cold start."""
    return cloud.handler("onboarding", monkeypatch, user_creation_dlq_url=queue)


def check(cloud: Cloud) -> None:
    check_all(cloud.all_users(), {}, cloud.all_entries())


def test_a_new_member_has_a_row_and_the_welcome(cloud: Cloud, onboarding: ModuleType, queue: str) -> None:
    log = log_of(onboarding.telemetry)
    assert onboarding.handler(event(), CONTEXT) == event()
    assert cloud.all_users()[ANNA].points == 10
    assert cloud.messages(queue) == []
    (line,) = lines(log)
    assert (line["message"], line["request_id"], line["stage"]) == ("member stored", "lambda-request-1", "unit")
    assert "canary" not in log.getvalue()
    assert ANNA not in log.getvalue()
    check(cloud)


@pytest.mark.parametrize("trigger", ["PostConfirmation_ConfirmSignUp", "PostConfirmation_ConfirmForgotPassword"])
def test_a_trigger_that_comes_again_resets_nothing(cloud: Cloud, onboarding: ModuleType, trigger: str) -> None:
    onboarding.handler(event(), CONTEXT)
    cloud.users.edit(ANNA, Profile(display_name="Anna"), NOW)
    before = cloud.everything()
    onboarding.handler(event(trigger), CONTEXT)
    assert cloud.everything() == before
    check(cloud)


def test_an_outage_of_the_tables_loses_nobody(cloud: Cloud, onboarding: ModuleType, queue: str) -> None:
    log = log_of(onboarding.telemetry)
    with cloud.faults.outage("TransactWriteItems"):
        assert onboarding.handler(event(), CONTEXT) == event()
    assert cloud.all_users() == {}
    (message,) = cloud.messages(queue)
    assert (message["userId"], message["requestId"]) == (ANNA, "lambda-request-1")
    assert "canary" not in log.getvalue() + str(message)
    assert Api(cloud).call("getMe", ANNA).json["points"] == 10
    check(cloud)


def test_an_outage_of_everything_leaves_it_to_the_first_call(cloud: Cloud, onboarding: ModuleType) -> None:
    log = log_of(onboarding.telemetry)
    with cloud.faults.outage():
        assert onboarding.handler(event(), CONTEXT) == event()
    assert [line["level"] for line in lines(log)] == ["ERROR"] * 3, "no key, so nothing stored; not queued either"
    Api(cloud).call("getMe", ANNA)
    check(cloud)


def test_a_crash_before_and_after_every_call(cloud: Cloud, onboarding: ModuleType) -> None:
    onboarding.handler(event(), CONTEXT)  # reads the key
    cloud.faults.calls.clear()
    onboarding.handler(event_of("first"), CONTEXT)
    calls, crashes = len(cloud.faults.calls), 0
    for crash, call in itertools.product((crash_before, crash_after), range(calls)):
        made = event_of(f"{crash.__name__}-{call}")
        cloud.faults.at(call, crash)
        try:
            onboarding.handler(made, CONTEXT)
        except CrashError:
            crashes += 1
        cloud.faults.heal()
        onboarding.handler(made, CONTEXT)
        check(cloud)
    assert crashes == 2 * calls
    assert len(cloud.all_users()) == 2 + 2 * calls


def test_who_signs_up_again_has_what_they_left(cloud: Cloud, onboarding: ModuleType) -> None:
    onboarding.handler(event(), CONTEXT)
    Api(cloud).create(ANNA, rewardXp=300)
    again = event_of("again")
    again["request"]["userAttributes"]["email"] = "Canary@example.org"
    onboarding.handler(again, CONTEXT)
    assert cloud.all_users()["again"].points == 7
    assert {entry.returning for entry in cloud.ledger.all_of("again")} == {True}


def test_nobody_is_welcomed_while_the_key_is_not_known(cloud: Cloud, onboarding: ModuleType, queue: str) -> None:
    """Neither by the trigger nor by the first call: a fault is no way to start afresh."""
    with cloud.faults.outage("GetParameters"):
        onboarding.handler(event(), CONTEXT)
    assert cloud.all_users() == {}
    assert [message["userId"] for message in cloud.messages(queue)] == [ANNA]
    cloud.ssm.delete_parameter(Name=parameter_name(STAGE, ADDRESS_KEY.key))
    assert Api(cloud).call("getMe", ANNA).status == 503
    assert cloud.all_users() == {}


def test_a_lost_answer_is_one_member(cloud: Cloud, onboarding: ModuleType, queue: str) -> None:
    cloud.faults.at(0, lost_answer)
    onboarding.handler(event(), CONTEXT)
    assert cloud.messages(queue) == []
    check(cloud)
