"""The recorded answers are still those of Pulumi's own engine: all programs of `tests/platform/differential`."""

from pathlib import Path

import pytest

from tests.engine.conftest import Account
from tests.platform.differential import drawn
from tests.platform.differential.programs import PROGRAMS
from tests.platform.differential.runner import PROJECT, Pulumis, run, run_steps
from tests.platform.test_differential import ANSWERS, DRAWN, compared


@pytest.fixture
def engine(account: Account, tmp_path: Path) -> Pulumis:
    (tmp_path / "Pulumi.yaml").write_text(f"name: {PROJECT}\nruntime: python\n", encoding="utf-8")
    return Pulumis(account.platform.endpoint, tmp_path / "stacks", tmp_path)


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_program(name: str, engine: Pulumis, account: Account) -> None:
    found = run(name, engine, account.platform.client, f"er{sorted(PROGRAMS).index(name):03}x")
    assert [*map(compared, found)] == [*map(compared, ANSWERS[name])]


@pytest.mark.parametrize("number", range(len(DRAWN)))
def test_a_drawn_program(number: int, engine: Pulumis, account: Account) -> None:
    spec = DRAWN[number]
    steps = drawn.steps_of(spec, killed=False)
    found = run_steps(f"drawn{number}", steps, engine, account.platform.client, f"ed{number:03}x")
    assert [*map(compared, found)] == [*map(compared, spec["answers"])]
