"""How often a provider may be called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.routing.pace import BURST, MINUTE, Pace


def allowed(pace: Pace, now: float) -> bool:
    if pace.wait(now):
        return False
    pace.note(now)
    return True


def test_a_tenth_of_a_minutes_calls_at_once_and_then_one_by_one() -> None:
    pace = Pace(100)
    assert sum(allowed(pace, 0) for _ in range(50)) == 10
    assert pace.wait(0) == pytest.approx(0.6)
    assert not allowed(pace, 0.5)
    assert allowed(pace, 0.6)
    assert not allowed(pace, 0.7)


def test_at_least_one_at_once() -> None:
    pace = Pace(2)
    assert allowed(pace, 5)
    assert pace.wait(5) == pytest.approx(30)
    assert allowed(pace, 35)


def test_none_is_no_pace() -> None:
    with pytest.raises(ValueError, match="leave the provider out"):
        Pace(0)


@given(st.floats(0.5, 600), st.lists(st.floats(0, 20), max_size=80))
def test_no_minute_has_more_than_a_burst_beyond_it(per_minute: float, gaps: list[float]) -> None:
    pace, now, passed = Pace(per_minute), 0.0, list[float]()
    for gap in gaps:
        now += gap
        if allowed(pace, now):
            passed.append(now)
    most = per_minute + max(per_minute * BURST / MINUTE, 1) + 1e-3
    assert all(sum(start <= each < start + MINUTE for each in passed) <= most for start in passed)


@given(st.floats(0.5, 600), st.lists(st.floats(0, 20), max_size=40))
def test_after_the_wait_it_is_allowed(per_minute: float, gaps: list[float]) -> None:
    pace, now = Pace(per_minute), 0.0
    for gap in gaps:
        now += gap + pace.wait(now + gap) + 1e-6
        assert allowed(pace, now)
