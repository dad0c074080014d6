from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.asset import load
from troupe.codecs.gate import opened
from troupe.codecs.timing import Shown, at_constant_rate, frames_from, shown, start_of

PICTURE = "testsrc=size=160x120:rate=25:duration=2"


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


@pytest.mark.parametrize("name", ["mp4", "mkv", "av.webm", "fragmented.mp4", "avi", "mov", "numbered.mp4"])
@pytest.mark.parametrize("start", [0.0, 0.04, 0.36, 0.4, 1.5, 1.96])
def test_frames_from_a_time_on(sample, name, start):
    asset = load(sample(name))
    stream = asset.info.video
    with opened(asset.source, asset.format, asset.limits) as media:
        whole = [frame.time for frame in media.video_frames(stream)]
    with opened(asset.source, asset.format, asset.limits) as media:
        origin, frames = frames_from(media, stream, start)
        part = [frame.time for frame in frames]
    assert origin == whole[0]
    assert part == whole[-len(part) :]
    assert part[0] <= origin + start + 0.001
    if name in {"numbered.mp4", "avi"}:  # in groups of 10 and 12 pictures
        assert part[0] > origin + start - 0.49


def test_frames_of_an_index_that_is_late(made):
    """Pictures that are decoded behind the key frame, but shown before it, need the one before that."""
    options = "-c:v libx265 -x265-params keyint=10:log-level=none"  # whose key frames have such pictures behind them
    asset = load(made("open.mp4", f"-f lavfi -i {PICTURE} {options}"))
    for number in range(5, 25):
        with opened(asset.source, asset.format, asset.limits) as media:
            origin, frames = frames_from(media, asset.info.video, number / 25)
            assert next(frames).time - origin <= number / 25 + 0.001


def test_no_frames_at_all(sample):
    asset = load(sample("mp4"))
    with opened(asset.source, asset.format, asset.limits) as media:
        _, frames = frames_from(media, asset.info.video, 50.0)
        assert [frame.time for frame in frames][-1] == pytest.approx(1.96)
