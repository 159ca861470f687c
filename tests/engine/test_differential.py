"""The recorded answers are still those of Pulumi's own engine: all programs of `tests/platform/differential`."""

import pytest

from tests.engine.conftest import Account
from tests.platform.differential.programs import PROGRAMS
from tests.platform.differential.runner import Pulumis, run
from tests.platform.test_differential import ANSWERS, compared

RACING = {
    "provider_region": "one process stands in for both providers, and has the region of the one that came last",
    "twice": "Pulumi refuses the second one while it makes the first, or before",
}
"""The programs for which two answers of Pulumi differ: only whether it fails is compared."""


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
@pytest.mark.parametrize("name", sorted(PROGRAMS))
def test_a_program(name: str, pulumis: Pulumis, account: Account) -> None:
    found = run(name, pulumis, account.platform.client, f"er{sorted(PROGRAMS).index(name):03}x")
    if name in RACING:
        assert [answer.get("error") for answer in found] == [answer.get("error") for answer in ANSWERS[name]]
    else:
        assert [*map(compared, found)] == [*map(compared, ANSWERS[name])]
