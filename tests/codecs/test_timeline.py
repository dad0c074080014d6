from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.errors import TooLong
from troupe.codecs.resample import Resampler
from troupe.codecs.timeline import Timeline

RATE = 1000


def ones(count, value=1):
    return np.full(count, value, np.int16)


def runs(samples):
    """The values of a channel and how often each comes, as ``[(value, count)]``."""
    edges = [0, *np.flatnonzero(np.diff(samples)) + 1, len(samples)]
    return [(int(samples[one]), other - one) for one, other in pairwise(edges) if one < other]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        ([], [(0, 1000)]),
        ([(0.2, 1, 300)], [(0, 200), (1, 300), (0, 500)]),
        ([(0.0, 1, 200), (0.5, 2, 200)], [(1, 200), (0, 300), (2, 200), (0, 300)]),
        ([(0.0, 1, 200), (0.23, 2, 200)], [(1, 200), (2, 200), (0, 600)]),  # a clock that is coarse
        ([(0.0, 1, 200), (0.17, 2, 200)], [(1, 200), (2, 200), (0, 600)]),
        ([(0.0, 1, 200), (0.25, 2, 200)], [(1, 200), (0, 50), (2, 200), (0, 550)]),
        ([(0.0, 1, 500), (0.2, 2, 100)], [(1, 200), (2, 100), (1, 200), (0, 500)]),  # the later one counts
        ([(0.5, 1, 200), (0.1, 2, 200)], [(0, 100), (2, 200), (0, 200), (1, 200), (0, 300)]),
        ([(0.9, 1, 500)], [(0, 900), (1, 100)]),
    ],
)
def test_pieces_come_where_they_belong(pieces, expected):
    timeline = Timeline(1, RATE)
    for at, value, count in pieces:
        timeline.place(0, ones(count, value), at)
    assert runs(timeline.take(1.0)[:, 0]) == expected


def test_each_speaker_has_a_channel():
    timeline = Timeline(2, RATE)
    timeline.place(1, ones(100, 7), 0.1)
    timeline.place(0, ones(100, 5), 0.2)
    taken = timeline.take(0.4)
    assert taken.shape == (400, 2)
    assert runs(taken[:, 0]) == [(0, 200), (5, 100), (0, 100)]
    assert runs(taken[:, 1]) == [(0, 100), (7, 100), (0, 200)]


def test_what_comes_too_late_is_counted():
    timeline = Timeline(2, RATE)
    assert timeline.take(0.5).shape == (500, 2)
    timeline.place(0, ones(200), 0.4)
    timeline.place(1, ones(50), 0.1)
    assert runs(timeline.take(1.0)[:, 0]) == [(1, 100), (0, 400)]
    assert timeline.late == pytest.approx(0.15)
    assert timeline.take(0.7).shape == (0, 2)  # time does not go back
    assert timeline.position == 1000


def test_what_was_interrupted_is_forgotten():
    timeline = Timeline(1, RATE)
    timeline.place(0, ones(300), 0.0)
    timeline.place(0, ones(300), 0.6)
    timeline.cut(0, 0.2)
    assert timeline.end == pytest.approx(0.2)
    timeline.place(0, ones(100, 2), 0.2)
    assert runs(timeline.take(1.0)[:, 0]) == [(1, 200), (2, 100), (0, 700)]


def test_the_end_is_that_of_the_last_piece():
    timeline = Timeline(2, RATE)
    assert timeline.end == 0
    timeline.place(0, ones(500), 0.0)
    timeline.place(0, ones(100, 2), 0.2)
    timeline.place(1, ones(300), 0.0, rate=500)
    assert timeline.end == pytest.approx(0.6)
    timeline.take(2.0)
    assert timeline.end == 2.0


def test_nobody_is_far_ahead():
    timeline = Timeline(1, RATE, most_ahead=2.0)
    timeline.take(1.0)
    timeline.place(0, ones(1000), 2.0)
    with pytest.raises(TooLong, match="2 s ahead") as caught:
        timeline.place(0, ones(1000), 2.001)
    assert caught.value.limit == 2.0
    assert runs(timeline.take(4.0)[:, 0]) == [(0, 1000), (1, 1000), (0, 1000)]


@given(st.lists(st.integers(1, 700), max_size=12), st.lists(st.integers(0, 700), max_size=12), st.sampled_from([8, 1]))
def test_chunks_do_not_matter(chunks, takes, slower):
    """However audio comes and is taken, as long as it is taken behind where it comes, it is one signal."""
    whole = np.random.default_rng(1).integers(-30000, 30000, sum(chunks)).astype(np.int16)
    rate = RATE // slower
    timeline = Timeline(1, RATE)
    parts, placed = [], 0
    for number, chunk in enumerate(chunks):
        timeline.place(0, whole[placed : placed + chunk], placed / rate, rate)
        placed += chunk
        behind = placed / rate - 0.2 * slower  # a resampler holds some back
        parts.append(timeline.take(min(behind, timeline.position / RATE + (takes[number] if takes[number:] else 0))))
    parts.append(timeline.take(timeline.end))
    taken = np.concatenate(parts)[:, 0]
    if slower == 1:
        expected = whole
    else:
        resampler = Resampler(rate, RATE)
        expected = np.concatenate([resampler.push(whole), resampler.finish()])
    assert np.array_equal(taken, expected)
    assert timeline.late == 0
