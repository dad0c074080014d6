import itertools
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.demux.flac import FlacDemuxer, FlacHeader, flac_header
from troupe.codecs.demux.packets import Packet, Track
from troupe.codecs.errors import BrokenMedia, TooManyBytes
from troupe.codecs.limits import Limits


@pytest.fixture(scope="module")
def flac(sample) -> bytes:
    return sample("flac").read_bytes()


def sizes(path) -> list[int]:
    """Packet sizes as ffprobe sees them."""
    command = ["ffprobe", "-v", "error", "-show_entries", "packet=size", "-of", "csv=p=0", path]
    return [int(line.strip(",\n")) for line in subprocess.run(command, capture_output=True, text=True).stdout.split()]


def packets(events) -> list[bytes]:
    return [event.data for event in events if isinstance(event, Packet)]


def test_frames_are_those_that_ffprobe_sees(flac, sample, take_apart):
    track, *rest = take_apart(FlacDemuxer, flac)
    assert (track.codec, track.rate, track.channels, len(track.extradata)) == ("flac", 44100, 1, 34)
    assert [len(packet) for packet in packets(rest)] == sizes(sample("flac"))
    assert flac.endswith(b"".join(packets(rest)))


def test_cut_anywhere(ffmpeg, tmp_path, check_cuts):
    path = tmp_path / "x.flac"
    ffmpeg("-f", "lavfi", "-i", "aevalsrc=0.1*random(0):d=0.06", "-frame_size", "512", path)
    events = check_cuts(FlacDemuxer, path.read_bytes())
    assert len(packets(events)) == 6


def test_a_frame_comes_out_with_the_header_of_the_next(flac, take_apart):
    frames = packets(take_apart(FlacDemuxer, flac))
    demuxer = FlacDemuxer(Limits())
    demuxer.feed(flac[: flac.index(frames[0])])
    assert isinstance(next(demuxer.events()), Track)
    demuxer.feed(frames[0])
    for previous, frame in itertools.pairwise(frames[:10]):
        assert packets(demuxer.events()) == []
        demuxer.feed(frame[:16])
        assert packets(demuxer.events()) == [previous]
        demuxer.feed(frame[16:])


@given(at=st.integers(2, 20), lost=st.integers(1, 3))
def test_lost_frames_don_t_stop_it(at, lost, sample, take_apart):
    flac = sample("flac").read_bytes()
    frames = packets(take_apart(FlacDemuxer, flac))
    start = flac[: flac.index(frames[0])]
    got = packets(take_apart(FlacDemuxer, start + b"".join(frames[:at] + frames[at + lost :])))
    assert got[: at - 1] == frames[: at - 1]
    assert got[-3:] == frames[-3:]


def test_garbage_goes_with_the_frame_before_it(flac, take_apart):
    frames = packets(take_apart(FlacDemuxer, flac))
    start = flac[: flac.index(frames[0])]
    got = packets(take_apart(FlacDemuxer, start + frames[0] + b"\xff\xf8garbage" + b"".join(frames[1:])))
    assert got == [frames[0] + b"\xff\xf8garbage", *frames[1:]]


def test_long_metadata_is_not_held(flac):
    demuxer = FlacDemuxer(Limits(packet=10_000))
    demuxer.feed(flac[:42] + b"\x84\x10\0\0")  # STREAMINFO, and the head of a last block of one MiB
    for _ in range(1 << 20 >> 12):
        assert all(isinstance(event, Track) for event in demuxer.events())
        demuxer.feed(bytes(4096))
    demuxer.feed(flac[-5000:])
    assert all(isinstance(event, Track) for event in demuxer.events())


def test_header_with_numbers_of_all_lengths():
    for number in (0, 0x7F, 0x80, 0x7FF, 0x800, 0xFFFF, 0x10000, 0x1FFFFF, 0x200000, 0x3FFFFFF, 2**31 - 1, 2**36 - 1):
        head = b"\xff\xf9\x89\x18" + coded(number)
        assert flac_header(head + crc8(head) + bytes(9)) == FlacHeader(number, number + 256, 256, 2)
        assert flac_header(head + bytes([crc8(head)[0] ^ 1]) + bytes(9)) is None


def test_header_with_sizes_and_rates_behind_the_number():
    for code, size, samples in ((0x6, b"\x0f", 16), (0x7, b"\x03\xe7", 1000), (0x1, b"", 192), (0x5, b"", 4608)):
        for rate, extra in ((0xC, b"\x10"), (0xD, b"\xac\x44"), (0xE, b"\x11\x3a"), (9, b"")):
            head = bytes([0xFF, 0xF8, code << 4 | rate, 0xA8, 5]) + size + extra
            assert flac_header(head + crc8(head)) == FlacHeader(5, 6, samples, 2)


@pytest.mark.parametrize(
    "head", [b"\xff\xf8\x09\x18\0", b"\xff\xf8\x8f\x18\0", b"\xff\xf8\x89\xb8\0", b"\xff\xf8\x89\x16\0"]
)
def test_reserved_values_are_no_header(head):
    assert flac_header(head + crc8(head) + bytes(9)) is None


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"fLaX" + bytes(50), BrokenMedia),
        (b"fLaC\x80\0\0\x21" + bytes(50), BrokenMedia),
        (b"fLaC\x80\0\0\x22" + bytes(34) + b"\xff" * 2**21, BrokenMedia),
    ],
    ids=["magic", "size of STREAMINFO", "garbage"],
)
def test_broken(take_apart, data, error):
    with pytest.raises(error):
        take_apart(FlacDemuxer, data)


def test_frame_without_end(flac):
    demuxer = FlacDemuxer(Limits(packet=100_000))
    demuxer.feed(flac[:20_000])
    with pytest.raises(TooManyBytes):
        for _ in range(30):
            assert list(demuxer.events()) is not None
            demuxer.feed(bytes(5000))


def coded(number: int) -> bytes:
    """Code a number as frame headers do: like UTF-8, but up to 36 bits."""
    if number < 0x80:
        return bytes([number])
    more = next(count for count in range(1, 7) if number < 1 << (6 * count + max(0, 6 - count)))
    lead = 0xFF00 >> (more + 1) & 0xFF
    return bytes([lead | number >> 6 * more, *(number >> 6 * index & 0x3F | 0x80 for index in reversed(range(more)))])


def crc8(data: bytes) -> bytes:
    value = 0
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value << 1 ^ (0x107 if value & 0x80 else 0)
    return bytes([value])
