"""The audio of items, kept for `conversation.item.retrieve` within a bound. No I/O."""

from typing import Final

from msgspec import Struct

from ...codecs.audio_format import AudioFormat
from ...codecs.pcm import Int16, int16_from_bytes
from ...codecs.resample import Resampler
from .ear import RATE

KEPT: Final = 2**17
"""Bytes that a session keeps unless told otherwise: 4 s of the user, and a third of the memory of a session."""


class Recording(Struct):
    """The audio of one item, as far as it is kept."""

    chunks: list[bytes]
    size: int = 0
    whole: bool = True
    """Whether nothing is missing: what does not fit is not kept in part."""


class Recordings:
    """Audio by item; when there is too much of it, that of the oldest items goes.

    Args:
        limit: Bytes, of all items together.
    """

    def __init__(self, limit: int = KEPT) -> None:
        self._limit = limit
        self._size = 0
        self._items: dict[str, Recording] = {}

    @property
    def size(self) -> int:
        """Bytes kept now."""
        return self._size

    def add(self, item_id: str, audio: bytes) -> None:
        """Keep more audio of an item, in whichever format."""
        recording = self._items.setdefault(item_id, Recording([]))
        if not recording.whole:
            return
        recording.chunks.append(audio)
        recording.size += len(audio)
        self._size += len(audio)
        for oldest in self._items.values():
            if self._size <= self._limit:
                break
            self._empty(oldest)
            oldest.whole = False

    def get(self, item_id: str) -> bytes:
        """Return all audio of an item; nothing if it is not kept any more."""
        recording = self._items.get(item_id)
        return b"".join(recording.chunks) if recording is not None else b""

    def cut(self, item_id: str, size: int) -> None:
        """Keep only the first `size` bytes of an item."""
        recording = self._items.get(item_id)
        if recording is not None and recording.whole:
            kept = self.get(item_id)[:size]
            self._size += len(kept) - recording.size
            recording.chunks, recording.size = [kept], len(kept)

    def forget(self, item_id: str) -> None:
        """Drop the audio of an item, if there is any."""
        recording = self._items.pop(item_id, None)
        if recording is not None:
            self._empty(recording)

    def _empty(self, recording: Recording) -> None:
        self._size -= recording.size
        recording.chunks, recording.size = [], 0


def heard_as(form: AudioFormat, pcm: bytes) -> bytes:
    """Return what a session has heard, s16le at 16 kHz, in the format in which its client sends."""
    samples: Int16 = int16_from_bytes(pcm)
    if form.rate != RATE:
        resampler = Resampler(RATE, form.rate)
        return form.encode(resampler.push(samples)) + form.encode(resampler.finish())
    return form.encode(samples)
