"""Change of sample rate, streaming, exact to the sample.

Output k is the band-limited input at ``k / output_rate`` seconds: input and output stay aligned, so a position in one
is the same position in the other times the ratio. The filters, and why chunks don't matter: `polyphase`.

Why not soxr or libswresample. Measured per 20 ms (`benchmarks/bench_audio.py`; this takes 9 µs from 24 to 16 kHz):

- soxr takes 5 µs, but convolves in long blocks: its output lags 37 ms behind the input, 115 ms from 8 to 16 kHz; it
  dithers int16, so that the same audio in other chunks gives other samples; it holds 80 to 120 KiB a stream.
- libswresample in a filter graph takes 7.5 µs, but holds 90 to 215 KiB a stream, and returns nothing at all for streams
  shorter than its filter. Here streams of one ratio share its filters, and hold 1 to 3 KiB each.
"""

from typing import cast

import numpy as np

from .pcm import Int16, Pcm, saturate
from .polyphase import filter_bank

_MOST_SAMPLES_AT_ONCE = 4096  # bounds the memory that a push takes


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

    def needed(self, outputs: int) -> int:
        """Return how many frames of input it takes until so many of output have come back, since the last reset."""
        if self.input_rate == self.output_rate:
            return outputs
        block = -(-outputs // self._bank.outputs) - 1
        return max(0, self._bank.start(block) + self._bank.width)

    def reset(self) -> None:
        """Forget all audio pushed so far and begin a new stream, at the present input rate."""
        self._begin(self.input_rate)

    def _begin(self, input_rate: int) -> None:
        self._bank = filter_bank(input_rate, self.output_rate)
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
            A packed array with as many dimensions; `samples` itself if the rates are equal.

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
        filter_bank(rate, self.output_rate)  # refuses a bad rate before anything has changed
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
        if self.channels == 1:  # in order already
            return saturate(outputs).reshape(-1)
        return np.ascontiguousarray(saturate(outputs).swapaxes(1, 2).reshape(-1, *self._shape))


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
