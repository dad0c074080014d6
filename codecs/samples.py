"""Decoded frames of libav as int16 arrays."""

from typing import cast

import av
import numpy as np
from av.audio.plane import AudioPlane
from numpy.typing import NDArray

from .pcm import Int16, to_int16

_TYPES = {"u8": "u1", "s16": "<i2", "s32": "<i4", "s64": "<i8", "flt": "<f4", "dbl": "<f8"}
"""numpy's types by libav's packed formats; a planar one has a ``p`` behind it."""


def samples_of(frame: av.AudioFrame) -> Int16:
    """Return the samples of a decoded frame, shape ``(frames, channels)``.

    Integers of other widths are shifted, floats rounded and clamped, as libswresample does without dither. It is a copy
    always: a view would keep the frame's buffer from going back to the decoder, which then gets ever more of them.
    """
    layout = frame.format.name
    kind = _TYPES[layout.removesuffix("p")]
    channels = frame.layout.nb_channels
    if layout.endswith("p"):
        # Not `frame.planes`: PyAV counts them up to a null pointer, which there is none of behind eight.
        planes = [np.frombuffer(memoryview(AudioPlane(frame, index)), kind, frame.samples) for index in range(channels)]
        samples = planes[0][:, None] if channels == 1 else np.stack(planes, axis=1)
    else:
        samples = np.frombuffer(memoryview(frame.planes[0]), kind, frame.samples * channels).reshape(-1, channels)
    return _int16(samples)


def _int16(samples: NDArray[np.generic]) -> Int16:
    match samples.dtype.kind, samples.dtype.itemsize:
        case "i", 2:
            return cast("Int16", samples.copy())
        case "i", width:
            return (cast("NDArray[np.int64]", samples) >> 8 * (width - 2)).astype(np.int16)
        case "u", _:
            return (cast("NDArray[np.uint8]", samples).astype(np.int16) - 128) << 8
        case _:
            return to_int16(samples.astype(np.float32, copy=False))
