"""Cutting recordings into passages of speech, at pauses: what a recogniser hears in one go, of any length in all."""

from collections import deque
from typing import Final

import numpy as np
from msgspec import Struct

from .pcm import Int16
from .silero import SileroModel
from .vad import VadStream, step

RATE: Final = 16_000
"""Hz of what is cut."""
PAD: Final = 0.3
"""Seconds around speech that belong to a passage: voice activity begins late and ends early."""
BEGINS: Final = 0.5
"""Probability from which a window is speech where none was before."""
GOES_ON: Final = 0.35
"""Probability from which it is where there was."""
PAUSE: Final = 0.6
"""Seconds of silence that end a passage which is long enough to be understood, ..."""
SHORT: Final = 5.0
"""... which it is after so many seconds."""
LONG_PAUSE: Final = 1.5
"""Seconds of silence that end any."""
LONGEST: Final = 25.0
"""Seconds of a passage; recognisers commonly hear 30 at a time."""
LOOKED_BACK: Final = 8.0
"""Seconds before that in which the quietest place is looked for, where nobody ever pauses."""


class Passage(Struct, frozen=True):
    """Speech of a recording."""

    start: float
    """Seconds from the beginning of the recording."""
    samples: Int16
    """Mono at 16 kHz, shape ``(n,)``."""

    @property
    def end(self) -> float:
        """Seconds from the beginning of the recording."""
        return self.start + len(self.samples) / RATE


class PassageCutter:
    """Cuts one recording while it is read.

    Args:
        model: Judges what is speech.
    """

    def __init__(self, model: SileroModel) -> None:
        self._model = model
        self._stream = VadStream(RATE)
        self._held: deque[Int16] = deque()
        self._held_from = 0  # in samples from the beginning, as all that follows
        self._total = 0
        self._begin: int | None = None  # of the present passage
        self._speech_end = 0
        self._quiet: list[float] = []  # probability of each window of the present passage

    @property
    def held(self) -> int:
        """Samples that are kept: those of the present passage, and what may be the beginning of the next one."""
        return sum(map(len, self._held))

    def push(self, samples: Int16) -> list[Passage]:
        """Take the next samples, mono at 16 kHz, shape ``(n,)``; return the passages that end in them."""
        self._stream.push(samples)
        self._held.append(samples.copy())
        self._total += len(samples)
        passages: list[Passage] = []
        while self._stream.waiting:
            at = self._stream.position
            probability = step(self._model, [self._stream])[0]
            assert probability is not None
            if (end := self._judge(at, at + self._stream.window, probability)) is not None:
                passages.append(self._take(end))
        if self._begin is None:
            self._forget(self._total - round(PAD * RATE) - self._stream.window)
        return passages

    def finish(self) -> list[Passage]:
        """End the recording; return the passage that ends with it, if there is one."""
        if self._begin is None:
            return []
        return [self._take(min(self._total, self._speech_end + round(PAD * RATE)))]

    def _judge(self, start: int, end: int, probability: float) -> int | None:
        """Take note of a window; return where the passage ends, if it is over."""
        if self._begin is None:
            if probability >= BEGINS:
                self._begin = max(start - round(PAD * RATE), self._held_from)
                self._speech_end, self._quiet = end, [probability]
            return None
        self._quiet.append(probability)
        if probability >= GOES_ON:
            self._speech_end = end
        length, silence = (end - self._begin) / RATE, (end - self._speech_end) / RATE
        if silence >= (PAUSE if length >= SHORT else LONG_PAUSE):
            return self._speech_end + round(PAD * RATE)
        if length < LONGEST:
            return None
        window = self._stream.window
        back = self._quiet[-round(LOOKED_BACK * RATE / window) :]
        return end - (len(back) - int(np.argmin(back))) * window + window // 2

    def _take(self, end: int) -> Passage:
        """Return the present passage up to `end`; speech after that is the beginning of the next one."""
        assert self._begin is not None
        begin, goes_on = self._begin, self._speech_end > end
        held = np.concatenate(self._held)
        passage = Passage(begin / RATE, held[begin - self._held_from : end - self._held_from])
        self._held, self._held_from = deque([held[end - self._held_from :]]), end
        self._begin = end if goes_on else None
        self._quiet = self._quiet[-max(0, (self._stream.position - end) // self._stream.window) :] if goes_on else []
        return passage

    def _forget(self, before: int) -> None:
        """Let go of samples that no passage will need."""
        while self._held and self._held_from + len(self._held[0]) <= before:
            self._held_from += len(self._held.popleft())
