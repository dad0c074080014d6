"""One timer for all calls, and for whatever else has to end in time.

A timer per call would cost more than the call itself. But nearly all calls use one of a few time-outs, and calls with
the same time-out expire in the order in which they were made: so one ordered dictionary per time-out is a priority
queue whose operations are all O(1), and one task that sleeps until the earliest head serves them all, exactly.
"""

import math
from collections.abc import Callable
from typing import Protocol

from anyio import Event, move_on_at


class Expiring(Protocol):
    """Something with a deadline, such as a call."""

    @property
    def timeout(self) -> float:
        """Seconds it may take; infinite for no deadline."""
        ...

    def expire(self) -> None:
        """End it: its time is up."""
        ...


class Deadlines:
    """The calls that are waiting, and the task that ends them when their time is up.

    Args:
        now: The event loop's clock.
    """

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._waiting: dict[float, dict[Expiring, float]] = {}
        self._wakes_at = math.inf
        self._earlier = Event()

    def add(self, call: Expiring) -> None:
        """Watch a call that is made right now."""
        if call.timeout == math.inf:
            return
        calls = self._waiting.get(call.timeout)
        if calls is None:
            calls = self._waiting[call.timeout] = {}
        calls[call] = expiry = self._now() + call.timeout
        if expiry < self._wakes_at:
            self._wakes_at = expiry
            self._earlier.set()

    def remove(self, call: Expiring) -> None:
        """Stop watching a call."""
        calls = self._waiting.get(call.timeout)
        if calls is None:
            return
        calls.pop(call, None)
        if not calls and len(self._waiting) > 64:  # unusual time-outs must not pile up
            del self._waiting[call.timeout]

    async def run(self) -> None:
        """End calls as their deadlines pass, until cancelled."""
        while True:
            self._earlier = Event()
            self._wakes_at = self._expire()
            with move_on_at(self._wakes_at):
                await self._earlier.wait()

    def _expire(self) -> float:
        """End what is due; return when the next one is."""
        now = self._now()
        earliest = math.inf
        for calls in list(self._waiting.values()):
            while calls:
                call, expiry = next(iter(calls.items()))
                if expiry > now:
                    earliest = min(earliest, expiry)
                    break
                del calls[call]
                call.expire()
        return earliest
