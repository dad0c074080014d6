"""The sound of a video that is made: recordings at their places and levels, decoded and mixed as it is asked for."""

from collections.abc import Iterator
from typing import cast

import numpy as np

from .decode import decode_audio
from .pcm import Float32, Int16, Pcm, from_decibels, saturate
from .roles import Audio


class Soundtrack:
    """Recordings, mixed. Where none sounds there is silence; where they are too loud together they are clamped.

    Args:
        rate: in Hz.
        channels: 1 or 2.

    Attributes:
        position: samples that were taken.
    """

    def __init__(self, rate: int, channels: int) -> None:
        self.position = 0
        self._rate = rate
        self._channels = channels
        self._tracks: list[Track] = []

    def add(
        self, audio: Audio, at: int, *, start: int, stop: float = float("inf"), gain_decibels: float = 0.0
    ) -> "Track":
        """Add a recording. All is counted in samples of the soundtrack.

        Args:
            audio: the recording.
            at: where its first sample belongs; it may lie before the soundtrack's beginning.
            start: from where on it is heard.
            stop: where it ends at the latest; infinity for its own end.
            gain_decibels: change of its level.
        """
        pieces = decode_audio(audio, rate=self._rate, channels=self._channels)
        track = Track(pieces, self._channels, at, start, stop, np.float32(from_decibels(gain_decibels)))
        self._tracks.append(track)
        return track

    def take(self, until: int) -> Int16:
        """Return the samples from `position` up to `until`, shape ``(n, channels)``.

        Raises:
            UnsupportedFormat, BrokenMedia, LimitExceeded, OSError: as for `decode.decode_audio`.
        """
        mixed = np.zeros((max(0, until - self.position), self._channels), np.float32)
        for track in self._tracks:
            track.add_to(mixed, self.position)
        self.position += len(mixed)
        self._tracks = [track for track in self._tracks if track.stop > self.position]
        return saturate(mixed)


class Track:
    """One recording of a soundtrack; `Soundtrack.add` makes it.

    Attributes:
        stop: where it ends at the latest, in samples. It may be changed at any time.
    """

    def __init__(
        self, pieces: Iterator[Pcm], channels: int, at: int, start: int, stop: float, gain: np.float32
    ) -> None:
        self.stop = stop
        self._start = start
        self._gain = gain
        self._pieces = pieces
        self._held: Int16 = np.empty((0, channels), np.int16)
        self._position = at  # of the first one held

    def add_to(self, mixed: Float32, position: int) -> None:
        """Add what it has to the samples from `position` on."""
        stop = min(position + len(mixed), self.stop)
        first = max(position, self._start)
        while self._position < stop:
            if not len(self._held):
                piece = next(self._pieces, None)
                if piece is None:
                    self.stop = self._position
                    return
                self._held = cast("Int16", piece.samples)
            used = int(min(len(self._held), stop - self._position))
            part = self._held[max(0, first - self._position) : used]
            offset = max(first, self._position) - position
            mixed[offset : offset + len(part)] += part * self._gain
            self._held = self._held[used:]
            self._position += used
