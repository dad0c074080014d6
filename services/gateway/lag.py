"""How late the event loop is, measured by a task that sleeps and looks how long it took.

It costs ten wake-ups a second for the whole process. One that has too much to do is late each time, which shows in the
mean; a hiccup, such as a collection of garbage or a module that is imported, shows in the worst of the last moments and
is no reason to send anybody away.
"""

from typing import Final

from anyio import current_time, sleep

INTERVAL: Final = 0.1
"""Seconds between two looks."""
WEIGHT: Final = 0.2
"""Of the latest measurement in the mean: a second's hiccup makes 0.2 s of it, and is forgotten a second later."""
FADING: Final = 0.8
"""What is left of an older worst measurement at the next one."""


class Lag:
    """Lateness of the event loop in which `run` runs, in seconds."""

    def __init__(self) -> None:
        self.mean = 0.0
        """Of the measurements of the last second or so."""
        self.worst = 0.0
        """The worst of them."""

    async def run(self) -> None:
        """Measure, until cancelled."""
        while True:
            due = current_time() + INTERVAL
            await sleep(INTERVAL)
            late = max(0.0, current_time() - due)
            self.mean += (late - self.mean) * WEIGHT
            self.worst = max(late, self.worst * FADING)
