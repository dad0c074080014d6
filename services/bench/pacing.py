"""When each frame is due: an open loop, in which a slow server does not slow its load down."""

from collections.abc import Iterator
from typing import Final

INTERVAL: Final = 0.02
"""Seconds of audio in a frame, and between a session's frames."""
HONEST: Final = 0.010
"""Seconds that the load generator may be late in 99 of 100 frames; beyond that a run says nothing of its server."""
SHORTEST_WAIT: Final = 0.001
"""Seconds; uvloop counts in milliseconds, and does not wait at all for half of one: it would spin."""


class Pace:
    """A frame of each session every 20 ms, those of different sessions evenly apart.

    Args:
        sessions: how many.
        start: when the first frame of the first one is due.
        share: of the distance to the next session's frame, for which this generator is behind the others: 0 to 1.
    """

    def __init__(self, sessions: int, start: float, share: float = 0.0) -> None:
        self._sessions = sessions
        self._step = INTERVAL / sessions
        self._start = start + share * self._step
        self._slot = 0

    def due(self, now: float) -> Iterator[tuple[int, float]]:
        """Yield each session whose frame is to be sent now, and when that should have been."""
        while (at := self._start + self._slot * self._step) <= now:
            yield self._slot % self._sessions, at
            self._slot += 1

    def wait(self, now: float) -> float:
        """Return for how many seconds there is nothing to do."""
        return max(SHORTEST_WAIT, self._start + self._slot * self._step - now)


def spoiled(p99: float) -> str:
    """Return why a run with this lateness is not to be published; empty if it may be."""
    if p99 <= HONEST:
        return ""
    return (
        f"the load generator itself was {1000 * p99:.0f} ms late (p99; {1000 * HONEST:.0f} ms are acceptable), so the "
        "numbers would be its own, not the server's: use fewer sessions, more --processes, or a machine that is idle"
    )
