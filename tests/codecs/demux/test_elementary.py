import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.demux.elementary import AdtsDemuxer, Mp3Demuxer
from troupe.codecs.demux.headers import adts_header, mp3_header
from troupe.codecs.demux.packets import Packet, Track
from troupe.codecs.errors import BrokenMedia
from troupe.codecs.limits import Limits


@pytest.fixture(scope="module")
def mp3(sample) -> bytes:
    return sample("mp3").read_bytes()


@pytest.fixture(scope="module")
def aac(sample) -> bytes:
    return sample("aac").read_bytes()


def frames(data: bytes, header, at: int = 0) -> list[bytes]:
    found = []
    while at < len(data):
        size = header(data, at).size
        found.append(data[at : at + size])
        at += size
    return found


def packets(events) -> list[bytes]:
    return [event.data for event in events if isinstance(event, Packet)]


def test_mp3_frames_behind_tag_and_info_frame(mp3, check_cuts):
    start = mp3.index(b"\xff\xfb")
    short = mp3[: start + 4000]
    track, *rest = check_cuts(Mp3Demuxer, short)
    whole = [frame for frame in frames(short, mp3_header, start) if len(frame) == mp3_header(frame).size]
    assert b"Info" in whole[0]
    assert packets(rest) == whole[1:]
    assert (track.codec, track.rate, track.channels) == ("mp3float", 44100, 1)
    assert track.skip == 576 + 529  # what libmp3lame writes, and the decoder's own delay


def test_mp3_padding_of_the_info_frame_gives_the_exact_length(mp3, take_apart):
    track = take_apart(Mp3Demuxer, mp3)[0]
    assert track.stop - track.skip == 3 * 44100


def test_adts_frames(aac, check_cuts):
    short = aac[:2000]
    track, *rest = check_cuts(AdtsDemuxer, short)
    assert track == Track(number=0, kind="audio", codec="aac", rate=44100, channels=1)
    assert packets(rest) == [frame for frame in frames(short, adts_header) if len(frame) == adts_header(frame).size]


@pytest.mark.parametrize(
    ("kind", "name", "header"), [(Mp3Demuxer, "mp3", mp3_header), (AdtsDemuxer, "aac", adts_header)]
)
@given(garbage=st.binary(min_size=1, max_size=300), after=st.integers(3, 20))
def test_finds_back_into_step_behind_garbage(kind, name, header, garbage, after, sample, take_apart):
    data = sample(name).read_bytes()
    start = data.index(b"\xff\xfb") if name == "mp3" else 0
    sound = frames(data, header, start)[:40]
    got = packets(take_apart(kind, b"".join((*sound[:after], garbage, *sound[after:]))))
    assert got[:2] == sound[1 if name == "mp3" else 0 :][:2]
    assert got[-15:] == sound[-15:]
    assert len(got) >= 35


def test_mp3_that_starts_inside_a_frame(mp3, take_apart):
    sound = frames(mp3, mp3_header, mp3.index(b"\xff\xfb"))
    events = take_apart(Mp3Demuxer, b"".join(sound[1:])[100:])
    assert packets(events)[:5] == sound[2:7]


def test_a_single_frame(mp3, take_apart):
    frame = frames(mp3, mp3_header, mp3.index(b"\xff\xfb"))[1]
    assert packets(take_apart(Mp3Demuxer, frame)) == [frame]
    assert packets(take_apart(Mp3Demuxer, b"junk" + frame)) == [frame]
    assert packets(take_apart(Mp3Demuxer, frame[:-1])) == []


def test_a_frame_comes_out_with_its_last_byte(mp3):
    demuxer = Mp3Demuxer(Limits())
    for frame in frames(mp3, mp3_header, mp3.index(b"\xff\xfb"))[1:10]:
        demuxer.feed(frame[:-1])
        assert packets(demuxer.events()) == []
        demuxer.feed(frame[-1:])
        assert packets(demuxer.events()) == [frame]


def test_long_tag_is_not_held(mp3):
    demuxer = Mp3Demuxer(Limits(packet=10_000))
    demuxer.feed(b"ID3\4\0\0\0\x3f\x7f\x7f" + bytes(5000))
    for _ in range(200):
        assert list(demuxer.events()) == []
        demuxer.feed(bytes(5000))
    demuxer.feed(bytes(0x3F << 14 | 0x7F << 7 | 0x7F)[201 * 5000 :])
    demuxer.feed(mp3[mp3.index(b"\xff\xfb") :][:5000])
    assert len(packets(demuxer.events())) > 5


@pytest.mark.parametrize("kind", [Mp3Demuxer, AdtsDemuxer])
@pytest.mark.parametrize("junk", [b"\0", b"\xff", b"\xff\xfb", b"noise "])
def test_endless_garbage_is_given_up(kind, junk):
    demuxer = kind(Limits())
    with pytest.raises(BrokenMedia, match="no frame"):
        for _ in range(300):
            demuxer.feed(junk * (8192 // len(junk)))
            assert list(demuxer.events()) == []
