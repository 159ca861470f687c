"""The committed OpenAPI document is current, valid, and what the API really answers."""

import json
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

from services.api.openapi import PATH, document, main
from services.api.operations import OPERATIONS
from services.core.domain.ledger import Kind, State
from services.core.domain.quests import Action, Denial, Status
from services.core.routes import ROUTES
from tests.push_service import Browser
from tests.unit.services.cloud import ANNA, BEN, CARA, DESCRIPTION, MODERATOR, REASON, Answer, Api

SPEC: dict[str, Any] = json.loads(PATH.read_text())
OPERATIONS_OF = {
    operation["operationId"]: (method, path, operation)
    for path, methods in SPEC["paths"].items()
    for method, operation in methods.items()
}


def test_the_committed_document_is_current(capsys: pytest.CaptureFixture[str]) -> None:
    assert document() == SPEC
    assert main(["--check"]) == 0


def test_a_stale_document_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    stale = tmp_path / "openapi.json"
    monkeypatch.setattr("services.api.openapi.PATH", stale)
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0
    assert json.loads(stale.read_text()) == SPEC
    stale.write_text("{}")
    assert main(["--check"]) == 1


def test_the_document_is_valid_openapi() -> None:
    validate(SPEC)


def test_every_route_has_its_operation_and_no_other_is_there() -> None:
    assert {(method.upper(), path, name) for name, (method, path, _) in OPERATIONS_OF.items()} == {
        (route.method, route.path, route.operation) for route in ROUTES
    }
    assert set(OPERATIONS) == {route.operation for route in ROUTES}
    assert len({route.key for route in ROUTES}) == len(ROUTES)


def test_every_call_needs_a_token_but_the_listed_ones() -> None:
    public = {name for name, (_, _, operation) in OPERATIONS_OF.items() if operation["security"] == []}
    assert public == {"getHealth", "listQuests", "getQuest", "listMessages", "getUser", "getStats", "unsubscribe"}
    for name, (_, _, operation) in OPERATIONS_OF.items():
        assert operation["security"] == ([] if name in public else [{"member": []}])
        assert ("401" in operation["responses"]) == (name not in public)


@pytest.mark.parametrize(
    ("schema", "values"),
    [("Status", Status), ("State", State), ("Kind", Kind), ("Denial", Denial)],
)
def test_enumerations_are_complete(schema: str, values: Any) -> None:
    assert SPEC["components"]["schemas"][schema]["enum"] == [value.value for value in values]


def test_every_verdict_is_described() -> None:
    verdicts = SPEC["components"]["schemas"]["QuestView"]["properties"]["allowedActions"]
    names = verdicts.get("propertyNames", {})
    assert names in ({"$ref": "#/components/schemas/Action"}, {"enum": [action.value for action in Action]})


def check(operation: str, answer: Answer) -> None:
    """The answer's status is declared, and its document fits the schema that is declared for it."""
    _, _, declared = OPERATIONS_OF[operation]
    assert str(answer.status) in declared["responses"], (operation, answer.status, answer.text)
    content = declared["responses"][str(answer.status)]["content"]
    schema = {**content[answer.headers["content-type"]]["schema"], "components": SPEC["components"]}
    Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER).validate(answer.json)


BODY: dict[str, Any] = {"title": "Carry a sofa", "description": DESCRIPTION, "category": "social"}
WORK = {"submission": "Done, the sofa is upstairs."}
VERDICT = {"outcome": "COMPLETE", "decision": REASON}


