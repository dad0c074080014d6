"""The audio of one turn, from its first sample to the commit."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from ..serving.audio import Resampler
from .agreement import Agreement
from .engine import RATE

WINDOW: Final = 20.0
"""Seconds of audio of a turn after which the part that is settled is forgotten."""
LONGEST_WINDOW: Final = 29.0
"""Seconds after which it is settled, agreed or not: Whisper hears 30 at a time."""


class Turn:
    """The audio between two commits."""

    def __init__(self, number: int, rate: int) -> None:
        self.item_id = f"item_{number:06d}"
        self.agreement = Agreement()
        self.seconds = 0.0
        """Of all its audio."""
        self.committed = False
        self._resampler = Resampler(RATE)
        self._rate = rate
        self._pieces: list[NDArray[np.float32]] = []  # what is still there of it
        self._size = 0  # samples of these
        self._heard = 0  # samples that the latest hypothesis is about
        self._seconds_heard = 0.0  # of all audio, whether it is still there or not

    @property
    def unheard(self) -> float:
        """Seconds of audio since the last hypothesis."""
        return self.seconds - self._seconds_heard

    def push(self, pcm: NDArray[np.int16]) -> None:
        """Take audio at the rate of the turn."""
        self.seconds += len(pcm) / self._rate
        self._add(self._resampler.push_pcm(pcm, self._rate))

    def commit(self) -> None:
        """Take note that this is all of it."""
        self.committed = True
        self._add(self._resampler.finish())

    def hear(self) -> NDArray[np.float32]:
        """Return the audio for the next hypothesis."""
        self._pieces = [np.concatenate(self._pieces)]
        self._heard, self._seconds_heard = self._size, self.seconds
        return self._pieces[0]

    def shorten(self) -> str:
        """Forget audio that is settled, if there is much of it; return what can be said because of that."""
        if self._heard <= WINDOW * RATE:
            return ""
        news = self.agreement.settle() if self._heard > LONGEST_WINDOW * RATE else ""
        until = self.agreement.forget()
        gone = max(0, self._heard - RATE) if until is None else min(round(until * RATE), self._heard)
        audio = np.concatenate(self._pieces)[gone:]
        self._pieces, self._size, self._heard = [audio], len(audio), self._heard - gone
        return news

    def _add(self, samples: NDArray[np.float32]) -> None:
        self._pieces.append(samples)
        self._size += len(samples)
