import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.demux.ogg import OggDemuxer, ogg_checksum
from troupe.codecs.demux.packets import Packet, Track
from troupe.codecs.errors import BrokenMedia, TooManyBytes
from troupe.codecs.limits import Limits

OPUS_HEAD = b"OpusHead\x01\x01\x38\x01\x80\xbb\x00\x00\x00\x00\x00"


def page(content=b"", *, flags=0, granule=-1, serial=1, sequence=0, lacing=None) -> bytes:
    """Build a page; without lacing the content is one packet that ends here."""
    if lacing is None:
        lacing = b"\xff" * (len(content) // 255) + bytes([len(content) % 255])
    head = struct.pack("<4sBBqIIIB", b"OggS", 0, flags, granule, serial, sequence, 0, len(lacing)) + lacing
    checksum = ogg_checksum(head + content)
    return head[:22] + checksum.to_bytes(4, "little") + head[26:] + content


def opus(*pages: bytes, serial=1) -> bytes:
    return page(OPUS_HEAD, flags=2, serial=serial) + page(b"OpusTags", sequence=1, serial=serial) + b"".join(pages)


def packets(events) -> list[bytes]:
    return [event.data for event in events if isinstance(event, Packet)]


def tracks(events) -> list[Track]:
    return [event for event in events if isinstance(event, Track)]


@given(st.binary(max_size=500))
def test_checksum_is_that_of_the_specification(data):
    value = 0
    for byte in data:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x104C11DB7 if value & 0x80000000 else 0)
    assert ogg_checksum(data) == value


def test_packets_of_a_page_and_positions(take_apart):
    data = opus(page(b"aabbb", lacing=b"\2\3", granule=1920, sequence=2), page(b"c", flags=4, granule=2500, sequence=3))
    track, *rest = take_apart(OggDemuxer, data)
    assert (track.codec, track.rate, track.channels, track.skip) == ("opus", 48000, 1, 312)
    assert rest == [
        Packet(0, b"aa"),
        Packet(0, b"bbb", position=1920),
        Packet(0, b"c", position=2500, final=True),
    ]


@given(lengths=st.lists(st.integers(1, 1200), min_size=1, max_size=12), segments_per_page=st.integers(1, 8))
def test_packets_over_any_pages(lengths, segments_per_page, take_apart):
    """Packets of any length, their segments dealt out to pages of a fixed number of segments."""
    expected = [bytes([65 + index]) * length for index, length in enumerate(lengths)]
    segments = [
        (packet[at : at + 255], at + 255 <= len(packet))  # content, and whether the packet goes on
        for packet in expected
        for at in range(0, len(packet) + 1, 255)
    ]
    pages, goes_on = [], False
    for sequence, at in enumerate(range(0, len(segments), segments_per_page), 2):
        part = segments[at : at + segments_per_page]
        content, lacing = b"".join(segment for segment, _ in part), bytes(len(segment) for segment, _ in part)
        pages.append(page(content, lacing=lacing, flags=1 if goes_on else 0, sequence=sequence))
        goes_on = part[-1][1]
    assert packets(take_apart(OggDemuxer, opus(*pages))) == expected


def test_cut_anywhere(check_cuts):
    data = opus(page(b"a" * 300, sequence=2), b"junk", page(b"b" * 20, granule=0, flags=4, sequence=3))
    assert packets(check_cuts(OggDemuxer, data)) == [b"a" * 300, b"b" * 20]


def test_damaged_and_lost_pages(take_apart):
    pages = [page(bytes([65 + index]) * 100, sequence=index + 2) for index in range(4)]
    damaged = pages[1][:50] + b"x" + pages[1][51:]
    assert packets(take_apart(OggDemuxer, opus(pages[0], damaged, *pages[2:]))) == [b"A" * 100, b"C" * 100, b"D" * 100]


def test_packet_whose_start_or_end_is_lost_is_left_out(take_apart):
    first = page(b"a" * 255, lacing=b"\xff", sequence=2)
    second = page(b"aab", lacing=b"\2\1", flags=1, sequence=3)
    third = page(b"c", sequence=4)
    assert packets(take_apart(OggDemuxer, opus(first, second, third))) == [b"a" * 257, b"b", b"c"]
    assert packets(take_apart(OggDemuxer, opus(first, third))) == [b"c"]
    skipped = page(b"aab", lacing=b"\2\1", flags=1, sequence=7)
    assert packets(take_apart(OggDemuxer, opus(first, skipped))) == [b"b"]


def test_other_streams_are_left_out(take_apart):
    video = page(b"\x80theora", flags=2, serial=9), page(b"frame", serial=9, sequence=1)
    second = page(OPUS_HEAD, flags=2, serial=5), page(b"OpusTags", sequence=1, serial=5)
    data = video[0] + page(OPUS_HEAD, flags=2) + b"".join(second) + page(b"OpusTags", sequence=1) + video[1]
    data += page(b"other", serial=5, sequence=2) + page(b"ours", sequence=2)
    events = take_apart(OggDemuxer, data)
    assert len(tracks(events)) == 1
    assert packets(events) == [b"ours"]


def test_chained_streams_follow_each_other(take_apart):
    data = opus(page(b"one", flags=4, granule=960, sequence=2)) + opus(page(b"two", serial=2, sequence=2), serial=2)
    events = take_apart(OggDemuxer, data)
    assert [type(event) for event in events] == [Track, Packet, Track, Packet]
    assert packets(events) == [b"one", b"two"]


@pytest.mark.parametrize(("name", "codec"), [("ogg", "opus"), ("vorbis.ogg", "vorbis"), ("flac.ogg", "flac")])
def test_real_files(sample, take_apart, name, codec):
    track, *rest = take_apart(OggDemuxer, sample(name).read_bytes())
    assert track.codec == codec
    assert len(rest) > 20
    assert rest[-1].final == (codec != "flac")  # ffmpeg ends it with an empty page


@pytest.mark.parametrize("junk", [b"\0", b"OggS", b"OggS\0", b"junk"])
def test_endless_garbage_is_given_up(junk):
    demuxer = OggDemuxer(Limits())
    with pytest.raises(BrokenMedia, match="no Ogg page"):
        for _ in range(300):
            demuxer.feed(junk * (8000 // len(junk)))
            assert list(demuxer.events()) == []


def test_endless_packet_is_given_up():
    demuxer = OggDemuxer(Limits(packet=100_000))
    demuxer.feed(opus())
    assert len(list(demuxer.events())) == 1
    with pytest.raises(TooManyBytes):
        for sequence in range(2, 10):
            demuxer.feed(page(bytes(255 * 255), lacing=b"\xff" * 255, flags=1, sequence=sequence))
            assert list(demuxer.events()) == []


def test_cut_flac_header(take_apart):
    with pytest.raises(BrokenMedia):
        take_apart(OggDemuxer, page(b"\x7fFLAC\1\0\0\1fLaC", flags=2))
