"""What several speakers said, by the clock: pieces of audio with their times become channels of one signal.

Pieces come late, early, twice, or not at all. Where nothing came there is silence; where two overlap the later one
counts; what comes after its place has been taken is dropped, and counted.
"""

from math import ceil
from typing import NamedTuple

import numpy as np

from .errors import TooLong
from .pcm import Int16
from .resample import Resampler

_JITTER = 0.040
"""Seconds by which a piece may miss the end of the one before and still be taken to follow it: clocks of clients are
coarse, and a gap of some samples would click."""


class _Piece(NamedTuple):
    start: int
    """Its position on the timeline, in samples."""
    samples: Int16


class Timeline:
    """Audio of several speakers on one clock, which begins at 0.

    Args:
        speakers: how many there are; each gets a channel.
        rate: of what comes out, in Hz.
        most_ahead: seconds that a speaker may be ahead of what was taken.

    Attributes:
        position: samples that were taken.
        late: seconds of audio that came too late, of all speakers together.
    """

    def __init__(self, speakers: int, rate: int, *, most_ahead: float = 600.0) -> None:
        self.position = 0
        self.late = 0.0
        self._rate = rate
        self._most_ahead = most_ahead
        self._speakers = [_Speaker(rate) for _ in range(speakers)]

    def place(self, speaker: int, samples: Int16, at: float, rate: int | None = None) -> None:
        """Place a piece of audio.

        Args:
            speaker: whose it is, from 0.
            samples: int16, shape ``(n,)``; they are kept, not copied.
            at: when it begins, in seconds. A piece that follows the last one by up to 40 ms more or less is joined to
                it.
            rate: of the samples, in Hz; None for that of the timeline.

        Raises:
            TooLong: if it ends too far ahead; nothing was placed.
        """
        rate = rate or self._rate
        if at + len(samples) / rate > self.position / self._rate + self._most_ahead:
            raise TooLong(f"this is more than {self._most_ahead:g} s ahead of what was taken", self._most_ahead)
        self._speakers[speaker].place(samples, at, rate)

    def cut(self, speaker: int, at: float) -> None:
        """Forget what a speaker would have said from `at` on, in seconds: it was interrupted."""
        self._speakers[speaker].cut(round(at * self._rate))

    def take(self, until: float) -> Int16:
        """Return what was said up to `until`, in seconds, and was not taken before; shape ``(n, speakers)``."""
        stop = max(self.position, round(until * self._rate))
        taken = np.zeros((stop - self.position, len(self._speakers)), np.int16)
        for channel, speaker in enumerate(self._speakers):
            self.late += speaker.take(taken[:, channel], self.position) / self._rate
        self.position = stop
        return taken

    @property
    def end(self) -> float:
        """When the last piece ends, in seconds; what was taken already counts too."""
        return max(self.position, *(speaker.end for speaker in self._speakers)) / self._rate


class _Speaker:
    """The pieces of one speaker that were not taken yet, in the order in which they came."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._pieces: list[_Piece] = []
        self._resampler: Resampler | None = None  # of the present stretch, if it has another rate
        self._next = 0  # where the present stretch goes on, in samples
        self._source_end = float("-inf")  # of the present stretch as it came, in seconds

    @property
    def end(self) -> int:
        """Where the last piece ends, in samples; what a resampler still holds back is counted in."""
        held = 0 if self._resampler is None else ceil(self._source_end * self._rate - 1e-6)
        return max(held, *(start + len(samples) for start, samples in self._pieces), 0)

    def place(self, samples: Int16, at: float, rate: int) -> None:
        """Append to the present stretch what follows it, or begin another one."""
        known = self._rate if self._resampler is None else self._resampler.input_rate
        if abs(at - self._source_end) > _JITTER or rate != known:
            self._flush()
            self._next = round(at * self._rate)
            self._source_end = at
            if rate != self._rate:
                self._resampler = Resampler(rate, self._rate)
        self._source_end += len(samples) / rate
        self._append(samples if self._resampler is None else self._resampler.push(samples))

    def cut(self, stop: int) -> None:
        """Forget what lies behind `stop`."""
        self._flush()
        self._pieces = [_Piece(start, samples[: stop - start]) for start, samples in self._pieces if start < stop]
        self._next = min(self._next, stop)
        self._source_end = self._next / self._rate

    def take(self, channel: Int16, start: int) -> int:
        """Write what it has from `start` on into a channel, and forget it; return how much lies before `start`."""
        stop = start + len(channel)
        if self._next < stop:
            self._flush()
        late = 0
        kept: list[_Piece] = []
        for piece in self._pieces:
            missed = min(max(0, start - piece.start), len(piece.samples))
            late += missed
            first = piece.start + missed
            now, rest = np.split(piece.samples[missed:], [max(0, stop - first)])
            if len(now):
                channel[first - start :][: len(now)] = now
            if len(rest):
                kept.append(_Piece(first + len(now), rest))
        self._pieces = kept
        return late

    def _flush(self) -> None:
        """End the present stretch: the resampler gives out what it held back."""
        if self._resampler is not None:
            self._append(self._resampler.finish())
            self._resampler = None

    def _append(self, samples: Int16) -> None:
        if len(samples):
            self._pieces.append(_Piece(self._next, samples))
            self._next += len(samples)
