"""Hostile and clumsy input: a clear 4xx, nothing stored, and the next request works."""

import base64
import json
import unicodedata
from types import SimpleNamespace
from typing import Any

import pytest

from services.api.app import MAX_BODY
from services.core import cursors
from services.core.parameters import API_KEY
from tests.unit.services.cloud import ANNA, BEN, DESCRIPTION, Answer, Api

BODY: dict[str, Any] = {"title": "Carry a sofa", "description": DESCRIPTION, "category": "social"}


def raw(**replaced: str) -> str:
    """The valid body with some values replaced by JSON of the test's own spelling."""
    fields = {name: json.dumps(value) for name, value in BODY.items()} | replaced
    return "{" + ", ".join(f'"{name}": {value}' for name, value in fields.items()) + "}"


def refused(api: Api, *call: Any, **named: Any) -> Answer:
    """Calls, and checks that nothing came of it."""
    before = api.cloud.everything()
    answer = api.call(*call, **named)
    assert 400 <= answer.status < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert {"type", "title", "status", "code", "detail", "requestId"} <= set(answer.json)
    assert answer.json["status"] == answer.status
    assert api.cloud.everything() == before
    assert api.call("createQuest", ANNA, BODY).status == 201
    return answer


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ('"100"', "rewardXp"),
        ("1e400", "rewardXp"),
        ("-1e400", "rewardXp"),
        ("1e2", "rewardXp"),
        ("100.0", "rewardXp"),
        ("100.5", "rewardXp"),
        ("true", "rewardXp"),
        ("null", "rewardXp"),
        ("[100]", "rewardXp"),
        ("{}", "rewardXp"),
        ("0", "rewardXp"),
        ("1001", "rewardXp"),
        ("-5", "rewardReputation"),
        ("9" * 400, "rewardXp"),
        ("7", "title"),
        ("null", "title"),
        ('"    "', "title"),
        ('"abcd"', "title"),
        (json.dumps("x" * 201), "title"),
        ('"line\\nbreak"', "title"),
        ('"bidi\\u202eoverride"', "title"),
        ('"isolate\\u2066d"', "title"),
        ('"nul\\u0000byte"', "title"),
        ('"\\u200b\\u200b\\u200b\\u200b\\u200b\\ufeff"', "title"),
        (json.dumps("x" * 2001), "description"),
        ('"SOCIAL"', "category"),
        ('"sports"', "category"),
        ('["social"]', "category"),
        ('"sofa"', "tags"),
        ('["a", "b", "c", "d", "e", "f"]', "tags"),
        ("[1]", "tags.0"),
        ('"x"', "requestorId"),
        ('"OPEN"', "status"),
        ("1", "version"),
        ('"q1"', "questId"),
        ('{"x": 1}', "__proto__"),
    ],
)
def test_a_field_that_does_not_fit_is_named(api: Api, value: str, field: str) -> None:
    answer = refused(api, "createQuest", ANNA, raw=raw(**{field.split(".")[0]: value}))
    assert (answer.status, answer.json["code"]) == (422, "invalid_input")
    assert [error["field"] for error in answer.json["errors"]] == [field]
    assert answer.json["errors"][0]["message"]


@pytest.mark.parametrize("body", ["[]", "null", '"text"', "7", "true"])
def test_a_body_that_is_no_object(api: Api, body: str) -> None:
    answer = refused(api, "createQuest", ANNA, raw=body)
    assert answer.status == 422


@pytest.mark.parametrize("operation", ["createQuest", "editQuest", "editMe", "attestQuest"])
def test_a_missing_body_is_refused_as_the_document_says(api: Api, operation: str) -> None:
    answer = api.call(operation, ANNA, questId=api.create(), raw="")
    assert (answer.status, answer.json["code"]) == (400, "no_body")


