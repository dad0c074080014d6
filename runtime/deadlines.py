"""One timer for all calls, and for whatever else has to end in time.

A timer per call would cost more than the call itself. But nearly all calls use one of a few time-outs, and calls with
the same time-out expire in the order in which they were made: so one ordered dictionary per time-out is a priority
queue whose operations are all O(1), and one task that sleeps until the earliest head serves them all, exactly.
"""

import math
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Protocol, Self

from anyio import Event, create_task_group, move_on_at

from .errors import DeadlineExceeded
from .parking import Waiter, loop_clock


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
        self.now = now
        self._waiting: dict[float, dict[Expiring, float]] = {}
        self._wakes_at = math.inf
        self._earlier = Event()

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncGenerator[Self]:
        """Watch, on the running event loop, until the block ends; an error of the block comes out as it is."""
        deadlines, failure = cls(loop_clock()), None
        async with create_task_group() as tasks:
            tasks.start_soon(deadlines.run)
            try:
                yield deadlines
            except Exception as error:  # policy: raised below, because the task group would wrap the block's own error
                failure = error
            tasks.cancel_scope.cancel()
        if failure is not None:
            raise failure

    def add(self, call: Expiring) -> None:
        """Watch a call that is made right now."""
        if call.timeout == math.inf:
            return
        calls = self._waiting.get(call.timeout)
        if calls is None:
            calls = self._waiting[call.timeout] = {}
        calls[call] = expiry = self.now() + call.timeout
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
            self._earlier, self._wakes_at = Event(), math.inf
            earliest = self._expire()
            self._wakes_at = min(self._wakes_at, earliest)  # who was told that his time is up may have asked for more
            with move_on_at(self._wakes_at):
                await self._earlier.wait()

    def _expire(self) -> float:
        """End what is due; return when the next one is."""
        now = self.now()
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


class Alarm:
    """Wakes one parked task whose time is up, which then has nothing to take."""

    __slots__ = ("_waiter", "rung", "timeout")

    def __init__(self, waiter: Waiter, timeout: float) -> None:
        self._waiter = waiter
        self.timeout = timeout
        """Seconds that it waits."""
        self.rung = False
        """Whether the time was up before it was woken."""

    def expire(self) -> None:
        """The time is up."""
        if not self._waiter.done():
            self.rung = True
            self._waiter.set_result(None)


class Patience:
    """How long a task waits for each item of a stream, watched by the system's one timer.

    A cancel scope for each item would cost more than the item: 10 µs with a timer of the event loop, where this takes
    two entries in a dictionary.

    Args:
        deadlines: The system's.
        timeout: Seconds; finite.
        actor: Whom the error names as late.
        request: With what.
    """

    __slots__ = ("_actor", "_deadlines", "_request", "_timeout")

    def __init__(self, deadlines: Deadlines, timeout: float, actor: str, request: str) -> None:
        self._deadlines = deadlines
        self._timeout = timeout
        self._actor = actor
        self._request = request

    def begin(self, waiter: Waiter) -> Alarm:
        """Wake a task when its time is up, unless `end` comes before."""
        alarm = Alarm(waiter, self._timeout)
        self._deadlines.add(alarm)
        return alarm

    def end(self, alarm: Alarm) -> None:
        """The wait is over."""
        self._deadlines.remove(alarm)

    def late(self) -> DeadlineExceeded:
        """Return what is raised then."""
        return DeadlineExceeded(self._actor, self._request, self._timeout)
