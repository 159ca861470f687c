"""The embedded engine beside Pulumi's own: the same programs, and the recorded answers of Pulumi's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.platform.conftest import Platform
from tests.platform.differential import drawn
from tests.platform.differential.programs import PROGRAMS
from tests.platform.differential.runner import PROJECT, RECORDED, Answer, Embedded, run, run_steps

ANSWERS: dict[str, list[Answer]] = json.loads(RECORDED.read_text(encoding="utf-8"))

DRAWN = drawn.read()

REFUSED = {
    "deleted_with": "deletedWith",
    "export_asset": "an asset as an output",
    "hooks": "a hook",
    "import_mismatch": "import",
    "none_in_path": "'None' in a path is an output without a value",
    "provider_region": "a provider of another region",
    "replace_with": "replaceWith",
    "replacement_trigger": "a replacement trigger",
    "stack_reference": "a reference to another stack",
    "stack_transform": "a transform",
    "transforms": "a transform",
}
"""The programs that the embedded engine refuses and Pulumi's honours."""

BETTER = {
    "destroy_protected": "deletes nothing while something is protected",
    "kill_after_create": "takes over what it had made",
    "kill_after_create_no_identity": "as above",
    "kill_during_replace": "as above",
    "kill_during_replace_same": "as above",
    "kill_in_dbr": "as above",
    "kill_in_delete": "as above",
}
"""The programs for which it differs on purpose: at least what Pulumi's engine keeps must be kept."""


@pytest.fixture(scope="module")
def apart(make_platform: Callable[[], Platform]) -> Platform:
    """An emulator on which nobody else counts what is there."""
    return make_platform()


def test_every_program_has_an_answer() -> None:
    assert set(ANSWERS) == set(PROGRAMS)
    assert set(PROGRAMS) >= {*REFUSED, *BETTER}


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:coroutine:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("name", sorted(set(PROGRAMS) - set(REFUSED) - set(BETTER)))
def test_both_engines_do_the_same(name: str, apart: Platform, tmp_path: Path) -> None:
    assert [*map(compared, answers(name, apart, tmp_path))] == [*map(compared, ANSWERS[name])]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:coroutine:RuntimeWarning")
@pytest.mark.parametrize("name", sorted(REFUSED))
def test_what_is_not_honoured_is_refused(name: str, apart: Platform, tmp_path: Path) -> None:
    assert any(answer.get("error") for answer in answers(name, apart, tmp_path))


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("name", sorted(BETTER))
def test_nothing_is_lost_that_the_other_engine_keeps(name: str, apart: Platform, tmp_path: Path) -> None:
    last = answers(name, apart, tmp_path)[-1]
    if name.startswith("kill"):
        assert not last.get("error")
    if PROGRAMS[name][-1].get("destroy"):
        assert set(last["cloud"]) >= set(ANSWERS[name][-1]["cloud"])


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning", "ignore:coroutine:RuntimeWarning")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("number", range(len(DRAWN)))
def test_a_drawn_program_comes_to_the_same(number: int, apart: Platform, tmp_path: Path) -> None:
    """Killed somewhere, it comes in the end to what Pulumi's engine has without having been killed."""
    spec = DRAWN[number]
    engine = engine_in(tmp_path, apart)
    steps = drawn.steps_of(spec, killed=True)
    found = run_steps(f"drawn{number}", steps, engine, apart.client, f"dd{number:03}x")
    wanted: list[Answer] = spec["answers"]
    if any("kill" in step for step in spec["steps"]):
        # What was left to do depends on when it was killed.
        same_end(found[-1], wanted[-1], before=wanted[-2]["cloud"])
        return
    before: list[str] = []
    for step, ours, theirs in zip(spec["steps"], found, wanted, strict=True):
        if theirs.get("error") and not step.get("fail"):
            same_end(ours, theirs, before=before)
        else:
            assert compared(ours) == compared(theirs)
        before = theirs["cloud"]


def same_end(ours: Answer, theirs: Answer, *, before: list[str]) -> None:
    """The same is there; after an error, which ends runs that do several things at once, at least what was kept."""
    assert ours.get("error") == theirs.get("error")
    if theirs.get("error"):
        assert set(ours["cloud"]) >= set(theirs["cloud"]) & set(before)
    else:
        assert (ours["cloud"], ours["state"]) == (theirs["cloud"], theirs["state"])


def test_there_are_programs_of_every_kind_among_the_drawn_ones() -> None:
    assert len(DRAWN) >= 60
    for trouble in ("kill", "fail"):
        assert sum(any(trouble in step for step in spec["steps"]) for spec in DRAWN) >= 20
    pairs = {tuple(one["options"]) for spec in DRAWN for step in spec["steps"] for one in step.get("resources", [])}
    assert len([pair for pair in pairs if len(pair) == 2]) >= 12


def answers(name: str, platform: Platform, folder: Path) -> list[Answer]:
    """The embedded engine's answers."""
    return run(name, engine_in(folder, platform), platform.client, f"de{sorted(PROGRAMS).index(name):03}x")


def engine_in(folder: Path, platform: Platform) -> Embedded:
    """The embedded engine with its state in a folder."""
    (folder / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n", encoding="utf-8")
    return Embedded(platform.endpoint, folder, folder)


def compared(answer: Answer) -> dict[str, Any]:
    """Of a run that failed, what was done before depends on what ran at the same time; what is there does not.

    One that was killed has no outputs.
    """
    if answer.get("error"):
        return {"error": True, "cloud": answer["cloud"]}
    return {**answer, "outputs": _comparable_outputs(answer.get("outputs", {}))}


def _comparable_outputs(outputs: dict[str, Any]) -> dict[str, Any]:
    """Without `None` in dictionaries, which the embedded engine drops, and nested secrets, which it hides whole."""
    return {
        key: {name: item for name, item in value.items() if item is not None} if isinstance(value, dict) else value
        for key, value in outputs.items()
        if key not in ("nested", "tags", "res")
    }
