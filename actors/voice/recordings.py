"""The audio of items, kept for `conversation.item.retrieve` within a bound. No I/O."""

from collections import deque
from typing import Final

from ...codecs.audio_format import AudioFormat
from ...codecs.pcm import Int16, int16_from_bytes
from ...codecs.resample import Resampler
from .ear import RATE

KEPT: Final = 2**17
"""Bytes that a session keeps unless told otherwise: 4 s of the user, and a third of the memory of a session."""
GONE: Final = 16
"""Items remembered for their audio being gone: what is added to one that is still growing would be a part of it."""


class Recordings:
    """Audio by item, whole or not at all; when there is too much of it, that of the oldest items goes.

    Args:
        limit: Bytes, of all items together.
    """

    def __init__(self, limit: int = KEPT) -> None:
        self._limit = limit
        self._size = 0
        self._items: dict[str, list[bytes]] = {}
        self._gone: deque[str] = deque(maxlen=GONE)

    @property
    def size(self) -> int:
        """Bytes kept now."""
        return self._size

    def add(self, item_id: str, audio: bytes) -> None:
        """Keep more audio of an item, in whichever format."""
        if item_id in self._gone:
            return
        self._items.setdefault(item_id, []).append(audio)
        self._size += len(audio)
        while self._size > self._limit:
            oldest = next(iter(self._items))
            self.forget(oldest)
            self._gone.append(oldest)

    def get(self, item_id: str) -> bytes:
        """Return all audio of an item; nothing if it is not kept any more."""
        return b"".join(self._items.get(item_id, ()))

    def cut(self, item_id: str, size: int) -> None:
        """Keep only the first `size` bytes of an item."""
        if item_id in self._items:
            whole = self.get(item_id)
            kept = whole[:size]
            self._size -= len(whole) - len(kept)
            self._items[item_id] = [kept]

    def forget(self, item_id: str) -> None:
        """Drop the audio of an item, if there is any."""
        self._size -= sum(map(len, self._items.pop(item_id, ())))


def heard_as(form: AudioFormat, pcm: bytes) -> bytes:
    """Return what a session has heard, s16le at 16 kHz, in the format in which its client sends."""
    samples: Int16 = int16_from_bytes(pcm)
    if form.rate != RATE:
        resampler = Resampler(RATE, form.rate)
        return form.encode(resampler.push(samples)) + form.encode(resampler.finish())
    return form.encode(samples)
