"""The latest times, and how they are distributed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.actors.routing.latency import Latency


def noted(*seconds: float, most: int = 64) -> Latency:
    latency = Latency(most=most)
    for when, each in enumerate(seconds):
        latency.note(when, each)
    return latency


@pytest.mark.parametrize(
    ("seconds", "share", "expected"),
    [
        ([0.3], 0.5, 0.3),
        ([0.1, 0.2, 0.9], 0.5, 0.2),
        ([0.9, 0.1], 0.5, 0.1),
        ([*range(1, 21)], 0.95, 19),
        ([*range(1, 22)], 0.95, 20),
        ([*range(1, 21)], 1, 20),
        ([*range(1, 21)], 0.001, 1),
    ],
)
def test_the_nearest_rank(seconds: list[float], share: float, expected: float) -> None:
    assert noted(*seconds).quantile(share, 30) == expected


def test_too_few_say_nothing() -> None:
    assert Latency().quantile(0.5, 0) is None
    assert noted(1, 2).quantile(0.5, 2, least=3) is None
    assert noted(1, 2, 3).quantile(0.5, 2, least=3) == 2


def test_what_is_long_ago_is_forgotten() -> None:
    latency = Latency(memory=10)
    latency.note(0, 5)
    latency.note(8, 1)
    assert latency.quantile(1, 10) == 5
    assert latency.quantile(1, 10.5) == 1
    assert latency.quantile(1, 18.5) is None
    assert noted(9, 9, 1, 1, most=2).quantile(1, 4) == 1


@given(st.lists(st.floats(0, 10), min_size=1, max_size=64), st.floats(0.01, 1))
def test_so_many_are_not_later(seconds: list[float], share: float) -> None:
    bound = noted(*seconds).quantile(share, 64)
    assert bound in seconds
    within = sum(each <= bound for each in seconds)
    below = sum(each < bound for each in seconds)
    assert within >= share * len(seconds) - 1e-9
    assert below < share * len(seconds) + 1e-9