@pytest.mark.parametrize("operation", ["getQuest", "getStats", "getHealth", "getMe", "claimQuest"])
def test_an_unknown_parameter_is_refused_everywhere(api: Api, operation: str) -> None:
    """Else each name that a caller makes up is another copy of the answer at the edge."""
    answer = api.call(operation, ANNA, questId=api.create(), query={"x": "1"})
    assert answer.status == 422
    assert [error["field"] for error in answer.json["errors"]] == ["x"]


def test_missing_fields_are_all_named(api: Api) -> None:
    answer = refused(api, "createQuest", ANNA, {})
    assert [error["field"] for error in answer.json["errors"]] == ["title", "description", "category"]


@pytest.mark.parametrize(
    "body",
    [
        "{",
        "not json",
        "{'title': 'x'}",
        '{"title": "x",}',
        "\ufeff{}",
        raw(rewardXp="NaN"),
        raw(rewardXp="Infinity"),
        raw(rewardXp="-Infinity"),
        raw(rewardXp="9" * 5000),
        raw()[:-1] + ', "title": "Carry another sofa"}',
        raw(tags='[{"a": 1, "a": 2}]'),
        raw(tags="[" * 12_000),
        raw(tags="[" * 5000 + "]" * 5000),
        raw(tags="[" * 9 + "]" * 9),
        raw(tags='{"a":' * 4000 + "1" + "}" * 4000),
    ],
)
def test_a_body_that_is_no_json(api: Api, body: str) -> None:
    answer = refused(api, "createQuest", ANNA, raw=body)
    assert (answer.status, answer.json["code"]) == (400, "bad_json")


@pytest.mark.parametrize("title", ['"lone \\ud800 surrogate"', '"lone \\udfff surrogate"', '"\\udc00\\ud800 swapped"'])
def test_lone_surrogates(api: Api, title: str) -> None:
    assert refused(api, "createQuest", ANNA, raw=raw(title=title)).status in (400, 422)


def test_a_lone_surrogate_in_the_body_itself(api: Api) -> None:
    assert refused(api, "createQuest", ANNA, raw=raw(title='"lone \ud800 surrogate"')).status in (400, 422)


