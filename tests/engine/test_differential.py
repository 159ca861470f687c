"""The recorded answers are still those of Pulumi's own engine: all programs of `tests/platform/differential`."""

import pytest

from tests.engine.conftest import Account
from tests.platform.differential.programs import PROGRAMS
from tests.platform.differential.runner import Pulumis, run
from tests.platform.test_differential import ANSWERS, compared


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_program(name: str, pulumis: Pulumis, account: Account) -> None:
    found = run(name, pulumis, account.platform.client, f"er{sorted(PROGRAMS).index(name):03}x")
    assert [*map(compared, found)] == [*map(compared, ANSWERS[name])]
