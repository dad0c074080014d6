from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.asset import load
from troupe.codecs.gate import opened
from troupe.codecs.timing import Shown, at_constant_rate, seek, shown, start_of


def frames(*times, last=0.04):
    """Frames that last until the next one; they are named by their times."""
    ends = [*times[1:], times[-1] + last]
    return [Shown(time, end - time, time) for time, end in zip(times, ends, strict=True)]


def test_the_same_rate_changes_nothing():
    times = [number / 25 for number in range(50)]
    assert list(at_constant_rate(frames(*times), Fraction(25))) == times


def test_rounded_times_change_nothing():
    times = [round(number / 30, 3) for number in range(60)]
    assert list(at_constant_rate(frames(*times, last=0.033), Fraction(30))) == times


def test_frames_are_repeated_and_left_out():
    assert list(at_constant_rate(frames(0.0, 0.5, last=0.5), Fraction(4))) == [0.0, 0.0, 0.5, 0.5]
    assert list(at_constant_rate(frames(0.0, 0.1, 0.2, 0.3, 0.4, 0.5, last=0.1), Fraction(5))) == [0.0, 0.2, 0.4]


def test_a_part():
    times = [number / 10 for number in range(20)]
    assert list(at_constant_rate(frames(*times, last=0.1), Fraction(10), 0.5, 0.8)) == [0.5, 0.6, 0.7]
    assert list(at_constant_rate(frames(*times, last=0.1), Fraction(10), 1.7)) == [1.7, 1.8, 1.9]
    assert list(at_constant_rate(frames(*times, last=0.1), Fraction(10), 5.0)) == []
    assert list(at_constant_rate([], Fraction(10))) == []


@given(
    st.lists(st.floats(0.005, 0.3), min_size=1, max_size=40),
    st.sampled_from([Fraction(25), Fraction(30000, 1001), Fraction(10)]),
    st.floats(0, 2),
    st.none() | st.floats(2, 6),
)
def test_there_are_as_many_as_time_asks_for_and_each_is_near_its_time(durations, rate, start, stop):
    times = [sum(durations[:number]) for number in range(len(durations))]
    end = sum(durations)
    found = list(at_constant_rate(frames(*times, last=durations[-1]), rate, start, stop))
    wanted = (min(end, stop or end) - start) * rate
    assert abs(len(found) - max(0, wanted)) <= 1
    for tick, time in enumerate(found):
        following = next((other for other in times if other > time), end)
        assert time - 0.51 / rate <= start + tick / rate <= following + 0.51 / rate


@pytest.mark.parametrize("name", ["mp4", "mkv", "av.webm", "mov"])
def test_frames_of_files_begin_at_zero(sample, name):
    asset = load(sample(name))
    with opened(asset.source, asset.format, asset.limits) as media:
        found = list(shown(media.video_frames(media.info.video), media.info.video))
        assert start_of(media.container.streams[media.info.video.index]) == pytest.approx(0, abs=0.03)
    assert [round(frame.time * 25) for frame in found] == list(range(50))
    assert found[7].duration == pytest.approx(0.04, abs=0.002)


def test_a_picture_is_the_first_of_its_file(sample):
    asset = load(sample("png"))
    with opened(asset.source, asset.format, asset.limits) as media:
        (only,) = shown(media.video_frames(media.info.video), media.info.video)
    assert only.time == 0


@pytest.mark.parametrize("name", ["mp4", "mkv", "av.webm", "fragmented.mp4"])
def test_seek_goes_to_a_key_frame_before_or_nowhere(sample, name):
    asset = load(sample(name))
    with opened(asset.source, asset.format, asset.limits) as media:
        seek(media, 1.5)
        first = next(media.video_frames(media.info.video))
    assert first.key_frame
    assert first.time <= 1.5
