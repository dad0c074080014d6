"""Restart kinds, backoff and restart windows: pure functions, and the laws they obey."""

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.runtime import NO_BACKOFF, Backoff, Restart
from troupe.runtime.exits import NORMAL, SHUTDOWN, Crashed, Killed
from troupe.runtime.restart import RestartWindow

CRASHED, KILLED = Crashed(ValueError()), Killed(5)

seconds = st.just(0.0) | st.floats(1e-6, 1e6)


@st.composite
def backoffs(draw: st.DrawFn) -> Backoff:
    first = draw(seconds)
    return Backoff(
        first=first,
        factor=draw(st.floats(1, 100)),
        longest=first + draw(seconds),
        jitter=draw(st.floats(0, 3)),
        quiet=draw(seconds),
        eager=draw(st.booleans()),
    )


@pytest.mark.parametrize(
    ("restart", "exits"),
    [
        (Restart.PERMANENT, [NORMAL, SHUTDOWN, CRASHED, KILLED]),
        (Restart.TRANSIENT, [CRASHED, KILLED]),
        (Restart.TEMPORARY, []),
    ],
)
def test_restart_kind_applies_to(restart: Restart, exits: list[object]) -> None:
    assert [exit for exit in (NORMAL, SHUTDOWN, CRASHED, KILLED) if restart.applies_to(exit)] == exits


def test_delay_follows_the_formula() -> None:
    backoff = Backoff(first=0.5, factor=3, longest=10, jitter=0, eager=False)
    assert [backoff.delay(attempt, Random()) for attempt in range(5)] == [0.5, 1.5, 4.5, 10, 10]


def test_eager_first_restart_shifts_the_delays_by_one() -> None:
    backoff = Backoff(first=0.5, factor=3, longest=10, jitter=0)
    assert [backoff.delay(attempt, Random()) for attempt in range(5)] == [0, 0.5, 1.5, 4.5, 10]


@given(backoffs(), st.integers(0, 10**9), st.integers())
def test_delay_stays_within_its_bounds(backoff: Backoff, attempt: int, seed: int) -> None:
    delay = backoff.delay(attempt, Random(seed))
    step = attempt - backoff.eager
    if step < 0:
        assert delay == 0
        return
    growth = math.exp(min(step * math.log(backoff.factor), 600))  # the same by logarithms, which don't overflow
    base = min(backoff.longest, backoff.first * growth)
    assert base <= delay * (1 + 1e-9)
    assert delay <= base * (1 + backoff.jitter) * (1 + 1e-9)


@given(backoffs(), st.integers(0, 1000))
def test_delays_never_shrink_without_jitter(backoff: Backoff, attempt: int) -> None:
    class NoJitter(Random):
        def random(self) -> float:
            return 0.0

    assert backoff.delay(attempt, NoJitter()) <= backoff.delay(attempt + 1, NoJitter())


def test_jitter_fills_its_range_evenly() -> None:
    backoff = Backoff(first=1, longest=1, jitter=0.5, eager=False)
    random = Random(1)
    delays = [backoff.delay(3, random) for _ in range(2000)]
    assert min(delays) < 1.01
    assert max(delays) > 1.49
    assert 1.23 < sum(delays) / len(delays) < 1.27


@given(st.integers(0, 10**6))
def test_no_backoff_never_waits(attempt: int) -> None:
    assert NO_BACKOFF.delay(attempt, Random()) == 0


@pytest.mark.parametrize(
    "options",
    [
        {"first": -1}, {"first": 2, "longest": 1}, {"factor": 0.5}, {"jitter": -0.1}, {"quiet": -1},
        {"first": math.nan}, {"factor": math.nan}, {"jitter": math.inf}, {"factor": math.inf},
    ],
    ids=str,
)  # fmt: skip
def test_impossible_backoff_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="0 ≤ first ≤ longest"):
        Backoff(**options)


def test_window_allows_intensity_restarts_in_a_period_and_not_one_more() -> None:
    window = RestartWindow(3, 10)
    assert [window.exceeded_by(now) for now in (0, 1, 2, 3)] == [False, False, False, True]


def test_window_forgets_what_is_a_period_old() -> None:
    window = RestartWindow(2, 10)
    assert [window.exceeded_by(now) for now in (0, 9, 10, 18.9)] == [False, False, False, True]


@given(st.integers(0, 5), st.floats(0.1, 100), st.lists(st.floats(0, 50), max_size=50))
def test_window_counts_as_a_list_of_all_times_would(intensity: int, period: float, pauses: list[float]) -> None:
    window = RestartWindow(intensity, period)
    times: list[float] = []
    now = 0.0
    for pause in pauses:
        now += pause
        times.append(now)
        expected = sum(time > now - period for time in times) > intensity
        assert window.exceeded_by(now) is expected
