import json
from datetime import timedelta

import pytest

from services.core.live import Breaker, LiveParameters, ParameterUnavailableError, breaker, signing_keys
from services.core.parameters import API_KEY, BREAKER, LIVE_PARAMETERS
from tests.unit.services.cloud import NOW, PARAMETER_TTL, STAGE, Cloud, refusal


@pytest.fixture
def failures() -> list[str]:
    """The reasons why parameters were not read."""
    return []


@pytest.fixture
def live(cloud: Cloud, failures: list[str]) -> LiveParameters:
    """The parameters of the stage, on the test's clock."""
    return LiveParameters(
        cloud.ssm, STAGE, LIVE_PARAMETERS, PARAMETER_TTL, failures.append, clock=cloud.clock.monotonic
    )


def test_one_call_reads_all_of_them_until_their_time_is_up(cloud: Cloud, live: LiveParameters) -> None:
    for parameter in LIVE_PARAMETERS:
        assert live.get(parameter) is not None
    assert cloud.faults.calls == ["GetParameters"]
    cloud.set_parameter(BREAKER, "down")
    cloud.clock.advance(seconds=PARAMETER_TTL - 0.1)
    assert live.get(BREAKER) == "closed"
    cloud.clock.advance(seconds=0.1)
    assert live.get(BREAKER) == "down"


@pytest.mark.parametrize("code", ["", "ThrottlingException", "AccessDeniedException", "InternalServerError"])
def test_an_outage_leaves_the_last_values_in_force_and_is_told(
    cloud: Cloud, live: LiveParameters, failures: list[str], code: str
) -> None:
    live.get(BREAKER)
    cloud.set_parameter(BREAKER, "down")
    cloud.clock.advance(seconds=11)
    with cloud.faults.outage(*(("", refusal(code)) if code else ())):
        assert live.get(BREAKER) == "closed"
        calls = len(cloud.faults.calls)
        assert live.get(BREAKER) == "closed"
        assert len(cloud.faults.calls) == calls, "an outage is not asked again at once"
    assert len(failures) == 1
    assert code in failures[0]
    cloud.clock.advance(seconds=11)
    assert live.get(BREAKER) == "down"


def test_an_outage_at_the_cold_start_leaves_them_unknown_and_each_call_asks_again(
    cloud: Cloud, live: LiveParameters, failures: list[str]
) -> None:
    cloud.set_parameter(BREAKER, "down")
    with cloud.faults.outage():
        for ask in (breaker, signing_keys, breaker):
            with pytest.raises(ParameterUnavailableError):
                ask(live)
    assert len(failures) == 3
    assert breaker(live) is Breaker.DOWN, "no time has to pass"


def test_after_a_failed_read_the_next_one_is_soon(cloud: Cloud, live: LiveParameters) -> None:
    assert breaker(live) is Breaker.CLOSED
    cloud.set_parameter(BREAKER, "down")
    cloud.clock.advance(seconds=PARAMETER_TTL)
    with cloud.faults.outage():
        assert breaker(live) is Breaker.CLOSED
        cloud.clock.advance(seconds=1.9)
        assert breaker(live) is Breaker.CLOSED
    cloud.clock.advance(seconds=0.1)
    assert breaker(live) is Breaker.DOWN


def test_a_parameter_that_is_missing_hides_no_other_and_is_told(
    cloud: Cloud, live: LiveParameters, failures: list[str]
) -> None:
    cloud.ssm.delete_parameter(Name=f"/civicforge/{STAGE}/breaker")
    assert live.get(BREAKER) is None
    assert failures == [f"there is no /civicforge/{STAGE}/breaker"]
    assert live.get(API_KEY) is not None
    assert breaker(live) is Breaker.CLOSED


@pytest.mark.parametrize(
    ("value", "position"),
    [
        ("closed", Breaker.CLOSED),
        ("read-only", Breaker.READ_ONLY),
        ("down", Breaker.DOWN),
        ("DOWN", Breaker.CLOSED),
        ("nonsense", Breaker.CLOSED),
    ],
)
def test_the_breaker(cloud: Cloud, live: LiveParameters, value: str, position: Breaker) -> None:
    cloud.set_parameter(BREAKER, value)
    assert breaker(live) is position


def test_the_former_key_has_a_grace_time(cloud: Cloud, live: LiveParameters) -> None:
    until = NOW + timedelta(hours=1)
    keys = {"current": "new", "previous": "old", "previousUntil": until.isoformat()}
    cloud.set_parameter(API_KEY, json.dumps(keys))
    assert signing_keys(live, until - timedelta(seconds=1)) == [b"new", b"old"]
    assert signing_keys(live, until) == [b"new"]


@pytest.mark.parametrize("keys", [{"current": "new"}, {"current": "new", "previous": None, "previousUntil": None}])
def test_there_need_not_be_a_former_key(cloud: Cloud, live: LiveParameters, keys: dict[str, str]) -> None:
    cloud.set_parameter(API_KEY, json.dumps(keys))
    assert signing_keys(live, NOW) == [b"new"]
