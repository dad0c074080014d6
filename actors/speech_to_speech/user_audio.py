"""What the user has said of which no item has been made yet, kept for when it has to be said again. No I/O.

Times are milliseconds from the first audio of the conversation, over all its connections.
"""

from itertools import pairwise
from typing import Final

MOST: Final = 4 * 2**20
"""Bytes that are kept: 87 s of PCM."""
UNNOTICED_MS: Final = 4000
"""How much is kept where nobody is known to speak: it is told late that somebody does."""
AGAIN_MS: Final = 1000
"""How much of that another connection is told: the beginning of a word, if there is one."""


class UserAudio:
    """The audio that was appended, and not committed or cleared.

    Args:
        per_ms: Bytes of a millisecond.
        detected: Whether turns are found by the provider, and not made by the client.
    """

    def __init__(self, per_ms: int, *, detected: bool) -> None:
        self.detected = detected
        self._per_ms = per_ms
        self._kept = bytearray()
        self._begin_ms = 0.0  # of what is kept
        self._start_ms: float | None = None  # of the user's turn
        self._end_ms: float | None = None
        self._marks: list[int] = []  # where in what is kept the client has committed

    def change(self, per_ms: int, *, detected: bool) -> None:
        """Take note of another format, in which nothing of what is kept is, or of who makes the turns."""
        self.detected = detected
        if per_ms != self._per_ms:
            self._drop(len(self._kept))
            self._per_ms = per_ms

    def append(self, audio: bytes) -> None:
        """Keep more."""
        self._kept += audio
        waits = self.detected and self._start_ms is None
        self._drop(len(self._kept) - (UNNOTICED_MS * self._per_ms if waits else MOST))

    def started(self, start_ms: float) -> None:
        """The user's turn has begun."""
        self._start_ms, self._end_ms = start_ms, None

    def stopped(self, end_ms: float) -> None:
        """The user's turn has ended."""
        self._end_ms = end_ms

    def mark(self) -> None:
        """The client has committed what there is."""
        self._marks.append(len(self._kept))

    def unmark(self) -> None:
        """The first of these commits was refused."""
        del self._marks[:1]

    def committed(self) -> bytes:
        """Return the audio of the item that has been made, which is not kept any more."""
        mark = self._marks.pop(0) if self._marks else len(self._kept)
        start = 0 if self._start_ms is None else self._place(self._start_ms)
        end = mark if self._end_ms is None else self._place(self._end_ms)
        audio = bytes(self._kept[start:end])
        self._drop(end)
        self._start_ms = self._end_ms = None
        return audio

    def clear(self) -> None:
        """Keep nothing but what was committed before."""
        if self._marks:
            del self._kept[self._marks[-1] :]
        else:
            self._drop(len(self._kept))
        self._start_ms = self._end_ms = None

    def again(self) -> tuple[float, list[bytes]]:
        """Return what has to be said to another connection, cut where it was committed, and when it begins.

        From there on turns are found anew.
        """
        start = 0
        if self._start_ms is not None:
            start = self._place(self._start_ms)
        elif self.detected:
            start = max(0, len(self._kept) - AGAIN_MS * self._per_ms)
        self._drop(start)
        self._start_ms = self._end_ms = None
        edges = [0, *self._marks, len(self._kept)]
        return self._begin_ms, [bytes(self._kept[begin:end]) for begin, end in pairwise(edges)]

    def _place(self, milliseconds: float) -> int:
        """Return where in what is kept a time is: at a whole sample, as a millisecond has a whole number of them."""
        return min(len(self._kept), max(0, round(milliseconds - self._begin_ms) * self._per_ms))

    def _drop(self, size: int) -> None:
        if size > 0:
            size -= size % 2  # samples of PCM stay whole
            del self._kept[:size]
            self._begin_ms += size / self._per_ms
            self._marks = [max(0, mark - size) for mark in self._marks]
