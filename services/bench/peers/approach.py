"""Looking for the most sessions that a server holds, in few trials: its use of the processor says where to look."""

from typing import Final

FULL: Final = 0.8
"""Share of a processor at which servers begin to be late."""
CLOSE: Final = 0.08
"""Of the number found, to which it is found."""
_LEAST_STEP: Final = 1.12
_BACK: Final = 0.85
_MOST_STEP: Final = 12.0


class Approach:
    """A search.

    Args:
        trials: Those that are made at most.
    """

    def __init__(self, trials: int) -> None:
        self._left = trials
        self._held = 0
        self._guess = 0
        self._broken: int | None = None

    @property
    def held(self) -> int:
        """The most sessions that were held so far."""
        return self._held

    @property
    def broken(self) -> int | None:
        """The fewest that were not held so far; None if there are none."""
        return self._broken

    @property
    def found(self) -> bool:
        """Whether a few more were not."""
        return self._broken is not None and self._broken - self._held <= max(1, CLOSE * self._broken)

    def next(self) -> int | None:
        """Return how many sessions to try next; None if the number has been found, or there have been enough trials."""
        if self.found or self._left <= 0:
            return None
        if self._broken is None:
            return max(self._guess, self._held + 1)
        if self._held < self._guess < self._broken:
            return self._guess
        return (self._held + self._broken) // 2

    def tell(self, sessions: int, *, held: bool, cpu: float) -> None:
        """Take the result of a trial.

        Args:
            sessions: How many there were.
            held: Whether the level was held.
            cpu: Seconds of CPU that the server used in each second.
        """
        self._left -= 1
        if held:
            self._held = max(self._held, sessions)
            step = min(_MOST_STEP, max(_LEAST_STEP, FULL / max(cpu, 0.001)))
            self._guess = round(sessions * step)
        elif self._broken is None or sessions < self._broken:
            self._broken = sessions
            self._guess = round(_BACK * sessions)
