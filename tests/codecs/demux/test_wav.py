import struct

import pytest
from troupe.codecs.demux.packets import Packet, Track
from troupe.codecs.demux.wav import WavDemuxer
from troupe.codecs.errors import BrokenMedia, UnsupportedFormat

SAMPLES = bytes(range(200))


def chunk(name: bytes, content: bytes, size: int | None = None) -> bytes:
    return name + struct.pack("<I", len(content) if size is None else size) + content + bytes(len(content) % 2)


def form(code=1, channels=1, rate=8000, bits=16, extra=b"", frame=None) -> bytes:
    size = channels * bits // 8 if frame is None else frame
    return chunk(b"fmt ", struct.pack("<HHIIHH", code, channels, rate, rate * size, size, bits) + extra)


def wav(*chunks: bytes) -> bytes:
    return b"RIFF\xff\xff\xff\xffWAVE" + b"".join(chunks)


def content(events) -> bytes:
    return b"".join(event.data for event in events if isinstance(event, Packet))


def test_chunks_around_the_samples_cut_anywhere(take_apart):
    data = wav(chunk(b"LIST", b"odd"), form(), chunk(b"data", SAMPLES), chunk(b"id3 ", b"tag"))
    for at in range(len(data)):
        events = take_apart(WavDemuxer, data[:at], data[at:])
        assert events[0] == Track(number=0, kind="audio", codec="pcm_s16le", rate=8000, channels=1)
        assert content(events) == SAMPLES
        assert all(len(event.data) % 2 == 0 for event in events[1:])


@pytest.mark.parametrize("size", [0, 0xFFFF_FFFF])
def test_size_that_the_writer_did_not_know(take_apart, size):
    assert content(take_apart(WavDemuxer, wav(form(), chunk(b"data", SAMPLES, size)))) == SAMPLES


def test_64_bit_size(take_apart):
    sizes = chunk(b"ds64", struct.pack("<QQQI", 0, len(SAMPLES), 0, 0))
    data = wav(sizes, form(), chunk(b"data", SAMPLES, 0xFFFF_FFFF), chunk(b"LIST", b"tags"))
    assert content(take_apart(WavDemuxer, data)) == SAMPLES


def test_last_incomplete_frame_is_left_out(take_apart):
    data = wav(form(channels=3), chunk(b"data", SAMPLES))
    assert content(take_apart(WavDemuxer, data)) == SAMPLES[:198]


@pytest.mark.parametrize(
    ("header", "codec"),
    [
        (form(bits=8), "pcm_u8"),
        (form(bits=24), "pcm_s24le"),
        (form(bits=32), "pcm_s32le"),
        (form(code=3, bits=32), "pcm_f32le"),
        (form(code=3, bits=64), "pcm_f64le"),
        (form(code=6, bits=8), "pcm_alaw"),
        (form(code=7, bits=8), "pcm_mulaw"),
        (form(code=0xFFFE, extra=struct.pack("<HHIH", 22, 16, 4, 1) + bytes(14)), "pcm_s16le"),
    ],
)
def test_forms_of_samples(take_apart, header, codec):
    assert take_apart(WavDemuxer, wav(header, chunk(b"data", SAMPLES)))[0].codec == codec


@pytest.mark.parametrize("header", [form(code=2, bits=4, frame=256), form(bits=12)])
def test_forms_that_are_not_known(take_apart, header):
    with pytest.raises(UnsupportedFormat):
        take_apart(WavDemuxer, wav(header))


@pytest.mark.parametrize(
    "data",
    [
        wav(form(channels=0)),
        wav(form(rate=0)),
        wav(form(frame=3)),
        wav(chunk(b"fmt ", b"short")),
        wav(chunk(b"data", SAMPLES)),
    ],
)
def test_headers_that_make_no_sense(take_apart, data):
    with pytest.raises(BrokenMedia):
        take_apart(WavDemuxer, data)
