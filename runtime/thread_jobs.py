"""What the thread of a `ThreadWorker` has to do: calls and streams, each half in the thread, half in the event loop."""

import math
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import AsyncIterator, Callable, Generator, Iterable
from contextlib import contextmanager
from functools import partial
from queue import SimpleQueue
from typing import Generic, TypeVar

from anyio import CancelScope, Event, current_time
from anyio.lowlevel import checkpoint

from . import outside
from .errors import DeadlineExceeded

R = TypeVar("R")


class Job(ABC):
    """Something for the thread to do: `run` is called there, everything else in the event loop."""

    def __init__(self, worker: str, name: str, timeout: float = math.inf) -> None:
        self.name = name
        self.cancelled = False
        self._worker = worker
        self._timeout = timeout
        self._deadline = current_time() + timeout
        self._is_working = False
        self._error: BaseException | None = None

    @abstractmethod
    def run(self) -> None:
        """Do it, in the thread."""

    @abstractmethod
    def finish(self, error: BaseException | None) -> bool:
        """Take the outcome; False when nobody is there to hear of it."""

    def give_up(self) -> None:
        """Nobody wants the outcome any more."""
        self.cancelled = True

    def set_working(self, is_working: bool) -> None:  # noqa: FBT001
        """Virtual time stands still while the thread works, and moves while it waits for the reader of a stream."""
        if is_working != self._is_working:
            self._is_working = is_working
            (outside.begin if is_working else outside.end)()

    @contextmanager
    def limit(self) -> Generator[None]:
        """Raises `DeadlineExceeded` when the job's time is over before the block is."""
        with CancelScope(deadline=self._deadline) as scope:
            yield
        if scope.cancelled_caught:
            raise DeadlineExceeded(self._worker, self.name, self._timeout)

    def raise_error(self) -> None:
        """Raises the error of the outcome, once."""
        if self._error is not None:
            try:
                raise self._error
            finally:
                self._error = None  # or its traceback, this frame and this job would refer to each other


class CallJob(Job, Generic[R]):
    """A function that runs once."""

    _result: R

    def __init__(self, fn: Callable[[], R], worker: str, name: str, timeout: float = math.inf) -> None:
        super().__init__(worker, name, timeout)
        self._fn = fn
        self._done = Event()

    def run(self) -> None:
        """Call the function."""
        self._result = self._fn()

    def finish(self, error: BaseException | None) -> bool:
        """Wake the caller, if there still is one."""
        is_heard = self._done.statistics().tasks_waiting > 0
        self._error = error
        self._done.set()
        return is_heard

    async def outcome(self) -> R:
        """Wait for the result, or raise the error. Cancelling is safe."""
        with self.limit():
            await self._done.wait()
        self.raise_error()
        return self._result


class StreamJob(Job, AsyncIterator[R]):
    """A generator whose items are handed over one by one; it is at most `buffer` items ahead of the reader."""

    def __init__(
        self,
        fn: Callable[[], Iterable[R]],
        post: Callable[[Callable[[], object]], None],
        buffer: int,
        worker: str,
        name: str,
        timeout: float,
    ) -> None:
        if buffer < 1:
            raise ValueError(f"buffer is {buffer}: it has to be at least 1, for the item on its way")
        super().__init__(worker, name, timeout)
        self._fn = fn
        self._post = post
        self._buffer = buffer
        self._items: deque[R] = deque()
        self._news = Event()
        self._finished = False
        self._room: SimpleQueue[None] = SimpleQueue()  # one entry for each item that the thread may still make
        for _ in range(buffer):
            self._room.put(None)

    def run(self) -> None:
        """Iterate, as far as there is room."""
        items = iter(self._fn())
        try:
            while True:
                self._room.get()
                if self.cancelled:
                    return
                try:
                    item = next(items)
                except StopIteration:
                    return
                self._post(partial(self._deliver, item))
                del item
        finally:
            if isinstance(items, Generator):
                items.close()

    def _deliver(self, item: R) -> None:
        self._items.append(item)
        self._news.set()
        self.set_working(len(self._items) < self._buffer)

    def finish(self, error: BaseException | None) -> bool:
        """End the stream; the reader gets what is in the buffer first."""
        self._finished = True
        self._error = error
        self._news.set()
        return not self.cancelled

    def give_up(self) -> None:
        """Also wakes the thread, which may wait for room."""
        super().give_up()
        self._room.put(None)

    async def __anext__(self) -> R:
        with self.limit():
            await checkpoint()
            while not self._items and not self._finished:
                if self._news.is_set():
                    self._news = Event()
                await self._news.wait()
        if self._items:
            item = self._items.popleft()
            if not self._finished:
                self._room.put(None)
                self.set_working(True)
            return item
        self.raise_error()
        raise StopAsyncIteration
