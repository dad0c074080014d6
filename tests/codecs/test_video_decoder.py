import random

import numpy as np
import pytest
from troupe.codecs.errors import BrokenMedia, LimitExceeded, TooManyFrames, TooManyPixels, UnsupportedFormat
from troupe.codecs.limits import Limits
from troupe.codecs.video_decoder import VideoDecoder, is_key, is_picture

CODECS = ["h264", "vp8", "vp9", "mjpeg"]
REFERRING = ["h264", "vp8", "vp9"]


def picture(number, width=64, height=48):
    """Colours that change with time and place."""
    y, x = np.mgrid[0:height, 0:width]
    return np.stack([x * 3 + number, 255 - y * 4, np.full_like(x, 8 * number)], axis=2).astype(np.uint8)


def shows(frame, number) -> bool:
    """Whether a decoded frame is this picture."""
    seen = frame.to_ndarray(format="rgb24").astype(int)
    return float(np.abs(seen - picture(number, frame.width, frame.height)).mean()) < 8


@pytest.fixture(scope="module")
def films(encoded):
    return {codec: encoded(codec, [picture(number) for number in range(30)]) for codec in (*CODECS, "reordered h264")}


@pytest.mark.parametrize("codec", CODECS)
def test_each_packet_gives_its_frame_at_once(films, codec):
    decoder = VideoDecoder(codec, Limits())
    for number, (data, time, key) in enumerate(films[codec]):
        assert is_key(codec, data) == key
        (frame,) = decoder.decode(data, time)
        assert frame.time == pytest.approx(number / 25, abs=1e-6)
        assert shows(frame, number)
    assert list(decoder.finish()) == []
    assert (decoder.frames, decoder.damaged, decoder.skipped) == (30, 0, 0)


def test_frames_that_were_reordered_come_in_order(films):
    decoder = VideoDecoder("h264", Limits(), live=False)
    frames = [frame for data, time, _ in films["reordered h264"] for frame in decoder.decode(data, time)]
    assert len(frames) < 30
    frames += decoder.finish()
    assert [round(frame.time * 25) for frame in frames] == list(range(30))
    assert all(shows(frame, number) for number, frame in enumerate(frames))


@pytest.mark.parametrize("codec", REFERRING)
@pytest.mark.parametrize("how", ["lost", "garbage", "joined late"])
def test_nothing_is_shown_from_damage_to_the_next_key_frame(films, codec, how):
    decoder = VideoDecoder(codec, Limits())
    frames = []
    for number, (data, time, _) in enumerate(films[codec]):
        if number == 4 and how == "lost":
            decoder.lose()
        elif number >= 4 or how != "joined late":
            garbage = random.Random(number).randbytes(200)
            frames += decoder.decode(garbage if number == 4 and how == "garbage" else data, time)
    start = [] if how == "joined late" else [0, 1, 2, 3]
    assert [round(frame.time * 25) for frame in frames] == [*start, *range(10, 30)]
    assert all(shows(frame, round(frame.time * 25)) for frame in frames)
    assert (decoder.damaged, decoder.skipped) == {"lost": (0, 5), "garbage": (1, 5), "joined late": (0, 6)}[how]


def test_parameter_sets_may_come_by_themselves(films):
    decoder = VideoDecoder("h264", Limits())
    shown = 0
    for data, time, key in films["h264"]:
        slice_at = data.rindex(b"\0\0\1\x65") if key else 0
        for part in (data[:slice_at], data[slice_at:]):
            shown += len(list(decoder.decode(part, time)))
    assert (shown, decoder.damaged, decoder.skipped) == (30, 0, 0)


@pytest.mark.parametrize("codec", CODECS)
def test_the_size_may_change(encoded, codec):
    decoder = VideoDecoder(codec, Limits())
    film = encoded(codec, [picture(0), picture(1)]) + encoded(codec, [picture(0, 32, 80), picture(1, 32, 80)])
    frames = [frame for number, packet in enumerate(film) for frame in decoder.decode(packet.data, number / 25)]
    assert [(frame.width, frame.height) for frame in frames] == [(64, 48), (64, 48), (32, 80), (32, 80)]
    assert all(shows(frame, number % 2) for number, frame in enumerate(frames))


@pytest.mark.parametrize("codec", CODECS)
def test_pictures_that_are_too_large(films, codec):
    decoder = VideoDecoder(codec, Limits(pixels=64 * 48 - 1))
    with pytest.raises(TooManyPixels):
        list(decoder.decode(films[codec][0].data, 0))
    decoder = VideoDecoder(codec, Limits(pixels=64 * 48))
    assert list(decoder.decode(films[codec][0].data, 0))


def test_more_frames_than_allowed(films):
    decoder = VideoDecoder("vp8", Limits(frame_rate=10))
    data = films["vp8"][0].data
    for number in range(100):  # a second's worth at once, then what the clock allows
        list(decoder.decode(data, max(0, number - 9) / 10))
    with pytest.raises(TooManyFrames):
        list(decoder.decode(data, 9.05))
    with pytest.raises(TooManyFrames):  # a clock that goes back earns nothing
        for number in range(100):
            list(decoder.decode(data, 20 + number % 2))


@pytest.mark.parametrize("codec", CODECS)
def test_damaged_packets_only_ever_count(films, codec):
    chance = random.Random(codec)
    decoder = VideoDecoder(codec, Limits(pixels=1 << 20))
    for number in range(300):
        data = bytearray(films[codec][number % 30].data)
        for _ in range(chance.choice((0, 0, 0, 0, 1, 3))):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            list(decoder.decode(bytes(data[: chance.choice((10, *[10_000] * 8))]), number / 25))
        except LimitExceeded:
            decoder.lose()
    assert decoder.frames > 30
    assert decoder.damaged > 10
    assert decoder.frames + decoder.damaged + decoder.skipped <= 300


def test_key_frames_of_vp9_with_profile_3():
    first_bytes = {0b1011_0000: True, 0b1011_0010: False, 0b1011_0100: False}
    assert {first: is_key("vp9", bytes([first, 0])) for first in first_bytes} == first_bytes


def test_packets_that_hold_no_picture(films):
    for codec in CODECS:
        assert all(is_picture(codec, data) for data, _, _ in films[codec])
        assert not is_picture(codec, b"")
    first = films["h264"][0].data
    assert not is_picture("h264", first[: first.rindex(b"\0\0\1\x65")])


def test_what_can_not_be_decoded():
    with pytest.raises(UnsupportedFormat):
        VideoDecoder("opus", Limits())
    with pytest.raises(UnsupportedFormat):
        VideoDecoder("rawvideo", Limits())
    with pytest.raises(ValueError, match="pass `key`"):
        list(VideoDecoder("hevc", Limits()).decode(b"\0\0\1", 0))
    for time in (float("nan"), float("inf"), -1e300, 2**63 / 1e6):
        with pytest.raises(BrokenMedia, match="no frame"):
            list(VideoDecoder("vp8", Limits()).decode(b"1", time, key=True))
    assert list(VideoDecoder("vp8", Limits()).decode(b"", 0)) == []
