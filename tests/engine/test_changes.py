"""The comment on each change of prod, by Pulumi's own engine.

`RECORD=1` writes what `make test` compares with; with `CHANGES` (names with commas), only these of it.
"""

import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from infra.paths import REPOSITORY
from infra.review import exit_code
from localcloud.engine.language_host import directory_program
from tests.engine.conftest import BOOTSTRAP, HOST_SETTINGS, Account
from tests.unit.infra.prod_changes import CHANGES, EXAMPLES, RECORDED, as_examples, first_lines, preview_of

LONG = 100
"""Characters of an input that is left out where it does not change."""
COUNTED = {
    "aws:dynamodb/table:Table": ("billingMode", "readCapacity", "writeCapacity", "globalSecondaryIndexes"),
    "aws:cloudwatch/metricAlarm:MetricAlarm": ("name", "metricQueries"),
    "aws:cloudwatch/compositeAlarm:CompositeAlarm": ("alarmName",),
    "aws:kms/key:Key": ("enableKeyRotation",),
    "aws:cloudwatch/dashboard:Dashboard": ("dashboardName",),
    "aws:lambda/function:Function": ("name", "memorySize"),
}
"""The inputs that the cost needs of resources that stay as they are."""


@pytest.fixture(scope="module")
def prod(make_account: Callable[[], Account]) -> Account:
    """An account of its own with prod up, which keeps its data when it is destroyed."""
    account = make_account()
    account.engine.up("bootstrap", overrides=BOOTSTRAP)
    account.engine.up("prod", overrides=HOST_SETTINGS)
    return account


def test_a_change_of_prod_is_told(prod: Account) -> None:
    """In one test, since a process runs one program at a time."""
    program = directory_program(REPOSITORY / "infra")
    only = os.environ.get("CHANGES")
    recorded: dict[str, Any] = json.loads(RECORDED.read_text()) if only else {"same": [], "changes": {}}
    wrong = []
    started = time.monotonic()
    for name in only.split(",") if only else CHANGES:
        change = CHANGES[name]
        with change.made():
            text = prod.engine.preview_document("prod", program, overrides={**HOST_SETTINGS, **change.config})
        document = json.loads(text)
        if name == "nothing":
            recorded["same"] = [_pruned(step) for step in document["steps"]]
        recorded["changes"][name] = _kept(document)
        preview = preview_of(name, recorded)
        told = "\n".join(first_lines(preview))
        missing = [words for words in change.says if words not in told]
        code = exit_code(preview, accepted=False)
        sys.stderr.write(f"{time.monotonic() - started:6.1f} s  {name}\n")
        if missing or code != change.code:
            wrong.append(f"{name}: exit code {code}, without {missing}:\n{told}\n")
    if os.environ.get("RECORD"):
        recorded["changes"] = {name: recorded["changes"][name] for name in CHANGES}
        RECORDED.write_text(_lines(recorded), encoding="utf-8")
        EXAMPLES.write_text(as_examples(recorded), encoding="utf-8")
    assert not wrong, "\n".join(wrong)


def _lines(recorded: Mapping[str, Any]) -> str:
    """As JSON with a line for each step, so that a difference can be read."""
    same = ",\n".join(json.dumps(step, sort_keys=True) for step in recorded["same"])
    changes = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(found, sort_keys=True)}" for name, found in recorded["changes"].items()
    )
    return f'{{"same": [\n{same}\n],\n"changes": {{\n{changes}\n}}}}\n'


def _type(step: Mapping[str, Any]) -> str:
    return str(step["urn"].split("::")[2].split("$")[-1])


def _pruned(step: Mapping[str, Any]) -> dict[str, Any]:
    counted = COUNTED.get(_type(step), ())
    inputs = {key: value for key, value in step["newState"].get("inputs", {}).items() if key in counted}
    state = {"inputs": inputs, "custom": step["newState"]["custom"]}
    return {"op": "same", "urn": step["urn"], "oldState": state, "newState": state}


def _kept(document: Mapping[str, Any]) -> dict[str, Any]:
    """The changes, without this machine's own parts; a resource that is no longer protected counts as one."""
    steps = [step for step in document.get("steps") or [] if step["op"] != "same" or _loosened(step)]
    return {
        "steps": [_brief(step) for step in steps],
        "diagnostics": [one for one in document.get("diagnostics") or [] if one.get("severity") == "error"],
        "changeSummary": document.get("changeSummary") or {},
    }


def _loosened(step: Mapping[str, Any]) -> bool:
    return any((step["oldState"] or {}).get(key) != step["newState"].get(key) for key in ("protect", "retainOnDelete"))


READ = ("op", "urn", "replaceReasons", "diffReasons")
READ_OF_A_STATE = ("custom", "inputs", "protect", "retainOnDelete")
"""The keys that a review reads of a step, and of its states before and after."""


def _brief(step: Mapping[str, Any]) -> dict[str, Any]:
    """The parts of a step for a review, without long inputs that stay as they are and without the paths of archives."""
    found = {key: step[key] for key in READ if key in step}
    for name in ("oldState", "newState"):
        if step.get(name):
            found[name] = {key: _placeless(step[name][key]) for key in READ_OF_A_STATE if key in step[name]}
    old, new = (found.get(name, {}).get("inputs", {}) for name in ("oldState", "newState"))
    for key in [key for key in {*old} & {*new} if old[key] == new[key] and len(json.dumps(old[key])) > LONG]:
        del old[key], new[key]
    return found


def _placeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _placeless(item)
            for key, item in value.items()
            if key != "__defaults" and not (key == "path" and "hash" in value)
        }
    return [_placeless(item) for item in value] if isinstance(value, list) else value
