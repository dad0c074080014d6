from itertools import pairwise

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.sampling import Sampler, Sampling


def plain(level, width=160, height=120, form="yuv420p") -> av.VideoFrame:
    """A picture of one grey."""
    frame = av.VideoFrame.from_ndarray(np.full((height, width, 3), level, np.uint8), format="rgb24")
    return frame.reformat(format=form)


GREY = plain(100)


def taken(sampling, times, frames=None) -> list[float]:
    sampler = Sampler(sampling)
    return [time for number, time in enumerate(times) if sampler.wants(frames[number] if frames else GREY, time)]


@given(st.integers(5, 60), st.floats(0.2, 30), st.floats(0, 1e6), st.sampled_from([3, 6]))
def test_so_many_per_second_whatever_the_rate_and_the_rounding(rate, per_second, start, digits):
    times = [round(start + number / rate, digits) for number in range(rate * 10)]
    found = taken(Sampling(per_second=per_second), times)
    assert found[0] == times[0]
    assert len(found) == pytest.approx(min(rate, per_second) * 10, abs=1.01, rel=0.002)
    assert all(later - sooner < 1 / per_second + 2 / rate for sooner, later in pairwise(found))


def test_after_a_gap_it_goes_on_at_once():
    assert taken(Sampling(per_second=2), [0, 0.3, 0.5, 3.7, 3.8, 4.1, 4.2]) == [0, 0.5, 3.7, 4.2]


def test_a_stream_that_begins_anew():
    assert taken(Sampling(per_second=1), [100.0, 100.5, 101.0, 0.0, 0.5, 1.0]) == [100.0, 101.0, 0.0, 1.0]
    assert taken(Sampling(per_second=1), [10.0, 9.99, 10.5, 11.0]) == [10.0, 11.0]  # it only wavers


def test_changes():
    levels = [20] * 25 + [120] * 25 + [125] * 25 + [20] * 25
    times = [number / 25 for number in range(100)]
    frames = [plain(level) for level in levels]
    assert taken(Sampling(per_second=None, change=0.1), times, frames) == [0, 1, 3]
    assert taken(Sampling(per_second=0.5, change=0.1), times, frames) == [0, 1, 3]  # each change begins a new period
    assert taken(Sampling(per_second=1.25, change=0.1), times, frames) == [0, 0.8, 1, 1.8, 2.6, 3, 3.8]


def test_changes_all_the_time_are_taken_no_more_than_allowed():
    frames = [plain(level) for level in (20, 220) * 50]
    times = [number / 25 for number in range(100)]
    found = taken(Sampling(per_second=None, change=0.5, most_per_second=2.5), times, frames)
    assert found == times[::11]  # every tenth frame looks like the last one taken
    assert len(taken(Sampling(change=0.5, most_per_second=2.5), times, frames)) <= 11
    assert len(taken(Sampling(per_second=10), times, frames)) == 40  # what is regular was asked for


@pytest.mark.parametrize("form", ["yuv420p", "yuvj420p", "nv12", "yuv444p10le", "rgb24", "gray", "gbrp", "p010le"])
@pytest.mark.parametrize("size", [(160, 120), (16, 8), (1000, 30)])
def test_the_change_is_that_of_what_is_seen(form, size):
    sampler = Sampler(Sampling(change=0.9))
    assert sampler.wants(plain(50, *size, form), 0)
    assert sampler.change == 1
    sampler.wants(plain(101, 160, 120, form), 1)
    assert sampler.change == pytest.approx(0.2, abs=0.04)


def test_every_part_of_the_picture_counts():
    for x, y in ((0, 0), (120, 0), (0, 90), (120, 90)):
        pixels = np.zeros((120, 160, 3), np.uint8)
        pixels[y : y + 30, x : x + 40] = 255
        sampler = Sampler(Sampling(change=0.5))
        assert sampler.wants(av.VideoFrame.from_ndarray(np.zeros_like(pixels), format="rgb24"), 0)
        sampler.wants(av.VideoFrame.from_ndarray(pixels, format="rgb24"), 1)
        assert sampler.change == pytest.approx(1 / 16, abs=0.015)


@pytest.mark.parametrize(
    "nonsense",
    [
        {"per_second": None},
        {"per_second": 0},
        {"per_second": -1},
        {"per_second": float("nan")},
        {"most_per_second": 0},
        {"change": 0},
        {"change": 1},
    ],
)
def test_nonsense(nonsense):
    with pytest.raises(ValueError, match=r"nothing would be taken|positive|not between 0 and 1"):
        Sampling(**nonsense)
