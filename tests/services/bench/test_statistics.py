import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.services.bench.results import Distribution
from troupe.services.bench.statistics import difference, interval, percentile


@pytest.mark.parametrize(
    ("share", "expected"), [(0.0, 1.0), (0.01, 1.0), (0.2, 1.0), (0.21, 2.0), (0.5, 3.0), (0.95, 5.0), (1.0, 5.0)]
)
def test_a_percentile_is_the_nearest_rank(share: float, expected: float) -> None:
    assert percentile([3.0, 1.0, 5.0, 2.0, 4.0], share) == expected


def test_nothing_has_no_percentiles() -> None:
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 0.5)


@settings(max_examples=30)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1), st.floats(0, 1))
def test_so_many_values_do_not_exceed_a_percentile(values: list[float], share: float) -> None:
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-9
    assert sum(value < found for value in values) <= share * len(values)


def normal(mean: float, sessions: int, turns: int, *, spread: float, seed: int) -> Distribution:
    """Sessions that differ by `spread`, whose turns are alike."""
    chance = random.Random(seed)
    values, of = [], []
    for session in range(sessions):
        centre = chance.gauss(mean, spread)
        values += [chance.gauss(centre, 0.01) for _ in range(turns)]
        of += [session] * turns
    return Distribution(unit="s", values=values, sessions=of)


def test_an_interval_holds_the_truth_as_often_as_it_says() -> None:
    held = 0
    for seed in range(20):
        found = interval(normal(1.0, 30, 5, spread=0.2, seed=seed), 0.5)
        assert found.low <= found.value <= found.high
        held += found.low <= 1.0 <= found.high
    assert held >= 16  # 19 are expected; that it is fewer than 16 has a chance of one in four hundred


def test_turns_of_one_session_are_not_taken_for_independent() -> None:
    together = normal(1.0, 8, 50, spread=0.2, seed=1)
    alone = Distribution(unit="s", values=together.values)
    wide, narrow = interval(together, 0.5), interval(alone, 0.5)
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


@pytest.mark.parametrize(("mean", "certain"), [(1.0, False), (1.5, True), (0.5, True)])
def test_a_difference_is_told_from_chance(mean: float, certain: bool) -> None:
    change = difference(normal(1.0, 30, 5, spread=0.2, seed=1), normal(mean, 30, 5, spread=0.2, seed=2), 0.5)
    assert change.is_certain == certain
    assert change.low < mean - 1.0 < change.high


def test_the_same_values_give_the_same_interval() -> None:
    values = normal(1.0, 10, 5, spread=0.2, seed=1)
    assert interval(values, 0.95) == interval(values, 0.95)


def test_one_value_is_certain_of_itself() -> None:
    assert interval(Distribution(unit="s", values=[2.0], sessions=[7]), 0.99) == (2.0, 2.0, 2.0)
