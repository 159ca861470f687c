"""Every fault at every call of every path that writes; what piles up while something is down; races with leaving."""

from collections.abc import Iterator

import pytest

from tests.simulation import scenarios
from tests.simulation.people import subscription
from tests.simulation.scenarios import BACKLOGS, PATHS, backlog, chores, races, run_under_faults
from tests.simulation.world import Fault

KEY_FAULTS = (Fault.LOST, Fault.CRASH_AFTER, Fault.CONFLICT)


def _key_plans(used: int) -> Iterator[dict[int, Fault]]:
    """The faults that lead astray most easily, and an outage that begins at each call."""
    yield from scenarios.single_faults(used, KEY_FAULTS)
    yield from ({number + more: Fault.RESET for more in range(12)} for number in range(1, used + 1))


def _every_plan(used: int) -> Iterator[dict[int, Fault]]:
    yield from scenarios.single_faults(used)
    yield from scenarios.runs_of_faults(used)


@pytest.mark.parametrize("path", PATHS)
def test_a_path_ends_as_it_should_under_each_of_the_key_faults(path: str) -> None:
    assert run_under_faults(path, _key_plans) == []


@pytest.mark.thorough
@pytest.mark.parametrize("path", PATHS)
def test_a_path_ends_as_it_should_under_every_fault_with_and_without_a_client_that_comes_back(path: str) -> None:
    assert run_under_faults(path, _every_plan, tries=(1, 3)) == []


@pytest.mark.thorough
@pytest.mark.parametrize("path", ["create", "claim", "attest, second", "stream pays", "trigger", "cancel"])
def test_a_path_ends_as_it_should_under_pairs_of_faults(path: str) -> None:
    assert run_under_faults(path, scenarios.pairs_of_faults) == []


@pytest.mark.parametrize("name", BACKLOGS)
def test_what_is_owed_is_paid_by_two_sweeps(name: str) -> None:
    assert backlog(name, page=2) == []


@pytest.mark.thorough
@pytest.mark.parametrize("page", [5, 1000])
@pytest.mark.parametrize("name", BACKLOGS)
def test_what_is_owed_is_paid_by_two_sweeps_of_pages_of_any_size(name: str, page: int) -> None:
    assert backlog(name, page) == []


@pytest.mark.parametrize("fault", [Fault.HANG, Fault.THROTTLE, Fault.RESET, Fault.LOST, Fault.NOT_JSON_503])
@pytest.mark.parametrize("services", [("dynamodb",), ("ssm",), ("dynamodb", "ssm", "sqs", "cognito")], ids=" ".join)
def test_an_outage_of_a_minute_loses_nothing_and_keeps_nobody_waiting(services: tuple[str, ...], fault: Fault) -> None:
    assert scenarios.outage(services, fault, seed=7) == []


@pytest.mark.parametrize("page", [2, 1000])
@pytest.mark.parametrize("stale", [0, 0.5])
def test_a_backlog_of_chores_is_worked_off_by_two_housekeepers(page: int, stale: float) -> None:
    assert chores(page, stale) == []


def test_nobody_posts_more_than_their_points_pay_for() -> None:
    assert scenarios.posts_beyond_the_points() == []


def test_a_flag_that_is_switched_on_meanwhile_pays_once() -> None:
    assert scenarios.flag_switched_during_sweep(range(20)) == []


def test_nobody_claims_more_often_than_the_quota_allows() -> None:
    assert scenarios.repeated_claims() == []


def test_who_cancels_twice_gets_the_points_back_once() -> None:
    assert scenarios.cancelled_twice() == []


def test_nobody_holds_more_claims_than_they_may() -> None:
    assert scenarios.concurrent_claims(range(10)) == []


def test_documents_never_go_back_however_many_publishers_there_are() -> None:
    assert scenarios.publishing(range(10)) == []


def test_operators_mend_what_moves_meanwhile() -> None:
    assert scenarios.operators_repairing(range(20)) == []


@pytest.mark.parametrize(
    "profile", [{"bio": "bio-1-x"}, {"displayName": "Name-1-x"}, {"interests": ["chess-x"]}], ids=" ".join
)
def test_nothing_that_is_written_while_one_is_forgotten_stays(profile: dict[str, object]) -> None:
    assert races("editMe", profile, range(60)) == []


def test_no_device_is_added_while_its_member_is_forgotten() -> None:
    assert races("addMyDevice", subscription("ann", 0), range(60)) == []


def test_nobody_is_forgotten_who_changed_their_mind() -> None:
    assert races("restoreMe", None, range(60)) == []
