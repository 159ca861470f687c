import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.core.flags import Flags, bucket, includes, is_valid
from services.core.live import LiveParameters, ParameterUnavailableError
from services.core.parameters import FLAGS, LIVE_PARAMETERS
from tests.unit.services.cloud import ANNA, PARAMETER_TTL, STAGE, Cloud

NOBODY: frozenset[str] = frozenset()
INTERNAL = frozenset({"internal"})
MEMBERS = [f"member-{number}" for number in range(4000)]


@pytest.mark.parametrize("value", ["off", "internal", "on", "0%", "1%", "10%", "99%", "100%", "007%"])
def test_values_that_mean_something(value: str) -> None:
    assert is_valid(value)


@pytest.mark.parametrize(
    "value", ["", "On", "OFF", "yes", "true", "101%", "1000%", "-1%", "1.5%", "10 %", "10", "%", "on ", "10%\n"]
)
def test_values_that_mean_nothing(value: str) -> None:
    assert not is_valid(value)


@pytest.mark.parametrize("digits", ["\u0665\u0660", "\uff15\uff10", "\u0967\u0966", "\U0001d7d3\U0001d7ce", "5\u0660"])
def test_a_share_in_the_digits_of_another_script_means_nothing(digits: str) -> None:
    assert digits.isdecimal()
    assert not is_valid(f"{digits}%")


@pytest.mark.parametrize(
    ("value", "outsider", "insider"),
    [("off", False, False), ("internal", False, True), ("on", True, True), ("0%", False, True), ("100%", True, True)],
)
def test_whom_a_value_includes(value: str, outsider: bool, insider: bool) -> None:
    for member in MEMBERS[:50]:
        assert includes(value, "rewards", member, NOBODY) is outsider
        assert includes(value, "rewards", member, INTERNAL) is insider


@given(st.text(min_size=1, max_size=40), st.integers(0, 100), st.integers(0, 100))
def test_a_smaller_percentage_is_inside_a_larger_one(member: str, one: int, other: int) -> None:
    small, large = sorted((one, other))
    assert includes(f"{small}%", "rewards", member, NOBODY) <= includes(f"{large}%", "rewards", member, NOBODY)


@pytest.mark.parametrize("percent", [1, 10, 50, 90])
def test_the_share_is_the_percentage(percent: int) -> None:
    share = sum(includes(f"{percent}%", "rewards", member, NOBODY) for member in MEMBERS) / len(MEMBERS)
    assert abs(share - percent / 100) < 0.03


def test_one_percent_is_a_hundred_buckets() -> None:
    for member in MEMBERS[:200]:
        number = bucket("rewards", member)
        assert 0 <= number < 10_000
        for percent in range(101):
            assert includes(f"{percent}%", "rewards", member, NOBODY) == (number < percent * 100)


def test_flags_do_not_share_their_buckets() -> None:
    both = [m for m in MEMBERS if bucket("rewards", m) < 5000 and bucket("disputes", m) < 5000]
    assert abs(len(both) / len(MEMBERS) - 0.25) < 0.03


def test_buckets_are_the_same_in_every_process() -> None:
    code = "from services.core.flags import bucket; print([bucket('rewards', f'm{n}') for n in range(50)])"
    answers = {
        subprocess.run(
            [sys.executable, "-c", code], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True
        ).stdout.strip()
        for seed in ("0", "1", "4242")
    }
    assert answers == {str([bucket("rewards", f"m{n}") for n in range(50)])}


def test_nonsense_keeps_the_last_good_value_and_is_reported(cloud: Cloud) -> None:
    reported: list[str] = []
    live = LiveParameters(cloud.ssm, STAGE, LIVE_PARAMETERS, PARAMETER_TTL, print, clock=cloud.clock.monotonic)
    flags = Flags(live, on_invalid=reported.append)
    assert flags.features(ANNA, NOBODY) == frozenset(FLAGS)
    cloud.set_flag("rewards", "banana")
    cloud.clock.advance(seconds=11)
    assert flags.value("rewards") == "on"
    assert flags.value("disputes") == "on"
    assert reported == ["rewards"]
    cloud.set_flag("rewards", "off")
    cloud.clock.advance(seconds=11)
    assert flags.features(ANNA, NOBODY) == frozenset(FLAGS) - {"rewards"}
    with pytest.raises(KeyError):
        flags.value("unknown")


def test_a_flag_that_was_never_read_is_neither_off_nor_on(cloud: Cloud) -> None:
    live = LiveParameters(cloud.ssm, STAGE, LIVE_PARAMETERS, PARAMETER_TTL, print, clock=cloud.clock.monotonic)
    flags = Flags(live, on_invalid=lambda _: pytest.fail("an outage is not nonsense"))
    with cloud.faults.outage(), pytest.raises(ParameterUnavailableError):
        flags.features(ANNA, INTERNAL)
    assert flags.features(ANNA, INTERNAL) == frozenset(FLAGS)
