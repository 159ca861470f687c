"""The comment on each of many changes of prod, from the previews that Pulumi's own engine made of them."""

import json
import re
from typing import Any

import pytest

from infra.review import exit_code
from tests.unit.infra.plan import plan
from tests.unit.infra.prod_changes import CHANGES, EXAMPLES, RECORDED, as_examples, first_lines, preview_of

ANSWERS: dict[str, Any] = json.loads(RECORDED.read_text(encoding="utf-8"))


def test_every_change_has_its_preview_and_half_of_them_were_nobody_s_finding() -> None:
    assert set(ANSWERS["changes"]) == set(CHANGES)
    assert len(CHANGES) >= 60
    assert sum(not change.known for change in CHANGES.values()) >= 30


def test_every_change_is_of_something_that_prod_has() -> None:
    there = {f"{made.type.rsplit(':', 1)[-1]}:{made.name}" for made in plan("prod").resources}
    named = {change.resource for change in CHANGES.values() if not change.resource.endswith("*")}
    assert named - {""} <= there, "name another one, and record it by `make engine-answers`"


@pytest.mark.parametrize("name", CHANGES)
def test_the_first_lines_say_what_matters(name: str) -> None:
    preview = preview_of(name, ANSWERS)
    told = "\n".join(first_lines(preview))
    for words in CHANGES[name].says:
        assert words in told
    assert exit_code(preview, accepted=False) == CHANGES[name].code


def test_the_examples_are_what_is_said_today() -> None:
    assert EXAMPLES.read_text(encoding="utf-8") == as_examples(ANSWERS), "run `python -m tests.unit.infra.prod_changes`"


def test_no_path_and_no_secret_is_recorded() -> None:
    text = RECORDED.read_text(encoding="utf-8")
    assert re.findall(r'"/[^"\s]*\.(?:zip|py|json|js)"', text) == [], "a file by the path of whoever recorded it"
    for found in ANSWERS["changes"].values():
        for step in found["steps"]:
            for inputs in ((step.get(state) or {}).get("inputs") or {} for state in ("oldState", "newState")):
                assert inputs.get("type") != "SecureString" or inputs["value"] == "[secret]"
