import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from troupe.services.bench.knee import RESOLUTION, Knee


def search(first: int, most: int, truth: int) -> tuple[Knee, list[int]]:
    knee, tried = Knee(first, most), list[int]()
    while (sessions := knee.next()) is not None:
        tried.append(sessions)
        knee.tell(sessions, held=sessions <= truth)
        assert len(tried) < 40
    return knee, tried


@pytest.mark.parametrize(
    ("first", "most", "truth", "tried", "held", "found"),
    [
        (10, 1000, 70, [10, 20, 40, 80, 60, 70, 75, 72], 70, True),
        (10, 30, 99, [10, 20, 30], 30, False),
        (8, 100, 0, [8, 4, 2, 1], 0, True),
        (1, 1, 1, [1], 1, False),
        (5, 5, 3, [5, 2, 3, 4], 3, True),
    ],
)
def test_the_knee_is_looked_for(first: int, most: int, truth: int, tried: list[int], held: int, found: bool) -> None:
    knee, found_at = search(first, most, truth)
    assert (found_at, knee.held, knee.found) == (tried, held, found)


@settings(max_examples=30)
@given(first=st.integers(1, 100), more=st.integers(0, 2000), truth=st.integers(0, 3000))
def test_it_is_found_to_one_in_twenty(first: int, more: int, truth: int) -> None:
    most = first + more
    knee, _ = search(first, most, truth)
    assert knee.held <= truth
    assert knee.held >= min(most, truth - max(1, round(RESOLUTION * (truth + 1)) + 1))


@pytest.mark.parametrize(("first", "most"), [(0, 5), (6, 5)])
def test_there_has_to_be_something_to_try(first: int, most: int) -> None:
    with pytest.raises(ValueError, match="ramp"):
        Knee(first, most)
