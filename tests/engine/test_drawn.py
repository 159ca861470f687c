"""The drawn programs by Pulumi's own engine, as test_differential.py has the others: two processes share the work."""

import pytest

from tests.engine.conftest import Account
from tests.platform.differential import drawn
from tests.platform.differential.runner import Pulumis, run_steps
from tests.platform.test_differential import DRAWN, compared


@pytest.mark.parametrize("number", range(len(DRAWN)))
def test_a_drawn_program(number: int, pulumis: Pulumis, account: Account) -> None:
    spec = DRAWN[number]
    steps = drawn.steps_of(spec, killed=False)
    found = run_steps(f"drawn{number}", steps, pulumis, account.platform.client, f"ed{number:03}x")
    assert [*map(compared, found)] == [*map(compared, spec["answers"])]
