"""G.711: µ-law and A-law, 8 bits a sample, both ways by table.

Source: ITU-T Recommendation G.711 (11/1988), tables 1a-2b. 16-bit samples are related to the Recommendation's 14-bit
(µ-law) and 13-bit (A-law) values as in the ITU's reference code (ITU-T G.191, `g711.c`): outputs are scaled up, inputs
cut off, negative ones by their one's complement, so that the two halves mirror each other.

A code is a sign (1: positive), a 3-bit segment and a 4-bit step within it. On the line some of its bits are inverted.
"""

import numpy as np
from numpy.typing import NDArray

from .pcm import Buffer, Int16

Ints = NDArray[np.int32]

_EVERY_CODE: Ints = np.arange(256, dtype=np.int32)
_EVERY_SAMPLE: Ints = np.arange(65536, dtype=np.uint16).view(np.int16).astype(np.int32)  # in the order of its bits
_SIGN, _ULAW_INVERTED, _ALAW_INVERTED = 0x80, 0x7F, 0x55
_ULAW_BIAS = 33  # makes every µ-law segment start at a power of two


def _samples(code: Ints, magnitude: Ints) -> Int16:
    return np.where(code & _SIGN, magnitude, -magnitude).astype(np.int16)


def _codes(segment: Ints, step: Ints, inverted: int) -> NDArray[np.uint8]:
    sign: Ints = np.where(_EVERY_SAMPLE < 0, 0, _SIGN).astype(np.int32)
    return ((sign | segment << 4 | step) ^ inverted).astype(np.uint8)


def _magnitude(bits_cut: int) -> Ints:
    """Magnitude of each of `_EVERY_SAMPLE` without its lowest bits."""
    return np.where(_EVERY_SAMPLE < 0, ~_EVERY_SAMPLE, _EVERY_SAMPLE) >> bits_cut


def _exponent(magnitude: Ints) -> Ints:
    """Position of the highest bit set; -1 for zero."""
    return np.frexp(magnitude)[1] - np.int32(1)


def _ulaw_samples() -> Int16:
    code = _EVERY_CODE ^ _ULAW_INVERTED
    segment, step = code >> 4 & 7, code & 15
    return _samples(code, 4 * (((2 * step + 33) << segment) - _ULAW_BIAS))


def _ulaw_codes() -> NDArray[np.uint8]:
    biased = np.minimum(_magnitude(bits_cut=2) + _ULAW_BIAS, (1 << 13) - 1)
    segment = _exponent(biased) - 5
    return _codes(segment, biased >> (segment + 1) & 15, _ULAW_INVERTED)


def _alaw_samples() -> Int16:
    code = _EVERY_CODE ^ _ALAW_INVERTED
    segment, step = code >> 4 & 7, code & 15
    # Segments 0 and 1 have the same step; from there on it doubles.
    magnitude = np.where(segment == 0, 2 * step + 1, (2 * step + 33) << np.maximum(segment - 1, 0))
    return _samples(code, 8 * magnitude)


def _alaw_codes() -> NDArray[np.uint8]:
    magnitude = _magnitude(bits_cut=4)
    segment = np.maximum(_exponent(magnitude) - 3, 0)
    return _codes(segment, magnitude >> np.maximum(segment - 1, 0) & 15, _ALAW_INVERTED)


_ULAW_SAMPLES, _ULAW_CODES = _ulaw_samples(), _ulaw_codes()
_ALAW_SAMPLES, _ALAW_CODES = _alaw_samples(), _alaw_codes()


def decode_ulaw(data: Buffer) -> Int16:
    """Decode µ-law bytes to int16, one sample a byte, shape ``(len(data),)``."""
    return _ULAW_SAMPLES.take(np.frombuffer(data, np.uint8))


def encode_ulaw(samples: Int16) -> bytes:
    """Encode int16 samples of any shape, in C order, to µ-law, one byte a sample."""
    return _ULAW_CODES.take(samples.view(np.uint16)).tobytes()


def decode_alaw(data: Buffer) -> Int16:
    """Decode A-law bytes to int16, one sample a byte, shape ``(len(data),)``."""
    return _ALAW_SAMPLES.take(np.frombuffer(data, np.uint8))


def encode_alaw(samples: Int16) -> bytes:
    """Encode int16 samples of any shape, in C order, to A-law, one byte a sample."""
    return _ALAW_CODES.take(samples.view(np.uint16)).tobytes()
