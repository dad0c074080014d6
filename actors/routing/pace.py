"""How often a provider may be called. No clock, no I/O: whoever asks says what time it is.

It is a token bucket as one number, the time at which the bucket will be full again (GCRA, ITU-T I.371): so there is no
window at whose edge twice as many calls would pass.
"""

from typing import Final

MINUTE: Final = 60.0
BURST: Final = 6.0
"""Seconds' worth of calls that may come at once: a tenth of a minute's, and at least one."""
_INSTANT: Final = 1e-6  # seconds that nobody waits: what rounding leaves


class Pace:
    """Counts the calls of one provider.

    Args:
        per_minute: Calls that are allowed in a minute, evenly but for bursts.

    Raises:
        ValueError: It is not positive.
    """

    def __init__(self, per_minute: float) -> None:
        if not per_minute > 0:
            raise ValueError(f"{per_minute} calls a minute are none; leave the provider out instead")
        self._step = MINUTE / per_minute
        self._slack = max(BURST - self._step, 0.0)
        self._full_at = 0.0

    def wait(self, now: float) -> float:
        """Return the seconds until a call is allowed; 0 if it is now."""
        wait = self._full_at - self._slack - now
        return wait if wait > _INSTANT else 0.0

    def note(self, now: float) -> None:
        """Note that a call is made."""
        self._full_at = max(self._full_at, now) + self._step
