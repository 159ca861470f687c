import itertools
import unicodedata
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from services.core.domain.users import Language, Profile
from services.core.names import parameter_name
from services.core.parameters import ADDRESS_KEY
from services.core.words import Translator
from services.onboarding import code_mails
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


def message_event(
    source: str = "CustomMessage_SignUp",
    metadata: object = None,
    attributes: dict[str, str] | None = None,
    placeholder: object = "{####}",
) -> dict[str, Any]:
    """An event as the Cognito developer guide has it (Custom message Lambda trigger)."""
    return {
        "version": "1",
        "triggerSource": source,
        "region": "us-east-1",
        "userPoolId": "us-east-1_pool",
        "userName": ANNA,
        "callerContext": {"awsSdkVersion": "1", "clientId": "page"},
        "request": {
            "userAttributes": {"sub": ANNA, "email": "anna@example.org", **(attributes or {})},
            "codeParameter": placeholder,
            "usernameParameter": None,
            "clientMetadata": metadata,
        },
        "response": {"smsMessage": None, "emailMessage": None, "emailSubject": None},
    }


UNWRITTEN = {"smsMessage": None, "emailMessage": None, "emailSubject": None}
CODE_SOURCES = ["SignUp", "ResendCode", "ForgotPassword", "UpdateUserAttribute", "VerifyUserAttribute"]


@pytest.mark.parametrize("source", CODE_SOURCES)
@pytest.mark.parametrize("language", Language)
def test_a_code_comes_in_the_language_of_the_app(
    cloud: Cloud, onboarding: ModuleType, language: Language, source: str
) -> None:
    before = cloud.everything()
    cloud.faults.calls.clear()
    made = message_event(f"CustomMessage_{source}", {"locale": language.value}, placeholder="{##code##}")
    answer = onboarding.handler(made, CONTEXT)["response"]
    words = Translator(language)
    assert answer["emailSubject"] == words.say("codes.subject")
    assert len(answer["emailSubject"]) <= 140
    assert words.say("codes.text") in answer["emailMessage"]
    assert answer["emailMessage"].count("{##code##}") == 1
    assert f'<html lang="{language}" dir="{"rtl" if language is Language.AR else "ltr"}">' in answer["emailMessage"]
    assert len(answer["emailMessage"]) <= 20_000
    # The API reference's pattern of EmailMessage has no control and no format characters, but spaces.
    assert not {c for c in answer["emailMessage"] if unicodedata.category(c).startswith("C") and not c.isspace()}
    assert answer["smsMessage"] is None
    calls = list(cloud.faults.calls)
    assert (calls, cloud.everything()) == ([], before), "a code makes no member"


@pytest.mark.parametrize(
    ("metadata", "attributes", "language"),
    [
        ({"locale": "de-AT"}, {}, Language.DE),
        ({"locale": "AR_eg"}, {}, Language.AR),
        (None, {"locale": "fr-CA"}, Language.FR),
        ({}, {"locale": "es"}, Language.ES),
        ({"locale": "tlh"}, {"locale": "es"}, Language.ES),
        ({"locale": "de"}, {"locale": "es"}, Language.DE),
    ],
)
def test_a_variant_and_the_attribute_count_too(
    onboarding: ModuleType, metadata: object, attributes: dict[str, str], language: Language
) -> None:
    answer = onboarding.handler(message_event(metadata=metadata, attributes=attributes), CONTEXT)["response"]
    assert answer["emailSubject"] == Translator(language).say("codes.subject")


@pytest.mark.parametrize("locale", ["", "tlh", "../en", "de<script>", "x" * 100_000, None, 5, ["de"]])
def test_another_language_has_the_pools_own_mail(onboarding: ModuleType, locale: object) -> None:
    assert onboarding.handler(message_event(metadata={"locale": locale}), CONTEXT)["response"] == UNWRITTEN


def test_an_invitation_is_the_pools_own(onboarding: ModuleType) -> None:
    made = message_event("CustomMessage_AdminCreateUser", {"locale": "de"})
    assert onboarding.handler(made, CONTEXT)["response"] == UNWRITTEN


@pytest.mark.parametrize(
    "broken",
    [
        {"request": {"codeParameter": None, "clientMetadata": {"locale": "de"}}},
        {"request": {"clientMetadata": {"locale": "de"}}},
        {"request": {"codeParameter": "{####}", "clientMetadata": "de"}},
        {"request": None},
        {},
        {"response": None, "request": message_event(metadata={"locale": "de"})["request"]},
    ],
)
def test_what_cannot_be_written_refuses_no_sign_up(onboarding: ModuleType, broken: dict[str, Any]) -> None:
    log = log_of(onboarding.telemetry)
    made = {"triggerSource": "CustomMessage_SignUp", "response": dict(UNWRITTEN), **broken}
    assert onboarding.handler(made, CONTEXT) is made
    assert made["response"] in (UNWRITTEN, None)
    (line,) = lines(log)
    assert (line["level"], line["trigger"], line["request_id"]) == ("ERROR", "CustomMessage_SignUp", "lambda-request-1")


def test_a_mail_that_is_too_long_is_not_written(onboarding: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    log = log_of(onboarding.telemetry)
    monkeypatch.setattr(code_mails, "html", lambda letter: "{####}" + "a" * 20_000)
    assert onboarding.handler(message_event(metadata={"locale": "de"}), CONTEXT)["response"] == UNWRITTEN
    assert [line["level"] for line in lines(log)] == ["ERROR"]
