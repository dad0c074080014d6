"""Loudness as EBU R 128 has it: integrated, momentary, short-term, range, true peak; and normalisation.

Sources: ITU-R BS.1770-5 (K-weighting, channel weights, gating), EBU R 128 and Tech 3341 (time scales), Tech 3342
(loudness range). Units: LUFS and LU for loudness, dBTP for true peaks; full scale is 0 dB.

The two K-weighting filters are recursive, and numpy has no recursion. So each second is filtered by its spectrum, with
a quarter of a second of what came before in front of it: by then the filters' memory of anything older has decayed by
more than 400 dB, below the resolution of float64.
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from .pcm import Float64, Pcm, to_float32
from .polyphase import filter_bank

Complex128: TypeAlias = NDArray[np.complex128]

_HOPS_PER_SECOND = 10
_MOMENTARY, _SHORT_TERM = 4, 30  # hops: 0.4 s and 3 s
_ABSOLUTE_GATE, _RELATIVE_GATE, _RANGE_GATE = -70.0, -10.0, -20.0
_LOWEST_RATE = 8000
_OVERSAMPLING = 4
_FRAMES_AT_ONCE = 2048

_WEIGHTS = {
    1: (1.0,),
    2: (1.0, 1.0),
    6: (1.0, 1.0, 1.0, 0.0, 1.41, 1.41),  # 5.1 in libav's order: the fourth is the effects channel, then the surrounds
}
"""Weights of the channels, by their number."""


@dataclass(frozen=True, slots=True, eq=False)
class Loudness:
    """What was measured.

    Attributes:
        integrated: gated loudness of the whole, in LUFS; -inf if all of it is silent or it is shorter than 0.4 s.
        range: loudness range in LU; 0 if it is shorter than 3 s.
        true_peak: highest level between and at the samples, in dBTP; -inf for digital silence.
        momentary: loudness of the last 0.4 s, in LUFS, every 0.1 s from 0.4 s on; shape ``(n,)``, float64.
        short_term: loudness of the last 3 s, in LUFS, every 0.1 s from 3 s on; shape ``(n,)``, float64.
    """

    integrated: float
    range: float
    true_peak: float
    momentary: Float64
    short_term: Float64

    def gain_to(self, target: float, peak_limit: float = -1.0) -> float:
        """Return the gain in dB that brings `integrated` to `target` LUFS, or as near as `peak_limit` dBTP lets it.

        It is 0 for what has no loudness.
        """
        if math.isinf(self.integrated):
            return 0.0
        return min(target - self.integrated, peak_limit - self.true_peak)


def measure(pcm: Pcm) -> Loudness:
    """Measure the loudness of mono, stereo or 5.1 audio (in libav's order of channels).

    Raises:
        ValueError: for other numbers of channels, or a rate below 8 kHz, where K-weighting is not defined.
    """
    if pcm.channels not in _WEIGHTS:
        raise ValueError(f"loudness of {pcm.channels} channels is not defined here; take 1, 2 or 6 (5.1)")
    if pcm.rate < _LOWEST_RATE:
        raise ValueError(f"loudness is measured at {_LOWEST_RATE} Hz or more, not at {pcm.rate} Hz; resample first")
    power = _hop_powers(pcm) @ np.array(_WEIGHTS[pcm.channels])
    momentary, short_term = _sliding_mean(power, _MOMENTARY), _sliding_mean(power, _SHORT_TERM)
    return Loudness(
        integrated=_integrated(momentary),
        range=_range(short_term),
        true_peak=_true_peak(pcm),
        momentary=_lufs(momentary),
        short_term=_lufs(short_term),
    )


def normalise(pcm: Pcm, target: float = -23.0, *, peak_limit: float = -1.0) -> Pcm:
    """Bring audio to a loudness of `target` LUFS by one constant gain.

    If its true peak would then exceed `peak_limit` dBTP it stays quieter than the target; nothing is limited or
    compressed. Silence comes back as it is.

    Raises:
        ValueError: as `measure` does.
    """
    return pcm.gain_decibels(measure(pcm).gain_to(target, peak_limit))


def _lufs(power: Float64) -> Float64:
    with np.errstate(divide="ignore"):
        lufs: Float64 = 10 * np.log10(power) - 0.691
    return lufs


def _power(lufs: float) -> float:
    return float(10 ** ((lufs + 0.691) / 10))


def _sliding_mean(values: Float64, width: int) -> Float64:
    if len(values) < width:
        return np.empty(0)
    means: Float64 = np.lib.stride_tricks.sliding_window_view(values, width).mean(axis=-1)
    return means


def _gated(power: Float64, relative_gate: float) -> Float64:
    """Keep what is above the absolute gate, then what is above the relative gate below the mean of that."""
    power = power[power > _power(_ABSOLUTE_GATE)]
    return power[power > power.mean() * 10 ** (relative_gate / 10)] if len(power) else power


def _integrated(momentary: Float64) -> float:
    gated = _gated(momentary, _RELATIVE_GATE)
    return float(_lufs(np.mean(gated, keepdims=True))[0]) if len(gated) else -math.inf


def _range(short_term: Float64) -> float:
    """Distance of the 95th from the 10th percentile, nearest rank, as in Tech 3342's reference code."""
    ordered = np.sort(_lufs(_gated(short_term, _RANGE_GATE)))
    if not len(ordered):
        return 0.0
    low, high = (round((len(ordered) - 1) * share) for share in (0.10, 0.95))
    return float(ordered[high] - ordered[low])


def _window(pcm: Pcm, start: int, stop: int) -> Float64:
    """Frames `start` to `stop` in full scale, with silence where there are none."""
    samples = to_float32(pcm.samples[max(0, start) : stop])
    window = np.zeros((stop - start, pcm.channels))
    offset = max(0, -start)
    window[offset : offset + len(samples)] = samples
    return window


def _hop_powers(pcm: Pcm) -> Float64:
    """Mean square of the K-weighted audio in each complete tenth of a second, shape ``(hops, channels)``."""
    rate, history = pcm.rate, pcm.rate // 4
    size = 1 << (history + rate - 1).bit_length()
    response = _k_weighting(rate, size)[:, None]
    edges = np.arange(_HOPS_PER_SECOND) * rate // _HOPS_PER_SECOND
    lengths = np.diff(edges, append=rate)[:, None]
    powers = [np.empty((0, pcm.channels))]
    for start in range(0, pcm.frames, rate):
        spectrum = np.fft.rfft(_window(pcm, start - history, start + rate), size, axis=0)
        weighted = np.fft.irfft(spectrum * response, size, axis=0)[history : history + rate]
        powers.append(np.add.reduceat(weighted**2, edges) / lengths)
    return np.concatenate(powers)[: pcm.frames * _HOPS_PER_SECOND // rate]


def _k_weighting(rate: int, size: int) -> Complex128:
    """Frequency response of the two filters at the frequencies of an FFT of `size`.

    BS.1770 gives coefficients for 48 kHz. These are its analogue prototypes, found by inverting the bilinear transform,
    and transformed to any rate: the parameters are those that libebur128 and ffmpeg use.
    """
    inverse_z: Complex128 = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)

    def quadratic(c0: float, c1: float, c2: float) -> Complex128:
        values: Complex128 = c0 + (c1 + c2 * inverse_z) * inverse_z
        return values

    k, q = math.tan(math.pi * 1681.974450955533 / rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    shelf = quadratic(high + band * k / q + k * k, 2 * (k * k - high), high - band * k / q + k * k)
    shelf /= quadratic(1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k)

    k, q = math.tan(math.pi * 38.13547087602444 / rate), 0.5003270373238773
    gain = 1 + k / q + k * k  # which the Recommendation does not divide out
    high_pass = gain * quadratic(1, -2, 1) / quadratic(gain, 2 * (k * k - 1), 1 - k / q + k * k)
    return shelf * high_pass


def _true_peak(pcm: Pcm) -> float:
    """Highest magnitude at the samples and, after interpolation to four times the rate, between them; in dBTP."""
    bank = filter_bank(1, _OVERSAMPLING)
    peak = 0.0
    for start in range(0, pcm.frames, _FRAMES_AT_ONCE):
        window = _window(pcm, start + bank.start(0), start + _FRAMES_AT_ONCE + bank.width)
        between = bank.convolve(window.reshape(-1), pcm.channels, 0, _FRAMES_AT_ONCE // bank.period)
        peak = max(peak, float(np.abs(window).max()), float(np.abs(between).max()))
    return 20 * math.log10(peak) if peak else -math.inf
