from itertools import pairwise

import numpy as np
import pytest
from troupe.codecs.asset import load
from troupe.codecs.decode import read_audio
from troupe.codecs.errors import (
    BrokenMedia,
    RefusedFormat,
    RoleError,
    TooManyBytes,
    TooManyFrames,
    TooManyPixels,
    TooManyStreams,
    UnsupportedFormat,
)
from troupe.codecs.frames import LiveFrames, sample_frames
from troupe.codecs.geometry import Size
from troupe.codecs.limits import Limits
from troupe.codecs.sampling import Sampling
from troupe.codecs.sandbox import Sandbox

ALL = Sampling(per_second=100)
STREAMS = {
    "vp8.webm": "-c:v libvpx -c:a libopus -live 1 -cluster_time_limit 100",
    "vp9.webm": "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -c:a libopus",
    "h264.mkv": "-c:v libx264 -g 10 -c:a libopus",
    "h264.mp4": "-c:v libx264 -g 10 -bf 2 -c:a aac -movflags +delay_moov+default_base_moof -frag_duration 200000",
}


@pytest.fixture
def stream(made):
    def make(name):
        source = "-f lavfi -i testsrc=size=64x48:rate=25:duration=1.2 -f lavfi -i sine=300:duration=1.2"
        return made(name, f"{source} -pix_fmt yuv420p {STREAMS[name]}").read_bytes()

    return make


@pytest.fixture(scope="module")
def film(encoded):
    """Two seconds of grey, which is lighter in the second one."""
    return encoded("vp8", [np.full((48, 64, 3), 40 if number < 25 else 160, np.uint8) for number in range(50)])


def pushed(data, size, **options) -> LiveFrames:
    live = LiveFrames(**{"sampling": ALL, "capacity": 100, **options})
    for start in range(0, len(data), size):
        live.push_stream(data[start : start + size])
    live.finish()
    return live


@pytest.mark.parametrize("name", STREAMS)
def test_a_stream_in_pieces_shows_what_the_file_shows(stream, name):
    data = stream(name)
    whole = list(sample_frames(load(data), ALL))
    assert [picture.time for picture in whole] == pytest.approx([number / 25 for number in range(30)], abs=1.1e-3)
    for size in (1, 1777, len(data)):
        pictures = pushed(data, size).take()
        assert all(np.array_equal(one.rgb(), other.rgb()) for one, other in zip(pictures, whole, strict=True))
        steps = [later.time - sooner.time for sooner, later in pairwise(pictures)]
        assert steps == pytest.approx([0.04] * 29, abs=1.1e-3)


def test_a_picture_is_there_with_the_bytes_that_complete_it(stream):
    data, live = stream("vp8.webm"), LiveFrames(sampling=ALL)
    found = []
    for number in range(len(data)):
        live.push_stream(data[number : number + 1])
        found += live.take()
    assert len(found) == 30  # although only one may wait


def test_a_recorder_that_begins_anew(stream, made):
    source = "-f lavfi -i testsrc=size=80x60:rate=25:duration=0.4"
    other = made("other.mkv", f"{source} -pix_fmt yuv420p -c:v libx264 -preset ultrafast").read_bytes()
    live = pushed(stream("h264.mkv") + other + stream("h264.mkv"), 999)
    assert [picture.width for picture in live.take()] == [64] * 30 + [80] * 10 + [64] * 30
    statistics = live.statistics()
    assert (statistics.decoded, statistics.damaged, statistics.skipped) == (70, 0, 0)
    with pytest.raises(TooManyStreams):
        pushed((stream("h264.mkv") + other) * 2, 999, limits=Limits(streams=3))


def test_the_newest_win(film):
    live = LiveFrames("vp8", sampling=Sampling(per_second=5), capacity=3)
    assert live.newest() is None
    for data, time, _ in film:
        live.push(data, time)
    assert [picture.time for picture in live.take()] == pytest.approx([1.4, 1.6, 1.8])
    assert (live.take(), live.newest()) == ([], None)
    statistics = live.statistics()
    assert (statistics.decoded, statistics.taken, statistics.dropped) == (50, 10, 7)

    for data, time, _ in film:
        live.push(data, time + 2)
    assert live.newest().time == pytest.approx(3.8)
    assert live.take() == []
    assert live.statistics().dropped == 7 + 9


def test_a_change_of_scene_is_taken(film):
    live = LiveFrames("vp8", sampling=Sampling(per_second=None, change=0.2), capacity=10)
    for data, time, key in film:
        live.push(data, time, key=key)
    first, second = live.take()
    assert (first.time, second.time) == (0, 1)
    assert (first.change, second.change) == (1, pytest.approx(120 / 255, abs=0.05))


