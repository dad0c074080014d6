import itertools
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.demux.packets import UNKNOWN, Packet, Track
from troupe.codecs.demux.webm import WebmDemuxer
from troupe.codecs.errors import BrokenMedia, TooManyBytes
from troupe.codecs.limits import Limits

OPUS_HEAD = b"OpusHead\x01\x02\x38\x01\x80\xbb\x00\x00\x00\x00\x00"
OPEN = b"\x01\xff\xff\xff\xff\xff\xff\xff"


def vint(value: int, length: int = 0) -> bytes:
    length = length or next(length for length in range(1, 9) if value < (1 << 7 * length) - 1)
    return (value | 1 << 7 * length).to_bytes(length, "big")


def element(name: int, *content: bytes | int, size: bytes | None = None) -> bytes:
    """Build an element; a number becomes its shortest bytes."""
    body = b"".join(
        part.to_bytes(max(1, part.bit_length() + 7 >> 3), "big") if isinstance(part, int) else part for part in content
    )
    return name.to_bytes(name.bit_length() + 7 >> 3, "big") + (vint(len(body)) if size is None else size) + body


def entry(number=1, kind=2, codec=b"A_OPUS", private=OPUS_HEAD, *more: bytes) -> bytes:
    return element(
        0xAE, element(0xD7, number), element(0x83, kind), element(0x86, codec), element(0x63A2, private), *more
    )


def block(content: bytes, number=1, time=0, flags=0x80) -> bytes:
    return element(0xA3, vint(number), struct.pack(">hB", time, flags), content)


def webm(*clusters: bytes, tracks: bytes = entry(), info=b"") -> bytes:
    """A stream as a browser records it: segment and clusters are left open."""
    return b"".join(
        (
            element(0x1A45DFA3, element(0x4282, b"webm")),
            element(0x18538067, size=OPEN),
            element(0x1549A966, info),
            element(0x1654AE6B, tracks),
            *clusters,
        )
    )


def cluster(*children: bytes, time=0) -> bytes:
    return element(0x1F43B675, size=OPEN) + element(0xE7, time) + b"".join(children)


def packets(events) -> list[Packet]:
    return [event for event in events if isinstance(event, Packet)]


def data_of(events) -> list[bytes]:
    return [packet.data for packet in packets(events)]


def test_what_a_browser_records(check_cuts):
    data = webm(cluster(block(b"one"), block(b"two", time=20)), cluster(block(b"three", flags=0), time=1000))
    assert check_cuts(WebmDemuxer, data) == [
        Track(
            number=1,
            kind="audio",
            codec="opus",
            extradata=OPUS_HEAD.replace(b"\x38\x01", b"\0\0"),
            rate=48000,
            channels=2,
            skip=312,
        ),
        Packet(1, b"one", time=0.0),
        Packet(1, b"two", time=0.02),
        Packet(1, b"three", time=1.0, key=False),
    ]


def test_sizes_may_be_known_and_of_any_length(take_apart):
    for length in range(1, 9):
        inner = element(0xA3, b"\x81\0\0\x80data", size=vint(8, length))
        data = webm(element(0x1F43B675, element(0xE7, 0), inner))
        assert data_of(take_apart(WebmDemuxer, data)) == [b"data"]


def test_elements_that_are_not_used_are_skipped(take_apart):
    void, cues, tags = element(0xEC, bytes(5000)), element(0x1C53BB6B, b"x" * 99), element(0x1254C367, b"y" * 99)
    unknown = element(0x7AAA, b"future")
    data = webm(void, cues, cluster(element(0xA7, 5), unknown, block(b"data")), tags)
    assert data_of(take_apart(WebmDemuxer, data)) == [b"data"]


def test_scale_of_time(take_apart):
    data = webm(cluster(block(b"data", time=-5), time=100), info=element(0x2AD7B1, 10_000_000))
    assert packets(take_apart(WebmDemuxer, data))[0].time == pytest.approx(0.95)


def test_block_group_with_padding_and_reference(take_apart):
    padding = element(0x75A2, struct.pack(">i", 6_500_000))
    inner = element(0xA1, b"\x81\0\0\0", b"data")
    data = webm(cluster(element(0xA0, inner, padding), element(0xA0, inner, element(0xFB, 1))))
    assert packets(take_apart(WebmDemuxer, data)) == [
        Packet(1, b"data", time=0.0, trim=312),
        Packet(1, b"data", time=0.0, key=False),
    ]


