"""The rules find bugs: each is sown into the real services, and must be found."""

import pytest

from tests.simulation.sown import BUGS, look

QUICK = [name for name, bug in BUGS.items() if bug.quick]


def test_enough_bugs_are_sown() -> None:
    assert len(BUGS) >= 45
    assert len(QUICK) >= 24


@pytest.mark.parametrize("name", QUICK)
def test_a_sown_bug_is_found(name: str) -> None:
    assert look(name)


@pytest.mark.thorough
@pytest.mark.parametrize("name", sorted(BUGS.keys() - set(QUICK)))
def test_a_sown_bug_is_found_by_a_longer_search(name: str) -> None:
    assert look(name)
