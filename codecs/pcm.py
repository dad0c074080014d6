"""PCM audio: samples with their rate.

Two forms are used. Inside the realtime path audio is a plain one-dimensional int16 array, mono, at a rate that the
path knows; the functions here that take arrays serve it. Everywhere else audio is a `Pcm`: a packed array of shape
``(frames, channels)`` with its rate.

Scale: float32 full scale is [-1, 1), and ``float = int16 / 32768``. The way back is
``int16 = clamp(round(float * 32768), -32768, 32767)`` with halves to even, so that int16 → float32 → int16 is exact for
every value. Float samples may leave full scale (headroom while mixing); they are clamped when they become int16.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

Int16: TypeAlias = NDArray[np.int16]
Float32: TypeAlias = NDArray[np.float32]
Float64: TypeAlias = NDArray[np.float64]
Samples: TypeAlias = NDArray[np.int16 | np.float32]
Buffer: TypeAlias = bytes | bytearray | memoryview

FULL_SCALE = 32768
"""The int16 magnitude of float 1.0."""

_LIMITS = {  # 0-d arrays of the very type: numpy takes them in half the time that Python's numbers need
    np.dtype(form): (np.array(-FULL_SCALE, form), np.array(FULL_SCALE - 1, form)) for form in (np.float32, np.float64)
}


def int16_from_bytes(data: Buffer) -> Int16:
    """View s16le bytes as a one-dimensional int16 array, without a copy (read-only if `data` is).

    Raises:
        ValueError: if the number of bytes is odd.
    """
    return np.frombuffer(data, dtype="<i2")


def saturate(scaled: Float32 | Float64) -> Int16:
    """Round samples that are on the scale of int16 to nearest, halves to even, and clamp them; `scaled` is used up."""
    lowest, highest = _LIMITS[scaled.dtype]
    np.rint(scaled, out=scaled)
    np.maximum(scaled, lowest, out=scaled)
    np.minimum(scaled, highest, out=scaled)
    return scaled.astype(np.int16)


def to_int16(samples: Samples) -> Int16:
    """Convert samples of any shape to int16, clamped at full scale; int16 comes back as it is. NaN becomes 0."""
    if samples.dtype == np.int16:
        return cast("Int16", samples)
    scaled = cast("Float32", samples) * np.float32(FULL_SCALE)
    return saturate(np.nan_to_num(scaled, copy=False))


def to_float32(samples: Samples) -> Float32:
    """Convert samples of any shape to float32 in [-1, 1); float32 comes back as it is."""
    if samples.dtype == np.float32:
        return cast("Float32", samples)
    return np.multiply(samples, np.float32(1 / FULL_SCALE), dtype=np.float32)


def amplify(samples: Int16, factor: float) -> Int16:
    """Multiply int16 samples of any shape by `factor`, rounded to nearest and saturated."""
    return saturate(samples * np.float32(factor))


def from_decibels(decibels: float) -> float:
    """Return the amplitude factor of a level in dB: ``10 ** (decibels / 20)``."""
    return float(10.0 ** (decibels / 20))


@dataclass(frozen=True, slots=True, eq=False)
class Pcm:
    """Audio samples and their rate.

    Attributes:
        samples: shape ``(frames, channels)``, int16 or float32, packed (C-contiguous: the channels of a frame lie side
            by side). It may be a read-only view of somebody else's bytes.
        rate: frames per second, in Hz.

    Raises:
        TypeError: if the samples are neither int16 nor float32.
        ValueError: if the shape is not ``(frames, channels)`` with at least one channel, the samples are not packed, or
            the rate is not positive.
    """

    samples: Samples
    rate: int

    def __post_init__(self) -> None:
        samples = self.samples
        if samples.dtype != np.int16 and samples.dtype != np.float32:
            raise TypeError(f"samples are {samples.dtype}; convert them to int16 or float32 first")
        if samples.ndim != 2 or samples.shape[1] == 0:
            raise ValueError(
                f"samples have shape {samples.shape}, not (frames, channels); a mono array becomes one by [:, None]"
            )
        if not samples.flags.c_contiguous:
            raise ValueError("samples are not packed; use np.ascontiguousarray(samples) or Pcm.from_planar")
        if self.rate <= 0:
            raise ValueError(f"rate is {self.rate} Hz; it must be positive")

    @classmethod
    def from_bytes(cls, data: Buffer, rate: int, channels: int = 1) -> Self:
        """View s16le bytes as PCM, without a copy.

        Args:
            data: interleaved signed 16-bit little-endian samples.
            rate: in Hz.
            channels: how many are interleaved.

        Raises:
            ValueError: if the bytes are not a whole number of frames.
        """
        if channels < 1 or len(data) % (2 * channels):
            raise ValueError(f"{len(data)} bytes are not a whole number of frames of {channels} x 2 bytes")
        return cls(int16_from_bytes(data).reshape(-1, channels), rate)

    @classmethod
    def from_mono(cls, samples: Samples, rate: int) -> Self:
        """View a one-dimensional array as PCM with one channel; it is copied only if it is strided."""
        return cls(np.ascontiguousarray(samples)[:, None], rate)

    @classmethod
    def from_planar(cls, samples: Samples, rate: int) -> Self:
        """Build from shape ``(channels, frames)``, one row per channel; copied unless there is one channel."""
        return cls(np.ascontiguousarray(samples.T), rate)

    @classmethod
    def silence(cls, frames: int, rate: int, channels: int = 1) -> Self:
        """Build int16 silence."""
        return cls(np.zeros((frames, channels), np.int16), rate)

    @classmethod
    def concat(cls, parts: Iterable["Pcm"]) -> "Pcm":
        """Join parts of one rate, channel count and sample type; a single part comes back as it is.

        Raises:
            ValueError: if there is no part, or the parts differ.
        """
        pieces = list(parts)
        if len({(piece.rate, piece.channels, piece.samples.dtype) for piece in pieces}) != 1:
            raise ValueError("concat needs at least one part, and parts of one rate, channel count and sample type")
        if len(pieces) == 1:
            return pieces[0]
        return cls(np.concatenate([piece.samples for piece in pieces]), pieces[0].rate)

    @property
    def frames(self) -> int:
        """Number of frames: samples per channel."""
        return len(self.samples)

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.samples.shape[1])

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return len(self.samples) / self.rate

    def __eq__(self, other: object) -> bool:
        """Equal rate, sample type, shape and values."""
        if not isinstance(other, Pcm):
            return NotImplemented
        return (
            self.rate == other.rate
            and self.samples.dtype == other.samples.dtype
            and np.array_equal(self.samples, other.samples)
        )

    __hash__ = None  # type: ignore[assignment] # samples may be writable

    def __repr__(self) -> str:
        return f"<Pcm {self.frames} x {self.channels} {self.samples.dtype} at {self.rate} Hz, {self.duration:.3f} s>"

    def to_bytes(self) -> bytes:
        """Return interleaved s16le bytes; float samples are clamped."""
        return to_int16(self.samples).tobytes()

    def to_planar(self) -> Samples:
        """Return an array of shape ``(channels, frames)``, packed: one row per channel."""
        return np.ascontiguousarray(self.samples.T)

    def as_int16(self) -> "Pcm":
        """Return the same audio as int16, clamped at full scale; itself if it is int16."""
        return self if self.samples.dtype == np.int16 else Pcm(to_int16(self.samples), self.rate)

    def as_float32(self) -> "Pcm":
        """Return the same audio as float32 in [-1, 1); itself if it is float32."""
        return self if self.samples.dtype == np.float32 else Pcm(to_float32(self.samples), self.rate)

    def mono_int16(self) -> Int16:
        """Return the one-dimensional int16 array, shape ``(frames,)``, that the realtime path works on.

        It is a view if this is mono int16 already; otherwise channels are averaged and floats clamped.
        """
        return to_int16(self.mono().samples)[:, 0]

    def mono(self) -> "Pcm":
        """Return the mean of the channels (int16: rounded to nearest, halves to even); itself if there is one."""
        if self.channels == 1:
            return self
        mean = self.samples[:, 0].astype(np.float32)
        for channel in range(1, self.channels):  # ten times as fast as mean(axis=1)
            mean += self.samples[:, channel]
        mean /= self.channels
        return Pcm.from_mono(saturate(mean) if self.samples.dtype == np.int16 else mean, self.rate)

    def with_channels(self, channels: int) -> "Pcm":
        """Return one channel copied to `channels` channels, or the mean of many in one.

        Raises:
            ValueError: if both counts exceed one and differ: what goes where is then a question of the layout.
        """
        if channels == self.channels:
            return self
        if channels == 1:
            return self.mono()
        if self.channels != 1 or channels < 1:
            raise ValueError(f"no general way from {self.channels} to {channels} channels; pick or mix them by hand")
        return Pcm(np.repeat(self.samples, channels, axis=1), self.rate)

    def channel(self, index: int) -> "Pcm":
        """Return one channel as mono; a copy if there are several."""
        return Pcm.from_mono(self.samples[:, index], self.rate)

    def gain(self, factor: float) -> "Pcm":
        """Multiply by a linear amplitude factor; int16 saturates, float32 keeps its headroom."""
        if self.samples.dtype == np.int16:
            return Pcm(amplify(to_int16(self.samples), factor), self.rate)
        return Pcm(to_float32(self.samples) * np.float32(factor), self.rate)

    def gain_decibels(self, decibels: float) -> "Pcm":
        """Change the level by `decibels`; int16 saturates, float32 keeps its headroom."""
        return self.gain(from_decibels(decibels))

    def slice(self, start: int, stop: int | None = None) -> "Pcm":
        """View frames `start` up to but without `stop` (the end if None); positions beyond the end mean the end.

        Raises:
            ValueError: if a position is negative.
        """
        if start < 0 or (stop is not None and stop < 0):
            raise ValueError(f"positions count from the start of the audio and can't be negative: {start}, {stop}")
        return Pcm(self.samples[start:stop], self.rate)

    def slice_seconds(self, start: float, stop: float | None = None) -> "Pcm":
        """View from `start` to `stop` seconds, each rounded to the nearest frame; otherwise as `slice`."""
        return self.slice(round(start * self.rate), None if stop is None else round(stop * self.rate))