@given(st.lists(st.binary(min_size=1, max_size=600), min_size=1, max_size=8), st.sampled_from(["xiph", "ebml"]))
def test_laced_frames(frames, lacing):
    first = frames[:-1]
    if lacing == "xiph":
        sizes = b"".join(b"\xff" * (len(frame) // 255) + bytes([len(frame) % 255]) for frame in first)
    else:
        sizes = b"".join(
            vint(len(frame)) if before is None else vint(len(frame) - len(before) + (1 << 13) - 1, 2)
            for before, frame in itertools.pairwise([None, *first])
        )
    content = bytes([len(frames) - 1]) + sizes + b"".join(frames)
    demuxer = WebmDemuxer(Limits())
    demuxer.feed(webm(cluster(block(content, flags=2 if lacing == "xiph" else 6))))
    assert data_of(demuxer.events()) == frames


def test_fixed_lacing(take_apart):
    assert data_of(take_apart(WebmDemuxer, webm(cluster(block(b"\2aabbcc", flags=4))))) == [b"aa", b"bb", b"cc"]


@pytest.mark.parametrize("content", [b"", b"\2\xff", b"\1\x09short", b"\5\1\1"])
def test_lacing_that_does_not_fit(take_apart, content):
    with pytest.raises(BrokenMedia):
        take_apart(WebmDemuxer, webm(cluster(block(content, flags=2))))


@pytest.mark.parametrize("content", [b"", b"\2", b"\2\x40", b"\2\x88\x81x"])
def test_ebml_lacing_that_does_not_fit(take_apart, content):
    with pytest.raises(BrokenMedia):
        take_apart(WebmDemuxer, webm(cluster(block(content, flags=6))))


def audio(rate: float, channels: int, bits: int = 0) -> bytes:
    return element(0xE1, element(0xB5, struct.pack(">f", rate)), element(0x9F, channels), element(0x6264, bits))


@pytest.mark.parametrize(
    ("tracks", "expected"),
    [
        (entry(1, 2, b"A_AAC", b"\x12\x10", audio(44100, 2)), ("aac", 44100, 2, b"\x12\x10")),
        (entry(1, 2, b"A_PCM/INT/LIT", b"", audio(8000, 1, 24)), ("pcm_s24le", 8000, 1, None)),
        (entry(1, 2, b"A_PCM/FLOAT/IEEE", b"", audio(8000, 1, 32)), ("pcm_f32le", 8000, 1, None)),
        (entry(1, 2, b"A_DTS", b"", audio(48000, 6)), (UNKNOWN, 48000, 6, None)),
        (entry(1, 2, b"A_VORBIS", b"x", audio(float("nan"), 1)), ("vorbis", 8000, 1, b"x")),
    ],
)
def test_audio_tracks(take_apart, tracks, expected):
    (track,) = take_apart(WebmDemuxer, webm(tracks=tracks))
    assert (track.codec, track.rate, track.channels, track.extradata) == expected


def test_video_track(take_apart):
    size = element(0xE0, element(0xB0, 640), element(0xBA, 480))
    (track,) = take_apart(WebmDemuxer, webm(tracks=entry(2, 1, b"V_VP9", b"", size)))
    assert track == Track(number=2, kind="video", codec="vp9", width=640, height=480)


def test_delay_of_the_codec_counts_more_than_its_header(take_apart):
    (track,) = take_apart(WebmDemuxer, webm(tracks=entry(1, 2, b"A_OPUS", OPUS_HEAD, element(0x56AA, 80_000_000))))
    assert track.skip == 3840


def test_subtitles_and_encrypted_tracks_are_left_out(take_apart):
    encrypted = element(0x6D80, element(0x6240, element(0x5035, b"")))
    tracks = entry(1, 17, b"S_TEXT/UTF8") + entry(2, 2, b"A_OPUS", OPUS_HEAD, encrypted)
    assert take_apart(WebmDemuxer, webm(cluster(block(b"x"), block(b"y", number=2)), tracks=tracks)) == []


def test_stripped_headers_are_put_back(take_apart):
    stripped = element(0x6D80, element(0x6240, element(0x5034, element(0x4254, 3), element(0x4255, b"\xff\xfb"))))
    tracks = entry(1, 2, b"A_MPEG/L3", b"", stripped)
    assert data_of(take_apart(WebmDemuxer, webm(cluster(block(b"rest")), tracks=tracks))) == [b"\xff\xfbrest"]


def test_stream_that_begins_anew(take_apart):
    once = webm(cluster(block(b"data")))
    assert [type(event) for event in take_apart(WebmDemuxer, once + once)] == [Track, Packet, Track, Packet]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\0" * 20,
        b"\x08garbage garbage",
        b"noise" * 50_000,
        OPEN * 3,
        element(0xA3),
        element(0x1654AE6B, b"\xae\x99"),
        element(0xE7, bytes(9)),  # a number has eight bytes at most
    ],
)
def test_garbage(take_apart, garbage):
    with pytest.raises(BrokenMedia):
        take_apart(WebmDemuxer, webm(cluster(block(b"data")), garbage))


def test_element_larger_than_allowed(take_apart):
    demuxer = WebmDemuxer(Limits(packet=1000))
    demuxer.feed(webm(cluster(element(0xA3, b"\x81\0\0\x80", size=vint(1001)))))
    with pytest.raises(TooManyBytes):
        list(demuxer.events())


@pytest.mark.parametrize("name", ["webm", "av.webm", "mkv", "flac.mka", "aac.mka", "mp3.mka", "pcm.mka", "live.webm"])
def test_real_files(sample, take_apart, name):
    events = take_apart(WebmDemuxer, sample(name).read_bytes())
    kinds = {event.number: event.kind for event in events if isinstance(event, Track)}
    assert set(kinds.values()) == ({"audio", "video"} if name in {"av.webm", "mkv"} else {"audio"})
    for number in kinds:
        times = [packet.time for packet in packets(events) if packet.track == number]
        assert len(times) > 20
        assert max(times) == pytest.approx(2, abs=1.1)
