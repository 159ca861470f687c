"""Rules for every call: tokens, the breaker, headers, one log line, exact metrics, and no secret in any answer."""

import io
import json
import time
from contextlib import redirect_stdout
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from services.api.operations import OPERATIONS
from services.core import aws_json
from services.core.names import parameter_name
from services.core.parameters import BREAKER
from services.core.routes import EDGE_QUERY, ROUTES
from tests.unit.services.cloud import (
    ANNA,
    BEN,
    CLIENT_ID,
    DESCRIPTION,
    PARAMETER_TTL,
    REASON,
    STAGE,
    Answer,
    Api,
    Clock,
    Cloud,
    Fault,
    conflict,
    lost_answer,
    refusal,
)

PROTECTED = [route.operation for route in ROUTES if not route.public]
PUBLIC = {"getHealth", "listQuests", "getQuest", "listMessages", "getUser", "getStats", "unsubscribe"}


def path_of(operation: str) -> dict[str, str]:
    route = next(route for route in ROUTES if route.operation == operation)
    return {name: "0" * 26 for name in ("questId", "userId", "reportId") if f"{{{name}}}" in route.path}


def emitted(api: Api, *call: Any, **named: Any) -> tuple[Answer, dict[str, float], list[dict[str, Any]]]:
    """The answer, the metrics' sums, and the lines that carried them."""
    out = io.StringIO()
    with redirect_stdout(out):
        answer = api.call(*call, **named)
    found = [json.loads(line) for line in out.getvalue().splitlines()]
    sums: dict[str, float] = {}
    for line in found:
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]:
            sums[metric["Name"]] = sums.get(metric["Name"], 0) + sum(line[metric["Name"]])
    return answer, sums, found


def test_only_the_listed_routes_are_public() -> None:
    assert {route.operation for route in ROUTES if route.public} == PUBLIC


@pytest.mark.parametrize("operation", PROTECTED)
def test_every_other_call_needs_a_member(api: Api, operation: str) -> None:
    before = api.cloud.everything()
    answer = api.call(operation, path=path_of(operation))
    assert (answer.status, answer.json["code"]) == (401, "wrong_token")
    assert api.cloud.everything() == before


@pytest.mark.parametrize(
    "claims",
    [
        {"token_use": "id", "aud": CLIENT_ID},
        {"token_use": "refresh"},
        {"token_use": None},
        {"client_id": "another-client"},
        {"client_id": None},
        {"client_id": "", "aud": CLIENT_ID},
    ],
)
def test_an_access_token_of_this_app_and_no_other(api: Api, claims: dict[str, Any]) -> None:
    answer = api.call("getMe", ANNA, claims=claims)
    assert (answer.status, answer.json["code"]) == (401, "wrong_token")
    assert api.cloud.all_users() == {}


def test_who_acts_comes_from_the_token_alone(api: Api) -> None:
    spoofed = {"x-user-id": BEN, "x-amzn-oidc-identity": BEN, "authorization": "Bearer forged"}
    answer = api.call("getMe", ANNA, headers=spoofed)
    assert answer.json["userId"] == ANNA
    assert api.call("getMe", ANNA, query={"userId": BEN}).status == 422
    assert set(api.cloud.all_users()) == {ANNA}


@pytest.mark.parametrize(
    ("claim", "groups"),
    [
        ("[moderators internal]", ["internal", "moderators"]),
        ("[moderators]", ["moderators"]),
        ("moderators,internal", ["internal", "moderators"]),
        ("moderators", ["moderators"]),
        (["moderators", "internal"], ["internal", "moderators"]),
        ("[]", []),
        ("", []),
        (None, []),
        (7, []),
        ("[moderatorsx]", ["moderatorsx"]),
    ],
)
def test_groups_in_every_form_that_the_gateway_has(api: Api, claim: object, groups: list[str]) -> None:
    answer = api.call("getMe", ANNA, groups=claim)
    assert answer.json["groups"] == groups


