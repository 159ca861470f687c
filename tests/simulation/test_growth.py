"""Scheduled work grows in a straight line, and its runs suffice for a large community."""

from unittest.mock import patch

import pytest

from services.core.services import SWEEPS
from tests.simulation.growth import WORK, Work, cost, of_one_more, suffices_for
from tests.unit.services import bucket


@pytest.mark.parametrize("work", WORK, ids=lambda work: f"{work.service} {work.chore} {work.thing}")
def test_no_chore_asks_more_for_each_as_they_grow(work: Work) -> None:
    few, more, many = (cost(work, count) for count in (6, 12, 24))
    for name in {*few.calls, *many.calls}:
        # What is read by the page makes steps; a call or two more for all of them is no growth.
        grown, before = (
            many.calls.get(name, 0) - more.calls.get(name, 0),
            more.calls.get(name, 0) - few.calls.get(name, 0),
        )
        assert grown <= 2 * before + 2
    assert many.writes - more.writes == 2 * (more.writes - few.writes)
    assert many.reads - more.reads <= 2 * (more.reads - few.reads) + 4


@pytest.mark.parametrize("work", WORK, ids=lambda work: f"{work.service} {work.chore} {work.thing}")
def test_a_day_suffices_for_what_is_far_off(work: Work) -> None:
    """A floor far below what is measured, for a machine under load; docs/performance.md has the sizes."""
    with patch.object(bucket, "PAGE", 1000):
        assert suffices_for(work, of_one_more(work._replace(things=min(work.things, 120)))) > 10_000


def test_the_work_of_every_schedule_is_measured() -> None:
    """The canary's does not grow."""
    assert {work.service for work in WORK} == SWEEPS.keys() - {"canary"}