def test_pictures_for_a_model(film):
    live = LiveFrames("vp8", box=Size(32, 32))
    live.push(film[0].data, 12.5)
    picture = live.newest()
    assert (picture.width, picture.height, picture.time) == (32, 24, 12.5)
    assert picture.rgb() == pytest.approx(40, abs=4)
    image = load(picture.jpeg()).as_image()
    assert (image.asset.mime_type, image.width, image.height) == ("image/jpeg", 32, 24)


def test_lost_packets(film):
    live = LiveFrames("vp8", sampling=ALL, capacity=100)
    for number, (data, time, _) in enumerate(film):
        if number == 3:
            live.lose()
        else:
            live.push(data if number != 14 else b"\x31\x02\x03", time)
    times = [round(picture.time * 25) for picture in live.take()]
    assert times == [0, 1, 2, *range(10, 14), *range(20, 50)]
    statistics = live.statistics()
    assert (statistics.damaged, statistics.skipped) == (1, 6 + 5)


def test_only_so_much_waits(stream):
    open_ended = b"\x01" + b"\xff" * 7
    live = LiveFrames(limits=Limits(packet=10_000))
    live.push_stream(b"\x1aE\xdf\xa3\x87B\x82\x84webm" + b"\x18S\x80g" + open_ended + b"\x1fC\xb6u" + open_ended)
    with pytest.raises(TooManyBytes):
        live.push_stream(b"\xec\xc0" + bytes(64) + b"\xa3\x10\0\x80\0")  # nothing, then a block of 32 KiB
    with pytest.raises(TooManyBytes):
        pushed(stream("vp8.webm"), 1000, limits=Limits(bytes=5000))


@pytest.mark.parametrize(("limits", "error"), [({"pixels": 3071}, TooManyPixels), ({"frame_rate": 10}, TooManyFrames)])
@pytest.mark.parametrize("name", STREAMS)
def test_limits(stream, name, limits, error):
    with pytest.raises(error):
        pushed(stream(name), 5000, limits=Limits(**limits))


def test_what_is_no_live_video(stream, sample):
    for data, error in (
        (sample("webm").read_bytes(), RoleError),
        (sample("silent.mp4").read_bytes(), UnsupportedFormat),
        (sample("avi").read_bytes(), UnsupportedFormat),
        (sample("mp3").read_bytes(), UnsupportedFormat),
        (bytes(range(256)) * 100, UnsupportedFormat),
        (b"#EXTM3U\n#EXTINF:10,\nhttp://example.com/\n" + b"#" * 100, RefusedFormat),
        (stream("vp8.webm")[:500] + bytes(range(1, 256)) * 5000, BrokenMedia),
    ):
        live = LiveFrames()
        with pytest.raises(error):
            live.push_stream(data)
        with pytest.raises(ValueError, match="make a new one"):
            live.push_stream(data)
        live.finish()


def test_what_can_not_be_asked(film):
    with pytest.raises(ValueError, match="capacity"):
        LiveFrames("vp8", capacity=0)
    with pytest.raises(UnsupportedFormat):
        LiveFrames("cinepak")
    with pytest.raises(ValueError, match="push_stream"):
        LiveFrames().push(film[0].data, 0)
    live = LiveFrames("vp8")
    with pytest.raises(ValueError, match="takes packets"):
        live.push_stream(b"")
    live.lose()
    live.push(film[0].data, 0)
    live.finish()
    live.finish()
    with pytest.raises(ValueError, match="make a new one"):
        live.push(film[1].data, 0)
    assert live.newest().time == 0


def test_files(sample):
    asset = load(sample("mp4"))
    pictures = list(sample_frames(asset, Sampling(per_second=2), box=Size(80, 80)))
    assert [picture.time for picture in pictures] == pytest.approx([0, 0.52, 1, 1.52], abs=0.021)
    assert {(picture.width, picture.height) for picture in pictures} == {(80, 60)}
    with Sandbox(preload=("troupe.codecs.frames",)) as sandbox:
        confined = load(sample("mp4"), sandbox=sandbox)
        others = list(sample_frames(confined.as_video(), Sampling(per_second=2), box=Size(80, 80)))
    assert [(other.time, other.change) for other in others] == [(one.time, one.change) for one in pictures]
    assert all(np.array_equal(one.rgb(), other.rgb()) for one, other in zip(pictures, others, strict=True))


def test_files_without_video(sample):
    with pytest.raises(RoleError):
        sample_frames(load(sample("mp3")))
    assert read_audio(load(sample("mp4"))).frames
    with pytest.raises(TooManyPixels):
        list(sample_frames(load(sample("mp4"), limits=Limits(pixels=160 * 120 - 1))))
