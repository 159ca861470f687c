"""The breaker's own opening and closing, and an operator's setting, which it leaves alone."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.canary.guard import MAX_OPEN_TIME, OPEN_TIME, OPERATOR_PAUSE, GuardState, Observation, decide
from services.core.live import Breaker

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
RUN = timedelta(minutes=5)


class Stage:
    """A breaker and a canary that runs every five minutes."""

    def __init__(self) -> None:
        self.now, self.position, self.version, self.own = NOW, Breaker.CLOSED, 1, GuardState()
        self.moves: list[tuple[int, str]] = []

    def run(self, *refusals: float, writes: bool) -> str | None:
        self.now += RUN
        seen = Observation(self.position, self.version, refusals or (9, 9), writes)
        action, self.own = decide(self.own, seen, self.now)
        if action:
            self.put(Breaker.READ_ONLY if action == "open" else Breaker.CLOSED)
            if action == "open":
                self.own = self.own.model_copy(update={"version": self.version})
            self.moves.append((int((self.now - NOW) / RUN), action))
        return action

    def put(self, position: Breaker) -> None:
        """Set the breaker, as SSM does."""
        self.position, self.version = position, self.version + 1


@pytest.mark.parametrize(
    ("refusals", "writes", "action"),
    [
        ((3, 3), False, "open"),
        ((2, 3), False, None),
        ((3, 2), False, None),
        ((3, 0), False, None),
        ((500,), False, None),
        ((500, 500), True, None),
        ((0, 0), False, None),
    ],
)
def test_it_opens_for_a_sustained_refusal_that_two_witnesses_see(
    refusals: tuple[float, ...], writes: bool, action: str | None
) -> None:
    assert Stage().run(*refusals, writes=writes) == action


def test_it_closes_when_two_probes_in_a_row_pass_and_the_open_time_is_over() -> None:
    stage = Stage()
    stage.run(writes=False)
    assert [stage.run(0, 0, writes=writes) for writes in (True, False, True, True)] == [None, None, None, "close"]
    assert stage.position is Breaker.CLOSED


def test_it_does_not_flap() -> None:
    """An outage that comes and goes every ten minutes, for six hours: each opening lasts longer than the one before."""
    stage = Stage()
    for run in range(72):
        stage.run(writes=(run // 2) % 2 == 1)
    opened = [run for run, action in stage.moves if action == "open"]
    closed = [run for run, action in stage.moves if action == "close"]
    lasted = [end - start for start, end in zip(opened, closed, strict=False)]
    assert lasted == sorted(lasted)
    assert lasted[-1] * RUN >= MAX_OPEN_TIME
    assert len(opened) < 12


def test_a_quiet_day_later_the_open_time_is_short_again() -> None:
    stage = Stage()
    for _ in range(3):
        while stage.run(writes=False) != "open":
            pass
        while stage.run(0, 0, writes=True) != "close":
            pass
    stage.now += timedelta(hours=7)
    stage.run(writes=False)
    begun = stage.now
    while stage.run(0, 0, writes=True) != "close":
        pass
    assert stage.now - begun <= OPEN_TIME + RUN


@pytest.mark.parametrize("position", list(Breaker))
def test_what_an_operator_sets_is_left_alone(position: Breaker) -> None:
    stage = Stage()
    stage.run(writes=False)
    stage.put(position)
    for _ in range(11):
        assert stage.run(writes=False) is None, "hands off for an hour"
    assert stage.position is position
    assert stage.own.version is None


@pytest.mark.parametrize("position", [Breaker.READ_ONLY, Breaker.DOWN])
def test_a_breaker_that_an_operator_opened_is_never_closed(position: Breaker) -> None:
    stage = Stage()
    stage.put(position)
    assert [stage.run(0, 0, writes=True) for _ in range(40)] == [None] * 40
    assert stage.position is position


def test_an_operators_close_is_honoured_for_an_hour_and_then_it_may_open_again() -> None:
    stage = Stage()
    stage.run(writes=False)
    stage.put(Breaker.CLOSED)
    runs = 0
    while stage.run(writes=False) is None:
        runs += 1
    assert runs * RUN >= OPERATOR_PAUSE


@given(st.lists(st.tuples(st.integers(0, 9), st.booleans(), st.sampled_from([None, *Breaker])), max_size=60))
def test_whatever_happens_it_sets_only_what_is_closed_or_its_own(
    runs: list[tuple[int, bool, Breaker | None]],
) -> None:
    stage, by_operator = Stage(), False
    for refusals, writes, operator in runs:
        if operator is not None:
            stage.put(operator)
            by_operator = True
        before = stage.position
        action = stage.run(refusals, refusals, writes=writes)
        if action == "open":
            assert before is Breaker.CLOSED
            assert not writes
            by_operator = False
        if action == "close":
            assert not by_operator, "an operator has set it since"
            assert writes


@pytest.mark.parametrize("text", [None, "", "{", "[]", '{"version": "x"}'])
def test_a_state_that_is_missing_or_invalid_counts_as_none(text: str | None) -> None:
    assert GuardState.parse(text) == GuardState()


def test_a_state_is_read_back() -> None:
    own = GuardState(version=7, openings=[NOW], good=1, hands_off_until=NOW + OPERATOR_PAUSE)
    assert GuardState.parse(own.model_dump_json(by_alias=True, exclude_none=True)) == own
