import struct

import pytest
from troupe.codecs.demux.mp4 import Mp4Demuxer
from troupe.codecs.demux.packets import UNKNOWN, Packet, Track
from troupe.codecs.errors import BrokenMedia, TooManyBytes, UnsupportedFormat
from troupe.codecs.limits import Limits


def box(name: bytes, *content: bytes) -> bytes:
    body = b"".join(content)
    return struct.pack(">I4s", 8 + len(body), name) + body


def numbers(*values: int) -> bytes:
    return struct.pack(f">{len(values)}I", *values)


def full(name: bytes, *content: bytes, flags=0, version=0) -> bytes:
    return box(name, numbers(version << 24 | flags), *content)


def descriptor(tag: int, content: bytes) -> bytes:
    return bytes([tag, 0x80, 0x80, 0x80, len(content)]) + content


def esds(kind=0x40, configuration=b"\x12\x10") -> bytes:
    inner = descriptor(4, bytes([kind]) + bytes(12) + descriptor(5, configuration))
    return full(b"esds", descriptor(3, b"\0\1\0" + inner))


def audio_entry(name=b"mp4a", *boxes: bytes, version=0, more=b"") -> bytes:
    fixed = bytes(6) + b"\0\1" + struct.pack(">H6xHH4xI", version, 2, 16, 44100 << 16)
    return box(name, fixed, more, *boxes)


def video_entry(name: bytes, *boxes: bytes) -> bytes:
    return box(name, bytes(24), struct.pack(">HH", 640, 480), bytes(50), *boxes)


AAC = audio_entry(b"mp4a", esds())


def trak(number=1, entry=AAC, handler=b"soun", scale=44100, edits=b"", wide=False) -> bytes:
    times = bytes(16 if wide else 8)
    return box(
        b"trak",
        full(b"tkhd", times, numbers(number), version=int(wide)),
        edits,
        box(
            b"mdia",
            full(b"mdhd", times, numbers(scale), version=int(wide)),
            full(b"hdlr", bytes(4), handler),
            box(b"minf", box(b"stbl", full(b"stsd", numbers(1), entry))),
        ),
    )


def moov(*traks: bytes, extends=None) -> bytes:
    defaults = full(b"trex", numbers(1, 1, 1024, 4, 0)) if extends is None else extends
    return box(b"ftyp", b"iso5") + box(b"moov", *(traks or (trak(),)), box(b"mvex", defaults))


def moof(*trafs: bytes) -> bytes:
    return box(b"moof", full(b"mfhd", numbers(1)), *trafs)


def traf(*runs: bytes, number=1, header=0x20000, fields=b"", time=0) -> bytes:
    return box(b"traf", full(b"tfhd", numbers(number), fields, flags=header), full(b"tfdt", numbers(time)), *runs)


def run(*sizes: int, offset: int) -> bytes:
    return full(b"trun", numbers(len(sizes)), struct.pack(">i", offset), numbers(*sizes), flags=0x201)


def fragment(*samples: bytes, time=0) -> bytes:
    """A fragment with its data right behind it."""
    sizes = [len(sample) for sample in samples]
    length = len(moof(traf(run(*sizes, offset=0))))
    return moof(traf(run(*sizes, offset=length + 8), time=time)) + box(b"mdat", *samples)


def packets(events) -> list[Packet]:
    return [event for event in events if isinstance(event, Packet)]


def test_fragments_cut_anywhere(check_cuts):
    data = moov() + fragment(b"one", b"two!") + box(b"free", b"xyz") + fragment(b"three", time=44100)
    assert check_cuts(Mp4Demuxer, data) == [
        Track(number=1, kind="audio", codec="aac", extradata=b"\x12\x10", rate=44100, channels=2),
        Packet(1, b"one", time=0.0),
        Packet(1, b"two!", time=1024 / 44100),
        Packet(1, b"three", time=1.0),
    ]


