"""The input path of a session: bytes as the client sends them become 16 kHz audio, kept for a while."""

from typing import Final

from ...codecs.audio_format import AudioDecoder, AudioFormat
from ...codecs.pcm import Int16
from ...codecs.resample import Resampler
from ...codecs.ring import Overflow, Ring

RATE: Final = 16_000
"""Samples per second that voice detection and recognition hear."""
KEPT: Final = 2 * RATE
"""Samples that are kept for what a turn begins with: its padding and what came in before its start was decided."""


class Ear:
    """Decodes and resamples; positions count samples at 16 kHz from the start of the session, whatever the format."""

    def __init__(self, form: AudioFormat) -> None:
        self._ring = Ring(KEPT, overflow=Overflow.DROP_OLDEST)
        self.listen_to(form)

    def listen_to(self, form: AudioFormat) -> None:
        """Take the following bytes for audio of another format."""
        self.form = form
        self._decoder = AudioDecoder(form)
        self._resampler = None if form.rate == RATE else Resampler(form.rate, RATE)

    @property
    def position(self) -> int:
        """Samples heard so far."""
        return self._ring.stop

    def push(self, data: bytes) -> Int16:
        """Hear more; return it at 16 kHz, shape ``(n,)``."""
        samples = self._decoder.push(data)
        if self._resampler is not None:
            samples = self._resampler.push(samples)
        self._ring.append(samples)
        return samples

    def since(self, position: int) -> Int16:
        """Return what was heard from `position` on, or as much of it as is still kept."""
        return self._ring.read(max(position, self._ring.start), self._ring.stop)

    def flush(self) -> None:
        """Forget half a sample: the client has thrown its buffer away."""
        self._decoder.reset()


def milliseconds(samples: int) -> int:
    """Return how long `samples` last."""
    return samples * 1000 // RATE