@pytest.mark.parametrize(
    ("position", "reads", "writes"), [("closed", 200, 201), ("read-only", 200, 503), ("down", 503, 503)]
)
def test_the_breaker(api: Api, position: str, reads: int, writes: int) -> None:
    api.cloud.set_parameter(BREAKER, position)
    body = {"title": "Carry a sofa", "description": DESCRIPTION, "category": "social"}
    refused = api.call("createQuest", ANNA, body)
    assert refused.status == writes
    assert api.call("listQuests").status == reads
    health = api.call("getHealth")
    assert (health.status, health.json["breaker"]) == (200, position)
    assert health.json["status"] == ("ok" if position == "closed" else "maintenance")
    if writes == 503:
        assert (refused.json["code"], refused.headers["retry-after"]) == ("breaker_open", "30")
        assert not any(api.cloud.everything())


def test_health_names_stage_and_release_and_needs_no_table(api: Api) -> None:
    assert api.call("getHealth").status == 200
    with api.cloud.faults.outage():
        health = api.call("getHealth")
    assert (health.status, health.json) == (
        200,
        {"status": "ok", "stage": "unit", "release": "r1", "breaker": "closed"},
    )


@pytest.mark.parametrize("operation", ["listQuests", "getStats", "getUser", "getQuest", "listMessages"])
def test_nobody_puts_an_id_into_what_the_edge_gives_to_others(api: Api, operation: str) -> None:
    answer = api.call(operation, headers={"x-request-id": "poisoned-1"}, path={"questId": "0" * 26, "userId": "nobody"})
    assert answer.headers["x-request-id"].startswith("gw-request-")
    assert "poisoned-1" not in answer.text


READS = [route.operation for route in ROUTES if route.method == "GET" and route.public]


@pytest.mark.parametrize("name", ["x", "utm_source", "_", "Limit"])
@pytest.mark.parametrize("operation", READS)
def test_a_query_of_the_caller_s_own_makes_no_copy_at_the_edge(api: Api, operation: str, name: str) -> None:
    quest_id = api.create(ANNA)
    answer = api.call(operation, query={name: "1"}, path={"questId": quest_id, "userId": ANNA})
    assert (answer.status, answer.headers["cache-control"]) == (422, "no-store")


def test_the_edge_tells_apart_what_reads_know_and_nothing_else() -> None:
    reads = (route.operation for route in ROUTES if route.method == "GET")
    fields = (field for operation in reads for field in OPERATIONS[operation].query.model_fields.items())
    assert {field.alias or name for name, field in fields} == set(EDGE_QUERY)


@pytest.mark.parametrize("given", ["page-0000-1", "A1b2_C3=", "x" * 64])
def test_a_request_keeps_its_id(api: Api, given: str) -> None:
    answer = api.call("getMe", ANNA, headers={"x-request-id": given})
    assert answer.headers["x-request-id"] == given
    assert api.lines()[-1]["request_id"] == given


@pytest.mark.parametrize("given", ["", "short", "x" * 65, "has space in it", "line\nbreak-1", "<script>alert(1)"])
def test_an_id_that_is_none_is_replaced(api: Api, given: str) -> None:
    assert api.call("getMe", ANNA, headers={"x-request-id": given}).headers["x-request-id"] == "gw-request-1"


def test_the_request_id_reaches_the_ledger(api: Api) -> None:
    quest_id = api.create()
    for who, operation, body in [
        (BEN, "claimQuest", None),
        (BEN, "submitQuest", {"submission": "It is upstairs."}),
    ]:
        api.call(operation, who, body, questId=quest_id)
    api.call("attestQuest", ANNA, {}, questId=quest_id, headers={"x-request-id": "last-word-1"})
    entries = {entry.kind.value: entry.request_id for entry in api.cloud.all_entries()}
    assert entries["reward"] == "last-word-1"
    assert entries["create"] == "gw-request-1"


def test_one_line_for_each_request_and_nobody_in_it(api: Api) -> None:
    canaries = {"mail": "canary@example.org", "token": "canary-token", "text": "canary-text of a member"}
    headers = {"authorization": canaries["token"], "cookie": canaries["token"]}
    body = {"title": canaries["text"], "description": canaries["text"], "category": "social", "area": canaries["mail"]}
    assert api.call("createQuest", ANNA, body, headers=headers, claims={"email": canaries["mail"]}).status == 201
    assert api.call("createQuest", ANNA, {**body, "title": canaries["text"] * 99}, headers=headers).status == 422
    assert api.call("listQuests", query={"q": canaries["text"]}).status == 200
    assert api.call("editMe", ANNA, {"displayName": canaries["mail"]}).status == 200
    lines = api.lines()
    assert [line["message"] for line in lines] == ["request"] * 4
    assert [line["status"] for line in lines] == [201, 422, 200, 200]
    assert lines[1]["code"] == "invalid_input"
    assert ["user" in line for line in lines] == [True, True, False, True]
    text = api.log.getvalue()
    assert "canary" not in text
    assert ANNA not in text
    for line in lines:
        assert line["route"].split()[1].startswith("/api/v1/")
        assert line["duration_ms"] >= 0


