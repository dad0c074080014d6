import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from troupe.codecs.demux.packets import UNKNOWN, Packet, Track
from troupe.codecs.errors import BrokenMedia, TooLong, UnsupportedFormat
from troupe.codecs.limits import Limits
from troupe.codecs.track_decoder import TrackDecoder


def pcm_track(**fields) -> Track:
    return Track(number=0, kind="audio", codec="pcm_s16le", rate=8000, channels=1, **fields)


def ramp(start: int, count: int) -> bytes:
    return np.arange(start, start + count, dtype="<i2").tobytes()


def decode(decoder: TrackDecoder, *packets: Packet) -> list[int]:
    pieces = [piece for packet in packets for piece in decoder.decode(packet)]
    pieces += decoder.finish()
    assert all(piece.rate == 8000 for piece in pieces)
    return [sample for piece in pieces for sample in piece.samples[:, 0].tolist()]


@given(skip=st.integers(0, 250), stop=st.none() | st.integers(0, 350), trim=st.integers(0, 120))
def test_start_stop_and_trim_are_exact(skip, stop, trim):
    decoder = TrackDecoder(pcm_track(skip=skip, stop=stop), Limits())
    packets = [Packet(0, ramp(0, 100)), Packet(0, ramp(100, 100)), Packet(0, ramp(200, 100), trim=trim)]
    expected = list(range(300 - trim if trim < 100 else 200))[skip:stop]
    assert decode(decoder, *packets) == [sample for sample in expected if stop is None or sample < stop]


@given(offset=st.integers(0, 10**9), padding=st.integers(0, 99))
def test_final_position_cuts_padding_wherever_the_time_line_starts(offset, padding):
    packets = [
        Packet(0, ramp(0, 100), position=offset + 100),
        Packet(0, ramp(100, 100)),
        Packet(0, ramp(200, 100), position=offset + 300 - padding, final=True),
    ]
    assert decode(TrackDecoder(pcm_track(), Limits()), *packets) == list(range(300 - padding))


def test_a_single_packet_that_is_final_starts_at_zero():
    packet = Packet(0, ramp(0, 100), position=60, final=True)
    assert decode(TrackDecoder(pcm_track(), Limits()), packet) == list(range(60))


def test_damaged_packets_are_left_out_and_counted():
    track = Track(number=0, kind="audio", codec="aac", extradata=b"\x12\x10")
    decoder = TrackDecoder(track, Limits())
    for _ in range(5):
        assert list(decoder.decode(Packet(0, b"\xff" * 50))) == []
    assert decoder.damaged == 5
    with pytest.raises(BrokenMedia, match="not one"):
        list(decoder.finish())


def test_too_many_damaged_packets_in_a_row():
    decoder = TrackDecoder(Track(number=0, kind="audio", codec="aac", extradata=b"\x12\x10"), Limits())
    with pytest.raises(BrokenMedia, match="in a row"):
        for _ in range(200):
            assert list(decoder.decode(Packet(0, b"\xff" * 50))) == []


def test_too_long():
    decoder = TrackDecoder(pcm_track(skip=10**9), Limits(duration=0.5))
    with pytest.raises(TooLong):
        for _ in range(41):
            assert list(decoder.decode(Packet(0, ramp(0, 100)))) == []
    assert decoder.seconds > 0.5


@pytest.mark.parametrize(("rate", "channels"), [(2**32 - 1, 1), (8000, 65535)])
def test_claims_beyond_reason(rate, channels):
    with pytest.raises(UnsupportedFormat):
        TrackDecoder(Track(number=0, kind="audio", codec="pcm_u8", rate=rate, channels=channels), Limits())


@pytest.mark.parametrize("codec", [UNKNOWN, "h264", "png", "no such thing"])
def test_no_decoder_for_it(codec):
    with pytest.raises(UnsupportedFormat):
        TrackDecoder(Track(number=0, kind="audio", codec=codec), Limits())


@pytest.mark.parametrize(("codec", "extradata"), [("flac", b"short"), ("vorbis", b"\2\1"), ("alac", bytes(36))])
def test_configuration_that_makes_no_sense(codec, extradata):
    with pytest.raises((BrokenMedia, UnsupportedFormat)):
        TrackDecoder(Track(number=0, kind="audio", codec=codec, extradata=extradata), Limits())
