"""The budget holds, and the delays are short, apart, and as the provider wants them."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.retries import FIRST_DELAY, LONGEST_DELAY, MOST_RETRIES, SAVINGS, SHARE, Retries


@given(failing=st.lists(st.booleans(), max_size=200))
def test_retries_are_a_share_of_the_calls_however_many_fail(failing: list[bool]) -> None:
    retries, sent = Retries(Random(1)), 0
    for fails in failing:
        retries.begin()
        failures = 0
        while fails:
            failures += 1
            if retries.delay(failures, None, left=60) is None:
                break
            sent += 1
        assert failures <= MOST_RETRIES + 1
    assert sent <= SAVINGS + SHARE * len(failing)


def test_delays_double_and_differ() -> None:
    first = [Retries(Random(seed)).delay(1, None, left=60) or 0 for seed in range(50)]
    second = [Retries(Random(seed)).delay(2, None, left=60) or 0 for seed in range(50)]
    assert FIRST_DELAY * 0.75 <= min(first) < max(first) <= FIRST_DELAY
    assert FIRST_DELAY * 1.5 <= min(second) < max(second) <= FIRST_DELAY * 2 <= LONGEST_DELAY
    assert len(set(first)) == 50


def test_the_provider_says_when() -> None:
    assert Retries().delay(1, 1.5, left=2) == 1.5


def test_what_would_come_too_late_is_not_sent() -> None:
    retries = Retries()
    assert retries.delay(1, 30.0, left=10) is None
    assert retries.delay(1, None, left=0.01) is None
    assert retries.delay(1, 1.0, left=10) == 1.0


def test_what_is_not_sent_costs_nothing() -> None:
    retries = Retries()
    for _ in range(100):
        assert retries.delay(1, 30.0, left=10) is None
    assert retries.delay(1, None, left=10) is not None