def test_a_line_of_a_crash_has_no_canary_either(api: Api) -> None:
    api.call("editMe", ANNA, {"displayName": "canary@example.org"})
    api.cloud.dynamodb.update_item(
        TableName=api.cloud.users_table,
        Key={"userId": {"S": ANNA}},
        UpdateExpression="SET points = :p, bio = :b",
        ExpressionAttributeValues={":p": {"S": "canary-points"}, ":b": {"L": [{"S": "canary-bio"}]}},
    )
    answer = api.call("getMe", ANNA)
    assert (answer.status, answer.json["code"]) == (500, "internal_error")
    assert "canary" not in api.log.getvalue() + answer.text
    assert [line["message"] for line in api.lines()][-2:] == ["unhandled", "request"]


def test_metrics_are_counted_once_under_their_names_and_dimensions(api: Api) -> None:
    body = {"title": "Carry a sofa", "description": DESCRIPTION, "category": "social"}
    key = {"idempotency-key": "k1"}
    created, sums, lines = emitted(api, "createQuest", ANNA, body, headers=key)
    assert sums == {"quests_created": 1}
    (line,) = lines
    (directive,) = line["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "CivicForge"
    assert [sorted(names) for names in directive["Dimensions"]] == [["service", "stage"]]
    assert directive["Metrics"] == [{"Name": "quests_created", "Unit": "Count"}]
    assert (line["service"], line["stage"]) == ("civicforge", "unit")
    quest_id = created.json["questId"]
    assert emitted(api, "createQuest", ANNA, body, headers=key)[1] == {}
    steps: list[tuple[str, str, Any, dict[str, float]]] = [
        ("claimQuest", BEN, None, {"claims_held": 1}),
        ("submitQuest", BEN, {"submission": "It is upstairs."}, {"attestations_submitted": 1}),
        ("submitQuest", BEN, {"submission": "It is upstairs."}, {}),
        ("attestQuest", BEN, {}, {}),
        ("attestQuest", ANNA, {}, {"attestations_submitted": 1, "quests_completed": 1}),
        ("attestQuest", ANNA, {}, {}),
    ]
    for operation, who, sent, expected in steps:
        assert emitted(api, operation, who, sent, questId=quest_id)[1] == expected


def test_a_decision_completes_too(api: Api) -> None:
    quest_id = api.quest("DISPUTED")
    verdict = {"outcome": "COMPLETE", "decision": REASON}
    api.cloud.clock.advance(days=3)
    for expected in ({"quests_completed": 1}, {}):
        answer, sums, _ = emitted(api, "resolveDispute", "mona", verdict, groups="[moderators]", questId=quest_id)
        assert (answer.status, sums) == (200, expected)


def test_an_attestation_that_meets_another_one_is_counted_and_lands(api: Api) -> None:
    """Between Anna's read and her write she attests on another device: her second try finds that she has."""
    quest_id = api.quest("SUBMITTED")
    met: list[int] = []

    def anna_first(_operation: str, carry_out: Any) -> Any:
        if not met:
            met.append(api.call("attestQuest", ANNA, {}, questId=quest_id).status)
        return carry_out()

    api.cloud.faults.on("TransactWriteItems", anna_first)
    answer, sums, _ = emitted(api, "attestQuest", ANNA, {}, questId=quest_id)
    assert (met, answer.status, answer.json["status"]) == ([200], 200, "COMPLETE")
    assert sums == {"attestations_submitted": 1, "concurrent_attestation_conflicts": 1, "quests_completed": 1}


DRAFT = {"title": "Carry a sofa", "description": DESCRIPTION, "category": "social"}


def test_a_cold_start_without_parameters_refuses_and_asks_again_at_once(cloud: Cloud) -> None:
    """Neither an open breaker nor a feature is known: nothing is written, and nobody is told that a feature is off."""
    quest_id = Api(cloud).quest("SUBMITTED")
    cloud.set_parameter(BREAKER, "down")
    api = Api(cloud)
    with cloud.faults.outage("GetParameters"):
        refused = [
            api.call("createQuest", ANNA, DRAFT),
            api.call("disputeQuest", BEN, {"reason": REASON}, questId=quest_id),
            api.call("listQuests"),
            api.call("getHealth"),
        ]
    assert {(answer.status, answer.json["code"], answer.headers["retry-after"]) for answer in refused} == {
        (503, "store_unavailable", "5")
    }
    assert api.call("createQuest", ANNA, DRAFT).json["code"] == "breaker_open"
    cloud.set_parameter(BREAKER, "closed")
    cloud.clock.advance(seconds=11)
    assert api.call("disputeQuest", BEN, {"reason": REASON}, questId=quest_id).status == 200


def hangs(clock: Clock) -> Fault:
    """AWS takes the request and never answers; time passes as long as the client waits."""

    def hang(_operation: str, _carry_out: Any) -> Any:
        clock.advance(seconds=max(0.0, aws_json.read_seconds()))
        raise ReadTimeoutError(endpoint_url="unit")

    return hang


@pytest.fixture
def virtual(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The test's clock, also for deadlines and pauses."""
    monkeypatch.setattr(time, "monotonic", cloud.clock.monotonic)
    monkeypatch.setattr(time, "sleep", lambda seconds: cloud.clock.advance(seconds=seconds))
    return cloud.clock


@pytest.mark.parametrize("operation", ["getQuest", "createQuest", "claimQuest", "exportMe"])
def test_a_request_spends_two_seconds_on_aws_that_hangs_and_logs_why(
    cloud: Cloud, virtual: Clock, operation: str
) -> None:
    api = Api(cloud)
    quest_id = api.create()
    began = virtual.now
    with cloud.faults.outage(fault=hangs(virtual)):
        answer = api.call(operation, BEN, DRAFT if operation == "createQuest" else None, questId=quest_id)
    assert (answer.status, answer.headers["retry-after"]) == (503, "5")
    assert (virtual.now - began).total_seconds() <= 2.0
    cause = api.lines()[-1]["cause"]
    assert cause.startswith("StoreUnavailableError: ")
    assert "got no answer" in cause


def test_ssm_that_hangs_costs_a_request_300_ms_once_values_are_known(api: Api, cloud: Cloud, virtual: Clock) -> None:
    assert api.call("listFeatureFlags", ANNA).status == 200
    cloud.set_flag("disputes", "off")
    virtual.advance(seconds=PARAMETER_TTL)
    began = virtual.now
    with cloud.faults.outage("GetParameters", hangs(virtual)):
        answer, sums, _ = emitted(api, "listFeatureFlags", ANNA)
    assert (answer.status, answer.json["flags"]["disputes"]) == (200, True)
    assert (virtual.now - began).total_seconds() <= 0.3
    assert sums == {"parameter_read_failures": 1}


def test_a_fault_of_ours_is_counted_and_an_open_breaker_is_not(api: Api) -> None:
    with api.cloud.faults.outage():
        assert emitted(api, "listQuests")[1] == {"api_errors": 1, "parameter_read_failures": 1}
    assert emitted(api, "listQuests")[1] == {}
    api.cloud.faults.on("Query", refusal("AccessDeniedException"))
    assert emitted(api, "listQuests")[1] == {"api_errors": 1}
    assert emitted(api, "getQuest", questId="nothing")[1] == {}
    api.cloud.set_parameter(BREAKER, "down")
    api.cloud.clock.advance(seconds=11)
    answer, sums, _ = emitted(api, "listQuests")
    assert (answer.status, sums) == (503, {})


def test_a_flag_that_makes_no_sense_is_counted(api: Api) -> None:
    api.cloud.set_flag("disputes", "banana")
    assert emitted(api, "listFeatureFlags", ANNA)[1] == {"flag_parse_errors": 1}


def test_a_parameter_that_is_gone_is_counted_and_named(api: Api) -> None:
    api.cloud.ssm.delete_parameter(Name=parameter_name(STAGE, BREAKER.key))
    answer, sums, _ = emitted(api, "listFeatureFlags", ANNA)
    assert (answer.status, sums) == (200, {"parameter_read_failures": 1})
    (line,) = (line for line in api.lines() if line["message"] == "parameters not read")
    assert (line["level"], line["reason"]) == ("ERROR", f"there is no {parameter_name(STAGE, BREAKER.key)}")


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_cache_headers(api: Api, operation: str) -> None:
    api.app.flags.value("rewards")
    path = {name: ANNA if name == "userId" else api.quest() for name in path_of(operation)}
    api.call("getMe", ANNA)
    who = None if operation in PUBLIC else ANNA
    query = {"role": "requestor"} if operation == "listMyQuests" else None
    answer = api.call(operation, who, query=query, path=path)
    seconds = {"listQuests": 5, "getQuest": 5, "listMessages": 5, "getUser": 30, "getStats": 300}.get(operation)
    expected = f"public, max-age={seconds}" if seconds and answer.status == 200 else "no-store"
    assert answer.headers["cache-control"] == expected
    assert answer.headers["content-type"] in ("application/json", "application/problem+json")
    if seconds:
        assert answer.status == 200


LEAKS = ("Error", "Exception", "arn:", "civicforge-unit", "Traceback", "botocore", "dynamodb", "pydantic", "moto")


@pytest.mark.parametrize(
    ("fault", "status", "code"),
    [
        (
            refusal("AccessDeniedException", message="arn:aws:iam::1:role/x on civicforge-unit-quests"),
            500,
            "internal_error",
        ),
        (refusal("ResourceNotFoundException", message="civicforge-unit-quests"), 500, "internal_error"),
        (refusal("ValidationException"), 500, "internal_error"),
        (
            refusal("ValidationException", message="Cannot read from backfilling global secondary index: board"),
            503,
            "store_unavailable",
        ),
        (refusal("ThrottlingException"), 503, "store_unavailable"),
        (refusal("InternalServerError", 500), 503, "store_unavailable"),
        (conflict("TransactionConflict", "None"), 503, "store_unavailable"),
        (lost_answer, 503, "store_unavailable"),
    ],
)
def test_no_inner_name_gets_out(api: Api, fault: Any, status: int, code: str) -> None:
    body = {"title": "Carry a sofa", "description": DESCRIPTION, "category": "social"}
    with api.cloud.faults.outage("TransactWriteItems", fault), api.cloud.faults.outage("Query", fault):
        answers = [api.call("createQuest", ANNA, body), api.call("listQuests")]
    for answer in answers:
        if answer.status == 200:
            continue
        assert (answer.status, answer.json["code"]) == (status, code)
        assert answer.headers["content-type"] == "application/problem+json"
        assert not [leak for leak in LEAKS if leak in answer.text]
        assert ("retry-after" in answer.headers) == (status == 503)
    assert answers[0].status == status
    assert api.call("createQuest", ANNA, body).status == 201


def test_a_crash_in_the_store_gets_out_as_nothing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(*_: object) -> None:
        raise RuntimeError("civicforge-unit-quests arn:aws:dynamodb")

    monkeypatch.setattr(api.app.platform.quests, "board", crash)
    answer = api.call("listQuests")
    assert answer.status == 500
    assert answer.json == {
        "type": "urn:civicforge:problem:internal_error",
        "title": "Our mistake",
        "status": 500,
        "code": "internal_error",
        "detail": "Something broke on our side. If it stays, send us the request id.",
        "requestId": "gw-request-1",
    }


def test_an_unknown_route_is_no_crash(cloud: Cloud) -> None:
    answer = Api(cloud).call("listQuests", event={"routeKey": "GET /api/v1/nothing"}, who=ANNA)
    assert answer.status == 500


def test_the_handler_answers_for_the_app(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    module = cloud.handler("api", monkeypatch)
    event = {
        "routeKey": "GET /api/health",
        "requestContext": {"requestId": "gw-request-1", "http": {"method": "GET"}},
    }
    answer = module.handler(event, None)
    assert (answer["statusCode"], json.loads(answer["body"])["status"]) == (200, "ok")