def test_what_is_answered_is_what_is_declared(api: Api) -> None:
    quest_id, withdrawn = api.create(), api.create()
    calls: list[tuple[str, str | None, Any, dict[str, str], dict[str, str]]] = [
        ("getHealth", None, None, {}, {}),
        ("createQuest", ANNA, BODY, {}, {}),
        ("createQuest", ANNA, {}, {}, {}),
        ("createQuest", None, BODY, {}, {}),
        ("listQuests", None, None, {}, {}),
        ("listQuests", None, None, {}, {"limit": "1"}),
        ("listQuests", None, None, {}, {"cursor": "nonsense"}),
        ("getQuest", None, None, {"questId": quest_id}, {}),
        ("getQuest", None, None, {"questId": "nothing"}, {}),
        ("editQuest", ANNA, {"title": "Carry two sofas"}, {"questId": quest_id}, {}),
        ("editQuest", BEN, {"title": "Carry two sofas"}, {"questId": quest_id}, {}),
        ("writeMessage", BEN, {"text": "Is there a lift?", "audience": "public"}, {"questId": quest_id}, {}),
        ("writeMessage", BEN, {"text": "Is there a lift?", "audience": "private"}, {"questId": quest_id}, {}),
        ("listMessages", None, None, {"questId": quest_id}, {"limit": "1"}),
        ("listMyMessages", BEN, None, {"questId": quest_id}, {}),
        ("claimQuest", ANNA, None, {"questId": quest_id}, {}),
        ("claimQuest", BEN, None, {"questId": quest_id}, {}),
        ("cancelQuest", ANNA, None, {"questId": quest_id}, {}),
        ("releaseQuest", BEN, {"reason": REASON}, {"questId": quest_id}, {}),
        ("claimQuest", BEN, None, {"questId": quest_id}, {}),
        ("claimQuest", CARA, None, {"questId": withdrawn}, {}),
        ("listMyTurn", CARA, None, {}, {}),
        ("withdrawQuest", ANNA, {"reason": REASON}, {"questId": withdrawn}, {}),
        ("claimQuest", CARA, None, {"questId": quest_id}, {}),
        ("listMyQuests", CARA, None, {}, {"role": "performer"}),
        ("submitQuest", CARA, WORK, {"questId": quest_id}, {}),
        ("requestChanges", ANNA, {"reason": REASON}, {"questId": quest_id}, {}),
        ("submitQuest", CARA, WORK, {"questId": quest_id}, {}),
        ("hideQuest", MODERATOR, {"reason": REASON}, {"questId": quest_id}, {}),
        ("getMyQuest", CARA, None, {"questId": quest_id}, {}),
        ("unhideQuest", MODERATOR, None, {"questId": quest_id}, {}),
        ("listMyTurn", ANNA, None, {}, {}),
        ("getMyQuest", BEN, None, {"questId": quest_id}, {}),
        ("disputeQuest", CARA, {"reason": REASON}, {"questId": quest_id}, {}),
        ("stateQuest", ANNA, {"statement": REASON}, {"questId": quest_id}, {}),
        ("resolveDispute", BEN, VERDICT, {"questId": quest_id}, {}),
        ("resolveDispute", MODERATOR, VERDICT, {"questId": quest_id}, {}),
        ("getMyQuest", MODERATOR, None, {"questId": quest_id}, {}),
        ("listMyQuests", MODERATOR, None, {}, {"role": "judge"}),
        ("attestQuest", ANNA, {"notes": "Thanks"}, {"questId": quest_id}, {}),
        ("getMe", ANNA, None, {}, {}),
        ("editMe", ANNA, {"bio": "b"}, {}, {}),
        ("editMe", ANNA, {"bio": 7}, {}, {}),
        ("listMyQuests", ANNA, None, {}, {"role": "requestor"}),
        ("listMyQuests", ANNA, None, {}, {}),
        ("listMyLedger", BEN, None, {}, {}),
        ("listMyInbox", ANNA, None, {}, {"limit": "1"}),
        ("readMyInbox", ANNA, {"upTo": "2026-03-01T12:00:00.000Z#q#1#claimed"}, {}, {}),
        ("unsubscribe", None, None, {}, {"token": "nonsense"}),
        ("addMyDevice", ANNA, Browser("https://fcm.googleapis.com/fcm/send/phone").subscription, {}, {}),
        ("addMyDevice", ANNA, Browser("https://localhost/phone").subscription, {}, {}),
        ("listMyDevices", ANNA, None, {}, {}),
        ("removeMyDevice", ANNA, None, {"deviceId": "nothing"}, {}),
        ("makeReport", ANNA, {"subject": {"kind": "member", "userId": BEN}, "reason": "rude"}, {}, {}),
        ("makeReport", ANNA, {"subject": {"kind": "member", "userId": ANNA}, "reason": "rude"}, {}, {}),
        ("makeReport", ANNA, {"subject": {"kind": "member"}, "reason": "rude"}, {}, {}),
        ("listMyReports", ANNA, None, {}, {"side": "reporter"}),
        ("listReports", ANNA, None, {}, {}),
        ("listReports", MODERATOR, None, {}, {}),
        ("getReport", MODERATOR, None, {"reportId": "0" * 26}, {}),
        ("decideReport", MODERATOR, {"measure": "warn", "words": REASON}, {"reportId": "0" * 26}, {}),
        ("objectToDecision", BEN, {"reason": REASON}, {"reportId": "0" * 26}, {}),
        ("blockMember", ANNA, None, {"userId": BEN}, {}),
        ("blockMember", ANNA, None, {"userId": ANNA}, {}),
        ("unblockMember", ANNA, None, {"userId": BEN}, {}),
        ("exportMe", ANNA, None, {}, {}),
        ("deleteMe", ANNA, None, {}, {}),
        ("restoreMe", ANNA, None, {}, {}),
        ("restoreMe", "nobody", None, {}, {}),
        ("getUser", None, None, {"userId": ANNA}, {}),
        ("getUser", None, None, {"userId": "nobody"}, {}),
        ("listFeatureFlags", ANNA, None, {}, {}),
        ("getStats", None, None, {}, {}),
    ]
    for operation, who, body, path, query in calls:
        groups = "[moderators]" if who == MODERATOR else ""
        check(operation, api.call(operation, who, body, groups=groups, query=query, path=path))
    assert {operation for operation, *_ in calls} == set(OPERATIONS)
    check("createQuest", api.call("createQuest", ANNA, raw="{}", headers={"content-type": "text/plain"}))
    check("createQuest", api.call("createQuest", ANNA, raw="x" * 100_000))
    check("createQuest", api.call("createQuest", ANNA, raw="{"))
    with api.cloud.faults.outage():
        for operation in ("createQuest", "listQuests", "getMe"):
            check(operation, api.call(operation, ANNA, BODY if operation == "createQuest" else None))


def test_a_report_from_its_making_to_its_objection(api: Api) -> None:
    """The answers that need a report."""
    api.call("getMe", BEN)
    report = {"subject": {"kind": "member", "userId": BEN}, "reason": "rude", "words": "Look."}
    made = api.call("makeReport", ANNA, report)
    check("makeReport", made)
    path = {"reportId": made.json["reportId"]}
    for operation, who, body in (
        ("listReports", MODERATOR, None),
        ("getReport", MODERATOR, None),
        ("decideReport", MODERATOR, {"measure": "hide", "words": REASON}),
        ("decideReport", MODERATOR, {"measure": "warn", "words": REASON}),
        ("decideReport", "max-6", {"measure": "warn", "words": REASON}),
        ("objectToDecision", BEN, {"reason": REASON}),
        ("getReport", MODERATOR, None),
    ):
        groups = "[moderators]" if who != BEN else ""
        check(operation, api.call(operation, who, body, groups=groups, path=path))
    check("listMyReports", api.call("listMyReports", BEN, query={"side": "concerned"}))
    check("listMyReports", api.call("listMyReports", ANNA))