def test_samples_of_default_size_and_first_flags(take_apart):
    runs = full(b"trun", numbers(3), struct.pack(">i", 0), numbers(0x10000), flags=0x5)
    length = len(moof(traf(runs)))
    runs = full(b"trun", numbers(3), struct.pack(">i", length + 8), numbers(0x10000), flags=0x5)
    found = packets(take_apart(Mp4Demuxer, moov() + moof(traf(runs)) + box(b"mdat", b"aaaabbbbcccc")))
    assert [(packet.data, packet.key) for packet in found] == [(b"aaaa", False), (b"bbbb", True), (b"cccc", True)]


def test_all_fields_of_headers_and_runs(take_apart):
    """Absolute base, an own description, defaults of the fragment, durations, flags and shifts of each sample."""
    start = len(moov())
    each = struct.pack(">IIIi", 100, 2, 0, -50) + struct.pack(">IIIi", 200, 3, 0x10000, 300)
    runs = full(b"trun", numbers(2), struct.pack(">i", 0), each, flags=0xF01, version=1)
    header = struct.pack(">QIIII", 0, 1, 7, 8, 9)
    base = start + len(moof(traf(runs, header=0x3B, fields=header))) + 8 + 4
    header = struct.pack(">QIIII", base, 1, 7, 8, 9)
    data = moov() + moof(traf(runs, header=0x3B, fields=header, time=1000)) + box(b"mdat", b"skipAABBB")
    assert packets(take_apart(Mp4Demuxer, data)) == [
        Packet(1, b"AA", time=950 / 44100),
        Packet(1, b"BBB", time=1400 / 44100, key=False),
    ]


def test_runs_and_track_fragments_without_offsets_follow_each_other(take_apart):
    second = trak(2, video_entry(b"vp09"), handler=b"vide", scale=1000)
    first_run = full(b"trun", numbers(1), struct.pack(">i", 0), numbers(2), flags=0x201)
    next_run = full(b"trun", numbers(1), numbers(3), flags=0x200)
    length = len(moof(traf(first_run, next_run, header=0), traf(next_run, number=2, header=0)))
    first_run = full(b"trun", numbers(1), struct.pack(">i", length + 8), numbers(2), flags=0x201)
    fragments = moof(traf(first_run, next_run, header=0), traf(next_run, number=2, header=0))
    events = take_apart(Mp4Demuxer, moov(trak(), second) + fragments + box(b"mdat", b"aabbbccc"))
    assert [(packet.track, packet.data) for packet in packets(events)] == [(1, b"aa"), (1, b"bbb"), (2, b"ccc")]


def test_media_data_of_open_and_of_long_size(take_apart):
    data = fragment(b"one", b"two")
    at = data.index(b"mdat") - 4
    opened = data[:at] + bytes(4) + data[at + 4 :]
    assert [packet.data for packet in packets(take_apart(Mp4Demuxer, moov() + opened))] == [b"one", b"two"]
    runs = run(3, offset=0)
    length = len(moof(traf(runs)))
    long = moof(traf(run(3, offset=length + 16))) + struct.pack(">I4sQ", 1, b"mdat", 19) + b"one"
    assert [packet.data for packet in packets(take_apart(Mp4Demuxer, moov() + long + fragment(b"two")))] == [
        b"one",
        b"two",
    ]


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        (audio_entry(b"mp4a", esds(0x6B)), ("mp3float", b"\x12\x10", 44100, 2, 0)),
        (audio_entry(b"mp4a", esds(0xA5)), (UNKNOWN, b"\x12\x10", 44100, 2, 0)),
        (audio_entry(b".mp3"), ("mp3float", None, 44100, 2, 0)),
        (audio_entry(b"enca"), (UNKNOWN, None, 44100, 2, 0)),
        (audio_entry(b"mp4a", esds(), version=1, more=bytes(16)), ("aac", b"\x12\x10", 44100, 2, 0)),
        (
            audio_entry(b"Opus", box(b"dOps", b"\0\2\1\x38\0\0\xbb\x80\0\0\0")),
            ("opus", b"OpusHead\1\2\0\0\x80\xbb\0\0\0\0\0", 48000, 2, 312),
        ),
        (
            audio_entry(b"fLaC", full(b"dfLa", b"\x80\0\0\x22", bytes(10) + b"\x0b\xb8\x02\xf0" + bytes(20))),
            ("flac", bytes(10) + b"\x0b\xb8\x02\xf0" + bytes(20), 48000, 2, 0),
        ),
    ],
    ids=["mp3", "other object", "quicktime mp3", "encrypted", "quicktime", "opus", "flac"],
)
def test_audio_tracks(take_apart, entry, expected):
    (track,) = take_apart(Mp4Demuxer, moov(trak(entry=entry)))
    assert (track.codec, track.extradata, track.rate, track.channels, track.skip) == expected


