"""Turns of a speaker in audio, by its loudness: as much of voice detection as a wire server needs. No I/O."""

from collections.abc import Iterator
from typing import Final, NamedTuple

import numpy as np

from ....actors.realtime.session_config import SemanticVad, ServerVad
from ....codecs.audio_format import AudioFormat

WINDOW_MS: Final = 20
LOUD: Final = 1000
"""Samples beyond this are speech."""
SHORTEST: Final = 3
"""Windows of it that begin a turn."""
SEMANTIC_SILENCE_MS: Final = 500


class Started(NamedTuple):
    """A turn has begun."""

    start_ms: int


class Stopped(NamedTuple):
    """A turn has ended."""

    end_ms: int
    audio: bytes
    """All of it, with the padding before."""


class Turns:
    """What was appended and not committed, and the turns in it; times count from the first audio of the session.

    Args:
        form: Of the audio.
    """

    def __init__(self, form: AudioFormat) -> None:
        self.form = form
        self._kept = bytearray()
        self._begin_ms = 0  # of what is kept
        self._seen = 0  # bytes of it that were looked at
        self._loud = 0
        self._quiet = 0
        self._start_ms: int | None = None

    @property
    def _per_ms(self) -> int:
        return self.form.rate * self.form.sample_size // 1000

    @property
    def milliseconds(self) -> float:
        """How much is kept."""
        return len(self._kept) / self._per_ms

    def push(self, audio: bytes, detection: ServerVad | SemanticVad | None) -> Iterator[Started | Stopped]:
        """Take audio; give what it begins and ends."""
        self._kept += audio
        size = WINDOW_MS * self._per_ms
        while detection is not None and len(self._kept) - self._seen >= size:
            window = self.form.decode(bytes(self._kept[self._seen : self._seen + size]))
            self._seen += size
            yield from self._judge(detection, loud=int(np.abs(window.astype(np.int32)).max()) > LOUD)

    def _judge(self, detection: ServerVad | SemanticVad, *, loud: bool) -> Iterator[Started | Stopped]:
        self._loud, self._quiet = (self._loud + 1, 0) if loud else (0, self._quiet + 1)
        now = self._begin_ms + self._seen // self._per_ms
        if self._start_ms is None and self._loud >= SHORTEST:
            padding = detection.prefix_padding_ms if isinstance(detection, ServerVad) else 300
            self._start_ms = max(self._begin_ms, now - SHORTEST * WINDOW_MS - padding)
            yield Started(self._start_ms)
        silence = detection.silence_duration_ms if isinstance(detection, ServerVad) else SEMANTIC_SILENCE_MS
        if self._start_ms is not None and self._quiet * WINDOW_MS >= silence:
            start = (self._start_ms - self._begin_ms) * self._per_ms
            audio = bytes(self._kept[start : self._seen])
            self._drop(self._seen)
            yield Stopped(now, audio)

    def take(self) -> bytes:
        """Return all that is kept, and keep nothing."""
        audio = bytes(self._kept)
        self._drop(len(audio))
        return audio

    def _drop(self, size: int) -> None:
        del self._kept[:size]
        self._begin_ms += size // self._per_ms
        self._seen = max(0, self._seen - size)
        self._loud = self._quiet = 0
        self._start_ms = None
