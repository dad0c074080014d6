"""Looking for the knee: the most sessions that hold a service level."""

from typing import Final

RESOLUTION: Final = 0.05
"""Of the number found, to which it is found."""


class Knee:
    """Doubles the sessions until they are too many, then halves the distance to the knee.

    Args:
        first: sessions to begin with.
        most: sessions that are tried at most.

    Raises:
        ValueError: There is nothing to try.
    """

    def __init__(self, first: int, most: int) -> None:
        if not 1 <= first <= most:
            raise ValueError(f"a ramp goes from one session or more upwards, not from {first} to {most}")
        self._first = first
        self._most = most
        self._held = 0
        self._broken: int | None = None

    @property
    def held(self) -> int:
        """The most sessions that have held the level so far."""
        return self._held

    @property
    def broken(self) -> int | None:
        """The fewest that have broken it; None if none have."""
        return self._broken

    @property
    def found(self) -> bool:
        """Whether the two are as close as they have to be."""
        return self._broken is not None and self.next() is None

    def next(self) -> int | None:
        """Return how many to try next; None if the knee has been found, or the most have held."""
        if self._broken is None:
            if not self._held:
                return self._first
            return None if self._held >= self._most else min(2 * self._held, self._most)
        gap = self._broken - self._held
        return None if gap <= max(1, round(RESOLUTION * self._broken)) else self._held + gap // 2

    def tell(self, sessions: int, *, held: bool) -> None:
        """Take the result of a trial."""
        if held:
            self._held = max(self._held, sessions)
        elif self._broken is None or sessions < self._broken:
            self._broken = sessions
