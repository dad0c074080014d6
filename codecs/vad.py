"""Voice activity of live streams: windows of 32 ms, many streams judged together.

A `VadStream` holds what one stream needs between its windows; `step` takes the next window of each of many streams and
asks the model once. Streams at 16 and 8 kHz may be mixed: each rate is one call.

Digital silence does not reach the model. A window whose mean square is at most that of ±8 (of ±32768; the smallest
step of A-law) is digital silence: a muted microphone, a gate, telephony without comfort noise. The first 32 silent
windows in a row (about a second) are judged as usual, so that the model's memory settles; from then on they get
probability 0 and the model's state stays as it is, until a window is louder. The context that the model sees before
that window is the silence itself. So after any longer silence the model stands as it does after one second of it, and
speech that follows is found as early as without the gate. (A state of zeros would find it up to 100 ms later.)
"""

from collections.abc import Sequence
from typing import Final

import numpy as np

from .pcm import FULL_SCALE, Float32, Int16
from .silero import STATE, SileroModel, context_size, window_size

_SCALE: Final = np.float32(1 / FULL_SCALE)
_SILENT_POWER: Final = (8.5 / FULL_SCALE) ** 2
_SETTLING: Final = 32
_CAPACITY: Final = 2048


class VadStream:
    """One stream of audio on its way through the model.

    Attributes:
        rate: 16000 or 8000 Hz.
        window: samples of one window.
        position: samples judged so far: where the next window begins.
        state: the model's state, shape ``(256,)``, float32.
    """

    __slots__ = ("_buffer", "_context", "_end", "_silent", "_start", "position", "rate", "state", "window")

    def __init__(self, rate: int = 16_000) -> None:
        self.rate = rate
        self.window = window_size(rate)
        self._context = context_size(rate)
        self.reset()

    def reset(self) -> None:
        """Begin anew, as if just made."""
        self.position = 0
        self.state: Float32 = np.zeros(STATE, np.float32)
        self._silent = 0
        # The samples from `_start` to `_end` are not judged yet; the context lies before them.
        self._buffer: Int16 = np.zeros(_CAPACITY, np.int16)
        self._start = self._end = self._context

    @property
    def waiting(self) -> int:
        """How many whole windows have been pushed and not judged yet."""
        return (self._end - self._start) // self.window

    def push(self, samples: Int16) -> None:
        """Append mono samples, any number of them; they are copied.

        Args:
            samples: shape ``(n,)``, int16, at the stream's rate.

        Raises:
            TypeError: if the samples are not one-dimensional int16.
        """
        if samples.dtype != np.int16 or samples.ndim != 1:
            raise TypeError(f"samples are {samples.dtype} with {samples.ndim} dimensions; one of int16 is wanted")
        capacity = len(self._buffer)
        mostly_used_up = capacity > _CAPACITY and 8 * (self._end - self._start) < capacity
        if self._end + len(samples) > capacity or mostly_used_up:
            self._make_room(len(samples))
        end = self._end + len(samples)
        self._buffer[self._end : end] = samples
        self._end = end

    def _make_room(self, samples: int) -> None:
        """Move what is needed to the front; the buffer grows and shrinks by powers of two, at least half of it free."""
        kept = self._buffer[self._start - self._context : self._end]
        capacity = max(_CAPACITY, 1 << (2 * (len(kept) + samples) - 1).bit_length())
        if capacity != len(self._buffer):
            self._buffer = np.empty(capacity, np.int16)
        self._buffer[: len(kept)] = kept
        self._start, self._end = self._context, len(kept)

    def take(self, out: Float32) -> bool:
        """Write the next window with its context to `out`, shape ``(context + window,)``, and count it as judged.

        Returns:
            Whether the model has to see it; if not, its probability is 0.
        """
        start = self._start
        np.multiply(self._buffer[start - self._context : start + self.window], _SCALE, out=out)
        self._start = start + self.window
        self.position += self.window
        heard = out[self._context :]
        if np.dot(heard, heard) > _SILENT_POWER * self.window:
            self._silent = 0
            return True
        self._silent += 1
        return self._silent <= _SETTLING


def step(model: SileroModel, streams: Sequence[VadStream]) -> list[float | None]:
    """Judge the next window of every stream that has one waiting, all in one call of the model per rate.

    Call it until no stream has a window waiting; a stream that is ahead so takes turns with the others.

    Returns:
        One answer per stream, in order: the probability of speech in its window, or None if it had no whole window.
    """
    answers: list[float | None] = [None] * len(streams)
    for rate in {stream.rate for stream in streams}:
        ready = [index for index, stream in enumerate(streams) if stream.rate == rate and stream.waiting]
        windows = np.empty((len(ready), context_size(rate) + window_size(rate)), np.float32)
        heard: list[int] = []
        for index in ready:
            if streams[index].take(windows[len(heard)]):
                heard.append(index)
            else:
                answers[index] = 0.0
        if heard:
            states = np.empty((len(heard), STATE), np.float32)
            for row, index in enumerate(heard):
                states[row] = streams[index].state
            probabilities, states = model.infer(windows[: len(heard)], states)
            for index, probability, state in zip(heard, probabilities.tolist(), states, strict=True):
                streams[index].state[:] = state
                answers[index] = probability
    return answers


def speech_probabilities(model: SileroModel, samples: Int16, rate: int = 16_000) -> Float32:
    """Judge a whole recording, one window after the other.

    Args:
        model: the model.
        samples: shape ``(n,)``, int16, mono.
        rate: 16000 or 8000 Hz.

    Returns:
        The probability of speech of each whole window, shape ``(n // window,)``; a rest at the end is not judged.
    """
    stream = VadStream(rate)
    stream.push(samples)
    answers = [step(model, [stream])[0] for _ in range(stream.waiting)]
    return np.array(answers, np.float32)
