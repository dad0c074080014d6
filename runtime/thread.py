"""A thread of its own for an object that may only be used in one thread: a decoder, a model, a database connection.

The object is made, used and closed in that thread, and nowhere else. Calls run there one at a time, in the order in
which they were made. A thread can't be killed: a caller that is cancelled leaves at once, its call goes on until it
notices (`ThreadWorker.cancelled`), and what it returns is dropped.
"""

import math
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Generic, TypeVar, TypeVarTuple

from anyio import RunFinishedError, Semaphore, move_on_after
from anyio.lowlevel import current_token
from msgspec import Struct

from . import outside
from .errors import RuntimeFault
from .events import ErrorSuppressed, log
from .thread_jobs import CallJob, Job, StreamJob

T = TypeVar("T")
U = TypeVar("U")
R = TypeVar("R")
Args = TypeVarTuple("Args")


class WorkerClosed(RuntimeFault):
    """The thread worker was closed before this call was done."""


class ThreadStuck(RuntimeFault):
    """A thread did not end in the time it had. It can't be killed, so it goes on."""

    def __init__(self, worker: str, running: str | None, grace: float) -> None:
        super().__init__(worker, running, grace)
        self.worker = worker
        self.running = running
        self.grace = grace

    def __str__(self) -> str:
        return (
            f"thread {self.worker!r} would not stop: {self.running} went on for {self.grace:g} s after it was "
            "cancelled. A long function should ask ThreadWorker.cancelled() now and then, and return."
        )


class ThreadStatistics(Struct, frozen=True):
    """A snapshot of one worker."""

    running: str | None
    """The function that the thread runs."""
    queued: int
    """Calls behind it."""
    waiting: int
    """Callers who wait for room in the queue."""


