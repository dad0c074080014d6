"""Change of sample rate, streaming, exact to the sample.

A windowed-sinc interpolator. Output k is the band-limited input at the time of output k, ``k / output_rate`` seconds
after the first sample: the streams stay aligned, so a position in one is the same position in the other times the
ratio.

Why not soxr or libswresample. Measured per 20 ms of 24 kHz to 16 kHz (`benchmarks/bench_audio.py`):

- soxr is cheapest, but convolves in long blocks: its output lags 37 ms behind the input, 114 ms from 8 to 16 kHz, and
  it dithers int16, so that the same audio in other chunks gives other samples.
- libswresample in a filter graph costs what this does, but holds 80 to 220 KiB a stream. Here streams of one ratio
  share its filters and hold only their last samples.

How. With ``output_rate / input_rate`` reduced to L / M, the filters repeat after L outputs. Outputs are computed in
blocks: a block is a row of input samples times a matrix with its outputs' filters side by side, and a chunk is then a
product of two matrices. Coefficients are multiples of 2^-32: their products with int16 samples, and the sums of those,
are exact in float64 whatever the order of summation, so the result can't depend on the chunking.

Filter: sinc with a Kaiser window, 32 zero crossings to each side. What lies above the lower of the two Nyquist
frequencies comes out 80 dB down or more; up to 0.87 of it the response is flat within 0.2 dB.
"""

import math
from functools import lru_cache
from typing import TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from .pcm import FULL_SCALE, Int16, Pcm

Filters: TypeAlias = NDArray[np.float64]

_ZERO_CROSSINGS = 32
_KAISER_BETA = 8.0
_CUTOFF = 0.93  # of the lower Nyquist frequency
_STEPS_PER_UNIT = 2.0**32  # of a coefficient
_OUTPUTS_PER_BLOCK = range(16, 50)
_MOST_RATIO = 256  # of the rates, either way; it bounds the size of a filter, and what a chunk can become
_MOST_COEFFICIENTS_KEPT = 2**19  # of a ratio: 4 MiB
_MOST_SAMPLES_AT_ONCE = 2048  # bounds the memory that the rows take, and keeps the product on this thread


