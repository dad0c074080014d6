"""Values are counted where they belong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.runtime.histogram import Histogram


@given(values=st.lists(st.floats(-1e6, 1e6)), bounds=st.lists(st.floats(-1e6, 1e6), unique=True).map(sorted))
def test_each_value_is_counted_up_to_its_bound(values: list[float], bounds: list[float]) -> None:
    histogram = Histogram(bounds)
    for value in values:
        histogram.observe(value)
    assert histogram.count == len(values)
    assert histogram.sum == pytest.approx(sum(values))
    for index, bound in enumerate(bounds):
        assert sum(histogram.counts[: index + 1]) == sum(value <= bound for value in values)
