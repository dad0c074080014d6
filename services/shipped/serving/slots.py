"""An engine's share of the machine: so many jobs at a time, so many that wait, and the rest are refused at once."""

from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

from anyio import CapacityLimiter, Semaphore, to_thread

from .refusals import Refused

T = TypeVar("T")
_END = object()


class Slots:
    """Bounds what is done with an engine, and does it in worker threads of its own."""

    def __init__(self, at_once: int, waiting: int) -> None:
        """Make room.

        Args:
            at_once: How many jobs the engine does at a time.
            waiting: How many more may wait for that.
        """
        self._free = Semaphore(at_once)
        self._limiter = CapacityLimiter(at_once)  # never waited for: who is here holds a slot
        self._waiting = waiting

    @property
    def idle(self) -> bool:
        """Whether a job would begin at once."""
        return self._free.value > 0

    @asynccontextmanager
    async def taken(self) -> AsyncGenerator["Slot"]:
        """Hold a slot, after waiting for it if need be; cancelling while waiting is safe.

        Raises:
            Refused: As many wait as may (503).
        """
        if not self.idle and self._free.statistics().tasks_waiting >= self._waiting:
            raise Refused(503, "As much is waiting as may; try again in a second.", code="server_busy")
        async with self._free:
            yield Slot(self._limiter)


class Slot:
    """The right to use the engine."""

    def __init__(self, limiter: CapacityLimiter) -> None:
        self._limiter = limiter

    async def run(self, call: Callable[[], T]) -> T:
        """Call in a worker thread. Cancelling waits for the call: a thread can't be stopped."""
        return await to_thread.run_sync(call, limiter=self._limiter)

    def steps(self, iterator: Iterator[T]) -> "Steps[T]":
        """Iterate, each step in a worker thread; between steps it can be cancelled."""
        return Steps(self, iterator)


class Steps(Generic[T]):
    """The items of an iterator that computes."""

    def __init__(self, slot: Slot, iterator: Iterator[T]) -> None:
        self._slot = slot
        self._iterator = iterator

    def __aiter__(self) -> "Steps[T]":
        return self

    async def __anext__(self) -> T:
        item = await self._slot.run(lambda: next(self._iterator, _END))
        if item is _END:
            raise StopAsyncIteration
        return item  # type: ignore[return-value]