class _FilterBank:
    """The filters from one rate to another, in blocks of outputs; shared by all streams of that ratio.

    Block j makes `outputs` outputs from `width` inputs, which begin at input `start(j)`. Its matrix and that of block
    ``j + phases`` are the same; these two begin `period` inputs apart.
    """

    def __init__(self, input_rate: int, output_rate: int) -> None:
        if input_rate <= 0 or output_rate <= 0:
            raise ValueError(f"rates must be positive: {input_rate} Hz, {output_rate} Hz")
        if max(input_rate, output_rate) > _MOST_RATIO * min(input_rate, output_rate):
            raise ValueError(f"{input_rate} Hz and {output_rate} Hz are more than {_MOST_RATIO} times apart")
        divisor = math.gcd(input_rate, output_rate)
        self.up, self.down = output_rate // divisor, input_rate // divisor
        self.outputs = min(_OUTPUTS_PER_BLOCK, key=self._phases)
        self.phases = self._phases(self.outputs)
        self.period = self.phases * self.outputs * self.down // self.up
        self._crossing = max(self.up, self.down)  # distance of two zero crossings, in inputs / up
        self._reach = -(-_ZERO_CROSSINGS * self._crossing // self.up)
        self.width = 2 * self._reach + 1 + ((self.outputs - 1) * self.down + self.up - 1) // self.up
        self._matrices: dict[int, Filters] = {}
        self._keep = self.phases * self.width * self.outputs <= _MOST_COEFFICIENTS_KEPT

    def _phases(self, outputs: int) -> int:
        return self.up // math.gcd(self.up, outputs)

    def start(self, block: int) -> int:
        """Position of the first input of a block; for the first blocks it lies before the stream begins."""
        return block * self.outputs * self.down // self.up - self._reach

    def blocks(self, frames: int) -> int:
        """Number of blocks whose inputs all lie within the first `frames`."""
        starts = frames - self.width + self._reach + 1
        return max(0, -(-starts * self.up // (self.outputs * self.down)))

    def matrix(self, block: int) -> Filters:
        """Filters of a block, shape ``(width, outputs)``; each column sums to 1."""
        phase = block % self.phases
        if phase in self._matrices:
            return self._matrices[phase]
        first = self._reach * self.up + phase * self.outputs * self.down % self.up
        outputs, inputs = first + np.arange(self.outputs) * self.down, np.arange(self.width)[:, None] * self.up
        crossings = (outputs - inputs) / self._crossing
        window = np.i0(_KAISER_BETA * np.sqrt(np.maximum(1 - (crossings / _ZERO_CROSSINGS) ** 2, 0)))
        filters: Filters = np.where(np.abs(crossings) < _ZERO_CROSSINGS, window * np.sinc(_CUTOFF * crossings), 0)
        filters = np.rint(filters / filters.sum(axis=0) * _STEPS_PER_UNIT) / _STEPS_PER_UNIT
        if self._keep:
            self._matrices[phase] = filters
        return filters

    def convolve(self, samples: Int16, channels: int, first: int, last: int) -> Int16:
        """Compute the outputs of blocks `first` up to but without `last`.

        Args:
            samples: interleaved and packed, from input `start(first)` on.
            channels: how many are interleaved.
            first: a block.
            last: a later block, or the same.

        Returns:
            Interleaved and packed.
        """
        if self.phases == 1:  # the common ratios: one product, and nothing to put in order
            return self._same_phase(samples, channels, first, last - first).reshape(-1)
        result = np.empty((last - first, self.outputs, channels), np.int16)
        origin = self.start(first)
        for block in range(first, min(last, first + self.phases)):
            periods = len(range(block, last, self.phases))
            after = samples[(self.start(block) - origin) * channels :]
            result[block - first :: self.phases] = self._same_phase(after, channels, block, periods)
        return result.reshape(-1)

    def _same_phase(self, samples: Int16, channels: int, block: int, periods: int) -> Int16:
        """Compute `block`, which begins where `samples` do, and the next ones a period apart.

        Returns:
            Shape ``(periods, outputs, channels)``.
        """
        shape, strides = (periods, channels, self.width), (self.period * channels * 2, 2, channels * 2)
        rows = np.ndarray(shape, np.int16, samples, 0, strides).astype(np.float64, order="C")
        outputs = rows.reshape(-1, self.width) @ self.matrix(block)
        np.rint(outputs, out=outputs)
        np.maximum(outputs, -FULL_SCALE, out=outputs)
        np.minimum(outputs, FULL_SCALE - 1, out=outputs)
        return outputs.astype(np.int16).reshape(periods, channels, self.outputs).swapaxes(1, 2)


_filter_bank = lru_cache(maxsize=16)(_FilterBank)


class Resampler:
    """Change the rate of a stream of int16 audio.

    For n frames pushed at one input rate, `push` and `finish` together return ``ceil(n * output_rate / input_rate)``
    frames: one for each instant of the output that lies within the input. Their values do not depend on how the input
    was cut into chunks. Before the input and after its end there is silence.

    It computes on the calling thread and holds a few KiB. A ratio of two rates that have almost no common divisor
    (44100 Hz to 47999 Hz) works, but its filters are made anew for each chunk, at some hundred times the cost.

    Attributes:
        input_rate: of what is pushed, in Hz.
        output_rate: of what comes back, in Hz.
        channels: how many there are in both.

    Raises:
        ValueError: if a rate or the number of channels is not positive, or the rates are more than 256 times apart.
    """

    __slots__ = (
        "_bank",
        "_block",
        "_finished",
        "_frames",
        "_held",
        "_shape",
        "_start",
        "channels",
        "input_rate",
        "output_rate",
    )

    def __init__(self, input_rate: int, output_rate: int, *, channels: int = 1) -> None:
        if channels < 1:
            raise ValueError(f"audio of {channels} channels can't be resampled")
        self.output_rate = output_rate
        self.channels = channels
        self._shape = () if channels == 1 else (channels,)  # of a frame
        self._begin(input_rate)

    @property
    def lag(self) -> int:
        """The most input frames whose output may still be missing before `finish`."""
        return 0 if self.input_rate == self.output_rate else self._bank.width + self._bank.start(0)

    def reset(self) -> None:
        """Forget all audio pushed so far and begin a new stream, at the present input rate."""
        self._begin(self.input_rate)

    def _begin(self, input_rate: int) -> None:
        self._bank = _filter_bank(input_rate, self.output_rate)
        self.input_rate = input_rate
        self._frames = 0  # pushed
        self._block = 0  # the next one
        self._start = self._bank.start(0)  # its first input
        self._held: Int16 = np.zeros(-self._start * self.channels, np.int16)  # from there on, interleaved
        self._finished = False

    def push(self, samples: Int16, *, rate: int | None = None) -> Int16:
        """Take a chunk of input; return the output that is complete with it, which may be none.

        Args:
            samples: int16, of shape ``(n,)`` if there is one channel, else ``(n, channels)``; any n.
            rate: the input rate from this chunk on, if it changes. What was pushed before is then ended as `finish`
                ends it, and the law of lengths holds for each stretch of one rate.

        Returns:
            An array with as many dimensions; `samples` itself if the rates are equal.

        Raises:
            TypeError: if the samples are not int16.
            ValueError: after `finish`, if the samples have another shape, or if the constructor would refuse `rate`.
        """
        self._check_open()
        if samples.dtype != np.int16:
            raise TypeError(f"samples are {samples.dtype}, not int16; troupe.codecs.pcm.to_int16 converts them")
        if samples.shape[1:] != self._shape:
            wanted = "(n,)" if self.channels == 1 else f"(n, {self.channels})"
            raise ValueError(f"samples have shape {samples.shape}, not {wanted}")
        if rate is None or rate == self.input_rate:
            return self._convert(samples)
        _filter_bank(rate, self.output_rate)  # refuses a bad rate before anything has changed
        ending = self.finish()
        self._begin(rate)
        return np.concatenate((ending, self._convert(samples)))

    def finish(self) -> Int16:
        """Return the rest of the output; after this only `reset` makes the resampler usable again.

        Raises:
            ValueError: if it was called before.
        """
        self._check_open()
        bank = self._bank
        missing = -(-self._frames * bank.up // bank.down) - self._block * bank.outputs
        last_block = self._block + -(-missing // bank.outputs) - 1
        silence = np.zeros((max(0, bank.start(last_block) + bank.width - self._frames), *self._shape), np.int16)
        ending = self._convert(silence)[:missing]
        self._finished = True
        return ending

    def _check_open(self) -> None:
        if self._finished:
            raise ValueError("this resampler is finished; reset() it or make a new one")

    def _convert(self, samples: Int16) -> Int16:
        if self.input_rate == self.output_rate:
            return samples
        most = -(-_MOST_SAMPLES_AT_ONCE // self.channels)
        if len(samples) > most:
            return np.concatenate([self._convert(samples[i : i + most]) for i in range(0, len(samples), most)])
        bank, first, start = self._bank, self._block, self._start
        held = np.concatenate((self._held, samples.reshape(-1)))
        self._frames += len(samples)
        self._block = last = bank.blocks(self._frames)
        self._start = bank.start(last)
        self._held = held[(self._start - start) * self.channels :]
        outputs = bank.convolve(held, self.channels, first, last)
        return outputs.reshape(-1, self.channels) if self._shape else outputs


def resample(pcm: Pcm, rate: int) -> Pcm:
    """Convert whole int16 audio to another rate: ``ceil(frames * rate / pcm.rate)`` frames; itself if it has that rate.

    Raises:
        TypeError: if the samples are float32; `Pcm.as_int16` converts them.
        ValueError: if `rate` is not positive.
    """
    if rate == pcm.rate:
        return pcm
    resampler = Resampler(pcm.rate, rate, channels=pcm.channels)
    samples = pcm.samples if pcm.channels > 1 else pcm.samples[:, 0]
    whole = np.concatenate((resampler.push(cast("Int16", samples)), resampler.finish()))
    return Pcm(whole.reshape(-1, pcm.channels), rate)
