"""The input path of a session: bytes as the client sends them become 16 kHz audio, kept for a while."""

from typing import Final

import numpy as np

from ...codecs.audio_format import AudioDecoder, AudioFormat
from ...codecs.pcm import Int16
from ...codecs.resample import Resampler
from ...codecs.ring import Overflow, Ring

RATE: Final = 16_000
"""Samples per second that voice detection and recognition hear."""
KEPT: Final = 2 * RATE
"""Samples that are kept for what a turn begins with: its padding and what came in before its start was decided."""
WINDOW: Final = 512
"""Samples that voice detection judges at a time, counted from the start of the session."""
_NOTHING: Final = np.zeros(0, np.int16)


class Ear:
    """Decodes and resamples; positions count samples at 16 kHz from the start of the session, whatever the format.

    What comes in is put aside until voice detection has a new window to judge: nobody could do anything with it before,
    and decoding costs nearly as much for a small piece as for a large one.
    """

    def __init__(self, form: AudioFormat) -> None:
        self._ring = Ring(KEPT, overflow=Overflow.DROP_OLDEST)
        self._held: list[bytes] = []
        self._missing = 0
        self.listen_to(form)

    def listen_to(self, form: AudioFormat) -> None:
        """Take the following bytes for audio of another format. Nothing may be held: `settle` first."""
        self.form = form
        self._decoder = AudioDecoder(form)
        self._resampler = Resampler(form.rate, RATE)
        self._origin, self._frames = self._ring.stop, 0
        self._expect()

    @property
    def position(self) -> int:
        """Samples heard so far."""
        return self._ring.stop

    def push(self, data: bytes) -> Int16:
        """Hear more.

        Returns:
            What was heard since the last time, at 16 kHz, shape ``(n,)``; none as long as no new window is complete.
        """
        self._held.append(data)
        self._missing -= len(data)
        return self.settle() if self._missing <= 0 else _NOTHING

    def settle(self) -> Int16:
        """Return, as `push` does, what is held until a window is complete."""
        decoded = self._decoder.push(self._held[0] if len(self._held) == 1 else b"".join(self._held))
        self._held.clear()
        self._frames += len(decoded)
        samples = self._resampler.push(decoded)
        self._ring.append(samples)
        self._expect()
        return samples

    def _expect(self) -> None:
        """Find out how many bytes complete the next window."""
        window_end = (self._ring.stop // WINDOW + 1) * WINDOW
        frames = self._resampler.needed(window_end - self._origin) - self._frames
        self._missing = frames * self.form.sample_size - len(self._decoder.pending)

    def since(self, position: int) -> Int16:
        """Return what was heard from `position` on, or as much of it as is still kept."""
        return self.between(position, self._ring.stop)

    def between(self, start: int, stop: int) -> Int16:
        """Return what was heard from position `start` to `stop`, or as much of it as is still kept."""
        return self._ring.read(min(max(start, self._ring.start), stop), stop)

    def flush(self) -> None:
        """Forget what is held, half a sample included: the client has thrown its buffer away."""
        self._held.clear()
        self._decoder.reset()
        self._expect()


def milliseconds(samples: int) -> int:
    """Return how long `samples` last."""
    return samples * 1000 // RATE
