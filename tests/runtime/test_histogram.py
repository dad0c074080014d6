"""Values are counted where they belong."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.runtime.histogram import Histogram


@given(values=st.lists(st.floats(-1e6, 1e6)), bounds=st.lists(st.floats(-1e6, 1e6), unique=True).map(sorted))
def test_each_value_is_counted_up_to_its_bound(values: list[float], bounds: list[float]) -> None:
    histogram = Histogram(tuple(bounds))
    for value in values:
        histogram.observe(value)
    assert histogram.count == len(values)
    assert histogram.sum == pytest.approx(sum(values))
    for index, bound in enumerate(bounds):
        assert sum(histogram.counts[: index + 1]) == sum(value <= bound for value in values)


def test_it_travels() -> None:
    histogram = Histogram((0.5, 1))
    for value in (0.2, 0.7, 3):
        histogram.observe(value)
    other = msgspec.msgpack.decode(msgspec.msgpack.encode(histogram), type=Histogram)
    assert (other.bounds, other.counts, other.sum) == ((0.5, 1), [1, 1, 1], pytest.approx(3.9))