class ThreadWorker(Generic[T]):
    """Owns one object in one thread; made by `ThreadWorker.open`.

    All methods but `cancelled` are for the event loop in which the worker was opened.
    """

    _object: T  # only the thread touches it

    def __init__(self, name: str, capacity: int) -> None:
        if capacity < 1:
            raise ValueError(f"capacity is {capacity}: it has to be at least 1, for the call that runs")
        self._name = name
        self._token = current_token()
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._unfinished: dict[Job, None] = {}  # a set in the order of the queue: the first one runs
        self._running: Job | None = None  # the same one, as the thread sees it
        self._places = Semaphore(capacity - 1)  # one less: making the object takes the first place
        self._closing = False

    @staticmethod
    @asynccontextmanager
    async def open(
        factory: Callable[[], U],
        *,
        name: str,
        close: Callable[[U], object] | None = None,
        capacity: int = 16,
        grace: float = 5.0,
    ) -> AsyncGenerator["ThreadWorker[U]"]:
        """Start a thread and make the object in it; at the end of the block close the object and end the thread.

        Calls that still run or wait at the end fail; the running one is told, and the thread has `grace` seconds to
        finish it and close the object. It is a daemon thread: the process can end although the thread does not.

        Cancelling is safe. While `factory` runs nobody waits for it: the thread closes what it made, and ends.

        Args:
            factory: Makes the object, in the thread.
            name: Name of the thread, and of the worker in errors.
            close: Closes the object, in the thread.
            capacity: How many calls may run or be queued, at least 1; the caller of one more waits.
            grace: Seconds for the running call and for `close` at the end.

        Raises:
            ThreadStuck: The thread did not finish in its grace.
            BaseException: Whatever `factory` or `close` raised.
        """
        worker = ThreadWorker[U](name, capacity)
        thread = Thread(target=worker._main, name=name, daemon=True)
        thread.start()
        outside.threads.add(thread)
        making = CallJob(lambda: worker._make(factory), name, _name(factory))
        worker._enqueue(making)
        try:
            await making.outcome()
            yield worker
        finally:
            closing = CallJob(lambda: worker._close(close), name, "close")
            worker._shut(closing)
            if making not in worker._unfinished:
                with move_on_after(grace, shield=True):
                    await closing.outcome()
                worker._give_up_if_stuck(grace)

    async def call(self, fn: Callable[[T, *Args], R], *args: *Args, timeout: float = math.inf) -> R:
        """Run `fn(object, *args)` in the thread and return its result.

        Cancelling is safe: a call that is still queued never runs; one that runs goes on, and its result is dropped.

        Args:
            fn: A plain function; its first argument is the worker's object.
            *args: Its other arguments.
            timeout: Seconds from now, time in the queue included, until the caller gives up.

        Raises:
            DeadlineExceeded: `timeout` passed.
            WorkerClosed: The worker was closed before the call was done.
            BaseException: Whatever `fn` raised, with its traceback.
        """
        job = CallJob(lambda: fn(self._object, *args), self._name, _name(fn), timeout)
        await self._submit(job)
        try:
            return await job.outcome()
        finally:
            job.give_up()

    @asynccontextmanager
    async def stream(
        self, fn: Callable[[T, *Args], Iterable[R]], *args: *Args, buffer: int = 16, timeout: float = math.inf
    ) -> AsyncGenerator[AsyncIterator[R]]:
        """Run `fn(object, *args)`, usually a generator function, in the thread and iterate over its items here.

        The thread makes at most `buffer` items ahead of the reader, then it waits; other calls wait behind it.
        At the end of the block the generator is closed, in the thread and before the next call runs.

        Cancelling is safe, and does the same as leaving the block.

        Args:
            fn: A plain function that returns an iterable; its first argument is the worker's object.
            *args: Its other arguments.
            buffer: How many items the thread may be ahead, at least 1.
            timeout: Seconds from now until taking an item fails.

        Raises:
            DeadlineExceeded: `timeout` passed, here or in the iterator.
            WorkerClosed: The worker was closed before the last item, here or in the iterator.
            BaseException: In the iterator: whatever `fn` or a step of it raised, with its traceback.
        """
        job = StreamJob(lambda: fn(self._object, *args), self._post, buffer, self._name, _name(fn), timeout)
        await self._submit(job)
        try:
            yield job
        finally:
            job.give_up()

    def cancelled(self) -> bool:
        """For the function that runs in the thread: whether nobody waits for its result any more.

        A function that takes long asks now and then, and returns early; what it returns then is dropped.
        """
        return self._running is not None and self._running.cancelled

    def statistics(self) -> ThreadStatistics:
        """What the thread does, and what waits for it."""
        jobs = list(self._unfinished)
        return ThreadStatistics(
            running=jobs[0].name if jobs else None,
            queued=sum(not job.cancelled for job in jobs[1:]),
            waiting=self._places.statistics().tasks_waiting,
        )

    async def _submit(self, job: Job) -> None:
        with job.limit():
            await self._places.acquire()
        if self._closing:
            self._places.release()
            raise WorkerClosed(self._name)
        self._enqueue(job)

    def _enqueue(self, job: Job) -> None:
        self._unfinished[job] = None
        job.set_working(True)
        self._jobs.put(job)

    def _finish(self, job: Job, error: BaseException | None) -> None:
        """The thread is done with this job."""
        if job not in self._unfinished:
            return  # too late: its caller was told that the thread is stuck
        del self._unfinished[job]
        self._places.release()
        job.set_working(False)
        if error is None and job.cancelled:  # done, or left early because it was cancelled: who knows
            error = WorkerClosed(self._name)
        is_heard = job.finish(error)
        if error is not None and not is_heard and not isinstance(error, RuntimeFault):
            log(ErrorSuppressed.of(self._name, error))

    def _shut(self, closing: Job) -> None:
        self._closing = True
        for job in self._unfinished:
            job.give_up()
        self._enqueue(closing)
        self._jobs.put(None)

    def _give_up_if_stuck(self, grace: float) -> None:
        if self._unfinished:
            running = self.statistics().running
            for job in list(self._unfinished):
                self._finish(job, ThreadStuck(self._name, running, grace))
            raise ThreadStuck(self._name, running, grace)

    # In the thread:

    def _main(self) -> None:
        for job in iter(self._jobs.get, None):
            self._running = job
            error = None if job.cancelled else _error_of(job.run)
            self._running = None
            self._post(partial(self._finish, job, error))
            del job, error  # or the last result would live until the next call

    def _make(self, factory: Callable[[], T]) -> None:
        self._object = factory()

    def _close(self, close: Callable[[T], object] | None) -> None:
        if hasattr(self, "_object"):  # else it could not be made
            if close is not None:
                close(self._object)
            del self._object

    def _post(self, fn: Callable[[], object]) -> None:
        """Call a function in the event loop, soon and in order."""
        with suppress(RunFinishedError):  # the loop is gone, and with it everybody who could wait for this
            self._token.backend_class.run_sync_soon(fn, (), self._token.native_token)


def _name(fn: object) -> str:
    return getattr(fn, "__qualname__", type(fn).__qualname__)


def _error_of(fn: Callable[[], object]) -> BaseException | None:
    """What the function raised: all errors travel to the event loop and are raised there."""
    try:
        fn()
    except BaseException as error:
        return error
    return None