def test_video_track_with_wide_times(take_apart):
    entry = video_entry(b"avc1", box(b"avcC", b"config"))
    (track,) = take_apart(Mp4Demuxer, moov(trak(7, entry, handler=b"vide", wide=True)))
    assert track == Track(number=7, kind="video", codec="h264", extradata=b"config", width=640, height=480)


def test_edit_list_says_what_to_skip(take_apart):
    wide = struct.pack(">Qqi", 5, -1, 1 << 16) + struct.pack(">Qqi", 0, 2112, 1 << 16)
    for elst in (
        full(b"elst", numbers(1), struct.pack(">Iii", 0, 1024, 1 << 16)),
        full(b"elst", numbers(2), wide, version=1),
    ):
        (track,) = take_apart(Mp4Demuxer, moov(trak(edits=box(b"edts", elst))))
        assert track.skip in {1024, 2112}


def test_tracks_of_other_kinds_are_left_out(take_apart):
    text = trak(2, box(b"tx3g"), handler=b"text")
    events = take_apart(Mp4Demuxer, moov(text) + moof(traf(run(3, offset=8), number=2)) + box(b"mdat", b"txt"))
    assert events == []


def test_file_that_is_not_fragmented(sample, take_apart):
    for data in (sample("m4a").read_bytes(), box(b"moov", trak()), box(b"mdat", b"x")):
        with pytest.raises(UnsupportedFormat, match="not fragmented"):
            take_apart(Mp4Demuxer, data)


BROKEN = {
    "box smaller than its head": struct.pack(">I4s", 7, b"free") + bytes(20),
    "box with a name that is none": struct.pack(">I4s", 20, b"\0\1\2\3") + bytes(20),
    "box larger than its parent": box(b"moov", struct.pack(">I4s", 99, b"mvex")),
    "cut header": moov(box(b"trak", box(b"tkhd", b"\0\0"))),
    "cut run": moov() + moof(traf(full(b"trun", numbers(9), flags=0x200))),
    "four billion samples": moov() + moof(traf(full(b"trun", numbers(2**32 - 1)))),
    "sample that has gone by": moov() + moof(traf(run(3, offset=-8))) + box(b"mdat", b"one"),
    "cut opus": moov(trak(entry=audio_entry(b"Opus"))),
    "cut flac": moov(trak(entry=audio_entry(b"fLaC"))),
}


@pytest.mark.parametrize("data", BROKEN.values(), ids=BROKEN)
def test_broken(take_apart, data):
    with pytest.raises(BrokenMedia):
        take_apart(Mp4Demuxer, data)


def test_index_larger_than_allowed():
    demuxer = Mp4Demuxer(Limits(packet=1000))
    demuxer.feed(struct.pack(">I4s", 1001, b"moov"))
    with pytest.raises(TooManyBytes):
        list(demuxer.events())


@pytest.mark.parametrize("name", ["aac.mp4", "opus.mp4", "flac.mp4", "fragmented.mp4"])
def test_real_files(sample, take_apart, name):
    events = take_apart(Mp4Demuxer, sample(name).read_bytes())
    for track in (event for event in events if isinstance(event, Track)):
        times = [packet.time for packet in packets(events) if packet.track == track.number]
        assert len(times) > 20
        assert 1.5 < max(times) < 3.2
