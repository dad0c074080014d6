"""Parking a task until another one wakes it: the only place that knows the two event loops apart.

anyio's own ``Event`` and memory streams cost several microseconds an operation, because they are built to be correct on
any event loop through its public surface. A parked task needs less: on asyncio a bare future, on trio a task handed to
the scheduler (`trio_waiter`). Everything else in the runtime that waits is made of the three classes below.

The rule that makes all of it safe to cancel: **waking moves no data.** A waker only makes a task runnable; the task
then takes what it came for in one synchronous step. A task that is cancelled between the two has taken nothing, so
nothing can be lost, and it passes its wake-up on to the next in line, so that nobody sleeps beside work.
"""

import asyncio
import math
from collections import deque
from collections.abc import Callable, Generator
from contextlib import suppress
from functools import cache
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, cast

from anyio import current_effective_deadline

if TYPE_CHECKING:
    from .deadlines import Patience

T = TypeVar("T")

_running_asyncio_loop = asyncio._get_running_loop  # the public form raises on trio, and raising costs more than parking


class Waiter(Protocol):
    """One parked task; an `asyncio.Future` is one."""

    def done(self) -> bool:
        """Whether it was woken or cancelled."""
        ...

    def cancelled(self) -> bool:
        """Whether its task was cancelled before it was woken."""
        ...

    def set_result(self, result: None, /) -> None:
        """Make the task runnable. Only once, and only while not done."""
        ...

    def __await__(self) -> Generator[Any, Any, None]: ...


@cache
def _trio_waiter() -> type[Waiter]:
    from .trio_waiter import TrioWaiter

    return TrioWaiter


def new_waiter() -> Waiter:
    """Create a waiter for the current task, whichever event loop runs it."""
    loop = _running_asyncio_loop()
    return _trio_waiter()() if loop is None else loop.create_future()


def loop_clock() -> Callable[[], float]:
    """Return the running event loop's clock, without anyio's dispatch: that takes 1 µs, a good part of an ask."""
    loop = _running_asyncio_loop()
    if loop is not None:
        return loop.time
    from trio import current_time

    return current_time


async def pass_turn() -> None:
    """Let other tasks run once. Cancelling is safe.

    anyio's ``checkpoint`` also looks for a cancellation that is due, and shields the yield from a second one; that
    costs several times the yield itself. Here it is enough that a cancellation reaches the task at, or right after,
    the yield.
    """
    if _running_asyncio_loop() is None:
        from trio.lowlevel import checkpoint

        await checkpoint()
    else:
        await asyncio.sleep(0)


def scope_is_cancelled() -> bool:
    """Whether a cancel scope around the current task is cancelled.

    Where none is, a cancellation exception is no cancellation: on asyncio whoever awaits a future or a task that
    somebody else cancelled gets a `CancelledError`, too. Going further up it would take tasks along that nobody meant.
    """
    return current_effective_deadline() == -math.inf


class Callback:
    """A function that stands in a `Line` in place of a task: it runs at once, in the step of whoever wakes it."""

    __slots__ = ("_function", "_line")

    def __init__(self, line: "Line", function: Callable[[], None]) -> None:
        self._line = line
        self._function: Callable[[], None] | None = function

    def done(self) -> bool:
        """Whether it has been called or cancelled."""
        return self._function is None

    def cancel(self) -> None:
        """Never call it; the wake-up goes to the next in line."""
        self._function = None

    def set_result(self, _result: None, /) -> None:
        """Call it."""
        function = self._function
        assert function is not None
        self._function = None
        self._line.promised -= 1
        function()


class Line:
    """Tasks waiting in line for something countable: room, or items.

    Each wake-up is a promise: until the woken task runs, what it was woken for is spoken for. Newcomers look at
    `promised` and queue up behind instead of snatching it, so the line is served in order and nobody starves.
    """

    __slots__ = ("promised", "waiters")

    def __init__(self) -> None:
        self.waiters: deque[Waiter | Callback] | None = None  # most lines never form, and an empty deque is 600 bytes
        """Who waits, first in line first; read it to ask whether anybody does."""
        self.promised: int = 0
        """Wake-ups given whose tasks have not run yet."""

    async def wait(self, patience: "Patience | None" = None) -> None:
        """Wait for a wake-up. Cancelling is safe: a wake-up already given goes to the next in line.

        Args:
            patience: How long to wait; None is for ever.

        Raises:
            DeadlineExceeded: It took longer.
        """
        if self.waiters is None:
            self.waiters = deque()
        waiter = new_waiter()
        self.waiters.append(waiter)
        alarm = None if patience is None else patience.begin(waiter)
        try:
            await waiter
        except BaseException:
            if waiter.done() and not waiter.cancelled() and not (alarm and alarm.rung):
                self.promised -= 1
                self.wake()
            else:
                self._leave(waiter)
            raise
        finally:
            if alarm is not None and patience is not None:
                patience.end(alarm)
        if alarm is not None and patience is not None and alarm.rung:
            self._leave(waiter)
            raise patience.late()
        self.promised -= 1

    def _leave(self, waiter: Waiter) -> None:
        assert self.waiters is not None
        with suppress(ValueError):  # a wake-up may have met, and skipped, it in the meantime
            self.waiters.remove(waiter)

    def call(self, function: Callable[[], None]) -> Callback:
        """Let a function stand in line; it is called by the wake-up that it gets, and leaves."""
        if self.waiters is None:
            self.waiters = deque()
        callback = Callback(self, function)
        self.waiters.append(callback)
        return callback

    def wake(self) -> None:
        """Wake the first in line, if there is one."""
        while self.waiters:
            waiter = self.waiters.popleft()
            if not waiter.done():
                self.promised += 1
                waiter.set_result(None)
                return

    def wake_all(self) -> None:
        """Wake everybody: what they waited for will never come."""
        while self.waiters:
            self.wake()


_UNSET: Final = object()


class Latch:
    """A value that is set once, and any number of tasks that wait for it."""

    __slots__ = ("_line", "_value")

    def __init__(self) -> None:
        self._value: object = _UNSET
        self._line = Line()

    @property
    def is_set(self) -> bool:
        """Whether the value is there."""
        return self._value is not _UNSET

    @property
    def value(self) -> Any:
        """The value; only where `is_set`."""
        return cast("Any", self._value)

    def set(self, value: object = None) -> None:
        """Set the value and wake everybody. Setting it again changes nothing."""
        if self._value is _UNSET:
            self._value = value
            self._line.wake_all()

    async def wait(self) -> Any:
        """Wait until the value is there, and return it. Cancelling is safe."""
        while self._value is _UNSET:
            await self._line.wait()
        return cast("Any", self._value)
