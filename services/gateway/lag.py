"""How late the event loop is, measured by a task that sleeps and looks how long it took.

It costs ten wake-ups a second for the whole process. What is measured is the worst of the last moments: one that fades
to a tenth within a second, so that a short hiccup closes the door for a moment only.
"""

from typing import Final

from anyio import current_time, sleep

INTERVAL: Final = 0.1
"""Seconds between two looks."""
FADING: Final = 0.8
"""What is left of an older measurement at the next one."""


class Lag:
    """Lateness of the event loop in which `run` runs."""

    def __init__(self) -> None:
        self._worst = 0.0
        self._due = float("inf")

    async def run(self) -> None:
        """Measure, until cancelled."""
        while True:
            self._due = current_time() + INTERVAL
            await sleep(INTERVAL)
            self._worst = max(current_time() - self._due, self._worst * FADING)

    def now(self) -> float:
        """Return the seconds by which the loop is late, with what it is late by at this moment."""
        return max(0.0, self._worst, current_time() - self._due)
