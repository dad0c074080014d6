"""int16 audio to packets: what all that encodes audio here has in common."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import TypeAlias, cast

import av

from .gate import PYAV, Packet, libav_errors
from .pcm import Int16, to_float32
from .resample import Resampler

Encode: TypeAlias = Callable[[av.AudioFrame | None], list[Packet]]


class AudioEncoder:
    """Feeds an encoder of libav with int16 audio, in chunks of any size, without a thread.

    Audio is resampled if its rate is not the encoder's. Encoding then begins at the same instant, and gets
    ``ceil(n * encoder's rate / rate)`` frames.

    Args:
        context: the encoder; it is opened here.
        rate: of the audio, in Hz.
        encode: how frames become packets; ``stream.encode`` if the context belongs to a stream of a container.

    Raises:
        UnsupportedFormat, BrokenMedia: if the encoder refuses its configuration.
    """

    def __init__(
        self,
        context: av.AudioCodecContext,
        rate: int,
        encode: Encode | None = None,
    ) -> None:
        self._encode = encode or cast("Encode", context.encode)  # pyright: ignore[reportUnknownMemberType]
        self._rate = context.sample_rate
        self._layout = context.layout.name
        self._format = context.format.name
        self._planes = _PLANES[self._format]
        self._channels = context.layout.nb_channels
        self._position = 0  # in frames at the encoder's rate
        self._resampler = None if rate == self._rate else Resampler(rate, self._rate, channels=self._channels)
        with libav_errors():
            context.open(strict=False)

    def encode(self, samples: Int16) -> list[Packet]:
        """Encode samples of shape ``(n, channels)``; return the packets that are complete, which may be none."""
        if self._resampler is None:
            return self._push(samples)
        shape = -1 if self._channels == 1 else (-1, self._channels)
        return self._push(self._resampler.push(samples.reshape(shape)).reshape(-1, self._channels))

    def finish(self) -> list[Packet]:
        """Return the packets that are left; after this it is used up."""
        packets: list[Packet] = []
        if self._resampler is not None:
            packets += self._push(self._resampler.finish().reshape(-1, self._channels))
        with libav_errors():
            last = self._encode(None)
        # One with only padding is left out: behind it, the padding of the one before it would not be cut off.
        return packets + [packet for packet in last if packet.duration or not packet.size]

    def _push(self, samples: Int16) -> list[Packet]:
        packets: list[Packet] = []
        for start in range(0, len(samples), self._rate):  # a second at once
            packets += self._encode_frame(samples[start : start + self._rate])
        return packets

    def _encode_frame(self, samples: Int16) -> list[Packet]:
        frame = av.AudioFrame(self._format, self._layout, len(samples))
        frame.sample_rate = self._rate
        frame.time_base = Fraction(1, self._rate)
        frame.pts = self._position
        for plane, values in zip(frame.planes, self._planes(samples), strict=True):
            plane.update(values)
        with libav_errors(), _one_cpu(self._position):
            packets = self._encode(frame)
        self._position += len(samples)
        return packets


def _packed(samples: Int16) -> list[bytes]:
    return [samples.tobytes()]


def _planar(samples: Int16) -> list[bytes]:
    return [channel.tobytes() for channel in samples.T]


def _planar_float(samples: Int16) -> list[bytes]:
    return [channel.tobytes() for channel in to_float32(samples).T]


_PLANES = {"s16": _packed, "s16p": _planar, "fltp": _planar_float}
"""By libav's sample formats: a frame's planes of samples with shape ``(n, channels)``."""


@contextmanager
def _one_cpu(position: int) -> Generator[None]:
    """Let libav see only one CPU while PyAV < 19 builds the filter graph of an encoder, with its first frame.

    That graph cuts audio into the encoder's frames, and would start a thread for each CPU that this thread may use:
    for each stream, and for nothing. (PyAV 19 gives it the encoder's number of threads.)
    Where there is no such call (macOS) or it is not allowed (in the sandbox, where libav sees one CPU anyway) nothing
    happens.
    """
    present: set[int] = set()
    if not position and PYAV < 19 and hasattr(os, "sched_setaffinity"):
        with suppress(PermissionError):
            present = os.sched_getaffinity(0)
            os.sched_setaffinity(0, {min(present)})
    try:
        yield
    finally:
        if present:
            os.sched_setaffinity(0, present)
