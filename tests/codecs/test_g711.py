"""G.711 against the ITU's reference procedure written out sample by sample, ffmpeg, and audioop where Python has it."""

import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from troupe.codecs.g711 import decode_alaw, decode_ulaw, encode_alaw, encode_ulaw

EVERY_CODE = bytes(range(256))
EVERY_SAMPLE = np.arange(-32768, 32768).astype(np.int16)

Encode = Callable[[NDArray[np.int16]], bytes]
Decode = Callable[[bytes], NDArray[np.int16]]
LAWS = pytest.mark.parametrize(
    ("encode", "decode", "ffmpeg_name"), [(encode_ulaw, decode_ulaw, "mulaw"), (encode_alaw, decode_alaw, "alaw")]
)


def ulaw_by_the_book(sample: int) -> int:
    """ITU-T G.191, `ulaw_compress`."""
    magnitude = min(((~sample if sample < 0 else sample) >> 2) + 33, 0x1FFF)
    segment = 1
    rest = magnitude >> 6
    while rest:
        segment += 1
        rest >>= 1
    code = (8 - segment) << 4 | (0xF - (magnitude >> segment & 0xF))
    return code if sample < 0 else code | 0x80


def alaw_by_the_book(sample: int) -> int:
    """ITU-T G.191, `alaw_compress`."""
    code = (~sample if sample < 0 else sample) >> 4
    if code > 15:
        exponent = 1
        while code > 16 + 15:
            code >>= 1
            exponent += 1
        code = code - 16 + (exponent << 4)
    return (code if sample < 0 else code | 0x80) ^ 0x55


@pytest.mark.parametrize(("encode", "by_the_book"), [(encode_ulaw, ulaw_by_the_book), (encode_alaw, alaw_by_the_book)])
def test_every_sample_is_encoded_by_the_book(encode: Encode, by_the_book: Callable[[int], int]) -> None:
    assert encode(EVERY_SAMPLE) == bytes(map(by_the_book, EVERY_SAMPLE.tolist()))


@pytest.mark.parametrize(
    ("decode", "code", "sample"),
    [  # ITU-T G.711, tables 1a-2b: output values y of 13 bits for A-law, 14 bits for µ-law
        (decode_ulaw, 0x80, 8031 * 4),
        (decode_ulaw, 0x00, -8031 * 4),
        (decode_ulaw, 0xFF, 0),
        (decode_ulaw, 0x7F, 0),
        (decode_ulaw, 0xFE, 2 * 4),
        (decode_ulaw, 0x8F, 4191 * 4),
        (decode_alaw, 0b10101010, 4032 * 8),
        (decode_alaw, 0b00101010, -4032 * 8),
        (decode_alaw, 0b11010101, 1 * 8),
        (decode_alaw, 0b01010101, -1 * 8),
        (decode_alaw, 0b10100101, 2112 * 8),
    ],
)
def test_output_values_of_the_recommendation(decode: Decode, code: int, sample: int) -> None:
    assert decode(bytes([code])).tolist() == [sample]


@LAWS
def test_a_decoded_code_is_encoded_as_itself(encode: Encode, decode: Decode, ffmpeg_name: str) -> None:
    again = bytearray(encode(decode(EVERY_CODE)))
    if ffmpeg_name == "mulaw":
        assert again[0x7F] == 0xFF  # negative zero is zero
        again[0x7F] = 0x7F
    assert bytes(again) == EVERY_CODE


@LAWS
def test_ffmpeg_decodes_the_same_and_encodes_within_one_step(
    encode: Encode, decode: Decode, ffmpeg_name: str, ffmpeg: Callable[..., None], tmp_path: Path
) -> None:
    def convert(data: bytes, source: str, target: str) -> bytes:
        (tmp_path / "source").write_bytes(data)
        ffmpeg("-f", source, "-ar", "8000", "-i", tmp_path / "source", "-f", target, tmp_path / "target")
        return (tmp_path / "target").read_bytes()

    assert convert(EVERY_CODE, ffmpeg_name, "s16le") == decode(EVERY_CODE).tobytes()
    # ffmpeg puts the border of two segments half-way between their outputs, not where the Recommendation has it.
    outputs = np.unique(decode(EVERY_CODE))
    ours = np.searchsorted(outputs, decode(encode(EVERY_SAMPLE)))
    theirs = np.searchsorted(outputs, decode(convert(EVERY_SAMPLE.tobytes(), "s16le", ffmpeg_name)))
    assert np.abs(ours - theirs).max() == 1
    assert np.mean(ours == theirs) > 0.98


def test_audioop_agrees() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop", reason="Python 3.13 has no audioop")
    linear = EVERY_SAMPLE.tobytes()
    assert audioop.ulaw2lin(EVERY_CODE, 2) == decode_ulaw(EVERY_CODE).tobytes()
    assert audioop.alaw2lin(EVERY_CODE, 2) == decode_alaw(EVERY_CODE).tobytes()
    assert audioop.lin2alaw(linear, 2) == encode_alaw(EVERY_SAMPLE)
    # Its µ-law negates a negative sample after cutting it, so that only the positive half is the Recommendation's.
    assert audioop.lin2ulaw(linear, 2)[32768:] == encode_ulaw(EVERY_SAMPLE)[32768:]


@LAWS
def test_arrays_of_any_stride_and_shape(encode: Encode, decode: Decode, ffmpeg_name: str) -> None:
    stereo = EVERY_SAMPLE[:1000].reshape(-1, 2)
    assert encode(stereo) == encode(stereo.reshape(-1))
    assert encode(stereo[:, 0]) == encode(stereo[:, 0].copy())
    assert encode(EVERY_SAMPLE[:0]) == b""
    assert decode(b"").dtype == np.int16
    assert decode(memoryview(EVERY_CODE)[3:5]).tolist() == decode(EVERY_CODE[3:5]).tolist()