def test_huge_bodies_are_not_looked_at(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    huge = raw(description=json.dumps("x" * 2_000_000))
    untouched = SimpleNamespace(loads=lambda *_: pytest.fail("parsed"), b64decode=lambda *_: pytest.fail("decoded"))
    with monkeypatch.context() as patched:
        patched.setattr("services.api.app.json", untouched)
        patched.setattr("services.api.app.base64", untouched)
        for sent in ({}, {"isBase64Encoded": True}):
            answer = api.call("createQuest", ANNA, raw=huge, event=sent)
            assert (answer.status, answer.json["code"]) == (413, "body_too_large")
    assert not any(api.cloud.everything())


def test_the_largest_valid_body_fits(api: Api) -> None:
    body = {**BODY, "title": "€" * 200, "description": "€" * 2000, "area": "€" * 80, "tags": ["€" * 30] * 5}
    sent = json.dumps(body)  # \\u20ac for each: the longest spelling
    assert len(sent) < MAX_BODY
    assert api.call("createQuest", ANNA, raw=sent).status == 201


def test_base64(api: Api) -> None:
    coded = base64.b64encode(raw().encode()).decode()
    assert api.call("createQuest", ANNA, raw=coded, event={"isBase64Encoded": True}).status == 201
    for bad in ("%%%", "abc", base64.b64encode(b"\xff\xfe\x00").decode()):
        answer = refused(api, "createQuest", ANNA, raw=bad, event={"isBase64Encoded": True})
        assert (answer.status, answer.json["code"]) == (400, "bad_json")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_another_content_type(api: Api, kind: str) -> None:
    answer = refused(api, "createQuest", ANNA, raw=raw(), headers={"content-type": kind})
    assert (answer.status, answer.json["code"]) == (415, "not_json")


@pytest.mark.parametrize("kind", ["application/json", "application/json; charset=utf-8", "application/json;x=y"])
def test_json_by_its_names(api: Api, kind: str) -> None:
    assert api.call("createQuest", ANNA, raw=raw(), headers={"content-type": kind}).status == 201


@pytest.mark.parametrize("key", ["", " ", "a b", "ä", "x" * 129, "line\nbreak"])
def test_idempotency_keys_that_are_none(api: Api, key: str) -> None:
    answer = refused(api, "createQuest", ANNA, BODY, headers={"idempotency-key": key})
    assert (answer.status, answer.json["code"]) == (400, "bad_idempotency_key")


@pytest.mark.parametrize(
    "quest_id",
    ["", "x", "0" * 25, "0" * 27, "O" * 26, "0" * 24 + "#1", "../" * 8 + "ab", "' OR 1=1 --", "0" * 26, "💥"],
)
def test_quest_ids_that_are_none(api: Api, quest_id: str) -> None:
    api.cloud.faults.calls.clear()
    for operation, who in [("getQuest", None), ("getMyQuest", ANNA), ("claimQuest", ANNA)]:
        answer = refused(api, operation, who, questId=quest_id)
        assert (answer.status, answer.json["code"]) == (404, "quest_not_found")


@pytest.mark.parametrize("user_id", ["", "x" * 65, "a b", "#", "nobody", "../x"])
def test_user_ids_that_are_none(api: Api, user_id: str) -> None:
    answer = refused(api, "getUser", userId=user_id)
    assert (answer.status, answer.json["code"]) == (404, "user_not_found")


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"limit": "0"}, "limit"),
        ({"limit": "101"}, "limit"),
        ({"limit": "-1"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"limit": "1.5"}, "limit"),
        ({"limit": "NaN"}, "limit"),
        ({"limit": "1,2"}, "limit"),
        ({"limit": ""}, "limit"),
        ({"limit": "9" * 5000}, "limit"),
        ({"status": "CLAIMED"}, "status"),
        ({"status": "open"}, "status"),
        ({"category": "sports"}, "category"),
        ({"q": "x" * 81}, "q"),
        ({"q": "a\u202eb"}, "q"),
        ({"q": "a\nb"}, "q"),
        ({"cursor": ""}, "cursor"),
        ({"cursor": "x" * 1001}, "cursor"),
        ({"sort": "title"}, "sort"),
        ({"Limit": "1"}, "Limit"),
    ],
)
def test_queries_that_do_not_fit(api: Api, query: dict[str, str], field: str) -> None:
    answer = refused(api, "listQuests", query=query)
    assert (answer.status, [error["field"] for error in answer.json["errors"]]) == (422, [field])


def test_a_role_is_needed_for_the_own_quests(api: Api) -> None:
    for query in ({}, {"role": "stranger"}):
        answer = refused(api, "listMyQuests", ANNA, query=query)
        assert [error["field"] for error in answer.json["errors"]] == ["role"]


def _cursor(api: Api, operation: str, who: str | None = None, **query: str) -> str:
    answer = api.call(operation, who, query={**query, "limit": "1"})
    return str(answer.json["nextCursor"])


