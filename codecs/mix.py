"""Mixing: several pieces of audio into one, each with its time and level."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from .pcm import Float64, Pcm, from_decibels

_RAMP = 0.010  # seconds


class Overload(Enum):
    """What happens where a mix exceeds full scale."""

    SATURATE = "saturate"
    """It is clamped, sample by sample: free, and harmless for rare peaks."""
    LIMIT = "limit"
    """It is turned down around the peak, smoothly: see `limit`."""


@dataclass(frozen=True, slots=True)
class Track:
    """One part of a mix.

    Attributes:
        pcm: the audio.
        start: where it begins in the mix, in seconds; rounded to the nearest frame.
        gain_decibels: change of its level.
    """

    pcm: Pcm
    start: float = 0.0
    gain_decibels: float = 0.0


def mix(tracks: Sequence[Track], *, overload: Overload = Overload.SATURATE) -> Pcm:
    """Add up tracks of one rate; the mix ends with the last of them.

    Args:
        tracks: mono ones sound in all channels of the mix; others must agree in their number of channels.
        overload: what happens beyond full scale.

    Returns:
        int16 audio.

    Raises:
        ValueError: if there is no track, one begins before 0, or their rates or channels don't go together.
    """
    if len({track.pcm.rate for track in tracks}) != 1:
        raise ValueError("a mix needs at least one track, and tracks of one rate; see troupe.codecs.resample")
    if len(widths := {track.pcm.channels for track in tracks} - {1}) > 1:
        raise ValueError(f"tracks of {sorted(widths)} channels don't go together; see Pcm.with_channels")
    if any(track.start < 0 for track in tracks):
        raise ValueError("a track can't begin before the mix does; cut it with Pcm.slice_seconds")
    rate = tracks[0].pcm.rate
    starts = [round(track.start * rate) for track in tracks]
    frames = max(start + track.pcm.frames for start, track in zip(starts, tracks, strict=True))
    total = np.zeros((frames, max(widths, default=1)), np.float32)
    for start, track in zip(starts, tracks, strict=True):
        part = track.pcm.as_float32().gain_decibels(track.gain_decibels)
        total[start : start + part.frames] += part.samples
    mixed = Pcm(total, rate)
    return (limit(mixed) if overload is Overload.LIMIT else mixed).as_int16()


def limit(pcm: Pcm, ceiling: float = 0.0) -> Pcm:
    """Turn audio down around what exceeds a ceiling, from 10 ms before it until 10 ms after, along straight ramps.

    Args:
        pcm: what may be too loud, as float32 audio can be. All its channels get the same gain, so that none of them
            seems to move.
        ceiling: highest level of a sample, in dBFS.

    Returns:
        float32 audio.
    """
    samples, highest = pcm.as_float32().samples, from_decibels(ceiling)
    peaks = np.abs(samples).max(axis=1).astype(np.float64)
    needed = np.minimum(1, highest / np.maximum(peaks, highest))
    width = max(1, round(_RAMP * pcm.rate))
    # The mean of minima that all look at a sample is at most what that sample needs.
    lowest = _sliding_minimum(np.pad(needed, width - 1, constant_values=1.0), width)
    sums = np.cumsum(np.pad(lowest, (1, 0)))
    gain = (sums[width:] - sums[:-width]) / width
    return Pcm(samples * gain[:, None].astype(np.float32), pcm.rate)


def _sliding_minimum(values: Float64, width: int) -> Float64:
    """Minimum of every `width` neighbours, shape ``(n - width + 1,)``: van Herk's way, at a cost without `width`.

    A window is the end of one block of `width` values and the beginning of the next; both have running minima.
    """
    blocks = np.pad(values, (0, -len(values) % width), constant_values=np.inf).reshape(-1, width)
    from_start = np.minimum.accumulate(blocks, axis=1).reshape(-1)
    to_end = np.minimum.accumulate(blocks[:, ::-1], axis=1)[:, ::-1].reshape(-1)
    last = len(values) - width + 1
    return np.minimum(to_end[:last], from_start[width - 1 : len(values)])
