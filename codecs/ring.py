"""The latest audio of a stream, addressed by absolute sample position.

It holds the pre-roll (what was said just before speech was detected) and what a transcriber has not finalised yet, so
that both can be read again to the sample. Position 0 is the first sample ever appended; positions only grow.
"""

from enum import Enum

import numpy as np

from .errors import RingFull
from .pcm import Int16


class Overflow(Enum):
    """What `Ring.append` does when there is no room."""

    REJECT = "reject"
    """Raise `RingFull` and take nothing: somebody still needs what is held."""
    DROP_OLDEST = "drop oldest"
    """Make room, and count in `Ring.dropped` what was lost."""


class Ring:
    """A ring buffer of int16 mono audio.

    Attributes:
        capacity: how many samples it can hold.
        start: position of the oldest sample held.
        stop: position after the newest sample; also how many were ever appended.
        dropped: how many samples the policy `Overflow.DROP_OLDEST` has dropped.
    """

    __slots__ = ("_overflow", "_samples", "capacity", "dropped", "start", "stop")

    def __init__(self, capacity: int, *, overflow: Overflow = Overflow.REJECT) -> None:
        if capacity <= 0:
            raise ValueError(f"a ring of {capacity} samples can hold nothing")
        self.capacity = capacity
        self.start = self.stop = 0
        self.dropped = 0
        self._overflow = overflow
        self._samples: Int16 = np.empty(capacity, np.int16)

    def __len__(self) -> int:
        """Return how many samples are held."""
        return self.stop - self.start

    def __repr__(self) -> str:
        return f"<Ring {self.start}..{self.stop} of {self.capacity} samples, {self.dropped} dropped>"

    def append(self, samples: Int16) -> None:
        """Copy samples, shape ``(n,)``, to the end.

        Raises:
            RingFull: if there is no room for all of them and the policy is `Overflow.REJECT`; nothing was taken.
        """
        stop = self.stop + len(samples)
        oldest_kept = max(self.start, stop - self.capacity)
        if oldest_kept > self.start:
            if self._overflow is Overflow.REJECT:
                raise RingFull(f"no room for {len(samples)} samples in {self!r}; discard_before() makes room")
            self.dropped += oldest_kept - self.start
            self.start = oldest_kept
        kept = samples[-self.capacity :]
        index = (stop - len(kept)) % self.capacity
        until_end = self.capacity - index
        self._samples[index : index + len(kept)] = kept[:until_end]
        self._samples[: max(0, len(kept) - until_end)] = kept[until_end:]
        self.stop = stop

    def read(self, start: int, stop: int) -> Int16:
        """Return a copy of the samples from position `start` up to but without `stop`, shape ``(stop - start,)``.

        Raises:
            IndexError: if not all of them are held.
        """
        if not self.start <= start <= stop <= self.stop:
            raise IndexError(f"samples {start}..{stop} are not held; the ring has {self.start}..{self.stop}")
        index = start % self.capacity
        end = index + stop - start
        if end <= self.capacity:
            return self._samples[index:end].copy()
        return np.concatenate((self._samples[index:], self._samples[: end - self.capacity]))

    def tail(self, count: int) -> Int16:
        """Return a copy of the newest samples: `count` of them, or all that are held if those are fewer."""
        return self.read(max(self.start, self.stop - count), self.stop)

    def discard_before(self, position: int) -> None:
        """Forget the samples before `position`; earlier than `start` does nothing.

        Raises:
            IndexError: if the position lies beyond `stop`.
        """
        if position > self.stop:
            raise IndexError(f"position {position} is not there yet; the ring has {self.start}..{self.stop}")
        self.start = max(self.start, position)