def test_cursors_of_elsewhere(api: Api) -> None:
    for author in (ANNA, BEN):
        for _ in range(3):
            api.create(author)
    good = _cursor(api, "listMyQuests", ANNA, role="requestor")
    assert api.call("listMyQuests", ANNA, query={"role": "requestor", "cursor": good}).status == 200
    ledger, board = _cursor(api, "listMyLedger", ANNA), _cursor(api, "listQuests")
    attacks: list[tuple[str, str | None, dict[str, str], str]] = [
        ("listMyQuests", BEN, {"role": "requestor"}, good),
        ("listMyQuests", ANNA, {"role": "performer"}, good),
        ("listMyQuests", ANNA, {"role": "requestor"}, ledger),
        ("listMyQuests", ANNA, {"role": "requestor"}, board),
        ("listMyLedger", BEN, {}, ledger),
        ("listMyLedger", ANNA, {}, good),
        ("listQuests", None, {}, ledger),
        ("listQuests", None, {"q": "sofa"}, board),
        ("listQuests", None, {"category": "social"}, board),
        ("listQuests", None, {}, board[:-3]),
        ("listQuests", None, {}, "A" + board[1:] if board[0] != "A" else "B" + board[1:]),
        ("listQuests", None, {}, "bm9uc2Vuc2U"),
        ("listQuests", None, {}, cursors.sign([b"foreign key"], "board|None|", "2099")),
    ]
    for operation, who, query, cursor in attacks:
        answer = api.call(operation, who, query={**query, "cursor": cursor})
        assert (answer.status, answer.json["code"]) == (400, "bad_cursor"), (operation, query, cursor)


@pytest.mark.parametrize("cursor", ["", "\u00fcnsinn", "bm9u+c2Vu/c2U=", "A" * 1001])
def test_a_cursor_of_another_alphabet_is_invalid_input(api: Api, cursor: str) -> None:
    answer = api.call("listQuests", query={"cursor": cursor})
    assert (answer.status, [error["field"] for error in answer.json["errors"]]) == (422, ["cursor"])


def test_a_cursor_outlives_its_key_by_the_grace_time(api: Api) -> None:
    for _ in range(2):
        api.create()
    cursor = _cursor(api, "listQuests")
    until = api.cloud.clock.now.replace(year=2027).isoformat()
    for keys, status in [
        ({"current": "key-2", "previous": "key-1", "previousUntil": until}, 200),
        ({"current": "key-2", "previous": None, "previousUntil": None}, 400),
    ]:
        api.cloud.set_parameter(API_KEY, json.dumps(keys))
        api.cloud.clock.advance(seconds=11)
        assert api.call("listQuests", query={"cursor": cursor}).status == status


@pytest.mark.parametrize(
    "typed", ["Tom & Jerry <3", "<script>alert(1)</script>", "&amp; &lt;", "  two  spaces  ", '"quoted\\" text']
)
def test_plain_text_comes_back_byte_for_byte(api: Api, typed: str) -> None:
    quest_id = api.create(title=typed, area=typed)
    for answer in (api.call("getQuest", questId=quest_id), api.call("getMyQuest", ANNA, questId=quest_id)):
        assert (answer.json["title"], answer.json["area"]) == (typed, typed)
    assert api.call("listQuests").json["items"][0]["title"] == typed
    me = api.call("editMe", ANNA, {"displayName": typed, "bio": typed}).json
    assert me["displayName"] == " ".join(typed.split()), "no two names differ by blanks alone"
    assert api.call("getUser", userId=ANNA).json["bio"] == typed


@pytest.mark.parametrize("typed", ["zero\u200bwidth", "zerowidth\ufeff", "\u2060zero\u00adwidth"])
def test_what_shows_nothing_is_taken_out(api: Api, typed: str) -> None:
    quest_id = api.create(title=typed)
    assert api.call("getQuest", questId=quest_id).json["title"] == "zerowidth"


def test_text_comes_back_in_nfc(api: Api) -> None:
    quest_id = api.create(title=unicodedata.normalize("NFD", "Café Zürich"))
    assert api.call("getQuest", questId=quest_id).json["title"] == "Café Zürich"


def test_markdown_comes_back_as_typed_and_as_safe_html(api: Api) -> None:
    typed = "**Bold** <script>alert(1)</script> [x](javascript:alert(1))"
    answer = api.call("getQuest", questId=api.create(description=typed))
    assert answer.json["description"] == typed
    assert answer.json["descriptionHtml"] == (
        "<p><strong>Bold</strong> &lt;script&gt;alert(1)&lt;/script&gt; [x](javascript:alert(1))</p>"
    )
