"""Operations under way when Pulumi was killed, and the state set right; a provider that finds what it is told."""

import copy
from typing import Any

import pytest

from localcloud.pulumi_engine.recovery import Finding, look_up, set_right

QUEUE, ROLE = "aws:sqs/queue:Queue", "aws:iam/role:Role"


def urn(name: str, type_: str = QUEUE) -> str:
    return f"urn:pulumi:prod::civicforge::{type_}::{name}"


def resource(name: str, id_: str | None = None, type_: str = QUEUE, **more: Any) -> dict[str, Any]:
    found = {"urn": urn(name, type_), "type": type_, "custom": True, "inputs": {"name": name}, **more}
    return found if id_ is None else {**found, "id": id_, "outputs": {"name": name}}


class FakeProvider:
    """Ids by the name of what is there."""

    def __init__(self, **ids: list[str] | None) -> None:
        self.ids = ids

    def find(self, _type: str, name: str, inputs: dict[str, Any]) -> list[str] | None:
        assert inputs == {"name": name}
        return self.ids.get(name, [])

    def read(self, _type: str, name: str, id_: str, inputs: dict[str, Any]) -> Any:
        return (inputs, {"arn": f"arn:{id_}", **inputs}) if id_ in (self.ids.get(name) or []) else None


def state(*operations: tuple[str, dict[str, Any]], known: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    pending = [{"type": type_, "resource": of} for type_, of in operations]
    return {"version": 3, "deployment": {"resources": [*known], "pending_operations": pending}}


def recovered(before: dict[str, Any], there: FakeProvider) -> tuple[list[Finding], list[dict[str, Any]]]:
    provider: Any = there
    kept = copy.deepcopy(before)
    findings = look_up(before, provider)
    after = set_right(before, findings, provider)
    assert before == kept, "the state that was read is not changed"
    assert "pending_operations" not in after["deployment"]
    assert look_up(after, provider) == []
    return findings, after["deployment"]["resources"]


def test_what_was_made_is_adopted_with_what_the_state_knows_of_it() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "x"}
    pending = resource("q", parent="urn:parent", dependencies=["urn:d"])
    pending["inputs"]["kms"] = secret
    (finding,), (adopted,) = recovered(state(("creating", pending)), FakeProvider(q=["url"]))
    assert (finding.fate, finding.id) == ("adopt", "url")
    assert adopted["outputs"] == {"name": "q", "kms": secret, "arn": "arn:url"}
    assert (adopted["parent"], adopted["dependencies"]) == ("urn:parent", ["urn:d"])
    assert "belongs to the stack from now on" in finding.sentence


def test_what_is_not_there_is_dropped() -> None:
    (finding,), resources = recovered(state(("creating", resource("q"))), FakeProvider())
    assert finding.fate == "drop"
    assert resources == []
    assert "nothing is there" in finding.sentence


@pytest.mark.parametrize(("ids", "said"), [(["a", "b"], "a, b may be its own"), (None, "it cannot be looked up")])
def test_what_cannot_be_told_apart_is_named_and_not_touched(ids: list[str] | None, said: str) -> None:
    (finding,), resources = recovered(state(("creating", resource("q"))), FakeProvider(q=ids))
    assert finding.fate == "orphan"
    assert said in finding.sentence
    assert resources == []


def test_what_the_stack_has_already_is_nobody_elses() -> None:
    """A thing of the same name that another record has is not adopted a second time."""
    known = resource("q", "url")
    (finding,), resources = recovered(state(("creating", resource("q")), known=(known,)), FakeProvider(q=["url"]))
    assert finding.fate == "drop"
    assert resources == [known]


def test_a_successor_takes_the_place_of_what_is_then_deleted() -> None:
    before, after = resource("first", "1"), resource("last", "9")
    old = resource("q", "old")
    findings, resources = recovered(
        state(("creating", resource("q")), known=(before, old, after)), FakeProvider(q=["old", "new"])
    )
    assert [finding.fate for finding in findings] == ["adopt"]
    assert [(one["id"], one.get("delete", False)) for one in resources] == [
        ("1", False),
        ("new", False),
        ("old", True),
        ("9", False),
    ]


def test_a_successor_of_what_was_deleted_first_stands_alone() -> None:
    gone = resource("q", "url", pendingReplacement=True)
    _, resources = recovered(state(("creating", resource("q")), known=(gone,)), FakeProvider(q=["url"]))
    assert [(one["id"], "pendingReplacement" in one) for one in resources] == [("url", False)]


def test_what_was_being_deleted_is_forgotten_only_where_it_is_gone() -> None:
    here, gone = resource("here", "h"), resource("gone", "g")
    findings, resources = recovered(
        state(("deleting", here), ("deleting", gone), known=(here, gone)), FakeProvider(here=["h"])
    )
    assert [finding.fate for finding in findings] == ["drop", "forget"]
    assert resources == [here]


def test_an_update_is_left_to_the_refresh() -> None:
    known = resource("q", "url")
    (finding,), resources = recovered(state(("updating", known), known=(known,)), FakeProvider(q=["url"]))
    assert finding.sentence == "updating Queue q: `refresh` looks at it"
    assert resources == [known]


def test_an_empty_stack_has_nothing_to_recover() -> None:
    provider: Any = FakeProvider()
    assert look_up({"version": 3, "deployment": {}}, provider) == []
    assert look_up({"version": 3, "deployment": {"pending_operations": None, "resources": None}}, provider) == []
