"""How soon a provider answers, by its latest answers. No clock, no I/O: whoever notes or asks says what time it is."""

from collections import deque
from typing import Final

MOST: Final = 64
"""Answers that are remembered."""
MEMORY: Final = 600.0
"""Seconds for which they are: a provider that was slow then may be fast now."""


class Latency:
    """The latest times from a question to the first of its answer.

    Args:
        most: Answers that are remembered.
        memory: Seconds for which they are.
    """

    def __init__(self, most: int = MOST, memory: float = MEMORY) -> None:
        self._memory = memory
        self._noted: deque[tuple[float, float]] = deque(maxlen=most)  # when, and how long it took

    def note(self, now: float, seconds: float) -> None:
        """Note that an answer that began at `now` took `seconds` to do so."""
        self._noted.append((now, seconds))

    def quantile(self, share: float, now: float, least: int = 1) -> float | None:
        """Return the seconds within which that share of answers began, the nearest rank of those that are remembered.

        Args:
            share: Above 0, at most 1; 0.5 is the median.
            now: What time it is.
            least: Answers that there have to be; with fewer it is None.
        """
        times = sorted(seconds for when, seconds in self._noted if now - when <= self._memory)
        if len(times) < max(least, 1):
            return None
        return times[max(0, -int(-share * len(times) // 1) - 1)]
